/* Contract: appending, and making it safe. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/contract_case.h"

#define MIB (1U << 20)

static uint64_t records_in(struct kfs_stream *s, uint32_t shard)
{
    return extent_of(s, shard).next_record;
}

static void append_moves_the_extent(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_seq first = put_text(s, 0, "hello");
    struct kfs_seq second;
    struct kfs_seq starting;

    clock_advance(c, 7);
    second = put_text(s, 0, "");
    assert_int_equal(extent_of(s, 0).start, 0);
    assert_int_equal(extent_of(s, 0).end, 7);
    assert_int_equal(extent_of(s, 0).first_record, 0);
    assert_int_equal(extent_of(s, 0).next_record, 2);
    assert_int_equal(extent_of(s, 0).last_arrival_ms, clock_now(c));
    assert_seq_below(&first, &second);
    assert_last(s, 0, &second);
    starting = shard_of(s, 0).starting;
    assert_seq_below(&starting, &first);
}

static void results_are_what_is_read(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 2);
    struct kfs_put puts[3] = {put_of("a", "k1"), put_of("", "k2"), put_of("ccc", "k3")};
    struct kfs_put_result results[3];
    struct kfs_batch all;
    uint64_t offset = 0;

    assert_int_equal(kfs_append(s, 1, puts, 3, results, &c->err), 0);
    read_all(c, s, 1, 10, &all);
    assert_int_equal(all.n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(results[i].error, 0);
        assert_int_equal(results[i].shard, 1);
        assert_int_equal(kfs_seq_cmp(&results[i].seq, &all.records[i].seq), 0);
        assert_bytes(all.records[i].data, puts[i].data);
        assert_bytes(all.records[i].key, puts[i].key);
        assert_int_equal(all.records[i].arrival_ms, clock_now(c));
        assert_int_equal(all.records[i].offset, offset);
        offset += puts[i].data.len + 1;
    }
    assert_int_equal(records_in(s, 0), 0);
    kfs_batch_release(&all);
}

static void results_may_be_left_out(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 2);
    struct kfs_put puts[2] = {put_of("a", "k"), put_of("b", "k")};

    assert_int_equal(kfs_append(s, 0, puts, 2, NULL, NULL), 0);
    assert_int_equal(kfs_append(s, KFS_NO_SHARD, puts, 2, NULL, NULL), 0);
    assert_int_equal(records_in(s, 0) + records_in(s, 1), 4);
}

static void appending_nothing_does_nothing(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);

    assert_int_equal(kfs_append(s, 0, NULL, 0, NULL, &c->err), 0);
    assert_int_equal(kfs_append(s, KFS_NO_SHARD, NULL, 0, NULL, &c->err), 0);
    assert_int_equal(records_in(s, 0), 0);
}

static void any_bytes_are_kept(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    unsigned char every[512];
    static const char lines[] = "a\nb\n\n\nc\n";
    static const char nuls[] = "\0\0x\0\n\0";
    struct kfs_put puts[5] = {
        {.data = {NULL, 0}, .key = bytes_of("k")},
        {.data = {lines, sizeof lines - 1}, .key = bytes_of("k")},
        {.data = {nuls, sizeof nuls - 1}, .key = bytes_of("k\n")},
        {.data = {every, sizeof every}, .key = {"\0", 1}},
        {.data = {"\n", 1}, .key = bytes_of("\xf0\x9f\xa6\x86")},
    };
    struct kfs_batch all;

    for (size_t i = 0; i < sizeof every; i++)
        every[i] = (unsigned char)i;
    assert_int_equal(kfs_append(s, 0, puts, 5, NULL, &c->err), 0);
    read_all(c, s, 0, 2, &all);
    assert_int_equal(all.n, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_bytes(all.records[i].data, puts[i].data);
        assert_bytes(all.records[i].key, puts[i].key);
    }
    kfs_batch_release(&all);
}

/* A caller whose buffer has the newline anyway says so; the result is the same. */
static void newline_follows_changes_nothing(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    static const char text[] = "one\ntwo\n\nfour\nfive!";
    struct kfs_put puts[5] = {
        {.data = {text, 3}, .key = bytes_of("k"), .newline_follows = true},
        {.data = {text + 4, 3}, .key = bytes_of("k"), .newline_follows = true},
        {.data = {text + 8, 0}, .key = bytes_of("k"), .newline_follows = true},
        {.data = {text + 9, 4}, .key = bytes_of("k"), .newline_follows = true},
        {.data = {text + 14, 4}, .key = bytes_of("k"), .newline_follows = false},
    };
    struct kfs_put alone = {.data = {text + 4, 3}, .key = bytes_of("k"), .newline_follows = true};
    struct kfs_reader *reader;
    char got[64];

    assert_int_equal(kfs_append(s, 0, puts, 5, NULL, &c->err), 0);
    assert_int_equal(kfs_append(s, 0, &alone, 1, NULL, &c->err), 0);
    reader = case_reader(c, s, 0);
    assert_int_equal(kfs_read_bytes(reader, 0, got, sizeof got, &c->err), 23);
    assert_memory_equal(got, "one\ntwo\n\nfour\nfive\ntwo\n", 23);
}

