/* Contract: everything from many threads at once. Threads assert nothing (cmocka
 * jumps); they count what was wrong, and the test asserts after joining them. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/contract_case.h"

#define WRITERS 4
#define READERS 3
#define BATCHES 120
#define BATCH_MAX 5
#define TEXT_MAX 300
#define HEAD 11 /* "w:12345678:" */

/* Record n of a writer: its head, then 0..288 times a letter that follows from both. */
static size_t make_text(char *text, unsigned int writer, unsigned int n)
{
    size_t padding = (n * 7 + writer * 13) % (TEXT_MAX - HEAD);

    (void)snprintf(text, TEXT_MAX, "%01u:%08u:", writer % 10, n % 100000000);
    memset(text + HEAD, 'a' + (int)((n + writer) % 26), padding);
    return HEAD + padding;
}

/* Whether data is the next record of its writer; next[] counts them. */
static bool take_text(unsigned int next[WRITERS], const char *data, size_t len)
{
    char expected[TEXT_MAX];
    unsigned int writer;

    if (len < HEAD || data[0] < '0' || data[0] >= '0' + WRITERS)
        return false;
    writer = (unsigned int)(data[0] - '0');
    if (make_text(expected, writer, next[writer]) != len || memcmp(data, expected, len) != 0)
        return false;
    next[writer]++;
    return true;
}

struct writer {
    struct kfs_stream *s;
    unsigned int id;
    unsigned int written;
    uint32_t shard;
    int rc;
};

static void *write_batches(void *arg)
{
    struct writer *w = arg;
    uint64_t seed = w->id + 1;

    for (int i = 0; i < BATCHES && w->rc == 0; i++) {
        char texts[BATCH_MAX][TEXT_MAX];
        char keys[BATCH_MAX][32];
        struct kfs_put puts[BATCH_MAX];
        size_t n = 1 + random_below(&seed, BATCH_MAX);
        for (size_t j = 0; j < n; j++) {
            size_t len = make_text(texts[j], w->id, w->written + (unsigned int)j);
            (void)snprintf(keys[j], sizeof keys[j], "%u", (unsigned int)random_next(&seed));
            puts[j] = (struct kfs_put){.data = {texts[j], len}, .key = bytes_of(keys[j])};
        }
        w->rc = append_seen(w->s, w->shard, puts, n, NULL, NULL);
        w->written += w->rc == 0 ? (unsigned int)n : 0;
    }
    return NULL;
}

static void start_writers(struct contract_case *c, struct writer *writers, pthread_t *threads, uint32_t shard)
{
    for (unsigned int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.s = case_open(c, "s"), .id = i, .shard = shard};
        assert_int_equal(pthread_create(&threads[i], NULL, write_batches, &writers[i]), 0);
    }
}

static unsigned int join_writers(struct writer *writers, pthread_t *threads)
{
    unsigned int total = 0;

    for (unsigned int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        total += writers[i].written;
    }
    for (unsigned int i = 0; i < WRITERS; i++)
        assert_int_equal(writers[i].rc, 0);
    return total;
}

struct follower {
    struct kfs_reader *reader;
    bool bytes; /* by kfs_read_bytes */
    atomic_bool *stop;
    unsigned int next[WRITERS];
    unsigned int seen;
    bool wrong;
    int rc;
};

static void follow_records(struct follower *f)
{
    struct kfs_limit limit = {7, 2000};
    struct kfs_seq last = {{0}};
    struct kfs_batch batch;
    uint64_t at = 0;
    uint64_t arrival = 0;
    bool stopping = false;

    kfs_batch_init(&batch);
    do {
        /* Once the writers have stopped, what is there is read to its end. */
        stopping = atomic_load(f->stop);
        f->rc = kfs_read(f->reader, at, &limit, &batch, NULL);
        for (size_t i = 0; f->rc == 0 && i < batch.n; i++) {
            const struct kfs_record *r = &batch.records[i];
            f->wrong |= !take_text(f->next, r->data.data, r->data.len) || kfs_seq_cmp(&last, &r->seq) >= 0 ||
                        r->arrival_ms < arrival || r->offset != at;
            last = r->seq;
            arrival = r->arrival_ms;
            at = r->offset + r->data.len + 1;
            f->seen++;
        }
    } while (f->rc == 0 && !f->wrong && (!stopping || batch.n > 0));
    kfs_batch_release(&batch);
}

