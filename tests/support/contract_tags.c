/* Contract: tags. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/contract_case.h"

#define TEXT_MAX 65536

static int note_tag(void *arg, const struct kfs_tag *tag)
{
    char(*lines)[TEXT_MAX] = arg;
    size_t len = strlen(*lines);

    (void)snprintf(*lines + len, sizeof *lines - len, "[%s=%s]", tag->key, tag->value);
    return 0;
}

/* Each of n, and no other. */
static void assert_tags(struct contract_case *c, struct kfs_stream *s, const char *const *expected, size_t n)
{
    static char found[TEXT_MAX];
    size_t len = 0;

    found[0] = '\0';
    assert_int_equal(kfs_tag_list(s, note_tag, &found, &c->err), 0);
    for (size_t i = 0; i < n; i++) {
        assert_non_null(strstr(found, expected[i]));
        len += strlen(expected[i]);
    }
    assert_int_equal(strlen(found), len);
}

static void set(struct contract_case *c, struct kfs_stream *s, const char *key, const char *value)
{
    assert_int_equal(kfs_tag_change(s, &(struct kfs_tag){key, value}, 1, &c->err), 0);
}

static void tags_are_set_replaced_and_removed(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    static const char *const first[] = {"[team=red]", "[env=]", "[\xc3\xa9 /x@z+=-_.=a b \xc3\xbc]"};
    static const char *const second[] = {"[team=blue]", "[env=test]"};
    const struct kfs_tag changes[] = {{"\xc3\xa9 /x@z+=-_.", NULL}, {"env", "test"}, {"none", NULL}};

    assert_tags(c, s, NULL, 0);
    assert_int_equal(kfs_tag_change(s, NULL, 0, &c->err), 0);
    set(c, s, "team", "red");
    set(c, s, "env", "");
    set(c, s, "\xc3\xa9 /x@z+=-_.", "a b \xc3\xbc");
    assert_tags(c, s, first, 3);
    set(c, s, "team", "blue");
    assert_int_equal(kfs_tag_change(s, changes, 3, &c->err), 0);
    assert_tags(c, s, second, 2);
    assert_tags(c, case_open(c, "s"), second, 2);
    assert_int_equal(kfs_tag_change(s, (struct kfs_tag[]){{"team", NULL}, {"env", NULL}}, 2, &c->err), 0);
    assert_tags(c, s, NULL, 0);
}

static void a_stream_is_made_with_tags(void **state)
{
    struct contract_case *c = *state;
    const struct kfs_tag tags[] = {{"b", "2"}, {"a", ""}};
    const struct kfs_tag bad = {"%", ""};
    static const char *const expected[] = {"[a=]", "[b=2]"};
    struct kfs_stream_spec spec = {.shards = 1, .tags = tags, .n_tags = 2, .note = "n", .note_text = bytes_of("text")};
    struct kfs_stream *none;

    assert_int_equal(kfs_stream_create(c->b, "s", &spec, &c->err), 0);
    assert_tags(c, case_open(c, "s"), expected, 2);
    spec.tags = &bad;
    spec.n_tags = 1;
    assert_failed(c, kfs_stream_create(c->b, "bad", &spec, &c->err), EINVAL);
    assert_failed(c, kfs_stream_open(c->b, "bad", &none, &c->err), ENOENT);
}

static void a_tag_may_have_a_colon(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);

    set(c, s, "mine:x", "y:z");
    assert_tags(c, s, (const char *const[]){"[mine:x=y:z]"}, 1);
}

static int stop(void *arg, const struct kfs_tag *tag)
{
    (void)tag;
    return ++*(int *)arg == 2 ? 7 : 0;
}

static void a_list_of_tags_can_stop(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    int n = 0;

    set(c, s, "a", "1");
    set(c, s, "b", "2");
    set(c, s, "c", "3");
    assert_int_equal(kfs_tag_list(s, stop, &n, &c->err), 7);
    assert_int_equal(n, 2);
}

