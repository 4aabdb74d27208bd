/* An HTTP server: HTTP/1.1 and HTTP/2 on one port, in the clear or over TLS. It
 * knows nothing of Kinesis.
 *
 * A few threads run an epoll loop each; a connection belongs to one of them for
 * life. The first bytes tell what a peer speaks: TLS where there is a certificate
 * (the same port goes on serving peers in the clear), then HTTP/2 or HTTP/1.
 * Each request with its whole body is handed to the handler on that thread.
 * The handler answers at once, or keeps the exchange and answers later from any
 * thread; it must not block. Memory is bounded by struct kfs_http_config.
 *
 * Sources: RFC 9110 (semantics), RFC 9112 (HTTP/1.1), RFC 9113 (HTTP/2). */
#ifndef KFS_ENDPOINT_HTTP_H
#define KFS_ENDPOINT_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/clock.h"
#include "backend/base/error.h"

#define KFS_HTTP_HEADERS_MAX 64             /* headers of a request, else 431 */
#define KFS_HTTP_HEAD_BYTES_MAX 32768       /* all of them and the target, else 431 */
#define KFS_HTTP_BODY_BYTES_MAX (20U << 20) /* else 413 */

/* Where memory is scarce: */
#define KFS_HTTP_PATIENCE_MS 10000 /* from a request's first byte to its last */
#define KFS_HTTP_TAKE_MS 3000      /* until the peer has taken what waited for it */

struct kfs_http_server;
struct kfs_http_exchange; /* a request and its response */

struct kfs_http_header {
    struct kfs_bytes name;  /* lower case; HTTP/2's :authority is given as ":authority" */
    struct kfs_bytes value; /* without white space around it */
};

/* Valid until the exchange's response has ended. */
struct kfs_http_request {
    struct kfs_bytes method;
    struct kfs_bytes target; /* path and query, as sent */
    const struct kfs_http_header *headers;
    size_t n_headers;
    struct kfs_bytes body;
    int version; /* 1 or 2 */
    bool tls;
};

/* On the connection's thread. Must lead to exactly one kfs_http_respond, or
 * kfs_http_begin and kfs_http_end, also where the peer has gone meanwhile. */
typedef void kfs_http_handler(void *arg, struct kfs_http_exchange *x);

struct kfs_http_config {
    const struct kfs_clock *clock; /* its mono_ms is for deadlines and timers */
    const char *address;           /* numeric IPv4 or IPv6 */
    uint16_t port;                 /* 0: one that is free */
    uint32_t threads;              /* 1..64 */
    uint32_t connections_max;      /* more are refused by closing them at once */
    uint64_t
        body_bytes_max; /* of all requests together; at it one connection reads on, others wait, slow ones are cut */
    uint64_t unsent_bytes_max;   /* of all responses; at it no request is begun, and slow peers are cut */
    uint32_t idle_timeout_ms;    /* a connection without a request, or whose peer takes no answer */
    uint32_t request_timeout_ms; /* from a request's first byte to its last */
    const char *certificate;     /* PEM file with the chain; NULL: no TLS. See selfsigned.h */
    const char *key;             /* PEM file */
    kfs_http_handler *handler;
    void *arg;
};

/* Listens. -EADDRINUSE, -EACCES, -EINVAL (address, certificate, key) with what to do in err. */
int kfs_http_start(const struct kfs_http_config *config, struct kfs_http_server **server, struct kfs_error *err);
uint16_t kfs_http_port(const struct kfs_http_server *server);

/* Takes no more requests, lets those under way end within grace_ms, then closes
 * everything and frees. Exchanges that are still kept get on_gone first. Returns when every exchange
 * has been ended by who keeps it, so that none is called on when the server is no more. */
void kfs_http_stop(struct kfs_http_server *server, uint32_t grace_ms);

const struct kfs_http_request *kfs_http_request(const struct kfs_http_exchange *x);

/* Nobody waits for a response any more; one must still be given. Any thread. */
bool kfs_http_is_gone(const struct kfs_http_exchange *x);

/* The value of a header (lower-case name), or NULL. */
const struct kfs_bytes *kfs_http_header(const struct kfs_http_request *request, const char *name);

struct kfs_http_response {
    int status;
    const struct kfs_http_header *headers; /* copied; content-length and date are added */
    size_t n_headers;
};

/* The whole response. Takes over body's memory (body may be NULL or empty). The
 * exchange is not the caller's after that. Any thread, once. */
void kfs_http_respond(struct kfs_http_exchange *x, const struct kfs_http_response *response, struct kfs_buf *body);

/* A response whose body comes in pieces (chunked, or HTTP/2 DATA). on_gone is
 * called once on the connection's thread when the peer has closed or reset, or
 * the server stops; kfs_http_end must still follow. write copies; it returns
 * -EAGAIN, and takes nothing, where more than KFS_HTTP_QUEUE_MAX bytes wait for a
 * slow peer (on_room is called when there is room again), -EPIPE when gone,
 * -ENOMEM. Calls for one exchange must not overlap; they take effect in order. */
#define KFS_HTTP_QUEUE_MAX (16U << 20)
struct kfs_http_stream_events {
    void (*on_gone)(void *arg);
    void (*on_room)(void *arg);
    void *arg;
};
void kfs_http_begin(struct kfs_http_exchange *x, const struct kfs_http_response *response,
                    const struct kfs_http_stream_events *events);
int kfs_http_write(struct kfs_http_exchange *x, const void *data, size_t len);
void kfs_http_end(struct kfs_http_exchange *x);

/* Cuts the connection without an answer (for injected faults). Ends the exchange. */
void kfs_http_cut(struct kfs_http_exchange *x);

/* Calls fn(arg) once on the exchange's thread, soon; `after_ms` later where that is not 0. For timers
 * of exchanges that are kept; those not yet due are dropped when the exchange ends (where it is ended on
 * another thread, one may be running just then). -ENOMEM. */
int kfs_http_later(struct kfs_http_exchange *x, uint32_t after_ms, void (*fn)(void *arg), void *arg);

struct kfs_http_stats {
    uint64_t connections; /* open now */
    uint64_t accepted;
    uint64_t refused;
    uint64_t requests;
    uint64_t bad_requests; /* answered before the handler saw them */
};
void kfs_http_stats(struct kfs_http_server *server, struct kfs_http_stats *stats);

#endif
