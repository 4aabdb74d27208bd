/* The files `horizon` and `aggregates` of a shard: each one line, an offset and its checksum. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/crc32c.h"
#include "backend/log/log_internal.h"

#define LINE_MAX_BYTES 64

static void print_line(uint64_t offset, char line[LINE_MAX_BYTES])
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, offset);

    (void)snprintf(line, LINE_MAX_BYTES, "%s %08" PRIx32 "\n", digits, kfs_crc32c(0, digits, (size_t)len));
}

int kfs_mark_read(const struct kfs_io *io, int dir, const char *name, uint64_t *offset)
{
    char expected[LINE_MAX_BYTES];
    struct kfs_buf line;
    uint64_t value = 0;

    kfs_buf_init(&line, LINE_MAX_BYTES);
    int rc = kfs_io_read_file(io, dir, name, &line);
    if (rc == 0)
        rc = kfs_buf_append(&line, "", 1);
    if (rc == 0) {
        value = strtoull(line.data, NULL, 10); /* anything but the line this prints is refused */
        print_line(value, expected);
        bool same = line.len == strlen(expected) + 1 && strcmp(line.data, expected) == 0;
        rc = value < KFS_VALUE_END && same ? 0 : -EILSEQ;
    }
    if (rc == 0)
        *offset = value;
    kfs_buf_release(&line);
    return rc == -EMSGSIZE ? -EILSEQ : rc;
}

int kfs_mark_write(const struct kfs_io *io, int dir, const char *name, uint64_t offset)
{
    char line[LINE_MAX_BYTES];

    print_line(offset, line);
    return kfs_io_replace(io, dir, name, line, strlen(line));
}
