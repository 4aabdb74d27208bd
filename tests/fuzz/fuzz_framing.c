/* Framings: what is cut does not depend on the pieces it arrives in; what is
 * decoded can be rendered and decoded again; any bytes survive json and len. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/utf8.h"
#include "fs/framing.h"
#include "tests/fuzz/fuzz.h"

static const struct kfs_framing *const framings[] = {&kfs_framing_lines, &kfs_framing_json, &kfs_framing_nul,
                                                     &kfs_framing_len};

static bool same(struct kfs_bytes a, struct kfs_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static void render(const struct kfs_framing *framing, const struct kfs_record *record, struct kfs_buf *out)
{
    kfs_buf_init(out, framing->rendered_size(record));
    REQUIRE(framing->render(record, 3, out) == 0);
    REQUIRE(out->len == framing->rendered_size(record));
    REQUIRE(framing->frame == KFS_FRAME_VARIES || out->len == record->data.len + framing->frame);
}

/* Renders a record as len and cuts it again. */
static void check_len(const struct kfs_record *record)
{
    struct kfs_cut cut = {0};
    struct kfs_buf out;

    render(&kfs_framing_len, record, &out);
    REQUIRE(kfs_framing_len.cut((struct kfs_bytes){out.data, out.len}, &cut, NULL) == (ssize_t)out.len);
    REQUIRE(same(cut.payload, record->data));
    kfs_buf_release(&out);
}

/* Renders a record as json and reads it back. */
static void check_round_trip(struct kfs_bytes data, struct kfs_bytes key)
{
    struct kfs_record record = {.data = data, .key = key, .arrival_ms = data.len};
    struct kfs_cut cut = {0};
    struct kfs_buf out;
    struct kfs_buf scratch;
    struct kfs_put put;

    render(&kfs_framing_lines, &record, &out);
    kfs_buf_release(&out);
    check_len(&record);
    render(&kfs_framing_json, &record, &out);
    REQUIRE(kfs_utf8_valid(out.data, out.len));
    REQUIRE(kfs_framing_json.cut((struct kfs_bytes){out.data, out.len}, &cut, NULL) == (ssize_t)out.len);
    kfs_buf_init(&scratch, out.len);
    REQUIRE(kfs_framing_json.decode(cut.payload, &put, &scratch, NULL) == 0);
    REQUIRE(same(put.data, data) && same(put.key, key));
    kfs_buf_release(&scratch);
    kfs_buf_release(&out);
}

static void check_decode(struct kfs_bytes payload)
{
    static const char key[] = "k";
    struct kfs_error err = {0};
    struct kfs_buf scratch;
    struct kfs_put put;

    kfs_buf_init(&scratch, payload.len + 1);
    int rc = kfs_framing_json.decode(payload, &put, &scratch, &err);
    REQUIRE(rc == 0 || (rc == -EINVAL && err.code == EINVAL && err.text[0] != '\0' && scratch.len == 0));
    if (rc == 0)
        check_round_trip(put.data, put.key.len > 0 ? put.key : (struct kfs_bytes){key, 1});
    kfs_buf_release(&scratch);
}

/* Cuts all records up to one that cannot be, seeing `piece` bytes more each time; returns a hash of them. */
static uint64_t cut_all(const struct kfs_framing *framing, struct kfs_bytes data, size_t piece, size_t *records)
{
    const char *bytes = data.data;
    struct kfs_cut cut = {0};
    uint64_t hash = 0;
    size_t begin = 0;
    ssize_t taken = 0;

    for (size_t end = 0; end < data.len && taken >= 0;) {
        end = data.len - end < piece ? data.len : end + piece;
        while ((taken = framing->cut((struct kfs_bytes){bytes + begin, end - begin}, &cut, NULL)) > 0) {
            const char *payload = cut.payload.data;
            REQUIRE(payload >= bytes + begin && payload + cut.payload.len <= bytes + begin + taken);
            REQUIRE(!cut.newline_follows || payload[cut.payload.len] == '\n');
            hash = hash * 31 + cut.payload.len + 1;
            begin += (size_t)taken;
            *records += 1;
        }
        REQUIRE(taken == 0 || (taken == -EINVAL && framing == &kfs_framing_len));
        REQUIRE(taken < 0 || framing != &kfs_framing_len || cut.needed <= KFS_RECORD_BYTES_MAX);
    }
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kfs_bytes all = {data, size};
    struct kfs_cut cut = {0};
    ssize_t taken;

    for (size_t i = 0; i < sizeof framings / sizeof framings[0]; i++) {
        size_t whole = 0;
        size_t pieces = 0;
        REQUIRE(cut_all(framings[i], all, size + 1, &whole) == cut_all(framings[i], all, size / 7 + 1, &pieces));
        REQUIRE(whole == pieces);
    }
    check_round_trip(all, (struct kfs_bytes){"key", 3});
    while ((taken = kfs_framing_json.cut(all, &cut, NULL)) > 0) {
        check_decode(cut.payload);
        all = (struct kfs_bytes){(const char *)all.data + taken, all.len - (size_t)taken};
    }
    check_decode(all);
    return 0;
}
