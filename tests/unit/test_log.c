/* The shard log: random histories against the model, on the simulated disk and on real files. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/logger.h"
#include "backend/log/log_internal.h"
#include "tests/support/logworld.h"
#include "tests/support/tempdir.h"

#define BATCH 12

static void append_random(struct world *w)
{
    size_t lens[BATCH];
    size_t n = 1 + (size_t)simdisk_random(&w->random, BATCH);

    for (size_t i = 0; i < n; i++)
        lens[i] = world_len(w);
    CHECK(w, world_append(w, lens, n) == 0);
}

/* One step of a random history. The clock mostly goes on. */
static void random_step(struct world *w)
{
    switch (simdisk_random(&w->random, 16)) {
    case 0:
        CHECK(w, world_sync(w) == 0);
        CHECK(w, !kfs_log_dirty(w->log));
        break;
    case 1:
        world_reopen(w);
        break;
    case 2:
        w->now_ms -= simdisk_random(&w->random, 5000);
        break;
    case 3:
        CHECK(w, world_trim_size(w, 20000 + simdisk_random(&w->random, 100000)) == 0);
        break;
    case 4:
        CHECK(w, world_trim_age(w, w->now_ms - simdisk_random(&w->random, 20000), false) == 0);
        break;
    default:
        append_random(w);
        w->now_ms += simdisk_random(&w->random, 300);
        break;
    }
}

static void random_history(struct world *w, unsigned int seed, size_t steps)
{
    w->random = seed;
    (void)snprintf(w->note, sizeof w->note, "seed %u", seed);
    world_open(w);
    world_check(w);
    for (size_t i = 0; i < steps; i++) {
        random_step(w);
        if (i % 16 == 15)
            world_check_positions(w, 4);
    }
    world_check(w);
    world_check_positions(w, 40);
    world_reopen(w);
    world_check(w);
    world_check_positions(w, 40);
}

static void random_histories_agree_with_the_model(void **state)
{
    unsigned int seeds = getenv("KFS_SOAK") != NULL ? 400 : 6;

    (void)state;
    for (unsigned int seed = 1; seed <= seeds; seed++) {
        struct world w;
        world_init(&w, simdisk_new(), seed % 2 == 0 ? 300 : 40000);
        random_history(&w, seed, 120);
        world_release(&w);
    }
}

/* A world in a directory of its own, and its end. */
static void begin_on_files(struct world *w, uint64_t segment_bytes, char path[TEMPDIR_PATH_SIZE])
{
    tempdir_make(path);
    world_init(w, NULL, segment_bytes);
    w->dir = open(path, O_RDONLY | O_DIRECTORY);
    assert_true(w->dir >= 0);
}

static void end_on_files(struct world *w, const char *path)
{
    world_release(w);
    (void)close(w->dir);
    tempdir_remove(path);
}

static void the_same_on_real_files(void **state)
{
    char path[TEMPDIR_PATH_SIZE];
    struct world w;

    (void)state;
    begin_on_files(&w, 40000, path);
    random_history(&w, 77, 40);
    end_on_files(&w, path);
}

static size_t open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;

    if (dir == NULL)
        abort();
    while (readdir(dir) != NULL)
        n++;
    (void)closedir(dir);
    return n;
}

/* However many segments there are, written or read. */
static void few_files_are_open(void **state)
{
    enum { SEGMENTS = 3 * KFS_LOG_SEALED_OPEN_MAX };
    char path[TEMPDIR_PATH_SIZE];
    struct world w;

    (void)state;
    begin_on_files(&w, 1000, path);
    world_open(&w);
    const size_t most = open_files() + (size_t)2 * (KFS_LOG_SEALED_OPEN_MAX + 4);
    for (int i = 0; i < SEGMENTS; i++) {
        CHECK(&w, world_append_one(&w, 1000) == 0);
        CHECK(&w, world_sync(&w) == 0);
        assert_in_range(open_files(), 3, most);
    }
    for (int i = 0; i < 3; i++) {
        world_check(&w);
        world_check_positions(&w, 20);
        assert_in_range(open_files(), 3, most);
        if (i == 1)
            world_reopen(&w);
        CHECK(&w, world_append_one(&w, 1000) == 0);
        CHECK(&w, world_sync(&w) == 0);
    }
    CHECK(&w, world_trim_size(&w, 5000) == 0);
    world_check(&w);
    end_on_files(&w, path);
}

