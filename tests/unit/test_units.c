#include "backend/base/units.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct value {
    const char *text;
    uint64_t value;
};

static const struct value times[] = {
    {"1970-01-01T00:00:00.000Z", 0},
    {"1970-01-01T00:00:00.001Z", 1},
    {"1970-03-01T00:00:00.000Z", UINT64_C(5097600000)},
    {"1999-12-31T23:59:59.999Z", UINT64_C(946684799999)},
    {"2000-02-29T12:34:56.789Z", UINT64_C(951827696789)},
    {"2018-11-15T16:17:18.001Z", UINT64_C(1542298638001)},
    {"2024-02-29T23:59:59.999Z", UINT64_C(1709251199999)},
    {"2100-03-01T00:00:00.000Z", UINT64_C(4107542400000)},
    {"9999-12-31T23:59:59.999Z", KFS_TIME_MAX_MS},
};

static void times_print(void **state)
{
    char text[KFS_TIME_DIGITS + 1];

    (void)state;
    for (size_t i = 0; i < COUNT(times); i++) {
        assert_int_equal(kfs_time_print(times[i].value, text), KFS_TIME_DIGITS);
        assert_string_equal(text, times[i].text);
    }
}

static void times_after_9999_do_not_print(void **state)
{
    char text[KFS_TIME_DIGITS + 1] = "as before";

    (void)state;
    assert_int_equal(kfs_time_print(KFS_TIME_MAX_MS + 1, text), -EINVAL);
    assert_int_equal(kfs_time_print(UINT64_MAX, text), -EINVAL);
    assert_string_equal(text, "as before");
}

static void times_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(times); i++) {
        uint64_t ms = 1;
        assert_int_equal(kfs_time_parse(times[i].text, &ms), 0);
        assert_int_equal(ms, times[i].value);
    }
}

static void every_day_agrees_with_the_c_library(void **state)
{
    char text[KFS_TIME_DIGITS + 1];
    char want[KFS_TIME_DIGITS + 1];

    (void)state;
    for (uint64_t day = 0; day <= KFS_TIME_MAX_MS / 86400000; day += day < 60000 ? 1 : 13) {
        time_t seconds = (time_t)(day * 86400 + day % 86400);
        struct tm tm;
        uint64_t ms;
        assert_non_null(gmtime_r(&seconds, &tm));
        assert_int_equal(strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S.007Z", &tm), KFS_TIME_DIGITS);
        assert_int_equal(kfs_time_print((uint64_t)seconds * 1000 + 7, text), KFS_TIME_DIGITS);
        assert_string_equal(text, want);
        assert_int_equal(kfs_time_parse(text, &ms), 0);
        assert_int_equal(ms, (uint64_t)seconds * 1000 + 7);
    }
}

static void time_forms_of_rfc_3339(void **state)
{
    static const struct value cases[] = {
        {"1985-04-12T23:20:50.52Z", UINT64_C(482196050520)}, /* section 5.8 */
        {"1996-12-19T16:39:57-08:00", UINT64_C(851042397000)},
        {"1990-12-31T23:59:60Z", UINT64_C(662688000000)},
        {"1990-12-31T15:59:60-08:00", UINT64_C(662688000000)},
        {"2018-11-15t16:17:18z", UINT64_C(1542298638000)},
        {"2018-11-15 16:17:18Z", UINT64_C(1542298638000)},
        {"2018-11-15T16:17:18.0Z", UINT64_C(1542298638000)},
        {"2018-11-15T16:17:18.1Z", UINT64_C(1542298638100)},
        {"2018-11-15T16:17:18.123999999Z", UINT64_C(1542298638123)},
        {"2018-11-15T16:17:18-00:00", UINT64_C(1542298638000)},
        {"2018-11-15T21:47:18.5+05:30", UINT64_C(1542298638500)},
        {"1970-01-01T23:59:00+23:59", 0},
        {"1969-12-31T16:00:00-08:00", 0},
        {"9999-12-31T00:00:59.999-23:59", KFS_TIME_MAX_MS},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t ms = 1;
        assert_int_equal(kfs_time_parse(cases[i].text, &ms), 0);
        assert_int_equal(ms, cases[i].value);
    }
}

static void bad_times_are_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "2018",
        "2018-11-15",
        "2018-11-15T",
        "2018-11-15T16:17Z",
        "2018-11-15T16:17:18",
        "2018-11-15T16:17:18.",
        "2018-11-15T16:17:18.Z",
        "2018-11-15T16:17:18,5Z",
        "2018-11-15T16:17:18.1234567890Z",
        "2018-11-15T16:17:18Z ",
        " 2018-11-15T16:17:18Z",
        "2018-11-15T16:17:18ZZ",
        "2018-11-15T16:17:18+0530",
        "2018-11-15T16:17:18+05",
        "2018-11-15T16:17:18+24:00",
        "2018-11-15T16:17:18+23:60",
        "2018-11-15T24:00:00Z",
        "2018-11-15T23:60:00Z",
        "2018-11-15T23:59:61Z",
        "2018-11-15T12:00:60Z",
        "2018-11-15_16:17:18Z",
        "2018/11/15T16:17:18Z",
        "2018-1-15T16:17:18Z",
        "2018-00-15T16:17:18Z",
        "2018-13-15T16:17:18Z",
        "2018-11-00T16:17:18Z",
        "2018-11-31T16:17:18Z",
        "2019-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2000-02-30T00:00:00Z",
        "1969-12-31T23:59:59.999Z",
        "1970-01-01T00:00:00+00:01",
        "0000-01-01T00:00:00Z",
        "0000-00-00T00:00:00Z",
        "9999-12-31T23:59:60Z",
        "9999-12-31T23:59:59-00:01",
        "10000-01-01T00:00:00Z",
        "+2018-11-15T16:17:18Z",
        "-018-11-15T16:17:18Z",
        "1542298638",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t ms = 77;
        assert_int_equal(kfs_time_parse(cases[i], &ms), -EINVAL);
        assert_int_equal(ms, 77);
    }
}

