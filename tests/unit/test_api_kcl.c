/* The rules that the Kinesis Client Library enforces, over random histories of
 * puts, splits, merges, resizes, time and trimming: an answer has ChildShards if and only if
 * it has no NextShardIterator, and they name the shard as their parent; the shards of each filter are
 * the whole range of hash keys, each key once; a reader that reads parents before children sees every
 * record that retention has left once, and each key's records in the order of their puts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/base64.h"
#include "backend/base/hashkey.h"
#include "tests/support/apiworld.h"
#include "tests/support/contract_case.h"

#define STEPS 60
#define SHARDS_MAX 400
#define KEYS 8
#define PUTS_MAX (STEPS * 10)
#define RETENTION_MS (24 * UINT64_C(3600000))

struct history {
    struct api_world *w;
    uint64_t seed;
    bool trims;       /* hours pass, too */
    unsigned int put; /* records so far; each holds its ordinal, from 1 */
    uint64_t arrived_ms[PUTS_MAX + 1];
    unsigned int last[KEYS]; /* the ordinal of the key's newest that was read */
    unsigned int read;       /* records that were read */
};

/* ---- making one ---- */

static void put_some(struct history *h)
{
    for (uint64_t n = random_below(&h->seed, 10); n > 0; n--) {
        unsigned int key = (unsigned int)random_below(&h->seed, KEYS);
        char text[16];
        char base64[32];
        h->arrived_ms[++h->put] = h->w->wall_ms;
        (void)snprintf(text, sizeof text, "%06u", h->put);
        kfs_base64_encode(text, 6, base64);
        done(h->w, "PutRecord", "{'StreamName':'s','Data':'%.8s','PartitionKey':'%u'}", base64, key);
    }
}

/* The open shards' ids, in order of their ranges. */
static size_t open_shards(struct history *h, char ids[][24], char starts[][48])
{
    size_t n;

    done(h->w, "ListShards", "{'StreamName':'s','ShardFilter':{'Type':'AT_LATEST'}}");
    n = count_at(h->w, "Shards");
    assert_true(n < SHARDS_MAX);
    for (size_t i = 0; i < n; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "Shards.%zu.ShardId", i);
        (void)snprintf(ids[i], 24, "%s", text_at(h->w, path));
        (void)snprintf(path, sizeof path, "Shards.%zu.HashKeyRange.StartingHashKey", i);
        (void)snprintf(starts[i], 48, "%s", text_at(h->w, path));
    }
    return n;
}

static void split_one(struct history *h)
{
    static char ids[SHARDS_MAX][24];
    static char starts[SHARDS_MAX][48];
    size_t n = open_shards(h, ids, starts);
    size_t i = random_below(&h->seed, n);
    char text[KFS_HASH_DIGITS_MAX + 1];
    kfs_hash start;

    assert_int_equal(kfs_hash_parse(starts[i], strlen(starts[i]), &start), 0);
    (void)kfs_hash_print(start + 2 + random_below(&h->seed, UINT64_C(1) << 40), text);
    (void)ask(h->w, "SplitShard", "{'StreamName':'s','ShardToSplit':'%s','NewStartingHashKey':'%s'}", ids[i], text);
    assert_true(h->w->reply.status == 200 || h->w->reply.status == 400);
}

static void merge_any(struct history *h)
{
    static char ids[SHARDS_MAX][24];
    static char starts[SHARDS_MAX][48];
    size_t n = open_shards(h, ids, starts);

    for (int tries = 0; tries < 20; tries++) {
        size_t i = random_below(&h->seed, n);
        size_t j = random_below(&h->seed, n);
        if (ask(h->w, "MergeShards", "{'StreamName':'s','ShardToMerge':'%s','AdjacentShardToMerge':'%s'}", ids[i],
                ids[j]) == 200)
            return;
    }
}

