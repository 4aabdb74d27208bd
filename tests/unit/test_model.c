#include "backend/endpoint/model.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/endpoint/api_internal.h"

#define ARENA_BYTES ((size_t)64 << 20)

static struct kfs_arena *arena;
static struct kfs_value value;
static struct kfs_buf text;
static const char *type;

static int teardown(void **state)
{
    (void)state;
    kfs_arena_free(arena);
    kfs_buf_release(&text);
    return 0;
}

static int check_bytes(const char *operation, const char *json, size_t len)
{
    const struct kfs_operation *found = kfs_operation_find((struct kfs_bytes){operation, strlen(operation)});

    assert_non_null(found);
    kfs_arena_free(arena);
    arena = kfs_arena_new(ARENA_BYTES);
    assert_non_null(arena);
    kfs_buf_release(&text);
    kfs_buf_init(&text, KFS_MODEL_TEXT_MAX);
    type = NULL;
    assert_int_equal(kfs_json_decode(arena, (struct kfs_bytes){json, len}, &value), 0);
    int rc = kfs_model_check(found->input, arena, &value, &type, &text);
    assert_int_equal(kfs_buf_append(&text, "", 1), 0);
    return rc;
}

static int check(const char *operation, const char *json)
{
    return check_bytes(operation, json, strlen(json));
}

static void assert_good(const char *operation, const char *json)
{
    if (check(operation, json) != 0)
        fail_msg("%s %s: %s", operation, json, text.data);
}

static void assert_refused(const char *operation, const char *json, const char *as, const char *why)
{
    assert_int_equal(check(operation, json), -EINVAL);
    assert_string_equal(text.data, why);
    assert_string_equal(type, as);
}

static void operations(void **state)
{
    (void)state;
    assert_int_equal(kfs_n_operations, 39);
    assert_null(kfs_operation_find((struct kfs_bytes){"CreateChannel", 13}));
    assert_null(kfs_operation_find((struct kfs_bytes){"PutRecor", 8}));
    assert_null(kfs_operation_find((struct kfs_bytes){NULL, 0}));
    assert_string_equal(kfs_operation_find((struct kfs_bytes){"PutRecords!", 10})->name, "PutRecords");
    assert_int_equal(api_n_operations, kfs_n_operations);
    for (size_t i = 0; i < kfs_n_operations; i++) {
        const char *name = kfs_operations[i].name;
        assert_string_equal(api_operations[i].name, name);
        assert_ptr_equal(kfs_operation_find((struct kfs_bytes){name, strlen(name)}), &kfs_operations[i]);
    }
}

static void good_input(void **state)
{
    (void)state;
    assert_good("DescribeLimits", "{}");
    assert_good("DescribeLimits", "{\"Whatever\":[1,2]}");
    assert_good("CreateStream", "{\"StreamName\":\"a.b_c-D9\",\"ShardCount\":100000000,\"Tags\":{\"k\":\"\"},"
                                "\"StreamModeDetails\":{\"StreamMode\":\"ON_DEMAND\"},\"MaxRecordSizeInKiB\":10240}");
    assert_good("DescribeStream", "{\"StreamARN\":\"arn:aws:kinesis:us-east-1:000000000000:stream/a\",\"Limit\":null}");
    assert_good("GetShardIterator", "{\"ShardId\":\"0\",\"ShardIteratorType\":\"AT_TIMESTAMP\",\"Timestamp\":1.5}");
    assert_good("SubscribeToShard",
                "{\"ConsumerARN\":\"arn:aws:kinesis:r:123456789012:stream/s/consumer/c:1\",\"ShardId\":\"x\","
                "\"StartingPosition\":{\"Type\":\"AFTER_SEQUENCE_NUMBER\",\"SequenceNumber\":\"0\"}}");
}

