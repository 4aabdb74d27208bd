/* Requests under way, and the calls that their handler makes. A call on the loop's
 * own thread is done at once, unless calls made on other threads are still on their
 * way to the loop; then it goes behind them, so that their order is kept. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/endpoint/http_internal.h"

struct kfs_http_later {
    struct kfs_http_post post;
    struct kfs_timer timer;
    struct kfs_http_later *next; /* of x->laters */
    struct kfs_http_later *prev;
    struct kfs_http_exchange *x;
    uint64_t after_ms;
    void (*fn)(void *arg);
    void *arg;
};

struct posted_response {
    struct kfs_http_post post;
    struct kfs_http_exchange *x;
    struct kfs_http_response response;
    struct kfs_buf body;
    struct kfs_http_stream_events events;
    bool begin;
    struct kfs_http_header headers[]; /* then their text */
};

struct posted_data {
    struct kfs_http_post post;
    struct kfs_http_exchange *x;
    struct kfs_http_queue data;
};

struct kfs_http_exchange *kfs_http_exchange_new(struct kfs_http_conn *conn, size_t n_headers, size_t text)
{
    size_t headers = n_headers * sizeof(struct kfs_http_header);
    struct kfs_http_exchange *x = malloc(sizeof *x + headers + text);

    if (x == NULL)
        return NULL;
    memset(x, 0, sizeof *x);
    x->headers = (struct kfs_http_header *)(void *)(x + 1);
    x->text = (char *)(x + 1) + headers;
    x->request.headers = x->headers;
    x->request.version = conn->proto->version;
    x->request.tls = conn->tls != NULL;
    x->loop = conn->loop;
    x->loop->n_exchanges++;
    x->conn = conn;
    x->next = conn->exchanges;
    if (x->next != NULL)
        x->next->prev = x;
    conn->exchanges = x;
    return x;
}

static void detach(struct kfs_http_exchange *x)
{
    struct kfs_http_conn *conn = x->conn;

    if (x->prev != NULL)
        x->prev->next = x->next;
    else
        conn->exchanges = x->next;
    if (x->next != NULL)
        x->next->prev = x->prev;
    if (x->begun && !x->ended)
        conn->streaming--;
    x->conn = NULL;
}

static void later_remove(struct kfs_http_later *later)
{
    struct kfs_http_exchange *x = later->x;

    if (later->prev != NULL)
        later->prev->next = later->next;
    else
        x->laters = later->next;
    if (later->next != NULL)
        later->next->prev = later->prev;
    kfs_timer_cancel(&x->loop->timers, &later->timer);
}

void kfs_http_exchange_drop_body(struct kfs_http_exchange *x)
{
    free(x->body);
    kfs_http_budget_sub(x->loop->server, x->body_cap);
    x->body = NULL;
    x->body_len = 0;
    x->body_cap = 0;
}

void kfs_http_exchange_free(struct kfs_http_exchange *x)
{
    for (struct kfs_http_later *later = x->laters, *next; later != NULL; later = next) {
        next = later->next;
        kfs_timer_cancel(&x->loop->timers, &later->timer);
        free(later);
    }
    if (x->conn != NULL)
        detach(x);
    kfs_http_exchange_drop_body(x);
    kfs_http_queue_clear(&x->data);
    x->loop->n_exchanges--;
    free(x);
}

int kfs_http_exchange_reserve(struct kfs_http_exchange *x, size_t more, size_t max)
{
    size_t need = x->body_len + more;

    if (need <= x->body_cap)
        return 0;
    size_t cap = x->body_cap * 2 < max ? x->body_cap * 2 : max;
    if (cap < need)
        cap = need;
    char *body = realloc(x->body, cap);
    if (body == NULL)
        return -ENOMEM;
    kfs_http_budget_add(x->loop->server, cap - x->body_cap);
    x->body = body;
    x->body_cap = cap;
    return 0;
}

