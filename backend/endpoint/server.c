/* HTTP to the API and back. Operations that may wait for a disk are carried out by
 * workers, the others on the connection's thread. */
#include "backend/endpoint/server.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "backend/base/cond.h"
#include "backend/endpoint/http.h"
#include "backend/endpoint/hub.h"

#define WORKERS 8
#define CONNECTIONS_MAX 16384 /* and three quarters of the files that may be open: the store needs some */
#define BODIES_BYTES_MAX (UINT64_C(256) << 20)
#define UNSENT_BYTES_MAX (UINT64_C(256) << 20)
#define IDLE_TIMEOUT_MS 120000
#define REQUEST_TIMEOUT_MS 60000

struct job {
    struct kfs_http_exchange *x;
    struct job *next;
};

struct kfs_api_server {
    struct kfs_api *api;
    struct kfs_http_server *http;
    struct kfs_hub *hub;

    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct job *head;
    struct job **tail;
    bool stop;
    pthread_t threads[WORKERS];
    size_t n_threads; /* constant once started */
};

/* ---- answering ---- */

static void send_reply(struct kfs_api_server *server, struct kfs_http_exchange *x, struct kfs_api_reply *reply)
{
    const struct kfs_http_response response = {reply->status, reply->headers, reply->n_headers};

    if (reply->cut) {
        kfs_subscription_free(reply->subscription);
        kfs_http_cut(x);
    } else if (reply->subscription != NULL) {
        kfs_hub_add(server->hub, x, &response, reply->subscription);
    } else {
        kfs_http_respond(x, &response, &reply->body);
    }
    kfs_api_reply_release(reply);
}

/* A reply that an injected fault holds back. */
struct delayed {
    struct kfs_api_server *server;
    struct kfs_http_exchange *x;
    struct kfs_api_reply reply;
};

static void send_delayed(void *arg)
{
    struct delayed *d = arg;

    send_reply(d->server, d->x, &d->reply);
    free(d);
}

static void answer(struct kfs_api_server *server, struct kfs_http_exchange *x)
{
    struct kfs_api_reply reply;

    kfs_api_handle(server->api, kfs_http_request(x), &reply);
    if (reply.delay_ms > 0) {
        struct delayed *d = malloc(sizeof *d);
        if (d != NULL) {
            *d = (struct delayed){server, x, reply};
            if (kfs_http_later(x, reply.delay_ms, send_delayed, d) == 0)
                return;
            free(d);
        }
    }
    send_reply(server, x, &reply);
}

/* ---- workers ---- */

/* Until there is a job or the next change of shards is due; those that are due are made. Under the lock, which
 * it lets go. */
static void wait_for_job(struct kfs_api_server *server)
{
    (void)pthread_mutex_unlock(&server->lock);
    const uint64_t ms = kfs_api_settle(server->api);
    (void)pthread_mutex_lock(&server->lock);
    if (server->stop || server->head != NULL)
        return;
    if (ms == UINT64_MAX)
        (void)pthread_cond_wait(&server->wake, &server->lock);
    else
        (void)kfs_cond_wait(&server->wake, &server->lock, ms);
}

static void *work(void *arg)
{
    struct kfs_api_server *server = arg;

    (void)pthread_mutex_lock(&server->lock);
    while (!server->stop || server->head != NULL) {
        struct job *job = server->head;
        if (job == NULL) {
            wait_for_job(server);
            continue;
        }
        server->head = job->next;
        if (server->head == NULL)
            server->tail = &server->head;
        (void)pthread_mutex_unlock(&server->lock);
        if (kfs_http_is_gone(job->x)) /* or requests that are reset at once would pile up work */
            kfs_http_cut(job->x);
        else
            answer(server, job->x);
        free(job);
        (void)pthread_mutex_lock(&server->lock);
    }
    (void)pthread_mutex_unlock(&server->lock);
    return NULL;
}