static void values_are_converted(void **state)
{
    (void)state;
    assert_good("PutRecord", "{\"Data\":\"aGk=\",\"PartitionKey\":\"k\"}");
    const struct kfs_value *data = kfs_value_get(&value, "Data");
    assert_int_equal(data->type, KFS_VALUE_BYTES);
    assert_int_equal(data->bytes.len, 2);
    assert_memory_equal(data->bytes.data, "hi", 2);
    assert_good("PutRecord", "{\"Data\":\"\",\"PartitionKey\":\"k\"}");
    assert_int_equal(kfs_value_get(&value, "Data")->bytes.len, 0);

    assert_good("GetShardIterator",
                "{\"ShardId\":\"0\",\"ShardIteratorType\":\"AT_TIMESTAMP\",\"Timestamp\":1700000000.123}");
    assert_int_equal(kfs_value_get(&value, "Timestamp")->type, KFS_VALUE_TIME);
    assert_true(kfs_value_get(&value, "Timestamp")->integer == 1700000000123);

    assert_good("UpdateShardCount", "{\"TargetShardCount\":3.9,\"ScalingType\":\"UNIFORM_SCALING\"}");
    assert_int_equal(kfs_value_get(&value, "TargetShardCount")->integer, 3);
    assert_good("UpdateShardCount", "{\"TargetShardCount\":1e99,\"ScalingType\":\"UNIFORM_SCALING\"}");
    assert_int_equal(kfs_value_get(&value, "TargetShardCount")->integer, INT32_MAX);
    assert_good("IncreaseStreamRetentionPeriod", "{\"RetentionPeriodHours\":-0.5}");
    assert_int_equal(kfs_value_get(&value, "RetentionPeriodHours")->integer, -1);

    assert_good("TagResource", "{\"ResourceARN\":\"arn:aws:kinesis:r:123456789012:stream/s\","
                               "\"Tags\":{\"a\":\"1\",\"b\":\"2\",\"a\":\"3\"}}");
    assert_int_equal(kfs_value_get(&value, "Tags")->n, 2);
    assert_string_equal(kfs_value_get(&value, "Tags")->items[0].bytes.data, "3\"}}");
}