void kfs_http_exchange_dispatch(struct kfs_http_exchange *x)
{
    struct kfs_http_server *server = x->loop->server;

    x->dispatched = true;
    x->request.body = (struct kfs_bytes){x->body, x->body_len};
    kfs_http_count(&x->loop->counts.requests);
    server->config.handler(server->config.arg, x);
}

static void tell_gone(struct kfs_http_exchange *x)
{
    if (x->begun && !x->ended && !x->told_gone) {
        x->told_gone = true;
        if (x->events.on_gone != NULL)
            x->events.on_gone(x->events.arg);
    }
}

void kfs_http_exchange_lose(struct kfs_http_exchange *x)
{
    detach(x);
    atomic_store(&x->gone, true);
    atomic_store(&x->waiting_bytes, 0);
    kfs_http_queue_clear(&x->data);
    if (x->ended || !x->dispatched)
        kfs_http_exchange_free(x);
    else
        tell_gone(x);
}

static bool has_room(struct kfs_http_exchange *x, size_t len, size_t max)
{
    size_t waiting = atomic_load(&x->posted_bytes) + atomic_load(&x->waiting_bytes);

    return waiting == 0 || (waiting + len <= max && !kfs_http_unsent_full(x->loop->server));
}

void kfs_http_exchange_room(struct kfs_http_conn *conn)
{
    struct kfs_http_exchange *x = conn->exchanges;

    while (x != NULL) {
        if (x->begun && !x->ended && atomic_load(&x->wants_room) && has_room(x, 0, KFS_HTTP_QUEUE_MAX / 2)) {
            atomic_store(&x->wants_room, false);
            if (x->events.on_room != NULL)
                x->events.on_room(x->events.arg);
            x = conn->exchanges; /* it may have ended some */
        } else {
            x = x->next;
        }
    }
}

/* ---- calls on the loop's thread ---- */

static bool direct(struct kfs_http_exchange *x)
{
    return kfs_http_loop_here(x->loop) && atomic_load_explicit(&x->posts, memory_order_relaxed) == 0;
}

static void post(struct kfs_http_exchange *x, struct kfs_http_post *item, void (*run)(struct kfs_http_post *))
{
    item->run = run;
    atomic_fetch_add(&x->posts, 1);
    kfs_http_post(x->loop, item);
}

static void do_respond(struct kfs_http_exchange *x, const struct kfs_http_response *response, struct kfs_buf *body)
{
    struct kfs_http_conn *conn = x->conn;

    x->ended = true;
    if (conn == NULL) {
        if (body != NULL)
            kfs_buf_release(body);
        kfs_http_exchange_free(x);
        return;
    }
    conn->proto->respond(x, response, body);
    kfs_http_conn_schedule(conn);
}

/* Where the peer has gone already, the caller says so to the handler. */
static void do_begin(struct kfs_http_exchange *x, const struct kfs_http_response *response,
                     const struct kfs_http_stream_events *events)
{
    struct kfs_http_conn *conn = x->conn;

    x->begun = true;
    x->events = *events;
    if (conn == NULL)
        return;
    conn->streaming++;
    if (conn->eof || conn->hung_up)
        conn->dead = true;
    conn->proto->begin(x, response);
    kfs_http_conn_schedule(conn);
}

static void do_write(struct kfs_http_exchange *x, struct kfs_http_queue *data)
{
    struct kfs_http_conn *conn = x->conn;

    if (conn == NULL || x->no_body) {
        kfs_http_queue_clear(data);
        return;
    }
    conn->proto->write(x, data);
    kfs_http_conn_schedule(conn);
}

static void do_cut(struct kfs_http_exchange *x)
{
    struct kfs_http_conn *conn = x->conn;

    if (conn == NULL) {
        kfs_http_exchange_free(x);
        return;
    }
    if (x->begun)
        conn->streaming--;
    x->ended = true; /* freed with the connection */
    conn->dead = true;
    conn->reset = true;
    kfs_http_conn_schedule(conn);
}

