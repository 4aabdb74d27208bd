/* The only way into a backend. What a user could have got wrong is refused with
 * an errno before the backend sees it; what only a program could have got wrong
 * is an assertion. Outputs go through locals, so that a failing backend cannot
 * touch them. The paths of every record (append, read, extent) stay thin. */
#include "backend/backend.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/utf8.h"
#include "backend/crossing.h"

#define READ_RECORDS_MAX 10000U
#define KIB 1024U

/* ---- streams ---- */

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-';
}

bool kfs_stream_name_valid(const char *name)
{
    size_t len = 0;

    assert(name != NULL);
    while (is_name_char(name[len]))
        len++;
    return len >= 1 && len <= KFS_STREAM_NAME_MAX && name[len] == '\0';
}

static int check_retention(uint32_t hours, struct kfs_error *err)
{
    if (hours < KFS_RETENTION_HOURS_MIN)
        return kfs_fail_aws(err, EINVAL, "InvalidArgumentException",
                            "Minimum allowed retention period is %d hours. Requested retention period (%u hours) is "
                            "too short.",
                            KFS_RETENTION_HOURS_MIN, hours);
    if (hours > KFS_RETENTION_HOURS_MAX)
        return kfs_fail_aws(err, EINVAL, "InvalidArgumentException",
                            "Maximum allowed retention period is %d hours. Requested retention period (%u hours) is "
                            "too long.",
                            KFS_RETENTION_HOURS_MAX, hours);
    return 0;
}

static int check_record_limit(uint32_t bytes, struct kfs_error *err)
{
    if (bytes < KFS_RECORD_BYTES_DEFAULT || bytes > KFS_RECORD_BYTES_MAX || bytes % KIB != 0)
        return kfs_fail_aws(err, EINVAL, "ValidationException",
                            "the record limit must be %u to %u bytes and a multiple of %u, not %u",
                            KFS_RECORD_BYTES_DEFAULT, KFS_RECORD_BYTES_MAX, KIB, bytes);
    return 0;
}

static int check_shard_count(uint32_t shards, struct kfs_error *err)
{
    if (shards < 1 || shards > KFS_SHARDS_MAX)
        return kfs_fail_aws(err, EINVAL, "InvalidArgumentException", "a stream has 1 to %d open shards, not %u",
                            KFS_SHARDS_MAX, shards);
    return 0;
}

struct listing {
    kfs_stream_visit *visit;
    void *arg;
    int stopped; /* what visit returned last */
};

static int list_one(void *arg, const char *name)
{
    struct listing *listing = arg;

    assert(listing->stopped == 0 && kfs_stream_name_valid(name));
    listing->stopped = listing->visit(listing->arg, name);
    return listing->stopped;
}

int kfs_stream_list(struct kfs_backend *b, kfs_stream_visit *visit, void *arg, struct kfs_error *err)
{
    struct listing listing = {.visit = visit, .arg = arg};
    int rc;

    assert(b != NULL && visit != NULL);
    kfs_op_begin(err);
    rc = b->ops->stream_list(b, list_one, &listing, err);
    if (listing.stopped == 0)
        return kfs_op_end(rc, err);
    assert(rc == listing.stopped);
    return rc;
}

int kfs_stream_create(struct kfs_backend *b, const char *name, const struct kfs_stream_spec *spec,
                      struct kfs_error *err)
{
    struct kfs_stream_spec full;
    struct kfs_buf tags;

