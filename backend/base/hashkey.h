/* 128-bit hash keys and ranges of them, inclusive at both ends.
 * Source: Amazon Kinesis API reference, HashKeyRange and PutRecord. */
#ifndef KFS_BASE_HASHKEY_H
#define KFS_BASE_HASHKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KFS_HASH_DIGITS_MAX 39

__extension__ typedef unsigned __int128 kfs_hash;

#define KFS_HASH_MAX (~(kfs_hash)0)

struct kfs_hash_range {
    kfs_hash start;
    kfs_hash end; /* inclusive */
};

bool kfs_hash_in(const struct kfs_hash_range *range, kfs_hash hash);

/* Range `i` of `n` equal ones (i < n, n >= 1): width floor(2^128 / n), the last one wider. */
struct kfs_hash_range kfs_hash_uniform(uint32_t i, uint32_t n);

/* Decimal text, NUL-terminated; returns its length. */
size_t kfs_hash_print(kfs_hash hash, char text[KFS_HASH_DIGITS_MAX + 1]);

/* Decimal 0|([1-9][0-9]{0,38}) in [0, 2^128-1]; -EINVAL otherwise. */
int kfs_hash_parse(const char *text, size_t len, kfs_hash *hash);

/* MD5 of a partition key as an unsigned big-endian number. */
kfs_hash kfs_hash_of_key(const void *key, size_t len);

#endif
