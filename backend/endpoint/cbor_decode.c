/* CBOR, RFC 8949, into a tree of values, by libcbor's streaming decoder: it
 * reports one item at a time and allocates nothing. A length that the rest of the
 * body cannot hold is refused before anything is allocated for it.
 *
 * Strings of definite length point into the body. A name of a map's member must
 * be text. Tag 1 makes a time: Amazon's clients send whole milliseconds, the RFC
 * has seconds; what is below 10^11, or floating point, counts as seconds. Big
 * numbers (tags 2 and 3) are refused, other tags ignored. */
#include <cbor.h>
#include <errno.h>
#include <string.h>

#include "backend/base/utf8.h"
#include "backend/base/value_builder.h"
#include "backend/endpoint/cbor.h"

#define TAG_TIME 1
#define TAG_BIG_NUMBER 2
#define TAG_BIG_NEGATIVE 3
#define MS_LEAST INT64_C(100000000000) /* as milliseconds: in 1973; as seconds: in the year 5138 */

/* What the callbacks' counts are has changed. */
#if CBOR_MAJOR_VERSION == 0 && CBOR_MINOR_VERSION < 10
typedef size_t count_type;
#else
typedef uint64_t count_type;
#endif

struct level {
    bool indefinite; /* ends by a break */
    bool has_key;    /* of a map: the name came, its value is next */
    struct kfs_bytes key;
    uint64_t left; /* items to come, where not indefinite; a name is one */
};

struct decode {
    struct kfs_builder b;
    struct level levels[KFS_VALUE_DEPTH_MAX]; /* of b.open */
    size_t left;                              /* bytes of the body behind the item that is being decoded, at least */
    bool is_time;                             /* tag 1 came */
    bool in_pieces;                           /* a string of indefinite length is under way */
    enum kfs_value_type pieces_type;          /* its type */
    struct kfs_buf pieces;                    /* what came of it; never more than the body */
    int rc;
};

static struct level *top(struct decode *d)
{
    return d->b.depth == 0 ? NULL : &d->levels[d->b.depth - 1];
}

static void fail(struct decode *d, int rc)
{
    if (d->rc == 0)
        d->rc = rc;
}

/* Counts an item of the open container. Gives its name in a map; false where it is not allowed here. */
static bool enter(struct decode *d, struct kfs_bytes *key)
{
    struct level *level = top(d);

    *key = (struct kfs_bytes){0};
    if (d->in_pieces || (level == NULL && d->b.n > 0))
        return false;
    if (level == NULL)
        return true;
    if (d->b.open[d->b.depth - 1].type == KFS_VALUE_MAP) {
        if (!level->has_key)
            return false;
        *key = level->key;
        level->has_key = false;
    }
    level->left -= level->indefinite ? 0 : 1;
    return true;
}

/* True where value was taken as a name. */
static bool take_key(struct decode *d, const struct kfs_value *value)
{
    struct level *level = top(d);

    if (level == NULL || level->has_key || d->is_time || d->b.open[d->b.depth - 1].type != KFS_VALUE_MAP ||
        value->type != KFS_VALUE_STRING)
        return false;
    level->key = value->bytes;
    level->has_key = true;
    level->left -= level->indefinite ? 0 : 1;
    return true;
}

static double ms_of(const struct kfs_value *value)
{
    bool is_ms = value->whole && (value->integer >= MS_LEAST || value->integer <= -MS_LEAST);

    return is_ms ? value->number : value->number * 1000;
}

static void add(struct decode *d, struct kfs_value value)
{
    if (value.type == KFS_VALUE_STRING && !kfs_utf8_valid(value.bytes.data, value.bytes.len)) {
        fail(d, -EINVAL);
        return;
    }
    if (!d->in_pieces && take_key(d, &value))
        return;
    if (!enter(d, &value.key) || (d->is_time && value.type != KFS_VALUE_NUMBER)) {
        fail(d, -EINVAL);
        return;
    }
    if (d->is_time) {
        kfs_value_set_time(&value, ms_of(&value));
        d->is_time = false;
    }
    int rc = kfs_builder_add(&d->b, &value);
    if (rc != 0)
        fail(d, rc);
}

/* ---- containers ---- */

/* count is that of its items, names included. */
static void begin(struct decode *d, enum kfs_value_type type, bool indefinite, uint64_t count)
{
    struct kfs_bytes key;
    int rc = -EINVAL;

    if (!d->is_time && count <= d->left && enter(d, &key))
        rc = kfs_builder_begin(&d->b, type, key);
    if (rc != 0) {
        fail(d, rc);
        return;
    }
    *top(d) = (struct level){.indefinite = indefinite, .left = count};
}

static void end(struct decode *d)
{
    int rc = kfs_builder_end(&d->b);

    if (rc != 0)
        fail(d, rc);
}

static void on_array(void *arg, count_type n)
{
    begin(arg, KFS_VALUE_LIST, false, n);
}

static void on_map(void *arg, count_type n)
{
    begin(arg, KFS_VALUE_MAP, false, n > SIZE_MAX / 2 ? UINT64_MAX : (uint64_t)n * 2);
}

static void on_array_start(void *arg)
{
    begin(arg, KFS_VALUE_LIST, true, 0);
}

static void on_map_start(void *arg)
{
    begin(arg, KFS_VALUE_MAP, true, 0);
}

/* ---- strings ---- */

