#include <errno.h>
#include <stdlib.h>

#include "backend/topology.h"
#include "tests/support/memory_store.h"

struct memory_shard *memory_find(struct memory_stream *s, uint32_t shard, struct kfs_error *err)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->shards[i].info.index == shard)
            return &s->shards[i];
    kfs_fail_aws(err, ENOENT, "ResourceNotFoundException",
                 "Could not find shard " KFS_SHARD_ID_FORMAT " in stream %s under account %s.", shard, s->info.name,
                 MEMORY_ACCOUNT);
    return NULL;
}

struct kfs_shard_info *memory_infos(const struct memory_stream *s)
{
    struct kfs_shard_info *infos = memory_alloc(NULL, s->n, sizeof *infos);

    for (size_t i = 0; i < s->n; i++)
        infos[i] = s->shards[i].info;
    return infos;
}

/* ---- retention ---- */

static void drop_record(struct memory_record *r)
{
    free(r->key);
    free(r->data);
    r->key = NULL;
    r->data = NULL;
}

static void drop_shard(struct memory_shard *shard)
{
    for (size_t i = shard->first; i < shard->n; i++)
        drop_record(&shard->records[i]);
    free(shard->records);
}

void memory_drop_shards(struct memory_stream *s)
{
    for (size_t i = 0; i < s->n; i++)
        drop_shard(&s->shards[i]);
    free(s->shards);
    s->shards = NULL;
    s->n = 0;
}

void memory_trim(struct memory_stream *s)
{
    uint64_t now = s->backend->clock->wall_ms(s->backend->clock->ctx);
    uint64_t retention_ms = (uint64_t)s->info.retention_hours * 3600 * 1000;
    size_t kept = 0;

    for (size_t i = 0; i < s->n; i++) {
        struct memory_shard *shard = &s->shards[i];
        while (shard->first < shard->n && shard->records[shard->first].arrival_ms + retention_ms < now)
            drop_record(&shard->records[shard->first++]);
        if (shard->info.closed && shard->info.closed_ms + retention_ms < now)
            drop_shard(shard);
        else
            s->shards[kept++] = *shard;
    }
    s->n = kept;
}

/* ---- looking ---- */

int memory_shard_list(struct kfs_stream *ref, struct kfs_shard_info **shards, size_t *n, struct kfs_error *err)
{
    struct memory_stream *s;
    int rc = memory_enter(ref, &s, err);

    if (rc == 0) {
        *shards = memory_infos(s);
        *n = s->n;
    }
    memory_leave(s);
    return rc;
}

int memory_shard_info(struct kfs_stream *ref, uint32_t shard, struct kfs_shard_info *info, struct kfs_error *err)
{
    struct memory_stream *s;
    const struct memory_shard *found;
    int rc = memory_enter(ref, &s, err);

    if (rc == 0) {
        found = memory_find(s, shard, err);
        if (found == NULL)
            rc = -ENOENT;
        else
            *info = found->info;
    }
    memory_leave(s);
    return rc;
}

int memory_shard_extent(struct kfs_stream *ref, uint32_t shard, struct kfs_extent *extent, struct kfs_error *err)
{
    struct memory_stream *s;
    const struct memory_shard *found;
    int rc = memory_enter(ref, &s, err);

    if (rc == 0) {
        found = memory_find(s, shard, err);
        if (found == NULL)
            rc = -ENOENT;
        else
            *extent = (struct kfs_extent){
                .start = found->first < found->n ? found->records[found->first].offset : found->end,
                .end = found->end,
                .first_record = found->first,
                .next_record = found->n,
                .last_arrival_ms = found->last_arrival_ms,
                .last = found->last,
                .closed = found->info.closed,
                .aggregates_from = found->aggregates_from,
            };
    }
    memory_leave(s);
    return rc;
}

/* ---- changing ---- */

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void open_shard(struct memory_shard *shard, const struct kfs_shard_info *info, uint64_t created_ms,
                       uint64_t created_s)
{
    const struct kfs_seq_parts parts = {created_s, 0, created_s, info->index};

    *shard = (struct memory_shard){
        .info = *info, .last_arrival_ms = created_ms, .created_s = created_s, .aggregates_from = UINT64_MAX};
    shard->info.created_ms = created_ms;
    shard->info.starting = kfs_seq_make(&parts);
}

