#include "fs/framing.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/base/units.h"
#include "backend/base/utf8.h"

#define ROUNDS 20000
#define DATA_MAX 300
#define SHARD 7U

static const struct kfs_framing *const framings[] = {&kfs_framing_lines, &kfs_framing_json};

static uint64_t seed = 88172645463325252U;

/* xorshift64: the same sequence in every run. */
static uint32_t random_below(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 16) % n;
}

static struct kfs_bytes bytes_of(const char *text)
{
    return (struct kfs_bytes){text, strlen(text)};
}

static struct kfs_record record_of(struct kfs_bytes data, struct kfs_bytes key)
{
    struct kfs_record record = {.arrival_ms = 1795420800123, .data = data, .key = key};

    assert_int_equal(kfs_seq_parse("49545115243490985018280067714973144582180062593244200961", 56, &record.seq), 0);
    return record;
}

static void assert_bytes(struct kfs_bytes got, struct kfs_bytes want)
{
    assert_int_equal(got.len, want.len);
    if (want.len > 0)
        assert_memory_equal(got.data, want.data, want.len);
}

static void assert_rendered(const struct kfs_framing *framing, const struct kfs_record *record, const char *want)
{
    struct kfs_buf out;

    kfs_buf_init(&out, 1 << 20);
    assert_int_equal(kfs_buf_append(&out, "before", 6), 0);
    assert_int_equal(framing->render(record, SHARD, &out), 0);
    assert_bytes((struct kfs_bytes){out.data + 6, out.len - 6}, bytes_of(want));
    assert_int_equal(framing->rendered_size(record), strlen(want));
    kfs_buf_release(&out);
}

/* ---- cut ---- */

static void cut_finds_whole_lines(void **state)
{
    static const char text[] = "one\n\ntwo\nthr";
    struct kfs_cut cut = {0};
    const char *at = text;

    (void)state;
    assert_int_equal(kfs_framing_lines.cut(bytes_of(at), &cut, NULL), 4);
    assert_bytes(cut.payload, bytes_of("one"));
    assert_true(cut.newline_follows);
    at += 4;
    assert_int_equal(kfs_framing_lines.cut(bytes_of(at), &cut, NULL), 1);
    assert_int_equal(cut.payload.len, 0);
    at += 1;
    assert_int_equal(kfs_framing_lines.cut(bytes_of(at), &cut, NULL), 4);
    assert_bytes(cut.payload, bytes_of("two"));
    at += 4;
    assert_int_equal(kfs_framing_lines.cut(bytes_of(at), &cut, NULL), 0);
    assert_int_equal(cut.scanned, 3);
    assert_int_equal(kfs_framing_lines.cut((struct kfs_bytes){NULL, 0}, &(struct kfs_cut){0}, NULL), 0);
}

static void cut_does_not_search_twice(void **state)
{
    struct kfs_cut cut = {.scanned = 4};

    (void)state;
    /* A caller that lies about what was searched is believed: the first newline is passed over. */
    assert_int_equal(kfs_framing_lines.cut(bytes_of("ab\ncd\n"), &cut, NULL), 6);
    assert_bytes(cut.payload, bytes_of("ab\ncd"));
    assert_int_equal(cut.scanned, 0);
}

/* However a text is cut into pieces, the records are the same. */
static void cut_is_independent_of_pieces(void **state)
{
    static const char text[] = "alpha\n\nb\nlonger line with words\nx\n";
    static const char *const want[] = {"alpha", "", "b", "longer line with words", "x"};

    (void)state;
    for (size_t piece = 1; piece < sizeof text; piece++) {
        struct kfs_cut cut = {0};
        size_t begin = 0;
        size_t found = 0;
        for (size_t end = piece; begin < sizeof text - 1; end += piece) {
            ssize_t taken;
            if (end > sizeof text - 1)
                end = sizeof text - 1;
            while ((taken = kfs_framing_lines.cut((struct kfs_bytes){text + begin, end - begin}, &cut, NULL)) > 0) {
                assert_bytes(cut.payload, bytes_of(want[found++]));
                begin += (size_t)taken;
            }
        }
        assert_int_equal(found, 5);
    }
}

/* ---- render ---- */

static void lines_are_data_and_newline(void **state)
{
    struct kfs_record record = record_of(bytes_of("a\nb"), bytes_of("key"));

    (void)state;
    assert_rendered(&kfs_framing_lines, &record, "a\nb\n");
    record.data = (struct kfs_bytes){NULL, 0};
    assert_rendered(&kfs_framing_lines, &record, "\n");
    assert_true(kfs_framing_lines.stored);
    assert_false(kfs_framing_json.stored);
}

