/* The sender of a shard, without a network. */
#include "backend/kinesis/sender.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/machine.h"

#define OUTCOMES_MAX 4096
#define SHARD "shardId-000000000001"

struct sending {
    struct remote_spool *spool;
    struct remote_sender sender;
    struct remote_outcome outcomes[OUTCOMES_MAX];
    size_t n;
    int troubles;
    char last_trouble[KFS_ERROR_CODE_MAX];
};

static struct sending s;

static void settled(void *arg, const struct remote_outcome *outcomes, size_t n, const struct kfs_error *failure)
{
    (void)arg;
    (void)failure;
    assert_true(s.n + n <= OUTCOMES_MAX);
    memcpy(s.outcomes + s.n, outcomes, n * sizeof *outcomes);
    s.n += n;
}

static void trouble(void *arg, const struct kfs_error *failure)
{
    (void)arg;
    s.troubles++;
    (void)snprintf(s.last_trouble, sizeof s.last_trouble, "%s", failure->aws_code);
}

static void open_spool(struct machine *m)
{
    const struct remote_spool_config config = {
        .io = &kfs_posix_io, .clock = &m->clock, .segment_bytes = UINT64_C(1) << 20};

    assert_int_equal(remote_spool_open(&config, m->fd, &s.spool, NULL), 0);
}

static void start(struct machine *m, uint64_t linger_ms, bool strict, bool paced)
{
    static const struct remote_sender_events events = {settled, trouble};
    const struct remote_sender_config config = {
        .world = &m->world,
        .spool = s.spool,
        .stream = "clicks",
        .shard_id = SHARD,
        .shard = 1,
        .range = {.start = KFS_HASH_MAX / 2 + 1, .end = KFS_HASH_MAX},
        .linger_ms = linger_ms,
        .call_timeout_ms = 1000,
        .strict = strict,
        .paced = paced,
        .events = &events,
    };

    remote_sender_init(&s.sender, &config);
}

static void stop(void)
{
    assert_true(remote_sender_stop(&s.sender));
    remote_sender_release(&s.sender);
    assert_int_equal(remote_spool_close(s.spool), 0);
}

static int setup(void **state)
{
    memset(&s, 0, sizeof s);
    return machine_setup(state);
}

static void put(const char *data, const char *key)
{
    const struct kfs_put one = {.data = {data, strlen(data)}, .key = {key, strlen(key)}};
    uint64_t offset;

    assert_int_equal(remote_spool_append(s.spool, &one, 1, &offset, NULL), 0);
    remote_sender_kick(&s.sender);
}

/* Answers with numbers for n entries, from `first`; those of the bits in `refused` are throttled. */
static void acknowledge(struct machine *m, unsigned int n, unsigned int first, unsigned int refused)
{
    static char text[64000];
    size_t len = (size_t)snprintf(text, sizeof text, "{'FailedRecordCount':0,'Records':[");

    for (unsigned int i = 0; i < n; i++) {
        if (i < 32 && (refused >> i & 1) != 0)
            len += (size_t)snprintf(text + len, sizeof text - len,
                                    "%s{'ErrorCode':'ProvisionedThroughputExceededException','ErrorMessage':'slow'}",
                                    i > 0 ? "," : "");
        else
            len += (size_t)snprintf(text + len, sizeof text - len, "%s{'SequenceNumber':'%u','ShardId':'" SHARD "'}",
                                    i > 0 ? "," : "", first + i);
    }
    machine_answer(m, "%s]}", text);
}

static uint64_t position(void)
{
    struct remote_spool_state state;

    remote_spool_state(s.spool, &state);
    return state.settled;
}

/* ---- */

static void records_wait_for_others_as_long_as_linger(void **state)
{
    struct machine *m = *state;

    open_spool(m);
    start(m, 20, false, false);
    put("one", "k");
    machine_pass(m, 19);
    machine_expect_none(m);
    put("two", "k");
    machine_pass(m, 1);
    machine_expect(m, "PutRecords", "{'StreamName':'clicks','Records':[{'Data':'b25l',");
    machine_expect(m, "PutRecords", "{'Data':'dHdv',");
    put("three", "k");
    assert_int_equal(position(), 0);
    acknowledge(m, 2, 100, 0);
    assert_int_equal(position(), 8);
    assert_int_equal(s.n, 2);
    machine_expect(m, "PutRecords", "[{'Data':'dGhyZWU=',"); /* what came meanwhile leaves at once */
    acknowledge(m, 1, 102, 0);
    assert_int_equal(s.outcomes[2].offset, 8);
    assert_int_equal(position(), 14);
    machine_pass(m, 100000);
    machine_expect_none(m);
    stop();
}

