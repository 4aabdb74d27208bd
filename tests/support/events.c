#include "tests/support/events.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define MESSAGE_MIN 16
#define TYPE_STRING 7

static uint32_t u32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* By the definition, bit by bit. */
static uint32_t crc32_of(const unsigned char *p, size_t len)
{
    uint32_t reg = UINT32_MAX;

    for (size_t i = 0; i < len; i++) {
        reg ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            reg = reg >> 1 ^ ((reg & 1) != 0 ? 0xedb88320U : 0);
    }
    return ~reg;
}

static int read_headers(const unsigned char *p, size_t len, struct event *event)
{
    size_t at = 0;

    while (at < len) {
        size_t name_len = p[at++];
        if (event->n == EVENT_HEADERS_MAX || name_len + 3 > len - at || p[at + name_len] != TYPE_STRING)
            return -EINVAL;
        event->names[event->n] = (struct kfs_bytes){p + at, name_len};
        at += name_len + 1;
        size_t value_len = (size_t)p[at] << 8 | p[at + 1];
        at += 2;
        if (value_len > len - at)
            return -EINVAL;
        event->values[event->n++] = (struct kfs_bytes){p + at, value_len};
        at += value_len;
    }
    return 0;
}

int event_next(struct kfs_bytes *data, struct event *event)
{
    const unsigned char *p = data->data;

    *event = (struct event){0};
    if (data->len < MESSAGE_MIN)
        return -EAGAIN;
    size_t total = u32(p);
    size_t headers = u32(p + 4);
    if (crc32_of(p, 8) != u32(p + 8) || total < MESSAGE_MIN || headers > total - MESSAGE_MIN)
        return -EINVAL;
    if (total > data->len)
        return -EAGAIN;
    if (crc32_of(p, total - 4) != u32(p + total - 4) || read_headers(p + 12, headers, event) != 0)
        return -EINVAL;
    event->payload = (struct kfs_bytes){p + 12 + headers, total - MESSAGE_MIN - headers};
    *data = (struct kfs_bytes){p + total, data->len - total};
    return 0;
}

struct kfs_bytes event_header(const struct event *event, const char *name)
{
    for (size_t i = 0; i < event->n; i++) {
        if (event->names[i].len == strlen(name) && memcmp(event->names[i].data, name, strlen(name)) == 0)
            return event->values[i];
    }
    return (struct kfs_bytes){0};
}
