/* The head of an HTTP/1 response as text. */
#ifndef KFS_ENDPOINT_HTTP1_RENDER_H
#define KFS_ENDPOINT_HTTP1_RENDER_H

#include "backend/endpoint/http.h"
#include "backend/endpoint/http_queue.h"

enum kfs_http1_framing {
    KFS_HTTP1_LENGTH,  /* content-length */
    KFS_HTTP1_CHUNKED, /* transfer-encoding: chunked */
    KFS_HTTP1_CLOSE    /* until the connection closes; also for a response that has no body */
};

struct kfs_http1_head {
    const struct kfs_http_response *response;
    const char *date;
    enum kfs_http1_framing framing;
    size_t length;          /* of the body */
    const char *connection; /* "close", "keep-alive" or NULL */
};

/* Appends it to queue, with room for `more` bytes behind it in the same piece. -ENOMEM. */
int kfs_http1_render(struct kfs_http_queue *queue, const struct kfs_http1_head *head, size_t more);

/* A status that has no body and no content-length: 1xx, 204, 304. */
bool kfs_http_status_is_empty(int status);

#endif
