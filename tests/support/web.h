/* A server on a free port of the loopback, a handler that does what the target asks for, and a plain
 * client. Everything aborts the test on failure.
 *
 * Targets: /echo the body; /length of it; /zeros/N bytes; /thread echo, answered by another thread; /timer
 * echo, 20 ms later; /cut; /hold until web_release; /pour/N bytes as a stream, from another thread; /drip a
 * stream that writes "drip" every 5 ms until the peer has gone; /headers what came, a line each; else 404. */
#ifndef TESTS_SUPPORT_WEB_H
#define TESTS_SUPPORT_WEB_H

#include <pthread.h>
#include <stdatomic.h>

#include "backend/endpoint/http.h"

struct job;

struct web {
    struct kfs_http_config config; /* changed before web_start */
    struct kfs_clock clock;        /* the config's */
    _Atomic uint64_t stopped_ms;   /* what it shows; 0: it runs */
    struct kfs_http_server *server;
    uint16_t port;
    atomic_int holding; /* exchanges in /hold */
    atomic_int gone;    /* calls of on_gone */
    atomic_int full;    /* writes that found no room */
    atomic_int threads; /* of the handler, running */
    atomic_bool release;
    struct job *_Atomic jobs;
};

void web_init(struct web *web);
void web_start(struct web *web);
void web_stop(struct web *web, uint32_t grace_ms);
void web_restart(struct web *web); /* with the limits that the test has set since */
void web_release(struct web *web);

/* Waits for a condition up to ten seconds. */
#define web_until(condition)                                                                                           \
    do {                                                                                                               \
        for (int ms_ = 0; ms_ < 10000 && !(condition); ms_++)                                                          \
            usleep(1000);                                                                                              \
        assert_true(condition);                                                                                        \
    } while (0)

/* From the next web_start on one thread serves all, and time stands still but for web_pass; after
 * web_release it creeps, so that timers of the handler fire. */
void web_stop_clock(struct web *web);
void web_pass(struct web *web, uint32_t ms);
/* With one thread: everything sent or due before has been looked at. */
void web_settle(const struct web *web);

struct kfs_http_stats web_stats(struct web *web);

int client_open(const struct web *web);
void client_send(int fd, const void *data, size_t len);
void client_text(int fd, const char *text);
void client_zeros(int fd, size_t len);

/* A response; text is the head. Body is to be freed with client_free. */
struct answer {
    int status;
    char head[4096];
    char *body;
    size_t len;
    size_t cap;
};

void client_answer(int fd, struct answer *answer);        /* the next one; length, chunks, or until the end */
void client_expect(int fd, int status, const char *body); /* the next one is that */
void client_free(struct answer *answer);
void client_expect_end(int fd);     /* the server has closed */
void client_expect_nothing(int fd); /* has come, nor has the server closed */

#endif
