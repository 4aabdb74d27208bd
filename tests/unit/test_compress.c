/* gzip and zstd by record: what other programs made, whatever goes in comes out, and
 * what is damaged, cut, followed by something or too large is refused. */
#include "backend/codec/compress.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/hex.h"

#define BOMB_BYTES ((size_t)3000000)

static const struct kfs_compression *const kinds[] = {&kfs_gzip, &kfs_zstd};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* Expands behind a byte that must stay, with room for max bytes. */
static int expand(const struct kfs_compression *kind, struct kfs_bytes from, size_t max, struct kfs_buf *to)
{
    void *context = kind->context_new();
    int rc;

    kfs_buf_init(to, max + 1);
    assert_int_equal(kfs_buf_append(to, "!", 1), 0);
    rc = kind->expand(context, from, to);
    assert_true(to->len >= 1 && to->len <= max + 1 && to->cap <= max + 1);
    assert_int_equal(to->data[0], '!');
    assert_true(rc == 0 || to->len == 1);
    kind->context_free(context);
    return rc;
}

static int expand_only(const struct kfs_compression *kind, struct kfs_bytes from, size_t max)
{
    struct kfs_buf to;
    int rc = expand(kind, from, max, &to);

    kfs_buf_release(&to);
    return rc;
}

static struct kfs_buf compress(const struct kfs_compression *kind, struct kfs_bytes from)
{
    void *context = kind->context_new();
    struct kfs_buf to;

    kfs_buf_init(&to, 2 * from.len + 1000);
    assert_int_equal(kind->compress(context, from, &to), 0);
    kind->context_free(context);
    return to;
}

static struct kfs_bytes view(const struct kfs_buf *buf)
{
    return (struct kfs_bytes){buf->data, buf->len};
}

/* ---- what other programs made ---- */

static void what_others_made(void **state)
{
    static const char hello[] = "hello, hello, hello\n";
    static const struct {
        const struct kfs_compression *kind;
        const char *hex;
        const char *text;
    } made[] = {
        /* gzip 1.12: gzip -n -9 */
        {&kfs_gzip, "1f8b0800000000000203cb48cdc9c9d751c840a2b800e7426e5214000000", hello},
        /* Python 3.11: gzip.compress(..., mtime=0) */
        {&kfs_gzip, "1f8b08000000000002032ba82cc9c8cf0300b8b8d4a406000000", "python"},
        /* zstd 1.5.4 of a pipe, so without a length; of a file with --no-check; and with
         * --ultra -22, which asks for a window of 128 MiB */
        {&kfs_zstd, "28b52ffd04587500004068656c6c6f2c200a0100e28a1121699d87", hello},
        {&kfs_zstd, "28b52ffd20147500004068656c6c6f2c200a0100e28a11", hello},
        {&kfs_zstd, "28b52ffd04887500004068656c6c6f2c200a0100e28a1121699d87", hello},
        /* a skippable frame, which holds nothing, before a frame */
        {&kfs_zstd, "502a4d1803000000ffffff28b52ffd20147500004068656c6c6f2c200a0100e28a11", hello},
    };
    uint8_t bytes[64];
    struct kfs_buf to;

    (void)state;
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        const struct kfs_bytes from = {bytes, hex_decode(made[i].hex, bytes)};
        const size_t len = strlen(made[i].text);

        assert_int_equal(expand(made[i].kind, from, len, &to), 0);
        assert_int_equal(to.len, 1 + len);
        assert_memory_equal(to.data + 1, made[i].text, len);
        kfs_buf_release(&to);
        assert_int_equal(expand_only(made[i].kind, from, len - 1), -EMSGSIZE);
    }
}

/* ---- what goes in comes out ---- */

static uint64_t seed = 1;

static uint32_t random_number(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33);
}

/* Noise, text of few letters, or one letter. */
static void fill(uint8_t *data, size_t len)
{
    uint32_t letters = random_number() % 3;

    for (size_t i = 0; i < len; i++)
        data[i] = letters == 0 ? 'a' : letters == 1 ? (uint8_t)('a' + random_number() % 4) : (uint8_t)random_number();
}

