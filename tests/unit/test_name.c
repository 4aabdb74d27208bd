#include "fs/name.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_no_lookup(const char *name, int code)
{
    struct kfs_dir_name out = {.stream = "untouched"};
    struct kfs_error err = {0};

    assert_int_equal(kfs_name_lookup(name, &out, &err), -code);
    assert_int_equal(err.code, code);
    assert_true(err.text[0] != '\0');
    assert_string_equal(out.stream, "untouched");
}

static void assert_no_mkdir(const char *name, int code)
{
    struct kfs_new_name out = {.stream = "untouched"};
    struct kfs_error err = {0};

    assert_int_equal(kfs_name_mkdir(name, &out, &err), -code);
    assert_int_equal(err.code, code);
    assert_true(err.text[0] != '\0');
    assert_string_equal(out.stream, "untouched");
}

static void lookup_splits_stream_and_views(void **state)
{
    struct kfs_dir_name name;

    (void)state;
    assert_int_equal(kfs_name_lookup("clicks", &name, NULL), 0);
    assert_string_equal(name.stream, "clicks");
    assert_false(name.has_view);
    assert_ptr_equal(name.view.framing, &kfs_framing_lines);

    assert_int_equal(kfs_name_lookup("a.B_c-9@json,follow", &name, NULL), 0);
    assert_string_equal(name.stream, "a.B_c-9");
    assert_true(name.has_view);
    assert_ptr_equal(name.view.framing, &kfs_framing_json);
    assert_true(name.view.follow);

    assert_int_equal(kfs_name_lookup("x@lines", &name, NULL), 0);
    assert_true(name.has_view);
    assert_int_equal(kfs_name_lookup("...", &name, NULL), 0);
}

static void lookup_refuses(void **state)
{
    (void)state;
    assert_no_lookup("", ENOENT);
    assert_no_lookup("@json", ENOENT);
    assert_no_lookup("a@", ENOENT);
    assert_no_lookup("a@what", ENOENT);
    assert_no_lookup("a@json@follow", ENOENT);
    assert_no_lookup("a@shards=4", ENOENT);
    assert_no_lookup("a b", ENOENT);
    assert_no_lookup("caf\xc3\xa9", ENOENT);
    assert_no_lookup(".", EPERM);
    assert_no_lookup("..", EPERM);
    assert_no_lookup(".kinesisfs", EPERM);
    assert_no_lookup(".kinesisfs@json", EPERM);
    assert_no_lookup("..@json", EPERM);
}

static void mkdir_takes_shards(void **state)
{
    struct kfs_new_name name;

    (void)state;
    assert_int_equal(kfs_name_mkdir("clicks", &name, NULL), 0);
    assert_string_equal(name.stream, "clicks");
    assert_int_equal(name.shards, 0);
    assert_int_equal(kfs_name_mkdir("clicks@shards=4", &name, NULL), 0);
    assert_string_equal(name.stream, "clicks");
    assert_int_equal(name.shards, 4);
    assert_int_equal(kfs_name_mkdir("clicks@shards=10000", &name, NULL), 0);
    assert_int_equal(name.shards, KFS_SHARDS_MAX);
}

static void mkdir_refuses(void **state)
{
    (void)state;
    assert_no_mkdir("", EINVAL);
    assert_no_mkdir("a b", EINVAL);
    assert_no_mkdir("@shards=1", EINVAL);
    assert_no_mkdir("a@", EINVAL);
    assert_no_mkdir("a@json", EINVAL);
    assert_no_mkdir("a@shards", EINVAL);
    assert_no_mkdir("a@shards=", EINVAL);
    assert_no_mkdir("a@shards=0", EINVAL);
    assert_no_mkdir("a@shards=10001", EINVAL);
    assert_no_mkdir("a@shards=-1", EINVAL);
    assert_no_mkdir("a@shards=+1", EINVAL);
    assert_no_mkdir("a@shards=4x", EINVAL);
    assert_no_mkdir("a@shards=4,shards=5", EINVAL);
    assert_no_mkdir("a@shards=99999999999999999999999999", EINVAL);
    assert_no_mkdir(".", EPERM);
    assert_no_mkdir("..", EPERM);
    assert_no_mkdir(".kinesisfs", EPERM);
    assert_no_mkdir(".kinesisfs@shards=2", EPERM);
}

static void names_are_bounded(void **state)
{
    char text[KFS_NAME_MAX + 2];
    struct kfs_dir_name dir;
    struct kfs_new_name made;

    (void)state;
    memset(text, 'a', sizeof text);
    text[KFS_STREAM_NAME_MAX] = '\0';
    assert_int_equal(kfs_name_lookup(text, &dir, NULL), 0);
    assert_int_equal(strlen(dir.stream), KFS_STREAM_NAME_MAX);
    assert_int_equal(kfs_name_mkdir(text, &made, NULL), 0);
    text[KFS_STREAM_NAME_MAX] = 'a';
    text[KFS_STREAM_NAME_MAX + 1] = '\0';
    assert_no_lookup(text, ENOENT);
    assert_no_mkdir(text, EINVAL);

    /* Leading zeros reach the longest name that the kernel sends. */
    memcpy(text, "a@shards=", 9);
    memset(text + 9, '0', sizeof text - 9);
    text[KFS_NAME_MAX - 1] = '7';
    text[KFS_NAME_MAX] = '\0';
    assert_int_equal(kfs_name_mkdir(text, &made, NULL), 0);
    assert_int_equal(made.shards, 7);
    text[KFS_NAME_MAX] = '7';
    text[KFS_NAME_MAX + 1] = '\0';
    assert_no_mkdir(text, EINVAL);
    assert_no_lookup(text, ENOENT);
}

static void assert_shard(const char *name, uint32_t index)
{
    uint32_t shard = 12345;
    char text[KFS_SHARD_NAME_LEN + 1];

    assert_int_equal(kfs_shard_name_parse(name, &shard), 0);
    assert_int_equal(shard, index);
    kfs_shard_name_print(index, text);
    assert_string_equal(text, name);
}

static void shard_names_are_parsed_and_printed(void **state)
{
    static const char *const bad[] = {"",
                                      "al",
                                      "alll",
                                      "All",
                                      "shardId-",
                                      "shardId-00000000000",
                                      "shardId-0000000000000",
                                      "shardId-00000000000x",
                                      "shardId- 00000000000",
                                      "shardId--00000000001",
                                      "shardid-000000000000",
                                      "shardId-002147483648",
                                      "shardId-999999999999"};

    (void)state;
    assert_shard("all", KFS_NO_SHARD);
    assert_shard("shardId-000000000000", 0);
    assert_shard("shardId-000000000042", 42);
    assert_shard("shardId-002147483647", INT32_MAX);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint32_t shard = 12345;
        assert_int_equal(kfs_shard_name_parse(bad[i], &shard), -ENOENT);
        assert_int_equal(shard, 12345);
    }
    for (uint32_t index = 1; index < INT32_MAX / 3; index *= 3) {
        char text[KFS_SHARD_NAME_LEN + 1];
        uint32_t shard;
        kfs_shard_name_print(index, text);
        assert_int_equal(kfs_shard_name_parse(text, &shard), 0);
        assert_int_equal(shard, index);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lookup_splits_stream_and_views),
        cmocka_unit_test(lookup_refuses),
        cmocka_unit_test(mkdir_takes_shards),
        cmocka_unit_test(mkdir_refuses),
        cmocka_unit_test(names_are_bounded),
        cmocka_unit_test(shard_names_are_parsed_and_printed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
