/* What is written through a framing and a coding, cut anywhere, and read through them, and through
 * len and json with that coding, is the same records. */
#include "fs/writer.h"

#include "tests/unit/merge_model.h"

static const struct kfs_framing *const framings[] = {&kfs_framing_lines, &kfs_framing_nul, &kfs_framing_raw,
                                                     &kfs_framing_len, &kfs_framing_json};
static const struct kfs_key_rule no_rule = {.type = KFS_KEY_CHOSEN};

static const struct kfs_coding codings[] = {{NULL, false},      {NULL, true},      {&kfs_gzip, false},
                                            {&kfs_zstd, false}, {&kfs_gzip, true}, {&kfs_zstd, true}};

/* A way to write and read. */
struct way {
    const struct kfs_framing *framing;
    struct kfs_coding coding;
};

#define RECORDS_MAX 64

struct records {
    struct kfs_bytes data[RECORDS_MAX]; /* owned */
    size_t n;
};

static size_t some_length(struct world *w)
{
    switch (world_random(w, 8)) {
    case 0:
        return 0;
    case 1:
        return 1;
    case 2:
        return world_random(w, 70000);
    default:
        return world_random(w, 200);
    }
}

/* Any bytes, but for what ends a record. */
static void make_records(struct world *w, const struct kfs_framing *framing, size_t longest, struct records *records)
{
    records->n = 1 + world_random(w, RECORDS_MAX - 1);
    for (size_t i = 0; i < records->n; i++) {
        size_t len = longest > 0 && i == 0 ? longest : some_length(w);
        char *data = malloc(len + 1);
        if (framing == &kfs_framing_raw && len == 0)
            len = 1; /* an empty write is none */
        for (size_t j = 0; j < len; j++) {
            data[j] = (char)world_random(w, 256);
            if ((framing == &kfs_framing_lines && data[j] == '\n') || (framing == &kfs_framing_nul && data[j] == '\0'))
                data[j] = 'x';
        }
        records->data[i] = (struct kfs_bytes){data, len};
    }
}

static void free_records(struct records *records)
{
    for (size_t i = 0; i < records->n; i++)
        free((void *)(uintptr_t)records->data[i].data);
}

/* Writes frames in pieces of at most `piece` bytes. */
static void write_pieces(struct kfs_writer *writer, struct kfs_bytes frames, struct world *w, size_t piece)
{
    const char *data = frames.data;

    for (size_t at = 0; at < frames.len;) {
        size_t len = 1 + world_random(w, (uint32_t)piece);
        if (len > frames.len - at)
            len = frames.len - at;
        ssize_t taken = kfs_writer_write(writer, data + at, len, NULL);
        assert_true(taken > 0);
        at += (size_t)taken;
    }
}

static void write_records(struct world *w, const struct way *way, const struct records *records, size_t piece)
{
    const struct kfs_framing *framing = way->framing;
    const struct kfs_write_to to = {w->stream, 0, framing, way->coding, &no_rule};
    struct kfs_writer writer;
    struct kfs_buf frames;

    kfs_buf_init(&frames, (size_t)1 << 27);
    assert_int_equal(kfs_writer_init(&writer, &to, NULL), 0);
    for (size_t i = 0; i < records->n; i++) {
        const struct kfs_record record = {.data = records->data[i], .key = {"k", 1}};
        assert_int_equal(framing->render(&record, 0, &frames), 0);
        if (framing == &kfs_framing_raw) { /* a write is a record */
            assert_int_equal(kfs_writer_write(&writer, frames.data, frames.len, NULL), frames.len);
            frames.len = 0;
        }
    }
    if (framing->partial_is_record && frames.len > 0 && world_random(w, 2) == 0 && framing != &kfs_framing_json &&
        records->data[records->n - 1].len > 0)
        frames.len--; /* the end of the file ends it too */
    write_pieces(&writer, (struct kfs_bytes){frames.data, frames.len}, w, piece);
    assert_int_equal(kfs_writer_finish(&writer, true, NULL), 0);
    assert_int_equal(writer.records, records->n);
    kfs_writer_release(&writer);
    kfs_buf_release(&frames);
}

static struct kfs_merge *open_file(struct world *w, const struct kfs_framing *framing, struct kfs_coding coding)
{
    const struct kfs_merge_file file = {.stream = w->stream, .shard = 0, .framing = framing, .coding = coding};
    struct kfs_merge *merge;

    assert_int_equal(kfs_merge_new(&w->pool, &file, &merge, NULL), 0);
    return merge;
}

/* Reads the whole file in a framing, and compares with what it must be. Where the framing
 * can be cut, its records are taken out of it again. */
