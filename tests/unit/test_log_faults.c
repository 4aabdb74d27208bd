/* The shard log on a disk that fails: every I/O call of short histories in turn,
 * a full disk, and syncs that fail. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/logger.h"
#include "tests/support/logworld.h"

#define SEGMENT 60U
#define OUTCOMES 24U

static const char *const histories[] = {"a",        "aas3a",   "aaasaas",    "PsPa", "LsaL",
                                        "aaaarsat", "aas+haa", "aaasaaasta", "ag",   "asGsrg"};

static uint64_t outcomes(void)
{
    return getenv("KFS_SOAK") != NULL ? 2048 : OUTCOMES;
}

/* Opens what is left; it is a prefix of what was appended, and appends go on. Takes the disk. */
static void check_left(const struct world *before, struct simdisk *disk, size_t least)
{
    struct world w;

    world_fork(&w, before, disk);
    world_open(&w);
    world_adopt(&w, least);
    CHECK(&w, world_append_one(&w, 10) == 0 && world_append_one(&w, 100) == 0 && world_sync(&w) == 0);
    world_check(&w);
    world_release(&w);
}

static void check_power_loss(struct world *w)
{
    uint64_t most = outcomes();
    uint64_t n = simdisk_outcomes(w->disk, most);
    size_t len = strlen(w->note);

    for (uint64_t i = 0; i < n; i++) {
        (void)snprintf(w->note + len, sizeof w->note - len, ", power loss %" PRIu64 " of %" PRIu64, i, n);
        check_left(w, simdisk_crash_nth(w->disk, i, most, 1), w->synced);
    }
    w->note[len] = '\0';
}

/* What is left when the process dies: all that was appended, unless a sync has failed. */
static void check_kill(struct world *w, bool sync_failed)
{
    check_left(w, simdisk_kill(w->disk), sync_failed ? w->synced : w->acked);
}

/* ---- each call in turn ---- */

struct fault {
    enum simdisk_call call;
    uint64_t nth;
    int error;
    enum simdisk_effect effect;
};

/* Whether the failure changes what a process death may leave. */
static bool loses(const struct world *w, uint64_t syncs_before)
{
    return simdisk_has_failed(w->disk) && simdisk_count(w->disk, SIMDISK_DATASYNC) > syncs_before &&
           kfs_log_damage(w->log, NULL) != 0;
}

/* Runs a history with one call failing. False where it has fewer calls. */
static bool run_with_fault(const char *script, const struct fault *fault)
{
    struct world w;
    bool sync_failed = false;

    world_init(&w, simdisk_new(), SEGMENT);
    (void)snprintf(w.note, sizeof w.note, "history \"%s\", call %" PRIu64 " of kind %d fails, error %d, effect %d",
                   script, fault->nth, (int)fault->call, fault->error, (int)fault->effect);
    world_open(&w);
    simdisk_fail(w.disk, fault->call, fault->nth, fault->error, fault->effect);
    for (const char *p = script; *p != '\0'; p++) {
        bool had_failed = simdisk_has_failed(w.disk);
        uint64_t syncs = simdisk_count(w.disk, SIMDISK_DATASYNC);
        size_t acked = w.acked;
        bool poisoned = kfs_log_damage(w.log, NULL) != 0;
        world_step(&w, *p);
        sync_failed = sync_failed || (*p == 'r' ? simdisk_has_failed(w.disk) : loses(&w, syncs));
        CHECK(&w, !poisoned || *p == 'r' || w.acked == acked);
        if (*p == 'r' && w.n > 0 && sync_failed) /* the close may have lost what was not synced */
            world_adopt(&w, w.synced);
        if (simdisk_has_failed(w.disk) && !had_failed)
            world_check(&w);
    }
    bool failed = simdisk_has_failed(w.disk);
    simdisk_fail(w.disk, SIMDISK_ANY, 0, 0, SIMDISK_NOTHING);
    check_power_loss(&w);
    check_kill(&w, sync_failed);
    world_release(&w);
    return failed;
}

static void every_call_may_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof histories / sizeof histories[0]; i++) {
        for (int effect = SIMDISK_NOTHING; effect <= SIMDISK_ALL; effect++) {
            struct fault fault = {SIMDISK_ANY, 1, EIO, (enum simdisk_effect)effect};
            while (run_with_fault(histories[i], &fault))
                fault.nth++;
        }
    }
}

