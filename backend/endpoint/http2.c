/* HTTP/2 (RFC 9113) on a connection, by nghttp2: prior knowledge or ALPN; no server push.
 *
 * Memory: a peer can have STREAMS_MAX requests open, and each may send STREAM_WINDOW
 * before it gets credit for more. Where the budget for bodies is full, only the
 * oldest request of the connection that may read at all gets credit. A request that
 * is complete is held back while KFS_HTTP_QUEUE_MAX of responses wait to be sent, or
 * config.unsent_bytes_max on all connections. */
#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/endpoint/http1_render.h"
#include "backend/endpoint/http_internal.h"

#define STREAMS_MAX 128
#define STREAM_WINDOW (256 * 1024)
#define CONNECTION_WINDOW (1024 * 1024)
#define ACKS_MAX 256 /* answers to PING and SETTINGS that wait; more is a flood */
#define FIELDS_ON_STACK 24
#define UNWANTED_MS 1000  /* how long the rest of a refused body is thrown away before a reset */
#define FIELD_OVERHEAD 32 /* RFC 9113, 6.5.2: what a field counts besides its bytes */
#define PSEUDO_FIELDS 3   /* :method, :scheme, :path; :authority counts as a header */

struct field {
    uint32_t name; /* lengths */
    uint32_t value;
};

/* A request's head, as it comes in. */
struct fields {
    struct kfs_buf text; /* names and values, one behind another */
    size_t n;
    bool too_large;
    bool failed; /* no memory */
    struct field field[KFS_HTTP_HEADERS_MAX + PSEUDO_FIELDS];
};

/* Where an exchange waits; each list is in order of entry. */
enum list {
    NO_LIST,
    RECEIVING, /* its body is not complete */
    HELD,      /* complete, and not given to the handler */
    UNWANTED,  /* refused, and the rest of its body is thrown away */
    N_LISTS
};

struct kfs_http2 {
    nghttp2_session *session;
    struct fields *fields; /* NULL between heads */
    struct kfs_http_exchange *lists[N_LISTS];
    size_t unsent;     /* bytes of responses, in the exchanges */
    size_t uncredited; /* bytes of bodies for which no window was given yet */
};

/* ---- lists of exchanges ---- */

static void leave(struct kfs_http_exchange *x)
{
    struct kfs_http2 *h2 = x->conn->h2;
    struct kfs_http_exchange **at = &h2->lists[x->list];

    if (x->list == NO_LIST)
        return;
    while (*at != x)
        at = &(*at)->next_listed;
    *at = x->next_listed;
    x->next_listed = NULL;
    if (x->list == RECEIVING) {
        h2->uncredited -= x->uncredited;
        x->uncredited = 0;
        kfs_http_conn_received(x->conn);
    }
    x->list = NO_LIST;
}

static void enter(struct kfs_http_exchange *x, enum list list)
{
    struct kfs_http_exchange **at = &x->conn->h2->lists[list];

    leave(x);
    while (*at != NULL)
        at = &(*at)->next_listed;
    *at = x;
    x->list = (unsigned char)list;
    if (list == RECEIVING)
        x->conn->receiving++;
}

/* ---- responses ---- */

static void note_waiting(struct kfs_http_exchange *x)
{
    atomic_store(&x->waiting_bytes, x->data.bytes);
}

/* One more than our functions may have: they are nghttp2's. */
#define READ_DATA_PARAMETERS                                                                                           \
    nghttp2_session *session, int32_t stream, uint8_t *data, size_t len, uint32_t *flags, nghttp2_data_source *source, \
        void *arg

static ssize_t read_data(READ_DATA_PARAMETERS)
{
    struct kfs_http_exchange *x = source->ptr;
    struct kfs_http_conn *conn = arg;
    size_t n = kfs_http_queue_read(&x->data, data, len);

    (void)session;
    (void)stream;
    conn->h2->unsent -= n;
    note_waiting(x);
    if (x->data.bytes == 0 && x->ended)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (n == 0) {
        x->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    return (ssize_t)n;
}

static nghttp2_nv text_field(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NO_COPY_NAME};
}

