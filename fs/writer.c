#include "fs/writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "backend/base/crc32c.h"
#include "fs/name.h"

#define PUTS_MAX 2048        /* records appended at once: what cat writes at once, of 64 bytes each */
#define FIRST_PIECE 4096     /* of what is added to the carry while looking for an end */
#define KEY_DIGITS 16        /* of a random partition key */
#define FINGERPRINT_MAX 4096 /* bytes that tell a refused write from another */
#define ROOMS_MAX 8          /* keys in one batch that are not as they stand in their record */

struct batch {
    struct kfs_put puts[PUTS_MAX];
    char keys[PUTS_MAX][KEY_DIGITS + 1];
    size_t n;
    char rooms[ROOMS_MAX][KFS_PARTITION_KEY_BYTES_MAX];
    size_t rooms_used;
    size_t keyless;
    struct kfs_buf scratch;    /* what decoding made */
    kfs_hash hashes[PUTS_MAX]; /* of records that go elsewhere */
    char id[KFS_SHARD_NAME_LEN + 1];
};

static size_t lower(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Compression comes between what is written and what the stream limits. */
static void set_limit(struct kfs_writer *writer, size_t stream_max)
{
    bool compressed = writer->encoder.coding.compression != NULL;

    writer->stream_max = stream_max;
    writer->record_max = lower(compressed ? KFS_RECORD_BYTES_MAX : stream_max, writer->framing->record_max);
}

int kfs_writer_init(struct kfs_writer *writer, const struct kfs_write_to *to, struct kfs_error *err)
{
    *writer = (struct kfs_writer){.stream = to->stream, .shard = to->shard, .framing = to->framing};
    kfs_encoder_init(&writer->encoder, to->stream, to->shard, to->coding);
    set_limit(writer, KFS_RECORD_BYTES_DEFAULT);
    kfs_buf_init(&writer->carry, to->framing->framed_max(KFS_RECORD_BYTES_MAX));
    if (getrandom(&writer->random, sizeof writer->random, 0) != (ssize_t)sizeof writer->random)
        writer->random = (uintptr_t)writer;
    return kfs_keyer_init(&writer->keyer, to->key, err);
}

void kfs_writer_follow(struct kfs_writer *writer, const struct kfs_hash_range *range)
{
    writer->follows = true;
    writer->range = *range;
}

void kfs_writer_release(struct kfs_writer *writer)
{
    kfs_keyer_release(&writer->keyer);
    kfs_encoder_release(&writer->encoder);
    kfs_buf_release(&writer->carry);
}

bool kfs_writer_has_partial(const struct kfs_writer *writer)
{
    return writer->carry.len > 0;
}

static void drop_carry(struct kfs_writer *writer)
{
    /* A carry that once held a large record is not kept for ever. */
    if (writer->carry.cap > KFS_RECORD_BYTES_DEFAULT / 4)
        kfs_buf_release(&writer->carry);
    writer->carry.len = 0;
    writer->scanned = 0;
}

/* ---- the limit ---- */

/* Whether a record of so many bytes is over the limit. The limit may have been raised meanwhile. */
static bool too_large(struct kfs_writer *writer, size_t len, size_t limit)
{
    struct kfs_stream_info info;

    if (len <= limit)
        return false;
    if (kfs_stream_info(writer->stream, &info, NULL) != 0)
        return true;
    size_t old = writer->record_max;
    set_limit(writer, info.max_record_bytes);
    return len > limit - old + writer->record_max;
}

static int refuse(struct kfs_writer *writer, struct kfs_error *err)
{
    drop_carry(writer);
    writer->records++;
    if (writer->encoder.coding.compression != NULL)
        return kfs_fail_aws(err, EMSGSIZE, "ValidationException",
                            "record %" PRIu64
                            " since the open is over %zu bytes, or compressed over the stream's limit "
                            "of %zu bytes, and was refused",
                            writer->records, writer->record_max, writer->stream_max);
    if (writer->record_max == writer->framing->record_max && writer->record_max < KFS_RECORD_BYTES_DEFAULT)
        return kfs_fail_aws(err, EMSGSIZE, "ValidationException",
                            "record %" PRIu64 " since the open is over the %zu bytes that the view %s can take in one "
                            "write, and was refused; the view len takes larger ones",
                            writer->records, writer->record_max, writer->framing->name);
    return kfs_fail_aws(err, EMSGSIZE, "ValidationException",
                        "record %" PRIu64 " since the open is over the stream's limit of %zu bytes and was refused; "
                        "up to %u bytes are possible (setfattr -n user.kinesis.max_record_kib)",
                        writer->records, writer->record_max, KFS_RECORD_BYTES_MAX);
}

/* Drops a record that is none, and says which it was. Returns -EINVAL. */
static int drop_malformed(struct kfs_writer *writer, struct kfs_error *err)
{
    drop_carry(writer);
    writer->records++;
    if (err != NULL) {
        size_t len = strlen(err->text);
        (void)snprintf(err->text + len, sizeof err->text - len, " (%s %" PRIu64 " since the open)",
                       writer->framing == &kfs_framing_json ? "line" : "record", writer->records);
    }
    return -EINVAL;
}

static uint32_t fingerprint(const char *data, size_t len)
{
    return kfs_crc32c(0, data, len < FINGERPRINT_MAX ? len : FINGERPRINT_MAX);
}

static void remember_refused(struct kfs_writer *writer, const char *data, size_t len)
{
    writer->refused = true;
    writer->refused_len = len;
    writer->refused_crc = fingerprint(data, len);
}

/* Whether this is the write that was refused last, tried again. */
static bool is_retry(struct kfs_writer *writer, const char *data, size_t len)
{
    if (!writer->refused)
        return false;
    writer->refused = false;
    /* Another buffer may be cut differently by the kernel, so only the beginning must be the same. */
    size_t both = len < writer->refused_len ? len : writer->refused_len;
    if (both < FINGERPRINT_MAX && len != writer->refused_len)
        return false;
    return fingerprint(data, len) == writer->refused_crc;
}

/* ---- records ---- */

static void random_key(struct kfs_writer *writer, char key[KEY_DIGITS + 1])
{
    static const char digits[] = "0123456789abcdef";
    uint64_t x = writer->random;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    writer->random = x;
    for (int i = 0; i < KEY_DIGITS; i++, x >>= 4)
        key[i] = digits[x & 15];
}

/* Chooses the key of a record that has none: by the rule of the view; where that finds none,
 * or there is none, a random one in `all`, in a shard none, which is the shard's id. */
static void choose_key(struct kfs_writer *writer, struct batch *batch, struct kfs_put *put)
{
    enum kfs_key_type type = writer->keyer.rule.type;
    char *room = batch->rooms[batch->rooms_used];

    if (type != KFS_KEY_CHOSEN && type != KFS_KEY_RANDOM) {
        if (kfs_keyer_find(&writer->keyer, put->data, room, &put->key)) {
            batch->rooms_used += put->key.data == room;
            return;
        }
        batch->keyless++;
    }
    if (writer->shard == KFS_NO_SHARD || type == KFS_KEY_RANDOM) {
        random_key(writer, batch->keys[batch->n]);
        put->key = (struct kfs_bytes){batch->keys[batch->n], KEY_DIGITS};
    }
}

/* Compresses a record, whose key has been taken from it. The limit may have been raised meanwhile. */
static int compress(struct kfs_writer *writer, struct kfs_put *put)
{
    struct kfs_stream_info info;
    int rc = kfs_encoder_compress(&writer->encoder, put, writer->stream_max);

    if (rc != -EMSGSIZE || kfs_stream_info(writer->stream, &info, NULL) != 0 ||
        info.max_record_bytes <= writer->stream_max)
        return rc;
    set_limit(writer, info.max_record_bytes);
    return kfs_encoder_compress(&writer->encoder, put, writer->stream_max);
}

/* Adds a record to the batch. -EINVAL and -EMSGSIZE are about this record. */
static int add_record(struct kfs_writer *writer, struct batch *batch, const struct kfs_cut *cut, struct kfs_error *err)
{
    struct kfs_put *put = &batch->puts[batch->n];

    *put = (struct kfs_put){.data = cut->payload, .newline_follows = cut->newline_follows};
    if (writer->framing->decode != NULL) {
        int rc = writer->framing->decode(cut->payload, put, &batch->scratch, err);
        if (rc != 0)
            return rc;
    }
    if (too_large(writer, put->data.len, writer->record_max))
        return -EMSGSIZE;
    if (put->key.len == 0)
        choose_key(writer, batch, put);
    if (writer->encoder.coding.compression != NULL) {
        int rc = compress(writer, put);
        if (rc != 0)
            return rc;
    }
    batch->n++;
    return 0;
}

/* Adds to the carry until it holds a whole record. Returns the bytes of data that belong
 * to it, 0 where there is no end in all of data, or -errno. */
static ssize_t complete_carry(struct kfs_writer *writer, const char *data, size_t len, struct kfs_cut *cut,
                              struct kfs_error *err)
{
    size_t old_len = writer->carry.len;
    size_t taken = 0;
    size_t piece = FIRST_PIECE;

    cut->scanned = writer->scanned;
    while (taken < len) {
        piece = lower(piece, len - taken);
        piece = lower(piece, writer->carry.max - writer->carry.len);
        if (piece == 0)
            return -EMSGSIZE; /* the carry is as large as the largest record there can be */
        int rc = kfs_buf_append(&writer->carry, data + taken, piece);
        if (rc != 0)
            return kfs_fail(err, -rc, "out of memory");
        taken += piece;
        ssize_t end = writer->framing->cut((struct kfs_bytes){writer->carry.data, writer->carry.len}, cut, err);
        if (end != 0)
            return end < 0 ? end : end - (ssize_t)old_len;
        piece *= 2;
    }
    return 0;
}

/* Cuts records out of data, which follows the carry, into the batch. Returns the bytes
 * that the batch covers. *rc tells why it stopped: 0 batch full or nothing left,
 * -EAGAIN an incomplete record is left, else what is wrong with the next record. */
static size_t cut_records(struct kfs_writer *writer, struct batch *batch, const char *data, size_t len, int *rc,
                          struct kfs_error *err)
{
    size_t covered = 0;

    *rc = 0;
    while (covered < len && batch->n < PUTS_MAX && batch->rooms_used < ROOMS_MAX && *rc == 0) {
        struct kfs_cut cut = {0};
        ssize_t n;
        if (batch->n == 0 && writer->carry.len > 0) {
            n = complete_carry(writer, data, len, &cut, err);
        } else {
            n = writer->framing->cut((struct kfs_bytes){data + covered, len - covered}, &cut, err);
            if (n == 0)
                writer->scanned = cut.scanned;
        }
        writer->needed = n == 0 ? cut.needed : 0;
        if (n <= 0) {
            *rc = n == 0 ? -EAGAIN : (int)n;
            break;
        }
        *rc = add_record(writer, batch, &cut, err);
        if (*rc == 0)
            covered += (size_t)n;
    }
    return covered;
}

/* ---- writing ---- */

static void begin_batch(struct kfs_writer *writer, struct batch *batch)
{
    kfs_encoder_begin(&writer->encoder);
    batch->n = 0;
    batch->rooms_used = 0;
    batch->keyless = 0;
    batch->scratch.len = 0;
}

/* A record of a shard's file is the shard's whatever its key; so it is its children's. */
static int append_elsewhere(struct kfs_writer *writer, struct batch *batch, struct kfs_error *err)
{
    kfs_hash *hashes = batch->hashes;

    kfs_shard_name_print(writer->shard, batch->id);
    for (size_t i = 0; i < batch->n; i++) {
        struct kfs_put *put = &batch->puts[i];
        if (put->key.len == 0)
            put->key = (struct kfs_bytes){batch->id, KFS_SHARD_NAME_LEN};
        hashes[i] = put->explicit_hash != NULL ? *put->explicit_hash : kfs_hash_of_key(put->key.data, put->key.len);
        if (!kfs_hash_in(&writer->range, hashes[i]))
            hashes[i] = writer->range.start;
        put->explicit_hash = &hashes[i];
    }
    writer->elsewhere = true;
    writer->encoder.shard = KFS_NO_SHARD;
    return kfs_encoder_append(&writer->encoder, batch->puts, batch->n, writer->stream_max, err);
}

static int append(struct kfs_writer *writer, struct batch *batch, struct kfs_error *err)
{
    /* A shard that was closed stays so. */
    int rc = -EROFS;

    if (!writer->elsewhere)
        rc = kfs_encoder_append(&writer->encoder, batch->puts, batch->n, writer->stream_max, err);
    return rc == -EROFS && writer->follows ? append_elsewhere(writer, batch, err) : rc;
}

/* One round: up to PUTS_MAX records. Returns bytes taken, or -errno where nothing was. */
static ssize_t write_round(struct kfs_writer *writer, struct batch *batch, const char *data, size_t len,
                           struct kfs_error *err)
{
    const size_t old_carry = writer->carry.len;
    const size_t old_scanned = writer->scanned;
    int stopped;

    begin_batch(writer, batch);
    if (writer->framing->decode != NULL && kfs_buf_reserve(&batch->scratch, old_carry + len + PUTS_MAX) != 0)
        return kfs_fail(err, ENOMEM, "out of memory");
    size_t covered = cut_records(writer, batch, data, len, &stopped, err);
    if (batch->n > 0) {
        int rc = append(writer, batch, err);
        if (rc != 0) {
            writer->carry.len = old_carry;
            writer->scanned = old_scanned;
            return rc;
        }
        drop_carry(writer);
        writer->records += batch->n;
        writer->keyless += batch->keyless;
        return (ssize_t)covered;
    }
    if (stopped == -EAGAIN) {
        /* No end in all of data: it is carried, unless it was already added. */
        size_t limit = writer->framing->framed_max(writer->record_max) - 1; /* its end must still come */
        int rc = 0;
        if (too_large(writer, old_carry + len, limit) || too_large(writer, writer->needed, writer->record_max))
            rc = -EMSGSIZE;
        else if (old_carry == 0)
            rc = kfs_buf_append(&writer->carry, data, len);
        if (rc == 0) {
            if (old_carry > 0)
                writer->scanned = writer->carry.len;
            return (ssize_t)len;
        }
        stopped = rc;
    }
    if (stopped == -EMSGSIZE)
        return refuse(writer, err);
    if (stopped == -EINVAL)
        return drop_malformed(writer, err);
    writer->carry.len = old_carry;
    return stopped;
}

ssize_t kfs_writer_write(struct kfs_writer *writer, const char *data, size_t len, struct kfs_error *err)
{
    struct batch batch;
    size_t taken = 0;
    ssize_t n = 0;

    if (is_retry(writer, data, len))
        return refuse(writer, err);
    kfs_buf_init(&batch.scratch, 2 * writer->carry.max + PUTS_MAX);
    while (taken < len) {
        n = write_round(writer, &batch, data + taken, len - taken, err);
        if (n < 0)
            break;
        taken += (size_t)n;
    }
    kfs_buf_release(&batch.scratch);
    /* What stopped a write that took something is met again by the next one, and counted then. */
    if (taken > 0 && (n == -EMSGSIZE || n == -EINVAL))
        writer->records--;
    if (n == -EMSGSIZE)
        remember_refused(writer, data + taken, len - taken);
    return taken > 0 ? (ssize_t)taken : n;
}

int kfs_writer_finish(struct kfs_writer *writer, bool last, struct kfs_error *err)
{
    struct batch batch;
    const struct kfs_cut cut = {.payload = {writer->carry.data, writer->carry.len}};

    if (writer->carry.len == 0)
        return 0;
    if (!writer->framing->partial_is_record) {
        if (!last)
            return kfs_fail(err, EINVAL, "inside a record of the view %s, of which nothing can be durable yet",
                            writer->framing->name);
        (void)kfs_fail(err, EINVAL, "the file ended inside a record of the view %s; it was refused",
                       writer->framing->name);
        return drop_malformed(writer, err);
    }
    kfs_buf_init(&batch.scratch, 2 * writer->carry.max + PUTS_MAX);
    begin_batch(writer, &batch);
    int rc = kfs_buf_reserve(&batch.scratch, writer->carry.len + 1);
    if (rc == 0)
        rc = add_record(writer, &batch, &cut, err);
    if (rc == -EMSGSIZE)
        rc = refuse(writer, err);
    else if (rc == -EINVAL && last)
        (void)drop_malformed(writer, err);
    if (rc == 0)
        rc = append(writer, &batch, err);
    if (rc == 0) {
        drop_carry(writer);
        writer->records++;
        writer->keyless += batch.keyless;
    }
    kfs_buf_release(&batch.scratch);
    return rc;
}
