/* A connection: bytes in, bytes out, deadlines, closing. What they mean is the
 * protocol's business. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/endpoint/http_internal.h"

#define IN_MAX 262144 /* more than a protocol can leave: a head and one read */
#define READS_MAX 16  /* of one connection, then others have their turn */
#define VECTORS_MAX 16
#define LOOK_AGAIN_MS 1000 /* at a connection that holds memory */
/* ---- sockets ---- */

static ssize_t socket_read(struct kfs_http_conn *conn, void *data, size_t len)
{
    ssize_t n = recv(conn->fd, data, len, 0);

    return n < 0 ? -errno : n;
}

static ssize_t socket_write(struct kfs_http_conn *conn, const struct iovec *vectors, int n)
{
    struct msghdr message = {.msg_iov = (struct iovec *)vectors, .msg_iovlen = (size_t)n};
    ssize_t sent = sendmsg(conn->fd, &message, MSG_NOSIGNAL);

    return sent < 0 ? -errno : sent;
}

static bool socket_pending(const struct kfs_http_conn *conn)
{
    (void)conn;
    return false;
}

static void socket_shutdown(struct kfs_http_conn *conn)
{
    (void)shutdown(conn->fd, SHUT_WR);
}

static void socket_release(struct kfs_http_conn *conn)
{
    (void)conn;
}

const struct kfs_http_io kfs_http_socket_io = {socket_read, socket_write, socket_pending, socket_shutdown,
                                               socket_release};

/* ---- closing ---- */

static void leave_waiting(struct kfs_http_conn *conn)
{
    struct kfs_http_conn **at = &conn->loop->waiting;

    while (*at != conn)
        at = &(*at)->next_waiting;
    *at = conn->next_waiting;
    conn->is_waiting = false;
    atomic_fetch_sub(&conn->loop->server->budget.waiting, 1);
}

static void conn_free(struct kfs_http_conn *conn)
{
    struct kfs_http_loop *loop = conn->loop;
    struct linger abrupt = {.l_onoff = 1};

    conn->closing = true; /* what on_gone does cannot schedule it */
    while (conn->exchanges != NULL)
        kfs_http_exchange_lose(conn->exchanges);
    if (conn->proto != NULL)
        conn->proto->release(conn);
    conn->io->release(conn);
    if (conn->is_waiting)
        leave_waiting(conn);
    kfs_http_budget_let_go(conn);
    kfs_timer_cancel(&loop->timers, &conn->timer);
    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else
        loop->conns = conn->next;
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    if (conn->fd >= 0) {
        /* Closing is not enough for epoll to forget it while a child has a copy, between fork and exec. */
        if (conn->is_polled)
            (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, conn->fd, NULL);
        if (conn->reset)
            (void)setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
        close(conn->fd);
    }
    atomic_fetch_sub(&loop->n_conns, 1);
    atomic_fetch_sub(&loop->server->n_conns, 1);
    kfs_http_unsent_set(conn, 0);
    kfs_http_budget_sub(loop->server, conn->counted_in);
    kfs_buf_release(&conn->in);
    kfs_http_queue_clear(&conn->out);
    free(conn);
}

/* ---- deadlines ---- */

static bool is_quiet(const struct kfs_http_conn *conn)
{
    return conn->proto == NULL || conn->proto->quiet(conn);
}

static size_t unsent(const struct kfs_http_conn *conn)
{
    return conn->out.bytes + (conn->proto != NULL ? conn->proto->unsent(conn) : 0);
}

