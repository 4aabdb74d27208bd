/* The model: any tree against any operation. The first byte chooses the codec, the
 * second the operation; the rest is the body. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/utf8.h"
#include "backend/endpoint/cbor.h"
#include "backend/endpoint/model.h"
#include "tests/fuzz/fuzz.h"

#define ARENA_BYTES ((size_t)4 << 20)

/* What an operation may rely on. */
static void check_good(const struct kfs_shape *shape, const struct kfs_value *value)
{
    for (const struct kfs_member *member = shape->members; member->name != NULL; member++) {
        const struct kfs_value *item = kfs_value_get(value, member->name);
        REQUIRE(item != NULL || !member->required);
        if (item == NULL)
            continue;
        switch (member->shape->type) {
        case KFS_SHAPE_STRING:
            REQUIRE(item->type == KFS_VALUE_STRING && kfs_utf8_valid(item->bytes.data, item->bytes.len));
            break;
        case KFS_SHAPE_INTEGER:
            REQUIRE(item->type == KFS_VALUE_NUMBER && item->whole && item->integer == (int32_t)item->integer);
            break;
        case KFS_SHAPE_BOOLEAN:
            REQUIRE(item->type == KFS_VALUE_BOOL);
            break;
        case KFS_SHAPE_BLOB:
            REQUIRE(item->type == KFS_VALUE_BYTES && item->bytes.len <= (size_t)member->shape->max);
            break;
        case KFS_SHAPE_TIMESTAMP:
            REQUIRE(item->type == KFS_VALUE_TIME && item->whole);
            break;
        case KFS_SHAPE_LIST:
        case KFS_SHAPE_MAP:
            REQUIRE(item->n >= 1 && item->n <= (size_t)member->shape->max);
            for (size_t i = 0; i < item->n; i++)
                REQUIRE(item->items[i].type != KFS_VALUE_NULL);
            break;
        case KFS_SHAPE_STRUCTURE:
            check_good(member->shape, item);
            break;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kfs_arena *arena = kfs_arena_new(ARENA_BYTES);
    struct kfs_value value = {0};
    const char *type = NULL;
    struct kfs_buf text;

    REQUIRE(arena != NULL);
    kfs_buf_init(&text, KFS_MODEL_TEXT_MAX);
    if (size > 2) {
        struct kfs_bytes body = {data + 2, size - 2};
        const struct kfs_shape *shape = kfs_operations[data[1] % kfs_n_operations].input;
        int rc = data[0] % 2 == 0 ? kfs_json_decode(arena, body, &value) : kfs_cbor_decode(arena, body, &value);
        if (rc == 0) {
            rc = kfs_model_check(shape, arena, &value, &type, &text);
            REQUIRE(rc == 0 || rc == -EINVAL || rc == -ENOMEM);
            REQUIRE(rc != -EINVAL || (type != NULL && text.len > 0 && kfs_utf8_valid(text.data, text.len)));
            if (rc == 0)
                check_good(shape, &value);
        }
    }
    kfs_buf_release(&text);
    kfs_arena_free(arena);
    return 0;
}
