"""Random user records through build/codec (the argument) and aws-kinesis-agg, both ways."""
import base64
import random
import subprocess
import sys

from aws_kinesis_agg.aggregator import RecordAggregator, messages_pb2
from aws_kinesis_agg.deaggregator import deaggregate_records

codec = sys.argv[1]
draw = random.Random(5)


def run(lines, *arguments):
    out = subprocess.run([codec, *arguments], input='\n'.join(lines) + '\n', capture_output=True, text=True, check=True)
    return out.stdout.splitlines()


def line(record):
    key, explicit, data = record
    return f'{key.encode().hex()} {explicit or "-"} {data.hex()}'


def records(n, hashed):
    keys = ['a', 'schlüssel', '鍵', 'k' * 256] + [f'key-{i}' for i in range(100)]
    sizes = [0, 1, 100, 100, 100, 127, 128, 3000, 20000]
    for _ in range(n):
        explicit = str(draw.choice([0, 2**128 - 1, draw.getrandbits(128)])) if draw.random() < hashed else None
        yield draw.choice(keys), explicit, draw.randbytes(draw.choice(sizes))


def theirs(wanted, limit):
    """The aggregates that the library makes."""
    made = []
    aggregator = RecordAggregator(limit)
    for key, explicit, data in wanted:
        full = aggregator.add_user_record(key, data, explicit)
        made += [full] if full else []
    return [record.get_contents()[2].hex() for record in made + [aggregator.clear_and_get()]]


def parsed(aggregate):
    """What protobuf's own parser says is in it."""
    message = messages_pb2.AggregatedRecord()
    message.ParseFromString(bytes.fromhex(aggregate)[4:-16])
    for record in message.records:
        explicit = None
        if record.HasField('explicit_hash_key_index'):
            explicit = message.explicit_hash_key_table[record.explicit_hash_key_index]
        yield message.partition_key_table[record.partition_key_index], explicit, record.data


def taken_apart(aggregate):
    """What the library says is in it; it takes a hash for each record where there are any."""
    data = base64.b64encode(bytes.fromhex(aggregate))
    about = {'kinesisSchemaVersion': '1.0', 'sequenceNumber': '1', 'approximateArrivalTimestamp': 0, 'data': data}
    for i, record in enumerate(deaggregate_records([{'kinesis': about}])):
        record = record['kinesis']
        assert record['subSequenceNumber'] == i
        yield record['partitionKey'], record['explicitHashKey'], base64.b64decode(record['data'])


for hashed in (0, 0.5, 1):
    few = list(records(60, hashed))
    assert run(map(line, few), 'kpl', str(1 << 20)) == theirs(few, 1 << 20), 'other bytes'
    for limit in (25000, 1 << 20):
        many = list(records(600, hashed))
        ours = run(map(line, many), 'kpl', str(limit))
        assert len(ours) > 1 and max(map(len, ours)) <= 2 * limit
        assert [record for aggregate in ours for record in parsed(aggregate)] == many
        if hashed in (0, 1):
            assert [record for aggregate in ours for record in taken_apart(aggregate)] == many
        back = [text for text in run(theirs(many, limit), 'unkpl') if text != '.']
        assert back == list(map(line, many)), 'not what the library has put in'
