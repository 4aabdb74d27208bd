/* A shard log on a damaged disk. The input is
 *
 *   byte 0    which of a few small logs
 *   byte 1    which checksums are made to fit after the damage (enum logseal_part); bit 5
 *             trims by size, bit 6 by age
 *   then, until it ends, damage: what, which file, and arguments (see do_damage)
 *
 * The log is opened, read in every way, appended to, synced and opened again. Where
 * no checksum was forged, what it gives is what was appended. Where some were, it may give
 * anything, but ends, and stays within bounds. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/crc32c.h"
#include "backend/base/logger.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/logseal.h"
#include "tests/support/logworld.h"

#define FILES_MAX 20U
#define FILE_BYTES_MAX (32U << 10)
#define HEAD_BYTES 64U /* an index's header, or the whole horizon */
#define DAMAGES_MAX 20
#define ROUNDS_MAX 300 /* of reading a log that may claim any size */
#define APPENDED 20U   /* bytes of the record that is */
#define TRIM_SIZE 32U
#define TRIM_AGE 64U

struct image {
    char name[64];
    uint8_t *data; /* NULL where the file is gone */
    size_t size;
    uint8_t head[HEAD_BYTES]; /* as it was before the damage */
};

struct images {
    struct image files[FILES_MAX];
    size_t n;
};

/* ---- the logs, made once ---- */

static const struct {
    const char *script;
    uint64_t segment_bytes;
} logs[] = {
    {"aas3", 1000},           /* synced records, and a tail that is not */
    {"aaasaaasas", 60},       /* sealed segments */
    {"aaasaaasasr-arae", 60}, /* numbers that do not follow */
    {"PsP", 10000},           /* several index pages */
    {"aaasaaasaasts", 60},    /* a horizon */
    {"aL+aLsaLLa", 4000},     {"s", 100}, {"a", 100},
};
#define LOGS (sizeof logs / sizeof logs[0])

static struct {
    struct world model; /* without a disk */
    char *bytes;        /* of its default view */
    struct images images;
} made[LOGS];

static void resize(struct image *file, size_t size)
{
    size_t old = file->data == NULL ? 0 : file->size;

    REQUIRE(size <= FILE_BYTES_MAX);
    void *grown = realloc(file->data, size + 1);
    REQUIRE(grown != NULL);
    file->data = grown;
    if (size > old)
        memset(file->data + old, 0, size - old);
    file->size = size;
}

static void add_file(struct images *images, const char *name, const void *data, size_t size)
{
    REQUIRE(images->n < FILES_MAX && size <= FILE_BYTES_MAX);
    struct image *file = &images->files[images->n++];
    (void)snprintf(file->name, sizeof file->name, "%s", name);
    file->data = NULL;
    resize(file, size);
    if (size > 0)
        memcpy(file->data, data, size);
    memset(file->head, 0, sizeof file->head);
}

static void free_files(struct images *images)
{
    for (size_t i = 0; i < images->n; i++)
        free(images->files[i].data);
}

static int note_name(void *arg, const char *name)
{
    add_file(arg, name, NULL, 0);
    return 0;
}

/* By name, so that a file's number means the same everywhere. */
static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct image *)a)->name, ((const struct image *)b)->name);
}

static void make_log(size_t i)
{
    struct world *w = &made[i].model;
    struct images *images = &made[i].images;

    world_init(w, simdisk_new(), logs[i].segment_bytes);
    world_open(w);
    for (const char *p = logs[i].script; *p != '\0'; p++)
        world_step(w, *p);
    int dir = simdisk_root(w->disk);
    REQUIRE(w->io->list(w->io->ctx, dir, note_name, images) == 0);
    w->io->close(w->io->ctx, dir);
    qsort(images->files, images->n, sizeof images->files[0], by_name);
    for (size_t k = 0; k < images->n; k++) {
        struct image *file = &images->files[k];
        size_t size;
        const char *data = simdisk_look(w->disk, file->name, &size);
        resize(file, size);
        memcpy(file->data, data, size);
    }
    (void)kfs_log_close(w->log);
    w->log = NULL;
    simdisk_free(w->disk);
    w->disk = NULL;
    made[i].bytes = malloc((size_t)world_end(w) + 1);
    REQUIRE(made[i].bytes != NULL);
    world_bytes(w, 0, made[i].bytes, (size_t)world_end(w));
}

