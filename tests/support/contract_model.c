/* Contract: a random history, told to the subject and to the reference, gives
 * equal answers. A failure prints the seed and the step; with CONTRACT_SEED=N in
 * the environment the first history has that seed.
 *
 * Sequence numbers are compared by what they order, not by their digits. Where
 * a subject removes records late its horizon may be lower than the reference's;
 * everything from the reference's on must be equal. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/contract_case.h"
#include "tests/support/memory.h"

#define STEPS 400
#define BATCH_MAX 12
#define POOL (1U << 20)
#define BIG 200000U

struct model {
    struct contract_case *c;
    struct kfs_backend *ref_backend;
    struct kfs_stream *sub;
    struct kfs_stream *ref;
    char *pool;    /* random bytes that data is taken from, and one MiB of room to compare */
    uint64_t seed; /* the first state, for messages */
    uint64_t random;
    unsigned int step;
};

static void agree_at(const struct model *m, bool agreed, const char *what, int line)
{
    if (agreed)
        return;
    print_error("CONTRACT_SEED=%" PRIu64 " step %u, %s:%d: not so: %s\n", m->seed, m->step, __FILE__, line, what);
    fail();
}

#define AGREE(m, what) agree_at(m, (what), #what, __LINE__)

static uint64_t below(struct model *m, uint64_t n)
{
    return random_below(&m->random, n);
}

static struct kfs_shard_info *list_ref(struct model *m, size_t *n)
{
    struct kfs_shard_info *shards = NULL;

    AGREE(m, kfs_shard_list(m->ref, &shards, n, NULL) == 0);
    return shards;
}

/* A shard that the reference keeps, mostly an open one. */
static uint32_t pick_shard(struct model *m)
{
    size_t n = 0;
    struct kfs_shard_info *shards = list_ref(m, &n);
    size_t at = below(m, n);
    uint32_t shard;

    for (size_t tries = 0; tries < 3 && shards[at].closed; tries++)
        at = below(m, n);
    shard = shards[at].index;
    free(shards);
    return shard;
}

/* ---- comparing ---- */

static void compare_info(struct model *m)
{
    struct kfs_stream_info sub;
    struct kfs_stream_info ref;

    AGREE(m, kfs_stream_info(m->sub, &sub, NULL) == 0);
    AGREE(m, kfs_stream_info(m->ref, &ref, NULL) == 0);
    AGREE(m, strcmp(sub.name, ref.name) == 0);
    AGREE(m, sub.status == ref.status);
    AGREE(m, sub.open_shards == ref.open_shards);
    AGREE(m, sub.retention_hours == ref.retention_hours);
    AGREE(m, sub.max_record_bytes == ref.max_record_bytes);
    AGREE(m, sub.created_ms == told_creation(m->c, ref.created_ms));
}

static bool about_equal(const struct model *m, kfs_hash a, kfs_hash b)
{
    return (a > b ? a - b : b - a) <= m->c->subject->bounds_off;
}

static void compare_shards(struct model *m)
{
    size_t n_sub = 0;
    size_t n_ref = 0;
    size_t i = 0;
    struct kfs_shard_info *ref = list_ref(m, &n_ref);
    struct kfs_shard_info *sub = NULL;

    AGREE(m, kfs_shard_list(m->sub, &sub, &n_sub, NULL) == 0);
    for (size_t j = 0; j < n_ref; j++, i++) {
        /* What the subject keeps beyond the reference is closed, and older. */
        while (!m->c->subject->exact_horizon && i < n_sub && sub[i].index < ref[j].index && sub[i].closed)
            i++;
        AGREE(m, i < n_sub && sub[i].index == ref[j].index);
        AGREE(m, sub[i].closed == ref[j].closed);
        AGREE(m, sub[i].parent == ref[j].parent);
        AGREE(m, sub[i].adjacent_parent == ref[j].adjacent_parent);
        AGREE(m, about_equal(m, sub[i].range.start, ref[j].range.start));
        AGREE(m, about_equal(m, sub[i].range.end, ref[j].range.end));
        if (m->c->subject->amazon_numbers && sub[i].closed)
            AGREE(m, kfs_seq_cmp(&sub[i].starting, &sub[i].ending) < 0);
    }
    AGREE(m, i == n_sub);
    free(ref);
    free(sub);
}

