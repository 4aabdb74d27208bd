/* Where a merge begins: a time, a number, the last so many records. */
#include "fs/from.h"
#include "tests/unit/merge_model.h"

static const struct kfs_framing *const framings[] = {&kfs_framing_lines, &kfs_framing_json, &kfs_framing_nul,
                                                     &kfs_framing_raw, &kfs_framing_len};
#define FRAMINGS (sizeof framings / sizeof framings[0])

/* A merge that begins at a position shows the end of what all show, and goes on with what comes. */
static void check_from(struct model *m, struct kfs_position from, uint64_t *size)
{
    const struct kfs_merge_file file = {
        .stream = m->world->stream, .shard = m->only, .framing = m->framing, .from = from};
    const size_t len = m->bytes.len;
    struct kfs_merge *merge;
    char *data = malloc(m->bytes.len + 10000);

    assert_int_equal(kfs_merge_new(&m->world->pool, &file, &merge, NULL), 0);
    *size = size_of(merge);
    assert_in_range(*size, 0, len);
    assert_int_equal(kfs_merge_read(merge, 0, data, len + 1, NULL), *size);
    assert_memory_equal(data, m->bytes.data + len - *size, *size);
    for (int i = 0; i < 20; i++) {
        m->world->now_ms++;
        world_put(m->world, world_shard(m->world).index, 30);
    }
    model_extend(m);
    assert_int_equal(size_of(merge), *size + m->bytes.len - len);
    assert_int_equal(kfs_merge_read(merge, *size, data, 10000, NULL),
                     m->bytes.len - len < 10000 ? m->bytes.len - len : 10000);
    assert_memory_equal(data, m->bytes.data + len, m->bytes.len - len < 10000 ? m->bytes.len - len : 10000);
    free(data);
    kfs_merge_free(merge);
}

static size_t records_in(const char *json, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += json[i] == '\n';
    return n;
}

/* From the number of the line about an offset, or after it, a merge shows what stands behind, whichever shard it is of.
 */
static void check_number(struct model *m, size_t about)
{
    struct kfs_position from = {.type = KFS_AT_SEQUENCE};
    size_t len = m->bytes.len;
    uint64_t size;

    while (about > 0 && m->bytes.data[about - 1] != '\n')
        about--;
    const char *line = m->bytes.data + about;
    const size_t next = about + strcspn(line, "\n") + 1;
    line += strlen("{\"SequenceNumber\":\"");
    assert_int_equal(kfs_seq_parse(line, strcspn(line, "\""), &from.seq), 0);
    assert_int_equal(kfs_from_find(m->world->stream, &from, NULL), 0);
    check_from(m, from, &size);
    assert_int_equal(size, len - about);
    len = m->bytes.len;
    from.type = KFS_AFTER_SEQUENCE;
    check_from(m, from, &size);
    assert_int_equal(size, len - next);
}

static void a_merge_begins_anywhere(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 6; seed++) {
        struct world w;
        struct model m;
        uint64_t size;
        world_open(&w, 1 + seed % 4);
        w.random = seed;
        model_init(&m, &w, KFS_NO_SHARD, &kfs_framing_json);
        for (int i = 0; i < 300; i++) {
            w.now_ms += world_random(&w, 3);
            world_put(&w, world_random(&w, 1 + seed % 4), world_random(&w, 100));
        }
        model_extend(&m);
        for (uint64_t count = 1; count < 500; count = count * 3 + seed) {
            size_t all = records_in(m.bytes.data, m.bytes.len);
            size_t before = m.bytes.len;
            check_from(&m, (struct kfs_position){.type = KFS_LAST_RECORDS, .count = count}, &size);
            assert_int_equal(records_in(m.bytes.data + before - size, size), count < all ? count : all);
        }
        check_from(&m, (struct kfs_position){.type = KFS_AT_LATEST}, &size);
        assert_int_equal(size, 0);
        for (size_t i = 0; i < 9; i++)
            check_number(&m, m.bytes.len / 9 * i);
        kfs_buf_release(&m.bytes);
        world_close(&w);
    }
}

/* The last of many are found without reading those before: also where the clocks of children are behind. */
static void the_last_of_many_are_found(void **state)
{
    (void)state;
    for (uint64_t skew_ms = 0; skew_ms <= HOUR_MS; skew_ms += HOUR_MS) {
        struct world w;
        struct model m;
        uint64_t size;
        world_open(&w, 1);
        model_init(&m, &w, 0, &kfs_framing_lines);
        for (int i = 0; i < 10000; i++) {
            w.now_ms += world_random(&w, 3);
            world_put(&w, 0, 10);
        }
        assert_int_equal(kfs_shard_split(w.stream, 0, KFS_HASH_MAX / 2, NULL), 0);
        for (int i = 0; i < 30000; i++) {
            w.now_ms += world_random(&w, 5) == 0;
            world_put(&w, 1 + world_random(&w, 2), 10);
        }
        w.skew_ms = skew_ms;
        m.only = skew_ms == 0 ? KFS_NO_SHARD : 0;
        model_extend(&m);
        for (m.only = 1; m.only < 3; m.only++)
            model_extend(&m); /* with skew the children tie, as they count as arriving with the parent's last */
        char *data = malloc(m.bytes.len);
        for (uint64_t count = 50; count < 50000; count *= 9) {
            const struct kfs_merge_file file = {.stream = w.stream,
                                                .shard = KFS_NO_SHARD,
                                                .framing = m.framing,
                                                .from = {.type = KFS_LAST_RECORDS, .count = count}};
            struct kfs_merge *merge;
            w.records = 0;
            assert_int_equal(kfs_merge_new(&w.pool, &file, &merge, NULL), 0);
            assert_true(skew_ms > 0 || w.records < 2 * count + 20000);
            size = size_of(merge);
            assert_in_range(size, 1, m.bytes.len);
            assert_int_equal(kfs_merge_read(merge, 0, data, size, NULL), size);
            assert_memory_equal(data, m.bytes.data + m.bytes.len - size, size);
            assert_int_equal(records_in(data, size), count < 40000 ? count : 40000);
            kfs_merge_free(merge);
        }
        free(data);
        kfs_buf_release(&m.bytes);
        world_close(&w);
    }
}

static void a_merge_begins_at_a_time(void **state)
{
    (void)state;
    for (size_t f = 0; f < FRAMINGS; f++) {
        struct world w;
        struct model m;
        uint64_t size;
        size_t before = 0;
        world_open(&w, 3);
        model_init(&m, &w, KFS_NO_SHARD, framings[f]);
        for (int i = 0; i < 400; i++) {
            w.now_ms++;
            world_put(&w, world_random(&w, 3), 50);
            if (i == 249)
                model_extend(&m);
            if (i == 249)
                before = m.bytes.len;
        }
        model_extend(&m);
        size_t len = m.bytes.len;
        w.now_ms += 1000;
        check_from(&m, (struct kfs_position){.type = KFS_AT_TIME, .time_ms = START_MS + 251}, &size);
        assert_int_equal(size, len - before);
        check_from(&m, (struct kfs_position){.type = KFS_AT_TIME, .time_ms = w.now_ms + 1}, &size);
        assert_int_equal(size, 0);
        kfs_buf_release(&m.bytes);
        world_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_merge_begins_anywhere),
        cmocka_unit_test(the_last_of_many_are_found),
        cmocka_unit_test(a_merge_begins_at_a_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
