/* Reading AWS event streams (backend/base/eventstream.h), for tests. */
#ifndef KFS_TESTS_EVENTS_H
#define KFS_TESTS_EVENTS_H

#include <stddef.h>

#include "backend/base/buf.h"

#define EVENT_HEADERS_MAX 8

struct event {
    struct kfs_bytes names[EVENT_HEADERS_MAX];
    struct kfs_bytes values[EVENT_HEADERS_MAX]; /* all of them strings */
    size_t n;
    struct kfs_bytes payload;
};

/* Takes the first message off data; views of it. 0; -EAGAIN: it is not all there; -EINVAL: it is none. */
int event_next(struct kfs_bytes *data, struct event *event);

/* The value of a header; empty where there is none. */
struct kfs_bytes event_header(const struct event *event, const char *name);

#endif