/* By one context, whose earlier work and failures leave nothing behind. */
static void any_data_comes_back(void **state)
{
    enum { LONGEST = 300000 };
    uint8_t *data = malloc(LONGEST);

    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        void *context = kinds[k]->context_new();
        struct kfs_buf small;
        struct kfs_buf back;

        kfs_buf_init(&small, 2 * (size_t)LONGEST);
        kfs_buf_init(&back, LONGEST);
        for (size_t i = 0; i < 300; i++) {
            size_t len = i == 0 ? 0 : i == 1 ? LONGEST : random_number() % (i % 10 == 0 ? LONGEST : 200);

            fill(data, len);
            small.len = 0;
            back.len = 0;
            assert_int_equal(kinds[k]->expand(context, (struct kfs_bytes){"no", 2}, &back), -EINVAL);
            assert_int_equal(kinds[k]->compress(context, (struct kfs_bytes){data, len}, &small), 0);
            assert_int_equal(kinds[k]->expand(context, view(&small), &back), 0);
            assert_int_equal(back.len, len);
            assert_true(len == 0 || memcmp(back.data, data, len) == 0);
        }
        kfs_buf_release(&small);
        kfs_buf_release(&back);
        kinds[k]->context_free(context);
        kinds[k]->context_free(NULL);
    }
    free(data);
}

static void nothing_is_a_record_too(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        struct kfs_buf small = compress(kinds[k], (struct kfs_bytes){NULL, 0});

        assert_true(small.len > 0);
        assert_int_equal(expand_only(kinds[k], view(&small), 0), 0);
        assert_int_equal(expand_only(kinds[k], (struct kfs_bytes){NULL, 0}, 100), -EINVAL);
        kfs_buf_release(&small);
    }
}

static void pieces_one_after_the_other(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        struct kfs_buf both = compress(kinds[k], (struct kfs_bytes){"one ", 4});
        struct kfs_buf second = compress(kinds[k], (struct kfs_bytes){"two", 3});
        struct kfs_buf to;

        assert_int_equal(kfs_buf_append(&both, second.data, second.len), 0);
        assert_int_equal(expand(kinds[k], view(&both), 7, &to), 0);
        assert_int_equal(to.len, 1 + 7);
        assert_memory_equal(to.data + 1, "one two", 7);
        kfs_buf_release(&to);
        assert_int_equal(expand_only(kinds[k], view(&both), 6), -EMSGSIZE);
        kfs_buf_release(&both);
        kfs_buf_release(&second);
    }
}

/* ---- what is refused ---- */

static void cut_damaged_or_followed(void **state)
{
    static const char text[] = "a text that is long enough to be compressed, to be compressed, to be compressed";

    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        struct kfs_buf whole = compress(kinds[k], (struct kfs_bytes){text, sizeof text});
        size_t len = whole.len;

        for (size_t n = 0; n < len; n++)
            assert_int_equal(expand_only(kinds[k], (struct kfs_bytes){whole.data, n}, 1000), -EINVAL);
        assert_int_equal(kfs_buf_append(&whole, "", 1), 0);
        assert_int_equal(expand_only(kinds[k], view(&whole), 1000), -EINVAL);
        assert_int_equal(kfs_buf_append(&whole, whole.data, len), 0); /* a piece, behind a byte that is none */
        assert_int_equal(expand_only(kinds[k], view(&whole), 1000), -EINVAL);
        whole.len = len;
        whole.data[len / 2] = (char)(whole.data[len / 2] ^ 0x10);
        assert_int_equal(expand_only(kinds[k], view(&whole), 1000), -EINVAL);
        whole.data[len / 2] = (char)(whole.data[len / 2] ^ 0x10);
        whole.data[0] = (char)(whole.data[0] ^ 1);
        assert_int_equal(expand_only(kinds[k], view(&whole), 1000), -EINVAL);
        kfs_buf_release(&whole);
        assert_int_equal(expand_only(kinds[k], (struct kfs_bytes){text, sizeof text}, 1000), -EINVAL);
    }
}