static void largest_records_survive(void **state)
{
    static const size_t lens[] = {KFS_RECORD_BYTES_MAX, 0, KFS_RECORD_BYTES_MAX - 1, 1};
    struct world w;

    (void)state;
    world_init(&w, simdisk_new(), 1000);
    world_open(&w);
    CHECK(&w, world_append(&w, lens, 4) == 0);
    CHECK(&w, world_append_one(&w, 3) == 0);
    world_check(&w);
    world_reopen(&w);
    world_check(&w);
    world_release(&w);
}

static void an_empty_log_answers_every_question(void **state)
{
    struct kfs_position p = {.type = KFS_AT_HORIZON};
    struct kfs_limit limit = {10, 10};
    struct kfs_log_reader *reader;
    struct kfs_batch batch;
    uint64_t offset;
    char byte;
    struct world w;

    (void)state;
    kfs_batch_init(&batch);
    world_init(&w, simdisk_new(), 1000);
    world_open(&w);
    CHECK(&w, kfs_log_reader_open(w.log, &reader) == 0);
    for (; p.type <= KFS_LAST_RECORDS; p.type++)
        CHECK(&w, kfs_log_locate(reader, &p, &offset, NULL) == 0 && offset == 0);
    CHECK(&w, kfs_log_read(reader, 0, &limit, &batch, NULL) == 0 && batch.n == 0 && batch.next == 0);
    CHECK(&w, kfs_log_read_bytes(reader, 0, &byte, 1, NULL) == 0);
    CHECK(&w, !kfs_log_has_expired(w.log, UINT64_MAX) && !kfs_log_dirty(w.log));
    CHECK(&w, world_trim_age(&w, UINT64_MAX, false) == 0 && world_trim_size(&w, 0) == 0);
    CHECK(&w, world_sync(&w) == 0);
    /* A reader that was there before the first record sees it. */
    CHECK(&w, world_append_one(&w, 5) == 0);
    CHECK(&w, kfs_log_read(reader, 0, &limit, &batch, NULL) == 0 && batch.n == 1 && batch.next == 6);
    kfs_batch_release(&batch);
    kfs_log_reader_close(reader);
    world_release(&w);
}

/* A reader that is held while the log grows, rolls and is trimmed. */
static void a_reader_follows(void **state)
{
    struct kfs_limit limit = {3, 1000};
    struct kfs_log_reader *reader;
    struct kfs_batch batch;
    uint64_t at = 0;
    size_t seen = 0;
    struct world w;

    (void)state;
    kfs_batch_init(&batch);
    world_init(&w, simdisk_new(), 100);
    world_open(&w);
    CHECK(&w, kfs_log_reader_open(w.log, &reader) == 0);
    for (int round = 0; round < 300; round++) {
        append_random(&w);
        while (simdisk_random(&w.random, 3) != 0 && at < world_end(&w)) {
            CHECK(&w, kfs_log_read(reader, at, &limit, &batch, &w.err) == 0 && batch.n > 0);
            CHECK(&w, batch.records[0].offset == at && batch.records[0].offset == w.records[seen].offset);
            CHECK(&w, kfs_seq_cmp(&batch.records[0].seq, &w.records[seen].seq) == 0);
            seen += batch.n;
            at = batch.next;
        }
        if (round % 50 == 49) {
            CHECK(&w, world_trim_size(&w, 5000) == 0);
            if (at < w.horizon) {
                struct kfs_log_extent extent;
                kfs_log_extent(w.log, &extent);
                CHECK(&w, extent.kept == w.horizon);
                CHECK(&w, kfs_log_read(reader, at, &limit, &batch, &w.err) == -ESTALE && w.err.code == ESTALE);
                int rc = at >= extent.aggregates_from ? 0 : -ESTALE;
                CHECK(&w, kfs_log_read_bytes(reader, at, &seen, 1, &w.err) == rc);
                at = w.horizon;
                seen = (size_t)extent.first_record;
            }
        }
    }
    kfs_batch_release(&batch);
    kfs_log_reader_close(reader);
    world_release(&w);
}

static void time_does_not_go_down(void **state)
{
    struct world w;

    (void)state;
    world_init(&w, simdisk_new(), 60);
    world_open(&w);
    for (int i = 0; i < 40; i++) {
        CHECK(&w, world_append_one(&w, 20) == 0);
        CHECK(&w, i == 0 || w.records[i].arrival_ms >= w.records[i - 1].arrival_ms);
        if (i % 8 == 7)
            world_reopen(&w);
        w.now_ms = i % 3 == 0 ? w.now_ms - 100000 : w.now_ms + 60000;
    }
    w.now_ms += (uint64_t)UINT32_MAX * 3; /* beyond what an entry's delta holds */
    CHECK(&w, world_append_one(&w, 1) == 0);
    world_check(&w);
    world_check_positions(&w, 200);
    world_release(&w);
}

