/* Contract: streams by name, their settings, their end. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/contract_case.h"

#define LISTED_MAX 200

struct listing {
    char text[LISTED_MAX * 20];
    size_t n;
    size_t stop_at;
    struct kfs_backend *look_in; /* open each one from inside visit */
};

static int collect(void *arg, const char *name)
{
    struct listing *listing = arg;
    size_t len = strlen(listing->text);

    assert_true(len + strlen(name) + 2 < sizeof listing->text);
    (void)snprintf(listing->text + len, sizeof listing->text - len, "%s ", name);
    listing->n++;
    if (listing->look_in != NULL) {
        struct kfs_stream *stream = NULL;
        assert_int_equal(kfs_stream_open(listing->look_in, name, &stream, NULL), 0);
        assert_string_equal(info_of(stream).name, name);
        kfs_stream_close(stream);
    }
    return listing->n == listing->stop_at ? -77 : 0;
}

static void assert_listed(struct contract_case *c, const char *expected)
{
    struct listing listing = {.look_in = c->b};

    assert_int_equal(kfs_stream_list(c->b, collect, &listing, &c->err), 0);
    assert_string_equal(listing.text, expected);
}

static void name_rule(void **state)
{
    char name[KFS_STREAM_NAME_MAX + 2];

    (void)state;
    assert_true(kfs_stream_name_valid("a"));
    assert_true(kfs_stream_name_valid("AZaz09_.-"));
    assert_true(kfs_stream_name_valid(".."));
    assert_false(kfs_stream_name_valid(""));
    assert_false(kfs_stream_name_valid("a b"));
    assert_false(kfs_stream_name_valid("a/b"));
    assert_false(kfs_stream_name_valid("a@b"));
    assert_false(kfs_stream_name_valid("a\n"));
    assert_false(kfs_stream_name_valid("\xc3\xa9"));
    memset(name, 'n', sizeof name);
    name[KFS_STREAM_NAME_MAX] = '\0';
    assert_true(kfs_stream_name_valid(name));
    name[KFS_STREAM_NAME_MAX] = 'n';
    name[KFS_STREAM_NAME_MAX + 1] = '\0';
    assert_false(kfs_stream_name_valid(name));
}

static void empty_backend_lists_nothing(void **state)
{
    assert_listed(*state, "");
}

static void create_gives_defaults(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream_info info = info_of(case_create(c, "clicks", 2));
    const char *tail = strrchr(info.arn, ':');

    assert_string_equal(info.name, "clicks");
    assert_int_equal(strncmp(info.arn, "arn:", 4), 0);
    assert_string_equal(tail, ":stream/clicks");
    assert_int_equal(info.status, KFS_ACTIVE);
    assert_int_equal(info.open_shards, 2);
    assert_int_equal(info.retention_hours, 24);
    assert_int_equal(info.max_record_bytes, KFS_RECORD_BYTES_DEFAULT);
    assert_int_equal(info.created_ms, told_creation(c, clock_now(c)));
}

static void create_takes_settings(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream_spec low = {
        .shards = 1, .retention_hours = KFS_RETENTION_HOURS_MIN, .max_record_bytes = KFS_RECORD_BYTES_DEFAULT};
    struct kfs_stream_spec high = {
        .shards = 50, .retention_hours = KFS_RETENTION_HOURS_MAX, .max_record_bytes = KFS_RECORD_BYTES_MAX};

    assert_int_equal(kfs_stream_create(c->b, "low", &low, &c->err), 0);
    assert_int_equal(kfs_stream_create(c->b, "high", &high, &c->err), 0);
    assert_int_equal(info_of(case_open(c, "low")).retention_hours, KFS_RETENTION_HOURS_MIN);
    assert_int_equal(info_of(case_open(c, "high")).retention_hours, KFS_RETENTION_HOURS_MAX);
    assert_int_equal(info_of(case_open(c, "high")).max_record_bytes, KFS_RECORD_BYTES_MAX);
    assert_int_equal(info_of(case_open(c, "high")).open_shards, 50);
}

