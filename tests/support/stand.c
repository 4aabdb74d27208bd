#include "tests/support/stand.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define SECOND_MS 1000

static char *text_of(const struct kfs_http_request *r)
{
    struct kfs_buf text;

    kfs_buf_init(&text, 4U << 20);
    assert_int_equal(kfs_buf_printf(&text, "%.*s %.*s\n", (int)r->method.len, (const char *)r->method.data,
                                    (int)r->target.len, (const char *)r->target.data),
                     0);
    for (size_t i = 0; i < r->n_headers; i++)
        assert_int_equal(kfs_buf_printf(&text, "%.*s: %.*s\n", (int)r->headers[i].name.len,
                                        (const char *)r->headers[i].name.data, (int)r->headers[i].value.len,
                                        (const char *)r->headers[i].value.data),
                         0);
    assert_int_equal(kfs_buf_printf(&text, "(HTTP %d)\n\n", r->version), 0);
    assert_int_equal(kfs_buf_append(&text, r->body.data, r->body.len), 0);
    assert_int_equal(kfs_buf_append(&text, "", 1), 0);
    return text.data;
}

/* Under the lock. */
static const struct stand_answer *choose(struct stand *stand, const char *asked)
{
    static const struct stand_answer none = {.status = 404, .body = "nothing here"};

    for (size_t i = 0; i < stand->n_answers; i++) {
        const struct stand_answer *a = &stand->answers[i];
        if (strncmp(asked, a->when, strlen(a->when)) == 0 && (a->has == NULL || strstr(asked, a->has) != NULL) &&
            (a->times == 0 || stand->used[i] < a->times)) {
            stand->used[i]++;
            return a;
        }
    }
    return &none;
}

struct drip {
    struct kfs_http_exchange *x;
    const char *body;
    size_t left;
    size_t step;
};

static void drip(void *arg)
{
    struct drip *d = arg;
    size_t n = d->left < d->step ? d->left : d->step;

    if (n == 0 || kfs_http_write(d->x, d->body, n) != 0) {
        kfs_http_end(d->x);
        free(d);
        return;
    }
    d->body += n;
    d->left -= n;
    assert_int_equal(kfs_http_later(d->x, SECOND_MS, drip, d), 0);
}

static void nothing(void *arg)
{
    (void)arg;
}

static void respond(struct kfs_http_exchange *x, const struct stand_answer *a)
{
    const char *colon = a->header != NULL ? strchr(a->header, ':') : NULL;
    struct kfs_http_header header = {{a->header, colon != NULL ? (size_t)(colon - a->header) : 0},
                                     {colon != NULL ? colon + 2 : NULL, colon != NULL ? strlen(colon + 2) : 0}};
    struct kfs_http_response response = {a->status, &header, colon != NULL ? 1 : 0};
    const char *text = a->body != NULL ? a->body : "";
    size_t len = a->len != 0 ? a->len : strlen(text);
    struct kfs_buf body;

    if (a->drip != 0) {
        struct kfs_http_stream_events events = {nothing, nothing, NULL};
        struct drip *d = calloc(1, sizeof *d);
        assert_non_null(d);
        *d = (struct drip){x, text, len, a->drip};
        kfs_http_begin(x, &response, &events);
        drip(d);
        return;
    }
    kfs_buf_init(&body, 256U << 20);
    if (a->zeros > 0) {
        assert_int_equal(kfs_buf_reserve(&body, a->zeros), 0);
        memset(body.data, 0, a->zeros);
        body.len = a->zeros;
    } else {
        assert_int_equal(kfs_buf_append(&body, text, len), 0);
    }
    kfs_http_respond(x, &response, &body);
}

static void handle(void *arg, struct kfs_http_exchange *x)
{
    struct stand *stand = arg;
    struct stand_answer answer;
    char *asked = text_of(kfs_http_request(x));

    pthread_mutex_lock(&stand->lock);
    assert_true(stand->n_asked < STAND_ASKED_MAX);
    stand->asked[stand->n_asked++] = asked;
    answer = *choose(stand, asked);
    if (answer.status < 0)
        stand->held[stand->n_held++] = x;
    pthread_mutex_unlock(&stand->lock);
    if (answer.status == 0)
        kfs_http_cut(x);
    else if (answer.status > 0)
        respond(x, &answer);
}

void stand_start_tls(struct stand *stand, const char *certificate, const char *key)
{
    struct kfs_http_config config = {.clock = &kfs_system_clock,
                                     .address = "127.0.0.1",
                                     .threads = 1,
                                     .connections_max = 256,
                                     .body_bytes_max = 64U << 20,
                                     .unsent_bytes_max = 256U << 20,
                                     .idle_timeout_ms = 60000,
                                     .request_timeout_ms = 60000,
                                     .certificate = certificate,
                                     .key = key,
                                     .handler = handle,
                                     .arg = stand};

    memset(stand, 0, sizeof *stand);
    pthread_mutex_init(&stand->lock, NULL);
    assert_int_equal(kfs_http_start(&config, &stand->server, NULL), 0);
    (void)snprintf(stand->url, sizeof stand->url, "http://127.0.0.1:%u", (unsigned)kfs_http_port(stand->server));
    (void)snprintf(stand->tls_url, sizeof stand->tls_url, "https%s", stand->url + 4);
}

void stand_start(struct stand *stand)
{
    stand_start_tls(stand, NULL, NULL);
}

static void forget(struct stand *stand)
{
    for (size_t i = 0; i < stand->n_held; i++)
        kfs_http_cut(stand->held[i]);
    for (size_t i = 0; i < stand->n_asked; i++)
        free(stand->asked[i]);
    stand->n_held = 0;
    stand->n_asked = 0;
}

void stand_stop(struct stand *stand)
{
    pthread_mutex_lock(&stand->lock);
    forget(stand);
    pthread_mutex_unlock(&stand->lock);
    kfs_http_stop(stand->server, 50);
    pthread_mutex_destroy(&stand->lock);
}

int stand_silent(unsigned *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0)
        abort();
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

void stand_script(struct stand *stand, const struct stand_answer *answers, size_t n)
{
    assert_true(n <= STAND_ANSWERS_MAX);
    pthread_mutex_lock(&stand->lock);
    forget(stand);
    if (n > 0)
        memcpy(stand->answers, answers, n * sizeof *answers);
    memset(stand->used, 0, sizeof stand->used);
    stand->n_answers = n;
    pthread_mutex_unlock(&stand->lock);
}

size_t stand_count(struct stand *stand)
{
    size_t n;

    pthread_mutex_lock(&stand->lock);
    n = stand->n_asked;
    pthread_mutex_unlock(&stand->lock);
    return n;
}

static bool holds(struct stand *stand, size_t request, const char *text)
{
    bool found = false;

    pthread_mutex_lock(&stand->lock);
    if (request < stand->n_asked)
        found = strstr(stand->asked[request], text) != NULL;
    if (request >= stand->n_asked)
        print_error("there were %zu requests\n", stand->n_asked);
    pthread_mutex_unlock(&stand->lock);
    return found;
}

void stand_expect(struct stand *stand, size_t request, const char *text)
{
    bool found = holds(stand, request, text);

    if (!found && request < stand->n_asked)
        print_error("no '%s' in: %s\n", text, stand->asked[request]);
    assert_true(found);
}

void stand_expect_not(struct stand *stand, size_t request, const char *text)
{
    assert_true(request < stand_count(stand));
    assert_false(holds(stand, request, text));
}
