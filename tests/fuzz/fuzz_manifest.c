/* The text files of a store: the first byte says whether the rest is the file
 * `stream`, `store` or `horizon`. What is accepted can be written, and reads as the same. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backend/local/local_internal.h"
#include "backend/log/log_internal.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/simdisk.h"

#define TEXT_MAX (1U << 20)

static void check_error(int rc, const struct kfs_error *err)
{
    REQUIRE(rc < 0 && err->code == -rc && err->text[0] != '\0');
}

static void check_shards(const struct kfs_topology *t)
{
    REQUIRE(kfs_topology_open_count(t->shards, t->n) > 0);
    for (size_t i = 0; i < t->n; i++) {
        const struct kfs_shard_info *shard = &t->shards[i];
        REQUIRE(shard->index < t->next_index && (i == 0 || shard->index > t->shards[i - 1].index));
        REQUIRE(shard->range.start <= shard->range.end);
        REQUIRE(shard->closed == (shard->closed_ms != 0) && shard->closed == !kfs_seq_is_none(&shard->ending));
        REQUIRE(shard->parent != KFS_NO_SHARD || shard->adjacent_parent == KFS_NO_SHARD);
        REQUIRE(shard->parent == KFS_NO_SHARD || shard->parent < shard->index);
        REQUIRE(shard->adjacent_parent == KFS_NO_SHARD || shard->adjacent_parent < shard->index);
    }
}

static void check_stream(const char *text, size_t len)
{
    struct local_manifest m;
    struct local_manifest again;
    struct kfs_error err = {0};
    struct kfs_buf first;
    struct kfs_buf second;
    int rc = local_manifest_parse(text, len, &m, &err);

    if (rc != 0) {
        check_error(rc, &err);
        local_manifest_release(&m);
        return;
    }
    REQUIRE(kfs_stream_name_valid(m.name) && m.settings.max_record_bytes <= KFS_RECORD_BYTES_MAX);
    check_shards(&m.topology);
    kfs_buf_init(&first, TEXT_MAX);
    kfs_buf_init(&second, TEXT_MAX);
    REQUIRE(local_manifest_print(&m, &first) == 0);
    REQUIRE(local_manifest_parse(first.data, first.len, &again, &err) == 0);
    REQUIRE(local_manifest_print(&again, &second) == 0);
    REQUIRE(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    REQUIRE(again.topology.n == m.topology.n && again.generation == m.generation);
    /* Resizing takes whatever shards there are, or says what is wrong with them. */
    m.topology.stream = m.name;
    m.topology.account = "";
    rc = kfs_topology_resize(&m.topology, 3, &err);
    REQUIRE(rc == 0 || rc == -EIO || rc == -EDQUOT);
    kfs_buf_release(&first);
    kfs_buf_release(&second);
    local_manifest_release(&m);
    local_manifest_release(&again);
}

static void check_store(const char *text, size_t len)
{
    struct local_store store = {.epoch = 7};
    struct local_store again = {.epoch = 0};
    struct kfs_error err = {0};
    struct kfs_buf made;
    int rc = local_identity_parse(text, len, &store, &err);

    if (rc != 0) {
        check_error(rc, &err);
        REQUIRE(store.epoch == 7 && store.id[0] == '\0');
        return;
    }
    REQUIRE(store.epoch <= LOCAL_EPOCH_MAX);
    kfs_buf_init(&made, TEXT_MAX);
    REQUIRE(local_identity_print(&store, &made) == 0);
    REQUIRE(local_identity_parse(made.data, made.len, &again, &err) == 0);
    REQUIRE(again.epoch == store.epoch && strcmp(again.id, store.id) == 0);
    kfs_buf_release(&made);
}

static void check_horizon(const char *text, size_t len)
{
    struct simdisk *disk = simdisk_new();
    const struct kfs_io *io = simdisk_io(disk);
    int dir = simdisk_root(disk);
    uint64_t horizon = 7;
    size_t size;

    simdisk_put(disk, "horizon", text, len);
    int rc = kfs_mark_read(io, dir, KFS_MARK_HORIZON, &horizon);
    REQUIRE(rc == 0 || (rc < 0 && horizon == 7));
    if (rc == 0) {
        REQUIRE(horizon < KFS_VALUE_END && kfs_mark_write(io, dir, KFS_MARK_HORIZON, horizon) == 0);
        const char *made = simdisk_look(disk, "horizon", &size);
        REQUIRE(size == len && memcmp(made, text, len) == 0);
    }
    simdisk_free(disk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    if (data[0] % 4 < 2)
        check_stream(text, size - 1);
    else if (data[0] % 4 == 2)
        check_store(text, size - 1);
    else
        check_horizon(text, size - 1);
    return 0;
}
