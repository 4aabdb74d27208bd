// Tries the API with the AWS SDK for Go. The endpoint and the rest are those of the environment.
package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
)

const (
	first = "shardId-000000000000"
	half  = "170141183460469231731687303715884105728"
)

var (
	ctx    = context.Background()
	stream = aws.String("go")
	client *kinesis.Client
)

func main() {
	settings := must(config.LoadDefaultConfig(ctx, config.WithHTTPClient(awshttp.NewBuildableClient())))
	settings.HTTPClient = transport{settings.HTTPClient}
	client = kinesis.NewFromConfig(settings)
	arn := create()
	iterators(put())
	tags()
	consumer := register(arn)
	subscribe(consumer)
	merge()
	fails()
	must(client.DeregisterStreamConsumer(ctx, &kinesis.DeregisterStreamConsumerInput{ConsumerARN: consumer}))
	must(client.DeleteStream(ctx, &kinesis.DeleteStreamInput{StreamName: stream}))
	gone := kinesis.NewStreamNotExistsWaiter(client, func(o *kinesis.StreamNotExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 100*time.Millisecond, time.Second
	})
	must(0, gone.Wait(ctx, &kinesis.DescribeStreamInput{StreamName: stream}, 20*time.Second))
}

func waitActive() {
	exists := kinesis.NewStreamExistsWaiter(client, func(o *kinesis.StreamExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 100*time.Millisecond, time.Second
	})
	must(0, exists.Wait(ctx, &kinesis.DescribeStreamInput{StreamName: stream}, 20*time.Second))
}

func create() *string {
	must(client.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: stream, ShardCount: aws.Int32(1)}))
	waitActive()
	described := must(client.DescribeStream(ctx, &kinesis.DescribeStreamInput{StreamName: stream})).StreamDescription
	equal("arn:aws:kinesis:eu-west-1:000000000000:stream/go", *described.StreamARN, "the ARN")
	equal(types.StreamStatusActive, described.StreamStatus, "the status")
	recent(described.StreamCreationTimestamp, "created")
	names := must(client.ListStreams(ctx, &kinesis.ListStreamsInput{})).StreamNames
	equal("go", names[len(names)-1], "the last stream")
	return described.StreamARN
}

// Ten records, the fourth and later ones a while after the third. Returns their sequence numbers.
func put() (numbers []string) {
	for i := 0; i < 3; i++ {
		answer := must(client.PutRecord(ctx, &kinesis.PutRecordInput{
			StreamName: stream, PartitionKey: aws.String("a01"), Data: data(i)}))
		equal(first, *answer.ShardId, "the shard")
		numbers = append(numbers, *answer.SequenceNumber)
	}
	time.Sleep(50 * time.Millisecond)
	var entries []types.PutRecordsRequestEntry
	for i := 3; i < 10; i++ {
		entries = append(entries, types.PutRecordsRequestEntry{PartitionKey: aws.String("ключ"), Data: data(i)})
	}
	answer := must(client.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: stream, Records: entries}))
	equal(0, *answer.FailedRecordCount, "failed records")
	for _, record := range answer.Records {
		numbers = append(numbers, *record.SequenceNumber)
	}
	return numbers
}

// Every byte, and which record it is.
func data(record int) []byte {
	bytes := []byte(fmt.Sprint("record ", record))
	for i := 0; i < 256; i++ {
		bytes = append(bytes, byte(i))
	}
	return bytes
}

func iterator(kind types.ShardIteratorType, number *string, when *time.Time) *string {
	return must(client.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: stream,
		ShardId: aws.String(first), ShardIteratorType: kind, StartingSequenceNumber: number, Timestamp: when})).ShardIterator
}

func read(kind types.ShardIteratorType, number *string, when *time.Time) []types.Record {
	return must(client.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: iterator(kind, number, when)})).Records
}

func iterators(numbers []string) {
	all := read(types.ShardIteratorTypeTrimHorizon, nil, nil)
	equal(len(numbers), len(all), "records")
	for i, record := range all {
		equal(numbers[i], *record.SequenceNumber, "a sequence number")
		equal(true, bytes.Equal(data(i), record.Data), "data")
		recent(record.ApproximateArrivalTimestamp, "arrived")
	}
	equal("ключ", *all[9].PartitionKey, "the key")
	late := *all[3].ApproximateArrivalTimestamp
	before, after, longAgo := late.Add(-20*time.Millisecond), late.Add(20*time.Millisecond), late.Add(-time.Hour)
	equal(6, len(read(types.ShardIteratorTypeAtSequenceNumber, &numbers[4], nil)), "at the fifth")
	equal(5, len(read(types.ShardIteratorTypeAfterSequenceNumber, &numbers[4], nil)), "after the fifth")
	equal(7, len(read(types.ShardIteratorTypeAtTimestamp, nil, &before)), "before the fourth")
	equal(10, len(read(types.ShardIteratorTypeAtTimestamp, nil, &longAgo)), "long ago")
	time.Sleep(50 * time.Millisecond)
	equal(0, len(read(types.ShardIteratorTypeAtTimestamp, nil, &after)), "after all")
	tip := iterator(types.ShardIteratorTypeLatest, nil, nil)
	must(client.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: stream, PartitionKey: stream, Data: data(10)}))
	got := must(client.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: tip}))
	equal(1, len(got.Records), "records after LATEST")
	equal(0, *got.MillisBehindLatest, "milliseconds behind")
}

func tags() {
	must(client.AddTagsToStream(ctx, &kinesis.AddTagsToStreamInput{
		StreamName: stream, Tags: map[string]string{"env": "test", "x": ""}}))
	must(client.RemoveTagsFromStream(ctx, &kinesis.RemoveTagsFromStreamInput{
		StreamName: stream, TagKeys: []string{"x"}}))
	listed := must(client.ListTagsForStream(ctx, &kinesis.ListTagsForStreamInput{StreamName: stream})).Tags
	equal(1, len(listed), "tags")
	equal("env=test", *listed[0].Key+"="+*listed[0].Value, "the tag")
}

func merge() {
	must(client.MergeShards(ctx, &kinesis.MergeShardsInput{StreamName: stream,
		ShardToMerge: aws.String("shardId-000000000001"), AdjacentShardToMerge: aws.String("shardId-000000000002")}))
	waitActive()
	open := must(client.ListShards(ctx, &kinesis.ListShardsInput{StreamName: stream,
		ShardFilter: &types.ShardFilter{Type: types.ShardFilterTypeAtLatest}})).Shards
	equal(1, len(open), "open shards")
	equal("shardId-000000000002", *open[0].AdjacentParentShardId, "the other parent")
	equal(4, len(must(client.ListShards(ctx, &kinesis.ListShardsInput{StreamName: stream})).Shards), "shards")
}

func fails() {
	none := aws.String("none")
	_, err := client.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: none})
	failed[*types.ResourceNotFoundException]("ResourceNotFoundException", err)
	_, err = client.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: stream, ShardCount: aws.Int32(1)})
	failed[*types.ResourceInUseException]("ResourceInUseException", err)
	_, err = client.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: aws.String("bad")})
	failed[*types.InvalidArgumentException]("InvalidArgumentException", err)
	_, err = client.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("a b")})
	failed[smithy.APIError]("ValidationException", err) // this SDK has no type for it
}
