/* The settings of a stream, out of what its shards' directories say of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/local/fsck_internal.h"

static int by_start(const void *a, const void *b)
{
    const struct kfs_hash_range *x = a;
    const struct kfs_hash_range *y = b;

    return (x->start > y->start) - (x->start < y->start);
}

bool fsck_topology_covers(const struct kfs_topology *topology)
{
    struct kfs_hash_range *open = calloc(topology->n + 1, sizeof *open);
    kfs_hash expected = 0;
    size_t n = 0;
    size_t i = 0;

    if (open == NULL)
        return true; /* not known to be wrong */
    for (size_t k = 0; k < topology->n; k++) {
        if (!topology->shards[k].closed)
            open[n++] = topology->shards[k].range;
    }
    qsort(open, n, sizeof *open, by_start);
    /* After the last hash key comes 0 again. */
    while (i < n && open[i].start == expected && (i == 0 || expected != 0))
        expected = open[i++].end + 1;
    free(open);
    return n > 0 && i == n && expected == 0;
}

/* What is known of the shards a directory holds. */
struct evidence {
    uint32_t n;         /* they are numbered 0 to n - 1 */
    uint32_t with_data; /* how many have anything in them */
    bool last_speaks;   /* the highest has a number in it */
    bool differ;        /* not all were created in one second */
    uint64_t created_s; /* when; 0 where no number says it */
};

/* Looks into one shard's directory. -ENOENT where there is none of that name. */
static int look_into(const struct fsck_place *place, int dir, uint32_t index, struct evidence *e)
{
    struct fsck *fsck = place->fsck;
    const struct kfs_io *io = fsck->io;
    const struct kfs_check_config config = {.io = io, .clock = fsck->options->clock};
    struct kfs_check_result result;
    struct kfs_seq_parts parts;
    struct kfs_check *check;
    char name[KFS_SHARD_DIR_MAX];
    char fresh[KFS_SHARD_DIR_MAX + sizeof FSCK_REPAIR_SUFFIX];

    local_shard_dir(index, name);
    int shard = io->open(io->ctx, dir, name, KFS_OPEN_DIR);
    if (shard == -ENOENT) { /* a repair that was cut short */
        (void)snprintf(fresh, sizeof fresh, "%s" FSCK_REPAIR_SUFFIX, name);
        shard = io->open(io->ctx, dir, fresh, KFS_OPEN_DIR);
    }
    if (shard < 0)
        return shard;
    int rc = kfs_check_run(&config, shard, &check, NULL);
    io->close(io->ctx, shard);
    if (rc != 0)
        return rc;
    kfs_check_result(check, &result);
    kfs_check_free(check);
    e->with_data += result.segments > 0 || result.damaged ? 1 : 0;
    e->last_speaks = kfs_seq_split(&result.highest, &parts);
    if (e->last_speaks && e->created_s != 0 && parts.created_s != e->created_s)
        e->differ = true;
    if (e->last_speaks && e->created_s == 0)
        e->created_s = parts.created_s;
    return 0;
}

/* Shards made by a split or merge were created later than the first ones, and are
 * numbered after them: where the highest was created with the others, all are first ones. */
static int gather(const struct fsck_place *place, int dir, struct evidence *e)
{
    struct fsck_names names = {0};
    uint32_t dirs = 0;
    int rc = fsck_list(place->fsck, dir, &names);

    for (size_t i = 0; rc == 0 && i < names.n; i++)
        dirs += strncmp(names.names[i], "shardId-", 8) == 0 ? 1 : 0;
    fsck_free_names(&names);
    while (rc == 0 && e->n < dirs && e->n < KFS_SHARDS_MAX) {
        rc = look_into(place, dir, e->n, e);
        if (rc == 0)
            e->n++;
    }
    if (rc == -ENOENT) /* not more than a directory and the one its repair was made in */
        rc = 0;
    if (rc != 0)
        return rc;
    if (e->with_data == 0)
        return -ENOENT;
    return e->n > 1 && (e->differ || !e->last_speaks) ? -EINVAL : 0;
}

int fsck_make_manifest(const struct fsck_place *place, int dir, struct local_manifest *m)
{
    const struct kfs_clock *clock = place->fsck->options->clock;
    struct evidence e = {0};
    int rc = gather(place, dir, &e);

    if (rc != 0)
        return rc;
    if (e.created_s == 0)
        e.created_s = clock->wall_ms(clock->ctx) / 1000;
    memset(m, 0, sizeof *m);
    (void)snprintf(m->name, sizeof m->name, "%s", place->stream);
    m->created_ms = e.created_s * 1000;
    /* The longest, so that nothing is removed before someone has set it. */
    m->settings = (struct local_settings){.retention_hours = KFS_RETENTION_HOURS_MAX,
                                          .max_record_bytes = KFS_RECORD_BYTES_DEFAULT};
    rc = kfs_topology_init(&m->topology, NULL, 0, 0);
    if (rc == 0)
        rc = kfs_topology_create(&m->topology, e.n, NULL);
    for (size_t i = 0; rc == 0 && i < m->topology.n; i++) {
        struct kfs_shard_info *shard = &m->topology.shards[i];
        shard->created_ms = m->created_ms;
        shard->starting = kfs_seq_make(
            &(struct kfs_seq_parts){.created_s = e.created_s, .time_s = e.created_s, .shard = shard->index});
    }
    if (rc != 0)
        local_manifest_release(m);
    return rc;
}
