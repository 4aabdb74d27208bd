"""Creates the stream where it is missing, and puts 25 JSON documents, a second (or PAUSE) apart."""
import json
import os
import time

import boto3

kinesis = boto3.client("kinesis")
try:
    kinesis.create_stream(StreamName="people", ShardCount=1)
except kinesis.exceptions.ResourceInUseException:
    pass
kinesis.get_waiter("stream_exists").wait(StreamName="people", WaiterConfig={"Delay": 1})
for number in range(1, 26):
    document = json.dumps({"number": number, "name": "ruan", "age": 30})
    kinesis.put_record(StreamName="people", Data=document, PartitionKey="a01")
    time.sleep(float(os.environ.get("PAUSE", "1")))
