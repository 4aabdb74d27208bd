/* The streams that requests have named: found once, kept with their settings.
 * A stream that was deleted through the API stays as a shadow while it is DELETING. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/endpoint/api_internal.h"

#define CAP_FIRST 64

void api_table_init(struct api_table *table)
{
    (void)pthread_mutex_init(&table->lock, NULL);
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
    for (size_t i = 0; i < api->table.n; i++)
        stream_free(api->table.streams[i]);
    free(api->table.streams);
    (void)pthread_mutex_destroy(&api->table.lock);
}

/* Index of a name, or where it would be inserted. Under the table's lock. */
static size_t search(const struct api_table *table, const char *name, bool *found)
{
    size_t low = 0;
    size_t high = table->n;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(table->streams[middle]->name, name);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct api_stream *lookup(struct kfs_api *api, const char *name)
{
    struct api_stream *stream = NULL;
    bool found;

    (void)pthread_mutex_lock(&api->table.lock);
    size_t at = search(&api->table, name, &found);
    if (found) {
        stream = api->table.streams[at];
        stream->refs++;
    }
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
    struct api_table *table = &api->table;
    bool found;

    (void)pthread_mutex_lock(&table->lock);
    size_t at = search(table, stream->name, &found);
    found = found && table->streams[at] == stream;
    if (found) {
        table->n--;
        memmove(table->streams + at, table->streams + at + 1, (table->n - at) * sizeof(struct api_stream *));
    }
    (void)pthread_mutex_unlock(&table->lock);
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
    size_t n = api->table.n;
    struct api_stream **streams = calloc(n + 1, sizeof(struct api_stream *));
    for (size_t i = 0; streams != NULL && i < n; i++) {
        streams[i] = api->table.streams[i];
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

static int make_room(struct kfs_api *api)
{
    struct api_table *table = &api->table;
    int rc = 0;

    (void)pthread_mutex_lock(&table->lock);
    bool full = table->n == table->cap;
    (void)pthread_mutex_unlock(&table->lock);
    if (full)
        sweep(api);
    (void)pthread_mutex_lock(&table->lock);
    if (table->n + table->n / 4 >= table->cap) {
        size_t cap = table->cap == 0 ? CAP_FIRST : table->cap * 2;
        struct api_stream **streams = realloc(table->streams, cap * sizeof(struct api_stream *));
        rc = streams == NULL ? -ENOMEM : 0;
        if (streams != NULL) {
            table->streams = streams;
            table->cap = cap;
        }
    }
    (void)pthread_mutex_unlock(&table->lock);
    return rc;
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
    struct api_stream *old = NULL;
    bool found;

    (void)pthread_mutex_lock(&table->lock);
    size_t at = search(table, stream->name, &found);
    if (found && table->streams[at]->made.generation == stream->made.generation) {
        kept = table->streams[at];
        kept->refs++;
        old = stream;
        old->refs = 1;
    } else if (found) {
        old = table->streams[at];
        table->streams[at] = stream;
    } else if (table->n < table->cap) {
        memmove(table->streams + at + 1, table->streams + at, (table->n - at) * sizeof(struct api_stream *));
        table->streams[at] = stream;
        table->n++;
    } else {
        stream->refs--; /* no room: it goes with its request */
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
    if (make_room(api) != 0) {
        if (old != NULL)
            api_table_unref(api, old);
        (void)kfs_fail(err, ENOMEM, "out of memory");
        return NULL;
    }
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
    for (size_t i = 0; rc == 0 && i < table->n; i++) {
        enum kfs_stream_status status;
        if (is_passing(api, table->streams[i], &status) && status == KFS_DELETING &&
            (n == 0 || bsearch(table->streams[i]->name, list->names, n, sizeof *list->names, by_name) == NULL))
            rc = add_name(list, table->streams[i]->name);
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
