/* Whose store it is: the lock, and the epoch that keeps sequence numbers unique
 * (docs/FORMAT.md sections 1 and 4, invariant 8). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "backend/base/dirlock.h"
#include "backend/local/local_internal.h"

int local_make_id(char id[LOCAL_ID_SIZE])
{
    uint8_t bytes[16];

    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return -EIO;
    for (size_t i = 0; i < sizeof bytes; i++)
        (void)snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

int local_identity_print(const struct local_store *store, struct kfs_buf *out)
{
    return kfs_buf_printf(out, "{\"format\":%d,\"epoch\":%" PRIu64 ",\"id\":\"%s\"}\n", LOCAL_FORMAT, store->epoch,
                          store->id);
}

int local_identity_save(const struct kfs_io *io, int dir, const struct local_store *store, struct kfs_error *err)
{
    struct kfs_buf text;

    if (store->epoch > LOCAL_EPOCH_MAX)
        return kfs_fail(err, EOVERFLOW, "the store has been opened %" PRIu64 " times; copy its streams to a new one",
                        store->epoch - 1);
    kfs_buf_init(&text, LOCAL_IDENTITY_BYTES_MAX);
    int rc = local_identity_print(store, &text);
    if (rc == 0)
        rc = kfs_io_replace(io, dir, "store", text.data, text.len);
    kfs_buf_release(&text);
    return rc == 0 ? 0 : kfs_fail(err, -rc, "cannot write the file store: %s", strerror(-rc));
}

/* For a store without the file `store`: a new one. Where there are streams the file is
 * lost, and with it the epoch: numbers would be given twice (invariant 8). */
static int new_identity(struct local_store *store, struct kfs_error *err)
{
    const struct kfs_io *io = store->options.io;
    int fd = io->open(io->ctx, store->dir, "streams", KFS_OPEN_DIR);

    if (fd >= 0) {
        io->close(io->ctx, fd);
        return kfs_fail(err, EIO, "the file store is missing; run fsck.kinesisfs on the store");
    }
    return fd == -ENOENT ? local_make_id(store->id) : kfs_fail(err, -fd, "cannot open streams: %s", strerror(-fd));
}

int local_identity_open(struct local_store *store, struct kfs_error *err)
{
    const struct kfs_io *io = store->options.io;
    struct kfs_buf text;

    int rc = kfs_dir_lock(io, store->dir, &store->lock_fd, err);
    if (rc != 0)
        return rc;
    kfs_buf_init(&text, LOCAL_IDENTITY_BYTES_MAX);
    rc = kfs_io_read_file(io, store->dir, "store", &text);
    if (rc == -ENOENT)
        rc = new_identity(store, err);
    else if (rc == 0)
        rc = local_identity_parse(text.data, text.len, store, err);
    else
        rc = kfs_fail(err, -rc, "cannot read the file store: %s", strerror(-rc));
    kfs_buf_release(&text);
    if (rc != 0)
        return rc;
    store->epoch++;
    return local_identity_save(io, store->dir, store, err);
}
