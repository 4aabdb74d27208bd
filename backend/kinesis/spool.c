#include "backend/kinesis/spool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backend/kinesis/acked.h"
#include "backend/log/log.h"

/* Lock order: append, state. */
struct remote_spool {
    struct remote_spool_config config; /* constant */
    int dir;                           /* constant: the shard's, our own descriptor */
    int acked_fd;                      /* constant */
    struct kfs_log *log;               /* constant */
    struct kfs_log_reader *reader;     /* for the one thread */

    pthread_mutex_t append; /* so that a batch's offset is known; and while dead letters change */
    struct kfs_log *dead;   /* NULL until first used */

    pthread_mutex_t state;
    struct remote_acked acked;
    bool unsynced; /* the position was written since it was synced */
    uint64_t n_dead;
};

/* ---- opening ---- */

static int open_log(const struct remote_spool *spool, const char *name, struct kfs_log **log, struct kfs_error *err)
{
    struct kfs_log_config config = {
        .io = spool->config.io, .clock = spool->config.clock, .segment_bytes = spool->config.segment_bytes};
    int dir = kfs_io_make_dir(spool->config.io, spool->dir, name);

    if (dir < 0)
        return kfs_fail(err, -dir, "cannot open the directory %s: %s", name, strerror(-dir));
    return kfs_log_open(&config, dir, log, err);
}

static int sync_acked(struct remote_spool *spool)
{
    return spool->config.io->datasync(spool->config.io->ctx, spool->acked_fd);
}

/* Reads the position; one beyond the log's end is what a power loss leaves (invariant 6). */
static int load_position(struct remote_spool *spool, struct kfs_error *err)
{
    const struct kfs_io *io = spool->config.io;
    struct kfs_log_extent extent;
    int rc = 0;

    spool->acked_fd = io->open(io->ctx, spool->dir, "acked", KFS_OPEN_CREATE);
    if (spool->acked_fd < 0)
        return kfs_fail(err, -spool->acked_fd, "cannot open the file acked: %s", strerror(-spool->acked_fd));
    rc = remote_acked_load(io, spool->acked_fd, &spool->acked);
    kfs_log_extent(spool->log, &extent);
    uint64_t settled = spool->acked.settled;
    if (settled < extent.horizon)
        settled = extent.horizon;
    if (settled > extent.end)
        settled = extent.end;
    if (rc == 0 && (spool->acked.generation == 0 || settled != spool->acked.settled)) {
        spool->acked.settled = settled;
        rc = remote_acked_store(io, spool->acked_fd, &spool->acked);
        if (rc == 0)
            rc = sync_acked(spool);
        if (rc == 0)
            rc = io->sync_dir(io->ctx, spool->dir);
    }
    return rc == 0 ? 0 : kfs_fail(err, -rc, "cannot read the file acked: %s", strerror(-rc));
}

static int load_dead(struct remote_spool *spool, struct kfs_error *err)
{
    const struct kfs_io *io = spool->config.io;
    struct kfs_log_extent extent;
    int dir = io->open(io->ctx, spool->dir, "dead", KFS_OPEN_DIR);

    if (dir < 0)
        return dir == -ENOENT ? 0 : kfs_fail(err, -dir, "cannot open the directory dead: %s", strerror(-dir));
    io->close(io->ctx, dir);
    int rc = open_log(spool, "dead", &spool->dead, err);
    if (rc != 0)
        return rc;
    kfs_log_extent(spool->dead, &extent);
    spool->n_dead = extent.next_record - extent.first_record;
    return 0;
}

int remote_spool_open(const struct remote_spool_config *config, int dir, struct remote_spool **out,
                      struct kfs_error *err)
{
    struct remote_spool *spool = calloc(1, sizeof *spool);

