/* A gauge says what reading says, however often, of whatever part, and reads little for it. */
#include "fs/gauge.h"

#include "tests/unit/merge_model.h"

#define RECORDS_MAX 60000

/* Where records begin, and what those before are as JSON. */
struct places {
    uint64_t at[RECORDS_MAX + 1];
    uint64_t bytes[RECORDS_MAX + 1];
    size_t n; /* records */
};

static struct places places;

static struct kfs_decoder json = {.framing = &kfs_framing_json};

static void learn(struct world *w, struct kfs_reader *reader)
{
    const struct kfs_limit limit = {10000, KFS_RECORD_BYTES_MAX};
    struct kfs_batch batch;

    kfs_batch_init(&batch);
    for (;;) {
        assert_int_equal(w->real->read(reader, places.at[places.n], &limit, &batch, NULL), 0);
        if (batch.n == 0)
            break;
        for (size_t i = 0; i < batch.n; i++, places.n++) {
            assert_true(places.n < RECORDS_MAX);
            places.at[places.n + 1] = batch.records[i].offset + batch.records[i].data.len + 1;
            places.bytes[places.n + 1] = places.bytes[places.n] + kfs_framing_json.rendered_size(&batch.records[i]);
        }
        kfs_batch_clear(&batch);
    }
    kfs_batch_release(&batch);
}

static void check(struct kfs_gauge *g, struct kfs_reader *reader, size_t from, size_t to)
{
    struct kfs_measure m = {.at = places.at[from], .to = places.at[to]};

    assert_int_equal(kfs_gauge_measure(g, &json, reader, &m, NULL), 0);
    assert_int_equal(m.at, m.to);
    assert_int_equal(m.bytes, places.bytes[to] - places.bytes[from]);
}

static struct kfs_gauge *gauge_of(struct world *w, struct kfs_gauges *gauges)
{
    struct kfs_stream_info info;
    struct kfs_gauge *g;

    assert_int_equal(kfs_stream_info(w->stream, &info, NULL), 0);
    assert_int_equal(kfs_gauge_get(gauges, &info, 0, &json, &g), 0);
    return g;
}

static void open_all(struct world *w, struct kfs_gauges *gauges, struct kfs_gauge **g, struct kfs_reader **reader)
{
    world_open(w, 1);
    kfs_gauges_init(gauges);
    *g = gauge_of(w, gauges);
    assert_int_equal(kfs_reader_open(w->stream, 0, reader, NULL), 0);
    memset(&places, 0, sizeof places);
}

static void close_all(struct world *w, struct kfs_gauges *gauges, struct kfs_gauge *g, struct kfs_reader *reader)
{
    kfs_reader_close(reader);
    kfs_gauge_put(gauges, g);
    kfs_gauges_release(gauges);
    world_close(w);
}

/* In any order, and while the shard grows. */
static void any_part_is_measured_exactly(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 6; seed++) {
        struct kfs_gauges gauges;
        struct kfs_reader *reader;
        struct kfs_gauge *g;
        struct world w;
        open_all(&w, &gauges, &g, &reader);
        w.random = seed;
        for (int round = 0; round < 60; round++) {
            for (uint32_t i = world_random(&w, 40); i > 0; i--)
                world_put(&w, 0, world_random(&w, 20) == 0 ? world_random(&w, 200000) : world_random(&w, 300));
            learn(&w, reader);
            for (int i = 0; i < 10; i++) {
                size_t from = world_random(&w, (uint32_t)places.n + 1);
                check(g, reader, from, from + world_random(&w, (uint32_t)(places.n - from) + 1));
            }
            if (seed % 2 == 0)
                check(g, reader, 0, places.n);
        }
        check(g, reader, 0, places.n);
        close_all(&w, &gauges, g, reader);
    }
}

static void nothing_is_read_twice(void **state)
{
    struct kfs_gauges gauges;
    struct kfs_reader *reader;
    struct kfs_gauge *g;
    struct world w;

    (void)state;
    open_all(&w, &gauges, &g, &reader);
    for (int i = 0; i < 2000; i++)
        world_put(&w, 0, 999);
    learn(&w, reader);
    check(g, reader, 0, 2000);
    assert_int_equal(w.records, 2000);
    kfs_gauge_put(&gauges, g);
    g = gauge_of(&w, &gauges); /* the next one who looks */
    check(g, reader, 0, 2000);
    assert_int_equal(w.records, 2000);
    world_put(&w, 0, 999);
    learn(&w, reader);
    check(g, reader, 0, 2001);
    assert_int_equal(w.records, 2001);
    check(g, reader, 1000, 2001); /* inside a stretch, of which half is read at most */
    assert_in_range(w.records, 2001, 2001 + KFS_GAUGE_STEP / 1000 / 2 + 1);
    close_all(&w, &gauges, g, reader);
}

