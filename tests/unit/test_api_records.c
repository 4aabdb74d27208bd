/* PutRecord, PutRecords, GetShardIterator and GetRecords. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/apiworld.h"

#define HOUR_MS UINT64_C(3600000)
#define AT_SEQ ",'StartingSequenceNumber':'%s'"

static int setup(void **state)
{
    int rc = api_world_setup(state);

    done(*state, "CreateStream", "{'StreamName':'s','ShardCount':2}");
    return rc;
}

/* Puts a record into shard 0; its number is malloc'ed. */
static char *put(struct api_world *w, const char *base64)
{
    done(w, "PutRecord", "{'StreamName':'s','Data':'%s','PartitionKey':'k','ExplicitHashKey':'0'}", base64);
    return strdup(text_at(w, "SequenceNumber"));
}

static void get(struct api_world *w, const char *iterator)
{
    done(w, "GetRecords", "{'ShardIterator':'%s'}", iterator);
}

static size_t count_from(struct api_world *w, const char *type, const char *more)
{
    char *iterator = iterator_of(w, "s", 0, type, more);

    get(w, iterator);
    free(iterator);
    return count_at(w, "Records");
}

static void what_is_put_is_got(void **state)
{
    struct api_world *w = *state;
    char *seq = put(w, "aGVsbG8=");

    assert_string_equal(text_at(w, "ShardId"), "shardId-000000000000");
    assert_int_equal(count_from(w, "TRIM_HORIZON", ""), 1);
    assert_string_equal(text_at(w, "Records.0.Data"), "aGVsbG8=");
    assert_string_equal(text_at(w, "Records.0.PartitionKey"), "k");
    assert_string_equal(text_at(w, "Records.0.SequenceNumber"), seq);
    assert_null(at(w, "Records.0.EncryptionType"));
    assert_int_equal(int_at(w, "Records.0.ApproximateArrivalTimestamp"), API_WORLD_START_MS / 1000);
    assert_int_equal(int_at(w, "MillisBehindLatest"), 0);
    assert_non_null(at(w, "NextShardIterator"));
    assert_null(at(w, "ChildShards"));
    free(seq);
}

static void records_are_routed_in_their_order(void **state)
{
    struct api_world *w = *state;

    done(w, "PutRecords",
         "{'StreamName':'s','Records':[{'Data':'YQ==','PartitionKey':'a','ExplicitHashKey':'0'},"
         "{'Data':'Yg==','PartitionKey':'a','ExplicitHashKey':'340282366920938463463374607431768211455'},"
         "{'Data':'','PartitionKey':'a','ExplicitHashKey':'170141183460469231731687303715884105727'}]}");
    assert_int_equal(int_at(w, "FailedRecordCount"), 0);
    assert_string_equal(text_at(w, "Records.0.ShardId"), "shardId-000000000000");
    assert_string_equal(text_at(w, "Records.1.ShardId"), "shardId-000000000001");
    assert_string_equal(text_at(w, "Records.2.ShardId"), "shardId-000000000000");
    assert_int_equal(count_from(w, "TRIM_HORIZON", ""), 2);
}

static void puts_that_are_refused(void **state)
{
    struct api_world *w = *state;
    char *large = calloc(1, ((size_t)12 << 20) / 3 * 4 + 1);

    assert_non_null(large);
    (void)ask(w, "PutRecord", "{'StreamName':'s','Data':'','PartitionKey':'k','ExplicitHashKey':'%s'}",
              "340282366920938463463374607431768211456");
    assert_refused(w, "InvalidArgumentException",
                   "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was "
                   "340282366920938463463374607431768211456");
    memset(large, 'A', (((size_t)1 << 20) + 2) / 3 * 4);
    (void)ask(w, "PutRecord", "{'StreamName':'s','Data':'%s','PartitionKey':'k'}", large);
    assert_refused(w, "ValidationException",
                   "1 validation error detected: Value at 'data' failed to satisfy constraint: Member must have length "
                   "less than or equal to 1048576");
    done(w, "UpdateMaxRecordSize",
         "{'StreamARN':'arn:aws:kinesis:a:000000000000:stream/s','MaxRecordSizeInKiB':10240}");
    done(w, "PutRecord", "{'StreamName':'s','Data':'%s','PartitionKey':'k'}", large);
    memset(large, 'A', ((size_t)6 << 20) / 3 * 4);
    (void)ask(w, "PutRecords",
              "{'StreamName':'s','Records':[{'Data':'%s','PartitionKey':'k'},{'Data':'%s','PartitionKey':'k'}]}", large,
              large);
    assert_refused(w, "InvalidArgumentException", "Records size exceeds 10 MB limit");
    (void)ask(w, "PutRecord", "{'StreamName':'none','Data':'','PartitionKey':'k'}");
    assert_refused(w, "ResourceNotFoundException", "Stream none under account 000000000000 not found.");
    free(large);
}

