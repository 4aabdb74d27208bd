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

#define EVERY_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* For decimal text: limbs to base 2^32 in, groups of nine decimal digits out. */
#define LIMBS 6
#define GROUPS 7
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

static void print_group(char *text, uint32_t group)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                                "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";

    for (size_t at = GROUP_DIGITS - 2; at < GROUP_DIGITS; at -= 2) { /* no memcpy: where it is checked it is a call */
        const char *pair = pairs + (size_t)(group % 100) * 2;
        text[at] = pair[0];
        text[at + 1] = pair[1];
        group /= 100;
    }
    text[0] = (char)('0' + group);
}

/* A sum of products, which do not wait for each other as divisions of the whole number would. With
 * all limbs at their highest no sum is above 1.4e19. */
size_t kfs_seq_print(const struct kfs_seq *seq, char text[KFS_SEQ_DIGITS_MAX + 1])
{
    /* 2^(32 i) to base 10^9, the lowest group first. */
    static const uint32_t powers[LIMBS][GROUPS - 1] = {
        {1},
        {294967296, 4},
        {709551616, 446744073, 18},
        {543950336, 264337593, 228162514, 79},
        {768211456, 374607431, 938463463, 282366920, 340},
        {932542976, 283019655, 684832716, 902918203, 501637330, 1461},
    };
    char digits[GROUPS * GROUP_DIGITS];
    uint32_t limbs[LIMBS];
    uint64_t sum = 0;
    size_t first = 0;

    load_limbs(seq, limbs);
    for (size_t group = 0; group < GROUPS; group++) {
        for (size_t i = group; group < GROUPS - 1 && i < LIMBS; i++)
            sum += (uint64_t)limbs[LIMBS - 1 - i] * powers[i][group];
        print_group(digits + (GROUPS - 1 - group) * GROUP_DIGITS, (uint32_t)(sum % GROUP_BASE));
        sum /= GROUP_BASE;
    }
    while (first < sizeof digits - 1 && digits[first] == '0')
        first++;

    size_t len = sizeof digits - first;
    memcpy(text, digits + first, len);
    text[len] = '\0';
    return len;
}

__extension__ typedef unsigned __int128 wide;

/* words = words * factor + add; false, and words spoilt, when that is 2^192 or more. */
static bool multiply(uint64_t words[WORDS], uint64_t factor, uint64_t add)
{
    for (size_t i = WORDS; i > 0; i--) {
        wide product = (wide)words[i - 1] * factor + add;
        words[i - 1] = (uint64_t)product;
        add = (uint64_t)(product >> 64);
    }
    return add == 0;
}

/* The value of eight digits: pairs, then pairs of pairs, are put together within the word. False where one is none. */
static bool take_eight(const char *text, uint64_t *value)
{
    uint64_t little;
    uint64_t w;

    memcpy(&little, text, sizeof little);
    w = le64toh(little);
    if ((((w + EVERY_BYTE(0x46)) | (w - EVERY_BYTE('0'))) & EVERY_BYTE(0x80)) != 0)
        return false;
    w -= EVERY_BYTE('0');
    w = (w * 10 + (w >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
    w = (w * 100 + (w >> 16)) & UINT64_C(0x0000ffff0000ffff);
    *value = (w * 10000 + (w >> 32)) & UINT32_MAX;
    return true;
}

int kfs_seq_parse(const char *text, size_t len, struct kfs_seq *seq)
{
    uint64_t words[WORDS] = {0};
    uint64_t eight;

    if (len == 0 || len > KFS_SEQ_DIGITS_MAX)
        return -EINVAL;
    for (; len >= 8; len -= 8, text += 8)
        if (!take_eight(text, &eight) || !multiply(words, UINT64_C(100000000), eight))
            return -EINVAL;
    for (; len > 0; len--, text++)
        if (*text < '0' || *text > '9' || !multiply(words, 10, (uint64_t)(*text - '0')))
            return -EINVAL;
    for (size_t i = 0; i < WORDS; i++)
        set_word(seq, i, words[i]);
    return 0;
}