static void resize(struct history *h)
{
    (void)ask(h->w, "UpdateShardCount", "{'StreamName':'s','TargetShardCount':%u,'ScalingType':'UNIFORM_SCALING'}",
              (unsigned int)random_below(&h->seed, 8) + 1);
}

static void step(struct history *h)
{
    switch (random_below(&h->seed, 8)) {
    case 0:
        split_one(h);
        break;
    case 1:
        merge_any(h);
        break;
    case 2:
        resize(h);
        break;
    default:
        put_some(h);
        break;
    }
    api_world_pass(h->w, random_below(&h->seed, 3) * random_below(&h->seed, 100000));
    if (h->trims && random_below(&h->seed, 8) == 0)
        api_world_pass(h->w, random_below(&h->seed, RETENTION_MS / 2));
}

/* ---- the rules ---- */

static int by_start(const void *a, const void *b)
{
    const struct kfs_hash_range *x = a;
    const struct kfs_hash_range *y = b;

    return (x->start > y->start) - (x->start < y->start);
}

static kfs_hash hash_at(struct api_world *w, size_t i, const char *member)
{
    char path[80];
    kfs_hash hash;

    (void)snprintf(path, sizeof path, "Shards.%zu.HashKeyRange.%s", i, member);
    const char *text = text_at(w, path);
    assert_int_equal(kfs_hash_parse(text, strlen(text), &hash), 0);
    return hash;
}

/* The shards of a filter have every hash key once. */
static void check_whole(struct history *h, const char *filter)
{
    static struct kfs_hash_range ranges[SHARDS_MAX];
    size_t n;

    done(h->w, "ListShards", "{'StreamName':'s','ShardFilter':{%s}}", filter);
    n = count_at(h->w, "Shards");
    assert_true(n > 0 && n < SHARDS_MAX);
    for (size_t i = 0; i < n; i++)
        ranges[i] = (struct kfs_hash_range){hash_at(h->w, i, "StartingHashKey"), hash_at(h->w, i, "EndingHashKey")};
    qsort(ranges, n, sizeof ranges[0], by_start);
    assert_true(ranges[0].start == 0 && ranges[n - 1].end == KFS_HASH_MAX);
    for (size_t i = 1; i < n; i++)
        assert_true(ranges[i].start == ranges[i - 1].end + 1);
}

static void check_record(struct history *h, size_t i)
{
    char path[64];
    char data[16] = "";

    (void)snprintf(path, sizeof path, "Records.%zu.Data", i);
    const char *base64 = text_at(h->w, path);
    assert_int_equal(kfs_base64_decode(base64, strlen(base64), data), 6);
    (void)snprintf(path, sizeof path, "Records.%zu.PartitionKey", i);
    unsigned int key = (unsigned int)strtoul(text_at(h->w, path), NULL, 10);
    unsigned int ordinal = (unsigned int)strtoul(data, NULL, 10);
    assert_true(key < KEYS && ordinal > h->last[key] && ordinal <= h->put);
    assert_true(h->arrived_ms[ordinal] + RETENTION_MS >= h->w->wall_ms);
    h->last[key] = ordinal;
    h->read++;
}

/* The children of a shard that ended come after it, and name it. */
static void check_children(struct history *h, unsigned int shard)
{
    size_t n = count_at(h->w, "ChildShards");

    assert_true(n > 0);
    for (size_t i = 0; i < n; i++) {
        char path[64];
        char item[96];
        bool named = false;
        (void)snprintf(path, sizeof path, "ChildShards.%zu.ShardId", i);
        assert_true(shard_at(h->w, path) > shard);
        (void)snprintf(path, sizeof path, "ChildShards.%zu.ParentShards", i);
        size_t parents = count_at(h->w, path);
        for (size_t k = 0; k < parents; k++) {
            (void)snprintf(item, sizeof item, "%s.%zu", path, k);
            named = named || shard_at(h->w, item) == shard;
        }
        assert_true(named);
    }
}

