#include "fs/view.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int parse_with(const struct kfs_view_table *table, const char *list, struct kfs_view *view,
                      struct kfs_error *err)
{
    return kfs_view_parse(table, (struct kfs_bytes){list, strlen(list)}, view, err);
}

static void assert_view(const char *list, const struct kfs_framing *framing, bool follow)
{
    struct kfs_view view;
    struct kfs_error err = {0};

    if (parse_with(&kfs_view_table, list, &view, &err) != 0)
        fail_msg("%s: %s", list, err.text);
    assert_ptr_equal(view.framing, framing);
    assert_int_equal(view.follow, follow);
}

static void assert_refused(const struct kfs_view_table *table, const char *list, const char *reason)
{
    struct kfs_view view = {.framing = NULL, .follow = true};
    struct kfs_error err = {0};

    assert_int_equal(parse_with(table, list, &view, &err), -ENOENT);
    assert_int_equal(err.code, ENOENT);
    if (strstr(err.text, reason) == NULL)
        fail_msg("%s: '%s' does not say '%s'", list, err.text, reason);
    assert_null(view.framing);
    assert_int_equal(parse_with(table, list, &view, NULL), -ENOENT);
}

static void words_combine_in_any_order(void **state)
{
    (void)state;
    assert_ptr_equal(kfs_view_default.framing, &kfs_framing_lines);
    assert_false(kfs_view_default.follow);
    assert_view("lines", &kfs_framing_lines, false);
    assert_view("json", &kfs_framing_json, false);
    assert_view("follow", &kfs_framing_lines, true);
    assert_view("json,follow", &kfs_framing_json, true);
    assert_view("follow,json", &kfs_framing_json, true);
    assert_view("follow,lines", &kfs_framing_lines, true);
}

static void unknown_words_are_named_with_what_is_allowed(void **state)
{
    (void)state;
    assert_refused(&kfs_view_table, "jsno",
                   "no view 'jsno'; views are lines, nul, raw, len, json, follow, from=, key=, keyfrom=, cursor=, kpl, "
                   "gzip, zstd");
    assert_refused(&kfs_view_table, "json,what", "'what'");
    assert_refused(&kfs_view_table, "JSON", "'JSON'");
    assert_refused(&kfs_view_table, "", "no view ''");
    assert_refused(&kfs_view_table, ",", "no view ''");
    assert_refused(&kfs_view_table, "json,", "no view ''");
    assert_refused(&kfs_view_table, ",json", "no view ''");
    assert_refused(&kfs_view_table, "=", "no view ''");
    assert_refused(&kfs_view_table, "js\non", "no view 'js?on'");
    assert_refused(&kfs_view_table, "json ", "no view 'json '");
    assert_refused(&kfs_view_table, "%6ason", "no view '%6ason'"); /* values are decoded, words are not */
}

static void codings_combine_with_framings(void **state)
{
    struct kfs_view view;

    (void)state;
    assert_true(kfs_coding_none(kfs_view_default.coding));
    assert_int_equal(parse_with(&kfs_view_table, "zstd,json,kpl,follow", &view, NULL), 0);
    assert_ptr_equal(view.coding.compression, &kfs_zstd);
    assert_true(view.coding.aggregates);
    assert_ptr_equal(view.framing, &kfs_framing_json);
    assert_int_equal(parse_with(&kfs_view_table, "gzip", &view, NULL), 0);
    assert_ptr_equal(view.coding.compression, &kfs_gzip);
    assert_false(view.coding.aggregates);
    assert_refused(&kfs_view_table, "gzip,kpl,zstd", "'gzip' and 'zstd' contradict each other");
    assert_refused(&kfs_view_table, "kpl,kpl", "'kpl' is there twice");
    assert_refused(&kfs_view_table, "gzip=9", "'gzip' takes no value");
}

