/* HTTP/1.1 and HTTP/1.0 (RFC 9112) on a connection. A head is parsed when it is here
 * as a whole, in its own memory; a body goes straight into the exchange's. One
 * request at a time: what is pipelined behind it waits, so responses are in order. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/endpoint/http1_parse.h"
#include "backend/endpoint/http1_render.h"
#include "backend/endpoint/http_internal.h"

#define FIRST_BODY_BYTES 16384 /* of a body's memory; more follows as it comes */
#define PLACE_MIN 16384        /* a rest of a body that is worth a read of its own */
#define PLACE_MAX 262144

enum state {
    HEAD,    /* waiting for, or in the middle of, a head */
    BODY,    /* of known length */
    CHUNKS,  /* chunked body */
    HANDLING /* the handler has the request */
};

struct kfs_http1 {
    enum state state;
    uint64_t began_ms; /* when the first byte of the request came; 0: none yet */
    struct kfs_http1_scan scan;
    struct kfs_http_exchange *x; /* in BODY and CHUNKS */
    http_parser parser;          /* in CHUNKS */
    uint64_t length;             /* in BODY, of the whole body */
    int error;                   /* status for a body that cannot be taken */
    bool keep;                   /* the connection, after this request */
    bool old;                    /* HTTP/1.0 */
};

static void say_continue(struct kfs_http_conn *conn)
{
    static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";

    if (kfs_http_queue_append(&conn->out, line, sizeof line - 1) != 0)
        conn->dead = true;
}

static void next_request(struct kfs_http_conn *conn)
{
    struct kfs_http1 *h1 = conn->h1;

    h1->state = HEAD;
    h1->began_ms = 0;
    h1->scan = (struct kfs_http1_scan){0};
    h1->x = NULL;
    conn->active_ms = conn->loop->now_ms;
}

/* Answers a request that the handler never sees, and closes. */
static void refuse(struct kfs_http_conn *conn, int status)
{
    struct kfs_http1 *h1 = conn->h1;
    struct kfs_http_response response = {.status = status};
    struct kfs_http1_head head = {.response = &response, .connection = "close"};

    kfs_http_count(&conn->loop->counts.bad_requests);
    if (h1->x != NULL) {
        kfs_http_exchange_free(h1->x);
        kfs_http_conn_received(conn);
    }
    next_request(conn);
    head.date = kfs_http_loop_date(conn->loop);
    if (kfs_http1_render(&conn->out, &head, 0) != 0)
        conn->dead = true;
    conn->last = true;
}

/* ---- requests ---- */

static void dispatch(struct kfs_http_conn *conn, struct kfs_http_exchange *x)
{
    conn->h1->state = HANDLING;
    conn->h1->x = NULL;
    kfs_http_exchange_dispatch(x);
}

static void begin_body(struct kfs_http_conn *conn, const struct kfs_http1_request *head, bool more)
{
    struct kfs_http1 *h1 = conn->h1;

    h1->x = head->x;
    h1->length = head->length;
    h1->state = head->chunked ? CHUNKS : BODY;
    h1->parser.data = conn;
    h1->error = 0;
    conn->receiving++;
    if (head->expects && !h1->old && !more)
        say_continue(conn);
}

/* Takes a head, once it is whole; how many bytes. */
static size_t take_head(struct kfs_http_conn *conn, const char *data, size_t len)
{
    struct kfs_http1 *h1 = conn->h1;
    struct kfs_http1_request head = {0};
    size_t blank = 0;

    if (h1->began_ms == 0) {
        while (blank < len && (data[blank] == '\r' || data[blank] == '\n'))
            blank++; /* RFC 9112, 2.2: empty lines before a request are ignored */
        if (blank == len)
            return blank;
        if (data[blank] < 'A' || data[blank] > 'Z') { /* as TLS does: who speaks it would wait until the time is over */
            refuse(conn, 400);
            return len;
        }
        h1->began_ms = conn->loop->now_ms;
    }
    ssize_t size = kfs_http1_find_head(&h1->scan, data + blank, len - blank);
    if (size == KFS_HTTP1_INCOMPLETE)
        return blank;
    if (size < 0) {
        refuse(conn, (int)-size);
        return len;
    }
    head.max_headers = h1->scan.lines - 1;
    head.x = kfs_http_exchange_new(conn, head.max_headers, (size_t)size);
    if (head.x == NULL) {
        conn->dead = true;
        return len;
    }
    int status = kfs_http1_parse_head(&head, &h1->parser, data + blank, (size_t)size);
    if (status != 0) {
        kfs_http_exchange_free(head.x);
        refuse(conn, status);
        return len;
    }
    h1->keep = head.keep;
    h1->old = head.old;
    head.x->no_body = head.x->request.method.len == 4 && memcmp(head.x->request.method.data, "HEAD", 4) == 0;
    if (head.complete)
        dispatch(conn, head.x);
    else
        begin_body(conn, &head, blank + (size_t)size < len);
    return blank + (size_t)size;
}

