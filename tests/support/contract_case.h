/* What the tests of the contract suite share: a case (backend, clock, what the
 * test has open), shorthands that assert success, and the groups of tests. */
#ifndef KFS_TESTS_CONTRACT_CASE_H
#define KFS_TESTS_CONTRACT_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/contract.h"

#define CASE_OPEN_MAX 256
#define CASE_START_MS UINT64_C(1700000000000)
#define HOUR_MS UINT64_C(3600000)

struct contract_clock {
    struct kfs_clock clock;
    _Atomic uint64_t wall_ms;
    _Atomic uint64_t mono_ms;
};

/* The state of a test: `struct contract_case *c = *state;`. */
struct contract_case {
    struct contract_subject *subject;
    struct contract_clock time;
    struct kfs_backend *b;
    struct kfs_error err;
    struct kfs_stream *streams[CASE_OPEN_MAX]; /* closed by the fixture */
    struct kfs_reader *readers[CASE_OPEN_MAX];
    size_t n_streams;
    size_t n_readers;
    atomic_uint faults;
};

struct contract_group {
    const struct CMUnitTest *tests;
    size_t n;
};

extern const struct contract_group contract_streams;
extern const struct contract_group contract_shards;
extern const struct contract_group contract_resize;
extern const struct contract_group contract_append;
extern const struct contract_group contract_locate;
extern const struct contract_group contract_read;
extern const struct contract_group contract_retention;
extern const struct contract_group contract_watch;
extern const struct contract_group contract_notes;
extern const struct contract_group contract_tags;
extern const struct contract_group contract_threads;
extern const struct contract_group contract_reopen; /* only where the subject can */
extern const struct contract_group contract_model;
extern const struct contract_group contract_wrappers;

#define CONTRACT_GROUP(name, tests) const struct contract_group name = {tests, sizeof(tests) / sizeof((tests)[0])}

/* ---- time ---- */

void clock_advance(struct contract_case *c, uint64_t ms);   /* both clocks */
void clock_step_back(struct contract_case *c, uint64_t ms); /* the wall clock */
uint64_t clock_now(const struct contract_case *c);
uint64_t told_creation(const struct contract_case *c, uint64_t ms); /* of what was made then */

/* ---- streams and readers; what these open need not be closed ---- */

struct kfs_stream *case_open(struct contract_case *c, const char *name);
struct kfs_stream *case_create(struct contract_case *c, const char *name, uint32_t shards);
struct kfs_reader *case_reader(struct contract_case *c, struct kfs_stream *stream, uint32_t shard);
void case_close_all(struct contract_case *c);
void case_reopen(struct contract_case *c); /* closes everything, and the backend; opens the backend again */

struct kfs_extent extent_of(struct kfs_stream *stream, uint32_t shard);
struct kfs_shard_info shard_of(struct kfs_stream *stream, uint32_t shard);
struct kfs_stream_info info_of(struct kfs_stream *stream);

/* ---- putting and getting ---- */

struct kfs_bytes bytes_of(const char *text);
struct kfs_put put_of(const char *data, const char *key);
/* Makes an aggregate's frame around a message that is none; its length. */
size_t frame_aggregate(char *data, const char *message);

/* kfs_append, and where it returns 0 the records can be read on return: the subject is given time
 * where it does not promise that at once. */
int append_seen(struct kfs_stream *stream, uint32_t shard, const struct kfs_put *puts, size_t n,
                struct kfs_put_result *results, struct kfs_error *err);

/* Appends text under the key "k"; returns its number. */
struct kfs_seq put_text(struct kfs_stream *stream, uint32_t shard, const char *data);
/* `n` records of `len` bytes that differ: the first digits are the ordinal. */
void put_many(struct kfs_stream *stream, uint32_t shard, size_t n, size_t len);

/* All records kept in a shard, read `records` at a time; released with kfs_batch_release. */
void read_all(struct contract_case *c, struct kfs_stream *stream, uint32_t shard, size_t records,
              struct kfs_batch *all);
uint64_t locate(struct kfs_reader *reader, const struct kfs_position *position);

/* Asserts that the record has these bytes. */
void assert_data(const struct kfs_record *record, const char *data);
void assert_bytes(struct kfs_bytes got, struct kfs_bytes expected);
void assert_seq_below(const struct kfs_seq *a, const struct kfs_seq *b);
/* The shard's newest number is seq. */
void assert_last(struct kfs_stream *stream, uint32_t shard, const struct kfs_seq *seq);
void assert_hash_equal(kfs_hash a, kfs_hash b);

/* rc is -code, and err says so in code and text. */
void assert_failed(struct contract_case *c, int rc, int code);

/* Waits until the counter has reached n; false after ten seconds. */
bool wait_until(atomic_int *counter, int n);

/* ---- randomness: splitmix64, so that a seed means the same everywhere ---- */

uint64_t random_next(uint64_t *state);
uint64_t random_below(uint64_t *state, uint64_t n); /* 0..n-1; n > 0 */
void random_fill(uint64_t *state, void *data, size_t len);

#endif
