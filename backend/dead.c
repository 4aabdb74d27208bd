/* The checked wrappers of dead letters; see backend.c. */
#include <assert.h>
#include <errno.h>

#include "backend/backend.h"
#include "backend/crossing.h"

static void begin(const struct kfs_stream *stream, uint32_t shard, struct kfs_error *err)
{
    assert(stream != NULL && shard != KFS_NO_SHARD);
    (void)stream;
    (void)shard;
    kfs_op_begin(err);
}

int kfs_dead_count(struct kfs_stream *stream, uint32_t shard, uint64_t *n, struct kfs_error *err)
{
    begin(stream, shard, err);
    assert(n != NULL);
    if (stream->backend->ops->dead_count != NULL)
        return kfs_op_end(stream->backend->ops->dead_count(stream, shard, n, err), err);
    *n = 0;
    return 0;
}

int kfs_dead_list(struct kfs_stream *stream, uint32_t shard, kfs_dead_visit *visit, void *arg, struct kfs_error *err)
{
    begin(stream, shard, err);
    assert(visit != NULL);
    if (stream->backend->ops->dead_list == NULL)
        return 0;
    return stream->backend->ops->dead_list(stream, shard, visit, arg, err);
}

int kfs_dead_end(struct kfs_stream *stream, uint32_t shard, enum kfs_dead_end end, struct kfs_error *err)
{
    begin(stream, shard, err);
    assert(end == KFS_DEAD_RESEND || end == KFS_DEAD_DROP);
    if (stream->backend->ops->dead_end == NULL)
        return kfs_fail(err, EOPNOTSUPP, "a local store has no dead letters");
    return kfs_op_end(stream->backend->ops->dead_end(stream, shard, end, err), err);
}