static void handle(void *arg, struct kfs_http_exchange *x)
{
    struct kfs_api_server *server = arg;
    struct job *job = kfs_api_is_slow(server->api, kfs_http_request(x)) ? malloc(sizeof *job) : NULL;

    if (job == NULL) {
        answer(server, x);
        return;
    }
    *job = (struct job){.x = x};
    (void)pthread_mutex_lock(&server->lock);
    *server->tail = job;
    server->tail = &job->next;
    (void)pthread_cond_signal(&server->wake);
    (void)pthread_mutex_unlock(&server->lock);
}

/* ---- starting and stopping ---- */

static void stop_workers(struct kfs_api_server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    server->stop = true;
    (void)pthread_cond_broadcast(&server->wake);
    (void)pthread_mutex_unlock(&server->lock);
    for (size_t i = 0; i < server->n_threads; i++)
        (void)pthread_join(server->threads[i], NULL);
}

static void free_server(struct kfs_api_server *server)
{
    stop_workers(server);
    if (server->hub != NULL)
        kfs_hub_stop(server->hub);
    (void)pthread_mutex_destroy(&server->lock);
    (void)pthread_cond_destroy(&server->wake);
    free(server);
}

static int start_workers(struct kfs_api_server *server, struct kfs_error *err)
{
    while (server->n_threads < WORKERS) {
        int rc = pthread_create(&server->threads[server->n_threads], NULL, work, server);
        if (rc != 0)
            return kfs_fail(err, rc, "cannot start a thread: %s", strerror(rc));
        server->n_threads++;
    }
    return 0;
}

static uint32_t connections_max(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur / 4 * 3 > CONNECTIONS_MAX)
        return CONNECTIONS_MAX;
    return (uint32_t)(files.rlim_cur / 4 * 3);
}

int kfs_api_server_start(const struct kfs_api_server_config *config, struct kfs_api_server **out, struct kfs_error *err)
{
    struct kfs_api_server *server = calloc(1, sizeof *server);
    const struct kfs_http_config http = {
        .clock = &kfs_system_clock,
        .address = config->address,
        .port = config->port,
        .threads = config->threads,
        .connections_max = connections_max(),
        .body_bytes_max = BODIES_BYTES_MAX,
        .unsent_bytes_max = UNSENT_BYTES_MAX,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .request_timeout_ms = REQUEST_TIMEOUT_MS,
        .certificate = config->certificate,
        .key = config->key,
        .handler = handle,
        .arg = server,
    };

    if (server == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    server->api = config->api;
    server->tail = &server->head;
    (void)pthread_mutex_init(&server->lock, NULL);
    kfs_cond_init(&server->wake);
    int rc = kfs_hub_start(&server->hub, err);
    if (rc == 0)
        rc = start_workers(server, err);
    if (rc == 0)
        rc = kfs_http_start(&http, &server->http, err);
    if (rc != 0) {
        free_server(server);
        return rc;
    }
    *out = server;
    return 0;
}

uint16_t kfs_api_server_port(const struct kfs_api_server *server)
{
    return kfs_http_port(server->http);
}

int kfs_api_server_metrics(struct kfs_api_server *server, struct kfs_buf *text)
{
    struct kfs_http_stats stats;

    kfs_http_stats(server->http, &stats);
    return kfs_buf_printf(text,
                          "# HELP kinesisfs_api_connections Connections that are open.\n"
                          "# TYPE kinesisfs_api_connections gauge\nkinesisfs_api_connections %" PRIu64
                          "\n# HELP kinesisfs_api_connections_total Connections taken.\n"
                          "# TYPE kinesisfs_api_connections_total counter\nkinesisfs_api_connections_total %" PRIu64
                          "\n# HELP kinesisfs_api_refused_total Connections refused because there were too many.\n"
                          "# TYPE kinesisfs_api_refused_total counter\nkinesisfs_api_refused_total %" PRIu64
                          "\n# HELP kinesisfs_api_bad_requests_total Requests that were no HTTP, or too large.\n"
                          "# TYPE kinesisfs_api_bad_requests_total counter\nkinesisfs_api_bad_requests_total %" PRIu64
                          "\n",
                          stats.connections, stats.accepted, stats.refused, stats.bad_requests);
}

void kfs_api_server_stop(struct kfs_api_server *server, uint32_t grace_ms)
{
    kfs_http_stop(server->http, grace_ms);
    free_server(server);
}