static void do_end(struct kfs_http_exchange *x)
{
    struct kfs_http_conn *conn = x->conn;

    if (conn == NULL) {
        kfs_http_exchange_free(x);
        return;
    }
    if (!x->begun) { /* kfs_http_begin had no memory */
        do_cut(x);
        return;
    }
    conn->streaming--;
    x->ended = true;
    conn->proto->end(x);
    kfs_http_conn_schedule(conn);
}

/* ---- calls posted ---- */

static void run_response(struct kfs_http_post *item)
{
    struct posted_response *posted = KFS_HTTP_HOLDER(item, struct posted_response, post);
    struct kfs_http_exchange *x = posted->x;

    atomic_fetch_sub(&x->posts, 1);
    if (posted->begin) {
        do_begin(x, &posted->response, &posted->events);
        if (x->conn == NULL)
            tell_gone(x); /* at once: its end may be the next post, already under way */
    } else {
        do_respond(x, &posted->response, &posted->body);
    }
    free(posted);
}

static void run_gone(struct kfs_http_post *item)
{
    struct kfs_http_exchange *x = KFS_HTTP_HOLDER(item, struct kfs_http_exchange, gone_post);

    atomic_fetch_sub(&x->posts, 1);
    tell_gone(x);
}

static void run_write(struct kfs_http_post *item)
{
    struct posted_data *posted = KFS_HTTP_HOLDER(item, struct posted_data, post);
    struct kfs_http_exchange *x = posted->x;

    atomic_fetch_sub(&x->posts, 1);
    size_t bytes = posted->data.bytes;
    do_write(x, &posted->data);
    atomic_fetch_sub(&x->posted_bytes, bytes);
    free(posted);
}

static void run_end(struct kfs_http_post *item)
{
    struct kfs_http_exchange *x = KFS_HTTP_HOLDER(item, struct kfs_http_exchange, end_post);

    atomic_fetch_sub(&x->posts, 1);
    do_end(x);
}

static void run_cut(struct kfs_http_post *item)
{
    struct kfs_http_exchange *x = KFS_HTTP_HOLDER(item, struct kfs_http_exchange, end_post);

    atomic_fetch_sub(&x->posts, 1);
    do_cut(x);
}

/* A copy of a response, in one block. */
static struct posted_response *copy_response(struct kfs_http_exchange *x, const struct kfs_http_response *response)
{
    size_t headers = response->n_headers * sizeof(struct kfs_http_header);
    size_t text = 0;

    for (size_t i = 0; i < response->n_headers; i++)
        text += response->headers[i].name.len + response->headers[i].value.len;
    struct posted_response *posted = malloc(sizeof *posted + headers + text);
    if (posted == NULL)
        return NULL;
    *posted = (struct posted_response){.x = x, .response = *response};
    posted->response.headers = posted->headers;
    char *to = (char *)posted->headers + headers;
    for (size_t i = 0; i < response->n_headers; i++) {
        const struct kfs_http_header *from = &response->headers[i];
        posted->headers[i] = (struct kfs_http_header){{to, from->name.len}, {to + from->name.len, from->value.len}};
        memcpy(to, from->name.data, from->name.len);
        to += from->name.len;
        if (from->value.len > 0)
            memcpy(to, from->value.data, from->value.len);
        to += from->value.len;
    }
    return posted;
}

void kfs_http_respond(struct kfs_http_exchange *x, const struct kfs_http_response *response, struct kfs_buf *body)
{
    if (direct(x)) {
        do_respond(x, response, body);
        return;
    }
    struct posted_response *posted = copy_response(x, response);
    if (posted == NULL) {
        if (body != NULL)
            kfs_buf_release(body);
        post(x, &x->end_post, run_cut);
        return;
    }
    if (body != NULL) {
        posted->body = *body;
        kfs_buf_init(body, body->max);
    }
    post(x, &posted->post, run_response);
}

