/* A client of a server that says what it is told to, with a clock and credentials that a test sets. */
#ifndef TESTS_SUPPORT_CLIENTWORLD_H
#define TESTS_SUPPORT_CLIENTWORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/kinesis/client.h"
#include "tests/support/stand.h"

/* Those of the vectors of kinesis request signing: botocore's, and an independent computation's. */
#define VECTOR_MS UINT64_C(1440938160000) /* 2015-08-30T12:36:00Z */
#define VECTOR_SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define VECTOR_REGION "us-east-1"

struct client_world {
    struct stand stand;
    struct kfs_loop *loop;
    struct kfs_client *client;
    struct kfs_clock clock;
    uint64_t wall_ms;
    struct kfs_tls tls;
    uint32_t deadline_ms; /* of call_with; 0: the usual one */
    /* What the source of credentials gives. */
    const char *id;
    const char *token;
    _Atomic int get_rc;
    const char *next_id; /* after a refusal */
    int refusals;
    void (*changed)(void *arg);
    void *changed_arg;
};

/* For cmocka's fixtures. There is no client until connect_to or call_with. */
int client_world_setup(void **state);
int client_world_teardown(void **state);

struct kfs_client_config client_config(struct client_world *w, const char *url);
void connect_to(struct client_world *w, const char *url);

/* A call with a body of JSON. */
void prepare(struct kfs_call *call, const char *operation, const char *body);

/* Calls the stand, which answers so. */
void call_with(struct client_world *w, struct kfs_call *call, struct stand_answer answer);

#endif
