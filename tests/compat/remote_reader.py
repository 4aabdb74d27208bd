"""Prints the records of a remote shard as lines, as boto3 has them: remote_reader.py STREAM/SHARD"""
import sys
import time

import boto3

kinesis = boto3.client("kinesis", verify=False)
stream, shard = sys.argv[1].split("/")[-2:]
at = {"StreamName": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
iterator = kinesis.get_shard_iterator(**at)["ShardIterator"]
while iterator:
    answer = kinesis.get_records(ShardIterator=iterator)
    for record in answer["Records"]:
        sys.stdout.write(record["Data"].decode() + "\n")
    if not answer["Records"] and answer["MillisBehindLatest"] == 0:
        break
    iterator = answer.get("NextShardIterator")
    time.sleep(0.05)
