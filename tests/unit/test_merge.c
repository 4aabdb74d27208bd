/* What a merge shows is what the model shows, whatever is read in what order. */
#include "tests/unit/merge_model.h"

static const struct kfs_framing *const framings[] = {&kfs_framing_lines, &kfs_framing_json, &kfs_framing_nul,
                                                     &kfs_framing_raw, &kfs_framing_len};
#define FRAMINGS (sizeof framings / sizeof framings[0])

/* Appends, time steps (also back), splits, merges. */
static void happen(struct world *w, uint32_t events)
{
    for (uint32_t i = 0; i < events; i++) {
        uint32_t what = world_random(w, 100);
        struct kfs_shard_info shard = world_shard(w);
        if (what < 70)
            world_put(w, shard.index, world_random(w, 8) == 0 ? world_random(w, 5000) : world_random(w, 60));
        else if (what < 90)
            w->now_ms += world_random(w, 4);
        else if (what < 94)
            w->now_ms -= world_random(w, 20);
        else if (what < 97)
            (void)kfs_shard_split(w->stream, shard.index, shard.range.start + (shard.range.end - shard.range.start) / 2,
                                  NULL);
        else
            (void)kfs_shard_merge(w->stream, shard.index, world_shard(w).index, NULL);
    }
}

static void preads(struct model *m, struct kfs_merge *merge, int n)
{
    for (int i = 0; i < n; i++) {
        uint32_t beyond = (uint32_t)m->bytes.len + 3;
        (void)check_read(m, merge, world_random(m->world, beyond), 1 + world_random(m->world, 6000));
    }
}

static void history_of(uint32_t seed, const struct kfs_framing *framing, uint32_t only)
{
    struct world w;
    struct model m;
    struct kfs_merge *merge;

    world_open(&w, 1 + seed % 5);
    w.random = seed;
    if (only == KFS_NO_SHARD)
        happen(&w, seed % 2 * 300);
    else
        for (int i = 0; i < 100; i++)
            world_put(&w, only, world_random(&w, 100));
    merge = merge_of(&w, only, framing);
    model_init(&m, &w, only, framing);
    model_extend(&m);
    /* Before it is measured. */
    preads(&m, merge, seed % 3 == 0 ? 5 : 0);
    for (int round = 0; round < 20; round++) {
        if (only == KFS_NO_SHARD)
            happen(&w, world_random(&w, 60));
        else
            world_put(&w, only, world_random(&w, 3000));
        model_extend(&m);
        assert_int_equal(size_of(merge), m.bytes.len);
        assert_int_equal(kfs_merge_known_size(merge), m.bytes.len);
        preads(&m, merge, 10);
        if (round % 7 == 0)
            check_all(&m, merge, 1 + world_random(&w, 5000));
    }
    check_all(&m, merge, 1 << 20);
    kfs_merge_free(merge);
    kfs_buf_release(&m.bytes);
    world_close(&w);
}

static void random_histories(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 12; seed++)
        for (size_t f = 0; f < FRAMINGS; f++)
            history_of(seed, framings[f], KFS_NO_SHARD);
}

static void one_shard(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 4; seed++)
        for (size_t f = 1; f < FRAMINGS; f++)
            history_of(seed, framings[f], seed % 5);
}

/* Every call extends, also a read at the tip. */
static void growth_is_seen_at_the_tip(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        struct world w;
        struct model m;
        world_open(&w, 3);
        model_init(&m, &w, KFS_NO_SHARD, framings[f]);
        struct kfs_merge *merge = merge_of(&w, KFS_NO_SHARD, framings[f]);
        for (int i = 0; i < 50; i++) {
            uint64_t at = m.bytes.len;
            size_t got;
            assert_int_equal(check_read(&m, merge, at, 100), 0);
            happen(&w, 10);
            model_extend(&m);
            while ((got = check_read(&m, merge, at, 100)) > 0)
                at += got;
            assert_int_equal(at, m.bytes.len);
        }
        check_all(&m, merge, 997);
        kfs_merge_free(merge);
        kfs_buf_release(&m.bytes);
        world_close(&w);
    }
}

