#include "backend/endpoint/keys.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/support/tempdir.h"

static char dir[TEMPDIR_PATH_SIZE];
static char path[TEMPDIR_PATH_SIZE + 16];

static int setup(void **state)
{
    (void)state;
    tempdir_make(dir);
    (void)snprintf(path, sizeof path, "%s/keys", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tempdir_remove(dir);
    return 0;
}

static struct kfs_bytes bytes_of(const char *text)
{
    return (struct kfs_bytes){text, strlen(text)};
}

static void write_file(const char *text, size_t len, mode_t mode)
{
    FILE *file = fopen(path, "w");

    if (file == NULL)
        abort();
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void assert_bytes(struct kfs_bytes bytes, const char *text)
{
    assert_int_equal(bytes.len, strlen(text));
    assert_memory_equal(bytes.data, text, bytes.len);
}

static void keys_of_a_file(void **state)
{
    static const char text[] = "# comment\n\n  AKIDEXAMPLE \t wJalr/+=EY \r\nASIA secret token==\n\t# another\nx y";
    struct kfs_keys *keys = NULL;
    const struct kfs_key *key;

    (void)state;
    write_file(text, sizeof text - 1, 0600);
    assert_int_equal(kfs_keys_load(path, &keys, NULL), 0);
    key = kfs_keys_find(keys, bytes_of("AKIDEXAMPLE"));
    assert_non_null(key);
    assert_bytes(key->secret, "wJalr/+=EY");
    assert_int_equal(key->token.len, 0);
    key = kfs_keys_find(keys, bytes_of("ASIA"));
    assert_non_null(key);
    assert_bytes(key->token, "token==");
    assert_non_null(kfs_keys_find(keys, bytes_of("x")));
    assert_null(kfs_keys_find(keys, bytes_of("ASI")));
    assert_null(kfs_keys_find(keys, bytes_of("")));
    kfs_keys_free(keys);
    kfs_keys_free(NULL);
}

static void files_that_others_may_read(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0601, 0644};
    struct kfs_keys *keys = NULL;
    struct kfs_error err;

    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        write_file("a b\n", 4, modes[i]);
        memset(&err, 0, sizeof err);
        assert_int_equal(kfs_keys_load(path, &keys, &err), -EACCES);
        assert_non_null(strstr(err.text, "chmod 600"));
        assert_null(keys);
    }
    assert_int_equal(kfs_keys_load("/nonexistent/keys", &keys, &err), -ENOENT);
    assert_int_equal(kfs_keys_load(dir, &keys, &err), -EISDIR);
}

/* A file, and what is said of it; never a secret. */
static void files_that_are_none(void **state)
{
    static const char *const cases[][2] = {
        {"", "there is no key in it"},
        {"# only this\n", "there is no key in it"},
        {"AKID\n", "line 1: a line is ACCESS_KEY_ID SECRET_ACCESS_KEY [SESSION_TOKEN]"},
        {"\nAKID a b SECRET\n", "line 2: a line is ACCESS_KEY_ID SECRET_ACCESS_KEY [SESSION_TOKEN]"},
        {"[default] SECRET\n", "line 1: an access key id is 1 to 128 letters, digits and underscores"},
        {"AKID SECRET\nAKID SECRET\n", "line 2: this access key id is there twice"},
    };
    struct kfs_keys *keys = NULL;
    struct kfs_error err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(&err, 0, sizeof err);
        assert_int_equal(kfs_keys_parse("file", bytes_of(cases[i][0]), &keys, &err), -EINVAL);
        assert_non_null(strstr(err.text, cases[i][1]));
        assert_null(strstr(err.text, "SECRET\n"));
        assert_null(keys);
    }
}

static void limits(void **state)
{
    char *text = calloc(KFS_KEYS_MAX + 1, 16);
    char *large = malloc(KFS_KEYS_FILE_BYTES_MAX + 1);
    struct kfs_keys *keys = NULL;
    size_t len = 0;

    (void)state;
    assert_non_null(text);
    assert_non_null(large);
    for (unsigned i = 0; i < KFS_KEYS_MAX; i++)
        len += (size_t)snprintf(text + len, 16, "K%u s\n", i);
    assert_int_equal(kfs_keys_parse("file", (struct kfs_bytes){text, len}, &keys, NULL), 0);
    assert_non_null(kfs_keys_find(keys, bytes_of("K999")));
    kfs_keys_free(keys);
    len += (size_t)snprintf(text + len, 16, "one more\n");
    assert_int_equal(kfs_keys_parse("file", (struct kfs_bytes){text, len}, &keys, NULL), -EINVAL);

    memset(large, '#', KFS_KEYS_FILE_BYTES_MAX + 1);
    memcpy(large, "a b\n", 4);
    write_file(large, KFS_KEYS_FILE_BYTES_MAX, 0600);
    assert_int_equal(kfs_keys_load(path, &keys, NULL), 0);
    kfs_keys_free(keys);
    write_file(large, KFS_KEYS_FILE_BYTES_MAX + 1, 0600);
    assert_int_equal(kfs_keys_load(path, &keys, NULL), -EFBIG);
    free(text);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_a_file),
        cmocka_unit_test(files_that_others_may_read),
        cmocka_unit_test(files_that_are_none),
        cmocka_unit_test(limits),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