/* ---- threads ---- */

struct crowd {
    struct world w;
    atomic_bool stop;
    atomic_uint reads;
};

static void *appender(void *arg)
{
    struct crowd *crowd = arg;

    for (int i = 0; i < 400; i++) {
        char text[32];
        int len = snprintf(text, sizeof text, "%d\n", i);
        struct kfs_put put = {.data = {text, (size_t)len - 1}, .newline_follows = true};
        if (kfs_log_append(crowd->w.log, &put, 1, NULL, NULL) != 0)
            abort();
    }
    return NULL;
}

/* Numbers go up, from read to read. */
static void check_numbers(const struct kfs_batch *batch, struct kfs_seq *last)
{
    for (size_t i = 0; i < batch->n; i++) {
        if (kfs_seq_cmp(&batch->records[i].seq, last) <= 0)
            abort();
        *last = batch->records[i].seq;
    }
}

static void *follower(void *arg)
{
    struct crowd *crowd = arg;
    struct kfs_position horizon = {.type = KFS_AT_HORIZON};
    struct kfs_position latest = {.type = KFS_LAST_RECORDS, .count = 3};
    struct kfs_limit limit = {7, 100};
    struct kfs_log_reader *reader;
    struct kfs_batch batch;
    struct kfs_seq last = {0};
    uint64_t at = 0;
    char bytes[64];

    kfs_batch_init(&batch);
    if (kfs_log_reader_open(crowd->w.log, &reader) != 0)
        abort();
    while (!atomic_load(&crowd->stop)) {
        uint64_t offset;
        int rc = kfs_log_read(reader, at, &limit, &batch, NULL);
        if (rc == -ESTALE) {
            if (kfs_log_locate(reader, &horizon, &at, NULL) != 0)
                abort();
            continue;
        }
        if (rc != 0 || batch.next > batch.tip)
            abort();
        check_numbers(&batch, &last);
        at = batch.next;
        if (kfs_log_locate(reader, &latest, &offset, NULL) != 0)
            abort();
        ssize_t n = kfs_log_read_bytes(reader, offset, bytes, sizeof bytes, NULL);
        if (n < 0 && n != -ESTALE)
            abort();
        for (ssize_t i = 0; i < n; i++) {
            if (bytes[i] != '\n' && (bytes[i] < '0' || bytes[i] > '9'))
                abort();
        }
        atomic_fetch_add(&crowd->reads, 1);
    }
    kfs_batch_release(&batch);
    kfs_log_reader_close(reader);
    return NULL;
}

static void *keeper(void *arg)
{
    struct crowd *crowd = arg;

    while (!atomic_load(&crowd->stop)) {
        if (kfs_log_sync(crowd->w.log, NULL) != 0 || kfs_log_trim_size(crowd->w.log, 200, NULL) != 0)
            abort();
        (void)kfs_log_has_expired(crowd->w.log, WORLD_START_MS);
        if (kfs_log_trim_age(crowd->w.log, WORLD_START_MS - 1, true, NULL) != 0)
            abort();
    }
    return NULL;
}

static void all_at_once(void **state)
{
    static struct crowd crowd;
    struct kfs_log_extent extent;
    pthread_t appenders[3];
    pthread_t others[4];

    (void)state;
    world_init(&crowd.w, simdisk_new(), 40);
    world_open(&crowd.w);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&others[i], NULL, i < 2 ? follower : keeper, &crowd), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&appenders[i], NULL, appender, &crowd), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_join(appenders[i], NULL), 0);
    atomic_store(&crowd.stop, true);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(others[i], NULL), 0);
    kfs_log_extent(crowd.w.log, &extent);
    assert_int_equal(extent.next_record, 1200);
    world_release(&crowd.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_histories_agree_with_the_model),
        cmocka_unit_test(the_same_on_real_files),
        cmocka_unit_test(few_files_are_open),
        cmocka_unit_test(largest_records_survive),
        cmocka_unit_test(an_empty_log_answers_every_question),
        cmocka_unit_test(a_reader_follows),
        cmocka_unit_test(time_does_not_go_down),
        cmocka_unit_test(all_at_once),
    };

    kfs_log_setup(KFS_LOG_TO_STDERR, KFS_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
