/* Stores that no accident makes: checksums fit, values do not; pages written to the wrong
 * place; and what can still be read beside damage. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/crc32c.h"
#include "backend/base/logger.h"
#include "tests/support/logseal.h"
#include "tests/support/logworld.h"

#define INDEX_0 "00000000000000000000.index"
#define DATA_0 "00000000000000000000.data"
#define SLOT_0 512U
#define SLOT_1 1024U
#define CALLS_MAX 2000 /* of reading any log of this file once, by far */

/* A log made by a script, killed, with one file taken out to be changed. */
struct victim {
    struct world w;
    const char *name;
    uint8_t *data;
    size_t size;
};

static void begin(struct victim *v, const char *script, uint64_t segment_bytes, const char *name)
{
    v->name = name;
    world_init(&v->w, simdisk_new(), segment_bytes);
    world_open(&v->w);
    for (const char *p = script; *p != '\0'; p++)
        world_step(&v->w, *p);
    (void)world_close(&v->w);
    const char *data = simdisk_look(v->w.disk, name, &v->size);
    assert_non_null(data);
    v->data = malloc(v->size);
    assert_non_null(v->data);
    memcpy(v->data, data, v->size);
}

/* Puts the changed file back, with these checksums made to fit, and opens the log. */
static void reopen(struct victim *v, unsigned int seal)
{
    char name[64];
    size_t size = 0;

    (void)snprintf(name, sizeof name, "%.20s.data", v->name);
    const char *data = simdisk_look(v->w.disk, name, &size);
    logseal(v->data, v->size, (struct kfs_bytes){data, size}, seal);
    simdisk_put(v->w.disk, v->name, v->data, v->size);
    assert_int_equal(world_try_open(&v->w), 0);
}

static void end(struct victim *v)
{
    free(v->data);
    world_release(&v->w);
}

