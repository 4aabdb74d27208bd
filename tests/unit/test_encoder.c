/* What a coding stores: aggregates that stay in their shards, and records within the limit. */
#include "backend/codec/kpl.h"
#include "fs/writer.h"

#include "tests/unit/merge_model.h"

static const struct kfs_key_rule no_rule = {.type = KFS_KEY_CHOSEN};
static const struct kfs_kpl_limit no_limit = {SIZE_MAX, SIZE_MAX};

static void open_writer(struct world *w, struct kfs_writer *writer, uint32_t shard, struct kfs_coding coding)
{
    const struct kfs_write_to to = {w->stream, shard, &kfs_framing_lines, coding, &no_rule};

    assert_int_equal(kfs_writer_init(writer, &to, NULL), 0);
}

static void write_lines(struct kfs_writer *writer, size_t n, char first)
{
    char lines[4096];
    size_t len = 0;

    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(lines + len, sizeof lines - len, "%c%zu\n", first, i);
    assert_int_equal(kfs_writer_write(writer, lines, len, NULL), len);
}

/* Stored records, those that are aggregates, and the user records that are in them. */
struct stored {
    size_t records;
    size_t aggregates;
    size_t users;
    size_t outside; /* users that hash to another shard */
    struct kfs_record last;
};

/* Of one shard. `last` is valid until the batch is released. */
static struct stored look(struct world *w, uint32_t shard, struct kfs_batch *batch)
{
    const struct kfs_limit limit = {10000, KFS_RECORD_BYTES_MAX};
    struct stored s = {0};
    struct kfs_shard_info info;
    struct kfs_kpl_reader kpl;
    struct kfs_kpl_record user;
    struct kfs_reader *reader;

    kfs_kpl_reader_init(&kpl);
    assert_int_equal(kfs_shard_info(w->stream, shard, &info, NULL), 0);
    assert_int_equal(kfs_reader_open(w->stream, shard, &reader, NULL), 0);
    assert_int_equal(kfs_read(reader, 0, &limit, batch, NULL), 0);
    for (size_t i = 0; i < batch->n; i++) {
        s.last = batch->records[i];
        if (kfs_kpl_open(&kpl, s.last.data, &no_limit) != 0)
            continue;
        s.aggregates++;
        while (kfs_kpl_next(&kpl, &user)) {
            s.users++;
            s.outside += !kfs_kpl_in_range(&user, &info.range);
        }
    }
    s.records = batch->n;
    kfs_reader_close(reader);
    kfs_kpl_reader_release(&kpl);
    return s;
}

static void a_write_becomes_an_aggregate(void **state)
{
    struct kfs_writer writer;
    struct kfs_batch batch;
    struct world w;

    (void)state;
    world_open(&w, 2);
    kfs_batch_init(&batch);
    open_writer(&w, &writer, 1, (struct kfs_coding){NULL, true});
    write_lines(&writer, 100, 'a');
    write_lines(&writer, 50, 'b');
    struct stored s = look(&w, 1, &batch);
    assert_int_equal(s.records, 2);
    assert_int_equal(s.users, 150);
    assert_int_equal(s.outside, 0);

    write_lines(&writer, 1, 'c'); /* one alone stays as it is */
    s = look(&w, 1, &batch);
    assert_int_equal(s.records, 3);
    assert_int_equal(s.aggregates, 2);
    assert_memory_equal(s.last.data.data, "c0", 2);

    static const char like[] = "\xf3\x89\x9a\xc2 begins as an aggregate\n"; /* but not what would be taken for one */
    assert_int_equal(kfs_writer_write(&writer, like, sizeof like - 1, NULL), sizeof like - 1);
    s = look(&w, 1, &batch);
    assert_int_equal(s.aggregates, 3);
    assert_int_equal(s.users, 151);
    kfs_writer_release(&writer);
    kfs_batch_release(&batch);
    world_close(&w);
}

