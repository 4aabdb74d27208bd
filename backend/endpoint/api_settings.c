/* What a stream has besides its records and tags, kept in its notes: api.stream holds the
 * stream's settings, api.consumer.HASH a consumer (HASH: MD5 of its name). A change
 * is made to a copy, written, and then put in the place of the old one. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/endpoint/api_internal.h"

#define NOTE_CONSUMER "api.consumer."
#define NOTE_ARENA_MAX (64U << 20)

const char *const api_metric_names[] = {"IncomingBytes",
                                        "IncomingRecords",
                                        "OutgoingBytes",
                                        "OutgoingRecords",
                                        "WriteProvisionedThroughputExceeded",
                                        "ReadProvisionedThroughputExceeded",
                                        "IteratorAgeMilliseconds",
                                        NULL};

/* ---- memory ---- */

void api_settings_release(struct api_settings *settings)
{
    free(settings->key_id);
    free(settings->policy);
    *settings = (struct api_settings){0};
}

void api_consumer_free(struct api_consumer *consumer)
{
    if (consumer == NULL)
        return;
    free(consumer->policy);
    api_tags_release(&consumer->tags);
    free(consumer);
}

/* strdup of what may be NULL; false where memory ran out. */
static bool copy_text(char **to, const char *from)
{
    *to = from == NULL ? NULL : strdup(from);
    return from == NULL || *to != NULL;
}

static int copy_settings(struct api_settings *to, const struct api_settings *from)
{
    *to = *from;
    to->policy = NULL;
    if (copy_text(&to->key_id, from->key_id) && copy_text(&to->policy, from->policy))
        return 0;
    api_settings_release(to);
    return -ENOMEM;
}

int api_settings_copy(struct api_call *call, struct api_stream *stream, struct api_settings *copy)
{
    (void)pthread_mutex_lock(&stream->lock);
    int rc = copy_settings(copy, &stream->settings);
    (void)pthread_mutex_unlock(&stream->lock);
    return rc == 0 ? 0 : api_no_memory(call);
}

/* ---- printing ---- */

int api_settings_print(const struct api_settings *s, struct kfs_buf *text)
{
    struct kfs_out out;

    kfs_out_init(&out, KFS_CODEC_JSON, text);
    kfs_out_map(&out, NULL);
    kfs_out_bool(&out, "on_demand", s->on_demand);
    if (s->key_id != NULL)
        kfs_out_string(&out, "key_id", s->key_id);
    kfs_out_int(&out, "metrics", s->metrics);
    kfs_out_int(&out, "warm_mibps", s->warm_mibps);
    if (s->policy != NULL)
        kfs_out_string(&out, "policy", s->policy);
    kfs_out_map_end(&out);
    return out.error;
}

static int print_consumer(const struct api_consumer *c, struct kfs_buf *text)
{
    struct kfs_out out;

    kfs_out_init(&out, KFS_CODEC_JSON, text);
    kfs_out_map(&out, NULL);
    kfs_out_string(&out, "name", c->name);
    kfs_out_int(&out, "created_ms", (int64_t)c->created_ms);
    kfs_out_map(&out, "tags");
    for (size_t i = 0; i < c->tags.n; i++)
        kfs_out_string(&out, c->tags.tags[i].key, c->tags.tags[i].value);
    kfs_out_map_end(&out);
    if (c->policy != NULL)
        kfs_out_string(&out, "policy", c->policy);
    kfs_out_map_end(&out);
    return out.error;
}

/* ---- parsing ---- */

static char *get_text(const struct kfs_value *map, const char *name)
{
    const struct kfs_value *value = kfs_value_get(map, name);

    if (value == NULL || value->type != KFS_VALUE_STRING)
        return NULL;
    return strndup(value->bytes.data, value->bytes.len);
}

static int64_t get_whole(const struct kfs_value *map, const char *name)
{
    const struct kfs_value *value = kfs_value_get(map, name);

    return value != NULL && value->type == KFS_VALUE_NUMBER && value->whole ? value->integer : 0;
}

static int get_tags(const struct kfs_value *map, struct api_tags *tags)
{
    const struct kfs_value *list = kfs_value_get(map, "tags");
    int rc = 0;

    for (size_t i = 0; rc == 0 && list != NULL && list->type == KFS_VALUE_MAP && i < list->n; i++) {
        const struct kfs_value *item = &list->items[i];
        char *key = strndup(item->key.data, item->key.len);
        char *value = item->type == KFS_VALUE_STRING ? strndup(item->bytes.data, item->bytes.len) : strdup("");
        rc = key != NULL && value != NULL ? api_tags_set(tags, key, value) : -ENOMEM;
        free(key);
        free(value);
    }
    return rc;
}

/* A note that was read as a JSON object. */
struct note {
    struct kfs_buf text;
    struct kfs_arena *arena;
    struct kfs_value root; /* a map */
    bool there;
};

static void note_release(struct note *note)
{
    kfs_arena_free(note->arena);
    kfs_buf_release(&note->text);
}