/* More than KFS_GAUGE_STRETCHES_MAX stretches: they become longer, and stay right. */
static void stretches_are_bounded(void **state)
{
    struct kfs_gauges gauges;
    struct kfs_reader *reader;
    struct kfs_gauge *g;
    struct world w;

    (void)state;
    open_all(&w, &gauges, &g, &reader);
    for (int i = 0; i < 6000; i++)
        world_put(&w, 0, 100);
    learn(&w, reader);
    /* Each begins a stretch of its own, in front of the others. */
    for (size_t i = 6000; i-- > 0;)
        check(g, reader, i, i + 1);
    w.records = 0;
    check(g, reader, 0, 6000);
    assert_true(w.records < 6000); /* some are remembered */
    w.records = 0;
    check(g, reader, 0, 6000);
    assert_int_equal(w.records, 0);
    close_all(&w, &gauges, g, reader);
}

static void what_is_known_outlives_retention(void **state)
{
    struct kfs_gauges gauges;
    struct kfs_reader *reader;
    struct kfs_gauge *g;
    struct kfs_measure m;
    struct world w;

    (void)state;
    open_all(&w, &gauges, &g, &reader);
    for (int i = 0; i < 600; i++) {
        if (i == 300)
            w.now_ms += 20 * HOUR_MS;
        world_put(&w, 0, 999);
    }
    learn(&w, reader);
    check(g, reader, 0, 600);
    w.now_ms += 10 * HOUR_MS; /* the first 300 go */
    check(g, reader, 0, 600);
    w.records = 0;
    check(g, reader, 300, 600);
    assert_in_range(w.records, 1, 600);
    w.records = 0;
    check(g, reader, 300, 600); /* who opens the file now asks for it each time */
    assert_int_equal(w.records, 0);
    m = (struct kfs_measure){.at = places.at[1], .to = places.at[600]};
    assert_int_equal(kfs_gauge_measure(g, &json, reader, &m, NULL), -ESTALE);
    close_all(&w, &gauges, g, reader);
}

/* ---- from mount to mount ---- */

#define NOTE "gauge-json-000000000000"

/* Another mount: nothing is left of the gauges but notes. Measures all, and returns how many records that read. */
static size_t measured_anew(struct world *w, struct kfs_gauges *gauges, struct kfs_gauge **g, struct kfs_reader *reader)
{
    kfs_gauge_put(gauges, *g);
    kfs_gauges_release(gauges);
    kfs_gauges_init(gauges);
    *g = gauge_of(w, gauges);
    w->records = 0;
    check(*g, reader, 0, places.n);
    return w->records;
}

static void get_note(struct world *w, struct kfs_buf *text)
{
    kfs_buf_init(text, KFS_NOTE_BYTES_MAX);
    assert_int_equal(kfs_note_get(w->backend, w->stream, NOTE, text, NULL), 0);
}

static void set_note(struct world *w, const char *name, const void *data, size_t len)
{
    assert_int_equal(kfs_note_set(w->backend, w->stream, name, (struct kfs_bytes){data, len}, NULL), 0);
}

/* A shard of more than KFS_GAUGE_SAVE_BYTES, which was measured. */
static void open_large(struct world *w, struct kfs_gauges *gauges, struct kfs_gauge **g, struct kfs_reader **reader)
{
    open_all(w, gauges, g, reader);
    for (int i = 0; i < 9; i++)
        world_put(w, 0, 4U << 20);
    learn(w, *reader);
    assert_false(kfs_gauge_due(*g));
    check(*g, *reader, 0, places.n);
    assert_true(kfs_gauge_due(*g));
}

static void what_was_measured_is_saved(void **state)
{
    struct kfs_gauges gauges;
    struct kfs_reader *reader;
    struct kfs_gauge *g;
    struct kfs_buf text;
    struct world w;

    (void)state;
    open_large(&w, &gauges, &g, &reader);
    set_note(&w, "gauge-json-000000000099", "x", 1); /* of a shard that there is not */
    set_note(&w, "tags", "x", 1);
    kfs_gauge_save(g, w.stream);
    assert_false(kfs_gauge_due(g));
    kfs_buf_init(&text, 10);
    assert_int_equal(kfs_note_get(w.backend, w.stream, "gauge-json-000000000099", &text, NULL), 0);
    assert_int_equal(text.len, 0);
    assert_int_equal(kfs_note_get(w.backend, w.stream, "tags", &text, NULL), 0);
    assert_int_equal(text.len, 1);
    kfs_buf_release(&text);

    assert_int_equal(measured_anew(&w, &gauges, &g, reader), 1); /* the one that ties the note to the shard */
    for (int i = 0; i < 3; i++)
        world_put(&w, 0, 999);
    learn(&w, reader);
    assert_int_equal(measured_anew(&w, &gauges, &g, reader), 4);
    close_all(&w, &gauges, g, reader);
}

