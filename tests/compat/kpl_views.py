"""Aggregates through the API: `put` stores some that Amazon's library makes, `get` takes apart what the view kpl wrote."""
import base64
import os
import sys

import boto3
from aws_kinesis_agg.aggregator import RecordAggregator
from aws_kinesis_agg.deaggregator import deaggregate_records

kinesis = boto3.client('kinesis', endpoint_url=os.environ['URL'])
what, stream, lines = sys.argv[1:]


def put():
    aggregator = RecordAggregator(20000)
    full = [aggregator.add_user_record(f'key-{line}', line.encode()) for line in open(lines).read().splitlines()]
    for record in [*filter(None, full), aggregator.clear_and_get()]:
        key, explicit, data = record.get_contents()
        kinesis.put_record(StreamName=stream, PartitionKey=key, Data=data)


def stored(shard):
    iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType='TRIM_HORIZON')
    return kinesis.get_records(ShardIterator=iterator['ShardIterator'])['Records']


def get():
    for shard in kinesis.list_shards(StreamName=stream)['Shards']:
        for record in stored(shard['ShardId']):
            about = {'kinesisSchemaVersion': '1.0', 'sequenceNumber': record['SequenceNumber'],
                     'partitionKey': record['PartitionKey'], 'approximateArrivalTimestamp': 0,
                     'data': base64.b64encode(record['Data'])}
            for user in deaggregate_records([{'kinesis': about}]):
                print(base64.b64decode(user['kinesis']['data']).decode())


{'put': put, 'get': get}[what]()
