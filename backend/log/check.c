#include "backend/log/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/aggregate.h"
#include "backend/log/plan.h"

/* What is not there between two whole records, or after the last. */
struct gap {
    uint64_t from; /* offsets in the segment */
    uint64_t to;
    uint64_t record; /* ordinals in the segment */
    uint64_t next_record;
    const struct kfs_seq *after;  /* numbers that were not lost, around those that were; NULL where none is known */
    const struct kfs_seq *before; /* the same */
    const struct kfs_seq *up_to;  /* the last one lost */
};

static void print_seq(struct kfs_buf *buf, const char *word, const struct kfs_seq *seq)
{
    char digits[KFS_SEQ_DIGITS_MAX + 1];

    if (seq == NULL || kfs_seq_is_none(seq))
        return;
    (void)kfs_seq_print(seq, digits);
    (void)kfs_buf_printf(buf, " %s %s", word, digits);
}

/* Says what is lost, and why. */
static void report_gap(struct kfs_check *check, const struct kfs_plan *plan, const struct gap *gap, const char *why)
{
    struct kfs_finding finding = {.kind = KFS_FINDING_LOSS, .from = plan->base + gap->from, .to = plan->base + gap->to};
    uint64_t first = plan->header.first_record + gap->record;
    char records[80] = "records";
    struct kfs_buf seq;

    if (gap->next_record > gap->record)
        finding.records = gap->next_record - gap->record;
    if (finding.records == 1)
        (void)snprintf(records, sizeof records, "record %" PRIu64, first);
    else if (finding.records > 1)
        (void)snprintf(records, sizeof records, "records %" PRIu64 " to %" PRIu64, first, first + finding.records - 1);
    kfs_buf_init(&seq, KFS_FINDING_TEXT_MAX);
    print_seq(&seq, "after", gap->after);
    print_seq(&seq, "before", gap->before);
    print_seq(&seq, "up to", gap->up_to);
    kfs_check_report(check, &finding, "%020" PRIu64 ": %s; lost: %s, bytes %" PRIu64 " to %" PRIu64 "%s%.*s",
                     plan->base, why, records, finding.from, finding.to, seq.len > 0 ? ", sequence numbers" : "",
                     (int)seq.len, seq.len > 0 ? seq.data : "");
    kfs_buf_release(&seq);
}

static void report(struct kfs_check *check, enum kfs_finding_kind kind, const struct kfs_plan *plan, const char *text)
{
    kfs_check_report(check, &(struct kfs_finding){.kind = kind}, "%020" PRIu64 ".index: %s", plan->base, text);
}

/* How many bytes and records a segment must have had, as far as that is known; 0 where it is not. */
static void expected_of(const struct kfs_check *check, size_t i, uint64_t *bytes, uint64_t *records)
{
    const struct kfs_plan *plan = &check->plans[i];
    const struct kfs_plan *next = i + 1 < check->n ? plan + 1 : NULL;

    *bytes = plan->cp.data_size;
    *records = plan->cp.records;
    if (!plan->whole || next == NULL)
        return;
    *bytes = plan->bound;
    if (next->state == KFS_HEADER_GOOD && next->header.first_record > plan->header.first_record)
        *records = next->header.first_record - plan->header.first_record;
}

static void note_seq(struct kfs_check *check, struct kfs_plan *plan, const struct kfs_seq *seq)
{
    if (plan->records == 0)
        plan->first = *seq;
    plan->last = *seq;
    if (kfs_seq_cmp(seq, &check->result.highest) > 0)
        check->result.highest = *seq;
}

static void note_data(struct kfs_check *check, uint64_t offset, const char *data, size_t len)
{
    if (check->found == UINT64_MAX && kfs_aggregate_framed((struct kfs_bytes){data, len}))
        check->found = offset;
}

/* ---- with an index ---- */

/* Reads all records, and reports those missing between them. */
static int walk(struct kfs_check *check, struct kfs_plan *plan, struct kfs_salvage *s)
{
    struct gap gap = {0};
    const char *data;
    int rc;

    while ((rc = kfs_salvage_next(s, &data)) == 1) {
        const struct kfs_place *place = &s->walk.place;
        gap.to = place->data_offset;
        gap.next_record = place->record;
        gap.before = &place->seq;
        gap.after = plan->records > 0 ? &plan->last : NULL;
        if (gap.next_record > gap.record || gap.to > gap.from)
            report_gap(check, plan, &gap, "damaged");
        note_seq(check, plan, &place->seq);
        note_data(check, plan->base + place->data_offset, data, s->walk.entry.length);
        plan->records++;
        plan->bytes += (uint64_t)s->walk.entry.length + 1;
        plan->last_arrival_ms = place->arrival_ms;
        gap.from = s->next_offset;
        gap.record = s->records;
    }
    plan->broken = s->broken;
    plan->index_end = s->index_end;
    plan->end = s->next_offset;
    plan->ordinals = s->records;
    return rc;
}

