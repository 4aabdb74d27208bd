/* The framings that are the same for every record: `lines` and `nul`, where a byte ends a
 * record; `raw`, where a write is one; `len`, where its length stands before it. */
#include "fs/framing.h"

#include <errno.h>
#include <string.h>

static ssize_t cut_at(struct kfs_bytes data, char delimiter, struct kfs_cut *cut)
{
    const char *bytes = data.data;
    const char *end = NULL;

    if (cut->scanned < data.len)
        end = memchr(bytes + cut->scanned, delimiter, data.len - cut->scanned);
    if (end == NULL) {
        cut->scanned = data.len;
        return 0;
    }
    cut->scanned = 0;
    cut->payload = (struct kfs_bytes){bytes, (size_t)(end - bytes)};
    cut->newline_follows = delimiter == '\n';
    return end - bytes + 1;
}

/* Appends a record's data with what frames it. */
static int render(struct kfs_bytes before, struct kfs_bytes data, struct kfs_bytes after, struct kfs_buf *out)
{
    int rc = kfs_buf_reserve(out, before.len + data.len + after.len);

    if (rc != 0)
        return rc;
    /* Nothing fails from here: there is room for all three. */
    (void)kfs_buf_append(out, before.data, before.len);
    (void)kfs_buf_append(out, data.data, data.len);
    (void)kfs_buf_append(out, after.data, after.len);
    return 0;
}

static void put_len(char *to, size_t len)
{
    const unsigned char bytes[KFS_LEN_BYTES] = {(unsigned char)(len >> 24), (unsigned char)(len >> 16),
                                                (unsigned char)(len >> 8), (unsigned char)len};

    memcpy(to, bytes, sizeof bytes);
}

/* What stands around the data of each record: a byte behind it, nothing, or its length before it. */
enum { NOTHING = -1, LENGTH = -2 };

static inline char *put_framed(char *to, const char *data, size_t len, int frame)
{
    if (frame == LENGTH) {
        put_len(to, len);
        to += KFS_LEN_BYTES;
    }
    if (len > 0)
        memcpy(to, data, len);
    to += len;
    if (frame >= 0)
        *to++ = (char)frame;
    return to;
}

static inline size_t frame_size(int frame)
{
    return frame == LENGTH ? KFS_LEN_BYTES : frame == NOTHING ? 0 : 1;
}

/* Appends records while they fit; how many. */
static inline size_t render_run(const struct kfs_record *records, size_t n, int frame, struct kfs_buf *out)
{
    char *to = out->data + out->len;
    size_t room = out->cap - out->len;
    size_t i;

    for (i = 0; i < n; i++) {
        const struct kfs_bytes data = records[i].data;
        if (data.len + frame_size(frame) > room)
            break;
        to = put_framed(to, data.data, data.len, frame);
        room -= data.len + frame_size(frame);
    }
    out->len = out->cap - room;
    return i;
}

static inline size_t render_stored(const struct kfs_stored *stored, int frame, struct kfs_buf *out)
{
    char *to = out->data + out->len;
    size_t room = out->cap - out->len;
    size_t from = 0;
    size_t i;

    for (i = 0; i < stored->n; i++) {
        const size_t len = stored->ends[i] - from - 1;
        if (len + frame_size(frame) > room)
            break;
        to = put_framed(to, stored->bytes + from, len, frame);
        room -= len + frame_size(frame);
        from = stored->ends[i];
    }
    out->len = out->cap - room;
    return i;
}

static size_t size_plus_one(size_t size)
{
    return size + 1;
}

static size_t rendered_plus_one(const struct kfs_record *record)
{
    return record->data.len + 1;
}

/* ---- lines ---- */

ssize_t kfs_framing_cut_line(struct kfs_bytes data, struct kfs_cut *cut, struct kfs_error *err)
{
    (void)err;
    return cut_at(data, '\n', cut);
}

static int lines_render(const struct kfs_record *record, uint32_t shard, struct kfs_buf *out)
{
    (void)shard;
    return render((struct kfs_bytes){NULL, 0}, record->data, (struct kfs_bytes){"\n", 1}, out);
}

static size_t lines_render_run(const struct kfs_record *records, size_t n, uint32_t shard, struct kfs_buf *out)
{
    (void)shard;
    return render_run(records, n, '\n', out);
}

static size_t lines_render_stored(const struct kfs_stored *stored, struct kfs_buf *out)
{
    return render_stored(stored, '\n', out);
}

const struct kfs_framing kfs_framing_lines = {
    .name = "lines",
    .stored = true,
    .takes_apart = true,
    .frame = 1,
    .record_max = KFS_RECORD_BYTES_MAX,
    .partial_is_record = true,
    .framed_max = size_plus_one,
    .cut = kfs_framing_cut_line,
    .decode = NULL,
    .render = lines_render,
    .render_run = lines_render_run,
    .render_stored = lines_render_stored,
    .rendered_size = rendered_plus_one,
};

/* ---- nul ---- */

static ssize_t nul_cut(struct kfs_bytes data, struct kfs_cut *cut, struct kfs_error *err)
{
    (void)err;
    return cut_at(data, '\0', cut);
}

