/* The contract suite against the remote backend, with an endpoint of our own; or with a foreign one, where there is
 * KFS_CONTRACT_ENDPOINT=kinesalite or kinesis-local, KFS_CONTRACT_URL, and KFS_CONTRACT_CLOCK, the file that has its
 * time: 8 bytes, milliseconds since 1970. tests/compat/lib_contract.sh runs it so. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/contract.h"
#include "tests/support/remoteworld.h"

static struct remote_world_test world;

static int open_again(struct contract_subject *subject, const struct kfs_clock *clock, struct kfs_backend **b)
{
    (void)clock;
    return remoteworld_open(subject->ctx, b);
}

/* ---- with an endpoint of our own ---- */

static int open_own(struct contract_subject *subject, const struct kfs_clock *clock, struct kfs_backend **b)
{
    remoteworld_start(subject->ctx, clock);
    return remoteworld_open(subject->ctx, b);
}

static void discard_own(struct contract_subject *subject)
{
    remoteworld_stop(subject->ctx);
}

/* ---- with a foreign one ---- */

static int clock_file = -1;

static void set_foreign_time(struct contract_subject *subject, uint64_t wall_ms)
{
    (void)subject;
    if (pwrite(clock_file, &wall_ms, sizeof wall_ms, 0) != sizeof wall_ms)
        abort();
}

static int open_foreign(struct contract_subject *subject, const struct kfs_clock *clock, struct kfs_backend **b)
{
    (void)subject;
    remoteworld_aim(&world, clock, getenv("KFS_CONTRACT_URL"));
    world.options.tls.insecure = true;
    world.options.call_timeout_ms = 60000; /* kinesis-local takes half a minute for a record of 10 MiB */
    return remoteworld_open(&world, b);
}

static int delete_stream(void *arg, const char *name)
{
    struct kfs_stream *stream = NULL;
    struct kfs_error err = {0};
    int rc = kfs_stream_open(arg, name, &stream, &err);

    if (rc == 0)
        rc = kfs_stream_delete(stream, &err);
    kfs_stream_close(stream);
    if (rc != 0)
        (void)fprintf(stderr, "deleting %s: %s\n", name, err.text);
    return rc;
}

/* The next test finds the server empty. */
static void discard_foreign(struct contract_subject *subject)
{
    struct kfs_backend *b = NULL;

    (void)subject;
    if (remoteworld_open(&world, &b) != 0 || kfs_stream_list(b, delete_stream, b, NULL) != 0)
        abort();
    (void)kfs_backend_close(b);
    tempdir_remove(world.dir);
}

static void make_foreign(struct contract_subject *subject, const char *kind)
{
    subject->open = open_foreign;
    subject->discard = discard_foreign;
    subject->set_time = set_foreign_time;
    subject->left_out = getenv("KFS_CONTRACT_LEFT_OUT");
    if (strcmp(kind, "kinesalite") == 0) {
        subject->creation_early_ms = 2000; /* a stream is as old as its first sequence number */
        subject->fixed_record_limit = true;
        subject->ends_late = true;
    } else {
        subject->whole_seconds = false;
        subject->amazon_numbers = false;
        subject->bounds_off = 8; /* it divides 2^128 - 1 */
        subject->uneven_resize = true;
    }
}

int main(void)
{
    struct contract_subject subject = {
        .name = "kinesis",
        .ctx = &world,
        .key_counts = true,
        .resizes_in_steps = true,
        .whole_seconds = true,
        .amazon_numbers = true,
        .open = open_own,
        .reopen = open_again,
        .discard = discard_own,
    };

    const char *kind = getenv("KFS_CONTRACT_ENDPOINT");
    const char *clock = getenv("KFS_CONTRACT_CLOCK");
    if (kind != NULL && clock != NULL) {
        clock_file = open(clock, O_WRONLY | O_CLOEXEC);
        make_foreign(&subject, kind);
    }
    return contract_run(&subject);
}
