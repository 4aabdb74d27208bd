/* Whatever is damaged in a store is found; a repair loses no more than it says,
 * and nothing that is whole. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/logger.h"
#include "backend/log/format.h"
#include "tests/support/fsckcheck.h"

static struct fw_model model;
static size_t damaged;     /* records lost in a test: it shows that the test does something */
static size_t stride = 97; /* of the bytes that are flipped; 1 where KFS_SOAK is set */

/* A file of a shard. */
struct victim {
    const char *path;
    char *data;
    size_t size;
    uint32_t shard;
    uint64_t base;
    bool is_index;
};

static struct victim open_victim(const char *path)
{
    struct victim v = {.path = path};
    const char *name = strrchr(path, '/');

    v.data = fw_get(model.disk, path, &v.size);
    assert_non_null(v.data);
    v.shard = strstr(path, "shardId-000000000001") != NULL ? 1 : 0;
    v.base = name != NULL ? strtoull(name + 1, NULL, 10) : 0;
    v.is_index = strstr(path, ".index") != NULL;
    return v;
}

/* The offset in the shard of the record whose entry holds a byte of an index, or of the
 * first in a block of which the header does; UINT64_MAX where no entry is there. end is where the block's records do.
 */
static uint64_t entry_at(const struct victim *v, size_t at, uint64_t *end)
{
    const uint8_t *page = (const uint8_t *)v->data + at / KFS_PAGE * KFS_PAGE;
    size_t valid = v->size - at / KFS_PAGE * KFS_PAGE;
    struct kfs_segment_header header;
    struct kfs_place place;
    struct kfs_entry entry;
    uint64_t found = UINT64_MAX;

    assert_int_equal(kfs_header_decode((const uint8_t *)v->data, &header), 0);
    assert_int_equal(kfs_block_decode(page, header.salt, &place), 0);
    valid = valid < KFS_PAGE ? valid : KFS_PAGE;
    for (size_t e = KFS_BLOCK_HEADER; kfs_entry_decode(page, e, valid, &entry) == 1; e += entry.size) {
        if (found == UINT64_MAX && at % KFS_PAGE < e + entry.size)
            found = v->base + place.data_offset;
        place.data_offset += (uint64_t)entry.length + 1;
    }
    *end = v->base + place.data_offset;
    return found;
}

/* What one wrong byte may cost. */
static void flip(const struct victim *v, size_t at, uint8_t mask)
{
    struct simdisk *disk = simdisk_kill(model.disk);
    const struct fw_record *lost = NULL;

    (void)snprintf(fw_note, sizeof fw_note, "%s: byte %zu ^ %#x", v->path, at, mask);
    fw_flip(disk, v->path, at, mask);
    size_t n = fw_repair(&model, disk, &lost);
    damaged += n;
    if (!v->is_index) {
        FW_CHECK(NULL, n <= 1);
        FW_CHECK(NULL, lost == NULL || (lost->shard == v->shard && lost->offset <= v->base + at &&
                                        v->base + at <= lost->offset + lost->len));
    } else if (at < KFS_PAGE) {
        FW_CHECK(NULL, n == 0);
    } else if (n > 0) {
        uint64_t end;
        uint64_t first = entry_at(v, at, &end);
        FW_CHECK(NULL, lost->shard == v->shard && lost->offset >= first && lost->offset < end);
        for (size_t i = 0; i < n; i++)
            FW_CHECK(NULL, lost[i].shard == v->shard && lost[i].offset < end);
    }
}

static bool is_shard_file(const char *path)
{
    return strstr(path, ".data") != NULL || strstr(path, ".index") != NULL;
}

static void a_sound_store_is_left_alone(void **state)
{
    static struct fw_fsck f;
    struct simdisk *disk = simdisk_kill(model.disk);
    uint64_t changes = simdisk_changes(disk);

    (void)state;
    fw_fsck(disk, KFS_FSCK_REPAIR, &f);
    FW_CHECK(&f, f.status == 0 && f.findings == 0);
    FW_CHECK(&f, simdisk_changes(disk) - changes == 2); /* the lock */
    assert_int_equal(f.totals.shards, FW_SHARDS);
    simdisk_free(disk);
}

