/* The poller of a shard, without a network. */
#include "backend/kinesis/poller.h"

#include <errno.h>
#include <string.h>

#include "tests/support/machine.h"

#define ONE "{'SequenceNumber':'%d','Data':'YQ==','PartitionKey':'k','ApproximateArrivalTimestamp':1700000000.25}"

struct polling {
    struct kfs_log *mirror;
    struct remote_poller poller;
    int grew;
    uint64_t tip; /* the request that reached it last */
    int ended;
    int troubles;
};

static struct polling p;

static void grew(void *arg)
{
    (void)arg;
    p.grew++;
}

static void at_tip(void *arg, uint64_t request)
{
    (void)arg;
    p.tip = request;
}

static void ended(void *arg)
{
    (void)arg;
    p.ended++;
}

static void trouble(void *arg, const struct kfs_error *failure)
{
    (void)arg;
    (void)failure;
    p.troubles++;
}

static void start(struct machine *m, bool from_latest)
{
    static const struct remote_poller_events events = {grew, at_tip, ended, trouble};
    const struct kfs_log_config log = {.io = &kfs_posix_io, .clock = &m->clock, .segment_bytes = UINT64_C(1) << 20};
    const struct remote_poller_config config = {
        .world = &m->world,
        .stream = "clicks",
        .shard_id = "shardId-000000000000",
        .from_latest = from_latest,
        .call_timeout_ms = 1000,
        .busy_ms = 200,
        .idle_ms = 1000,
        .events = &events,
    };
    struct remote_poller_config whole = config;

    memset(&p, 0, sizeof p);
    int dir = kfs_posix_io.open(NULL, m->fd, ".", KFS_OPEN_DIR);
    assert_int_equal(kfs_log_open(&log, dir, &p.mirror, NULL), 0);
    whole.mirror = p.mirror;
    remote_poller_init(&p.poller, &whole);
}

static void stop(void)
{
    assert_true(remote_poller_stop(&p.poller));
    remote_poller_release(&p.poller);
    assert_int_equal(kfs_log_close(p.mirror), 0);
}

static uint64_t records(void)
{
    struct kfs_log_extent x;

    kfs_log_extent(p.mirror, &x);
    return x.next_record;
}

/* Up to the first GetRecords, which waits for its answer. */
static void begin(struct machine *m)
{
    remote_poller_want(&p.poller, true, false);
    machine_pass(m, 0);
    machine_expect(m, "GetShardIterator", "'ShardIteratorType':'TRIM_HORIZON'");
    machine_answer(m, "{'ShardIterator':'AAA'}");
    machine_expect(m, "GetRecords", "'ShardIterator':'AAA'");
}

/* ---- */

static void nothing_is_asked_for_no_one(void **state)
{
    struct machine *m = *state;

    start(m, false);
    machine_pass(m, 100000);
    machine_expect_none(m);
    begin(m);
    remote_poller_want(&p.poller, false, false);
    machine_answer(m, "{'Records':[],'NextShardIterator':'BBB','MillisBehindLatest':0}");
    machine_pass(m, 100000);
    machine_expect_none(m);
    remote_poller_want(&p.poller, true, false);
    machine_pass(m, 0);
    machine_expect(m, "GetRecords", "BBB");
    machine_answer(m, "{'Records':[],'NextShardIterator':'CCC','MillisBehindLatest':0}");
    machine_pass(m, 500);
    remote_poller_want(&p.poller, false, false);
    machine_pass(m, 100000);
    machine_expect_none(m);
    stop();
}

static void once_a_second_when_idle_and_five_times_when_not(void **state)
{
    struct machine *m = *state;

    start(m, false);
    begin(m);
    machine_answer(m, "{'Records':[],'NextShardIterator':'B','MillisBehindLatest':0}");
    machine_pass(m, 999);
    machine_expect_none(m);
    machine_pass(m, 1);
    machine_expect(m, "GetRecords", "");
    machine_answer(m, "{'Records':[" ONE "],'NextShardIterator':'C','MillisBehindLatest':0}", 5);
    assert_int_equal(p.grew, 1);
    machine_pass(m, 199);
    machine_expect_none(m);
    machine_pass(m, 1);
    /* Behind, though empty. */
    machine_answer(m, "{'Records':[],'NextShardIterator':'D','MillisBehindLatest':7}");
    machine_pass(m, 200);
    machine_expect(m, "GetRecords", "'D'");
    machine_answer(m, "{'Records':[],'NextShardIterator':'E','MillisBehindLatest':0}");
    /* Someone waits for the tip: not sooner than the limit of five a second. */
    machine_pass(m, 100);
    remote_poller_want(&p.poller, true, true);
    machine_pass(m, 99);
    machine_expect_none(m);
    machine_pass(m, 1);
    machine_expect(m, "GetRecords", "'E'");
    assert_int_equal(p.tip, 4);
    machine_answer(m, "{'Records':[],'NextShardIterator':'F','MillisBehindLatest':0}");
    assert_int_equal(p.tip, 5);
    stop();
}