/* Submits the head of a response; data says whether a body follows. length may be NULL. */
static int submit(struct kfs_http_exchange *x, const struct kfs_http_response *response, const char *length, bool data)
{
    nghttp2_nv on_stack[FIELDS_ON_STACK];
    nghttp2_nv *fields = on_stack;
    nghttp2_data_provider provider = {.source.ptr = x, .read_callback = read_data};
    char status[16];
    size_t n = 0;

    if (response->n_headers + 3 > FIELDS_ON_STACK)
        fields = malloc((response->n_headers + 3) * sizeof *fields);
    if (fields == NULL)
        return NGHTTP2_ERR_NOMEM;
    (void)snprintf(status, sizeof status, "%d", response->status);
    fields[n++] = text_field(":status", status);
    for (size_t i = 0; i < response->n_headers; i++) {
        const struct kfs_http_header *header = &response->headers[i];
        fields[n++] = (nghttp2_nv){(uint8_t *)header->name.data, (uint8_t *)header->value.data, header->name.len,
                                   header->value.len, NGHTTP2_NV_FLAG_NONE};
    }
    fields[n++] = text_field("date", kfs_http_loop_date(x->loop));
    if (length != NULL)
        fields[n++] = text_field("content-length", length);
    int rc = nghttp2_submit_response(x->conn->h2->session, x->stream, fields, n, data ? &provider : NULL);
    if (fields != on_stack)
        free(fields);
    return rc;
}

static void respond(struct kfs_http_exchange *x, const struct kfs_http_response *response, struct kfs_buf *body)
{
    struct kfs_http_conn *conn = x->conn;
    bool empty = kfs_http_status_is_empty(response->status);
    size_t len = body == NULL ? 0 : body->len;
    char length[24];

    (void)snprintf(length, sizeof length, "%zu", len);
    bool data = !empty && !x->no_body && len > 0;
    if (data && kfs_http_queue_take(&x->data, body) != 0)
        conn->dead = true;
    conn->h2->unsent += x->data.bytes;
    if (body != NULL)
        kfs_buf_release(body);
    if (submit(x, response, empty ? NULL : length, data) != 0)
        conn->dead = true;
}

static void begin(struct kfs_http_exchange *x, const struct kfs_http_response *response)
{
    x->no_body = x->no_body || kfs_http_status_is_empty(response->status);
    if (submit(x, response, NULL, !x->no_body) != 0)
        x->conn->dead = true;
}

static void resume(struct kfs_http_exchange *x)
{
    if (!x->deferred)
        return;
    x->deferred = false;
    if (nghttp2_session_resume_data(x->conn->h2->session, x->stream) == NGHTTP2_ERR_NOMEM)
        x->conn->dead = true;
}

static void write_data(struct kfs_http_exchange *x, struct kfs_http_queue *data)
{
    x->conn->h2->unsent += data->bytes;
    kfs_http_queue_move(&x->data, data);
    note_waiting(x);
    resume(x);
}

static void end(struct kfs_http_exchange *x)
{
    resume(x); /* the exchange is freed when its stream closes */
}

/* ---- requests ---- */

/* Answers a request that the handler never sees. What is still to come of it is thrown away for
 * a while, since clients take an early reset, though it may follow a response, for a failure. */
static void refuse(struct kfs_http_conn *conn, struct kfs_http_exchange *x, int status)
{
    struct kfs_http_response response = {.status = status};

    kfs_http_count(&conn->loop->counts.bad_requests);
    if (x->list == RECEIVING)
        enter(x, UNWANTED);
    x->ended = true;
    x->began_ms = conn->loop->now_ms;
    kfs_http_exchange_drop_body(x);
    respond(x, &response, NULL);
}

