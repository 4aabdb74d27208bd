/* A merge when shards fail or expire, and at its limits. */
#include <pthread.h>

#include "fs/merge_internal.h"
#include "tests/unit/merge_model.h"

static const struct kfs_framing *const framings[] = {&kfs_framing_lines, &kfs_framing_json, &kfs_framing_nul,
                                                     &kfs_framing_raw, &kfs_framing_len};
#define FRAMINGS (sizeof framings / sizeof framings[0])
static const struct kfs_framing *const fixed[] = {&kfs_framing_lines, &kfs_framing_nul, &kfs_framing_raw,
                                                  &kfs_framing_len};

static void scatter(struct world *w, uint32_t shards, int records, size_t len)
{
    for (int i = 0; i < records; i++) {
        w->now_ms++;
        world_put(w, world_random(w, shards), len);
    }
}

/* ---- failures ---- */

/* Wherever a shard fails once, what was read and what is read then are whole. */
static void a_failure_does_not_lose_the_place(void **state)
{
    (void)state;
    for (size_t f = 0; f < FRAMINGS; f++) {
        struct world w;
        struct model m;
        world_open(&w, 3);
        model_init(&m, &w, KFS_NO_SHARD, framings[f]);
        scatter(&w, 3, 60, 99);
        model_extend(&m);
        for (uint32_t i = 0; i < 20; i++) {
            struct kfs_merge *merge = merge_of(&w, KFS_NO_SHARD, framings[f]);
            char *data = malloc(m.bytes.len);
            size_t at = 0;
            int failures = 0;
            w.fail = i % 3;
            w.fail_at = (uint64_t)world_random(&w, 15) * 100;
            w.fail_with = EAGAIN;
            while (at < m.bytes.len) {
                struct kfs_error err = {0};
                ssize_t got = kfs_merge_read(merge, at, data + at, m.bytes.len - at, &err);
                assert_true(got > 0 || got == -EAGAIN);
                if (got > 0) {
                    at += (size_t)got;
                    continue;
                }
                assert_int_equal(err.code, EAGAIN);
                assert_string_equal(err.text, "made to fail");
                if (++failures == 3)
                    w.fail_with = 0;
            }
            assert_memory_equal(data, m.bytes.data, at);
            w.fail_with = 0;
            check_all(&m, merge, 500);
            free(data);
            kfs_merge_free(merge);
        }
        kfs_buf_release(&m.bytes);
        world_close(&w);
    }
}

/* What a remote source has of a parent may come after what it has of the children: who follows gets it first. */
static void children_wait_for_what_their_parent_has(void **state)
{
    struct world w;
    char data[100];

    (void)state;
    world_open(&w, 1);
    world_put(&w, 0, 9);
    w.fetched = 10;
    struct kfs_merge *merge = merge_of(&w, KFS_NO_SHARD, &kfs_framing_lines);
    assert_int_equal(size_of(merge), 10);
    world_put(&w, 0, 19);
    assert_int_equal(kfs_shard_split(w.stream, 0, KFS_HASH_MAX / 2, NULL), 0);
    world_put(&w, 1, 29);
    assert_int_equal(kfs_shard_split(w.stream, 1, KFS_HASH_MAX / 4, NULL), 0);
    world_put(&w, 3, 4);
    assert_int_equal(size_of(merge), 10);
    assert_int_equal(kfs_merge_read(merge, 10, data, sizeof data, NULL), 0);
    w.fetched = 0;
    assert_int_equal(kfs_merge_read(merge, 10, data, sizeof data, NULL), 20 + 30 + 5);
    assert_true(data[19] == '\n' && data[49] == '\n' && data[54] == '\n');
    kfs_merge_free(merge);

    /* Who opens the file has what there is: the endpoint may not answer. */
    w.fetched = 10;
    merge = merge_of(&w, KFS_NO_SHARD, &kfs_framing_lines);
    assert_int_equal(size_of(merge), 10 + 30 + 5);
    kfs_merge_free(merge);
    world_close(&w);
}

