/* Tokens: nobody makes one without the key; and whatever stands in a sealed one, its
 * parser stays within it. The first byte chooses: text as it is, or fields of a token. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/endpoint/token.h"
#include "tests/fuzz/fuzz.h"

#define NOW_MS UINT64_C(1700000000000)

/* Nothing but what the key made is taken. */
static void check_text(const struct kfs_token_keys *keys, struct kfs_bytes text)
{
    struct kfs_iterator iterator;
    struct kfs_page page;

    REQUIRE(kfs_iterator_parse(keys, text, NOW_MS, &iterator) == -EINVAL);
    for (unsigned list = KFS_PAGE_STREAMS; list <= KFS_PAGE_CONSUMERS; list++)
        REQUIRE(kfs_page_parse(keys, text, (enum kfs_page_list)list, NOW_MS, &page) == -EINVAL);
}

static void check_fields(const struct kfs_token_keys *keys, const uint8_t *data, size_t size)
{
    struct kfs_iterator iterator = {.created_ms = NOW_MS};
    struct kfs_iterator back;
    struct kfs_page page = {.created_ms = NOW_MS, .list = KFS_PAGE_SHARDS};
    struct kfs_page page_back;
    char text[KFS_TOKEN_CHARS_MAX + 1];
    size_t name_len = size < KFS_STREAM_NAME_MAX ? size : KFS_STREAM_NAME_MAX;

    memcpy(iterator.stream, data, name_len);
    memcpy(page.after, data, name_len);
    if (size >= KFS_SEQ_BYTES)
        memcpy(iterator.position.seq.b, data, KFS_SEQ_BYTES);
    iterator.shard = (uint32_t)size;
    kfs_iterator_print(keys, &iterator, text);
    REQUIRE(strlen(text) <= KFS_TOKEN_CHARS_MAX);
    REQUIRE(kfs_iterator_parse(keys, (struct kfs_bytes){text, strlen(text)}, NOW_MS, &back) == 0);
    REQUIRE(strcmp(back.stream, iterator.stream) == 0 && back.shard == iterator.shard);
    REQUIRE(kfs_seq_cmp(&back.position.seq, &iterator.position.seq) == 0);
    kfs_page_print(keys, &page, text);
    REQUIRE(kfs_page_parse(keys, (struct kfs_bytes){text, strlen(text)}, KFS_PAGE_SHARDS, NOW_MS, &page_back) == 0);
    REQUIRE(strcmp(page_back.after, page.after) == 0);
    text[size % strlen(text)] ^= 1;
    check_text(keys, (struct kfs_bytes){text, strlen(text)});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[KFS_TOKEN_KEY_BYTES] = "the fuzzer does not know it ....";
    struct kfs_token_keys keys;

    if (size == 0)
        return 0;
    kfs_token_keys_init(&keys, key);
    if (data[0] % 2 == 0)
        check_text(&keys, (struct kfs_bytes){data + 1, size - 1});
    else
        check_fields(&keys, data + 1, size - 1);
    return 0;
}
