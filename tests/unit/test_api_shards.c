/* Streams and shards: statuses, listing with pages and filters, resharding. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/apiworld.h"

#define HOUR_MS UINT64_C(3600000)
#define SHARD "shardId-%012u"

static int setup_delayed(void **state)
{
    int rc = api_world_setup(state);
    struct api_world *w = *state;

    api_world_close(w);
    w->config.status_delay_ms = 500;
    api_world_open(w);
    return rc;
}

static const char *status_of(struct api_world *w)
{
    done(w, "DescribeStream", "{'StreamName':'s'}");
    return text_at(w, "StreamDescription.StreamStatus");
}

static void a_stream_passes_through_its_statuses(void **state)
{
    struct api_world *w = *state;

    done(w, "CreateStream", "{'StreamName':'s','ShardCount':1,'Tags':{'a':'b'}}");
    assert_string_equal(status_of(w), "CREATING");
    assert_int_equal(count_at(w, "StreamDescription.Shards"), 0);
    done(w, "ListTagsForStream", "{'StreamName':'s'}");
    assert_int_equal(count_at(w, "Tags"), 1);
    (void)ask(w, "PutRecord", "{'StreamName':'s','Data':'','PartitionKey':'a'}");
    assert_refused(w, "ResourceNotFoundException", "Stream s under account 000000000000 not found.");
    (void)ask(w, "GetShardIterator", "{'StreamName':'s','ShardId':'shardId-0','ShardIteratorType':'LATEST'}");
    assert_refused(w, "ResourceNotFoundException",
                   "Shard shardId-000000000000 in stream s under account 000000000000 does not exist");
    (void)ask(w, "SplitShard", "{'StreamName':'s','ShardToSplit':'0','NewStartingHashKey':'5'}");
    assert_refused(w, "ResourceInUseException",
                   "Stream s under account 000000000000 not ACTIVE, instead in state CREATING");
    api_world_pass(w, 500);
    assert_string_equal(status_of(w), "ACTIVE");
    done(w, "SplitShard", "{'StreamName':'s','ShardToSplit':'0','NewStartingHashKey':'5'}");
    assert_string_equal(status_of(w), "UPDATING");
    assert_int_equal(count_at(w, "StreamDescription.Shards"), 1);
    done(w, "PutRecord", "{'StreamName':'s','Data':'','PartitionKey':'a'}");
    assert_int_equal(shard_at(w, "ShardId"), 0);
    api_world_pass(w, 500);
    assert_string_equal(status_of(w), "ACTIVE");
    assert_int_equal(count_at(w, "StreamDescription.Shards"), 3);
    done(w, "DeleteStream", "{'StreamName':'s'}");
    assert_string_equal(status_of(w), "DELETING");
    done(w, "ListStreams", "{}");
    assert_string_equal(text_at(w, "StreamSummaries.0.StreamStatus"), "DELETING");
    (void)ask(w, "CreateStream", "{'StreamName':'s','ShardCount':1}");
    assert_refused(w, "ResourceInUseException", "Stream s under account 000000000000 already exists.");
    api_world_pass(w, 500);
    (void)ask(w, "DescribeStream", "{'StreamName':'s'}");
    assert_refused(w, "ResourceNotFoundException", "Stream s under account 000000000000 not found.");
    done(w, "CreateStream", "{'StreamName':'s','ShardCount':1}");
}

static size_t shards_in_backend(struct api_world *w, const char *name)
{
    struct kfs_shard_info *shards;
    struct kfs_stream *s;
    size_t n;

    assert_int_equal(kfs_stream_open(w->b, name, &s, NULL), 0);
    assert_int_equal(kfs_shard_list(s, &shards, &n, NULL), 0);
    free(shards);
    kfs_stream_close(s);
    return n;
}

static void changes_of_shards_are_made_when_they_are_due(void **state)
{
    struct api_world *w = *state;

    for (int name = 'a'; name <= 'c'; name++)
        done(w, "CreateStream", "{'StreamName':'%c','ShardCount':2}", name);
    api_world_pass(w, 500);
    assert_int_equal(kfs_api_settle(w->api), UINT64_MAX);
    done(w, "SplitShard", "{'StreamName':'a','ShardToSplit':'0','NewStartingHashKey':'5'}");
    assert_int_equal(kfs_api_settle(w->api), 500);
    api_world_pass(w, 200);
    done(w, "MergeShards", "{'StreamName':'b','ShardToMerge':'0','AdjacentShardToMerge':'1'}");
    done(w, "UpdateShardCount", "{'StreamName':'c','TargetShardCount':4,'ScalingType':'UNIFORM_SCALING'}");
    assert_int_equal(kfs_api_settle(w->api), 300);
    assert_int_equal(shards_in_backend(w, "a"), 2);
    api_world_pass(w, 300);
    assert_int_equal(kfs_api_settle(w->api), 200);
    assert_int_equal(shards_in_backend(w, "a"), 4);
    assert_int_equal(shards_in_backend(w, "b"), 2);
    done(w, "DeleteStream", "{'StreamName':'b'}");
    api_world_pass(w, 200);
    assert_int_equal(kfs_api_settle(w->api), 300); /* of the deletion */
    assert_int_equal(shards_in_backend(w, "c"), 6);
    api_world_pass(w, 300);
    assert_int_equal(kfs_api_settle(w->api), UINT64_MAX);
}

