/* Tags, which the endpoint has. They are kept here for as long as the catalogue is, since whoever lists attributes
 * asks for each of them. */
#include <errno.h>
#include <string.h>

#include "backend/base/out.h"
#include "backend/kinesis/internal.h"
#include "backend/kinesis/reply.h"

#define PAGES_MAX 64

static int begin_body(struct kfs_out *out, struct kfs_buf *body, const struct remote_stream *stream)
{
    kfs_buf_init(body, KFS_CALL_BODY_MAX);
    kfs_out_init(out, KFS_CODEC_JSON, body);
    kfs_out_map(out, NULL);
    kfs_out_string(out, "StreamName", stream->name);
    return out->error;
}

/* Adds "key NUL value NUL" of each. */
static int take_page(const struct kfs_value *answer, struct kfs_buf *tags, char last[KFS_TAG_BYTES_MAX + 1],
                     struct kfs_error *err)
{
    const struct kfs_value *list = kfs_value_get(answer, "Tags");
    char value[KFS_TAG_BYTES_MAX + 1];

    if (list == NULL || list->type != KFS_VALUE_LIST)
        return kfs_fail(err, EIO, "the endpoint's answer to ListTagsForStream makes no sense");
    for (size_t i = 0; i < list->n; i++) {
        if (!remote_answer_text(&list->items[i], "Key", last, KFS_TAG_BYTES_MAX + 1))
            return kfs_fail(err, EIO, "the endpoint's answer to ListTagsForStream makes no sense");
        if (!remote_answer_text(&list->items[i], "Value", value, sizeof value))
            value[0] = '\0';
        if (kfs_buf_append(tags, last, strlen(last) + 1) != 0 || kfs_buf_append(tags, value, strlen(value) + 1) != 0)
            return kfs_fail(err, EMSGSIZE, "stream has more tags than can be shown");
    }
    return 0;
}

static int fetch(struct remote_stream *stream, struct kfs_buf *tags, struct kfs_error *err)
{
    char last[KFS_TAG_BYTES_MAX + 1] = "";
    bool more = true;
    int rc = 0;

    for (int page = 0; rc == 0 && more && page < PAGES_MAX; page++) {
        struct kfs_call call = {0};
        struct kfs_buf body;
        struct kfs_out out;
        (void)begin_body(&out, &body, stream);
        if (page > 0)
            kfs_out_string(&out, "ExclusiveStartTagKey", last);
        kfs_out_map_end(&out);
        rc = out.error != 0
                 ? kfs_fail(err, ENOMEM, "out of memory")
                 : remote_ask(stream->remote, "ListTagsForStream", &call, err, "%.*s", (int)body.len, body.data);
        if (rc == 0)
            rc = take_page(&call.value, tags, last, err);
        const struct kfs_value *has_more = rc == 0 ? kfs_value_get(&call.value, "HasMoreTags") : NULL;
        more = has_more != NULL && has_more->type == KFS_VALUE_BOOL && has_more->boolean;
        kfs_call_release(&call);
        kfs_buf_release(&body);
    }
    return rc;
}

static int copy(struct remote_stream *stream, struct kfs_buf *tags, bool *fresh)
{
    uint64_t now = remote_mono(stream->remote);

    (void)pthread_mutex_lock(&stream->tags_lock);
    *fresh = stream->tags_ms != 0 && now - stream->tags_ms < stream->remote->options.refresh_ms;
    int rc = *fresh ? kfs_buf_append(tags, stream->tags.data, stream->tags.len) : 0;
    (void)pthread_mutex_unlock(&stream->tags_lock);
    return rc;
}

/* NULL: they are asked for at the next listing. */
static void keep(struct remote_stream *stream, const struct kfs_buf *tags)
{
    (void)pthread_mutex_lock(&stream->tags_lock);
    stream->tags.len = 0;
    bool kept = tags != NULL && kfs_buf_append(&stream->tags, tags->data, tags->len) == 0;
    stream->tags_ms = kept ? remote_mono(stream->remote) : 0;
    (void)pthread_mutex_unlock(&stream->tags_lock);
}

int remote_tag_list(struct kfs_stream *s, kfs_tag_visit *visit, void *arg, struct kfs_error *err)
{
    struct remote_stream *stream = (struct remote_stream *)s;
    struct kfs_buf tags;
    bool fresh;
    int rc = remote_stream_check(stream, err);

    if (rc != 0)
        return rc;
    kfs_buf_init(&tags, REMOTE_TAGS_BYTES_MAX);
    if (copy(stream, &tags, &fresh) != 0)
        rc = kfs_fail(err, ENOMEM, "out of memory");
    if (rc == 0 && !fresh) {
        rc = fetch(stream, &tags, err);
        if (rc == 0)
            keep(stream, &tags);
    }
    for (size_t at = 0; rc == 0 && at < tags.len;) {
        struct kfs_tag tag = {.key = tags.data + at};
        tag.value = tag.key + strlen(tag.key) + 1;
        at = (size_t)(tag.value - tags.data) + strlen(tag.value) + 1;
        rc = visit(arg, &tag);
    }
    kfs_buf_release(&tags);
    return rc;
}

static int change(struct remote_stream *stream, const struct kfs_tag *tag, struct kfs_error *err)
{
    struct kfs_buf body;
    struct kfs_out out;

    (void)begin_body(&out, &body, stream);
    if (tag->value != NULL) {
        kfs_out_map(&out, "Tags");
        kfs_out_string(&out, tag->key, tag->value);
        kfs_out_map_end(&out);
    } else {
        kfs_out_list(&out, "TagKeys");
        kfs_out_string(&out, NULL, tag->key);
        kfs_out_list_end(&out);
    }
    kfs_out_map_end(&out);
    int rc = out.error != 0
                 ? kfs_fail(err, ENOMEM, "out of memory")
                 : remote_tell(stream->remote, tag->value != NULL ? "AddTagsToStream" : "RemoveTagsFromStream", err,
                               "%.*s", (int)body.len, body.data);
    kfs_buf_release(&body);
    return rc;
}

int remote_tag_change(struct kfs_stream *s, const struct kfs_tag *changes, size_t n, struct kfs_error *err)
{
    struct remote_stream *stream = (struct remote_stream *)s;
    int rc = remote_stream_check(stream, err);

    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = change(stream, &changes[i], err);
    keep(stream, NULL);
    return rc;
}