static void a_wrong_note_counts_for_nothing(void **state)
{
    static const size_t at[] = {0, 8, 30, 50, 60, 70, 90, SIZE_MAX};
    struct kfs_gauge_note *note = malloc(sizeof *note);
    struct kfs_gauges gauges;
    struct kfs_reader *reader;
    struct kfs_gauge *g;
    struct kfs_buf text;
    struct kfs_buf other;
    struct world w;

    (void)state;
    open_large(&w, &gauges, &g, &reader);
    kfs_gauge_save(g, w.stream);
    get_note(&w, &text);
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        char *byte = &text.data[at[i] < text.len ? at[i] : text.len - 1];
        *byte ^= 4;
        set_note(&w, NOTE, text.data, text.len);
        assert_int_equal(measured_anew(&w, &gauges, &g, reader), 9);
        *byte ^= 4;
    }
    set_note(&w, NOTE, text.data, text.len / 2);
    assert_int_equal(measured_anew(&w, &gauges, &g, reader), 9);

    /* Of another past of the shard: another number, another place, another size. */
    for (int i = 0; i < 4; i++) {
        assert_true(kfs_gauge_note_parse((struct kfs_bytes){text.data, text.len}, note));
        note->end.seq.b[20] ^= i == 0;
        note->end.offset -= i == 1;
        note->end.size += i == 2;
        note->stretches[note->n - 1].upto += i == 3;
        kfs_buf_init(&other, KFS_NOTE_BYTES_MAX);
        assert_int_equal(kfs_gauge_note_print(&note->end, note->stretches, note->n, &other), 0);
        set_note(&w, NOTE, other.data, other.len);
        assert_in_range(measured_anew(&w, &gauges, &g, reader), 9, 10);
        kfs_buf_release(&other);
    }
    set_note(&w, NOTE, text.data, text.len);
    assert_int_equal(measured_anew(&w, &gauges, &g, reader), 1);
    kfs_buf_release(&text);
    free(note);
    close_all(&w, &gauges, g, reader);
}

static void a_failure_says_how_far_it_came(void **state)
{
    struct kfs_gauges gauges;
    struct kfs_reader *reader;
    struct kfs_gauge *g;
    struct kfs_measure m;
    struct world w;

    (void)state;
    open_all(&w, &gauges, &g, &reader);
    for (int i = 0; i < 500; i++)
        world_put(&w, 0, 999);
    learn(&w, reader);
    w.fail = 0;
    w.fail_at = places.at[321];
    w.fail_with = EIO;
    for (int i = 0; i < 2; i++) {
        m = (struct kfs_measure){.at = 0, .to = places.at[500]};
        assert_int_equal(kfs_gauge_measure(g, &json, reader, &m, NULL), -EIO);
        assert_int_equal(m.at, places.at[321]);
        assert_int_equal(m.bytes, places.bytes[321]);
    }
    w.fail_with = 0;
    check(g, reader, 0, 500);
    close_all(&w, &gauges, g, reader);
}

static void gauges_that_no_one_uses_are_bounded(void **state)
{
    struct kfs_gauge *g[2 * KFS_GAUGES_IDLE_MAX];
    struct kfs_stream_info info = {.name = "s"};
    struct kfs_gauges gauges;

    (void)state;
    kfs_gauges_init(&gauges);
    for (uint32_t i = 0; i < 2 * KFS_GAUGES_IDLE_MAX; i++)
        assert_int_equal(kfs_gauge_get(&gauges, &info, i, &json, &g[i]), 0);
    for (size_t i = 0; i < 2 * KFS_GAUGES_IDLE_MAX; i++)
        kfs_gauge_put(&gauges, g[i]);
    assert_int_equal(gauges.idle, KFS_GAUGES_IDLE_MAX);
    struct kfs_gauge *same;
    assert_int_equal(kfs_gauge_get(&gauges, &info, 2 * KFS_GAUGES_IDLE_MAX - 1, &json, &same), 0);
    assert_ptr_equal(same, g[2 * KFS_GAUGES_IDLE_MAX - 1]);
    info.generation = 1; /* another stream of the name */
    struct kfs_gauge *other;
    assert_int_equal(kfs_gauge_get(&gauges, &info, 2 * KFS_GAUGES_IDLE_MAX - 1, &json, &other), 0);
    assert_ptr_not_equal(same, other);
    kfs_gauge_put(&gauges, same);
    kfs_gauge_put(&gauges, other);
    kfs_gauge_put(&gauges, NULL);
    kfs_gauges_release(&gauges);
}

static void ordinals_count_from_the_first(void **state)
{
    struct kfs_gauges gauges;
    struct kfs_reader *reader;
    struct kfs_gauge *g;
    struct world w;
    uint64_t ordinal;

    (void)state;
    open_all(&w, &gauges, &g, &reader);
    for (int i = 0; i < 50; i++)
        world_put(&w, 0, world_random(&w, 9));
    learn(&w, reader);
    for (size_t i = 0; i <= 50; i++) {
        assert_int_equal(kfs_gauge_ordinal(reader, places.at[i], &ordinal, NULL), 0);
        assert_int_equal(ordinal, i);
    }
    close_all(&w, &gauges, g, reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_part_is_measured_exactly),    cmocka_unit_test(nothing_is_read_twice),
        cmocka_unit_test(stretches_are_bounded),           cmocka_unit_test(what_is_known_outlives_retention),
        cmocka_unit_test(a_failure_says_how_far_it_came),  cmocka_unit_test(gauges_that_no_one_uses_are_bounded),
        cmocka_unit_test(ordinals_count_from_the_first),   cmocka_unit_test(what_was_measured_is_saved),
        cmocka_unit_test(a_wrong_note_counts_for_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
