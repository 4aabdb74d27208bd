/* Tags, consumers, policies and the other settings; and that they last. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/apiworld.h"

#define ARN "arn:aws:kinesis:eu-west-1:000000000000:stream/s"
#define HOUR_MS UINT64_C(3600000)

static int setup(void **state)
{
    int rc = api_world_setup(state);

    done(*state, "CreateStream", "{'StreamName':'s','ShardCount':1}");
    return rc;
}

static void tags_are_kept_by_key(void **state)
{
    struct api_world *w = *state;

    done(w, "AddTagsToStream", "{'StreamName':'s','Tags':{'b':'2','a':'1'}}");
    done(w, "TagResource", "{'ResourceARN':'" ARN "','Tags':{'c':'3','a':''}}");
    done(w, "ListTagsForStream", "{'StreamName':'s','Limit':2}");
    assert_string_equal(text_at(w, "Tags.0.Key"), "a");
    assert_string_equal(text_at(w, "Tags.0.Value"), "");
    assert_true(at(w, "HasMoreTags")->boolean);
    done(w, "ListTagsForStream", "{'StreamName':'s','ExclusiveStartTagKey':'b'}");
    assert_int_equal(count_at(w, "Tags"), 1);
    assert_false(at(w, "HasMoreTags")->boolean);
    done(w, "RemoveTagsFromStream", "{'StreamName':'s','TagKeys':['a','none']}");
    done(w, "UntagResource", "{'ResourceARN':'" ARN "','TagKeys':['b']}");
    done(w, "ListTagsForResource", "{'ResourceARN':'" ARN "'}");
    assert_int_equal(count_at(w, "Tags"), 1);
}

static void tags_that_are_refused(void **state)
{
    struct api_world *w = *state;
    char tags[4096] = "";

    static const char *const bad[] = {";", ",", "\\t", "\\n", "\\u0000"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (int j = 0; j < 3; j++) {
            (void)ask(w, j < 2 ? "AddTagsToStream" : "RemoveTagsFromStream",
                      j == 0   ? "{'StreamName':'s','Tags':{'a%s':'b'}}"
                      : j == 1 ? "{'StreamName':'s','Tags':{'a':'b%s'}}"
                               : "{'StreamName':'s','TagKeys':['a%s']}",
                      bad[i]);
            assert_refused(w, "InvalidArgumentException",
                           "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white "
                           "space, _ . / = + - % @.");
        }
    }
    (void)ask(w, "RemoveTagsFromStream", "{'StreamName':'s','TagKeys':['100%%']}");
    assert_refused(
        w, "InvalidArgumentException",
        "Failed to remove tags from stream s under account 000000000000 because some tags contained illegal "
        "characters. The allowed characters are Unicode letters, white-spaces, '_',',','/','=','+','-','@'.");
    (void)ask(w, "AddTagsToStream", "{'StreamName':'s','Tags':{'a':'100%%'}}");
    assert_refused(
        w, "InvalidArgumentException",
        "Failed to add tags to stream s under account 000000000000 because some tags contained illegal "
        "characters. The allowed characters are Unicode letters, white-spaces, '_',',','/','=','+','-','@'.");
    for (unsigned int i = 0; i < 51; i++)
        (void)snprintf(tags + strlen(tags), sizeof tags - strlen(tags), "%s'k%u':'v'", i > 0 ? "," : "", i);
    (void)ask(w, "AddTagsToStream", "{'StreamName':'s','Tags':{%s}}", tags);
    assert_refused(w, "InvalidArgumentException", NULL);
    done(w, "ListTagsForStream", "{'StreamName':'s'}");
    assert_int_equal(count_at(w, "Tags"), 0);
}

static void consumers_come_and_go(void **state)
{
    struct api_world *w = *state;
    char first[200];

    done(w, "RegisterStreamConsumer", "{'StreamARN':'" ARN "','ConsumerName':'c','Tags':{'a':'b'}}");
    assert_string_equal(text_at(w, "Consumer.ConsumerARN"), ARN "/consumer/c:1700000000");
    assert_string_equal(text_at(w, "Consumer.ConsumerStatus"), "ACTIVE");
    (void)snprintf(first, sizeof first, "%s", text_at(w, "Consumer.ConsumerARN"));
    (void)ask(w, "RegisterStreamConsumer", "{'StreamARN':'" ARN "','ConsumerName':'c'}");
    assert_refused(w, "ResourceInUseException", NULL);
    done(w, "ListTagsForResource", "{'ResourceARN':'%s'}", first);
    assert_int_equal(count_at(w, "Tags"), 1);
    done(w, "DescribeStreamConsumer", "{'StreamARN':'" ARN "','ConsumerName':'c','ConsumerARN':'%s'}", first);
    assert_string_equal(text_at(w, "ConsumerDescription.StreamARN"), ARN);
    (void)ask(w, "DescribeStreamConsumer", "{'ConsumerName':'d','ConsumerARN':'%s'}", first);
    assert_refused(w, "InvalidArgumentException", NULL);
    (void)ask(w, "DeleteStream", "{'StreamName':'s'}");
    assert_refused(
        w, "ResourceInUseException",
        "DeleteStream can't delete " ARN " because there are consumers associated with this data stream. To "
        "delete s anyway, set the EnforceConsumerDeletion parameter to true to force the deletion of all the "
        "consumers that are associated with it.");
    done(w, "DeregisterStreamConsumer", "{'StreamARN':'" ARN "','ConsumerName':'c'}");
    (void)ask(w, "DescribeStreamConsumer", "{'ConsumerARN':'%s'}", first);
    assert_refused(w, "ResourceNotFoundException", NULL);
    done(w, "RegisterStreamConsumer", "{'StreamARN':'" ARN "','ConsumerName':'c'}");
    assert_string_not_equal(text_at(w, "Consumer.ConsumerARN"), first);
    (void)ask(w, "DescribeStreamConsumer", "{'ConsumerARN':'%s'}", first);
    assert_refused(w, "ResourceNotFoundException", NULL);
}

static void statuses_of_consumers_and_monitoring(void **state)
{
    struct api_world *w = *state;
    char first[200];

    api_world_close(w);
    w->config.status_delay_ms = 500;
    api_world_open(w);
    done(w, "CreateStream", "{'StreamName':'s','ShardCount':1}");
    api_world_pass(w, 500);
    done(w, "RegisterStreamConsumer", "{'StreamARN':'" ARN "','ConsumerName':'c'}");
    assert_string_equal(text_at(w, "Consumer.ConsumerStatus"), "CREATING");
    (void)snprintf(first, sizeof first, "%s", text_at(w, "Consumer.ConsumerARN"));
    api_world_pass(w, 500);
    done(w, "DescribeStreamConsumer", "{'ConsumerARN':'%s'}", first);
    assert_string_equal(text_at(w, "ConsumerDescription.ConsumerStatus"), "ACTIVE");
    done(w, "DeregisterStreamConsumer", "{'ConsumerARN':'%s'}", first);
    done(w, "DescribeStreamConsumer", "{'StreamARN':'" ARN "','ConsumerName':'c'}");
    assert_string_equal(text_at(w, "ConsumerDescription.ConsumerStatus"), "DELETING");
    (void)ask(w, "DeregisterStreamConsumer", "{'ConsumerARN':'%s'}", first);
    assert_refused(w, "ResourceNotFoundException", NULL);
    done(w, "RegisterStreamConsumer", "{'StreamARN':'" ARN "','ConsumerName':'c'}");
    done(w, "DescribeStreamConsumer", "{'StreamARN':'" ARN "','ConsumerName':'c'}");
    assert_string_equal(text_at(w, "ConsumerDescription.ConsumerStatus"), "CREATING");
    done(w, "DescribeStreamConsumer", "{'ConsumerARN':'%s'}", first);
    assert_string_equal(text_at(w, "ConsumerDescription.ConsumerStatus"), "DELETING");
    api_world_pass(w, 500);
    (void)ask(w, "DescribeStreamConsumer", "{'ConsumerARN':'%s'}", first);
    assert_refused(w, "ResourceNotFoundException", NULL);
    /* Monitoring is set at once, and may be set again. */
    done(w, "EnableEnhancedMonitoring", "{'StreamName':'s','ShardLevelMetrics':['ALL']}");
    done(w, "DisableEnhancedMonitoring", "{'StreamName':'s','ShardLevelMetrics':['IncomingBytes']}");
    done(w, "DescribeStream", "{'StreamName':'s'}");
    assert_string_equal(text_at(w, "StreamDescription.StreamStatus"), "ACTIVE");
}