static void put_many(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        put("x", "k");
}

static void a_whole_batch_does_not_linger(void **state)
{
    struct machine *m = *state;

    open_spool(m);
    start(m, 1000, false, false);
    put("a", "k");
    machine_pass(m, 1000);
    put("b", "k");
    machine_pass(m, 0);        /* the next batch is made, */
    acknowledge(m, 1, 100, 1); /* and thrown away by a refusal */
    machine_pass(m, 1000);
    acknowledge(m, 2, 101, 0);
    put_many(REMOTE_BATCH_RECORDS - 1);
    machine_pass(m, 999);
    machine_expect_none(m);
    put("z", "k");
    machine_expect(m, "PutRecords", "{'Data':'eg==',");
    acknowledge(m, REMOTE_BATCH_RECORDS, 200, 0);
    stop();
}

static void a_hash_key_goes_with_what_would_go_elsewhere(void **state)
{
    struct machine *m = *state;

    open_spool(m);
    start(m, 0, false, false);
    put("x", "k"); /* md5 8ce4b16b... : in the upper half */
    machine_expect(m, "PutRecords", "'PartitionKey':'k'}]}");
    acknowledge(m, 1, 1, 0);
    put("x", "a"); /* md5 0cc175b9... */
    machine_expect(m, "PutRecords", "'PartitionKey':'a','ExplicitHashKey':'170141183460469231731687303715884105728'}");
    acknowledge(m, 1, 2, 0);
    put("x", "");
    machine_expect(m, "PutRecords", "'PartitionKey':'" SHARD "'");
    acknowledge(m, 1, 3, 0);
    put("x", "\"\n");
    machine_expect(m, "PutRecords", "'PartitionKey':'\\'\\n'");
    acknowledge(m, 1, 4, 0);
    stop();
}

static void only_what_was_refused_is_sent_again_and_first(void **state)
{
    struct machine *m = *state;

    open_spool(m);
    start(m, 10, false, false);
    put("a", "k");
    put("b", "k");
    put("c", "k");
    machine_pass(m, 10);
    acknowledge(m, 3, 1, 1U << 1);
    assert_int_equal(s.n, 2);
    assert_int_equal(position(), 2); /* b is not settled, c is */
    assert_string_equal(s.last_trouble, "ProvisionedThroughputExceededException");
    machine_expect_none(m);
    put("d", "k");
    machine_expect_none(m);
    machine_pass(m, 20000);
    machine_expect(m, "PutRecords", "[{'Data':'Yg==','PartitionKey':'k'},{'Data':'ZA==','PartitionKey':'k'}]");
    acknowledge(m, 2, 10, 0);
    assert_int_equal(position(), 8);
    assert_int_equal(s.sender.counts.retried, 1);
    assert_int_equal(s.sender.counts.throttled, 1);
    stop();
}

static void what_came_meanwhile_is_in_the_next_batch(void **state)
{
    struct machine *m = *state;

    open_spool(m);
    start(m, 0, false, false);
    put("a", "k");
    put("b", "k");
    put("c", "other");
    machine_pass(m, 0); /* the call is under way */
    assert_int_equal(s.sender.ahead->n, 2);
    put("d", "k");
    acknowledge(m, 1, 1, 0);
    assert_int_equal(position(), 2);
    machine_expect(m, "PutRecords",
                   "{'StreamName':'clicks','Records':[{'Data':'Yg==','PartitionKey':'k'},"
                   "{'Data':'Yw==','PartitionKey':'other','ExplicitHashKey':'170141183460469231731687303715884105728'},"
                   "{'Data':'ZA==','PartitionKey':'k'}]}");
    acknowledge(m, 3, 2, 0);
    assert_int_equal(position(), 8);
    machine_pass(m, 100000);
    machine_expect_none(m);
    stop();
}

