/* Removing what is left of shards that have expired and of streams that are gone, unless it holds records that are
 * nowhere else. Done when the state is opened, since later the logs may be in use, and of a stream that is gone when
 * the last of its files is closed. What cannot be removed stays, and is tried again by the next mount. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/logger.h"
#include "backend/kinesis/internal.h"

#define DEPTH 3 /* of directories below a shard's or stream's */
#define SHARD_PREFIX "shardId-"

struct sweep {
    struct remote *r;
    struct remote_stream *stream; /* NULL: one that is gone */
    const char *name;             /* the stream's, or that of its directory in gone/ */
    int dir;
    int depth;
    bool holds; /* a shard that must stay was found */
};

static const struct kfs_io *io_of(const struct sweep *s)
{
    return s->r->options.io;
}

/* A file, or a directory with all that is in it. */
static int remove_entry(void *arg, const char *name)
{
    const struct sweep *s = arg;
    const struct kfs_io *io = io_of(s);
    int dir = s->depth < DEPTH ? io->open(io->ctx, s->dir, name, KFS_OPEN_DIR) : -1;

    if (dir < 0) {
        (void)io->unlink(io->ctx, s->dir, name);
        return 0;
    }
    struct sweep inner = {.r = s->r, .dir = dir, .depth = s->depth + 1};
    (void)io->list(io->ctx, dir, remove_entry, &inner);
    io->close(io->ctx, dir);
    (void)io->rmdir(io->ctx, s->dir, name);
    return 0;
}

/* Whether a shard's directory has records that are nowhere else; also where that cannot be told. */
static bool holds(const struct sweep *s, const char *name)
{
    const struct kfs_kinesis_options *o = &s->r->options;
    const struct remote_spool_config config = {.io = o->io, .clock = o->clock, .segment_bytes = o->segment_bytes};
    struct remote_spool *spool = NULL;
    struct remote_spool_state state = {0};
    struct kfs_error err = {0};
    int dir = o->io->open(o->io->ctx, s->dir, name, KFS_OPEN_DIR);

    if (dir < 0)
        return true;
    int log = o->io->open(o->io->ctx, dir, "spool", KFS_OPEN_DIR);
    int rc = log >= 0 ? remote_spool_open(&config, dir, &spool, &err) : 0;
    if (spool != NULL)
        remote_spool_state(spool, &state);
    (void)remote_spool_close(spool);
    if (log >= 0)
        o->io->close(o->io->ctx, log);
    o->io->close(o->io->ctx, dir);
    return rc != 0 || state.end > state.settled || state.dead > 0;
}

static bool is_known(const struct remote_stream *stream, const char *name)
{
    for (size_t i = 0; stream != NULL && i < stream->n_shards; i++)
        if (strcmp(stream->shards[i]->id, name) == 0)
            return true;
    return false;
}

static int sweep_shard(void *arg, const char *name)
{
    struct sweep *s = arg;

    if (strncmp(name, SHARD_PREFIX, sizeof SHARD_PREFIX - 1) != 0 || is_known(s->stream, name))
        return 0;
    if (holds(s, name)) {
        kfs_log(KFS_LOG_WARNING, "%s of stream %s is gone, and its directory has records that were never acknowledged",
                name, s->name);
        s->holds = true;
    } else {
        (void)remove_entry(s, name);
    }
    return 0;
}

void remote_sweep_stream(struct remote_stream *stream)
{
    struct sweep s = {.r = stream->remote, .stream = stream, .name = stream->name, .dir = stream->dir, .depth = 1};

    (void)io_of(&s)->list(io_of(&s)->ctx, stream->dir, sweep_shard, &s);
}

static int sweep_gone_stream(void *arg, const char *name)
{
    struct sweep *gone = arg;
    const struct kfs_io *io = io_of(gone);
    struct sweep s = {.r = gone->r, .name = name, .dir = io->open(io->ctx, gone->dir, name, KFS_OPEN_DIR), .depth = 1};

    if (s.dir < 0)
        return 0;
    (void)io->list(io->ctx, s.dir, sweep_shard, &s);
    io->close(io->ctx, s.dir);
    if (!s.holds)
        (void)remove_entry(gone, name);
    return 0;
}

void remote_gone_name(const struct remote_stream *stream, char name[static REMOTE_GONE_NAME_MAX])
{
    (void)snprintf(name, REMOTE_GONE_NAME_MAX, "%s.%" PRIu64, stream->name, stream->generation);
}

void remote_sweep_gone(struct remote *r, const struct remote_stream *only)
{
    struct sweep s = {.r = r, .dir = r->options.io->open(r->options.io->ctx, r->dir, "gone", KFS_OPEN_DIR)};
    char name[REMOTE_GONE_NAME_MAX];

    if (s.dir < 0)
        return;
    if (only == NULL) {
        (void)io_of(&s)->list(io_of(&s)->ctx, s.dir, sweep_gone_stream, &s);
    } else {
        remote_gone_name(only, name);
        (void)sweep_gone_stream(&s, name);
    }
    io_of(&s)->close(io_of(&s)->ctx, s.dir);
}
