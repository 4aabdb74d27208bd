#include "backend/base/hashkey.h"

#include <errno.h>
#include <string.h>

#include "backend/base/crypto.h"

/* A decimal group that fits 64 bits, so that only two divisions are of 128 bits. */
#define GROUP_DIGITS 19
#define GROUP_BASE UINT64_C(10000000000000000000)

bool kfs_hash_in(const struct kfs_hash_range *range, kfs_hash hash)
{
    return range->start <= hash && hash <= range->end;
}

struct kfs_hash_range kfs_hash_uniform(uint32_t i, uint32_t n)
{
    /* 2^128 itself does not fit. For n = 1 the width wraps to 0, which only multiplies i = 0. */
    kfs_hash width = KFS_HASH_MAX / n + (KFS_HASH_MAX % n == n - 1 ? 1 : 0);
    struct kfs_hash_range range = {.start = width * i, .end = KFS_HASH_MAX};

    if (i < n - 1)
        range.end = range.start + width - 1;
    return range;
}

size_t kfs_hash_print(kfs_hash hash, char text[KFS_HASH_DIGITS_MAX + 1])
{
    char digits[3 * GROUP_DIGITS];
    size_t first = 0;

    for (size_t end = sizeof digits; end > 0; end -= GROUP_DIGITS) {
        uint64_t group = (uint64_t)(hash % GROUP_BASE);
        hash /= GROUP_BASE;
        for (size_t i = 1; i <= GROUP_DIGITS; i++) {
            digits[end - i] = (char)('0' + group % 10);
            group /= 10;
        }
    }
    while (first < sizeof digits - 1 && digits[first] == '0')
        first++;

    size_t len = sizeof digits - first;
    memcpy(text, digits + first, len);
    text[len] = '\0';
    return len;
}

int kfs_hash_parse(const char *text, size_t len, kfs_hash *hash)
{
    kfs_hash value = 0;

    if (len == 0 || len > KFS_HASH_DIGITS_MAX || (text[0] == '0' && len > 1))
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -EINVAL;
        unsigned digit = (unsigned)(text[i] - '0');
        if (value > KFS_HASH_MAX / 10 || value * 10 > KFS_HASH_MAX - digit)
            return -EINVAL;
        value = value * 10 + digit;
    }
    *hash = value;
    return 0;
}

kfs_hash kfs_hash_of_key(const void *key, size_t len)
{
    uint8_t digest[KFS_MD5_BYTES];
    kfs_hash hash = 0;

    kfs_md5(key, len, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        hash = hash << 8 | digest[i];
    return hash;
}
