/* Shard iterators and page tokens in requests and answers; and their key, which is
 * kept with the store, so that they outlive a restart. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "backend/endpoint/api_internal.h"

#define NOTE_KEY "api.token_key"

int api_tokens_init(struct kfs_api *api, struct kfs_error *err)
{
    uint8_t key[KFS_TOKEN_KEY_BYTES];
    struct kfs_buf kept;

    kfs_buf_init(&kept, KFS_NOTE_BYTES_MAX);
    int rc = kfs_note_get(api->config.backend, NULL, NOTE_KEY, &kept, err);
    if (rc == 0 && kept.len == sizeof key) {
        memcpy(key, kept.data, sizeof key);
    } else if (rc == 0) {
        if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key)
            rc = kfs_fail(err, EIO, "no random numbers");
        else
            rc = kfs_note_set(api->config.backend, NULL, NOTE_KEY, (struct kfs_bytes){key, sizeof key}, err);
    }
    kfs_buf_release(&kept);
    if (rc == 0)
        kfs_token_keys_init(&api->token_keys, key);
    explicit_bzero(key, sizeof key);
    return rc;
}

void api_out_iterator(struct api_call *call, const char *key, const struct api_stream *stream, uint32_t shard,
                      uint64_t offset)
{
    struct kfs_iterator it = {.created_ms = call->now_ms,
                              .generation = stream->made.generation,
                              .shard = shard,
                              .position = {.type = KFS_AT_OFFSET, .offset = offset}};
    char text[KFS_TOKEN_CHARS_MAX + 1];

    (void)snprintf(it.stream, sizeof it.stream, "%s", stream->name);
    kfs_iterator_print(&call->api->token_keys, &it, text);
    kfs_out_string(&call->out, key, text);
}

int api_iterator(struct api_call *call, const char *text, struct kfs_iterator *it)
{
    int rc = kfs_iterator_parse(&call->api->token_keys, (struct kfs_bytes){text, strlen(text)}, call->now_ms, it);

    if (rc == -ETIME) {
        call->failure.type = "ExpiredIteratorException";
        call->failure.status = 400;
        (void)kfs_iterator_expired_text(it->created_ms, call->now_ms, &call->failure.text);
        return -1;
    }
    if (rc != 0 || it->position.type != KFS_AT_OFFSET)
        return api_invalid(call, "Invalid ShardIterator.");
    return 0;
}

void api_out_page_token(struct api_call *call, const struct kfs_page *page)
{
    struct kfs_page made = *page;
    char text[KFS_TOKEN_CHARS_MAX + 1];

    made.created_ms = call->now_ms;
    kfs_page_print(&call->api->token_keys, &made, text);
    kfs_out_string(&call->out, "NextToken", text);
}

int api_page_token(struct api_call *call, const char *token, struct kfs_page *page)
{
    int rc = kfs_page_parse(&call->api->token_keys, (struct kfs_bytes){token, strlen(token)}, page->list, call->now_ms,
                            page);

    if (rc == -ETIME)
        return api_fail(call, "ExpiredNextTokenException", "The provided NextToken has expired.");
    return rc == 0 ? 0 : api_invalid(call, "The provided NextToken is invalid.");
}
