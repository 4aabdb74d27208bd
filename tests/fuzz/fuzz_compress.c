/* gzip and zstd: the first byte chooses, and how much may come out. What comes out
 * never exceeds that, and comes back when it is compressed. */
#include <errno.h>
#include <string.h>

#include "backend/codec/compress.h"
#include "tests/fuzz/fuzz.h"

#define OUTPUT_MAX ((size_t)1 << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct kfs_compression *kind;
    struct kfs_buf out;
    struct kfs_buf small;
    struct kfs_buf back;
    void *context;
    int rc;

    if (size == 0)
        return 0;
    kind = data[0] % 2 == 0 ? &kfs_gzip : &kfs_zstd;
    context = kind->context_new();
    REQUIRE(context != NULL);
    kfs_buf_init(&out, data[0] < 2 ? OUTPUT_MAX : data[0]);
    kfs_buf_init(&small, 2 * OUTPUT_MAX);
    kfs_buf_init(&back, OUTPUT_MAX);

    rc = kind->expand(context, (struct kfs_bytes){data + 1, size - 1}, &out);
    REQUIRE(rc == 0 || ((rc == -EINVAL || rc == -EMSGSIZE) && out.len == 0));
    REQUIRE(out.cap <= out.max && out.len <= out.cap);
    if (rc == 0) {
        REQUIRE(kind->compress(context, (struct kfs_bytes){out.data, out.len}, &small) == 0);
        REQUIRE(kind->expand(context, (struct kfs_bytes){small.data, small.len}, &back) == 0);
        REQUIRE(back.len == out.len && (out.len == 0 || memcmp(back.data, out.data, out.len) == 0));
    }
    kfs_buf_release(&out);
    kfs_buf_release(&small);
    kfs_buf_release(&back);
    kind->context_free(context);
    return 0;
}