/* ---- routing ---- */

static void keys_route_by_md5(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 5);

    for (int i = 0; i < 64; i++) {
        char key[16];
        struct kfs_put put;
        struct kfs_put_result result;
        struct kfs_hash_range range;
        (void)snprintf(key, sizeof key, "key-%d", i);
        put = put_of("x", key);
        assert_int_equal(kfs_append(s, KFS_NO_SHARD, &put, 1, &result, &c->err), 0);
        range = shard_of(s, result.shard).range;
        assert_true(kfs_hash_in(&range, kfs_hash_of_key(key, strlen(key))));
    }
}

static void explicit_hashes_route_at_the_edges(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 3);
    const kfs_hash second = kfs_hash_uniform(1, 3).start;
    const kfs_hash third = kfs_hash_uniform(2, 3).start;
    const kfs_hash hashes[] = {0, 1, second - 1, second, second + 1, third - 1, third, KFS_HASH_MAX - 1, KFS_HASH_MAX};
    static const uint32_t shards[] = {0, 0, 0, 1, 1, 1, 2, 2, 2};
    struct kfs_put puts[9];
    struct kfs_put_result results[9];

    for (size_t i = 0; i < 9; i++) {
        puts[i] = put_of("x", "the same key");
        puts[i].explicit_hash = &hashes[i];
    }
    assert_int_equal(kfs_append(s, KFS_NO_SHARD, puts, 9, results, &c->err), 0);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(results[i].shard, shards[i]);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(records_in(s, i), 3);
}

static void a_named_shard_takes_any_key(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 4);
    const kfs_hash elsewhere = 0;

    for (uint32_t shard = 0; shard < 4; shard++) {
        struct kfs_put put = put_of("x", "k");
        struct kfs_put_result result;
        put.explicit_hash = shard % 2 == 0 ? NULL : &elsewhere;
        assert_int_equal(kfs_append(s, shard, &put, 1, &result, &c->err), 0);
        assert_int_equal(result.shard, shard);
        assert_int_equal(records_in(s, shard), 1);
    }
}