static void flip_all_of(const struct victim *v)
{
    for (size_t at = 0; at < v->size; at += stride) {
        flip(v, at, 0xff);
        flip(v, at, (uint8_t)(1U << at % 8));
    }
    if (!v->is_index)
        return;
    for (size_t at = 0; at < 64; at += 3)
        flip(v, at, 0x10);
    for (size_t at = 512; at < 560; at += 3) {
        flip(v, at, 0x10);
        flip(v, at + 512, 0x10);
    }
    for (size_t at = KFS_PAGE; at < v->size && at < KFS_PAGE + 150; at += 2)
        flip(v, at, 0x10);
}

static void for_each_file(void (*what)(const struct victim *v))
{
    struct fw_paths paths;

    fw_list(model.disk, &paths);
    for (size_t i = 0; i < paths.n; i++) {
        if (!is_shard_file(paths.paths[i]))
            continue;
        struct victim v = open_victim(paths.paths[i]);
        what(&v);
        free(v.data);
    }
}

static void flipped_bytes(void **state)
{
    (void)state;
    damaged = 0;
    for_each_file(flip_all_of);
    assert_true(damaged > 50);
}

/* Replaces a file, and sees to it that no other segment loses anything. NULL removes it. */
static void put(const struct victim *v, const char *data, size_t size)
{
    struct simdisk *disk = simdisk_kill(model.disk);
    const struct fw_record *lost = NULL;
    struct fw_paths paths;
    uint64_t end = UINT64_MAX;

    fw_list(disk, &paths);
    for (size_t i = 0; i < paths.n; i++) {
        const struct victim other = {.path = paths.paths[i]};
        const char *name = strrchr(other.path, '/');
        uint64_t base = name != NULL ? strtoull(name + 1, NULL, 10) : 0;
        bool same_shard = strstr(other.path, v->shard == 0 ? FW_SHARD0 : FW_SHARD1) != NULL;
        if (same_shard && base > v->base && base < end)
            end = base;
    }
    if (data != NULL)
        fw_put(disk, v->path, data, size);
    else
        fw_remove(disk, v->path);
    size_t n = fw_repair(&model, disk, &lost);
    for (size_t i = 0; i < n; i++)
        FW_CHECK(NULL, lost[i].shard == v->shard && lost[i].offset >= v->base && lost[i].offset < end);
    damaged += n;
}

static void put_all_of(const struct victim *v)
{
    char *more = malloc(v->size + 5000);

    assert_non_null(more);
    (void)snprintf(fw_note, sizeof fw_note, "%s removed", v->path);
    put(v, NULL, 0);
    memcpy(more, v->data, v->size);
    for (int i = 0; i < 2; i++) {
        memset(more + v->size, i == 0 ? 0 : 'x', 5000);
        (void)snprintf(fw_note, sizeof fw_note, "%s: 5000 bytes more, kind %d", v->path, i);
        put(v, more, v->size + 5000);
    }
    free(more);
    for (size_t at = 0; at < v->size; at += at % KFS_PAGE == 0 ? 1 : 3 * stride) {
        (void)snprintf(fw_note, sizeof fw_note, "%s cut to %zu", v->path, at);
        put(v, v->data, at);
    }
}

static void files_cut_grown_and_removed(void **state)
{
    (void)state;
    damaged = 0;
    for_each_file(put_all_of);
    assert_true(damaged > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_store_is_left_alone),
        cmocka_unit_test(flipped_bytes),
        cmocka_unit_test(files_cut_grown_and_removed),
    };

    kfs_log_setup(KFS_LOG_TO_STDERR, KFS_LOG_ERROR);
    if (getenv("KFS_SOAK") != NULL)
        stride = 1;
    fw_model_init(&model, fw_build(), FW_UNSYNCED);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    fw_model_release(&model);
    return rc;
}
