/* The subscriber of a shard and its consumer, without a network. */
#include "backend/kinesis/subscriber.h"

#include <errno.h>
#include <string.h>

#include "tests/support/machine.h"

#define ONE "{'SequenceNumber':'%d','Data':'YQ==','PartitionKey':'k','ApproximateArrivalTimestamp':1700000000.25}"
#define ARN "arn:aws:kinesis:us-east-1:000000000000:stream/clicks"
#define ACTIVE "{'ConsumerDescription':{'ConsumerARN':'" ARN "/consumer/c:1','ConsumerStatus':'ACTIVE'}}"
#define CREATING "{'ConsumerDescription':{'ConsumerARN':'" ARN "/consumer/c:1','ConsumerStatus':'CREATING'}}"
#define IDLE "{'Records':[],'ContinuationSequenceNumber':'%d','MillisBehindLatest':0}"

struct subscribing {
    struct kfs_log *mirror;
    struct remote_consumer consumer;
    struct remote_subscriber subscriber;
    uint32_t open;
    int heard;
    int grew;
    int ended;
    int lapsed;
    int troubles;
    struct kfs_error trouble;
};

static struct subscribing s;

static void heard(void *arg, bool grew)
{
    (void)arg;
    s.heard++;
    s.grew += grew ? 1 : 0;
}

static void ended(void *arg)
{
    (void)arg;
    s.ended++;
}

static void lapsed(void *arg)
{
    (void)arg;
    s.lapsed++;
}

static void trouble(void *arg, const struct kfs_error *failure)
{
    (void)arg;
    s.troubles++;
    s.trouble = *failure;
}

static void start(struct machine *m, bool from_latest)
{
    static const struct remote_subscriber_events events = {heard, ended, lapsed, trouble};
    const struct kfs_log_config log = {.io = &kfs_posix_io, .clock = &m->clock, .segment_bytes = UINT64_C(1) << 20};

    memset(&s, 0, sizeof s);
    int dir = kfs_posix_io.open(NULL, m->fd, ".", KFS_OPEN_DIR);
    assert_int_equal(kfs_log_open(&log, dir, &s.mirror, NULL), 0);
    remote_consumer_init(&s.consumer, &m->world, "c", ARN, 1000);
    const struct remote_subscriber_config config = {
        .world = &m->world,
        .mirror = s.mirror,
        .consumer = &s.consumer,
        .shard_id = "shardId-000000000000",
        .from_latest = from_latest,
        .open = &s.open,
        .events = &events,
    };
    remote_subscriber_init(&s.subscriber, &config);
}

static void stop(void)
{
    remote_subscriber_stop(&s.subscriber);
    remote_consumer_stop(&s.consumer);
    assert_int_equal(s.open, 0);
    remote_subscriber_release(&s.subscriber);
    remote_consumer_release(&s.consumer);
    assert_int_equal(kfs_log_close(s.mirror), 0);
}

static uint64_t records(void)
{
    struct kfs_log_extent x;

    kfs_log_extent(s.mirror, &x);
    return x.next_record;
}

/* Up to a SubscribeToShard that waits for its first event. */
static void begin(struct machine *m)
{
    remote_subscriber_want(&s.subscriber, true);
    machine_pass(m, 500);
    machine_expect(m, "DescribeStreamConsumer", "'StreamARN':'" ARN "','ConsumerName':'c'");
    machine_answer(m, ACTIVE);
    machine_expect(m, "SubscribeToShard", "'ConsumerARN':'" ARN "/consumer/c:1','ShardId':'shardId-000000000000'");
}

/* The next one comes so much later, and not sooner. */
static void expect_again(struct machine *m, uint64_t ms, const char *text)
{
    machine_pass(m, ms - 1);
    machine_expect_none(m);
    machine_pass(m, 1);
    machine_expect(m, "SubscribeToShard", text);
}

/* The next one comes at some time of backing off. Returns how much later. */
static uint64_t wait_for_next(struct machine *m)
{
    uint64_t ms = 0;

    for (; m->call == NULL && ms < 20000; ms += 10)
        machine_pass(m, 10);
    machine_expect(m, "SubscribeToShard", "");
    return ms;
}

/* ---- */

