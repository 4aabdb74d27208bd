#include "tests/support/contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/base/aggregate.h"
#include "tests/support/contract_case.h"

#define TESTS_MAX 256
#define NAME_MAX_LEN 128

/* ---- time ---- */

static uint64_t wall(void *ctx)
{
    struct contract_clock *clock = ctx;
    return atomic_load(&clock->wall_ms);
}

static uint64_t mono(void *ctx)
{
    struct contract_clock *clock = ctx;
    return atomic_load(&clock->mono_ms);
}

static void time_moved(struct contract_case *c)
{
    if (c->subject->set_time != NULL)
        c->subject->set_time(c->subject, atomic_load(&c->time.wall_ms));
}

void clock_advance(struct contract_case *c, uint64_t ms)
{
    atomic_fetch_add(&c->time.wall_ms, ms);
    atomic_fetch_add(&c->time.mono_ms, ms);
    time_moved(c);
}

void clock_step_back(struct contract_case *c, uint64_t ms)
{
    atomic_fetch_sub(&c->time.wall_ms, ms);
    time_moved(c);
}

uint64_t clock_now(const struct contract_case *c)
{
    return atomic_load(&c->time.wall_ms);
}

uint64_t told_creation(const struct contract_case *c, uint64_t ms)
{
    uint64_t told = ms - c->subject->creation_early_ms;

    return c->subject->whole_seconds ? told / 1000 * 1000 : told;
}

/* ---- the fixture ---- */

static bool seen_at_once; /* the subject's */

static void count_fault(void *arg, const char *stream, uint32_t shard, const struct kfs_error *err)
{
    struct contract_case *c = arg;

    print_error("fault in %s, shard %u: %s\n", stream, shard, err->text);
    atomic_fetch_add(&c->faults, 1);
}

static int setup(void **state)
{
    struct contract_subject *subject = *state;
    struct contract_case *c = calloc(1, sizeof *c);

    if (c == NULL)
        return -1;
    c->subject = subject;
    seen_at_once = subject->seen_at_once;
    c->time.clock = (struct kfs_clock){&c->time, wall, mono};
    atomic_store(&c->time.wall_ms, CASE_START_MS);
    atomic_store(&c->time.mono_ms, 1000);
    time_moved(c);
    if (subject->open(subject, &c->time.clock, &c->b) != 0) {
        free(c);
        return -1;
    }
    kfs_on_fault(c->b, count_fault, c);
    *state = c;
    return 0;
}

/* Also after a test that failed half-way, so that the rest can run. */
static int teardown(void **state)
{
    struct contract_case *c = *state;
    int failed;

    case_close_all(c);
    failed = kfs_backend_close(c->b) != 0 || atomic_load(&c->faults) != 0;
    if (c->subject->discard != NULL)
        c->subject->discard(c->subject);
    free(c);
    return failed ? -1 : 0;
}

void case_close_all(struct contract_case *c)
{
    while (c->n_readers > 0)
        kfs_reader_close(c->readers[--c->n_readers]);
    while (c->n_streams > 0)
        kfs_stream_close(c->streams[--c->n_streams]);
}

void case_reopen(struct contract_case *c)
{
    case_close_all(c);
    assert_int_equal(kfs_backend_close(c->b), 0);
    assert_int_equal(c->subject->reopen(c->subject, &c->time.clock, &c->b), 0);
    kfs_on_fault(c->b, count_fault, c);
}

struct kfs_stream *case_open(struct contract_case *c, const char *name)
{
    struct kfs_stream *stream = NULL;

    assert_int_equal(kfs_stream_open(c->b, name, &stream, &c->err), 0);
    assert_true(c->n_streams < CASE_OPEN_MAX);
    c->streams[c->n_streams++] = stream;
    return stream;
}

struct kfs_stream *case_create(struct contract_case *c, const char *name, uint32_t shards)
{
    struct kfs_stream_spec spec = {.shards = shards};

    assert_int_equal(kfs_stream_create(c->b, name, &spec, &c->err), 0);
    return case_open(c, name);
}

struct kfs_reader *case_reader(struct contract_case *c, struct kfs_stream *stream, uint32_t shard)
{
    struct kfs_reader *reader = NULL;

