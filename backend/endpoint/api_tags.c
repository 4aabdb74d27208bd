/* Tags: of streams by name, and of streams and consumers by ARN. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/endpoint/api_internal.h"

#define LIST_DEFAULT 50

/* ---- a set of them ---- */

void api_tags_release(struct api_tags *tags)
{
    for (size_t i = 0; i < tags->n; i++) {
        free(tags->tags[i].key);
        free(tags->tags[i].value);
    }
    free(tags->tags);
    *tags = (struct api_tags){0};
}

static size_t search(const struct api_tags *tags, const char *key, bool *found)
{
    size_t i = 0;

    while (i < tags->n && strcmp(tags->tags[i].key, key) < 0)
        i++;
    *found = i < tags->n && strcmp(tags->tags[i].key, key) == 0;
    return i;
}

int api_tags_set(struct api_tags *tags, const char *key, const char *value)
{
    bool found;
    size_t at = search(tags, key, &found);
    char *new_key = found ? NULL : strdup(key);
    char *new_value = strdup(value);
    struct api_tag *list = found ? tags->tags : realloc(tags->tags, (tags->n + 1) * sizeof *list);

    if (list != NULL)
        tags->tags = list;
    if (list == NULL || new_value == NULL || (!found && new_key == NULL)) {
        free(new_key);
        free(new_value);
        return -ENOMEM;
    }
    if (found) {
        free(list[at].value);
        list[at].value = new_value;
        return 0;
    }
    memmove(list + at + 1, list + at, (tags->n - at) * sizeof *list);
    list[at] = (struct api_tag){new_key, new_value};
    tags->n++;
    return 0;
}

static void remove_tag(struct api_tags *tags, const char *key)
{
    bool found;
    size_t at = search(tags, key, &found);

    if (!found)
        return;
    free(tags->tags[at].key);
    free(tags->tags[at].value);
    tags->n--;
    memmove(tags->tags + at, tags->tags + at + 1, (tags->n - at) * sizeof *tags->tags);
}

int api_tags_copy(struct api_tags *to, const struct api_tags *from)
{
    int rc = 0;

    *to = (struct api_tags){0};
    for (size_t i = 0; rc == 0 && i < from->n; i++)
        rc = api_tags_set(to, from->tags[i].key, from->tags[i].value);
    if (rc != 0)
        api_tags_release(to);
    return rc;
}

/* ---- what may be in one ---- */

/* A key, or a value; `how` is what the request would do with it. */
static int check_text(struct api_call *call, const char *text, const char *how, const char *stream)
{
    if (strchr(text, '%') == NULL && !kfs_tag_text_valid(text))
        return api_invalid(call, "Some tags contain invalid characters. Valid characters: Unicode letters, digits, "
                                 "white space, _ . / = + - %% @.");
    if (strchr(text, '%') != NULL)
        return api_invalid(call,
                           "Failed to %s stream %s under account %s because some tags contained illegal characters. "
                           "The allowed characters are Unicode letters, white-spaces, '_',',','/','=','+','-','@'.",
                           how, stream, call->account);
    return 0;
}

int api_tags_add(struct api_call *call, const struct kfs_value *map, const char *stream, struct api_tags *tags)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct kfs_value *item = &map->items[i];
        const char *key = api_text_of(call, &(struct kfs_value){.bytes = item->key});
        const char *value = item->type == KFS_VALUE_NULL ? "" : api_text_of(call, item);
        if (key == NULL || value == NULL)
            return api_no_memory(call);
        if (check_text(call, key, "add tags to", stream) != 0 || check_text(call, value, "add tags to", stream) != 0)
            return -1;
        if (strncmp(key, "aws:", 4) == 0)
            return api_invalid(call, "Tag keys that begin with aws: are reserved.");
        if (api_tags_set(tags, key, value) != 0)
            return api_no_memory(call);
    }
    if (tags->n > API_TAGS_MAX)
        return api_invalid(call,
                           "Failed to add tags to stream %s under account %s because a given stream cannot have more "
                           "than 10 tags associated with it.", /* the service's words: it takes 50 */
                           stream, call->account);
    return 0;
}

/* ---- whose they are ---- */

/* Applies a request's change to a set. */
static int change(struct api_call *call, const char *stream, struct api_tags *tags)
{
    const struct kfs_value *added = kfs_value_get(call->in, "Tags");
    const struct kfs_value *removed = kfs_value_get(call->in, "TagKeys");

    if (added != NULL && api_tags_add(call, added, stream, tags) != 0)
        return -1;
    for (size_t i = 0; removed != NULL && i < removed->n; i++) {
        const char *key = api_text_of(call, &removed->items[i]);
        if (key == NULL)
            return api_no_memory(call);
        if (check_text(call, key, "remove tags from", stream) != 0)
            return -1;
        remove_tag(tags, key);
    }
    return 0;
}

static int keep_tag(void *arg, const struct kfs_tag *tag)
{
    return api_tags_set(arg, tag->key, tag->value);
}

/* A stream's, to be released also after a failure. */
static int load_tags(struct api_call *call, struct api_stream *stream, struct api_tags *tags)
{
    struct kfs_error err = {0};
    int rc = kfs_tag_list(stream->stream, keep_tag, tags, &err);

    if (rc == -ENOMEM)
        return api_no_memory(call);
    return rc == 0 ? 0 : api_fail_backend(call, &err);
}

