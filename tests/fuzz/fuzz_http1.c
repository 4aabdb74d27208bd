/* HTTP/1: whatever comes, in whatever pieces, the connection ends without a leak; and
 * the answers do not depend on the pieces. */
#include "tests/fuzz/http_memory.h"

/* Takes out what may differ: the time, and whether the client had to be told to go on. */
static void normalise(struct kfs_buf *text)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    static const char date[] = "\r\ndate: ";
    char *at = text->data;

    while (text->len > 0 && (at = memmem(at, text->len - (size_t)(at - text->data), date, sizeof date - 1)) != NULL) {
        size_t left = text->len - (size_t)(at - text->data);
        memset(at, 'd', left < 37 ? left : 37);
    }
    at = text->data;
    while (text->len > 0 && (at = memmem(at, text->len - (size_t)(at - text->data), go_on, sizeof go_on - 1)) != NULL) {
        size_t behind = (size_t)(at - text->data) + sizeof go_on - 1;
        memmove(at, text->data + behind, text->len - behind);
        text->len -= sizeof go_on - 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t piece = size > 0 ? (size_t)data[0] % 61 + 1 : 1;
    struct peer whole = {.data = data, .size = size, .piece = size + 1};
    struct peer pieces = {.data = data, .size = size, .piece = piece};

    if (size >= 3 && memcmp(data, "PRI", 3) == 0)
        return 0; /* HTTP/2 */
    converse(&whole);
    converse(&pieces);
    normalise(&whole.answers);
    normalise(&pieces.answers);
    REQUIRE(whole.answers.len == pieces.answers.len);
    REQUIRE(whole.answers.len == 0 || memcmp(whole.answers.data, pieces.answers.data, whole.answers.len) == 0);
    kfs_buf_release(&whole.answers);
    kfs_buf_release(&pieces.answers);
    return 0;
}
