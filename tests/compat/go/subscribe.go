package main

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// Returns the ARN of a consumer when it is active.
func register(arn *string) *string {
	consumer := must(client.RegisterStreamConsumer(ctx, &kinesis.RegisterStreamConsumerInput{
		StreamARN: arn, ConsumerName: aws.String("fan")})).Consumer
	recent(consumer.ConsumerCreationTimestamp, "registered")
	for must(client.DescribeStreamConsumer(ctx, &kinesis.DescribeStreamConsumerInput{
		ConsumerARN: consumer.ConsumerARN})).ConsumerDescription.ConsumerStatus != types.ConsumerStatusActive {
		time.Sleep(100 * time.Millisecond)
	}
	return consumer.ConsumerARN
}

// Everything from the horizon, then what is put, then the end of the shard when it is split.
func subscribe(consumer *string) {
	position := &kinesis.SubscribeToShardInput{ConsumerARN: consumer, ShardId: aws.String(first),
		StartingPosition: &types.StartingPosition{Type: types.ShardIteratorTypeTrimHorizon}}
	subscription := must(client.SubscribeToShard(ctx, position)).GetStream()
	defer subscription.Close()
	_, err := client.SubscribeToShard(ctx, position)
	failed[*types.ResourceInUseException]("ResourceInUseException", err)
	for _, record := range records(subscription, 11) {
		recent(record.ApproximateArrivalTimestamp, "arrived")
	}
	must(client.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: stream, PartitionKey: stream, Data: []byte("live")}))
	equal("live", string(records(subscription, 1)[0].Data), "the live record")
	must(client.SplitShard(ctx, &kinesis.SplitShardInput{StreamName: stream,
		ShardToSplit: aws.String(first), NewStartingHashKey: aws.String(half)}))
	last := next(subscription)
	for len(last.ChildShards) == 0 {
		last = next(subscription)
	}
	equal(2, len(last.ChildShards), "children")
	if last.ContinuationSequenceNumber != nil {
		fail("the shard goes on at %s", *last.ContinuationSequenceNumber)
	}
	waitActive()
}

func next(subscription *kinesis.SubscribeToShardEventStream) types.SubscribeToShardEvent {
	event, ok := <-subscription.Events()
	if !ok {
		fail("the subscription ended: %v", subscription.Err())
	}
	return event.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent).Value
}

func records(subscription *kinesis.SubscribeToShardEventStream, number int) (got []types.Record) {
	for len(got) < number {
		got = append(got, next(subscription).Records...)
	}
	equal(number, len(got), "records of the subscription")
	return got
}
