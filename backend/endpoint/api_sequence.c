/* Sequence numbers as clients hand them in. The service knows three layouts; numbers of the older two still
 * come from clients, and are told apart in its answers. By hexadecimal digits:
 *
 *   version 0   32 digits: 1, 9 of creation, 18, 4 of shard; below 2^124 the 1 is left out
 *   version 1   47 digits: 2, 9 of creation, 3, 9 of time, 16, 8 of shard, 1
 *   version 2   47 digits: backend/base/seqnum.h */
#include <errno.h>
#include <string.h>

#include "backend/endpoint/api_internal.h"

#define CREATED_S_END UINT64_C(16025175000) /* later dates are refused */
#define LONG_FIRST_BYTE 2                   /* of versions 1 and 2 */
#define SHORT_FROM 16                       /* where the 32 digits of version 0 begin */

/* The value of n of the number's 48 hexadecimal digits, at most 16. */
static uint64_t digits(const struct kfs_seq *seq, size_t from, size_t n)
{
    uint64_t value = 0;

    for (size_t i = from; i < from + n; i++)
        value = value << 4 | (seq->b[i / 2] >> (i % 2 == 0 ? 4 : 0) & 0x0fU);
    return value;
}

int api_sequence_parse(const char *text, struct api_sequence *s)
{
    const struct kfs_seq *seq = &s->seq;

    *s = (struct api_sequence){0};
    if (kfs_seq_parse(text, strlen(text), &s->seq) != 0)
        return -EINVAL;
    if (digits(seq, 0, SHORT_FROM) == 0) {
        s->created_s = digits(seq, SHORT_FROM + 1, 9);
        s->shard = (int64_t)digits(seq, SHORT_FROM + 28, 4);
        return s->created_s < CREATED_S_END ? 0 : -EINVAL;
    }
    if (seq->b[0] != LONG_FIRST_BYTE)
        return -EINVAL;
    s->version = (unsigned int)digits(seq, 47, 1);
    s->created_s = digits(seq, 2, 9);
    s->time_s = digits(seq, s->version == 1 ? 14 : 30, 9);
    s->shard = (int64_t)digits(seq, 39, 8);
    if (s->version == 1)
        return 0;
    if (s->version != 2 || s->created_s >= CREATED_S_END || digits(seq, 12, 16) > KFS_SEQ_POSITION_MAX)
        return -EINVAL;
    if (s->shard > KFS_SHARD_INDEX_MAX)
        s->shard = -s->shard; /* as the service tells of it */
    return 0;
}
