#include "fs/report.h"

#include <errno.h>
#include <string.h>

#include "backend/base/logger.h"
#include "backend/base/out.h"
#include "backend/base/patience.h"
#include "backend/base/units.h"
#include "fs/name.h"

#define LINE_BYTES_MAX 4096

void kfs_errors_init(struct kfs_errors *errors, const struct kfs_clock *clock)
{
    *errors = (struct kfs_errors){.clock = clock};
    kfs_buf_init(&errors->text, KFS_ERRORS_BYTES_MAX);
    (void)pthread_mutex_init(&errors->lock, NULL);
}

void kfs_errors_release(struct kfs_errors *errors)
{
    kfs_buf_release(&errors->text);
    (void)pthread_mutex_destroy(&errors->lock);
}

/* Never NULL, which printing would not survive. */
static const char *name_of(int code)
{
    const char *name = strerrorname_np(code);

    return name != NULL ? name : "?";
}

/* A directory's name: the stream, and the view behind its @. */
static void print_directory(struct kfs_out *out, const char *name)
{
    const size_t len = strcspn(name, "@");

    if (len > 0)
        kfs_out_foreign(out, "stream", (struct kfs_bytes){name, len});
    if (name[len] == '@')
        kfs_out_foreign(out, "view", (struct kfs_bytes){name + len + 1, strlen(name + len + 1)});
}

/* Left out where it says nothing. */
static void print_text(struct kfs_out *out, const char *name, const char *text)
{
    if (text[0] != '\0')
        kfs_out_foreign(out, name, (struct kfs_bytes){text, strlen(text)});
}

/* One JSON object and a newline. */
static int print_line(const struct kfs_errors *errors, const char *operation, const char *stream, uint32_t shard,
                      const struct kfs_error *err, struct kfs_buf *line)
{
    char time[KFS_TIME_DIGITS + 1];
    char id[KFS_SHARD_NAME_LEN + 1];
    struct kfs_out out;

    (void)kfs_time_print(errors->clock->wall_ms(errors->clock->ctx), time);
    kfs_out_init(&out, KFS_CODEC_JSON, line);
    kfs_out_map(&out, NULL);
    kfs_out_string(&out, "time", time);
    kfs_out_string(&out, "operation", operation);
    print_directory(&out, stream);
    if (shard != KFS_NO_SHARD) {
        kfs_shard_name_print(shard, id);
        kfs_out_string(&out, "shard", id);
    }
    kfs_out_string(&out, "errno", name_of(err->code));
    print_text(&out, "aws_code", err->aws_code);
    print_text(&out, "request_id", err->request_id);
    print_text(&out, "message", err->text);
    kfs_out_map_end(&out);
    return out.error == 0 ? kfs_buf_append(line, "\n", 1) : out.error;
}

/* Drops whole lines from the front until there is room. Under the lock. */
static void make_room(struct kfs_errors *errors, size_t len)
{
    struct kfs_buf *text = &errors->text;
    size_t drop = 0;

    while (text->len - drop + len + 1 > text->max) {
        const char *end = memchr(text->data + drop, '\n', text->len - drop);
        drop = end == NULL ? text->len : (size_t)(end - text->data) + 1;
    }
    if (drop > 0) {
        memmove(text->data, text->data + drop, text->len - drop);
        text->len -= drop;
        errors->start += drop;
    }
}

int kfs_report(struct kfs_errors *errors, const char *operation, const char *stream, uint32_t shard,
               const struct kfs_error *err)
{
    char id[KFS_SHARD_NAME_LEN + 2] = "";
    struct kfs_buf line;

    if (kfs_patience_refused() || err->code == EINTR)
        return -err->code;
    if (shard != KFS_NO_SHARD) {
        id[0] = '/';
        kfs_shard_name_print(shard, id + 1);
    }
    kfs_log(KFS_LOG_WARNING, "%s%s%s%s: %s (%s%s%s)", operation, stream[0] != '\0' ? " " : "", stream, id, err->text,
            name_of(err->code), err->aws_code[0] != '\0' ? " " : "", err->aws_code);
    kfs_buf_init(&line, LINE_BYTES_MAX);
    if (print_line(errors, operation, stream, shard, err, &line) == 0) {
        (void)pthread_mutex_lock(&errors->lock);
        make_room(errors, line.len);
        if (kfs_buf_append(&errors->text, line.data, line.len) == 0)
            atomic_fetch_add(&errors->count, 1);
        (void)pthread_mutex_unlock(&errors->lock);
    }
    kfs_buf_release(&line);
    return -err->code;
}

void kfs_errors_extent(struct kfs_errors *errors, uint64_t *start, uint64_t *end)
{
    (void)pthread_mutex_lock(&errors->lock);
    *start = errors->start;
    *end = errors->start + errors->text.len;
    (void)pthread_mutex_unlock(&errors->lock);
}

ssize_t kfs_errors_read(struct kfs_errors *errors, uint64_t offset, char *data, size_t len)
{
    ssize_t n = 0;

    (void)pthread_mutex_lock(&errors->lock);
    if (offset < errors->start) {
        n = -ESTALE;
    } else if (offset < errors->start + errors->text.len) {
        size_t at = (size_t)(offset - errors->start);
        size_t have = errors->text.len - at;
        n = (ssize_t)(have < len ? have : len);
        memcpy(data, errors->text.data + at, (size_t)n);
    }
    (void)pthread_mutex_unlock(&errors->lock);
    return n;
}
