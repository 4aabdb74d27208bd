/* Sequence numbers that clients hand in: of the three layouts, and of none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/seqnum.h"
#include "tests/support/apiworld.h"

#define ZEROS "000000000000000000000000000000000000000000000000"
/* The world's clock, as the numbers hold it. */
#define NOW "06553f100"
#define SOON "06553f102"

/* A number given by its hexadecimal digits, in decimal ones. */
static void decimal(const char *hex, char text[KFS_SEQ_DIGITS_MAX + 1])
{
    char padded[2 * KFS_SEQ_BYTES + 1];
    struct kfs_seq seq;

    (void)snprintf(padded, sizeof padded, "%.*s%s", (int)(sizeof padded - 1 - strlen(hex)), ZEROS, hex);
    for (size_t i = 0; i < KFS_SEQ_BYTES; i++) {
        const char byte[] = {padded[2 * i], padded[2 * i + 1], '\0'};
        char *end;
        seq.b[i] = (uint8_t)strtoul(byte, &end, 16);
        assert_ptr_equal(end, byte + 2);
    }
    (void)kfs_seq_print(&seq, text);
}

static int setup(void **state)
{
    int rc = api_world_setup(state);

    done(*state, "CreateStream", "{'StreamName':'s','ShardCount':1}");
    return rc;
}

static const char put[] = "{'StreamName':'s','Data':'','PartitionKey':'k','SequenceNumberForOrdering':'%s'}";

static void orders_that_are_taken(void **state)
{
    static const char *const numbers[] = {"20000000000000000000000000000000000000000000002",
                                          "20000000000000000000000000000000000000000000001",
                                          "23bb2cc3d7f7fffffffffffffff000000000007fffffff2",
                                          "23bb2cc3d7f7fffffff7fffffff00" NOW "7fffffff2",
                                          "20000000000000000000000000000000000000800000002",
                                          "13bb2cc3d70000000000000000000000",
                                          "0"};
    char text[KFS_SEQ_DIGITS_MAX + 1];

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        decimal(numbers[i], text);
        done(*state, "PutRecord", put, text);
    }
}

static void orders_that_are_refused(void **state)
{
    static const char *const numbers[] = {"20000000000000000000000000000000000000000000000",
                                          "20000000000000000000000000000000000000000000003",
                                          "20000000000000000000000000000000000000000000004",
                                          "30000000000000000000000000000000000000000000001",
                                          "1ffffffffff7fffffffffffffff000000000007fffffff2",
                                          "20000000000800000000000000000000000000000000002",
                                          "23bb2cc3d8f7fffffffffffffff000000000007fffffff2",
                                          "2000000000000000000000000000" SOON "0000000002",
                                          "200000000000" SOON "00000000000000000000000001",
                                          "13bb2cc3d80000000000000000000000",
                                          "100000000000000000000000000000000"};
    char text[KFS_SEQ_DIGITS_MAX + 1];
    char words[256];

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        decimal(numbers[i], text);
        (void)ask(*state, "PutRecord", put, text);
        (void)snprintf(words, sizeof words,
                       "ExclusiveMinimumSequenceNumber %s used in PutRecord on stream s under account "
                       "000000000000 is invalid.",
                       text);
        assert_refused(*state, "InvalidArgumentException", words);
    }
}

static void iterators_tell_why(void **state)
{
    static const char encodes[] = "Invalid StartingSequenceNumber. It encodes %s, while it was used in a call to a "
                                  "shard with shardId-000000000000";
    static const char invalid[] = "StartingSequenceNumber %s used in GetShardIterator on shard shardId-000000000000 in "
                                  "stream s under account 000000000000 is invalid.";
    static const char other[] = "StartingSequenceNumber %s used in GetShardIterator on shard shardId-000000000000 in "
                                "stream s under account 000000000000 is invalid because it did not come from this "
                                "stream.";
    static const struct {
        const char *number;
        const char *words;
        const char *shard; /* in the words; NULL: the number is */
    } cases[] = {
        {"5", encodes, "shardId-000000000005"},
        {"20000000000000000000000000000000000000800000002", encodes, "shardId--02147483648"},
        {"20000000000000000000000000000000000000000000031", encodes, "shardId-000000000003"},
        {"13bb2cc3d80000000000000000000000", invalid, NULL},
        {"20000000000800000000000000000000000000000000002", invalid, NULL},
        {"30000000000000000000000000000000000000000000001", invalid, NULL},
        {"20000000000000000000000000000000000000000000001", other, NULL},
        {"20000000000000000000000000000000000000000000002", other, NULL},
        {"10000000000000000000000000000000", other, NULL},
    };
    char text[KFS_SEQ_DIGITS_MAX + 1];
    char words[256];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        decimal(cases[i].number, text);
        (void)ask(*state, "GetShardIterator",
                  "{'StreamName':'s','ShardId':'0','ShardIteratorType':'AT_SEQUENCE_NUMBER',"
                  "'StartingSequenceNumber':'%s'}",
                  text);
        const char *at_percent = strstr(cases[i].words, "%s");
        (void)snprintf(words, sizeof words, "%.*s%s%s", (int)(at_percent - cases[i].words), cases[i].words,
                       cases[i].shard != NULL ? cases[i].shard : text, at_percent + 2);
        assert_refused(*state, "InvalidArgumentException", words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(orders_that_are_taken, setup, api_world_teardown),
        cmocka_unit_test_setup_teardown(orders_that_are_refused, setup, api_world_teardown),
        cmocka_unit_test_setup_teardown(iterators_tell_why, setup, api_world_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