static void repeats_and_contradictions_are_refused(void **state)
{
    (void)state;
    assert_refused(&kfs_view_table, "json,json", "'json' is there twice");
    assert_refused(&kfs_view_table, "follow,json,follow", "'follow' is there twice");
    assert_refused(&kfs_view_table, "lines,json", "'lines' and 'json' contradict each other");
    assert_refused(&kfs_view_table, "json,follow,lines", "'json' and 'lines' contradict each other");
    assert_refused(&kfs_view_table, "json=", "'json' takes no value");
    assert_refused(&kfs_view_table, "follow=yes", "'follow' takes no value");
}

/* ---- from ---- */

static struct kfs_position from_of(const char *list, uint64_t now_ms)
{
    struct kfs_view view;
    struct kfs_error err = {0};

    if (parse_with(&kfs_view_table, list, &view, &err) != 0)
        fail_msg("%s: %s", list, err.text);
    return kfs_from_position(&view.from, now_ms);
}

static void from_is_a_position(void **state)
{
    const uint64_t now = 1795420800123;
    struct kfs_position p;

    (void)state;
    assert_int_equal(kfs_from_position(&kfs_view_default.from, now).type, KFS_AT_HORIZON);
    assert_int_equal(from_of("from=start", now).type, KFS_AT_HORIZON);
    assert_int_equal(from_of("follow,from=end", now).type, KFS_AT_LATEST);
    p = from_of("from=-10m", now);
    assert_int_equal(p.type, KFS_AT_TIME);
    assert_int_equal(p.time_ms, now - 600000);
    assert_int_equal(from_of("from=-365d", now).time_ms, now - KFS_FROM_AGO_MAX_MS);
    assert_int_equal(from_of("from=-1ms", now).time_ms, now - 1);
    assert_int_equal(from_of("from=-2h", 5).time_ms, 0);
    p = from_of("from=-100", now);
    assert_int_equal(p.type, KFS_LAST_RECORDS);
    assert_int_equal(p.count, 100);
    p = from_of("from=1970-01-01T00:00:01.5Z,json", now);
    assert_int_equal(p.type, KFS_AT_TIME);
    assert_int_equal(p.time_ms, 1500);
    assert_int_equal(from_of("from=1970-01-01T01:00:01%2B01:00", now).time_ms, 1000);
    p = from_of("from=256", now);
    assert_int_equal(p.type, KFS_AT_SEQUENCE);
    assert_int_equal(p.seq.b[KFS_SEQ_BYTES - 2], 1);
    p = from_of("from=after:49680494987942074228168818052376577588801716997924585474", now);
    assert_int_equal(p.type, KFS_AFTER_SEQUENCE);
}