static struct kfs_extent compare_extent(struct model *m, uint32_t shard, struct kfs_extent *sub)
{
    struct kfs_extent ref;

    AGREE(m, m->c->subject->seen_at_once || kfs_catch_up(m->sub, shard, NULL) == 0);
    AGREE(m, kfs_shard_extent(m->sub, shard, sub, NULL) == 0);
    AGREE(m, kfs_shard_extent(m->ref, shard, &ref, NULL) == 0);
    AGREE(m, sub->end == ref.end);
    AGREE(m, sub->next_record == ref.next_record);
    AGREE(m, sub->closed == ref.closed || (m->c->subject->ends_late && ref.closed));
    AGREE(m, kfs_seq_is_none(&sub->last) == kfs_seq_is_none(&ref.last));
    AGREE(m, sub->start <= ref.start && sub->first_record <= ref.first_record);
    AGREE(m, !m->c->subject->exact_horizon || sub->start == ref.start);
    AGREE(m, !m->c->subject->exact_horizon || sub->first_record == ref.first_record);
    return ref;
}

/* What the subject reads from `offset` is what the reference reads; the
 * subject's numbers and times must be in order. Returns the next offset. */
static uint64_t compare_read(struct model *m, struct kfs_reader *readers[2], uint64_t offset,
                             const struct kfs_limit *limit)
{
    struct kfs_batch sub;
    struct kfs_batch ref;
    uint64_t next;

    kfs_batch_init(&sub);
    kfs_batch_init(&ref);
    AGREE(m, kfs_read(readers[0], offset, limit, &sub, NULL) == 0);
    AGREE(m, kfs_read(readers[1], offset, limit, &ref, NULL) == 0);
    AGREE(m, sub.n == ref.n && sub.next == ref.next && sub.tip == ref.tip);
    for (size_t i = 0; i < sub.n; i++) {
        const struct kfs_record *a = &sub.records[i];
        const struct kfs_record *b = &ref.records[i];
        AGREE(m, a->offset == b->offset);
        AGREE(m,
              a->data.len == b->data.len && (a->data.len == 0 || memcmp(a->data.data, b->data.data, a->data.len) == 0));
        AGREE(m, a->key.len == b->key.len && memcmp(a->key.data, b->key.data, a->key.len) == 0);
        AGREE(m, i == 0 || kfs_seq_cmp(&sub.records[i - 1].seq, &a->seq) < 0);
        AGREE(m, i == 0 || sub.records[i - 1].arrival_ms <= a->arrival_ms);
    }
    next = sub.next;
    kfs_batch_release(&sub);
    kfs_batch_release(&ref);
    return next;
}

static void open_readers(struct model *m, uint32_t shard, struct kfs_reader *readers[2])
{
    AGREE(m, kfs_reader_open(m->sub, shard, &readers[0], NULL) == 0);
    AGREE(m, kfs_reader_open(m->ref, shard, &readers[1], NULL) == 0);
}

static void close_readers(struct kfs_reader *readers[2])
{
    kfs_reader_close(readers[0]);
    kfs_reader_close(readers[1]);
}

static void compare_everything(struct model *m)
{
    const struct kfs_limit limit = {1000, 1U << 20};
    size_t n = 0;
    struct kfs_shard_info *shards = list_ref(m, &n);

    compare_info(m);
    compare_shards(m);
    for (size_t i = 0; i < n; i++) {
        struct kfs_reader *readers[2] = {NULL, NULL};
        struct kfs_extent sub;
        uint64_t at = compare_extent(m, shards[i].index, &sub).start;
        open_readers(m, shards[i].index, readers);
        while (at < sub.end)
            at = compare_read(m, readers, at, &limit);
        close_readers(readers);
    }
    free(shards);
}