static void make_logs(void)
{
    static bool done;

    if (done)
        return;
    done = true;
    kfs_log_setup(KFS_LOG_TO_STDERR, KFS_LOG_ERROR);
    for (size_t i = 0; i < LOGS; i++)
        make_log(i);
}

/* ---- files and their checksums ---- */

static bool is_index(const struct image *file)
{
    return strstr(file->name, ".index") != NULL;
}

static struct image *find_file(struct images *images, const char *name)
{
    for (size_t i = 0; i < images->n; i++) {
        if (strcmp(images->files[i].name, name) == 0)
            return &images->files[i];
    }
    return NULL;
}

/* The data beside an index. */
static struct kfs_bytes data_of(struct images *images, const struct image *index)
{
    char name[sizeof index->name];

    (void)snprintf(name, sizeof name, "%.20s.data", index->name);
    const struct image *data = find_file(images, name);
    return data == NULL || data->data == NULL ? (struct kfs_bytes){NULL, 0}
                                              : (struct kfs_bytes){data->data, data->size};
}

/* A copy of a log's files, with salts of its own: no input can contain a checksum that
 * fits it, however long a fuzzer looks at comparisons. */
static void copy_log(const struct images *from, uint64_t seed, struct images *to)
{
    to->n = 0;
    for (size_t i = 0; i < from->n; i++)
        add_file(to, from->files[i].name, from->files[i].data, from->files[i].size);
    for (size_t i = 0; i < to->n; i++) {
        struct image *file = &to->files[i];
        if (is_index(file))
            logseal_salt(file->data, file->size, data_of(to, file), (uint32_t)simdisk_random(&seed, UINT32_MAX));
        memcpy(file->head, file->data, file->size < HEAD_BYTES ? file->size : HEAD_BYTES);
    }
}

/* The header and the horizon have no salt: where one of them is valid and another than before, it is forged. */
static bool is_forged(const struct image *file)
{
    struct kfs_segment_header header;
    char line[HEAD_BYTES + 1] = {0};
    char digits[32];

    if (is_index(file))
        return file->size >= KFS_PAGE && kfs_header_decode(file->data, &header) == 0 &&
               memcmp(file->data, file->head, HEAD_BYTES) != 0;
    if (strcmp(file->name, "horizon") != 0 || file->size > HEAD_BYTES)
        return false;
    memcpy(line, file->data, file->size);
    (void)snprintf(digits, sizeof digits, "%" PRIu64, (uint64_t)strtoull(line, NULL, 10));
    return strtoul(line + strcspn(line, " "), NULL, 16) == kfs_crc32c(0, digits, strlen(digits)) &&
           memcmp(line, file->head, HEAD_BYTES) != 0;
}

/* ---- damage ---- */

struct input {
    const uint8_t *at;
    size_t left;
};

static uint64_t take(struct input *in, size_t bytes)
{
    uint64_t value = 0;

    for (size_t i = 0; i < bytes && in->left > 0; i++, in->at++, in->left--)
        value |= (uint64_t)*in->at << 8 * i;
    return value;
}

/* Bytes that begin here, at most len; not taken from the input. */
static void put_bytes(struct image *file, size_t at, const uint8_t *data, size_t len)
{
    if (at >= FILE_BYTES_MAX)
        return;
    if (len > FILE_BYTES_MAX - at)
        len = FILE_BYTES_MAX - at;
    if (at + len > file->size)
        resize(file, at + len);
    memcpy(file->data + at, data, len);
}

static void copy_within(struct images *images, struct input *in, struct image *to)
{
    struct image from = images->files[take(in, 1) % images->n];
    size_t from_at = (size_t)take(in, 2);
    size_t to_at = (size_t)take(in, 2);
    size_t len = (size_t)take(in, 2);

    if (from.data == NULL || from_at >= from.size)
        return;
    uint8_t *copy = malloc(from.size);
    REQUIRE(copy != NULL);
    memcpy(copy, from.data, from.size);
    put_bytes(to, to_at, copy + from_at, len < from.size - from_at ? len : from.size - from_at);
    free(copy);
}

