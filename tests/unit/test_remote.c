/* The remote backend beyond the contract: what it keeps, and what an endpoint that fails does to it. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/patience.h"
#include "backend/kinesis/internal.h"
#include "tests/support/stand.h"
#include "tests/unit/remote_case.h"

static char large[KFS_RECORD_BYTES_DEFAULT + 1000];

/* ---- what the endpoint says ---- */

static void an_older_answer_does_not_undo_a_newer_one(void **state)
{
    struct kfs_shard_info *shards;
    struct kfs_stream_info info;
    size_t n;

    (void)state;
    open_backend();
    make_stream(0);
    struct remote_stream *remote = (struct remote_stream *)stream;
    struct remote_facts old;
    assert_int_equal(remote_fetch_facts(remote->remote, "s", &old, NULL), 0);
    assert_int_equal(kfs_stream_resize(stream, 2, NULL), 0);
    assert_int_equal(remote_stream_learn(remote, &old, NULL), 0);
    remote_facts_release(&old);
    assert_int_equal(kfs_stream_info(stream, &info, NULL), 0);
    assert_int_equal(info.open_shards, 2);
    assert_int_equal(kfs_shard_list(stream, &shards, &n, NULL), 0);
    assert_int_equal(n, 3);
    assert_true(shards[0].closed);
    free(shards);
}

static void a_stream_that_is_no_longer_listed_is_asked_about(void **state)
{
    struct kfs_stream_info info;
    struct kfs_stream *there;

    (void)state;
    world.options.refresh_ms = 50;
    open_backend();
    make_stream(0);
    kfs_stream_close(stream);
    stream = NULL;
    assert_int_equal(kfs_stream_open(world.endpoint, "s", &there, NULL), 0);
    assert_int_equal(kfs_stream_delete(there, NULL), 0);
    kfs_stream_close(there);
    for (int i = 0; i < 500; i++) {
        int rc = kfs_stream_open(backend, "s", &stream, NULL);
        if (rc == -ENOENT)
            return;
        rc = kfs_stream_info(stream, &info, NULL);
        kfs_stream_close(stream);
        stream = NULL;
        if (rc != 0)
            return;
        (void)usleep(10000);
    }
    fail_msg("the stream is still there");
}

/* At the endpoint, behind the backend's back: a split, and a record in shard 1. */
static void split_elsewhere(void)
{
    const struct kfs_put one = {.data = {"x", 1}, .key = {"k", 1}};
    struct kfs_stream *there;

    assert_int_equal(kfs_stream_open(world.endpoint, "s", &there, NULL), 0);
    assert_int_equal(kfs_shard_split(there, 0, (kfs_hash)1 << 127, NULL), 0);
    assert_int_equal(kfs_append(there, 1, &one, 1, NULL, NULL), 0);
    kfs_stream_close(there);
}

static void who_catches_up_has_what_new_children_have(void **state)
{
    struct kfs_extent extent;

    (void)state;
    open_backend();
    make_stream(0);
    assert_int_equal(kfs_catch_up(stream, KFS_NO_SHARD, NULL), 0);
    split_elsewhere();
    assert_int_equal(kfs_catch_up(stream, KFS_NO_SHARD, NULL), 0);
    assert_int_equal(kfs_shard_extent(stream, 1, &extent, NULL), 0);
    assert_int_equal(extent.next_record, 1);
}

static void *look_for_shards(void *arg)
{
    atomic_bool *stop = arg;
    struct kfs_extent extent;

    while (!atomic_load(stop))
        (void)kfs_shard_extent(stream, 1000, &extent, NULL);
    return NULL;
}

