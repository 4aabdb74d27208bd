/* Keys of records: the first byte chooses a rule, a NUL ends its text, the rest is the record.
 * A key that is found is a partition key; what the path scanner finds in JSON, the decoder does. */
#include <stdbool.h>
#include <string.h>

#include "backend/base/record.h"
#include "backend/base/utf8.h"
#include "backend/base/value.h"
#include "fs/json_path.h"
#include "fs/key.h"
#include "tests/fuzz/fuzz.h"

/* The first member of a name, which is what the scanner finds. */
static const struct kfs_value *first_member(const struct kfs_value *map, const char *name, size_t len)
{
    for (size_t i = 0; map->type == KFS_VALUE_MAP && i < map->n; i++) {
        if (map->items[i].key.len == len && memcmp(map->items[i].key.data, name, len) == 0)
            return &map->items[i];
    }
    return NULL;
}

/* Where the record is JSON, and no name has an escape. */
static void check_path(const char *path, struct kfs_bytes data)
{
    struct kfs_arena *arena = kfs_arena_new((size_t)8 << 20);
    const struct kfs_value *at;
    struct kfs_value value;
    struct kfs_bytes found;
    bool escaped;

    REQUIRE(arena != NULL);
    bool there = kfs_json_path(data, path, &found, &escaped);
    REQUIRE(!there || ((const char *)found.data >= (const char *)data.data &&
                       (const char *)found.data + found.len <= (const char *)data.data + data.len));
    if (data.len > 0 && memchr(data.data, '\\', data.len) == NULL && kfs_json_decode(arena, data, &value) == 0) {
        at = &value;
        for (const char *name = path; at != NULL; name += strcspn(name, ".") + 1) {
            size_t len = strcspn(name, ".");
            at = first_member(at, name, len);
            if (name[len] == '\0')
                break;
        }
        REQUIRE(there == (at != NULL && (at->type == KFS_VALUE_STRING || at->type == KFS_VALUE_NUMBER)));
        REQUIRE(!there || at->type == KFS_VALUE_NUMBER ||
                (at->bytes.len == found.len && memcmp(at->bytes.data, found.data, found.len) == 0));
    }
    kfs_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
    char room[KFS_PARTITION_KEY_BYTES_MAX];
    struct kfs_key_rule rule;
    struct kfs_keyer keyer;
    struct kfs_bytes key;
    struct kfs_bytes record = {NULL, 0};

    if (end == NULL)
        return 0;
    record = (struct kfs_bytes){end + 1, size - (size_t)(end - data) - 1};
    int rc = kfs_keyfrom_parse((struct kfs_bytes){data, (size_t)(end - data)}, &rule, NULL);
    if (rc != 0)
        return 0;
    REQUIRE(kfs_keyer_init(&keyer, &rule, NULL) == 0);
    if (kfs_keyer_find(&keyer, record, room, &key))
        REQUIRE(key.len >= 1 && key.len <= KFS_PARTITION_KEY_BYTES_MAX && kfs_utf8_valid(key.data, key.len) &&
                kfs_utf8_count(key.data, key.len) <= KFS_PARTITION_KEY_CHARS_MAX);
    kfs_keyer_release(&keyer);
    if (rule.type == KFS_KEY_JSON)
        check_path(rule.text, record);
    return 0;
}
