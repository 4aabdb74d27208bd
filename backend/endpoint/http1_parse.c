#include "backend/endpoint/http1_parse.h"

#include <string.h>
#include <strings.h>

ssize_t kfs_http1_find_head(struct kfs_http1_scan *scan, const char *data, size_t len)
{
    for (;;) {
        const char *line = memchr(data + scan->scanned, '\n', len - scan->scanned);
        size_t next = line == NULL ? len : (size_t)(line - data) + 1;
        if (next > KFS_HTTP_HEAD_BYTES_MAX)
            return -431;
        if (line == NULL || next == len || (data[next] == '\r' && next + 1 == len)) {
            /* The end of a line whose successor is not known yet is looked at again. */
            scan->scanned = line == NULL ? len : next - 1;
            return KFS_HTTP1_INCOMPLETE;
        }
        scan->scanned = next;
        if (++scan->lines > KFS_HTTP_HEADERS_MAX + 1)
            return -431;
        if (data[next] == ' ' || data[next] == '\t')
            return -400; /* a continued line */
        if (data[next] == '\n')
            return (ssize_t)next + 1;
        if (data[next] == '\r' && data[next + 1] == '\n')
            return (ssize_t)next + 2;
    }
}

static int on_url(http_parser *parser, const char *at, size_t len)
{
    struct kfs_http1_request *head = parser->data;

    head->x->request.target = (struct kfs_bytes){at, len};
    return 0;
}

static int on_field(http_parser *parser, const char *at, size_t len)
{
    struct kfs_http1_request *head = parser->data;
    struct kfs_http_exchange *x = head->x;
    char *name = x->text + (at - x->text);

    if (x->request.n_headers == head->max_headers)
        return 1;
    for (size_t i = 0; i < len; i++) {
        if (name[i] == ' ')
            return 1; /* the library may have been built to let it pass */
        if (name[i] >= 'A' && name[i] <= 'Z')
            name[i] = (char)(name[i] + ('a' - 'A'));
    }
    x->headers[x->request.n_headers++] = (struct kfs_http_header){.name = {at, len}};
    return 0;
}

static int on_value(http_parser *parser, const char *at, size_t len)
{
    struct kfs_http1_request *head = parser->data;
    struct kfs_http_exchange *x = head->x;

    if (x->request.n_headers == 0)
        return 1;
    while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
        len--;
    x->headers[x->request.n_headers - 1].value = (struct kfs_bytes){at, len};
    return 0;
}

static int on_head(http_parser *parser)
{
    struct kfs_http1_request *head = parser->data;

    head->length = parser->content_length;
    head->keep = http_should_keep_alive(parser) != 0;
    parser->upgrade = 0; /* an offer that is not taken */
    return 0;
}

static int on_complete(http_parser *parser)
{
    struct kfs_http1_request *head = parser->data;

    head->complete = true;
    return 0;
}

static bool is(const struct kfs_bytes *text, const char *name, size_t len)
{
    return text->len == len && strncasecmp(text->data, name, len) == 0;
}

/* Looks at the headers that frame the request: 0, or the status to refuse it with. */
static int check_headers(struct kfs_http1_request *head)
{
    const struct kfs_http_request *request = &head->x->request;
    int hosts = 0;
    int lengths = 0;
    int encodings = 0;

    for (size_t i = 0; i < request->n_headers; i++) {
        const struct kfs_bytes *name = &request->headers[i].name;
        const struct kfs_bytes *value = &request->headers[i].value;
        if (is(name, "host", 4)) {
            hosts++;
        } else if (is(name, "content-length", 14)) {
            lengths += value->len > 0 ? 1 : 2; /* the library takes an empty one for none */
        } else if (is(name, "transfer-encoding", 17)) {
            encodings += is(value, "chunked", 7) ? 1 : 2;
        } else if (is(name, "expect", 6)) {
            if (!is(value, "100-continue", 12))
                return 417;
            head->expects = true;
        }
    }
    head->chunked = encodings == 1;
    if (lengths + encodings > 1 || hosts > 1)
        return 400;
    return head->old ? (head->chunked ? 400 : 0) : (hosts == 1 ? 0 : 400);
}

/* RFC 9112, 3.2.2: what is sent to a proxy names the server too. */
static void strip_authority(struct kfs_bytes *target)
{
    static const char *const schemes[] = {"http://", "https://"};
    const char *text = target->data;

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t at = strlen(schemes[i]);
        if (target->len < at || strncasecmp(text, schemes[i], at) != 0)
            continue;
        while (at < target->len && text[at] != '/' && text[at] != '?')
            at++;
        *target = at < target->len ? (struct kfs_bytes){text + at, target->len - at} : (struct kfs_bytes){"/", 1};
        return;
    }
}

int kfs_http1_parse_head(struct kfs_http1_request *head, http_parser *parser, const char *data, size_t len)
{
    static const http_parser_settings settings = {
        .on_url = on_url,
        .on_header_field = on_field,
        .on_header_value = on_value,
        .on_headers_complete = on_head,
        .on_message_complete = on_complete,
    };
    struct kfs_http_request *request = &head->x->request;

    memcpy(head->x->text, data, len);
    http_parser_init(parser, HTTP_REQUEST);
    parser->data = head;
    size_t used = http_parser_execute(parser, &settings, head->x->text, len);
    if (HTTP_PARSER_ERRNO(parser) != HPE_OK || used != len)
        return 400;
    const char *method = http_method_str((enum http_method)parser->method);
    request->method = (struct kfs_bytes){method, strlen(method)};
    if (parser->http_major != 1 || parser->http_minor > 1)
        return parser->http_major == 0 ? 400 : 505; /* HTTP/0.9 has no version */
    head->old = parser->http_minor == 0;
    strip_authority(&request->target);
    int rc = check_headers(head);
    if (rc == 0 && !head->chunked && !head->complete && head->length > KFS_HTTP_BODY_BYTES_MAX)
        rc = 413;
    return rc;
}