    assert_int_equal(kfs_reader_open(stream, shard, &reader, &c->err), 0);
    assert_true(c->n_readers < CASE_OPEN_MAX);
    c->readers[c->n_readers++] = reader;
    return reader;
}

struct kfs_extent extent_of(struct kfs_stream *stream, uint32_t shard)
{
    struct kfs_extent extent;

    if (!seen_at_once)
        assert_int_equal(kfs_catch_up(stream, shard, NULL), 0);
    assert_int_equal(kfs_shard_extent(stream, shard, &extent, NULL), 0);
    return extent;
}

struct kfs_shard_info shard_of(struct kfs_stream *stream, uint32_t shard)
{
    struct kfs_shard_info info;

    assert_int_equal(kfs_shard_info(stream, shard, &info, NULL), 0);
    return info;
}

struct kfs_stream_info info_of(struct kfs_stream *stream)
{
    struct kfs_stream_info info;

    assert_int_equal(kfs_stream_info(stream, &info, NULL), 0);
    return info;
}

/* ---- putting and getting ---- */

size_t frame_aggregate(char *data, const char *message)
{
    size_t len = strlen(message);

    memcpy(data, KFS_AGGREGATE_MAGIC, KFS_AGGREGATE_MAGIC_BYTES);
    memcpy(data + KFS_AGGREGATE_MAGIC_BYTES, message, len);
    kfs_md5(message, len, (uint8_t *)data + KFS_AGGREGATE_MAGIC_BYTES + len);
    return KFS_AGGREGATE_FRAME_BYTES + len;
}

struct kfs_bytes bytes_of(const char *text)
{
    return (struct kfs_bytes){text, strlen(text)};
}

struct kfs_put put_of(const char *data, const char *key)
{
    return (struct kfs_put){.data = bytes_of(data), .key = bytes_of(key)};
}

int append_seen(struct kfs_stream *stream, uint32_t shard, const struct kfs_put *puts, size_t n,
                struct kfs_put_result *results, struct kfs_error *err)
{
    int rc = kfs_append(stream, shard, puts, n, results, err);

    if (rc != 0 || seen_at_once)
        return rc;
    rc = kfs_sync_wait(stream, shard);
    return rc == 0 ? kfs_catch_up(stream, shard, err) : rc;
}

struct kfs_seq put_text(struct kfs_stream *stream, uint32_t shard, const char *data)
{
    struct kfs_put put = put_of(data, "k");
    struct kfs_put_result result;

    assert_int_equal(append_seen(stream, shard, &put, 1, &result, NULL), 0);
    return result.seq;
}

void put_many(struct kfs_stream *stream, uint32_t shard, size_t n, size_t len)
{
    char *text = malloc(len + 1);

    assert_non_null(text);
    for (size_t i = 0; i < n; i++) {
        struct kfs_put put = {.data = {text, len}, .key = bytes_of("k")};
        char ordinal[24];
        (void)snprintf(ordinal, sizeof ordinal, "%08zu", i);
        memset(text, 'x', len);
        memcpy(text, ordinal, len < 8 ? len : 8);
        assert_int_equal(i + 1 < n ? kfs_append(stream, shard, &put, 1, NULL, NULL)
                                   : append_seen(stream, shard, &put, 1, NULL, NULL),
                         0);
    }
    free(text);
}

void read_all(struct contract_case *c, struct kfs_stream *stream, uint32_t shard, size_t records, struct kfs_batch *all)
{
    struct kfs_reader *reader = NULL;
    struct kfs_limit limit = {.records = records, .bytes = KFS_RECORD_BYTES_MAX};
    struct kfs_position horizon = {.type = KFS_AT_HORIZON};
    struct kfs_extent extent;
    struct kfs_batch batch;
    uint64_t at = 0;

    kfs_batch_init(all);
    kfs_batch_init(&batch);
    assert_int_equal(kfs_reader_open(stream, shard, &reader, &c->err), 0);
    assert_int_equal(kfs_locate(reader, &horizon, &at, &c->err), 0);
    assert_int_equal(kfs_shard_extent(stream, shard, &extent, &c->err), 0);
    do {
        assert_int_equal(kfs_read(reader, at, &limit, &batch, &c->err), 0);
        for (size_t i = 0; i < batch.n; i++)
            assert_int_equal(kfs_batch_add(all, &batch.records[i]), 0);
        at = batch.next;
    } while (batch.n > 0);
    for (size_t i = 0; i < all->n; i++)
        assert_int_equal(all->records[i].ordinal, extent.first_record + i);
    assert_int_equal(at, batch.tip);
    all->next = at;
    all->tip = batch.tip;
    kfs_batch_release(&batch);
    kfs_reader_close(reader);
}