static void an_empty_stream(void **state)
{
    struct world w;
    char byte;

    (void)state;
    world_open(&w, 4);
    for (size_t f = 0; f < 2; f++) {
        struct kfs_merge *merge = merge_of(&w, KFS_NO_SHARD, framings[f]);
        assert_int_equal(size_of(merge), 0);
        assert_int_equal(kfs_merge_read(merge, 0, &byte, 1, NULL), 0);
        assert_int_equal(kfs_merge_read(merge, 12345, &byte, 1, NULL), 0);
        assert_int_equal(kfs_merge_read(merge, 0, NULL, 0, NULL), 0);
        kfs_merge_free(merge);
    }
    kfs_merge_free(NULL);
    world_close(&w);
}

static void json_lines_are_the_records(void **state)
{
    struct world w;
    char text[8192];
    struct kfs_buf scratch;
    uint64_t at = 0;

    (void)state;
    world_open(&w, 3);
    kfs_buf_init(&scratch, 1 << 20);
    for (uint32_t i = 0; i < 30; i++) {
        char data[32];
        char key[8];
        struct kfs_put put = {.data = {data, (size_t)snprintf(data, sizeof data, "record \"%u\"", i)}};
        put.key = (struct kfs_bytes){key, (size_t)snprintf(key, sizeof key, "k%u", i)};
        w.now_ms++;
        assert_int_equal(kfs_append(w.stream, (i * 7) % 3, &put, 1, NULL, NULL), 0);
    }
    struct kfs_merge *merge = merge_of(&w, KFS_NO_SHARD, &kfs_framing_json);
    ssize_t len = kfs_merge_read(merge, 0, text, sizeof text, NULL);
    assert_int_equal(len, size_of(merge));
    for (uint32_t i = 0; i < 30; i++) {
        struct kfs_cut cut = {0};
        struct kfs_put put = {0};
        char want[32];
        ssize_t line = kfs_framing_json.cut((struct kfs_bytes){text + at, (size_t)len - at}, &cut, NULL);
        assert_true(line > 0);
        scratch.len = 0;
        assert_int_equal(kfs_framing_json.decode(cut.payload, &put, &scratch, NULL), 0);
        assert_int_equal(put.data.len, snprintf(want, sizeof want, "record \"%u\"", i));
        assert_memory_equal(put.data.data, want, put.data.len);
        assert_int_equal(put.key.len, snprintf(want, sizeof want, "k%u", i));
        assert_memory_equal(put.key.data, want, put.key.len);
        at += (uint64_t)line;
    }
    assert_int_equal(at, len);
    kfs_buf_release(&scratch);
    kfs_merge_free(merge);
    world_close(&w);
}

/* What becomes visible late stands after what was shown, though it is older. */
static void late_records_stand_after(void **state)
{
    struct world w;
    char text[64];

    (void)state;
    world_open(&w, 3);
    const struct kfs_put young = {.data = {"young", 5}};
    const struct kfs_put old = {.data = {"old", 3}};
    w.now_ms += 1000;
    assert_int_equal(kfs_append(w.stream, 2, &young, 1, NULL, NULL), 0);
    struct kfs_merge *merge = merge_of(&w, KFS_NO_SHARD, &kfs_framing_lines);
    assert_int_equal(size_of(merge), 6);
    w.now_ms -= 500;
    assert_int_equal(kfs_append(w.stream, 0, &old, 1, NULL, NULL), 0);
    assert_int_equal(size_of(merge), 10);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kfs_merge_read(merge, 0, text, sizeof text, NULL), 10);
        assert_memory_equal(text, "young\nold\n", 10);
    }
    struct kfs_merge *other = merge_of(&w, KFS_NO_SHARD, &kfs_framing_lines);
    assert_int_equal(kfs_merge_read(other, 0, text, sizeof text, NULL), 10);
    assert_memory_equal(text, "old\nyoung\n", 10);
    kfs_merge_free(other);
    kfs_merge_free(merge);
    world_close(&w);
}

static void a_thousand_shards(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        struct world w;
        struct model m;
        world_open(&w, 1000);
        model_init(&m, &w, KFS_NO_SHARD, framings[f]);
        for (int round = 0; round < 2; round++) {
            for (uint32_t i = 0; i < 1500; i++) {
                w.now_ms += world_random(&w, 3);
                world_put(&w, world_random(&w, 1000), world_random(&w, 50));
            }
            model_extend(&m);
        }
        struct kfs_merge *merge = merge_of(&w, KFS_NO_SHARD, framings[f]);
        /* Two model extensions, one of the merge: only the sizes agree. */
        assert_int_equal(size_of(merge), m.bytes.len);
        memset(m.done, 0, sizeof m.done);
        m.bytes.len = 0;
        model_extend(&m);
        check_all(&m, merge, 4096);
        assert_true(w.readers <= KFS_MERGE_READERS_MAX);
        preads(&m, merge, 5);
        kfs_merge_free(merge);
        kfs_buf_release(&m.bytes);
        world_close(&w);
    }
}