/* A request has begun that is not here as a whole. */
static bool is_receiving(const struct kfs_http_conn *conn)
{
    return conn->receiving > 0 || (conn->in.len > 0 && !conn->held);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t deadline(const struct kfs_http_conn *conn)
{
    const struct kfs_http_config *config = &conn->loop->server->config;
    uint64_t due = KFS_NEVER;

    if (conn->lingering)
        return conn->linger_ms;
    if (conn->stalled && kfs_http_unsent_full(conn->loop->server))
        due = least(conn->progress_ms + config->idle_timeout_ms, conn->mark_ms + KFS_HTTP_TAKE_MS);
    else if (conn->stalled)
        due = conn->progress_ms + config->idle_timeout_ms;
    else if (is_quiet(conn))
        due = conn->active_ms + config->idle_timeout_ms;
    if (conn->proto != NULL && !conn->last && !conn->is_waiting)
        due = least(due, conn->proto->deadline(conn));
    return due;
}

/* A later deadline than the one set costs nothing: firing finds that it is not due. */
static void set_timer(struct kfs_http_conn *conn)
{
    uint64_t due = deadline(conn);

    if (conn->stalled || is_receiving(conn)) /* memory may become scarce meanwhile */
        due = least(due, conn->loop->now_ms + LOOK_AGAIN_MS);
    if (due == KFS_NEVER || (conn->timer.place != 0 && conn->timer.due_ms <= due))
        return;
    if (due <= conn->loop->now_ms)
        due = conn->loop->now_ms + 1;
    if (kfs_timer_set(&conn->loop->timers, &conn->timer, due) != 0)
        conn->dead = true;
}

static void fire(struct kfs_timer *timer)
{
    struct kfs_http_conn *conn = KFS_HTTP_HOLDER(timer, struct kfs_http_conn, timer);
    uint64_t now = conn->loop->now_ms;

    if (deadline(conn) > now) {
        set_timer(conn);
    } else if (conn->proto != NULL && !conn->last && !conn->lingering && conn->proto->deadline(conn) <= now) {
        conn->proto->expired(conn);
    } else if (!conn->lingering && !conn->stalled && conn->proto != NULL && is_quiet(conn)) {
        conn->proto->goodbye(conn);
        conn->last = true;
    } else {
        conn->reset = conn->stalled && !conn->lingering;
        conn->dead = true;
    }
    kfs_http_conn_schedule(conn);
}

/* ---- input ---- */

static size_t feed(struct kfs_http_conn *conn, const char *data, size_t len)
{
    if (conn->proto == NULL) {
        int rc;
        if (len < 3 && memcmp(data, "PRI", len) == 0)
            return 0;
        rc = len >= 3 && memcmp(data, "PRI", 3) == 0 ? kfs_http2_start(conn) : kfs_http1_start(conn);
        if (rc != 0) {
            conn->dead = true;
            return len;
        }
    }
    return conn->proto->input(conn, data, len);
}

static bool is_blocked(const struct kfs_http_conn *conn)
{
    return conn->proto != NULL && !conn->last && conn->proto->blocked(conn);
}

/* Gives the protocol what was kept, and forgets what it took. */
static void feed_kept(struct kfs_http_conn *conn)
{
    size_t used = feed(conn, conn->in.data, conn->in.len);

    if (used == conn->in.len || conn->last) {
        kfs_buf_release(&conn->in);
    } else if (used > 0) {
        memmove(conn->in.data, conn->in.data + used, conn->in.len - used);
        conn->in.len -= used;
    }
    conn->held = conn->in.len > 0 && is_blocked(conn);
}

static void take(struct kfs_http_conn *conn, const char *data, size_t len)
{
    if (conn->last)
        return;
    if (conn->in.len == 0) {
        size_t used = feed(conn, data, len);
        if (used == len || conn->dead || conn->last)
            return;
        conn->dead = kfs_buf_append(&conn->in, data + used, len - used) != 0;
        conn->held = is_blocked(conn);
    } else if (kfs_buf_append(&conn->in, data, len) != 0) {
        conn->dead = true;
    } else {
        feed_kept(conn);
    }
}

static void wait_for_budget(struct kfs_http_conn *conn)
{
    struct kfs_http_loop *loop = conn->loop;

    conn->is_waiting = true;
    conn->next_waiting = loop->waiting;
    loop->waiting = conn;
    atomic_fetch_add(&loop->server->budget.waiting, 1);
    /* Room that came before this was counted has woken nobody. */
    if (!kfs_http_budget_full(loop->server) || atomic_load(&loop->server->budget.holder) == NULL)
        kfs_http_loop_wake(loop);
}

/* Without it the peer's credit for what is to be sent would not be seen. */
static bool must_read(const struct kfs_http_conn *conn)
{
    struct kfs_http_budget *budget = &conn->loop->server->budget;

    return conn->proto == &kfs_http2 && unsent(conn) > 0 && atomic_load(&budget->used) < budget->limit * 2;
}

static bool may_read(struct kfs_http_conn *conn)
{
    if (conn->dead || conn->eof || conn->is_waiting)
        return false;
    if (is_blocked(conn)) {
        conn->ignored = true;
        return false;
    }
    if (!is_receiving(conn) || conn->last || must_read(conn) || kfs_http_budget_may_read(conn))
        return true;
    wait_for_budget(conn);
    return false;
}

static void at_end(struct kfs_http_conn *conn)
{
    conn->eof = true;
    if (conn->lingering || conn->proto == NULL || conn->proto->version == 2 || conn->streaming > 0)
        conn->dead = true;
}

/* Reads once; false where there is no more for now. */
static bool read_once(struct kfs_http_conn *conn)
{
    bool body = conn->receiving > 0;
    char *data = NULL;
    size_t room = 0;

    if (body && conn->proto->place != NULL && conn->in.len == 0)
        room = conn->proto->place(conn, &data);
    bool placed = room > 0;
    if (!placed) {
        data = conn->loop->input;
        room = body ? KFS_HTTP_READ_BYTES : KFS_HTTP_FIRST_BYTES;
    }
    ssize_t n = conn->io->read(conn, data, room);
    if (n > 0 && placed)
        conn->proto->placed(conn, (size_t)n);
    else if (n > 0)
        take(conn, data, (size_t)n);
    else if (n == 0)
        at_end(conn);
    else if (n != -EAGAIN && n != -EINTR)
        conn->dead = true;
    return n > 0 && ((size_t)n == room || conn->io->pending(conn));
}

static void read_input(struct kfs_http_conn *conn)
{
    bool more = true;

    for (int i = 0; i < READS_MAX && more && may_read(conn); i++)
        more = read_once(conn);
}

/* ---- output ---- */

static bool write_some(struct kfs_http_conn *conn)
{
    struct iovec vectors[VECTORS_MAX];
    int used = kfs_http_queue_vectors(&conn->out, vectors, VECTORS_MAX);
    ssize_t n = conn->io->write(conn, vectors, used);

    if (n < 0 && n != -EAGAIN && n != -EINTR)
        conn->dead = true;
    if (n <= 0)
        return false;
    kfs_http_queue_consume(&conn->out, (size_t)n);
    conn->mark -= least((size_t)n, conn->mark);
    conn->progress_ms = conn->loop->now_ms;
    return true;
}

static void flush(struct kfs_http_conn *conn)
{
    bool sent = true;

    while (sent && !conn->dead) {
        if (conn->proto != NULL && conn->proto->output != NULL)
            conn->proto->output(conn);
        sent = conn->out.bytes > 0 && !conn->dead && write_some(conn);
    }
    if (conn->streaming > 0 && !conn->dead) {
        conn->busy = false; /* what is written now is for the next time */
        kfs_http_exchange_room(conn);
        conn->busy = true;
    }
    if (!conn->stalled)
        conn->progress_ms = conn->loop->now_ms;
    conn->stalled = unsent(conn) > 0;
    if (conn->mark == 0) {
        conn->mark = unsent(conn);
        conn->mark_ms = conn->loop->now_ms;
    }
}

/* ---- progress ---- */

void kfs_http_conn_received(struct kfs_http_conn *conn)
{
    conn->receiving--; /* the budget is seen to when it is advanced */
}

/* Brings the server's sums up to date. */
static void account(struct kfs_http_conn *conn)
{
    struct kfs_http_server *server = conn->loop->server;

    if (conn->in.cap > conn->counted_in)
        kfs_http_budget_add(server, conn->in.cap - conn->counted_in);
    else
        kfs_http_budget_sub(server, conn->counted_in - conn->in.cap);
    conn->counted_in = conn->in.cap;
    if (!is_receiving(conn))
        kfs_http_budget_let_go(conn);
    kfs_http_unsent_set(conn, unsent(conn));
    if (conn->is_waiting && must_read(conn))
        leave_waiting(conn);
}

static void set_events(struct kfs_http_conn *conn)
{
    uint32_t wanted = 0;

    if (!conn->eof && !conn->is_waiting && !(conn->ignored && is_blocked(conn)))
        wanted |= EPOLLIN;
    if (!conn->eof && !conn->hung_up)
        wanted |= EPOLLRDHUP;
    if (conn->out.bytes > 0 || conn->write_first)
        wanted |= EPOLLOUT;
    if (wanted == conn->events || conn->fd < 0)
        return;
    struct epoll_event event = {.events = wanted, .data.ptr = conn};
    int op = conn->is_polled ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(conn->loop->epoll_fd, op, conn->fd, &event) != 0)
        conn->dead = true;
    conn->is_polled = true;
    conn->events = wanted;
}

