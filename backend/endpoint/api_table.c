/* The streams that requests have named: found once, kept with their settings.
 * A stream that was deleted through the API stays as a shadow while it is DELETING. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/endpoint/api_internal.h"

#define CAP_FIRST 64   /* of a list of names */
#define SWEEP_FIRST 64 /* streams in the table before those that are gone are looked for */

void api_table_init(struct api_table *table)
{
    (void)pthread_mutex_init(&table->lock, NULL);
    table->sweep_at = SWEEP_FIRST;
}

static void stream_free(struct api_stream *stream)
{
    kfs_stream_close(stream->stream);
    for (size_t i = 0; i < stream->n_consumers; i++)
        api_consumer_free(stream->consumers[i]);
    api_consumers_forget(stream, UINT64_MAX);
    free(stream->consumers);
    free(stream->meters);
    api_settings_release(&stream->settings);
    (void)pthread_mutex_destroy(&stream->changes);
    (void)pthread_mutex_destroy(&stream->lock);
    free(stream);
}

void api_table_release(struct kfs_api *api)
{
    for (size_t i = 0; i < api->table.streams.n; i++)
        stream_free(api->table.streams.entries[i].item);
    kfs_names_release(&api->table.streams);
    (void)pthread_mutex_destroy(&api->table.lock);
}

static struct api_stream *lookup(struct kfs_api *api, const char *name)
{
    (void)pthread_mutex_lock(&api->table.lock);
    struct api_stream *stream = kfs_names_find(&api->table.streams, name);
    if (stream != NULL)
        stream->refs++;
    (void)pthread_mutex_unlock(&api->table.lock);
    return stream;
}

void api_table_keep(struct kfs_api *api, struct api_stream *stream)
{
    (void)pthread_mutex_lock(&api->table.lock);
    stream->refs++;
    (void)pthread_mutex_unlock(&api->table.lock);
}

void api_table_unref(struct kfs_api *api, struct api_stream *stream)
{
    (void)pthread_mutex_lock(&api->table.lock);
    bool last = --stream->refs == 0;
    (void)pthread_mutex_unlock(&api->table.lock);
    if (last)
        stream_free(stream);
}

/* Takes it out, where it is still there; what the table held of it goes. */
static void forget(struct kfs_api *api, struct api_stream *stream)
{
    (void)pthread_mutex_lock(&api->table.lock);
    bool found = kfs_names_remove(&api->table.streams, stream->name, stream);
    (void)pthread_mutex_unlock(&api->table.lock);
    if (found)
        api_table_unref(api, stream);
}

static bool is_passing(struct kfs_api *api, struct api_stream *stream, enum kfs_stream_status *status)
{
    (void)pthread_mutex_lock(&stream->lock);
    *status = stream->passing;
    bool passing = stream->passing != KFS_ACTIVE && api_mono_ms(api) < stream->passing_until;
    (void)pthread_mutex_unlock(&stream->lock);
    return passing;
}

/* Whether its shards should have changed by now. */
static bool is_due(struct kfs_api *api, struct api_stream *stream)
{
    (void)pthread_mutex_lock(&stream->lock);
    bool due = stream->resharding && api_mono_ms(api) >= stream->passing_until;
    (void)pthread_mutex_unlock(&stream->lock);
    return due;
}

/* ---- finding one that is not in the table ---- */

/* Forgets the streams that are gone. Without the table's lock. */
static void sweep(struct kfs_api *api)
{
    struct kfs_stream_info info;
    enum kfs_stream_status status;

    (void)pthread_mutex_lock(&api->table.lock);
    size_t n = api->table.streams.n;
    struct api_stream **streams = calloc(n + 1, sizeof(struct api_stream *));
    for (size_t i = 0; streams != NULL && i < n; i++) {
        streams[i] = api->table.streams.entries[i].item;
        streams[i]->refs++;
    }
    (void)pthread_mutex_unlock(&api->table.lock);
    for (size_t i = 0; streams != NULL && i < n; i++) {
        if (kfs_stream_info(streams[i]->stream, &info, NULL) == -ENOENT && !is_passing(api, streams[i], &status))
            forget(api, streams[i]);
        api_table_unref(api, streams[i]);
    }
    free(streams);
}

