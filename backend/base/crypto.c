#include "backend/base/crypto.h"

#include <assert.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "backend/base/logger.h"

#define SHA256_BLOCK_BYTES 64
#define RANDOM_MAX 256 /* getrandom(2) gives so many at once, and is not interrupted */

/* Fetched once: EVP_md5() would make libcrypto look the algorithm up, under a
 * lock, for each record. Written under once, read after it, never freed. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *md5;
static EVP_MD *sha256;
static EVP_CIPHER *aes256_cbc;

/* "-fips": MD5 places records here and protects nothing, so a system that
 * allows only approved algorithms need not refuse it. */
static void fetch(void)
{
    md5 = EVP_MD_fetch(NULL, "MD5", "-fips");
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    aes256_cbc = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
}

/* A wrong hash would put a record into a wrong shard for good; a wrong signature would let anybody in. */
static void require(bool good)
{
    if (!good) {
        kfs_log(KFS_LOG_ERROR, "libcrypto cannot compute MD5, SHA-256 or AES, or memory ran out; stopping");
        abort();
    }
}

void kfs_md5(const void *data, size_t len, uint8_t digest[KFS_MD5_BYTES])
{
    (void)pthread_once(&once, fetch);
    require(md5 != NULL && EVP_Digest(data, len, digest, NULL, md5, NULL) == 1);
}

static void add_pieces(EVP_MD_CTX *context, const struct kfs_bytes *pieces, size_t n)
{
    for (size_t i = 0; i < n; i++)
        require(pieces[i].len == 0 || EVP_DigestUpdate(context, pieces[i].data, pieces[i].len) == 1);
}

/* The digest of first and then the pieces. */
static void digest_after(struct kfs_bytes first, const struct kfs_bytes *pieces, size_t n,
                         uint8_t digest[KFS_SHA256_BYTES])
{
    EVP_MD_CTX *context;

    (void)pthread_once(&once, fetch);
    context = EVP_MD_CTX_new();
    require(sha256 != NULL && context != NULL && EVP_DigestInit_ex(context, sha256, NULL) == 1);
    add_pieces(context, &first, 1);
    add_pieces(context, pieces, n);
    require(EVP_DigestFinal_ex(context, digest, NULL) == 1);
    EVP_MD_CTX_free(context);
}

void kfs_sha256(const struct kfs_bytes *pieces, size_t n, uint8_t digest[KFS_SHA256_BYTES])
{
    digest_after((struct kfs_bytes){NULL, 0}, pieces, n, digest);
}

/* RFC 2104. libcrypto's own looks its algorithms up at each call. */
void kfs_hmac_sha256(struct kfs_bytes key, const struct kfs_bytes *pieces, size_t n, uint8_t mac[KFS_SHA256_BYTES])
{
    uint8_t block[SHA256_BLOCK_BYTES] = {0};
    uint8_t inner[KFS_SHA256_BYTES];
    const struct kfs_bytes pad = {block, sizeof block};
    const struct kfs_bytes inside = {inner, sizeof inner};

    if (key.len > sizeof block)
        kfs_sha256(&key, 1, block);
    else if (key.len > 0)
        memcpy(block, key.data, key.len);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] ^= 0x36;
    digest_after(pad, pieces, n, inner);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] ^= 0x36 ^ 0x5c;
    digest_after(pad, &inside, 1, mac);
    kfs_secret_wipe(block, sizeof block);
}

void kfs_aes256_cbc(bool encrypt, const uint8_t key[KFS_AES256_KEY_BYTES], const uint8_t iv[KFS_AES_BLOCK_BYTES],
                    struct kfs_bytes from, uint8_t *to)
{
    EVP_CIPHER_CTX *context;
    int len = (int)from.len;
    int written = 0;
    int rest = 0;

    assert(from.len % KFS_AES_BLOCK_BYTES == 0 && from.len <= INT_MAX);
    (void)pthread_once(&once, fetch);
    context = EVP_CIPHER_CTX_new();
    require(aes256_cbc != NULL && context != NULL &&
            EVP_CipherInit_ex2(context, aes256_cbc, key, iv, encrypt ? 1 : 0, NULL) == 1 &&
            EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
            EVP_CipherUpdate(context, to, &written, from.data, len) == 1 &&
            EVP_CipherFinal_ex(context, to + written, &rest) == 1 && written + rest == len);
    EVP_CIPHER_CTX_free(context);
}

bool kfs_secret_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

void kfs_secret_wipe(void *data, size_t len)
{
    OPENSSL_cleanse(data, len);
}

void kfs_random(void *data, size_t len)
{
    assert(len <= RANDOM_MAX);
    require(getrandom(data, len, 0) == (ssize_t)len);
}
