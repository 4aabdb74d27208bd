/* A user of AWS's tools: an environment, a home directory, and a server that stands in for whatever they ask. */
#ifndef TESTS_SUPPORT_AWSWORLD_H
#define TESTS_SUPPORT_AWSWORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/kinesis/chain.h"
#include "tests/support/stand.h"
#include "tests/support/tempdir.h"

enum { AWS_VARIABLES_MAX = 24, AWS_NAME_SIZE = 64, AWS_VALUE_SIZE = 512 };

#define AWS_WORLD_MS UINT64_C(1700000000000) /* 2023-11-14T22:13:20Z */
#define AWS_LATER "2023-11-14T23:13:20Z"     /* an hour after it */
#define AWS_LATER_MS (AWS_WORLD_MS + UINT64_C(3600000))

struct aws_variable {
    char name[AWS_NAME_SIZE];
    char value[AWS_VALUE_SIZE];
};

struct aws_world {
    struct stand stand;
    char home[TEMPDIR_PATH_SIZE];
    struct aws_variable variables[AWS_VARIABLES_MAX];
    size_t n_variables;
    struct kfs_env env;
    struct kfs_clock clock;
    _Atomic uint64_t wall_ms;       /* stands until it is moved */
    _Atomic uint64_t mono_ahead_ms; /* of the system's monotonic clock */
    struct kfs_chain_config config; /* of the chain; a test may change it */
    struct kfs_credentials keys;    /* what it gave last */
    struct kfs_error error;
};

/* For cmocka's fixtures: an empty home, and no metadata service. */
int aws_world_setup(void **state);
int aws_world_teardown(void **state);

/* Sets a variable; an empty value unsets it. */
void aws_set(struct aws_world *w, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Writes a file below the home; directories are made. */
void aws_write(struct aws_world *w, const char *path, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The chain gives credentials with this id from this provider; or it fails with -EACCES and a text that has this in it.
 */
void aws_expect(struct aws_world *w, const char *id, const char *source);
void aws_expect_error(struct aws_world *w, const char *text);

#endif
