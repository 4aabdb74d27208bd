/* HTTP/2: whatever follows the preface, in whatever pieces, the connection ends without a leak. */
#include "tests/fuzz/http_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
    struct kfs_buf text;

    if (size > 1U << 20)
        return 0;
    kfs_buf_init(&text, sizeof preface + size);
    REQUIRE(kfs_buf_append(&text, preface, sizeof preface) == 0); /* its NUL is the last byte of SETTINGS */
    REQUIRE(kfs_buf_append(&text, data, size) == 0);
    struct peer whole = {.data = (const uint8_t *)text.data, .size = text.len, .piece = text.len};
    struct peer pieces = {.data = (const uint8_t *)text.data, .size = text.len, .piece = text.len % 61 + 1};
    converse(&whole);
    converse(&pieces);
    kfs_buf_release(&whole.answers);
    kfs_buf_release(&pieces.answers);
    kfs_buf_release(&text);
    return 0;
}