static void damage_stops_behind_what_is_whole(void **state)
{
    (void)state;
    for (size_t f = 0; f < FRAMINGS; f++) {
        struct world w;
        struct model m;
        uint64_t size = 1234;
        world_open(&w, 2);
        model_init(&m, &w, KFS_NO_SHARD, framings[f]);
        for (uint32_t i = 0; i < 20; i++) {
            w.now_ms++;
            world_put(&w, i % 2, 99);
            if (i == 9)
                model_extend(&m);
        }
        w.fail = 0;
        w.fail_at = 500;
        w.fail_with = EIO;
        struct kfs_merge *merge = merge_of(&w, KFS_NO_SHARD, framings[f]);
        char *data = malloc(100000);
        ssize_t got = kfs_merge_read(merge, 0, data, 100000, NULL);
        assert_true(got > 0);
        if (framings[f]->frame != KFS_FRAME_VARIES) {
            /* The last whole record of the other shard is younger than what could be known of the damaged one. */
            assert_true((size_t)got <= m.bytes.len && (size_t)got >= m.bytes.len / 10 * 9);
            assert_memory_equal(data, m.bytes.data, (size_t)got);
        } else {
            /* The damage is known: the other shard's five that are younger are there. */
            assert_memory_equal(data, m.bytes.data, m.bytes.len);
            assert_true((size_t)got > m.bytes.len + (size_t)5 * 99);
        }
        assert_int_equal(kfs_merge_read(merge, (uint64_t)got, data, 100000, NULL), -EIO);
        if (framings[f]->frame != KFS_FRAME_VARIES) {
            assert_int_equal(size_of(merge), 20 * (99 + framings[f]->frame));
        } else {
            assert_int_equal(kfs_merge_size(merge, &size, NULL), -EIO);
            assert_int_equal(size, 1234);
            assert_int_equal(kfs_merge_known_size(merge), got);
        }
        assert_int_equal(kfs_merge_read(merge, 0, data, 100, NULL), 100);
        free(data);
        kfs_merge_free(merge);
        kfs_buf_release(&m.bytes);
        world_close(&w);
    }
}

static void what_retention_removed_is_stale(void **state)
{
    (void)state;
    for (size_t f = 0; f < FRAMINGS; f++) {
        struct world w;
        struct model m;
        struct kfs_error err = {0};
        char byte;
        world_open(&w, 3);
        model_init(&m, &w, KFS_NO_SHARD, framings[f]);
        scatter(&w, 3, 60, 99);
        w.now_ms += 20 * HOUR_MS;
        model_extend(&m);
        size_t old = m.bytes.len;
        struct kfs_merge *merge = merge_of(&w, KFS_NO_SHARD, framings[f]);
        assert_int_equal(size_of(merge), old);
        scatter(&w, 3, 60, 99);
        model_extend(&m);
        assert_int_equal(size_of(merge), m.bytes.len);
        w.now_ms += 5 * HOUR_MS;
        assert_int_equal(kfs_merge_read(merge, 10, &byte, 1, &err), -ESTALE);
        assert_int_equal(err.code, ESTALE);
        assert_int_equal(kfs_merge_read(merge, old - 1, &byte, 1, NULL), -ESTALE);
        (void)check_read(&m, merge, old, 1 << 20);
        assert_int_equal(size_of(merge), m.bytes.len);
        kfs_merge_free(merge);
        merge = merge_of(&w, KFS_NO_SHARD, framings[f]); /* starts at the horizon */
        assert_int_equal(size_of(merge), m.bytes.len - old);
        assert_int_equal(kfs_merge_read(merge, 0, &byte, 1, NULL), 1);
        assert_int_equal(byte, m.bytes.data[old]);
        kfs_merge_free(merge);
        kfs_buf_release(&m.bytes);
        world_close(&w);
    }
}

/* A log removes whole segments: what is before the horizon and can be read is measured as it is read. */
static void what_is_not_yet_removed_is_measured(void **state)
{
    (void)state;
    for (size_t f = 0; f < FRAMINGS; f++) {
        struct world w;
        struct model m;
        world_open(&w, 2);
        model_init(&m, &w, KFS_NO_SHARD, framings[f]);
        struct kfs_merge *merge = merge_of(&w, KFS_NO_SHARD, framings[f]);
        scatter(&w, 2, 40, 99);
        model_extend(&m);
        w.trimmed = 5;
        check_all(&m, merge, 1000);
        assert_int_equal(size_of(merge), m.bytes.len);
        kfs_merge_free(merge);
        kfs_buf_release(&m.bytes);
        world_close(&w);
    }
}

