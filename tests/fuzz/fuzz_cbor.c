/* CBOR: what is decoded can be printed in CBOR, and is then the same tree. */
#include <errno.h>
#include <stdlib.h>

#include "backend/base/utf8.h"
#include "backend/endpoint/cbor.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/tree.h"

#define ARENA_BYTES ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kfs_arena *arena = kfs_arena_new(ARENA_BYTES);
    struct kfs_arena *again = kfs_arena_new(2 * ARENA_BYTES);
    struct kfs_value value = {0};
    struct kfs_value second = {0};
    struct kfs_buf text;
    struct kfs_buf coded;
    struct kfs_buf back;

    REQUIRE(arena != NULL && again != NULL);
    kfs_buf_init(&text, 16 * ARENA_BYTES);
    kfs_buf_init(&coded, 16 * ARENA_BYTES);
    kfs_buf_init(&back, 16 * ARENA_BYTES);
    int rc = kfs_cbor_decode(arena, (struct kfs_bytes){data, size}, &value);
    REQUIRE(rc == 0 || rc == -EINVAL || rc == -ENOMEM);
    if (rc == 0) {
        tree_text(KFS_CODEC_JSON, &value, &text);
        REQUIRE(kfs_utf8_valid(text.data, text.len));
        tree_text(KFS_CODEC_CBOR, &value, &coded);
        REQUIRE(kfs_cbor_decode(again, (struct kfs_bytes){coded.data, coded.len}, &second) == 0);
        tree_text(KFS_CODEC_JSON, &second, &back);
        REQUIRE(back.len == text.len && memcmp(back.data, text.data, text.len) == 0);
    }
    kfs_buf_release(&text);
    kfs_buf_release(&coded);
    kfs_buf_release(&back);
    kfs_arena_free(arena);
    kfs_arena_free(again);
    return 0;
}
