"""Tries the API at argv[1] with CBOR bodies."""
import sys
import time
import urllib.error
import urllib.request

import cbor2

AUTHORIZATION = ("AWS4-HMAC-SHA256 Credential=AKID/20261123/eu-west-1/kinesis/aws4_request, "
                 "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64)


def ask(operation, status=200, **members):
    request = urllib.request.Request(sys.argv[1], cbor2.dumps(members), {
        "content-type": "application/x-amz-cbor-1.1", "x-amz-target": f"Kinesis_20131202.{operation}",
        "authorization": AUTHORIZATION, "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())})
    try:
        answer = urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        answer = error
    body = answer.read()
    assert answer.status == status, (answer.status, body)
    assert answer.headers["content-type"] == "application/x-amz-cbor-1.1"
    return body


ask("CreateStream", StreamName="s", ShardCount=1)
data = bytes(range(256))
put = cbor2.loads(ask("PutRecord", StreamName="s", Data=data, PartitionKey="k"))
assert put["ShardId"] == "shardId-000000000000"
now = int(time.time() * 1000)
at = {"StreamName": "s", "ShardId": "0", "ShardIteratorType": "AT_TIMESTAMP"}
iterator = cbor2.loads(ask("GetShardIterator", Timestamp=cbor2.CBORTag(1, now - 60000), **at))["ShardIterator"]
body = ask("GetRecords", ShardIterator=iterator)
assert b"ApproximateArrivalTimestamp\xc1\x1b" in body, "a whole number of milliseconds"



record = cbor2.loads(body.replace(b"\xc1\x1b", b"\x1b"))["Records"][0]
assert record["Data"] == data and abs(record["ApproximateArrivalTimestamp"] - now) < 60000, record
described = ask("DescribeStreamSummary", StreamName="s")
assert b"StreamCreationTimestamp\xc1\x1b" in described
late = cbor2.loads(ask("GetShardIterator", 400, Timestamp=cbor2.CBORTag(1, now + 3600000), **at))
assert late["__type"] == "InvalidArgumentException" and "timestampInMillis" in late["message"], late
missing = cbor2.loads(ask("DescribeStream", 400, StreamName="none"))
assert missing == {"__type": "ResourceNotFoundException",
                   "message": "Stream none under account 000000000000 not found."}, missing
assert ask("DeleteStream", StreamName="s") == b""