/* In one extension: seeks that times decide do not guess where retention was. */
static void trim_as(const struct kfs_framing *framing)
{
    struct world w;
    struct model m;
    size_t stale = 0;
    size_t fine = 0;

    world_open(&w, 3);
    model_init(&m, &w, KFS_NO_SHARD, framing);
    for (int i = 0; i < 6000; i++) {
        w.now_ms += HOUR_MS * 20 / 6000;
        world_put(&w, world_random(&w, 3), 1000);
    }
    model_extend(&m);
    struct kfs_merge *merges[20];
    for (size_t i = 0; i < 20; i++)
        merges[i] = merge_of(&w, KFS_NO_SHARD, framing);
    w.now_ms = START_MS + HOUR_MS * 24 + HOUR_MS * 10;
    char *data = malloc(5000);
    for (size_t i = 0; i < 20; i++) {
        uint64_t at = world_random(&w, (uint32_t)m.bytes.len);
        ssize_t got = kfs_merge_read(merges[i], at, data, 5000, NULL);
        if (got > 0) {
            assert_memory_equal(data, m.bytes.data + at, (size_t)got);
            assert_true(at >= m.bytes.len / 2 - 20000);
            fine++;
        } else {
            assert_int_equal(got, -ESTALE);
            assert_true(at <= m.bytes.len / 2 + 20000);
            stale++;
        }
        assert_int_equal(size_of(merges[i]), m.bytes.len);
        kfs_merge_free(merges[i]);
    }
    assert_true(stale > 3 && fine > 3);
    free(data);
    kfs_buf_release(&m.bytes);
    world_close(&w);
}

static void a_trim_in_a_long_extension(void **state)
{
    (void)state;
    for (size_t f = 0; f < FRAMINGS; f++)
        trim_as(framings[f]);
}

/* A closed shard goes when its last record does; the merge goes on. */
static void an_expired_shard(void **state)
{
    (void)state;
    for (size_t f = 0; f < FRAMINGS; f++) {
        struct world w;
        struct model m;
        char byte;
        world_open(&w, 1);
        model_init(&m, &w, KFS_NO_SHARD, framings[f]);
        scatter(&w, 1, 10, 99);
        model_extend(&m);
        size_t old = m.bytes.len;
        struct kfs_merge *merge = merge_of(&w, KFS_NO_SHARD, framings[f]);
        struct kfs_merge *single = merge_of(&w, 0, framings[f]);
        assert_int_equal(size_of(merge), old);
        assert_int_equal(size_of(single), old);
        assert_int_equal(kfs_shard_split(w.stream, 0, KFS_HASH_MAX / 2, NULL), 0);
        w.now_ms += 25 * HOUR_MS;
        world_put(&w, 1, 99);
        world_put(&w, 2, 99);
        model_extend(&m);
        assert_int_equal(size_of(merge), m.bytes.len);
        assert_int_equal(size_of(single), old);
        (void)check_read(&m, merge, old, 1000);
        assert_int_equal(kfs_merge_read(merge, 0, &byte, 1, NULL), -ESTALE);
        assert_int_equal(kfs_merge_read(single, 0, &byte, 1, NULL), -ESTALE);
        kfs_merge_free(single);
        const struct kfs_merge_file file = {.stream = w.stream, .shard = 0, .framing = framings[f]};
        assert_int_equal(kfs_merge_new(&w.pool, &file, &single, NULL), -ENOENT);
        assert_int_equal(kfs_stream_delete(w.stream, NULL), 0);
        uint64_t size = 7;
        assert_int_equal(kfs_merge_size(merge, &size, NULL), -ENOENT);
        assert_int_equal(size, 7);
        assert_int_equal(kfs_merge_known_size(merge), m.bytes.len);
        assert_int_equal(kfs_merge_read(merge, 0, &byte, 1, NULL), -ENOENT);
        kfs_merge_free(merge);
        kfs_buf_release(&m.bytes);
        world_close(&w);
    }
}

