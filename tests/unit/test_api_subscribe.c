/* SubscribeToShard: events, endings, takeover; throughput limits and faults. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/apiworld.h"

#define ARN "arn:aws:kinesis:eu-west-1:000000000000:stream/s"
#define CONSUMER ARN "/consumer/c:1700000000"

static int setup(void **state)
{
    int rc = api_world_setup(state);

    done(*state, "CreateStream", "{'StreamName':'s','ShardCount':1}");
    done(*state, "RegisterStreamConsumer", "{'StreamARN':'" ARN "','ConsumerName':'c'}");
    return rc;
}

/* Subscribes to a shard; to be freed. */
static struct kfs_api_subscription *subscribe(struct api_world *w, unsigned int shard, const char *type)
{
    struct kfs_api_subscription *s;

    done(w, "SubscribeToShard",
         "{'ConsumerARN':'" CONSUMER "','ShardId':'shardId-%012u','StartingPosition':{'Type':'%s'}}", shard, type);
    s = w->reply.subscription;
    assert_non_null(s);
    w->reply.subscription = NULL;
    return s;
}

static uint32_t be32(const void *at)
{
    const unsigned char *b = at;

    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Takes the first message off the buffer: its payload as the world's answer. Its headers must hold `kind`. */
static void take(struct api_world *w, struct kfs_buf *buf, const char *kind)
{
    assert_true(buf->len >= 16);
    uint32_t total = be32(buf->data);
    uint32_t headers = be32(buf->data + 4);
    assert_true(total <= buf->len);
    assert_non_null(memmem(buf->data + 12, headers, kind, strlen(kind)));
    kfs_arena_free(w->arena);
    w->arena = kfs_arena_new(64U << 20);
    char *copy = kfs_arena_alloc(w->arena, total);
    assert_non_null(copy);
    memcpy(copy, buf->data, total);
    assert_int_equal(
        kfs_json_decode(w->arena, (struct kfs_bytes){copy + 12 + headers, total - 16 - headers}, &w->answer), 0);
    buf->len -= total;
    memmove(buf->data, buf->data + total, buf->len);
}

static enum kfs_subscription_state next(struct kfs_api_subscription *s, struct kfs_buf *buf)
{
    uint32_t wait_ms;

    return kfs_subscription_next(s, buf, &wait_ms);
}

static void put(struct api_world *w)
{
    done(w, "PutRecord", "{'StreamName':'s','Data':'MQ==','PartitionKey':'a','ExplicitHashKey':'0'}");
}

static void events_tell_what_is_new(void **state)
{
    struct api_world *w = *state;
    struct kfs_api_subscription *s = subscribe(w, 0, "LATEST");
    struct kfs_buf buf;
    char last[64];

    kfs_buf_init(&buf, 1U << 20);
    assert_int_equal(next(s, &buf), KFS_SUBSCRIPTION_WAITS);
    take(w, &buf, "initial-response");
    take(w, &buf, "SubscribeToShardEvent");
    assert_int_equal(count_at(w, "Records"), 0);
    assert_non_null(at(w, "ContinuationSequenceNumber"));
    assert_int_equal(next(s, &buf), KFS_SUBSCRIPTION_WAITS);
    assert_int_equal(buf.len, 0);
    put(w);
    assert_int_equal(next(s, &buf), KFS_SUBSCRIPTION_MORE);
    take(w, &buf, "SubscribeToShardEvent");
    assert_int_equal(count_at(w, "Records"), 1);
    assert_int_equal(int_at(w, "MillisBehindLatest"), 0);
    (void)snprintf(last, sizeof last, "%s", text_at(w, "ContinuationSequenceNumber"));
    assert_string_equal(text_at(w, "Records.0.SequenceNumber"), last);
    api_world_pass(w, 5000);
    assert_int_equal(next(s, &buf), KFS_SUBSCRIPTION_WAITS);
    take(w, &buf, "SubscribeToShardEvent");
    assert_string_equal(text_at(w, "ContinuationSequenceNumber"), last);
    kfs_subscription_free(s);
    kfs_buf_release(&buf);
}

static void it_ends_with_its_shard(void **state)
{
    struct api_world *w = *state;
    struct kfs_api_subscription *s = subscribe(w, 0, "TRIM_HORIZON");
    struct kfs_buf buf;

    kfs_buf_init(&buf, 1U << 20);
    put(w);
    done(w, "SplitShard", "{'StreamName':'s','ShardToSplit':'0','NewStartingHashKey':'5'}");
    assert_int_equal(next(s, &buf), KFS_SUBSCRIPTION_ENDED);
    take(w, &buf, "initial-response");
    take(w, &buf, "SubscribeToShardEvent");
    assert_int_equal(count_at(w, "Records"), 1);
    assert_int_equal(count_at(w, "ChildShards"), 2);
    assert_null(at(w, "ContinuationSequenceNumber"));
    kfs_subscription_free(s);
    kfs_buf_release(&buf);
}

static void it_ends_after_five_minutes(void **state)
{
    struct api_world *w = *state;
    struct kfs_api_subscription *s = subscribe(w, 0, "TRIM_HORIZON");
    struct kfs_buf buf;

    kfs_buf_init(&buf, 1U << 20);
    api_world_pass(w, 299999);
    assert_int_equal(next(s, &buf), KFS_SUBSCRIPTION_WAITS);
    buf.len = 0;
    api_world_pass(w, 1);
    assert_int_equal(next(s, &buf), KFS_SUBSCRIPTION_ENDED);
    assert_int_equal(buf.len, 0);
    kfs_subscription_free(s);
    kfs_buf_release(&buf);
}

static void another_takes_over_after_five_seconds(void **state)
{
    struct api_world *w = *state;
    struct kfs_api_subscription *s = subscribe(w, 0, "LATEST");
    struct kfs_buf buf;

    kfs_buf_init(&buf, 1U << 20);
    (void)next(s, &buf);
    buf.len = 0;
    api_world_pass(w, 4999);
    (void)ask(w, "SubscribeToShard",
              "{'ConsumerARN':'" CONSUMER "','ShardId':'0','StartingPosition':{'Type':'LATEST'}}");
    assert_refused(w, "ResourceInUseException", NULL);
    api_world_pass(w, 1);
    struct kfs_api_subscription *t = subscribe(w, 0, "LATEST");
    assert_int_equal(next(s, &buf), KFS_SUBSCRIPTION_ENDED);
    take(w, &buf, "ResourceInUseException");
    assert_int_equal(next(t, &buf), KFS_SUBSCRIPTION_WAITS);
    kfs_subscription_free(s);
    kfs_subscription_free(t);
    kfs_buf_release(&buf);
}

static void it_ends_with_its_consumer_or_stream(void **state)
{
    struct api_world *w = *state;
    struct kfs_api_subscription *s = subscribe(w, 0, "LATEST");
    struct kfs_buf buf;

    kfs_buf_init(&buf, 1U << 20);
    (void)next(s, &buf);
    buf.len = 0;
    done(w, "DeregisterStreamConsumer", "{'ConsumerARN':'" CONSUMER "'}");
    assert_int_equal(next(s, &buf), KFS_SUBSCRIPTION_ENDED);
    take(w, &buf, "ResourceNotFoundException");
    kfs_subscription_free(s);
    done(w, "RegisterStreamConsumer", "{'StreamARN':'" ARN "','ConsumerName':'c'}");
    done(w, "SubscribeToShard", "{'ConsumerARN':'%s','ShardId':'0','StartingPosition':{'Type':'LATEST'}}",
         ARN "/consumer/c:1700000001");
    s = w->reply.subscription;
    w->reply.subscription = NULL;
    (void)next(s, &buf);
    buf.len = 0;
    done(w, "DeleteStream", "{'StreamName':'s','EnforceConsumerDeletion':true}");
    assert_int_equal(next(s, &buf), KFS_SUBSCRIPTION_ENDED);
    take(w, &buf, "ResourceNotFoundException");
    kfs_subscription_free(s);
    kfs_buf_release(&buf);
}

static void subscriptions_that_are_refused(void **state)
{
    struct api_world *w = *state;

    (void)ask(w, "SubscribeToShard",
              "{'ConsumerARN':'" CONSUMER "','ShardId':'7','StartingPosition':{'Type':'LATEST'}}");
    assert_refused(w, "ResourceNotFoundException", NULL);
    (void)ask(w, "SubscribeToShard",
              "{'ConsumerARN':'" CONSUMER "','ShardId':'0','StartingPosition':{'Type':'AT_SEQUENCE_NUMBER'}}");
    assert_refused(w, "InvalidArgumentException", NULL);
    (void)ask(w, "SubscribeToShard",
              "{'ConsumerARN':'" ARN "/consumer/d:1','ShardId':'0','StartingPosition':{'Type':'LATEST'}}");
    assert_refused(w, "ResourceNotFoundException", NULL);
    assert_null(w->reply.subscription);
}

static void woken(void *arg)
{
    (*(int *)arg)++;
}

static void it_is_woken_by_its_shard(void **state)
{
    struct api_world *w = *state;
    struct kfs_api_subscription *s = subscribe(w, 0, "LATEST");
    int wakes = 0;

    kfs_subscription_watch(s, woken, &wakes);
    put(w);
    assert_int_equal(wakes, 1);
    done(w, "SplitShard", "{'StreamName':'s','ShardToSplit':'0','NewStartingHashKey':'5'}");
    assert_int_equal(wakes, 2);
    put(w); /* goes to a child */
    assert_int_equal(wakes, 2);
    kfs_subscription_free(s);
}

/* ---- limits and faults ---- */

static void configure(struct api_world *w)
{
    api_world_close(w);
    api_world_open(w);
    done(w, "CreateStream", "{'StreamName':'s','ShardCount':1}");
}

/* A subscription takes 2 MiB a second: what it read beyond is waited for. */
static void limits_pace_a_subscription(void **state)
{
    struct api_world *w = *state;
    char *data = calloc(1, 1000001);
    struct kfs_buf buf;
    uint32_t wait_ms;

    w->config.limits = true;
    configure(w);
    done(w, "RegisterStreamConsumer", "{'StreamARN':'" ARN "','ConsumerName':'c'}");
    assert_non_null(data);
    memset(data, 'A', 1000000);
    for (int i = 0; i < 5; i++) {
        done(w, "PutRecord", "{'StreamName':'s','Data':'%s','PartitionKey':'a'}", data);
        api_world_pass(w, 1000);
    }
    struct kfs_api_subscription *s = subscribe(w, 0, "TRIM_HORIZON");
    kfs_buf_init(&buf, 8U << 20);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(next(s, &buf), KFS_SUBSCRIPTION_MORE);
        buf.len = 0;
    }
    assert_int_equal(kfs_subscription_next(s, &buf, &wait_ms), KFS_SUBSCRIPTION_WAITS);
    assert_int_equal(buf.len, 0);
    assert_in_range(wait_ms, 50, 150);
    api_world_pass(w, wait_ms);
    assert_int_equal(next(s, &buf), KFS_SUBSCRIPTION_MORE);
    kfs_subscription_free(s);
    kfs_buf_release(&buf);
    free(data);
}