static void a_record_straddles_reads(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        struct world w;
        struct model m;
        world_open(&w, 2);
        model_init(&m, &w, KFS_NO_SHARD, framings[f]);
        for (uint32_t i = 0; i < 6; i++) {
            w.now_ms++;
            world_put(&w, i % 2, i == 3 ? 3000000 : 50);
        }
        model_extend(&m);
        struct kfs_merge *merge = merge_of(&w, KFS_NO_SHARD, framings[f]);
        for (uint64_t at = 0; at < 300; at++)
            assert_int_equal(check_read(&m, merge, at, 1), 1);
        size_t reads = w.reads;
        for (uint64_t at = 300; at < 2900000; at += 20000)
            assert_int_equal(check_read(&m, merge, at, 20000), 20000);
        assert_true(w.reads - reads <= 6); /* the large record was read once and kept */
        check_all(&m, merge, 131072);
        preads(&m, merge, 10);
        kfs_merge_free(merge);
        kfs_buf_release(&m.bytes);
        world_close(&w);
    }
}

/* A first read far inside finds its place by time. */
static void far_seeks_read_little(void **state)
{
    struct world w;
    struct model m;

    (void)state;
    world_open(&w, 4);
    model_init(&m, &w, KFS_NO_SHARD, &kfs_framing_lines);
    for (uint32_t i = 0; i < 8000; i++) {
        w.now_ms += i % 500 == 0 ? HOUR_MS / 8 : world_random(&w, 3);
        world_put(&w, world_random(&w, i % 1000 < 300 ? 1 : 4), 1000);
    }
    model_extend(&m);
    for (int i = 0; i < 20; i++) {
        struct kfs_merge *merge = merge_of(&w, KFS_NO_SHARD, &kfs_framing_lines);
        uint64_t at = m.bytes.len - 1 - world_random(&w, (uint32_t)m.bytes.len);
        w.records = 0;
        w.locates = 0;
        (void)check_read(&m, merge, at, 10000);
        assert_true(w.records < 3000);
        assert_true(w.locates < 400);
        (void)check_read(&m, merge, at > 5000 ? at - 5000 : 0, 10000);
        preads(&m, merge, 3);
        kfs_merge_free(merge);
    }
    kfs_buf_release(&m.bytes);
    world_close(&w);
}

/* All of one millisecond: times do not help, and yet it is right. */
static void seeks_when_time_stands_still(void **state)
{
    struct world w;
    struct model m;

    (void)state;
    world_open(&w, 4);
    model_init(&m, &w, KFS_NO_SHARD, &kfs_framing_lines);
    for (uint32_t i = 0; i < 4000; i++)
        world_put(&w, world_random(&w, 4), 1000);
    model_extend(&m);
    for (int i = 0; i < 10; i++) {
        struct kfs_merge *merge = merge_of(&w, KFS_NO_SHARD, &kfs_framing_lines);
        preads(&m, merge, 3);
        kfs_merge_free(merge);
    }
    kfs_buf_release(&m.bytes);
    world_close(&w);
}

/* Backward seeks after a sequential read start at checkpoints; without one, in a framing
 * whose frames vary, they go by time, and measure as much again. */
static void backward_seeks_read_little(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        struct world w;
        struct model m;
        world_open(&w, 4);
        model_init(&m, &w, KFS_NO_SHARD, framings[f]);
        for (uint32_t i = 0; i < 16000; i++) {
            w.now_ms += world_random(&w, 3);
            world_put(&w, world_random(&w, 4), 1000);
        }
        model_extend(&m);
        struct kfs_merge *merge = merge_of(&w, KFS_NO_SHARD, framings[f]);
        if (f == 0)
            check_all(&m, merge, 131072);
        else
            assert_int_equal(size_of(merge), m.bytes.len);
        for (int i = 0; i < 30; i++) {
            w.records = 0;
            (void)check_read(&m, merge, world_random(&w, (uint32_t)m.bytes.len), 10000);
            assert_true(w.records < (f == 0 ? 3500 : 6500));
        }
        kfs_merge_free(merge);
        kfs_buf_release(&m.bytes);
        world_close(&w);
    }
}