/* Sends a, makes a batch of b and c meanwhile; a is refused, or there is no answer. */
static void refuse_behind_a_batch(struct machine *m, bool answered)
{
    open_spool(m);
    start(m, 0, false, false);
    put("a", "k");
    put("b", "k");
    put("c", "k");
    machine_pass(m, 0);
    assert_int_equal(s.sender.ahead->n, 2);
    if (answered)
        acknowledge(m, 1, 1, 1);
    else
        machine_fail(m, EHOSTUNREACH, true, "");
    assert_int_equal(position(), 0);
    machine_expect_none(m);
    machine_pass(m, 20000);
    machine_expect(m, "PutRecords",
                   "[{'Data':'YQ==','PartitionKey':'k'},{'Data':'Yg==','PartitionKey':'k'},"
                   "{'Data':'Yw==','PartitionKey':'k'}]}");
    acknowledge(m, 3, 10, 0);
    assert_int_equal(position(), 6);
    assert_int_equal(s.sender.counts.retried, 1);
    stop();
}

static void what_was_refused_is_before_what_was_made_meanwhile(void **state)
{
    refuse_behind_a_batch(*state, true);
}

static void a_batch_that_failed_is_before_what_was_made_meanwhile(void **state)
{
    refuse_behind_a_batch(*state, false);
}

static void a_stop_forgets_what_was_made_meanwhile(void **state)
{
    struct machine *m = *state;

    open_spool(m);
    start(m, 0, false, false);
    put("a", "k");
    put("b", "k");
    machine_pass(m, 0);
    assert_false(remote_sender_stop(&s.sender));
    acknowledge(m, 1, 1, 0);
    assert_int_equal(position(), 2);
    machine_expect_none(m);
    stop();
    assert_int_equal(kfs_timers_next(&m->timers), KFS_NEVER);
}

static void a_whole_batch_is_ready_with_its_digest(void **state)
{
    static struct kfs_put puts[1200];
    struct machine *m = *state;
    uint8_t digest[KFS_SHA256_BYTES];
    uint64_t offset;

    open_spool(m);
    start(m, 0, false, false);
    for (size_t i = 0; i < 1200; i++)
        puts[i] = (struct kfs_put){.data = {"x", 1}, .key = {"k", 1}};
    assert_int_equal(remote_spool_append(s.spool, puts, 1200, &offset, NULL), 0);
    remote_sender_kick(&s.sender);
    for (unsigned int sent = 0; sent < 1200; sent += 500) {
        unsigned int n = sent < 1000 ? 500 : 200;
        assert_int_equal(s.sender.batch->n, n);
        kfs_sha256(&(struct kfs_bytes){m->call->body.data, m->call->body.len}, 1, digest);
        assert_memory_equal(m->call->digest, digest, sizeof digest);
        machine_pass(m, 0);
        assert_int_equal(s.sender.ahead->ended, sent == 0);
        acknowledge(m, n, sent + 1, 0);
        assert_int_equal(position(), 2 * (sent + n));
    }
    machine_expect_none(m);
    assert_null(s.sender.ahead->body.data); /* while there is nothing to send there are no buffers */
    stop();
}

static void the_next_batch_is_made_when_the_call_has_left(void **state)
{
    struct machine *m = *state;

    open_spool(m);
    start(m, 20, false, false);
    m->random = 0;
    put_many(REMOTE_BATCH_RECORDS + 1);
    machine_fail(m, EHOSTUNREACH, true, "");
    m->ms++;
    kfs_timers_run(&m->timers, m->ms); /* the timer has it sent again */
    assert_int_equal(s.sender.batch->n, REMOTE_BATCH_RECORDS);
    assert_int_equal(s.sender.ahead->n, 0);
    kfs_timers_run(&m->timers, m->ms);
    assert_int_equal(s.sender.ahead->n, 1);
    acknowledge(m, REMOTE_BATCH_RECORDS, 1, 0);
    acknowledge(m, 1, REMOTE_BATCH_RECORDS + 1, 0);
    stop();
}

static void backing_off_is_random_and_bounded(void **state)
{
    struct machine *m = *state;

    open_spool(m);
    start(m, 0, false, false);
    put("a", "k");
    m->random = UINT64_MAX / 3; /* whatever: below the bound */
    for (int i = 0; i < 40; i++) {
        machine_expect(m, "PutRecords", "");
        machine_fail(m, i % 2 == 0 ? EHOSTUNREACH : EAGAIN, true, i % 2 == 0 ? "" : "SlowDown");
        machine_expect_none(m);
        machine_pass(m, 20000);
    }
    assert_int_equal(s.troubles, 40);
    acknowledge(m, 1, 1, 0);
    assert_int_equal(position(), 2);
    stop();
}