/* Another has the catalogue asked all the time: children may be known before their parent's end is. */
static void who_catches_up_has_the_children_others_found(void **state)
{
    const struct kfs_put one = {.data = {"x", 1}, .key = {"k", 1}};
    atomic_bool stop = false;
    struct kfs_stream *there;
    struct kfs_shard_info info = {0};
    struct kfs_extent extent;
    pthread_t looker;
    int missed = 0;

    (void)state;
    open_backend();
    make_stream(0);
    assert_int_equal(kfs_stream_open(world.endpoint, "s", &there, NULL), 0);
    assert_int_equal(pthread_create(&looker, NULL, look_for_shards, &stop), 0);
    for (uint32_t parent = 0; parent < 40 && missed == 0; parent += 2) {
        missed += kfs_catch_up(stream, KFS_NO_SHARD, NULL) != 0 || kfs_shard_info(there, parent, &info, NULL) != 0;
        kfs_hash middle = info.range.start + (info.range.end - info.range.start) / 2 + 1;
        missed += kfs_shard_split(there, parent, middle, NULL) != 0 ||
                  kfs_append(there, parent + 1, &one, 1, NULL, NULL) != 0 ||
                  kfs_catch_up(stream, KFS_NO_SHARD, NULL) != 0 ||
                  kfs_shard_extent(stream, parent + 1, &extent, NULL) != 0 || extent.next_record != 1;
    }
    atomic_store(&stop, true);
    assert_int_equal(pthread_join(looker, NULL), 0);
    kfs_stream_close(there);
    assert_int_equal(missed, 0);
}

static void a_shard_that_is_not_known_is_asked_about(void **state)
{
    struct kfs_extent extent;
    struct kfs_error err;

    (void)state;
    open_backend();
    make_stream(0);
    split_elsewhere();
    const struct kfs_patience_state before = kfs_patience_enter(KFS_TRYING, NULL);
    assert_int_equal(kfs_shard_extent(stream, 2, &extent, &err), -EINPROGRESS);
    kfs_patience_leave(&before);
    assert_int_equal(kfs_shard_extent(stream, 2, &extent, &err), 0);
    assert_int_equal(kfs_shard_extent(stream, 3, &extent, &err), -ENOENT);
}

static void a_resize_can_be_made_of_splits_and_merges(void **state)
{
    static const uint32_t targets[] = {5, 3, 8, 1};
    struct kfs_shard_info *shards;
    struct kfs_stream_info info;
    size_t n;

    (void)state;
    open_backend();
    make_stream(0);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        assert_int_equal(remote_stream_reshard((struct remote_stream *)stream, targets[i], NULL), 0);
        assert_int_equal(kfs_stream_info(stream, &info, NULL), 0);
        assert_int_equal(info.open_shards, targets[i]);
        assert_int_equal(kfs_shard_list(stream, &shards, &n, NULL), 0);
        for (uint32_t j = 0; j < targets[i]; j++) {
            struct kfs_hash_range even = kfs_hash_uniform(j, targets[i]);
            const struct kfs_shard_info *owner = kfs_topology_owner(shards, n, even.start);
            assert_non_null(owner);
            assert_true(owner->range.start == even.start && owner->range.end == even.end);
        }
        free(shards);
    }
}

/* ---- where a shard begins that was never read ---- */

static uint64_t records_of(uint32_t shard)
{
    struct kfs_extent x;

    assert_int_equal(kfs_catch_up(stream, shard, NULL), 0);
    assert_int_equal(kfs_shard_extent(stream, shard, &x, NULL), 0);
    return x.next_record;
}

/* Splits shard 0, and the first child of that; puts a record in each shard that is open then: 2, 3 and 4. */
static void split_twice(void)
{
    assert_int_equal(kfs_shard_split(stream, 0, (kfs_hash)1 << 127, NULL), 0);
    assert_int_equal(kfs_shard_split(stream, 1, (kfs_hash)1 << 126, NULL), 0);
    for (uint32_t shard = 2; shard < 5; shard++) {
        const struct kfs_put one = {.data = {"x", 1}, .key = {"k", 1}};
        struct kfs_put_result put;
        assert_int_equal(kfs_append(stream, shard, &one, 1, &put, NULL), 0); /* acknowledged */
    }
}

static void with_latest_children_of_what_was_read_begin_at_the_horizon(void **state)
{
    (void)state;
    world.options.from_latest = true;
    open_backend();
    make_stream(0);
    assert_int_equal(records_of(0), 0);
    split_twice();
    assert_int_equal(records_of(2), 1);
    assert_int_equal(records_of(4), 1);
}

