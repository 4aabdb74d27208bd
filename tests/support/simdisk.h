/* A disk in memory behind struct kfs_io, with the faults of real ones.
 *
 * For each file it knows what is durable and which writes and truncations are
 * not; for directories which names are not. Power loss (simdisk_crash) keeps any
 * part of the unsynced ones:
 *
 * - a write is torn into its 512-byte sectors, each a piece that is kept or lost
 *   alone (sectors of nothing but zeros that follow one another are one piece);
 * - truncations of a file happen in order: the first few are kept;
 * - a file may have grown although the bytes did not arrive; then they are `fill`;
 * - names made, removed and renamed are each kept or lost.
 *
 * After a failed datasync the unsynced bytes are gone from the disk and stay in
 * the cache: reads see them until drop_clean, and the next datasync succeeds.
 *
 * Threads may share a disk; the functions below are for when none does I/O. */
#ifndef KFS_TESTS_SIMDISK_H
#define KFS_TESTS_SIMDISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/io.h"

#define SIMDISK_SECTOR 512U

struct simdisk;

enum simdisk_call {
    SIMDISK_OPEN,   /* of what exists, for whatever use */
    SIMDISK_CREATE, /* and link */
    SIMDISK_READ,
    SIMDISK_SIZE,
    SIMDISK_LIST,
    SIMDISK_WRITE,
    SIMDISK_TRUNCATE,
    SIMDISK_DATASYNC,
    SIMDISK_SYNC_DIR,
    SIMDISK_MKDIR,
    SIMDISK_UNLINK, /* and rmdir */
    SIMDISK_RENAME,
    SIMDISK_ANY
};

/* What a call that is made to fail has done. */
enum simdisk_effect {
    SIMDISK_NOTHING,
    SIMDISK_HALF, /* a write: its first half; a datasync: every other of the writes */
    SIMDISK_ALL
};

struct simdisk *simdisk_new(void);
void simdisk_free(struct simdisk *disk); /* takes NULL; descriptors may be open */
const struct kfs_io *simdisk_io(struct simdisk *disk);
int simdisk_root(struct simdisk *disk); /* a descriptor of the top directory */

size_t simdisk_open_files(const struct simdisk *disk);

/* The nth call from now of a kind (1 is the next) fails with -error. */
void simdisk_fail(struct simdisk *disk, enum simdisk_call call, uint64_t nth, int error, enum simdisk_effect effect);
/* Whether it has. */
bool simdisk_has_failed(const struct simdisk *disk);
/* As many bytes may be stored in all files; a write beyond stores what fits and gets -ENOSPC. */
void simdisk_set_room(struct simdisk *disk, uint64_t bytes);
uint64_t simdisk_used(const struct simdisk *disk); /* a file counts once for each of its names */

/* Calls of a kind so far; SIMDISK_ANY for all, simdisk_changes for those that change the disk. */
uint64_t simdisk_count(const struct simdisk *disk, enum simdisk_call call);
uint64_t simdisk_changes(const struct simdisk *disk);

/* The world stops at the nth changing call from now: it leaves `effect`, and it and
 * every call after it get -EIO and do nothing. */
void simdisk_stop(struct simdisk *disk, uint64_t nth, enum simdisk_effect effect);
bool simdisk_stopped(const struct simdisk *disk);

/* The disk after the death of the process: all that was written, as it was
 * cached; what was unsynced still is. */
struct simdisk *simdisk_kill(const struct simdisk *disk);

/* How many pieces power loss may keep or lose. */
size_t simdisk_pieces(const struct simdisk *disk);
/* The disk after power loss that keeps piece i where keep[i]; keep has simdisk_pieces elements. */
struct simdisk *simdisk_crash(const struct simdisk *disk, const bool *keep, uint8_t fill);

/* How often simdisk_crash is worth calling: every subset where those are at most `most`, else `most`. */
uint64_t simdisk_outcomes(const struct simdisk *disk, uint64_t most);
/* The disk after power loss, outcome `i` of simdisk_outcomes(disk, most). */
struct simdisk *simdisk_crash_nth(const struct simdisk *disk, uint64_t i, uint64_t most, uint64_t seed);

/* 0..n-1 by splitmix64, so that a seed means the same everywhere; n > 0. */
uint64_t simdisk_random(uint64_t *state, uint64_t n);

/* ---- damage, and a look at files; all of them durable at once ---- */

/* NULL where there is none. The bytes are the disk's, until the next call. */
const char *simdisk_look(const struct simdisk *disk, const char *name, size_t *size);
/* Replaces or makes a file of the top directory; NULL removes it. */
void simdisk_put(struct simdisk *disk, const char *name, const void *data, size_t size);

#endif
