/* A real HTTP server that stands in for another one: answers by a table, and keeps what it was asked. */
#ifndef TESTS_SUPPORT_STAND_H
#define TESTS_SUPPORT_STAND_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "backend/endpoint/http.h"

enum { STAND_ASKED_MAX = 64, STAND_ANSWERS_MAX = 16, STAND_URL_SIZE = 64 };

/* The first that fits a request is its answer; none: 404. */
struct stand_answer {
    const char *when;   /* how "METHOD TARGET" begins */
    const char *has;    /* what the request (see stand.asked) also holds; NULL: whatever */
    int times;          /* used so often, then passed over; 0: always */
    int status;         /* 0: the connection is cut; -1: no answer until stand_stop */
    const char *header; /* "name: value", or NULL */
    const char *body;
    size_t zeros; /* bytes of 0 instead of a body */
    size_t len;   /* of a body that holds NUL; 0: it ends with one */
    size_t drip;  /* bytes of the body at a time, one a second; 0: all at once */
};

struct stand {
    struct kfs_http_server *server;
    char url[STAND_URL_SIZE];     /* http://127.0.0.1:PORT */
    char tls_url[STAND_URL_SIZE]; /* https:// on the same port, where it has a certificate */
    pthread_mutex_t lock;
    struct stand_answer answers[STAND_ANSWERS_MAX];
    size_t n_answers;
    int used[STAND_ANSWERS_MAX];
    char *asked[STAND_ASKED_MAX]; /* "METHOD TARGET\nname: value\n...(HTTP 1)\n\nbody" */
    size_t n_asked;
    struct kfs_http_exchange *held[STAND_ASKED_MAX];
    size_t n_held;
};

void stand_start(struct stand *stand);
void stand_start_tls(struct stand *stand, const char *certificate, const char *key); /* PEM files */
void stand_stop(struct stand *stand);

/* A socket that takes connections and says nothing; to be closed. Its URL is http://127.0.0.1:*port. */
int stand_silent(unsigned *port);

/* Replaces the table and forgets what was asked. */
void stand_script(struct stand *stand, const struct stand_answer *answers, size_t n);

size_t stand_count(struct stand *stand);

/* The request with that number (from 0) holds this text; or does not. */
void stand_expect(struct stand *stand, size_t request, const char *text);
void stand_expect_not(struct stand *stand, size_t request, const char *text);

#endif
