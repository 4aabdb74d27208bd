/* What the parts of the HTTP server share. From below to above:
 *
 *   http_tls       certificates, and a connection's reads and writes over TLS
 *   http_conn      a connection: input, output, deadlines, closing; knows no protocol
 *   http1, http2   the two protocols, reached through struct kfs_http_proto
 *   http_exchange  requests under way, and the calls of http.h on them
 *   http_loop      a thread: epoll, posts from other threads, timers
 *   http           the server: threads and what they share
 *
 * A connection and its exchanges belong to one loop, and only its thread touches
 * them; other threads reach them by posting. What is shared between threads is
 * atomic, and there are no locks. */
#ifndef KFS_ENDPOINT_HTTP_INTERNAL_H
#define KFS_ENDPOINT_HTTP_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "backend/base/timer.h"
#include "backend/endpoint/http.h"
#include "backend/endpoint/http_queue.h"

#define KFS_HTTP_READ_BYTES 65536  /* read at once */
#define KFS_HTTP_FIRST_BYTES 16384 /* read at once of a request that has not begun */
#define KFS_HTTP_OUT_HIGH 262144   /* no new request is taken while more waits to be sent */
#define KFS_HTTP_LINGER_MS 5000    /* a closing connection is drained for so long */
#define KFS_HTTP_DATE_MAX 32

/* What holds `at` as its member. */
#define KFS_HTTP_HOLDER(at, type, member) ((type *)kfs_http_holder((at), offsetof(type, member)))

static inline void *kfs_http_holder(void *member, size_t offset)
{
    return (char *)member - offset;
}

struct kfs_http_conn;
struct kfs_http_loop;
struct kfs_http_tls;
struct kfs_http1;
struct kfs_http2;

/* ---- work handed to a loop ---- */

/* Run once on the loop's thread, and then free for other use. */
struct kfs_http_post {
    struct kfs_http_post *next;
    void (*run)(struct kfs_http_post *post);
};

/* Any thread. Posts run in the order in which they were made. */
void kfs_http_post(struct kfs_http_loop *loop, struct kfs_http_post *post);

/* ---- memory for requests, shared by all connections ---- */

/* Bytes of bodies, and of heads that are not whole, are counted as they arrive; a
 * connection asks before it reads more of a request that has begun. Where `used` is
 * at `limit`, one connection (the holder) may go on, so that of many half-received
 * requests one always ends and gives its memory back; the others wait. Below twice
 * the limit HTTP/2 is read all the same while responses wait for the peer's credit. */
struct kfs_http_budget {
    uint64_t limit;
    _Atomic uint64_t used;
    _Atomic(struct kfs_http_conn *) holder;
    _Atomic uint32_t waiting; /* connections */
};

void kfs_http_budget_add(struct kfs_http_server *server, size_t bytes);
void kfs_http_budget_sub(struct kfs_http_server *server, size_t bytes); /* wakes those that wait */
bool kfs_http_budget_full(struct kfs_http_server *server);
uint32_t kfs_http_request_timeout_ms(struct kfs_http_server *server); /* less where it is full */
bool kfs_http_budget_may_read(struct kfs_http_conn *conn);
void kfs_http_budget_let_go(struct kfs_http_conn *conn); /* no longer the holder */

/* ---- memory for responses ---- */

/* Notes how much the connection has not sent. Where all of them have config.unsent_bytes_max, no
 * request is given to the handler, and a connection whose peer has not taken for KFS_HTTP_TAKE_MS
 * what there was is cut. */
void kfs_http_unsent_set(struct kfs_http_conn *conn, size_t bytes); /* may wake those that wait */
bool kfs_http_unsent_full(struct kfs_http_server *server);          /* any thread */
bool kfs_http_may_begin(const struct kfs_http_conn *conn);          /* a request; else scheduled when it may */

/* ---- server and loops ---- */

struct kfs_http_counts { /* written by one thread */
    _Atomic uint64_t accepted;
    _Atomic uint64_t refused;
    _Atomic uint64_t requests;
    _Atomic uint64_t bad_requests;
};

struct kfs_http_loop {
    struct kfs_http_server *server;
    pthread_t thread;
    int epoll_fd;
    int event_fd;
    _Atomic(struct kfs_http_post *) posts; /* newest first */
    _Atomic uint32_t posters;              /* threads inside kfs_http_post */
    _Atomic uint32_t n_conns;              /* also counted by who hands one over */
    struct kfs_http_counts counts;
    /* the rest: this thread's only */
    struct kfs_timers timers;
    struct kfs_timer accept_timer; /* set while accepting is put off */
    uint64_t now_ms;
    struct kfs_http_conn *conns;   /* all, doubly linked */
    struct kfs_http_conn *ready;   /* to be advanced, last in first out */
    struct kfs_http_conn *waiting; /* for the budget */
    size_t n_exchanges;
    bool starved;  /* a connection was told by kfs_http_may_begin to wait */
    bool stopping; /* no more requests */
    bool closing;  /* the grace is over */
    int64_t date_s;
    char date[KFS_HTTP_DATE_MAX];
    char *input; /* KFS_HTTP_READ_BYTES */
};