static void make_file(struct images *images, struct input *in, const struct image *like)
{
    char name[64];
    uint64_t base = take(in, 1) % 2 == 0 ? take(in, 1) : take(in, 8);

    (void)snprintf(name, sizeof name, "%020" PRIu64 "%s", base, is_index(like) ? ".index" : ".data");
    if (images->n < FILES_MAX && find_file(images, name) == NULL)
        add_file(images, name, like->data, like->size);
}

/* Whether it may have brought back something old, or is more than one place. */
static bool do_damage(struct images *images, struct input *in)
{
    uint64_t what = take(in, 1) % 8;
    struct image *file = &images->files[take(in, 1) % images->n];
    size_t at = what < 4 ? (size_t)take(in, 2) : 0;
    size_t len = 0;

    if (file->data == NULL)
        return false;
    switch (what) {
    case 0: /* a few bytes */
    case 1:
    case 2:
        len = (size_t)take(in, 1) % 64;
        break;
    case 3:
        resize(file, at < file->size ? at : file->size);
        return false;
    case 4: /* the whole file is the rest of the input */
        len = in->left < FILE_BYTES_MAX ? in->left : FILE_BYTES_MAX;
        resize(file, len);
        break;
    case 5:
        copy_within(images, in, file);
        return true;
    case 6:
        make_file(images, in, file);
        return true;
    default:
        free(file->data);
        file->data = NULL;
        return false;
    }
    len = len < in->left ? len : in->left;
    put_bytes(file, at, in->at, len);
    in->at += len;
    in->left -= len;
    return what == 4;
}

/* ---- looking ---- */

struct look {
    struct world w;
    char *bytes; /* that the model has */
    bool forged;
    bool damaged; /* as the log says */
};

static const struct world_record *record_at(const struct world *w, uint64_t offset)
{
    size_t i = world_ordinal_at(w, offset);

    return i < w->n && w->records[i].offset == offset ? &w->records[i] : NULL;
}

static void check_record(const struct look *l, const struct kfs_record *got)
{
    const struct world_record *r = record_at(&l->w, got->offset);
    char key[KFS_PARTITION_KEY_BYTES_MAX];

    REQUIRE(r != NULL);
    world_key(r, key);
    REQUIRE(got->data.len == r->len && memcmp(got->data.data, l->bytes + r->offset, r->len) == 0);
    REQUIRE(got->key.len == r->key_len && memcmp(got->key.data, key, r->key_len) == 0);
    REQUIRE(kfs_seq_cmp(&got->seq, &r->seq) == 0 && got->arrival_ms == r->arrival_ms);
}

/* Where to read on after damage at an offset. */
static uint64_t next_after(const struct look *l, uint64_t offset)
{
    if (l->forged)
        return offset + 1 + offset % 61;
    size_t i = world_ordinal_at(&l->w, offset + 1);
    return i < l->w.n ? l->w.records[i].offset : world_end(&l->w);
}

/* What a read at an offset gave: records follow one another, none is left out without a word. */
static void check_batch(const struct look *l, uint64_t at, const struct kfs_batch *batch)
{
    const struct kfs_record *records = batch->records;
    uint64_t from = at;

    /* As the checked wrappers of backend.c will ask. */
    REQUIRE(batch->next > at && batch->next <= batch->tip);
    REQUIRE(batch->n == 0 || records != NULL);
    for (size_t k = 0; k < batch->n; k++) {
        REQUIRE(records[k].offset >= from && records[k].data.len <= KFS_RECORD_BYTES_MAX);
        from = records[k].offset + records[k].data.len + 1;
        if (!l->forged)
            check_record(l, &records[k]);
    }
    REQUIRE(batch->n == 0 || batch->next == from);
    if (!l->forged && record_at(&l->w, at) != NULL)
        REQUIRE(batch->n > 0 && records[0].offset == at);
}

