#include "tests/support/web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PIECE 65536

/* ---- the handler ---- */

struct job { /* freed when the server has stopped */
    struct job *next;
    struct web *web;
    struct kfs_http_exchange *x;
    size_t bytes;
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool room;
    bool gone;
};

static void answer_with(struct kfs_http_exchange *x, int status, const void *data, size_t len)
{
    static const struct kfs_http_header type = {{"content-type", 12}, {"text/plain", 10}};
    struct kfs_http_response response = {status, &type, 1};
    struct kfs_buf body;

    kfs_buf_init(&body, KFS_HTTP_BODY_BYTES_MAX);
    assert_int_equal(kfs_buf_append(&body, data, len), 0);
    kfs_http_respond(x, &response, &body);
}

static void echo(struct kfs_http_exchange *x)
{
    const struct kfs_bytes *body = &kfs_http_request(x)->body;

    answer_with(x, 200, body->data, body->len);
}

static void echo_later(void *arg)
{
    echo(arg);
}

static void *echo_thread(void *arg)
{
    struct job *job = arg;
    struct web *web = job->web;

    echo(job->x);
    atomic_fetch_sub(&web->threads, 1);
    return NULL;
}

static void *hold_thread(void *arg)
{
    struct job *job = arg;
    struct web *web = job->web;

    atomic_fetch_add(&web->holding, 1);
    while (!atomic_load(&web->release))
        usleep(1000);
    atomic_fetch_sub(&web->holding, 1);
    echo(job->x);
    atomic_fetch_sub(&web->threads, 1);
    return NULL;
}

static void on_room(void *arg)
{
    struct job *job = arg;

    pthread_mutex_lock(&job->lock);
    job->room = true;
    pthread_cond_signal(&job->change);
    pthread_mutex_unlock(&job->lock);
}

static void on_gone(void *arg)
{
    struct job *job = arg;

    pthread_mutex_lock(&job->lock);
    job->gone = true;
    pthread_cond_signal(&job->change);
    pthread_mutex_unlock(&job->lock);
    atomic_fetch_add(&job->web->gone, 1);
}

static void wait_for_room(struct job *job)
{
    pthread_mutex_lock(&job->lock);
    while (!job->room && !job->gone)
        pthread_cond_wait(&job->change, &job->lock);
    job->room = false;
    pthread_mutex_unlock(&job->lock);
}

static void *pour_thread(void *arg)
{
    static const char zeros[PIECE];
    static const struct kfs_http_response response = {.status = 200};
    struct job *job = arg;
    struct web *web = job->web;
    struct kfs_http_stream_events events = {on_gone, on_room, job};

    kfs_http_begin(job->x, &response, &events);
    for (size_t left = job->bytes; left > 0;) {
        size_t n = left < PIECE ? left : PIECE;
        int rc = kfs_http_write(job->x, zeros, n);
        if (rc == -EPIPE)
            break;
        if (rc == -EAGAIN) {
            atomic_fetch_add(&web->full, 1);
            wait_for_room(job);
        } else {
            assert_int_equal(rc, 0);
            left -= n;
        }
    }
    pthread_mutex_lock(&job->lock); /* on_gone may be inside */
    pthread_mutex_unlock(&job->lock);
    kfs_http_end(job->x);
    atomic_fetch_sub(&web->threads, 1);
    return NULL; /* the job is left to the web: on_room may still be called */
}

static void drip(void *arg)
{
    struct job *job = arg;

    if (job->gone || kfs_http_write(job->x, "drip", 4) == -EPIPE) {
        kfs_http_end(job->x);
    } else {
        assert_int_equal(kfs_http_later(job->x, 5, drip, job), 0);
    }
}

static struct job *job_new(struct web *web, struct kfs_http_exchange *x)
{
    struct job *job = calloc(1, sizeof *job);

    assert_non_null(job);
    job->web = web;
    job->x = x;
    pthread_mutex_init(&job->lock, NULL);
    pthread_cond_init(&job->change, NULL);
    job->next = atomic_load(&web->jobs);
    while (!atomic_compare_exchange_weak(&web->jobs, &job->next, job))
        ;
    return job;
}

static void in_thread(struct job *job, void *(*run)(void *))
{
    pthread_t thread;

    atomic_fetch_add(&job->web->threads, 1);
    assert_int_equal(pthread_create(&thread, NULL, run, job), 0);
    pthread_detach(thread);
}

