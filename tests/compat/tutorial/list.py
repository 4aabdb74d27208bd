"""Lists the streams."""
import boto3

answer = boto3.client("kinesis").list_streams()
assert answer["HasMoreStreams"] is False, answer
print(answer["StreamNames"])
