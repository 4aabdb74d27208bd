#include "backend/topology.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int kfs_topology_init(struct kfs_topology *t, const struct kfs_shard_info *shards, size_t n, uint32_t next_index)
{
    *t = (struct kfs_topology){.stream = "", .account = "", .next_index = next_index};
    if (n == 0)
        return 0;
    assert(shards[n - 1].index < next_index);
    t->shards = calloc(n, sizeof *shards);
    if (t->shards == NULL)
        return -ENOMEM;
    memcpy(t->shards, shards, n * sizeof *shards);
    t->n = n;
    t->cap = n;
    return 0;
}

void kfs_topology_release(struct kfs_topology *t)
{
    free(t->shards);
    t->shards = NULL;
    t->n = 0;
    t->cap = 0;
}

/* After this, `more` shards can be added without failing. */
static int reserve(struct kfs_topology *t, size_t more, struct kfs_error *err)
{
    size_t cap = t->n + more;
    struct kfs_shard_info *shards;

    if (more > (size_t)KFS_SHARD_INDEX_MAX + 1 - t->next_index)
        return kfs_fail_aws(err, EDQUOT, "LimitExceededException", "stream %s has used up its shard indexes",
                            t->stream);
    if (cap <= t->cap)
        return 0;
    shards = realloc(t->shards, cap * sizeof *shards);
    if (shards == NULL)
        return kfs_fail(err, ENOMEM, "out of memory for %zu shards", cap);
    t->shards = shards;
    t->cap = cap;
    return 0;
}

/* Returns the new shard's place in the array. */
static size_t add(struct kfs_topology *t, struct kfs_hash_range range, uint32_t parent, uint32_t adjacent)
{
    assert(t->n < t->cap);
    t->shards[t->n] = (struct kfs_shard_info){
        .index = t->next_index++,
        .parent = parent,
        .adjacent_parent = adjacent,
        .range = range,
    };
    return t->n++;
}

/* The lower half's place; the upper half's is the next. */
static size_t split_at(struct kfs_topology *t, size_t place, kfs_hash new_starting)
{
    const struct kfs_shard_info parent = t->shards[place];
    const struct kfs_hash_range low = {parent.range.start, new_starting - 1};
    const struct kfs_hash_range high = {new_starting, parent.range.end};
    size_t first;

    assert(!parent.closed && parent.range.start < new_starting && new_starting <= parent.range.end);
    t->shards[place].closed = true;
    first = add(t, low, parent.index, KFS_NO_SHARD);
    (void)add(t, high, parent.index, KFS_NO_SHARD);
    return first;
}

static size_t merge_at(struct kfs_topology *t, size_t left, size_t right)
{
    const struct kfs_hash_range range = {t->shards[left].range.start, t->shards[right].range.end};

    assert(!t->shards[left].closed && !t->shards[right].closed);
    t->shards[left].closed = true;
    t->shards[right].closed = true;
    return add(t, range, t->shards[left].index, t->shards[right].index);
}

/* ---- looking ---- */

const struct kfs_shard_info *kfs_topology_owner(const struct kfs_shard_info *shards, size_t n, kfs_hash hash)
{
    for (size_t i = 0; i < n; i++)
        if (!shards[i].closed && kfs_hash_in(&shards[i].range, hash))
            return &shards[i];
    return NULL;
}

const struct kfs_shard_info *kfs_topology_find(const struct kfs_shard_info *shards, size_t n, uint32_t shard)
{
    size_t low = 0;

    while (low < n) {
        size_t middle = low + (n - low) / 2;
        if (shards[middle].index == shard)
            return &shards[middle];
        if (shards[middle].index < shard)
            low = middle + 1;
        else
            n = middle;
    }
    return NULL;
}

uint32_t kfs_topology_open_count(const struct kfs_shard_info *shards, size_t n)
{
    uint32_t open = 0;

    for (size_t i = 0; i < n; i++)
        open += shards[i].closed ? 0U : 1U;
    return open;
}

size_t kfs_topology_children(const struct kfs_shard_info *shards, size_t n, uint32_t shard,
                             uint32_t children[KFS_SHARD_CHILDREN_MAX])
{
    size_t found = 0;

    for (size_t i = 0; i < n && found < KFS_SHARD_CHILDREN_MAX; i++)
        if (shards[i].parent == shard || shards[i].adjacent_parent == shard)
            children[found++] = shards[i].index;
    return found;
}

int kfs_topology_fail_closed(const struct kfs_shard_info *shards, size_t n, uint32_t shard, struct kfs_error *err)
{
    uint32_t children[KFS_SHARD_CHILDREN_MAX] = {0};
    size_t found = kfs_topology_children(shards, n, shard, children);

    if (found == 0)
        return kfs_fail(err, EROFS, KFS_SHARD_ID_FORMAT " is closed", shard);
    if (found == 1)
        return kfs_fail(err, EROFS,
                        KFS_SHARD_ID_FORMAT " is closed: it was merged into " KFS_SHARD_ID_FORMAT ", write there",
                        shard, children[0]);
    return kfs_fail(err, EROFS,
                    KFS_SHARD_ID_FORMAT " is closed: it was split into " KFS_SHARD_ID_FORMAT " and " KFS_SHARD_ID_FORMAT
                                        ", write there",
                    shard, children[0], children[1]);
}

