#include "fs/report.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "backend/base/logger.h"
#include "backend/base/patience.h"
#include "backend/base/units.h"
#include "backend/base/utf8.h"
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

/* `,"name":"text"`. Bytes that are no UTF-8 are shown as if they were Latin-1. */
static int print_text(struct kfs_buf *out, const char *name, const char *text, size_t len)
{
    const bool is_utf8 = kfs_utf8_valid(text, len);
    int rc = kfs_buf_printf(out, ",\"%s\":\"", name);

    for (size_t i = 0; rc == 0 && i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            rc = kfs_buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f || (c > 0x7f && !is_utf8))
            rc = kfs_buf_printf(out, "\\u%04x", c);
        else
            rc = kfs_buf_append(out, &text[i], 1);
    }
    return rc == 0 ? kfs_buf_append(out, "\"", 1) : rc;
}

/* A directory's name: the stream, and the view behind its @. */
static int print_directory(struct kfs_buf *out, const char *name)
{
    const size_t len = strcspn(name, "@");
    int rc = len > 0 ? print_text(out, "stream", name, len) : 0;

    if (rc == 0 && name[len] == '@')
        rc = print_text(out, "view", name + len + 1, strlen(name + len + 1));
    return rc;
}

/* One JSON object and a newline. Members that say nothing are left out. */
static int print_line(const struct kfs_errors *errors, const char *operation, const char *stream, uint32_t shard,
                      const struct kfs_error *err, struct kfs_buf *line)
{
    char time[KFS_TIME_DIGITS + 1];
    char id[KFS_SHARD_NAME_LEN + 1];

    (void)kfs_time_print(errors->clock->wall_ms(errors->clock->ctx), time);
    int rc = kfs_buf_printf(line, "{\"time\":\"%s\",\"operation\":\"%s\"", time, operation);
    if (rc == 0)
        rc = print_directory(line, stream);
    if (rc == 0 && shard != KFS_NO_SHARD) {
        kfs_shard_name_print(shard, id);
        rc = kfs_buf_printf(line, ",\"shard\":\"%s\"", id);
    }
    if (rc == 0)
        rc = kfs_buf_printf(line, ",\"errno\":\"%s\"", strerrorname_np(err->code));
    if (rc == 0 && err->aws_code[0] != '\0')
        rc = kfs_buf_printf(line, ",\"aws_code\":\"%s\"", err->aws_code);
    if (rc == 0 && err->request_id[0] != '\0')
        rc = print_text(line, "request_id", err->request_id, strlen(err->request_id));
    if (rc == 0)
        rc = print_text(line, "message", err->text, strlen(err->text));
    return rc == 0 ? kfs_buf_append(line, "}\n", 2) : rc;
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
            strerrorname_np(err->code), err->aws_code[0] != '\0' ? " " : "", err->aws_code);
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