    if (spool == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    spool->config = *config;
    spool->acked_fd = -1;
    (void)pthread_mutex_init(&spool->append, NULL);
    (void)pthread_mutex_init(&spool->state, NULL);
    spool->dir = config->io->open(config->io->ctx, dir, ".", KFS_OPEN_DIR);
    int rc = spool->dir < 0 ? kfs_fail(err, -spool->dir, "cannot open a shard's directory: %s", strerror(-spool->dir))
                            : open_log(spool, "spool", &spool->log, err);
    if (rc == 0)
        rc = kfs_log_reader_open(spool->log, &spool->reader);
    if (rc == 0)
        rc = load_position(spool, err);
    if (rc == 0)
        rc = load_dead(spool, err);
    if (rc != 0) {
        (void)remote_spool_close(spool);
        return rc;
    }
    *out = spool;
    return 0;
}

int remote_spool_close(struct remote_spool *spool)
{
    int rc = 0;

    if (spool == NULL)
        return 0;
    const struct kfs_io *io = spool->config.io;
    if (spool->acked_fd >= 0 && spool->unsynced)
        rc = sync_acked(spool);
    if (spool->reader != NULL)
        kfs_log_reader_close(spool->reader);
    int closed = kfs_log_close(spool->log);
    int buried = kfs_log_close(spool->dead);
    if (closed != 0 || buried != 0)
        rc = -EIO;
    if (spool->acked_fd >= 0)
        io->close(io->ctx, spool->acked_fd);
    if (spool->dir >= 0)
        io->close(io->ctx, spool->dir);
    (void)pthread_mutex_destroy(&spool->append);
    (void)pthread_mutex_destroy(&spool->state);
    free(spool);
    return rc;
}

/* ---- records ---- */

int remote_spool_append(struct remote_spool *spool, const struct kfs_put *puts, size_t n, uint64_t *offset,
                        struct kfs_error *err)
{
    struct kfs_log_extent extent;

