"""Prints a stream's tags as lines NAME=VALUE, then adds one: remote_tags.py STREAM NAME VALUE"""
import sys

import boto3

kinesis = boto3.client("kinesis", verify=False)
stream, name, value = sys.argv[1:]
for tag in kinesis.list_tags_for_stream(StreamName=stream)["Tags"]:
    print(f"{tag['Key']}={tag['Value']}")
kinesis.add_tags_to_stream(StreamName=stream, Tags={name: value})
