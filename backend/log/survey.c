/* The first look at a shard's directory: which segments there are, what their
 * headers say, and how far each was promised. The rules are those of opening
 * (recover.c): what opening would drop as never synced is no damage. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/log/plan.h"

void kfs_check_report(struct kfs_check *check, const struct kfs_finding *finding, const char *format, ...)
{
    struct kfs_finding full = *finding;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(full.text, sizeof full.text, format, args);
    va_end(args);
    check->result.damaged = check->result.damaged || full.kind != KFS_FINDING_NOTE;
    check->result.loses = check->result.loses || full.kind == KFS_FINDING_LOSS;
    check->result.lost_records += full.records;
    check->result.lost_bytes += full.to - full.from;
    if (check->config.report != NULL)
        check->config.report(check->config.arg, &full);
}

/* ---- the directory ---- */

static struct kfs_plan *plan_of(struct kfs_check *check, uint64_t base)
{
    for (size_t i = check->n; i > 0; i--) {
        if (check->plans[i - 1].base == base)
            return &check->plans[i - 1];
    }
    if (check->n == check->cap) {
        size_t cap = check->cap == 0 ? 16 : check->cap * 2;
        struct kfs_plan *plans = realloc(check->plans, cap * sizeof *plans);
        if (plans == NULL)
            return NULL;
        check->plans = plans;
        check->cap = cap;
    }
    check->plans[check->n] = (struct kfs_plan){.base = base};
    return &check->plans[check->n++];
}

static int note_name(void *arg, const char *name)
{
    struct kfs_check *check = arg;
    size_t len = strlen(name);
    uint64_t base;
    bool is_index;

    if (strcmp(name, KFS_MARK_HORIZON) == 0 || strcmp(name, KFS_MARK_AGGREGATES) == 0)
        return 0;
    if (!kfs_segment_parse_name(name, &base, &is_index)) {
        bool left = len > 4 && strcmp(name + len - 4, ".new") == 0;
        kfs_check_report(check, &(struct kfs_finding){.kind = KFS_FINDING_NOTE}, "%s: %s", name,
                         left ? "left over from a write that was cut short" : "not a file of a shard");
        return 0;
    }
    struct kfs_plan *plan = plan_of(check, base);
    if (plan == NULL)
        return -ENOMEM;
    if (is_index)
        plan->has_index = true;
    else
        plan->has_data = true;
    return 0;
}

static int by_base(const void *a, const void *b)
{
    const struct kfs_plan *x = a;
    const struct kfs_plan *y = b;

    return (x->base > y->base) - (x->base < y->base);
}

/* Forgets segments wholly below the horizon: opening removes them. */
static void drop_expired(struct kfs_check *check)
{
    size_t drop = 0;

    while (drop + 1 < check->n && check->plans[drop + 1].base <= check->horizon)
        drop++;
    if (drop == 0)
        return;
    kfs_check_report(check, &(struct kfs_finding){.kind = KFS_FINDING_NOTE},
                     "%zu segments below the horizon are left from retention", drop);
    check->n -= drop;
    memmove(check->plans, check->plans + drop, check->n * sizeof *check->plans);
}

/* ---- one segment ---- */

static int open_part(const struct kfs_check *check, uint64_t base, bool index, int *fd)
{
    const struct kfs_io *io = check->config.io;
    char name[KFS_SEGMENT_NAME_MAX];

    if (index)
        kfs_segment_index_name(base, name);
    else
        kfs_segment_data_name(base, name);
    *fd = io->open(io->ctx, check->dir, name, KFS_OPEN_READ);
    if (*fd < 0)
        return *fd;
    io->drop_clean(io->ctx, *fd);
    return 0;
}

int kfs_plan_open(const struct kfs_check *check, const struct kfs_plan *plan, struct kfs_segment **out)
{
    struct kfs_segment *seg = kfs_segment_new(check->config.io, plan->base, 0);
    int rc = seg == NULL ? -ENOMEM : 0;

    if (rc == 0 && plan->has_index)
        rc = open_part(check, plan->base, true, &seg->index_fd);
    if (rc == 0 && plan->has_data)
        rc = open_part(check, plan->base, false, &seg->data_fd);
    if (rc != 0) {
        kfs_segment_unref(seg);
        return rc;
    }
    seg->header = plan->header;
    *out = seg;
    return 0;
}

/* Whether the first record is whole, its checksum started with the salt. 1, 0, -errno. */
static int first_is_whole(const struct kfs_plan *plan, struct kfs_segment *seg)
{
    const struct kfs_promise promise = {0};
    struct kfs_salvage s;
    const char *data;
    int rc = 0;

    if (!plan->has_data)
        return 0;
    kfs_salvage_init(&s, seg, plan->data_file, plan->index_file, &promise);
    rc = kfs_salvage_next(&s, &data);
    if (rc == 1 && s.walk.place.record != 0)
        rc = 0;
    kfs_salvage_release(&s);
    return rc;
}

/* The header's fields out of the first block, which names the salt. Its own checksum
 * does not prove it (salt and name cancel out); a checkpoint or the first record does. */
static int make_header(const uint8_t page[KFS_PAGE], struct kfs_segment *seg, struct kfs_plan *plan)
{
    const struct kfs_io *io = seg->io;
    uint8_t block[KFS_BLOCK_HEADER];
    struct kfs_place place;

    ssize_t n = io->pread(io->ctx, seg->index_fd, block, sizeof block, KFS_PAGE);
    if (n != (ssize_t)sizeof block)
        return n < 0 ? (int)n : 0;
    uint32_t salt = kfs_block_chain(block);
    if (kfs_block_decode(block, salt, &place) != 0 || place.data_offset != 0 || place.record != 0)
        return 0;
    plan->header = (struct kfs_segment_header){.base = plan->base, .created_ms = place.arrival_ms, .salt = salt};
    seg->header = plan->header;
    int rc = kfs_checkpoint_decode(page, salt, &plan->cp) ? 1 : first_is_whole(plan, seg);
    if (rc == 1)
        plan->state = KFS_HEADER_MADE;
    return rc < 0 ? rc : 0;
}