static void complete(struct kfs_http_conn *conn, struct kfs_http_exchange *x)
{
    leave(x);
    if (conn->h2->unsent > KFS_HTTP_QUEUE_MAX || !kfs_http_may_begin(conn))
        enter(x, HELD);
    else
        kfs_http_exchange_dispatch(x);
}

static void dispatch_held(struct kfs_http_conn *conn)
{
    struct kfs_http2 *h2 = conn->h2;

    while (h2->lists[HELD] != NULL && h2->unsent <= KFS_HTTP_QUEUE_MAX && !conn->dead && kfs_http_may_begin(conn)) {
        struct kfs_http_exchange *x = h2->lists[HELD];
        leave(x);
        kfs_http_exchange_dispatch(x);
    }
}

static bool equals(const char *text, size_t len, const char *name)
{
    return strlen(name) == len && memcmp(text, name, len) == 0;
}

/* Puts the fields that came into the exchange; returns what content-length says, or 0. */
static uint64_t set_request(struct kfs_http_exchange *x, const struct fields *fields)
{
    struct kfs_http_request *request = &x->request;
    const char *text = x->text;
    uint64_t length = 0;

    memcpy(x->text, fields->text.data, fields->text.len);
    for (size_t i = 0; i < fields->n; i++) {
        size_t name = fields->field[i].name;
        struct kfs_bytes value = {text + name, fields->field[i].value};
        if (equals(text, name, ":method"))
            request->method = value;
        else if (equals(text, name, ":path"))
            request->target = value;
        else if (!equals(text, name, ":scheme"))
            x->headers[request->n_headers++] = (struct kfs_http_header){{text, name}, value};
        if (equals(text, name, "content-length")) {
            for (size_t d = 0; d < value.len && length <= KFS_HTTP_BODY_BYTES_MAX; d++)
                length = length * 10 + (uint64_t)(((const char *)value.data)[d] - '0');
        }
        text += name + value.len;
    }
    x->no_body = request->method.len == 4 && memcmp(request->method.data, "HEAD", 4) == 0;
    return length;
}

/* The head is whole: makes the exchange. */
static void take_head(struct kfs_http_conn *conn, int32_t stream, bool ends)
{
    struct kfs_http2 *h2 = conn->h2;
    struct fields *fields = h2->fields;
    struct kfs_http_exchange *x = NULL;

    h2->fields = NULL;
    if (!fields->failed)
        x = kfs_http_exchange_new(conn, fields->n, fields->text.len + 1);
    if (x == NULL) {
        conn->dead = true;
        goto out;
    }
    x->stream = stream;
    x->began_ms = conn->loop->now_ms;
    uint64_t length = set_request(x, fields);
    (void)nghttp2_session_set_stream_user_data(h2->session, stream, x);
    if (!ends)
        enter(x, RECEIVING);
    if (fields->too_large || x->request.n_headers > KFS_HTTP_HEADERS_MAX)
        refuse(conn, x, 431);
    else if (length > KFS_HTTP_BODY_BYTES_MAX)
        refuse(conn, x, 413);
    else if (ends)
        complete(conn, x);
out:
    kfs_buf_release(&fields->text);
    free(fields);
}