/* ---- bodies ---- */

static int reserve(struct kfs_http1 *h1, size_t more, uint64_t max)
{
    struct kfs_http_exchange *x = h1->x;

    if (more > KFS_HTTP_BODY_BYTES_MAX - x->body_len) {
        h1->error = 413;
        return -EMSGSIZE;
    }
    if (x->body_cap == 0 && more < FIRST_BODY_BYTES && more < max)
        more = max < FIRST_BODY_BYTES ? (size_t)max : more;
    return kfs_http_exchange_reserve(x, more, (size_t)max);
}

static void body_complete(struct kfs_http_conn *conn)
{
    struct kfs_http_exchange *x = conn->h1->x;

    kfs_http_conn_received(conn);
    dispatch(conn, x);
}

static size_t take_body(struct kfs_http_conn *conn, const char *data, size_t len)
{
    struct kfs_http1 *h1 = conn->h1;
    struct kfs_http_exchange *x = h1->x;
    size_t n = len < h1->length - x->body_len ? len : (size_t)(h1->length - x->body_len);

    if (reserve(h1, n, h1->length) != 0) {
        conn->dead = true;
        return len;
    }
    memcpy(x->body + x->body_len, data, n);
    x->body_len += n;
    if (x->body_len == h1->length)
        body_complete(conn);
    return n;
}

static int on_chunk_data(http_parser *parser, const char *at, size_t len)
{
    struct kfs_http_conn *conn = parser->data;
    struct kfs_http_exchange *x = conn->h1->x;

    if (reserve(conn->h1, len, KFS_HTTP_BODY_BYTES_MAX) != 0)
        return 1;
    memcpy(x->body + x->body_len, at, len);
    x->body_len += len;
    return 0;
}

static int on_chunks_end(http_parser *parser)
{
    http_parser_pause(parser, 1); /* what follows is another request */
    return 0;
}

static size_t take_chunks(struct kfs_http_conn *conn, const char *data, size_t len)
{
    static const http_parser_settings settings = {
        .on_body = on_chunk_data,
        .on_message_complete = on_chunks_end,
    };
    struct kfs_http1 *h1 = conn->h1;
    size_t used = http_parser_execute(&h1->parser, &settings, data, len);

    switch (HTTP_PARSER_ERRNO(&h1->parser)) {
    case HPE_OK:
        return used;
    case HPE_PAUSED:
        body_complete(conn);
        return used;
    case HPE_CB_body:
        if (h1->error != 0)
            refuse(conn, h1->error);
        else
            conn->dead = true;
        return len;
    default:
        refuse(conn, 400);
        return len;
    }
}

static size_t place(struct kfs_http_conn *conn, char **data)
{
    struct kfs_http1 *h1 = conn->h1;

    if (h1->state != BODY || h1->length - h1->x->body_len < PLACE_MIN)
        return 0;
    struct kfs_http_exchange *x = h1->x;
    size_t n = (size_t)(h1->length - x->body_len);
    size_t most = x->body_len < PLACE_MAX / 4 ? x->body_len * 4 : PLACE_MAX;
    if (most < PLACE_MIN)
        most = PLACE_MIN;
    if (n > most) /* memory in proportion to what has come, not to what was announced */
        n = most;
    if (reserve(h1, n, h1->length) != 0)
        return 0;
    *data = x->body + x->body_len;
    return n;
}

static void placed(struct kfs_http_conn *conn, size_t len)
{
    struct kfs_http1 *h1 = conn->h1;

    h1->x->body_len += len;
    if (h1->x->body_len == h1->length)
        body_complete(conn);
}

/* ---- the connection's part ---- */

static bool blocked(const struct kfs_http_conn *conn)
{
    return conn->h1->state == HANDLING ||
           (conn->h1->state == HEAD && (conn->out.bytes > KFS_HTTP_OUT_HIGH || !kfs_http_may_begin(conn)));
}

static size_t input(struct kfs_http_conn *conn, const char *data, size_t len)
{
    size_t used = 0;
    size_t n = 1;

    while (n > 0 && used < len && !conn->dead && !conn->last && !blocked(conn)) {
        switch (conn->h1->state) {
        case HEAD:
            n = take_head(conn, data + used, len - used);
            break;
        case BODY:
            n = take_body(conn, data + used, len - used);
            break;
        default:
            n = take_chunks(conn, data + used, len - used);
            break;
        }
        used += n;
    }
    return used;
}

static uint64_t request_deadline(const struct kfs_http_conn *conn)
{
    const struct kfs_http1 *h1 = conn->h1;
    uint64_t since = h1->began_ms > conn->resumed_ms ? h1->began_ms : conn->resumed_ms;

    if (h1->began_ms == 0 || h1->state == HANDLING)
        return KFS_NEVER;
    return since + kfs_http_request_timeout_ms(conn->loop->server);
}

