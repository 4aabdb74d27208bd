/* A repair that is cut short at any call, by the death of the process or by power
 * loss, and run again, comes to the same end. And random damage, many times. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/logger.h"
#include "tests/support/fsckcheck.h"

static struct fw_model model;
static uint64_t checked;

/* ---- ways to damage a store ---- */

enum harm { FLIP, CUT, REMOVE };

struct damage {
    const char *what;
    enum harm harm;
    const char *ending; /* of the path */
    size_t nth;         /* of those that end so */
    size_t at;
};

static const struct damage damages[] = {
    {"a data byte of the oldest segment", FLIP, ".data", 0, 300},
    {"a header", FLIP, ".index", 1, 20},
    {"a block's header", FLIP, ".index", 1, 4100},
    {"an entry of a middle segment", FLIP, ".index", 1, 4300},
    {"an index lost", REMOVE, ".index", 1, 0},
    {"the newest index lost", REMOVE, ".index", 3, 0},
    {"data lost", REMOVE, ".data", 2, 0},
    {"the newest data file cut", CUT, ".data", 5, 40},
    {"the file horizon", FLIP, "/horizon", 0, 1},
    {"the file store", CUT, "store", 0, 5},
    {"the file stream", CUT, "/stream", 0, 50},
};

static void find_path(struct simdisk *disk, const char *ending, size_t nth, char path[160])
{
    struct fw_paths paths;
    size_t n = 0;

    fw_list(disk, &paths);
    for (size_t i = 0; i < paths.n; i++) {
        size_t len = strlen(paths.paths[i]);
        if (len < strlen(ending) || strcmp(paths.paths[i] + len - strlen(ending), ending) != 0)
            continue;
        if (n++ == nth) {
            memcpy(path, paths.paths[i], 160);
            return;
        }
    }
    fail_msg("there is no file %zu that ends in %s", nth, ending);
}

static void harm(struct simdisk *disk, const struct damage *d)
{
    char path[160];
    size_t size;

    find_path(disk, d->ending, d->nth, path);
    if (d->harm == FLIP) {
        fw_flip(disk, path, d->at, 0x04);
    } else if (d->harm == REMOVE) {
        fw_remove(disk, path);
    } else {
        char *data = fw_get(disk, path, &size);
        assert_true(data != NULL && d->at < size);
        fw_put(disk, path, data, d->at);
        free(data);
    }
}

/* ---- crashes ---- */

/* Repairs what a crash has left (taken), and compares with the end that an undisturbed repair comes to. */
static void repair_again(struct simdisk *disk, const struct fw_records *want)
{
    static struct fw_fsck f;
    struct fw_records got;

    fw_fsck(disk, KFS_FSCK_REPAIR, &f);
    FW_CHECK(&f, (f.status & ~KFS_FSCK_REPAIRED) == 0);
    static struct fw_fsck again;
    fw_fsck(disk, KFS_FSCK_CHECK, &again);
    FW_CHECK(&again, again.status == 0 && again.findings == 0);
    fw_read(disk, &got);
    FW_CHECK(&f, got.error == 0);
    FW_CHECK(&f, fw_same(&got, want, false));
    fw_free(&got);
    fw_append(disk, &model.highest);
    simdisk_free(disk);
    checked++;
}

/* Stops a repair at its nth changing call. False where it came to its end before. */
static bool stop_at(const struct simdisk *damaged, uint64_t nth, const struct fw_records *want, uint64_t outcomes)
{
    static struct fw_fsck f;
    struct simdisk *disk = simdisk_kill(damaged);
    size_t len = strlen(fw_note);

    simdisk_stop(disk, nth, SIMDISK_HALF);
    fw_fsck(disk, KFS_FSCK_REPAIR, &f);
    bool stopped = simdisk_stopped(disk);
    (void)snprintf(fw_note + len, sizeof fw_note - len, ", killed at call %" PRIu64, nth);
    repair_again(simdisk_kill(disk), want);
    uint64_t n = simdisk_outcomes(disk, outcomes);
    for (uint64_t i = 0; i < n; i++) {
        (void)snprintf(fw_note + len, sizeof fw_note - len, ", power loss %" PRIu64 " at call %" PRIu64, i, nth);
        repair_again(simdisk_crash_nth(disk, i, outcomes, nth), want);
    }
    fw_note[len] = '\0';
    simdisk_free(disk);
    return stopped;
}

static void crash_in_repair(void **state)
{
    const struct damage *d = *state;
    struct simdisk *damaged = simdisk_crash_nth(model.disk, 0, 1, 0); /* all of it, as it is, on the disk */
    struct fw_records want;
    static struct fw_fsck f;

    harm(damaged, d);
    struct simdisk *disk = simdisk_kill(damaged);
    (void)snprintf(fw_note, sizeof fw_note, "%s", d->what);
    fw_fsck(disk, KFS_FSCK_REPAIR, &f);
    FW_CHECK(&f, f.status == KFS_FSCK_REPAIRED);
    fw_read(disk, &want);
    assert_int_equal(want.error, 0);
    simdisk_free(disk);
    for (uint64_t n = 1; stop_at(damaged, n, &want, getenv("KFS_SOAK") != NULL ? 64 : 5); n++)
        ;
    fw_free(&want);
    simdisk_free(damaged);
}

/* ---- failures ---- */

/* One call of a kind fails once: the repair ends with that failure, or without it (a file that
 * cannot be linked is copied), and the next one comes to the same end. */