/* Answered is made, whether the process ends or dies before. */
static void changes_of_shards_are_not_lost(void **state)
{
    struct api_world *w = *state;
    struct kfs_stream_info info;
    struct kfs_stream *s;
    struct kfs_buf note;

    done(w, "CreateStream", "{'StreamName':'s','ShardCount':1}");
    done(w, "CreateStream", "{'StreamName':'t','ShardCount':2}");
    api_world_close(w);
    w->config.status_delay_ms = 500;
    api_world_open(w);
    done(w, "SplitShard", "{'StreamName':'s','ShardToSplit':'0','NewStartingHashKey':'5'}");
    api_world_close(w);
    api_world_open(w);
    assert_int_equal(shards_in_backend(w, "s"), 3);

    assert_int_equal(kfs_stream_open(w->b, "t", &s, NULL), 0);
    assert_int_equal(kfs_stream_info(s, &info, NULL), 0);
    kfs_stream_close(s);
    kfs_buf_init(&note, 4096);
    assert_int_equal(kfs_buf_printf(&note,
                                    "none 1 0 0 0 5\nbad\nt %llu 0 0 0 5\nt %llu 1 0 1 0\nt %llu 1 0 1 0\n"
                                    "t %llu 2 4 0 0\n",
                                    (unsigned long long)info.generation + 1, (unsigned long long)info.generation,
                                    (unsigned long long)info.generation, (unsigned long long)info.generation + 1),
                     0);
    assert_int_equal(kfs_note_set(w->b, NULL, "api.later", (struct kfs_bytes){note.data, note.len}, NULL), 0);
    api_world_close(w);
    api_world_open(w);
    assert_int_equal(shards_in_backend(w, "t"), 3); /* merged, once; the rest was of other streams */
    kfs_buf_release(&note);
    assert_int_equal(kfs_note_get(w->b, NULL, "api.later", &note, NULL), 0);
    assert_int_equal(note.len, 0);
}

/* The service takes a decrease directly after an increase. */
static void retention_needs_no_updating(void **state)
{
    struct api_world *w = *state;

    done(w, "CreateStream", "{'StreamName':'s','ShardCount':1}");
    api_world_pass(w, 500);
    done(w, "IncreaseStreamRetentionPeriod", "{'StreamName':'s','RetentionPeriodHours':25}");
    assert_string_equal(status_of(w), "ACTIVE");
    assert_int_equal(int_at(w, "StreamDescription.RetentionPeriodHours"), 25);
    done(w, "DecreaseStreamRetentionPeriod", "{'StreamName':'s','RetentionPeriodHours':24}");
    assert_string_equal(status_of(w), "ACTIVE");
    assert_int_equal(int_at(w, "StreamDescription.RetentionPeriodHours"), 24);
}