static void read_records(struct look *l, struct kfs_log_reader *reader, uint64_t from)
{
    struct kfs_limit limit = {5, 100};
    struct kfs_log_extent extent;
    struct kfs_batch batch;
    uint64_t at = from;

    kfs_log_extent(l->w.log, &extent);
    kfs_batch_init(&batch);
    for (int i = 0; i < ROUNDS_MAX && at < extent.end; i++) {
        int rc = kfs_log_read(reader, at, &limit, &batch, &l->w.err);
        REQUIRE(rc == 0 || rc == -EIO);
        REQUIRE(rc != 0 || batch.n <= limit.records);
        if (rc == 0)
            check_batch(l, at, &batch);
        at = rc == 0 ? batch.next : next_after(l, at);
        if (!l->forged && at >= world_end(&l->w))
            break;
    }
    kfs_batch_release(&batch);
}

static void read_bytes(struct look *l, struct kfs_log_reader *reader, uint64_t from, size_t step)
{
    const uint64_t end = world_end(&l->w);
    struct kfs_log_extent extent;
    char got[4096];

    kfs_log_extent(l->w.log, &extent);
    for (int i = 0; i < ROUNDS_MAX && from < extent.end; i++, from += step) {
        ssize_t n = kfs_log_read_bytes(reader, from, got, sizeof got, &l->w.err);
        REQUIRE(n == -EIO || (n > 0 && n <= (ssize_t)sizeof got));
        REQUIRE(n < 0 || l->forged || (from + (uint64_t)n <= end && memcmp(got, l->bytes + from, (size_t)n) == 0));
    }
}

static void read_stored(struct look *l, struct kfs_log_reader *reader, uint64_t from)
{
    static struct kfs_stored stored;
    const uint64_t end = world_end(&l->w);
    struct kfs_log_extent extent;

    kfs_log_extent(l->w.log, &extent);
    stored.frame = 4;
    for (int i = 0; i < ROUNDS_MAX && from < extent.end; i++) {
        uint32_t before = 0;
        stored.room = i % 2 == 0 ? 50 : SIZE_MAX;
        stored.n = 0;
        int rc = kfs_log_read_stored(reader, from, &stored, &l->w.err);
        REQUIRE(rc == 0 || rc == -EIO);
        REQUIRE(stored.n <= KFS_STORED_MAX);
        for (size_t k = 0; k < stored.n; k++) {
            REQUIRE(stored.ends[k] > before && stored.ends[k] <= KFS_STORED_BYTES);
            before = stored.ends[k];
            REQUIRE(stored.bytes[before - 1] == '\n');
        }
        REQUIRE(before == 0 || l->forged ||
                (from + before <= end && memcmp(stored.bytes, l->bytes + from, before) == 0));
        from += before > 0 ? before : 1;
    }
}

static void locate(struct look *l, struct kfs_log_reader *reader, const struct kfs_log_extent *extent)
{
    const struct world_record none = {.offset = 7};

    for (int type = KFS_AT_HORIZON; type <= KFS_LAST_RECORDS; type++) {
        for (size_t k = 0; k < 3; k++) {
            const struct world_record *r = l->w.n > 0 ? &l->w.records[k * (l->w.n - 1) / 2] : &none;
            struct kfs_position p = {.type = (enum kfs_position_type)type, .count = 3 * k};
            uint64_t offset;
            p.seq = r->seq;
            p.time_ms = r->arrival_ms + k % 2;
            p.offset = r->offset + k % 2;
            int rc = kfs_log_locate(reader, &p, &offset, &l->w.err);
            REQUIRE(rc == 0 || rc == -EIO);
            REQUIRE(rc != 0 || (extent->horizon <= offset && offset <= extent->end));
        }
    }
}

