/* Damaged stores: whatever byte is wrong, missing or too much, reads return the
 * right bytes or -EIO. What was synced is never cut off without a word. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/logger.h"
#include "tests/support/logworld.h"

struct store {
    const char *script;
    uint64_t segment_bytes;
};

static const struct store stores[] = {
    {"aas3", 1000},           /* synced records, and a tail that is not */
    {"aaasaaasas", 60},       /* sealed segments */
    {"aaasaaasasr-arae", 60}, /* numbers that do not follow */
    {"PsP", 10000},           /* several index pages */
    {"aaasaaasaasts", 60},    /* a horizon */
};

struct victim {
    struct world *model;
    const char *name;
    char *data;
    size_t size;
    uint64_t stride; /* 1: every byte */
};

/* The first record that begins after an offset; the model's end where there is none. */
static uint64_t record_after(const struct world *w, uint64_t offset)
{
    for (size_t i = 0; i < w->n; i++) {
        if (w->records[i].offset > offset)
            return w->records[i].offset;
    }
    return world_end(w);
}

static void compare(struct world *w, const struct kfs_record *got)
{
    const struct world_record *r = w->records;
    char data[2000];
    char key[KFS_PARTITION_KEY_BYTES_MAX];

    while (r < w->records + w->n && r->offset != got->offset)
        r++;
    CHECK(w, r < w->records + w->n);
    world_data(r, data);
    world_key(r, key);
    CHECK(w, got->data.len == r->len && memcmp(got->data.data, data, r->len) == 0);
    CHECK(w, got->key.len == r->key_len && memcmp(got->key.data, key, r->key_len) == 0);
    CHECK(w, kfs_seq_cmp(&got->seq, &r->seq) == 0 && got->arrival_ms == r->arrival_ms);
}

/* Reads everything, record by record; damaged ones are passed over. Returns how many there were. */
static size_t read_records(struct world *w, struct kfs_log_reader *reader, const struct kfs_log_extent *extent)
{
    struct kfs_limit limit = {5, 100};
    struct kfs_batch batch;
    size_t n = 0;

    kfs_batch_init(&batch);
    for (uint64_t at = extent->horizon; at < extent->end && at < world_end(w);) {
        int rc = kfs_log_read(reader, at, &limit, &batch, &w->err);
        CHECK(w, rc == 0 || rc == -EIO);
        if (rc == 0)
            CHECK(w, batch.n > 0 && batch.next > at && batch.next <= batch.tip);
        for (size_t i = 0; rc == 0 && i < batch.n; i++, n++)
            compare(w, &batch.records[i]);
        at = rc == 0 ? batch.next : record_after(w, at);
    }
    kfs_batch_release(&batch);
    return n;
}

static void read_bytes(struct world *w, struct kfs_log_reader *reader, const struct kfs_log_extent *extent, size_t step)
{
    uint64_t end = world_end(w);
    char *want = malloc((size_t)end + 1);
    char got[4096];

    if (want == NULL)
        abort();
    world_bytes(w, 0, want, (size_t)end);
    for (uint64_t at = extent->horizon; at < extent->end; at += step) {
        ssize_t n = kfs_log_read_bytes(reader, at, got, sizeof got, &w->err);
        CHECK(w, n > 0 || n == -EIO);
        CHECK(w, n <= 0 || at + (uint64_t)n <= end);
        CHECK(w, n <= 0 || memcmp(got, want + at, (size_t)n) == 0);
    }
    free(want);
}

/* Records as they are stored are whole ones, or none where there is damage. */
static void read_stored(struct world *w, struct kfs_log_reader *reader, const struct kfs_log_extent *extent)
{
    struct kfs_stored stored = {.room = 200, .frame = 4};
    uint64_t at = extent->horizon;

    while (at < extent->end && at < world_end(w)) {
        stored.n = 0;
        int rc = kfs_log_read_stored(reader, at, &stored, &w->err);
        CHECK(w, rc == 0 || rc == -EIO);
        if (rc != 0 || stored.n == 0) {
            at = record_after(w, at);
            continue;
        }
        char want[KFS_STORED_BYTES];
        uint64_t next = at;
        for (size_t i = 0; i < stored.n; i++) {
            next = record_after(w, next);
            CHECK(w, at + stored.ends[i] == next);
        }
        CHECK(w, stored.ends[stored.n - 1] <= sizeof want);
        world_bytes(w, at, want, stored.ends[stored.n - 1]);
        CHECK(w, memcmp(stored.bytes, want, stored.ends[stored.n - 1]) == 0);
        at = next;
    }
}

static void check_positions(struct world *w, struct kfs_log_reader *reader)
{
    for (int type = KFS_AT_HORIZON; type <= KFS_LAST_RECORDS; type++) {
        const struct world_record *r = &w->records[w->n / 2];
        struct kfs_position p = {.type = (enum kfs_position_type)type, .count = 3};
        uint64_t offset;
        p.seq = r->seq;
        p.time_ms = r->arrival_ms;
        p.offset = r->offset;
        int rc = kfs_log_locate(reader, &p, &offset, &w->err);
        CHECK(w, rc == 0 || rc == -EIO);
    }
}

