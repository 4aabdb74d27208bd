#include "backend/base/signature.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void kfs_sigv4_hex(const uint8_t digest[KFS_SHA256_BYTES], char text[KFS_SIGV4_HEX + 1])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < KFS_SHA256_BYTES; i++) {
        text[2 * i] = digits[digest[i] >> 4];
        text[2 * i + 1] = digits[digest[i] & 15];
    }
    text[KFS_SIGV4_HEX] = '\0';
}

static void chain(uint8_t key[KFS_SHA256_BYTES], struct kfs_bytes with)
{
    uint8_t next[KFS_SHA256_BYTES];

    kfs_hmac_sha256((struct kfs_bytes){key, KFS_SHA256_BYTES}, &with, 1, next);
    memcpy(key, next, sizeof next);
    kfs_secret_wipe(next, sizeof next);
}

/* AWS4 and the secret make the first key; each element of the scope makes the next one. */
static int derive_key(struct kfs_bytes secret, const struct kfs_sigv4_scope *scope, uint8_t key[KFS_SHA256_BYTES])
{
    char *first = malloc(4 + secret.len);

    if (first == NULL)
        return -ENOMEM;
    memcpy(first, "AWS4", 4);
    memcpy(first + 4, secret.data, secret.len);
    kfs_hmac_sha256((struct kfs_bytes){first, 4 + secret.len}, &scope->date, 1, key);
    kfs_secret_wipe(first, 4 + secret.len);
    free(first);
    chain(key, scope->region);
    chain(key, scope->service);
    chain(key, (struct kfs_bytes){"aws4_request", 12});
    return 0;
}

int kfs_sigv4_seal(struct kfs_bytes secret, const struct kfs_sigv4_scope *scope, struct kfs_bytes canonical,
                   char signature[KFS_SIGV4_HEX + 1])
{
    static const struct kfs_bytes slash = {"/", 1};
    uint8_t digest[KFS_SHA256_BYTES];
    uint8_t key[KFS_SHA256_BYTES];
    char hex[KFS_SIGV4_HEX + 1];
    const struct kfs_bytes pieces[] = {{"AWS4-HMAC-SHA256\n", 17},
                                       scope->time,
                                       {"\n", 1},
                                       scope->date,
                                       slash,
                                       scope->region,
                                       slash,
                                       scope->service,
                                       {"/aws4_request\n", 14},
                                       {hex, KFS_SIGV4_HEX}};
    int rc = derive_key(secret, scope, key);

    if (rc != 0)
        return rc;
    kfs_sha256(&canonical, 1, digest);
    kfs_sigv4_hex(digest, hex);
    kfs_hmac_sha256((struct kfs_bytes){key, sizeof key}, pieces, sizeof pieces / sizeof pieces[0], digest);
    kfs_secret_wipe(key, sizeof key);
    kfs_sigv4_hex(digest, signature);
    return 0;
}