static void strict_order_sends_one_at_a_time(void **state)
{
    struct machine *m = *state;

    open_spool(m);
    start(m, 0, true, false);
    put("a", "k");
    put("b", "k");
    machine_expect(m, "PutRecords", "[{'Data':'YQ==','PartitionKey':'k'}]");
    acknowledge(m, 1, 1, 1);
    machine_pass(m, 20000);
    machine_expect(m, "PutRecords", "[{'Data':'YQ==','PartitionKey':'k'}]");
    acknowledge(m, 1, 1, 0);
    machine_expect(m, "PutRecords", "[{'Data':'Yg==','PartitionKey':'k'}]");
    acknowledge(m, 1, 2, 0);
    stop();
}

static void one_bad_record_is_found_and_buried(void **state)
{
    struct machine *m = *state;
    struct remote_spool_state after;
    uint64_t bytes;
    int buried = 0;

    open_spool(m);
    start(m, 10, false, false);
    for (int i = 0; i < 8; i++) {
        const char text[2] = {(char)('a' + i), '\0'};
        put(text, "k");
    }
    machine_pass(m, 10);
    for (int i = 0; i < 40 && m->call != NULL; i++) {
        assert_int_equal(kfs_buf_append(&m->call->body, "", 1), 0);
        bool bad = strstr(m->call->body.data, "\"Zg==\"") != NULL; /* f */
        m->call->body.len--;
        unsigned int n = (unsigned int)s.sender.batch->n;
        if (bad)
            machine_fail(m, EINVAL, false, "ValidationException");
        else
            acknowledge(m, n, 1 + (unsigned int)i * 10, 0);
        machine_pass(m, 0);
    }
    assert_int_equal(s.n, 8);
    for (size_t i = 0; i < s.n; i++) {
        if (s.outcomes[i].error == 0)
            continue;
        assert_int_equal(s.outcomes[i].error, -EINVAL);
        assert_int_equal(s.outcomes[i].offset, 10);
        buried++;
    }
    assert_int_equal(buried, 1);
    remote_spool_state(s.spool, &after);
    assert_int_equal(after.dead, 1);
    assert_int_equal(after.settled, 16);
    assert_int_equal(after.acked_total, 7);
    /* Resent it is the next in the spool. */
    assert_int_equal(remote_spool_resend(s.spool, &bytes, NULL), 0);
    remote_sender_kick(&s.sender);
    machine_pass(m, 10);
    machine_expect(m, "PutRecords", "[{'Data':'Zg==','PartitionKey':'k'}]");
    acknowledge(m, 1, 900, 0);
    remote_spool_state(s.spool, &after);
    assert_int_equal(after.dead, 0);
    stop();
}

/* A line too slow for the whole batch, as long as the deadline is. */
static void what_takes_too_long_is_halved(void **state)
{
    struct machine *m = *state;

    open_spool(m);
    start(m, 0, false, false);
    put("a", "k");
    put("b", "k");
    put("c", "k");
    put("d", "k");
    acknowledge(m, 1, 1, 0);
    machine_pass(m, 0);
    machine_expect(m, "PutRecords", "Yg==','PartitionKey':'k'},{'Data':'Yw==','PartitionKey':'k'},{'Data':'ZA==");
    machine_fail(m, ETIMEDOUT, true, "");
    machine_pass(m, 20000);
    machine_expect(m, "PutRecords", "[{'Data':'Yg==','PartitionKey':'k'}]");
    acknowledge(m, 1, 10, 0);
    machine_pass(m, 0);
    machine_expect(m, "PutRecords", "[{'Data':'Yw==','PartitionKey':'k'},{'Data':'ZA==','PartitionKey':'k'}]");
    acknowledge(m, 2, 20, 0);
    assert_int_equal(s.n, 4);
    stop();
}

static void denied_is_dead_and_unproved_is_tried_again(void **state)
{
    struct machine *m = *state;
    struct remote_spool_state after;

    open_spool(m);
    start(m, 0, false, false);
    put("a", "k");
    machine_fail(m, EACCES, true, "ExpiredTokenException");
    assert_int_equal(s.n, 0);
    machine_pass(m, 20000);
    machine_expect(m, "PutRecords", "YQ==");
    machine_fail(m, EACCES, false, "AccessDeniedException");
    assert_int_equal(s.n, 1);
    assert_int_equal(s.outcomes[0].error, -EACCES);
    remote_spool_state(s.spool, &after);
    assert_int_equal(after.dead, 1);
    assert_int_equal(after.settled, after.end);
    machine_expect_none(m);
    stop();
}

