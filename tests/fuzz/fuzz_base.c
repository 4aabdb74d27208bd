/* Numbers, times, sizes and text of backend/base, and base64. The first byte says as
 * what the rest is taken. What is accepted prints, and reads as the same. */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/base64.h"
#include "backend/base/hashkey.h"
#include "backend/base/seqnum.h"
#include "backend/base/units.h"
#include "backend/base/utf8.h"
#include "tests/fuzz/fuzz.h"

static bool same_number(const char *text, size_t len, const char *printed)
{
    while (len > 1 && *text == '0') {
        text++;
        len--;
    }
    return strlen(printed) == len && memcmp(text, printed, len) == 0;
}

/* ---- sequence numbers ---- */

static void check_seq(const struct kfs_seq *seq)
{
    char text[KFS_SEQ_DIGITS_MAX + 1];
    struct kfs_seq again;
    struct kfs_seq_parts parts;

    size_t len = kfs_seq_print(seq, text);
    REQUIRE(len == strlen(text) && kfs_seq_parse(text, len, &again) == 0 && kfs_seq_cmp(seq, &again) == 0);
    if (!kfs_seq_split(seq, &parts))
        return;
    again = kfs_seq_make(&parts);
    REQUIRE(kfs_seq_cmp(seq, &again) == 0);
    again = *seq;
    kfs_seq_advance(&again, parts.created_s);
    REQUIRE(kfs_seq_cmp(&again, seq) > 0);
}

static void take_seq_text(const char *text, size_t len)
{
    char printed[KFS_SEQ_DIGITS_MAX + 1];
    struct kfs_seq seq;

    if (kfs_seq_parse(text, len, &seq) != 0)
        return;
    (void)kfs_seq_print(&seq, printed);
    REQUIRE(same_number(text, len, printed));
    check_seq(&seq);
}

static void take_seq_bytes(const char *text, size_t len)
{
    struct kfs_seq seq = {{0}};

    memcpy(seq.b, text, len < sizeof seq.b ? len : sizeof seq.b);
    check_seq(&seq);
}

/* ---- hash keys ---- */

static void take_hash_text(const char *text, size_t len)
{
    char printed[KFS_HASH_DIGITS_MAX + 1];
    kfs_hash hash;

    if (kfs_hash_parse(text, len, &hash) == 0)
        REQUIRE(kfs_hash_print(hash, printed) == len && memcmp(text, printed, len) == 0);
}

static void take_hash_bytes(const char *text, size_t len)
{
    char printed[KFS_HASH_DIGITS_MAX + 1];
    kfs_hash hash = 0;
    kfs_hash again;

    memcpy(&hash, text, len < sizeof hash ? len : sizeof hash);
    REQUIRE(kfs_hash_parse(printed, kfs_hash_print(hash, printed), &again) == 0 && again == hash);
}

/* ---- units ---- */

static void take_time(const char *text, size_t len)
{
    char printed[KFS_TIME_DIGITS + 1];
    uint64_t ms;
    uint64_t again;

    (void)len;
    if (kfs_time_parse(text, &ms) != 0)
        return;
    REQUIRE(ms <= KFS_TIME_MAX_MS && kfs_time_print(ms, printed) == KFS_TIME_DIGITS);
    REQUIRE(kfs_time_parse(printed, &again) == 0 && again == ms);
}

static void take_size(const char *text, size_t len)
{
    char printed[32];
    uint64_t value;
    uint64_t again;

    (void)len;
    if (kfs_parse_size(text, 5, UINT64_MAX - 5, &value) == 0) {
        REQUIRE(value >= 5 && value <= UINT64_MAX - 5);
        (void)snprintf(printed, sizeof printed, "%" PRIu64, value);
        REQUIRE(kfs_parse_size(printed, 0, UINT64_MAX, &again) == 0 && again == value);
    }
    if (kfs_parse_duration_ms(text, 5, UINT64_MAX - 5, &value) == 0) {
        REQUIRE(value >= 5 && value <= UINT64_MAX - 5);
        (void)snprintf(printed, sizeof printed, "%" PRIu64 "ms", value);
        REQUIRE(kfs_parse_duration_ms(printed, 0, UINT64_MAX, &again) == 0 && again == value);
    }
}

/* ---- text ---- */

/* Characters by the table of RFC 3629 section 4, read slowly; -1 where they are none. */
static ptrdiff_t count_chars(const uint8_t *p, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    ptrdiff_t chars = 0;

    for (size_t at = 0; at < len; chars++) {
        uint32_t code = p[at];
        size_t n = code < 0x80             ? 1
                   : (code & 0xe0) == 0xc0 ? 2
                   : (code & 0xf0) == 0xe0 ? 3
                   : (code & 0xf8) == 0xf0 ? 4
                                           : 0;
        if (n == 0 || n > len - at)
            return -1;
        code &= n == 1 ? 0x7fU : 0xffU >> (n + 1);
        for (size_t i = 1; i < n; i++) {
            if ((p[at + i] & 0xc0) != 0x80)
                return -1;
            code = code << 6 | (p[at + i] & 0x3f);
        }
        if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
            return -1;
        at += n;
    }
    return chars;
}

static void take_utf8(const char *text, size_t len)
{
    ptrdiff_t chars = count_chars((const uint8_t *)text, len);

    REQUIRE(kfs_utf8_valid(text, len) == (chars >= 0));
    if (chars >= 0)
        REQUIRE(kfs_utf8_count(text, len) == (size_t)chars);
}

static void take_base64(const char *text, size_t len)
{
    size_t encoded_len = kfs_base64_len(len);
    char *bytes = malloc(len + 1);
    char *encoded = malloc(encoded_len + 1);

    REQUIRE(bytes != NULL && encoded != NULL);
    ssize_t n = kfs_base64_decode(text, len, bytes);
    REQUIRE(n == -EINVAL || (n >= 0 && (size_t)n <= len / 4 * 3));
    if (n >= 0) {
        REQUIRE(kfs_base64_len((size_t)n) == len);
        kfs_base64_encode(bytes, (size_t)n, encoded);
        REQUIRE(memcmp(encoded, text, len) == 0);
    }
    kfs_base64_encode(text, len, encoded);
    REQUIRE(kfs_base64_decode(encoded, encoded_len, encoded) == (ssize_t)len && memcmp(encoded, text, len) == 0);
    free(encoded);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const takers[])(const char *text, size_t len) = {
        take_seq_text, take_seq_bytes, take_hash_text, take_hash_bytes, take_time, take_size, take_utf8, take_base64,
    };

    if (size == 0)
        return 0;
    size_t len = size - 1;
    size_t taker = data[0] % (sizeof takers / sizeof takers[0]);
    bool is_string = takers[taker] == take_time || takers[taker] == take_size;
    char *text = malloc(size); /* with a NUL, or exact */
    REQUIRE(text != NULL);
    memcpy(text, data + 1, len);
    text[len] = '\0';
    char *exact = is_string ? text : realloc(text, len > 0 ? len : 1);
    REQUIRE(exact != NULL);
    takers[taker](exact, len);
    free(exact);
    return 0;
}