static void read_records(struct world *w, const struct kfs_framing *framing, struct kfs_coding coding,
                         const struct records *records)
{
    struct kfs_merge *merge = open_file(w, framing, coding);
    size_t size = size_of(merge);
    char *file = malloc(size + 1);
    struct kfs_bytes left = {file, size};
    struct kfs_buf scratch;
    size_t at = 0;

    while (at < size) {
        ssize_t got = kfs_merge_read(merge, at, file + at, 1 + world_random(w, 200000), NULL);
        assert_true(got > 0);
        at += (size_t)got;
    }
    assert_int_equal(at, size);
    kfs_buf_init(&scratch, size + 1);
    for (size_t i = 0; i < records->n; i++) {
        struct kfs_cut cut = {0};
        struct kfs_put put = {0};
        ssize_t taken = (ssize_t)records->data[i].len;
        put.data = (struct kfs_bytes){left.data, records->data[i].len};
        if (framing != &kfs_framing_raw) {
            taken = framing->cut(left, &cut, NULL);
            assert_true(taken > 0);
            put.data = cut.payload;
        }
        scratch.len = 0;
        if (framing->decode != NULL)
            assert_int_equal(framing->decode(cut.payload, &put, &scratch, NULL), 0);
        assert_int_equal(put.data.len, records->data[i].len);
        if (put.data.len > 0)
            assert_memory_equal(put.data.data, records->data[i].data, put.data.len);
        left = (struct kfs_bytes){(const char *)left.data + taken, left.len - (size_t)taken};
    }
    assert_int_equal(left.len, 0);
    kfs_buf_release(&scratch);
    free(file);
    kfs_merge_free(merge);
}

/* Offsets mean the same, wherever reading begins. */
static void read_anywhere(struct world *w, const struct way *way)
{
    struct kfs_merge *merge = open_file(w, way->framing, way->coding);
    uint64_t size = size_of(merge);
    char *file = malloc(size + 1);
    char *part = malloc(size + 1);

    for (uint64_t at = 0; at < size;)
        at += (uint64_t)kfs_merge_read(merge, at, file + at, size - at, NULL);
    for (int i = 0; size > 0 && i < 20; i++) {
        uint64_t at = world_random(w, (uint32_t)size);
        ssize_t got = kfs_merge_read(merge, at, part, 1 + world_random(w, 5000), NULL);
        assert_true(got > 0);
        assert_memory_equal(part, file + at, (size_t)got);
    }
    assert_int_equal(size_of(merge), size);
    free(part);
    free(file);
    kfs_merge_free(merge);
}

static void round_trip(const struct way *way, uint32_t seed, size_t longest, size_t piece)
{
    struct records records;
    struct world w;

    world_open(&w, 1);
    w.random = seed;
    make_records(&w, way->framing, longest, &records);
    write_records(&w, way, &records, piece);
    read_records(&w, way->framing, way->coding, &records);
    read_records(&w, &kfs_framing_len, way->coding, &records);
    read_records(&w, &kfs_framing_json, way->coding, &records);
    read_anywhere(&w, way);
    free_records(&records);
    world_close(&w);
}

static void any_records_in_any_pieces(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof framings / sizeof framings[0]; f++)
        for (uint32_t seed = 0; seed < 36; seed++) {
            const struct way way = {framings[f], codings[seed % (sizeof codings / sizeof codings[0])]};
            round_trip(&way, seed + 1, 0, seed % 5 == 0 ? 7 : (size_t)1 << seed % 20);
        }
}

static void the_largest_record(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof framings / sizeof framings[0]; f++) {
        struct way way = {framings[f], {NULL, false}};
        round_trip(&way, 1, framings[f]->record_max, (size_t)1 << 20);
        way.coding.aggregates = true;
        round_trip(&way, 1, framings[f]->record_max, (size_t)1 << 20);
    }
}

static void one_byte_more_is_too_large(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof framings / sizeof framings[0]; f++) {
        const size_t len = framings[f]->record_max + 1;
        char *data = calloc(len, 1);
        struct kfs_error err = {0};
        struct kfs_writer writer;
        struct kfs_buf frame;
        struct world w;
        size_t at = 0;
        ssize_t taken = 1;
        world_open(&w, 1);
        const struct kfs_write_to to = {w.stream, 0, framings[f], {NULL, false}, &no_rule};
        const struct kfs_record record = {.data = {memset(data, 'x', len), len}, .key = {"k", 1}};
        kfs_buf_init(&frame, (size_t)1 << 27);
        assert_int_equal(framings[f]->render(&record, 0, &frame), 0);
        assert_int_equal(kfs_writer_init(&writer, &to, NULL), 0);
        while (at < frame.len && taken > 0) {
            size_t piece = framings[f] == &kfs_framing_raw || frame.len - at < 1 << 20 ? frame.len - at : 1 << 20;
            taken = kfs_writer_write(&writer, frame.data + at, piece, &err);
            at += taken > 0 ? (size_t)taken : 0;
        }
        assert_true(taken == -EMSGSIZE || (taken == -EINVAL && framings[f] == &kfs_framing_len));
        assert_non_null(strstr(err.text, "since the open"));
        kfs_writer_release(&writer);
        kfs_buf_release(&frame);
        free(data);
        world_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_records_in_any_pieces),
        cmocka_unit_test(the_largest_record),
        cmocka_unit_test(one_byte_more_is_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
