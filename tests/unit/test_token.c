#include "backend/endpoint/token.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/base/base64.h"

#define NOW_MS UINT64_C(1421890022000) /* Thu Jan 22 01:27:02 UTC 2015 */

static const uint8_t key[KFS_TOKEN_KEY_BYTES] = "a key of the store, 32 bytes....";
static struct kfs_token_keys keys;

static int setup(void **state)
{
    (void)state;
    kfs_token_keys_init(&keys, key);
    return 0;
}

static struct kfs_bytes bytes_of(const char *text)
{
    return (struct kfs_bytes){text, strlen(text)};
}

static struct kfs_iterator iterator_of(size_t name_len)
{
    struct kfs_iterator iterator = {
        .created_ms = NOW_MS,
        .generation = UINT64_MAX - 1,
        .shard = 12,
        .position = {.type = KFS_AFTER_SEQUENCE, .time_ms = 7, .offset = UINT64_C(1) << 40},
    };

    memset(iterator.stream, 's', name_len);
    for (size_t i = 0; i < KFS_SEQ_BYTES; i++)
        iterator.position.seq.b[i] = (uint8_t)(i + 1);
    return iterator;
}

static void assert_same(const struct kfs_iterator *a, const struct kfs_iterator *b)
{
    assert_string_equal(a->stream, b->stream);
    assert_true(a->created_ms == b->created_ms && a->generation == b->generation && a->shard == b->shard);
    assert_int_equal(a->position.type, b->position.type);
    assert_int_equal(kfs_seq_cmp(&a->position.seq, &b->position.seq), 0);
    assert_true(a->position.time_ms == b->position.time_ms && a->position.offset == b->position.offset);
}

static void iterators_come_back_and_have_amazons_shape(void **state)
{
    (void)state;
    for (size_t len = 1; len <= KFS_STREAM_NAME_MAX; len++) {
        struct kfs_iterator iterator = iterator_of(len);
        struct kfs_iterator back;
        char text[KFS_TOKEN_CHARS_MAX + 1];
        uint8_t token[KFS_TOKEN_CHARS_MAX];
        kfs_iterator_print(&keys, &iterator, text);
        assert_true(strlen(text) <= KFS_TOKEN_CHARS_MAX);
        ssize_t decoded = kfs_base64_decode(text, strlen(text), token);
        assert_int_equal(decoded, 152 + (len + 2) / 16 * 16);
        assert_memory_equal(token, "\0\0\0\0\0\0\0\1", 8);
        assert_int_equal(kfs_iterator_parse(&keys, bytes_of(text), NOW_MS, &back), 0);
        assert_same(&iterator, &back);
    }
}

static void no_two_are_alike(void **state)
{
    struct kfs_iterator iterator = iterator_of(4);
    char texts[2][KFS_TOKEN_CHARS_MAX + 1];

    (void)state;
    kfs_iterator_print(&keys, &iterator, texts[0]);
    kfs_iterator_print(&keys, &iterator, texts[1]);
    assert_string_not_equal(texts[0], texts[1]);
}

static void quotes_are_ignored(void **state)
{
    struct kfs_iterator iterator = iterator_of(4);
    struct kfs_iterator back;
    char text[KFS_TOKEN_CHARS_MAX + 1];
    char quoted[KFS_TOKEN_CHARS_MAX + 5];

    (void)state;
    kfs_iterator_print(&keys, &iterator, text);
    (void)snprintf(quoted, sizeof quoted, "\"%s\"", text);
    assert_int_equal(kfs_iterator_parse(&keys, bytes_of(quoted), NOW_MS, &back), 0);
    assert_same(&iterator, &back);
    (void)snprintf(quoted, sizeof quoted, "\"\"%s\"\"", text);
    assert_int_equal(kfs_iterator_parse(&keys, bytes_of(quoted), NOW_MS, &back), -EINVAL);
    assert_int_equal(kfs_iterator_parse(&keys, bytes_of("\""), NOW_MS, &back), -EINVAL);
    assert_int_equal(kfs_iterator_parse(&keys, bytes_of("\"\""), NOW_MS, &back), -EINVAL);
}

static void every_change_is_found(void **state)
{
    struct kfs_iterator iterator = iterator_of(20);
    struct kfs_iterator back;
    char text[KFS_TOKEN_CHARS_MAX + 1];
    uint8_t token[KFS_TOKEN_CHARS_MAX];

    (void)state;
    kfs_iterator_print(&keys, &iterator, text);
    size_t chars = strlen(text);
    ssize_t len = kfs_base64_decode(text, chars, token);
    for (ssize_t i = 0; i < len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            token[i] ^= (uint8_t)(1U << bit);
            kfs_base64_encode(token, (size_t)len, text);
            assert_int_equal(kfs_iterator_parse(&keys, bytes_of(text), NOW_MS, &back), -EINVAL);
            token[i] ^= (uint8_t)(1U << bit);
        }
    }
    kfs_base64_encode(token, (size_t)len, text);
    assert_int_equal(kfs_iterator_parse(&keys, bytes_of(text), NOW_MS, &back), 0);
    for (size_t cut = 0; cut < chars; cut++)
        assert_int_equal(kfs_iterator_parse(&keys, (struct kfs_bytes){text, cut}, NOW_MS, &back), -EINVAL);
}