static void list_headers(struct kfs_http_exchange *x)
{
    const struct kfs_http_request *request = kfs_http_request(x);
    struct kfs_buf text;

    kfs_buf_init(&text, PIECE);
    for (size_t i = 0; i < request->n_headers; i++) {
        const struct kfs_http_header *header = &request->headers[i];
        (void)kfs_buf_printf(&text, "%.*s=%.*s\n", (int)header->name.len, (const char *)header->name.data,
                             (int)header->value.len, (const char *)header->value.data);
    }
    answer_with(x, 200, text.data, text.len);
    kfs_buf_release(&text);
}

static void zeros(struct kfs_http_exchange *x, size_t len)
{
    char *data = calloc(1, len + 1);

    assert_non_null(data);
    answer_with(x, 200, data, len);
    free(data);
}

static void handle_thread(struct web *web, struct kfs_http_exchange *x, const char *target)
{
    if (strcmp(target, "/thread") == 0) {
        in_thread(job_new(web, x), echo_thread);
    } else if (strcmp(target, "/hold") == 0) {
        in_thread(job_new(web, x), hold_thread);
    } else if (strncmp(target, "/pour/", 6) == 0) {
        struct job *job = job_new(web, x);
        job->bytes = strtoul(target + 6, NULL, 10);
        in_thread(job, pour_thread);
    } else {
        answer_with(x, 404, "", 0);
    }
}

static void handle(void *arg, struct kfs_http_exchange *x)
{
    static const struct kfs_http_response stream = {.status = 200};
    const struct kfs_http_request *request = kfs_http_request(x);
    char text[32];
    char target[64];

    (void)snprintf(target, sizeof target, "%.*s", (int)request->target.len, (const char *)request->target.data);
    if (strcmp(target, "/echo") == 0) {
        echo(x);
    } else if (strcmp(target, "/length") == 0) {
        int len = snprintf(text, sizeof text, "%zu", request->body.len);
        answer_with(x, 200, text, (size_t)len);
    } else if (strncmp(target, "/zeros/", 7) == 0) {
        zeros(x, strtoul(target + 7, NULL, 10));
    } else if (strcmp(target, "/headers") == 0) {
        list_headers(x);
    } else if (strcmp(target, "/timer") == 0) {
        assert_int_equal(kfs_http_later(x, 20, echo_later, x), 0);
    } else if (strcmp(target, "/cut") == 0) {
        kfs_http_cut(x);
    } else if (strcmp(target, "/drip") == 0) {
        struct job *job = job_new(arg, x);
        struct kfs_http_stream_events events = {on_gone, NULL, job};
        kfs_http_begin(x, &stream, &events);
        assert_int_equal(kfs_http_later(x, 5, drip, job), 0);
    } else {
        handle_thread(arg, x, target);
    }
}

/* ---- the web ---- */

static uint64_t mono_ms(void *ctx)
{
    struct web *web = ctx;

    if (atomic_load(&web->stopped_ms) == 0)
        return kfs_system_clock.mono_ms(kfs_system_clock.ctx);
    return atomic_fetch_add(&web->stopped_ms, atomic_load(&web->release) ? 1 : 0);
}

void web_stop_clock(struct web *web)
{
    atomic_store(&web->stopped_ms, 1000000);
    web->config.threads = 1;
}

void web_pass(struct web *web, uint32_t ms)
{
    atomic_fetch_add(&web->stopped_ms, ms);
}

void web_settle(const struct web *web)
{
    int fd = client_open(web);

    for (int i = 0; i < 2; i++) { /* the first answer may be sent before timers are looked at */
        client_text(fd, "GET /length HTTP/1.1\r\nHost: a\r\n\r\n");
        client_expect(fd, 200, "0");
    }
    close(fd);
}

void web_init(struct web *web)
{
    memset(web, 0, sizeof *web);
    web->clock = (struct kfs_clock){.ctx = web, .mono_ms = mono_ms};
    web->config = (struct kfs_http_config){
        .clock = &web->clock,
        .address = "127.0.0.1",
        .threads = 2,
        .connections_max = 4096,
        .body_bytes_max = 64U << 20,
        .unsent_bytes_max = 256U << 20,
        .idle_timeout_ms = 60000,
        .request_timeout_ms = 60000,
        .handler = handle,
        .arg = web,
    };
}

