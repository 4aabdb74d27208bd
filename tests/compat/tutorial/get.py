"""Reads from the horizon, looks at every field of the response, and prints the sequence number."""
import datetime

import boto3

kinesis = boto3.client("kinesis")
iterator = kinesis.get_shard_iterator(
    StreamName="mystream", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
answer = kinesis.get_records(ShardIterator=iterator)
assert sorted(answer) == ["MillisBehindLatest", "NextShardIterator", "Records", "ResponseMetadata"], answer
assert answer["MillisBehindLatest"] == 0 and answer["NextShardIterator"] != iterator, answer
metadata = answer["ResponseMetadata"]
assert sorted(metadata) == ["HTTPHeaders", "HTTPStatusCode", "RequestId", "RetryAttempts"], metadata
assert metadata["HTTPStatusCode"] == 200 and metadata["RetryAttempts"] == 0, metadata
assert metadata["RequestId"] == metadata["HTTPHeaders"]["x-amzn-requestid"], metadata
assert metadata["HTTPHeaders"]["content-type"] == "application/x-amz-json-1.1", metadata
assert len(answer["Records"]) == 1, answer
record = answer["Records"][0]
assert sorted(record) == ["ApproximateArrivalTimestamp", "Data", "PartitionKey", "SequenceNumber"], record
assert record["Data"] == b'{"name": "ruan"}' and record["PartitionKey"] == "a01", record
age = datetime.datetime.now(datetime.timezone.utc) - record["ApproximateArrivalTimestamp"]
assert datetime.timedelta(0) <= age < datetime.timedelta(minutes=5), age
print(record["SequenceNumber"])
again = kinesis.get_records(ShardIterator=answer["NextShardIterator"])
assert again["Records"] == [] and again["NextShardIterator"] != answer["NextShardIterator"]
assert kinesis.get_records(ShardIterator=iterator)["Records"] == answer["Records"]
