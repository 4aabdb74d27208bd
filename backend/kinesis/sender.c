#include "backend/kinesis/sender.h"

#include <errno.h>
#include <string.h>

#include "backend/kinesis/backoff.h"
#include "backend/kinesis/reply.h"
#include "backend/kinesis/verdict.h"

#define PACED_BYTES (REMOTE_PACE_BYTES / 2) /* of a batch where the shard's limits are kept, as 500 records are */

static void on_timer(struct kfs_timer *timer);
static void on_answer(struct kfs_call *call);

static size_t most_bytes(const struct remote_sender *s)
{
    return s->config.paced && s->limit_bytes > PACED_BYTES ? PACED_BYTES : s->limit_bytes;
}

static size_t most_records(const struct remote_sender *s)
{
    return s->config.strict ? 1 : s->limit_records;
}

void remote_sender_init(struct remote_sender *s, const struct remote_sender_config *config)
{
    struct remote_spool_state state;

    remote_spool_state(config->spool, &state);
    *s = (struct remote_sender){
        .config = *config,
        .state = REMOTE_IDLE,
        .timer = {.fire = on_timer},
        .call = {.operation = "PutRecords", .deadline_ms = config->call_timeout_ms, .done = on_answer},
        .next = state.settled,
        .next_record = state.next_record,
        .limit_records = REMOTE_BATCH_RECORDS,
        .limit_bytes = REMOTE_BATCH_BYTES};
    kfs_buf_init(&s->call.body, KFS_CALL_BODY_MAX);
    remote_pace_init(&s->pace, config->world->now_ms(config->world->ctx));
    for (size_t i = 0; i < 2; i++)
        remote_batch_init(&s->batches[i]);
    s->batch = &s->batches[0];
    s->ahead = &s->batches[1];
    kfs_batch_init(&s->room);
}

/* What an idle shard keeps must not depend on what it once sent: there may be thousands. */
void remote_sender_release(struct remote_sender *s)
{
    kfs_call_release(&s->call);
    remote_batch_release(s->batch);
    remote_batch_release(s->ahead);
    kfs_batch_release(&s->room);
}

static void wait_for(struct remote_sender *s, enum remote_sender_state state, uint64_t ms)
{
    s->state = state;
    s->config.world->arm(s->config.world->ctx, &s->timer, ms);
}

static void back_off(struct remote_sender *s)
{
    const struct remote_world *w = s->config.world;

    wait_for(s, REMOTE_WAITING, remote_backoff_ms(s->failures, REMOTE_BACKOFF_MAX_MS, w->random(w->ctx)));
    s->failures++;
}

/* ---- what goes into a batch ---- */

/* Adds the records from an offset on to the next batch, so many at most. Returns how many, or -errno. */
static ssize_t add_from(struct remote_sender *s, uint64_t offset, size_t records)
{
    struct remote_batch *b = s->ahead;
    size_t most = most_bytes(s);
    struct kfs_limit limit = {.records = records, .bytes = most > b->bytes ? most - b->bytes : 1};
    struct kfs_error err;
    int rc = remote_spool_read(s->config.spool, offset, &limit, &s->room, &err);

    if (rc != 0)
        return rc;
    size_t added = 0;
    while (added < s->room.n) {
        const struct kfs_record *record = &s->room.records[added];
        /* One record always goes, however large. */
        if (b->n > 0 && b->bytes + record->data.len + record->key.len > most)
            break;
        rc = remote_batch_add(b, record, s->config.shard_id, &s->config.range);
        if (rc != 0)
            return b->n > 0 && rc == -EMSGSIZE ? (ssize_t)added : rc;
        added++;
    }
    return (ssize_t)added;
}

/* Why no record was added: -errno, or 0 also where something damaged stands behind what is in the batch, which goes. */
static int why(const struct remote_batch *b, ssize_t n)
{
    return n < 0 && b->n == 0 ? (int)n : 0;
}