/* What is missing after the last whole record. */
static void check_end(struct kfs_check *check, size_t i)
{
    struct kfs_plan *plan = &check->plans[i];
    const struct kfs_plan *next = i + 1 < check->n ? plan + 1 : NULL;
    struct gap gap = {.from = plan->end, .record = plan->ordinals, .after = plan->records > 0 ? &plan->last : NULL};

    expected_of(check, i, &gap.to, &gap.next_record);
    if (gap.from >= gap.to && gap.record >= gap.next_record)
        return;
    if (gap.to < gap.from)
        gap.to = gap.from;
    if (plan->whole && next != NULL && next->state == KFS_HEADER_GOOD)
        gap.up_to = &next->header.floor;
    if (gap.next_record > plan->ordinals)
        plan->ordinals = gap.next_record;
    /* It ends where its seal says: what is missing is another segment. */
    if (plan->whole && plan->cp.sealed && plan->cp.data_size == gap.from && plan->cp.records == gap.record) {
        report_gap(check, plan, &gap, "segments after this one are missing");
        return;
    }
    plan->broken = true;
    report_gap(check, plan, &gap, "damaged or missing at its end");
}

/* What is wrong with the index although all records are whole. */
static void check_index(struct kfs_check *check, const struct kfs_plan *plan)
{
    const struct kfs_checkpoint *cp = &plan->cp;

    if (plan->state == KFS_HEADER_MADE)
        report(check, KFS_FINDING_DAMAGE, plan, "the header is damaged");
    if (plan->covered && (cp->data_size != plan->bytes || cp->index_size != plan->index_end))
        report(check, KFS_FINDING_DAMAGE, plan, "the checkpoint is damaged");
}

static int check_walk(struct kfs_check *check, size_t i, struct kfs_segment *seg)
{
    struct kfs_plan *plan = &check->plans[i];
    struct kfs_promise promise;
    struct kfs_salvage s;
    uint64_t lost = check->result.lost_bytes;
    uint64_t data;
    uint64_t index;

    kfs_plan_limits(plan, &data, &index, &promise);
    kfs_salvage_init(&s, seg, data, index, &promise);
    int rc = walk(check, plan, &s);
    if (rc == 0)
        check_end(check, i);
    if (rc == 0 && plan->broken && lost == check->result.lost_bytes)
        report(check, KFS_FINDING_DAMAGE, plan, "damaged between entries; no record is lost");
    if (rc == 0 && !plan->broken)
        check_index(check, plan);
    bool ends_here = !plan->whole && (i + 1 < check->n ? plan->end != plan->bound : plan->end < data);
    if (rc == 0 && ends_here) {
        check->n = i + 1;
        kfs_check_report(check, &(struct kfs_finding){.kind = KFS_FINDING_NOTE},
                         "%020" PRIu64 ": what follows byte %" PRIu64
                         " of the shard is of writes that had not finished; mounting removes it",
                         plan->base, plan->base + plan->end);
    }
    kfs_salvage_release(&s);
    return rc;
}

/* ---- without one ---- */

static int check_lines(struct kfs_check *check, size_t i, struct kfs_segment *seg)
{
    struct kfs_plan *plan = &check->plans[i];
    struct kfs_promise promise;
    struct kfs_lines lines;
    const char *data;
    uint64_t limit;
    uint64_t index;
    uint32_t len;
    int rc;

    kfs_plan_limits(plan, &limit, &index, &promise);
    kfs_lines_init(&lines, seg, limit);
    plan->framed = true;
    while ((rc = kfs_lines_next(&lines, &data, &len)) == 1) {
        note_data(check, plan->base + plan->bytes, data, len);
        plan->records++;
        plan->bytes += (uint64_t)len + 1;
    }
    if (rc == 0) {
        struct gap gap = {.from = plan->bytes, .to = plan->bound == UINT64_MAX ? limit : plan->bound};
        kfs_check_report(check, &(struct kfs_finding){.kind = KFS_FINDING_LOSS},
                         "%020" PRIu64 ".index: %s; made again from the lines of the data file it gives %" PRIu64
                         " records with other sequence numbers and times, and without partition keys",
                         plan->base, plan->has_index ? "damaged beyond use" : "missing", plan->records);
        if (gap.to > gap.from)
            report_gap(check, plan, &gap, "not a whole line");
        plan->ordinals = plan->records;
        plan->end = gap.to;
    }
    kfs_lines_release(&lines);
    return rc;
}

static void check_no_data(struct kfs_check *check, size_t i)
{
    struct kfs_plan *plan = &check->plans[i];
    struct gap gap = {0};

    expected_of(check, i, &gap.to, &gap.next_record);
    plan->broken = true;
    plan->end = gap.to;
    plan->ordinals = gap.next_record;
    report_gap(check, plan, &gap, "the data file is missing");
}

/* ---- the shard ---- */