static void numbers_and_times_are_kept_and_nothing_twice(void **state)
{
    struct machine *m = *state;
    struct kfs_log_extent x;

    start(m, false);
    begin(m);
    machine_answer(m, "{'Records':[" ONE "," ONE "," ONE "],'NextShardIterator':'B','MillisBehindLatest':0}", 5, 5, 9);
    assert_int_equal(records(), 2);
    kfs_log_extent(p.mirror, &x);
    assert_int_equal(x.last.b[KFS_SEQ_BYTES - 1], 9);
    assert_int_equal(x.last_arrival_ms, 1700000000250);
    machine_pass(m, 200);
    machine_answer(m, "{'Records':[" ONE "," ONE "],'NextShardIterator':'C','MillisBehindLatest':0}", 8, 10);
    assert_int_equal(records(), 3);
    stop();
    /* After a restart it goes on behind the last. */
    start(m, true);
    remote_poller_want(&p.poller, true, false);
    machine_pass(m, 0);
    machine_expect(m, "GetShardIterator", "'AFTER_SEQUENCE_NUMBER','StartingSequenceNumber':'10'}");
    machine_fail(m, EINVAL, false, "InvalidArgumentException");
    machine_pass(m, 5000);
    machine_expect(m, "GetShardIterator", "'AT_TIMESTAMP','Timestamp':1700000000.250}");
    machine_fail(m, ENOENT, false, "ResourceNotFoundException");
    machine_pass(m, 5000);
    machine_expect(m, "GetShardIterator", "'TRIM_HORIZON'}");
    machine_answer(m, "{'ShardIterator':'Z'}");
    machine_answer(m, "{'Records':[" ONE "," ONE "],'NextShardIterator':'C','MillisBehindLatest':0}", 10, 11);
    assert_int_equal(records(), 4);
    stop();
}

static void an_empty_mirror_may_start_at_the_latest(void **state)
{
    struct machine *m = *state;

    start(m, true);
    remote_poller_want(&p.poller, true, false);
    machine_pass(m, 0);
    machine_expect(m, "GetShardIterator", "'ShardIteratorType':'LATEST'}");
    machine_answer(m, "{'ShardIterator':'AAA'}");
    machine_answer(m, "{'Records':[],'NextShardIterator':'B'}");
    stop();
}

static void an_expired_iterator_is_replaced_at_once(void **state)
{
    struct machine *m = *state;

    start(m, false);
    begin(m);
    machine_answer(m, "{'Records':[" ONE "],'NextShardIterator':'B','MillisBehindLatest':0}", 3);
    machine_pass(m, 200);
    machine_fail(m, ESTALE, false, "ExpiredIteratorException");
    machine_expect(m, "GetShardIterator", "'StartingSequenceNumber':'3'}");
    assert_int_equal(p.troubles, 0);
    machine_answer(m, "{'ShardIterator':'N'}");
    machine_expect(m, "GetRecords", "'N'");
    machine_fail(m, EAGAIN, true, "ProvisionedThroughputExceededException");
    assert_int_equal(p.poller.counts.throttled, 1);
    machine_expect_none(m);
    machine_pass(m, 5000);
    machine_expect(m, "GetRecords", "'N'");
    machine_answer(m, "{'Records':[],'NextShardIterator':'O'}");
    stop();
}

static void who_waits_cuts_a_backoff_short_once_a_second(void **state)
{
    struct machine *m = *state;

    start(m, false);
    begin(m);
    machine_fail(m, ETIMEDOUT, true, "");
    p.poller.due_ms = p.poller.began_ms + 4000; /* as chance would have it later */
    m->world.arm(m->world.ctx, &p.poller.timer, 4000);
    for (int i = 0; i < 5; i++) {
        remote_poller_want(&p.poller, true, true);
        machine_pass(m, 199);
        machine_expect_none(m);
    }
    machine_pass(m, 5);
    machine_expect(m, "GetRecords", "'AAA'");
    machine_answer(m, "{'Records':[],'NextShardIterator':'B','MillisBehindLatest':0}");
    stop();
}

