import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.core.waiters.WaiterOverrideConfiguration;
import software.amazon.awssdk.retries.api.BackoffStrategy;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.*;
import software.amazon.awssdk.services.kinesis.model.Record;
import software.amazon.awssdk.services.kinesis.waiters.KinesisWaiter;

/** The synchronous client, over HTTP/1.1. The endpoint and the rest are those of the environment. */
final class Sync {
    private static final String STREAM = "sync";
    private static final String FIRST = "shardId-000000000000";
    private static final String HALF = "170141183460469231731687303715884105728";
    private final KinesisClient kinesis = KinesisClient.create();

    void run() {
        create();
        List<String> numbers = put();
        iterators(numbers);
        large();
        tags();
        reshard();
        errors();
        kinesis.deleteStream(b -> b.streamName(STREAM));
        waiter().waitUntilStreamNotExists(b -> b.streamName(STREAM));
    }

    private KinesisWaiter waiter() {
        WaiterOverrideConfiguration quick = WaiterOverrideConfiguration.builder()
                .backoffStrategyV2(BackoffStrategy.fixedDelay(Duration.ofMillis(100))).build();
        return KinesisWaiter.builder().client(kinesis).overrideConfiguration(quick).build();
    }

    private void waitActive() {
        waiter().waitUntilStreamExists(b -> b.streamName(STREAM));
    }

    private void create() {
        kinesis.createStream(b -> b.streamName(STREAM).shardCount(1).tags(Map.of("team", "a")));
        waitActive();
        StreamDescription stream = kinesis.describeStream(b -> b.streamName(STREAM)).streamDescription();
        Expect.equal(StreamStatus.ACTIVE, stream.streamStatus());
        Expect.equal("arn:aws:kinesis:eu-west-1:000000000000:stream/" + STREAM, stream.streamARN());
        Expect.equal(24, stream.retentionPeriodHours());
        Expect.equal("0", stream.shards().get(0).hashKeyRange().startingHashKey());
        Expect.recent(stream.streamCreationTimestamp());
        Expect.yes(kinesis.listStreamsPaginator().streamNames().stream().anyMatch(STREAM::equals), "listed");
    }

