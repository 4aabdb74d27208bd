/* Changes of shards: answered at once, made when the stream has been UPDATING for the delay, as at the
 * service. Until then a change stands in the note api.later, written before the answer: one that a death of the
 * process kept from being made is made at the next start. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/logger.h"
#include "backend/endpoint/api_internal.h"

#define NOTE "api.later"

#define FIELDS 6 /* of a line: name, generation, kind, shard, adjacent, key */

struct api_later_item {
    struct api_stream *stream; /* a reference */
    struct api_reshard reshard;
    struct api_later_item *next;
};

static int make(struct kfs_stream *stream, const struct api_reshard *r, struct kfs_error *err)
{
    switch (r->kind) {
    case API_SPLIT:
        return kfs_shard_split(stream, r->shard, r->key, err);
    case API_MERGE:
        return kfs_shard_merge(stream, r->shard, r->adjacent, err);
    case API_RESIZE:
        break;
    }
    return kfs_stream_resize(stream, r->shard, err);
}

/* ---- the note ---- */

/* Under later.lock. */
static int save(struct kfs_api *api, struct kfs_error *err)
{
    char key[KFS_HASH_DIGITS_MAX + 1];
    struct kfs_buf text;
    int rc = 0;

    kfs_buf_init(&text, KFS_NOTE_BYTES_MAX);
    for (const struct api_later_item *i = api->later.head; rc == 0 && i != NULL; i = i->next) {
        (void)kfs_hash_print(i->reshard.key, key);
        rc = kfs_buf_printf(&text, "%s %" PRIu64 " %d %" PRIu32 " %" PRIu32 " %s\n", i->stream->name,
                            i->stream->made.generation, (int)i->reshard.kind, i->reshard.shard, i->reshard.adjacent,
                            key);
    }
    if (rc == 0)
        rc = kfs_note_set(api->config.backend, NULL, NOTE, (struct kfs_bytes){text.data, text.len}, err);
    else
        (void)kfs_fail(err, -rc, "too many changes of shards under way");
    kfs_buf_release(&text);
    return rc;
}

static void log_failure(const char *stream, const struct kfs_error *err)
{
    if (err->code != ENOENT) /* it was deleted meanwhile */
        kfs_log(KFS_LOG_ERROR, "API: a change of the shards of stream %s failed: %s", stream, err->text);
}

static bool read_number(const char *text, uint64_t max, uint64_t *number)
{
    kfs_hash value;

    if (kfs_hash_parse(text, strlen(text), &value) != 0 || value > max)
        return false;
    *number = (uint64_t)value;
    return true;
}

/* The name stays in the line. */
static bool read_line(char *line, const char **name, uint64_t *generation, struct api_reshard *r)
{
    char *fields[FIELDS];
    char *rest = NULL;
    uint64_t kind;
    uint64_t shard;
    uint64_t adjacent;
    size_t n = 0;

    for (char *field = strtok_r(line, " ", &rest); field != NULL && n < FIELDS; field = strtok_r(NULL, " ", &rest))
        fields[n++] = field;
    if (n != FIELDS || !read_number(fields[1], UINT64_MAX, generation) || !read_number(fields[2], API_RESIZE, &kind) ||
        !read_number(fields[3], UINT32_MAX, &shard) || !read_number(fields[4], UINT32_MAX, &adjacent) ||
        kfs_hash_parse(fields[5], strlen(fields[5]), &r->key) != 0)
        return false;
    *name = fields[0];
    r->kind = (enum api_reshard_kind)kind;
    r->shard = (uint32_t)shard;
    r->adjacent = (uint32_t)adjacent;
    return true;
}

/* Makes what a line says, where its stream is still there. It may have been made already: then it is refused. */
static void make_line(struct kfs_api *api, char *line)
{
    struct kfs_stream_info info;
    struct kfs_error err = {0};
    struct kfs_stream *stream;
    struct api_reshard r;
    uint64_t generation;
    const char *name;

    if (!read_line(line, &name, &generation, &r)) {
        kfs_log(KFS_LOG_ERROR, "API: the note %s has a line that is none: %s", NOTE, line);
        return;
    }
    if (kfs_stream_open(api->config.backend, name, &stream, NULL) != 0)
        return;
    if (kfs_stream_info(stream, &info, NULL) == 0 && info.generation == generation && make(stream, &r, &err) != 0 &&
        err.code != EINVAL)
        log_failure(name, &err);
    kfs_stream_close(stream);
}