static void from_refuses_the_rest(void **state)
{
    static const char *const bad[] = {
        "from=",
        "from=Start",
        "from=-",
        "from=-0",
        "from=-1x",
        "from=-366d",
        "from=-0s",
        "from=--1",
        "from=+1",
        "from=after:",
        "from=after:x",
        "from=after:-1",
        "from=yesterday",
        "from=1.5",
        "from=1%00",
        "from=-1.5h",
        "from=2026-13-01",
        "from=-9999999999999",
        "from=after:after:1",
        "from=99999999999999999999999999999999999999999999999999999999999999999",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_refused(&kfs_view_table, bad[i], "view 'from': its value is start, end, ");
    assert_refused(&kfs_view_table, "from", "'from' needs a value");
    assert_refused(&kfs_view_table, "from=end,from=end", "'from' is there twice");
    assert_refused(&kfs_view_table, "key=a,keyfrom=random", "'key' and 'keyfrom' contradict each other");
}

/* ---- rows with values, in a table of the test ---- */

static char seen[KFS_VIEW_BYTES_MAX + 1];
static size_t seen_len;

static int note_value(struct kfs_view *view, struct kfs_bytes value, struct kfs_error *err)
{
    (void)view;
    if (value.len == 1 && memcmp(value.data, "!", 1) == 0)
        return kfs_fail(err, ENOENT, "view 'key' refuses this");
    memcpy(seen, value.data, value.len);
    seen_len = value.len;
    return 0;
}

static const struct kfs_view_row value_rows[] = {
    {"follow", false, KFS_VIEW_ALONE, note_value},
    {"key", true, KFS_VIEW_ALONE, note_value},
    {"from", true, KFS_VIEW_ALONE, note_value},
};
static const struct kfs_view_table value_table = {value_rows, 3};

static void assert_value(const char *list, const char *value, size_t len)
{
    struct kfs_view view;

    assert_int_equal(parse_with(&value_table, list, &view, NULL), 0);
    assert_int_equal(seen_len, len);
    assert_memory_equal(seen, value, len);
}

static void values_are_percent_decoded(void **state)
{
    (void)state;
    assert_value("key=plain", "plain", 5);
    assert_value("key=", "", 0);
    assert_value("key=a%2Fb%2cc%3d", "a/b,c=", 6);
    assert_value("key=a=b", "a=b", 3);
    assert_value("key=%00%ff%25", "\0\xff%", 3);
    assert_value("follow,key=x", "x", 1);
    assert_refused(&value_table, "key", "'key' needs a value: key=VALUE");
    assert_refused(&value_table, "key=%", "two hexadecimal digits");
    assert_refused(&value_table, "key=%2", "two hexadecimal digits");
    assert_refused(&value_table, "key=%2,follow", "two hexadecimal digits");
    assert_refused(&value_table, "key=%gg", "two hexadecimal digits");
    assert_refused(&value_table, "key=a,key=b", "'key' is there twice");
    assert_refused(&value_table, "key=!", "'key' refuses this");
    assert_refused(&value_table, "what", "views are follow, key=, from=");
}

static void lists_are_bounded(void **state)
{
    char list[KFS_VIEW_BYTES_MAX + 2];
    char commas[KFS_VIEW_WORDS_MAX + 1];

    (void)state;
    memset(list, 'x', sizeof list);
    memcpy(list, "key=", 4);
    list[KFS_VIEW_BYTES_MAX] = '\0';
    assert_value(list, list + 4, KFS_VIEW_BYTES_MAX - 4);
    list[KFS_VIEW_BYTES_MAX] = 'x';
    list[KFS_VIEW_BYTES_MAX + 1] = '\0';
    assert_refused(&value_table, list, "at most 255 bytes");

    memset(commas, ',', sizeof commas);
    commas[KFS_VIEW_WORDS_MAX] = '\0';
    assert_refused(&kfs_view_table, commas, "at most 64 views");
    commas[KFS_VIEW_WORDS_MAX - 1] = '\0';
    assert_refused(&kfs_view_table, commas, "no view ''");
}

/* A message never grows with the table. */
static void a_full_table_works(void **state)
{
    struct kfs_view_row rows[KFS_VIEW_WORDS_MAX];
    char words[KFS_VIEW_WORDS_MAX][8];
    struct kfs_view view;

    (void)state;
    for (size_t i = 0; i < KFS_VIEW_WORDS_MAX; i++) {
        (void)snprintf(words[i], sizeof words[i], "view%02zu", i);
        rows[i] = (struct kfs_view_row){words[i], true, KFS_VIEW_ALONE, note_value};
    }
    struct kfs_view_table table = {rows, KFS_VIEW_WORDS_MAX};
    assert_refused(&table, "x", "view00=, view01=");
    assert_refused(&table, "x", "...");
    assert_refused(&table, "view63=1,view63=2", "'view63' is there twice");
    assert_int_equal(parse_with(&table, "view62=1,view63=2", &view, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_combine_in_any_order),
        cmocka_unit_test(unknown_words_are_named_with_what_is_allowed),
        cmocka_unit_test(codings_combine_with_framings),
        cmocka_unit_test(repeats_and_contradictions_are_refused),
        cmocka_unit_test(from_is_a_position),
        cmocka_unit_test(from_refuses_the_rest),
        cmocka_unit_test(values_are_percent_decoded),
        cmocka_unit_test(lists_are_bounded),
        cmocka_unit_test(a_full_table_works),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
