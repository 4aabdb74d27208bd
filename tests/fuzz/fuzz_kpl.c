/* KPL aggregates: bytes as they are, and as a message between magic and digest (the
 * first byte says which). What is taken stays within its bounds, and can be put
 * together again from its records. */
#include <errno.h>
#include <string.h>

#include "backend/base/crypto.h"
#include "backend/codec/kpl.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_MAX ((size_t)1 << 16)

static const struct kfs_kpl_limit limit = {10000, INPUT_MAX};

static bool same(struct kfs_bytes a, struct kfs_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static bool within(struct kfs_bytes part, struct kfs_bytes whole)
{
    const char *begin = whole.data;
    const char *at = part.data;

    return at >= begin && at + part.len <= begin + whole.len;
}

/* The same records, in an aggregate of our own. */
static void put_together(struct kfs_kpl_reader *reader, struct kfs_buf *again)
{
    const struct kfs_hash_range any = {0, KFS_HASH_MAX};
    struct kfs_kpl_writer *writer = kfs_kpl_writer_new(KFS_RECORD_BYTES_MAX, &any);
    struct kfs_kpl_record record;

    REQUIRE(writer != NULL);
    while (kfs_kpl_next(reader, &record)) {
        const struct kfs_put put = {.key = record.key,
                                    .data = record.data,
                                    .explicit_hash = record.has_explicit_hash ? &record.explicit_hash : NULL};

        REQUIRE(kfs_kpl_add(writer, &put) == 0);
    }
    REQUIRE(kfs_kpl_close(writer, again) == 0);
    kfs_kpl_writer_free(writer);
}

static void check(struct kfs_bytes data)
{
    struct kfs_kpl_reader first;
    struct kfs_kpl_reader second;
    struct kfs_kpl_record a;
    struct kfs_kpl_record b;
    struct kfs_buf again;
    int rc;

    kfs_kpl_reader_init(&first);
    kfs_kpl_reader_init(&second);
    kfs_buf_init(&again, KFS_RECORD_BYTES_MAX);
    rc = kfs_kpl_open(&first, data, &limit);
    REQUIRE(rc == 0 || rc == -EINVAL || rc == -EMSGSIZE);
    if (rc == 0) {
        const struct kfs_kpl_limit no_limit = {SIZE_MAX, SIZE_MAX};

        put_together(&first, &again);
        REQUIRE(kfs_kpl_open(&first, data, &limit) == 0);
        REQUIRE(kfs_kpl_open(&second, (struct kfs_bytes){again.data, again.len}, &no_limit) == 0);
        while (kfs_kpl_next(&first, &a)) {
            REQUIRE(within(a.key, data) && within(a.data, data));
            REQUIRE(kfs_kpl_next(&second, &b) && a.index == b.index && same(a.key, b.key) && same(a.data, b.data));
            REQUIRE(a.has_explicit_hash == b.has_explicit_hash && a.explicit_hash == b.explicit_hash);
        }
        REQUIRE(!kfs_kpl_next(&second, &b));
    }
    kfs_buf_release(&again);
    kfs_kpl_reader_release(&first);
    kfs_kpl_reader_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *framed;
    size_t len;

    if (size == 0 || size > INPUT_MAX)
        return 0;
    len = size - 1;
    if (data[0] % 2 == 0) {
        check((struct kfs_bytes){data + 1, len});
        return 0;
    }
    framed = malloc(len + 20);
    REQUIRE(framed != NULL);
    memcpy(framed, "\xf3\x89\x9a\xc2", 4);
    memcpy(framed + 4, data + 1, len);
    kfs_md5(framed + 4, len, framed + 4 + len);
    check((struct kfs_bytes){framed, len + 20});
    free(framed);
    return 0;
}
