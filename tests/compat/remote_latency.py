"""Puts N records, each when the one before it has come into a file: remote_latency.py STREAM/SHARD FILE N

They are numbers, and go on from the file's last line.

Prints the median of the times that took, in milliseconds."""
import statistics
import sys
import time

import boto3


def lines():
    with open(sys.argv[2], encoding="ascii") as file:
        return file.read().split("\n")[:-1]


kinesis = boto3.client("kinesis", verify=False)
stream, shard = sys.argv[1].split("/")[-2:]
took = []
there = len(lines())
for i in range(there + 1, there + int(sys.argv[3]) + 1):
    began = time.monotonic()
    kinesis.put_record(StreamName=stream, Data=str(i).encode(), PartitionKey="k")
    while str(i) not in lines():
        if time.monotonic() - began > 20:
            sys.exit(f"record {i} does not come")
        time.sleep(0.001)
    took.append(time.monotonic() - began)
print(round(statistics.median(took) * 1000))
