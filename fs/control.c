/* The texts of /.kinesisfs/status.json, metrics and dead_letters. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/patience.h"
#include "backend/base/units.h"
#include "fs/fs_internal.h"

/* ---- what both show of the streams ---- */

struct walk {
    struct kfs_fs *fs;
    struct kfs_buf *out;
    bool first;
    uint64_t streams;
    uint64_t shards;
    uint64_t open_shards;
};

/* ---- status.json ---- */

static int print_shard(struct walk *w, struct kfs_stream *stream, const struct kfs_shard_info *shard)
{
    char id[KFS_SHARD_NAME_LEN + 1];
    char last[KFS_SEQ_DIGITS_MAX + 1] = "";
    struct kfs_extent x;

    kfs_shard_name_print(shard->index, id);
    if (kfs_shard_extent(stream, shard->index, &x, NULL) != 0)
        return kfs_buf_printf(w->out, "{\"shard\":\"%s\",\"damaged\":true}", id);
    if (!kfs_seq_is_none(&x.last))
        (void)kfs_seq_print(&x.last, last);
    return kfs_buf_printf(w->out,
                          "{\"shard\":\"%s\",\"closed\":%s,\"start\":%" PRIu64 ",\"end\":%" PRIu64
                          ",\"records\":%" PRIu64 ",\"last_arrival_ms\":%" PRIu64 ",\"last_sequence_number\":\"%s\"}",
                          id, shard->closed ? "true" : "false", x.start, x.end, x.next_record - x.first_record,
                          x.last_arrival_ms, last);
}

static int print_shards(struct walk *w, struct kfs_stream *stream)
{
    struct kfs_shard_info *shards;
    size_t n;
    int rc = kfs_shard_list(stream, &shards, &n, NULL);

    if (rc != 0)
        return 0; /* deleted meanwhile */
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (i > 0)
            rc = kfs_buf_append(w->out, ",", 1);
        if (rc == 0)
            rc = print_shard(w, stream, &shards[i]);
    }
    free(shards);
    return rc;
}

static int print_stream(void *arg, const char *name)
{
    struct walk *w = arg;
    struct kfs_stream *stream;
    struct kfs_stream_info info;

    if (kfs_stream_open(w->fs->config.backend, name, &stream, NULL) != 0)
        return 0;
    int rc = kfs_stream_info(stream, &info, NULL) != 0 ? -ENOENT : 0;
    if (rc == 0) {
        rc = kfs_buf_printf(w->out,
                            "%s\n{\"stream\":\"%s\",\"arn\":\"%s\",\"open_shards\":%" PRIu32
                            ",\"retention_hours\":%" PRIu32 ",\"max_record_bytes\":%" PRIu32 ",\"shards\":[",
                            w->first ? "" : ",", name, info.arn, info.open_shards, info.retention_hours,
                            info.max_record_bytes);
        w->first = false;
        if (rc == 0)
            rc = print_shards(w, stream);
        if (rc == 0)
            rc = kfs_buf_append(w->out, "]", 1);
        if (rc == 0)
            rc = kfs_cursor_status(w->fs, stream, w->out);
        if (rc == 0)
            rc = kfs_buf_append(w->out, "}", 1);
    }
    kfs_stream_close(stream);
    return rc == -ENOENT ? 0 : rc;
}

static int status_text(struct kfs_fs *fs, struct kfs_buf *out)
{
    struct walk w = {.fs = fs, .out = out, .first = true};
    char time[KFS_TIME_DIGITS + 1];

    (void)kfs_time_print(fs->started_ms, time);
    int rc =
        kfs_buf_printf(out, "{\"version\":\"%s\",\"pid\":%ld,\"started\":\"%s\",\n", KFS_VERSION, (long)getpid(), time);
    if (rc == 0)
        rc = kfs_status(fs->config.backend, out);
    if (rc == 0)
        rc =
            kfs_buf_printf(out,
                           ",\n\"open_files\":%" PRIuFAST64 ",\"failures\":%" PRIuFAST64
                           ",\"keyless_records\":%" PRIuFAST64 ",\"undecoded_records\":%" PRIuFAST64 ",\n\"streams\":[",
                           atomic_load(&fs->counters.open_files), atomic_load(&fs->errors.count),
                           atomic_load(&fs->counters.keyless), atomic_load(&fs->counters.undecoded));
    if (rc == 0)
        rc = kfs_stream_list(fs->config.backend, print_stream, &w, NULL);
    return rc == 0 ? kfs_buf_printf(out, "]}\n") : rc;
}

/* ---- metrics ---- */

static int count_stream(void *arg, const char *name)
{
    struct walk *w = arg;
    struct kfs_stream *stream;
    struct kfs_shard_info *shards;
    size_t n;

    if (kfs_stream_open(w->fs->config.backend, name, &stream, NULL) != 0)
        return 0;
    w->streams++;
    if (kfs_shard_list(stream, &shards, &n, NULL) == 0) {
        w->shards += n;
        for (size_t i = 0; i < n; i++)
            w->open_shards += shards[i].closed ? 0 : 1;
        free(shards);
    }
    kfs_stream_close(stream);
    return 0;
}

/* One metric in the Prometheus text format. */
static int metric(struct kfs_buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
    return kfs_buf_printf(out, "# HELP kinesisfs_%s %s\n# TYPE kinesisfs_%s %s\nkinesisfs_%s %" PRIu64 "\n", name, help,
                          name, type, name, value);
}