/* Everything has been sent: what comes next? */
static void settle(struct kfs_http_conn *conn)
{
    if (conn->loop->stopping && !conn->last && is_quiet(conn))
        conn->last = true;
    if (conn->last && !conn->lingering) {
        conn->io->shutdown(conn);
        conn->lingering = true;
        conn->linger_ms = conn->loop->now_ms + KFS_HTTP_LINGER_MS;
    }
    if (conn->eof && (conn->lingering || conn->exchanges == NULL || conn->receiving > 0))
        conn->dead = true;
}

void kfs_http_conn_advance(struct kfs_http_conn *conn)
{
    conn->busy = true;
    flush(conn);
    while (!conn->dead && conn->held && !is_blocked(conn)) {
        conn->held = false;
        feed_kept(conn);
        flush(conn);
    }
    if (!conn->dead && conn->ignored && !is_blocked(conn)) {
        conn->ignored = false;
        if (conn->io->pending(conn)) {
            read_input(conn);
            flush(conn);
        }
    }
    account(conn);
    if (!conn->dead && unsent(conn) == 0)
        settle(conn);
    if (!conn->dead)
        set_events(conn);
    if (!conn->dead)
        set_timer(conn);
    conn->busy = false;
    if (conn->dead && !conn->is_ready)
        conn_free(conn);
}

