#include "backend/endpoint/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/endpoint/http_internal.h"

#define BACKLOG 4096
#define THREADS_MAX 64
#define THREAD_STACK 524288

struct address {
    struct sockaddr_storage storage;
    socklen_t len;
};

static int parse_address(const struct kfs_http_config *config, struct address *address, struct kfs_error *err)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(config->port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(config->port)};

    if (inet_pton(AF_INET, config->address, &in.sin_addr) == 1) {
        memcpy(&address->storage, &in, sizeof in);
        address->len = sizeof in;
    } else if (inet_pton(AF_INET6, config->address, &in6.sin6_addr) == 1) {
        memcpy(&address->storage, &in6, sizeof in6);
        address->len = sizeof in6;
    } else {
        return kfs_fail(err, EINVAL, "%s is not a numeric IPv4 or IPv6 address", config->address);
    }
    return 0;
}

/* A listening socket; its port is put into *port. */
static int listen_on(const struct kfs_http_config *config, uint16_t *port, struct kfs_error *err)
{
    struct address address = {0};
    int one = 1;
    int rc = parse_address(config, &address, err);

    if (rc != 0)
        return rc;
    int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return kfs_fail(err, errno, "no socket to listen on: %s", strerror(errno));
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address.storage, address.len) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address.storage, &address.len) != 0) {
        rc = errno;
        close(fd);
        return kfs_fail(err, rc, "cannot listen on %s port %u: %s", config->address, config->port, strerror(rc));
    }
    *port = ntohs(address.storage.ss_family == AF_INET ? ((struct sockaddr_in *)&address.storage)->sin_port
                                                       : ((struct sockaddr_in6 *)&address.storage)->sin6_port);
    return fd;
}

static void server_free(struct kfs_http_server *server)
{
    for (uint32_t i = 0; i < server->n_loops; i++)
        kfs_http_loop_release(&server->loops[i]);
    if (server->listen_fd >= 0)
        close(server->listen_fd);
    kfs_http_tls_free(server->tls);
    free(server->loops);
    free(server);
}

/* A connection that one thread gave another which had ended by then is closed here. */
static void run_rest(struct kfs_http_loop *loop)
{
    loop->stopping = true;
    kfs_http_loop_enter(loop);
    kfs_http_loop_work(loop);
    kfs_http_loop_enter(NULL);
}

/* The first n threads were started. */
static void join(struct kfs_http_server *server, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        kfs_http_loop_wake(&server->loops[i]);
    for (uint32_t i = 0; i < n; i++)
        pthread_join(server->loops[i].thread, NULL);
    for (uint32_t i = 0; i < n; i++) {
        while (atomic_load(&server->loops[i].posters) > 0)
            sched_yield(); /* one is on its way out of kfs_http_post */
    }
    for (uint32_t i = 0; i < server->n_loops; i++)
        run_rest(&server->loops[i]);
}

/* Signals are the business of the program's other threads. */
static int start_threads(struct kfs_http_server *server)
{
    pthread_attr_t attr;
    sigset_t all;
    sigset_t before;
    int rc = 0;

    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, THREAD_STACK);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (uint32_t i = 0; i < server->n_loops && rc == 0; i++) {
        rc = pthread_create(&server->loops[i].thread, &attr, kfs_http_loop_main, &server->loops[i]);
        if (rc != 0) {
            atomic_store(&server->stop_ms, 0);
            join(server, i);
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return -rc;
}

static int init_loops(struct kfs_http_server *server)
{
    uint32_t n = server->config.threads;

    server->loops = calloc(n, sizeof *server->loops);
    if (server->loops == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        server->loops[i].epoll_fd = -1;
        server->loops[i].event_fd = -1;
    }
    for (uint32_t i = 0; i < n; i++) {
        server->n_loops = i + 1;
        int rc = kfs_http_loop_init(&server->loops[i], server);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int kfs_http_start(const struct kfs_http_config *config, struct kfs_http_server **server, struct kfs_error *err)
{
    int rc = 0;

    if (config->threads < 1 || config->threads > THREADS_MAX)
        return kfs_fail(err, EINVAL, "a server has 1 to %d threads", THREADS_MAX);
    struct kfs_http_server *s = calloc(1, sizeof *s);
    if (s == NULL)
        return kfs_fail(err, ENOMEM, "no memory for the server");
    s->config = *config;
    s->listen_fd = -1;
    atomic_store(&s->stop_ms, KFS_HTTP_NEVER);
    s->budget.limit = config->body_bytes_max;
    if (config->certificate != NULL)
        rc = kfs_http_tls_new(config->certificate, config->key, &s->tls, err);
    if (rc != 0)
        goto out;
    s->listen_fd = listen_on(config, &s->port, err);
    if (s->listen_fd < 0) {
        rc = s->listen_fd;
        goto out;
    }
    rc = init_loops(s);
    if (rc == 0)
        rc = start_threads(s);
    if (rc != 0)
        kfs_fail(err, -rc, "cannot start the server's threads: %s", strerror(-rc));
out:
    if (rc != 0)
        server_free(s);
    else
        *server = s;
    return rc;
}

uint16_t kfs_http_port(const struct kfs_http_server *server)
{
    return server->port;
}

void kfs_http_stop(struct kfs_http_server *server, uint32_t grace_ms)
{
    const struct kfs_clock *clock = server->config.clock;

    atomic_store(&server->stop_ms, clock->mono_ms(clock->ctx) + grace_ms);
    join(server, server->n_loops);
    server_free(server);
}

void kfs_http_stats(struct kfs_http_server *server, struct kfs_http_stats *stats)
{
    *stats = (struct kfs_http_stats){.connections = atomic_load(&server->n_conns)};
    for (uint32_t i = 0; i < server->n_loops; i++) {
        struct kfs_http_counts *counts = &server->loops[i].counts;
        stats->accepted += atomic_load_explicit(&counts->accepted, memory_order_relaxed);
        stats->refused += atomic_load_explicit(&counts->refused, memory_order_relaxed);
        stats->requests += atomic_load_explicit(&counts->requests, memory_order_relaxed);
        stats->bad_requests += atomic_load_explicit(&counts->bad_requests, memory_order_relaxed);
    }
}
