/* The contract suite against the local backend, twice: as installed, and with
 * segments so small that a test fills many, and a keeper that never rests. */
#include "backend/local/local.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/support/contract.h"

#define PATH_LEN 4096
#define MIB (UINT64_C(1) << 20)
#define KIB UINT64_C(1024)

struct store {
    char dir[PATH_LEN];
    struct kfs_local_options options;
};

static int reopen_local(struct contract_subject *subject, const struct kfs_clock *clock, struct kfs_backend **b)
{
    struct store *store = subject->ctx;
    struct kfs_error err;
    int rc;

    store->options.clock = clock;
    rc = kfs_local_open(store->dir, &store->options, b, &err);
    if (rc != 0)
        (void)fprintf(stderr, "%s: %s\n", store->dir, err.text);
    return rc;
}

/* Memory where there is enough of it: what a disk does with fsync is the
 * business of the crash tests, and 250 stores wait for a disk for seconds. */
static const char *parent_dir(void)
{
    const char *tmp = getenv("TMPDIR");
    struct statvfs fs;

    if (tmp != NULL)
        return tmp;
    if (access("/dev/shm", W_OK) == 0 && statvfs("/dev/shm", &fs) == 0 && fs.f_bavail * fs.f_frsize >= 256 * MIB)
        return "/dev/shm";
    return "/tmp";
}

static int open_local(struct contract_subject *subject, const struct kfs_clock *clock, struct kfs_backend **b)
{
    struct store *store = subject->ctx;

    (void)snprintf(store->dir, sizeof store->dir, "%s/kfs-contract-XXXXXX", parent_dir());
    if (mkdtemp(store->dir) == NULL)
        return -1;
    return reopen_local(subject, clock, b);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void discard_local(struct contract_subject *subject)
{
    struct store *store = subject->ctx;

    (void)nftw(store->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int run(const char *name, uint64_t segment_bytes, uint64_t sync_interval_ms)
{
    struct store store = {
        .options =
            {
                .sync_interval_ms = sync_interval_ms,
                .segment_bytes = segment_bytes,
                .region = "local",
                .account = "000000000000",
                .io = &kfs_posix_io,
            },
    };
    struct contract_subject subject = {
        .name = name,
        .ctx = &store,
        .exact_horizon = false,
        .amazon_numbers = true,
        .open = open_local,
        .reopen = reopen_local,
        .discard = discard_local,
    };

    return contract_run(&subject);
}

int main(void)
{
    int failed = run("local", 64 * MIB, 1000);

    return failed + run("local, small segments", 64 * KIB, 10);
}
