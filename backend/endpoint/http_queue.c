#include "backend/endpoint/http_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 960    /* of the first segment: a small answer, in memory that the C library has at hand */
#define SEGMENT_BYTES 4096 /* of those that follow, in which copies are gathered */
#define COPY_MAX 16384     /* a larger body is cheaper to take over than to copy */

struct kfs_http_segment {
    struct kfs_http_segment *next;
    char *data;  /* own, or taken */
    char *taken; /* to be freed, NULL where data is own */
    size_t begin;
    size_t end;
    size_t cap; /* a taken segment is full */
    char own[];
};

static void segment_free(struct kfs_http_segment *segment)
{
    free(segment->taken);
    free(segment);
}

static struct kfs_http_segment *segment_add(struct kfs_http_queue *queue, size_t cap)
{
    struct kfs_http_segment *segment = malloc(sizeof *segment + cap);

    if (segment == NULL)
        return NULL;
    *segment = (struct kfs_http_segment){.data = segment->own, .cap = cap};
    if (queue->tail != NULL)
        queue->tail->next = segment;
    else
        queue->head = segment;
    queue->tail = segment;
    return segment;
}

void kfs_http_queue_clear(struct kfs_http_queue *queue)
{
    while (queue->head != NULL) {
        struct kfs_http_segment *segment = queue->head;
        queue->head = segment->next;
        segment_free(segment);
    }
    *queue = (struct kfs_http_queue){0};
}

char *kfs_http_queue_reserve(struct kfs_http_queue *queue, size_t len)
{
    struct kfs_http_segment *tail = queue->tail;
    size_t cap = tail == NULL ? FIRST_BYTES : SEGMENT_BYTES;

    if (tail == NULL || tail->cap - tail->end < len)
        tail = segment_add(queue, len > cap ? len : cap);
    return tail == NULL ? NULL : tail->data + tail->end;
}

void kfs_http_queue_commit(struct kfs_http_queue *queue, size_t len)
{
    queue->tail->end += len;
    queue->bytes += len;
}

int kfs_http_queue_append(struct kfs_http_queue *queue, const void *data, size_t len)
{
    if (len == 0)
        return 0;
    char *to = kfs_http_queue_reserve(queue, len);
    if (to == NULL)
        return -ENOMEM;
    memcpy(to, data, len);
    kfs_http_queue_commit(queue, len);
    return 0;
}

int kfs_http_queue_take(struct kfs_http_queue *queue, struct kfs_buf *buf)
{
    int rc = 0;

    if (buf->len > COPY_MAX) {
        struct kfs_http_segment *segment = segment_add(queue, 0);
        if (segment == NULL)
            return -ENOMEM;
        segment->data = buf->data;
        segment->taken = buf->data;
        segment->end = buf->len;
        segment->cap = buf->len;
        queue->bytes += buf->len;
        kfs_buf_init(buf, buf->max);
    } else {
        rc = kfs_http_queue_append(queue, buf->data, buf->len);
        kfs_buf_release(buf);
    }
    return rc;
}

void kfs_http_queue_move(struct kfs_http_queue *to, struct kfs_http_queue *from)
{
    if (from->head == NULL)
        return;
    if (to->tail != NULL)
        to->tail->next = from->head;
    else
        to->head = from->head;
    to->tail = from->tail;
    to->bytes += from->bytes;
    *from = (struct kfs_http_queue){0};
}

int kfs_http_queue_vectors(const struct kfs_http_queue *queue, struct iovec *vectors, int n)
{
    int used = 0;

    for (struct kfs_http_segment *s = queue->head; s != NULL && used < n; s = s->next) {
        if (s->end > s->begin)
            vectors[used++] = (struct iovec){s->data + s->begin, s->end - s->begin};
    }
    return used;
}

void kfs_http_queue_consume(struct kfs_http_queue *queue, size_t len)
{
    queue->bytes -= len;
    while (queue->head != NULL) {
        struct kfs_http_segment *segment = queue->head;
        size_t n = segment->end - segment->begin;

        if (n > len) {
            segment->begin += len;
            return;
        }
        len -= n;
        queue->head = segment->next;
        if (queue->head == NULL)
            queue->tail = NULL;
        segment_free(segment);
    }
}

size_t kfs_http_queue_read(struct kfs_http_queue *queue, void *data, size_t len)
{
    size_t done = 0;

    while (done < len && queue->bytes > 0) {
        struct kfs_http_segment *s = queue->head;
        size_t n = s->end - s->begin;

        n = n < len - done ? n : len - done;
        memcpy((char *)data + done, s->data + s->begin, n);
        kfs_http_queue_consume(queue, n);
        done += n;
    }
    return done;
}
