/* `lines`: a record is a line. The newline is not part of the record. */
#include "fs/framing.h"

#include <string.h>

ssize_t kfs_framing_cut_line(struct kfs_bytes data, struct kfs_cut *cut, struct kfs_error *err)
{
    const char *bytes = data.data;
    const char *end = NULL;

    (void)err;
    if (cut->scanned < data.len)
        end = memchr(bytes + cut->scanned, '\n', data.len - cut->scanned);
    if (end == NULL) {
        cut->scanned = data.len;
        return 0;
    }
    cut->scanned = 0;
    cut->payload = (struct kfs_bytes){bytes, (size_t)(end - bytes)};
    cut->newline_follows = true;
    return end - bytes + 1;
}

static size_t lines_framed_max(size_t record_max)
{
    return record_max + 1;
}

static int lines_render(const struct kfs_record *record, uint32_t shard, struct kfs_buf *out)
{
    size_t len = record->data.len;
    int rc = kfs_buf_reserve(out, len + 1);

    (void)shard;
    if (rc != 0)
        return rc;
    if (len > 0)
        memcpy(out->data + out->len, record->data.data, len);
    out->data[out->len + len] = '\n';
    out->len += len + 1;
    return 0;
}

static size_t lines_rendered_size(const struct kfs_record *record)
{
    return record->data.len + 1;
}

const struct kfs_framing kfs_framing_lines = {
    .name = "lines",
    .stored = true,
    .partial_is_record = true,
    .framed_max = lines_framed_max,
    .cut = kfs_framing_cut_line,
    .decode = NULL,
    .render = lines_render,
    .rendered_size = lines_rendered_size,
};
