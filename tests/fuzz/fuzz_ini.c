/* The files of AWS's tools: whatever is in them, an item has a section and a name without blanks around it. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "backend/kinesis/ini.h"
#include "tests/fuzz/fuzz.h"

static bool edge(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int check(void *arg, const struct kfs_ini_item *item)
{
    const size_t *bytes = arg;
    const char *name = item->name.data;

    REQUIRE(item->name.len > 0 && !edge(name[0]) && !edge(name[item->name.len - 1]));
    REQUIRE(item->section.len <= *bytes && item->value.len <= *bytes && item->sub.len <= *bytes);
    REQUIRE(memchr(name, '\n', item->name.len) == NULL);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned line = 0;
    int rc = kfs_ini_parse((struct kfs_bytes){data, size}, check, &size, &line);

    REQUIRE(rc == 0 ? line == 0 : rc == -EINVAL && line > 0);
    return 0;
}