void kfs_http_begin(struct kfs_http_exchange *x, const struct kfs_http_response *response,
                    const struct kfs_http_stream_events *events)
{
    if (direct(x)) {
        do_begin(x, response, events);
        if (x->conn == NULL)
            post(x, &x->gone_post, run_gone); /* not from inside this call */
        return;
    }
    struct posted_response *posted = copy_response(x, response);
    if (posted == NULL) {
        atomic_store(&x->gone, true); /* kfs_http_end will close the connection */
        return;
    }
    posted->begin = true;
    posted->events = *events;
    post(x, &posted->post, run_response);
}

int kfs_http_write(struct kfs_http_exchange *x, const void *data, size_t len)
{
    if (atomic_load(&x->gone))
        return -EPIPE;
    if (!has_room(x, len, KFS_HTTP_QUEUE_MAX)) {
        atomic_store(&x->wants_room, true);
        if (!has_room(x, len, KFS_HTTP_QUEUE_MAX))
            return -EAGAIN;
    }
    struct kfs_http_queue queue = {0};
    if (len == 0)
        return 0;
    if (direct(x)) {
        if (kfs_http_queue_append(&queue, data, len) != 0)
            return -ENOMEM;
        do_write(x, &queue);
        return 0;
    }
    struct posted_data *posted = calloc(1, sizeof *posted);
    if (posted == NULL || kfs_http_queue_append(&posted->data, data, len) != 0) {
        free(posted);
        return -ENOMEM;
    }
    posted->x = x;
    atomic_fetch_add(&x->posted_bytes, len);
    post(x, &posted->post, run_write);
    return 0;
}

void kfs_http_end(struct kfs_http_exchange *x)
{
    if (direct(x))
        do_end(x);
    else
        post(x, &x->end_post, run_end);
}

void kfs_http_cut(struct kfs_http_exchange *x)
{
    if (direct(x))
        do_cut(x);
    else
        post(x, &x->end_post, run_cut);
}

static void fire_later(struct kfs_timer *timer)
{
    struct kfs_http_later *later = KFS_HTTP_HOLDER(timer, struct kfs_http_later, timer);
    void (*fn)(void *arg) = later->fn;
    void *arg = later->arg;

    later_remove(later);
    free(later);
    fn(arg);
}

static void start_later(struct kfs_http_later *later)
{
    struct kfs_http_exchange *x = later->x;

    later->next = x->laters;
    if (later->next != NULL)
        later->next->prev = later;
    x->laters = later;
    if (later->after_ms == 0 || kfs_timer_set(&x->loop->timers, &later->timer, x->loop->now_ms + later->after_ms) != 0)
        fire_later(&later->timer);
}

static void run_later(struct kfs_http_post *item)
{
    struct kfs_http_later *later = KFS_HTTP_HOLDER(item, struct kfs_http_later, post);

    atomic_fetch_sub(&later->x->posts, 1);
    start_later(later);
}

int kfs_http_later(struct kfs_http_exchange *x, uint32_t after_ms, void (*fn)(void *arg), void *arg)
{
    struct kfs_http_later *later = malloc(sizeof *later);

    if (later == NULL)
        return -ENOMEM;
    *later = (struct kfs_http_later){.x = x, .after_ms = after_ms, .fn = fn, .arg = arg};
    later->timer.fire = fire_later;
    if (after_ms > 0 && direct(x))
        start_later(later);
    else
        post(x, &later->post, run_later);
    return 0;
}

/* ---- what a handler asks ---- */

bool kfs_http_is_gone(const struct kfs_http_exchange *x)
{
    return atomic_load(&x->gone);
}

const struct kfs_http_request *kfs_http_request(const struct kfs_http_exchange *x)
{
    return &x->request;
}

const struct kfs_bytes *kfs_http_header(const struct kfs_http_request *request, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < request->n_headers; i++) {
        const struct kfs_http_header *header = &request->headers[i];
        if (header->name.len == len && memcmp(header->name.data, name, len) == 0)
            return &header->value;
    }
    return NULL;
}
