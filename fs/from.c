#include "fs/from.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "backend/base/seqnum.h"
#include "backend/base/units.h"

#define TEXT_MAX 64 /* the longest is after: and 58 digits */
#define AFTER "after:"

static int fail(struct kfs_error *err)
{
    return kfs_fail(
        err, ENOENT,
        "view 'from': its value is start, end, -10m (ms s m h d, at most 365d), -100 (the last 100 records; from 1 to "
        "%" PRIu64 "), a time like 2026-01-31T12:00:00Z, a sequence number, or after:NUMBER",
        KFS_FROM_RECORDS_MAX);
}

/* Digits of a number from 1 to KFS_FROM_RECORDS_MAX. */
static bool parse_count(const char *text, uint64_t *count)
{
    uint64_t sum = 0;

    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || sum > KFS_FROM_RECORDS_MAX / 10)
            return false;
        sum = sum * 10 + (uint64_t)(*text - '0');
    }
    *count = sum;
    return sum > 0;
}

/* Behind the minus sign. */
static int parse_back(const char *text, struct kfs_from *from, struct kfs_error *err)
{
    if (parse_count(text, &from->position.count)) {
        from->position.type = KFS_LAST_RECORDS;
        return 0;
    }
    from->position.type = KFS_AT_TIME;
    return kfs_parse_duration_ms(text, 1, KFS_FROM_AGO_MAX_MS, &from->ago_ms) == 0 ? 0 : fail(err);
}

int kfs_from_parse(struct kfs_bytes value, struct kfs_from *from, struct kfs_error *err)
{
    struct kfs_from made = {.ago_ms = 0};
    char text[TEXT_MAX + 1];
    const char *number = text;
    int rc = 0;

    if (value.len == 0 || value.len > TEXT_MAX || memchr(value.data, 0, value.len) != NULL)
        return fail(err);
    memcpy(text, value.data, value.len);
    text[value.len] = '\0';
    if (strncmp(text, AFTER, sizeof AFTER - 1) == 0)
        number += sizeof AFTER - 1;
    if (strcmp(text, "start") == 0) {
        made.position.type = KFS_AT_HORIZON;
    } else if (strcmp(text, "end") == 0) {
        made.position.type = KFS_AT_LATEST;
    } else if (text[0] == '-') {
        rc = parse_back(text + 1, &made, err);
    } else if (kfs_seq_parse(number, strlen(number), &made.position.seq) == 0) {
        made.position.type = number == text ? KFS_AT_SEQUENCE : KFS_AFTER_SEQUENCE;
    } else {
        made.position.type = KFS_AT_TIME;
        rc = kfs_time_parse(text, &made.position.time_ms) == 0 ? 0 : fail(err);
    }
    if (rc == 0)
        *from = made;
    return rc;
}

struct kfs_position kfs_from_position(const struct kfs_from *from, uint64_t now_ms)
{
    struct kfs_position position = from->position;

    if (from->ago_ms > 0)
        position.time_ms = now_ms > from->ago_ms ? now_ms - from->ago_ms : 0;
    return position;
}

static bool is_number(const struct kfs_position *position)
{
    return position->type == KFS_AT_SEQUENCE || position->type == KFS_AFTER_SEQUENCE;
}

int kfs_from_find(struct kfs_stream *stream, struct kfs_position *position, struct kfs_error *err)
{
    const struct kfs_position there = {.type = KFS_AT_SEQUENCE, .seq = position->seq};
    const struct kfs_limit one = {.records = 1, .bytes = 1};
    struct kfs_seq_parts parts;
    struct kfs_reader *reader = NULL;
    struct kfs_batch batch;
    uint64_t offset;

    if (!is_number(position) || !kfs_seq_split(&position->seq, &parts))
        return 0;
    kfs_batch_init(&batch);
    int rc = kfs_reader_open(stream, parts.shard, &reader, err);
    if (rc == 0)
        rc = kfs_locate(reader, &there, &offset, err);
    if (rc == 0)
        rc = kfs_read(reader, offset, &one, &batch, err);
    if (rc == -ENOENT || rc == -ESTALE)
        rc = 0;
    if (rc == 0)
        position->time_ms = batch.n > 0 && kfs_seq_cmp(&batch.records[0].seq, &position->seq) == 0
                                ? batch.records[0].arrival_ms
                                : parts.time_s * 1000;
    kfs_batch_release(&batch);
    kfs_reader_close(reader);
    return rc;
}

struct kfs_position kfs_from_in_shard(const struct kfs_position *position, uint32_t shard)
{
    struct kfs_seq_parts parts;

    if (!is_number(position) || position->time_ms == 0 || !kfs_seq_split(&position->seq, &parts) ||
        parts.shard == shard)
        return *position;
    /* Of one millisecond `all` has the records of lower shards first. */
    return (struct kfs_position){.type = KFS_AT_TIME, .time_ms = position->time_ms + (shard < parts.shard ? 1 : 0)};
}