static void tags_that_cannot_be_are_refused(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    char key[KFS_TAG_KEY_CHARS_MAX + 2];
    char value[KFS_TAG_VALUE_CHARS_MAX + 2];
    const struct kfs_tag bad[] = {{"", "x"},     {"a%", "x"},   {"a\nb", "x"}, {"a", "x;"}, {"\xff", ""},
                                  {"a", "\xff"}, {"aws:a", ""}, {key, "x"},    {"a", value}};

    memset(key, 'k', sizeof key);
    key[sizeof key - 1] = '\0';
    memset(value, 'v', sizeof value);
    value[sizeof value - 1] = '\0';
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct kfs_tag both[] = {{"good", "x"}, bad[i]};
        assert_failed(c, kfs_tag_change(s, both, 2, &c->err), EINVAL);
    }
    assert_tags(c, s, NULL, 0);
    key[sizeof key - 2] = '\0';
    value[sizeof value - 2] = '\0';
    set(c, s, key, value);
}

static void a_stream_has_at_most_fifty_tags(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    char key[16];
    int n = 0;

    for (int i = 0; i < KFS_TAGS_MAX; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        set(c, s, key, "v");
    }
    int rc = kfs_tag_change(s, &(struct kfs_tag){"more", "v"}, 1, &c->err);
    assert_failed(c, rc, c->subject->seen_at_once || rc == -EDQUOT ? EDQUOT : EINVAL); /* the endpoint's word */
    set(c, s, "k0", "other");
    set(c, s, "k1", NULL);
    set(c, s, "more", "v");
    assert_int_equal(kfs_tag_list(s, stop, &n, &c->err), 7);
}

static void tags_go_with_their_stream(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    static const char *const kept[] = {"[a=1]"};
    struct kfs_tag tag = {"a", "2"};

    set(c, s, "a", "1");
    if (c->subject->reopen != NULL) {
        case_reopen(c);
        s = case_open(c, "s");
        assert_tags(c, s, kept, 1);
    }
    assert_int_equal(kfs_stream_delete(s, &c->err), 0);
    assert_failed(c, kfs_tag_change(s, &tag, 1, &c->err), ENOENT);
    clock_advance(c, 1000);
    assert_tags(c, case_create(c, "s", 1), NULL, 0);
}

struct tagger {
    struct kfs_stream *stream;
    const char *prefix;
};

static void *tag_five(void *arg)
{
    const struct tagger *t = arg;
    char key[16];

    for (int i = 0; i < 5; i++) {
        (void)snprintf(key, sizeof key, "%s%d", t->prefix, i);
        if (kfs_tag_change(t->stream, &(struct kfs_tag){key, "v"}, 1, NULL) != 0)
            return arg;
    }
    return NULL;
}

static void tags_of_many_threads_are_all_kept(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    static const char *const expected[] = {"[a0=v]", "[a1=v]", "[a2=v]", "[a3=v]", "[a4=v]",
                                           "[b0=v]", "[b1=v]", "[b2=v]", "[b3=v]", "[b4=v]"};
    struct tagger taggers[] = {{s, "a"}, {s, "b"}};
    pthread_t threads[2];
    void *failed;

    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, tag_five, &taggers[i]), 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_tags(c, s, expected, 10);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(tags_are_set_replaced_and_removed), cmocka_unit_test(a_list_of_tags_can_stop),
    cmocka_unit_test(tags_that_cannot_be_are_refused),   cmocka_unit_test(a_stream_has_at_most_fifty_tags),
    cmocka_unit_test(tags_go_with_their_stream),         cmocka_unit_test(tags_of_many_threads_are_all_kept),
    cmocka_unit_test(a_stream_is_made_with_tags),        cmocka_unit_test(a_tag_may_have_a_colon),
};

CONTRACT_GROUP(contract_tags, tests);
