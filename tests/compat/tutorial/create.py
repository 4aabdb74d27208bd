"""Creates mystream with one shard, and waits until it is there."""
import boto3

kinesis = boto3.client("kinesis")
kinesis.create_stream(StreamName="mystream", ShardCount=1)
kinesis.get_waiter("stream_exists").wait(StreamName="mystream", WaiterConfig={"Delay": 1})