static void a_closed_shard_ends(void **state)
{
    struct machine *m = *state;

    start(m, false);
    begin(m);
    machine_answer(m, "{'Records':[" ONE "],'MillisBehindLatest':0,'NextShardIterator':null}", 3);
    assert_int_equal(p.ended, 1);
    assert_int_equal(p.tip, 1);
    assert_int_equal(records(), 1);
    remote_poller_want(&p.poller, true, true);
    machine_pass(m, 100000);
    machine_expect_none(m);
    stop();
}

static void an_answer_that_makes_no_sense_brings_nothing(void **state)
{
    static const char *const answers[] = {
        "{}",
        "{'Records':7,'NextShardIterator':'B'}",
        "{'Records':[7],'NextShardIterator':'B'}",
        "{'Records':[{'SequenceNumber':'x','Data':'','PartitionKey':'k'}],'NextShardIterator':'B'}",
        "{'Records':[{'SequenceNumber':'3','Data':'*','PartitionKey':'k'}],'NextShardIterator':'B'}",
        "{'Records':[{'SequenceNumber':'3','PartitionKey':'k'}],'NextShardIterator':'B'}",
        "{'Records':[{'SequenceNumber':'3','Data':''}],'NextShardIterator':'B'}",
        "{'Records':[],'NextShardIterator':'a\\\\b'}",
    };
    struct machine *m = *state;

    start(m, false);
    begin(m);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (strcmp(m->call->operation, "GetShardIterator") == 0)
            machine_answer(m, "{'ShardIterator':'AAA'}");
        machine_expect(m, "GetRecords", "");
        machine_answer(m, "%s", answers[i]);
        assert_int_equal(records(), 0);
        assert_int_equal(p.tip, 0);
        assert_int_equal(p.troubles, (int)i + 1);
        machine_pass(m, 5000);
    }
    machine_answer(m, "{'ShardIterator':'AAA'}");
    machine_answer(m, "{'Records':[],'NextShardIterator':'O'}");
    stop();
}

/* Fails with an error of ours, and waits for the next request. */
static void fail_unanswered(struct machine *m, bool reached, int code)
{
    m->call->reached = reached;
    machine_fail(m, code, true, "");
    machine_pass(m, 5000);
}

static void what_is_too_much_is_asked_for_in_parts(void **state)
{
    struct machine *m = *state;

    start(m, false);
    begin(m);
    machine_expect(m, "GetRecords", "'Limit':10000}");
    fail_unanswered(m, false, EHOSTUNREACH); /* not for want of a connection */
    machine_expect(m, "GetRecords", "'Limit':10000}");
    fail_unanswered(m, true, EIO);
    fail_unanswered(m, true, ETIMEDOUT);
    machine_expect(m, "GetRecords", "'Limit':2500}");
    machine_answer(m, "{'Records':[" ONE "],'NextShardIterator':'B','MillisBehindLatest':0}", 5);
    machine_pass(m, 200);
    machine_expect(m, "GetRecords", "'Limit':5000}");
    for (int i = 0; i < 20; i++)
        fail_unanswered(m, true, ETIMEDOUT);
    machine_expect(m, "GetRecords", "'Limit':1}");
    uint64_t tip = p.tip;
    machine_answer(m, "{'Records':[" ONE "],'NextShardIterator':'C','MillisBehindLatest':0}", 6);
    assert_int_equal(p.tip, tip); /* as many as were asked for: there may be more */
    machine_pass(m, 200);
    machine_expect(m, "GetRecords", "'Limit':2}");
    machine_answer(m, "{'Records':[],'NextShardIterator':'D','MillisBehindLatest':0}");
    assert_int_equal(p.tip, p.poller.counts.requests);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_asked_for_no_one, machine_setup, machine_teardown),
        cmocka_unit_test_setup_teardown(once_a_second_when_idle_and_five_times_when_not, machine_setup,
                                        machine_teardown),
        cmocka_unit_test_setup_teardown(numbers_and_times_are_kept_and_nothing_twice, machine_setup, machine_teardown),
        cmocka_unit_test_setup_teardown(an_empty_mirror_may_start_at_the_latest, machine_setup, machine_teardown),
        cmocka_unit_test_setup_teardown(an_expired_iterator_is_replaced_at_once, machine_setup, machine_teardown),
        cmocka_unit_test_setup_teardown(who_waits_cuts_a_backoff_short_once_a_second, machine_setup, machine_teardown),
        cmocka_unit_test_setup_teardown(a_closed_shard_ends, machine_setup, machine_teardown),
        cmocka_unit_test_setup_teardown(what_is_too_much_is_asked_for_in_parts, machine_setup, machine_teardown),
        cmocka_unit_test_setup_teardown(an_answer_that_makes_no_sense_brings_nothing, machine_setup, machine_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