static void limits_throttle_and_pass(void **state)
{
    struct api_world *w = *state;

    w->config.limits = true;
    configure(w);
    for (int i = 0; i < 1000; i++)
        put(w);
    (void)ask(w, "PutRecord", "{'StreamName':'s','Data':'','PartitionKey':'a'}");
    assert_refused(w, "ProvisionedThroughputExceededException",
                   "Rate exceeded for shard shardId-000000000000 in stream s under account 000000000000.");
    done(w, "PutRecords",
         "{'StreamName':'s','Records':[{'Data':'','PartitionKey':'a'},{'Data':'','PartitionKey':'b'}]}");
    assert_int_equal(int_at(w, "FailedRecordCount"), 2);
    assert_string_equal(text_at(w, "Records.1.ErrorCode"), "ProvisionedThroughputExceededException");
    api_world_pass(w, 1);
    done(w, "PutRecords",
         "{'StreamName':'s','Records':[{'Data':'','PartitionKey':'a'},{'Data':'','PartitionKey':'b'}]}");
    assert_int_equal(int_at(w, "FailedRecordCount"), 1);
    assert_non_null(at(w, "Records.0.SequenceNumber"));
    char *iterator = iterator_of(w, "s", 0, "LATEST", "");
    for (int i = 0; i < 5; i++)
        done(w, "GetRecords", "{'ShardIterator':'%s'}", iterator);
    (void)ask(w, "GetRecords", "{'ShardIterator':'%s'}", iterator);
    assert_refused(w, "ProvisionedThroughputExceededException", NULL);
    api_world_pass(w, 200);
    done(w, "GetRecords", "{'ShardIterator':'%s'}", iterator);
    free(iterator);
}