/* A stream that was made otherwise is there at once. */
static void streams_of_files_are_active(void **state)
{
    struct api_world *w = *state;

    assert_int_equal(kfs_stream_create(w->b, "s", &(struct kfs_stream_spec){.shards = 1}, NULL), 0);
    assert_string_equal(status_of(w), "ACTIVE");
}

static void streams_are_listed_in_pages(void **state)
{
    struct api_world *w = *state;
    char token[600] = "";
    size_t seen = 0;

    for (unsigned int i = 0; i < 105; i++)
        done(w, "CreateStream", "{'StreamName':'s%03u','ShardCount':1}", i);
    done(w, "ListStreams", "{'Limit':1000}");
    assert_int_equal(count_at(w, "StreamNames"), 100);
    assert_true(at(w, "HasMoreStreams")->boolean);
    do {
        done(w, "ListStreams", "{'Limit':10%s}", token);
        for (size_t i = 0; i < count_at(w, "StreamNames"); i++) {
            char path[64];
            char name[32];
            (void)snprintf(path, sizeof path, "StreamNames.%zu", i);
            (void)snprintf(name, sizeof name, "s%03zu", seen++);
            assert_string_equal(text_at(w, path), name);
        }
        if (at(w, "HasMoreStreams")->boolean)
            (void)snprintf(token, sizeof token, ",'NextToken':'%s'", text_at(w, "NextToken"));
    } while (at(w, "HasMoreStreams")->boolean);
    assert_null(at(w, "NextToken"));
    assert_int_equal(seen, 105);
    done(w, "ListStreams", "{'ExclusiveStartStreamName':'s1030'}");
    assert_int_equal(count_at(w, "StreamNames"), 1);
    (void)ask(w, "ListStreams", "{'ExclusiveStartStreamName':'s'%s}", token);
    assert_refused(w, "InvalidArgumentException", NULL);
}

static void streams_can_be_named_by_arn(void **state)
{
    struct api_world *w = *state;

    done(w, "CreateStream", "{'StreamName':'s','ShardCount':1}");
    done(w, "DescribeStreamSummary", "{'StreamARN':'arn:aws:kinesis:x:123456789012:stream/s'}");
    assert_string_equal(text_at(w, "StreamDescriptionSummary.StreamARN"),
                        "arn:aws:kinesis:eu-west-1:000000000000:stream/s");
    done(w, "DescribeStreamSummary", "{'StreamName':'s','StreamARN':'arn:aws:kinesis:x:123456789012:stream/s'}");
    (void)ask(w, "DescribeStreamSummary", "{'StreamName':'t','StreamARN':'arn:aws:kinesis:x:123456789012:stream/s'}");
    assert_refused(w, "InvalidArgumentException", NULL);
    (void)ask(w, "DescribeStreamSummary", "{}");
    assert_refused(w, "InvalidArgumentException", "Either StreamName or StreamARN must be specified.");
    (void)ask(w, "DescribeStreamSummary", "{'StreamId':'aaaaaaaaaaaaaaaaaaaa-aaa'}");
    assert_refused(w, "InvalidArgumentException", "StreamId is not supported.");
}