#define JSON_HEAD(key)                                                                                                 \
    "{\"SequenceNumber\":\"49545115243490985018280067714973144582180062593244200961\",\"PartitionKey\":\"" key         \
    "\",\"ApproximateArrivalTimestamp\":\"2026-11-23T08:00:00.123Z\",\"ShardId\":\"shardId-000000000007\","

static void json_has_the_metadata(void **state)
{
    struct kfs_record record = record_of(bytes_of("hello, world"), bytes_of("key"));

    (void)state;
    assert_rendered(&kfs_framing_json, &record, JSON_HEAD("key") "\"Data\":\"hello, world\"}\n");
    record.data = (struct kfs_bytes){NULL, 0};
    assert_rendered(&kfs_framing_json, &record, JSON_HEAD("key") "\"Data\":\"\"}\n");
}

static void json_escapes(void **state)
{
    struct kfs_record record = record_of(bytes_of("\b\f\n\r\t\x01\x1f\"\\/ \x7f~\xc3\xa9"), bytes_of("a\"b\\\n"));

    (void)state;
    assert_rendered(&kfs_framing_json, &record,
                    JSON_HEAD("a\\\"b\\\\\\n") "\"Data\":\"\\b\\f\\n\\r\\t\\u0001\\u001f\\\"\\\\/ \x7f~\xc3\xa9\"}\n");
}

static void json_has_base64_for_what_is_no_text(void **state)
{
    struct kfs_record record = record_of((struct kfs_bytes){"a\0b", 3}, bytes_of("k"));

    (void)state;
    assert_rendered(&kfs_framing_json, &record, JSON_HEAD("k") "\"Data\":\"a\\u0000b\"}\n"); /* a NUL is text */
    record.data = bytes_of("12345678\xff"); /* the bad byte behind a whole word */
    assert_rendered(&kfs_framing_json, &record, JSON_HEAD("k") "\"DataBase64\":\"MTIzNDU2Nzj/\"}\n");
    record.data = bytes_of("\xed\xa0\x80"); /* a surrogate */
    assert_rendered(&kfs_framing_json, &record, JSON_HEAD("k") "\"DataBase64\":\"7aCA\"}\n");
}

static void json_has_room_for_any_number_and_time(void **state)
{
    struct kfs_record record = record_of(bytes_of("x"), bytes_of("k"));

    (void)state;
    memset(record.seq.b, 0xff, sizeof record.seq.b);
    record.arrival_ms = UINT64_MAX;
    assert_rendered(&kfs_framing_json, &record,
                    "{\"SequenceNumber\":\"6277101735386680763835789423207666416102355444464034512895\","
                    "\"PartitionKey\":\"k\",\"ApproximateArrivalTimestamp\":\"9999-12-31T23:59:59.999Z\","
                    "\"ShardId\":\"shardId-000000000007\",\"Data\":\"x\"}\n");
}

static void rendered_size_counts_digits_of_every_number(void **state)
{
    char digits[KFS_SEQ_DIGITS_MAX + 1] = "";

    (void)state;
    for (size_t len = 1; len <= KFS_SEQ_DIGITS_MAX; len++) {
        for (int round = 0; round < 3; round++) { /* 10^(len-1), 10^len - 1, and between */
            struct kfs_record record = record_of(bytes_of("x"), bytes_of("k"));
            struct kfs_buf out;
            kfs_buf_init(&out, 4096);
            memset(digits, round == 0 ? '0' : round == 1 ? '9' : '3', len);
            digits[0] = round == 0 || len == KFS_SEQ_DIGITS_MAX ? '1' : round == 1 ? '9' : '2';
            assert_int_equal(kfs_seq_parse(digits, len, &record.seq), 0);
            assert_int_equal(kfs_framing_json.render(&record, SHARD, &out), 0);
            assert_int_equal(kfs_framing_json.rendered_size(&record), out.len);
            kfs_buf_release(&out);
        }
    }
}