static void with_latest_children_of_what_was_not_read_begin_at_the_tip(void **state)
{
    (void)state;
    world.options.from_latest = true;
    open_backend();
    make_stream(0);
    split_twice();
    for (uint32_t shard = 0; shard < 5; shard++)
        assert_int_equal(records_of(shard), 0);
}

/* ---- what is kept ---- */

static void a_mirror_that_no_one_uses_is_closed_and_opened_again(void **state)
{
    struct kfs_reader *reader;
    char text[16];

    (void)state;
    open_backend();
    make_stream(0);
    struct remote_shard *shard = ((struct remote_stream *)stream)->shards[0];
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(put("x", 1), 0);
        assert_int_equal(remoteworld_sync(stream, 0), 0);
        assert_int_equal(kfs_reader_open(stream, 0, &reader, NULL), 0);
        assert_int_equal(kfs_read_bytes(reader, 0, text, sizeof text, NULL), 2 * i);
        kfs_reader_close(reader);
        bool open = true;
        for (int j = 0; open && j < 500; j++) {
            (void)usleep(10000);
            (void)pthread_mutex_lock(&shard->lock);
            open = shard->mirror != NULL;
            (void)pthread_mutex_unlock(&shard->lock);
        }
        assert_false(open);
    }
}

static _Atomic uint64_t later_ms;

static uint64_t later_wall(void *ctx)
{
    return kfs_system_clock.wall_ms(ctx) + later_ms;
}

static void a_closed_mirror_loses_what_is_too_old(void **state)
{
    static struct kfs_clock clock;
    const char *data = "streams/s/shardId-000000000000/mirror/00000000000000000000.data";

    (void)state;
    later_ms = 0;
    clock = (struct kfs_clock){NULL, later_wall, kfs_system_clock.mono_ms};
    world.options.clock = &clock;
    world.options.segment_bytes = KFS_RECORD_BYTES_DEFAULT;
    open_backend();
    make_stream(0);
    for (int i = 0; i < 3; i++) { /* each has a segment; the last one stays */
        assert_int_equal(put(large, KFS_RECORD_BYTES_DEFAULT), 0);
        assert_int_equal(remoteworld_sync(stream, 0), 0);
        assert_int_equal(kfs_catch_up(stream, 0, NULL), 0);
    }
    assert_true(is_there(data));
    later_ms = UINT64_C(25) * 3600 * 1000;
    for (int i = 0; i < 1000 && is_there(data); i++)
        (void)usleep(10000);
    assert_false(is_there(data));
    close_backend();
    world.options.clock = &world.clock;
    open_backend();
}

static bool closes_spool(struct remote_shard *shard)
{
    bool open = true;

    for (int i = 0; open && i < 500; i++) {
        (void)usleep(10000);
        (void)pthread_mutex_lock(&shard->lock);
        open = shard->spool != NULL;
        (void)pthread_mutex_unlock(&shard->lock);
    }
    return !open;
}

static void a_spool_that_holds_nothing_is_closed_and_opened_again(void **state)
{
    struct kfs_seq before = {{0}};
    struct kfs_extent extent;
    uint64_t dead;

    (void)state;
    open_backend();
    make_stream(2 * KFS_RECORD_BYTES_DEFAULT);
    struct remote_shard *shard = ((struct remote_stream *)stream)->shards[0];
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(put("x", 1), 0);
        assert_int_equal(remoteworld_sync(stream, 0), 0);
        assert_true(closes_spool(shard));
        assert_int_equal(remoteworld_sync(stream, 0), 0);
        assert_int_equal(kfs_shard_extent(stream, 0, &extent, NULL), 0);
        assert_true(kfs_seq_cmp(&extent.last, &before) > 0);
        before = extent.last;
        assert_int_equal(shard->rested.acked_total, (unsigned)i);
        assert_int_equal(shard->sent.requests, (unsigned)i);
    }
    remoteworld_lower_limit(&world);
    assert_int_equal(put(large, sizeof large), 0);
    assert_int_equal(remoteworld_sync(stream, 0), 0);
    (void)usleep(300000); /* one that holds dead letters stays */
    assert_int_equal(kfs_dead_count(stream, 0, &dead, NULL), 0);
    assert_int_equal(dead, 1);
    assert_int_equal(kfs_dead_end(stream, 0, KFS_DEAD_DROP, NULL), 0);
    assert_true(closes_spool(shard));
    assert_int_equal(kfs_dead_count(stream, 0, &dead, NULL), 0);
    assert_int_equal(dead, 0);
}