static void modes_say_how_many_shards(void **state)
{
    struct api_world *w = *state;

    done(w, "CreateStream", "{'StreamName':'s','StreamModeDetails':{'StreamMode':'ON_DEMAND'}}");
    done(w, "DescribeStreamSummary", "{'StreamName':'s'}");
    assert_int_equal(int_at(w, "StreamDescriptionSummary.OpenShardCount"), 4);
    assert_string_equal(text_at(w, "StreamDescriptionSummary.StreamModeDetails.StreamMode"), "ON_DEMAND");
    (void)ask(w, "CreateStream", "{'StreamName':'t','ShardCount':2,'StreamModeDetails':{'StreamMode':'ON_DEMAND'}}");
    assert_refused(w, "InvalidArgumentException", "ShardCount is not expected when StreamMode=ON_DEMAND");
    (void)ask(w, "SplitShard", "{'StreamName':'s','ShardToSplit':'0','NewStartingHashKey':'5'}");
    assert_refused(w, "ValidationException",
                   "Request is invalid. Stream s under account 000000000000 is in On-Demand mode.");
    done(w, "UpdateStreamMode",
         "{'StreamARN':'arn:aws:kinesis:x:123456789012:stream/s','StreamModeDetails':{'StreamMode':'PROVISIONED'}}");
    done(w, "SplitShard", "{'StreamName':'s','ShardToSplit':'0','NewStartingHashKey':'5'}");
    done(w, "DescribeLimits", "{}");
    assert_int_equal(int_at(w, "OpenShardCount"), 5);
    assert_int_equal(int_at(w, "OnDemandStreamCount"), 0);
}

/* Ids of the shards that ListShards gives, as "0 1 2". */
static const char *shards(struct api_world *w, const char *members)
{
    static char ids[256];

    ids[0] = '\0';
    done(w, "ListShards", "{'StreamName':'s'%s}", members);
    for (size_t i = 0; i < count_at(w, "Shards"); i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "Shards.%zu.ShardId", i);
        (void)snprintf(ids + strlen(ids), sizeof ids - strlen(ids), "%s%u", i > 0 ? " " : "", shard_at(w, path));
    }
    return ids;
}

/* Shards 0 and 1 from the start, 2 and 3 from 0 an hour later, 4 from 1 and 3 another hour later. */
static void make_history(struct api_world *w)
{
    done(w, "CreateStream", "{'StreamName':'s','ShardCount':2}");
    api_world_pass(w, HOUR_MS);
    done(w, "SplitShard", "{'StreamName':'s','ShardToSplit':'0','NewStartingHashKey':'1000'}");
    api_world_pass(w, HOUR_MS);
    done(w, "MergeShards", "{'StreamName':'s','ShardToMerge':'3','AdjacentShardToMerge':'1'}");
    api_world_pass(w, HOUR_MS);
}

static void filters_choose_shards(void **state)
{
    struct api_world *w = *state;

    make_history(w);
    assert_string_equal(shards(w, ""), "0 1 2 3 4");
    assert_string_equal(shards(w, ",'ExclusiveStartShardId':'shardId-000000000002'"), "3 4");
    assert_string_equal(shards(w, ",'ShardFilter':{'Type':'AT_LATEST'}"), "2 4");
    assert_string_equal(shards(w, ",'ShardFilter':{'Type':'AT_TRIM_HORIZON'}"), "0 1");
    assert_string_equal(shards(w, ",'ShardFilter':{'Type':'FROM_TRIM_HORIZON'}"), "0 1 2 3 4");
    assert_string_equal(shards(w, ",'ShardFilter':{'Type':'AT_TIMESTAMP','Timestamp':1}"), "0 1");
    assert_string_equal(shards(w, ",'ShardFilter':{'Type':'AT_TIMESTAMP','Timestamp':1700003600}"), "1 2 3");
    assert_string_equal(shards(w, ",'ShardFilter':{'Type':'AT_TIMESTAMP','Timestamp':1700007200}"), "2 4");
    assert_string_equal(shards(w, ",'ShardFilter':{'Type':'FROM_TIMESTAMP','Timestamp':1700003601}"), "1 2 3 4");
    assert_string_equal(shards(w, ",'ShardFilter':{'Type':'AFTER_SHARD_ID','ShardId':'shardId-000000000003'}"), "4");
    (void)ask(w, "ListShards", "{'StreamName':'s','ShardFilter':{'Type':'AT_TIMESTAMP'}}");
    assert_refused(w, "InvalidArgumentException", NULL);
    (void)ask(w, "ListShards",
              "{'StreamName':'s','ShardFilter':{'Type':'AT_LATEST','ShardId':'shardId-000000000000'}}");
    assert_refused(w, "InvalidArgumentException", NULL);
}

