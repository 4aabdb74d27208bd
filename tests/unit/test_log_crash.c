/* Crashes, enumerated: every short history below is stopped at every call that
 * changes the disk. From each stop the disk is made as the death of the process
 * and as power loss may leave it, opened, and compared with what was promised.
 *
 * A history is a string of steps (world_step), and of these: K, here the process
 * dies, and X, here the power fails (several outcomes of it); and all goes on.
 *
 * KFS_SOAK=1 tries far more outcomes; KFS_SEED=n other random ones. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/logger.h"
#include "tests/support/logworld.h"

#define SEGMENT 60U /* bytes; a few records */

static const char *const histories[] = {
    "",         "a",         "aa",        "as",       "asa",      "3s3",           "aras",     "araa",
    "asraa",    "aaas",      "aaaas",     "aaasaaas", "LsL",      "LLsa",          "P",        "PsP",
    "aPsa",     "eeses",     "+a-a+s",    "aaaaaat",  "aaasaat",  "aasaaasaaasta", "aas+haa",  "a+h",
    "aah+a",    "aaah",      "aaarsh",    "aaraar",   "sas",      "aKa",           "aaaKasa",  "aXa",
    "aaasaXas", "aaaaXaaas", "aaasaatXa", "LKsa",     "PKa",      "aaasrXaaaas",   "aaaaKaaX", "aaaaaas",
    "g",        "asgas",     "aaGs",      "aXgXgs",   "aaKgaKgs", "ggsrag",        "aasGtas",  "agaXGas",
};

struct sweep {
    uint64_t outcomes; /* of a power loss, at most */
    uint64_t inner;    /* of one inside a history */
    uint64_t seed;
    uint64_t checked;
};

static struct sweep sweep_of_environment(void)
{
    const char *seed = getenv("KFS_SEED");
    bool soak = getenv("KFS_SOAK") != NULL;

    return (struct sweep){
        .outcomes = soak ? 4096 : 48, .inner = soak ? 64 : 4, .seed = seed != NULL ? strtoull(seed, NULL, 10) : 1};
}

static uint64_t total; /* crashed disks that were checked */

/* ---- running a history ---- */

struct run {
    struct world w;
    uint64_t stop_at; /* the changing call, counted over all disks */
    uint64_t done;    /* on disks that are gone */
    uint64_t inner;   /* which outcome of a power loss inside the history */
    const struct sweep *sweep;
};

static void arm(struct run *run)
{
    if (run->stop_at > run->done)
        simdisk_stop(run->w.disk, run->stop_at - run->done, SIMDISK_NOTHING);
}

/* The process dies, or the power fails; the log is opened on what is left. */
static void crash_inside(struct run *run, bool power)
{
    struct world *w = &run->w;
    struct simdisk *old = w->disk;

    run->done += simdisk_changes(old);
    simdisk_stop(old, 1, SIMDISK_NOTHING);
    (void)world_close(w);
    w->disk = power ? simdisk_crash_nth(old, run->inner, run->sweep->inner, run->sweep->seed) : simdisk_kill(old);
    simdisk_free(old);
    w->io = simdisk_io(w->disk);
    arm(run);
    if (power)
        w->acked = w->synced;
    int rc = world_try_open(w);
    if (simdisk_stopped(w->disk))
        return;
    CHECK(w, rc == 0 && kfs_log_damage(w->log, &w->err) == 0);
    world_adopt(w, w->acked);
}