static void expired(struct kfs_http_conn *conn)
{
    refuse(conn, 408);
}

static bool quiet(const struct kfs_http_conn *conn)
{
    return conn->h1->state == HEAD && conn->h1->began_ms == 0;
}

static size_t unsent(const struct kfs_http_conn *conn)
{
    (void)conn;
    return 0;
}

static void goodbye(struct kfs_http_conn *conn)
{
    (void)conn; /* HTTP/1 says it with a response, or by closing */
}

static void release(struct kfs_http_conn *conn)
{
    free(conn->h1);
}

/* ---- responses ---- */

static const char *connection_header(struct kfs_http_conn *conn)
{
    struct kfs_http1 *h1 = conn->h1;

    if (conn->loop->stopping)
        h1->keep = false;
    if (!h1->keep)
        return "close";
    return h1->old ? "keep-alive" : NULL;
}

static void finish(struct kfs_http_conn *conn, struct kfs_http_exchange *x)
{
    kfs_http_exchange_free(x);
    next_request(conn);
    if (!conn->h1->keep)
        conn->last = true;
}

static void respond(struct kfs_http_exchange *x, const struct kfs_http_response *response, struct kfs_buf *body)
{
    struct kfs_http_conn *conn = x->conn;
    struct kfs_http1_head head = {.response = response, .length = body == NULL ? 0 : body->len};

    head.date = kfs_http_loop_date(conn->loop);
    head.framing = kfs_http_status_is_empty(response->status) ? KFS_HTTP1_CLOSE : KFS_HTTP1_LENGTH;
    head.connection = connection_header(conn);
    bool sent = !x->no_body && head.framing == KFS_HTTP1_LENGTH && head.length > 0;
    if (kfs_http1_render(&conn->out, &head, sent && head.length < PLACE_MIN ? head.length : 0) != 0 ||
        (sent && kfs_http_queue_take(&conn->out, body) != 0))
        conn->dead = true;
    if (body != NULL)
        kfs_buf_release(body);
    finish(conn, x);
}

static void note_waiting(struct kfs_http_exchange *x)
{
    atomic_store(&x->waiting_bytes, x->conn->out.bytes);
}

static void begin(struct kfs_http_exchange *x, const struct kfs_http_response *response)
{
    struct kfs_http_conn *conn = x->conn;
    struct kfs_http1_head head = {.response = response, .framing = KFS_HTTP1_CHUNKED};

    if (conn->h1->old) { /* HTTP/1.0 has no chunks */
        conn->h1->keep = false;
        head.framing = KFS_HTTP1_CLOSE;
    }
    x->no_body = x->no_body || kfs_http_status_is_empty(response->status);
    if (kfs_http_status_is_empty(response->status))
        head.framing = KFS_HTTP1_CLOSE;
    head.date = kfs_http_loop_date(conn->loop);
    head.connection = connection_header(conn);
    if (kfs_http1_render(&conn->out, &head, 0) != 0)
        conn->dead = true;
}

static void write_chunk(struct kfs_http_exchange *x, struct kfs_http_queue *data)
{
    struct kfs_http_conn *conn = x->conn;
    char line[24];
    int len = snprintf(line, sizeof line, "%zx\r\n", data->bytes);
    bool chunked = !conn->h1->old;

    if (chunked && kfs_http_queue_append(&conn->out, line, (size_t)len) != 0)
        conn->dead = true;
    kfs_http_queue_move(&conn->out, data);
    if (chunked && kfs_http_queue_append(&conn->out, "\r\n", 2) != 0)
        conn->dead = true;
    note_waiting(x);
}

static void end(struct kfs_http_exchange *x)
{
    struct kfs_http_conn *conn = x->conn;

    if (!conn->h1->old && !x->no_body && kfs_http_queue_append(&conn->out, "0\r\n\r\n", 5) != 0)
        conn->dead = true;
    finish(conn, x);
}

static void sent(struct kfs_http_conn *conn)
{
    if (conn->streaming > 0)
        note_waiting(conn->exchanges);
}

int kfs_http1_start(struct kfs_http_conn *conn)
{
    conn->h1 = calloc(1, sizeof *conn->h1);
    if (conn->h1 == NULL)
        return -ENOMEM;
    conn->proto = &kfs_http1;
    return 0;
}

const struct kfs_http_proto kfs_http1 = {
    .version = 1,
    .input = input,
    .blocked = blocked,
    .output = sent,
    .deadline = request_deadline,
    .expired = expired,
    .quiet = quiet,
    .unsent = unsent,
    .goodbye = goodbye,
    .release = release,
    .place = place,
    .placed = placed,
    .respond = respond,
    .begin = begin,
    .write = write_chunk,
    .end = end,
};