static void pages_keep_their_filter(void **state)
{
    struct api_world *w = *state;

    make_history(w);
    assert_string_equal(shards(w, ",'MaxResults':1,'ShardFilter':{'Type':'AT_LATEST'}"), "2");
    char *token = strdup(text_at(w, "NextToken"));
    done(w, "ListShards", "{'NextToken':'%s'}", token);
    assert_int_equal(count_at(w, "Shards"), 1);
    assert_string_equal(text_at(w, "Shards.0.ShardId"), "shardId-000000000004");
    assert_null(at(w, "NextToken"));
    done(w, "ListShards", "{'NextToken':'%s','StreamName':'s'}", token);
    (void)ask(w, "ListShards", "{'NextToken':'%s','StreamName':'t'}", token);
    assert_refused(w, "InvalidArgumentException", "NextToken and StreamName cannot be provided together.");
    (void)ask(w, "ListShards", "{'NextToken':'x','StreamName':'s'}");
    assert_refused(w, "InvalidArgumentException", "NextToken and StreamName cannot be provided together.");
    (void)ask(w, "ListShards", "{}");
    assert_refused(w, "InvalidArgumentException", "Either NextToken or StreamName should be provided.");
    api_world_pass(w, 300001);
    (void)ask(w, "ListShards", "{'NextToken':'%s'}", token);
    assert_refused(w, "ExpiredNextTokenException", NULL);
    free(token);
}

/* Also where the backend still has them, as the local one does. */
static void expired_shards_are_not_told_of(void **state)
{
    struct api_world *w = *state;

    make_history(w);
    api_world_pass(w, 22 * HOUR_MS);
    assert_string_equal(shards(w, ""), "0 1 2 3 4");
    api_world_pass(w, 1);
    assert_string_equal(shards(w, ""), "1 2 3 4");
    assert_string_equal(shards(w, ",'ShardFilter':{'Type':'AT_TRIM_HORIZON'}"), "1 2 3");
    (void)ask(w, "GetShardIterator", "{'StreamName':'s','ShardId':'0','ShardIteratorType':'TRIM_HORIZON'}");
    assert_refused(w, "ResourceNotFoundException",
                   "Shard shardId-000000000000 in stream s under account 000000000000 does not exist");
    api_world_pass(w, HOUR_MS);
    assert_string_equal(shards(w, ""), "2 4");
    done(w, "DescribeStream", "{'StreamName':'s'}");
    assert_int_equal(count_at(w, "StreamDescription.Shards"), 2);
}

static void refuse(struct api_world *w, const char *operation, const char *members, const char *type, const char *text)
{
    (void)ask(w, operation, "{'StreamName':'s',%s}", members);
    assert_refused(w, type, text);
}

