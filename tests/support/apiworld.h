/* The API without sockets, over the reference backend or a local store, with a
 * clock that stands until it is moved. */
#ifndef KFS_TESTS_APIWORLD_H
#define KFS_TESTS_APIWORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/base/value.h"
#include "backend/endpoint/api.h"
#include "backend/endpoint/subscription.h"

#define API_WORLD_START_MS UINT64_C(1700000000000)
#define API_WORLD_ACCOUNT "000000000000"

struct api_world {
    struct kfs_clock clock;
    _Atomic uint64_t wall_ms; /* threads of a local store look at them */
    _Atomic uint64_t mono_ms;
    struct kfs_api_config config; /* may be changed before api_world_open */
    char *dir;                    /* of a local store; NULL: the reference */
    struct kfs_backend *b;
    struct kfs_api *api;

    /* The last answer. */
    struct kfs_api_reply reply;
    struct kfs_arena *arena;
    struct kfs_value answer; /* NULL where the body is empty or not JSON */
};

/* For cmocka's fixtures: *state is a world over the reference, open, without a status delay. */
int api_world_setup(void **state);
int api_world_setup_local(void **state);
int api_world_teardown(void **state);

void api_world_open(struct api_world *w);  /* the backend (where it is closed) and the API */
void api_world_close(struct api_world *w); /* both; a local store can be opened again */
void api_world_pass(struct api_world *w, uint64_t ms);

/* One raw request; headers are "name: value" lines, or NULL. Returns the status. */
int api_world_send(struct api_world *w, const char *method, const char *target, const char *headers,
                   struct kfs_bytes body);

/* An operation with JSON as a client sends it; ' stands for " in it. Returns the status. */
int ask(struct api_world *w, const char *operation, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same, which must succeed. */
void done(struct api_world *w, const char *operation, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The answer is this error; text NULL: any. */
void assert_refused(struct api_world *w, const char *type, const char *text);

/* What is at a path of the answer, such as "Shards.0.ShardId"; NULL where there is nothing. */
const struct kfs_value *at(struct api_world *w, const char *path);
const char *text_at(struct api_world *w, const char *path); /* fails where it is no text; valid until the next answer */
unsigned int shard_at(struct api_world *w, const char *path); /* the index in a shard's id */
int64_t int_at(struct api_world *w, const char *path);
size_t count_at(struct api_world *w, const char *path); /* items of a list */

/* A shard iterator, malloc'ed. more: further members, or "". */
char *iterator_of(struct api_world *w, const char *stream, unsigned int shard, const char *type, const char *more);

#endif
