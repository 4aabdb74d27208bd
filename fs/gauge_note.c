#include "fs/gauge_note.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/crc32c.h"

#define MAGIC "kfsgaug2"
#define MAGIC_LEN (sizeof MAGIC - 1)
#define VERSION_LEN 16
#define HEAD_LEN (MAGIC_LEN + VERSION_LEN + KFS_SEQ_BYTES + 2 * sizeof(uint64_t))
#define STRETCH_LEN (3 * sizeof(uint64_t))
#define VALUE_END (UINT64_C(1) << 62) /* so that sums of two fit */
#define SHARD_DIGITS 12

static const char version[VERSION_LEN] = KFS_VERSION;

void kfs_gauge_note_name(const struct kfs_framing *framing, struct kfs_coding coding, uint32_t shard,
                         char name[KFS_NOTE_NAME_MAX + 1])
{
    (void)snprintf(name, KFS_NOTE_NAME_MAX + 1, KFS_NOTE_DERIVED "%s%s%s%s-%0*" PRIu32, framing->name,
                   coding.aggregates ? "-kpl" : "", coding.compression != NULL ? "-" : "",
                   coding.compression != NULL ? coding.compression->name : "", SHARD_DIGITS, shard);
}

bool kfs_gauge_note_shard(const char *name, uint32_t *shard)
{
    const size_t len = strlen(name);
    uint64_t sum = 0;

    if (strncmp(name, KFS_NOTE_DERIVED, sizeof KFS_NOTE_DERIVED - 1) != 0 ||
        len < sizeof KFS_NOTE_DERIVED + SHARD_DIGITS)
        return false;
    for (const char *at = name + len - SHARD_DIGITS; *at != '\0'; at++) {
        if (*at < '0' || *at > '9')
            return false;
        sum = sum * 10 + (uint64_t)(*at - '0');
    }
    *shard = (uint32_t)sum;
    return sum <= KFS_SHARD_INDEX_MAX;
}

static int put_numbers(struct kfs_buf *text, const uint64_t *numbers, size_t n)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        const uint64_t little = htole64(numbers[i]);
        rc = kfs_buf_append(text, &little, sizeof little);
    }
    return rc;
}

static const char *take_numbers(const char *at, uint64_t *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++, at += sizeof *numbers) {
        memcpy(&numbers[i], at, sizeof *numbers);
        numbers[i] = le64toh(numbers[i]);
    }
    return at;
}

int kfs_gauge_note_print(const struct kfs_gauge_end *end, const struct kfs_stretch *stretches, size_t n,
                         struct kfs_buf *text)
{
    const size_t begin = text->len;
    int rc = kfs_buf_append(text, MAGIC, MAGIC_LEN);

    if (rc == 0)
        rc = kfs_buf_append(text, version, sizeof version);
    if (rc == 0)
        rc = kfs_buf_append(text, end->seq.b, KFS_SEQ_BYTES);
    if (rc == 0)
        rc = put_numbers(text, (const uint64_t[]){end->offset, end->size}, 2);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = put_numbers(text, (const uint64_t[]){stretches[i].first, stretches[i].upto, stretches[i].bytes}, 3);
    if (rc == 0) {
        const uint32_t crc = htole32(kfs_crc32c(0, text->data + begin, text->len - begin));
        rc = kfs_buf_append(text, &crc, sizeof crc);
    }
    return rc;
}

bool kfs_gauge_note_parse(struct kfs_bytes text, struct kfs_gauge_note *note)
{
    const char *at = text.data;
    uint64_t numbers[3];
    uint64_t before = 0;
    uint32_t crc;

    if (text.len < HEAD_LEN + STRETCH_LEN + sizeof crc || (text.len - HEAD_LEN - sizeof crc) % STRETCH_LEN != 0)
        return false;
    note->n = (text.len - HEAD_LEN - sizeof crc) / STRETCH_LEN;
    memcpy(&crc, at + text.len - sizeof crc, sizeof crc);
    if (note->n > KFS_GAUGE_STRETCHES_MAX || le32toh(crc) != kfs_crc32c(0, at, text.len - sizeof crc) ||
        memcmp(at, MAGIC, MAGIC_LEN) != 0 || memcmp(at + MAGIC_LEN, version, sizeof version) != 0)
        return false;
    at += MAGIC_LEN + VERSION_LEN;
    memcpy(note->end.seq.b, at, KFS_SEQ_BYTES);
    at = take_numbers(at + KFS_SEQ_BYTES, numbers, 2);
    note->end.offset = numbers[0];
    note->end.size = numbers[1];
    for (size_t i = 0; i < note->n; i++) {
        at = take_numbers(at, numbers, 3);
        if (numbers[0] < before || numbers[1] <= numbers[0] || numbers[1] >= VALUE_END || numbers[2] >= VALUE_END)
            return false;
        note->stretches[i] = (struct kfs_stretch){numbers[0], numbers[1], numbers[2]};
        before = numbers[1];
    }
    return note->end.offset < before;
}