/* What stands behind an expired shard in one extension is there for seeks too. */
static void an_expired_shard_in_an_extension(void **state)
{
    (void)state;
    for (size_t f = 0; f < FRAMINGS; f++) {
        struct world w;
        struct model m;
        char byte;
        world_open(&w, 1);
        model_init(&m, &w, KFS_NO_SHARD, framings[f]);
        scatter(&w, 1, 10, 99);
        model_extend(&m);
        size_t old = m.bytes.len;
        assert_int_equal(kfs_shard_split(w.stream, 0, KFS_HASH_MAX / 2, NULL), 0);
        w.now_ms += 20 * HOUR_MS;
        for (uint32_t i = 0; i < 40; i++)
            world_put(&w, 1 + i % 2, 99);
        model_extend(&m);
        struct kfs_merge *merge = merge_of(&w, KFS_NO_SHARD, framings[f]);
        w.now_ms += 5 * HOUR_MS;
        assert_int_equal(kfs_merge_read(merge, old - 1, &byte, 1, NULL), -ESTALE);
        (void)check_read(&m, merge, old, 1000);
        (void)check_read(&m, merge, m.bytes.len - 150, 100);
        kfs_merge_free(merge);
        kfs_buf_release(&m.bytes);
        world_close(&w);
    }
}

/* ---- limits ---- */

static void records_are_measured_once(void **state)
{
    struct world w;
    struct model m;

    (void)state;
    world_open(&w, 4);
    model_init(&m, &w, KFS_NO_SHARD, &kfs_framing_json);
    scatter(&w, 4, 2000, 99);
    struct kfs_merge *merge = merge_of(&w, KFS_NO_SHARD, &kfs_framing_json);
    assert_int_equal(w.records, 2000);
    (void)size_of(merge);
    assert_int_equal(w.records, 2000);
    scatter(&w, 4, 100, 99);
    (void)size_of(merge);
    assert_int_equal(w.records, 2100);
    kfs_merge_free(merge);
    w.records = 0;
    merge = merge_of(&w, KFS_NO_SHARD, &kfs_framing_json); /* for all who look */
    model_extend(&m);
    assert_int_equal(size_of(merge), m.bytes.len);
    assert_int_equal(w.records, 0);
    check_all(&m, merge, 65536);
    assert_int_equal(w.records, 2100);
    kfs_merge_free(merge);
    w.records = 0;
    for (size_t f = 0; f < sizeof fixed / sizeof fixed[0]; f++) {
        merge = merge_of(&w, KFS_NO_SHARD, fixed[f]);
        assert_int_equal(size_of(merge), (99 + fixed[f]->frame) * 2100);
        kfs_merge_free(merge);
    }
    assert_int_equal(w.records, 0);
    kfs_buf_release(&m.bytes);
    world_close(&w);
}

/* More extensions than are remembered. A reader that follows sees the order
 * that there was; a later one sees each record once, whole. */
static void many_extensions(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        struct world w;
        struct model m;
        uint64_t at = 0;
        world_open(&w, 3);
        model_init(&m, &w, KFS_NO_SHARD, framings[f]);
        struct kfs_merge *merge = merge_of(&w, KFS_NO_SHARD, framings[f]);
        for (uint32_t i = 0; i < 3000; i++) {
            w.now_ms += i % 2;
            world_put(&w, world_random(&w, 3), 20);
            if (i % 3 == 0)
                world_put(&w, world_random(&w, 3), 20);
            model_extend(&m);
            assert_int_equal(size_of(merge), m.bytes.len);
            assert_true(merge->history.n <= KFS_MERGE_EXTENSIONS_MAX);
            if (i > 100)
                at += check_read(&m, merge, at, 30 + i % 600);
        }
        /* Equal clocks among extensions do reorder; lines of the file are the same lines. */
        char *all = malloc(m.bytes.len);
        size_t lines[2] = {0, 0};
        assert_int_equal(kfs_merge_read(merge, 0, all, m.bytes.len, NULL), m.bytes.len);
        for (size_t i = 0; i < m.bytes.len; i++) {
            lines[0] += all[i] == '\n';
            lines[1] += m.bytes.data[i] == '\n';
        }
        assert_int_equal(lines[0], lines[1]);
        assert_int_equal(all[m.bytes.len - 1], '\n');
        size_t recent = m.bytes.len / 8 * 7;
        assert_memory_equal(all + recent, m.bytes.data + recent, m.bytes.len - recent);
        free(all);
        kfs_merge_free(merge);
        kfs_buf_release(&m.bytes);
        world_close(&w);
    }
}

