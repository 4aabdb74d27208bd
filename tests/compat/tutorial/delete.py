"""Deletes mystream, and waits until it is gone."""
import boto3

kinesis = boto3.client("kinesis")
kinesis.delete_stream(StreamName="mystream")
kinesis.get_waiter("stream_not_exists").wait(StreamName="mystream", WaiterConfig={"Delay": 1})