static void other_keys_do_not_open_them(void **state)
{
    static const uint8_t other[KFS_TOKEN_KEY_BYTES] = "a key of another store, 32 bytes";
    struct kfs_iterator iterator = iterator_of(4);
    struct kfs_iterator back;
    struct kfs_token_keys other_keys;
    char text[KFS_TOKEN_CHARS_MAX + 1];

    (void)state;
    kfs_token_keys_init(&other_keys, other);
    kfs_iterator_print(&keys, &iterator, text);
    assert_int_equal(kfs_iterator_parse(&other_keys, bytes_of(text), NOW_MS, &back), -EINVAL);
    kfs_token_keys_init(&other_keys, key); /* as after a restart */
    assert_int_equal(kfs_iterator_parse(&other_keys, bytes_of(text), NOW_MS, &back), 0);
}

static void they_expire(void **state)
{
    struct kfs_iterator iterator = iterator_of(4);
    struct kfs_iterator back;
    struct kfs_buf buf;
    char text[KFS_TOKEN_CHARS_MAX + 1];

    (void)state;
    kfs_iterator_print(&keys, &iterator, text);
    assert_int_equal(kfs_iterator_parse(&keys, bytes_of(text), NOW_MS + KFS_TOKEN_LIFE_MS, &back), 0);
    assert_int_equal(kfs_iterator_parse(&keys, bytes_of(text), NOW_MS - 1000, &back), 0);
    memset(&back, 0, sizeof back);
    assert_int_equal(kfs_iterator_parse(&keys, bytes_of(text), NOW_MS + KFS_TOKEN_LIFE_MS + 1, &back), -ETIME);
    assert_same(&iterator, &back);

    kfs_buf_init(&buf, 1000);
    assert_int_equal(kfs_iterator_expired_text(NOW_MS - 300000, NOW_MS + 1000, &buf), 0);
    assert_int_equal(kfs_buf_append(&buf, "", 1), 0);
    assert_string_equal(buf.data, "Iterator expired. The iterator was created at time Thu Jan 22 01:22:02 UTC 2015 "
                                  "while right now it is Thu Jan 22 01:27:03 UTC 2015 which is further in the future "
                                  "than the tolerated delay of 300000 milliseconds.");
    kfs_buf_release(&buf);
}

static void pages_come_back_to_their_list(void **state)
{
    struct kfs_page page = {.created_ms = NOW_MS,
                            .list = KFS_PAGE_SHARDS,
                            .generation = 99,
                            .after_shard = 1000,
                            .filter = 5,
                            .filter_shard = UINT32_MAX,
                            .filter_time_ms = UINT64_MAX};
    struct kfs_page back = {0};
    struct kfs_iterator iterator;
    char text[KFS_TOKEN_CHARS_MAX + 1];

    (void)state;
    memset(page.stream, 'a', KFS_STREAM_NAME_MAX);
    memset(page.after, 'b', KFS_STREAM_NAME_MAX);
    kfs_page_print(&keys, &page, text);
    assert_true(strlen(text) <= KFS_TOKEN_CHARS_MAX);
    assert_int_equal(kfs_page_parse(&keys, bytes_of(text), KFS_PAGE_SHARDS, NOW_MS, &back), 0);
    assert_string_equal(back.stream, page.stream);
    assert_string_equal(back.after, page.after);
    assert_true(back.created_ms == NOW_MS && back.list == KFS_PAGE_SHARDS && back.generation == 99);
    assert_true(back.after_shard == 1000 && back.filter == 5 && back.filter_shard == UINT32_MAX);
    assert_true(back.filter_time_ms == UINT64_MAX);
    assert_int_equal(kfs_page_parse(&keys, bytes_of(text), KFS_PAGE_STREAMS, NOW_MS, &back), -EINVAL);
    assert_int_equal(kfs_page_parse(&keys, bytes_of(text), KFS_PAGE_CONSUMERS, NOW_MS, &back), -EINVAL);
    assert_int_equal(kfs_iterator_parse(&keys, bytes_of(text), NOW_MS, &iterator), -EINVAL);
    assert_int_equal(kfs_page_parse(&keys, bytes_of(text), KFS_PAGE_SHARDS, NOW_MS + 300001, &back), -ETIME);
    iterator = iterator_of(4);
    kfs_iterator_print(&keys, &iterator, text);
    assert_int_equal(kfs_page_parse(&keys, bytes_of(text), KFS_PAGE_STREAMS, NOW_MS, &back), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iterators_come_back_and_have_amazons_shape),
        cmocka_unit_test(no_two_are_alike),
        cmocka_unit_test(quotes_are_ignored),
        cmocka_unit_test(every_change_is_found),
        cmocka_unit_test(other_keys_do_not_open_them),
        cmocka_unit_test(they_expire),
        cmocka_unit_test(pages_come_back_to_their_list),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
