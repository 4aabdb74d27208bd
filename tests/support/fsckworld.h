/* A store on a simulated disk, for fsck: made, damaged, repaired, read back. */
#ifndef KFS_TESTS_FSCKWORLD_H
#define KFS_TESTS_FSCKWORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/base/hashkey.h"
#include "backend/local/fsck.h"
#include "tests/support/simdisk.h"

#define FW_SHARDS 2U
#define FW_UNSYNCED 2U /* the newest records of the first */
#define FW_SHARD0 "streams/s/shardId-000000000000/"
#define FW_SHARD1 "streams/s/shardId-000000000001/"

struct fw_record {
    uint32_t shard;
    struct kfs_seq seq;
    uint64_t arrival_ms;
    uint64_t offset;
    char *data;
    size_t len;
    char *key;
    size_t key_len;
};

struct fw_records {
    struct fw_record *records; /* shard by shard, in order */
    size_t n;
    size_t cap;
    int error;      /* of a read that failed, 0 */
    char text[400]; /* what it said */
};

/* A stream s of two shards. The first has many segments, one of several index
 * pages, openings between them, a horizon, and a tail that was not synced. */
struct simdisk *fw_build(void);
/* The same, of one shard with one short segment and records of several lines. */
struct simdisk *fw_build_small(void);

/* The same, of one shard of several segments that holds two aggregates, FW_AGGREGATE the first record of them. */
struct simdisk *fw_build_aggregates(void);
#define FW_AGGREGATE 8U

/* Opens the store, reads every record of s and the bytes of the default view, and closes it. */
void fw_read(struct simdisk *disk, struct fw_records *out);
void fw_free(struct fw_records *records);
/* Opens it and splits a shard; its children get a record each. */
void fw_split(struct simdisk *disk, uint32_t shard);
/* Opens it, appends a record to each shard, and checks that its number exceeds `above`. */
void fw_append(struct simdisk *disk, const struct kfs_seq *above);

/* ---- fsck ---- */

#define FW_RANGES 4096
struct fw_range {
    uint32_t shard;
    uint64_t from;
    uint64_t to;
};

struct fw_fsck {
    int status;
    struct kfs_fsck_totals totals;
    struct fw_range lost[FW_RANGES];
    size_t n_lost;
    bool lost_unknown; /* records were lost, how many is not known */
    bool renumbered;   /* records were made again from lines, in these segments */
    struct fw_range framed[16];
    size_t n_framed;
    size_t findings;    /* other than notes */
    char log[1U << 16]; /* all that was said */
};
void fw_fsck(struct simdisk *disk, enum kfs_fsck_mode mode, struct fw_fsck *out);

/* ---- files, by path; all changes are durable ---- */
char *fw_get(struct simdisk *disk, const char *path, size_t *size); /* malloc'ed; NULL where there is none */
void fw_put(struct simdisk *disk, const char *path, const void *data, size_t size);
void fw_remove(struct simdisk *disk, const char *path);
void fw_remove_shard(struct simdisk *disk, const char *name); /* a directory of s, with all that is in it */
void fw_make_dir(struct simdisk *disk, const char *path);
void fw_flip(struct simdisk *disk, const char *path, size_t at, uint8_t mask);

#define FW_PATHS 64
struct fw_paths {
    char paths[FW_PATHS][160];
    size_t n;
};
/* All files below the top directory, sorted. */
void fw_list(struct simdisk *disk, struct fw_paths *out);

#endif