static void batches_keep_their_order_in_each_shard(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 3);
    struct kfs_put puts[300];
    static char texts[300][8];
    static kfs_hash hashes[300];
    uint64_t seed = 1;
    size_t seen = 0;

    for (size_t i = 0; i < 300; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "%03zu", i);
        hashes[i] = (kfs_hash)random_next(&seed) << 64;
        puts[i] = (struct kfs_put){.data = bytes_of(texts[i]), .key = bytes_of("k"), .explicit_hash = &hashes[i]};
    }
    assert_int_equal(kfs_append(s, KFS_NO_SHARD, puts, 300, NULL, &c->err), 0);
    for (uint32_t shard = 0; shard < 3; shard++) {
        struct kfs_batch all;
        read_all(c, s, shard, 100, &all);
        for (size_t i = 1; i < all.n; i++) {
            assert_true(memcmp(all.records[i - 1].data.data, all.records[i].data.data, 3) < 0);
            assert_seq_below(&all.records[i - 1].seq, &all.records[i].seq);
        }
        seen += all.n;
        kfs_batch_release(&all);
    }
    assert_int_equal(seen, 300);
}

/* ---- keys ---- */

static void an_empty_key_is_the_shards_id(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 2);
    struct kfs_put put = {.data = bytes_of("x")};
    struct kfs_put empty = {.data = {NULL, 0}};
    const kfs_hash hash = 0;
    struct kfs_put_result result = {0};
    struct kfs_batch all;

    assert_int_equal(kfs_append(s, 1, &empty, 1, NULL, &c->err), 0);
    assert_int_equal(kfs_append(s, 1, &put, 1, NULL, &c->err), 0);
    read_all(c, s, 1, 10, &all);
    assert_bytes(all.records[0].key, bytes_of("shardId-000000000001"));
    assert_bytes(all.records[1].key, bytes_of("shardId-000000000001"));
    kfs_batch_release(&all);
    assert_failed(c, kfs_append(s, KFS_NO_SHARD, &put, 1, &result, &c->err), EINVAL);
    assert_int_equal(result.error, -EINVAL);
    put.explicit_hash = &hash;
    assert_failed(c, kfs_append(s, KFS_NO_SHARD, &put, 1, NULL, &c->err), EINVAL);
}

/* n times a character, as a key. */
static struct kfs_bytes repeat(char *room, const char *character, size_t n)
{
    size_t width = strlen(character);

    for (size_t i = 0; i < n; i++)
        memcpy(room + i * width, character, width);
    return (struct kfs_bytes){room, n * width};
}

static void keys_have_256_characters_of_any_width(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    static const char *const characters[] = {"k", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\xa6\x86"};
    char room[2048];
    struct kfs_put put = {.data = bytes_of("x")};

    for (size_t i = 0; i < 4; i++) {
        struct kfs_batch all;
        put.key = repeat(room, characters[i], 256);
        assert_int_equal(kfs_append(s, 0, &put, 1, NULL, &c->err), 0);
        assert_int_equal(kfs_append(s, KFS_NO_SHARD, &put, 1, NULL, &c->err), 0);
        read_all(c, s, 0, 10, &all);
        assert_int_equal(all.n, 2 * (i + 1));
        assert_bytes(all.records[all.n - 1].key, put.key);
        assert_bytes(all.records[all.n - 2].key, put.key);
        kfs_batch_release(&all);
        put.key = repeat(room, characters[i], 257);
        assert_failed(c, kfs_append(s, 0, &put, 1, NULL, &c->err), EINVAL);
        assert_failed(c, kfs_append(s, KFS_NO_SHARD, &put, 1, NULL, &c->err), EINVAL);
    }
    assert_int_equal(records_in(s, 0), 8);
}

static void a_bad_key_refuses_the_whole_call(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 2);
    static const char *const bad[] = {"\xff", "a\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kfs_put puts[3] = {put_of("a", "k"), put_of("b", bad[i]), put_of("c", "k")};
        struct kfs_put_result results[3] = {{0}};
        assert_failed(c, kfs_append(s, i % 2 == 0 ? 0 : KFS_NO_SHARD, puts, 3, results, &c->err), EINVAL);
        assert_int_equal(results[0].error, -ECANCELED);
        assert_int_equal(results[1].error, -EINVAL);
        assert_int_equal(results[2].error, -ECANCELED);
    }
    assert_int_equal(records_in(s, 0) + records_in(s, 1), 0);
}