    assert(b != NULL && name != NULL && spec != NULL);
    kfs_op_begin(err);
    if (!kfs_stream_name_valid(name))
        return kfs_fail_aws(err, EINVAL, "ValidationException",
                            "a stream's name has 1 to %d characters of a-z A-Z 0-9 _ . -", KFS_STREAM_NAME_MAX);
    full = *spec;
    if (full.retention_hours == 0)
        full.retention_hours = KFS_RETENTION_HOURS_MIN;
    if (full.max_record_bytes == 0)
        full.max_record_bytes = KFS_RECORD_BYTES_DEFAULT;
    if (check_shard_count(full.shards, err) != 0 || check_retention(full.retention_hours, err) != 0 ||
        check_record_limit(full.max_record_bytes, err) != 0)
        return -EINVAL;
    assert(full.note == NULL || (kfs_note_name_valid(full.note) && full.note_text.len <= KFS_NOTE_BYTES_MAX));
    kfs_buf_init(&tags, KFS_NOTE_BYTES_MAX);
    int rc = kfs_tag_print(full.tags, full.n_tags, &tags, err);
    full.tags_note = (struct kfs_bytes){tags.data, tags.len};
    if (rc == 0)
        rc = kfs_op_end(b->ops->stream_create(b, name, &full, err), err);
    kfs_buf_release(&tags);
    return rc;
}

int kfs_stream_open(struct kfs_backend *b, const char *name, struct kfs_stream **stream, struct kfs_error *err)
{
    struct kfs_stream *opened = NULL;
    int rc;

    assert(b != NULL && name != NULL && stream != NULL);
    kfs_op_begin(err);
    if (!kfs_stream_name_valid(name))
        return kfs_fail_aws(err, ENOENT, "ResourceNotFoundException", "no stream can have this name");
    rc = kfs_op_end(b->ops->stream_open(b, name, &opened, err), err);
    assert((rc == 0) == (opened != NULL));
    if (rc == 0) {
        assert(opened->backend == b);
        *stream = opened;
    }
    return rc;
}

void kfs_stream_close(struct kfs_stream *stream)
{
    if (stream != NULL)
        stream->backend->ops->stream_close(stream);
}

int kfs_stream_delete(struct kfs_stream *stream, struct kfs_error *err)
{
    assert(stream != NULL);
    kfs_op_begin(err);
    return kfs_op_end(stream->backend->ops->stream_delete(stream, err), err);
}

int kfs_stream_info(struct kfs_stream *stream, struct kfs_stream_info *info, struct kfs_error *err)
{
    struct kfs_stream_info got = {0};
    int rc;

    assert(stream != NULL && info != NULL);
    kfs_op_begin(err);
    rc = kfs_op_end(stream->backend->ops->stream_info(stream, &got, err), err);
    if (rc == 0) {
        assert(kfs_stream_name_valid(got.name));
        assert(got.status == KFS_CREATING || got.open_shards >= 1);
        *info = got;
    }
    return rc;
}

int kfs_stream_update(struct kfs_stream *stream, const struct kfs_stream_change *change, struct kfs_error *err)
{
    assert(stream != NULL && change != NULL);
    kfs_op_begin(err);
    if (change->retention_hours != 0 && check_retention(change->retention_hours, err) != 0)
        return -EINVAL;
    if (change->max_record_bytes != 0 && check_record_limit(change->max_record_bytes, err) != 0)
        return -EINVAL;
    return kfs_op_end(stream->backend->ops->stream_update(stream, change, err), err);
}

int kfs_stream_resize(struct kfs_stream *stream, uint32_t target, struct kfs_error *err)
{
    assert(stream != NULL);
    kfs_op_begin(err);
    if (check_shard_count(target, err) != 0)
        return -EINVAL;
    return kfs_op_end(stream->backend->ops->stream_resize(stream, target, err), err);
}

/* ---- shards ---- */

static int check_shard(uint32_t shard, struct kfs_error *err)
{
    if (shard > KFS_SHARD_INDEX_MAX)
        return kfs_fail_aws(err, ENOENT, "ResourceNotFoundException", "no shard has the index %u", shard);
    return 0;
}

static void assert_shard(const struct kfs_shard_info *info)
{
    assert(info->index <= KFS_SHARD_INDEX_MAX);
    assert(info->range.start <= info->range.end);
    assert(info->closed == (info->closed_ms != 0));
    assert(info->closed == !kfs_seq_is_none(&info->ending));
    assert(info->parent != KFS_NO_SHARD || info->adjacent_parent == KFS_NO_SHARD);
    (void)info;
}

