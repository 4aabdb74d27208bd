/* The stage between stored records and a framing. The first byte chooses framing and coding, and whether the rest is a
 * record's data or stands in it between magic and digest of an aggregate. What is measured is what is rendered, within
 * its bounds, and again the same; what is no piece of the coding is shown as it is. */
#include <errno.h>
#include <string.h>

#include "backend/base/crypto.h"
#include "fs/decoder.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_MAX ((size_t)1 << 16)
#define SHARD 7

static const struct kfs_framing *const framings[] = {&kfs_framing_lines, &kfs_framing_nul, &kfs_framing_raw,
                                                     &kfs_framing_len, &kfs_framing_json};
static const struct kfs_compression *const compressions[] = {NULL, &kfs_gzip, &kfs_zstd};

static void check(struct kfs_decoder *d, struct kfs_bytes data)
{
    const struct kfs_record record = {.seq = {{1}}, .data = data, .key = {"k", 1}};
    struct kfs_undecoded first;
    struct kfs_buf out;
    size_t size = 0;

    kfs_buf_init(&out, 2 * kfs_decoder_max(d));
    REQUIRE(kfs_decoder_size(d, &record, &size) == 0);
    REQUIRE(size <= kfs_decoder_max(d) && d->undecoded.records == 0);
    REQUIRE(kfs_decoder_render(d, &record, SHARD, &out) == 0);
    REQUIRE(out.len == size);
    first = d->undecoded;
    REQUIRE(!first.over || first.records > 0);
    if (kfs_decoder_frame(d) != KFS_FRAME_VARIES)
        REQUIRE(size == data.len + kfs_decoder_frame(d) && first.records == 0);
    kfs_decoder_trim(d);
    REQUIRE(kfs_decoder_render(d, &record, SHARD, &out) == 0);
    REQUIRE(out.len == 2 * size && (size == 0 || memcmp(out.data, out.data + size, size) == 0));
    REQUIRE(d->undecoded.records == 2 * first.records && d->undecoded.over == first.over);

    /* Where there is room for less, nothing is appended. */
    out.max = out.len + size / 2;
    REQUIRE(size < 2 || out.cap > out.max || kfs_decoder_render(d, &record, SHARD, &out) == -EMSGSIZE);
    REQUIRE(size < 2 || out.cap > out.max || out.len == 2 * size);
    kfs_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t n_framings = sizeof framings / sizeof framings[0];
    const size_t n_compressions = sizeof compressions / sizeof compressions[0];
    struct kfs_decoder decoder;
    struct kfs_coding coding;
    uint8_t *framed;
    size_t choice;
    size_t len;

    if (size == 0 || size > INPUT_MAX)
        return 0;
    choice = data[0];
    len = size - 1;
    const bool aggregate = choice % 2 != 0;
    choice /= 2;
    const struct kfs_framing *framing = framings[choice % n_framings];
    choice /= n_framings;
    coding.compression = compressions[choice % n_compressions];
    coding.aggregates = choice / n_compressions % 2 != 0;
    kfs_decoder_init(&decoder, framing, coding);
    framed = malloc(len + 20);
    REQUIRE(framed != NULL);
    memcpy(framed, "\xf3\x89\x9a\xc2", 4);
    memcpy(framed + 4, data + 1, len);
    kfs_md5(framed + 4, len, framed + 4 + len);
    check(&decoder, aggregate ? (struct kfs_bytes){framed, len + 20} : (struct kfs_bytes){data + 1, len});
    free(framed);
    kfs_decoder_release(&decoder);
    return 0;
}