void web_start(struct web *web)
{
    struct kfs_error err = {0};

    int rc = kfs_http_start(&web->config, &web->server, &err);
    if (rc != 0)
        fail_msg("%s", err.text);
    web->port = kfs_http_port(web->server);
    assert_int_not_equal(web->port, 0);
}

void web_release(struct web *web)
{
    atomic_store(&web->release, true);
}

void web_stop(struct web *web, uint32_t grace_ms)
{
    kfs_http_stop(web->server, grace_ms);
    web_until(atomic_load(&web->threads) == 0);
    for (struct job *job = atomic_exchange(&web->jobs, NULL), *next; job != NULL; job = next) {
        next = job->next;
        free(job);
    }
}

void web_restart(struct web *web)
{
    web_stop(web, 0);
    web_start(web);
}

struct kfs_http_stats web_stats(struct web *web)
{
    struct kfs_http_stats stats;

    kfs_http_stats(web->server, &stats);
    return stats;
}

/* ---- the client ---- */

int client_open(const struct web *web)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(web->port)};
    struct timeval limit = {.tv_sec = 20};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0)
        abort();
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
    return fd;
}

void client_send(int fd, const void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = send(fd, (const char *)data + done, len - done, MSG_NOSIGNAL);
        assert_true(n > 0);
        done += (size_t)n;
    }
}

void client_text(int fd, const char *text)
{
    client_send(fd, text, strlen(text));
}

void client_zeros(int fd, size_t len)
{
    static const char zeros_[PIECE];

    for (size_t n; len > 0; len -= n) {
        n = len < PIECE ? len : PIECE;
        client_send(fd, zeros_, n);
    }
}

static void receive(int fd, void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = recv(fd, (char *)data + done, len - done, 0);
        if (n <= 0)
            fail_msg("%zu bytes short: %s", len - done, n == 0 ? "closed" : strerror(errno));
        done += (size_t)n;
    }
}

/* Up to and with the given end; NUL-terminated. */
static void receive_until(int fd, const char *end, char *text, size_t size)
{
    size_t len = 0;

    do {
        assert_true(len + 1 < size);
        receive(fd, text + len++, 1);
        text[len] = '\0';
    } while (len < strlen(end) || strcmp(text + len - strlen(end), end) != 0);
}

static void receive_more(int fd, struct answer *answer, size_t len)
{
    if (answer->len + len + 1 > answer->cap) {
        answer->cap = (answer->len + len + 1) * 2;
        char *body = realloc(answer->body, answer->cap);
        assert_non_null(body);
        answer->body = body;
    }
    receive(fd, answer->body + answer->len, len);
    answer->len += len;
    answer->body[answer->len] = '\0';
}

static void receive_chunks(int fd, struct answer *answer)
{
    char line[64];
    size_t len;

    do {
        receive_until(fd, "\r\n", line, sizeof line);
        len = strtoul(line, NULL, 16);
        receive_more(fd, answer, len);
        receive_until(fd, "\r\n", line, sizeof line);
    } while (len > 0);
}

void client_answer(int fd, struct answer *answer)
{
    const char *length;

    *answer = (struct answer){0};
    receive_until(fd, "\r\n\r\n", answer->head, sizeof answer->head);
    assert_memory_equal(answer->head, "HTTP/1.1 ", 9);
    answer->status = (int)strtol(answer->head + 9, NULL, 10);
    length = strcasestr(answer->head, "content-length: ");
    if (length != NULL)
        receive_more(fd, answer, strtoul(length + 16, NULL, 10));
    else if (strcasestr(answer->head, "transfer-encoding: chunked") != NULL)
        receive_chunks(fd, answer);
}

void client_free(struct answer *answer)
{
    free(answer->body);
}

void client_expect(int fd, int status, const char *body)
{
    struct answer answer;

    client_answer(fd, &answer);
    assert_int_equal(answer.status, status);
    if (body != NULL)
        assert_string_equal(answer.body == NULL ? "" : answer.body, body);
    client_free(&answer);
}

void client_expect_end(int fd)
{
    char byte;

    ssize_t n = recv(fd, &byte, 1, 0);
    assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
}

void client_expect_nothing(int fd)
{
    char byte;

    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
}
