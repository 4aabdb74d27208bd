#include "backend/endpoint/http1_render.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FIXED_BYTES 256 /* more than status line, date, framing and connection take */

bool kfs_http_status_is_empty(int status)
{
    return status < 200 || status == 204 || status == 304;
}

static const char *reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {{200, "OK"},
                   {204, "No Content"},
                   {400, "Bad Request"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {408, "Request Timeout"},
                   {413, "Content Too Large"},
                   {417, "Expectation Failed"},
                   {429, "Too Many Requests"},
                   {431, "Request Header Fields Too Large"},
                   {500, "Internal Server Error"},
                   {503, "Service Unavailable"},
                   {505, "HTTP Version Not Supported"}};

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].status == status)
            return reasons[i].text;
    }
    return "";
}

static char *add(char *to, const void *text, size_t len)
{
    if (len > 0)
        memcpy(to, text, len);
    return to + len;
}

static char *add_text(char *to, const char *text)
{
    return add(to, text, strlen(text));
}

static char *add_number(char *to, size_t number)
{
    char digits[20];
    size_t n = sizeof digits;

    do {
        digits[--n] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return add(to, digits + n, sizeof digits - n);
}

static char *add_status(char *to, int status)
{
    to = add_text(to, "HTTP/1.1 ");
    to = add_number(to, (size_t)status);
    to = add_text(to, " ");
    to = add_text(to, reason(status));
    return add_text(to, "\r\n");
}

int kfs_http1_render(struct kfs_http_queue *queue, const struct kfs_http1_head *head, size_t more)
{
    const struct kfs_http_response *response = head->response;
    size_t size = FIXED_BYTES + more;

    for (size_t i = 0; i < response->n_headers; i++)
        size += response->headers[i].name.len + response->headers[i].value.len + 4;
    char *begin = kfs_http_queue_reserve(queue, size);
    if (begin == NULL)
        return -ENOMEM;
    char *to = add_status(begin, response->status);
    for (size_t i = 0; i < response->n_headers; i++) {
        to = add(to, response->headers[i].name.data, response->headers[i].name.len);
        to = add(to, ": ", 2);
        to = add(to, response->headers[i].value.data, response->headers[i].value.len);
        to = add(to, "\r\n", 2);
    }
    to = add_text(to, "date: ");
    to = add_text(to, head->date);
    if (head->framing == KFS_HTTP1_LENGTH) {
        to = add_text(to, "\r\ncontent-length: ");
        to = add_number(to, head->length);
    } else if (head->framing == KFS_HTTP1_CHUNKED) {
        to = add_text(to, "\r\ntransfer-encoding: chunked");
    }
    if (head->connection != NULL) {
        to = add_text(to, "\r\nconnection: ");
        to = add_text(to, head->connection);
    }
    to = add_text(to, "\r\n\r\n");
    kfs_http_queue_commit(queue, (size_t)(to - begin));
    return 0;
}
