/* The texts of listen and api_faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fs/service_options.h"

static void addresses_are_numeric(void **state)
{
    static const char *const bad[] = {"",         "4567",       ":4567",          "127.0.0.1", "127.0.0.1:",
                                      "a:1",      "::1:4567",   "[127.0.0.1]:1",  "[::1]",     "127.0.0.1:65536",
                                      "[::1]:+1", "1.2.3.4:1 ", "1.2.3.4:000001", "[::1]]:1"};
    char address[KFS_ADDRESS_MAX];
    uint16_t port;

    (void)state;
    assert_int_equal(kfs_listen_parse("127.0.0.1:4567", address, &port), 0);
    assert_string_equal(address, "127.0.0.1");
    assert_int_equal(port, 4567);
    assert_int_equal(kfs_listen_parse("[::1]:0", address, &port), 0);
    assert_string_equal(address, "::1");
    assert_int_equal(port, 0);
    assert_int_equal(kfs_listen_parse("0.0.0.0:65535", address, &port), 0);
    assert_int_equal(port, 65535);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(kfs_listen_valid(bad[i]));
}

static void loopback_is_known(void **state)
{
    (void)state;
    assert_true(kfs_address_is_loopback("127.0.0.1"));
    assert_true(kfs_address_is_loopback("127.1.2.3"));
    assert_true(kfs_address_is_loopback("::1"));
    assert_false(kfs_address_is_loopback("0.0.0.0"));
    assert_false(kfs_address_is_loopback("::"));
    assert_false(kfs_address_is_loopback("10.127.0.1"));
}

static void faults_are_read(void **state)
{
    static const char *const bad[] = {"",           "throttle", "throttle:", "throttle:2", "throttle:-1", "error:1e-3",
                                      "cut:.5",     "slow:1",   "slow:-1s",  "error:0.1,", "cuts:1",      "error:0.",
                                      "error: 0.1", "nan:nan",  "error:nan", "error:0x1"};
    struct kfs_faults faults;

    (void)state;
    assert_int_equal(kfs_faults_parse("throttle:0.1,error:0.05,slow:200ms,cut:0.01", &faults), 0);
    assert_float_equal((float)faults.throttle, 0.1F, 1e-6F);
    assert_float_equal((float)faults.error, 0.05F, 1e-6F);
    assert_float_equal((float)faults.cut, 0.01F, 1e-6F);
    assert_int_equal(faults.slow_ms, 200);
    assert_int_equal(kfs_faults_parse("error:1", &faults), 0);
    assert_float_equal((float)faults.error, 1.0F, 1e-6F);
    assert_float_equal((float)faults.throttle, 0.0F, 1e-6F);
    assert_int_equal(faults.slow_ms, 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(kfs_faults_valid(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_numeric),
        cmocka_unit_test(loopback_is_known),
        cmocka_unit_test(faults_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