/* The table of types: what is declared, what came, what is said. */
static void wrong_types(void **state)
{
#define NUMBER "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to "
#define LIST "Start of list found where not expected"
#define MAP "Start of structure or map found where not expected."
    static const char *const cases[][3] = {
        {"DescribeStream", "{\"StreamName\":true}", "class java.lang.Boolean can not be converted to an String"},
        {"DescribeStream", "{\"StreamName\":23}", NUMBER "an String"},
        {"DescribeStream", "{\"StreamName\":[]}", LIST},
        {"DescribeStream", "{\"StreamName\":{}}", MAP},
        {"DescribeStream", "{\"Limit\":\"23\"}", "class java.lang.String can not be converted to an Integer"},
        {"DescribeStream", "{\"Limit\":false}", "class java.lang.Boolean can not be converted to an Integer"},
        {"DescribeStream", "{\"Limit\":[]}", LIST},
        {"DescribeStream", "{\"Limit\":{}}", MAP},
        {"DeleteStream", "{\"EnforceConsumerDeletion\":\"yes\"}", "'YES' can not be converted to an Boolean"},
        {"DeleteStream", "{\"EnforceConsumerDeletion\":1}", NUMBER "an Boolean"},
        {"DeleteStream", "{\"EnforceConsumerDeletion\":[1]}", LIST},
        {"DeleteStream", "{\"EnforceConsumerDeletion\":{}}", MAP},
        {"PutRecord", "{\"Data\":true}", "class java.lang.Boolean can not be converted to a Blob"},
        {"PutRecord", "{\"Data\":1}", NUMBER "a Blob"},
        {"PutRecord", "{\"Data\":[]}", LIST},
        {"PutRecord", "{\"Data\":{}}", MAP},
        {"PutRecord", "{\"Data\":\"23456\"}",
         "'23456' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 bytes but found: "
         "5"},
        {"PutRecord", "{\"Data\":\"=+/=\"}", "'=+/=' can not be converted to a Blob: Invalid Base64 character: '='"},
        {"PutRecord", "{\"Data\":\"+/+;\"}", "'+/+;' can not be converted to a Blob: Invalid Base64 character: ';'"},
        {"PutRecord", "{\"Data\":\"abc\xc3\xbc\"}",
         "'abc\xc3\xbc' can not be converted to a Blob: Invalid Base64 character: '\xc3\xbc'"},
        {"PutRecord", "{\"Data\":\"+/+=\"}",
         "'+/+=' can not be converted to a Blob: Invalid last non-pad Base64 character dectected"},
        {"GetShardIterator", "{\"Timestamp\":\"x\"}",
         "class java.lang.String can not be converted to milliseconds since epoch"},
        {"GetShardIterator", "{\"Timestamp\":true}",
         "class java.lang.Boolean can not be converted to milliseconds since epoch"},
        {"GetShardIterator", "{\"Timestamp\":[]}", LIST},
        {"PutRecords", "{\"Records\":\"x\"}", "Expected list or null"},
        {"PutRecords", "{\"Records\":1}", "Expected list or null"},
        {"PutRecords", "{\"Records\":{}}", MAP},
        {"PutRecords", "{\"Records\":[1]}", "Expected null"},
        {"PutRecords", "{\"Records\":[[]]}", LIST},
        {"PutRecords", "{\"Records\":[{},{\"PartitionKey\":1}]}", NUMBER "an String"},
        {"AddTagsToStream", "{\"Tags\":\"x\"}", "Expected map or null"},
        {"AddTagsToStream", "{\"Tags\":[]}", LIST},
        {"AddTagsToStream", "{\"Tags\":{\"a\":{}}}", MAP},
        {"RemoveTagsFromStream", "{\"TagKeys\":[\"a\",1]}", NUMBER "an String"},
        {"ListShards", "{\"ShardFilter\":true}", "Expected null"},
        {"ListShards", "{\"ShardFilter\":[]}", LIST},
        {"ListShards", "{\"ShardFilter\":{\"Type\":[]}}", LIST},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(cases[i][0], cases[i][1], "SerializationException", cases[i][2]);
}

#define CONSTRAINT(value, path)                                                                                        \
    "1 validation error detected: Value " value " at '" path "' failed to satisfy constraint: "
#define NEXT(value, path) "; Value " value " at '" path "' failed to satisfy constraint: "
#define PATTERN_NAME "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
#define LEAST(n) "Member must have length greater than or equal to " n
#define MOST(n) "Member must have length less than or equal to " n

static void constraints(void **state)
{
    static const char *const cases[][3] = {
        {"GetRecords", "{}", CONSTRAINT("null", "shardIterator") "Member must not be null"},
        {"GetRecords", "{\"ShardIterator\":null}", CONSTRAINT("null", "shardIterator") "Member must not be null"},
        {"CreateStream", "{\"StreamName\":\"\"}",
         "2 validation errors detected: Value '' at 'streamName' failed to satisfy constraint: " PATTERN_NAME NEXT(
             "''", "streamName") LEAST("1")},
        {"DescribeStream", "{\"StreamName\":\"a;b\"}", CONSTRAINT("'a;b'", "streamName") PATTERN_NAME},
        {"DescribeStream", "{\"Limit\":0}",
         CONSTRAINT("'0'", "limit") "Member must have value greater than or equal to 1"},
        {"DescribeStream", "{\"Limit\":10001}",
         CONSTRAINT("'10001'", "limit") "Member must have value less than or equal to 10000"},
        {"DescribeStream", "{\"StreamARN\":\"x\"}",
         CONSTRAINT("'x'", "streamARN") "Member must satisfy regular expression pattern: "
                                        "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+"},
        {"GetShardIterator", "{\"ShardId\":\"0\",\"ShardIteratorType\":\"latest\"}",
         CONSTRAINT("'latest'", "shardIteratorType") "Member must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, "
                                                     "LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]"},
        {"PutRecords", "{\"Records\":[]}", CONSTRAINT("'[]'", "records") LEAST("1")},
        {"PutRecords", "{\"Records\":[{\"Data\":\"\",\"PartitionKey\":\"\",\"ExplicitHashKey\":\"01\"}]}",
         "2 validation errors detected: Value '01' at 'records.1.member.explicitHashKey' failed to satisfy constraint: "
         "Member must satisfy regular expression pattern: 0|([1-9]\\d{0,38})" NEXT(
             "''", "records.1.member.partitionKey") LEAST("1")},
        {"PutRecords", "{\"Records\":[null]}", CONSTRAINT("null", "records.1.member") "Member must not be null"},
        {"ListShards", "{\"ShardFilter\":{\"ShardId\":\"x\"}}",
         CONSTRAINT("null", "shardFilter.type") "Member must not be null"},
        {"RemoveTagsFromStream", "{\"TagKeys\":[\"a\",\"\"]}",
         CONSTRAINT("'[a, ]'", "tagKeys") "Member must satisfy constraint: [" MOST("128") ", " LEAST("1") "]"},
        {"RemoveTagsFromStream", "{\"TagKeys\":[null]}",
         CONSTRAINT("null", "tagKeys.1.member") "Member must not be null"},
        {"AddTagsToStream", "{\"Tags\":{\"\":\"v\",\"k\":\"w\"}}",
         CONSTRAINT("'{=v, k=w}'", "tags") "Map keys must satisfy constraint: [" MOST("128") ", " LEAST("1") "]"},
        {"AddTagsToStream", "{\"Tags\":{}}", CONSTRAINT("'{}'", "tags") LEAST("1")},
        {"AddTagsToStream", "{\"Tags\":{\"k\":null}}", CONSTRAINT("null", "tags.k") "Member must not be null"},
        {"EnableEnhancedMonitoring", "{\"ShardLevelMetrics\":[\"ALL\",\"NONE\"]}",
         CONSTRAINT("'[ALL, NONE]'", "shardLevelMetrics") "Member must satisfy constraint: [Member must satisfy enum "
                                                          "value set: [IncomingBytes, IncomingRecords, OutgoingBytes, "
                                                          "OutgoingRecords, WriteProvisionedThroughputExceeded, "
                                                          "ReadProvisionedThroughputExceeded, "
                                                          "IteratorAgeMilliseconds, ALL]]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(cases[i][0], cases[i][1], "ValidationException", cases[i][2]);
}

/* {"BEFORE":"ccc...","..."} with n characters, which are repeated units. */
static char *with_long(const char *before, const char *unit, size_t n, const char *after)
{
    size_t len = strlen(before) + n * strlen(unit) + strlen(after);
    char *json = malloc(len + 1);
    char *to;

    assert_non_null(json);
    to = stpcpy(json, before);
    for (size_t i = 0; i < n; i++)
        to = stpcpy(to, unit);
    (void)stpcpy(to, after);
    return json;
}

static int check_long(const char *operation, char *json)
{
    int rc = check(operation, json);

    free(json);
    return rc;
}

static void lengths_are_of_characters(void **state)
{
    static const char before[] = "{\"Data\":\"\",\"PartitionKey\":\"";

    (void)state;
    assert_int_equal(check_long("PutRecord", with_long(before, "\xe2\x82\xac", 256, "\"}")), 0);
    assert_int_equal(check_long("PutRecord", with_long(before, "\xe2\x82\xac", 257, "\"}")), -EINVAL);
    assert_non_null(strstr(text.data, "at 'partitionKey' failed to satisfy constraint: " MOST("256")));
    assert_int_equal(check_long("DescribeStream", with_long("{\"StreamName\":\"", "a", 128, "\"}")), 0);
    assert_int_equal(check_long("DescribeStream", with_long("{\"StreamName\":\"", "a", 129, "\"}")), -EINVAL);
}

/* PutRecords does not print the data's value. */
static void data_too_long(void **state)
{
    size_t groups = 10485760 / 3 + 1;

    (void)state;
    assert_int_equal(check_long("PutRecord", with_long("{\"PartitionKey\":\"a\",\"Data\":\"", "AAAA", groups, "\"}")),
                     -EINVAL);
    assert_string_equal(text.data, CONSTRAINT("'java.nio.HeapByteBuffer[pos=0 lim=10485762 cap=10485762]'", "data")
                                       MOST("10485760"));
    assert_int_equal(check_long("PutRecords", with_long("{\"Records\":[{\"PartitionKey\":\"a\",\"Data\":\"", "AAAA",
                                                        groups, "\"}]}")),
                     -EINVAL);
    assert_string_equal(text.data, "1 validation error detected: Value at 'records.1.member.data' failed to satisfy "
                                   "constraint: " MOST("10485760"));
}

static void no_more_than_ten(void **state)
{
    static const char record[] = "{\"Data\":\"\",\"PartitionKey\":\"\"},";
    static const char java[] = "com.amazonaws.kinesis.v20131202.PutRecordsRequestEntry@c965e310, ";

    (void)state;
    assert_int_equal(check_long("PutRecords", with_long("{\"StreamName\":\"\",\"Records\":[", record, 500,
                                                        "{\"Data\":\"\",\"PartitionKey\":\"\"}]}")),
                     -EINVAL);
    assert_non_null(strstr(text.data, "10 validation errors detected: Value '[com.amazonaws"));
    assert_non_null(strstr(text.data, "]' at 'records' failed to satisfy constraint: " MOST("500") "; "));
    assert_non_null(strstr(text.data, "; Value '' at 'records.9.member.partitionKey' failed"));
    assert_null(strstr(text.data, "records.10.member"));
    assert_true(text.len > 501 * (sizeof java - 1)); /* each record is in it */
    assert_int_equal(check_long("PutRecords", with_long("{\"Records\":[", "{},", 20, "{}]}")), -EINVAL);
    assert_non_null(strstr(text.data, "10 validation errors detected: Value null at 'records.1.member.data' failed"));
}

static void quotes_are_cut(void **state)
{
    (void)state;
    assert_int_equal(check_long("DescribeStream", with_long("{\"StreamName\":\"", "\xe2\x82\xac", 1000000, "\"}")),
                     -EINVAL);
    assert_true(text.len < (size_t)140 << 10);
    assert_non_null(strstr(text.data, "\xe2\x82\xac' at 'streamName'"));
    assert_int_equal(check_long("PutRecord", with_long("{\"Data\":\"", "AAAA", 1000000, "A\"}")), -EINVAL);
    assert_true(text.len < (size_t)70 << 10);
    assert_int_equal(check_long("AddTagsToStream", with_long("{\"Tags\":{", "\"k\":null,", 200000, "\"l\":null}}")),
                     -EINVAL);
    assert_true(text.len < KFS_MODEL_TEXT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations),           cmocka_unit_test(good_input),
        cmocka_unit_test(values_are_converted), cmocka_unit_test(wrong_types),
        cmocka_unit_test(constraints),          cmocka_unit_test(lengths_are_of_characters),
        cmocka_unit_test(data_too_long),        cmocka_unit_test(no_more_than_ten),
        cmocka_unit_test(quotes_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
