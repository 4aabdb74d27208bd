/* The spool of a shard: the slots of its position, and what a crash leaves (docs/REMOTE.md section 2). */
#include "backend/kinesis/spool.h"

#include <errno.h>
#include <string.h>

#include "backend/kinesis/acked.h"
#include "backend/kinesis/backoff.h"
#include "backend/kinesis/pace.h"
#include "tests/support/machine.h"

static struct remote_spool *open_spool(struct machine *m, uint64_t segment_bytes)
{
    const struct remote_spool_config config = {.io = &kfs_posix_io, .clock = &m->clock, .segment_bytes = segment_bytes};
    struct remote_spool *spool = NULL;

    assert_int_equal(remote_spool_open(&config, m->fd, &spool, NULL), 0);
    return spool;
}

static void put(struct remote_spool *spool, const char *data)
{
    const struct kfs_put one = {.data = {data, strlen(data)}, .key = {"k", 1}};
    uint64_t offset;

    assert_int_equal(remote_spool_append(spool, &one, 1, &offset, NULL), 0);
}

static struct remote_spool_state state_of(struct remote_spool *spool)
{
    struct remote_spool_state state;

    remote_spool_state(spool, &state);
    return state;
}

/* ---- slots ---- */

static void a_slot_is_what_was_written_or_nothing(void **state)
{
    struct remote_acked acked = {.generation = 3, .settled = UINT64_C(1) << 40, .count = 9, .last = {{1, 2, 3}}};
    struct remote_acked read = {0};
    uint8_t slot[REMOTE_ACKED_SIZE];

    (void)state;
    remote_acked_encode(&acked, slot);
    assert_true(remote_acked_decode(slot, &read));
    assert_memory_equal(&read, &acked, sizeof acked);
    for (size_t i = 0; i < sizeof slot; i++) {
        slot[i] ^= 0x10;
        assert_false(remote_acked_decode(slot, &read));
        slot[i] ^= 0x10;
    }
    memset(slot, 0, sizeof slot);
    assert_false(remote_acked_decode(slot, &read));
}

static void a_torn_slot_leaves_the_one_before(void **state)
{
    struct machine *m = *state;
    struct remote_acked acked = {.settled = 10};
    struct remote_acked read;
    char torn[] = "torn";
    struct iovec tear = {torn, 4};
    int fd = kfs_posix_io.open(NULL, m->fd, "acked", KFS_OPEN_CREATE);

    assert_true(fd >= 0);
    assert_int_equal(remote_acked_load(&kfs_posix_io, fd, &read), 0);
    assert_int_equal(read.generation, 0);
    assert_int_equal(remote_acked_store(&kfs_posix_io, fd, &acked), 0);
    acked.settled = 20;
    assert_int_equal(remote_acked_store(&kfs_posix_io, fd, &acked), 0);
    assert_int_equal(remote_acked_load(&kfs_posix_io, fd, &read), 0);
    assert_int_equal(read.settled, 20);
    assert_int_equal(kfs_posix_io.pwrite_all(NULL, fd, &tear, 1, acked.generation % 2 * REMOTE_ACKED_SLOT + 20), 0);
    assert_int_equal(remote_acked_load(&kfs_posix_io, fd, &read), 0);
    assert_int_equal(read.settled, 10);
    kfs_posix_io.close(NULL, fd);
}

/* ---- the spool ---- */

static void a_position_beyond_the_end_is_the_end(void **state)
{
    struct machine *m = *state;
    struct remote_spool *spool = open_spool(m, 1 << 20);
    const struct kfs_seq none = {{0}};
    struct remote_acked lost = {.generation = 100, .settled = 1000};

    put(spool, "a");
    assert_int_equal(remote_spool_settle(spool, 2, 1, &none, NULL), 0);
    assert_int_equal(remote_spool_close(spool), 0);
    /* A power loss has taken the log's end, and not the position. */
    int fd = kfs_posix_io.open(NULL, m->fd, "acked", KFS_OPEN_WRITE);
    assert_int_equal(remote_acked_store(&kfs_posix_io, fd, &lost), 0);
    kfs_posix_io.close(NULL, fd);
    spool = open_spool(m, 1 << 20);
    assert_int_equal(state_of(spool).settled, 2);
    put(spool, "b"); /* takes an offset that was acknowledged, and is not */
    assert_int_equal(remote_spool_close(spool), 0);
    spool = open_spool(m, 1 << 20);
    assert_int_equal(state_of(spool).settled, 2);
    assert_int_equal(state_of(spool).end, 4);
    assert_int_equal(remote_spool_close(spool), 0);
}

