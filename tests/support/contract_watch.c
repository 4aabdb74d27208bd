/* Contract: being told of a stream's events. */
#include <pthread.h>
#include <stdlib.h>

#include "tests/support/contract_case.h"

#define SHARDS 4

struct counter {
    struct kfs_watch watch; /* first: wake casts back */
    atomic_int grew[SHARDS];
    atomic_int shards;
    atomic_int deleted;
    atomic_int other; /* shard indexes beyond the array */
};

static void count(struct kfs_watch *watch, uint32_t shard, enum kfs_event event)
{
    struct counter *counter = (struct counter *)watch;

    if (event == KFS_EVENT_SHARDS)
        atomic_fetch_add(&counter->shards, 1);
    else if (event == KFS_EVENT_DELETED)
        atomic_fetch_add(&counter->deleted, 1);
    else
        atomic_fetch_add(shard < SHARDS ? &counter->grew[shard] : &counter->other, 1);
}

static void counter_init(struct counter *counter)
{
    *counter = (struct counter){.watch = {.wake = count}};
}

static void grew_names_the_shard(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", SHARDS);
    struct kfs_stream *other = case_create(c, "t", SHARDS);
    const kfs_hash last = KFS_HASH_MAX;
    struct kfs_put put = {.data = bytes_of("x"), .key = bytes_of("k"), .explicit_hash = &last};
    struct counter counter;

    counter_init(&counter);
    kfs_watch(s, &counter.watch);
    put_text(s, 2, "x");
    put_text(other, 1, "x");
    assert_true(wait_until(&counter.grew[2], 1));
    assert_int_equal(append_seen(s, KFS_NO_SHARD, &put, 1, NULL, &c->err), 0);
    assert_true(wait_until(&counter.grew[3], 1));
    kfs_unwatch(s, &counter.watch);
    assert_int_equal(atomic_load(&counter.grew[0]), 0);
    assert_int_equal(atomic_load(&counter.grew[1]), 0);
    assert_int_equal(atomic_load(&counter.other), 0);
    assert_int_equal(atomic_load(&counter.shards), 0);
    assert_int_equal(atomic_load(&counter.deleted), 0);
}

static void a_failed_append_tells_nothing(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    char *big = calloc(1, KFS_RECORD_BYTES_DEFAULT + 1);
    struct kfs_put put = {.data = {big, KFS_RECORD_BYTES_DEFAULT + 1}, .key = bytes_of("k")};
    struct counter counter;

    assert_non_null(big);
    counter_init(&counter);
    kfs_watch(s, &counter.watch);
    assert_int_not_equal(append_seen(s, 0, &put, 1, NULL, &c->err), 0);
    put.key = bytes_of("\xff");
    assert_int_not_equal(append_seen(s, 0, &put, 1, NULL, &c->err), 0);
    kfs_unwatch(s, &counter.watch);
    assert_int_equal(atomic_load(&counter.grew[0]), 0);
    free(big);
}

static void shard_and_setting_changes_are_told(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_stream_change change = {.retention_hours = 48};
    struct counter counter;
    int before;

    counter_init(&counter);
    kfs_watch(s, &counter.watch);
    assert_int_equal(kfs_shard_split(s, 0, 1000, &c->err), 0);
    assert_true(wait_until(&counter.shards, 1));
    before = atomic_load(&counter.shards);
    assert_int_equal(kfs_shard_merge(s, 1, 2, &c->err), 0);
    assert_true(wait_until(&counter.shards, before + 1));
    before = atomic_load(&counter.shards);
    assert_int_equal(kfs_stream_resize(s, 2, &c->err), 0);
    assert_true(wait_until(&counter.shards, before + 1));
    before = atomic_load(&counter.shards);
    assert_int_equal(kfs_stream_update(s, &change, &c->err), 0);
    assert_true(wait_until(&counter.shards, before + 1));
    before = atomic_load(&counter.shards);
    assert_int_not_equal(kfs_shard_split(s, 0, 1000, &c->err), 0);
    kfs_unwatch(s, &counter.watch);
    assert_int_equal(atomic_load(&counter.shards), before);
    assert_int_equal(atomic_load(&counter.deleted), 0);
}

static void deletion_is_told_once(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct counter counter;

    counter_init(&counter);
    kfs_watch(s, &counter.watch);
    assert_int_equal(kfs_stream_delete(case_open(c, "s"), &c->err), 0);
    assert_true(wait_until(&counter.deleted, 1));
    case_create(c, "s", 1);
    assert_int_not_equal(kfs_stream_delete(s, &c->err), 0);
    kfs_unwatch(s, &counter.watch);
    assert_int_equal(atomic_load(&counter.deleted), 1);
}

