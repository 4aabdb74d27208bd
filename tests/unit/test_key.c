/* The views `key` and `keyfrom`: what they take, what they find. */
#include "fs/key.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/base/record.h"
#include "fs/json_path.h"

static struct kfs_bytes bytes_of(const char *text)
{
    return (struct kfs_bytes){text, strlen(text)};
}

static void assert_refused(const char *value, const char *reason)
{
    struct kfs_key_rule rule = {.field = 77};
    struct kfs_error err = {0};

    assert_int_equal(kfs_keyfrom_parse(bytes_of(value), &rule, &err), -ENOENT);
    if (strstr(err.text, reason) == NULL)
        fail_msg("%s: '%s' does not say '%s'", value, err.text, reason);
    assert_int_equal(rule.field, 77);
}

/* What keyfrom=VALUE finds in data; want NULL: nothing. */
static void assert_found(const char *value, struct kfs_bytes data, const char *want)
{
    char room[KFS_PARTITION_KEY_BYTES_MAX];
    struct kfs_key_rule rule;
    struct kfs_keyer keyer;
    struct kfs_bytes key = {NULL, 0};
    /* As records are: no NUL behind them. */
    char *copy = malloc(data.len > 0 ? data.len : 1);

    memcpy(copy, data.data, data.len);
    assert_int_equal(kfs_keyfrom_parse(bytes_of(value), &rule, NULL), 0);
    assert_int_equal(kfs_keyer_init(&keyer, &rule, NULL), 0);
    if (kfs_keyer_find(&keyer, (struct kfs_bytes){copy, data.len}, room, &key) != (want != NULL))
        fail_msg("%s in %.*s", value, (int)data.len, copy);
    if (want != NULL) {
        assert_int_equal(key.len, strlen(want));
        assert_memory_equal(key.data, want, key.len);
    }
    kfs_keyer_release(&keyer);
    free(copy);
}

static void keys_are_partition_keys(void **state)
{
    struct kfs_key_rule rule;
    char longest[258];

    (void)state;
    memset(longest, 'x', 257);
    longest[257] = '\0';
    assert_int_equal(kfs_key_parse(bytes_of("K 1"), &rule, NULL), 0);
    assert_int_equal(rule.type, KFS_KEY_FIXED);
    assert_string_equal(rule.text, "K 1");
    assert_int_equal(kfs_key_parse(bytes_of("random"), &rule, NULL), 0);
    assert_int_equal(rule.type, KFS_KEY_RANDOM);
    assert_int_equal(kfs_key_parse(bytes_of(""), &rule, NULL), -ENOENT);
    assert_int_equal(kfs_key_parse(bytes_of("\xff"), &rule, NULL), -ENOENT);
    assert_int_equal(kfs_key_parse((struct kfs_bytes){"a\0b", 3}, &rule, NULL), -ENOENT);
    assert_int_equal(kfs_key_parse(bytes_of(longest), &rule, NULL), -ENOENT);
    assert_int_equal(kfs_key_parse((struct kfs_bytes){longest, KFS_KEY_TEXT_MAX}, &rule, NULL), 0);
}

static void rules_are_checked(void **state)
{
    (void)state;
    assert_refused("", "field:N, json:NAME.NAME, regex:EXPRESSION or random");
    assert_refused("field", "field:N");
    assert_refused("field:", "1 to 1000");
    assert_refused("field:0", "1 to 1000");
    assert_refused("field:1001", "1 to 1000");
    assert_refused("field:99999999999999999999", "1 to 1000");
    assert_refused("field:-1", "1 to 1000");
    assert_refused("json:", "names of members");
    assert_refused("json:.a", "names of members");
    assert_refused("json:a.", "names of members");
    assert_refused("json:a..b", "names of members");
    assert_refused("json:a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", "1 to 16 names");
    assert_refused("regex:", "empty");
    assert_refused("regex:(", "Unmatched");
    assert_refused("regex:(a)\\1", "back-references");
    assert_refused("regex:((a{200}){200})", "multiplied");
    assert_refused("regex:a{1025,}", "multiplied");
    assert_refused("regex:((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)", "multiplied");
}

static void fields_stand_between_blanks(void **state)
{
    (void)state;
    assert_found("field:1", bytes_of("one two"), "one");
    assert_found("field:2", bytes_of("one two"), "two");
    assert_found("field:2", bytes_of(" \t one\t \ttwo "), "two");
    assert_found("field:3", bytes_of("one two "), NULL);
    assert_found("field:1", bytes_of(""), NULL);
    assert_found("field:1", bytes_of("  "), NULL);
    assert_found("field:1", bytes_of("\xff\xfe x"), NULL); /* no UTF-8, no key */
}