static void records_are_appended_once_and_in_order(void **state)
{
    struct machine *m = *state;

    start(m, false);
    begin(m);
    machine_expect(m, "SubscribeToShard", "'StartingPosition':{'Type':'TRIM_HORIZON'}}");
    assert_false(s.subscriber.live);
    assert_int_equal(machine_event(m,
                                   "{'Records':[" ONE "," ONE "],'ContinuationSequenceNumber':'4',"
                                   "'MillisBehindLatest':7}",
                                   3, 4),
                     0);
    assert_true(s.subscriber.live);
    assert_int_equal(s.subscriber.counts.behind_ms, 7);
    assert_int_equal(machine_event(m, "{'Records':[" ONE "," ONE "],'ContinuationSequenceNumber':'5'}", 4, 5), 0);
    assert_int_equal(machine_event(m, IDLE, 9), 0);
    assert_int_equal(records(), 3);
    assert_int_equal(s.heard, 3);
    assert_int_equal(s.grew, 2);
    stop();
    machine_expect_none(m);
    /* A restart knows the last record, not what the event without one said. */
    start(m, true);
    begin(m);
    machine_expect(m, "SubscribeToShard", "{'Type':'AFTER_SEQUENCE_NUMBER','SequenceNumber':'5'}}");
    stop();
}

static void it_is_renewed_where_it_ended(void **state)
{
    struct machine *m = *state;

    start(m, false);
    begin(m);
    for (int i = 0; i < 60; i++) {
        assert_int_equal(machine_event(m, IDLE, 9), 0);
        machine_pass(m, 5000);
    }
    machine_end(m);
    machine_expect(m, "SubscribeToShard", "'SequenceNumber':'9'");
    assert_true(s.subscriber.live);
    assert_int_equal(s.troubles, 0);
    machine_pass(m, 100);
    machine_end(m); /* at once: that is no way to go on */
    assert_false(s.subscriber.live);
    assert_int_equal(s.troubles, 1);
    machine_expect_none(m);
    expect_again(m, 1000, "'SequenceNumber':'9'");
    stop();
}

static void while_its_consumer_is_looked_for_records_are_polled(void **state)
{
    struct machine *m = *state;

    start(m, false);
    begin(m);
    assert_int_equal(machine_event(m, IDLE, 9), 0);
    machine_pass(m, 5000);
    remote_consumer_forget(&s.consumer); /* another shard's call has found none */
    machine_end(m);
    assert_false(s.subscriber.live);
    assert_int_equal(s.lapsed, 1);
    assert_int_equal(s.troubles, 0);
    machine_pass(m, 0);
    machine_expect(m, "DescribeStreamConsumer", "");
    machine_answer(m, ACTIVE);
    machine_expect(m, "SubscribeToShard", "'SequenceNumber':'9'");
    stop();
}

static void it_begins_with_a_reader_who_stays_and_ends_with_the_last(void **state)
{
    struct machine *m = *state;

    start(m, false);
    remote_subscriber_want(&s.subscriber, true);
    machine_pass(m, 499);
    remote_subscriber_want(&s.subscriber, false);
    machine_pass(m, 100000);
    machine_expect_none(m);
    begin(m);
    assert_int_equal(machine_event(m, IDLE, 9), 0);
    assert_int_equal(s.open, 1);
    remote_subscriber_want(&s.subscriber, false);
    machine_expect_none(m);
    assert_int_equal(s.open, 0);
    assert_false(s.subscriber.live);
    assert_int_equal(s.troubles, 0);
    machine_pass(m, 2000); /* of the five seconds that are between two */
    remote_subscriber_want(&s.subscriber, true);
    expect_again(m, 3000, "");
    /* Asking for the consumer, too, is given up. */
    remote_consumer_forget(&s.consumer);
    remote_subscriber_want(&s.subscriber, false);
    remote_subscriber_want(&s.subscriber, true);
    machine_pass(m, 5000);
    machine_expect(m, "DescribeStreamConsumer", "");
    remote_subscriber_want(&s.subscriber, false);
    machine_answer(m, ACTIVE);
    machine_pass(m, 100000);
    machine_expect_none(m);
    stop();
}

