/* What cannot be decoded is shown as it is, counted, and costs no more than the bounds say. */
#include "fs/decoder.h"

#include "tests/unit/merge_model.h"

static const struct kfs_coding gzip = {&kfs_gzip, false};
static const struct kfs_coding zstd = {&kfs_zstd, false};
static const struct kfs_coding kpl = {NULL, true};
static const struct kfs_coding kpl_gzip = {&kfs_gzip, true};

static void compress(const struct kfs_compression *how, size_t zeros, struct kfs_buf *to)
{
    void *context = how->context_new();
    char *data = calloc(zeros + 1, 1);

    assert_int_equal(how->compress(context, (struct kfs_bytes){data, zeros}, to), 0);
    how->context_free(context);
    free(data);
}

/* An aggregate of n records of the same data. */
static void aggregate(struct kfs_bytes data, size_t n, struct kfs_buf *to)
{
    static const struct kfs_hash_range all = {0, KFS_HASH_MAX};
    const struct kfs_put put = {.data = data, .key = {"k", 1}};
    struct kfs_kpl_writer *writer = kfs_kpl_writer_new(KFS_RECORD_BYTES_MAX, &all);

    for (size_t i = 0; i < n; i++)
        assert_int_equal(kfs_kpl_add(writer, &put), 0);
    assert_int_equal(kfs_kpl_close(writer, to), 0);
    kfs_kpl_writer_free(writer);
}

/* Renders a record as lines; its size is the one that is measured, whatever else was decoded before. */
static struct kfs_undecoded shown(struct kfs_coding coding, struct kfs_bytes data, struct kfs_buf *out)
{
    const struct kfs_record record = {.seq = {{1}}, .data = data, .key = {"k", 1}};
    struct kfs_undecoded undecoded;
    struct kfs_decoder decoder;
    size_t size = 0;

    kfs_decoder_init(&decoder, &kfs_framing_lines, coding);
    out->len = 0;
    assert_int_equal(kfs_decoder_size(&decoder, &record, &size), 0);
    assert_int_equal(decoder.undecoded.records, 0);
    assert_int_equal(kfs_decoder_render(&decoder, &record, 7, out), 0);
    assert_int_equal(out->len, size);
    assert_true(size <= kfs_decoder_max(&decoder));
    undecoded = decoder.undecoded;
    kfs_decoder_release(&decoder);
    return undecoded;
}

static void assert_as_it_is(const struct kfs_buf *out, struct kfs_bytes data)
{
    assert_int_equal(out->len, data.len + 1);
    if (data.len > 0)
        assert_memory_equal(out->data, data.data, data.len);
}

static void what_is_no_such_thing_is_shown_as_it_is(void **state)
{
    static const struct kfs_bytes texts[] = {
        {"", 0}, {"plain", 5}, {"\x1f\x8b\x08 cut", 7}, {"\xf3\x89\x9a\xc2 no digest at all here", 26}};
    struct kfs_buf out;

    (void)state;
    kfs_buf_init(&out, (size_t)1 << 27);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct kfs_undecoded undecoded = shown(gzip, texts[i], &out);
        assert_int_equal(undecoded.records, 1);
        assert_false(undecoded.over);
        assert_as_it_is(&out, texts[i]);
        assert_int_equal(shown(zstd, texts[i], &out).records, 1);
        assert_as_it_is(&out, texts[i]);
        assert_int_equal(shown(kpl, texts[i], &out).records, i == 3); /* others are records like any */
        assert_as_it_is(&out, texts[i]);
    }
    kfs_buf_release(&out);
}

static void a_record_expands_to_the_largest_there_is(void **state)
{
    static const struct kfs_coding codings[] = {{&kfs_gzip, false}, {&kfs_zstd, false}};
    struct kfs_buf data;
    struct kfs_buf out;

    (void)state;
    kfs_buf_init(&data, KFS_RECORD_BYTES_MAX);
    kfs_buf_init(&out, (size_t)1 << 27);
    for (size_t i = 0; i < 2; i++) {
        data.len = 0;
        compress(codings[i].compression, KFS_RECORD_BYTES_MAX, &data);
        assert_int_equal(shown(codings[i], (struct kfs_bytes){data.data, data.len}, &out).records, 0);
        assert_int_equal(out.len, KFS_RECORD_BYTES_MAX + 1);

        data.len = 0;
        compress(codings[i].compression, KFS_RECORD_BYTES_MAX + 1, &data);
        struct kfs_undecoded undecoded = shown(codings[i], (struct kfs_bytes){data.data, data.len}, &out);
        assert_int_equal(undecoded.records, 1);
        assert_true(undecoded.over);
        assert_int_equal(undecoded.seq.b[0], 1);
        assert_int_equal(undecoded.shard, 7);
        assert_as_it_is(&out, (struct kfs_bytes){data.data, data.len});
    }
    kfs_buf_release(&data);
    kfs_buf_release(&out);
}

static void an_aggregate_of_bombs_is_bounded(void **state)
{
    struct kfs_buf one;
    struct kfs_buf data;
    struct kfs_buf out;

    (void)state;
    kfs_buf_init(&one, KFS_RECORD_BYTES_MAX);
    kfs_buf_init(&data, KFS_RECORD_BYTES_MAX);
    kfs_buf_init(&out, (size_t)1 << 27);
    compress(&kfs_gzip, (size_t)5 << 20, &one);
    aggregate((struct kfs_bytes){one.data, one.len}, 1000, &data);
    struct kfs_undecoded undecoded = shown(kpl_gzip, (struct kfs_bytes){data.data, data.len}, &out);
    assert_int_equal(undecoded.records, 997); /* three times 5 MiB are within the bound */
    assert_true(undecoded.over);
    assert_int_equal(out.len, 3 * (((size_t)5 << 20) + 1) + 997 * (one.len + 1));
    kfs_buf_release(&one);
    kfs_buf_release(&data);
    kfs_buf_release(&out);
}

