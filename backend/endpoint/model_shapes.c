/* Kinesis 2013-12-02: the operations of the service model and what their input may be.
 * Where errors are listed in the order of members, that of this table decides. */
#include "backend/endpoint/model.h"

#define NO_BOUNDS .min = INT64_MIN, .max = INT64_MAX
#define AT_LEAST(least) .min = (least), .max = INT64_MAX
#define RANGE(least, most) .min = (least), .max = (most)

/* Values of one type. Shapes end by what bounds them. */
#define STRING(id, ...) static const struct kfs_shape id = {.type = KFS_SHAPE_STRING, __VA_ARGS__}
#define INTEGER(id, ...) static const struct kfs_shape id = {.type = KFS_SHAPE_INTEGER, __VA_ARGS__}
#define ENUMERATION(id, ...) STRING(id, NO_BOUNDS, .enumeration = (const char *const[]){__VA_ARGS__, NULL})

/* The versions of clang-format differ about braces in macros. */
/* clang-format off */
#define STRUCTURE(...) \
    .type = KFS_SHAPE_STRUCTURE, NO_BOUNDS, .members = (const struct kfs_member[]){__VA_ARGS__, {0}}
#define REQUIRED(name, shape) {name, &(shape), true}
#define OPTIONAL(name, shape) {name, &(shape), false}
/* clang-format on */

STRING(text, NO_BOUNDS);
STRING(name, RANGE(1, 128), .pattern = &kfs_pattern_name);
STRING(stream_arn, RANGE(1, 2048), .pattern = &kfs_pattern_stream_arn);
STRING(resource_arn, RANGE(1, 2048), .pattern = &kfs_pattern_resource_arn);
STRING(consumer_arn, RANGE(1, 2048), .pattern = &kfs_pattern_consumer_arn);
STRING(stream_id, RANGE(1, 24), .pattern = &kfs_pattern_stream_id);
STRING(sequence_number, NO_BOUNDS, .pattern = &kfs_pattern_sequence_number);
STRING(hash_key, NO_BOUNDS, .pattern = &kfs_pattern_hash_key);
STRING(partition_key, RANGE(1, 256));
STRING(shard_iterator, RANGE(1, 512));
STRING(next_token, RANGE(1, 1048576));
STRING(key_id, RANGE(1, 2048));
STRING(tag_key, RANGE(1, 128));
STRING(tag_value, RANGE(0, 256));

ENUMERATION(encryption_type, "NONE", "KMS");
ENUMERATION(scaling_type, "UNIFORM_SCALING");
ENUMERATION(stream_mode, "PROVISIONED", "ON_DEMAND");
ENUMERATION(commitment_status, "ENABLED", "DISABLED");
ENUMERATION(metric, "IncomingBytes", "IncomingRecords", "OutgoingBytes", "OutgoingRecords",
            "WriteProvisionedThroughputExceeded", "ReadProvisionedThroughputExceeded", "IteratorAgeMilliseconds",
            "ALL");
ENUMERATION(iterator_type, "AFTER_SEQUENCE_NUMBER", "LATEST", "AT_TIMESTAMP", "AT_SEQUENCE_NUMBER", "TRIM_HORIZON");
ENUMERATION(shard_filter_type, "AFTER_SHARD_ID", "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON", "AT_LATEST", "AT_TIMESTAMP",
            "FROM_TIMESTAMP");

INTEGER(integer, NO_BOUNDS);
INTEGER(positive, AT_LEAST(1));
INTEGER(natural, AT_LEAST(0));
INTEGER(limit, RANGE(1, 10000));
INTEGER(tags_limit, RANGE(1, 50));
INTEGER(record_size, RANGE(1024, 10240));

static const struct kfs_shape boolean = {.type = KFS_SHAPE_BOOLEAN, NO_BOUNDS};
static const struct kfs_shape timestamp = {.type = KFS_SHAPE_TIMESTAMP, NO_BOUNDS};
static const struct kfs_shape data = {.type = KFS_SHAPE_BLOB, RANGE(0, 10485760)};

static const struct kfs_shape tags = {.type = KFS_SHAPE_MAP, RANGE(1, 200), .key = &tag_key, .item = &tag_value};
static const struct kfs_shape tag_keys = {.type = KFS_SHAPE_LIST, RANGE(1, 50), .item = &tag_key};
static const struct kfs_shape metrics = {.type = KFS_SHAPE_LIST, RANGE(1, 7), .item = &metric};

