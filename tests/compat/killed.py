"""What api_kill9.sh does with boto3: argv[1] is before, write or after."""
import json
import os
import pathlib
import sys

import boto3
import botocore.config

kinesis = boto3.client("kinesis", config=botocore.config.Config(retries={"total_max_attempts": 1}))
kept = pathlib.Path(os.environ["WORK"], "iterators")
shards = ["shardId-000000000000", "shardId-000000000001"]

if sys.argv[1] == "before":
    kinesis.create_stream(StreamName="s", ShardCount=2, Tags={"a": "1"})
    arn = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
    kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c", Tags={"b": "2"})
    kinesis.start_stream_encryption(StreamName="s", EncryptionType="KMS", KeyId="alias/k")
    kinesis.increase_stream_retention_period(StreamName="s", RetentionPeriodHours=48)
    iterators = [kinesis.get_shard_iterator(StreamName="s", ShardId=shard, ShardIteratorType="LATEST")["ShardIterator"]
                 for shard in shards]
    kept.write_text(json.dumps(iterators))
elif sys.argv[1] == "write":
    for i in range(1000000):
        texts = [f"{sys.argv[2]} {i} {j}" for j in range(3)]
        answer = kinesis.put_records(StreamName="s", Records=[{"Data": t, "PartitionKey": t} for t in texts])
        assert answer["FailedRecordCount"] == 0
        print("\n".join(texts), flush=True)
else:
    for iterator in json.loads(kept.read_text()):
        while True:
            answer = kinesis.get_records(ShardIterator=iterator)
            if not answer["Records"]:
                break
            for record in answer["Records"]:
                print(record["Data"].decode())
            iterator = answer["NextShardIterator"]
    summary = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]
    assert summary["KeyId"] == "alias/k" and summary["RetentionPeriodHours"] == 48, summary
    assert kinesis.list_tags_for_stream(StreamName="s")["Tags"] == [{"Key": "a", "Value": "1"}]
    consumer = kinesis.list_stream_consumers(StreamARN=summary["StreamARN"])["Consumers"][0]
    assert consumer["ConsumerName"] == "c"
    assert kinesis.list_tags_for_resource(ResourceARN=consumer["ConsumerARN"])["Tags"] == [{"Key": "b", "Value": "2"}]