/* ---- create, split, merge ---- */

static int check_count(uint32_t shards, struct kfs_error *err)
{
    if (shards < 1 || shards > KFS_SHARDS_MAX)
        return kfs_fail_aws(err, EINVAL, "InvalidArgumentException", "a stream has 1 to %d open shards, not %u",
                            KFS_SHARDS_MAX, shards);
    return 0;
}

int kfs_topology_create(struct kfs_topology *t, uint32_t shards, struct kfs_error *err)
{
    int rc = check_count(shards, err);

    assert(t->n == 0);
    if (rc == 0)
        rc = reserve(t, shards, err);
    for (uint32_t i = 0; rc == 0 && i < shards; i++)
        (void)add(t, kfs_hash_uniform(i, shards), KFS_NO_SHARD, KFS_NO_SHARD);
    return rc;
}

/* The place of a shard that can be split or merged. */
static int find_open(const struct kfs_topology *t, uint32_t shard, size_t *place, struct kfs_error *err)
{
    const struct kfs_shard_info *found = kfs_topology_find(t->shards, t->n, shard);

    if (found == NULL)
        return kfs_fail_aws(err, ENOENT, "ResourceNotFoundException",
                            "Could not find shard " KFS_SHARD_ID_FORMAT " in stream %s under account %s.", shard,
                            t->stream, t->account);
    if (found->closed)
        return kfs_fail_aws(err, EINVAL, "InvalidArgumentException",
                            "Shard " KFS_SHARD_ID_FORMAT " in stream %s under account %s has already been merged or "
                            "split, and thus is not eligible for merging or splitting.",
                            shard, t->stream, t->account);
    *place = (size_t)(found - t->shards);
    return 0;
}

/* SplitShard wants Starting + 1 < key < Ending: two keys for each child. */
static bool low_too_small(const struct kfs_shard_info *shard, kfs_hash key)
{
    return key <= shard->range.start || key - shard->range.start <= 1;
}

static bool high_too_small(const struct kfs_shard_info *shard, kfs_hash key)
{
    return key >= shard->range.end;
}

static int fail_split_key(const struct kfs_topology *t, const struct kfs_shard_info *shard, kfs_hash key,
                          struct kfs_error *err)
{
    char used[KFS_HASH_DIGITS_MAX + 1];
    char start[KFS_HASH_DIGITS_MAX + 1];
    char end[KFS_HASH_DIGITS_MAX + 1];

    (void)kfs_hash_print(key, used);
    (void)kfs_hash_print(shard->range.start, start);
    (void)kfs_hash_print(shard->range.end, end);
    return kfs_fail_aws(err, EINVAL, "InvalidArgumentException",
                        "NewStartingHashKey %s used in SplitShard() on shard " KFS_SHARD_ID_FORMAT
                        " in stream %s under account %s is not both greater than one plus the shard's StartingHashKey "
                        "%s and less than the shard's EndingHashKey %s.",
                        used, shard->index, t->stream, t->account, start, end);
}

int kfs_topology_split(struct kfs_topology *t, uint32_t shard, kfs_hash new_starting, struct kfs_error *err)
{
    size_t place = 0;
    int rc = find_open(t, shard, &place, err);

    if (rc != 0)
        return rc;
    if (low_too_small(&t->shards[place], new_starting) || high_too_small(&t->shards[place], new_starting))
        return fail_split_key(t, &t->shards[place], new_starting, err);
    if (kfs_topology_open_count(t->shards, t->n) >= KFS_SHARDS_MAX)
        return kfs_fail_aws(err, EDQUOT, "LimitExceededException",
                            "stream %s has %d open shards, the most there can be", t->stream, KFS_SHARDS_MAX);
    rc = reserve(t, 2, err);
    if (rc == 0)
        (void)split_at(t, place, new_starting);
    return rc;
}

int kfs_topology_merge(struct kfs_topology *t, uint32_t shard, uint32_t adjacent, struct kfs_error *err)
{
    size_t left = 0;
    size_t right = 0;
    int rc = find_open(t, shard, &left, err);

    if (rc == 0)
        rc = find_open(t, adjacent, &right, err);
    if (rc != 0)
        return rc;
    /* The last key has no successor: 2^128 must not be taken for 0. */
    if (t->shards[left].range.end == KFS_HASH_MAX || t->shards[left].range.end + 1 != t->shards[right].range.start)
        return kfs_fail_aws(err, EINVAL, "InvalidArgumentException",
                            "Shards " KFS_SHARD_ID_FORMAT " and " KFS_SHARD_ID_FORMAT
                            " in stream %s under account %s are not an adjacent pair of shards eligible for merging",
                            shard, adjacent, t->stream, t->account);
    rc = reserve(t, 1, err);
    if (rc == 0)
        (void)merge_at(t, left, right);
    return rc;
}

