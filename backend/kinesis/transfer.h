/* One HTTP exchange by libcurl, bounded in time and size: on a loop (loop.h), or by a thread that waits for it.
 * Nothing is compressed and no redirection followed. Proxies are those of the environment, as libcurl reads it. */
#ifndef KFS_KINESIS_TRANSFER_H
#define KFS_KINESIS_TRANSFER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "backend/base/timer.h"
#include "backend/kinesis/sign.h"

#define KFS_TRANSFER_HEADERS_MAX 8
#define KFS_TRANSFER_WORD_MAX 128         /* of what is kept of an answer's header */
#define KFS_TRANSFER_HEAD_MAX (64U << 10) /* bytes of an answer's headers */

struct kfs_tls {
    const char *ca_bundle; /* PEM file; NULL: the system's */
    bool insecure;         /* whoever answers is believed; for test endpoints only */
    bool http1;            /* HTTP/1.1 also where HTTP/2 is offered */
};

struct kfs_transfer {
    /* The request. All of it is borrowed until the transfer has ended. */
    const char *method;
    const char *url;
    struct kfs_request_header headers[KFS_TRANSFER_HEADERS_MAX];
    size_t n_headers;
    struct kfs_bytes body;
    const struct kfs_tls *tls;
    struct kfs_signing signing;  /* region NULL: not signed; else the method is POST */
    bool direct;                 /* by no proxy: for addresses that are this machine's or its neighbour's */
    uint32_t connect_timeout_ms; /* none of the three is 0 */
    uint32_t idle_timeout_ms;    /* without a byte of request or body; exact to a second */
    uint32_t deadline_ms;        /* for all of it */
    size_t answer_max;           /* bytes of body */
    /* Takes a piece of the body of an answer with status 200 instead of `answer`; -errno ends the transfer. */
    int (*piece)(struct kfs_transfer *transfer, struct kfs_bytes piece);
    void (*done)(struct kfs_transfer *transfer); /* where it is on a loop */

    /* The answer. */
    int rc;                 /* 0: there is one, of whatever status; -EHOSTUNREACH, -ETIMEDOUT, -EACCES (certificate
                             * not trusted), -ENOMEM, -ECANCELED, or piece's; then error says more */
    struct kfs_error error; /* of the transport */
    uint32_t sends;         /* how often libcurl sent the request, or some of it: 0 where it found no connection, more
                             * than once where a connection that it had kept was closed before there was an answer */
    int status;
    struct kfs_buf answer;
    char request_id[KFS_TRANSFER_WORD_MAX]; /* of x-amzn-requestid */
    char error_type[KFS_TRANSFER_WORD_MAX]; /* of x-amzn-errortype */
    char date[KFS_TRANSFER_WORD_MAX];       /* of date */
    uint64_t retry_after_ms;                /* of x-amz-retry-after (ms) or retry-after (s); 0: none */

    /* The transfer's own. */
    struct kfs_loop *loop;  /* on which it is */
    struct kfs_timer timer; /* the deadline, which libcurl does not keep while a transfer waits for a connection */
    void *easy;
    void *lines; /* headers as libcurl wants them */
    size_t head_len;
    uint64_t moved;    /* bytes, when they last were more */
    uint64_t moved_ms; /* 0: not asked yet */
    bool silent;       /* for the idle timeout */
    int piece_rc;
    const atomic_bool *stop;
    char reason[256]; /* libcurl's */
};

/* Once before the first transfer; again does no harm. -ENOMEM. */
int kfs_transfer_global(void);

/* Carries it out on this thread. Ends early when *stop (may be NULL) becomes true. Returns rc. */
int kfs_transfer_run(struct kfs_transfer *transfer, const atomic_bool *stop);

/* What the answer's Date header says, since 1970; 0: nothing. */
uint64_t kfs_transfer_date_ms(const struct kfs_transfer *transfer);

/* Frees the answer; the rest may be used for another transfer. */
void kfs_transfer_release(struct kfs_transfer *transfer);

/* For the loop: makes libcurl's handle (-ENOMEM); reads what it says at the end and frees it; frees it. */
int kfs_transfer_prepare(struct kfs_transfer *transfer);
void kfs_transfer_finish(struct kfs_transfer *transfer, int code);
void kfs_transfer_drop(struct kfs_transfer *transfer);

#endif
