#include "tests/support/logworld.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/aggregate.h"

#define EPOCH_SHIFT 39
#define BATCH_MAX 400

void world_failed(const struct world *w, const char *what, const char *file, int line)
{
    print_error("not so: %s (%s:%d)\n  %s\n  %zu records, %zu acknowledged, %zu synced; last error: %s\n", what, file,
                line, w->note, w->n, w->acked, w->synced, w->err.text);
    fail();
}

static uint64_t wall_ms(void *ctx)
{
    return *(uint64_t *)ctx;
}

void world_init(struct world *w, struct simdisk *disk, uint64_t segment_bytes)
{
    *w = (struct world){.disk = disk,
                        .dir = -1,
                        .segment_bytes = segment_bytes,
                        .now_ms = WORLD_START_MS,
                        .random = 1,
                        .aggregates_from = UINT64_MAX};
    w->io = disk != NULL ? simdisk_io(disk) : &kfs_posix_io;
    w->clock = (struct kfs_clock){&w->now_ms, wall_ms, wall_ms};
}

void world_release(struct world *w)
{
    (void)kfs_log_close(w->log);
    if (w->disk != NULL && simdisk_open_files(w->disk) != 0)
        world_failed(w, "every descriptor is closed", __FILE__, __LINE__);
    simdisk_free(w->disk);
    free(w->records);
}

void world_fork(struct world *w, const struct world *from, struct simdisk *disk)
{
    *w = *from;
    w->disk = disk;
    w->io = simdisk_io(disk);
    w->log = NULL;
    w->clock.ctx = &w->now_ms;
    w->cap = w->n + 16;
    w->records = malloc(w->cap * sizeof *w->records);
    if (w->records == NULL)
        abort();
    if (w->n > 0)
        memcpy(w->records, from->records, w->n * sizeof *w->records);
}

int world_try_open(struct world *w)
{
    struct kfs_log_config config = {.io = w->io, .clock = &w->clock, .segment_bytes = w->segment_bytes};
    int dir = w->disk != NULL ? simdisk_root(w->disk) : w->io->open(w->io->ctx, w->dir, ".", KFS_OPEN_DIR);

    w->epoch++;
    config.floor = kfs_seq_make(&(struct kfs_seq_parts){.created_s = 1, .position = w->epoch << EPOCH_SHIFT});
    w->log = NULL;
    w->err.code = 0;
    int rc = kfs_log_open(&config, dir, &w->log, &w->err);
    CHECK(w, w->err.code == -rc);
    return rc;
}

void world_open(struct world *w)
{
    int rc = world_try_open(w);

    CHECK(w, rc == 0);
    CHECK(w, kfs_log_damage(w->log, &w->err) == 0);
}

int world_close(struct world *w)
{
    bool had = w->log != NULL;
    int rc = kfs_log_close(w->log);

    w->log = NULL;
    if (had && rc == 0 && (w->disk == NULL || !simdisk_stopped(w->disk)))
        w->synced = w->acked;
    return rc;
}

void world_reopen(struct world *w)
{
    CHECK(w, world_close(w) == 0);
    world_open(w);
}

/* ---- records ---- */

static void fill(uint64_t seed, char *buf, size_t len)
{
    static const char *const alphabets[] = {"abcdefgh", "a\nb", "\n", "0123456789{}\":,\\ \n"};
    const char *alphabet = alphabets[seed % 4];
    size_t letters = strlen(alphabet);

    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = simdisk_random(&seed, UINT64_MAX);
        for (size_t k = i; k < len && k < i + 8; k++, word >>= 8)
            buf[k] = seed % 5 == 0 ? (char)(word & 0xff) : alphabet[(word & 0xff) % letters];
    }
}

void world_data(const struct world_record *r, char *buf)
{
    fill(r->seed, buf, r->len);
    if (r->len == WORLD_AGGREGATE) {
        const size_t message = WORLD_AGGREGATE - KFS_AGGREGATE_FRAME_BYTES;
        memcpy(buf, KFS_AGGREGATE_MAGIC, KFS_AGGREGATE_MAGIC_BYTES);
        kfs_md5(buf + KFS_AGGREGATE_MAGIC_BYTES, message, (uint8_t *)buf + KFS_AGGREGATE_MAGIC_BYTES + message);
    }
    buf[r->len] = '\n';
}

void world_key(const struct world_record *r, char *buf)
{
    for (size_t i = 0; i < r->key_len; i++)
        buf[i] = (char)('a' + (r->seed >> 8) % 26);
}

void world_bytes(const struct world *w, uint64_t from, char *buf, size_t len)
{
    for (size_t i = 0; i < w->n; i++) {
        const struct world_record *r = &w->records[i];
        uint64_t end = r->offset + r->len + 1;
        if (end <= from || r->offset >= from + len)
            continue;
        char *data = malloc(r->len + 1);
        if (data == NULL)
            abort();
        world_data(r, data);
        uint64_t first = r->offset > from ? r->offset : from;
        uint64_t last = end < from + len ? end : from + len;
        memcpy(buf + (first - from), data + (first - r->offset), (size_t)(last - first));
        free(data);
    }
}

uint64_t world_end(const struct world *w)
{
    return w->n > 0 ? w->records[w->n - 1].offset + w->records[w->n - 1].len + 1 : 0;
}

size_t world_len(struct world *w)
{
    static const size_t limits[] = {1, 2, 40, 40, 300, 300, 3000, 30000};

    return simdisk_random(&w->random, limits[simdisk_random(&w->random, 8)]);
}

static size_t key_len(struct world *w)
{
    uint64_t dice = simdisk_random(&w->random, 16);

    return dice == 0 ? KFS_PARTITION_KEY_BYTES_MAX : dice < 8 ? 0 : simdisk_random(&w->random, 60);
}

