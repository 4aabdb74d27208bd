/* Bytes that wait to be sent: a list of segments, read from its front. Not bounded
 * here; who appends looks at `bytes`. Used by one thread. */
#ifndef KFS_ENDPOINT_HTTP_QUEUE_H
#define KFS_ENDPOINT_HTTP_QUEUE_H

#include <stddef.h>
#include <sys/uio.h>

#include "backend/base/buf.h"

struct kfs_http_segment;

struct kfs_http_queue { /* all zero: empty */
    struct kfs_http_segment *head;
    struct kfs_http_segment *tail;
    size_t bytes;
};

void kfs_http_queue_clear(struct kfs_http_queue *queue);

/* Room of `len` contiguous bytes behind the last one, NULL without memory. What was written
 * there counts from kfs_http_queue_commit on. */
char *kfs_http_queue_reserve(struct kfs_http_queue *queue, size_t len);
void kfs_http_queue_commit(struct kfs_http_queue *queue, size_t len);

/* Appends a copy. -ENOMEM, and then nothing was appended. */
int kfs_http_queue_append(struct kfs_http_queue *queue, const void *data, size_t len);

/* Appends what buf holds and empties buf; large ones are taken over, not copied. -ENOMEM. */
int kfs_http_queue_take(struct kfs_http_queue *queue, struct kfs_buf *buf);

/* Moves everything from `from` to the end of `to`. */
void kfs_http_queue_move(struct kfs_http_queue *to, struct kfs_http_queue *from);

/* The first bytes as at most n vectors; how many there are. */
int kfs_http_queue_vectors(const struct kfs_http_queue *queue, struct iovec *vectors, int n);
void kfs_http_queue_consume(struct kfs_http_queue *queue, size_t len);

/* Copies and consumes at most len bytes; how many. */
size_t kfs_http_queue_read(struct kfs_http_queue *queue, void *data, size_t len);

#endif
