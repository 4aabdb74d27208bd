/* Sequence numbers: unsigned integers below 2^192, compared as numbers.
 *
 * Amazon's are 186 bits wide and print as 56 decimal digits. From the most
 * significant hexadecimal digit of 47:
 *
 *   digit 0        2
 *   digits 1..9    creation time of the shard, seconds since 1970
 *   digit 10       shard index modulo 16
 *   digits 11..26  position in the shard, 63 bits, strictly increasing
 *   digits 27..28  0
 *   digits 29..37  arrival time, seconds
 *   digits 38..45  shard index, 31 bits
 *   digit 46       2, the version
 *
 * Source: the layout that kinesalite read out of the service, checked against
 * the numbers printed in Amazon's documentation. Endpoints may hand out any
 * other number that fits; they are kept as they are. */
#ifndef KFS_BASE_SEQNUM_H
#define KFS_BASE_SEQNUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KFS_SEQ_BYTES 24
#define KFS_SEQ_DIGITS_MAX 58 /* 2^192 has 58 decimal digits */
#define KFS_SEQ_POSITION_MAX UINT64_C(0x7fffffffffffffff)

struct kfs_seq {
    uint8_t b[KFS_SEQ_BYTES]; /* big-endian, so that memcmp orders; all zero is "none" */
};

struct kfs_seq_parts {
    uint64_t created_s; /* below 2^36 */
    uint64_t position;  /* at most KFS_SEQ_POSITION_MAX */
    uint64_t time_s;    /* below 2^36 */
    uint32_t shard;     /* below 2^31 */
};

int kfs_seq_cmp(const struct kfs_seq *a, const struct kfs_seq *b); /* <0, 0, >0 */
bool kfs_seq_is_none(const struct kfs_seq *seq);

/* Makes a number in Amazon's layout; parts out of range are cut to their width. */
struct kfs_seq kfs_seq_make(const struct kfs_seq_parts *parts);

/* True, and parts filled, when seq is in Amazon's layout (version 2). */
bool kfs_seq_split(const struct kfs_seq *seq, struct kfs_seq_parts *parts);

/* Makes seq the number after it in its shard: the position one higher, the time
 * replaced. What the log derives instead of storing. */
void kfs_seq_advance(struct kfs_seq *seq, uint64_t time_s);

/* Decimal text without leading zeros, NUL-terminated; returns its length. */
size_t kfs_seq_print(const struct kfs_seq *seq, char text[KFS_SEQ_DIGITS_MAX + 1]);

/* 0, or -EINVAL for anything but 1 to 58 digits of a number below 2^192. */
int kfs_seq_parse(const char *text, size_t len, struct kfs_seq *seq);

#endif
