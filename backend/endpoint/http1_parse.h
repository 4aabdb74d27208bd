/* The head of an HTTP/1 request: where it ends, and what it says. It is parsed when it
 * is here as a whole, in the memory of its exchange.
 *
 * Where lenient parsing lets two programs see different requests (request smuggling),
 * it is refused: both framings, repeated framings or hosts, white space before a
 * colon, continued lines, bare CR. */
#ifndef KFS_ENDPOINT_HTTP1_PARSE_H
#define KFS_ENDPOINT_HTTP1_PARSE_H

#include <http_parser.h>

#include "backend/endpoint/http_internal.h"

/* What is known of a head that is not complete. All zero: nothing. */
struct kfs_http1_scan {
    size_t scanned; /* bytes, up to the end of a line whose successor is not known */
    size_t lines;   /* before that */
};

#define KFS_HTTP1_INCOMPLETE (-1)

/* data is the head from its first byte. Its length with the empty line, INCOMPLETE, or the
 * status to refuse it with, negative. */
ssize_t kfs_http1_find_head(struct kfs_http1_scan *scan, const char *data, size_t len);

struct kfs_http1_request {
    struct kfs_http_exchange *x; /* given: with room for the headers and the text */
    size_t max_headers;          /* given */
    uint64_t length;             /* of the body, where not chunked and not complete */
    bool chunked;
    bool expects;  /* 100-continue */
    bool keep;     /* the connection */
    bool complete; /* there is no body */
    bool old;      /* HTTP/1.0 */
};

/* Fills x->request. 0, or the status to refuse it with. The parser is then at the body. */
int kfs_http1_parse_head(struct kfs_http1_request *head, http_parser *parser, const char *data, size_t len);

#endif