/* As many as fit of records as they are stored, each as it is rendered alone. */
static void stored_records_are_rendered_alike(void **state)
{
    static const struct kfs_framing *const fixed[] = {&kfs_framing_lines, &kfs_framing_nul, &kfs_framing_raw,
                                                      &kfs_framing_len};
    static struct kfs_stored stored = {.n = 5, .ends = {3, 4, 5, 15, 17}, .bytes = "ab\n\n\nnine\nbytes\nz\n"};

    (void)state;
    for (size_t f = 0; f < sizeof fixed / sizeof fixed[0]; f++) {
        for (size_t room = 0; room < 40; room++) {
            char got[40];
            struct kfs_buf out = {.data = got, .cap = room, .max = room};
            struct kfs_buf want;
            size_t n = fixed[f]->render_stored(&stored, &out);
            kfs_buf_init(&want, 100);
            for (size_t i = 0; i < n; i++) {
                size_t from = i > 0 ? stored.ends[i - 1] : 0;
                struct kfs_record record =
                    record_of((struct kfs_bytes){stored.bytes + from, stored.ends[i] - from - 1}, bytes_of("k"));
                assert_int_equal(fixed[f]->render(&record, SHARD, &want), 0);
            }
            assert_int_equal(out.len, want.len);
            if (out.len > 0)
                assert_memory_equal(out.data, want.data, out.len);
            if (n < stored.n)
                assert_true(stored.ends[n] - (n > 0 ? stored.ends[n - 1] : 0) - 1 + fixed[f]->frame > room - out.len);
            kfs_buf_release(&want);
        }
    }
}

static void render_that_does_not_fit_appends_nothing(void **state)
{
    struct kfs_record record = record_of(bytes_of("data"), bytes_of("k"));

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct kfs_buf out;
        kfs_buf_init(&out, framings[i]->rendered_size(&record) - 1);
        assert_int_equal(framings[i]->render(&record, SHARD, &out), -EMSGSIZE);
        assert_int_equal(out.len, 0);
        kfs_buf_release(&out);
        kfs_buf_init(&out, framings[i]->rendered_size(&record));
        assert_int_equal(framings[i]->render(&record, SHARD, &out), 0);
        kfs_buf_release(&out);
    }
}

/* ---- decode ---- */

static int decode(const char *line, struct kfs_put *put, struct kfs_buf *scratch, struct kfs_error *err)
{
    /* malloc'ed, without a NUL, so that a sanitizer sees a read past the end */
    size_t len = strlen(line);
    char *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, line, len);
    int rc = kfs_framing_json.decode((struct kfs_bytes){copy, len}, put, scratch, err);
    free(copy);
    return rc;
}

static void assert_decoded(const char *line, const char *data, size_t len, const char *key)
{
    struct kfs_buf scratch;
    struct kfs_put put = {0};
    struct kfs_error err = {0};

    kfs_buf_init(&scratch, strlen(line) + 1);
    if (decode(line, &put, &scratch, &err) != 0)
        fail_msg("%s: %s", line, err.text);
    assert_bytes(put.data, (struct kfs_bytes){data, len});
    assert_bytes(put.key, bytes_of(key));
    assert_false(put.newline_follows);
    assert_true(scratch.len <= strlen(line) + 1);
    kfs_buf_release(&scratch);
}

static void assert_refused(const char *line, const char *reason)
{
    struct kfs_buf scratch;
    struct kfs_put put = {.newline_follows = true};
    struct kfs_error err = {0};

    kfs_buf_init(&scratch, 4096);
    assert_int_equal(decode(line, &put, &scratch, &err), -EINVAL);
    if (strstr(err.text, reason) == NULL)
        fail_msg("%s: '%s' does not say '%s'", line, err.text, reason);
    assert_int_equal(err.code, EINVAL);
    assert_int_equal(scratch.len, 0);
    assert_true(put.newline_follows);
    kfs_buf_release(&scratch);
}

static void json_decodes(void **state)
{
    (void)state;
    assert_null(kfs_framing_lines.decode);
    assert_decoded("{\"Data\":\"hello\"}", "hello", 5, "");
    assert_decoded(" { \"Data\" : \"\" } \r", "", 0, "");
    assert_decoded("{\"DataBase64\":\"AAEC/w==\",\"PartitionKey\":\"k\"}", "\0\1\2\xff", 4, "k");
    assert_decoded("{\"DataBase64\":\"\"}", "", 0, "");
    assert_decoded("{\"Data\":\"\\u00e9\\ud83d\\ude00\\n\\\"\"}", "\xc3\xa9\xf0\x9f\x98\x80\n\"", 8, "");
    assert_decoded("{\"Data\":\"\\\\u0000\"}", "\\u0000", 6, ""); /* an escaped backslash, not a NUL */
    assert_decoded("{\"Data\":\"\\\\\\u0000\",\"PartitionKey\":\"k\"}", "\\\0", 2, "k");
    assert_decoded("{\"SequenceNumber\":\"1\",\"ShardId\":null,\"ApproximateArrivalTimestamp\":{\"a\":[1]},"
                   "\"Data\":\"x\"}",
                   "x", 1, "");
}