/* Looks for streams that are gone each time the table has doubled. */
static void sweep_where_grown(struct kfs_api *api)
{
    struct api_table *table = &api->table;

    (void)pthread_mutex_lock(&table->lock);
    bool grown = table->streams.n >= table->sweep_at;
    if (grown)
        table->sweep_at = SIZE_MAX; /* no one else meanwhile */
    (void)pthread_mutex_unlock(&table->lock);
    if (!grown)
        return;
    sweep(api);
    (void)pthread_mutex_lock(&table->lock);
    table->sweep_at = table->streams.n * 2 + SWEEP_FIRST;
    (void)pthread_mutex_unlock(&table->lock);
}

/* NULL, and err where it is not that there is none. */
static struct api_stream *open_stream(struct kfs_api *api, const char *name, struct kfs_error *err)
{
    struct api_stream *stream = calloc(1, sizeof *stream);

    if (stream == NULL) {
        (void)kfs_fail(err, ENOMEM, "out of memory");
        return NULL;
    }
    if (kfs_stream_open(api->config.backend, name, &stream->stream, err) != 0) {
        free(stream);
        return NULL;
    }
    (void)pthread_mutex_init(&stream->changes, NULL);
    (void)pthread_mutex_init(&stream->lock, NULL);
    (void)snprintf(stream->name, sizeof stream->name, "%s", name);
    stream->passing = KFS_ACTIVE;
    stream->refs = 2;
    if (kfs_stream_info(stream->stream, &stream->made, err) != 0 || api_settings_load(api, stream, err) != 0) {
        stream_free(stream);
        return NULL;
    }
    return stream;
}

/* Puts it into the table in the place of one that is gone. Another thread may have been
 * quicker: then its one is taken. */
static struct api_stream *adopt(struct kfs_api *api, struct api_stream *stream)
{
    struct api_table *table = &api->table;
    struct api_stream *kept = stream;

    (void)pthread_mutex_lock(&table->lock);
    struct api_stream *old = kfs_names_find(&table->streams, stream->name);
    if (old != NULL && old->made.generation == stream->made.generation) {
        kept = old;
        kept->refs++;
        old = stream;
        old->refs = 1;
    } else {
        if (old != NULL)
            (void)kfs_names_remove(&table->streams, old->name, old);
        if (kfs_names_add(&table->streams, stream->name, stream) != 0)
            stream->refs--; /* no memory: it goes with its request */
    }
    (void)pthread_mutex_unlock(&table->lock);
    if (old != NULL)
        api_table_unref(api, old);
    return kept;
}

struct api_stream *api_table_ref(struct kfs_api *api, const char *name, struct kfs_error *err)
{
    struct kfs_stream_info info;
    enum kfs_stream_status status = KFS_ACTIVE;
    struct api_stream *old = lookup(api, name);
    struct api_stream *stream;

    if (old != NULL && kfs_stream_info(old->stream, &info, NULL) != -ENOENT)
        return old;
    sweep_where_grown(api);
    stream = open_stream(api, name, err);
    if (stream != NULL)
        stream = adopt(api, stream);
    else if (old != NULL && is_passing(api, old, &status) && status == KFS_DELETING)
        return old;
    else if (old != NULL)
        forget(api, old);
    if (old != NULL)
        api_table_unref(api, old);
    return stream;
}

/* ---- statuses ---- */

void api_pass(struct kfs_api *api, struct api_stream *stream, enum kfs_stream_status status)
{
    if (api->config.status_delay_ms == 0)
        return;
    (void)pthread_mutex_lock(&stream->lock);
    stream->passing = status;
    stream->passing_until = api_mono_ms(api) + api->config.status_delay_ms;
    (void)pthread_mutex_unlock(&stream->lock);
}

enum kfs_stream_status api_status(struct kfs_api *api, struct api_stream *stream)
{
    struct kfs_stream_info info;
    enum kfs_stream_status status;

    if (is_passing(api, stream, &status))
        return status;
    if (is_due(api, stream))
        (void)kfs_api_settle(api);
    return kfs_stream_info(stream->stream, &info, NULL) == 0 ? info.status : KFS_DELETING;
}

const char *api_status_name(enum kfs_stream_status status)
{
    static const char *const names[] = {
        [KFS_CREATING] = "CREATING", [KFS_ACTIVE] = "ACTIVE", [KFS_UPDATING] = "UPDATING", [KFS_DELETING] = "DELETING"};

    return names[status];
}