/* ---- steps that look ---- */

static void step_read(struct model *m)
{
    uint32_t shard = pick_shard(m);
    struct kfs_reader *readers[2] = {NULL, NULL};
    struct kfs_limit limit = {1 + below(m, 30), below(m, 20000)};
    struct kfs_extent sub;
    struct kfs_extent ref = compare_extent(m, shard, &sub);
    uint64_t at = ref.start + below(m, ref.end - ref.start + 3);
    size_t len = below(m, below(m, 2) == 0 ? 100 : BIG);
    char *room = m->pool + POOL;
    ssize_t got;

    open_readers(m, shard, readers);
    for (int i = 0; i < 3; i++)
        at = compare_read(m, readers, at, &limit);
    at = ref.start + below(m, ref.end - ref.start + 3);
    got = kfs_read_bytes(readers[1], at, room, len, NULL);
    AGREE(m, got >= 0);
    AGREE(m, kfs_read_bytes(readers[0], at, room + BIG, len, NULL) == got);
    AGREE(m, memcmp(room, room + BIG, (size_t)got) == 0);
    if (sub.start > 0) {
        at = below(m, sub.start);
        got = kfs_read_bytes(readers[0], at, room, 10, NULL);
        AGREE(m, got == -ESTALE || (got > 0 && !m->c->subject->exact_horizon));
    }
    close_readers(readers);
}

/* Makes a position of a random type that means the same to both. */
static void make_positions(struct model *m, struct kfs_reader *readers[2], const struct kfs_extent *ref,
                           struct kfs_position positions[2])
{
    const struct kfs_limit one = {1, 1};
    uint64_t offset = ref->start + below(m, ref->end - ref->start + 1);

    for (size_t i = 0; i < 2; i++) {
        struct kfs_batch batch;
        kfs_batch_init(&batch);
        AGREE(m, kfs_read(readers[i], offset, &one, &batch, NULL) == 0);
        positions[i] = (struct kfs_position){.offset = offset};
        if (batch.n > 0) {
            positions[i].seq = batch.records[0].seq;
            positions[i].time_ms = batch.records[0].arrival_ms;
        }
        kfs_batch_release(&batch);
    }
    positions[0].type = positions[1].type = (enum kfs_position_type)below(m, KFS_LAST_RECORDS + 1);
    positions[0].count = positions[1].count = below(m, ref->next_record - ref->first_record + 2);
}

static void step_locate(struct model *m)
{
    uint32_t shard = pick_shard(m);
    struct kfs_reader *readers[2] = {NULL, NULL};
    struct kfs_position positions[2];
    struct kfs_extent sub;
    struct kfs_extent ref = compare_extent(m, shard, &sub);
    uint64_t at[2] = {0, 0};

    open_readers(m, shard, readers);
    make_positions(m, readers, &ref, positions);
    AGREE(m, kfs_locate(readers[0], &positions[0], &at[0], NULL) == 0);
    AGREE(m, kfs_locate(readers[1], &positions[1], &at[1], NULL) == 0);
    close_readers(readers);
    /* Different creation times of a shard (see contract_shards.c) make different arrival times. */
    if (positions[0].type == KFS_AT_TIME && positions[0].time_ms != positions[1].time_ms)
        return;
    /* Before the reference's horizon a late subject may still have something. */
    if (at[1] == ref.start && positions[0].type != KFS_AT_LATEST)
        AGREE(m, at[0] >= sub.start && at[0] <= ref.start);
    else
        AGREE(m, at[0] == at[1]);
}

/* ---- steps that change ---- */

static struct kfs_bytes take_data(struct model *m)
{
    static const uint64_t sizes[] = {1, 20, 20, 200, 200, 200, 3000, 3000, 70000};
    size_t len = below(m, sizes[below(m, 9)]);