static void consumers_are_twenty_at_most(void **state)
{
    struct api_world *w = *state;

    for (unsigned int i = 0; i < 20; i++)
        done(w, "RegisterStreamConsumer", "{'StreamARN':'" ARN "','ConsumerName':'c%02u'}", i);
    (void)ask(w, "RegisterStreamConsumer", "{'StreamARN':'" ARN "','ConsumerName':'d'}");
    assert_refused(w, "LimitExceededException", NULL);
    done(w, "ListStreamConsumers", "{'StreamARN':'" ARN "','MaxResults':15}");
    assert_int_equal(count_at(w, "Consumers"), 15);
    char *token = strdup(text_at(w, "NextToken"));
    done(w, "ListStreamConsumers", "{'StreamARN':'" ARN "','NextToken':'%s'}", token);
    assert_int_equal(count_at(w, "Consumers"), 5);
    assert_null(at(w, "NextToken"));
    (void)ask(w, "ListStreams", "{'NextToken':'%s'}", token);
    assert_refused(w, "InvalidArgumentException", NULL);
    done(w, "UpdateAccountSettings", "{'MinimumThroughputBillingCommitment':{'Status':'ENABLED'}}");
    done(w, "RegisterStreamConsumer", "{'StreamARN':'" ARN "','ConsumerName':'d'}");
    free(token);
}