    /** Ten records, the fourth and later ones a while after the third. */
    private List<String> put() {
        List<String> numbers = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            SdkBytes data = SdkBytes.fromUtf8String("record " + i);
            PutRecordResponse put = kinesis.putRecord(b -> b.streamName(STREAM).partitionKey("a01").data(data));
            Expect.equal(FIRST, put.shardId());
            numbers.add(put.sequenceNumber());
        }
        pause();
        List<PutRecordsRequestEntry> entries = new ArrayList<>();
        for (int i = 3; i < 10; i++) {
            SdkBytes data = SdkBytes.fromUtf8String("record " + i);
            entries.add(PutRecordsRequestEntry.builder().partitionKey("ключ").data(data).build());
        }
        PutRecordsResponse put = kinesis.putRecords(b -> b.streamName(STREAM).records(entries));
        Expect.equal(0, put.failedRecordCount());
        put.records().forEach(r -> numbers.add(r.sequenceNumber()));
        return numbers;
    }

    private void iterators(List<String> numbers) {
        List<Record> all = read(ShardIteratorType.TRIM_HORIZON, null, null);
        Expect.equal(numbers, all.stream().map(Record::sequenceNumber).collect(Collectors.toList()));
        Expect.equal("record 9", all.get(9).data().asUtf8String());
        Expect.equal("ключ", all.get(9).partitionKey());
        all.forEach(r -> Expect.recent(r.approximateArrivalTimestamp()));
        Instant late = all.get(3).approximateArrivalTimestamp();
        Expect.equal(all.subList(4, 10), read(ShardIteratorType.AT_SEQUENCE_NUMBER, numbers.get(4), null));
        Expect.equal(all.subList(5, 10), read(ShardIteratorType.AFTER_SEQUENCE_NUMBER, numbers.get(4), null));
        Expect.equal(all.subList(3, 10), read(ShardIteratorType.AT_TIMESTAMP, null, late.minusMillis(20)));
        Expect.equal(all, read(ShardIteratorType.AT_TIMESTAMP, null, late.minusSeconds(3600)));
        pause();
        Expect.equal(List.of(), read(ShardIteratorType.AT_TIMESTAMP, null, late.plusMillis(20)));
        String tip = iterator(ShardIteratorType.LATEST, null, null);
        kinesis.putRecord(b -> b.streamName(STREAM).partitionKey("a").data(SdkBytes.fromUtf8String("new")));
        GetRecordsResponse got = kinesis.getRecords(b -> b.shardIterator(tip));
        Expect.equal("new", got.records().get(0).data().asUtf8String());
        Expect.equal(0L, got.millisBehindLatest());
        String horizon = iterator(ShardIteratorType.TRIM_HORIZON, null, null);
        GetRecordsResponse some = kinesis.getRecords(b -> b.shardIterator(horizon).limit(5));
        Expect.equal(all.subList(0, 5), some.records());
        Expect.equal(6, kinesis.getRecords(b -> b.shardIterator(some.nextShardIterator())).records().size());
    }

    private static void pause() {
        try {
            Thread.sleep(50);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private String iterator(ShardIteratorType type, String number, Instant time) {
        return kinesis.getShardIterator(b -> b.streamName(STREAM).shardId(FIRST).shardIteratorType(type)
                .startingSequenceNumber(number).timestamp(time)).shardIterator();
    }

    private List<Record> read(ShardIteratorType type, String number, Instant time) {
        return kinesis.getRecords(b -> b.shardIterator(iterator(type, number, time))).records();
    }

    /** A record of 1 MiB with every byte in it. */
    private void large() {
        byte[] data = new byte[1 << 20];
        for (int i = 0; i < data.length; i++) data[i] = (byte) (i + i / 256);
        PutRecordResponse put = kinesis.putRecord(b -> b.streamName(STREAM).partitionKey("a")
                .data(SdkBytes.fromByteArray(data)));
        Record got = read(ShardIteratorType.AT_SEQUENCE_NUMBER, put.sequenceNumber(), null).get(0);
        Expect.yes(Arrays.equals(data, got.data().asByteArray()), "1 MiB");
    }

    private void tags() {
        kinesis.addTagsToStream(b -> b.streamName(STREAM).tags(Map.of("env", "test", "x", "")));
        kinesis.removeTagsFromStream(b -> b.streamName(STREAM).tagKeys("x", "none"));
        ListTagsForStreamResponse listed = kinesis.listTagsForStream(b -> b.streamName(STREAM));
        Expect.equal("env=test team=a", listed.tags().stream().map(t -> t.key() + "=" + t.value())
                .collect(Collectors.joining(" ")));
        Expect.equal(false, listed.hasMoreTags());
    }

    /** A split and a merge; the first shard ends, and tells of its children. */
    private void reshard() {
        kinesis.splitShard(b -> b.streamName(STREAM).shardToSplit(FIRST).newStartingHashKey(HALF));
        waitActive();
        ChildShard low = end(FIRST).get(0);
        Expect.equal(List.of(FIRST), low.parentShards());
        kinesis.mergeShards(b -> b.streamName(STREAM).shardToMerge("shardId-000000000001")
                .adjacentShardToMerge("shardId-000000000002"));
        waitActive();
        Expect.equal(4, kinesis.listShards(b -> b.streamName(STREAM)).shards().size());
        List<Shard> open = kinesis.listShards(b -> b.streamName(STREAM)
                .shardFilter(f -> f.type(ShardFilterType.AT_LATEST))).shards();
        Expect.equal(1, open.size());
        Expect.equal("shardId-000000000001", open.get(0).parentShardId());
        Expect.equal("shardId-000000000002", open.get(0).adjacentParentShardId());
    }

    private List<ChildShard> end(String shard) {
        String next = iterator(ShardIteratorType.TRIM_HORIZON, null, null);
        for (;;) {
            String here = next;
            GetRecordsResponse got = kinesis.getRecords(b -> b.shardIterator(here));
            if (got.nextShardIterator() == null) return got.childShards();
            next = got.nextShardIterator();
        }
    }

    private void errors() {
        Expect.fails(ResourceNotFoundException.class, "Stream none under account 000000000000 not found.",
                () -> kinesis.describeStreamSummary(b -> b.streamName("none")));
        Expect.fails(ResourceInUseException.class, "already exists",
                () -> kinesis.createStream(b -> b.streamName(STREAM).shardCount(1)));
        Expect.fails(InvalidArgumentException.class, "Invalid ShardIterator",
                () -> kinesis.getRecords(b -> b.shardIterator("bad")));
        Expect.fails(InvalidArgumentException.class, "timestampInMillis",
                () -> iterator(ShardIteratorType.AT_TIMESTAMP, null, Instant.now().plusSeconds(3600)));
        Expect.fails(ValidationException.class, "failed to satisfy constraint",
                () -> kinesis.createStream(b -> b.streamName("a b").shardCount(1)));
    }
}