uint64_t locate(struct kfs_reader *reader, const struct kfs_position *position)
{
    uint64_t offset = UINT64_MAX;

    assert_int_equal(kfs_locate(reader, position, &offset, NULL), 0);
    return offset;
}

void assert_bytes(struct kfs_bytes got, struct kfs_bytes expected)
{
    assert_int_equal(got.len, expected.len);
    if (got.len > 0)
        assert_memory_equal(got.data, expected.data, got.len);
}

void assert_data(const struct kfs_record *record, const char *data)
{
    assert_bytes(record->data, bytes_of(data));
}

void assert_seq_below(const struct kfs_seq *a, const struct kfs_seq *b)
{
    assert_true(kfs_seq_cmp(a, b) < 0);
}

void assert_last(struct kfs_stream *stream, uint32_t shard, const struct kfs_seq *seq)
{
    struct kfs_extent extent = extent_of(stream, shard);

    assert_int_equal(kfs_seq_cmp(&extent.last, seq), 0);
}

void assert_hash_equal(kfs_hash a, kfs_hash b)
{
    char left[KFS_HASH_DIGITS_MAX + 1];
    char right[KFS_HASH_DIGITS_MAX + 1];

    (void)kfs_hash_print(a, left);
    (void)kfs_hash_print(b, right);
    assert_string_equal(left, right);
}

void assert_failed(struct contract_case *c, int rc, int code)
{
    assert_int_equal(rc, -code);
    assert_int_equal(c->err.code, code);
    assert_string_not_equal(c->err.text, "");
}

bool wait_until(atomic_int *counter, int n)
{
    for (int i = 0; i < 100000; i++) {
        struct timespec pause = {0, 100000};
        if (atomic_load(counter) >= n)
            return true;
        (void)nanosleep(&pause, NULL);
    }
    return false;
}

/* ---- randomness ---- */

uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t random_below(uint64_t *state, uint64_t n)
{
    return random_next(state) % n;
}

void random_fill(uint64_t *state, void *data, size_t len)
{
    uint64_t word = 0;

    for (size_t i = 0; i < len; i++) {
        if (i % 8 == 0)
            word = random_next(state);
        ((unsigned char *)data)[i] = (unsigned char)(word >> (i % 8 * 8));
    }
}

/* ---- running ---- */

/* Room for the names, which cmocka keeps pointers to. */
static char names[TESTS_MAX][NAME_MAX_LEN];

static bool left_out(const struct contract_subject *subject, const char *name)
{
    char word[NAME_MAX_LEN];

    (void)snprintf(word, sizeof word, " %s ", name);
    return subject->left_out != NULL && strstr(subject->left_out, word) != NULL;
}

int contract_run(struct contract_subject *subject)
{
    const struct contract_group *groups[] = {
        &contract_streams,   &contract_shards,
        &contract_resize,    &contract_append,
        &contract_locate,    &contract_read,
        &contract_retention, &contract_watch,
        &contract_notes,     &contract_tags,
        &contract_threads,   &contract_wrappers,
        &contract_model,     subject->reopen != NULL ? &contract_reopen : NULL,
    };
    static struct CMUnitTest tests[TESTS_MAX];
    size_t n = 0;

    for (size_t g = 0; g < sizeof groups / sizeof groups[0] && groups[g] != NULL; g++)
        for (size_t i = 0; i < groups[g]->n; i++) {
            if (left_out(subject, groups[g]->tests[i].name))
                continue;
            if (n == TESTS_MAX)
                abort();
            tests[n] = groups[g]->tests[i];
            (void)snprintf(names[n], NAME_MAX_LEN, "%s: %s", subject->name, tests[n].name);
            tests[n].name = names[n];
            tests[n].setup_func = setup;
            tests[n].teardown_func = teardown;
            tests[n].initial_state = subject;
            n++;
        }
    return _cmocka_run_group_tests(subject->name, tests, n, NULL, NULL);
}