/* Fills the next batch, behind what is in it: what was refused first. What does not fit of it stays. 1: it is full. */
static int fill(struct remote_sender *s)
{
    struct remote_batch *b = s->ahead;
    bool full = false;
    int rc = b->n == 0 ? remote_batch_begin(b, s->config.stream) : 0;
    size_t taken = 0;

    while (rc == 0 && taken < s->n_again && b->n < most_records(s)) {
        ssize_t n = add_from(s, s->again[taken], 1);
        if (n <= 0) {
            rc = why(b, n);
            break;
        }
        taken++;
    }
    s->counts.retried += taken;
    s->n_again -= taken;
    memmove(s->again, s->again + taken, s->n_again * sizeof *s->again);
    /* What was never sent goes only behind all that was: positions would else not be known by two numbers. */
    while (rc == 0 && s->n_again == 0 && b->n < most_records(s)) {
        size_t before = b->n;
        ssize_t n = add_from(s, s->next, most_records(s) - before);
        if (b->n > before) { /* also where a later record failed */
            const struct kfs_record *last = &s->room.records[b->n - before - 1];
            s->next = last->offset + last->data.len + 1;
            s->next_record = last->ordinal + 1;
        }
        if (n <= 0) {
            rc = why(b, n);
            full = s->room.n > 0;
            break;
        }
    }
    return rc != 0 ? rc : full || b->n >= most_records(s);
}

/* Puts what was in a batch back to the head of what is to be sent again. */
static void put_back(struct remote_sender *s, const uint64_t *offsets, size_t n)
{
    memmove(s->again + n, s->again, s->n_again * sizeof *s->again);
    memcpy(s->again, offsets, n * sizeof *offsets);
    s->n_again += n;
}

/* The next batch begins with what was refused: what was made of it is of no use. */
static void drop_ahead(struct remote_sender *s)
{
    if (s->ahead->n > 0)
        s->next = s->ahead->offsets[0];
    s->next_record -= s->ahead->n;
    s->ahead->n = 0;
    s->ahead->ended = false;
}

/* While a call is under way the next batch is made, of what was never sent: where the call is answered as hoped, it
 * leaves at once. Where it cannot be made, sending tells. */
static void fill_ahead(struct remote_sender *s)
{
    if (s->n_again > 0 || s->stopping)
        return;
    int rc = fill(s);
    if (rc == 1)
        rc = remote_batch_end(s->ahead);
    if (rc != 0)
        drop_ahead(s);
}

/* The batch that was made leaves. */
static void start_call(struct remote_sender *s)
{
    const struct remote_world *w = s->config.world;
    struct remote_batch *made = s->ahead;
    struct kfs_buf body = s->call.body;

    s->ahead = s->batch;
    s->ahead->n = 0;
    s->ahead->ended = false;
    s->batch = made;
    s->call.body = made->body;
    s->call.digest = made->digest;
    made->body = body;
    if (s->config.paced)
        remote_pace_take(&s->pace, made->bytes, made->n);
    s->counts.requests++;
    s->state = REMOTE_SENDING;
    w->call(w->ctx, &s->call);
    w->arm(w->ctx, &s->timer, 0); /* once it has been sent: fill_ahead */
}

/* How long the next batch has to wait for the shard's limits; it may grow meanwhile. */
static uint64_t pace_ms(struct remote_sender *s)
{
    const struct remote_world *w = s->config.world;

    return s->config.paced && s->ahead->n > 0
               ? remote_pace_wait(&s->pace, w->now_ms(w->ctx), s->ahead->bytes, s->ahead->n)
               : 0;
}

static void send_batch(struct remote_sender *s)
{
    struct kfs_error err = {0};
    int rc = s->ahead->ended ? 0 : fill(s);
    uint64_t ms = rc >= 0 ? pace_ms(s) : 0;

    if (ms > 0) {
        wait_for(s, REMOTE_WAITING, ms);
        return;
    }
    if (rc >= 0 && s->ahead->n > 0 && !s->ahead->ended)
        rc = remote_batch_end(s->ahead);
    if (rc < 0) {
        put_back(s, s->ahead->offsets, s->ahead->n);
        s->ahead->n = 0;
        (void)kfs_fail(&err, -rc, "cannot read the spool: %s", strerror(-rc));
        s->counts.failures++;
        s->config.events->trouble(s->config.arg, &err);
        back_off(s);
        return;
    }
    if (s->ahead->n == 0) {
        s->state = REMOTE_IDLE;
        remote_sender_release(s);
        return;
    }
    start_call(s);
}