/* DryRun: what would have succeeded is refused, and nothing is done. */
static void a_dry_run_does_nothing(void **state)
{
    struct api_world *w = *state;
    char *iterator = iterator_of(w, "s", 0, "TRIM_HORIZON", "");

    (void)ask(w, "PutRecord", "{'StreamName':'s','Data':'','PartitionKey':'a','DryRun':true}");
    assert_refused(w, "DryRunOperationException", NULL);
    (void)ask(w, "PutRecord", "{'StreamName':'none','Data':'','PartitionKey':'a','DryRun':true}");
    assert_refused(w, "ResourceNotFoundException", NULL);
    (void)ask(w, "PutRecords", "{'StreamName':'s','Records':[{'Data':'','PartitionKey':'a'}],'DryRun':true}");
    assert_refused(w, "DryRunOperationException", NULL);
    (void)ask(w, "GetShardIterator", "{'StreamName':'s','ShardId':'0','ShardIteratorType':'LATEST','DryRun':true}");
    assert_refused(w, "DryRunOperationException", NULL);
    (void)ask(w, "GetRecords", "{'ShardIterator':'%s','DryRun':true}", iterator);
    assert_refused(w, "DryRunOperationException", NULL);
    done(w, "GetRecords", "{'ShardIterator':'%s','DryRun':false}", iterator);
    assert_int_equal(count_at(w, "Records"), 0);
    assert_int_equal(count_from(w, "TRIM_HORIZON", ""), 0);
    free(iterator);
}

static void an_order_can_be_asked_for(void **state)
{
    struct api_world *w = *state;
    char *seq = put(w, "");
    char text[256];

    static const char format[] = "{'StreamName':'s','Data':'','PartitionKey':'k','ExplicitHashKey':'0',"
                                 "'SequenceNumberForOrdering':'%s'}";
    done(w, "PutRecord", format, seq);
    assert_true(strcmp(text_at(w, "SequenceNumber"), seq) > 0);
    done(w, "PutRecord", format, "0");
    (void)snprintf(text, sizeof text, "9%s", seq);
    (void)ask(w, "PutRecord", format, text);
    (void)snprintf(text, sizeof text,
                   "ExclusiveMinimumSequenceNumber 9%s used in PutRecord on stream s under account 000000000000 is "
                   "invalid.",
                   seq);
    assert_refused(w, "InvalidArgumentException", text);
    free(seq);
}

static void iterators_begin_where_they_say(void **state)
{
    struct api_world *w = *state;
    char *first = put(w, "MQ==");
    char more[128];

    api_world_pass(w, 1000);
    char *second = put(w, "Mg==");
    api_world_pass(w, 1000);
    (void)snprintf(more, sizeof more, AT_SEQ, first);
    assert_int_equal(count_from(w, "AT_SEQUENCE_NUMBER", more), 2);
    assert_int_equal(count_from(w, "AFTER_SEQUENCE_NUMBER", more), 1);
    assert_string_equal(text_at(w, "Records.0.SequenceNumber"), second);
    assert_int_equal(count_from(w, "AT_SEQUENCE_NUMBER", ",'StartingSequenceNumber':'0'"), 2);
    assert_int_equal(count_from(w, "LATEST", ""), 0);
    assert_int_equal(count_from(w, "AT_TIMESTAMP", ",'Timestamp':1700000001"), 1);
    assert_int_equal(count_from(w, "AT_TIMESTAMP", ",'Timestamp':1700000001.5"), 0);
    assert_int_equal(count_from(w, "AT_TIMESTAMP", ",'Timestamp':1"), 2);
    free(first);
    free(second);
}

