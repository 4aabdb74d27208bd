#include "fs/place.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "kinesisfs cursor 1\n"
#define NUMBER_DIGITS_MAX 20
#define FIRST_CAP 4
#define STEP_MIN ((uint64_t)4 << 10) /* how far back a record is looked for at first */
#define STEP_FACTOR 8
#define SCAN_RECORDS 1000
#define SCAN_BYTES ((size_t)256 << 10)

bool kfs_cursor_name_valid(const char *name)
{
    char note[sizeof KFS_CURSOR_NOTE + KFS_CURSOR_NAME_MAX];

    if (strnlen(name, KFS_CURSOR_NAME_MAX + 1) > KFS_CURSOR_NAME_MAX || strchr("_.-", name[0]) != NULL)
        return false;
    (void)snprintf(note, sizeof note, KFS_CURSOR_NOTE "%s", name);
    return kfs_note_name_valid(note);
}

void kfs_places_release(struct kfs_places *places)
{
    free(places->list);
    *places = (struct kfs_places){0};
}

/* How many places are of shards below this one. */
static size_t below(const struct kfs_places *places, uint32_t shard)
{
    size_t low = 0;
    size_t high = places->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (places->list[middle].shard < shard)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct kfs_place *kfs_places_find(const struct kfs_places *places, uint32_t shard)
{
    size_t i = below(places, shard);

    return i < places->n && places->list[i].shard == shard ? &places->list[i] : NULL;
}

static int reserve(struct kfs_places *places, size_t cap)
{
    struct kfs_place *grown;

    if (cap <= places->cap)
        return 0;
    grown = realloc(places->list, cap * sizeof *grown);
    if (grown == NULL)
        return -ENOMEM;
    places->list = grown;
    places->cap = cap;
    return 0;
}

int kfs_places_set(struct kfs_places *places, const struct kfs_place *place)
{
    size_t i = below(places, place->shard);

    if (i == places->n || places->list[i].shard != place->shard) {
        if (places->n == places->cap && reserve(places, places->cap == 0 ? FIRST_CAP : places->cap * 2) != 0)
            return -ENOMEM;
        if (i < places->n)
            memmove(&places->list[i + 1], &places->list[i], (places->n - i) * sizeof *places->list);
        places->n++;
    }
    places->list[i] = *place;
    return 0;
}

int kfs_places_copy(const struct kfs_places *places, struct kfs_places *copy)
{
    struct kfs_places made = {0};

    if (reserve(&made, places->n) != 0)
        return -ENOMEM;
    if (places->n > 0)
        memcpy(made.list, places->list, places->n * sizeof *made.list);
    made.n = places->n;
    *copy = made;
    return 0;
}

bool kfs_place_equal(const struct kfs_place *a, const struct kfs_place *b)
{
    return a->shard == b->shard && kfs_seq_cmp(&a->after, &b->after) == 0;
}

/* ---- the note ---- */

int kfs_places_print(const struct kfs_places *places, struct kfs_buf *text)
{
    char number[KFS_SEQ_DIGITS_MAX + 1];
    int rc = kfs_buf_append(text, HEAD, sizeof HEAD - 1);

    for (size_t i = 0; rc == 0 && i < places->n; i++) {
        const struct kfs_place *place = &places->list[i];
        (void)kfs_seq_print(&place->after, number);
        rc = kfs_buf_printf(text, "%" PRIu32 " %s %" PRIu64 "\n", place->shard, number, place->offset);
    }
    return rc;
}

/* Takes digits and the mark behind them off the text; NULL where there are none or too many. */
static const char *take_digits(struct kfs_bytes *text, char mark, size_t max, size_t *len)
{
    const char *bytes = text->data;
    size_t n = 0;

    while (n < text->len && n <= max && bytes[n] >= '0' && bytes[n] <= '9')
        n++;
    if (n == 0 || n > max || n == text->len || bytes[n] != mark)
        return NULL;
    *text = (struct kfs_bytes){bytes + n + 1, text->len - n - 1};
    *len = n;
    return bytes;
}

static bool take_number(struct kfs_bytes *text, char mark, uint64_t max, uint64_t *number)
{
    size_t len;
    const char *digits = take_digits(text, mark, NUMBER_DIGITS_MAX, &len);
    uint64_t sum = 0;

    for (size_t i = 0; digits != NULL && i < len; i++) {
        uint64_t digit = (uint64_t)(digits[i] - '0');
        if (sum > (max - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *number = sum;
    return digits != NULL;
}

static int parse_line(struct kfs_bytes *text, struct kfs_places *places)
{
    struct kfs_place place;
    const char *digits;
    uint64_t shard;
    size_t len;

    if (!take_number(text, ' ', KFS_SHARD_INDEX_MAX, &shard))
        return -EINVAL;
    digits = take_digits(text, ' ', KFS_SEQ_DIGITS_MAX, &len);
    if (digits == NULL || kfs_seq_parse(digits, len, &place.after) != 0 ||
        !take_number(text, '\n', UINT64_MAX, &place.offset))
        return -EINVAL;
    place.shard = (uint32_t)shard;
    if (places->n > 0 && places->list[places->n - 1].shard >= place.shard)
        return -EINVAL;
    return kfs_places_set(places, &place);
}

int kfs_places_parse(struct kfs_bytes text, struct kfs_places *places)
{
    const size_t head = sizeof HEAD - 1;
    struct kfs_places made = {0};
    int rc = 0;

    if (text.len < head || memcmp(text.data, HEAD, head) != 0)
        return -EINVAL;
    text = (struct kfs_bytes){(const char *)text.data + head, text.len - head};
    while (rc == 0 && text.len > 0)
        rc = parse_line(&text, &made);
    if (rc != 0) {
        kfs_places_release(&made);
        return rc;
    }
    *places = made;
    return 0;
}

/* ---- in the shard ---- */

/* From a record's beginning at *at to the last record that ends at `offset` or before. */
static int scan(struct kfs_reader *reader, uint64_t at, uint64_t offset, struct kfs_place *place, bool *found,
                struct kfs_error *err)
{
    const struct kfs_limit limit = {SCAN_RECORDS, SCAN_BYTES};
    struct kfs_batch batch;
    bool more = true;
    int rc = 0;

    kfs_batch_init(&batch);
    while (rc == 0 && more) {
        rc = kfs_read(reader, at, &limit, &batch, err);
        more = rc == 0 && batch.n > 0;
        for (size_t i = 0; more && i < batch.n; i++) {
            const struct kfs_record *record = &batch.records[i];
            at = record->offset + record->data.len + 1;
            more = at <= offset;
            if (!more)
                break;
            place->after = record->seq;
            place->offset = at;
            *found = true;
        }
    }
    kfs_batch_release(&batch);
    return rc;
}

int kfs_place_before(struct kfs_reader *reader, uint64_t offset, struct kfs_place *place, struct kfs_error *err)
{
    struct kfs_extent extent;
    struct kfs_place made = *place;
    bool found = false;
    int rc = kfs_shard_extent(reader->stream, reader->shard, &extent, err);

    for (uint64_t step = STEP_MIN; rc == 0 && !found && offset > extent.start; step *= STEP_FACTOR) {
        const bool far = offset - extent.start > step;
        const struct kfs_position position = {.type = KFS_AT_OFFSET, .offset = far ? offset - step : extent.start};
        uint64_t at;
        rc = kfs_locate(reader, &position, &at, err);
        if (rc == 0 && at < offset)
            rc = scan(reader, at, offset, &made, &found, err);
        if (!far)
            break;
    }
    if (rc == 0 && found)
        *place = made;
    return rc;
}

struct kfs_position kfs_place_position(const struct kfs_place *place)
{
    if (place == NULL || kfs_seq_is_none(&place->after))
        return (struct kfs_position){.type = KFS_AT_HORIZON};
    return (struct kfs_position){.type = KFS_AFTER_SEQUENCE, .seq = place->after};
}
