#include "backend/base/eventstream.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "backend/base/crc32.h"

#define PRELUDE_BYTES 12
#define CRC_BYTES 4
#define TYPE_STRING 7
#define LENGTH_FOLLOWS UINT8_MAX

/* Bytes of a value by its type: true, false, byte, short, int, long, bytes, string, timestamp, UUID. */
static const uint8_t value_bytes[] = {0, 0, 1, 2, 4, 8, LENGTH_FOLLOWS, LENGTH_FOLLOWS, 8, 16};

static uint32_t get_u32(const char *at)
{
    const unsigned char *p = (const unsigned char *)at;

    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Takes n bytes off; false: there are not so many. */
static bool take(struct kfs_bytes *from, size_t n, struct kfs_bytes *piece)
{
    if (from->len < n)
        return false;
    *piece = (struct kfs_bytes){from->data, n};
    from->data = (const char *)from->data + n;
    from->len -= n;
    return true;
}

/* A length of `size` bytes and what it counts. */
static bool take_counted(struct kfs_bytes *from, size_t size, struct kfs_bytes *piece)
{
    struct kfs_bytes head;
    size_t n = 0;

    if (!take(from, size, &head))
        return false;
    for (size_t i = 0; i < size; i++)
        n = n << 8 | ((const unsigned char *)head.data)[i];
    return take(from, n, piece);
}

static void keep(struct kfs_eventstream_message *m, struct kfs_bytes name, struct kfs_bytes value)
{
    const struct {
        const char *name;
        struct kfs_bytes *value;
    } known[] = {{":message-type", &m->message_type},
                 {":event-type", &m->event_type},
                 {":exception-type", &m->exception_type},
                 {":error-code", &m->error_code},
                 {":error-message", &m->error_message}};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (name.len == strlen(known[i].name) && memcmp(name.data, known[i].name, name.len) == 0)
            *known[i].value = value;
}

static bool take_header(struct kfs_bytes *headers, struct kfs_eventstream_message *m)
{
    struct kfs_bytes name;
    struct kfs_bytes type;
    struct kfs_bytes value;
    size_t number;

    if (!take_counted(headers, 1, &name) || name.len == 0 || !take(headers, 1, &type))
        return false;
    number = *(const unsigned char *)type.data;
    if (number >= sizeof value_bytes)
        return false;
    if (value_bytes[number] == LENGTH_FOLLOWS ? !take_counted(headers, 2, &value)
                                              : !take(headers, value_bytes[number], &value))
        return false;
    if (number == TYPE_STRING)
        keep(m, name, value);
    return true;
}

int kfs_eventstream_next(struct kfs_bytes *data, size_t max, struct kfs_eventstream_message *message)
{
    const char *begin = data->data;
    struct kfs_eventstream_message m = {0};
    struct kfs_bytes headers;
    size_t total;
    size_t headers_len;

    if (data->len < PRELUDE_BYTES)
        return -EAGAIN;
    total = get_u32(begin);
    headers_len = get_u32(begin + 4);
    if (kfs_crc32(0, begin, 8) != get_u32(begin + 8) || total < PRELUDE_BYTES + CRC_BYTES ||
        headers_len > total - PRELUDE_BYTES - CRC_BYTES)
        return -EINVAL;
    if (total > max)
        return -EMSGSIZE;
    if (data->len < total)
        return -EAGAIN;
    if (kfs_crc32(0, begin, total - CRC_BYTES) != get_u32(begin + total - CRC_BYTES))
        return -EINVAL;
    headers = (struct kfs_bytes){begin + PRELUDE_BYTES, headers_len};
    while (headers.len > 0)
        if (!take_header(&headers, &m))
            return -EINVAL;
    m.payload =
        (struct kfs_bytes){begin + PRELUDE_BYTES + headers_len, total - PRELUDE_BYTES - CRC_BYTES - headers_len};
    *message = m;
    data->data = begin + total;
    data->len -= total;
    return 0;
}

/* ---- in pieces ---- */

void kfs_eventstream_feed_init(struct kfs_eventstream_feed *feed, size_t max, size_t piece_max)
{
    feed->taken = 0;
    feed->max = max;
    kfs_buf_init(&feed->buf, max + piece_max);
}

void kfs_eventstream_feed_release(struct kfs_eventstream_feed *feed)
{
    kfs_buf_release(&feed->buf);
    feed->taken = 0;
}

int kfs_eventstream_feed_add(struct kfs_eventstream_feed *feed, struct kfs_bytes piece)
{
    struct kfs_buf *buf = &feed->buf;

    if (feed->taken == buf->len) {
        kfs_eventstream_feed_release(
            feed); /* it may have grown to a large message: a stream that rests holds nothing */
    } else if (feed->taken > 0) {
        buf->len -= feed->taken;
        memmove(buf->data, buf->data + feed->taken, buf->len);
        feed->taken = 0;
    }
    return kfs_buf_append(buf, piece.data, piece.len);
}

int kfs_eventstream_feed_next(struct kfs_eventstream_feed *feed, struct kfs_eventstream_message *message)
{
    if (kfs_eventstream_feed_is_whole(feed))
        return -EAGAIN;
    struct kfs_bytes rest = {feed->buf.data + feed->taken, feed->buf.len - feed->taken};
    int rc = kfs_eventstream_next(&rest, feed->max, message);
    feed->taken = feed->buf.len - rest.len;
    return rc;
}

bool kfs_eventstream_feed_is_whole(const struct kfs_eventstream_feed *feed)
{
    return feed->taken == feed->buf.len;
}