static void a_key_is_not_too_long(void **state)
{
    char data[600];

    (void)state;
    for (size_t i = 0; i < sizeof data; i += 2)
        memcpy(data + i, "\xc3\xa9", 2);
    char want[2 * KFS_PARTITION_KEY_CHARS_MAX + 1] = "";
    memcpy(want, data, sizeof want - 1);
    assert_found("field:1", (struct kfs_bytes){data, sizeof want - 1}, want);
    assert_found("field:1", (struct kfs_bytes){data, sizeof want + 1}, NULL);
}

static void members_are_found(void **state)
{
    static const char text[] = " {\"x\" : [1,{\"u\":\"no\"},\"}\"] , \"o\":{\"u\":\"in\",\"n\":-1.5e3},"
                               "\"u\":\"bob\",\"e\":\"a\\u00e9\\n\",\"t\":true,\"z\":null,\"empty\":\"\"} ";

    (void)state;
    assert_found("json:u", bytes_of(text), "bob");
    assert_found("json:o.u", bytes_of(text), "in");
    assert_found("json:o.n", bytes_of(text), "-1.5e3");
    assert_found("json:e", bytes_of(text), "a\xc3\xa9\n");
    assert_found("json:o", bytes_of(text), NULL);
    assert_found("json:x", bytes_of(text), NULL);
    assert_found("json:x.u", bytes_of(text), NULL);
    assert_found("json:t", bytes_of(text), NULL);
    assert_found("json:z", bytes_of(text), NULL);
    assert_found("json:empty", bytes_of(text), NULL);
    assert_found("json:absent", bytes_of(text), NULL);
    assert_found("json:u.v", bytes_of(text), NULL);
    assert_found("json:u", bytes_of("{\"u\":\"first\",\"u\":\"second\"} rest"), "first");
}

static void what_is_no_json_has_no_members(void **state)
{
    static const char *const bad[] = {"",
                                      "{",
                                      "{\"u\"",
                                      "{\"u\":",
                                      "{\"u\":\"x",
                                      "{u:\"x\"}",
                                      "[\"u\"]",
                                      "\"u\"",
                                      "{\"u\" \"x\"}",
                                      "{\"u\":\"x\\",
                                      "{,\"u\":1}",
                                      "{\"a\":}",
                                      "{\"a\":],\"u\":1}",
                                      "{\"a\":[,\"u\":1}"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_found("json:u", bytes_of(bad[i]), NULL);
    assert_found("json:u", bytes_of("{\"u\":\"\\ud800\"}"), NULL); /* half a surrogate is no text */
}

static void expressions_match(void **state)
{
    (void)state;
    assert_found("regex:user=([a-z]+)", bytes_of("GET user=bob x"), "bob");
    assert_found("regex:[0-9]+", bytes_of("a 42 b 43"), "42");
    assert_found("regex:^b", bytes_of("ab"), NULL);
    assert_found("regex:(x)|y", bytes_of("y"), NULL); /* the group did not take part */
    assert_found("regex:x*", bytes_of("y"), NULL);    /* nothing is no key */
    assert_found("regex:c$", (struct kfs_bytes){"a\0b\nc", 5}, "c");
    assert_found("regex:b", (struct kfs_bytes){"a\0b", 3}, "b");
}

static void an_expression_looks_at_a_bounded_part(void **state)
{
    char *data = malloc(KFS_KEY_SEARCH_MAX + 1);

    (void)state;
    memset(data, 'a', KFS_KEY_SEARCH_MAX + 1);
    data[KFS_KEY_SEARCH_MAX] = 'b';
    assert_found("regex:b", (struct kfs_bytes){data, KFS_KEY_SEARCH_MAX + 1}, NULL);
    data[KFS_KEY_SEARCH_MAX - 1] = 'b';
    assert_found("regex:b", (struct kfs_bytes){data, KFS_KEY_SEARCH_MAX + 1}, "b");
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_partition_keys),     cmocka_unit_test(rules_are_checked),
        cmocka_unit_test(fields_stand_between_blanks), cmocka_unit_test(a_key_is_not_too_long),
        cmocka_unit_test(members_are_found),           cmocka_unit_test(what_is_no_json_has_no_members),
        cmocka_unit_test(expressions_match),           cmocka_unit_test(an_expression_looks_at_a_bounded_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
