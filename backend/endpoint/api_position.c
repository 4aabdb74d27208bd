/* What an iterator type and its members mean: checked in the service's order. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "backend/endpoint/api_internal.h"

static bool is(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

static bool takes_sequence(const char *type)
{
    return is(type, "AT_SEQUENCE_NUMBER") || is(type, "AFTER_SEQUENCE_NUMBER");
}

static int check_members(struct api_call *call, const struct api_starting *s)
{
    if (takes_sequence(s->type) != (s->sequence != NULL))
        return api_invalid(call,
                           "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and "
                           "StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. "
                           "Request specified %s and %s.",
                           s->type,
                           s->sequence == NULL ? "no StartingSequenceNumber" : "also a StartingSequenceNumber");
    if (!is(s->type, "AT_TIMESTAMP"))
        return 0;
    if (!s->has_time)
        return api_invalid(call, "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current "
                                 "request has no timestamp parameter.");
    if (s->time_ms > call->now_ms)
        return api_invalid(call,
                           "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
                           "timestampInMillis: %" PRIu64 ", currentTimestampInMillis: %" PRIu64,
                           s->time_ms, call->now_ms);
    return 0;
}

static int refuse_sequence(struct api_call *call, const char *stream, uint32_t shard, const char *sequence,
                           const char *why)
{
    return api_invalid(call,
                       "StartingSequenceNumber %s used in GetShardIterator on shard " KFS_SHARD_ID_FORMAT
                       " in stream %s under account %s is invalid%s.",
                       sequence, shard, stream, call->account, why);
}

/* A number of this shard, though perhaps of no record; 0 means its beginning. */
static int read_sequence(struct api_call *call, const char *stream, const struct kfs_shard_info *shard,
                         const struct api_starting *s, struct kfs_position *position)
{
    struct api_sequence sequence;
    struct kfs_seq_parts own;

    if (is(s->sequence, "0")) {
        position->type = KFS_AT_HORIZON;
        return 0;
    }
    if (api_sequence_parse(s->sequence, &sequence) != 0)
        return refuse_sequence(call, stream, shard->index, s->sequence, "");
    if (sequence.shard != shard->index)
        return api_invalid(call,
                           "Invalid StartingSequenceNumber. It encodes shardId-%012" PRId64
                           ", while it was used in a call to a shard with " KFS_SHARD_ID_FORMAT,
                           sequence.shard, shard->index);
    if (sequence.version != 2 || (kfs_seq_split(&shard->starting, &own) && own.created_s != sequence.created_s))
        return refuse_sequence(call, stream, shard->index, s->sequence, " because it did not come from this stream");
    position->seq = sequence.seq;
    if (position->type == KFS_AFTER_SEQUENCE && shard->closed && kfs_seq_cmp(&position->seq, &shard->ending) >= 0)
        return api_invalid(call, "Invalid SequenceNumber for ShardIteratorType AFTER_SEQUENCE_NUMBER, SequenceNumber "
                                 "has reached max possible value for the shard.");
    return 0;
}

static enum kfs_position_type position_type(const char *type)
{
    if (is(type, "TRIM_HORIZON"))
        return KFS_AT_HORIZON;
    if (is(type, "LATEST"))
        return KFS_AT_LATEST;
    if (is(type, "AT_SEQUENCE_NUMBER"))
        return KFS_AT_SEQUENCE;
    if (is(type, "AFTER_SEQUENCE_NUMBER"))
        return KFS_AFTER_SEQUENCE;
    return KFS_AT_TIME;
}

int api_locate(struct api_call *call, struct api_stream *stream, const struct kfs_shard_info *shard,
               const struct api_starting *s, uint64_t *offset)
{
    struct kfs_position position = {.type = position_type(s->type), .time_ms = s->time_ms};
    struct kfs_reader *reader;
    struct kfs_error err = {0};

    if (check_members(call, s) != 0)
        return -1;
    if (s->sequence != NULL && read_sequence(call, stream->name, shard, s, &position) != 0)
        return -1;
    int rc = kfs_reader_open(stream->stream, shard->index, &reader, &err);
    if (rc == 0) {
        rc = kfs_locate(reader, &position, offset, &err);
        kfs_reader_close(reader);
    }
    if (rc == 0)
        return 0;
    return rc == -ENOENT ? api_not_found(call, stream->name) : api_fail_backend(call, &err);
}