/* Three million zeros in 111 bytes, whose length is not said (zstd 1.5.4, of a pipe),
 * and where it is: no more than the bound is ever made. */
static void bombs(void **state)
{
    static const char unsaid[] = "28b52ffd04585400001000000100fbff39c00202001000020010000200100002001000020010000200100"
                                 "0020010000200100002001000020010000200100002001000020010000200100002001000020010000200"
                                 "10000200100002001000020010000200100003360e0003c9afd6";
    uint8_t bytes[200];
    const struct kfs_bytes piped = {bytes, hex_decode(unsaid, bytes)};
    void *zeros = calloc(1, BOMB_BYTES);

    (void)state;
    assert_int_equal(expand_only(&kfs_zstd, piped, BOMB_BYTES), 0);
    assert_int_equal(expand_only(&kfs_zstd, piped, BOMB_BYTES - 1), -EMSGSIZE);
    assert_int_equal(expand_only(&kfs_zstd, piped, 0), -EMSGSIZE);
    for (size_t k = 0; k < KINDS; k++) {
        struct kfs_buf bomb = compress(kinds[k], (struct kfs_bytes){zeros, BOMB_BYTES});

        assert_true(bomb.len < 5000);
        assert_int_equal(expand_only(kinds[k], view(&bomb), BOMB_BYTES), 0);
        assert_int_equal(expand_only(kinds[k], view(&bomb), BOMB_BYTES - 1), -EMSGSIZE);
        assert_int_equal(expand_only(kinds[k], view(&bomb), 100), -EMSGSIZE);
        assert_int_equal(expand_only(kinds[k], view(&bomb), 0), -EMSGSIZE);
        kfs_buf_release(&bomb);
    }
    free(zeros);
}

static void a_frame_that_lies_about_its_length(void **state)
{
    uint8_t bytes[64];
    size_t len = hex_decode("28b52ffd20147500004068656c6c6f2c200a0100e28a11", bytes);

    (void)state;
    for (unsigned claim = 0; claim < 256; claim++) {
        bytes[5] = (uint8_t)claim;
        assert_int_equal(expand_only(&kfs_zstd, (struct kfs_bytes){bytes, len}, 1000), claim == 20 ? 0 : -EINVAL);
    }
}

static void output_has_a_bound_too(void **state)
{
    uint8_t noise[1000];

    (void)state;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)random_number();
    for (size_t k = 0; k < KINDS; k++) {
        struct kfs_buf whole = compress(kinds[k], (struct kfs_bytes){noise, sizeof noise});
        void *context = kinds[k]->context_new();
        struct kfs_buf to;

        for (size_t max = 0; max < whole.len; max += max + 50 < whole.len ? 50 : 1) {
            kfs_buf_init(&to, max);
            assert_int_equal(kinds[k]->compress(context, (struct kfs_bytes){noise, sizeof noise}, &to), -EMSGSIZE);
            assert_int_equal(to.len, 0);
            kfs_buf_release(&to);
        }
        kfs_buf_init(&to, whole.len);
        assert_int_equal(kinds[k]->compress(context, (struct kfs_bytes){noise, sizeof noise}, &to), 0);
        assert_true(to.len == whole.len && memcmp(to.data, whole.data, to.len) == 0);
        kfs_buf_release(&to);
        kfs_buf_release(&whole);
        kinds[k]->context_free(context);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_others_made),
        cmocka_unit_test(any_data_comes_back),
        cmocka_unit_test(nothing_is_a_record_too),
        cmocka_unit_test(pieces_one_after_the_other),
        cmocka_unit_test(cut_damaged_or_followed),
        cmocka_unit_test(bombs),
        cmocka_unit_test(a_frame_that_lies_about_its_length),
        cmocka_unit_test(output_has_a_bound_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