/* ---- settling ---- */

/* Tells what became of records; those not settled are in `again`. */
static void settle(struct remote_sender *s, const struct remote_outcome *outcomes, size_t n,
                   const struct kfs_error *failure)
{
    uint64_t position = s->n_again > 0 ? s->again[0] : s->ahead->n > 0 ? s->ahead->offsets[0] : s->next;
    struct kfs_seq last = {{0}};
    struct kfs_error err = {0};
    uint64_t acked = 0;

    for (size_t i = 0; i < n; i++) {
        if (outcomes[i].error != 0)
            continue;
        acked++;
        if (outcomes[i].shard == s->config.shard && kfs_seq_cmp(&outcomes[i].seq, &last) > 0)
            last = outcomes[i].seq;
    }
    if (n == 0)
        return;
    if (remote_spool_settle(s->config.spool, position, acked, &last, &err) != 0)
        s->config.events->trouble(s->config.arg, &err);
    s->config.events->settled(s->config.arg, outcomes, n, failure);
}

/* The batch is refused for good: its records become dead letters. Where that fails they are tried again. */
static int bury(struct remote_sender *s, const struct kfs_error *failure)
{
    struct remote_outcome outcomes[REMOTE_BATCH_RECORDS];
    const struct kfs_limit one = {.records = 1, .bytes = KFS_RECORD_BYTES_MAX};
    struct kfs_error err = {0};
    size_t n = 0;
    int rc = 0;

    while (n < s->batch->n) {
        rc = remote_spool_read(s->config.spool, s->batch->offsets[n], &one, &s->room, &err);
        if (rc == 0 && s->room.n == 1)
            rc = remote_spool_bury(s->config.spool, &s->room.records[0], &err);
        if (rc != 0)
            break;
        outcomes[n] =
            (struct remote_outcome){.offset = s->batch->offsets[n], .error = -failure->code, .shard = s->config.shard};
        n++;
    }
    put_back(s, s->batch->offsets + n, s->batch->n - n);
    if (rc != 0)
        s->config.events->trouble(s->config.arg, &err);
    settle(s, outcomes, n, failure);
    return rc;
}

static void go_on(struct remote_sender *s)
{
    if (s->stopping)
        s->state = REMOTE_STOPPED;
    else
        send_batch(s);
}

static void on_failure(struct remote_sender *s, const struct kfs_error *failure)
{
    enum remote_verdict verdict = remote_verdict_of(failure);
    bool dead = verdict == REMOTE_DENIED || (verdict == REMOTE_BAD && s->batch->n == 1);

    drop_ahead(s);
    if (s->stopping) { /* it may have been ended for that; the records stay in the spool */
        put_back(s, s->batch->offsets, s->batch->n);
        s->state = REMOTE_STOPPED;
        return;
    }
    s->counts.failures++;
    if (remote_is_throttle(failure->aws_code))
        s->counts.throttled++;
    if (dead) {
        if (bury(s, failure) == 0) {
            s->failures = 0;
            go_on(s);
            return;
        }
    } else {
        put_back(s, s->batch->offsets, s->batch->n);
        s->config.events->trouble(s->config.arg, failure);
    }
    /* What the line or the endpoint cannot do within the deadline would come to the same for ever. */
    if ((verdict == REMOTE_BAD && !dead) || failure->code == ETIMEDOUT) {
        s->limit_records = s->batch->n > 1 ? s->batch->n / 2 : 1;
        s->limit_bytes = s->batch->bytes > 2 ? s->batch->bytes / 2 : 1;
    }
    if (verdict == REMOTE_BAD && !dead)
        go_on(s);
    else
        back_off(s);
}

