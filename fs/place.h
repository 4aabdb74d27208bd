/* How far a cursor has read: for each shard the last record that is behind it. Kept as
 * a note of the stream, in text:
 *
 *     kinesisfs cursor 1
 *     INDEX SEQUENCE-NUMBER OFFSET      a line for each shard, by index
 *
 * The number is what counts, and 0 that of no record. The offset is where the next record
 * began in the default view; it tells what retention has removed meanwhile. A shard without
 * a line is new to the cursor. */
#ifndef KFS_FS_PLACE_H
#define KFS_FS_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/backend.h"

#define KFS_CURSOR_NAME_MAX 48
#define KFS_CURSOR_NOTE "cursor-" /* a note's name is this and the cursor's */

/* True for 1 to KFS_CURSOR_NAME_MAX of a-z A-Z 0-9 _ . -, first a letter or digit, last not ".new". */
bool kfs_cursor_name_valid(const char *name);

struct kfs_place {
    uint32_t shard;
    struct kfs_seq after; /* none: before the first record */
    uint64_t offset;
};

/* By shard; zeroes are no places. */
struct kfs_places {
    struct kfs_place *list;
    size_t n;
    size_t cap;
};

void kfs_places_release(struct kfs_places *places);

/* NULL where there is none. */
const struct kfs_place *kfs_places_find(const struct kfs_places *places, uint32_t shard);

/* Adds or replaces. -ENOMEM. */
int kfs_places_set(struct kfs_places *places, const struct kfs_place *place);

int kfs_places_copy(const struct kfs_places *places, struct kfs_places *copy); /* -ENOMEM */

bool kfs_place_equal(const struct kfs_place *a, const struct kfs_place *b);

/* Appends the text of a note. -ENOMEM, -EMSGSIZE. */
int kfs_places_print(const struct kfs_places *places, struct kfs_buf *text);

/* -EINVAL for anything else, -ENOMEM. */
int kfs_places_parse(struct kfs_bytes text, struct kfs_places *places);

/* The place behind the last record that ends at an offset or before it, in the reader's shard, where at least one
 * such record is kept; else *place stays as it is. 0, or -errno of kfs_read. */
int kfs_place_before(struct kfs_reader *reader, uint64_t offset, struct kfs_place *place, struct kfs_error *err);

/* What to read from: the position of a place, or the horizon for NULL. */
struct kfs_position kfs_place_position(const struct kfs_place *place);

#endif