/* Runs until the stop; afterwards the log is closed and the disk as it was left. */
static void run_history(struct run *run, const char *script, const struct sweep *sweep)
{
    run->sweep = sweep;
    run->done = 0;
    world_init(&run->w, simdisk_new(), SEGMENT);
    (void)snprintf(run->w.note, sizeof run->w.note, "history \"%s\" until call %" PRIu64, script, run->stop_at);
    arm(run);
    if (world_try_open(&run->w) != 0)
        CHECK(&run->w, simdisk_stopped(run->w.disk));
    for (const char *p = script; *p != '\0' && !simdisk_stopped(run->w.disk); p++)
        if (*p == 'K' || *p == 'X')
            crash_inside(run, *p == 'X');
        else
            world_step(&run->w, *p);
    run->done += simdisk_changes(run->w.disk);
    if (!simdisk_stopped(run->w.disk))
        simdisk_stop(run->w.disk, 1, SIMDISK_NOTHING);
    (void)world_close(&run->w);
    CHECK(&run->w, simdisk_open_files(run->w.disk) == 0);
}

/* ---- checking what is left ---- */

/* Opens what is left, and goes on. Takes the disk. */
static void check_left(const struct world *before, struct simdisk *disk, size_t least)
{
    struct world w;

    world_fork(&w, before, disk);
    world_open(&w);
    world_adopt(&w, least);
    CHECK(&w, world_append_one(&w, 10) == 0);
    CHECK(&w, world_append_one(&w, 50) == 0);
    world_check(&w);
    CHECK(&w, world_sync(&w) == 0);
    struct simdisk *again = simdisk_crash_nth(w.disk, 1, 2, 0); /* nothing that was not synced */
    struct world after;
    world_fork(&after, &w, again);
    world_open(&after);
    world_check(&after);
    CHECK(&after, world_append_one(&after, 1) == 0);
    world_release(&after);
    world_release(&w);
}

static void check_power_loss(struct run *run, struct sweep *sweep)
{
    uint64_t outcomes = simdisk_outcomes(run->w.disk, sweep->outcomes);
    size_t len = strlen(run->w.note);

    for (uint64_t i = 0; i < outcomes; i++) {
        (void)snprintf(run->w.note + len, sizeof run->w.note - len, ", power loss %" PRIu64 " of %" PRIu64, i,
                       outcomes);
        check_left(&run->w, simdisk_crash_nth(run->w.disk, i, sweep->outcomes, sweep->seed), run->w.synced);
        sweep->checked++;
    }
    run->w.note[len] = '\0';
}

static void check_kill(struct run *run, struct sweep *sweep)
{
    size_t len = strlen(run->w.note);

    (void)snprintf(run->w.note + len, sizeof run->w.note - len, ", process killed");
    check_left(&run->w, simdisk_kill(run->w.disk), run->w.acked);
    run->w.note[len] = '\0';
    sweep->checked++;
}

static void sweep_history(const char *script, uint64_t inner, struct sweep *sweep)
{
    struct run run = {.inner = inner};

    run_history(&run, script, sweep);
    uint64_t calls = run.done;
    for (run.stop_at = 1;; run.stop_at++) {
        check_kill(&run, sweep);
        check_power_loss(&run, sweep);
        world_release(&run.w);
        if (run.stop_at > calls)
            break;
        run_history(&run, script, sweep);
    }
}

static void keeps_what_was_promised(void **state)
{
    const char *history = *state;
    struct sweep sweep = sweep_of_environment();
    uint64_t inner = strchr(history, 'X') != NULL ? sweep.inner : 1;

    for (uint64_t k = 0; k < inner; k++)
        sweep_history(history, k, &sweep);
    total += sweep.checked;
}

int main(void)
{
    enum { N = sizeof histories / sizeof histories[0] };
    struct CMUnitTest tests[N];
    char names[N][64];

    kfs_log_setup(KFS_LOG_TO_STDERR, KFS_LOG_ERROR);
    for (size_t i = 0; i < N; i++) {
        (void)snprintf(names[i], sizeof names[i], "crash_in_history_%s", histories[i]);
        tests[i] = (struct CMUnitTest){
            .name = names[i], .test_func = keeps_what_was_promised, .initial_state = (void *)(uintptr_t)histories[i]};
    }
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    print_message("%" PRIu64 " crashed disks\n", total);
    return rc;
}