/* ---- for requests ---- */

int api_name(struct api_call *call, const char **name)
{
    const char *given = api_string(call, call->in, "StreamName");
    const char *text = api_string(call, call->in, "StreamARN");
    struct api_arn arn;

    if (api_has(call, "StreamId"))
        return api_invalid(call, "StreamId is not supported.");
    if (text == NULL && given == NULL)
        return api_invalid(call, "Either StreamName or StreamARN must be specified.");
    if (text == NULL) {
        *name = given;
        return 0;
    }
    if (api_arn_parse(text, &arn) != 0 || arn.consumer[0] != '\0')
        return api_invalid(call, "StreamARN %s is not the ARN of a stream.", text);
    if (given != NULL && strcmp(given, arn.stream) != 0)
        return api_invalid(call, "StreamName %s and StreamARN %s do not match.", given, text);
    *name = api_copy(call, arn.stream);
    return *name == NULL ? api_no_memory(call) : 0;
}

int api_find_named(struct api_call *call, const char *name, enum api_need need, struct api_stream **out)
{
    struct kfs_error err = {0};
    struct api_stream *stream = kfs_stream_name_valid(name) ? api_table_ref(call->api, name, &err) : NULL;

    if (stream == NULL)
        return err.code == 0 || err.code == ENOENT ? api_not_found(call, name) : api_fail_backend(call, &err);
    enum kfs_stream_status status = api_status(call->api, stream);
    int rc = 0;
    if (need == API_READABLE && (status == KFS_CREATING || status == KFS_DELETING))
        rc = api_not_found(call, name);
    else if (need == API_CHANGEABLE && status != KFS_ACTIVE)
        rc = api_fail(call, "ResourceInUseException", "Stream %s under account %s not ACTIVE, instead in state %s",
                      name, call->account, api_status_name(status));
    if (rc == 0)
        *out = stream;
    else
        api_table_unref(call->api, stream);
    return rc;
}

int api_find(struct api_call *call, enum api_need need, struct api_stream **stream)
{
    const char *name;
    int rc = api_name(call, &name);

    return rc == 0 ? api_find_named(call, name, need, stream) : rc;
}

void api_put_back(struct api_call *call, struct api_stream *stream)
{
    if (stream != NULL)
        api_table_unref(call->api, stream);
}

/* ---- all of them ---- */

struct name_list {
    api_stream_name *names;
    size_t n;
    size_t cap;
};

static int add_name(void *arg, const char *name)
{
    struct name_list *list = arg;

    if (list->n == list->cap) {
        size_t cap = list->cap == 0 ? CAP_FIRST : list->cap * 2;
        api_stream_name *names = realloc(list->names, cap * sizeof *names);
        if (names == NULL)
            return -ENOMEM;
        list->names = names;
        list->cap = cap;
    }
    (void)snprintf(list->names[list->n++], sizeof *list->names, "%s", name);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Adds the shadows of streams that are passing away. */
static int add_shadows(struct kfs_api *api, struct name_list *list)
{
    struct api_table *table = &api->table;
    size_t n = list->n;
    int rc = 0;

    (void)pthread_mutex_lock(&table->lock);
    for (size_t i = 0; rc == 0 && i < table->streams.n; i++) {
        struct api_stream *stream = table->streams.entries[i].item;
        enum kfs_stream_status status;
        if (is_passing(api, stream, &status) && status == KFS_DELETING &&
            (n == 0 || bsearch(stream->name, list->names, n, sizeof *list->names, by_name) == NULL))
            rc = add_name(list, stream->name);
    }
    (void)pthread_mutex_unlock(&table->lock);
    if (list->n > n)
        qsort(list->names, list->n, sizeof *list->names, by_name);
    return rc;
}

int api_table_names(struct kfs_api *api, api_stream_name **names, size_t *n, struct kfs_error *err)
{
    struct name_list list = {0};
    int rc = kfs_stream_list(api->config.backend, add_name, &list, err);

    if (rc == 0)
        rc = add_shadows(api, &list);
    if (rc != 0) {
        free(list.names);
        return rc == -ENOMEM ? kfs_fail(err, ENOMEM, "out of memory") : rc;
    }
    *names = list.names;
    *n = list.n;
    return 0;
}