/* Opens a damaged disk (which it takes) and looks at everything. */
static void look(const struct world *model, struct simdisk *disk)
{
    struct kfs_log_extent extent;
    struct kfs_log_reader *reader;
    struct world w;

    world_fork(&w, model, disk);
    CHECK(&w, world_try_open(&w) == 0);
    bool damaged = kfs_log_damage(w.log, &w.err) != 0;
    kfs_log_extent(w.log, &extent);
    CHECK(&w, extent.kept <= extent.horizon && extent.horizon <= extent.end);
    CHECK(&w, (extent.horizon == extent.end) == (extent.first_record == extent.next_record));
    CHECK(&w, extent.first_record <= extent.next_record);
    CHECK(&w, damaged || (extent.next_record >= w.synced && extent.next_record <= w.n));
    CHECK(&w, kfs_log_reader_open(w.log, &reader) == 0);
    (void)read_records(&w, reader, &extent);
    read_bytes(&w, reader, &extent, w.n > 50 ? 97 : 13);
    read_stored(&w, reader, &extent);
    check_positions(&w, reader);
    kfs_log_reader_close(reader);
    (void)kfs_log_trim_age(w.log, w.now_ms, true, NULL);
    if (!damaged) {
        w.n = (size_t)extent.next_record;
        CHECK(&w, world_append_one(&w, 20) == 0 && world_sync(&w) == 0);
    } else {
        CHECK(&w, world_append_one(&w, 20) == -EIO);
    }
    (void)world_close(&w);
    world_release(&w);
}

/* ---- kinds of damage ---- */

static void flip(struct victim *v, size_t at, uint8_t mask)
{
    struct simdisk *disk = simdisk_kill(v->model->disk);
    struct world *model = v->model;

    (void)snprintf(model->note, sizeof model->note, "%s: byte %zu ^ %#x", v->name, at, mask);
    v->data[at] = (char)(v->data[at] ^ mask);
    simdisk_put(disk, v->name, v->data, v->size);
    v->data[at] = (char)(v->data[at] ^ mask);
    look(model, disk);
}

static void cut_to(struct victim *v, size_t size)
{
    struct simdisk *disk = simdisk_kill(v->model->disk);
    struct world *model = v->model;

    (void)snprintf(model->note, sizeof model->note, "%s: cut to %zu", v->name, size);
    simdisk_put(disk, v->name, v->data, size);
    look(model, disk);
}

static void remove_file(struct victim *v)
{
    struct simdisk *disk = simdisk_kill(v->model->disk);
    struct world *model = v->model;

    (void)snprintf(model->note, sizeof model->note, "%s: removed", v->name);
    simdisk_put(disk, v->name, NULL, 0);
    look(model, disk);
}

static void grow(struct victim *v, char with)
{
    struct simdisk *disk = simdisk_kill(v->model->disk);
    struct world *model = v->model;
    char *more = malloc(v->size + 5000);

    if (more == NULL)
        abort();
    (void)snprintf(model->note, sizeof model->note, "%s: 5000 bytes %#x more", v->name, (unsigned int)with);
    memcpy(more, v->data, v->size);
    memset(more + v->size, with, 5000);
    simdisk_put(disk, v->name, more, v->size + 5000);
    free(more);
    look(model, disk);
}

/* Where in page 0 of an index nothing is written. */
static bool is_padding(const struct victim *v, size_t at)
{
    if (strstr(v->name, ".index") == NULL || at >= 4096)
        return false;
    return !(at < 64 || (at >= 512 && at < 576) || (at >= 1024 && at < 1088)) && at % 128 != 0;
}

static void damage_file(struct victim *v)
{
    remove_file(v);
    grow(v, 0);
    grow(v, 'x');
    for (size_t at = 0; at < v->size; at += is_padding(v, at) ? 1 : v->stride) {
        if (is_padding(v, at))
            continue;
        flip(v, at, 0xff);
        for (unsigned int bit = 0; bit < 8; bit++)
            flip(v, at, (uint8_t)(1U << bit));
        cut_to(v, at);
    }
}

static int note_name(void *arg, const char *name)
{
    char(*names)[64] = arg;

    while ((*names)[0] != '\0')
        names++;
    (void)snprintf(*names, sizeof *names, "%s", name);
    return 0;
}

static void damage_is_never_served(void **state)
{
    const struct store *store = *state;
    char names[16][64] = {{0}};
    struct world w;

    world_init(&w, simdisk_new(), store->segment_bytes);
    world_open(&w);
    for (const char *p = store->script; *p != '\0'; p++)
        world_step(&w, *p);
    struct simdisk *killed = simdisk_kill(w.disk);
    kfs_log_close(w.log);
    w.log = NULL;
    simdisk_free(w.disk);
    w.disk = killed;
    w.io = simdisk_io(killed);
    int dir = simdisk_root(killed);
    assert_int_equal(w.io->list(w.io->ctx, dir, note_name, names), 0);
    w.io->close(w.io->ctx, dir);
    for (size_t i = 0; names[i][0] != '\0'; i++) {
        struct victim v = {.model = &w, .name = names[i], .stride = 1}; /* coprime to what lies in the files */
        const char *data = simdisk_look(killed, v.name, &v.size);
        v.data = malloc(v.size + 1);
        if (v.data == NULL)
            abort();
        memcpy(v.data, data, v.size);
        if (getenv("KFS_SOAK") == NULL)
            v.stride = v.size > 8192 ? 23 : 5;
        damage_file(&v);
        free(v.data);
    }
    world_release(&w);
}

int main(void)
{
    enum { N = sizeof stores / sizeof stores[0] };
    struct CMUnitTest tests[N];
    char names[N][64];

    kfs_log_setup(KFS_LOG_TO_STDERR, KFS_LOG_ERROR);
    for (size_t i = 0; i < N; i++) {
        (void)snprintf(names[i], sizeof names[i], "damage_to_%s_is_never_served", stores[i].script);
        tests[i] = (struct CMUnitTest){
            .name = names[i], .test_func = damage_is_never_served, .initial_state = (void *)(uintptr_t)&stores[i]};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