static void what_is_settled_goes_by_segments(void **state)
{
    struct machine *m = *state;
    struct remote_spool *spool = open_spool(m, 64);
    const struct kfs_seq none = {{0}};
    const struct kfs_limit one = {.records = 1, .bytes = 100};
    char text[50] = "";
    struct kfs_batch batch;

    memset(text, 'x', sizeof text - 1);
    kfs_batch_init(&batch);
    for (int i = 0; i < 10; i++)
        put(spool, text);
    assert_int_equal(remote_spool_settle(spool, 250, 5, &none, NULL), 0);
    assert_int_equal(remote_spool_read(spool, 0, &one, &batch, NULL), 0);
    assert_int_equal(remote_spool_tidy(spool, NULL), 0);
    assert_int_equal(remote_spool_read(spool, 0, &one, &batch, NULL), -ESTALE);
    assert_int_equal(remote_spool_read(spool, 250, &one, &batch, NULL), 0);
    assert_int_equal(batch.n, 1);
    kfs_batch_release(&batch);
    assert_int_equal(remote_spool_close(spool), 0);
    spool = open_spool(m, 64);
    assert_int_equal(state_of(spool).settled, 250);
    assert_int_equal(state_of(spool).end, 500);
    assert_int_equal(remote_spool_close(spool), 0);
}

static void dead_letters_outlive_a_restart_and_are_resent_once(void **state)
{
    struct machine *m = *state;
    struct remote_spool *spool = open_spool(m, 1 << 20);
    const struct kfs_record dead = {.data = {"dead", 4}, .key = {"k", 1}};
    uint64_t bytes;

    assert_int_equal(remote_spool_resend(spool, &bytes, NULL), 0); /* there are none */
    assert_int_equal(remote_spool_bury(spool, &dead, NULL), 0);
    assert_int_equal(remote_spool_close(spool), 0);
    spool = open_spool(m, 1 << 20);
    assert_int_equal(state_of(spool).dead, 1);
    assert_int_equal(remote_spool_resend(spool, &bytes, NULL), 0);
    assert_int_equal(state_of(spool).end, 5);
    assert_int_equal(remote_spool_close(spool), 0);
    spool = open_spool(m, 1 << 20);
    assert_int_equal(state_of(spool).dead, 0);
    assert_int_equal(remote_spool_resend(spool, &bytes, NULL), 0);
    assert_int_equal(state_of(spool).end, 5);
    assert_int_equal(remote_spool_close(spool), 0);
}

/* ---- times ---- */

static void backoff_is_within_its_bounds(void **state)
{
    (void)state;
    assert_int_equal(remote_backoff_ms(0, 20000, 0), 1);
    assert_int_equal(remote_backoff_ms(0, 20000, 49), 50);
    assert_int_equal(remote_backoff_ms(1, 20000, 99), 100);
    for (uint32_t n = 0; n < 100; n++)
        assert_true(remote_backoff_ms(n, 20000, UINT64_MAX - n) <= 20000);
    assert_int_equal(remote_backoff_ms(UINT32_MAX, 20000, 19999), 20000);
    assert_int_equal(remote_backoff_ms(5, 0, 7), 1);
}

static void pace_is_the_shards(void **state)
{
    struct remote_pace pace;

    (void)state;
    remote_pace_init(&pace, 1000);
    assert_int_equal(remote_pace_wait(&pace, 1000, 10, 900), 0);
    remote_pace_take(&pace, 10, 900);
    assert_int_equal(remote_pace_wait(&pace, 1000, 10, 1), 1);
    assert_int_equal(remote_pace_wait(&pace, 1001, 10, 1), 0);
    assert_int_equal(remote_pace_wait(&pace, 1001, 10, 500), 499);
    assert_int_equal(remote_pace_wait(&pace, 1500, 10, 500), 0);
    assert_int_equal(remote_pace_wait(&pace, 4000, 10 << 20, 1), 0); /* more than is ever saved up: a debt */
    remote_pace_take(&pace, 10 << 20, 1);
    uint64_t ms = remote_pace_wait(&pace, 4000, 1, 1);
    assert_true(ms > 9000 && ms < 9600);
    assert_int_equal(remote_pace_wait(&pace, 4000 + ms, 1, 1), 0);
    uint64_t later = 4000 + ms + 3600000;
    assert_int_equal(remote_pace_wait(&pace, later, 900000, 900), 0); /* no more than 0.9 s are saved up */
    remote_pace_take(&pace, 900000, 1);
    assert_int_equal(remote_pace_wait(&pace, later, 1, 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_is_what_was_written_or_nothing),
        cmocka_unit_test_setup_teardown(a_torn_slot_leaves_the_one_before, machine_setup, machine_teardown),
        cmocka_unit_test_setup_teardown(a_position_beyond_the_end_is_the_end, machine_setup, machine_teardown),
        cmocka_unit_test_setup_teardown(what_is_settled_goes_by_segments, machine_setup, machine_teardown),
        cmocka_unit_test_setup_teardown(dead_letters_outlive_a_restart_and_are_resent_once, machine_setup,
                                        machine_teardown),
        cmocka_unit_test(backoff_is_within_its_bounds),
        cmocka_unit_test(pace_is_the_shards),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
