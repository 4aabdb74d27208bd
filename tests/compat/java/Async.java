import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.core.waiters.WaiterOverrideConfiguration;
import software.amazon.awssdk.retries.api.BackoffStrategy;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.model.*;
import software.amazon.awssdk.services.kinesis.model.Record;
import software.amazon.awssdk.services.kinesis.waiters.KinesisAsyncWaiter;

/** The asynchronous client, over HTTP/2, with a subscription. */
final class Async {
    private static final String STREAM = "async";
    private static final String FIRST = "shardId-000000000000";
    private static final int PUTS = 200;
    private final KinesisAsyncClient kinesis = KinesisAsyncClient.create();
    private final BlockingQueue<SubscribeToShardEvent> events = new LinkedBlockingQueue<>();

    void run() throws Exception {
        kinesis.createStream(b -> b.streamName(STREAM).shardCount(1)).join();
        waitActive();
        String arn = kinesis.describeStreamSummary(b -> b.streamName(STREAM)).join().streamDescriptionSummary().streamARN();
        putMany();
        String consumer = register(arn);
        subscribe(consumer);
        Expect.fails(ResourceNotFoundException.class, "", () -> kinesis.subscribeToShard(
                b -> b.consumerARN(consumer.replace("/fan:", "/none:")).shardId(FIRST)
                        .startingPosition(p -> p.type(ShardIteratorType.LATEST)), silent()).join());
        Expect.fails(ResourceInUseException.class, "consumers",
                () -> kinesis.deleteStream(b -> b.streamName(STREAM)).join());
        kinesis.deregisterStreamConsumer(b -> b.consumerARN(consumer)).join();
        kinesis.deleteStream(b -> b.streamName(STREAM).enforceConsumerDeletion(true)).join();
    }

    private void waitActive() {
        WaiterOverrideConfiguration quick = WaiterOverrideConfiguration.builder()
                .backoffStrategyV2(BackoffStrategy.fixedDelay(Duration.ofMillis(100))).build();
        KinesisAsyncWaiter.builder().client(kinesis).overrideConfiguration(quick).build()
                .waitUntilStreamExists(b -> b.streamName(STREAM)).join();
    }

    /** Many requests at a time on the connections that the client keeps. */
    private void putMany() {
        List<CompletableFuture<PutRecordResponse>> puts = IntStream.range(0, PUTS)
                .mapToObj(i -> kinesis.putRecord(b -> b.streamName(STREAM).partitionKey("key " + i)
                        .data(SdkBytes.fromUtf8String("record " + i)))).collect(Collectors.toList());
        Expect.equal((long) PUTS, puts.stream().map(p -> p.join().sequenceNumber()).distinct().count());
    }

    private String register(String arn) throws InterruptedException {
        Consumer consumer = kinesis.registerStreamConsumer(b -> b.streamARN(arn).consumerName("fan")).join().consumer();
        Expect.recent(consumer.consumerCreationTimestamp());
        while (kinesis.describeStreamConsumer(b -> b.consumerARN(consumer.consumerARN())).join().consumerDescription()
                .consumerStatus() != ConsumerStatus.ACTIVE) {
            Thread.sleep(100);
        }
        return consumer.consumerARN();
    }

    private static SubscribeToShardResponseHandler silent() {
        return SubscribeToShardResponseHandler.builder()
                .subscriber(SubscribeToShardResponseHandler.Visitor.builder().build()).build();
    }

    /** Everything from the horizon, then what is put, then the end of the shard when it is split. */
    private void subscribe(String consumer) throws InterruptedException, ExecutionException {
        SubscribeToShardResponseHandler handler = SubscribeToShardResponseHandler.builder()
                .subscriber(SubscribeToShardResponseHandler.Visitor.builder()
                        .onSubscribeToShardEvent(events::add).build()).build();
        CompletableFuture<Void> done = kinesis.subscribeToShard(b -> b.consumerARN(consumer).shardId(FIRST)
                .startingPosition(p -> p.type(ShardIteratorType.TRIM_HORIZON)), handler);
        List<Record> stored = records(PUTS);
        stored.forEach(r -> Expect.recent(r.approximateArrivalTimestamp()));
        Expect.yes(stored.stream().anyMatch(r -> r.data().asUtf8String().equals("record 199")), stored);
        kinesis.putRecord(b -> b.streamName(STREAM).partitionKey("a").data(SdkBytes.fromUtf8String("live"))).join();
        Expect.equal("live", records(1).get(0).data().asUtf8String());
        kinesis.splitShard(b -> b.streamName(STREAM).shardToSplit(FIRST).newStartingHashKey("1000")).join();
        SubscribeToShardEvent last = next();
        while (last.childShards().isEmpty()) last = next();
        Expect.equal(2, last.childShards().size());
        Expect.yes(last.continuationSequenceNumber() == null, last);
        done.get();
    }

    private SubscribeToShardEvent next() throws InterruptedException {
        SubscribeToShardEvent event = events.poll(20, TimeUnit.SECONDS);
        Expect.yes(event != null, "an event in time");
        return event;
    }

    private List<Record> records(int number) throws InterruptedException {
        List<Record> got = new ArrayList<>();
        while (got.size() < number) got.addAll(next().records());
        Expect.equal(number, got.size());
        return got;
    }
}