/* ---- what nghttp2 calls ---- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct kfs_http_conn *conn = arg;

    (void)session;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    if (conn->h2->fields != NULL) { /* of a head that nghttp2 found to be bad */
        kfs_buf_release(&conn->h2->fields->text);
        free(conn->h2->fields);
    }
    conn->h2->fields = calloc(1, sizeof *conn->h2->fields);
    if (conn->h2->fields == NULL)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    kfs_buf_init(&conn->h2->fields->text, KFS_HTTP_HEAD_BYTES_MAX);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name, nghttp2_rcbuf *value,
                     uint8_t flags, void *arg)
{
    struct fields *fields = ((struct kfs_http_conn *)arg)->h2->fields;
    nghttp2_vec n = nghttp2_rcbuf_get_buf(name);
    nghttp2_vec v = nghttp2_rcbuf_get_buf(value);

    (void)session;
    (void)flags;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST || fields == NULL)
        return 0; /* trailers are of no interest */
    if (fields->n == sizeof fields->field / sizeof fields->field[0])
        fields->too_large = true;
    if (fields->too_large || fields->failed)
        return 0;
    int rc = kfs_buf_reserve(&fields->text, n.len + v.len);
    fields->too_large = rc == -EMSGSIZE;
    fields->failed = rc == -ENOMEM;
    if (rc != 0)
        return 0;
    (void)kfs_buf_append(&fields->text, n.base, n.len);
    (void)kfs_buf_append(&fields->text, v.base, v.len);
    fields->field[fields->n++] = (struct field){(uint32_t)n.len, (uint32_t)v.len};
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct kfs_http_conn *conn = arg;
    bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST && conn->h2->fields != NULL) {
        take_head(conn, frame->hd.stream_id, ends);
    } else if (ends && (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA)) {
        struct kfs_http_exchange *x = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
        if (x != NULL && x->list == RECEIVING)
            complete(conn, x);
    }
    return 0;
}

static bool may_credit(struct kfs_http_conn *conn, const struct kfs_http_exchange *x)
{
    return x == conn->h2->lists[RECEIVING] || !kfs_http_budget_full(conn->loop->server);
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data, size_t len, void *arg)
{
    struct kfs_http_conn *conn = arg;
    struct kfs_http_exchange *x = nghttp2_session_get_stream_user_data(session, stream);

    (void)flags;
    if (nghttp2_session_consume_connection(session, len) != 0)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (x == NULL || x->list != RECEIVING)
        return nghttp2_session_consume_stream(session, stream, len) == 0 ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
    if (len > KFS_HTTP_BODY_BYTES_MAX - x->body_len) {
        refuse(conn, x, 413);
        return nghttp2_session_consume_stream(session, stream, len) == 0 ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    if (kfs_http_exchange_reserve(x, len, KFS_HTTP_BODY_BYTES_MAX) != 0)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    memcpy(x->body + x->body_len, data, len);
    x->body_len += len;
    if (may_credit(conn, x))
        return nghttp2_session_consume_stream(session, stream, len) == 0 ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
    x->uncredited += len;
    conn->h2->uncredited += len;
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t error, void *arg)
{
    struct kfs_http_conn *conn = arg;
    struct kfs_http_exchange *x = nghttp2_session_get_stream_user_data(session, stream);

    (void)error;
    conn->active_ms = conn->loop->now_ms;
    if (x == NULL)
        return 0;
    (void)nghttp2_session_set_stream_user_data(session, stream, NULL);
    leave(x);
    conn->h2->unsent -= x->data.bytes;
    kfs_http_exchange_lose(x);
    return 0;
}

/* ---- the connection's part ---- */

static size_t input(struct kfs_http_conn *conn, const char *data, size_t len)
{
    if (nghttp2_session_mem_recv(conn->h2->session, (const uint8_t *)data, len) < 0)
        conn->dead = true;
    return len;
}

static bool blocked(const struct kfs_http_conn *conn)
{
    (void)conn;
    return false;
}

static void give_credit(struct kfs_http_conn *conn)
{
    struct kfs_http2 *h2 = conn->h2;

    for (struct kfs_http_exchange *x = h2->lists[RECEIVING]; x != NULL && h2->uncredited > 0; x = x->next_listed) {
        if (x->uncredited == 0 || !may_credit(conn, x))
            continue;
        if (nghttp2_session_consume_stream(h2->session, x->stream, x->uncredited) != 0)
            conn->dead = true;
        h2->uncredited -= x->uncredited;
        x->uncredited = 0;
    }
}

static void output(struct kfs_http_conn *conn)
{
    struct kfs_http2 *h2 = conn->h2;
    const uint8_t *data;
    ssize_t n = 1;

    if (h2->uncredited > 0)
        give_credit(conn);
    dispatch_held(conn);
    while (conn->out.bytes < KFS_HTTP_OUT_HIGH && !conn->dead) {
        n = nghttp2_session_mem_send(h2->session, &data);
        if (n == 0)
            break;
        if (n < 0 || kfs_http_queue_append(&conn->out, data, (size_t)n) != 0)
            conn->dead = true;
    }
    if (!nghttp2_session_want_read(h2->session) && !nghttp2_session_want_write(h2->session))
        conn->last = true;
}

static uint64_t request_deadline(const struct kfs_http_conn *conn)
{
    const struct kfs_http_exchange *receiving = conn->h2->lists[RECEIVING];
    const struct kfs_http_exchange *unwanted = conn->h2->lists[UNWANTED];
    uint64_t due = unwanted == NULL ? KFS_HTTP_NEVER : unwanted->began_ms + UNWANTED_MS;

    if (receiving != NULL) {
        uint64_t since = receiving->began_ms > conn->resumed_ms ? receiving->began_ms : conn->resumed_ms;
        uint64_t end = since + kfs_http_request_timeout_ms(conn->loop->server);
        due = end < due ? end : due;
    }
    return due;
}

static void expired(struct kfs_http_conn *conn)
{
    struct kfs_http2 *h2 = conn->h2;
    struct kfs_http_exchange *x = h2->lists[UNWANTED];

    if (x == NULL || x->began_ms + UNWANTED_MS > conn->loop->now_ms) {
        refuse(conn, h2->lists[RECEIVING], 408);
        return;
    }
    leave(x);
    if (nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, x->stream, NGHTTP2_NO_ERROR) != 0)
        conn->dead = true;
}