static void follow_bytes(struct follower *f)
{
    char line[TEXT_MAX + 1];
    char piece[977];
    size_t len = 0;
    uint64_t at = 0;
    ssize_t got;
    bool stopping;

    do {
        stopping = atomic_load(f->stop);
        got = kfs_read_bytes(f->reader, at, piece, sizeof piece, NULL);
        for (ssize_t i = 0; i < got; i++) {
            if (piece[i] == '\n') {
                f->wrong |= !take_text(f->next, line, len);
                f->seen++;
                len = 0;
            } else if (len < sizeof line) {
                line[len++] = piece[i];
            }
        }
        at += got > 0 ? (uint64_t)got : 0;
    } while (got >= 0 && !f->wrong && (!stopping || got > 0));
    f->rc = got < 0 ? (int)got : 0;
}

static void *follow(void *arg)
{
    struct follower *f = arg;

    if (f->bytes)
        follow_bytes(f);
    else
        follow_records(f);
    return NULL;
}

static void nothing_is_torn_or_reordered(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct writer writers[WRITERS];
    struct follower followers[READERS];
    pthread_t writing[WRITERS];
    pthread_t reading[READERS];
    atomic_bool stop = false;
    unsigned int total;

    for (size_t i = 0; i < READERS; i++) {
        followers[i] = (struct follower){.reader = case_reader(c, s, 0), .bytes = i == 0, .stop = &stop};
        assert_int_equal(pthread_create(&reading[i], NULL, follow, &followers[i]), 0);
    }
    start_writers(c, writers, writing, 0);
    for (int i = 0; i < 20; i++) {
        if (i % 4 == 3)
            clock_step_back(c, 3000);
        else
            clock_advance(c, 1000);
        assert_int_equal(kfs_sync_wait(s, 0), 0);
    }
    total = join_writers(writers, writing);
    atomic_store(&stop, true);
    for (size_t i = 0; i < READERS; i++)
        pthread_join(reading[i], NULL);
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(followers[i].rc, 0);
        assert_false(followers[i].wrong);
        assert_int_equal(followers[i].seen, total);
    }
    assert_int_equal(extent_of(s, 0).next_record, total);
}

/* What goes by key always finds an open shard, and each record is in one shard once. */
static void shards_change_under_appends(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 2);
    struct writer writers[WRITERS];
    pthread_t threads[WRITERS];
    struct kfs_shard_info *shards = NULL;
    unsigned char *seen = calloc(WRITERS, (size_t)BATCHES * BATCH_MAX);
    unsigned int total;
    size_t found = 0;
    size_t n = 0;

    assert_non_null(seen);
    start_writers(c, writers, threads, KFS_NO_SHARD);
    for (uint32_t i = 0; i < 12; i++)
        assert_int_equal(kfs_stream_resize(s, 1 + i % 4, &c->err), 0);
    total = join_writers(writers, threads);
    assert_int_equal(kfs_shard_list(s, &shards, &n, &c->err), 0);
    for (size_t i = 0; i < n; i++) {
        struct kfs_batch all;
        read_all(c, s, shards[i].index, 1000, &all);
        for (size_t j = 0; j < all.n; j++) {
            char text[TEXT_MAX + 1] = {0};
            size_t at;
            assert_true(all.records[j].data.len >= HEAD && all.records[j].data.len <= TEXT_MAX);
            memcpy(text, all.records[j].data.data, all.records[j].data.len);
            at = (size_t)(text[0] - '0') * BATCHES * BATCH_MAX + strtoul(text + 2, NULL, 10);
            assert_int_equal(seen[at]++, 0);
            assert_true(
                kfs_hash_in(&shards[i].range, kfs_hash_of_key(all.records[j].key.data, all.records[j].key.len)));
        }
        found += all.n;
        kfs_batch_release(&all);
    }
    assert_int_equal(found, total);
    free(shards);
    free(seen);
}

/* ---- races ---- */

struct racer {
    struct contract_case *c;
    struct kfs_stream *s;
    struct kfs_reader *reader;
    atomic_int *ready;
    int rc;
    bool wrong;
};

static void *create_at_once(void *arg)
{
    struct racer *racer = arg;
    struct kfs_stream_spec spec = {.shards = 1};

    atomic_fetch_add(racer->ready, 1);
    while (atomic_load(racer->ready) < WRITERS)
        ;
    racer->rc = kfs_stream_create(racer->c->b, "s", &spec, NULL);
    return NULL;
}

