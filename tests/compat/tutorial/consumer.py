"""Prints the records of the stream from the horizon, five at a time, until it has 25."""
import time

import boto3

kinesis = boto3.client("kinesis")
iterator = kinesis.get_shard_iterator(
    StreamName="people", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
seen = 0
while seen < 25:
    answer = kinesis.get_records(ShardIterator=iterator, Limit=5)
    assert len(answer["Records"]) <= 5
    for record in answer["Records"]:
        print(record["Data"].decode())
    seen += len(answer["Records"])
    iterator = answer["NextShardIterator"]
    time.sleep(0.2)
