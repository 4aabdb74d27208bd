/* Answers of an endpoint, and the slots of a spool's position: nothing that comes out breaks a rule. */
#include <errno.h>
#include <string.h>

#include "backend/kinesis/acked.h"
#include "backend/kinesis/reply.h"
#include "tests/fuzz/fuzz.h"

#define ARENA_BYTES ((size_t)1 << 20)
#define ENTRIES_MAX 500

static void try_slot(const uint8_t *data)
{
    uint8_t again[REMOTE_ACKED_SIZE];
    struct remote_acked acked;

    if (!remote_acked_decode(data, &acked))
        return;
    remote_acked_encode(&acked, again);
    REQUIRE(memcmp(again, data, sizeof again) == 0);
}

static void try_get(const struct kfs_value *value)
{
    struct kfs_seq last = {{0}};
    struct remote_got got;
    struct kfs_buf data;

    kfs_buf_init(&data, ARENA_BYTES);
    if (remote_answer_get(value, &last, &data, &got) == 0) {
        for (size_t i = 0; i < got.n; i++) {
            REQUIRE(kfs_seq_cmp(&got.records[i].seq, &last) > 0);
            last = got.records[i].seq;
            REQUIRE(got.records[i].key.len <= KFS_PARTITION_KEY_BYTES_MAX);
            REQUIRE(got.records[i].data.len <= KFS_RECORD_BYTES_MAX);
        }
        REQUIRE(got.n <= got.listed);
        free(got.records);
    }
    kfs_buf_release(&data);
}

static void try_shard(const struct kfs_value *value)
{
    struct kfs_shard_info info;

    if (remote_answer_shard(value, &info) != 0)
        return;
    REQUIRE(info.index <= KFS_SHARD_INDEX_MAX && info.range.start <= info.range.end);
    REQUIRE(info.closed == !kfs_seq_is_none(&info.ending));
    REQUIRE(info.parent != KFS_NO_SHARD || info.adjacent_parent == KFS_NO_SHARD);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct remote_entry entries[ENTRIES_MAX];
    struct kfs_arena *arena = kfs_arena_new(ARENA_BYTES);
    struct kfs_value value = {0};

    REQUIRE(arena != NULL);
    if (size >= REMOTE_ACKED_SIZE)
        try_slot(data);
    if (kfs_json_decode(arena, (struct kfs_bytes){data, size}, &value) == 0 && value.type == KFS_VALUE_MAP) {
        for (size_t n = 0; n < 3; n++)
            if (remote_answer_put(&value, entries, n) == 0)
                for (size_t i = 0; i < n; i++)
                    REQUIRE((entries[i].code[0] != '\0') == kfs_seq_is_none(&entries[i].seq));
        try_get(&value);
        try_shard(&value);
    }
    kfs_arena_free(arena);
    return 0;
}
