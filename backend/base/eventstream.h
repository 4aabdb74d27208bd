/* AWS event streams, application/vnd.amazon.eventstream: messages with headers and
 * a payload, one after the other. All numbers are big-endian:
 *
 *   u32 bytes of the whole message
 *   u32 bytes of the headers
 *   u32 CRC-32 of the eight bytes before
 *   headers: u8 length, name, u8 type, value; the value of a string (type 7) is u16 length, text
 *   payload
 *   u32 CRC-32 of everything before
 *
 * Source: AWS's documentation of the encoding, and messages of the service. */
#ifndef KFS_BASE_EVENTSTREAM_H
#define KFS_BASE_EVENTSTREAM_H

#include <stdbool.h>

#include "backend/base/buf.h"

/* A message before its payload is known: the payload is then appended to buf, and the
 * message ended. For one message at a time. */
struct kfs_eventstream {
    struct kfs_buf *buf;
    size_t begin;       /* of the message in buf */
    size_t headers_len; /* bytes */
    int error;          /* the first of appending to buf; told by the end */
};

/* An event, its payload in JSON; "initial-response" is what a stream must begin with, with payload {}. */
void kfs_eventstream_event(struct kfs_eventstream *e, struct kfs_buf *buf, const char *type);

/* An error, such as "ResourceInUseException", its payload {"message":...}. */
void kfs_eventstream_exception(struct kfs_eventstream *e, struct kfs_buf *buf, const char *type);

/* Fills in lengths and CRCs. 0; -EMSGSIZE, -ENOMEM: then buf is as it was before the message. */
int kfs_eventstream_end(struct kfs_eventstream *e);

/* A message that was received: views of it, empty where it has no such header. */
struct kfs_eventstream_message {
    struct kfs_bytes message_type;   /* event, exception, error */
    struct kfs_bytes event_type;     /* of an event */
    struct kfs_bytes exception_type; /* of an exception */
    struct kfs_bytes error_code;     /* of an error, and */
    struct kfs_bytes error_message;
    struct kfs_bytes payload;
};

/* Takes the first message off data. 0; -EAGAIN: it is not all there; -EINVAL: it is none; -EMSGSIZE: it would be
 * longer than max bytes. */
int kfs_eventstream_next(struct kfs_bytes *data, size_t max, struct kfs_eventstream_message *message);

/* A stream that comes in pieces: each is added, and then messages are taken until there are no more. Holds what is no
 * whole message yet. */
struct kfs_eventstream_feed {
    struct kfs_buf buf;
    size_t taken; /* bytes of buf */
    size_t max;   /* bytes of a message */
};

void kfs_eventstream_feed_init(struct kfs_eventstream_feed *feed, size_t max, size_t piece_max);
void kfs_eventstream_feed_release(struct kfs_eventstream_feed *feed);

/* -ENOMEM; -EMSGSIZE: the piece is larger than piece_max. */
int kfs_eventstream_feed_add(struct kfs_eventstream_feed *feed, struct kfs_bytes piece);

/* As kfs_eventstream_next; views are valid until the next add or release. -EAGAIN: add more. */
int kfs_eventstream_feed_next(struct kfs_eventstream_feed *feed, struct kfs_eventstream_message *message);

/* Whether what was added ended with a whole message. */
bool kfs_eventstream_feed_is_whole(const struct kfs_eventstream_feed *feed);

#endif