/* ---- sizes ---- */

static void the_record_limit_is_exact(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_stream_change raise = {.max_record_bytes = KFS_RECORD_BYTES_MAX};
    struct kfs_stream_change lower = {.max_record_bytes = KFS_RECORD_BYTES_DEFAULT};
    char *big = malloc(KFS_RECORD_BYTES_MAX + 1);
    struct kfs_put put = {.data = {big, KFS_RECORD_BYTES_DEFAULT}, .key = bytes_of("k")};
    struct kfs_put_result result = {0};
    struct kfs_batch all;
    uint64_t seed = 7;

    assert_non_null(big);
    random_fill(&seed, big, KFS_RECORD_BYTES_MAX + 1);
    assert_int_equal(kfs_append(s, 0, &put, 1, NULL, &c->err), 0);
    put.data.len++;
    assert_failed(c, kfs_append(s, 0, &put, 1, &result, &c->err), EMSGSIZE);
    assert_int_equal(result.error, -EMSGSIZE);
    assert_failed(c, kfs_append(s, KFS_NO_SHARD, &put, 1, NULL, &c->err), EMSGSIZE);
    assert_int_equal(kfs_stream_update(s, &raise, &c->err), 0);
    put.data.len = KFS_RECORD_BYTES_MAX;
    assert_int_equal(kfs_append(s, 0, &put, 1, NULL, &c->err), 0);
    put.data.len++;
    assert_failed(c, kfs_append(s, 0, &put, 1, NULL, &c->err), EMSGSIZE);
    assert_int_equal(kfs_stream_update(s, &lower, &c->err), 0);
    put.data.len = KFS_RECORD_BYTES_DEFAULT + 1;
    assert_failed(c, kfs_append(s, 0, &put, 1, NULL, &c->err), EMSGSIZE);
    read_all(c, s, 0, 10, &all);
    assert_int_equal(all.n, 2);
    assert_bytes(all.records[0].data, (struct kfs_bytes){big, KFS_RECORD_BYTES_DEFAULT});
    assert_bytes(all.records[1].data, (struct kfs_bytes){big, KFS_RECORD_BYTES_MAX});
    kfs_batch_release(&all);
    free(big);
}

static void a_named_shard_takes_all_or_none(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    char *big = calloc(1, MIB + 1);
    struct kfs_put puts[3] = {put_of("a", "k"), {.data = {big, MIB + 1}, .key = bytes_of("k")}, put_of("c", "k")};
    struct kfs_put_result results[3] = {{0}};
    struct kfs_seq before = put_text(s, 0, "before");
    struct kfs_seq after;

    assert_non_null(big);
    assert_failed(c, kfs_append(s, 0, puts, 3, results, &c->err), EMSGSIZE);
    assert_int_equal(results[0].error, -ECANCELED);
    assert_int_equal(results[1].error, -EMSGSIZE);
    assert_int_equal(results[2].error, -ECANCELED);
    assert_int_equal(records_in(s, 0), 1);
    assert_int_equal(extent_of(s, 0).end, 7);
    after = put_text(s, 0, "after");
    assert_seq_below(&before, &after);
    free(big);
}