static void policies_are_kept(void **state)
{
    struct api_world *w = *state;

    done(w, "GetResourcePolicy", "{'ResourceARN':'" ARN "'}");
    assert_string_equal(text_at(w, "Policy"), "{}");
    (void)ask(w, "DeleteResourcePolicy", "{'ResourceARN':'" ARN "'}");
    assert_refused(w, "ResourceNotFoundException", NULL);
    (void)ask(w, "PutResourcePolicy", "{'ResourceARN':'" ARN "','Policy':'x'}");
    assert_refused(w, "InvalidArgumentException", NULL);
    done(w, "PutResourcePolicy", "{'ResourceARN':'" ARN "','Policy':'{\\'a\\':1}'}");
    done(w, "GetResourcePolicy", "{'ResourceARN':'" ARN "'}");
    assert_string_equal(text_at(w, "Policy"), "{\"a\":1}");
    done(w, "DeleteResourcePolicy", "{'ResourceARN':'" ARN "'}");
}

static void encryption_is_shown(void **state)
{
    struct api_world *w = *state;

    done(w, "StartStreamEncryption", "{'StreamName':'s','EncryptionType':'KMS','KeyId':'alias/k'}");
    done(w, "PutRecord", "{'StreamName':'s','Data':'','PartitionKey':'a'}");
    assert_string_equal(text_at(w, "EncryptionType"), "KMS");
    char *iterator = iterator_of(w, "s", 0, "TRIM_HORIZON", "");
    done(w, "GetRecords", "{'ShardIterator':'%s'}", iterator);
    assert_string_equal(text_at(w, "Records.0.EncryptionType"), "KMS");
    done(w, "StopStreamEncryption", "{'StreamName':'s','EncryptionType':'KMS','KeyId':'alias/k'}");
    done(w, "DescribeStreamSummary", "{'StreamName':'s'}");
    assert_string_equal(text_at(w, "StreamDescriptionSummary.EncryptionType"), "NONE");
    assert_null(at(w, "StreamDescriptionSummary.KeyId"));
    free(iterator);
}

