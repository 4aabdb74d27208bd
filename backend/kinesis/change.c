/* Creating, deleting and changing streams: a call, then waiting until the endpoint has done it. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/patience.h"
#include "backend/kinesis/internal.h"

#define KIB 1024U

int remote_stream_await(struct remote_stream *stream, struct kfs_error *err)
{
    struct remote_facts facts;
    int rc = remote_await_active(stream->remote, stream->name, &facts, err);

    if (rc == 0) {
        rc = remote_stream_learn(stream, &facts, err);
        remote_facts_release(&facts);
    }
    return rc;
}

int remote_stream_check(const struct remote_stream *stream, struct kfs_error *err)
{
    return atomic_load(&stream->gone) ? remote_fail_gone(stream, err) : 0;
}

/* ---- settings ---- */

static int set_retention(struct remote *r, const char *name, uint32_t from, uint32_t to, struct kfs_error *err)
{
    if (from == to)
        return 0;
    return remote_tell(r, from < to ? "IncreaseStreamRetentionPeriod" : "DecreaseStreamRetentionPeriod", err,
                       "{\"StreamName\":\"%s\",\"RetentionPeriodHours\":%" PRIu32 "}", name, to);
}

static int set_record_limit(struct remote *r, const char *arn, uint32_t bytes, struct kfs_error *err)
{
    return remote_tell(r, "UpdateMaxRecordSize", err, "{\"StreamARN\":\"%s\",\"MaxRecordSizeInKiB\":%" PRIu32 "}", arn,
                       bytes / KIB);
}

int remote_stream_update(struct kfs_stream *s, const struct kfs_stream_change *change, struct kfs_error *err)
{
    struct remote_stream *stream = (struct remote_stream *)s;
    struct remote_facts facts;
    int rc = remote_stream_check(stream, err);

    if (rc == 0)
        rc = remote_await_active(stream->remote, stream->name, &facts, err);
    if (rc != 0)
        return rc;
    if (change->retention_hours != 0)
        rc = set_retention(stream->remote, stream->name, facts.retention_hours, change->retention_hours, err);
    if (rc == 0 && change->retention_hours != 0 && change->max_record_bytes != 0) {
        remote_facts_release(&facts);
        rc = remote_await_active(stream->remote, stream->name, &facts, err);
    }
    if (rc == 0 && change->max_record_bytes != 0 && change->max_record_bytes != facts.max_record_bytes)
        rc = set_record_limit(stream->remote, facts.arn, change->max_record_bytes, err);
    remote_facts_release(&facts);
    return rc == 0 ? remote_stream_await(stream, err) : rc;
}

/* ---- streams ---- */

static int ask_for_stream(struct remote *r, const char *name, const struct kfs_stream_spec *spec, struct kfs_error *err)
{
    /* Only where it is not the default: not every endpoint knows the member. */
    if (spec->max_record_bytes != KFS_RECORD_BYTES_DEFAULT)
        return remote_tell(r, "CreateStream", err,
                           "{\"StreamName\":\"%s\",\"ShardCount\":%" PRIu32 ",\"MaxRecordSizeInKiB\":%" PRIu32 "}",
                           name, spec->shards, spec->max_record_bytes / KIB);
    return remote_tell(r, "CreateStream", err, "{\"StreamName\":\"%s\",\"ShardCount\":%" PRIu32 "}", name,
                       spec->shards);
}

/* Whether the endpoint may make the stream: -EEXIST where it still has it as it is known here. */
static int check_absent(struct remote *r, const char *name, struct kfs_error *err)
{
    struct remote_stream *stream = remote_find(r, name);
    struct kfs_error detail = {0};

    if (stream == NULL)
        return 0;
    int rc = remote_stream_refresh(stream, &detail);
    remote_stream_close(&stream->base);
    if (rc == -ENOENT)
        return 0;
    if (rc == -EINTR && err != NULL)
        *err = detail;
    return rc == -EINTR ? rc : kfs_fail_aws(err, EEXIST, "ResourceInUseException", "Stream %s already exists.", name);
}

int remote_stream_create(struct kfs_backend *b, const char *name, const struct kfs_stream_spec *spec,
                         struct kfs_error *err)
{
    struct remote *r = (struct remote *)b;
    struct remote_stream *stream = NULL;
    struct remote_facts facts;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return kfs_fail_aws(err, EINVAL, "InvalidArgumentException", "a stream named %s cannot be shown", name);
    int rc = check_absent(r, name, err);
    if (rc == 0)
        rc = ask_for_stream(r, name, spec, err);
    if (rc == 0)
        rc = remote_await_active(r, name, &facts, err);
    if (rc != 0)
        return rc;
    if (spec->retention_hours != facts.retention_hours) {
        rc = set_retention(r, name, facts.retention_hours, spec->retention_hours, err);
        remote_facts_release(&facts);
        if (rc == 0)
            rc = remote_await_active(r, name, &facts, err);
        if (rc != 0)
            return rc;
    }
    rc = remote_add(r, name, &facts, &stream, err);
    remote_facts_release(&facts);
    if (rc != 0)
        return rc;
    /* The endpoint has had the stream for a while without these: no one here has. Not every endpoint takes tags with
     * the creation. */
    if (spec->n_tags > 0)
        rc = remote_tag_change(&stream->base, spec->tags, spec->n_tags, err);
    if (rc == 0 && spec->note != NULL)
        rc = remote_note_set(b, &stream->base, spec->note, spec->note_text, err);
    remote_stream_close(&stream->base);
    (void)remote_refresh_names(r, NULL); /* listed at once, not only after the next refresh */
    return rc;
}

int remote_stream_delete(struct kfs_stream *s, struct kfs_error *err)
{
    struct remote_stream *stream = (struct remote_stream *)s;
    struct remote *r = stream->remote;
    uint64_t pause_ms = REMOTE_PAUSE_MS;
    struct kfs_error detail = {0};
    uint64_t until = kfs_patience_since(remote_mono(r)) + REMOTE_CHANGE_WAIT_MS;
    int rc = remote_stream_check(stream, err);

    if (rc != 0)
        return rc;
    if (!r->options.allow_delete)
        return kfs_fail(err, EPERM, "streams of an endpoint are deleted only where it is mounted with allow_delete");
    rc = remote_tell(r, "DeleteStream", err, "{\"StreamName\":\"%s\"}", stream->name);
    while (rc == 0) {
        rc = remote_stream_refresh(stream, &detail);
        if (rc == 0 && remote_mono(r) >= until)
            return kfs_fail(err, ETIMEDOUT, "stream %s is still being deleted", stream->name);
        if (rc == 0)
            remote_pause(&pause_ms);
    }
    if (atomic_load(&stream->gone))
        return 0;
    if (detail.code != 0 && err != NULL)
        *err = detail;
    return rc;
}
