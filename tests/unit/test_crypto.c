#include "backend/base/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_hex(const uint8_t *bytes, size_t len, const char *expected)
{
    char hex[2 * 64 + 1] = "";

    assert_true(len <= 64);
    for (size_t i = 0; i < len; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", (unsigned)bytes[i]);
    assert_string_equal(hex, expected);
}

/* RFC 1321, appendix A.5; FIPS 180-4's examples. */
static void digests(void **state)
{
    const struct kfs_bytes pieces[] = {{"a", 1}, {NULL, 0}, {"bc", 2}};
    uint8_t digest[KFS_SHA256_BYTES];

    (void)state;
    kfs_md5("abc", 3, digest);
    assert_hex(digest, KFS_MD5_BYTES, "900150983cd24fb0d6963f7d28e17f72");
    kfs_sha256(pieces, 3, digest);
    assert_hex(digest, sizeof digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    kfs_sha256(NULL, 0, digest);
    assert_hex(digest, sizeof digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* RFC 4231, test cases 1, 2 and 6. */
static void authentication(void **state)
{
    const struct kfs_bytes what[] = {{"what do ya want ", 16}, {"for nothing?", 12}};
    const struct kfs_bytes hi = {"Hi There", 8};
    const struct kfs_bytes large = {"Test Using Larger Than Block-Size Key - Hash Key First", 54};
    uint8_t key[131];
    uint8_t mac[KFS_SHA256_BYTES];

    (void)state;
    memset(key, 0x0b, 20);
    kfs_hmac_sha256((struct kfs_bytes){key, 20}, &hi, 1, mac);
    assert_hex(mac, sizeof mac, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    kfs_hmac_sha256((struct kfs_bytes){"Jefe", 4}, what, 2, mac);
    assert_hex(mac, sizeof mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    kfs_hmac_sha256((struct kfs_bytes){key, sizeof key}, &large, 1, mac);
    assert_hex(mac, sizeof mac, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* NIST SP 800-38A, F.2.5. */
static void encryption(void **state)
{
    static const uint8_t key[] = {0x60, 0x3d, 0xeb, 0x10, 0x15, 0xca, 0x71, 0xbe, 0x2b, 0x73, 0xae,
                                  0xf0, 0x85, 0x7d, 0x77, 0x81, 0x1f, 0x35, 0x2c, 0x07, 0x3b, 0x61,
                                  0x08, 0xd7, 0x2d, 0x98, 0x10, 0xa3, 0x09, 0x14, 0xdf, 0xf4};
    static const uint8_t plain[] = {0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e,
                                    0x11, 0x73, 0x93, 0x17, 0x2a, 0xae, 0x2d, 0x8a, 0x57, 0x1e, 0x03,
                                    0xac, 0x9c, 0x9e, 0xb7, 0x6f, 0xac, 0x45, 0xaf, 0x8e, 0x51};
    uint8_t iv[KFS_AES_BLOCK_BYTES];
    uint8_t bytes[sizeof plain];

    (void)state;
    for (size_t i = 0; i < sizeof iv; i++)
        iv[i] = (uint8_t)i;
    kfs_aes256_cbc(true, key, iv, (struct kfs_bytes){plain, sizeof plain}, bytes);
    assert_hex(bytes, sizeof bytes, "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d");
    kfs_aes256_cbc(false, key, iv, (struct kfs_bytes){bytes, sizeof bytes}, bytes); /* in place */
    assert_memory_equal(bytes, plain, sizeof plain);
}

static void secrets(void **state)
{
    uint8_t a[32];
    uint8_t b[32];

    (void)state;
    kfs_random(a, sizeof a);
    kfs_random(b, sizeof b);
    assert_false(kfs_secret_equal(a, b, sizeof a));
    memcpy(b, a, sizeof b);
    assert_true(kfs_secret_equal(a, b, sizeof a));
    kfs_secret_wipe(a, sizeof a);
    memset(b, 0, sizeof b);
    assert_memory_equal(a, b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests),
        cmocka_unit_test(authentication),
        cmocka_unit_test(encryption),
        cmocka_unit_test(secrets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
