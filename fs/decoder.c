#include "fs/decoder.h"

#include <assert.h>
#include <errno.h>

#include "backend/base/aggregate.h"

/* Memory for expanding that is kept from record to record. */
#define EXPANDED_KEPT ((size_t)64 << 10)

/* A record that failed to expand cost no more work than this many times its size, unless its buffer is larger. */
#define CHEAP 8

/* Beyond what kfs_framing.framed_max has for one record, of each of several: names and numbers of json. */
#define RECORD_FRAME_MAX ((size_t)512)

void kfs_decoder_init(struct kfs_decoder *d, const struct kfs_framing *framing, struct kfs_coding coding)
{
    *d = (struct kfs_decoder){.framing = framing, .coding = coding};
    kfs_kpl_reader_init(&d->kpl);
    kfs_buf_init(&d->expanded, KFS_RECORD_BYTES_MAX);
}

void kfs_decoder_trim(struct kfs_decoder *d)
{
    if (d->expander != NULL)
        d->coding.compression->context_free(d->expander);
    d->expander = NULL;
    kfs_buf_release(&d->expanded);
    kfs_kpl_reader_release(&d->kpl);
    kfs_kpl_reader_init(&d->kpl);
}

void kfs_decoder_release(struct kfs_decoder *d)
{
    kfs_decoder_trim(d);
}

size_t kfs_decoder_frame(const struct kfs_decoder *d)
{
    return kfs_coding_none(d->coding) ? d->framing->frame : KFS_FRAME_VARIES;
}

bool kfs_decoder_takes_apart(const struct kfs_decoder *d)
{
    return d->coding.aggregates || d->framing->takes_apart;
}

static bool is_aggregate(const struct kfs_decoder *d, const struct kfs_record *record)
{
    return d->coding.aggregates ? kfs_aggregate_begins(record->data) : d->framing->takes_apart && record->aggregate;
}

static bool is_plain(const struct kfs_decoder *d, const struct kfs_record *record)
{
    return d->coding.compression == NULL && !is_aggregate(d, record);
}

size_t kfs_decoder_plain(const struct kfs_decoder *d, const struct kfs_record *records, size_t n)
{
    size_t plain = 0;

    while (plain < n && is_plain(d, &records[plain]))
        plain++;
    return plain;
}

size_t kfs_decoder_max(const struct kfs_decoder *d)
{
    if (!kfs_decoder_takes_apart(d))
        return d->framing->framed_max(KFS_RECORD_BYTES_MAX);
    return d->framing->framed_max(2 * KFS_DECODED_BYTES_MAX) + KFS_DECODED_RECORDS_MAX * RECORD_FRAME_MAX;
}

/* ---- decoding ---- */

/* What is done with each record that comes out: it is rendered, or its size is added. */
struct pass {
    struct kfs_buf *out; /* NULL: sizes */
    uint32_t shard;
    size_t size;
    size_t spent; /* bytes expanded */
    struct kfs_undecoded undecoded;
};

static void note(struct pass *p, const struct kfs_record *record, int rc)
{
    p->undecoded.records++;
    if (rc != -EMSGSIZE)
        return;
    p->undecoded.over = true;
    p->undecoded.seq = record->seq;
    p->undecoded.shard = p->shard;
}

static int show(const struct kfs_decoder *d, struct pass *p, const struct kfs_record *record)
{
    if (p->out != NULL)
        return d->framing->render(record, p->shard, p->out);
    p->size += d->framing->rendered_size(record);
    return 0;
}

/* Expands into d->expanded, which is empty. A stored record that holds many gets no more
 * work done for it than one: when the bound is met, the rest of it is left as it is. */
static int expand(struct kfs_decoder *d, struct pass *p, struct kfs_bytes data)
{
    if (p->spent >= KFS_DECODED_BYTES_MAX)
        return -EMSGSIZE;
    if (d->expander == NULL)
        d->expander = d->coding.compression->context_new();
    if (d->expander == NULL)
        return -ENOMEM;
    int rc = d->coding.compression->expand(d->expander, data, &d->expanded);
    if (rc == 0 && d->expanded.len > KFS_DECODED_BYTES_MAX - p->spent)
        rc = -EMSGSIZE;
    if (rc == -EMSGSIZE)
        p->spent = KFS_DECODED_BYTES_MAX;
    else if (rc == 0)
        p->spent += d->expanded.len;
    else if (d->expanded.cap > EXPANDED_KEPT && d->expanded.cap / CHEAP > data.len)
        p->spent += d->expanded.cap;
    return rc;
}

/* Shows a record that is none of several any more. */
static int decode_one(struct kfs_decoder *d, struct pass *p, const struct kfs_record *record)
{
    struct kfs_record shown = *record;
    int rc;

    if (d->coding.compression == NULL)
        return show(d, p, record);
    rc = expand(d, p, record->data);
    if (rc == 0)
        shown.data = (struct kfs_bytes){d->expanded.data, d->expanded.len};
    else if (rc != -ENOMEM)
        note(p, record, rc);
    if (rc != -ENOMEM)
        rc = show(d, p, &shown);
    d->expanded.len = 0;
    if (d->expanded.cap > EXPANDED_KEPT)
        kfs_buf_release(&d->expanded);
    return rc;
}

static int decode(struct kfs_decoder *d, struct pass *p, const struct kfs_record *record)
{
    static const struct kfs_kpl_limit limit = {.records = KFS_DECODED_RECORDS_MAX, .bytes = KFS_DECODED_BYTES_MAX};
    struct kfs_kpl_record user;
    int rc;

    if (!is_aggregate(d, record))
        return decode_one(d, p, record);
    rc = kfs_kpl_open(&d->kpl, record->data, &limit);
    if (rc == -ENOMEM)
        return rc;
    if (rc != 0) {
        note(p, record, rc);
        return decode_one(d, p, record);
    }
    while (rc == 0 && kfs_kpl_next(&d->kpl, &user)) {
        struct kfs_record one = *record;
        one.key = user.key;
        one.data = user.data;
        one.sub = user.index + 1;
        rc = decode_one(d, p, &one);
    }
    return rc;
}

int kfs_decoder_render(struct kfs_decoder *d, const struct kfs_record *record, uint32_t shard, struct kfs_buf *out)
{
    struct pass p = {.out = out, .shard = shard};
    size_t had = out->len;
    int rc;

    if (is_plain(d, record))
        return d->framing->render(record, shard, out);
    rc = decode(d, &p, record);
    if (rc != 0) {
        out->len = had;
        return rc;
    }
    d->undecoded.records += p.undecoded.records;
    if (p.undecoded.over) {
        d->undecoded.over = true;
        d->undecoded.seq = p.undecoded.seq;
        d->undecoded.shard = p.undecoded.shard;
    }
    return 0;
}

int kfs_decoder_size(struct kfs_decoder *d, const struct kfs_record *record, size_t *size)
{
    struct pass p = {.out = NULL};
    int rc = 0;

    if (is_plain(d, record))
        p.size = d->framing->rendered_size(record);
    else
        rc = decode(d, &p, record);
    if (rc == 0)
        *size = p.size;
    return rc;
}