struct kfs_http_server {
    struct kfs_http_config config; /* its strings are not kept */
    struct kfs_http_tls *tls;      /* NULL: none */
    int listen_fd;
    uint16_t port;
    uint32_t n_loops;
    struct kfs_http_loop *loops;
    _Atomic uint32_t n_conns;
    _Atomic uint64_t stop_ms; /* monotonic, the end of the grace; KFS_NEVER while serving */
    struct kfs_http_budget budget;
    _Atomic uint64_t unsent; /* bytes of responses */
};

int kfs_http_loop_init(struct kfs_http_loop *loop, struct kfs_http_server *server);
void kfs_http_loop_release(struct kfs_http_loop *loop);
void *kfs_http_loop_main(void *loop);
void kfs_http_loop_wake(struct kfs_http_loop *loop);  /* any thread */
void kfs_http_loop_enter(struct kfs_http_loop *loop); /* the calling thread is the loop's; or no loop's */
bool kfs_http_loop_here(const struct kfs_http_loop *loop);
void kfs_http_loop_work(struct kfs_http_loop *loop);        /* what can be done without waiting for events */
const char *kfs_http_loop_date(struct kfs_http_loop *loop); /* as HTTP writes the present second */

static inline void kfs_http_count(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* ---- connections ---- */

/* How bytes come and go: a socket, TLS over one, or a test's memory. */
struct kfs_http_io {
    ssize_t (*read)(struct kfs_http_conn *conn, void *data, size_t len); /* 0: the end; -EAGAIN; -errno */
    ssize_t (*write)(struct kfs_http_conn *conn, const struct iovec *vectors, int n);
    bool (*pending)(const struct kfs_http_conn *conn); /* read has bytes that epoll does not know of */
    void (*shutdown)(struct kfs_http_conn *conn);      /* nothing more will be written */
    void (*release)(struct kfs_http_conn *conn);       /* what tls points to */
};

struct kfs_http_proto {
    int version;
    /* Takes bytes of the peer; how many. What it leaves is given again, with more behind it, once
     * there is more, or, where `blocked`, when that has passed. */
    size_t (*input)(struct kfs_http_conn *conn, const char *data, size_t len);
    bool (*blocked)(const struct kfs_http_conn *conn);      /* takes no input for now */
    void (*output)(struct kfs_http_conn *conn);             /* moves what can be sent to conn->out; may be NULL */
    uint64_t (*deadline)(const struct kfs_http_conn *conn); /* of the request being received; or NEVER */
    void (*expired)(struct kfs_http_conn *conn);            /* the deadline has passed */
    bool (*quiet)(const struct kfs_http_conn *conn);        /* no request has begun that has not ended */
    size_t (*unsent)(const struct kfs_http_conn *conn);     /* bytes of responses not yet in conn->out */
    void (*goodbye)(struct kfs_http_conn *conn);            /* no more requests are welcome */
    void (*release)(struct kfs_http_conn *conn);            /* frees conn->h1 or h2 */
    /* A place for the bytes of a body that are read next, and what was read there. May be NULL. */
    size_t (*place)(struct kfs_http_conn *conn, char **data);
    void (*placed)(struct kfs_http_conn *conn, size_t len);
    /* Of exchanges of this connection: */
    void (*respond)(struct kfs_http_exchange *x, const struct kfs_http_response *response, struct kfs_buf *body);
    void (*begin)(struct kfs_http_exchange *x, const struct kfs_http_response *response);
    void (*write)(struct kfs_http_exchange *x, struct kfs_http_queue *data);
    void (*end)(struct kfs_http_exchange *x);
};

extern const struct kfs_http_proto kfs_http1;
extern const struct kfs_http_proto kfs_http2;
int kfs_http1_start(struct kfs_http_conn *conn); /* sets proto; -ENOMEM */
int kfs_http2_start(struct kfs_http_conn *conn);

struct kfs_http_conn {
    struct kfs_http_loop *loop;
    struct kfs_http_conn *next; /* of loop->conns */
    struct kfs_http_conn *prev;
    struct kfs_http_conn *next_ready;
    struct kfs_http_conn *next_waiting;
    struct kfs_http_post post; /* carries a new connection to its loop */
    const struct kfs_http_io *io;
    const struct kfs_http_proto *proto; /* NULL until the first bytes have told */
    void *tls;                          /* SSL *, or a test's */
    union {
        struct kfs_http1 *h1;
        struct kfs_http2 *h2;
    };
    struct kfs_http_exchange *exchanges; /* attached ones, newest first */
    struct kfs_timer timer;
    uint64_t active_ms;   /* when a request last ended, or the connection began */
    uint64_t progress_ms; /* when bytes were last written, or it began to stall */
    uint64_t resumed_ms;  /* when it last stopped waiting for the budget */
    uint64_t linger_ms;   /* the end of draining */
    uint64_t mark_ms;     /* when there were `mark` bytes more to send than now */
    size_t mark;
    size_t counted_in; /* of `in`, in the server's budget */
    size_t counted;    /* unsent, in the server's sum */
    struct kfs_buf in; /* what the protocol has left */
    struct kfs_http_queue out;
    uint32_t receiving; /* requests whose head is here and whose body is not */
    uint32_t streaming; /* exchanges that have begun and not ended */
    uint32_t events;    /* asked of epoll */
    int fd;             /* -1 in tests */
    bool is_ready : 1;  /* on loop->ready */
    bool is_waiting : 1;
    bool is_polled : 1;   /* known to epoll */
    bool busy : 1;        /* being advanced, further up the stack */
    bool sniff_tls : 1;   /* the first byte tells whether this is TLS */
    bool eof : 1;         /* the peer will send no more */
    bool dead : 1;        /* to be closed now */
    bool reset : 1;       /* and abruptly */
    bool last : 1;        /* to be closed when `out` is sent; input is thrown away */
    bool stalled : 1;     /* the peer does not take what there is to send */
    bool lingering : 1;   /* that was sent */
    bool write_first : 1; /* TLS must write before it can read */
    bool held : 1;        /* the protocol was blocked with input at hand, in `in` */
    bool ignored : 1;     /* epoll told of input while the protocol was blocked */
    bool hung_up : 1;     /* the peer has shut its side, and that was not read yet */
    bool closing : 1;     /* being freed */
};

struct kfs_http_conn *kfs_http_conn_new(struct kfs_http_loop *loop, int fd, const struct kfs_http_io *io);
void kfs_http_conn_open(struct kfs_http_conn *conn); /* on its loop */
void kfs_http_conn_event(struct kfs_http_conn *conn, uint32_t events);
void kfs_http_conn_schedule(struct kfs_http_conn *conn); /* advance it before the loop sleeps */
void kfs_http_conn_advance(struct kfs_http_conn *conn);  /* may free it */
void kfs_http_conn_received(struct kfs_http_conn *conn); /* one of `receiving` is whole, or given up */
void kfs_http_conn_stop(struct kfs_http_conn *conn);     /* the server stops, or its grace is over; may free it */
extern const struct kfs_http_io kfs_http_socket_io;

/* ---- exchanges ---- */

struct kfs_http_later;

struct kfs_http_exchange {
    struct kfs_http_request request;
    struct kfs_http_loop *loop;
    struct kfs_http_stream_events events;
    struct kfs_http_post end_post;
    struct kfs_http_post gone_post;
    atomic_size_t posted_bytes;  /* handed to kfs_http_write on other threads, not yet run */
    atomic_size_t waiting_bytes; /* not yet sent */
    atomic_uint posts;           /* under way for this exchange */
    atomic_bool gone;
    atomic_bool wants_room;
    /* the rest: the loop's thread only */
    struct kfs_http_conn *conn;     /* NULL once the peer has gone */
    struct kfs_http_exchange *next; /* of conn->exchanges */
    struct kfs_http_exchange *prev;
    struct kfs_http_later *laters;
    char *body;
    size_t body_len;
    size_t body_cap;
    uint64_t began_ms;
    bool begun : 1; /* kfs_http_begin was called */
    bool ended : 1; /* the handler has done with it */
    bool dispatched : 1;
    bool told_gone : 1;
    bool no_body : 1; /* the response has none whatever is written */
    /* HTTP/2 */
    int32_t stream;
    unsigned char list; /* that next_listed is of */
    bool deferred : 1;  /* the session waits for data */
    size_t uncredited;  /* bytes of the body not given back to the window */
    struct kfs_http_exchange *next_listed;
    struct kfs_http_queue data;      /* of the response */
    struct kfs_http_header *headers; /* then n_text bytes of text, in the same block */
    char *text;
};

/* Attached to conn, with room for headers and text. NULL without memory. */
struct kfs_http_exchange *kfs_http_exchange_new(struct kfs_http_conn *conn, size_t n_headers, size_t text);
void kfs_http_exchange_free(struct kfs_http_exchange *x);
int kfs_http_exchange_reserve(struct kfs_http_exchange *x, size_t more, size_t max); /* room for more of the body */
void kfs_http_exchange_drop_body(struct kfs_http_exchange *x);
void kfs_http_exchange_dispatch(struct kfs_http_exchange *x); /* to the handler */
void kfs_http_exchange_lose(struct kfs_http_exchange *x);     /* the peer has gone; detaches, may free */
void kfs_http_exchange_room(struct kfs_http_conn *conn);      /* calls on_room where there is */

/* ---- TLS ---- */

int kfs_http_tls_new(const char *certificate, const char *key, struct kfs_http_tls **tls, struct kfs_error *err);
void kfs_http_tls_free(struct kfs_http_tls *tls);
int kfs_http_tls_accept(struct kfs_http_conn *conn); /* sets io and tls; -ENOMEM */

#endif