static void a_missing_consumer_is_registered_and_waited_for(void **state)
{
    struct machine *m = *state;

    start(m, false);
    remote_subscriber_want(&s.subscriber, true);
    machine_pass(m, 500);
    machine_fail(m, ENOENT, false, "ResourceNotFoundException");
    machine_expect(m, "RegisterStreamConsumer", "{'StreamARN':'" ARN "','ConsumerName':'c'}");
    machine_answer(m, "{'Consumer':{'ConsumerARN':'" ARN "/consumer/c:1','ConsumerStatus':'CREATING'}}");
    for (int i = 0; i < 3; i++) {
        machine_expect_none(m);
        machine_pass(m, 1000);
        machine_expect(m, "DescribeStreamConsumer", "");
        machine_answer(m, CREATING);
    }
    machine_pass(m, 1000);
    machine_answer(m, ACTIVE);
    machine_expect(m, "SubscribeToShard", "");
    /* It was deregistered. */
    machine_fail(m, ENOENT, false, "ResourceNotFoundException");
    assert_int_equal(s.troubles, 1);
    machine_pass(m, 1000);
    machine_expect(m, "DescribeStreamConsumer", "");
    machine_fail(m, ENOENT, false, "ResourceNotFoundException");
    machine_fail(m, EEXIST, false, "ResourceInUseException"); /* another was quicker */
    machine_pass(m, 1000);
    machine_answer(m, ACTIVE);
    machine_expect(m, "SubscribeToShard", "");
    stop();
}

static void one_that_never_becomes_active_is_an_error(void **state)
{
    struct machine *m = *state;

    start(m, false);
    remote_subscriber_want(&s.subscriber, true);
    machine_pass(m, 500);
    for (int i = 0; i < 60; i++) {
        assert_int_equal(s.troubles, 0);
        machine_answer(m, CREATING);
        machine_pass(m, 1000);
    }
    assert_int_equal(s.troubles, 1);
    machine_expect(m, "DescribeStreamConsumer", "");
    machine_fail(m, EACCES, false, "AccessDeniedException");
    assert_int_equal(s.troubles, 2);
    stop();
}

static void silence_ends_it(void **state)
{
    struct machine *m = *state;

    start(m, false);
    begin(m);
    machine_pass(m, 9999);
    assert_int_equal(machine_event(m, IDLE, 9), 0);
    machine_pass(m, 9999);
    assert_int_equal(s.troubles, 0);
    machine_pass(m, 1);
    assert_int_equal(s.troubles, 1);
    assert_false(s.subscriber.live);
    assert_non_null(strstr(s.trouble.text, "no event"));
    expect_again(m, 1000, "'SequenceNumber':'9'");
    stop();
}

static void who_was_taken_over_yields(void **state)
{
    struct machine *m = *state;

    start(m, false);
    begin(m);
    machine_fail(m, EEXIST, false, "ResourceInUseException"); /* one of ours is too young */
    expect_again(m, 5000, "");
    assert_int_equal(machine_event(m, IDLE, 9), 0);
    machine_fail(m, EEXIST, false, "ResourceInUseException"); /* another came */
    remote_subscriber_retry(&s.subscriber);
    expect_again(m, 300000, "");
    stop();
}

static void a_position_that_is_refused_is_replaced(void **state)
{
    struct machine *m = *state;

    start(m, false);
    begin(m);
    assert_int_equal(machine_event(m, "{'Records':[" ONE "],'ContinuationSequenceNumber':'8'}", 5), 0);
    machine_fail(m, EHOSTUNREACH, true, "");
    expect_again(m, 5000, "'SequenceNumber':'8'");
    machine_fail(m, EINVAL, false, "InvalidArgumentException");
    expect_again(m, 1000, "{'Type':'AT_TIMESTAMP','Timestamp':1700000000.250}}");
    machine_fail(m, EINVAL, false, "InvalidArgumentException");
    expect_again(m, 1000, "{'Type':'TRIM_HORIZON'}}");
    assert_int_equal(machine_event(m, "{'Records':[" ONE "," ONE "],'ContinuationSequenceNumber':'6'}", 5, 6), 0);
    assert_int_equal(records(), 2);
    stop();
}

static void it_backs_off_and_may_be_hurried(void **state)
{
    struct machine *m = *state;

    start(m, false);
    begin(m);
    for (uint64_t most = 50; most < 20000; most *= 2) {
        m->random = most - 1;
        machine_fail(m, EAGAIN, true, "LimitExceededException");
        assert_int_equal(wait_for_next(m), most > 1000 ? most : 1000);
    }
    assert_int_equal(s.subscriber.counts.throttled, 9);
    machine_fail(m, EHOSTUNREACH, true, "");
    machine_expect_none(m);
    remote_subscriber_retry(&s.subscriber);
    expect_again(m, 1000, "");
    stop();
}