static void by_key_each_shard_takes_all_or_none(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 3);
    char *big = calloc(1, MIB + 1);
    const kfs_hash low = 0;
    const kfs_hash middle = kfs_hash_uniform(1, 3).start;
    const kfs_hash high = KFS_HASH_MAX;
    struct kfs_put puts[6] = {
        {.data = bytes_of("a"), .key = bytes_of("k"), .explicit_hash = &low},
        {.data = bytes_of("b"), .key = bytes_of("k"), .explicit_hash = &middle},
        {.data = {big, MIB + 1}, .key = bytes_of("k"), .explicit_hash = &middle},
        {.data = bytes_of("d"), .key = bytes_of("k"), .explicit_hash = &high},
        {.data = bytes_of("e"), .key = bytes_of("k"), .explicit_hash = &middle},
        {.data = bytes_of("f"), .key = bytes_of("k"), .explicit_hash = &low},
    };
    static const int errors[] = {0, -ECANCELED, -EMSGSIZE, 0, -ECANCELED, 0};
    static const uint32_t shards[] = {0, 1, 1, 2, 1, 0};
    struct kfs_put_result results[6];

    assert_non_null(big);
    assert_failed(c, kfs_append(s, KFS_NO_SHARD, puts, 6, results, &c->err), EMSGSIZE);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(results[i].error, errors[i]);
        assert_int_equal(results[i].shard, shards[i]);
        assert_int_equal(kfs_seq_is_none(&results[i].seq), errors[i] != 0);
    }
    assert_int_equal(records_in(s, 0), 2);
    assert_int_equal(records_in(s, 1), 0);
    assert_int_equal(records_in(s, 2), 1);
    free(big);
}

static void large_batches(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 2);
    size_t n = 5000;
    struct kfs_put *puts = calloc(n, sizeof *puts);
    struct kfs_put_result *results = calloc(n, sizeof *results);
    struct kfs_batch all;

    assert_non_null(puts);
    assert_non_null(results);
    for (size_t i = 0; i < n; i++)
        puts[i] = put_of(i % 3 == 0 ? "" : "some data", i % 5 == 0 ? "a" : "a longer partition key");
    assert_int_equal(kfs_append(s, 1, puts, n, results, &c->err), 0);
    read_all(c, s, 1, 10000, &all);
    assert_int_equal(all.n, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(kfs_seq_cmp(&all.records[i].seq, &results[i].seq), 0);
        assert_bytes(all.records[i].data, puts[i].data);
        assert_bytes(all.records[i].key, puts[i].key);
    }
    kfs_batch_release(&all);
    free(puts);
    free(results);
}

/* ---- time and numbers ---- */

static void a_clock_that_steps_back_is_survived(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_seq last = put_text(s, 0, "x");
    uint64_t arrival = clock_now(c);
    struct kfs_batch all;

    for (int i = 0; i < 20; i++) {
        struct kfs_seq next;
        if (i % 3 == 0)
            clock_step_back(c, 100000);
        else
            clock_advance(c, 30000);
        next = put_text(s, 0, "x");
        assert_seq_below(&last, &next);
        last = next;
    }
    read_all(c, s, 0, 100, &all);
    for (size_t i = 0; i < all.n; i++) {
        assert_true(all.records[i].arrival_ms >= arrival);
        arrival = all.records[i].arrival_ms;
    }
    assert_int_equal(extent_of(s, 0).last_arrival_ms, arrival);
    kfs_batch_release(&all);
}

static void arrivals_may_lie_far_apart(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_stream_change change = {.retention_hours = KFS_RETENTION_HOURS_MAX};
    const uint64_t step = 60 * (24 * HOUR_MS); /* more than 2^32 ms */
    struct kfs_batch all;

    assert_int_equal(kfs_stream_update(s, &change, &c->err), 0);
    for (int i = 0; i < 4; i++) {
        put_text(s, 0, "x");
        clock_advance(c, step);
    }
    read_all(c, s, 0, 10, &all);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(all.records[i].arrival_ms, CASE_START_MS + i * step);
    kfs_batch_release(&all);
}

