/* AWS event streams, application/vnd.amazon.eventstream: messages with headers and
 * a payload, one after the other. All numbers are big-endian:
 *
 *   u32 bytes of the whole message
 *   u32 bytes of the headers
 *   u32 CRC-32 of the eight bytes before
 *   headers: u8 length, name, u8 type (7: string), u16 length, value
 *   payload
 *   u32 CRC-32 of everything before
 *
 * Source: AWS's documentation of the encoding, and messages of the service. */
#ifndef KFS_BASE_EVENTSTREAM_H
#define KFS_BASE_EVENTSTREAM_H

#include "backend/base/buf.h"

#define KFS_EVENTSTREAM_TYPE "application/vnd.amazon.eventstream"

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

#endif