static void json_decodes_hash_keys(void **state)
{
    static const char line[] = "{\"Data\":\"\",\"ExplicitHashKey\":\"0\"}";
    struct kfs_buf scratch;
    struct kfs_put first;
    struct kfs_put second;

    (void)state;
    /* Several puts in one scratch, at any alignment, in the room that is promised. */
    for (size_t before = 0; before < 32; before++) {
        kfs_buf_init(&scratch, before + 2 * sizeof line);
        assert_int_equal(kfs_buf_reserve(&scratch, before + 2 * sizeof line), 0);
        scratch.len = before;
        assert_int_equal(decode(line, &first, &scratch, NULL), 0);
        assert_int_equal(decode("{\"Data\":\"\",\"ExplicitHashKey\":\"9\"}", &second, &scratch, NULL), 0);
        assert_true(*first.explicit_hash == 0);
        assert_true(*second.explicit_hash == 9);
        kfs_buf_release(&scratch);
    }
    kfs_buf_init(&scratch, 4096);
    assert_int_equal(decode("{\"Data\":\"d\",\"ExplicitHashKey\":\"340282366920938463463374607431768211455\"}", &first,
                            &scratch, NULL),
                     0);
    assert_true(*first.explicit_hash == KFS_HASH_MAX);
    assert_bytes(first.data, bytes_of("d"));
    kfs_buf_release(&scratch);
}

static void json_refuses(void **state)
{
    char line[KFS_PARTITION_KEY_CHARS_MAX + 64];

    (void)state;
    assert_refused("", "empty line");
    assert_refused("hello", "not JSON");
    assert_refused("{\"Data\":\"x\"", "not JSON");
    assert_refused("{\"Data\":\"x\"} x", "not JSON");
    assert_refused("{\"Data\":\"\\ud800\"}", "not JSON");
    assert_refused("{\"1\":1,", "not JSON");
    assert_refused("\"Data\"", "not a JSON object");
    assert_refused("[\"Data\"]", "not a JSON object");
    assert_refused("{}", "neither");
    assert_refused("{\"PartitionKey\":\"k\"}", "neither");
    assert_refused("{\"Data\":\"x\",\"DataBase64\":\"eA==\"}", "both");
    assert_refused("{\"Data\":\"x\",\"Data\":\"y\"}", "Data is there twice");
    assert_refused("{\"Data\":1}", "Data is not a string");
    assert_refused("{\"Data\":\"x\",\"PartitionKey\":null}", "PartitionKey is not a string");
    assert_refused("{\"Data\":\"x\",\"PartitionKey\":\"\"}", "PartitionKey is empty");
    (void)snprintf(line, sizeof line, "{\"Data\":\"x\",\"PartitionKey\":\"%0*d\"}", KFS_PARTITION_KEY_CHARS_MAX + 1, 1);
    assert_refused(line, "more than 256");
    assert_refused("{\"data\":\"x\"}", "unknown member");
    assert_refused("{\"Data\":\"\xff\"}", "UTF-8");
    assert_refused("{\"Data\":\"x\",\"ExplicitHashKey\":\"-1\"}", "ExplicitHashKey");
    assert_refused("{\"Data\":\"x\",\"ExplicitHashKey\":\"340282366920938463463374607431768211456\"}",
                   "ExplicitHashKey");
}

static void json_refuses_bad_base64(void **state)
{
    static const char *const bad[] = {"A",    "AA",   "AAA",  "A===", "====",    "AA=A",     "A=AA",
                                      "AB==", "AAB=", "AA-_", "AA A", "AAAA\\n", "AA==AAAA", "=AAA"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "{\"DataBase64\":\"%s\"}", bad[i]);
        assert_refused(line, "base64");
    }
}

static void json_that_does_not_fit_is_told(void **state)
{
    static const char line[] = "{\"Data\":\"hello\"}";
    struct kfs_buf scratch;
    struct kfs_put put;

    (void)state;
    kfs_buf_init(&scratch, sizeof line - 1);
    assert_int_equal(decode(line, &put, &scratch, NULL), -EMSGSIZE);
    kfs_buf_release(&scratch);
}

/* ---- properties ---- */

/* Bytes of one of several kinds: any, text with many escapes, plain text. */
static size_t random_bytes(char *to, size_t max, bool text)
{
    static const char letters[] = "ab \"\\\n\t\x01/\x7f";
    size_t len = random_below((uint32_t)max + 1);
    uint32_t kind = random_below(3);

    for (size_t i = 0; i < len; i++) {
        if (kind == 0 && !text)
            to[i] = (char)random_below(256);
        else if (kind == 1)
            to[i] = letters[random_below(sizeof letters - 1)];
        else
            to[i] = (char)(' ' + random_below(95));
    }
    return len;
}