static void numbers_are_in_amazons_layout(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 20);
    struct kfs_seq seq = put_text(s, 17, "x");
    char text[KFS_SEQ_DIGITS_MAX + 1];
    struct kfs_seq_parts parts;

    if (!c->subject->amazon_numbers)
        skip();
    assert_int_equal(kfs_seq_print(&seq, text), 56);
    assert_true(kfs_seq_split(&seq, &parts));
    assert_int_equal(parts.shard, 17);
    assert_int_equal(parts.created_s, clock_now(c) / 1000 - 2);
    assert_int_equal(parts.time_s, clock_now(c) / 1000);
    seq = shard_of(s, 17).starting;
    assert_int_equal(kfs_seq_print(&seq, text), 56);
    assert_int_equal(kfs_shard_split(s, 17, shard_of(s, 17).range.start + 2, &c->err), 0);
    seq = shard_of(s, 17).ending;
    assert_true(kfs_seq_split(&seq, &parts));
    assert_int_equal(parts.position, KFS_SEQ_POSITION_MAX);
    assert_int_equal(parts.shard, 17);
    assert_int_equal(parts.time_s, clock_now(c) / 1000);
    /* A child's creation is the second after its parent closed, and none of its records arrive before. */
    seq = put_text(s, 20, "y");
    assert_true(kfs_seq_split(&seq, &parts));
    assert_int_equal(parts.created_s, clock_now(c) / 1000 + 1);
    assert_int_equal(parts.time_s, parts.created_s);
}

/* ---- sync ---- */

struct counted_sync {
    struct kfs_sync op;
    atomic_int calls;
    atomic_int result;
};

static void count_done(struct kfs_sync *op, int result)
{
    struct counted_sync *counted = (struct counted_sync *)op;

    atomic_store(&counted->result, result);
    atomic_fetch_add(&counted->calls, 1);
}

static void sync_is_done_once(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 3);
    struct counted_sync ops[40];

    for (size_t i = 0; i < 40; i++) {
        ops[i] = (struct counted_sync){.op = {.done = count_done}};
        put_text(s, (uint32_t)i % 3, "x");
        kfs_sync(s, i % 4 == 3 ? KFS_NO_SHARD : (uint32_t)i % 4, &ops[i].op);
    }
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(kfs_sync_wait(s, i), 0);
    assert_int_equal(kfs_sync_wait(s, KFS_NO_SHARD), 0);
    for (size_t i = 0; i < 40; i++) {
        assert_true(wait_until(&ops[i].calls, 1));
        assert_int_equal(atomic_load(&ops[i].calls), 1);
        assert_int_equal(atomic_load(&ops[i].result), 0);
    }
}

static void sync_of_nothing_succeeds(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 2);

    assert_int_equal(kfs_sync_wait(s, 0), 0);
    assert_int_equal(kfs_sync_wait(s, KFS_NO_SHARD), 0);
    put_text(s, 1, "x");
    assert_int_equal(kfs_sync_wait(s, 1), 0);
    assert_int_equal(kfs_sync_wait(s, 1), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(append_moves_the_extent),
    cmocka_unit_test(results_are_what_is_read),
    cmocka_unit_test(results_may_be_left_out),
    cmocka_unit_test(appending_nothing_does_nothing),
    cmocka_unit_test(any_bytes_are_kept),
    cmocka_unit_test(newline_follows_changes_nothing),
    cmocka_unit_test(keys_route_by_md5),
    cmocka_unit_test(explicit_hashes_route_at_the_edges),
    cmocka_unit_test(a_named_shard_takes_any_key),
    cmocka_unit_test(batches_keep_their_order_in_each_shard),
    cmocka_unit_test(an_empty_key_is_the_shards_id),
    cmocka_unit_test(keys_have_256_characters_of_any_width),
    cmocka_unit_test(a_bad_key_refuses_the_whole_call),
    cmocka_unit_test(the_record_limit_is_exact),
    cmocka_unit_test(a_named_shard_takes_all_or_none),
    cmocka_unit_test(by_key_each_shard_takes_all_or_none),
    cmocka_unit_test(large_batches),
    cmocka_unit_test(a_clock_that_steps_back_is_survived),
    cmocka_unit_test(arrivals_may_lie_far_apart),
    cmocka_unit_test(numbers_are_in_amazons_layout),
    cmocka_unit_test(sync_is_done_once),
    cmocka_unit_test(sync_of_nothing_succeeds),
};

CONTRACT_GROUP(contract_append, tests);