static void string(struct decode *d, enum kfs_value_type type, const void *data, size_t len)
{
    if (!d->in_pieces) {
        add(d, (struct kfs_value){.type = type, .bytes = {data, len}});
        return;
    }
    int rc = type == d->pieces_type ? kfs_buf_append(&d->pieces, data, len) : -EINVAL;
    if (rc != 0)
        fail(d, rc);
}

static void on_string(void *arg, cbor_data data, count_type len)
{
    string(arg, KFS_VALUE_STRING, data, (size_t)len);
}

static void on_bytes(void *arg, cbor_data data, count_type len)
{
    string(arg, KFS_VALUE_BYTES, data, (size_t)len);
}

static void pieces_start(struct decode *d, enum kfs_value_type type)
{
    if (d->in_pieces || d->is_time) {
        fail(d, -EINVAL);
        return;
    }
    d->in_pieces = true;
    d->pieces_type = type;
    d->pieces.len = 0;
}

static void on_string_start(void *arg)
{
    pieces_start(arg, KFS_VALUE_STRING);
}

static void on_bytes_start(void *arg)
{
    pieces_start(arg, KFS_VALUE_BYTES);
}

static void on_break(void *arg)
{
    struct decode *d = arg;
    struct level *level = top(d);

    if (d->in_pieces) {
        char *data = kfs_arena_alloc(d->b.arena, d->pieces.len);
        if (data == NULL) {
            fail(d, -ENOMEM);
            return;
        }
        if (d->pieces.len > 0)
            memcpy(data, d->pieces.data, d->pieces.len);
        d->in_pieces = false;
        add(d, (struct kfs_value){.type = d->pieces_type, .bytes = {data, d->pieces.len}});
    } else if (level == NULL || !level->indefinite || level->has_key || d->is_time) {
        fail(d, -EINVAL);
    } else {
        end(d);
    }
}

/* ---- scalars ---- */

static void on_uint64(void *arg, uint64_t n)
{
    add(arg, n <= INT64_MAX ? kfs_value_of_int((int64_t)n) : kfs_value_of_double((double)n));
}

static void on_uint32(void *arg, uint32_t n)
{
    on_uint64(arg, n);
}

static void on_uint16(void *arg, uint16_t n)
{
    on_uint64(arg, n);
}

static void on_uint8(void *arg, uint8_t n)
{
    on_uint64(arg, n);
}

/* The number is -1 - n. */
static void on_negint64(void *arg, uint64_t n)
{
    add(arg, n <= INT64_MAX ? kfs_value_of_int(-1 - (int64_t)n) : kfs_value_of_double(-1 - (double)n));
}

static void on_negint32(void *arg, uint32_t n)
{
    on_negint64(arg, n);
}

static void on_negint16(void *arg, uint16_t n)
{
    on_negint64(arg, n);
}

static void on_negint8(void *arg, uint8_t n)
{
    on_negint64(arg, n);
}

static void on_double(void *arg, double number)
{
    add(arg, kfs_value_of_double(number));
}

static void on_float(void *arg, float number)
{
    on_double(arg, (double)number);
}

static void on_null(void *arg)
{
    add(arg, (struct kfs_value){.type = KFS_VALUE_NULL});
}

static void on_bool(void *arg, bool boolean)
{
    add(arg, (struct kfs_value){.type = KFS_VALUE_BOOL, .boolean = boolean});
}

static void on_tag(void *arg, uint64_t tag)
{
    struct decode *d = arg;

    if (d->in_pieces || tag == TAG_BIG_NUMBER || tag == TAG_BIG_NEGATIVE)
        fail(d, -EINVAL);
    d->is_time |= tag == TAG_TIME;
}

static const struct cbor_callbacks callbacks = {
    .uint8 = on_uint8,
    .uint16 = on_uint16,
    .uint32 = on_uint32,
    .uint64 = on_uint64,
    .negint8 = on_negint8,
    .negint16 = on_negint16,
    .negint32 = on_negint32,
    .negint64 = on_negint64,
    .byte_string_start = on_bytes_start,
    .byte_string = on_bytes,
    .string = on_string,
    .string_start = on_string_start,
    .indef_array_start = on_array_start,
    .array_start = on_array,
    .indef_map_start = on_map_start,
    .map_start = on_map,
    .tag = on_tag,
    .float2 = on_float,
    .float4 = on_float,
    .float8 = on_double,
    .undefined = on_null,
    .null = on_null,
    .boolean = on_bool,
    .indef_break = on_break,
};

int kfs_cbor_decode(struct kfs_arena *arena, struct kfs_bytes body, struct kfs_value *value)
{
    struct decode d = {.left = body.len};
    const unsigned char *at = body.data;

    kfs_builder_init(&d.b, arena);
    kfs_buf_init(&d.pieces, body.len);
    while (d.rc == 0 && (d.b.depth > 0 || d.b.n == 0)) {
        struct cbor_decoder_result result = cbor_stream_decode(at, d.left, &callbacks, &d);
        if (result.status != CBOR_DECODER_FINISHED) {
            fail(&d, -EINVAL);
            break;
        }
        at += result.read;
        d.left -= result.read;
        for (struct level *level = top(&d); d.rc == 0 && level != NULL && !level->indefinite && level->left == 0;
             level = top(&d))
            end(&d);
    }
    if (d.rc == 0 && d.left > 0)
        d.rc = -EINVAL;
    if (d.rc == 0)
        *value = d.b.items[0];
    kfs_buf_release(&d.pieces);
    kfs_builder_release(&d.b);
    return d.rc;
}
