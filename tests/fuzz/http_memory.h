/* For fuzz targets: a connection of the HTTP server whose peer is memory. Its loop has no thread. */
#ifndef TESTS_FUZZ_HTTP_MEMORY_H
#define TESTS_FUZZ_HTTP_MEMORY_H

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "backend/endpoint/http_internal.h"
#include "tests/fuzz/fuzz.h"

struct peer {
    const uint8_t *data; /* what it sends */
    size_t size;
    size_t sent;
    size_t piece; /* that a read or write takes at most; then it has to be asked again */
    bool paused;
    bool closed; /* the server has closed */
    struct kfs_buf answers;
};

static ssize_t peer_read(struct kfs_http_conn *conn, void *data, size_t len)
{
    struct peer *peer = conn->tls;
    size_t n = peer->size - peer->sent;

    peer->paused = !peer->paused;
    if (peer->paused && n > 0)
        return -EAGAIN;
    n = n < peer->piece ? n : peer->piece;
    n = n < len ? n : len;
    if (n > 0)
        memcpy(data, peer->data + peer->sent, n);
    peer->sent += n;
    return (ssize_t)n;
}

static ssize_t peer_write(struct kfs_http_conn *conn, const struct iovec *vectors, int n)
{
    struct peer *peer = conn->tls;
    size_t len = vectors[0].iov_len < peer->piece * 7 ? vectors[0].iov_len : peer->piece * 7;

    REQUIRE(n > 0 && len > 0);
    REQUIRE(kfs_buf_append(&peer->answers, vectors[0].iov_base, len) == 0);
    return (ssize_t)len;
}

static bool peer_pending(const struct kfs_http_conn *conn)
{
    (void)conn;
    return false;
}

static void peer_shutdown(struct kfs_http_conn *conn)
{
    (void)conn;
}

static void peer_release(struct kfs_http_conn *conn)
{
    ((struct peer *)conn->tls)->closed = true;
}

static const struct kfs_http_io peer_io = {peer_read, peer_write, peer_pending, peer_shutdown, peer_release};

/* Echoes what came: at once, later, or in pieces, as the target's length says. */
static void echo(void *arg)
{
    static const struct kfs_http_stream_events events;
    struct kfs_http_exchange *x = arg;
    const struct kfs_http_request *request = kfs_http_request(x);
    struct kfs_http_response response = {.status = 200, .headers = request->headers, .n_headers = 1};
    struct kfs_buf body;

    response.n_headers = request->n_headers < 1 || request->version == 2 ? 0 : 1;
    kfs_buf_init(&body, 1U << 24);
    REQUIRE(kfs_buf_append(&body, request->target.data, request->target.len) == 0);
    for (size_t i = 0; i < request->n_headers; i++) {
        REQUIRE(kfs_buf_append(&body, request->headers[i].name.data, request->headers[i].name.len) == 0);
        REQUIRE(kfs_buf_append(&body, request->headers[i].value.data, request->headers[i].value.len) == 0);
    }
    REQUIRE(kfs_buf_append(&body, request->body.data, request->body.len) == 0);
    if (request->target.len % 4 == 3) {
        kfs_http_begin(x, &response, &events);
        (void)kfs_http_write(x, body.data, body.len);
        kfs_http_end(x);
        kfs_buf_release(&body);
    } else {
        kfs_http_respond(x, &response, &body);
    }
}

static void handle(void *arg, struct kfs_http_exchange *x)
{
    (void)arg;
    if (kfs_http_request(x)->target.len % 4 == 2)
        REQUIRE(kfs_http_later(x, 0, echo, x) == 0);
    else
        echo(x);
}

/* One connection from its first byte to its end; what it answered is in peer->answers. */
static inline void converse(struct peer *peer)
{
    static struct kfs_http_server server;
    static struct kfs_http_loop loop;

    if (server.n_loops == 0) {
        server.config = (struct kfs_http_config){.clock = &kfs_system_clock,
                                                 .unsent_bytes_max = 1U << 20,
                                                 .handler = handle,
                                                 .idle_timeout_ms = 1000,
                                                 .request_timeout_ms = 1000};
        server.listen_fd = -1;
        server.loops = &loop;
        server.n_loops = 1;
        server.budget.limit = 1U << 20;
        atomic_store(&server.stop_ms, KFS_NEVER);
        REQUIRE(kfs_http_loop_init(&loop, &server) == 0);
        kfs_http_loop_enter(&loop);
    }
    struct kfs_http_conn *conn = kfs_http_conn_new(&loop, -1, &peer_io);
    REQUIRE(conn != NULL);
    conn->tls = peer;
    kfs_buf_init(&peer->answers, 1U << 26);
    atomic_store(&server.n_conns, 1);
    atomic_store(&loop.n_conns, 1);
    kfs_http_conn_open(conn);
    for (size_t steps = 0; !peer->closed; steps++) {
        kfs_http_conn_event(conn, EPOLLIN | EPOLLOUT);
        for (int i = 0; i < 4; i++)
            kfs_http_loop_work(&loop);
        REQUIRE(steps < 4 * (peer->size + 100)); /* it ends when its peer has */
    }
    REQUIRE(loop.n_exchanges == 0 && loop.conns == NULL && loop.timers.n == 0);
    REQUIRE(atomic_load(&server.n_conns) == 0 && atomic_load(&server.budget.used) == 0);
}

#endif