/* A copy that ends where the heap block does, so that a sanitizer sees a read behind the NUL. */
static void cut_times_are_refused(void **state)
{
    static const char whole[] = "2018-11-15T16:17:18.123+05:30";

    (void)state;
    for (size_t len = 0; len < strlen(whole); len++) {
        uint64_t ms;
        char *text = strndup(whole, len);
        assert_non_null(text);
        assert_int_equal(kfs_time_parse(text, &ms), -EINVAL);
        free(text);
    }
}

static void sizes_parse(void **state)
{
    static const struct value cases[] = {
        {"0", 0},
        {"1", 1},
        {"0064", 64},
        {"4K", 4096},
        {"4k", 4096},
        {"64M", UINT64_C(64) << 20},
        {"64m", UINT64_C(64) << 20},
        {"1G", UINT64_C(1) << 30},
        {"1g", UINT64_C(1) << 30},
        {"2T", UINT64_C(2) << 40},
        {"2t", UINT64_C(2) << 40},
        {"0T", 0},
        {"16777215T", UINT64_C(16777215) << 40},
        {"18446744073709551615", UINT64_MAX},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t bytes = 77;
        assert_int_equal(kfs_parse_size(cases[i].text, 0, UINT64_MAX, &bytes), 0);
        assert_int_equal(bytes, cases[i].value);
    }
}

static void bad_sizes_are_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "M",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1 M",
        "1.5M",
        "1MB",
        "1KK",
        "1KM",
        "0x1",
        "1e3",
        "1,000",
        "64B",
        "64X",
        "1M ",
        "64MiB",
        "1_0",
        "16777216T",
        "17179869184G",
        "18446744073709551616",
        "99999999999999999999",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t bytes = 77;
        assert_int_equal(kfs_parse_size(cases[i], 0, UINT64_MAX, &bytes), -EINVAL);
        assert_int_equal(bytes, 77);
    }
}

static void sizes_keep_their_bounds(void **state)
{
    uint64_t bytes = 77;

    (void)state;
    assert_int_equal(kfs_parse_size("1023", 1024, 4096, &bytes), -EINVAL);
    assert_int_equal(kfs_parse_size("4097", 1024, 4096, &bytes), -EINVAL);
    assert_int_equal(bytes, 77);
    assert_int_equal(kfs_parse_size("1K", 1024, 4096, &bytes), 0);
    assert_int_equal(bytes, 1024);
    assert_int_equal(kfs_parse_size("4096", 1024, 4096, &bytes), 0);
    assert_int_equal(bytes, 4096);
}

static void durations_parse(void **state)
{
    static const struct value cases[] = {
        {"0", 0},
        {"0s", 0},
        {"500ms", 500},
        {"2s", 2000},
        {"10m", 600000},
        {"24h", UINT64_C(86400000)},
        {"365d", UINT64_C(31536000000)},
        {"18446744073709551615ms", UINT64_MAX},
        {"18446744073709551s", UINT64_C(18446744073709551000)},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t ms = 77;
        assert_int_equal(kfs_parse_duration_ms(cases[i].text, 0, UINT64_MAX, &ms), 0);
        assert_int_equal(ms, cases[i].value);
    }
}

static void bad_durations_are_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "s",
        "ms",
        "1",
        "00",
        "1S",
        "1M",
        "1H",
        "1w",
        "1 s",
        "1s ",
        "-1s",
        "+1s",
        "1.5s",
        "1h30m",
        "1sec",
        "1mss",
        "18446744073709552s",
        "18446744073709551616ms",
        "213503982335d",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t ms = 77;
        assert_int_equal(kfs_parse_duration_ms(cases[i], 0, UINT64_MAX, &ms), -EINVAL);
        assert_int_equal(ms, 77);
    }
}

static void durations_keep_their_bounds(void **state)
{
    uint64_t ms = 77;

    (void)state;
    assert_int_equal(kfs_parse_duration_ms("0", 1, 5000, &ms), -EINVAL);
    assert_int_equal(kfs_parse_duration_ms("999ms", 1000, 5000, &ms), -EINVAL);
    assert_int_equal(kfs_parse_duration_ms("5001ms", 1000, 5000, &ms), -EINVAL);
    assert_int_equal(ms, 77);
    assert_int_equal(kfs_parse_duration_ms("1s", 1000, 5000, &ms), 0);
    assert_int_equal(ms, 1000);
    assert_int_equal(kfs_parse_duration_ms("5s", 1000, 5000, &ms), 0);
    assert_int_equal(ms, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_print),
        cmocka_unit_test(times_after_9999_do_not_print),
        cmocka_unit_test(times_parse),
        cmocka_unit_test(every_day_agrees_with_the_c_library),
        cmocka_unit_test(time_forms_of_rfc_3339),
        cmocka_unit_test(bad_times_are_refused),
        cmocka_unit_test(cut_times_are_refused),
        cmocka_unit_test(sizes_parse),
        cmocka_unit_test(bad_sizes_are_refused),
        cmocka_unit_test(sizes_keep_their_bounds),
        cmocka_unit_test(durations_parse),
        cmocka_unit_test(bad_durations_are_refused),
        cmocka_unit_test(durations_keep_their_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