int kfs_shard_list(struct kfs_stream *stream, struct kfs_shard_info **shards, size_t *n, struct kfs_error *err)
{
    struct kfs_shard_info *list = NULL;
    size_t count = 0;
    int rc;

    assert(stream != NULL && shards != NULL && n != NULL);
    kfs_op_begin(err);
    rc = kfs_op_end(stream->backend->ops->shard_list(stream, &list, &count, err), err);
    assert(rc == 0 || list == NULL);
    if (rc == 0) {
        for (size_t i = 0; i < count; i++) {
            assert_shard(&list[i]);
            assert(i == 0 || list[i - 1].index < list[i].index);
        }
        *shards = list;
        *n = count;
    }
    return rc;
}

int kfs_shard_info(struct kfs_stream *stream, uint32_t shard, struct kfs_shard_info *info, struct kfs_error *err)
{
    struct kfs_shard_info got = {0};
    int rc;

    assert(stream != NULL && info != NULL);
    kfs_op_begin(err);
    if (check_shard(shard, err) != 0)
        return -ENOENT;
    rc = kfs_op_end(stream->backend->ops->shard_info(stream, shard, &got, err), err);
    if (rc == 0) {
        assert(got.index == shard);
        assert_shard(&got);
        *info = got;
    }
    return rc;
}

int kfs_shard_extent(struct kfs_stream *stream, uint32_t shard, struct kfs_extent *extent, struct kfs_error *err)
{
    struct kfs_extent got = {0};
    int rc;

    assert(stream != NULL && extent != NULL);
    kfs_op_begin(err);
    if (check_shard(shard, err) != 0)
        return -ENOENT;
    rc = kfs_op_end(stream->backend->ops->shard_extent(stream, shard, &got, err), err);
    if (rc == 0) {
        assert(got.start <= got.end && got.first_record <= got.next_record);
        assert((got.start == got.end) == (got.first_record == got.next_record));
        *extent = got;
    }
    return rc;
}

int kfs_shard_split(struct kfs_stream *stream, uint32_t shard, kfs_hash new_starting, struct kfs_error *err)
{
    assert(stream != NULL);
    kfs_op_begin(err);
    if (check_shard(shard, err) != 0)
        return -ENOENT;
    return kfs_op_end(stream->backend->ops->shard_split(stream, shard, new_starting, err), err);
}

int kfs_shard_merge(struct kfs_stream *stream, uint32_t shard, uint32_t adjacent, struct kfs_error *err)
{
    assert(stream != NULL);
    kfs_op_begin(err);
    if (check_shard(shard, err) != 0 || check_shard(adjacent, err) != 0)
        return -ENOENT;
    return kfs_op_end(stream->backend->ops->shard_merge(stream, shard, adjacent, err), err);
}

/* ---- writing ---- */

static bool key_valid(const struct kfs_bytes *key, bool may_be_empty)
{
    if (key->len == 0)
        return may_be_empty;
    if (key->len > KFS_PARTITION_KEY_BYTES_MAX || !kfs_utf8_valid(key->data, key->len))
        return false;
    /* A character is a byte at least, so short keys need no count. */
    return key->len <= KFS_PARTITION_KEY_CHARS_MAX ||
           kfs_utf8_count(key->data, key->len) <= KFS_PARTITION_KEY_CHARS_MAX;
}

/* After a failure: a record that is not stored (it has no number) and has no
 * error of its own was cancelled because of one that has, or failed with the call. */
static void complete_results(struct kfs_put_result *results, size_t n, int rc)
{
    int error = rc;

    for (size_t i = 0; i < n && error == rc; i++)
        error = results[i].error != 0 ? -ECANCELED : rc;
    for (size_t i = 0; i < n; i++)
        if (results[i].error == 0 && kfs_seq_is_none(&results[i].seq))
            results[i].error = error;
}

static void assert_put(const struct kfs_put *put)
{
    assert(put->data.len == 0 || put->data.data != NULL);
    assert(put->key.len == 0 || put->key.data != NULL);
    assert(!put->newline_follows || ((const char *)put->data.data)[put->data.len] == '\n');
    (void)put;
}

