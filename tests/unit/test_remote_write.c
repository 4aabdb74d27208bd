/* The remote backend: what is refused of what was written, and who reads it. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/patience.h"
#include "backend/kinesis/internal.h"
#include "tests/unit/remote_case.h"

static void open_stream(uint32_t max_record_bytes)
{
    open_backend();
    make_stream(max_record_bytes);
}

static char large[KFS_RECORD_BYTES_DEFAULT + 1000];

/* ---- what is refused ---- */

/* Tells how often something was refused, in the shard and in all; each who asks for himself. */
static void expect_refused(uint64_t *of_shard, uint64_t *of_all)
{
    assert_int_equal(kfs_refused(stream, 0, of_shard), -EINVAL);
    assert_int_equal(kfs_refused(stream, 0, of_shard), 0);
    assert_int_equal(kfs_refused(stream, KFS_NO_SHARD, of_all), -EINVAL);
    assert_int_equal(kfs_refused(stream, KFS_NO_SHARD, of_all), 0);
}

static void what_is_refused_is_told_to_each_once(void **state)
{
    uint64_t of_shard = 0;
    uint64_t of_all = 0;
    uint64_t another = 0;

    (void)state;
    world.options.linger_ms = 100;
    open_stream(2 * KFS_RECORD_BYTES_DEFAULT);
    remoteworld_lower_limit(&world);
    assert_int_equal(put(large, sizeof large), 0);
    assert_int_equal(remoteworld_sync(stream, 20), -ETIMEDOUT); /* as a close does */
    assert_int_equal(kfs_refused(stream, 0, &of_shard), 0);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(put("x", 1), 0); /* what others wrote is not in its way */
        assert_int_equal(remoteworld_sync(stream, 0), 0);
        expect_refused(&of_shard, &of_all);
        assert_int_equal(put(large, sizeof large), 0);
    }
    assert_int_equal(remoteworld_sync(stream, 0), 0);
    expect_refused(&another, &of_all);
    assert_int_equal(kfs_refused(stream, 7, &another), 0);
}

static void who_was_given_a_result_is_not_told_again(void **state)
{
    const struct kfs_put one = {.data = {large, sizeof large}, .key = {"k", 1}};
    struct kfs_put_result result;
    uint64_t seen = 0;

    (void)state;
    open_stream(2 * KFS_RECORD_BYTES_DEFAULT);
    remoteworld_lower_limit(&world);
    assert_int_equal(kfs_append(stream, 0, &one, 1, &result, NULL), -EINVAL);
    assert_int_equal(kfs_refused(stream, 0, &seen), 0);
}

static void a_record_is_too_large_with_its_key(void **state)
{
    static char most[KFS_RECORD_BYTES_MAX];
    const struct kfs_put one = {.data = {most, sizeof most}, .key = {"k", 1}};
    struct kfs_error err;

    (void)state;
    open_stream(KFS_RECORD_BYTES_MAX);
    assert_int_equal(kfs_append(stream, 0, &one, 1, NULL, &err), -EMSGSIZE);
    assert_string_equal(err.text,
                        "a record of 10485760 bytes with a partition key of 1 is over the 10485760 bytes that "
                        "an endpoint takes of both");
}

/* ---- reading what was written ---- */

static ssize_t bytes_there(void)
{
    struct kfs_reader *reader;
    char text[16];

    const struct kfs_patience_state before = kfs_patience_enter(KFS_AT_ONCE, NULL);
    assert_int_equal(kfs_reader_open(stream, 0, &reader, NULL), 0);
    ssize_t n = kfs_read_bytes(reader, 0, text, sizeof text, NULL);
    kfs_reader_close(reader);
    kfs_patience_leave(&before);
    return n;
}

static void who_catches_up_reads_what_was_written_before(void **state)
{
    (void)state;
    world.options.linger_ms = 100;
    open_stream(0);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(put("x", 1), 0);
        assert_int_equal(kfs_catch_up(stream, i == 2 ? KFS_NO_SHARD : 0, NULL), 0);
        assert_int_equal(bytes_there(), 2 * i);
    }
}

/* It takes 5 s where an endpoint is silent. */
static void who_catches_up_does_not_wait_for_an_endpoint_that_has_gone(void **state)
{
    (void)state;
    world.options.linger_ms = 100;
    open_stream(0);
    kfs_api_server_stop(world.server, 0);
    world.server = NULL;
    assert_int_equal(put("x", 1), 0);
    for (int i = 0; i < 2; i++) {
        uint64_t began = kfs_system_clock.mono_ms(kfs_system_clock.ctx);
        assert_int_equal(kfs_catch_up(stream, 0, NULL), 0);
        assert_true(kfs_system_clock.mono_ms(kfs_system_clock.ctx) - began < 3000);
        assert_int_equal(bytes_there(), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_refused_is_told_to_each_once, setup, teardown),
        cmocka_unit_test_setup_teardown(who_was_given_a_result_is_not_told_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_record_is_too_large_with_its_key, setup, teardown),
        cmocka_unit_test_setup_teardown(who_catches_up_reads_what_was_written_before, setup, teardown),
        cmocka_unit_test_setup_teardown(who_catches_up_does_not_wait_for_an_endpoint_that_has_gone, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