/* Opening on a disk that fails returns an error, or a log that says it is damaged; it loses nothing. */
static void opening_may_fail(void **state)
{
    static const char *const scripts[] = {"aas3a", "aaasaaasa", "PsP", "aagsa"};

    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        bool failed = true;
        for (uint64_t nth = 1; failed; nth++) {
            struct world w;
            world_init(&w, simdisk_new(), SEGMENT);
            world_open(&w);
            for (const char *p = scripts[i]; *p != '\0'; p++)
                world_step(&w, *p);
            struct simdisk *killed = simdisk_kill(w.disk);
            struct world after;
            world_fork(&after, &w, killed);
            (void)snprintf(after.note, sizeof after.note, "\"%s\", call %" PRIu64 " of opening fails", scripts[i], nth);
            simdisk_fail(killed, SIMDISK_ANY, nth, EIO, SIMDISK_NOTHING);
            (void)world_try_open(&after);
            failed = simdisk_has_failed(killed);
            simdisk_fail(killed, SIMDISK_ANY, 0, 0, SIMDISK_NOTHING);
            (void)world_close(&after);
            CHECK(&after, simdisk_open_files(killed) == 0);
            world_open(&after);
            world_adopt(&after, w.acked);
            world_release(&after);
            world_release(&w);
        }
    }
}

/* ---- a full disk ---- */

static void a_full_disk_loses_nothing(void **state)
{
    static const char *const scripts[] = {"aas", "aaas", "aP", "PsP", "L", "aaasa"};

    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        for (uint64_t room = 0; room < 12000; room += room < 200 ? 7 : 331) {
            struct world w;
            world_init(&w, simdisk_new(), SEGMENT);
            (void)snprintf(w.note, sizeof w.note, "\"%s\", then room for %" PRIu64 " bytes", scripts[i], room);
            world_open(&w);
            for (const char *p = scripts[i]; *p != '\0'; p++)
                world_step(&w, *p);
            simdisk_set_room(w.disk, simdisk_used(w.disk) + room);
            for (const char *p = "aPLaaaP"; *p != '\0'; p++)
                world_step(&w, *p);
            CHECK(&w, kfs_log_damage(w.log, &w.err) == 0);
            world_check(&w);
            check_power_loss(&w);
            check_kill(&w, false);
            CHECK(&w, world_sync(&w) == 0);
            simdisk_set_room(w.disk, UINT64_MAX);
            CHECK(&w, world_append_one(&w, 40) == 0);
            world_check(&w);
            check_power_loss(&w);
            world_reopen(&w);
            world_check(&w);
            world_release(&w);
        }
    }
}

/* Of a segment that could not be begun nothing is left, also where retention removes all before it. */
static void a_segment_that_found_no_room(void **state)
{
    (void)state;
    for (uint64_t room = 0; room < 4096; room += 512) {
        struct world w;
        world_init(&w, simdisk_new(), SEGMENT);
        (void)snprintf(w.note, sizeof w.note, "room for %" PRIu64 " bytes", room);
        world_open(&w);
        CHECK(&w, world_append_one(&w, 100) == 0 && world_sync(&w) == 0);
        simdisk_set_room(w.disk, simdisk_used(w.disk) + room);
        CHECK(&w, world_append_one(&w, 10) == -ENOSPC);
        simdisk_set_room(w.disk, UINT64_MAX);
        w.now_ms += 1000;
        CHECK(&w, world_trim_age(&w, w.now_ms, true) == 0);
        world_reopen(&w);
        CHECK(&w, world_append_one(&w, 10) == 0);
        world_check(&w);
        world_release(&w);
    }
}

/* ---- syncs that fail ---- */

static void a_failed_sync_poisons(void **state)
{
    (void)state;
    for (uint64_t nth = 1; nth < 8; nth++) {
        struct world w;
        world_init(&w, simdisk_new(), SEGMENT);
        (void)snprintf(w.note, sizeof w.note, "sync %" PRIu64 " fails", nth);
        world_open(&w);
        for (const char *p = "aasaaa"; *p != '\0'; p++)
            world_step(&w, *p);
        simdisk_fail(w.disk, SIMDISK_DATASYNC, nth, EIO, SIMDISK_NOTHING);
        int rc = world_sync(&w);
        if (simdisk_has_failed(w.disk)) {
            CHECK(&w, rc == -EIO && w.err.code == EIO);
            CHECK(&w, kfs_log_damage(w.log, &w.err) == -EIO);
            CHECK(&w, world_append_one(&w, 1) == -EIO);
            CHECK(&w, world_sync(&w) == -EIO);
            world_check(&w); /* still readable */
            (void)world_close(&w);
            world_open(&w);
            world_adopt(&w, w.synced);
        }
        simdisk_fail(w.disk, SIMDISK_ANY, 0, 0, SIMDISK_NOTHING);
        CHECK(&w, world_append_one(&w, 30) == 0 && world_append_one(&w, 30) == 0 && world_sync(&w) == 0);
        world_check(&w);
        check_power_loss(&w);
        world_release(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_may_fail),       cmocka_unit_test(opening_may_fail),
        cmocka_unit_test(a_full_disk_loses_nothing), cmocka_unit_test(a_segment_that_found_no_room),
        cmocka_unit_test(a_failed_sync_poisons),
    };

    kfs_log_setup(KFS_LOG_TO_STDERR, KFS_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