static void faults_come_as_often_as_wished(void **state)
{
    struct api_world *w = *state;
    int throttled = 0;

    w->config.faults = (struct kfs_api_faults){.throttle = 0.5, .slow_ms = 7};
    api_world_close(w);
    api_world_open(w);
    for (int i = 0; i < 1000; i++)
        throttled += ask(w, "ListStreams", "{}") == 400;
    assert_true(throttled > 400 && throttled < 600);
    assert_int_equal(w->reply.delay_ms, 7);
    w->config.faults = (struct kfs_api_faults){.error = 1};
    api_world_close(w);
    api_world_open(w);
    (void)ask(w, "ListStreams", "{}");
    assert_refused(w, "InternalFailure", NULL);
    w->config.faults = (struct kfs_api_faults){.cut = 1};
    configure(w);
    assert_true(w->reply.cut);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, api_world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(events_tell_what_is_new),
        CASE(it_ends_with_its_shard),
        CASE(it_ends_after_five_minutes),
        CASE(another_takes_over_after_five_seconds),
        CASE(it_ends_with_its_consumer_or_stream),
        CASE(subscriptions_that_are_refused),
        CASE(it_is_woken_by_its_shard),
        CASE(limits_throttle_and_pass),
        CASE(limits_pace_a_subscription),
        CASE(faults_come_as_often_as_wished),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