/* Ordinals where the header does not say: from the segment before, or the one after. */
static void number(struct kfs_check *check, size_t i, uint64_t expected)
{
    struct kfs_plan *plan = &check->plans[i];

    if (plan->state == KFS_HEADER_GOOD)
        return;
    const struct kfs_plan *next = i + 1 < check->n ? plan + 1 : NULL;
    plan->header.first_record = expected;
    if (i == 0 && next != NULL && next->state == KFS_HEADER_GOOD && next->header.first_record > plan->records)
        plan->header.first_record = next->header.first_record - plan->records;
}

static int check_segment(struct kfs_check *check, size_t i)
{
    struct kfs_plan *plan = &check->plans[i];
    struct kfs_segment *seg;

    if (!plan->has_data) {
        check_no_data(check, i);
        return 0;
    }
    int rc = kfs_plan_open(check, plan, &seg);
    if (rc != 0)
        return rc;
    rc = plan->state == KFS_HEADER_NONE ? check_lines(check, i, seg) : check_walk(check, i, seg);
    kfs_segment_unref(seg);
    return rc;
}

static int check_segments(struct kfs_check *check, struct kfs_error *err)
{
    struct kfs_check_result *r = &check->result;
    uint64_t expected = 0;
    bool was_last = true;

    for (size_t i = 0; i < check->n; i++) {
        struct kfs_plan *plan = &check->plans[i];
        size_t n = check->n;
        number(check, i, expected);
        int rc = check_segment(check, i);
        if (rc != 0)
            return kfs_fail(err, -rc, "cannot read segment %020" PRIu64 ": %s", plan->base, strerror(-rc));
        number(check, i, expected);
        expected = plan->header.first_record + plan->ordinals;
        was_last = n == check->n;
        r->segments++;
        r->records += plan->records;
        r->bytes += plan->bytes;
        if (plan->state == KFS_HEADER_GOOD && kfs_seq_cmp(&plan->header.floor, &r->highest) > 0)
            r->highest = plan->header.floor;
    }
    if (check->n == 0)
        return 0;
    const struct kfs_plan *last = &check->plans[check->n - 1];
    if (was_last && last->cp.sealed)
        kfs_check_report(check, &(struct kfs_finding){.kind = KFS_FINDING_LOSS},
                         "the newest segment, from byte %" PRIu64
                         " of the shard on, is missing; how many records it had is not known",
                         last->base + last->cp.data_size);
    return 0;
}

static void check_horizon(struct kfs_check *check)
{
    const struct kfs_plan *last = check->n > 0 ? &check->plans[check->n - 1] : NULL;
    uint64_t kept = last != NULL ? check->plans[0].base : 0;
    struct kfs_finding finding = {.kind = KFS_FINDING_DAMAGE};

    if (check->horizon_damaged) {
        kfs_check_report(check, &finding, "horizon: damaged; records that retention had removed may be offered again");
        return;
    }
    if (last == NULL && check->horizon > 0) {
        finding.kind = KFS_FINDING_LOSS;
        kfs_check_report(check, &finding, "all segments are missing; how many records they had is not known");
    } else if (check->horizon < kept) {
        finding = (struct kfs_finding){KFS_FINDING_LOSS, .from = check->horizon, .to = kept};
        kfs_check_report(check, &finding,
                         "segments are missing: bytes %" PRIu64 " to %" PRIu64 " of the shard are lost", finding.from,
                         finding.to);
    } else if (last != NULL && check->horizon > last->base) {
        uint64_t end = last->base + (last->cp.data_size > last->end ? last->cp.data_size : last->end);
        if (check->horizon > end)
            kfs_check_report(check, &finding, "horizon: beyond the end of the shard, %" PRIu64, end);
    }
}

/* What the file aggregates has to say. Records count as aggregates by their frame, as for appending. */
static void check_aggregates(struct kfs_check *check)
{
    const struct kfs_finding finding = {.kind = KFS_FINDING_DAMAGE};

    if (check->aggregates_damaged)
        kfs_check_report(check, &finding, "aggregates: damaged");
    else if (check->found < check->aggregates)
        kfs_check_report(check, &finding,
                         "aggregates: does not say that there is one at byte %" PRIu64
                         " of the shard; it is not taken apart",
                         check->found);
    if (check->found < check->aggregates)
        check->aggregates = check->found;
}

int kfs_check_run(const struct kfs_check_config *config, int dir, struct kfs_check **out, struct kfs_error *err)
{
    struct kfs_check *check = calloc(1, sizeof *check);

    if (check == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    check->config = *config;
    check->found = UINT64_MAX;
    check->dir = dir;
    int rc = kfs_check_survey(check, err);
    if (rc == 0)
        rc = check_segments(check, err);
    if (rc != 0) {
        kfs_check_free(check);
        return rc;
    }
    check_horizon(check);
    check_aggregates(check);
    *out = check;
    return 0;
}

void kfs_check_free(struct kfs_check *check)
{
    if (check == NULL)
        return;
    free(check->plans);
    free(check);
}

void kfs_check_result(const struct kfs_check *check, struct kfs_check_result *result)
{
    *result = check->result;
}
