"""Puts one record, and prints its sequence number."""
import boto3

answer = boto3.client("kinesis").put_record(StreamName="mystream", Data=b'{"name": "ruan"}', PartitionKey="a01")
assert answer["ShardId"] == "shardId-000000000000", answer
assert len(answer["SequenceNumber"]) == 56 and answer["SequenceNumber"].isdigit(), answer
assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
print(answer["SequenceNumber"])
