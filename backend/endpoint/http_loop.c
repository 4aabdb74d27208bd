/* A thread of the server: waits for events, and runs what other threads have posted. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "backend/endpoint/http_internal.h"

#define EVENTS_MAX 256
#define ACCEPTS_MAX 64      /* at once, so that requests are not kept waiting */
#define ACCEPT_PAUSE_MS 100 /* where there is no descriptor left */
static _Thread_local const struct kfs_http_loop *current;

void kfs_http_loop_enter(struct kfs_http_loop *loop)
{
    current = loop;
}

bool kfs_http_loop_here(const struct kfs_http_loop *loop)
{
    return current == loop;
}

static void read_clock(struct kfs_http_loop *loop)
{
    const struct kfs_clock *clock = loop->server->config.clock;

    loop->now_ms = clock->mono_ms(clock->ctx);
}

const char *kfs_http_loop_date(struct kfs_http_loop *loop)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct timespec now;
    struct tm tm;

    (void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (loop->date_s == now.tv_sec && loop->date[0] != '\0')
        return loop->date;
    loop->date_s = now.tv_sec;
    (void)gmtime_r(&now.tv_sec, &tm);
    /* Not strftime, whose names are those of the locale. */
    size_t len = strftime(loop->date, sizeof loop->date, "xxx, %d xxx %Y %H:%M:%S GMT", &tm);
    if (len > 0) {
        memcpy(loop->date, days[tm.tm_wday], 3);
        memcpy(loop->date + 8, months[tm.tm_mon], 3);
    }
    return loop->date;
}

/* ---- posts ---- */

void kfs_http_loop_wake(struct kfs_http_loop *loop)
{
    uint64_t one = 1;
    ssize_t rc = write(loop->event_fd, &one, sizeof one); /* fails only where it is readable anyway */

    (void)rc;
}

void kfs_http_post(struct kfs_http_loop *loop, struct kfs_http_post *post)
{
    struct kfs_http_post *head = atomic_load_explicit(&loop->posts, memory_order_relaxed);

    atomic_fetch_add(&loop->posters, 1);
    do {
        post->next = head;
    } while (!atomic_compare_exchange_weak(&loop->posts, &head, post));
    if (head == NULL && !kfs_http_loop_here(loop)) /* with others there, it has been woken */
        kfs_http_loop_wake(loop);
    atomic_fetch_sub(&loop->posters, 1);
}

static void run_posts(struct kfs_http_loop *loop)
{
    if (atomic_load_explicit(&loop->posts, memory_order_relaxed) == NULL)
        return;
    struct kfs_http_post *post = atomic_exchange(&loop->posts, NULL);
    struct kfs_http_post *oldest = NULL;
    while (post != NULL) {
        struct kfs_http_post *next = post->next;
        post->next = oldest;
        oldest = post;
        post = next;
    }
    while (oldest != NULL) {
        struct kfs_http_post *next = oldest->next;
        oldest->run(oldest);
        oldest = next;
    }
}

/* ---- new connections ---- */

static void listen_again(struct kfs_timer *timer)
{
    struct kfs_http_loop *loop = KFS_HTTP_HOLDER(timer, struct kfs_http_loop, accept_timer);
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = NULL};

    if (!loop->stopping)
        (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->server->listen_fd, &event);
}

static void run_open(struct kfs_http_post *post)
{
    kfs_http_conn_open(KFS_HTTP_HOLDER(post, struct kfs_http_conn, post));
}

static struct kfs_http_loop *least_busy(struct kfs_http_loop *here)
{
    struct kfs_http_server *server = here->server;
    struct kfs_http_loop *best = here;

    for (uint32_t i = 0; i < server->n_loops; i++) {
        struct kfs_http_loop *loop = &server->loops[i];
        if (atomic_load_explicit(&loop->n_conns, memory_order_relaxed) <
            atomic_load_explicit(&best->n_conns, memory_order_relaxed))
            best = loop;
    }
    return best;
}

static void adopt(struct kfs_http_loop *here, int fd)
{
    struct kfs_http_server *server = here->server;
    struct kfs_http_loop *loop = least_busy(here);
    struct kfs_http_conn *conn = NULL;
    int one = 1;

    if (atomic_fetch_add(&server->n_conns, 1) < server->config.connections_max)
        conn = kfs_http_conn_new(loop, fd, &kfs_http_socket_io);
    if (conn == NULL) {
        atomic_fetch_sub(&server->n_conns, 1);
        kfs_http_count(&here->counts.refused);
        close(fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    kfs_http_count(&here->counts.accepted);
    atomic_fetch_add(&loop->n_conns, 1);
    conn->post.run = run_open;
    if (loop == here)
        kfs_http_conn_open(conn);
    else
        kfs_http_post(loop, &conn->post);
}

static void accept_some(struct kfs_http_loop *loop)
{
    for (int i = 0; i < ACCEPTS_MAX && !loop->stopping; i++) {
        int fd = accept4(loop->server->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            adopt(loop, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            if (kfs_timer_set(&loop->timers, &loop->accept_timer, loop->now_ms + ACCEPT_PAUSE_MS) == 0)
                (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, loop->server->listen_fd, NULL);
            return;
        } else if (errno == EAGAIN) {
            return;
        } /* else that connection has failed already */
    }
}

/* ---- the loop ---- */

int kfs_http_loop_init(struct kfs_http_loop *loop, struct kfs_http_server *server)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = NULL};
    struct epoll_event wake = {.events = EPOLLIN, .data.ptr = loop};

    loop->server = server;
    loop->accept_timer.fire = listen_again;
    read_clock(loop);
    loop->input = malloc(KFS_HTTP_READ_BYTES);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->input == NULL || loop->epoll_fd < 0 || loop->event_fd < 0)
        return -ENOMEM;
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->event_fd, &wake) != 0)
        return -errno;
    if (server->listen_fd >= 0 && epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, server->listen_fd, &event) != 0)
        return -errno;
    return 0;
}

