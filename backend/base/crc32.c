#include "backend/base/crc32.h"

#include <pthread.h>

#include "backend/base/crc_table.h"

#define POLYNOMIAL 0xedb88320U /* bits reflected */

/* Filled under once, read only after it. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct kfs_crc_table table;

static void fill(void)
{
    kfs_crc_table_fill(&table, POLYNOMIAL);
}

uint32_t kfs_crc32(uint32_t crc, const void *data, size_t len)
{
    (void)pthread_once(&once, fill);
    return ~kfs_crc_update(&table, ~crc, data, len);
}