static const struct kfs_shape record = {
    STRUCTURE(REQUIRED("Data", data), OPTIONAL("ExplicitHashKey", hash_key), REQUIRED("PartitionKey", partition_key)),
    .name = "PutRecordsRequestEntry"};
static const struct kfs_shape records = {.type = KFS_SHAPE_LIST, RANGE(1, 500), .item = &record};
static const struct kfs_shape stream_mode_details = {STRUCTURE(REQUIRED("StreamMode", stream_mode))};
static const struct kfs_shape shard_filter = {
    STRUCTURE(REQUIRED("Type", shard_filter_type), OPTIONAL("ShardId", name), OPTIONAL("Timestamp", timestamp))};
static const struct kfs_shape starting_position = {STRUCTURE(
    REQUIRED("Type", iterator_type), OPTIONAL("SequenceNumber", sequence_number), OPTIONAL("Timestamp", timestamp))};
static const struct kfs_shape commitment = {STRUCTURE(REQUIRED("Status", commitment_status))};

static const struct kfs_shape nothing = {
    .type = KFS_SHAPE_STRUCTURE, NO_BOUNDS, .members = (const struct kfs_member[]){{0}}};

#define INPUT(...)                                                                                                     \
    &(const struct kfs_shape)                                                                                          \
    {                                                                                                                  \
        STRUCTURE(__VA_ARGS__)                                                                                         \
    }
#define STREAM OPTIONAL("StreamName", name), OPTIONAL("StreamARN", stream_arn), OPTIONAL("StreamId", stream_id)