static int read_header(struct kfs_check *check, struct kfs_plan *plan)
{
    const struct kfs_io *io = check->config.io;
    uint8_t page[KFS_PAGE];
    struct kfs_segment *seg;
    ssize_t n = 0;

    int rc = kfs_plan_open(check, plan, &seg);
    if (rc != 0)
        return rc;
    if (plan->has_data)
        rc = io->size(io->ctx, seg->data_fd, &plan->data_file);
    if (rc == 0 && plan->has_index)
        rc = io->size(io->ctx, seg->index_fd, &plan->index_file);
    if (rc == 0 && plan->has_index)
        n = io->pread(io->ctx, seg->index_fd, page, sizeof page, 0);
    if (n < 0)
        rc = (int)n;
    if (rc == 0 && n == (ssize_t)sizeof page) {
        if (kfs_header_decode(page, &plan->header) == 0 && plan->header.base == plan->base)
            plan->state = KFS_HEADER_GOOD;
        else
            rc = make_header(page, seg, plan);
        if (plan->state != KFS_HEADER_NONE)
            (void)kfs_checkpoint_decode(page, plan->header.salt, &plan->cp);
    }
    kfs_segment_unref(seg);
    return rc;
}

void kfs_plan_limits(const struct kfs_plan *plan, uint64_t *data, uint64_t *index, struct kfs_promise *promise)
{
    *data = plan->data_file < plan->bound ? plan->data_file : plan->bound;
    *index = plan->index_file;
    if (plan->cp.sealed && plan->cp.index_size < *index)
        *index = plan->cp.index_size;
    if (plan->whole)
        *promise = (struct kfs_promise){UINT64_MAX, UINT64_MAX, UINT64_MAX};
    else
        *promise = (struct kfs_promise){plan->cp.data_size, plan->cp.index_size, plan->cp.records};
}

/* ---- what was promised ---- */

/* Whether there is one segment that was still being made: it has room for no record. */
static bool never_began(const struct kfs_check *check)
{
    const struct kfs_plan *plan = &check->plans[0];

    return check->n == 1 && plan->base == 0 && plan->state == KFS_HEADER_NONE && plan->index_file <= KFS_PAGE &&
           plan->data_file == 0;
}

/* Every segment before the newest one of which something was synced is promised
 * whole. A seal is written when the next segment's header is on the disk. */
static void set_promises(struct kfs_check *check)
{
    size_t newest = 0;
    size_t covered = 0;

    for (size_t i = 0; i < check->n; i++) {
        const struct kfs_checkpoint *cp = &check->plans[i].cp;
        if (cp->generation > 0)
            newest = cp->sealed ? i + 1 : i;
        if (cp->sealed)
            covered = i + 1;
    }
    /* One that has lost its checkpoint may have been sealed. */
    while (newest + 1 < check->n && check->plans[newest].state != KFS_HEADER_GOOD &&
           check->plans[newest].cp.generation == 0)
        newest++;
    for (size_t i = 0; i < check->n; i++) {
        struct kfs_plan *plan = &check->plans[i];
        plan->bound = i + 1 < check->n ? check->plans[i + 1].base - plan->base : UINT64_MAX;
        plan->whole = i < newest;
        plan->covered = i < covered;
    }
    /* Beyond the newest, a header that is not good means that the segment never was. */
    for (size_t i = newest + 1; i < check->n; i++) {
        if (check->plans[i].state != KFS_HEADER_GOOD || !check->plans[i].has_data) {
            check->n = i;
            break;
        }
    }
    if (check->n > 0 && never_began(check))
        check->n = 0;
}

/* Reads the file of a mark. What it says stays as it is where there is none, or none that can be read. */
static int read_mark(const struct kfs_check *check, const char *name, uint64_t *offset, bool *damaged,
                     struct kfs_error *err)
{
    int rc = kfs_mark_read(check->config.io, check->dir, name, offset);

    *damaged = rc == -EILSEQ;
    if (rc != 0 && rc != -EILSEQ && rc != -ENOENT)
        return kfs_fail(err, -rc, "cannot read the file %s: %s", name, strerror(-rc));
    return 0;
}

int kfs_check_survey(struct kfs_check *check, struct kfs_error *err)
{
    const struct kfs_io *io = check->config.io;
    int rc = io->list(io->ctx, check->dir, note_name, check);

    if (rc != 0)
        return kfs_fail(err, -rc, "cannot list the shard's directory: %s", strerror(-rc));
    if (check->n > 1)
        qsort(check->plans, check->n, sizeof *check->plans, by_base);
    check->aggregates = UINT64_MAX;
    rc = read_mark(check, KFS_MARK_HORIZON, &check->horizon, &check->horizon_damaged, err);
    if (rc == 0)
        rc = read_mark(check, KFS_MARK_AGGREGATES, &check->aggregates, &check->aggregates_damaged, err);
    if (rc != 0)
        return rc;
    drop_expired(check);
    for (size_t i = 0; i < check->n; i++) {
        rc = read_header(check, &check->plans[i]);
        if (rc != 0)
            return kfs_fail(err, -rc, "cannot read segment %020" PRIu64 ": %s", check->plans[i].base, strerror(-rc));
    }
    set_promises(check);
    return 0;
}
