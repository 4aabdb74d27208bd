/* Options: the command line, the environment, the configuration file and the
 * defaults, made into one plain struct. One table (options_table.c) makes the
 * parser, --help and docs/OPTIONS.md.
 *
 * Precedence: command line, KINESISFS_NAME in the environment, configuration
 * file, default. Within one of them the last mention wins. */
#ifndef KFS_FS_OPTIONS_H
#define KFS_FS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "backend/base/buf.h"
#include "backend/base/logger.h"

#define KFS_EXIT_USAGE 2
#define KFS_KERNEL_OPTIONS_MAX 64

enum kfs_options_action {
    KFS_OPTIONS_MOUNT,
    KFS_OPTIONS_CHECK,  /* mount(8) -f: everything was checked; exit 0 without mounting */
    KFS_OPTIONS_HELP,   /* print the help, exit 0; nothing else in the struct is set */
    KFS_OPTIONS_VERSION /* the same with the version */
};

enum kfs_source {
    KFS_SOURCE_LOCAL,   /* a directory */
    KFS_SOURCE_KINESIS, /* Amazon's, in the region named, or "" */
    KFS_SOURCE_URL      /* any endpoint */
};

enum kfs_options_closed { KFS_OPTIONS_FAIL, KFS_OPTIONS_FOLLOW };
enum kfs_options_http { KFS_OPTIONS_HTTP_2, KFS_OPTIONS_HTTP_1 };
enum kfs_options_ordering { KFS_OPTIONS_RELAXED, KFS_OPTIONS_STRICT };
enum kfs_options_start { KFS_OPTIONS_HORIZON, KFS_OPTIONS_LATEST };

enum kfs_options_sync { KFS_OPTIONS_SYNC_ALWAYS, KFS_OPTIONS_SYNC_INTERVAL };

struct kfs_options {
    enum kfs_options_action action;
    enum kfs_source source_type;
    char *source;     /* as given: the local store's directory, the region, or the endpoint's URL */
    char *spool;      /* directory of what a remote source keeps here; NULL for a local one */
    char *spec;       /* what mount(8) gave as the source, and expects to find in its table; NULL elsewhere */
    char *mountpoint; /* as given; NULL with no_mount */

    /* Handed on to the kernel, for libfuse's -o: "ro,noexec", or "". */
    char kernel[KFS_KERNEL_OPTIONS_MAX];

    bool foreground; /* also with debug */
    bool debug;
    bool ro; /* also in `kernel` */
    bool allow_other;
    uint32_t uid;
    uint32_t gid;
    uint32_t umask;
    uint32_t threads;

    uint32_t shards;          /* of new streams */
    uint32_t retention_hours; /* of new streams */
    uint64_t max_record_size; /* of new streams; whole KiB */

    enum kfs_options_sync sync;
    uint64_t sync_interval_ms;
    uint64_t segment_size;
    uint64_t retention_size;     /* bytes a shard; 0: no bound */
    uint64_t partial_timeout_ms; /* 0: off */

    char *listen;  /* ADDRESS:PORT of the API, or NULL */
    char *metrics; /* ADDRESS:PORT, or NULL */
    bool no_mount; /* mountpoint is NULL */
    bool listen_open;
    char *keys;
    bool tls;
    char *tls_cert;
    char *tls_key;
    uint64_t api_status_delay_ms;
    bool api_limits;
    char *api_faults; /* or NULL */

    char *profile; /* of AWS's files, or NULL */
    char *ca_bundle;
    bool insecure;
    enum kfs_options_http http;
    uint64_t spool_max;
    uint64_t spool_wait_ms;
    uint64_t linger_ms;
    enum kfs_options_closed on_closed;
    enum kfs_options_ordering ordering;
    bool pace;
    uint64_t close_wait_ms;
    uint64_t drain_ms;
    uint64_t mirror_max;
    enum kfs_options_start start;
    char *fanout; /* a consumer's name, or NULL */
    uint64_t refresh_ms;
    bool allow_delete;

    char *region; /* NULL for a remote source where it is for the AWS tools' rules to say */
    char *account;
    char *config; /* the configuration file that was named, or NULL */

    enum kfs_log_target log;
    enum kfs_log_level log_level;
};

/* What parsing needs of the world. */
struct kfs_options_world {
    char *(*env)(const char *name); /* getenv */
    /* Appends a file; -errno, -EMSGSIZE where it does not fit into text->max. */
    int (*read_file)(const char *path, struct kfs_buf *text);
    uint32_t uid; /* effective */
    uint32_t gid;
};

struct kfs_options_world kfs_options_system_world(void);

/* Returns 0, and out filled (to be released); or the status to exit with,
 * KFS_EXIT_USAGE or 1 (out of memory), out untouched and what was wrong written
 * to errors. argv[0] called mount.kinesisfs means the calling convention of mount(8). */
int kfs_options_parse(int argc, char **argv, const struct kfs_options_world *world, struct kfs_options *out,
                      FILE *errors);

void kfs_options_release(struct kfs_options *options);

void kfs_options_print_help(FILE *to);
void kfs_options_print_markdown(FILE *to); /* docs/OPTIONS.md */

#endif
