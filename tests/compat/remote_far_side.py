"""The other end of a remote shard: prints its records as lines, then puts one more into it."""
import sys

import boto3

kinesis = boto3.client("kinesis", verify=False)  # endpoints of the tests sign their certificates themselves
stream, shard = sys.argv[1].split("/")[-2:]
at = {"StreamName": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
iterator = kinesis.get_shard_iterator(**at)["ShardIterator"]
for record in kinesis.get_records(ShardIterator=iterator)["Records"]:
    print(record["Data"].decode())
ranges = {s["ShardId"]: s["HashKeyRange"] for s in kinesis.list_shards(StreamName=stream)["Shards"]}
kinesis.put_record(
    StreamName=stream,
    Data=b"from boto3",
    PartitionKey="k",
    ExplicitHashKey=ranges[shard]["StartingHashKey"],
)