static void the_end_of_a_shard_ends_it(void **state)
{
    struct machine *m = *state;

    start(m, false);
    begin(m);
    assert_int_equal(machine_event(m, "{'Records':[" ONE "],'ChildShards':[{'ShardId':'shardId-000000000001'}]}", 5),
                     0);
    assert_int_equal(s.ended, 1);
    assert_int_equal(records(), 1);
    machine_end(m);
    remote_subscriber_want(&s.subscriber, false);
    remote_subscriber_want(&s.subscriber, true);
    machine_pass(m, 1000000);
    machine_expect_none(m);
    assert_int_equal(s.troubles, 0);
    stop();
}

static void without_subscriptions_there_is_no_second_try(void **state)
{
    struct machine *m = *state;

    start(m, false);
    remote_subscriber_want(&s.subscriber, true);
    machine_pass(m, 500);
    machine_fail(m, EOPNOTSUPP, false, "UnknownOperationException");
    assert_int_equal(s.trouble.code, EOPNOTSUPP);
    machine_pass(m, 1000000);
    remote_subscriber_want(&s.subscriber, false);
    remote_subscriber_want(&s.subscriber, true);
    machine_pass(m, 1000000);
    machine_expect_none(m);
    assert_int_equal(s.troubles, 1);
    stop();
}

static void an_event_that_makes_no_sense_brings_nothing(void **state)
{
    static const char *const events[] = {
        "{}",
        "{'Records':7,'ContinuationSequenceNumber':'5'}",
        "{'Records':[7],'ContinuationSequenceNumber':'5'}",
        "{'Records':[{'SequenceNumber':'3','Data':'*','PartitionKey':'k'}],'ContinuationSequenceNumber':'5'}",
    };
    struct machine *m = *state;

    start(m, false);
    begin(m);
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        assert_int_equal(machine_event(m, "%s", events[i]), -EBADMSG);
        assert_int_equal(records(), 0);
        assert_int_equal(s.troubles, (int)i + 1);
        assert_int_equal(s.trouble.code, EIO);
        assert_int_equal(wait_for_next(m), 1000);
        machine_expect(m, "SubscribeToShard", "TRIM_HORIZON");
    }
    /* No number, and no children: of the shard's end no one speaks. */
    assert_int_equal(machine_event(m, "{'Records':[],'ContinuationSequenceNumber':null,'ChildShards':[]}"), 0);
    assert_int_equal(s.ended, 0);
    stop();
}

static void the_latest_is_not_looked_for_twice(void **state)
{
    const struct kfs_record record = {.data = {"a", 1}, .key = {"k", 1}, .seq = {{[KFS_SEQ_BYTES - 1] = 5}}};
    struct machine *m = *state;

    start(m, true);
    remote_subscriber_want(&s.subscriber, true);
    machine_pass(m, 100000);
    machine_expect_none(m);
    assert_int_equal(kfs_log_append_given(s.mirror, &record, 1, NULL), 0); /* by the poller */
    machine_pass(m, 1000);
    machine_answer(m, ACTIVE);
    machine_expect(m, "SubscribeToShard", "'SequenceNumber':'5'");
    stop();
}

static void there_are_so_many_and_no_more(void **state)
{
    struct machine *m = *state;

    start(m, false);
    s.open = REMOTE_SUBSCRIPTIONS_MAX;
    remote_subscriber_want(&s.subscriber, true);
    machine_pass(m, 100000);
    machine_expect_none(m);
    s.open--;
    machine_pass(m, 1000);
    machine_answer(m, ACTIVE);
    machine_expect(m, "SubscribeToShard", "");
    assert_int_equal(s.open, REMOTE_SUBSCRIPTIONS_MAX);
    s.open = 1;
    stop();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, machine_setup, machine_teardown)
    const struct CMUnitTest tests[] = {
        TEST(records_are_appended_once_and_in_order),
        TEST(it_is_renewed_where_it_ended),
        TEST(while_its_consumer_is_looked_for_records_are_polled),
        TEST(it_begins_with_a_reader_who_stays_and_ends_with_the_last),
        TEST(a_missing_consumer_is_registered_and_waited_for),
        TEST(one_that_never_becomes_active_is_an_error),
        TEST(silence_ends_it),
        TEST(who_was_taken_over_yields),
        TEST(a_position_that_is_refused_is_replaced),
        TEST(it_backs_off_and_may_be_hurried),
        TEST(the_end_of_a_shard_ends_it),
        TEST(without_subscriptions_there_is_no_second_try),
        TEST(an_event_that_makes_no_sense_brings_nothing),
        TEST(the_latest_is_not_looked_for_twice),
        TEST(there_are_so_many_and_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