    (void)pthread_mutex_lock(&spool->append);
    kfs_log_extent(spool->log, &extent);
    int rc = kfs_log_append(spool->log, puts, n, NULL, err);
    (void)pthread_mutex_unlock(&spool->append);
    if (rc == 0)
        *offset = extent.end;
    return rc;
}

void remote_spool_state(struct remote_spool *spool, struct remote_spool_state *state)
{
    struct kfs_log_extent extent;

    (void)pthread_mutex_lock(&spool->state);
    kfs_log_extent(spool->log, &extent);
    *state = (struct remote_spool_state){.settled = spool->acked.settled,
                                         .end = extent.end,
                                         .next_record = extent.next_record,
                                         .acked_total = spool->acked.count,
                                         .dead = spool->n_dead,
                                         .last = spool->acked.last};
    (void)pthread_mutex_unlock(&spool->state);
}

/* Reads the first record that is not settled; none where there is none. */
static int read_first(struct remote_spool *spool, uint64_t *offset, struct kfs_batch *batch, struct kfs_error *err)
{
    const struct kfs_limit one = {.records = 1, .bytes = 1};
    struct remote_spool_state state;
    struct kfs_log_reader *reader;

    remote_spool_state(spool, &state);
    *offset = state.settled;
    if (state.settled == state.end)
        return 0;
    int rc = kfs_log_reader_open(spool->log, &reader);
    if (rc != 0)
        return kfs_fail(err, -rc, "cannot read the spool: %s", strerror(-rc));
    rc = kfs_log_read(reader, state.settled, &one, batch, err);
    kfs_log_reader_close(reader);
    return rc;
}

uint64_t remote_spool_oldest_ms(struct remote_spool *spool)
{
    struct kfs_batch batch;
    uint64_t offset;
    uint64_t oldest_ms = 0;

    kfs_batch_init(&batch);
    /* Where it was settled and removed meanwhile there is nothing to tell either. */
    if (read_first(spool, &offset, &batch, NULL) == 0 && batch.n > 0)
        oldest_ms = batch.records[0].arrival_ms;
    kfs_batch_release(&batch);
    return oldest_ms;
}

int remote_spool_check(struct remote_spool *spool, struct kfs_error *err)
{
    struct kfs_batch batch;
    uint64_t offset = 0;

    kfs_batch_init(&batch);
    int rc = read_first(spool, &offset, &batch, NULL);
    kfs_batch_release(&batch);
    return rc != -EIO
               ? 0
               : kfs_fail(err, EIO,
                          "the spool is damaged at offset %llu, and nothing from there on is sent; docs/REMOTE.md "
                          "section 3 says what to do",
                          (unsigned long long)offset);
}

int remote_spool_read(struct remote_spool *spool, uint64_t offset, const struct kfs_limit *limit,
                      struct kfs_batch *batch, struct kfs_error *err)
{
    return kfs_log_read(spool->reader, offset, limit, batch, err);
}

int remote_spool_settle(struct remote_spool *spool, uint64_t settled, uint64_t acked, const struct kfs_seq *last,
                        struct kfs_error *err)
{
    (void)pthread_mutex_lock(&spool->state);
    struct remote_acked next = spool->acked;
    next.settled = settled;
    next.count += acked;
    if (kfs_seq_cmp(last, &next.last) > 0)
        next.last = *last;
    int rc = remote_acked_store(spool->config.io, spool->acked_fd, &next);
    /* Where it could not be written the position is remembered all the same: after a crash
     * records are sent again, which is allowed. */
    next.generation = rc == 0 ? next.generation : spool->acked.generation;
    spool->acked = next;
    spool->unsynced = true;
    (void)pthread_mutex_unlock(&spool->state);
    return rc == 0 ? 0 : kfs_fail(err, -rc, "cannot write the file acked: %s", strerror(-rc));
}

int remote_spool_bury(struct remote_spool *spool, const struct kfs_record *record, struct kfs_error *err)
{
    const struct kfs_put put = {.data = record->data, .key = record->key};
    int rc = 0;

    (void)pthread_mutex_lock(&spool->append);
    if (spool->dead == NULL)
        rc = open_log(spool, "dead", &spool->dead, err);
    if (rc == 0)
        rc = kfs_log_append(spool->dead, &put, 1, NULL, err);
    if (rc == 0)
        rc = kfs_log_sync(spool->dead, err);
    if (rc == 0) {
        (void)pthread_mutex_lock(&spool->state);
        spool->n_dead++;
        (void)pthread_mutex_unlock(&spool->state);
    }
    (void)pthread_mutex_unlock(&spool->append);
    return rc;
}

int remote_spool_tidy(struct remote_spool *spool, struct kfs_error *err)
{
    int rc = kfs_log_dirty(spool->log) ? kfs_log_sync(spool->log, err) : 0;

    (void)pthread_mutex_lock(&spool->state);
    uint64_t settled = spool->acked.settled;
    bool unsynced = spool->unsynced;
    spool->unsynced = false;
    (void)pthread_mutex_unlock(&spool->state);
    if (rc == 0 && unsynced) {
        rc = sync_acked(spool);
        if (rc != 0)
            rc = kfs_fail(err, -rc, "cannot sync the file acked: %s", strerror(-rc));
        if (rc == 0)
            rc = kfs_log_trim_to(spool->log, settled, false, err);
    }
    return rc;
}

/* ---- dead letters ---- */

#define DEAD_BYTES (1U << 20)
#define DEAD_RECORDS 1000

static int open_dead(struct remote_spool *spool, struct kfs_log_reader **reader, uint64_t *at)
{
    struct kfs_log_extent extent;

    *reader = NULL;
    if (spool->dead == NULL)
        return 0;
    kfs_log_extent(spool->dead, &extent);
    *at = extent.horizon;
    return kfs_log_reader_open(spool->dead, reader);
}

/* Under append: dead letters before an offset are none any more. */
static int forget_dead(struct remote_spool *spool, uint64_t until, struct kfs_error *err)
{
    struct kfs_log_extent extent;
    int rc = kfs_log_trim_to(spool->dead, until, true, err);

    if (rc != 0)
        return rc;
    kfs_log_extent(spool->dead, &extent);
    (void)pthread_mutex_lock(&spool->state);
    spool->n_dead = extent.next_record - extent.first_record;
    (void)pthread_mutex_unlock(&spool->state);
    return 0;
}

/* Copies the dead letters from an offset on to the spool. Under append. 1: there may be more. */
static int copy_dead(struct remote_spool *spool, struct kfs_log_reader *reader, uint64_t *at, struct kfs_batch *batch,
                     struct kfs_error *err)
{
    const struct kfs_limit limit = {.records = DEAD_RECORDS, .bytes = DEAD_BYTES};
    struct kfs_put puts[DEAD_RECORDS];
    int rc = kfs_log_read(reader, *at, &limit, batch, err);