/* ---- resize ---- */

/* An open shard, while they are put in order of their hash keys. */
struct piece {
    kfs_hash start;
    size_t place;
};

static int compare_pieces(const void *a, const void *b)
{
    const struct piece *left = a;
    const struct piece *right = b;

    return left->start < right->start ? -1 : left->start > right->start ? 1 : 0;
}

/* The open shards from the lowest hash key up; the caller frees *pieces. */
static int order_open(const struct kfs_topology *t, struct piece **pieces, size_t *n, struct kfs_error *err)
{
    size_t open = kfs_topology_open_count(t->shards, t->n);
    struct piece *list = calloc(open + 1, sizeof *list);
    kfs_hash expected = 0;
    size_t at = 0;

    if (list == NULL)
        return kfs_fail(err, ENOMEM, "out of memory for %zu shards", open);
    for (size_t i = 0; i < t->n; i++)
        if (!t->shards[i].closed)
            list[at++] = (struct piece){t->shards[i].range.start, i};
    qsort(list, open, sizeof *list, compare_pieces);
    /* Past the last key `expected` is 0 again, as it is before the first piece. */
    for (at = 0; at < open && list[at].start == expected && (at == 0 || expected != 0); at++)
        expected = t->shards[list[at].place].range.end + 1;
    if (open == 0 || at < open || expected != 0) {
        free(list);
        return kfs_fail(err, EIO, "the open shards of stream %s do not cover the hash keys", t->stream);
    }
    *pieces = list;
    *n = open;
    return 0;
}

/* The place of what the pieces `from` to `to` are merged into, from the left. */
static size_t merge_pieces(struct kfs_topology *t, const struct piece *pieces, size_t from, size_t to)
{
    size_t made = pieces[from].place;

    while (from++ < to)
        made = merge_at(t, made, pieces[from].place);
    return made;
}

/* Makes one shard of `range`, whose first piece is pieces[next]. Returns the
 * first piece of the range after it. Where a split would leave a single key the
 * piece beside it is merged first: an endpoint that carries out the plan would refuse it. */
static size_t make_range(struct kfs_topology *t, struct piece *pieces, size_t next, const struct kfs_hash_range *range)
{
    const kfs_hash bound = range->end + 1;
    struct piece *last;
    size_t cut = next;
    size_t after;
    size_t low;

    assert(t->shards != NULL && pieces != NULL);
    while (t->shards[pieces[cut].place].range.end < range->end)
        cut++;
    last = &pieces[cut];
    if (t->shards[last->place].range.end == range->end) {
        (void)merge_pieces(t, pieces, next, cut);
        return cut + 1;
    }
    after = high_too_small(&t->shards[last->place], bound) ? cut + 1 : cut;
    last->place = merge_pieces(t, pieces, cut, after);
    if (low_too_small(&t->shards[last->place], bound)) {
        last->place = merge_pieces(t, pieces, next, cut);
        next = cut;
    }
    low = split_at(t, last->place, bound);
    last->place = low;
    (void)merge_pieces(t, pieces, next, cut);
    pieces[after] = (struct piece){bound, low + 1};
    return after;
}

int kfs_topology_resize(struct kfs_topology *t, uint32_t target, struct kfs_error *err)
{
    struct piece *pieces = NULL;
    size_t n = 0;
    size_t next = 0;
    int rc = check_count(target, err);

    if (rc == 0)
        rc = order_open(t, &pieces, &n, err);
    if (rc != 0)
        return rc;
    /* Each boundary splits at most once, into two; each piece is merged at most once. */
    rc = reserve(t, 2 * (size_t)target + n + target, err);
    for (uint32_t i = 0; rc == 0 && i < target; i++) {
        struct kfs_hash_range range = kfs_hash_uniform(i, target);
        next = make_range(t, pieces, next, &range);
    }
    free(pieces);
    return rc;
}

int kfs_topology_check_scaling(uint32_t open_shards, uint32_t target, struct kfs_error *err)
{
    const char *problem;

    if (target > KFS_SHARDS_MAX)
        problem = "Target shard count or number of open shards cannot be greater than 10000.";
    else if (target > 2 * (uint64_t)open_shards)
        problem = "UpdateShardCount cannot scale up over double your current open shard count.";
    else if (2 * (uint64_t)target < open_shards)
        problem = "UpdateShardCount cannot scale down below half your current open shard count.";
    else
        return 0;
    return kfs_fail_aws(err, EINVAL, "LimitExceededException",
                        "%s Current open shard count: %u, Target shard count: %u", problem, open_shards, target);
}