/* What is between the records that are in it, and a record over that, in pieces under the limit. */
static void aggregates_keep_to_the_limit(void **state)
{
    static const size_t lens[] = {700000, 300000, 700000, KFS_RECORD_BYTES_DEFAULT, 5, 6};
    struct kfs_writer writer;
    struct kfs_batch batch;
    struct kfs_buf lines;
    struct world w;

    (void)state;
    world_open(&w, 1);
    kfs_batch_init(&batch);
    kfs_buf_init(&lines, (size_t)1 << 23);
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        assert_int_equal(kfs_buf_reserve(&lines, lens[i] + 1), 0);
        memset(lines.data + lines.len, 'x', lens[i]);
        lines.data[lines.len + lens[i]] = '\n';
        lines.len += lens[i] + 1;
    }
    open_writer(&w, &writer, 0, (struct kfs_coding){NULL, true});
    assert_int_equal(kfs_writer_write(&writer, lines.data, lines.len, NULL), lines.len);
    struct stored s = look(&w, 0, &batch);
    assert_int_equal(s.records, 4); /* 700000 and 300000; 700000; 1 MiB; 5 and 6 */
    assert_int_equal(s.aggregates, 2);
    assert_int_equal(s.users, 4);
    kfs_writer_release(&writer);
    kfs_buf_release(&lines);
    kfs_batch_release(&batch);
    world_close(&w);
}

static void all_is_grouped_by_owner(void **state)
{
    struct kfs_shard_info *list;
    struct kfs_writer writer;
    struct kfs_batch batch;
    struct world w;
    size_t n;
    size_t users = 0;
    size_t single = 0;

    (void)state;
    world_open(&w, 3);
    kfs_batch_init(&batch);
    open_writer(&w, &writer, KFS_NO_SHARD, (struct kfs_coding){NULL, true});
    write_lines(&writer, 500, 'a');
    assert_int_equal(kfs_stream_resize(w.stream, 4, NULL), 0);
    write_lines(&writer, 500, 'b');
    assert_int_equal(kfs_shard_list(w.stream, &list, &n, NULL), 0);
    for (size_t i = 0; i < n; i++) {
        struct stored s = look(&w, list[i].index, &batch);
        assert_true(s.records <= 2); /* of each write at most one */
        assert_int_equal(s.outside, 0);
        users += s.users;
        single += s.records - s.aggregates;
    }
    assert_int_equal(users + single, 1000);
    free(list);
    kfs_writer_release(&writer);
    kfs_batch_release(&batch);
    world_close(&w);
}

static void the_limit_is_of_what_is_stored(void **state)
{
    const size_t len = (size_t)4 << 20;
    struct kfs_writer writer;
    struct kfs_batch batch;
    struct kfs_error err = {0};
    struct world w;
    char *line = malloc(len);

    (void)state;
    world_open(&w, 1);
    assert_int_equal(kfs_stream_update(w.stream, &(struct kfs_stream_change){0, KFS_RECORD_BYTES_DEFAULT}, NULL), 0);
    kfs_batch_init(&batch);
    open_writer(&w, &writer, 0, (struct kfs_coding){&kfs_gzip, false});
    memset(line, 'x', len);
    line[len - 1] = '\n';
    assert_int_equal(kfs_writer_write(&writer, line, len, NULL), len);
    for (size_t i = 0; i < len - 1; i++)
        line[i] = (char)('0' + world_random(&w, 64));
    assert_int_equal(kfs_writer_write(&writer, line, len, &err), -EMSGSIZE);
    assert_non_null(strstr(err.text, "compressed over the stream's limit of 1048576 bytes"));
    write_lines(&writer, 2, 'a'); /* it goes on with the next record */
    struct stored s = look(&w, 0, &batch);
    assert_int_equal(s.records, 3);
    assert_true(batch.records[0].data.len < 10000);
    kfs_writer_release(&writer);
    kfs_batch_release(&batch);
    free(line);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_becomes_an_aggregate),
        cmocka_unit_test(aggregates_keep_to_the_limit),
        cmocka_unit_test(all_is_grouped_by_owner),
        cmocka_unit_test(the_limit_is_of_what_is_stored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
