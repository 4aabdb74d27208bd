/* Shard iterators and page tokens: opaque text that clients hand back. Nothing is
 * kept of them here: they hold all they mean, encrypted and authenticated by a key, and are good for any
 * number of uses until they expire, also after a restart.
 *
 * Base64, RFC 4648, of
 *
 *   8 bytes   0 0 0 0 0 0 0 1
 *   16        random, so that no two are alike; the CBC's initialisation vector
 *   16 n      AES-256-CBC of what is meant, n at least 7, zeros at its end
 *   16        the first half of HMAC-SHA-256 of all before
 *
 * which is 152 bytes and a multiple of 16 more; for an iterator, as at Amazon, 16 for each 16 of the length of
 * the stream's name plus 2. */
#ifndef KFS_ENDPOINT_TOKEN_H
#define KFS_ENDPOINT_TOKEN_H

#include <stdint.h>

#include "backend/backend.h"
#include "backend/base/buf.h"
#include "backend/base/crypto.h"

#define KFS_TOKEN_CHARS_MAX 512
#define KFS_TOKEN_LIFE_MS UINT64_C(300000) /* expired when more than that has passed */
#define KFS_TOKEN_KEY_BYTES 32

struct kfs_token_keys {
    uint8_t encryption[KFS_AES256_KEY_BYTES];
    uint8_t authentication[KFS_SHA256_BYTES];
};

/* Both keys from one that is secret and lasts as long as the store. */
void kfs_token_keys_init(struct kfs_token_keys *keys, const uint8_t key[KFS_TOKEN_KEY_BYTES]);

/* A place to go on reading a shard. */
struct kfs_iterator {
    uint64_t created_ms; /* when it was made */
    char stream[KFS_STREAM_NAME_MAX + 1];
    uint64_t generation; /* the stream's, so that one of the same name that came later does not take it */
    uint32_t shard;
    struct kfs_position position; /* its count is not kept */
};

/* What lists are paged; tokens of one are not taken by another. */
enum kfs_page_list { KFS_PAGE_STREAMS, KFS_PAGE_SHARDS, KFS_PAGE_CONSUMERS };

/* Where to go on in a list. Each list uses what it needs; the rest is zero. */
struct kfs_page {
    uint64_t created_ms;
    enum kfs_page_list list;
    char stream[KFS_STREAM_NAME_MAX + 1];
    uint64_t generation;
    char after[KFS_STREAM_NAME_MAX + 1]; /* the last name that was given */
    uint32_t after_shard;                /* the last index that was given */
    uint8_t filter;                      /* of shards: its type, as the operation numbers it */
    uint32_t filter_shard;
    uint64_t filter_time_ms;
};

/* NUL-terminated text; each call gives another one. */
void kfs_iterator_print(const struct kfs_token_keys *keys, const struct kfs_iterator *iterator,
                        char text[KFS_TOKEN_CHARS_MAX + 1]);
void kfs_page_print(const struct kfs_token_keys *keys, const struct kfs_page *page, char text[KFS_TOKEN_CHARS_MAX + 1]);

/* A literal quote at either end is ignored. 0; -EINVAL: not made by these keys, or of another
 * kind; -ETIME: expired, and the output is filled nevertheless. */
int kfs_iterator_parse(const struct kfs_token_keys *keys, struct kfs_bytes text, uint64_t now_ms,
                       struct kfs_iterator *iterator);
int kfs_page_parse(const struct kfs_token_keys *keys, struct kfs_bytes text, enum kfs_page_list list, uint64_t now_ms,
                   struct kfs_page *page);

/* The service's words for an iterator that expired. */
int kfs_iterator_expired_text(uint64_t created_ms, uint64_t now_ms, struct kfs_buf *text);

#endif