static void what_json_shows_can_be_written_back(void **state)
{
    struct kfs_buf out;
    struct kfs_buf scratch;
    char data[DATA_MAX];
    char key[40];

    (void)state;
    kfs_buf_init(&out, 1 << 16);
    kfs_buf_init(&scratch, 1 << 16);
    for (int round = 0; round < ROUNDS; round++) {
        struct kfs_record record = record_of((struct kfs_bytes){data, random_bytes(data, sizeof data, false)},
                                             (struct kfs_bytes){key, 1 + random_bytes(key + 1, sizeof key - 1, true)});
        struct kfs_cut cut = {0};
        struct kfs_put put;

        key[0] = 'k';
        out.len = 0;
        scratch.len = 0;
        assert_int_equal(kfs_framing_json.render(&record, random_below(INT32_MAX), &out), 0);
        assert_int_equal(out.len, kfs_framing_json.rendered_size(&record));
        assert_true(kfs_utf8_valid(out.data, out.len));
        assert_true(out.len <= kfs_framing_json.framed_max(record.data.len));
        assert_int_equal(kfs_framing_json.cut((struct kfs_bytes){out.data, out.len}, &cut, NULL), out.len);
        assert_int_equal(kfs_framing_json.decode(cut.payload, &put, &scratch, NULL), 0);
        assert_bytes(put.data, record.data);
        assert_bytes(put.key, record.key);
        assert_null(put.explicit_hash);
    }
    kfs_buf_release(&out);
    kfs_buf_release(&scratch);
}

static void what_lines_show_is_what_was_written(void **state)
{
    struct kfs_buf out;
    char data[DATA_MAX];

    (void)state;
    kfs_buf_init(&out, 1 << 16);
    for (int round = 0; round < ROUNDS; round++) {
        struct kfs_record record =
            record_of((struct kfs_bytes){data, random_bytes(data, sizeof data, false)}, bytes_of("k"));
        out.len = 0;
        assert_int_equal(kfs_framing_lines.render(&record, SHARD, &out), 0);
        assert_int_equal(out.len, kfs_framing_lines.rendered_size(&record));
        assert_true(out.len <= kfs_framing_lines.framed_max(record.data.len));
        assert_memory_equal(out.data, data, record.data.len);
        assert_int_equal(out.data[out.len - 1], '\n');
    }
    kfs_buf_release(&out);
}

/* The bound of a carry buffer: the longest spelling of the largest record fits. */
static void framed_max_holds_the_longest_spelling(void **state)
{
    struct kfs_record record;
    struct kfs_buf out;
    size_t len = 5000;
    char *data = malloc(len);
    char key[KFS_PARTITION_KEY_BYTES_MAX];

    (void)state;
    assert_non_null(data);
    memset(data, 1, len);
    memset(key, 1, sizeof key);
    record = record_of((struct kfs_bytes){data, len}, (struct kfs_bytes){key, sizeof key});
    kfs_buf_init(&out, kfs_framing_json.framed_max(len));
    assert_int_equal(kfs_framing_json.render(&record, SHARD, &out), 0);
    assert_true(out.len > 6 * len + 6 * sizeof key);
    kfs_buf_release(&out);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_finds_whole_lines),
        cmocka_unit_test(cut_does_not_search_twice),
        cmocka_unit_test(cut_is_independent_of_pieces),
        cmocka_unit_test(lines_are_data_and_newline),
        cmocka_unit_test(json_has_the_metadata),
        cmocka_unit_test(json_escapes),
        cmocka_unit_test(json_has_base64_for_what_is_no_text),
        cmocka_unit_test(json_has_room_for_any_number_and_time),
        cmocka_unit_test(rendered_size_counts_digits_of_every_number),
        cmocka_unit_test(stored_records_are_rendered_alike),
        cmocka_unit_test(render_that_does_not_fit_appends_nothing),
        cmocka_unit_test(json_decodes),
        cmocka_unit_test(json_decodes_hash_keys),
        cmocka_unit_test(json_refuses),
        cmocka_unit_test(json_refuses_bad_base64),
        cmocka_unit_test(json_that_does_not_fit_is_told),
        cmocka_unit_test(what_json_shows_can_be_written_back),
        cmocka_unit_test(what_lines_show_is_what_was_written),
        cmocka_unit_test(framed_max_holds_the_longest_spelling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
