"""Tries paginators, waiters, subscriptions and errors with boto3."""
import time

import boto3

kinesis = boto3.client("kinesis")
exceptions = kinesis.exceptions


def fails(exception, operation, **arguments):
    try:
        operation(**arguments)
    except exception:
        return
    raise AssertionError(f"{operation.__name__} did not raise {exception.__name__}")


def pages(name, key, **arguments):
    return [item for page in kinesis.get_paginator(name).paginate(**arguments) for item in page[key]]


# Paginators go through all, also where a page is small.
names = [f"stream-{i:03}" for i in range(230)]
for name in names:
    kinesis.create_stream(StreamName=name, ShardCount=1)
assert pages("list_streams", "StreamNames") == names
assert pages("list_streams", "StreamNames", PaginationConfig={"PageSize": 7}) == names
kinesis.get_waiter("stream_exists").wait(StreamName=names[-1], WaiterConfig={"Delay": 1})
kinesis.create_stream(StreamName="wide", ShardCount=250)
kinesis.get_waiter("stream_exists").wait(StreamName="wide", WaiterConfig={"Delay": 1})
ids = [f"shardId-{i:012}" for i in range(250)]
assert [s["ShardId"] for s in pages("list_shards", "Shards", StreamName="wide", PaginationConfig={"PageSize": 30})] == ids
described = kinesis.get_paginator("describe_stream").paginate(StreamName="wide")
assert [s["ShardId"] for page in described for s in page["StreamDescription"]["Shards"]] == ids
arn = kinesis.describe_stream_summary(StreamName="wide")["StreamDescriptionSummary"]["StreamARN"]
for i in range(5):
    kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=f"c{i}")
consumers = pages("list_stream_consumers", "Consumers", StreamARN=arn, PaginationConfig={"PageSize": 2})
assert [c["ConsumerName"] for c in consumers] == [f"c{i}" for i in range(5)]

# A subscription ends where another takes over.
time.sleep(0.6)
position = {"ConsumerARN": consumers[0]["ConsumerARN"], "ShardId": ids[0], "StartingPosition": {"Type": "LATEST"}}
first = iter(kinesis.subscribe_to_shard(**position)["EventStream"])
assert next(first)["SubscribeToShardEvent"]["Records"] == []
fails(exceptions.ResourceInUseException, kinesis.subscribe_to_shard, **position)
time.sleep(5.1)
second = iter(kinesis.subscribe_to_shard(**position)["EventStream"])
fails(Exception, lambda: [event for event in first])
kinesis.put_record(StreamName="wide", Data=b"x", PartitionKey="a", ExplicitHashKey="0")
while not (event := next(second)["SubscribeToShardEvent"])["Records"]:
    pass
assert event["Records"][0]["Data"] == b"x"

# A shard that is split ends: its children, and no number to go on from.
kinesis.split_shard(StreamName="wide", ShardToSplit=ids[0], NewStartingHashKey="1000")
last = [event["SubscribeToShardEvent"] for event in second][-1]
assert [c["ShardId"] for c in last["ChildShards"]] == ["shardId-000000000250", "shardId-000000000251"]
assert "ContinuationSequenceNumber" not in last

fails(exceptions.ResourceNotFoundException, kinesis.describe_stream, StreamName="none")
fails(exceptions.ResourceInUseException, kinesis.delete_stream, StreamName="wide")
fails(exceptions.InvalidArgumentException, kinesis.get_records, ShardIterator="bad")
fails(exceptions.ValidationException, kinesis.put_records, StreamName="wide",
      Records=[{"Data": b"", "PartitionKey": "a"}] * 501)
kinesis.delete_stream(StreamName="wide", EnforceConsumerDeletion=True)
kinesis.get_waiter("stream_not_exists").wait(StreamName="wide", WaiterConfig={"Delay": 1})