static bool quiet(const struct kfs_http_conn *conn)
{
    return conn->exchanges == NULL;
}

static size_t unsent(const struct kfs_http_conn *conn)
{
    return conn->h2->unsent;
}

static void goodbye(struct kfs_http_conn *conn)
{
    nghttp2_session *session = conn->h2->session;
    int32_t last = nghttp2_session_get_last_proc_stream_id(session);

    if (nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0) != 0)
        conn->dead = true;
}

static void release(struct kfs_http_conn *conn)
{
    struct kfs_http2 *h2 = conn->h2;

    nghttp2_session_del(h2->session);
    if (h2->fields != NULL)
        kfs_buf_release(&h2->fields->text);
    free(h2->fields);
    free(h2);
}

static int open_session(struct kfs_http_conn *conn)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS_MAX},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, KFS_HTTP_HEAD_BYTES_MAX + KFS_HTTP_HEADERS_MAX * FIELD_OVERHEAD},
    };
    struct kfs_http2 *h2 = conn->h2;
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    int rc = nghttp2_session_callbacks_new(&callbacks);

    if (rc != 0 || (rc = nghttp2_option_new(&option)) != 0)
        goto out;
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_outbound_ack(option, ACKS_MAX);
    rc = nghttp2_session_server_new2(&h2->session, callbacks, conn, option);
    if (rc == 0)
        rc = nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings, sizeof settings / sizeof settings[0]);
    if (rc == 0)
        rc = nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW);
out:
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return rc;
}

int kfs_http2_start(struct kfs_http_conn *conn)
{
    struct kfs_http2 *h2 = calloc(1, sizeof *h2);

    if (h2 == NULL)
        return -ENOMEM;
    conn->h2 = h2;
    if (open_session(conn) != 0) {
        nghttp2_session_del(h2->session);
        free(h2);
        conn->h2 = NULL;
        return -ENOMEM;
    }
    conn->proto = &kfs_http2;
    return 0;
}

const struct kfs_http_proto kfs_http2 = {
    .version = 2,
    .input = input,
    .blocked = blocked,
    .output = output,
    .deadline = request_deadline,
    .expired = expired,
    .quiet = quiet,
    .unsent = unsent,
    .goodbye = goodbye,
    .release = release,
    .respond = respond,
    .begin = begin,
    .write = write_data,
    .end = end,
};