    if (rc != 0 || batch->n == 0)
        return rc;
    for (size_t i = 0; i < batch->n; i++)
        puts[i] = (struct kfs_put){.data = batch->records[i].data, .key = batch->records[i].key};
    rc = kfs_log_append(spool->log, puts, batch->n, NULL, err);
    if (rc == 0)
        *at = batch->next;
    return rc == 0 ? 1 : rc;
}

int remote_spool_resend(struct remote_spool *spool, uint64_t *bytes, struct kfs_error *err)
{
    struct kfs_log_reader *reader;
    struct kfs_log_extent before;
    struct kfs_log_extent after;
    struct kfs_batch batch;
    uint64_t at = 0;

    kfs_batch_init(&batch);
    (void)pthread_mutex_lock(&spool->append);
    kfs_log_extent(spool->log, &before);
    int rc = open_dead(spool, &reader, &at);
    if (rc == 0 && reader != NULL) {
        do
            rc = copy_dead(spool, reader, &at, &batch, err);
        while (rc > 0);
        kfs_log_reader_close(reader);
        /* Before they are forgotten as dead letters; also those before one that cannot be read. */
        int synced = kfs_log_sync(spool->log, rc == 0 ? err : NULL);
        if (synced == 0)
            synced = forget_dead(spool, at, rc == 0 ? err : NULL);
        rc = rc == 0 ? synced : rc;
    }
    kfs_log_extent(spool->log, &after);
    (void)pthread_mutex_unlock(&spool->append);
    *bytes = after.end - before.end;
    kfs_batch_release(&batch);
    return rc;
}

int remote_spool_drop(struct remote_spool *spool, struct kfs_error *err)
{
    struct kfs_log_extent extent;
    int rc = 0;

    (void)pthread_mutex_lock(&spool->append);
    if (spool->dead != NULL) {
        kfs_log_extent(spool->dead, &extent);
        rc = forget_dead(spool, extent.end, err);
    }
    (void)pthread_mutex_unlock(&spool->append);
    return rc;
}

int remote_spool_list_dead(struct remote_spool *spool, int (*visit)(void *arg, const struct kfs_record *record),
                           void *arg, struct kfs_error *err)
{
    const struct kfs_limit limit = {.records = DEAD_RECORDS, .bytes = DEAD_BYTES};
    struct kfs_log_reader *reader;
    struct kfs_batch batch;
    uint64_t at = 0;

    kfs_batch_init(&batch);
    (void)pthread_mutex_lock(&spool->append);
    int rc = open_dead(spool, &reader, &at);
    (void)pthread_mutex_unlock(&spool->append);
    while (rc == 0 && reader != NULL) {
        rc = kfs_log_read(reader, at, &limit, &batch, err);
        if (rc != 0 || batch.n == 0)
            break;
        for (size_t i = 0; rc == 0 && i < batch.n; i++)
            rc = visit(arg, &batch.records[i]);
        at = batch.next;
    }
    if (reader != NULL)
        kfs_log_reader_close(reader);
    kfs_batch_release(&batch);
    return rc;
}
