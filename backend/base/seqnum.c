#include "backend/base/seqnum.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

/* The layout in seqnum.h as three big-endian words, most significant bits first:
 *
 *   word 0   8 bits kind, 36 created, 4 shard index modulo 16, 16 position (high)
 *   word 1   48 bits position (low), 8 zero, 8 time (high)
 *   word 2   28 bits time (low), 32 shard index, 4 version */
#define WORDS 3
#define KIND 2U
#define VERSION 2U

#define MASK_TIME UINT64_C(0xfffffffff)
#define MASK_SHARD UINT64_C(0x7fffffff)

/* For decimal text: base 2^32 digits in, groups of nine decimal digits out. */
#define LIMBS 6
#define GROUP_DIGITS 9
#define GROUP_BASE 1000000000U

/* One word at a time: copying all 24 bytes at once, before or after, would make
 * the processor wait for stores of another width, which doubles the time. */
static inline uint64_t word(const struct kfs_seq *seq, size_t i)
{
    uint64_t big;

    memcpy(&big, seq->b + i * sizeof big, sizeof big);
    return be64toh(big);
}

static inline void set_word(struct kfs_seq *seq, size_t i, uint64_t value)
{
    uint64_t big = htobe64(value);

    memcpy(seq->b + i * sizeof big, &big, sizeof big);
}

int kfs_seq_cmp(const struct kfs_seq *a, const struct kfs_seq *b)
{
    return memcmp(a->b, b->b, KFS_SEQ_BYTES);
}

bool kfs_seq_is_none(const struct kfs_seq *seq)
{
    static const struct kfs_seq none;

    return kfs_seq_cmp(seq, &none) == 0;
}

struct kfs_seq kfs_seq_make(const struct kfs_seq_parts *parts)
{
    uint64_t created = parts->created_s & MASK_TIME;
    uint64_t position = parts->position & KFS_SEQ_POSITION_MAX;
    uint64_t time = parts->time_s & MASK_TIME;
    uint64_t shard = parts->shard & MASK_SHARD;
    struct kfs_seq seq;

    set_word(&seq, 0, (uint64_t)KIND << 56 | created << 20 | (shard & 0x0f) << 16 | position >> 48);
    set_word(&seq, 1, position << 16 | time >> 28);
    set_word(&seq, 2, time << 36 | shard << 4 | VERSION);
    return seq;
}

bool kfs_seq_split(const struct kfs_seq *seq, struct kfs_seq_parts *parts)
{
    uint64_t high = word(seq, 0);
    uint64_t middle = word(seq, 1);
    uint64_t low = word(seq, 2);
    uint64_t position = high << 48 | middle >> 16;
    uint64_t shard = low >> 4 & UINT32_MAX;

    if (high >> 56 != KIND || (middle >> 8 & 0xff) != 0 || (low & 0x0f) != VERSION)
        return false;
    if (position > KFS_SEQ_POSITION_MAX || shard > MASK_SHARD || (high >> 16 & 0x0f) != (shard & 0x0f))
        return false;

    parts->created_s = high >> 20 & MASK_TIME;
    parts->position = position;
    parts->time_s = (middle & 0xff) << 28 | low >> 36;
    parts->shard = (uint32_t)shard;
    return true;
}

/* After KFS_SEQ_POSITION_MAX comes a number that is still greater and that
 * kfs_seq_split refuses: an order that breaks silently would be worse. */
void kfs_seq_advance(struct kfs_seq *seq, uint64_t time_s)
{
    const uint64_t one = UINT64_C(1) << 16; /* of the position's low part */
    uint64_t time = time_s & MASK_TIME;
    uint64_t middle = word(seq, 1) + one;
    uint64_t carry = middle < one ? 1 : 0;

    set_word(seq, 0, word(seq, 0) + carry);
    set_word(seq, 1, (middle & ~UINT64_C(0xff)) | time >> 28);
    set_word(seq, 2, (word(seq, 2) & (UINT64_MAX >> 28)) | time << 36);
}

static void load_limbs(const struct kfs_seq *seq, uint32_t limbs[LIMBS])
{
    for (size_t i = 0; i < WORDS; i++) {
        limbs[2 * i] = (uint32_t)(word(seq, i) >> 32);
        limbs[2 * i + 1] = (uint32_t)word(seq, i);
    }
}

/* Divides the number, most significant limb first, by GROUP_BASE; returns the remainder. */
static uint32_t divide_limbs(uint32_t limbs[LIMBS])
{
    uint64_t rest = 0;

    for (int i = 0; i < LIMBS; i++) {
        rest = rest << 32 | limbs[i];
        limbs[i] = (uint32_t)(rest / GROUP_BASE);
        rest %= GROUP_BASE;
    }
    return (uint32_t)rest;
}

/* limbs = limbs * factor + add; false, and limbs spoilt, when that is 2^192 or more. */
static bool multiply_limbs(uint32_t limbs[LIMBS], uint32_t factor, uint32_t add)
{
    uint64_t carry = add;

    for (int i = LIMBS - 1; i >= 0; i--) {
        carry += (uint64_t)limbs[i] * factor;
        limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return carry == 0;
}

size_t kfs_seq_print(const struct kfs_seq *seq, char text[KFS_SEQ_DIGITS_MAX + 1])
{
    enum { GROUPS = (KFS_SEQ_DIGITS_MAX + GROUP_DIGITS - 1) / GROUP_DIGITS };
    char digits[GROUPS * GROUP_DIGITS];
    uint32_t limbs[LIMBS];
    size_t first = 0;

    load_limbs(seq, limbs);
    for (size_t end = sizeof digits; end > 0; end -= GROUP_DIGITS) {
        uint32_t group = divide_limbs(limbs);
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

int kfs_seq_parse(const char *text, size_t len, struct kfs_seq *seq)
{
    uint32_t limbs[LIMBS] = {0};
    size_t at = 0;

    if (len == 0 || len > KFS_SEQ_DIGITS_MAX)
        return -EINVAL;
    while (at < len) {
        uint32_t group = 0;
        uint32_t base = 1;
        for (; at < len && base < GROUP_BASE; at++) {
            if (text[at] < '0' || text[at] > '9')
                return -EINVAL;
            group = group * 10 + (uint32_t)(text[at] - '0');
            base *= 10;
        }
        if (!multiply_limbs(limbs, base, group))
            return -EINVAL;
    }
    for (size_t i = 0; i < WORDS; i++)
        set_word(seq, i, (uint64_t)limbs[2 * i] << 32 | limbs[2 * i + 1]);
    return 0;
}
