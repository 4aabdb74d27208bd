/* Event streams: whatever is put into messages comes out of them, and where memory
 * ends nothing of a message is left. The input's first byte bounds the memory; then
 * each message is a byte for its kind, one for the payload's length, and the payload. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "backend/base/eventstream.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/events.h"

#define MESSAGES_MAX 64

static const char *const types[] = {"initial-response", "SubscribeToShardEvent", "ResourceInUseException"};

struct message {
    const char *type;
    bool exception;
    struct kfs_bytes payload;
};

static bool equals(struct kfs_bytes bytes, const char *text)
{
    return bytes.len == strlen(text) && memcmp(bytes.data, text, bytes.len) == 0;
}

static struct message take(const uint8_t **data, size_t *left)
{
    const uint8_t kind = **data;
    size_t len = *left > 1 ? (*data)[1] : 0;
    struct message m = {.type = types[kind % 3], .exception = kind % 3 == 2};

    *data += *left > 1 ? 2 : 1;
    *left -= *left > 1 ? 2 : 1;
    if (len > *left)
        len = *left;
    m.payload = (struct kfs_bytes){*data, len};
    *data += len;
    *left -= len;
    return m;
}

static int put(struct kfs_buf *buf, const struct message *m)
{
    struct kfs_eventstream e;

    (m->exception ? kfs_eventstream_exception : kfs_eventstream_event)(&e, buf, m->type);
    if (e.error == 0)
        e.error = kfs_buf_append(buf, m->payload.data, m->payload.len);
    return kfs_eventstream_end(&e);
}

static void check(struct kfs_bytes *rest, const struct message *m)
{
    struct event event;

    REQUIRE(event_next(rest, &event) == 0);
    REQUIRE(equals(event_header(&event, m->exception ? ":exception-type" : ":event-type"), m->type));
    REQUIRE(equals(event_header(&event, ":message-type"), m->exception ? "exception" : "event"));
    REQUIRE(event.payload.len == m->payload.len);
    REQUIRE(m->payload.len == 0 || memcmp(event.payload.data, m->payload.data, m->payload.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message kept[MESSAGES_MAX];
    struct kfs_buf buf;
    size_t n = 0;

    if (size == 0)
        return 0;
    kfs_buf_init(&buf, (size_t)data[0] * 64);
    data++;
    size--;
    for (size_t i = 0; size > 0 && i < MESSAGES_MAX; i++) {
        const struct message m = take(&data, &size);
        size_t before = buf.len;
        int rc = put(&buf, &m);
        REQUIRE(rc == 0 || (rc == -EMSGSIZE && buf.len == before));
        if (rc == 0)
            kept[n++] = m;
    }
    struct kfs_bytes rest = {buf.data, buf.len};
    for (size_t i = 0; i < n; i++)
        check(&rest, &kept[i]);
    REQUIRE(rest.len == 0);
    kfs_buf_release(&buf);
    return 0;
}