static void an_aggregate_of_too_many_stays_whole(void **state)
{
    struct kfs_buf data;
    struct kfs_buf out;

    (void)state;
    kfs_buf_init(&data, KFS_RECORD_BYTES_MAX);
    kfs_buf_init(&out, (size_t)1 << 27);
    aggregate((struct kfs_bytes){"", 0}, KFS_DECODED_RECORDS_MAX, &data);
    assert_int_equal(shown(kpl, (struct kfs_bytes){data.data, data.len}, &out).records, 0);
    assert_int_equal(out.len, KFS_DECODED_RECORDS_MAX);
    data.len = 0;
    aggregate((struct kfs_bytes){"", 0}, KFS_DECODED_RECORDS_MAX + 1, &data);
    struct kfs_undecoded undecoded = shown(kpl, (struct kfs_bytes){data.data, data.len}, &out);
    assert_int_equal(undecoded.records, 1);
    assert_true(undecoded.over);
    assert_as_it_is(&out, (struct kfs_bytes){data.data, data.len});
    kfs_buf_release(&data);
    kfs_buf_release(&out);
}

/* Whether a view takes an aggregate apart that the shard knows of, or does not. */
static bool takes_apart(const struct kfs_framing *framing, struct kfs_coding coding, struct kfs_bytes data, bool known)
{
    const struct kfs_record records[] = {{.data = {"", 0}}, {.data = data, .key = {"k", 1}, .aggregate = known}};
    struct kfs_decoder decoder;
    struct kfs_buf out;
    struct kfs_buf as_it_is;
    size_t size = 0;

    kfs_buf_init(&out, 1000);
    kfs_buf_init(&as_it_is, 1000);
    kfs_decoder_init(&decoder, framing, coding);
    assert_int_equal(framing->render(&records[1], 0, &as_it_is), 0);
    assert_int_equal(kfs_decoder_size(&decoder, &records[1], &size), 0);
    assert_int_equal(kfs_decoder_render(&decoder, &records[1], 0, &out), 0);
    assert_int_equal(size, out.len);
    bool apart = out.len != as_it_is.len || memcmp(out.data, as_it_is.data, out.len) != 0;
    size_t plain = kfs_decoder_plain(&decoder, records, 2);
    assert_int_equal(plain, coding.compression != NULL ? 0 : apart ? 1 : 2);
    kfs_decoder_release(&decoder);
    kfs_buf_release(&out);
    kfs_buf_release(&as_it_is);
    return apart;
}

static void aggregates_that_the_shard_knows_of_are_taken_apart(void **state)
{
    static const struct kfs_framing *const framings[] = {&kfs_framing_lines, &kfs_framing_nul, &kfs_framing_json,
                                                         &kfs_framing_raw, &kfs_framing_len};
    const struct kfs_coding none = {NULL, false};
    struct kfs_buf data;

    (void)state;
    kfs_buf_init(&data, 1000);
    aggregate((struct kfs_bytes){"of several", 10}, 3, &data);
    const struct kfs_bytes bytes = {data.data, data.len};
    for (size_t i = 0; i < sizeof framings / sizeof framings[0]; i++) {
        assert_int_equal(takes_apart(framings[i], none, bytes, true), i < 3);
        assert_int_equal(takes_apart(framings[i], gzip, bytes, true), i < 3);
        assert_false(takes_apart(framings[i], none, bytes, false));
        assert_true(takes_apart(framings[i], kpl, bytes, false));
        assert_true(takes_apart(framings[i], kpl, bytes, true));
    }
    kfs_buf_release(&data);
}

static void json_says_which_of_an_aggregate_it_is(void **state)
{
    struct kfs_record record = {.seq = {{1}}, .key = {"other", 5}};
    struct kfs_decoder decoder;
    struct kfs_buf data;
    struct kfs_buf out;
    size_t size = 0;

    (void)state;
    kfs_buf_init(&data, KFS_RECORD_BYTES_MAX);
    kfs_buf_init(&out, (size_t)1 << 20);
    aggregate((struct kfs_bytes){"x", 1}, 11, &data);
    record.data = (struct kfs_bytes){data.data, data.len};
    kfs_decoder_init(&decoder, &kfs_framing_json, kpl);
    assert_int_equal(kfs_decoder_size(&decoder, &record, &size), 0);
    assert_int_equal(kfs_decoder_render(&decoder, &record, 0, &out), 0);
    assert_int_equal(out.len, size);
    assert_int_equal(kfs_buf_append(&out, "", 1), 0);
    assert_non_null(strstr(out.data, "\",\"SubSequenceNumber\":0,\"PartitionKey\":\"k\""));
    assert_non_null(strstr(out.data, "\",\"SubSequenceNumber\":10,\"PartitionKey\":\"k\""));
    assert_null(strstr(out.data, "other"));
    kfs_decoder_release(&decoder);
    kfs_buf_release(&data);
    kfs_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_such_thing_is_shown_as_it_is),
        cmocka_unit_test(a_record_expands_to_the_largest_there_is),
        cmocka_unit_test(an_aggregate_of_bombs_is_bounded),
        cmocka_unit_test(an_aggregate_of_too_many_stays_whole),
        cmocka_unit_test(aggregates_that_the_shard_knows_of_are_taken_apart),
        cmocka_unit_test(json_says_which_of_an_aggregate_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