static void one_of_many_creates(void **state)
{
    struct contract_case *c = *state;
    atomic_int ready = 0;
    struct racer racers[WRITERS];
    pthread_t threads[WRITERS];
    int created = 0;

    for (size_t i = 0; i < WRITERS; i++) {
        racers[i] = (struct racer){.c = c, .ready = &ready};
        assert_int_equal(pthread_create(&threads[i], NULL, create_at_once, &racers[i]), 0);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        created += racers[i].rc == 0 ? 1 : 0;
        racers[i].wrong = racers[i].rc != 0 && racers[i].rc != -EEXIST;
    }
    for (size_t i = 0; i < WRITERS; i++)
        assert_false(racers[i].wrong);
    assert_int_equal(created, 1);
    put_text(case_open(c, "s"), 0, "x");
}

/* Uses a stream until it is gone. */
static void *use_until_deleted(void *arg)
{
    struct racer *racer = arg;
    struct kfs_put put = put_of("data", "k");
    struct kfs_limit limit = {100, 1000};
    struct kfs_batch batch;
    struct kfs_extent extent;
    int rc = 0;

    kfs_batch_init(&batch);
    atomic_fetch_add(racer->ready, 1);
    for (int i = 0; rc == 0; i++) {
        char bytes[64];
        ssize_t got = 0;
        if (i % 5 == 0)
            rc = append_seen(racer->s, 0, &put, 1, NULL, NULL);
        else if (i % 5 == 1)
            rc = kfs_read(racer->reader, 0, &limit, &batch, NULL);
        else if (i % 5 == 2)
            got = kfs_read_bytes(racer->reader, 0, bytes, sizeof bytes, NULL);
        else if (i % 5 == 3)
            rc = kfs_shard_extent(racer->s, 0, &extent, NULL);
        else
            rc = kfs_sync_wait(racer->s, 0);
        if (got < 0)
            rc = (int)got;
    }
    kfs_batch_release(&batch);
    racer->rc = rc;
    return NULL;
}

static void deletion_under_use(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    atomic_int ready = 0;
    struct racer racers[WRITERS];
    pthread_t threads[WRITERS];

    for (size_t i = 0; i < WRITERS; i++) {
        racers[i] = (struct racer){.c = c, .s = case_open(c, "s"), .ready = &ready};
        racers[i].reader = case_reader(c, racers[i].s, 0);
        assert_int_equal(pthread_create(&threads[i], NULL, use_until_deleted, &racers[i]), 0);
    }
    (void)wait_until(&ready, WRITERS);
    put_many(s, 0, 50, 10);
    assert_int_equal(kfs_stream_delete(s, &c->err), 0);
    for (size_t i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < WRITERS; i++)
        assert_int_equal(racers[i].rc, -ENOENT);
    case_create(c, "s", 1);
}

struct syncer {
    struct kfs_sync op; /* first: done casts back */
    atomic_int calls;
    int result;
};

static void synced(struct kfs_sync *op, int result)
{
    struct syncer *syncer = (struct syncer *)op;

    syncer->result = result;
    atomic_fetch_add(&syncer->calls, 1);
}

struct sync_thread {
    struct kfs_stream *s;
    struct syncer ops[30];
    int rc;
};

static void *append_and_sync(void *arg)
{
    struct sync_thread *t = arg;
    struct kfs_put put = put_of("data", "k");

    for (size_t i = 0; i < 30 && t->rc == 0; i++) {
        t->rc = append_seen(t->s, (uint32_t)i % 2, &put, 1, NULL, NULL);
        t->ops[i].op.done = synced;
        kfs_sync(t->s, i % 3 == 2 ? KFS_NO_SHARD : (uint32_t)i % 2, &t->ops[i].op);
    }
    return NULL;
}

static void many_threads_sync(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 2);
    static struct sync_thread syncing[WRITERS];
    pthread_t threads[WRITERS];

    for (size_t i = 0; i < WRITERS; i++) {
        memset(&syncing[i], 0, sizeof syncing[i]);
        syncing[i].s = s;
        assert_int_equal(pthread_create(&threads[i], NULL, append_and_sync, &syncing[i]), 0);
    }
    for (size_t i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < WRITERS; i++) {
        assert_int_equal(syncing[i].rc, 0);
        for (size_t j = 0; j < 30; j++) {
            assert_true(wait_until(&syncing[i].ops[j].calls, 1));
            assert_int_equal(atomic_load(&syncing[i].ops[j].calls), 1);
            assert_int_equal(syncing[i].ops[j].result, 0);
        }
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(nothing_is_torn_or_reordered),
    cmocka_unit_test(shards_change_under_appends),
    cmocka_unit_test(one_of_many_creates),
    cmocka_unit_test(deletion_under_use),
    cmocka_unit_test(many_threads_sync),
};

CONTRACT_GROUP(contract_threads, tests);
