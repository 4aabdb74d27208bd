/* The file `stream` of a stream's directory: what was last known of it, as JSON in the members of the API. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/kinesis/internal.h"
#include "backend/kinesis/reply.h"

#define FORMAT 1
#define MANIFEST_BYTES_MAX (64U << 20)

static int print_shard(struct kfs_buf *out, const struct kfs_shard_info *s, bool first)
{
    char start[KFS_HASH_DIGITS_MAX + 1];
    char end[KFS_HASH_DIGITS_MAX + 1];
    char number[KFS_SEQ_DIGITS_MAX + 1];

    (void)kfs_hash_print(s->range.start, start);
    (void)kfs_hash_print(s->range.end, end);
    (void)kfs_seq_print(&s->starting, number);
    int rc = kfs_buf_printf(out,
                            "%s\n{\"ShardId\":\"" KFS_SHARD_ID_FORMAT "\",\"HashKeyRange\":{\"StartingHashKey\":\"%s\","
                            "\"EndingHashKey\":\"%s\"},\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"%s\"",
                            first ? "" : ",", s->index, start, end, number);
    if (rc == 0 && s->closed) {
        (void)kfs_seq_print(&s->ending, number);
        rc = kfs_buf_printf(out, ",\"EndingSequenceNumber\":\"%s\"", number);
    }
    if (rc == 0 && s->parent != KFS_NO_SHARD)
        rc = kfs_buf_printf(out, "},\"ParentShardId\":\"" KFS_SHARD_ID_FORMAT "\"", s->parent);
    else if (rc == 0)
        rc = kfs_buf_append(out, "}", 1);
    if (rc == 0 && s->adjacent_parent != KFS_NO_SHARD)
        rc = kfs_buf_printf(out, ",\"AdjacentParentShardId\":\"" KFS_SHARD_ID_FORMAT "\"", s->adjacent_parent);
    return rc != 0 ? rc
                   : kfs_buf_printf(out, ",\"created_ms\":%" PRIu64 ",\"closed_ms\":%" PRIu64 "}", s->created_ms,
                                    s->closed_ms);
}

int remote_manifest_save(struct remote_stream *stream, struct kfs_error *err)
{
    const struct remote_facts *f = &stream->facts;
    struct kfs_buf out;
    bool first = true;

    kfs_buf_init(&out, MANIFEST_BYTES_MAX);
    int rc = kfs_buf_printf(&out,
                            "{\"format\":%d,\"generation\":%" PRIu64 ",\"arn\":\"%s\",\"created_ms\":%" PRIu64
                            ",\"retention_hours\":%" PRIu32 ",\"max_record_bytes\":%" PRIu32 ",\"shards\":[",
                            FORMAT, stream->generation, f->arn, f->created_ms, f->retention_hours, f->max_record_bytes);
    for (size_t i = 0; rc == 0 && i < stream->n_shards; i++) {
        /* One that has expired is kept while it has records that are nowhere else. */
        if (!stream->shards[i]->listed && !remote_shard_holds(stream->shards[i]))
            continue;
        rc = print_shard(&out, &stream->shards[i]->info, first);
        first = false;
    }
    if (rc == 0)
        rc = kfs_buf_append(&out, "]}\n", 3);
    if (rc == 0)
        rc = kfs_io_replace(stream->remote->options.io, stream->dir, "stream", out.data, out.len);
    kfs_buf_release(&out);
    return rc == 0 ? 0 : kfs_fail(err, -rc, "cannot write the file stream: %s", strerror(-rc));
}

static int parse_shards(const struct kfs_value *list, struct remote_facts *facts)
{
    if (list == NULL || list->type != KFS_VALUE_LIST)
        return -EINVAL;
    facts->shards = calloc(list->n + 1, sizeof *facts->shards);
    if (facts->shards == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < list->n; i++) {
        struct kfs_shard_info *s = &facts->shards[i];
        int rc = remote_answer_shard(&list->items[i], s);
        if (rc != 0)
            return rc;
        if (!remote_answer_number(&list->items[i], "created_ms", &s->created_ms) ||
            !remote_answer_number(&list->items[i], "closed_ms", &s->closed_ms) || s->closed != (s->closed_ms != 0) ||
            (i > 0 && facts->shards[i - 1].index >= s->index))
            return -EINVAL;
        facts->n++;
    }
    return 0;
}

static int parse(const struct kfs_value *map, uint64_t *generation, struct remote_facts *facts)
{
    uint64_t format;
    uint64_t hours;
    uint64_t bytes;

    if (map->type != KFS_VALUE_MAP || !remote_answer_number(map, "format", &format) || format != FORMAT ||
        !remote_answer_number(map, "generation", generation) ||
        !remote_answer_text(map, "arn", facts->arn, sizeof facts->arn) ||
        !remote_answer_number(map, "created_ms", &facts->created_ms) ||
        !remote_answer_number(map, "retention_hours", &hours) || hours > KFS_RETENTION_HOURS_MAX ||
        !remote_answer_number(map, "max_record_bytes", &bytes) || bytes > KFS_RECORD_BYTES_MAX)
        return -EINVAL;
    facts->retention_hours = (uint32_t)hours;
    facts->max_record_bytes = (uint32_t)bytes;
    return parse_shards(kfs_value_get(map, "shards"), facts);
}

int remote_manifest_load(const struct kfs_io *io, int dir, uint64_t *generation, struct remote_facts *facts,
                         struct kfs_error *err)
{
    struct kfs_arena *arena = kfs_arena_new(4 * (size_t)MANIFEST_BYTES_MAX);
    struct kfs_value map;
    struct kfs_buf text;

    *facts = (struct remote_facts){.status = KFS_ACTIVE};
    kfs_buf_init(&text, MANIFEST_BYTES_MAX);
    int rc = arena == NULL ? -ENOMEM : kfs_io_read_file(io, dir, "stream", &text);
    if (rc == 0)
        rc = kfs_json_decode(arena, (struct kfs_bytes){text.data, text.len}, &map);
    if (rc == 0)
        rc = parse(&map, generation, facts);
    kfs_buf_release(&text);
    kfs_arena_free(arena);
    if (rc == 0)
        return 0;
    remote_facts_release(facts);
    return rc == -ENOENT ? rc : kfs_fail(err, rc == -ENOMEM ? ENOMEM : EIO, "the file stream cannot be read");
}
