#include "backend/base/eventstream.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "backend/base/crc32.h"

#define PRELUDE_BYTES 12 /* two lengths and their CRC */
#define CRC_BYTES 4
#define TYPE_STRING 7

static void put_u32(char *to, uint32_t value)
{
    to[0] = (char)(value >> 24);
    to[1] = (char)(value >> 16);
    to[2] = (char)(value >> 8);
    to[3] = (char)value;
}

static void append(struct kfs_eventstream *e, const void *data, size_t len)
{
    if (e->error == 0)
        e->error = kfs_buf_append(e->buf, data, len);
}

static void begin(struct kfs_eventstream *e, struct kfs_buf *buf)
{
    static const char prelude[PRELUDE_BYTES];

    *e = (struct kfs_eventstream){.buf = buf, .begin = buf->len};
    append(e, prelude, sizeof prelude);
}

static void put_header(struct kfs_eventstream *e, const char *name, const char *value)
{
    size_t name_len = strlen(name);
    size_t value_len = strlen(value);
    const char name_head[] = {(char)name_len};
    const char value_head[] = {TYPE_STRING, (char)(value_len >> 8), (char)value_len};

    assert(name_len <= UINT8_MAX && value_len <= INT16_MAX);
    append(e, name_head, sizeof name_head);
    append(e, name, name_len);
    append(e, value_head, sizeof value_head);
    append(e, value, value_len);
    e->headers_len += sizeof name_head + name_len + sizeof value_head + value_len;
}

/* The order of headers is the service's. */
void kfs_eventstream_event(struct kfs_eventstream *e, struct kfs_buf *buf, const char *type)
{
    begin(e, buf);
    put_header(e, ":event-type", type);
    put_header(e, ":content-type", "application/x-amz-json-1.1");
    put_header(e, ":message-type", "event");
}

void kfs_eventstream_exception(struct kfs_eventstream *e, struct kfs_buf *buf, const char *type)
{
    begin(e, buf);
    put_header(e, ":exception-type", type);
    put_header(e, ":content-type", "application/x-amz-json-1.1");
    put_header(e, ":message-type", "exception");
}

int kfs_eventstream_end(struct kfs_eventstream *e)
{
    size_t total = e->buf->len - e->begin + CRC_BYTES;
    char *message;
    char crc[CRC_BYTES];

    if (e->error == 0 && total > UINT32_MAX)
        e->error = -EMSGSIZE;
    if (e->error == 0)
        e->error = kfs_buf_reserve(e->buf, CRC_BYTES);
    if (e->error != 0) {
        e->buf->len = e->begin;
        return e->error;
    }
    message = e->buf->data + e->begin;
    put_u32(message, (uint32_t)total);
    put_u32(message + 4, (uint32_t)e->headers_len);
    put_u32(message + 8, kfs_crc32(0, message, 8));
    put_u32(crc, kfs_crc32(0, message, total - CRC_BYTES));
    append(e, crc, sizeof crc);
    return e->error;
}
