"""Lists the streams."""
import boto3

print(boto3.client("kinesis").list_streams()["StreamNames"])