static void put64(uint8_t *p, uint64_t value)
{
    for (size_t i = 0; i < 8; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

/* Reads all there is by record and by byte; returns how many records there were. */
static size_t read_all(struct world *w)
{
    struct kfs_limit limit = {1000, 1U << 20};
    struct kfs_log_extent extent;
    struct kfs_log_reader *reader;
    struct kfs_batch batch;
    size_t n = 0;
    char bytes[100];
    uint64_t before = simdisk_count(w->disk, SIMDISK_ANY);

    kfs_log_extent(w->log, &extent);
    assert_true(extent.kept <= extent.horizon && extent.horizon <= extent.end);
    assert_int_equal(kfs_log_reader_open(w->log, &reader), 0);
    kfs_batch_init(&batch);
    for (size_t i = 0; i < w->n; i++) {
        uint64_t at = w->records[i].offset;
        int rc = kfs_log_read(reader, at, &limit, &batch, &w->err);
        assert_true(rc == 0 || rc == -EIO || (rc == -ESTALE && at < extent.kept));
        n += rc == 0 && batch.n > 0 && batch.records[0].offset == at;
        assert_false(rc == 0 && batch.n > 0 && batch.records[0].offset > at && at >= extent.horizon);
        ssize_t got = kfs_log_read_bytes(reader, at, bytes, sizeof bytes, &w->err);
        assert_true(got <= (ssize_t)sizeof bytes && got >= -ESTALE);
    }
    kfs_batch_release(&batch);
    kfs_log_reader_close(reader);
    assert_true(simdisk_count(w->disk, SIMDISK_ANY) - before < CALLS_MAX * (w->n + 1));
    return n;
}

static bool is_damaged(struct world *w)
{
    return kfs_log_damage(w->log, NULL) != 0;
}

/* ---- */

static void sizes_beyond_all_bounds_are_damage(void **state)
{
    static const struct {
        size_t at;
        unsigned int seal;
    } fields[] = {
        {8, LOGSEAL_HEADER},         {16, LOGSEAL_HEADER},         {24, LOGSEAL_HEADER},
        {KFS_PAGE + 8, LOGSEAL_ALL}, {KFS_PAGE + 16, LOGSEAL_ALL}, {KFS_PAGE + 24, LOGSEAL_ALL},
    };
    static const uint64_t values[] = {KFS_VALUE_END, UINT64_C(1) << 63, UINT64_MAX - 7, UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        for (size_t k = 0; k < sizeof values / sizeof values[0]; k++) {
            struct victim v;
            begin(&v, "aasaas", 1000, INDEX_0);
            put64(v.data + fields[i].at, values[k]);
            reopen(&v, fields[i].seal);
            assert_true(is_damaged(&v.w));
            assert_int_equal(read_all(&v.w), 0);
            end(&v);
        }
    }
}

/* A sealed segment's size is believed: looking for its last page must not take for ever. */
static void an_index_that_claims_any_size_is_searched_quickly(void **state)
{
    static const uint64_t sizes[] = {UINT64_C(1) << 40, KFS_VALUE_END - 1, UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct victim v;
        begin(&v, "aaasaaasas", 60, INDEX_0);
        put64(v.data + SLOT_0 + 16, sizes[i]);
        put64(v.data + SLOT_1 + 16, sizes[i]);
        reopen(&v, LOGSEAL_CHECKPOINTS);
        (void)read_all(&v.w);
        end(&v);
    }
}

/* The next checkpoint would be written over the only valid one. */
static void a_checkpoint_in_the_other_slot_does_not_count(void **state)
{
    struct kfs_segment_header header;
    struct kfs_checkpoint cp;
    struct victim v;

    (void)state;
    begin(&v, "aasaas", 1000, INDEX_0);
    assert_int_equal(kfs_header_decode(v.data, &header), 0);
    assert_true(kfs_checkpoint_decode(v.data, header.salt, &cp));
    size_t right = kfs_checkpoint_slot(cp.generation);
    size_t wrong = kfs_checkpoint_slot(cp.generation + 1);
    memcpy(v.data + wrong, v.data + right, KFS_SLOT_SIZE + 4);
    memset(v.data + right, 0, KFS_SLOT_SIZE + 4);
    assert_false(kfs_checkpoint_decode(v.data, header.salt, &cp));
    reopen(&v, 0);
    assert_false(is_damaged(&v.w));
    world_check(&v.w);
    end(&v);
}

static void a_page_in_the_place_of_another_passes_over_nothing(void **state)
{
    (void)state;
    for (size_t from = 1; from < 4; from++) {
        for (size_t to = 1; to < 4; to++) {
            struct victim v;
            if (from == to)
                continue;
            begin(&v, "PPPs", 100000, INDEX_0);
            assert_true(v.size > 4 * (size_t)KFS_PAGE);
            memcpy(v.data + to * KFS_PAGE, v.data + from * KFS_PAGE, KFS_PAGE);
            reopen(&v, 0);
            assert_true(read_all(&v.w) < v.w.n);
            end(&v);
        }
    }
}

static void a_horizon_beyond_all_bounds_is_damage(void **state)
{
    static const char digits[] = "18446744073709551615";
    char text[64];
    struct victim v;

    (void)state;
    int len = snprintf(text, sizeof text, "%s %08x\n", digits, kfs_crc32c(0, digits, sizeof digits - 1));
    begin(&v, "aaasaaasts", 60, "horizon");
    simdisk_put(v.w.disk, "horizon", text, (size_t)len);
    assert_int_equal(world_try_open(&v.w), 0);
    assert_true(is_damaged(&v.w));
    (void)read_all(&v.w);
    end(&v);
}

/* Only what is damaged is lost: records of the segments behind it are read as ever. */
static void what_lies_behind_damage_is_read(void **state)
{
    static const char *const names[] = {INDEX_0, DATA_0, "00000000000000000063.index", "00000000000000000063.data"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct kfs_log_extent extent;
        struct victim v;
        begin(&v, "aaaaaaaas", 60, names[i]); /* three segments of 3, 3 and 2 records */
        simdisk_put(v.w.disk, names[i], NULL, 0);
        assert_int_equal(world_try_open(&v.w), 0);
        kfs_log_extent(v.w.log, &extent);
        assert_int_equal(extent.end, world_end(&v.w));
        assert_int_equal(extent.next_record, 8);
        assert_int_equal(read_all(&v.w), 5);
        assert_int_equal(world_append_one(&v.w, 5), -EIO);
        end(&v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_beyond_all_bounds_are_damage),
        cmocka_unit_test(an_index_that_claims_any_size_is_searched_quickly),
        cmocka_unit_test(a_checkpoint_in_the_other_slot_does_not_count),
        cmocka_unit_test(a_page_in_the_place_of_another_passes_over_nothing),
        cmocka_unit_test(a_horizon_beyond_all_bounds_is_damage),
        cmocka_unit_test(what_lies_behind_damage_is_read),
    };

    kfs_log_setup(KFS_LOG_TO_STDERR, KFS_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