int kfs_fs_metrics(struct kfs_fs *fs, struct kfs_buf *out)
{
    struct walk w = {.fs = fs};
    const struct kfs_counters *c = &fs->counters;
    int rc = kfs_stream_list(fs->config.backend, count_stream, &w, NULL);
    const struct {
        const char *name;
        const char *type;
        const char *help;
        uint64_t value;
    } rows[] = {
        {"streams", "gauge", "Streams.", w.streams},
        {"shards", "gauge", "Shards, open and closed.", w.shards},
        {"open_shards", "gauge", "Open shards.", w.open_shards},
        {"open_files", "gauge", "Open file descriptions.", atomic_load(&c->open_files)},
        {"reads_total", "counter", "Read requests.", atomic_load(&c->reads)},
        {"read_bytes_total", "counter", "Bytes read.", atomic_load(&c->read_bytes)},
        {"writes_total", "counter", "Write requests.", atomic_load(&c->writes)},
        {"written_bytes_total", "counter", "Bytes written.", atomic_load(&c->written_bytes)},
        {"keyless_records_total", "counter", "Records in which the key of their view was not found.",
         atomic_load(&c->keyless)},
        {"undecoded_records_total", "counter", "Records that a view could not decode and showed as they are.",
         atomic_load(&c->undecoded)},
        {"syncs_total", "counter", "fsync requests and durable writes.", atomic_load(&c->syncs)},
        {"waits_total", "counter", "Reads that waited for a record.", atomic_load(&c->waits)},
        {"failures_total", "counter", "Failures recorded in errors.", atomic_load(&fs->errors.count)},
    };

    for (size_t i = 0; rc == 0 && i < sizeof rows / sizeof rows[0]; i++)
        rc = metric(out, rows[i].name, rows[i].type, rows[i].help, rows[i].value);
    if (rc == 0 && fs->config.more_metrics != NULL)
        rc = fs->config.more_metrics(fs->config.more_metrics_arg, out);
    return rc;
}

/* ---- dead letters ---- */

struct dead_walk {
    struct kfs_fs *fs;
    struct kfs_buf *out;
    const char *stream;
    uint32_t shard;
};

/* A line of the view json that begins with the stream's name. */
static int print_dead(void *arg, const struct kfs_record *record)
{
    struct dead_walk *w = arg;
    size_t before = w->out->len;
    int rc = kfs_buf_printf(w->out, "{\"StreamName\":\"%s\",", w->stream);
    size_t brace = w->out->len;
    char id[KFS_SHARD_NAME_LEN + 1];
    struct kfs_record shown = *record;

    kfs_shard_name_print(w->shard, id);
    if (shown.key.len == 0) /* what it is sent with */
        shown.key = (struct kfs_bytes){id, KFS_SHARD_NAME_LEN};
    if (rc == 0)
        rc = kfs_framing_json.render(&shown, w->shard, w->out);
    if (rc == 0) {
        memmove(w->out->data + brace, w->out->data + brace + 1, w->out->len - brace - 1);
        w->out->len--;
    } else {
        w->out->len = before;
    }
    return rc;
}

static int print_dead_of(void *arg, const char *name)
{
    struct dead_walk *w = arg;
    struct kfs_stream *stream;
    struct kfs_shard_info *shards;
    size_t n = 0;
    int rc = 0;

    if (kfs_stream_open(w->fs->config.backend, name, &stream, NULL) != 0)
        return 0;
    w->stream = name;
    if (kfs_shard_list(stream, &shards, &n, NULL) == 0) {
        for (size_t i = 0; rc == 0 && i < n; i++) {
            struct kfs_error err = {0};
            w->shard = shards[i].index;
            rc = kfs_dead_list(stream, w->shard, print_dead, w, &err);
            if (err.code != 0) /* those of the other shards are shown */
                rc = kfs_report(&w->fs->errors, "dead_letters", name, w->shard, &err) == -ENOMEM ? -ENOMEM : 0;
        }
        free(shards);
    }
    kfs_stream_close(stream);
    return rc;
}

/* Where there are more than fit, those that do. */
static int dead_text(struct kfs_fs *fs, struct kfs_buf *out)
{
    struct dead_walk w = {.fs = fs, .out = out};
    int rc = kfs_stream_list(fs->config.backend, print_dead_of, &w, NULL);

    return rc == -EMSGSIZE ? 0 : rc;
}

static int make_text(struct kfs_fs *fs, const struct kfs_node *node, struct kfs_buf *text)
{
    if (node->type == KFS_NODE_CURSOR)
        return kfs_cursor_text(fs, node->name, text);
    if (node->type == KFS_NODE_DEAD)
        return dead_text(fs, text);
    return node->type == KFS_NODE_STATUS ? status_text(fs, text) : kfs_fs_metrics(fs, text);
}

/* They tell how it is while the endpoint does not answer, so of streams that this mount knows. */
int kfs_control_text(struct kfs_fs *fs, const struct kfs_node *node, struct kfs_buf *text)
{
    const struct kfs_patience_state before = kfs_patience_enter(KFS_AT_ONCE, NULL);
    int rc = make_text(fs, node, text);

    kfs_patience_leave(&before);
    return rc;
}