static int note_read(struct kfs_api *api, struct kfs_stream *stream, const char *name, struct note *note,
                     struct kfs_error *err)
{
    *note = (struct note){.arena = kfs_arena_new(NOTE_ARENA_MAX)};
    kfs_buf_init(&note->text, KFS_NOTE_BYTES_MAX);
    if (note->arena == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    int rc = kfs_note_get(api->config.backend, stream, name, &note->text, err);
    if (rc != 0 || note->text.len == 0)
        return rc;
    rc = kfs_json_decode(note->arena, (struct kfs_bytes){note->text.data, note->text.len}, &note->root);
    if (rc != 0 || note->root.type != KFS_VALUE_MAP)
        return kfs_fail(err, EIO, "the note %s is damaged", name);
    note->there = true;
    return 0;
}

static int load_settings(struct kfs_api *api, struct api_stream *stream, struct kfs_error *err)
{
    struct api_settings *s = &stream->settings;
    struct note note;
    int rc = note_read(api, stream->stream, API_NOTE_STREAM, &note, err);

    if (rc == 0 && note.there) {
        s->on_demand = api_bool(&note.root, "on_demand");
        s->key_id = get_text(&note.root, "key_id");
        s->metrics = (uint32_t)get_whole(&note.root, "metrics") & API_METRICS_ALL;
        s->warm_mibps = (uint32_t)get_whole(&note.root, "warm_mibps");
        s->policy = get_text(&note.root, "policy");
        atomic_store(&stream->kms, s->key_id != NULL);
    }
    note_release(&note);
    return rc;
}

/* ---- consumers ---- */

size_t api_consumer_find(const struct api_stream *stream, const char *name, bool *found)
{
    size_t i = 0;

    while (i < stream->n_consumers && strcmp(stream->consumers[i]->name, name) < 0)
        i++;
    *found = i < stream->n_consumers && strcmp(stream->consumers[i]->name, name) == 0;
    return i;
}

/* Takes the consumer over. Under stream.lock, or before the stream is shared. */
static int insert_consumer(struct api_stream *stream, struct api_consumer *consumer)
{
    bool found;
    size_t at = api_consumer_find(stream, consumer->name, &found);

    if (found) {
        api_consumer_free(stream->consumers[at]);
        stream->consumers[at] = consumer;
        return 0;
    }
    struct api_consumer **list = realloc(stream->consumers, (stream->n_consumers + 1) * sizeof(struct api_consumer *));
    if (list == NULL)
        return -ENOMEM;
    stream->consumers = list;
    memmove(list + at + 1, list + at, (stream->n_consumers - at) * sizeof(struct api_consumer *));
    list[at] = consumer;
    stream->n_consumers++;
    return 0;
}

struct loading {
    struct kfs_api *api;
    struct api_stream *stream;
    struct kfs_error *err;
};

static int load_consumer(void *arg, const char *name)
{
    const struct loading *l = arg;
    struct api_consumer *consumer = NULL;
    struct note note;

    if (strncmp(name, NOTE_CONSUMER, sizeof NOTE_CONSUMER - 1) != 0)
        return 0;
    int rc = note_read(l->api, l->stream->stream, name, &note, l->err);
    if (rc == 0 && note.there) {
        char *text = get_text(&note.root, "name");
        consumer = calloc(1, sizeof *consumer);
        if (text != NULL && consumer != NULL && kfs_stream_name_valid(text)) {
            (void)snprintf(consumer->name, sizeof consumer->name, "%s", text);
            consumer->created_ms = (uint64_t)get_whole(&note.root, "created_ms");
            consumer->policy = get_text(&note.root, "policy");
            rc = get_tags(&note.root, &consumer->tags);
        } else {
            rc = kfs_fail(l->err, EIO, "the note %s is damaged", name);
        }
        free(text);
        if (rc == 0)
            rc = insert_consumer(l->stream, consumer);
        if (rc != 0)
            api_consumer_free(consumer);
    }
    note_release(&note);
    return rc;
}

int api_settings_load(struct kfs_api *api, struct api_stream *stream, struct kfs_error *err)
{
    struct loading loading = {api, stream, err};
    int rc = load_settings(api, stream, err);

    if (rc == 0)
        rc = kfs_note_list(api->config.backend, stream->stream, load_consumer, &loading, err);
    return rc;
}

/* ---- changes: under stream.changes ---- */

static int write_note(struct api_call *call, struct api_stream *stream, const char *name, const struct kfs_buf *text)
{
    struct kfs_error err = {0};

    if (kfs_note_set(call->api->config.backend, stream->stream, name, (struct kfs_bytes){text->data, text->len},
                     &err) == 0)
        return 0;
    return err.code == ENOENT ? api_not_found(call, stream->name) : api_fail_backend(call, &err);
}

int api_settings_replace(struct api_call *call, struct api_stream *stream, struct api_settings *settings)
{
    struct api_settings old;
    struct kfs_buf text;

    kfs_buf_init(&text, KFS_NOTE_BYTES_MAX);
    int rc = api_settings_print(settings, &text) == 0 ? write_note(call, stream, API_NOTE_STREAM, &text)
                                                      : api_no_memory(call);
    kfs_buf_release(&text);
    if (rc != 0)
        return rc;
    (void)pthread_mutex_lock(&stream->lock);
    old = stream->settings;
    stream->settings = *settings;
    atomic_store(&stream->kms, settings->key_id != NULL);
    (void)pthread_mutex_unlock(&stream->lock);
    api_settings_release(&old);
    return 0;
}

static void consumer_note(const char *name, char note[KFS_NOTE_NAME_MAX + 1])
{
    const kfs_hash hash = kfs_hash_of_key(name, strlen(name));

    (void)snprintf(note, KFS_NOTE_NAME_MAX + 1, NOTE_CONSUMER "%016" PRIx64 "%016" PRIx64, (uint64_t)(hash >> 64),
                   (uint64_t)hash);
}

int api_consumer_copy(struct api_call *call, struct api_stream *stream, const char *name, struct api_consumer **out)
{
    struct api_consumer *copy = calloc(1, sizeof *copy);
    bool found;
    int rc = -ENOMEM;

    (void)pthread_mutex_lock(&stream->lock);
    size_t at = api_consumer_find(stream, name, &found);
    if (found && copy != NULL) {
        *copy = *stream->consumers[at];
        copy->tags = (struct api_tags){0};
        rc = copy_text(&copy->policy, stream->consumers[at]->policy) &&
                     api_tags_copy(&copy->tags, &stream->consumers[at]->tags) == 0
                 ? 0
                 : -ENOMEM;
    }
    (void)pthread_mutex_unlock(&stream->lock);
    if (rc == 0) {
        *out = copy;
        return 0;
    }
    api_consumer_free(copy);
    if (!found)
        return api_fail(call, "ResourceNotFoundException", "Consumer %s under stream %s under account %s not found.",
                        name, stream->name, call->account);
    return api_no_memory(call);
}

int api_consumer_put(struct api_call *call, struct api_stream *stream, struct api_consumer *consumer)
{
    char note[KFS_NOTE_NAME_MAX + 1];
    struct kfs_buf text;

    consumer_note(consumer->name, note);
    kfs_buf_init(&text, KFS_NOTE_BYTES_MAX);
    int rc = print_consumer(consumer, &text) == 0 ? write_note(call, stream, note, &text) : api_no_memory(call);
    kfs_buf_release(&text);
    if (rc != 0)
        return rc;
    (void)pthread_mutex_lock(&stream->lock);
    rc = insert_consumer(stream, consumer);
    (void)pthread_mutex_unlock(&stream->lock);
    return rc == 0 ? 0 : api_no_memory(call);
}

int api_consumer_remove(struct api_call *call, struct api_stream *stream, const char *name)
{
    char note[KFS_NOTE_NAME_MAX + 1];
    const uint64_t now = api_mono_ms(call->api);
    struct api_consumer *gone;
    struct kfs_buf nothing;
    bool found;

    consumer_note(name, note);
    kfs_buf_init(&nothing, 1);
    if (write_note(call, stream, note, &nothing) != 0)
        return -1;
    (void)pthread_mutex_lock(&stream->lock);
    size_t at = api_consumer_find(stream, name, &found);
    if (found) {
        gone = stream->consumers[at];
        stream->n_consumers--;
        memmove(stream->consumers + at, stream->consumers + at + 1,
                (stream->n_consumers - at) * sizeof(struct api_consumer *));
        gone->gone_at_ms = now + call->api->config.status_delay_ms;
        gone->next_leaving = stream->leaving;
        stream->leaving = gone;
    }
    api_consumers_forget(stream, now);
    (void)pthread_mutex_unlock(&stream->lock);
    return 0;
}

void api_consumers_forget(struct api_stream *stream, uint64_t now_ms)
{
    size_t kept = 0;

    for (struct api_consumer **at = &stream->leaving; *at != NULL;) {
        struct api_consumer *consumer = *at;
        if (consumer->gone_at_ms > now_ms && ++kept <= API_CONSUMERS_MAX_ADVANTAGE) {
            at = &consumer->next_leaving;
            continue;
        }
        *at = consumer->next_leaving;
        api_consumer_free(consumer);
    }
}

struct api_consumer *api_consumer_told(struct kfs_api *api, const struct api_stream *stream, const char *name,
                                       uint64_t created_s)
{
    bool found;
    size_t at = api_consumer_find(stream, name, &found);

    if (found && (created_s == 0 || stream->consumers[at]->created_ms / 1000 == created_s))
        return stream->consumers[at];
    for (struct api_consumer *c = stream->leaving; c != NULL; c = c->next_leaving)
        if (strcmp(c->name, name) == 0 && (created_s == 0 || c->created_ms / 1000 == created_s) &&
            api_mono_ms(api) < c->gone_at_ms)
            return c;
    return NULL;
}
