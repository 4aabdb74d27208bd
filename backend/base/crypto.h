/* Digests, authentication and encryption, by libcrypto. What can only fail where
 * libcrypto lacks an algorithm or memory ran out stops the process: there is no
 * result that a caller could go on with. */
#ifndef KFS_BASE_CRYPTO_H
#define KFS_BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"

#define KFS_MD5_BYTES 16
#define KFS_SHA256_BYTES 32
#define KFS_AES_BLOCK_BYTES 16
#define KFS_AES256_KEY_BYTES 32

void kfs_md5(const void *data, size_t len, uint8_t digest[KFS_MD5_BYTES]);

/* Of n pieces, one after the other. */
void kfs_sha256(const struct kfs_bytes *pieces, size_t n, uint8_t digest[KFS_SHA256_BYTES]);
void kfs_hmac_sha256(struct kfs_bytes key, const struct kfs_bytes *pieces, size_t n, uint8_t mac[KFS_SHA256_BYTES]);

/* AES-256-CBC without padding: len is a multiple of KFS_AES_BLOCK_BYTES. to may be from. */
void kfs_aes256_cbc(bool encrypt, const uint8_t key[KFS_AES256_KEY_BYTES], const uint8_t iv[KFS_AES_BLOCK_BYTES],
                    struct kfs_bytes from, uint8_t *to);

/* In time that does not depend on where they differ. */
bool kfs_secret_equal(const void *a, const void *b, size_t len);

/* Wipes a secret; compilers do not leave it out. */
void kfs_secret_wipe(void *data, size_t len);

/* Unpredictable bytes, at most 256. */
void kfs_random(void *data, size_t len);

#endif
