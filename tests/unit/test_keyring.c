/* The keyring: fetched at once and again before they expire, without anybody waiting. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/kinesis/keyring.h"
#include "tests/support/awsworld.h"

#define MINUTE_MS UINT64_C(60000)

static atomic_int changes;

static void on_change(void *arg)
{
    (void)arg;
    changes++;
}

/* A container's service that gives keys which expire so many minutes after the world began. */
static void give(struct aws_world *w, const char *id, unsigned minutes)
{
    static char body[512];
    struct stand_answer answer = {.when = "GET", .status = 200, .body = body};

    (void)snprintf(body, sizeof body,
                   "{\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"S\",\"Token\":\"T\",\"Expiration\":\"2023-11-"
                   "14T%02u:%02u:20Z\"}",
                   id, 22 + (13 + minutes) / 60, (13 + minutes) % 60);
    stand_script(&w->stand, &answer, 1);
}

static struct kfs_keyring *start(struct aws_world *w, struct kfs_credential_source *source)
{
    struct kfs_keyring *keyring;

    changes = 0;
    aws_set(w, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "%s/", w->stand.url);
    assert_int_equal(kfs_keyring_start(&w->config, &keyring, NULL), 0);
    *source = kfs_keyring_source(keyring);
    source->watch(source->ctx, on_change, NULL);
    return keyring;
}

static int get(struct aws_world *w, const struct kfs_credential_source *source)
{
    kfs_credentials_release(&w->keys);
    return source->get(source->ctx, &w->keys, &w->error);
}

/* Asks for up to ten seconds as long as the answer is not this one. */
static int get_not(struct aws_world *w, const struct kfs_credential_source *source, int unwanted)
{
    int rc;

    for (int ms = 0; (rc = get(w, source)) == unwanted && ms < 10000; ms++)
        usleep(1000);
    return rc;
}

static void nobody_waits_for_the_first_fetch(void **state)
{
    struct aws_world *w = *state;
    struct stand_answer answer = {.when = "GET", .status = -1};
    struct kfs_credential_source source;
    struct kfs_keyring *keyring;

    stand_script(&w->stand, &answer, 1);
    keyring = start(w, &source);
    for (int ms = 0; stand_count(&w->stand) == 0 && ms < 10000; ms++)
        usleep(1000);
    assert_int_equal(get(w, &source), -EAGAIN);
    give(w, "ASIA1", 59); /* the request that was held is cut, and tried again */
    assert_int_equal(get_not(w, &source, -EAGAIN), 0);
    assert_string_equal(w->keys.id, "ASIA1");
    for (int ms = 0; changes == 0 && ms < 10000; ms++)
        usleep(1000);
    assert_int_equal(changes, 1);
    kfs_keyring_stop(keyring);
}

static void what_failed_is_told_and_tried_again(void **state)
{
    struct aws_world *w = *state;
    struct stand_answer answer = {.when = "GET", .status = 403};
    struct kfs_credential_source source;
    struct kfs_keyring_status status;
    struct kfs_keyring *keyring;

    stand_script(&w->stand, &answer, 1);
    keyring = start(w, &source);
    assert_int_equal(get_not(w, &source, -EAGAIN), -EACCES);
    assert_non_null(strstr(w->error.text, "HTTP status 403"));
    kfs_keyring_status(keyring, &status);
    assert_null(status.source);
    assert_int_equal(status.error.code, EACCES);
    give(w, "ASIA1", 59);
    assert_int_equal(get_not(w, &source, -EACCES), 0);
    kfs_keyring_status(keyring, &status);
    assert_string_equal(status.source, "container");
    assert_int_equal(status.expires_ms, AWS_WORLD_MS + 59 * MINUTE_MS);
    assert_int_equal(status.error.code, 0);
    kfs_keyring_stop(keyring);
}

/* A quarter of an hour before they expire; and the old ones go on until then where there are no others. */
static void keys_are_replaced_before_they_expire(void **state)
{
    struct aws_world *w = *state;
    struct stand_answer denied = {.when = "GET", .status = 403};
    struct kfs_keyring_status status = {0};
    struct kfs_credential_source source;
    struct kfs_keyring *keyring;

    w->wall_ms = AWS_WORLD_MS + 15 * MINUTE_MS - 50;
    give(w, "ASIA1", 30);
    keyring = start(w, &source);
    assert_int_equal(get_not(w, &source, -EAGAIN), 0);
    assert_string_equal(w->keys.id, "ASIA1");
    stand_script(&w->stand, &denied, 1);
    w->wall_ms += 50;
    for (int ms = 0; status.error.code == 0 && ms < 10000; ms++) {
        usleep(1000);
        kfs_keyring_status(keyring, &status);
    }
    assert_int_equal(status.error.code, EACCES);
    assert_int_equal(get(w, &source), 0); /* they are still good */
    assert_string_equal(w->keys.id, "ASIA1");
    w->wall_ms += 15 * MINUTE_MS;
    assert_int_equal(get(w, &source), -EACCES);
    give(w, "ASIA2", 59);
    assert_int_equal(get_not(w, &source, -EACCES), 0);
    assert_string_equal(w->keys.id, "ASIA2");
    kfs_keyring_stop(keyring);
}

static void refused_keys_are_fetched_anew(void **state)
{
    struct aws_world *w = *state;
    struct kfs_credential_source source;
    struct kfs_keyring *keyring;

    give(w, "ASIA1", 59);
    keyring = start(w, &source);
    assert_int_equal(get_not(w, &source, -EAGAIN), 0);
    give(w, "ASIA2", 59);
    source.refused(source.ctx, "ASIA1"); /* just fetched: asking again would bring the same */
    assert_int_equal(get(w, &source), 0);
    w->mono_ahead_ms = 2000;
    source.refused(source.ctx, "ASIA0"); /* of a call that began long ago */
    assert_int_equal(get(w, &source), 0);
    assert_int_equal(stand_count(&w->stand), 0);
    source.refused(source.ctx, "ASIA1");
    assert_int_equal(get_not(w, &source, -EAGAIN), 0);
    assert_string_equal(w->keys.id, "ASIA2");
    kfs_keyring_stop(keyring);
}

static void stopping_ends_a_fetch(void **state)
{
    struct aws_world *w = *state;
    struct kfs_credential_source source;
    struct kfs_keyring *keyring;
    uint64_t begin_ms = kfs_system_clock.mono_ms(NULL);

    aws_write(w, ".aws/config", "[default]\ncredential_process = sleep 60\n");
    keyring = start(w, &source);
    assert_int_equal(get(w, &source), -EAGAIN);
    source.watch(source.ctx, NULL, NULL);
    kfs_keyring_stop(keyring);
    assert_true(kfs_system_clock.mono_ms(NULL) - begin_ms < 10000);
    assert_int_equal(changes, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, aws_world_setup, aws_world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(nobody_waits_for_the_first_fetch),
        TEST(what_failed_is_told_and_tried_again),
        TEST(keys_are_replaced_before_they_expire),
        TEST(refused_keys_are_fetched_anew),
        TEST(stopping_ends_a_fetch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