void kfs_http_conn_schedule(struct kfs_http_conn *conn)
{
    if (conn->is_ready || conn->busy || conn->closing)
        return;
    conn->is_ready = true;
    conn->next_ready = conn->loop->ready;
    conn->loop->ready = conn;
}

static bool starts_tls(struct kfs_http_conn *conn)
{
    unsigned char first;

    if (!conn->sniff_tls)
        return true;
    ssize_t n = recv(conn->fd, &first, 1, MSG_PEEK);
    if (n < 0 && errno == EAGAIN)
        return false;
    conn->sniff_tls = false;
    if (n == 1 && first == 0x16 && kfs_http_tls_accept(conn) != 0) /* a handshake record */
        conn->dead = true;
    return true;
}

void kfs_http_conn_event(struct kfs_http_conn *conn, uint32_t events)
{
    conn->busy = true;
    if (events & (EPOLLERR | EPOLLHUP))
        conn->dead = true;
    if ((events & EPOLLIN || (events & EPOLLOUT && conn->write_first)) && starts_tls(conn))
        read_input(conn);
    if (events & EPOLLRDHUP && !conn->eof) {
        conn->hung_up = true;
        if (conn->streaming > 0)
            conn->dead = true;
    }
    kfs_http_conn_advance(conn);
}

struct kfs_http_conn *kfs_http_conn_new(struct kfs_http_loop *loop, int fd, const struct kfs_http_io *io)
{
    struct kfs_http_conn *conn = calloc(1, sizeof *conn);

    if (conn == NULL)
        return NULL;
    conn->loop = loop;
    conn->fd = fd;
    conn->io = io;
    conn->sniff_tls = loop->server->tls != NULL;
    conn->timer.fire = fire;
    kfs_buf_init(&conn->in, IN_MAX);
    return conn;
}

void kfs_http_conn_open(struct kfs_http_conn *conn)
{
    struct kfs_http_loop *loop = conn->loop;

    conn->next = loop->conns;
    if (conn->next != NULL)
        conn->next->prev = conn;
    loop->conns = conn;
    conn->active_ms = loop->now_ms;
    conn->dead = loop->stopping;
    kfs_http_conn_advance(conn);
}

void kfs_http_conn_stop(struct kfs_http_conn *conn)
{
    if (conn->loop->closing)
        conn->dead = true;
    else if (conn->proto != NULL)
        conn->proto->goodbye(conn);
    kfs_http_conn_schedule(conn);
}
