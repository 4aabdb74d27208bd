// Tries the API at argv[2] with the AWS SDK for JavaScript. Exit status 0: all was as expected.
import assert from 'node:assert/strict'
import * as K from '@aws-sdk/client-kinesis'

const client = new K.KinesisClient({
  endpoint: process.argv[2], region: 'us-west-2', maxAttempts: 1,
  credentials: { accessKeyId: '123456789012', secretAccessKey: 'secret' },
})
const ask = (name, input) => client.send(new K[name + 'Command'](input))
const StreamName = 'js'
const fails = (promise, name) => assert.rejects(promise, (error) => error.name === name)

await ask('CreateStream', { StreamName, ShardCount: 2, Tags: { a: 'b' } })
await fails(ask('CreateStream', { StreamName, ShardCount: 2 }), 'ResourceInUseException')
await K.waitUntilStreamExists({ client, maxWaitTime: 20, minDelay: 1, maxDelay: 1 }, { StreamName })
const summary = (await ask('DescribeStreamSummary', { StreamName })).StreamDescriptionSummary
assert.equal(summary.StreamARN, 'arn:aws:kinesis:us-west-2:123456789012:stream/js')
assert.ok(Math.abs(Date.now() - summary.StreamCreationTimestamp) < 60000)
const Records = [...Array(500).keys()].map((i) => ({ Data: Buffer.from(`record ${i}`), PartitionKey: String(i) }))
const put = await ask('PutRecords', { StreamName, Records })
assert.equal(put.FailedRecordCount, 0)
assert.deepEqual(new Set(put.Records.map((r) => r.ShardId)), new Set(['shardId-000000000000', 'shardId-000000000001']))

const { Consumer } = await ask('RegisterStreamConsumer', { StreamARN: summary.StreamARN, ConsumerName: 'c' })
const position = { ConsumerARN: Consumer.ConsumerARN, ShardId: 'shardId-000000000000', StartingPosition: { Type: 'TRIM_HORIZON' } }
await fails(ask('SubscribeToShard', position), 'ResourceInUseException') // the consumer is CREATING
await new Promise((resolve) => setTimeout(resolve, 700))
const { EventStream } = await ask('SubscribeToShard', position)
await fails(ask('SubscribeToShard', position), 'ResourceInUseException') // within 5 s
const mine = put.Records.filter((r) => r.ShardId === position.ShardId).length
let seen = 0
let idle = 0
let sent = 0
for await (const { SubscribeToShardEvent: event } of EventStream) {
  seen += event.Records.length
  assert.ok(event.ContinuationSequenceNumber)
  if (seen === mine && sent === 0) {
    sent = Date.now()
    await ask('PutRecord', { StreamName, Data: Buffer.from('live'), PartitionKey: 'k', ExplicitHashKey: '0' })
  } else if (seen === mine + 1 && event.Records.length > 0) {
    assert.ok(Date.now() - sent < 1000, 'the event came late')
    idle = Date.now()
  } else if (event.Records.length === 0 && idle > 0) {
    assert.ok(Date.now() - idle < 5500, 'an event every five seconds')
    break
  }
}
await fails(ask('GetRecords', { ShardIterator: 'bad' }), 'InvalidArgumentException')
await ask('DeleteStream', { StreamName, EnforceConsumerDeletion: true })
await K.waitUntilStreamNotExists({ client, maxWaitTime: 20, minDelay: 1, maxDelay: 1 }, { StreamName })
process.exit(0)
