/* fsck.kinesisfs: the options, and what is printed. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/logger.h"
#include "backend/local/fsck.h"

#define EXIT_USAGE 16

static const char usage[] = "Usage: fsck.kinesisfs [-n | -p | -y] [-v] STORE\n"
                            "Checks a local store of kinesisfs that is not mounted.\n"
                            "  -n      change nothing (the default)\n"
                            "  -p, -a  repair what can be repaired without losing anything\n"
                            "  -y      repair; what is taken out is kept in STORE/lost+found\n"
                            "  -v      also say what is in order\n"
                            "  -h, -V  this text, the version\n"
                            "  -f, -T, -C: of fsck(8); without effect\n"
                            "Exit status: 0 nothing wrong, 1 repaired, 4 damage left, 8 could not check, 16 usage\n";

static void print(void *arg, const struct kfs_fsck_report *r)
{
    bool verbose = *(const bool *)arg;
    FILE *out = r->event == KFS_FSCK_CANNOT ? stderr : stdout;

    if (!verbose && (r->event == KFS_FSCK_FINE || (r->finding != NULL && r->finding->kind == KFS_FINDING_NOTE)))
        return;
    if (r->stream[0] != '\0')
        (void)fprintf(out, "%s%s%s: ", r->stream, r->shard[0] != '\0' ? "/" : "", r->shard);
    (void)fprintf(out, "%s\n", r->text);
}

static void print_totals(const char *store, const struct kfs_fsck_totals *t)
{
    (void)printf("%s: %llu streams, %llu shards, %llu records, %llu bytes", store, (unsigned long long)t->streams,
                 (unsigned long long)t->shards, (unsigned long long)t->records, (unsigned long long)t->bytes);
    if (t->damaged_shards > 0)
        (void)printf("; %llu shards are damaged, %llu records are lost", (unsigned long long)t->damaged_shards,
                     (unsigned long long)t->lost_records);
    (void)printf("\n");
}

/* -1, or the exit status of an option that ends the program. */
static int parse(int argc, char **argv, enum kfs_fsck_mode *mode, bool *verbose)
{
    int c;

    while ((c = getopt(argc, argv, "nypavfTC::hV")) != -1) {
        switch (c) {
        case 'n':
            *mode = KFS_FSCK_CHECK;
            break;
        case 'p':
        case 'a':
            *mode = KFS_FSCK_SAFE;
            break;
        case 'y':
            *mode = KFS_FSCK_REPAIR;
            break;
        case 'v':
            *verbose = true;
            break;
        case 'f':
        case 'T':
        case 'C':
            break;
        case 'h':
            (void)fputs(usage, stdout);
            return 0;
        case 'V':
            (void)puts("fsck.kinesisfs " KFS_VERSION);
            return 0;
        default:
            (void)fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    if (optind + 1 == argc)
        return -1;
    (void)fputs(usage, stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    struct kfs_fsck_options options = {
        .io = &kfs_posix_io, .clock = &kfs_system_clock, .mode = KFS_FSCK_CHECK, .report = print};
    struct kfs_fsck_totals totals;
    bool verbose = false;
    int status = parse(argc, argv, &options.mode, &verbose);

    if (status >= 0)
        return status;
    options.arg = &verbose;
    kfs_log_setup(KFS_LOG_TO_STDERR, KFS_LOG_WARNING);
    status = kfs_fsck(argv[optind], &options, &totals);
    if ((status & KFS_FSCK_FAILED) == 0 || totals.streams > 0)
        print_totals(argv[optind], &totals);
    return status;
}