static void monitoring_tells_before_and_after(void **state)
{
    struct api_world *w = *state;

    done(w, "EnableEnhancedMonitoring", "{'StreamName':'s','ShardLevelMetrics':['IncomingBytes','OutgoingBytes']}");
    assert_int_equal(count_at(w, "CurrentShardLevelMetrics"), 0);
    assert_int_equal(count_at(w, "DesiredShardLevelMetrics"), 2);
    done(w, "DisableEnhancedMonitoring", "{'StreamName':'s','ShardLevelMetrics':['IncomingBytes']}");
    assert_int_equal(count_at(w, "CurrentShardLevelMetrics"), 2);
    assert_string_equal(text_at(w, "DesiredShardLevelMetrics.0"), "OutgoingBytes");
    done(w, "EnableEnhancedMonitoring", "{'StreamName':'s','ShardLevelMetrics':['ALL']}");
    assert_int_equal(count_at(w, "DesiredShardLevelMetrics"), 7);
}

static void a_commitment_lasts_a_day(void **state)
{
    struct api_world *w = *state;

    done(w, "DescribeAccountSettings", "{}");
    assert_string_equal(text_at(w, "MinimumThroughputBillingCommitment.Status"), "DISABLED");
    done(w, "UpdateStreamMode", "{'StreamARN':'" ARN "','StreamModeDetails':{'StreamMode':'ON_DEMAND'}}");
    (void)ask(w, "CreateStream", "{'StreamName':'w','WarmThroughputMiBps':100}");
    assert_refused(w, "ValidationException", NULL);
    (void)ask(w, "UpdateStreamWarmThroughput", "{'StreamName':'s','WarmThroughputMiBps':100}");
    assert_refused(w, "ValidationException", NULL);
    done(w, "UpdateAccountSettings", "{'MinimumThroughputBillingCommitment':{'Status':'ENABLED'}}");
    assert_int_equal(int_at(w, "MinimumThroughputBillingCommitment.StartedAt"), API_WORLD_START_MS / 1000);
    done(w, "UpdateStreamWarmThroughput", "{'StreamName':'s','WarmThroughputMiBps':100}");
    (void)ask(w, "UpdateAccountSettings", "{'MinimumThroughputBillingCommitment':{'Status':'DISABLED'}}");
    assert_refused(w, "InvalidArgumentException", NULL);
    api_world_pass(w, 24 * HOUR_MS);
    done(w, "UpdateAccountSettings", "{'MinimumThroughputBillingCommitment':{'Status':'DISABLED'}}");
    assert_string_equal(text_at(w, "MinimumThroughputBillingCommitment.Status"), "DISABLED");
}

