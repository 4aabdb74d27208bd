#include "tests/support/fsckcheck.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

char fw_note[256];

void fw_failed(const struct fw_fsck *f, const char *what, const char *file, int line)
{
    print_error("not so: %s (%s:%d)\n  %s\n  status %d\n%s", what, file, line, fw_note, f != NULL ? f->status : 0,
                f != NULL ? f->log : "");
    fail();
}

static void note_segments(struct fw_model *model)
{
    struct fw_paths paths;

    fw_list(model->disk, &paths);
    for (size_t i = 0; i < paths.n; i++) {
        const char *path = paths.paths[i];
        if (strstr(path, ".data") != NULL)
            model->segments[model->n_segments++] = (struct fw_range){
                .shard = strstr(path, FW_SHARD1) != NULL ? 1 : 0, .from = strtoull(strrchr(path, '/') + 1, NULL, 10)};
    }
}

void fw_model_init(struct fw_model *model, struct simdisk *disk, size_t unsynced)
{
    struct simdisk *copy = simdisk_kill(disk);

    *model = (struct fw_model){.disk = disk};
    fw_read(copy, &model->records);
    simdisk_free(copy);
    assert_int_equal(model->records.error, 0);
    assert_true(model->records.n > 0);
    note_segments(model);
    for (size_t i = 0; i < model->records.n; i++) {
        const struct fw_record *r = &model->records.records[i];
        if (r->shard != 0)
            break;
        model->highest = r->seq;
        model->synced = r->offset + r->len + 1;
        if (i >= unsynced)
            model->synced = model->records.records[i - unsynced].offset + model->records.records[i - unsynced].len + 1;
    }
}

void fw_model_release(struct fw_model *model)
{
    simdisk_free(model->disk);
    fw_free(&model->records);
}

static bool same_data(const struct fw_record *a, const struct fw_record *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static bool same_all(const struct fw_record *a, const struct fw_record *b)
{
    return same_data(a, b) && a->key_len == b->key_len && memcmp(a->key, b->key, a->key_len) == 0 &&
           a->arrival_ms == b->arrival_ms;
}

bool fw_same(const struct fw_records *a, const struct fw_records *b, bool exactly)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        const struct fw_record *x = &a->records[i];
        const struct fw_record *y = &b->records[i];
        if (x->shard != y->shard || x->offset != y->offset || !same_data(x, y))
            return false;
        if (exactly && (!same_all(x, y) || kfs_seq_cmp(&x->seq, &y->seq) != 0))
            return false;
    }
    return true;
}

/* Whether a record was said to be lost, or may have been among those of which no one knows. */
static bool said_lost(const struct fw_fsck *f, const struct fw_record *r)
{
    for (size_t i = 0; i < f->n_lost; i++) {
        if (f->lost[i].shard == r->shard && f->lost[i].from <= r->offset && r->offset + r->len < f->lost[i].to)
            return true;
    }
    return f->lost_unknown;
}

/* Whether a record's segment was made again from its lines. */
static bool is_framed(const struct fw_model *model, const struct fw_fsck *f, const struct fw_record *r)
{
    for (size_t i = 0; i < f->n_framed; i++) {
        uint64_t end = UINT64_MAX;
        for (size_t k = 0; k < model->n_segments; k++) {
            const struct fw_range *s = &model->segments[k];
            if (s->shard == r->shard && s->from > f->framed[i].from && s->from < end)
                end = s->from;
        }
        if (f->framed[i].shard == r->shard && f->framed[i].from <= r->offset && r->offset < end)
            return true;
    }
    return false;
}

static bool is_promised(const struct fw_model *model, const struct fw_record *r)
{
    return r->shard != 0 || r->offset < model->synced;
}

static bool matches(const struct fw_model *model, const struct fw_fsck *f, const struct fw_record *of_model,
                    const struct fw_record *r)
{
    if (of_model->shard != r->shard)
        return false;
    if (is_framed(model, f, of_model))
        return !model->lines_may_be_wrong && same_data(of_model, r);
    return kfs_seq_cmp(&of_model->seq, &r->seq) == 0 && same_all(of_model, r);
}

/* A stretch of the model that was not read: all of it was said to be lost. */
struct left_out {
    size_t n;
    const struct fw_record *first;
};

static void leave_out(const struct fw_model *model, const struct fw_fsck *f, const struct fw_record *from,
                      const struct fw_record *to, struct left_out *out)
{
    for (const struct fw_record *m = from; m < to; m++) {
        if (!is_promised(model, m) || (model->lines_may_be_wrong && is_framed(model, f, m)))
            continue;
        if (!said_lost(f, m))
            print_error("the record at %llu of shard %u is gone\n", (unsigned long long)m->offset, m->shard);
        FW_CHECK(f, said_lost(f, m));
        if (out->n++ == 0)
            out->first = m;
    }
}

/* Finds each record that was read in the model, in order; what it passes is left out. */
static struct left_out compare(const struct fw_model *model, const struct fw_records *got, const struct fw_fsck *f)
{
    const struct fw_record *at = model->records.records;
    const struct fw_record *end = at + model->records.n;
    struct left_out out = {0};

    for (size_t i = 0; i < got->n; i++) {
        const struct fw_record *r = &got->records[i];
        const struct fw_record *found = at;
        if (i > 0 && r->shard == r[-1].shard)
            FW_CHECK(f, kfs_seq_cmp(&r->seq, &r[-1].seq) > 0 && r->arrival_ms >= r[-1].arrival_ms);
        while (found < end && !matches(model, f, found, r))
            found++;
        if (found == end && model->lines_may_be_wrong && f->renumbered)
            continue; /* a line */
        FW_CHECK(f, found < end);
        leave_out(model, f, at, found, &out);
        at = found + 1;
    }
    leave_out(model, f, at, end, &out);
    return out;
}

/* The check alone: changes nothing, and passes no damage that a reader would meet. */
static int check_only(const struct fw_model *model, struct simdisk *disk)
{
    static struct fw_fsck f;
    struct fw_records got;
    uint64_t changes = simdisk_changes(disk);

    fw_fsck(disk, KFS_FSCK_CHECK, &f);
    FW_CHECK(&f, simdisk_changes(disk) - changes <= 2); /* the lock, cut and written */
    FW_CHECK(&f, (f.status == 0) == (f.findings == 0));
    struct simdisk *copy = simdisk_kill(disk);
    fw_read(copy, &got);
    if (f.status == 0)
        FW_CHECK(&f, got.error == 0 && compare(model, &got, &f).n == 0);
    fw_free(&got);
    simdisk_free(copy);
    return f.status;
}

size_t fw_repair(const struct fw_model *model, struct simdisk *disk, const struct fw_record **lost)
{
    static struct fw_fsck f;
    static struct fw_fsck again;
    struct fw_records got;
    int found = check_only(model, disk);

    fw_fsck(disk, KFS_FSCK_REPAIR, &f);
    FW_CHECK(&f, f.status == (found == 0 ? 0 : KFS_FSCK_REPAIRED));
    fw_fsck(disk, KFS_FSCK_CHECK, &again);
    FW_CHECK(&again, again.status == 0 && again.findings == 0);
    fw_read(disk, &got);
    if (got.error != 0)
        print_error("%s\n", got.text);
    FW_CHECK(&f, got.error == 0);
    struct left_out out = compare(model, &got, &f);
    if (lost != NULL)
        *lost = out.first;
    fw_free(&got);
    fw_append(disk, &model->highest);
    simdisk_free(disk);
    return out.n;
}