/* Makes `before` what `after` is. */
static int store_tags(struct api_call *call, struct api_stream *stream, const struct api_tags *before,
                      const struct api_tags *after)
{
    struct kfs_tag *changes = calloc(before->n + after->n + 1, sizeof *changes);
    struct kfs_error err = {0};
    bool found;
    size_t n = 0;

    if (changes == NULL)
        return api_no_memory(call);
    for (size_t i = 0; i < before->n; i++) {
        (void)search(after, before->tags[i].key, &found);
        if (!found)
            changes[n++] = (struct kfs_tag){before->tags[i].key, NULL};
    }
    for (size_t i = 0; i < after->n; i++) {
        size_t at = search(before, after->tags[i].key, &found);
        if (!found || strcmp(before->tags[at].value, after->tags[i].value) != 0)
            changes[n++] = (struct kfs_tag){after->tags[i].key, after->tags[i].value};
    }
    int rc = kfs_tag_change(stream->stream, changes, n, &err);
    free(changes);
    return rc == 0 ? 0 : api_fail_backend(call, &err);
}

static int change_stream(struct api_call *call, struct api_stream *stream)
{
    struct api_tags before = {0};
    struct api_tags after = {0};

    (void)pthread_mutex_lock(&stream->changes);
    int rc = load_tags(call, stream, &before);
    if (rc == 0 && api_tags_copy(&after, &before) != 0)
        rc = api_no_memory(call);
    if (rc == 0)
        rc = change(call, stream->name, &after);
    if (rc == 0)
        rc = store_tags(call, stream, &before, &after);
    (void)pthread_mutex_unlock(&stream->changes);
    api_tags_release(&before);
    api_tags_release(&after);
    return rc;
}

static int change_consumer(struct api_call *call, struct api_stream *stream, const char *name)
{
    struct api_consumer *copy = NULL;

    (void)pthread_mutex_lock(&stream->changes);
    int rc = api_consumer_copy(call, stream, name, &copy);
    if (rc == 0)
        rc = change(call, stream->name, &copy->tags);
    if (rc == 0)
        rc = api_consumer_put(call, stream, copy);
    if (rc != 0)
        api_consumer_free(copy);
    (void)pthread_mutex_unlock(&stream->changes);
    return rc;
}

static int change_resource(struct api_call *call)
{
    struct api_resource resource;

    if (api_find_resource(call, &resource) != 0)
        return -1;
    int rc = resource.consumer == NULL ? change_stream(call, resource.stream)
                                       : change_consumer(call, resource.stream, resource.consumer);
    api_put_back(call, resource.stream);
    return rc;
}

static int change_named(struct api_call *call)
{
    struct api_stream *stream;

    if (api_find(call, API_EVEN_DELETING, &stream) != 0)
        return -1;
    int rc = change_stream(call, stream);
    api_put_back(call, stream);
    return rc;
}

int api_add_tags(struct api_call *call)
{
    return change_named(call);
}

int api_remove_tags(struct api_call *call)
{
    return change_named(call);
}

int api_tag_resource(struct api_call *call)
{
    return change_resource(call);
}

int api_untag_resource(struct api_call *call)
{
    return change_resource(call);
}

/* ---- listing ---- */

static void out_tag(struct kfs_out *out, const struct api_tag *tag)
{
    kfs_out_map(out, NULL);
    kfs_out_string(out, "Key", tag->key);
    kfs_out_string(out, "Value", tag->value);
    kfs_out_map_end(out);
}

int api_list_tags(struct api_call *call)
{
    const char *start = api_string(call, call->in, "ExclusiveStartTagKey");
    const size_t limit = (size_t)api_integer(call->in, "Limit", LIST_DEFAULT);
    struct api_stream *stream;
    struct api_tags tags = {0};
    size_t given = 0;
    bool more = false;

    if (api_find(call, API_EVEN_DELETING, &stream) != 0)
        return -1;
    int rc = load_tags(call, stream, &tags);
    api_put_back(call, stream);
    if (rc != 0) {
        api_tags_release(&tags);
        return rc;
    }
    kfs_out_map(&call->out, NULL);
    kfs_out_list(&call->out, "Tags");
    for (size_t i = 0; i < tags.n; i++) {
        const struct api_tag *tag = &tags.tags[i];
        if (start != NULL && strcmp(tag->key, start) <= 0)
            continue;
        more = given == limit;
        if (more)
            break;
        out_tag(&call->out, tag);
        given++;
    }
    kfs_out_list_end(&call->out);
    kfs_out_bool(&call->out, "HasMoreTags", more);
    kfs_out_map_end(&call->out);
    api_tags_release(&tags);
    return 0;
}

/* A copy of a consumer's. */
static int copy_consumer_tags(struct api_call *call, struct api_stream *stream, const char *name, struct api_tags *tags)
{
    bool found;

    (void)pthread_mutex_lock(&stream->lock);
    size_t at = api_consumer_find(stream, name, &found);
    int rc = found ? api_tags_copy(tags, &stream->consumers[at]->tags) : 0;
    (void)pthread_mutex_unlock(&stream->lock);
    return rc == 0 ? 0 : api_no_memory(call);
}

int api_list_resource_tags(struct api_call *call)
{
    struct api_resource resource;
    struct api_tags tags = {0};

    if (api_find_resource(call, &resource) != 0)
        return -1;
    int rc = resource.consumer == NULL ? load_tags(call, resource.stream, &tags)
                                       : copy_consumer_tags(call, resource.stream, resource.consumer, &tags);
    api_put_back(call, resource.stream);
    if (rc == 0) {
        kfs_out_map(&call->out, NULL);
        kfs_out_list(&call->out, "Tags");
        for (size_t i = 0; i < tags.n; i++)
            out_tag(&call->out, &tags.tags[i]);
        kfs_out_list_end(&call->out);
        kfs_out_map_end(&call->out);
    }
    api_tags_release(&tags);
    return rc;
}