static void changes_that_are_refused(void **state)
{
    struct api_world *w = *state;

    make_history(w);
    refuse(w, "SplitShard", "'ShardToSplit':'shardId-9','NewStartingHashKey':'5'", "ResourceNotFoundException",
           "Could not find shard shardId-000000000009 in stream s under account 000000000000.");
    refuse(
        w, "SplitShard", "'ShardToSplit':'0','NewStartingHashKey':'5'", "InvalidArgumentException",
        "Shard shardId-000000000000 in stream s under account 000000000000 has already been merged or split, and thus "
        "is not eligible for merging or splitting.");
    refuse(w, "SplitShard", "'ShardToSplit':'2','NewStartingHashKey':'1'", "InvalidArgumentException",
           "NewStartingHashKey 1 used in SplitShard() on shard shardId-000000000002 in stream s under account "
           "000000000000 is not both greater than one plus the shard's StartingHashKey 0 and less than the shard's "
           "EndingHashKey 999.");
    refuse(w, "SplitShard", "'ShardToSplit':'2','NewStartingHashKey':'999999999999999999999999999999999999999'",
           "InvalidArgumentException",
           "NewStartingHashKey 999999999999999999999999999999999999999 used in SplitShard() on shard "
           "shardId-000000000002 in stream s under account 000000000000 is not both greater than one plus the shard's "
           "StartingHashKey 0 and less than the shard's EndingHashKey 999.");
    refuse(w, "MergeShards", "'ShardToMerge':'4','AdjacentShardToMerge':'2'", "InvalidArgumentException",
           "Shards shardId-000000000004 and shardId-000000000002 in stream s under account 000000000000 are not an "
           "adjacent pair of shards eligible for merging");
    refuse(w, "UpdateShardCount", "'TargetShardCount':5,'ScalingType':'UNIFORM_SCALING'", "LimitExceededException",
           "UpdateShardCount cannot scale up over double your current open shard count. Current open shard count: 2, "
           "Target shard count: 5");
    refuse(w, "UpdateShardCount", "'TargetShardCount':2147483648,'ScalingType':'UNIFORM_SCALING'",
           "LimitExceededException",
           "Target shard count or number of open shards cannot be greater than 10000. Current open shard count: 2, "
           "Target shard count: 2147483647");
    refuse(w, "IncreaseStreamRetentionPeriod", "'RetentionPeriodHours':23", "InvalidArgumentException",
           "Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is too short.");
    refuse(w, "IncreaseStreamRetentionPeriod", "'RetentionPeriodHours':8761", "InvalidArgumentException",
           "Maximum allowed retention period is 8760 hours. Requested retention period (8761 hours) is too long.");
    refuse(w, "DecreaseStreamRetentionPeriod", "'RetentionPeriodHours':25", "InvalidArgumentException",
           "Requested retention period (25 hours) for stream s can not be longer than existing retention period (24 "
           "hours). Use IncreaseRetentionPeriod API.");
}

/* Operations that name their stream by ARN alone. */
static void members_of_other_operations_are_ignored(void **state)
{
    struct api_world *w = *state;

    done(w, "CreateStream", "{'StreamName':'s','ShardCount':1}");
    (void)ask(w, "UpdateMaxRecordSize", "{'StreamName':'s','MaxRecordSizeInKiB':2048}");
    assert_refused(w, "InvalidArgumentException", "Either StreamName or StreamARN must be specified.");
    done(w, "RegisterStreamConsumer",
         "{'StreamARN':'arn:aws:kinesis:a:000000000000:stream/s','StreamName':[5],'ConsumerName':'c'}");
}

static void a_nul_ends_no_name(void **state)
{
    struct api_world *w = *state;

    done(w, "CreateStream", "{'StreamName':'s','ShardCount':1}");
    char *iterator = iterator_of(w, "s", 0, "LATEST", "");
    (void)ask(w, "DeleteStream", "{'StreamARN':'arn:aws:kinesis:a:000000000000:stream/s\\u0000t'}");
    assert_refused(w, "InvalidArgumentException", NULL);
    (void)ask(w, "GetRecords", "{'ShardIterator':'%s\\u0000'}", iterator);
    assert_refused(w, "InvalidArgumentException", "Invalid ShardIterator.");
    (void)ask(w, "PutResourcePolicy", "{'ResourceARN':'arn:aws:kinesis:a:000000000000:stream/s','Policy':'{}\\u0000'}");
    assert_refused(w, "InvalidArgumentException", "The policy is not a JSON object.");
    done(w, "DescribeStream", "{'StreamName':'s'}");
    free(iterator);
}

