/* Contract: notes of a stream and of the backend. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/contract_case.h"

static void set(struct contract_case *c, struct kfs_stream *s, const char *name, const char *text)
{
    assert_int_equal(kfs_note_set(c->b, s, name, bytes_of(text), &c->err), 0);
}

static void assert_note(struct contract_case *c, struct kfs_stream *s, const char *name, const char *text)
{
    struct kfs_buf buf;

    kfs_buf_init(&buf, KFS_NOTE_BYTES_MAX);
    assert_int_equal(kfs_note_get(c->b, s, name, &buf, &c->err), 0);
    assert_bytes((struct kfs_bytes){buf.data, buf.len}, bytes_of(text));
    kfs_buf_release(&buf);
}

#define NAMES_MAX 512

static int join(void *arg, const char *name)
{
    char *names = arg;
    size_t len = strlen(names);

    (void)snprintf(names + len, NAMES_MAX - len, "%s ", name);
    return 0;
}

static void assert_names(struct contract_case *c, struct kfs_stream *s, const char *expected)
{
    char names[NAMES_MAX] = "";

    assert_int_equal(kfs_note_list(c->b, s, join, names, &c->err), 0);
    assert_string_equal(names, expected);
}

static void notes_are_replaced_whole(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);

    assert_note(c, s, "a", "");
    assert_names(c, s, "");
    set(c, s, "a", "a long first text");
    set(c, s, "a", "short");
    assert_note(c, s, "a", "short");
    set(c, s, "a", "");
    assert_note(c, s, "a", "");
    assert_names(c, s, "");
    set(c, s, "a", "");
}

/* What is in the buffer stays before it, and is all there is after a failure. */
static void notes_are_appended_to_the_buffer(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_buf buf;

    set(c, s, "a", "text");
    kfs_buf_init(&buf, 7);
    assert_int_equal(kfs_buf_append(&buf, "x", 1), 0);
    assert_int_equal(kfs_note_get(c->b, s, "a", &buf, &c->err), 0);
    assert_bytes((struct kfs_bytes){buf.data, buf.len}, bytes_of("xtext"));
    assert_failed(c, kfs_note_get(c->b, s, "a", &buf, &c->err), EMSGSIZE);
    assert_int_equal(buf.len, 5);
    kfs_buf_release(&buf);
}

static void notes_of_streams_and_backend_are_apart(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    struct kfs_stream *t = case_create(c, "t", 1);

    set(c, s, "a", "of s");
    set(c, t, "a", "of t");
    set(c, NULL, "a", "of all");
    set(c, NULL, "b.c-d_9", "second");
    assert_note(c, s, "a", "of s");
    assert_note(c, t, "a", "of t");
    assert_note(c, NULL, "a", "of all");
    assert_names(c, s, "a ");
    assert_names(c, NULL, "a b.c-d_9 ");
}

static int stop_at_b(void *arg, const char *name)
{
    (*(int *)arg)++;
    return strcmp(name, "b") == 0 ? 7 : 0;
}

static void lists_are_in_order_and_can_stop(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    int visited = 0;

    set(c, s, "c", "3");
    set(c, s, "a", "1");
    set(c, s, "b", "2");
    set(c, s, "B", "4");
    assert_names(c, s, "B a b c ");
    assert_int_equal(kfs_note_list(c->b, s, stop_at_b, &visited, &c->err), 7);
    assert_int_equal(visited, 3);
}

static void names_and_sizes_have_limits(void **state)
{
    static const char *const bad[] = {"", ".", "..", ".a", "a/b", "a b", "a.new", "\xc3\xa4"};
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    char name[KFS_NOTE_NAME_MAX + 2];
    struct kfs_buf buf;
    char *text = calloc(1, KFS_NOTE_BYTES_MAX + 1);

    assert_non_null(text);
    kfs_buf_init(&buf, KFS_NOTE_BYTES_MAX);
    memset(name, 'n', sizeof name);
    name[KFS_NOTE_NAME_MAX + 1] = '\0';
    assert_failed(c, kfs_note_set(c->b, s, name, bytes_of("x"), &c->err), EINVAL);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_failed(c, kfs_note_set(c->b, s, bad[i], bytes_of("x"), &c->err), EINVAL);
        assert_failed(c, kfs_note_get(c->b, s, bad[i], &buf, &c->err), EINVAL);
    }
    name[KFS_NOTE_NAME_MAX] = '\0';
    assert_int_equal(kfs_note_set(c->b, s, name, (struct kfs_bytes){text, KFS_NOTE_BYTES_MAX}, &c->err), 0);
    assert_failed(c, kfs_note_set(c->b, s, name, (struct kfs_bytes){text, KFS_NOTE_BYTES_MAX + 1}, &c->err), EMSGSIZE);
    assert_int_equal(kfs_note_get(c->b, s, name, &buf, &c->err), 0);
    assert_int_equal(buf.len, KFS_NOTE_BYTES_MAX);
    kfs_buf_release(&buf);
    free(text);
}

static void notes_go_with_their_stream(void **state)
{
    struct contract_case *c = *state;
    struct kfs_stream *s = case_create(c, "s", 1);
    char names[NAMES_MAX] = "";
    struct kfs_buf buf;

    set(c, s, "a", "text");
    assert_int_equal(kfs_stream_delete(s, &c->err), 0);
    kfs_buf_init(&buf, 16);
    assert_failed(c, kfs_note_get(c->b, s, "a", &buf, &c->err), ENOENT);
    assert_failed(c, kfs_note_set(c->b, s, "a", bytes_of("x"), &c->err), ENOENT);
    assert_failed(c, kfs_note_list(c->b, s, join, names, &c->err), ENOENT);
    kfs_buf_release(&buf);
    s = case_create(c, "s", 1);
    assert_note(c, s, "a", "");
    assert_names(c, s, "");
}

static void a_stream_is_made_with_its_note(void **state)
{
    const struct kfs_stream_spec spec = {.shards = 2, .note = "a", .note_text = bytes_of("text")};
    struct contract_case *c = *state;
    struct kfs_stream *s;

    assert_int_equal(kfs_stream_create(c->b, "s", &spec, &c->err), 0);
    assert_int_equal(kfs_stream_open(c->b, "s", &s, &c->err), 0);
    assert_names(c, s, "a ");
    assert_note(c, s, "a", "text");
    kfs_stream_close(s);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(notes_are_replaced_whole),
    cmocka_unit_test(notes_are_appended_to_the_buffer),
    cmocka_unit_test(notes_of_streams_and_backend_are_apart),
    cmocka_unit_test(lists_are_in_order_and_can_stop),
    cmocka_unit_test(names_and_sizes_have_limits),
    cmocka_unit_test(notes_go_with_their_stream),
    cmocka_unit_test(a_stream_is_made_with_its_note),
};

CONTRACT_GROUP(contract_notes, tests);
