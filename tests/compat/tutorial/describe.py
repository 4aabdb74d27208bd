"""Describes mystream."""
import boto3

stream = boto3.client("kinesis").describe_stream(StreamName="mystream")["StreamDescription"]
assert stream["StreamName"] == "mystream" and stream["StreamStatus"] == "ACTIVE", stream
assert stream["StreamARN"] == "arn:aws:kinesis:eu-west-1:000000000000:stream/mystream", stream
assert stream["RetentionPeriodHours"] == 24 and stream["HasMoreShards"] is False, stream
assert stream["EnhancedMonitoring"] == [{"ShardLevelMetrics": []}] and stream["EncryptionType"] == "NONE", stream
assert [shard["ShardId"] for shard in stream["Shards"]] == ["shardId-000000000000"], stream
assert stream["Shards"][0]["HashKeyRange"] == {"StartingHashKey": "0", "EndingHashKey": str(2**128 - 1)}, stream
assert list(stream["Shards"][0]["SequenceNumberRange"]) == ["StartingSequenceNumber"], stream