/* Ids are looked at before the stream; what stands between the first two dashes is the number. */
static void shards_of_a_stream_that_is_not_there(void **state)
{
    static const struct {
        const char *id;
        const char *words; /* of SplitShard and MergeShards; NULL: those of the stream */
    } cases[] = {{"2147483647", NULL},
                 {"a-2147483647", NULL},
                 {"-0000002147483647-b", NULL},
                 {"2147483648", "Could not find shard 2147483648 in stream none under account 000000000000."},
                 {"2.14E4", "Could not find shard 2.14E4 in stream none under account 000000000000."},
                 {"--1", "Could not find shard --1 in stream none under account 000000000000."},
                 {"a-b-0", "Could not find shard a-b-0 in stream none under account 000000000000."},
                 {"0-", "Could not find shard 0- in stream none under account 000000000000."}};
    static const char none[] = "Stream none under account 000000000000 not found.";

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *words = cases[i].words != NULL ? cases[i].words : none;
        (void)ask(*state, "SplitShard", "{'StreamName':'none','ShardToSplit':'%s','NewStartingHashKey':'0'}",
                  cases[i].id);
        assert_refused(*state, "ResourceNotFoundException", words);
        (void)ask(*state, "MergeShards", "{'StreamName':'none','ShardToMerge':'0','AdjacentShardToMerge':'%s'}",
                  cases[i].id);
        assert_refused(*state, "ResourceNotFoundException", words);
        (void)ask(*state, "GetShardIterator", "{'StreamName':'none','ShardId':'%s','ShardIteratorType':'LATEST'}",
                  cases[i].id);
        assert_refused(*state, "ResourceNotFoundException",
                       cases[i].words != NULL ? words
                                              : "Shard shardId-002147483647 in stream none under account 000000000000 "
                                                "does not exist");
    }
}

static void a_count_can_be_set(void **state)
{
    struct api_world *w = *state;

    done(w, "CreateStream", "{'StreamName':'s','ShardCount':4}");
    done(w, "UpdateShardCount", "{'StreamName':'s','TargetShardCount':3,'ScalingType':'UNIFORM_SCALING'}");
    assert_int_equal(int_at(w, "CurrentShardCount"), 4);
    assert_int_equal(int_at(w, "TargetShardCount"), 3);
    assert_string_equal(shards(w, ",'ShardFilter':{'Type':'AT_LATEST'}"), "6 9 10");
    assert_string_equal(text_at(w, "Shards.0.HashKeyRange.EndingHashKey"), "113427455640312821154458202477256070484");
}

static int setup_local(void **state)
{
    return api_world_setup_local(state);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, api_world_setup, api_world_teardown)
#define CASE_LOCAL(name) ((struct CMUnitTest){#name " (local)", name, setup_local, api_world_teardown, NULL})

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_stream_passes_through_its_statuses, setup_delayed, api_world_teardown),
        cmocka_unit_test_setup_teardown(changes_of_shards_are_made_when_they_are_due, setup_delayed,
                                        api_world_teardown),
        CASE_LOCAL(changes_of_shards_are_not_lost),
        cmocka_unit_test_setup_teardown(retention_needs_no_updating, setup_delayed, api_world_teardown),
        cmocka_unit_test_setup_teardown(streams_of_files_are_active, setup_delayed, api_world_teardown),
        CASE(streams_are_listed_in_pages),
        CASE(streams_can_be_named_by_arn),
        CASE(modes_say_how_many_shards),
        CASE(filters_choose_shards),
        CASE(pages_keep_their_filter),
        CASE(expired_shards_are_not_told_of),
        CASE(changes_that_are_refused),
        CASE(members_of_other_operations_are_ignored),
        CASE(a_nul_ends_no_name),
        CASE(shards_of_a_stream_that_is_not_there),
        CASE(a_count_can_be_set),
        CASE_LOCAL(filters_choose_shards),
        CASE_LOCAL(expired_shards_are_not_told_of),
        CASE_LOCAL(a_count_can_be_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