static void raise_limits(struct remote_sender *s)
{
    s->limit_records = s->limit_records * 2 < REMOTE_BATCH_RECORDS ? s->limit_records * 2 : REMOTE_BATCH_RECORDS;
    s->limit_bytes = s->limit_bytes * 2 < REMOTE_BATCH_BYTES ? s->limit_bytes * 2 : REMOTE_BATCH_BYTES;
}

static void on_answer(struct kfs_call *call)
{
    struct remote_sender *s = (struct remote_sender *)((char *)call - offsetof(struct remote_sender, call));
    struct remote_entry entries[REMOTE_BATCH_RECORDS];
    struct remote_outcome outcomes[REMOTE_BATCH_RECORDS];
    uint64_t again[REMOTE_BATCH_RECORDS];
    const struct kfs_error *failure = call->rc != 0 ? &call->error : NULL;
    struct kfs_error err = {0};
    size_t refused = 0;
    size_t n = 0;

    s->config.world->disarm(s->config.world->ctx, &s->timer);
    s->counts.retried += (uint64_t)call->repeats * s->batch->n;
    if (failure == NULL && remote_answer_put(&call->value, entries, s->batch->n) != 0) {
        (void)kfs_fail(&err, EIO, "the endpoint's answer to PutRecords makes no sense");
        failure = &err;
    }
    if (failure != NULL) {
        on_failure(s, failure);
        return;
    }
    for (size_t i = 0; i < s->batch->n; i++) {
        if (entries[i].code[0] != '\0') {
            s->counts.throttled += remote_is_throttle(entries[i].code) ? 1 : 0;
            again[refused++] = s->batch->offsets[i];
            if (refused == 1)
                (void)kfs_fail_aws(&err, EAGAIN, entries[i].code, "%s", entries[i].text);
        } else {
            outcomes[n++] = (struct remote_outcome){
                .offset = s->batch->offsets[i], .shard = entries[i].shard, .seq = entries[i].seq};
        }
    }
    if (refused > 0)
        drop_ahead(s);
    put_back(s, again, refused);
    settle(s, outcomes, n, NULL);
    raise_limits(s);
    if (refused == 0) {
        s->failures = 0;
        go_on(s);
        return;
    }
    s->config.events->trouble(s->config.arg, &err);
    if (n > 0)
        s->failures = 0;
    if (s->stopping)
        s->state = REMOTE_STOPPED;
    else
        back_off(s);
}

/* ---- being driven ---- */

static void on_timer(struct kfs_timer *timer)
{
    struct remote_sender *s = (struct remote_sender *)((char *)timer - offsetof(struct remote_sender, timer));

    if (s->state == REMOTE_SENDING)
        fill_ahead(s);
    else
        send_batch(s);
}

void remote_sender_kick(struct remote_sender *s)
{
    struct remote_spool_state state;

    if (s->stopping || (s->state != REMOTE_IDLE && s->state != REMOTE_LINGERING))
        return;
    remote_spool_state(s->config.spool, &state);
    uint64_t pending = state.end - s->next;
    if (pending == 0)
        return;
    bool whole = pending >= most_bytes(s) || state.next_record >= s->next_record + most_records(s);
    if (s->config.linger_ms == 0 || whole) {
        s->config.world->disarm(s->config.world->ctx, &s->timer);
        send_batch(s);
    } else if (s->state == REMOTE_IDLE) {
        wait_for(s, REMOTE_LINGERING, s->config.linger_ms);
    }
}

void remote_sender_retry(struct remote_sender *s)
{
    if (s->state != REMOTE_WAITING || s->stopping)
        return;
    s->config.world->disarm(s->config.world->ctx, &s->timer);
    send_batch(s);
}

bool remote_sender_stop(struct remote_sender *s)
{
    s->stopping = true;
    if (s->state == REMOTE_SENDING)
        return false;
    s->config.world->disarm(s->config.world->ctx, &s->timer);
    s->state = REMOTE_STOPPED;
    return true;
}
