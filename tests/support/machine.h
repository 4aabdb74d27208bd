/* The world of a sender or poller (backend/kinesis/world.h) in a test: a clock that stands, timers and calls that
 * the test looks at and answers. One at a time; everything aborts the test on failure. */
#ifndef KFS_TESTS_MACHINE_H
#define KFS_TESTS_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/base/io.h"
#include "backend/kinesis/world.h"
#include "tests/support/tempdir.h"

struct machine {
    struct remote_world world;
    struct kfs_clock clock; /* for logs */
    uint64_t ms;
    uint64_t random;
    struct kfs_timers timers;
    struct kfs_call *call; /* that waits for an answer; NULL */
    struct kfs_arena *arena;
    char dir[TEMPDIR_PATH_SIZE];
    int fd; /* of dir */
};

int machine_setup(void **state); /* *state is a machine, its directory empty */
int machine_teardown(void **state);

/* Time passes; timers that are due on the way fire. */
void machine_pass(struct machine *m, uint64_t ms);

/* The call that waits is of this operation, and its body holds the text ("": any). ' stands for ". */
void machine_expect(struct machine *m, const char *operation, const char *text);
void machine_expect_none(struct machine *m);

/* Answers it: with JSON, in which ' stands for "; or with a failure. */
void machine_answer(struct machine *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
void machine_fail(struct machine *m, int code, bool retryable, const char *aws_code);

/* An event of its stream; where it is not taken the call ends with the errno returned. And the end of the stream. */
int machine_event(struct machine *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
void machine_end(struct machine *m);

#endif