static void create_refuses_bad_specs(void **state)
{
    struct contract_case *c = *state;
    static const struct kfs_stream_spec bad[] = {
        {.shards = 0},
        {.shards = KFS_SHARDS_MAX + 1},
        {.shards = 1, .retention_hours = KFS_RETENTION_HOURS_MIN - 1},
        {.shards = 1, .retention_hours = KFS_RETENTION_HOURS_MAX + 1},
        {.shards = 1, .max_record_bytes = KFS_RECORD_BYTES_DEFAULT - 1024},
        {.shards = 1, .max_record_bytes = KFS_RECORD_BYTES_DEFAULT + 1},
        {.shards = 1, .max_record_bytes = KFS_RECORD_BYTES_MAX + 1024},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_failed(c, kfs_stream_create(c->b, "s", &bad[i], &c->err), EINVAL);
    assert_listed(c, "");
}

static void create_refuses_bad_names(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream_spec spec = {.shards = 1};
    static const char *const bad[] = {"", "a b", "a/b", "s@raw", "\xc3\xa9"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_failed(c, kfs_stream_create(c->b, bad[i], &spec, &c->err), EINVAL);
    assert_listed(c, "");
}

/* The two that no directory can have may be refused, and nothing else happens. */
static void names_of_directories(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream_spec spec = {.shards = 1};
    static const char *const names[] = {".", ".."};

    for (size_t i = 0; i < 2; i++) {
        struct kfs_stream *s = NULL;
        int rc = kfs_stream_create(c->b, names[i], &spec, &c->err);
        if (rc == 0) {
            assert_int_equal(kfs_stream_delete(case_open(c, names[i]), &c->err), 0);
            continue;
        }
        assert_failed(c, rc, EINVAL);
        assert_failed(c, kfs_stream_open(c->b, names[i], &s, &c->err), ENOENT);
    }
    assert_listed(c, "");
}

/* Every other name that Kinesis allows works, whatever the backend keeps where. */
static void names_that_look_like_paths(void **state)
{
    struct contract_case *c = *state;
    char longest[KFS_STREAM_NAME_MAX + 1];
    const char *names[] = {"...",    ".kinesisfs", ".deleted-s", "-rf",       "a",     "A",     "store", "lock",
                           "stream", "streams",    "horizon",    "store.new", "a.new", "1.tmp", longest};

    memset(longest, '.', sizeof longest);
    longest[KFS_STREAM_NAME_MAX] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        put_text(case_create(c, names[i], 1), 0, names[i]);
    case_close_all(c);
    if (c->subject->reopen != NULL)
        case_reopen(c);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct kfs_batch all;
        struct kfs_stream *s = case_open(c, names[i]);
        assert_string_equal(info_of(s).name, names[i]);
        read_all(c, s, 0, 10, &all);
        assert_int_equal(all.n, 1);
        assert_data(&all.records[0], names[i]);
        kfs_batch_release(&all);
        assert_int_equal(kfs_stream_delete(s, &c->err), 0);
    }
    assert_listed(c, "");
}

static void create_twice_is_eexist(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *first = case_create(c, "s", 3);
    struct kfs_stream_spec spec = {.shards = 1, .retention_hours = 48};

    put_text(first, 0, "kept");
    assert_failed(c, kfs_stream_create(c->b, "s", &spec, &c->err), EEXIST);
    assert_int_equal(info_of(first).open_shards, 3);
    assert_int_equal(info_of(first).retention_hours, 24);
    assert_int_equal(extent_of(first, 0).next_record, 1);
}

static void open_missing_is_enoent(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *const untouched = (struct kfs_stream *)&c->err;
    struct kfs_stream *stream = untouched;

    case_create(c, "exists", 1);
    assert_failed(c, kfs_stream_open(c->b, "exist", &stream, &c->err), ENOENT);
    assert_failed(c, kfs_stream_open(c->b, "existsx", &stream, &c->err), ENOENT);
    assert_failed(c, kfs_stream_open(c->b, "a b", &stream, &c->err), ENOENT);
    assert_ptr_equal(stream, untouched);
    assert_int_equal(kfs_stream_open(c->b, "exist", &stream, NULL), -ENOENT);
    kfs_stream_close(NULL);
}

static void list_is_in_byte_order(void **state)
{
    struct contract_case *c = *state;
    static const char *const names[] = {"b", "a", "_x", "Z", "aa", "a.b", "a-b", "0"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        case_create(c, names[i], 1);
    assert_listed(c, "0 Z _x a a-b a.b aa b ");
}

static void list_stops_where_told(void **state)
{
    struct contract_case *c = *state;
    struct listing listing = {.stop_at = 2};

    case_create(c, "a", 1);
    case_create(c, "b", 1);
    case_create(c, "c", 1);
    assert_int_equal(kfs_stream_list(c->b, collect, &listing, &c->err), -77);
    assert_string_equal(listing.text, "a b ");
}

static void many_streams(void **state)
{
    struct contract_case *c = *state;
    struct listing listing = {.n = 0};

    for (int i = 0; i < 100; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "s%03d", i);
        case_create(c, name, 1);
    }
    assert_int_equal(kfs_stream_list(c->b, collect, &listing, &c->err), 0);
    assert_int_equal(listing.n, 100);
}

static void references_see_one_stream(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *one = case_create(c, "s", 1);
    struct kfs_stream *two = case_open(c, "s");
    struct kfs_stream *other = case_create(c, "t", 1);
    struct kfs_stream_change change = {.retention_hours = 30};

    put_text(one, 0, "x");
    assert_int_equal(extent_of(two, 0).next_record, 1);
    assert_int_equal(kfs_stream_update(two, &change, &c->err), 0);
    assert_int_equal(info_of(one).retention_hours, 30);
    assert_int_equal(extent_of(other, 0).next_record, 0);
    assert_int_equal(info_of(other).retention_hours, 24);
}

static void update_changes_what_is_given(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_stream_change change = {.retention_hours = 100};

    assert_int_equal(kfs_stream_update(s, &change, &c->err), 0);
    change = (struct kfs_stream_change){.max_record_bytes = 2U << 20};
    assert_int_equal(kfs_stream_update(s, &change, &c->err), 0);
    change = (struct kfs_stream_change){0};
    assert_int_equal(kfs_stream_update(s, &change, &c->err), 0);
    assert_int_equal(info_of(s).retention_hours, 100);
    assert_int_equal(info_of(s).max_record_bytes, 2U << 20);
    change = (struct kfs_stream_change){KFS_RETENTION_HOURS_MIN, KFS_RECORD_BYTES_DEFAULT};
    assert_int_equal(kfs_stream_update(s, &change, &c->err), 0);
    assert_int_equal(info_of(s).retention_hours, KFS_RETENTION_HOURS_MIN);
    assert_int_equal(info_of(s).max_record_bytes, KFS_RECORD_BYTES_DEFAULT);
}

static void update_refuses_bad_settings(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    static const struct kfs_stream_change bad[] = {
        {KFS_RETENTION_HOURS_MIN - 1, 0},
        {KFS_RETENTION_HOURS_MAX + 1, 0},
        {0, KFS_RECORD_BYTES_DEFAULT - 1},
        {0, KFS_RECORD_BYTES_DEFAULT + 512},
        {0, KFS_RECORD_BYTES_MAX + 1024},
        {48, 1},
        {1, 2U << 20},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_failed(c, kfs_stream_update(s, &bad[i], &c->err), EINVAL);
    assert_int_equal(info_of(s).retention_hours, 24);
    assert_int_equal(info_of(s).max_record_bytes, KFS_RECORD_BYTES_DEFAULT);
}

static void deleted_stream_is_gone(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_stream *other = case_open(c, "s");
    struct kfs_stream *again = NULL;

    case_create(c, "t", 1);
    put_text(s, 0, "x");
    assert_int_equal(kfs_stream_delete(s, &c->err), 0);
    assert_listed(c, "t ");
    assert_failed(c, kfs_stream_open(c->b, "s", &again, &c->err), ENOENT);
    assert_failed(c, kfs_stream_delete(s, &c->err), ENOENT);
    assert_failed(c, kfs_stream_delete(other, &c->err), ENOENT);
}

static void references_to_the_deleted_answer_enoent(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 2);
    struct kfs_stream_change change = {0};
    struct kfs_stream_info info;
    struct kfs_shard_info shard;
    struct kfs_shard_info *shards = NULL;
    struct kfs_extent extent;
    struct kfs_reader *reader = NULL;
    struct kfs_put put = put_of("data", "key");
    struct kfs_put_result result = {0};
    size_t n = 99;

    assert_int_equal(kfs_stream_delete(case_open(c, "s"), &c->err), 0);
    assert_failed(c, kfs_stream_info(s, &info, &c->err), ENOENT);
    assert_failed(c, kfs_stream_update(s, &change, &c->err), ENOENT);
    assert_failed(c, kfs_stream_resize(s, 2, &c->err), ENOENT);
    assert_failed(c, kfs_shard_list(s, &shards, &n, &c->err), ENOENT);
    assert_null(shards);
    assert_int_equal(n, 99);
    assert_failed(c, kfs_shard_info(s, 0, &shard, &c->err), ENOENT);
    assert_failed(c, kfs_shard_extent(s, 0, &extent, &c->err), ENOENT);
    assert_failed(c, kfs_shard_split(s, 0, 1000, &c->err), ENOENT);
    assert_failed(c, kfs_shard_merge(s, 0, 1, &c->err), ENOENT);
    assert_failed(c, append_seen(s, 0, &put, 1, &result, &c->err), ENOENT);
    assert_int_equal(result.error, -ENOENT);
    assert_failed(c, append_seen(s, KFS_NO_SHARD, &put, 1, NULL, &c->err), ENOENT);
    assert_failed(c, kfs_reader_open(s, 0, &reader, &c->err), ENOENT);
    assert_null(reader);
    assert_int_equal(kfs_sync_wait(s, 0), -ENOENT);
    assert_int_equal(kfs_sync_wait(s, KFS_NO_SHARD), -ENOENT);
}

static void readers_of_the_deleted_answer_enoent(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_reader *fresh = case_reader(c, s, 0);
    struct kfs_reader *used = case_reader(c, s, 0);
    struct kfs_position horizon = {.type = KFS_AT_HORIZON};
    struct kfs_limit limit = {1, 100};
    struct kfs_batch batch;
    uint64_t offset = 77;
    char byte = 'u';

    kfs_batch_init(&batch);
    put_text(s, 0, "one");
    put_text(s, 0, "two");
    assert_int_equal(kfs_read(used, 0, &limit, &batch, &c->err), 0);
    assert_int_equal(kfs_stream_delete(case_open(c, "s"), &c->err), 0);
    assert_failed(c, kfs_read(fresh, 0, &limit, &batch, &c->err), ENOENT);
    assert_failed(c, kfs_read(used, 4, &limit, &batch, &c->err), ENOENT);
    assert_int_equal(batch.n, 0);
    assert_failed(c, (int)kfs_read_bytes(used, 4, &byte, 1, &c->err), ENOENT);
    assert_failed(c, (int)kfs_read_bytes(fresh, 8, &byte, 1, &c->err), ENOENT);
    assert_int_equal(byte, 'u');
    assert_failed(c, kfs_locate(used, &horizon, &offset, &c->err), ENOENT);
    assert_int_equal(offset, 77);
    kfs_batch_release(&batch);
}

static void recreated_stream_is_another(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *old = case_create(c, "s", 2);
    uint64_t generation = info_of(old).generation;
    struct kfs_stream *new;
    struct kfs_stream_info info;

    put_text(old, 0, "old");
    assert_int_equal(kfs_stream_delete(old, &c->err), 0);
    new = case_create(c, "s", 1);
    assert_int_not_equal(info_of(new).generation, generation);
    assert_int_equal(info_of(new).open_shards, 1);
    assert_int_equal(extent_of(new, 0).next_record, 0);
    put_text(new, 0, "new");
    assert_failed(c, kfs_stream_info(old, &info, &c->err), ENOENT);
    assert_failed(c, kfs_stream_delete(old, &c->err), ENOENT);
    assert_int_equal(extent_of(new, 0).next_record, 1);
    assert_int_equal(info_of(case_open(c, "s")).generation, info_of(new).generation);
}

static void space_is_known(void **state)
{
    struct contract_case *c = *state;
    struct kfs_space space;

    assert_int_equal(kfs_space(c->b, &space, &c->err), 0);
    assert_true(space.total_bytes > 0);
    assert_true(space.free_bytes <= space.total_bytes);
}

static void status_appends_members(void **state)
{
    struct contract_case *c = *state;
    struct kfs_buf json;

    kfs_buf_init(&json, 1U << 20);
    assert_int_equal(kfs_buf_append(&json, "{", 1), 0);
    assert_int_equal(kfs_status(c->b, &json), 0);
    assert_int_equal(json.data[0], '{');
    if (json.len > 1) {
        assert_int_equal(json.data[1], '"');
        assert_int_not_equal(json.data[json.len - 1], ',');
        assert_null(memchr(json.data, '\n', json.len));
    }
    kfs_buf_release(&json);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(name_rule),
    cmocka_unit_test(empty_backend_lists_nothing),
    cmocka_unit_test(create_gives_defaults),
    cmocka_unit_test(create_takes_settings),
    cmocka_unit_test(create_refuses_bad_specs),
    cmocka_unit_test(create_refuses_bad_names),
    cmocka_unit_test(names_of_directories),
    cmocka_unit_test(names_that_look_like_paths),
    cmocka_unit_test(create_twice_is_eexist),
    cmocka_unit_test(open_missing_is_enoent),
    cmocka_unit_test(list_is_in_byte_order),
    cmocka_unit_test(list_stops_where_told),
    cmocka_unit_test(many_streams),
    cmocka_unit_test(references_see_one_stream),
    cmocka_unit_test(update_changes_what_is_given),
    cmocka_unit_test(update_refuses_bad_settings),
    cmocka_unit_test(deleted_stream_is_gone),
    cmocka_unit_test(references_to_the_deleted_answer_enoent),
    cmocka_unit_test(readers_of_the_deleted_answer_enoent),
    cmocka_unit_test(recreated_stream_is_another),
    cmocka_unit_test(space_is_known),
    cmocka_unit_test(status_appends_members),
};

CONTRACT_GROUP(contract_streams, tests);
