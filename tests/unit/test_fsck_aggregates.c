/* The mark of a shard that has aggregates: what fsck finds wrong with it, and where a repair puts it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/crc32c.h"
#include "backend/base/logger.h"
#include "tests/support/fsckcheck.h"

#define MARK FW_SHARD0 "aggregates"

static struct fw_fsck f;

static bool said(const char *text)
{
    return strstr(f.log, text) != NULL;
}

static void print_mark(uint64_t offset, char line[64])
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, offset);

    (void)snprintf(line, 64, "%s %08" PRIx32 "\n", digits, kfs_crc32c(0, digits, (size_t)len));
}

static void assert_mark(struct simdisk *disk, uint64_t offset)
{
    char line[64];
    size_t size;
    char *text = fw_get(disk, MARK, &size);

    print_mark(offset, line);
    FW_CHECK(&f, text != NULL && size == strlen(line) && memcmp(text, line, size) == 0);
    free(text);
}

/* The offset of the first aggregate. */
static uint64_t aggregate_at(struct simdisk *disk)
{
    struct fw_records got;

    fw_read(disk, &got);
    FW_CHECK(&f, got.error == 0 && got.n > FW_AGGREGATE);
    uint64_t offset = got.records[FW_AGGREGATE].offset;
    fw_free(&got);
    return offset;
}

static void repair(struct simdisk *disk, const char *finding)
{
    static struct fw_fsck again;

    fw_fsck(disk, KFS_FSCK_REPAIR, &f);
    FW_CHECK(&f, f.status == KFS_FSCK_REPAIRED && said(finding));
    fw_fsck(disk, KFS_FSCK_CHECK, &again);
    FW_CHECK(&again, again.status == 0 && again.findings == 0);
}

static void a_sound_mark_is_left_alone(void **state)
{
    struct simdisk *disk = fw_build_aggregates();

    (void)state;
    fw_fsck(disk, KFS_FSCK_REPAIR, &f);
    FW_CHECK(&f, f.status == 0 && f.findings == 0);
    assert_mark(disk, aggregate_at(disk));
    simdisk_free(disk);
}

/* It may be lower than it has to be: it was written, and the append failed. */
static void a_low_mark_is_sound(void **state)
{
    struct simdisk *disk = fw_build_aggregates();
    char line[64];

    (void)state;
    print_mark(0, line);
    fw_put(disk, MARK, line, strlen(line));
    fw_fsck(disk, KFS_FSCK_CHECK, &f);
    FW_CHECK(&f, f.status == 0 && f.findings == 0);
    simdisk_free(disk);
}

static void a_wrong_mark_is_made_again(void **state)
{
    char high[64];
    const char *const texts[] = {"", "7", "700 00000000\n", high};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct simdisk *disk = fw_build_aggregates();
        uint64_t offset = aggregate_at(disk);
        print_mark(offset + 1, high);
        fw_put(disk, MARK, texts[i], strlen(texts[i]));
        repair(disk, texts[i] == high ? "is not taken apart" : "aggregates: damaged");
        assert_mark(disk, offset);
        FW_CHECK(&f, !f.lost_unknown && f.n_lost == 0);
        simdisk_free(disk);
    }
    struct simdisk *disk = fw_build_aggregates();
    fw_remove(disk, MARK);
    repair(disk, "is not taken apart");
    assert_mark(disk, aggregate_at(disk));
    simdisk_free(disk);
}

/* Offsets behind lost records become smaller, and the mark's with them. */
static void it_moves_with_the_records(void **state)
{
    struct simdisk *disk = fw_build_aggregates();
    uint64_t before = aggregate_at(disk);
    struct fw_records got;

    (void)state;
    fw_flip(disk, FW_SHARD0 "00000000000000000000.data", 10, 1);
    repair(disk, "damaged");
    fw_read(disk, &got);
    uint64_t after = got.records[FW_AGGREGATE - 1].offset;
    fw_free(&got);
    FW_CHECK(&f, f.n_lost == 1 && after < before);
    assert_mark(disk, after);
    simdisk_free(disk);
}

/* What was an aggregate of several lines is so many records: the mark stays below them. */
static void it_stays_where_lines_are_made_records(void **state)
{
    struct simdisk *disk = fw_build_aggregates();
    uint64_t before = aggregate_at(disk);
    struct fw_paths files;

    (void)state;
    fw_list(disk, &files);
    for (size_t i = 0; i < files.n; i++) {
        if (strstr(files.paths[i], ".index") != NULL)
            fw_remove(disk, files.paths[i]);
    }
    repair(disk, "made again from the lines");
    assert_mark(disk, before);
    simdisk_free(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_mark_is_left_alone),
        cmocka_unit_test(a_low_mark_is_sound),
        cmocka_unit_test(a_wrong_mark_is_made_again),
        cmocka_unit_test(it_moves_with_the_records),
        cmocka_unit_test(it_stays_where_lines_are_made_records),
    };

    kfs_log_setup(KFS_LOG_TO_STDERR, KFS_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