    return (struct kfs_bytes){m->pool + below(m, POOL - len), len};
}

static void step_append(struct model *m)
{
    struct kfs_put puts[BATCH_MAX];
    struct kfs_put_result sub[BATCH_MAX];
    struct kfs_put_result ref[BATCH_MAX];
    kfs_hash hashes[BATCH_MAX];
    char keys[BATCH_MAX][24];
    size_t n = 1 + below(m, BATCH_MAX);
    uint32_t shard = below(m, 3) == 0 ? KFS_NO_SHARD : pick_shard(m);
    int rc;

    if (below(m, 40) == 0)
        shard = 1000000;
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "key %" PRIu64, below(m, 50));
        hashes[i] = (kfs_hash)random_next(&m->random) << 64 | random_next(&m->random);
        puts[i] = (struct kfs_put){.data = take_data(m), .key = bytes_of(keys[i])};
        if (below(m, 4) == 0)
            puts[i].explicit_hash = &hashes[i];
        if (below(m, 10) == 0 && shard != KFS_NO_SHARD)
            puts[i].key.len = 0;
        if (below(m, 150) == 0)
            puts[i].data = (struct kfs_bytes){m->pool, KFS_RECORD_BYTES_DEFAULT + 1};
        if (below(m, 300) == 0)
            puts[i].key = bytes_of("\xff");
    }
    rc = kfs_append(m->ref, shard, puts, n, ref, NULL);
    AGREE(m, append_seen(m->sub, shard, puts, n, sub, NULL) == rc);
    for (size_t i = 0; i < n; i++) {
        AGREE(m, sub[i].error == ref[i].error);
        AGREE(m, sub[i].shard == ref[i].shard || sub[i].error == -ENOENT);
        AGREE(m, kfs_seq_is_none(&sub[i].seq) == (sub[i].error != 0));
    }
}

/* After a change of time or retention both must have seen it before the next. */
static void settle(struct model *m)
{
    compare_info(m);
}

static void step_time(struct model *m)
{
    switch (below(m, 6)) {
    case 0:
        clock_step_back(m->c, below(m, 5000));
        break;
    case 1:
        clock_advance(m->c, below(m, 10) * HOUR_MS);
        break;
    default:
        clock_advance(m->c, below(m, 2000));
    }
    settle(m);
}

static void step_split(struct model *m)
{
    uint32_t shard = pick_shard(m);
    struct kfs_shard_info info;
    kfs_hash key;
    int rc;

    AGREE(m, kfs_shard_info(m->ref, shard, &info, NULL) == 0);
    key = info.range.start + ((info.range.end - info.range.start) >> (1 + below(m, 3)));
    if (below(m, 5) == 0)
        key = info.range.start + below(m, 3);
    rc = kfs_shard_split(m->ref, shard, key, NULL);
    AGREE(m, kfs_shard_split(m->sub, shard, key, NULL) == rc);
}

static void step_merge(struct model *m)
{
    size_t n = 0;
    struct kfs_shard_info *shards = list_ref(m, &n);
    size_t left = below(m, n);
    size_t right = below(m, n);
    int rc;

    /* Any two, or two that fit. */
    for (size_t i = 0; i < n && below(m, 4) != 0; i++)
        if (!shards[i].closed && !shards[left].closed && shards[left].range.end + 1 == shards[i].range.start)
            right = i;
    rc = kfs_shard_merge(m->ref, shards[left].index, shards[right].index, NULL);
    AGREE(m, kfs_shard_merge(m->sub, shards[left].index, shards[right].index, NULL) == rc);
    free(shards);
}

