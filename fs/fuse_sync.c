/* Replies that wait until records are durable, or acknowledged: the request is kept, no thread is. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "backend/base/patience.h"
#include "fs/fuse_internal.h"

/* Until who begins it has done with the handle there is no reply: behind one the handle may be released, and libfuse
 * may be handing over an interruption that came before. */
enum state {
    BEGUN,   /* an interruption is noted, and ends what the beginning waits for */
    NOTED,   /* it came */
    WAITING, /* who has done with it first replies */
    TAKEN
};

/* Whoever takes it replies. It is freed by the later of who began it and the backend, which may be done with it long
 * after an interrupt has replied; that touches it no more. */
struct pending_sync {
    struct kfs_sync op;
    struct kfs_fuse *fuse;
    struct kfs_handle *handle; /* open until someone has replied */
    fuse_req_t req;
    size_t written; /* what a write replies with; 0 for fsync */
    bool interruptible;
    struct kfs_patience *patience; /* of the call that begins it, while it does; NULL */
    atomic_int state;              /* enum state */
    atomic_uint users;
};

/* True: the caller replies, and `interrupted` is not running and will not. */
static bool take(struct pending_sync *pending)
{
    if (atomic_exchange(&pending->state, TAKEN) == TAKEN)
        return false;
    if (pending->interruptible)
        fuse_req_interrupt_func(pending->req, NULL, NULL);
    return true;
}

static void finish(struct pending_sync *pending)
{
    struct kfs_fuse *fuse = pending->fuse;

    if (atomic_fetch_sub(&pending->users, 1) > 1)
        return;
    free(pending);
    atomic_fetch_sub(&fuse->syncs, 1); /* the last access: the session may go now */
}

/* What was written is in the spool: said again it would be there twice. */
static void reply_interrupted(fuse_req_t req, size_t written)
{
    if (written > 0)
        (void)fuse_reply_write(req, written);
    else
        (void)fuse_reply_err(req, EINTR);
}

static void interrupted(fuse_req_t req, void *data)
{
    struct pending_sync *pending = data;
    size_t written = pending->written;
    int state = BEGUN;

    if (atomic_compare_exchange_strong(&pending->state, &state, NOTED)) {
        if (pending->patience != NULL)
            kfs_patience_interrupt(pending->patience);
        return;
    }
    if (state == WAITING && atomic_exchange(&pending->state, TAKEN) == WAITING)
        reply_interrupted(req, written);
}

static void sync_done(struct kfs_sync *op, int result)
{
    struct pending_sync *pending = (struct pending_sync *)op;

    if (take(pending)) {
        if (result == 0)
            result = kfs_fs_refused(pending->handle);
        else if (result == -ETIMEDOUT && op->wait_ms > 0)
            result = 0; /* a close that has waited its time succeeds: the records are on their way */
        if (result == 0 && pending->written > 0)
            (void)fuse_reply_write(pending->req, pending->written);
        else
            kfs_fuse_reply_status(pending->req, result);
    }
    finish(pending);
}

void kfs_fuse_sync_then_reply(fuse_req_t req, struct kfs_handle *handle, size_t written, bool partial, uint64_t wait_ms)
{
    struct kfs_fuse *fuse = fuse_req_userdata(req);
    struct pending_sync *pending = malloc(sizeof *pending);

    if (pending == NULL) {
        kfs_fuse_reply_status(req, -ENOMEM);
        return;
    }
    /* A disk is waited for as everywhere, an endpoint may be away for days. */
    *pending = (struct pending_sync){.op = {.done = sync_done, .wait_ms = wait_ms},
                                     .fuse = fuse,
                                     .handle = handle,
                                     .req = req,
                                     .written = written,
                                     .interruptible = kfs_fs_is_remote(fuse->fs),
                                     .patience = kfs_patience_get().call,
                                     .users = 2};
    atomic_fetch_add(&fuse->syncs, 1);
    if (pending->interruptible)
        fuse_req_interrupt_func(req, interrupted, pending);
    bool noted = atomic_load(&pending->state) == NOTED;
    int rc = noted ? -EINTR : kfs_fs_sync(fuse->fs, handle, partial, &pending->op);
    int state = BEGUN;
    if (rc == 0)
        noted = !atomic_compare_exchange_strong(&pending->state, &state, WAITING) && state == NOTED;
    if ((noted || rc != 0) && take(pending)) {
        if (noted)
            reply_interrupted(req, written);
        else
            kfs_fuse_reply_status(req, rc);
    }
    if (rc != 0) /* the backend knows nothing of it */
        atomic_fetch_sub(&pending->users, 1);
    finish(pending);
}