static void close_shard(struct memory_shard *shard, uint64_t closed_ms)
{
    const struct kfs_seq_parts parts = {shard->created_s, KFS_SEQ_POSITION_MAX, closed_ms / 1000, shard->info.index};

    shard->info.closed = true;
    shard->info.closed_ms = closed_ms;
    shard->info.ending = kfs_seq_make(&parts);
}

/* Makes the stream's shards what the plan says. A child is created when its
 * last parent closed, by its numbers a second later; all shards that close do so
 * at once, none before its last record arrived. */
static void apply(struct memory_stream *s, const struct kfs_topology *plan)
{
    uint64_t now = s->backend->clock->wall_ms(s->backend->clock->ctx);
    uint64_t closed_ms = now;
    size_t before = s->n;

    for (size_t i = 0; i < before; i++)
        if (plan->shards[i].closed && s->shards[i].info.closed_ms == 0)
            closed_ms = later(closed_ms, s->shards[i].last_arrival_ms);
    s->shards = memory_alloc(s->shards, plan->n, sizeof *s->shards);
    for (size_t i = 0; i < plan->n; i++) {
        const struct kfs_shard_info *info = &plan->shards[i];
        struct memory_shard *shard = &s->shards[i];
        if (i >= before) {
            uint64_t created_ms = now;
            uint64_t created_s = now / 1000 - 2;
            for (size_t j = 0; j < i; j++) {
                const struct memory_shard *parent = &s->shards[j];
                if (parent->info.index != info->parent && parent->info.index != info->adjacent_parent)
                    continue;
                created_ms = later(created_ms, parent->info.closed_ms);
                created_s = later(later(created_s, parent->created_s + 1), created_ms / 1000 + 1);
            }
            open_shard(shard, info, created_ms, created_s);
        }
        if (info->closed && shard->info.closed_ms == 0)
            close_shard(shard, closed_ms);
    }
    s->n = plan->n;
    s->next_index = plan->next_index;
}

static void plan_init(struct kfs_topology *plan, const struct memory_stream *s)
{
    struct kfs_shard_info *infos = memory_infos(s);

    if (kfs_topology_init(plan, infos, s->n, s->next_index) != 0)
        abort();
    plan->stream = s->info.name;
    plan->account = MEMORY_ACCOUNT;
    free(infos);
}

void memory_create_shards(struct memory_stream *s, uint32_t shards)
{
    struct kfs_topology plan;

    plan_init(&plan, s);
    if (kfs_topology_create(&plan, shards, NULL) != 0)
        abort();
    apply(s, &plan);
    kfs_topology_release(&plan);
}

enum change { SPLIT, MERGE, RESIZE };

static int change_shards(struct kfs_stream *ref, enum change change, uint32_t a, uint32_t b, kfs_hash new_starting,
                         struct kfs_error *err)
{
    struct kfs_topology plan;
    struct memory_stream *s;
    int rc = memory_enter(ref, &s, err);

    if (rc == 0) {
        plan_init(&plan, s);
        if (change == SPLIT)
            rc = kfs_topology_split(&plan, a, new_starting, err);
        else if (change == MERGE)
            rc = kfs_topology_merge(&plan, a, b, err);
        else
            rc = kfs_topology_resize(&plan, a, err);
        if (rc == 0)
            apply(s, &plan);
        kfs_topology_release(&plan);
    }
    memory_leave(s);
    if (rc == 0)
        memory_tell(s, KFS_NO_SHARD, KFS_EVENT_SHARDS);
    return rc;
}

int memory_shard_split(struct kfs_stream *ref, uint32_t shard, kfs_hash new_starting, struct kfs_error *err)
{
    return change_shards(ref, SPLIT, shard, 0, new_starting, err);
}

int memory_shard_merge(struct kfs_stream *ref, uint32_t shard, uint32_t adjacent, struct kfs_error *err)
{
    return change_shards(ref, MERGE, shard, adjacent, 0, err);
}

int memory_resize(struct kfs_stream *ref, uint32_t target, struct kfs_error *err)
{
    return change_shards(ref, RESIZE, target, 0, 0, err);
}