/* Reads a shard to its end; its parents have been read. */
static void read_shard(struct history *h, unsigned int shard)
{
    char *iterator = iterator_of(h->w, "s", shard, "TRIM_HORIZON", "");

    for (;;) {
        done(h->w, "GetRecords", "{'ShardIterator':'%s','Limit':%u}", iterator,
             (unsigned int)random_below(&h->seed, 5) + 1);
        for (size_t i = 0; i < count_at(h->w, "Records"); i++)
            check_record(h, i);
        bool ended = at(h->w, "NextShardIterator") == NULL;
        assert_int_equal(ended, at(h->w, "ChildShards") != NULL);
        if (ended)
            check_children(h, shard);
        if (ended || (count_at(h->w, "Records") == 0 && int_at(h->w, "MillisBehindLatest") == 0))
            break;
        free(iterator);
        iterator = strdup(text_at(h->w, "NextShardIterator"));
    }
    free(iterator);
}

/* Reads all shards; ids grow from parents to children. */
static void read_all_shards(struct history *h)
{
    static unsigned int shards[SHARDS_MAX];
    size_t n;

    done(h->w, "ListShards", "{'StreamName':'s'}");
    n = count_at(h->w, "Shards");
    assert_true(n < SHARDS_MAX);
    for (size_t i = 0; i < n; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "Shards.%zu.ShardId", i);
        shards[i] = shard_at(h->w, path);
        (void)snprintf(path, sizeof path, "Shards.%zu.ParentShardId", i);
        if (at(h->w, path) != NULL)
            assert_true(shard_at(h->w, path) < shards[i]);
    }
    memset(h->last, 0, sizeof h->last);
    h->read = 0;
    for (size_t i = 0; i < n; i++)
        read_shard(h, shards[i]);
    unsigned int kept = 0;
    for (unsigned int i = 1; i <= h->put; i++)
        kept += h->arrived_ms[i] + RETENTION_MS >= h->w->wall_ms ? 1 : 0;
    assert_int_equal(h->read, kept);
}

static void check_rules(struct history *h, uint64_t began_ms)
{
    char filter[96];

    check_whole(h, "'Type':'AT_LATEST'");
    check_whole(h, "'Type':'AT_TRIM_HORIZON'");
    for (int i = 0; i < 5; i++) {
        uint64_t ms = began_ms + random_below(&h->seed, h->w->wall_ms - began_ms + 1);
        (void)snprintf(filter, sizeof filter, "'Type':'AT_TIMESTAMP','Timestamp':%llu.%03llu",
                       (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000));
        check_whole(h, filter);
    }
}

static void run(struct api_world *w, uint64_t seed)
{
    struct history h = {.w = w, .seed = seed, .trims = seed % 2 == 0};
    const uint64_t began_ms = w->wall_ms;

    done(w, "CreateStream", "{'StreamName':'s','ShardCount':%u}", (unsigned int)random_below(&h.seed, 4) + 1);
    for (int i = 0; i < STEPS; i++) {
        step(&h);
        check_rules(&h, began_ms);
        if (random_below(&h.seed, 20) == 0)
            read_all_shards(&h);
    }
    read_all_shards(&h);
    /* Past retention every closed shard goes, and what is told of is still whole. */
    for (int i = 0; i < 10; i++) {
        api_world_pass(w, 3 * UINT64_C(3600000));
        check_rules(&h, began_ms);
    }
    done(w, "DeleteStream", "{'StreamName':'s'}");
}

static void random_histories(void **state)
{
    for (uint64_t seed = 1; seed <= 20; seed++)
        run(*state, seed);
}

static void random_histories_of_a_store(void **state)
{
    for (uint64_t seed = 101; seed <= 104; seed++)
        run(*state, seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_histories, api_world_setup, api_world_teardown),
        cmocka_unit_test_setup_teardown(random_histories_of_a_store, api_world_setup_local, api_world_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