static void step_settings(struct model *m)
{
    static const uint32_t hours[] = {0, 24, 24, 30, 48};
    static const uint32_t limits[] = {0, 0, KFS_RECORD_BYTES_DEFAULT, 3U << 20};
    struct kfs_stream_change change = {hours[below(m, 5)], limits[below(m, 4)]};

    if (m->c->subject->fixed_record_limit)
        change.max_record_bytes = 0;
    AGREE(m, kfs_stream_update(m->ref, &change, NULL) == 0);
    AGREE(m, kfs_stream_update(m->sub, &change, NULL) == 0);
    settle(m);
}

static void step_resize(struct model *m)
{
    uint32_t target = 1 + (uint32_t)below(m, 6);
    uint32_t open = info_of(m->ref).open_shards;

    if (m->c->subject->uneven_resize)
        return;
    if (m->c->subject->resizes_in_steps && target > 2 * open)
        target = 2 * open;
    if (m->c->subject->resizes_in_steps && target < (open + 1) / 2)
        target = (open + 1) / 2;
    AGREE(m, kfs_stream_resize(m->ref, target, NULL) == 0);
    AGREE(m, kfs_stream_resize(m->sub, target, NULL) == 0);
}

static void model_create(struct model *m)
{
    struct kfs_stream_spec spec = {.shards = 1 + (uint32_t)below(m, 4)};

    AGREE(m, kfs_stream_create(m->ref_backend, "s", &spec, NULL) == 0);
    AGREE(m, kfs_stream_create(m->c->b, "s", &spec, NULL) == 0);
    AGREE(m, kfs_stream_open(m->ref_backend, "s", &m->ref, NULL) == 0);
    m->sub = case_open(m->c, "s");
}

static void step_recreate(struct model *m)
{
    AGREE(m, kfs_stream_delete(m->ref, NULL) == 0);
    AGREE(m, kfs_stream_delete(m->sub, NULL) == 0);
    kfs_stream_close(m->ref);
    case_close_all(m->c);
    model_create(m);
}

static void step_reopen(struct model *m)
{
    if (m->c->subject->reopen == NULL)
        return;
    case_reopen(m->c);
    m->sub = case_open(m->c, "s");
    compare_everything(m);
}

/* ---- histories ---- */

static void take_step(struct model *m)
{
    static const struct {
        unsigned int weight;
        void (*take)(struct model *m);
    } steps[] = {
        {50, step_append},  {12, step_time},    {5, step_split},         {6, step_merge},
        {1, step_resize},   {3, step_settings}, {20, step_read},         {15, step_locate},
        {1, step_recreate}, {1, step_reopen},   {1, compare_everything},
    };
    uint64_t at = 0;
    size_t i = 0;

    for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++)
        at += steps[k].weight;
    at = below(m, at);
    while (at >= steps[i].weight)
        at -= steps[i++].weight;
    steps[i].take(m);
}

static void run_history(struct contract_case *c, uint64_t seed)
{
    struct model m = {.c = c, .seed = seed, .random = seed};

    m.pool = malloc(POOL + 2 * (size_t)BIG);
    assert_non_null(m.pool);
    random_fill(&m.random, m.pool, POOL);
    for (size_t i = 0; i < POOL; i += 1 + below(&m, 200))
        m.pool[i] = '\n';
    m.ref_backend = memory_open(&c->time.clock);
    model_create(&m);
    for (m.step = 0; m.step < STEPS; m.step++)
        take_step(&m);
    compare_everything(&m);
    if (c->subject->reopen != NULL)
        step_reopen(&m);
    kfs_stream_close(m.ref);
    assert_int_equal(kfs_backend_close(m.ref_backend), 0);
    free(m.pool);
}

static void random_history_1(void **state)
{
    const char *seed = getenv("CONTRACT_SEED");

    run_history(*state, seed != NULL ? strtoull(seed, NULL, 10) : 1);
}

static void random_history_2(void **state)
{
    run_history(*state, 2);
}

static void random_history_3(void **state)
{
    run_history(*state, 3);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(random_history_1),
    cmocka_unit_test(random_history_2),
    cmocka_unit_test(random_history_3),
};

CONTRACT_GROUP(contract_model, tests);