static void failing_calls(void **state)
{
    static const struct {
        enum simdisk_call call;
        int error;
    } failures[] = {{SIMDISK_CREATE, EPERM}, {SIMDISK_WRITE, ENOSPC}, {SIMDISK_DATASYNC, EIO}, {SIMDISK_SYNC_DIR, EIO},
                    {SIMDISK_TRUNCATE, EIO}, {SIMDISK_MKDIR, ENOSPC}, {SIMDISK_RENAME, EIO},   {SIMDISK_UNLINK, EIO}};
    static struct fw_fsck f;
    struct simdisk *damaged = simdisk_crash_nth(model.disk, 0, 1, 0);
    struct fw_records want;
    size_t copies = 0;

    (void)state;
    harm(damaged, &damages[3]);
    struct simdisk *disk = simdisk_kill(damaged);
    fw_fsck(disk, KFS_FSCK_REPAIR, &f);
    fw_read(disk, &want);
    simdisk_free(disk);
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        bool failed = true;
        for (uint64_t n = 1; failed; n++) {
            disk = simdisk_kill(damaged);
            (void)snprintf(fw_note, sizeof fw_note, "call %" PRIu64 " of kind %zu fails", n, i);
            simdisk_fail(disk, failures[i].call, n, failures[i].error, SIMDISK_HALF);
            fw_fsck(disk, KFS_FSCK_REPAIR, &f);
            failed = simdisk_has_failed(disk);
            FW_CHECK(&f, failed || f.status == KFS_FSCK_REPAIRED);
            copies += failed && i == 0 && f.status == KFS_FSCK_REPAIRED ? 1 : 0;
            simdisk_fail(disk, SIMDISK_ANY, 0, 0, SIMDISK_NOTHING);
            repair_again(disk, &want);
        }
    }
    assert_true(copies >= 3);
    fw_free(&want);
    simdisk_free(damaged);
}

/* ---- random damage ---- */

/* Not the checkpoints: where one is lost, and what it promised as well, no one can know (FORMAT.md section 7). */
static bool spares(const char *path, size_t at)
{
    return strstr(path, ".index") != NULL && at >= 512 && at < 1088;
}

/* Zeros (of a lost sector) or other bytes. */
static void overwrite(const char *path, char *data, size_t from, size_t to, uint64_t *random)
{
    bool zeros = simdisk_random(random, 2) == 0;

    for (size_t i = from; i < to; i++) {
        if (!spares(path, i))
            data[i] = zeros ? 0 : (char)simdisk_random(random, 256);
    }
}

static void harm_randomly(struct simdisk *disk, uint64_t *random)
{
    struct fw_paths paths;
    size_t size = 0;

    fw_list(disk, &paths);
    const char *path = paths.paths[simdisk_random(random, paths.n)];
    if (strstr(path, ".data") == NULL && strstr(path, ".index") == NULL)
        return;
    char *data = fw_get(disk, path, &size);
    assert_non_null(data);
    size_t at = size > 0 ? (size_t)simdisk_random(random, size) : 0;
    size_t len = (size_t)simdisk_random(random, 700);
    uint64_t kind = simdisk_random(random, 8);
    if (kind < 4 && size > 0) { /* as often a sector as a byte */
        size_t end = at + (kind < 2 ? 1 : len);
        overwrite(path, data, at, end < size ? end : size, random);
        fw_put(disk, path, data, size);
    } else if (kind == 4) { /* not both files of a segment: where it was the newest, nothing tells of it */
        if (strstr(path, ".index") != NULL)
            fw_remove(disk, path);
        else
            fw_put(disk, path, data, 0);
    } else if (kind == 5) {
        fw_put(disk, path, data, at);
    } else if (size > 0 && !spares(path, at)) {
        fw_flip(disk, path, size > 4096 ? 4096 + at % (size - 4096) : at, 0x20);
    }
    free(data);
}

static void random_damage(void **state)
{
    const char *seed = getenv("KFS_SEED");
    uint64_t random = seed != NULL ? strtoull(seed, NULL, 10) : 1;
    size_t rounds = getenv("KFS_SOAK") != NULL ? 20000 : 250;
    size_t lost = 0;

    (void)state;
    model.lines_may_be_wrong = true;
    for (size_t i = 0; i < rounds; i++) {
        struct simdisk *disk = simdisk_kill(model.disk);
        uint64_t times = 1 + simdisk_random(&random, 5);
        (void)snprintf(fw_note, sizeof fw_note, "round %zu, state %" PRIu64, i, random);
        for (uint64_t k = 0; k < times; k++)
            harm_randomly(disk, &random);
        lost += fw_repair(&model, disk, NULL);
    }
    assert_true(lost > rounds);
}

int main(void)
{
    enum { N = sizeof damages / sizeof damages[0] };
    struct CMUnitTest tests[N + 2];
    char names[N][64];

    kfs_log_setup(KFS_LOG_TO_STDERR, KFS_LOG_ERROR);
    fw_model_init(&model, fw_build(), FW_UNSYNCED);
    for (size_t i = 0; i < N; i++) {
        (void)snprintf(names[i], sizeof names[i], "crash_in_repair_of_%s", damages[i].what);
        tests[i] = (struct CMUnitTest){
            .name = names[i], .test_func = crash_in_repair, .initial_state = (void *)(uintptr_t)&damages[i]};
    }
    tests[N] = (struct CMUnitTest)cmocka_unit_test(failing_calls);
    tests[N + 1] = (struct CMUnitTest)cmocka_unit_test(random_damage);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    print_message("%" PRIu64 " interrupted repairs\n", checked);
    fw_model_release(&model);
    return rc;
}