int api_later_load(struct kfs_api *api, struct kfs_error *err)
{
    struct kfs_buf text;
    char *rest = NULL;

    kfs_buf_init(&text, KFS_NOTE_BYTES_MAX + 1);
    int rc = kfs_note_get(api->config.backend, NULL, NOTE, &text, err);
    if (rc == 0 && text.len > 0) {
        rc = kfs_buf_append(&text, "", 1);
        for (char *line = rc == 0 ? strtok_r(text.data, "\n", &rest) : NULL; line != NULL;
             line = strtok_r(NULL, "\n", &rest))
            make_line(api, line);
        if (rc == 0)
            rc = save(api, err);
    }
    kfs_buf_release(&text);
    return rc;
}

/* ---- now or later ---- */

/* Under later.lock. The answer is not given before the note is durable. */
static int add(struct api_call *call, struct api_stream *stream, struct api_later_item *item)
{
    struct api_later_item **at = &call->api->later.head;
    struct kfs_error err = {0};

    while (*at != NULL && (*at)->stream != stream)
        at = &(*at)->next;
    if (*at != NULL) /* another request was quicker */
        return api_fail(call, "ResourceInUseException",
                        "Stream %s under account %s not ACTIVE, instead in state UPDATING", stream->name,
                        call->account);
    *at = item;
    if (save(call->api, &err) != 0) {
        *at = NULL;
        return api_fail_backend(call, &err);
    }
    (void)pthread_mutex_lock(&stream->lock);
    stream->resharding = true;
    stream->passing = KFS_UPDATING;
    stream->passing_until = api_mono_ms(call->api) + call->api->config.status_delay_ms;
    (void)pthread_mutex_unlock(&stream->lock);
    return 0;
}

int api_reshard(struct api_call *call, struct api_stream *stream, const struct api_reshard *reshard)
{
    struct kfs_api *api = call->api;
    struct kfs_error err = {0};

    if (api->config.status_delay_ms == 0) {
        if (make(stream->stream, reshard, &err) == 0)
            return 0;
        return err.code == ENOENT ? api_not_found(call, stream->name) : api_fail_backend(call, &err);
    }
    struct api_later_item *item = malloc(sizeof *item);
    if (item == NULL)
        return api_no_memory(call);
    *item = (struct api_later_item){stream, *reshard, NULL};
    (void)pthread_mutex_lock(&api->later.lock);
    int rc = add(call, stream, item);
    if (rc == 0)
        api_table_keep(api, stream);
    (void)pthread_mutex_unlock(&api->later.lock);
    if (rc != 0)
        free(item);
    return rc;
}

/* How long until a change is due; 0: it is. */
static uint64_t wait_ms(struct kfs_api *api, struct api_stream *stream)
{
    const uint64_t now = api_mono_ms(api);

    (void)pthread_mutex_lock(&stream->lock);
    uint64_t until = stream->passing_until;
    (void)pthread_mutex_unlock(&stream->lock);
    return until > now ? until - now : 0;
}

static void finish(struct kfs_api *api, struct api_later_item *item)
{
    struct kfs_error err = {0};

    if (make(item->stream->stream, &item->reshard, &err) != 0)
        log_failure(item->stream->name, &err);
    (void)pthread_mutex_lock(&item->stream->lock);
    item->stream->resharding = false;
    (void)pthread_mutex_unlock(&item->stream->lock);
    api_table_unref(api, item->stream);
    free(item);
}

/* Makes those that are due, or all. */
static uint64_t settle(struct kfs_api *api, bool all)
{
    struct kfs_error err = {0};
    uint64_t next_ms = UINT64_MAX;
    bool made = false;

    (void)pthread_mutex_lock(&api->later.lock);
    for (struct api_later_item **at = &api->later.head; *at != NULL;) {
        struct api_later_item *item = *at;
        uint64_t wait = all ? 0 : wait_ms(api, item->stream);
        if (wait > 0) {
            next_ms = wait < next_ms ? wait : next_ms;
            at = &item->next;
            continue;
        }
        *at = item->next;
        finish(api, item);
        made = true;
    }
    if (made && save(api, &err) != 0)
        kfs_log(KFS_LOG_ERROR, "API: %s", err.text);
    (void)pthread_mutex_unlock(&api->later.lock);
    return next_ms;
}

uint64_t kfs_api_settle(struct kfs_api *api)
{
    return settle(api, false);
}

void api_later_init(struct api_later *later)
{
    *later = (struct api_later){0};
    (void)pthread_mutex_init(&later->lock, NULL);
}

void api_later_release(struct kfs_api *api)
{
    (void)settle(api, true);
    (void)pthread_mutex_destroy(&api->later.lock);
}
