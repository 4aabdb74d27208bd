"""Reads from the horizon, and looks at every field of the response."""
import datetime

import boto3

kinesis = boto3.client("kinesis")
iterator = kinesis.get_shard_iterator(
    StreamName="mystream", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
answer = kinesis.get_records(ShardIterator=iterator)
assert sorted(answer) == ["MillisBehindLatest", "NextShardIterator", "Records", "ResponseMetadata"], answer
record = answer["Records"][0]
assert sorted(record) == ["ApproximateArrivalTimestamp", "Data", "PartitionKey", "SequenceNumber"], record
assert record["Data"] == b'{"name": "ruan"}' and record["PartitionKey"] == "a01", record
age = datetime.datetime.now(datetime.timezone.utc) - record["ApproximateArrivalTimestamp"]
assert datetime.timedelta(0) <= age < datetime.timedelta(minutes=5), age
assert answer["MillisBehindLatest"] == 0 and answer["NextShardIterator"] != iterator
assert len(answer["Records"]) == 1 and answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
again = kinesis.get_records(ShardIterator=answer["NextShardIterator"])
assert again["Records"] == [] and again["NextShardIterator"] != answer["NextShardIterator"]
assert kinesis.get_records(ShardIterator=iterator)["Records"] == answer["Records"]