/* The first record with a key that nothing could be stored under, or n. */
static size_t find_bad_key(const struct kfs_put *puts, size_t n, bool may_be_empty)
{
    for (size_t i = 0; i < n; i++) {
        assert_put(&puts[i]);
        if (!key_valid(&puts[i].key, may_be_empty))
            return i;
    }
    return n;
}

static void assert_stored(const struct kfs_put_result *results, size_t n, uint32_t shard)
{
    for (size_t i = 0; i < n; i++) {
        assert(results[i].error == 0 && !kfs_seq_is_none(&results[i].seq));
        assert(shard == KFS_NO_SHARD || results[i].shard == shard);
    }
    (void)results;
    (void)shard;
}

int kfs_append(struct kfs_stream *stream, uint32_t shard, const struct kfs_put *puts, size_t n,
               struct kfs_put_result *results, struct kfs_error *err)
{
    size_t bad;
    int rc;

    assert(stream != NULL && (puts != NULL || n == 0));
    kfs_op_begin(err);
    if (n == 0)
        return 0;
    for (size_t i = 0; results != NULL && i < n; i++)
        results[i] = (struct kfs_put_result){.shard = shard};
    bad = find_bad_key(puts, n, shard != KFS_NO_SHARD);
    if (bad < n) {
        rc = kfs_fail_aws(err, EINVAL, "ValidationException",
                          "the partition key of record %zu is not UTF-8 text of 1 to %d characters", bad,
                          KFS_PARTITION_KEY_CHARS_MAX);
        if (results != NULL)
            results[bad].error = rc;
    } else {
        rc = kfs_op_end(stream->backend->ops->append(stream, shard, puts, n, results, err), err);
    }
    if (results != NULL && rc == 0)
        assert_stored(results, n, shard);
    else if (results != NULL)
        complete_results(results, n, rc);
    return rc;
}

/* ---- reading ---- */

int kfs_catch_up(struct kfs_stream *stream, uint32_t shard, struct kfs_error *err)
{
    assert(stream != NULL);
    kfs_op_begin(err);
    if (stream->backend->ops->catch_up == NULL)
        return 0;
    if (shard != KFS_NO_SHARD && check_shard(shard, err) != 0)
        return -ENOENT;
    return kfs_op_end(stream->backend->ops->catch_up(stream, shard, err), err);
}

void kfs_attend(struct kfs_stream *stream, uint32_t shard)
{
    assert(stream != NULL);
    if (stream->backend->ops->attend != NULL)
        stream->backend->ops->attend(stream, shard, true);
}

void kfs_unattend(struct kfs_stream *stream, uint32_t shard)
{
    assert(stream != NULL);
    if (stream->backend->ops->attend != NULL)
        stream->backend->ops->attend(stream, shard, false);
}

int kfs_reader_open(struct kfs_stream *stream, uint32_t shard, struct kfs_reader **reader, struct kfs_error *err)
{
    struct kfs_reader *opened = NULL;
    int rc;

    assert(stream != NULL && reader != NULL);
    kfs_op_begin(err);
    if (check_shard(shard, err) != 0)
        return -ENOENT;
    rc = kfs_op_end(stream->backend->ops->reader_open(stream, shard, &opened, err), err);
    assert((rc == 0) == (opened != NULL));
    if (rc == 0) {
        assert(opened->stream == stream && opened->shard == shard);
        *reader = opened;
    }
    return rc;
}

void kfs_reader_close(struct kfs_reader *reader)
{
    if (reader != NULL)
        reader->stream->backend->ops->reader_close(reader);
}

int kfs_locate(struct kfs_reader *reader, const struct kfs_position *position, uint64_t *offset, struct kfs_error *err)
{
    uint64_t at = 0;
    int rc;

    assert(reader != NULL && position != NULL && offset != NULL);
    assert((unsigned int)position->type <= KFS_LAST_RECORDS);
    kfs_op_begin(err);
    rc = kfs_op_end(reader->stream->backend->ops->locate(reader, position, &at, err), err);
    if (rc == 0)
        *offset = at;
    return rc;
}