static void an_extent_makes_no_mirror(void **state)
{
    struct kfs_extent extent;

    (void)state;
    open_backend();
    make_stream(0);
    assert_int_equal(kfs_shard_extent(stream, 0, &extent, NULL), 0);
    assert_int_equal(extent.end, 0);
    assert_false(is_there("streams/s/shardId-000000000000"));
}

/* ---- subscriptions ---- */

static bool is_subscribed(struct remote_shard *shard)
{
    (void)pthread_mutex_lock(&shard->lock);
    bool is = shard->subscribed;
    (void)pthread_mutex_unlock(&shard->lock);
    return is;
}

static bool has_mirror(struct remote_shard *shard)
{
    (void)pthread_mutex_lock(&shard->lock);
    bool has = shard->mirror != NULL;
    (void)pthread_mutex_unlock(&shard->lock);
    return has;
}

static void wait_until(bool (*holds)(struct remote_shard *shard), bool wanted)
{
    struct remote_shard *shard = ((struct remote_stream *)stream)->shards[0];

    for (int i = 0; holds(shard) != wanted; i++) {
        assert_true(i < 2000);
        (void)usleep(10000);
    }
}

static void a_subscription_goes_with_its_readers_and_with_the_backend(void **state)
{
    struct kfs_extent extent = {0};

    (void)state;
    world.options.fanout = "reader";
    open_backend();
    make_stream(0);
    kfs_attend(stream, 0);
    wait_until(is_subscribed, true);
    for (int i = 0; i < 100; i++)
        assert_int_equal(put("x", 1), 0);
    for (int i = 0; extent.next_record < 100 && i < 1000; i++) {
        (void)usleep(10000);
        assert_int_equal(kfs_shard_extent(stream, 0, &extent, NULL), 0);
    }
    assert_int_equal(extent.end, 200);
    kfs_unattend(stream, 0);
    wait_until(is_subscribed, false);
    wait_until(has_mirror, false);
    kfs_attend(stream, KFS_NO_SHARD);
    wait_until(is_subscribed, true);
    /* The stream goes while it is subscribed to, and so does the backend. */
    struct kfs_stream *there;
    assert_int_equal(kfs_stream_open(world.endpoint, "s", &there, NULL), 0);
    assert_int_equal(kfs_stream_delete(there, NULL), 0);
    kfs_stream_close(there);
    wait_until(is_subscribed, false);
    kfs_unattend(stream, KFS_NO_SHARD);
    kfs_stream_close(stream);
    make_stream(0);
    kfs_attend(stream, 0);
    wait_until(is_subscribed, true);
    kfs_unattend(stream, 0);
}

static void who_tries_has_done_nothing_and_is_told(void **state)
{
    const struct kfs_stream_spec spec = {.shards = 1};
    const struct kfs_stream_change change = {.retention_hours = 48};
    struct kfs_stream *unknown = NULL;
    struct kfs_stream_info info;

    (void)state;
    open_backend();
    make_stream(0);
    const struct kfs_patience_state before = kfs_patience_enter(KFS_TRYING, NULL);
    assert_int_equal(kfs_stream_create(backend, "t", &spec, NULL), -EINPROGRESS);
    assert_int_equal(kfs_stream_open(backend, "t", &unknown, NULL), -EINPROGRESS);
    assert_int_equal(kfs_stream_update(stream, &change, NULL), -EINPROGRESS);
    assert_int_equal(kfs_stream_resize(stream, 2, NULL), -EINPROGRESS);
    assert_int_equal(kfs_catch_up(stream, 0, NULL), -EINPROGRESS);
    (void)kfs_patience_enter(KFS_AT_ONCE, NULL);
    assert_int_equal(kfs_stream_open(backend, "t", &unknown, NULL), -ETIMEDOUT);
    assert_int_equal(kfs_catch_up(stream, 0, NULL), 0);
    kfs_patience_leave(&before);
    assert_int_equal(kfs_stream_open(backend, "t", &unknown, NULL), -ENOENT);
    assert_int_equal(kfs_stream_info(stream, &info, NULL), 0);
    assert_int_equal(info.retention_hours, 24);
}