/* Adds records to the model, and makes their puts; *storage is to be freed. */
static void make_puts(struct world *w, const size_t *lens, size_t n, struct kfs_put *puts, char **storage)
{
    size_t total = 0;

    while (w->n + n > w->cap) {
        w->cap = w->cap * 2 + 64;
        struct world_record *records = realloc(w->records, w->cap * sizeof *records);
        if (records == NULL)
            abort();
        w->records = records;
    }
    uint64_t offset = world_end(w);
    if (w->aggregates_from != UINT64_MAX && w->aggregates_from > offset)
        w->aggregates_from = offset; /* what it was asked for was lost */
    for (size_t i = 0; i < n; i++) {
        struct world_record *r = &w->records[w->n + i];
        *r = (struct world_record){.offset = offset, .len = lens[i], .key_len = key_len(w)};
        r->seed = simdisk_random(&w->random, UINT64_MAX);
        if (r->len == WORLD_AGGREGATE && offset < w->aggregates_from)
            w->aggregates_from = offset;
        offset += r->len + 1;
        total += r->len + 1 + r->key_len;
    }
    char *at = malloc(total + 1);
    if (at == NULL)
        abort();
    *storage = at;
    for (size_t i = 0; i < n; i++) {
        const struct world_record *r = &w->records[w->n + i];
        world_data(r, at);
        puts[i] = (struct kfs_put){.data = {at, r->len}, .newline_follows = (r->seed & 64) != 0};
        if (r->len == 0 && !puts[i].newline_follows)
            puts[i].data.data = NULL;
        at += r->len + 1;
        world_key(r, at);
        puts[i].key = (struct kfs_bytes){at, r->key_len};
        at += r->key_len;
    }
    w->n += n;
}

int world_append(struct world *w, const size_t *lens, size_t n)
{
    struct kfs_put puts[BATCH_MAX];
    struct kfs_put_result results[BATCH_MAX];
    struct kfs_log_extent extent;
    char *storage;

    kfs_log_extent(w->log, &extent);
    uint64_t last = extent.last_arrival_ms;
    make_puts(w, lens, n, puts, &storage);
    int rc = kfs_log_append(w->log, puts, n, results, &w->err);
    free(storage);
    if (rc != 0) {
        if (w->disk == NULL || !simdisk_stopped(w->disk))
            w->n -= n;
        CHECK(w, rc < 0 && w->err.code == -rc);
        return rc;
    }
    kfs_log_extent(w->log, &extent);
    CHECK(w, extent.end == world_end(w) && extent.next_record == w->n);
    CHECK(w, extent.last_arrival_ms == w->now_ms ||
                 (extent.last_arrival_ms >= last && w->now_ms < extent.last_arrival_ms));
    for (size_t i = 0; i < n; i++) {
        struct world_record *r = &w->records[w->n - n + i];
        r->seq = results[i].seq;
        r->arrival_ms = extent.last_arrival_ms;
        CHECK(w, kfs_seq_cmp(&r->seq, &w->highest) > 0);
        w->highest = r->seq;
    }
    CHECK(w, kfs_seq_cmp(&extent.last, &w->highest) == 0);
    w->acked = w->n;
    return 0;
}

int world_append_one(struct world *w, size_t len)
{
    return world_append(w, &len, 1);
}

int world_sync(struct world *w)
{
    size_t covered = w->acked;
    int rc = kfs_log_sync(w->log, &w->err);

    if (rc == 0 && (w->disk == NULL || !simdisk_stopped(w->disk)))
        w->synced = covered;
    return rc;
}

/* A trim that fails may have moved the horizon, in memory or on the disk. */
static int note_horizon(struct world *w, int rc)
{
    struct kfs_log_extent extent;

    kfs_log_extent(w->log, &extent);
    CHECK(w, extent.horizon >= w->horizon);
    w->horizon = extent.horizon;
    return rc;
}

int world_trim_size(struct world *w, uint64_t bytes)
{
    return note_horizon(w, kfs_log_trim_size(w->log, bytes, &w->err));
}

int world_trim_age(struct world *w, uint64_t cutoff_ms, bool durable)
{
    int rc = note_horizon(w, kfs_log_trim_age(w->log, cutoff_ms, durable, &w->err));

    if (rc == 0 && durable && (w->disk == NULL || !simdisk_stopped(w->disk)))
        w->durable_horizon = w->horizon;
    return rc;
}

static void append_many(struct world *w, size_t n, size_t len)
{
    size_t lens[150];

    for (size_t i = 0; i < n; i++)
        lens[i] = len + (n > 1 ? i % 3 : 0);
    (void)world_append(w, lens, n);
}

void world_step(struct world *w, char what)
{
    switch (what) {
    case 'a':
        append_many(w, 1, 20);
        break;
    case 'e':
        append_many(w, 1, 0);
        break;
    case '3':
        append_many(w, 3, 5);
        break;
    case 'P':
        append_many(w, 150, 3);
        break;
    case 'L':
        append_many(w, 1, 1500);
        break;
    case 'g':
        append_many(w, 1, WORLD_AGGREGATE);
        break;
    case 'G':
        (void)world_append(w, (const size_t[]){5, WORLD_AGGREGATE, WORLD_AGGREGATE}, 3);
        break;
    case 's':
        (void)world_sync(w);
        break;
    case 'r':
        (void)world_close(w);
        if (world_try_open(w) != 0 && !simdisk_stopped(w->disk))
            CHECK(w, world_try_open(w) == 0);
        break;
    case 't':
        (void)world_trim_size(w, 0);
        break;
    case 'h':
        (void)world_trim_age(w, w->now_ms, true);
        break;
    case '+':
        w->now_ms += 1500;
        break;
    default:
        w->now_ms -= 5000;
        break;
    }
}
