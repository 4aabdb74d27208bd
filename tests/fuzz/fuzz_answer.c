/* What an endpoint answers: a body of JSON, an error, and event streams, in pieces as they may come. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "backend/base/eventstream.h"
#include "backend/kinesis/answer.h"
#include "tests/fuzz/fuzz.h"

#define MESSAGE_MAX 4096

static void answer(struct kfs_bytes body)
{
    struct kfs_arena *arena = NULL;
    struct kfs_value value = {0};
    struct kfs_error err = {0};
    int rc = kfs_answer_decode("Fuzz", body, &arena, &value, &err);

    REQUIRE(rc == 0 ? value.type == KFS_VALUE_MAP : rc == -EHOSTUNREACH && err.retryable);
    kfs_arena_free(arena);
}

static void refusal(int status, struct kfs_bytes body)
{
    struct kfs_error err = {0};
    const struct kfs_refusal *refusal = kfs_answer_refusal("Fuzz", status, (struct kfs_bytes){"", 0}, body, &err);

    REQUIRE(refusal != NULL && err.code == refusal->number && err.retryable == refusal->retryable);
    for (const char *p = err.text; *p != '\0'; p++)
        REQUIRE((unsigned char)*p >= ' ' && *p != 0x7f);
    for (const char *p = err.aws_code; *p != '\0'; p++)
        REQUIRE(*p > ' ' && *p <= '~');
}

static void events(struct kfs_bytes data)
{
    const char *end = (const char *)data.data + data.len;
    struct kfs_eventstream_message m;
    int rc;

    while ((rc = kfs_eventstream_next(&data, MESSAGE_MAX, &m)) == 0) {
        REQUIRE((const char *)data.data + data.len == end);
        REQUIRE((const char *)m.payload.data + m.payload.len <= (const char *)data.data);
    }
    REQUIRE(rc == -EAGAIN || rc == -EINVAL || rc == -EMSGSIZE);
}

static bool is_same(struct kfs_bytes a, struct kfs_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* However it is cut, what comes out is what the whole holds. Pieces are as long as their first byte says. */
static void pieces(struct kfs_bytes whole)
{
    const char *rest = whole.data;
    struct kfs_eventstream_feed feed;
    struct kfs_eventstream_message m;
    struct kfs_eventstream_message wanted;
    size_t left = whole.len;
    int rc = -EAGAIN;

    kfs_eventstream_feed_init(&feed, MESSAGE_MAX, UINT8_MAX);
    while (left > 0 && rc == -EAGAIN) {
        size_t n = 1 + (size_t)(*(const unsigned char *)rest) % UINT8_MAX;
        n = n < left ? n : left;
        REQUIRE(kfs_eventstream_feed_add(&feed, (struct kfs_bytes){rest, n}) == 0);
        rest += n;
        left -= n;
        while ((rc = kfs_eventstream_feed_next(&feed, &m)) == 0) {
            REQUIRE(kfs_eventstream_next(&whole, MESSAGE_MAX, &wanted) == 0);
            REQUIRE(is_same(m.payload, wanted.payload) && is_same(m.event_type, wanted.event_type));
        }
    }
    if (rc == -EAGAIN)
        REQUIRE(kfs_eventstream_feed_is_whole(&feed) == (whole.len == 0));
    REQUIRE(kfs_eventstream_next(&whole, MESSAGE_MAX, &wanted) == rc);
    kfs_eventstream_feed_release(&feed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 400, 403, 404, 413, 429, 500, 503};

    if (size == 0)
        return 0;
    struct kfs_bytes text = {data + 1, size - 1};
    switch (data[0] % 3) {
    case 0:
        answer(text);
        break;
    case 1:
        refusal(statuses[data[0] / 3 % 8], text);
        break;
    default:
        events(text);
        pieces(text);
    }
    return 0;
}
