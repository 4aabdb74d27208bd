#include "backend/endpoint/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARN "arn:aws:kinesis:us-east-1:123456789012:"
#define LONG_BYTES ((size_t)4 << 20)

struct example {
    const struct kfs_pattern *pattern;
    const char *text;
    bool matches;
};

static void examples(void **state)
{
    static const struct example examples[] = {
        {&kfs_pattern_name, "a", true},
        {&kfs_pattern_name, "aZ09_.-", true},
        {&kfs_pattern_name, "", false},
        {&kfs_pattern_name, "a b", false},
        {&kfs_pattern_name, "a\n", false},
        {&kfs_pattern_stream_arn, ARN "stream/s", true},
        {&kfs_pattern_stream_arn, ARN "stream/s/consumer/c:1", true},
        {&kfs_pattern_stream_arn, "arn:aws-cn:kinesis::000000000000:stream/\xc3\xbc", true},
        {&kfs_pattern_stream_arn, "arn:aws:kinesis:a:123456789012:123456789012:stream/s", true},
        {&kfs_pattern_stream_arn, "arn:aws:kinesis:a b:123456789012:stream/s", true},
        {&kfs_pattern_stream_arn, "arn:aws:kinesis::1:stream/s:kinesis::123456789012:stream/s", true},
        {&kfs_pattern_stream_arn, ARN "stream/", false},
        {&kfs_pattern_stream_arn, ARN "stream/a b", false},
        {&kfs_pattern_stream_arn, ARN "xstream/a", false},
        {&kfs_pattern_stream_arn, "x" ARN "stream/a", false},
        {&kfs_pattern_stream_arn, "arn:aws:kinesis:us-east-1:12345678901:stream/a", false},
        {&kfs_pattern_stream_arn, "arn:aws:kinesis:us-east-1:1234567890123:stream/a", false},
        {&kfs_pattern_stream_arn, "arn:aws:kinesis:123456789012:stream/a", false},
        {&kfs_pattern_stream_arn, "arn:aws\n:kinesis:a:123456789012:stream/a", false},
        {&kfs_pattern_resource_arn, ARN "stream/s", true},
        {&kfs_pattern_resource_arn, ARN "anything here/stream/s", true},
        {&kfs_pattern_resource_arn, ARN "stream/a b/stream/c", true},
        {&kfs_pattern_resource_arn, ARN "stream/a b", false},
        {&kfs_pattern_resource_arn, ARN "strea/s", false},
        {&kfs_pattern_consumer_arn, ARN "stream/s/consumer/c:1", true},
        {&kfs_pattern_consumer_arn, ARN "x/stream/s/consumer/c:1234567890", true},
        {&kfs_pattern_consumer_arn, ARN "stream/stream/s/consumer/c:1", true},
        {&kfs_pattern_consumer_arn, ARN "stream/s/consumer/c:", false},
        {&kfs_pattern_consumer_arn, ARN "stream/s/consumer/c:1x", false},
        {&kfs_pattern_consumer_arn, ARN "stream/s/consumer/:1", false},
        {&kfs_pattern_consumer_arn, ARN "stream/s", false},
        {&kfs_pattern_stream_id, "abcdefghij0123456789-a1b", true},
        {&kfs_pattern_stream_id, "abcdefghij0123456789-a1", false},
        {&kfs_pattern_stream_id, "abcdefghij012345678-a1bc", false},
        {&kfs_pattern_hash_key, "0", true},
        {&kfs_pattern_hash_key, "999999999999999999999999999999999999999", true},
        {&kfs_pattern_hash_key, "9999999999999999999999999999999999999999", false},
        {&kfs_pattern_hash_key, "01", false},
        {&kfs_pattern_hash_key, "", false},
        {&kfs_pattern_hash_key, "-1", false},
        {&kfs_pattern_sequence_number, "49590338271490256608559692538361571095921575989136588898", true},
        {&kfs_pattern_sequence_number, "00", false},
        {&kfs_pattern_sequence_number, "1a", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct kfs_bytes text = {examples[i].text, strlen(examples[i].text)};
        if (examples[i].pattern->matches(text) != examples[i].matches)
            fail_msg("%s: %s", examples[i].pattern->text, examples[i].text);
    }
    assert_false(kfs_pattern_name.matches((struct kfs_bytes){NULL, 0}));
    assert_false(kfs_pattern_stream_arn.matches((struct kfs_bytes){NULL, 0}));
}

/* Texts for which a search that goes back would take years. */
static void time_is_linear(void **state)
{
    static const char *const units[] = {":kinesis:", ":123456789012:", "stream/",
                                        "123456789012:", ":kinesis:123456789012:"};
    static const struct kfs_pattern *const patterns[] = {&kfs_pattern_stream_arn, &kfs_pattern_resource_arn,
                                                         &kfs_pattern_consumer_arn};
    char *text = malloc(LONG_BYTES);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t unit = strlen(units[i]);
        memcpy(text, "arn:aws:kinesis::123456789012:", 30);
        for (size_t at = 30; at < LONG_BYTES; at++)
            text[at] = units[i][(at - 30) % unit];
        text[LONG_BYTES - 1] = ' ';
        for (size_t k = 0; k < sizeof patterns / sizeof patterns[0]; k++)
            assert_false(patterns[k]->matches((struct kfs_bytes){text, LONG_BYTES}));
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples),
        cmocka_unit_test(time_is_linear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