/* LATEST is the tip when the iterator was made, not when it is read. */
static void iterators_hold_their_place(void **state)
{
    struct api_world *w = *state;
    char *iterator = iterator_of(w, "s", 0, "LATEST", "");
    char quoted[600];

    free(put(w, "MQ=="));
    for (int i = 0; i < 3; i++) {
        get(w, iterator);
        assert_int_equal(count_at(w, "Records"), 1);
        assert_string_not_equal(text_at(w, "NextShardIterator"), iterator);
    }
    (void)snprintf(quoted, sizeof quoted, "\\\"%s\\\"", iterator);
    get(w, quoted);
    assert_int_equal(count_at(w, "Records"), 1);
    api_world_pass(w, 300000);
    get(w, iterator);
    api_world_pass(w, 1);
    (void)ask(w, "GetRecords", "{'ShardIterator':'%s'}", iterator);
    assert_refused(w, "ExpiredIteratorException",
                   "Iterator expired. The iterator was created at time Tue Nov 14 22:13:20 UTC 2023 while right now it "
                   "is Tue Nov 14 22:18:20 UTC 2023 which is further in the future than the tolerated delay of 300000 "
                   "milliseconds.");
    free(iterator);
}

static void iterators_are_bound_to_their_stream(void **state)
{
    struct api_world *w = *state;
    char *iterator = iterator_of(w, "s", 0, "TRIM_HORIZON", "");

    (void)ask(w, "GetRecords", "{'ShardIterator':'bad'}");
    assert_refused(w, "InvalidArgumentException", "Invalid ShardIterator.");
    done(w, "DeleteStream", "{'StreamName':'s'}");
    (void)ask(w, "GetRecords", "{'ShardIterator':'%s'}", iterator);
    assert_refused(w, "ResourceNotFoundException",
                   "Shard shardId-000000000000 in stream s under account 000000000000 does not exist");
    done(w, "CreateStream", "{'StreamName':'s','ShardCount':1}");
    (void)ask(w, "GetRecords", "{'ShardIterator':'%s'}", iterator);
    assert_refused(w, "ResourceNotFoundException", NULL);
    free(iterator);
}

static void refuse_iterator(struct api_world *w, const char *members, const char *type, const char *text)
{
    (void)ask(w, "GetShardIterator", "{'StreamName':'s',%s}", members);
    assert_refused(w, type, text);
}

static void iterators_that_are_refused(void **state)
{
    struct api_world *w = *state;
    char *seq = put(w, "");
    char members[256];

    refuse_iterator(w, "'ShardId':'shardId-x','ShardIteratorType':'LATEST'", "ResourceNotFoundException",
                    "Could not find shard shardId-x in stream s under account 000000000000.");
    refuse_iterator(w, "'ShardId':'shardId-5','ShardIteratorType':'LATEST','StartingSequenceNumber':'1'",
                    "ResourceNotFoundException",
                    "Shard shardId-000000000005 in stream s under account 000000000000 does not exist");
    refuse_iterator(w, "'ShardId':'0','ShardIteratorType':'LATEST','StartingSequenceNumber':'1'",
                    "InvalidArgumentException",
                    "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or "
                    "(2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified LATEST and also a "
                    "StartingSequenceNumber.");
    refuse_iterator(
        w, "'ShardId':'0','ShardIteratorType':'AT_SEQUENCE_NUMBER'", "InvalidArgumentException",
        "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or "
        "(2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified AT_SEQUENCE_NUMBER and "
        "no StartingSequenceNumber.");
    (void)snprintf(members, sizeof members,
                   "'ShardId':'1','ShardIteratorType':'AT_SEQUENCE_NUMBER','StartingSequenceNumber':'%s'", seq);
    refuse_iterator(w, members, "InvalidArgumentException",
                    "Invalid StartingSequenceNumber. It encodes shardId-000000000000, while it was used in a call to a "
                    "shard with shardId-000000000001");
    refuse_iterator(
        w, "'ShardId':'0','ShardIteratorType':'AT_TIMESTAMP'", "InvalidArgumentException",
        "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has no "
        "timestamp parameter.");
    refuse_iterator(w, "'ShardId':'0','ShardIteratorType':'AT_TIMESTAMP','Timestamp':1700000001",
                    "InvalidArgumentException",
                    "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
                    "timestampInMillis: 1700000001000, currentTimestampInMillis: 1700000000000");
    free(seq);
}