static int nul_render(const struct kfs_record *record, uint32_t shard, struct kfs_buf *out)
{
    (void)shard;
    return render((struct kfs_bytes){NULL, 0}, record->data, (struct kfs_bytes){"", 1}, out);
}

static size_t nul_render_run(const struct kfs_record *records, size_t n, uint32_t shard, struct kfs_buf *out)
{
    (void)shard;
    return render_run(records, n, '\0', out);
}

static size_t nul_render_stored(const struct kfs_stored *stored, struct kfs_buf *out)
{
    return render_stored(stored, '\0', out);
}

const struct kfs_framing kfs_framing_nul = {
    .name = "nul",
    .stored = false,
    .takes_apart = true,
    .frame = 1,
    .record_max = KFS_RECORD_BYTES_MAX,
    .partial_is_record = true,
    .framed_max = size_plus_one,
    .cut = nul_cut,
    .decode = NULL,
    .render = nul_render,
    .render_run = nul_render_run,
    .render_stored = nul_render_stored,
    .rendered_size = rendered_plus_one,
};

/* ---- raw ---- */

static ssize_t raw_cut(struct kfs_bytes data, struct kfs_cut *cut, struct kfs_error *err)
{
    (void)err;
    cut->scanned = 0;
    cut->payload = data;
    cut->newline_follows = false;
    return (ssize_t)data.len;
}

static int raw_render(const struct kfs_record *record, uint32_t shard, struct kfs_buf *out)
{
    (void)shard;
    return render((struct kfs_bytes){NULL, 0}, record->data, (struct kfs_bytes){NULL, 0}, out);
}

static size_t raw_render_run(const struct kfs_record *records, size_t n, uint32_t shard, struct kfs_buf *out)
{
    (void)shard;
    return render_run(records, n, NOTHING, out);
}

static size_t raw_render_stored(const struct kfs_stored *stored, struct kfs_buf *out)
{
    return render_stored(stored, NOTHING, out);
}

static size_t raw_framed_max(size_t record_max)
{
    return record_max;
}

static size_t raw_rendered_size(const struct kfs_record *record)
{
    return record->data.len;
}

const struct kfs_framing kfs_framing_raw = {
    .name = "raw",
    .stored = false,
    .takes_apart = false,
    .frame = 0,
    .record_max = KFS_UNCUT_BYTES_MAX,
    .partial_is_record = true, /* there are none */
    .framed_max = raw_framed_max,
    .cut = raw_cut,
    .decode = NULL,
    .render = raw_render,
    .render_run = raw_render_run,
    .render_stored = raw_render_stored,
    .rendered_size = raw_rendered_size,
};

/* ---- len ---- */

static ssize_t len_cut(struct kfs_bytes data, struct kfs_cut *cut, struct kfs_error *err)
{
    const unsigned char *bytes = data.data;
    size_t len;

    cut->scanned = data.len;
    cut->needed = 0;
    if (data.len < KFS_LEN_BYTES)
        return 0;
    len = (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
    if (len > KFS_RECORD_BYTES_MAX)
        return kfs_fail(err, EINVAL,
                        "len: a record of %zu bytes is announced, the largest has %u; before each record stands its "
                        "length, 4 bytes, big-endian",
                        len, KFS_RECORD_BYTES_MAX);
    cut->needed = len;
    if (data.len - KFS_LEN_BYTES < len)
        return 0;
    cut->scanned = 0;
    cut->payload = (struct kfs_bytes){bytes + KFS_LEN_BYTES, len};
    cut->newline_follows = false;
    return (ssize_t)(KFS_LEN_BYTES + len);
}

static int len_render(const struct kfs_record *record, uint32_t shard, struct kfs_buf *out)
{
    char before[KFS_LEN_BYTES];

    (void)shard;
    put_len(before, record->data.len);
    return render((struct kfs_bytes){before, sizeof before}, record->data, (struct kfs_bytes){NULL, 0}, out);
}

static size_t len_render_run(const struct kfs_record *records, size_t n, uint32_t shard, struct kfs_buf *out)
{
    (void)shard;
    return render_run(records, n, LENGTH, out);
}

static size_t len_render_stored(const struct kfs_stored *stored, struct kfs_buf *out)
{
    return render_stored(stored, LENGTH, out);
}

static size_t len_framed_max(size_t record_max)
{
    return KFS_LEN_BYTES + record_max;
}

static size_t len_rendered_size(const struct kfs_record *record)
{
    return KFS_LEN_BYTES + record->data.len;
}

const struct kfs_framing kfs_framing_len = {
    .name = "len",
    .stored = false,
    .takes_apart = false,
    .frame = KFS_LEN_BYTES,
    .record_max = KFS_RECORD_BYTES_MAX,
    .partial_is_record = false,
    .framed_max = len_framed_max,
    .cut = len_cut,
    .decode = NULL,
    .render = len_render,
    .render_run = len_render_run,
    .render_stored = len_render_stored,
    .rendered_size = len_rendered_size,
};