int kfs_read(struct kfs_reader *reader, uint64_t offset, const struct kfs_limit *limit, struct kfs_batch *batch,
             struct kfs_error *err)
{
    struct kfs_limit capped;
    int rc;

    assert(reader != NULL && limit != NULL && batch != NULL);
    assert(limit->records >= 1 && limit->records <= READ_RECORDS_MAX);
    capped.records = limit->records;
    capped.bytes = limit->bytes < KFS_RECORD_BYTES_MAX ? limit->bytes : KFS_RECORD_BYTES_MAX;
    kfs_op_begin(err);
    kfs_batch_clear(batch);
    rc = kfs_op_end(reader->stream->backend->ops->read(reader, offset, &capped, batch, err), err);
    if (rc != 0) {
        kfs_batch_clear(batch);
        return rc;
    }
    assert(batch->n <= capped.records && batch->next >= offset);
    if (batch->n > 0) {
        const struct kfs_record *last = &batch->records[batch->n - 1];
        assert(batch->records[0].offset >= offset);
        assert(batch->next == last->offset + last->data.len + 1 && batch->next <= batch->tip);
        (void)last;
    }
    return 0;
}

ssize_t kfs_read_bytes(struct kfs_reader *reader, uint64_t offset, void *data, size_t len, struct kfs_error *err)
{
    ssize_t got;

    assert(reader != NULL && (data != NULL || len == 0) && len <= SSIZE_MAX);
    kfs_op_begin(err);
    got = reader->stream->backend->ops->read_bytes(reader, offset, data, len, err);
    if (got < 0)
        return kfs_op_end((int)got, err);
    assert((size_t)got <= len);
    return got;
}

int kfs_read_stored(struct kfs_reader *reader, uint64_t offset, struct kfs_stored *stored, struct kfs_error *err)
{
    int rc;

    assert(reader != NULL && stored != NULL);
    kfs_op_begin(err);
    stored->offset = offset;
    stored->n = 0;
    rc = kfs_op_end(reader->stream->backend->ops->read_stored(reader, offset, stored, err), err);
    assert(stored->n <= KFS_STORED_MAX && (stored->n == 0 || stored->ends[stored->n - 1] <= KFS_STORED_BYTES));
    return rc;
}

/* ---- being told ---- */

void kfs_watch(struct kfs_stream *stream, struct kfs_watch *watch)
{
    assert(stream != NULL && watch != NULL && watch->wake != NULL);
    watch->next = NULL;
    stream->backend->ops->watch(stream, watch);
}

void kfs_unwatch(struct kfs_stream *stream, struct kfs_watch *watch)
{
    assert(stream != NULL && watch != NULL);
    stream->backend->ops->unwatch(stream, watch);
}

/* ---- the backend as a whole ---- */

bool kfs_is_remote(const struct kfs_backend *b)
{
    assert(b != NULL);
    return b->ops->catch_up != NULL;
}

int kfs_space(struct kfs_backend *b, struct kfs_space *space, struct kfs_error *err)
{
    struct kfs_space got = {0};
    int rc;

    assert(b != NULL && space != NULL);
    kfs_op_begin(err);
    rc = kfs_op_end(b->ops->space(b, &got, err), err);
    if (rc == 0) {
        assert(got.free_bytes <= got.total_bytes && got.free_files <= got.total_files);
        *space = got;
    }
    return rc;
}

int kfs_status(struct kfs_backend *b, struct kfs_buf *json)
{
    int rc;

    assert(b != NULL && json != NULL);
    rc = b->ops->status(b, json);
    assert(rc <= 0);
    return rc;
}

void kfs_on_fault(struct kfs_backend *b, kfs_fault_hook *hook, void *arg)
{
    assert(b != NULL);
    b->fault_arg = arg;
    b->fault = hook;
}

void kfs_drain(struct kfs_backend *b)
{
    assert(b != NULL);
    if (b->ops->drain != NULL)
        b->ops->drain(b);
}

int kfs_backend_close(struct kfs_backend *b)
{
    int rc;

    assert(b != NULL);
    rc = b->ops->close(b);
    assert(rc <= 0);
    return rc;
}