static void a_closed_shard_ends_with_its_children(void **state)
{
    struct api_world *w = *state;
    char more[128];

    free(put(w, "MQ=="));
    free(put(w, "Mg=="));
    done(w, "SplitShard", "{'StreamName':'s','ShardToSplit':'shardId-000000000000','NewStartingHashKey':'1000'}");
    char *iterator = iterator_of(w, "s", 0, "TRIM_HORIZON", "");
    done(w, "GetRecords", "{'ShardIterator':'%s','Limit':1}", iterator);
    assert_non_null(at(w, "NextShardIterator"));
    assert_null(at(w, "ChildShards"));
    free(iterator);
    iterator = strdup(text_at(w, "NextShardIterator"));
    get(w, iterator);
    assert_int_equal(count_at(w, "Records"), 1);
    assert_null(at(w, "NextShardIterator"));
    assert_int_equal(count_at(w, "ChildShards"), 2);
    assert_string_equal(text_at(w, "ChildShards.0.ShardId"), "shardId-000000000002");
    assert_string_equal(text_at(w, "ChildShards.1.ParentShards.0"), "shardId-000000000000");
    assert_string_equal(text_at(w, "ChildShards.1.HashKeyRange.StartingHashKey"), "1000");
    done(w, "DescribeStream", "{'StreamName':'s'}");
    (void)snprintf(more, sizeof more, ",'StartingSequenceNumber':'%s'",
                   text_at(w, "StreamDescription.Shards.0.SequenceNumberRange.EndingSequenceNumber"));
    (void)ask(w, "GetShardIterator", "{'StreamName':'s','ShardId':'0','ShardIteratorType':'AFTER_SEQUENCE_NUMBER'%s}",
              more);
    assert_refused(w, "InvalidArgumentException",
                   "Invalid SequenceNumber for ShardIteratorType AFTER_SEQUENCE_NUMBER, SequenceNumber has reached max "
                   "possible value for the shard.");
    free(put(w, "Mw=="));
    assert_int_equal(count_from(w, "TRIM_HORIZON", ""), 2);
    free(iterator);
}

static void answers_have_ten_mebibytes_at_most(void **state)
{
    struct api_world *w = *state;
    char *large = calloc(1, ((size_t)1 << 20) / 3 * 4 + 1);

    assert_non_null(large);
    memset(large, 'A', ((size_t)1 << 20) / 3 * 4);
    for (int i = 0; i < 12; i++)
        free(put(w, large));
    char *iterator = iterator_of(w, "s", 0, "TRIM_HORIZON", "");
    get(w, iterator);
    assert_int_equal(count_at(w, "Records"), 10);
    assert_true(int_at(w, "MillisBehindLatest") > 0);
    free(iterator);
    iterator = strdup(text_at(w, "NextShardIterator"));
    get(w, iterator);
    assert_int_equal(count_at(w, "Records"), 2);
    assert_int_equal(int_at(w, "MillisBehindLatest"), 0);
    free(iterator);
    free(large);
}

static void what_is_past_retention_is_gone(void **state)
{
    struct api_world *w = *state;

    free(put(w, "MQ=="));
    api_world_pass(w, HOUR_MS);
    char *iterator = iterator_of(w, "s", 0, "TRIM_HORIZON", "");
    free(put(w, "Mg=="));
    assert_int_equal(count_from(w, "TRIM_HORIZON", ""), 2);
    api_world_pass(w, 23 * HOUR_MS + 1);
    assert_int_equal(count_from(w, "TRIM_HORIZON", ""), 1);
    assert_string_equal(text_at(w, "Records.0.Data"), "Mg==");
    done(w, "IncreaseStreamRetentionPeriod", "{'StreamName':'s','RetentionPeriodHours':48}");
    assert_int_equal(count_from(w, "TRIM_HORIZON", ""), 1);
    free(iterator);
}

static int setup_local(void **state)
{
    int rc = api_world_setup_local(state);

    done(*state, "CreateStream", "{'StreamName':'s','ShardCount':2}");
    return rc;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, api_world_teardown)
#define CASE_LOCAL(name) ((struct CMUnitTest){#name " (local)", name, setup_local, api_world_teardown, NULL})

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_put_is_got),
        CASE(records_are_routed_in_their_order),
        CASE(puts_that_are_refused),
        CASE(a_dry_run_does_nothing),
        CASE(an_order_can_be_asked_for),
        CASE(iterators_begin_where_they_say),
        CASE(iterators_hold_their_place),
        CASE(iterators_are_bound_to_their_stream),
        CASE(iterators_that_are_refused),
        CASE(a_closed_shard_ends_with_its_children),
        CASE(answers_have_ten_mebibytes_at_most),
        CASE(what_is_past_retention_is_gone),
        CASE_LOCAL(what_is_put_is_got),
        CASE_LOCAL(an_order_can_be_asked_for),
        CASE_LOCAL(iterators_begin_where_they_say),
        CASE_LOCAL(iterators_hold_their_place),
        CASE_LOCAL(iterators_are_bound_to_their_stream),
        CASE_LOCAL(a_closed_shard_ends_with_its_children),
        CASE_LOCAL(answers_have_ten_mebibytes_at_most),
        CASE_LOCAL(what_is_past_retention_is_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