static void settings_and_iterators_last(void **state)
{
    struct api_world *w = *state;

    done(w, "CreateStream", "{'StreamName':'s','Tags':{'a':'\xc3\xa4'},'MaxRecordSizeInKiB':2048}");
    done(w, "RegisterStreamConsumer", "{'StreamARN':'" ARN "','ConsumerName':'c','Tags':{'d':'e'}}");
    done(w, "StartStreamEncryption", "{'StreamName':'s','EncryptionType':'KMS','KeyId':'alias/k'}");
    done(w, "EnableEnhancedMonitoring", "{'StreamName':'s','ShardLevelMetrics':['IncomingBytes']}");
    done(w, "PutResourcePolicy", "{'ResourceARN':'" ARN "/consumer/c:1700000000','Policy':'{\\'a\\':1}'}");
    done(w, "UpdateAccountSettings", "{'MinimumThroughputBillingCommitment':{'Status':'ENABLED'}}");
    done(w, "PutRecord", "{'StreamName':'s','Data':'MQ==','PartitionKey':'a','ExplicitHashKey':'0'}");
    char *iterator = iterator_of(w, "s", 0, "TRIM_HORIZON", "");
    api_world_close(w);
    api_world_open(w);
    done(w, "GetRecords", "{'ShardIterator':'%s'}", iterator);
    assert_int_equal(count_at(w, "Records"), 1);
    done(w, "DescribeStreamSummary", "{'StreamName':'s'}");
    assert_string_equal(text_at(w, "StreamDescriptionSummary.KeyId"), "alias/k");
    assert_string_equal(text_at(w, "StreamDescriptionSummary.StreamModeDetails.StreamMode"), "ON_DEMAND");
    assert_int_equal(int_at(w, "StreamDescriptionSummary.MaxRecordSizeInKiB"), 2048);
    assert_int_equal(int_at(w, "StreamDescriptionSummary.ConsumerCount"), 1);
    assert_string_equal(text_at(w, "StreamDescriptionSummary.EnhancedMonitoring.0.ShardLevelMetrics.0"),
                        "IncomingBytes");
    done(w, "ListTagsForStream", "{'StreamName':'s'}");
    assert_string_equal(text_at(w, "Tags.0.Value"), "\xc3\xa4");
    done(w, "GetResourcePolicy", "{'ResourceARN':'" ARN "/consumer/c:1700000000'}");
    assert_string_equal(text_at(w, "Policy"), "{\"a\":1}");
    done(w, "ListTagsForResource", "{'ResourceARN':'" ARN "/consumer/c:1700000000'}");
    assert_string_equal(text_at(w, "Tags.0.Key"), "d");
    done(w, "DescribeAccountSettings", "{}");
    assert_string_equal(text_at(w, "MinimumThroughputBillingCommitment.Status"), "ENABLED");
    free(iterator);
}

/* Settings that cannot be read are a fault of the store, not the absence of the stream. */
static void damaged_settings_are_told_of(void **state)
{
    struct api_world *w = *state;
    struct kfs_stream *s;

    api_world_close(w);
    api_world_open(w);
    assert_int_equal(kfs_stream_create(w->b, "d", &(struct kfs_stream_spec){.shards = 1}, NULL), 0);
    assert_int_equal(kfs_stream_open(w->b, "d", &s, NULL), 0);
    assert_int_equal(kfs_note_set(w->b, s, "api.stream", (struct kfs_bytes){"{", 1}, NULL), 0);
    static const char *const operations[] = {"DescribeStream", "PutRecord", "GetShardIterator"};
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        assert_int_equal(ask(w, operations[i],
                             "{'StreamName':'d','Data':'','PartitionKey':'a','ShardId':'0','ShardIteratorType':"
                             "'LATEST'}"),
                         500);
        assert_string_equal(text_at(w, "__type"), "InternalFailure");
    }
    assert_int_equal(kfs_note_set(w->b, s, "api.stream", (struct kfs_bytes){0}, NULL), 0);
    done(w, "DescribeStream", "{'StreamName':'d'}");
    kfs_stream_close(s);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, api_world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(tags_are_kept_by_key),
        CASE(tags_that_are_refused),
        CASE(consumers_come_and_go),
        CASE(statuses_of_consumers_and_monitoring),
        CASE(consumers_are_twenty_at_most),
        CASE(policies_are_kept),
        CASE(encryption_is_shown),
        CASE(monitoring_tells_before_and_after),
        CASE(a_commitment_lasts_a_day),
        CASE(damaged_settings_are_told_of),
        cmocka_unit_test_setup_teardown(settings_and_iterators_last, api_world_setup_local, api_world_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