/* Watches belong to the stream, not to the reference they came by. */
static void every_watch_is_told_through_every_reference(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *one = case_create(c, "s", 1);
    struct kfs_stream *two = case_open(c, "s");
    struct counter counters[3];

    for (size_t i = 0; i < 3; i++) {
        counter_init(&counters[i]);
        kfs_watch(i == 1 ? two : one, &counters[i].watch);
    }
    put_text(one, 0, "x");
    for (size_t i = 0; i < 3; i++)
        assert_true(wait_until(&counters[i].grew[0], 1));
    kfs_unwatch(two, &counters[1].watch);
    put_text(two, 0, "x");
    assert_true(wait_until(&counters[0].grew[0], 2));
    assert_true(wait_until(&counters[2].grew[0], 2));
    assert_int_equal(atomic_load(&counters[1].grew[0]), 1);
    kfs_unwatch(one, &counters[0].watch);
    kfs_unwatch(one, &counters[2].watch);
}

/* ---- many threads ---- */

struct writer {
    struct kfs_stream *s;
    atomic_bool *stop;
    uint32_t shard;
    int rc;
};

static void *write_until_stopped(void *arg)
{
    struct writer *writer = arg;
    struct kfs_put put = put_of("x", "k");

    while (!atomic_load(writer->stop) && writer->rc == 0)
        writer->rc = append_seen(writer->s, writer->shard, &put, 1, NULL, NULL);
    return NULL;
}

/* wake has the event's records to read: a consumer that looks once after each
 * wake misses nothing. */
struct follower {
    struct kfs_watch watch;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool told; /* lock */
};

static void follow(struct kfs_watch *watch, uint32_t shard, enum kfs_event event)
{
    struct follower *follower = (struct follower *)watch;

    (void)shard;
    (void)event;
    pthread_mutex_lock(&follower->lock);
    follower->told = true;
    pthread_cond_signal(&follower->wake);
    pthread_mutex_unlock(&follower->lock);
}

struct append_some {
    struct kfs_stream *s;
    uint64_t n;
    int rc;
};

static void *append_some(void *arg)
{
    struct append_some *some = arg;
    struct kfs_put put = put_of("x", "k");

    for (uint64_t i = 0; i < some->n && some->rc == 0; i++)
        some->rc = append_seen(some->s, 0, &put, 1, NULL, NULL);
    return NULL;
}

static void what_is_told_can_be_read(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct follower follower = {.watch = {.wake = follow}};
    struct append_some some = {.s = case_open(c, "s"), .n = 1000};
    struct timespec deadline;
    pthread_t thread;
    int rc = 0;

    pthread_mutex_init(&follower.lock, NULL);
    pthread_cond_init(&follower.wake, NULL);
    kfs_watch(s, &follower.watch);
    assert_int_equal(pthread_create(&thread, NULL, append_some, &some), 0);
    while (rc == 0 && extent_of(s, 0).next_record < some.n) {
        (void)clock_gettime(CLOCK_REALTIME, &deadline);
        deadline.tv_sec += 20; /* without a wake: one was missed */
        pthread_mutex_lock(&follower.lock);
        while (rc == 0 && !follower.told)
            rc = pthread_cond_timedwait(&follower.wake, &follower.lock, &deadline);
        follower.told = false;
        pthread_mutex_unlock(&follower.lock);
    }
    pthread_join(thread, NULL);
    kfs_unwatch(s, &follower.watch);
    pthread_mutex_destroy(&follower.lock);
    pthread_cond_destroy(&follower.wake);
    assert_int_equal(some.rc, 0);
    assert_int_equal(rc, 0);
    assert_int_equal(extent_of(s, 0).next_record, some.n);
}

/* The memory of a watch is the caller's again as soon as unwatch has returned. */
static void after_unwatch_wake_does_not_run(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 2);
    atomic_bool stop = false;
    struct writer writers[2];
    pthread_t threads[2];
    bool woken = true;

    for (uint32_t i = 0; i < 2; i++) {
        writers[i] = (struct writer){case_open(c, "s"), &stop, i, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, write_until_stopped, &writers[i]), 0);
    }
    for (int i = 0; i < 100 && woken; i++) {
        struct counter *counter = malloc(sizeof *counter);
        if (counter == NULL)
            break;
        counter_init(counter);
        kfs_watch(s, &counter->watch);
        if (i % 2 == 0)
            woken = wait_until(&counter->grew[i / 2 % 2], 1);
        kfs_unwatch(s, &counter->watch);
        counter->watch.wake = NULL; /* a late call crashes even without a sanitizer */
        free(counter);
    }
    atomic_store(&stop, true);
    for (uint32_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_true(woken);
    assert_int_equal(writers[0].rc, 0);
    assert_int_equal(writers[1].rc, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(grew_names_the_shard),
    cmocka_unit_test(a_failed_append_tells_nothing),
    cmocka_unit_test(shard_and_setting_changes_are_told),
    cmocka_unit_test(deletion_is_told_once),
    cmocka_unit_test(every_watch_is_told_through_every_reference),
    cmocka_unit_test(what_is_told_can_be_read),
    cmocka_unit_test(after_unwatch_wake_does_not_run),
};

CONTRACT_GROUP(contract_watch, tests);