void kfs_http_loop_release(struct kfs_http_loop *loop)
{
    kfs_timer_cancel(&loop->timers, &loop->accept_timer);
    kfs_timers_release(&loop->timers);
    if (loop->event_fd >= 0)
        close(loop->event_fd);
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    free(loop->input);
}

static void resume_waiting(struct kfs_http_loop *loop)
{
    struct kfs_http_conn *conn = loop->waiting;

    loop->waiting = NULL;
    while (conn != NULL) { /* those that must wait on come back to the list when they would read */
        struct kfs_http_conn *next = conn->next_waiting;
        conn->is_waiting = false;
        conn->resumed_ms = loop->now_ms;
        conn->next_waiting = NULL;
        atomic_fetch_sub(&loop->server->budget.waiting, 1);
        kfs_http_conn_schedule(conn);
        conn = next;
    }
}

static void run_ready(struct kfs_http_loop *loop)
{
    struct kfs_http_conn *conn = loop->ready;

    loop->ready = NULL;
    while (conn != NULL) {
        struct kfs_http_conn *next = conn->next_ready;
        conn->is_ready = false;
        kfs_http_conn_advance(conn);
        conn = next;
    }
}

static void resume_starved(struct kfs_http_loop *loop)
{
    loop->starved = false;
    for (struct kfs_http_conn *conn = loop->conns; conn != NULL; conn = conn->next)
        kfs_http_conn_schedule(conn);
}

void kfs_http_loop_work(struct kfs_http_loop *loop)
{
    if (loop->starved && !kfs_http_unsent_full(loop->server))
        resume_starved(loop);
    run_posts(loop);
    kfs_timers_run(&loop->timers, loop->now_ms);
    if (loop->ready != NULL)
        run_ready(loop);
}

/* Tells every connection that the server stops, or that its grace is over. */
static void stop(struct kfs_http_loop *loop)
{
    uint64_t end_ms = atomic_load(&loop->server->stop_ms);
    bool over = loop->now_ms >= end_ms;

    if (end_ms == KFS_NEVER || (loop->stopping && (!over || loop->closing)))
        return;
    if (!loop->stopping && loop->accept_timer.place == 0)
        (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, loop->server->listen_fd, NULL);
    loop->stopping = true;
    loop->closing = over;
    for (struct kfs_http_conn *conn = loop->conns, *next; conn != NULL; conn = next) {
        next = conn->next;
        kfs_http_conn_stop(conn);
    }
}

static int timeout_ms(struct kfs_http_loop *loop)
{
    uint64_t due = kfs_timers_next(&loop->timers);
    uint64_t end = atomic_load(&loop->server->stop_ms);

    if (loop->ready != NULL || atomic_load_explicit(&loop->posts, memory_order_relaxed) != NULL)
        return 0;
    if (loop->stopping && !loop->closing && end < due)
        due = end;
    if (due == KFS_NEVER)
        return -1;
    if (due <= loop->now_ms)
        return 0;
    return due - loop->now_ms > 60000 ? 60000 : (int)(due - loop->now_ms);
}

static bool finished(const struct kfs_http_loop *loop)
{
    return loop->stopping && loop->n_exchanges == 0 && atomic_load(&loop->n_conns) == 0;
}

void *kfs_http_loop_main(void *arg)
{
    struct kfs_http_loop *loop = arg;
    struct epoll_event events[EVENTS_MAX];
    uint64_t wakes;

    kfs_http_loop_enter(loop);
    while (!finished(loop)) {
        int n = epoll_wait(loop->epoll_fd, events, EVENTS_MAX, timeout_ms(loop));
        read_clock(loop);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == NULL)
                accept_some(loop);
            else if (events[i].data.ptr != loop)
                kfs_http_conn_event(events[i].data.ptr, events[i].events);
            else if (read(loop->event_fd, &wakes, sizeof wakes) == (ssize_t)sizeof wakes && loop->waiting != NULL)
                resume_waiting(loop);
        }
        kfs_http_loop_work(loop);
        if (atomic_load_explicit(&loop->server->stop_ms, memory_order_relaxed) != KFS_NEVER)
            stop(loop);
    }
    return NULL;
}