static void look_at(struct look *l, struct kfs_log_extent *extent)
{
    struct kfs_log_reader *reader;

    l->damaged = kfs_log_damage(l->w.log, &l->w.err) != 0;
    kfs_log_extent(l->w.log, extent);
    REQUIRE(extent->kept <= extent->horizon && extent->horizon <= extent->end);
    REQUIRE(extent->first_record <= extent->next_record);
    REQUIRE((extent->horizon == extent->end) == (extent->first_record == extent->next_record));
    REQUIRE(l->forged || l->damaged || extent->next_record <= l->w.n);
    REQUIRE(kfs_log_reader_open(l->w.log, &reader) == 0);
    read_records(l, reader, extent->horizon);
    read_records(l, reader, extent->horizon + (extent->end - extent->horizon) / 2);
    read_bytes(l, reader, extent->horizon, l->w.n > 50 ? 301 : 13);
    read_stored(l, reader, extent->horizon);
    locate(l, reader, extent);
    kfs_log_reader_close(reader);
}

static void append(struct look *l)
{
    const struct kfs_put put = {.data = {"forged", 6}};

    if (l->forged) {
        int rc = kfs_log_append(l->w.log, &put, 1, NULL, &l->w.err);
        REQUIRE(rc == 0 || rc == -EIO);
        (void)kfs_log_sync(l->w.log, NULL);
        return;
    }
    REQUIRE(world_append_one(&l->w, APPENDED) == (l->damaged ? -EIO : 0));
    if (!l->damaged)
        world_bytes(&l->w, world_end(&l->w) - APPENDED - 1, l->bytes + world_end(&l->w) - APPENDED - 1, APPENDED + 1);
    REQUIRE(world_sync(&l->w) == (l->damaged ? -EIO : 0));
}

/* How many of the model's records the log must have, where it does not say that it is damaged. */
static void run(struct look *l, size_t least, uint8_t flags)
{
    struct kfs_log_extent extent;

    REQUIRE(world_try_open(&l->w) == 0);
    look_at(l, &extent);
    REQUIRE(l->forged || l->damaged || extent.next_record >= least);
    if (!l->forged && !l->damaged) {
        l->w.n = l->w.acked = (size_t)extent.next_record;
        REQUIRE(extent.end == world_end(&l->w));
    }
    if ((flags & TRIM_SIZE) != 0)
        (void)kfs_log_trim_size(l->w.log, 50, NULL);
    if ((flags & TRIM_AGE) != 0)
        (void)kfs_log_trim_age(l->w.log, WORLD_START_MS + 1, true, NULL);
    bool was_damaged = l->damaged;
    append(l);
    look_at(l, &extent);
    (void)kfs_log_close(l->w.log);
    l->w.log = NULL;
    REQUIRE(world_try_open(&l->w) == 0);
    look_at(l, &extent);
    REQUIRE(l->forged || l->damaged || extent.next_record >= (was_damaged ? least : l->w.n));
    REQUIRE(l->forged || was_damaged || !l->damaged);
}

static uint64_t hash(const uint8_t *data, size_t size)
{
    uint64_t sum = size;

    for (size_t i = 0; i < size; i++)
        sum = (sum ^ data[i]) * UINT64_C(0x100000001b3);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct images images;
    struct look l = {.forged = false};
    bool single = true;
    int damages = 0;

    make_logs();
    size_t log = (size_t)take(&in, 1) % LOGS;
    uint8_t flags = (uint8_t)take(&in, 1);
    copy_log(&made[log].images, hash(data, size), &images);
    for (; in.left > 0 && images.n > 0 && damages < DAMAGES_MAX; damages++)
        single = !do_damage(&images, &in) && single;
    l.forged = (flags & LOGSEAL_ALL) != 0;
    struct simdisk *disk = simdisk_new();
    for (size_t i = 0; i < images.n; i++) {
        struct image *file = &images.files[i];
        if (file->data == NULL)
            continue;
        l.forged = l.forged || is_forged(file);
        if (is_index(file))
            logseal(file->data, file->size, data_of(&images, file), flags & LOGSEAL_ALL);
        simdisk_put(disk, file->name, file->data, file->size);
    }
    world_fork(&l.w, &made[log].model, disk);
    size_t len = (size_t)world_end(&l.w);
    l.bytes = malloc(len + APPENDED + 1);
    REQUIRE(l.bytes != NULL);
    memcpy(l.bytes, made[log].bytes, len);
    run(&l, single && damages <= 1 ? l.w.synced : 0, flags);
    world_release(&l.w);
    free(l.bytes);
    free_files(&images);
    return 0;
}