static void what_is_read_ahead_is_bounded(void **state)
{
    struct world w;
    struct model m;

    (void)state;
    world_open(&w, 40);
    model_init(&m, &w, KFS_NO_SHARD, &kfs_framing_lines);
    for (uint32_t i = 0; i < 80; i++) {
        w.now_ms++;
        world_put(&w, (i * 7) % 40, 500000 + world_random(&w, 100));
    }
    model_extend(&m);
    struct kfs_merge *merge = merge_of(&w, KFS_NO_SHARD, &kfs_framing_lines);
    for (uint64_t at = 0; at < m.bytes.len; at += 131072) {
        (void)check_read(&m, merge, at, 131072);
        assert_true(merge->prefetched <= KFS_MERGE_PREFETCH_BYTES + 1200000);
    }
    for (int i = 0; i < 10; i++) {
        (void)check_read(&m, merge, world_random(&w, (uint32_t)m.bytes.len), 5000);
        assert_true(merge->prefetched <= KFS_MERGE_PREFETCH_BYTES + 1200000);
    }
    kfs_merge_free(merge);
    kfs_buf_release(&m.bytes);
    world_close(&w);
}

static void checkpoints_are_thinned(void **state)
{
    struct merge_history h = {0};
    struct merge_extension x = {.n = 1, .entries = calloc(1, sizeof *x.entries)};
    uint64_t again;
    size_t kept = 0;

    (void)state;
    assert_int_equal(merge_history_add(&h, &x), 0);
    h.end = UINT64_MAX / 2;
    for (uint64_t at = 0; kept < 3000; at += (uint64_t)1 << 20) {
        if (!merge_history_wants(&h, at, 1000, &again)) {
            assert_true(again > at);
            continue;
        }
        merge_history_keep(&h, at, calloc(1000, sizeof(uint64_t)), 1000);
        kept++;
        assert_true(h.checkpoint_bytes <= KFS_MERGE_CHECKPOINT_BYTES);
    }
    assert_true(h.thinned >= 1);
    assert_true(h.checkpoint_n > 400);
    for (size_t i = 1; i < h.checkpoint_n; i++)
        assert_true(h.checkpoints[i - 1].at < h.checkpoints[i].at);
    assert_null(merge_history_checkpoint(&h, 0, 1));
    assert_ptr_equal(merge_history_checkpoint(&h, 0, UINT64_MAX / 2), &h.checkpoints[h.checkpoint_n - 1]);
    merge_history_release(&h);
}

/* ---- threads ---- */

struct reading {
    struct kfs_merge *merge;
    size_t len;
    char *data;
};

static void *read_all(void *arg)
{
    struct reading *r = arg;
    ssize_t got;

    while (r->len < 40000 && (got = kfs_merge_read(r->merge, r->len, r->data + r->len, 777, NULL)) >= 0)
        r->len += (size_t)got;
    return NULL;
}

static void several_threads_see_one_file(void **state)
{
    struct world w;
    pthread_t threads[6];
    struct reading readings[6];

    (void)state;
    world_open(&w, 3);
    struct kfs_merge *merge = merge_of(&w, KFS_NO_SHARD, &kfs_framing_lines);
    for (size_t i = 0; i < 6; i++) {
        readings[i] = (struct reading){.merge = merge, .data = malloc(50000)};
        assert_int_equal(pthread_create(&threads[i], NULL, read_all, &readings[i]), 0);
    }
    for (int i = 0; i < 500; i++)
        world_put(&w, world_random(&w, 3), 99);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < 6; i++)
        assert_memory_equal(readings[i].data, readings[0].data, 40000);
    for (size_t i = 0; i < 6; i++)
        free(readings[i].data);
    kfs_merge_free(merge);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_does_not_lose_the_place),
        cmocka_unit_test(children_wait_for_what_their_parent_has),
        cmocka_unit_test(damage_stops_behind_what_is_whole),
        cmocka_unit_test(what_retention_removed_is_stale),
        cmocka_unit_test(what_is_not_yet_removed_is_measured),
        cmocka_unit_test(a_trim_in_a_long_extension),
        cmocka_unit_test(an_expired_shard),
        cmocka_unit_test(an_expired_shard_in_an_extension),
        cmocka_unit_test(records_are_measured_once),
        cmocka_unit_test(many_extensions),
        cmocka_unit_test(what_is_read_ahead_is_bounded),
        cmocka_unit_test(checkpoints_are_thinned),
        cmocka_unit_test(several_threads_see_one_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