/* Clocks that say that children are older than their parent: they follow it, also where a seek goes by time. */
static void children_follow_their_parents(void **state)
{
    struct world w;
    struct model m;

    (void)state;
    world_open(&w, 1);
    model_init(&m, &w, 0, &kfs_framing_lines);
    for (int i = 0; i < 1500; i++) {
        w.now_ms += world_random(&w, 3);
        world_put(&w, 0, 1000);
    }
    assert_int_equal(kfs_shard_split(w.stream, 0, KFS_HASH_MAX / 2, NULL), 0);
    for (int i = 0; i < 1500; i++) {
        w.now_ms += world_random(&w, 3);
        world_put(&w, 1 + world_random(&w, 2), 1000);
    }
    w.skew_ms = HOUR_MS;
    for (m.only = 0; m.only < 3; m.only++)
        model_extend(&m); /* the children tie, as they count as arriving with the parent's last */
    for (int i = 0; i < 10; i++) {
        struct kfs_merge *merge = merge_of(&w, KFS_NO_SHARD, &kfs_framing_lines);
        preads(&m, merge, 3);
        if (i == 0)
            check_all(&m, merge, 65536);
        kfs_merge_free(merge);
    }
    kfs_buf_release(&m.bytes);
    world_close(&w);
}

static size_t count_holding(struct kfs_merge *const *merges, size_t n)
{
    size_t holding = 0;

    for (size_t i = 0; i < n; i++) {
        bool holds = merges[i]->prefetched > 0;
        for (size_t c = 0; c < KFS_MERGE_CURSORS; c++)
            holds |= merges[i]->cursors[c].spill.cap > 1 << 16;
        holding += holds;
    }
    return holding;
}

/* However many are open in the middle, few hold records; each goes on as if it did. */
static void files_that_stand_still_hold_little(void **state)
{
    enum { FILES = 40, STEP = 70000 };
    struct kfs_merge *merges[FILES];
    struct world w;
    struct model m;
    size_t round;

    (void)state;
    world_open(&w, 2);
    model_init(&m, &w, KFS_NO_SHARD, &kfs_framing_json);
    for (int i = 0; i < 2000; i++) {
        world_put(&w, (uint32_t)i % 2, 700);
        w.now_ms++;
    }
    model_extend(&m);
    for (int i = 0; i < FILES; i++)
        merges[i] = merge_of(&w, KFS_NO_SHARD, &kfs_framing_json);
    for (round = 0; round < 4; round++) {
        for (int i = 0; i < FILES; i++)
            assert_int_equal(check_read(&m, merges[i], round * STEP, STEP), STEP);
        assert_in_range(count_holding(merges, FILES), 1, KFS_MERGE_POOL_MAX);
    }
    /* Nothing comes behind a large record. */
    const size_t before = m.bytes.len;
    world_put(&w, 0, (size_t)10 * STEP);
    model_extend(&m);
    for (round = 0; round < 4; round++) {
        for (int i = 0; i < FILES; i++)
            assert_int_equal(check_read(&m, merges[i], before + round * STEP, STEP), STEP);
        assert_in_range(count_holding(merges, FILES), 1, KFS_MERGE_POOL_MAX);
    }
    for (int i = 0; i < FILES; i++)
        kfs_merge_free(merges[i]);
    kfs_buf_release(&m.bytes);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_histories),
        cmocka_unit_test(one_shard),
        cmocka_unit_test(growth_is_seen_at_the_tip),
        cmocka_unit_test(an_empty_stream),
        cmocka_unit_test(json_lines_are_the_records),
        cmocka_unit_test(late_records_stand_after),
        cmocka_unit_test(children_follow_their_parents),
        cmocka_unit_test(a_thousand_shards),
        cmocka_unit_test(a_record_straddles_reads),
        cmocka_unit_test(far_seeks_read_little),
        cmocka_unit_test(seeks_when_time_stands_still),
        cmocka_unit_test(backward_seeks_read_little),
        cmocka_unit_test(files_that_stand_still_hold_little),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