const struct kfs_operation kfs_operations[] = {
    {"AddTagsToStream", INPUT(STREAM, REQUIRED("Tags", tags))},
    {"CreateStream", INPUT(REQUIRED("StreamName", name), OPTIONAL("ShardCount", positive),
                           OPTIONAL("StreamModeDetails", stream_mode_details), OPTIONAL("Tags", tags),
                           OPTIONAL("WarmThroughputMiBps", natural), OPTIONAL("MaxRecordSizeInKiB", record_size))},
    {"DecreaseStreamRetentionPeriod", INPUT(STREAM, REQUIRED("RetentionPeriodHours", integer))},
    {"DeleteResourcePolicy", INPUT(REQUIRED("ResourceARN", resource_arn), OPTIONAL("StreamId", stream_id))},
    {"DeleteStream", INPUT(STREAM, OPTIONAL("EnforceConsumerDeletion", boolean))},
    {"DeregisterStreamConsumer", INPUT(OPTIONAL("StreamARN", stream_arn), OPTIONAL("ConsumerName", name),
                                       OPTIONAL("ConsumerARN", consumer_arn), OPTIONAL("StreamId", stream_id))},
    {"DescribeAccountSettings", &nothing},
    {"DescribeLimits", &nothing},
    {"DescribeStream", INPUT(STREAM, OPTIONAL("Limit", limit), OPTIONAL("ExclusiveStartShardId", name))},
    {"DescribeStreamConsumer", INPUT(OPTIONAL("StreamARN", stream_arn), OPTIONAL("ConsumerName", name),
                                     OPTIONAL("ConsumerARN", consumer_arn), OPTIONAL("StreamId", stream_id))},
    {"DescribeStreamSummary", INPUT(STREAM)},
    {"DisableEnhancedMonitoring", INPUT(STREAM, REQUIRED("ShardLevelMetrics", metrics))},
    {"EnableEnhancedMonitoring", INPUT(STREAM, REQUIRED("ShardLevelMetrics", metrics))},
    {"GetRecords", INPUT(REQUIRED("ShardIterator", shard_iterator), OPTIONAL("Limit", limit),
                         OPTIONAL("StreamARN", stream_arn), OPTIONAL("StreamId", stream_id))},
    {"GetResourcePolicy", INPUT(REQUIRED("ResourceARN", resource_arn), OPTIONAL("StreamId", stream_id))},
    {"GetShardIterator", INPUT(STREAM, REQUIRED("ShardId", name), REQUIRED("ShardIteratorType", iterator_type),
                               OPTIONAL("StartingSequenceNumber", sequence_number), OPTIONAL("Timestamp", timestamp))},
    {"IncreaseStreamRetentionPeriod", INPUT(STREAM, REQUIRED("RetentionPeriodHours", integer))},
    {"ListShards", INPUT(STREAM, OPTIONAL("NextToken", next_token), OPTIONAL("ExclusiveStartShardId", name),
                         OPTIONAL("MaxResults", limit), OPTIONAL("StreamCreationTimestamp", timestamp),
                         OPTIONAL("ShardFilter", shard_filter))},
    {"ListStreamConsumers",
     INPUT(REQUIRED("StreamARN", stream_arn), OPTIONAL("NextToken", next_token), OPTIONAL("MaxResults", limit),
           OPTIONAL("StreamCreationTimestamp", timestamp), OPTIONAL("StreamId", stream_id))},
    {"ListStreams",
     INPUT(OPTIONAL("Limit", limit), OPTIONAL("ExclusiveStartStreamName", name), OPTIONAL("NextToken", next_token))},
    {"ListTagsForResource", INPUT(REQUIRED("ResourceARN", resource_arn), OPTIONAL("StreamId", stream_id))},
    {"ListTagsForStream", INPUT(STREAM, OPTIONAL("ExclusiveStartTagKey", tag_key), OPTIONAL("Limit", tags_limit))},
    {"MergeShards", INPUT(STREAM, REQUIRED("ShardToMerge", name), REQUIRED("AdjacentShardToMerge", name))},
    {"PutRecord", INPUT(STREAM, REQUIRED("Data", data), REQUIRED("PartitionKey", partition_key),
                        OPTIONAL("ExplicitHashKey", hash_key), OPTIONAL("SequenceNumberForOrdering", sequence_number))},
    {"PutRecords", INPUT(REQUIRED("Records", records), STREAM)},
    {"PutResourcePolicy",
     INPUT(REQUIRED("ResourceARN", resource_arn), OPTIONAL("StreamId", stream_id), REQUIRED("Policy", text))},
    {"RegisterStreamConsumer", INPUT(REQUIRED("StreamARN", stream_arn), REQUIRED("ConsumerName", name),
                                     OPTIONAL("StreamId", stream_id), OPTIONAL("Tags", tags))},
    {"RemoveTagsFromStream", INPUT(STREAM, REQUIRED("TagKeys", tag_keys))},
    {"SplitShard", INPUT(STREAM, REQUIRED("ShardToSplit", name), REQUIRED("NewStartingHashKey", hash_key))},
    {"StartStreamEncryption", INPUT(STREAM, REQUIRED("EncryptionType", encryption_type), REQUIRED("KeyId", key_id))},
    {"StopStreamEncryption", INPUT(STREAM, REQUIRED("EncryptionType", encryption_type), REQUIRED("KeyId", key_id))},
    {"SubscribeToShard", INPUT(REQUIRED("ConsumerARN", consumer_arn), OPTIONAL("StreamId", stream_id),
                               REQUIRED("ShardId", name), REQUIRED("StartingPosition", starting_position))},
    {"TagResource",
     INPUT(REQUIRED("Tags", tags), REQUIRED("ResourceARN", resource_arn), OPTIONAL("StreamId", stream_id))},
    {"UntagResource",
     INPUT(REQUIRED("TagKeys", tag_keys), REQUIRED("ResourceARN", resource_arn), OPTIONAL("StreamId", stream_id))},
    {"UpdateAccountSettings", INPUT(REQUIRED("MinimumThroughputBillingCommitment", commitment))},
    {"UpdateMaxRecordSize", INPUT(OPTIONAL("StreamARN", stream_arn), OPTIONAL("StreamId", stream_id),
                                  REQUIRED("MaxRecordSizeInKiB", record_size))},
    {"UpdateShardCount", INPUT(STREAM, REQUIRED("TargetShardCount", positive), REQUIRED("ScalingType", scaling_type))},
    {"UpdateStreamMode",
     INPUT(REQUIRED("StreamARN", stream_arn), OPTIONAL("StreamId", stream_id),
           REQUIRED("StreamModeDetails", stream_mode_details), OPTIONAL("WarmThroughputMiBps", natural))},
    {"UpdateStreamWarmThroughput", INPUT(STREAM, REQUIRED("WarmThroughputMiBps", natural))},
};
const size_t kfs_n_operations = sizeof kfs_operations / sizeof kfs_operations[0];