static void an_answer_that_makes_no_sense_settles_nothing(void **state)
{
    static const char *const answers[] = {
        "{}",
        "{'Records':[]}",
        "{'Records':{}}",
        "{'Records':[{},{}]}",
        "{'Records':[7]}",
        "{'Records':[{'SequenceNumber':'12','ShardId':'x'}]}",
        "{'Records':[{'SequenceNumber':'-1','ShardId':'" SHARD "'}]}",
        "{'Records':[{'SequenceNumber':12,'ShardId':'" SHARD "'}]}",
    };
    struct machine *m = *state;

    open_spool(m);
    start(m, 0, false, false);
    put("a", "k");
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        machine_expect(m, "PutRecords", "");
        machine_answer(m, "%s", answers[i]);
        assert_int_equal(s.n, 0);
        assert_int_equal(position(), 0);
        machine_pass(m, 20000);
    }
    acknowledge(m, 1, 1, 0);
    stop();
}

static void the_limits_of_a_shard_are_kept(void **state)
{
    struct machine *m = *state;
    unsigned int sent = 0;
    static struct kfs_put puts[3000];
    uint64_t offset;

    open_spool(m);
    start(m, 0, false, true);
    for (size_t i = 0; i < 3000; i++)
        puts[i] = (struct kfs_put){.data = {"x", 1}, .key = {"k", 1}};
    assert_int_equal(remote_spool_append(s.spool, puts, 3000, &offset, NULL), 0);
    remote_sender_kick(&s.sender);
    uint64_t began = m->ms;
    while (sent < 3000) {
        while (m->call == NULL)
            machine_pass(m, 1);
        sent += (unsigned int)s.sender.batch->n;
        assert_true(sent <= 900 + (m->ms - began)); /* what is saved up, and no more */
        acknowledge(m, (unsigned int)s.sender.batch->n, sent, 0);
    }
    assert_int_equal(m->ms - began, 2100);
    stop();
}

static void the_position_outlives_a_restart(void **state)
{
    struct machine *m = *state;
    struct remote_spool_state after;

    open_spool(m);
    start(m, 0, false, false);
    put("a", "k");
    acknowledge(m, 1, 77, 0);
    put("b", "k");
    machine_fail(m, EHOSTUNREACH, true, "");
    stop();
    open_spool(m);
    remote_spool_state(s.spool, &after);
    assert_int_equal(after.settled, 2);
    assert_int_equal(after.end, 4);
    assert_int_equal(after.acked_total, 1);
    assert_int_equal(after.last.b[KFS_SEQ_BYTES - 1], 77);
    start(m, 0, false, false);
    remote_sender_kick(&s.sender);
    machine_expect(m, "PutRecords", "[{'Data':'Yg==','PartitionKey':'k'}]");
    acknowledge(m, 1, 78, 0);
    stop();
}

static void stopping_waits_for_the_answer(void **state)
{
    struct machine *m = *state;

    open_spool(m);
    start(m, 0, false, false);
    put("a", "k");
    assert_false(remote_sender_stop(&s.sender));
    machine_fail(m, ECANCELED, false, "");
    assert_int_equal(s.troubles, 0);
    assert_int_equal(position(), 0);
    put("b", "k");
    machine_pass(m, 100000);
    machine_expect_none(m);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_wait_for_others_as_long_as_linger, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(a_whole_batch_does_not_linger, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(a_hash_key_goes_with_what_would_go_elsewhere, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(only_what_was_refused_is_sent_again_and_first, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(what_came_meanwhile_is_in_the_next_batch, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(what_was_refused_is_before_what_was_made_meanwhile, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(a_batch_that_failed_is_before_what_was_made_meanwhile, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(a_stop_forgets_what_was_made_meanwhile, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(a_whole_batch_is_ready_with_its_digest, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(the_next_batch_is_made_when_the_call_has_left, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(backing_off_is_random_and_bounded, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(strict_order_sends_one_at_a_time, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(one_bad_record_is_found_and_buried, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(what_takes_too_long_is_halved, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(denied_is_dead_and_unproved_is_tried_again, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(an_answer_that_makes_no_sense_settles_nothing, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(the_limits_of_a_shard_are_kept, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(the_position_outlives_a_restart, setup, machine_teardown),
        cmocka_unit_test_setup_teardown(stopping_waits_for_the_answer, setup, machine_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