/* ---- an endpoint that accepts connections and says nothing ---- */

static atomic_int syncs;

static int counted_datasync(void *ctx, int fd)
{
    atomic_fetch_add(&syncs, 1);
    return kfs_posix_io.datasync(ctx, fd);
}

static void a_silent_endpoint_holds_up_neither_syncs_nor_the_unmount(void **state)
{
    struct kfs_io io = kfs_posix_io;
    unsigned port;
    int fd = stand_silent(&port);

    (void)state;
    open_backend();
    make_stream(0);
    close_backend();
    (void)snprintf(world.url, sizeof world.url, "http://127.0.0.1:%u", port);
    write_state(world.url); /* it is another endpoint's now */
    io.datasync = counted_datasync;
    world.options.io = &io;
    world.options.refresh_ms = 10;
    world.options.sync_interval_ms = 50;
    open_backend();
    assert_int_equal(kfs_stream_open(backend, "s", &stream, NULL), 0);
    (void)usleep(200000); /* the keeper asks, and waits for an answer */
    for (int i = 0; i < 5; i++) {
        int before = atomic_load(&syncs);
        assert_int_equal(put("x", 1), 0);
        (void)usleep(300000);
        assert_true(atomic_load(&syncs) > before);
    }
    uint64_t began = kfs_system_clock.mono_ms(kfs_system_clock.ctx);
    close_backend();
    assert_true(kfs_system_clock.mono_ms(kfs_system_clock.ctx) - began < 3000); /* a call may take 10 s */
    (void)close(fd);
    world.options.io = &kfs_posix_io;
}

static int see(void *arg, const char *name)
{
    assert_string_equal(name, "s");
    ++*(int *)arg;
    return 0;
}

/* As above, and then one that is not there at all. */
static void what_is_known_is_listed_without_the_endpoint(void **state)
{
    struct kfs_error err;
    int seen = 0;

    a_silent_endpoint_holds_up_neither_syncs_nor_the_unmount(state);
    open_backend();
    atomic_store(&((struct remote *)backend)->down, false); /* so that it is asked */
    assert_int_equal(kfs_stream_list(backend, see, &seen, &err), 0);
    assert_int_equal(seen, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_older_answer_does_not_undo_a_newer_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stream_that_is_no_longer_listed_is_asked_about, setup, teardown),
        cmocka_unit_test_setup_teardown(who_catches_up_has_what_new_children_have, setup, teardown),
        cmocka_unit_test_setup_teardown(who_catches_up_has_the_children_others_found, setup, teardown),
        cmocka_unit_test_setup_teardown(a_shard_that_is_not_known_is_asked_about, setup, teardown),
        cmocka_unit_test_setup_teardown(a_resize_can_be_made_of_splits_and_merges, setup, teardown),
        cmocka_unit_test_setup_teardown(with_latest_children_of_what_was_read_begin_at_the_horizon, setup, teardown),
        cmocka_unit_test_setup_teardown(with_latest_children_of_what_was_not_read_begin_at_the_tip, setup, teardown),
        cmocka_unit_test_setup_teardown(a_mirror_that_no_one_uses_is_closed_and_opened_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_closed_mirror_loses_what_is_too_old, setup, teardown),
        cmocka_unit_test_setup_teardown(a_spool_that_holds_nothing_is_closed_and_opened_again, setup, teardown),
        cmocka_unit_test_setup_teardown(an_extent_makes_no_mirror, setup, teardown),
        cmocka_unit_test_setup_teardown(a_subscription_goes_with_its_readers_and_with_the_backend, setup, teardown),
        cmocka_unit_test_setup_teardown(who_tries_has_done_nothing_and_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_known_is_listed_without_the_endpoint, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
