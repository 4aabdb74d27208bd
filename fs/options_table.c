#include "fs/options_table.h"

#include <string.h>

#include "backend/backend.h"
#include "backend/base/logger.h"
#include "fs/service_options.h"

#define MEMBER(name) offsetof(struct kfs_options, name)

/* A typing error is at most this many letters away from what was meant. */
#define NEAR_MAX 2

static const char *const sync_choices[] = {
    [KFS_OPTIONS_SYNC_ALWAYS] = "always", [KFS_OPTIONS_SYNC_INTERVAL] = "interval", NULL};
static const char *const log_choices[] = {[KFS_LOG_TO_STDERR] = "stderr", [KFS_LOG_TO_SYSLOG] = "syslog", NULL};
static const char *const level_choices[] = {
    [KFS_LOG_ERROR] = "error", [KFS_LOG_WARNING] = "warning", [KFS_LOG_INFO] = "info", [KFS_LOG_DEBUG] = "debug", NULL};

static const char *const closed_choices[] = {[KFS_OPTIONS_FAIL] = "fail", [KFS_OPTIONS_FOLLOW] = "follow", NULL};
static const char *const ordering_choices[] = {
    [KFS_OPTIONS_RELAXED] = "relaxed", [KFS_OPTIONS_STRICT] = "strict", NULL};
static const char *const http_choices[] = {[KFS_OPTIONS_HTTP_2] = "2", [KFS_OPTIONS_HTTP_1] = "1.1", NULL};
static const char *const start_choices[] = {[KFS_OPTIONS_HORIZON] = "horizon", [KFS_OPTIONS_LATEST] = "latest", NULL};

static bool is_region(const char *text)
{
    size_t len = strlen(text);

    return len >= 1 && len <= 32 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool is_account(const char *text)
{
    return strlen(text) == 12 && strspn(text, "0123456789") == 12;
}

const struct kfs_option kfs_option_rows[] = {
    {.name = "shards",
     .type = KFS_OPTION_INTEGER,
     .offset = MEMBER(shards),
     .value = "1",
     .metavar = "N",
     .min = "1",
     .max = "10000",
     .help = "Shards of a stream made by mkdir NAME."},
    {.name = "retention",
     .type = KFS_OPTION_INTEGER,
     .offset = MEMBER(retention_hours),
     .value = "24",
     .metavar = "HOURS",
     .min = "24",
     .max = "8760",
     .help = "Hours that a new stream keeps its records."},
    {.name = "max_record_size",
     .type = KFS_OPTION_SIZE,
     .offset = MEMBER(max_record_size),
     .value = "1M",
     .metavar = "SIZE",
     .min = "1M",
     .max = "10M",
     .step = 1024,
     .help = "Largest record of a new stream."},
    {.name = "sync",
     .type = KFS_OPTION_ENUM,
     .offset = MEMBER(sync),
     .value = "interval",
     .metavar = "WHEN",
     .bare = "always",
     .choices = sync_choices,
     .help = "always: a write returns when it survives power loss. interval: power loss can take what was written in "
             "the last sync_interval and not fsynced. `sync` alone means always."},
    {.name = "sync_interval",
     .type = KFS_OPTION_DURATION,
     .offset = MEMBER(sync_interval_ms),
     .value = "1s",
     .metavar = "TIME",
     .min = "10ms",
     .max = "1h",
     .help = "Longest time between a write and its sync, with sync=interval."},
    {.name = "segment_size",
     .type = KFS_OPTION_SIZE,
     .offset = MEMBER(segment_size),
     .value = "64M",
     .metavar = "SIZE",
     .min = "64K",
     .max = "4G",
     .help = "Size at which a shard goes on in a new file. Retention removes whole files."},
    {.name = "retention_size",
     .type = KFS_OPTION_SIZE,
     .offset = MEMBER(retention_size),
     .value = "0",
     .metavar = "SIZE",
     .min = "0",
     .max = "1024T",
     .help = "Size of a shard above which its oldest files are removed, whatever their age; 0 for no bound."},
    {.name = "on_closed",
     .type = KFS_OPTION_ENUM,
     .offset = MEMBER(on_closed),
     .value = "fail",
     .metavar = "HOW",
     .choices = closed_choices,
     .help =
         "What becomes of a write to a shard that was split or merged. fail: it is EROFS. follow: each record goes to "
         "the open shard that owns its hash key now."},
    {.name = "partial_timeout",
     .type = KFS_OPTION_DURATION,
     .offset = MEMBER(partial_timeout_ms),
     .value = "0",
     .metavar = "TIME",
     .min = "0",
     .max = "1d",
     .help = "Idle time after which an unfinished last line becomes a record; 0 for never before fsync or close."},
    {.name = "listen",
     .type = KFS_OPTION_TEXT,
     .offset = MEMBER(listen),
     .derived = "no API",
     .metavar = "ADDR:PORT",
     .valid = kfs_listen_valid,
     .allowed = "a numeric address and a port, as 127.0.0.1:4567 or [::1]:4567",
     .help =
         "Serve the Kinesis API on this port, over the same streams. Beyond loopback it needs keys, or listen_open."},
    {.name = "no_mount",
     .type = KFS_OPTION_FLAG,
     .offset = MEMBER(no_mount),
     .value = "no",
     .help = "Mount nothing, serve only the API. There is no MOUNTPOINT then."},
    {.name = "keys",
     .type = KFS_OPTION_TEXT,
     .offset = MEMBER(keys),
     .derived = "any credentials are taken",
     .metavar = "FILE",
     .allowed = "the path of a file",
     .help = "Access keys of the API, a line `ID SECRET` for each. Requests must then be signed with one."},
    {.name = "listen_open",
     .type = KFS_OPTION_FLAG,
     .offset = MEMBER(listen_open),
     .value = "no",
     .help = "Let the API listen beyond loopback although there are no keys."},
    {.name = "tls",
     .type = KFS_OPTION_FLAG,
     .offset = MEMBER(tls),
     .value = "no",
     .help = "Serve the API over TLS, where tls_cert is not given with a certificate made and kept in the store."},
    {.name = "tls_cert",
     .type = KFS_OPTION_TEXT,
     .offset = MEMBER(tls_cert),
     .derived = "none",
     .metavar = "FILE",
     .allowed = "the path of a file",
     .help = "Certificate chain of the API, PEM; turns TLS on."},
    {.name = "tls_key",
     .type = KFS_OPTION_TEXT,
     .offset = MEMBER(tls_key),
     .derived = "none",
     .metavar = "FILE",
     .allowed = "the path of a file",
     .help = "Private key of tls_cert, PEM."},
    {.name = "metrics",
     .type = KFS_OPTION_TEXT,
     .offset = MEMBER(metrics),
     .derived = "no port",
     .metavar = "ADDR:PORT",
     .valid = kfs_listen_valid,
     .allowed = "a numeric address and a port, as 127.0.0.1:9102 or [::1]:9102",
     .help = "Serve what .kinesisfs/metrics shows over HTTP too."},
    {.name = "api_status_delay",
     .type = KFS_OPTION_DURATION,
     .offset = MEMBER(api_status_delay_ms),
     .value = "500ms",
     .metavar = "TIME",
     .min = "0",
     .max = "1h",
     .help = "How long a stream that the API creates, changes or deletes is CREATING, UPDATING or DELETING."},
    {.name = "api_limits",
     .type = KFS_OPTION_FLAG,
     .offset = MEMBER(api_limits),
     .value = "no",
     .help = "Keep the service's throughput limits per shard in the API, for tests of throttling."},
    {.name = "api_faults",
     .type = KFS_OPTION_TEXT,
     .offset = MEMBER(api_faults),
     .derived = "none",
     .metavar = "LIST",
     .valid = kfs_faults_valid,
     .allowed = "throttle:P, error:P, cut:P and slow:TIME, joined by commas; P from 0 to 1",
     .help = "Faults of the API, for tests of programs: how likely it throttles, fails or cuts the connection, and how "
             "slow it is."},
    {.name = "spool",
     .type = KFS_OPTION_TEXT,
     .offset = MEMBER(spool),
     .derived = "in $XDG_STATE_HOME/kinesisfs/remote (~/.local/state); root: /var/lib/kinesisfs/remote",
     .metavar = "DIR",
     .allowed = "the path of a directory",
     .help =
         "What a remote source keeps on this machine: records not yet acknowledged, and a mirror of what was read."},
    {.name = "spool_max",
     .type = KFS_OPTION_SIZE,
     .offset = MEMBER(spool_max),
     .value = "1G",
     .metavar = "SIZE",
     .min = "1M",
     .max = "1024T",
     .help = "Bytes that may wait for the endpoint to acknowledge them; a write then waits for spool_wait."},
    {.name = "spool_wait",
     .type = KFS_OPTION_DURATION,
     .offset = MEMBER(spool_wait_ms),
     .value = "10s",
     .metavar = "TIME",
     .min = "0",
     .max = "1h",
     .help = "How long a write waits for room in the spool before it fails with ENOSPC."},
    {.name = "linger",
     .type = KFS_OPTION_DURATION,
     .offset = MEMBER(linger_ms),
     .value = "20ms",
     .metavar = "TIME",
     .min = "0",
     .max = "1m",
     .help = "How long a record waits for others to be sent with, to a remote source."},
    {.name = "ordering",
     .type = KFS_OPTION_ENUM,
     .offset = MEMBER(ordering),
     .value = "relaxed",
     .metavar = "HOW",
     .choices = ordering_choices,
     .help = "strict: records reach a remote shard in the order of the file even where it refuses some for a while; "
             "one record a request. relaxed: what was refused comes later."},
    {.name = "pace",
     .type = KFS_OPTION_FLAG,
     .offset = MEMBER(pace),
     .value = "yes",
     .help = "Keep to the write limits of a remote shard, 1 MB and 1,000 records a second, instead of being refused."},
    {.name = "close_wait",
     .type = KFS_OPTION_DURATION,
     .offset = MEMBER(close_wait_ms),
     .value = "2s",
     .metavar = "TIME",
     .min = "0",
     .max = "1h",
     .help = "How long close waits for a remote source to acknowledge what was written; then the records stay in the "
             "spool."},
    {.name = "drain",
     .type = KFS_OPTION_DURATION,
     .offset = MEMBER(drain_ms),
     .value = "10s",
     .metavar = "TIME",
     .min = "0",
     .max = "1h",
     .help = "How long unmounting waits for a remote source to acknowledge what is in the spool."},
    {.name = "mirror_max",
     .type = KFS_OPTION_SIZE,
     .offset = MEMBER(mirror_max),
     .value = "1G",
     .metavar = "SIZE",
     .min = "1M",
     .max = "1024T",
     .help = "Size of the mirror of a remote shard; beyond it the oldest records are no longer read."},
    {.name = "start",
     .type = KFS_OPTION_ENUM,
     .offset = MEMBER(start),
     .value = "horizon",
     .metavar = "WHERE",
     .choices = start_choices,
     .help = "Where the mirror of a remote shard begins that was never read: with the oldest record there is, or with "
             "the next. With latest, children of a shard that was read begin with their oldest."},
    {.name = "fanout",
     .type = KFS_OPTION_TEXT,
     .offset = MEMBER(fanout),
     .derived = "shards are polled",
     .metavar = "NAME",
     .valid = kfs_stream_name_valid,
     .allowed = "1 to 128 of a-z, A-Z, 0-9, _, . and -",
     .help = "Read remote shards by subscription (enhanced fan-out), as this consumer, which is registered where it is "
             "missing and stays so. Of one mount at a time."},
    {.name = "refresh",
     .type = KFS_OPTION_DURATION,
     .offset = MEMBER(refresh_ms),
     .value = "10s",
     .metavar = "TIME",
     .min = "100ms",
     .max = "1h",
     .help = "How often a remote source is asked which streams and shards it has."},
    {.name = "allow_delete",
     .type = KFS_OPTION_FLAG,
     .offset = MEMBER(allow_delete),
     .value = "no",
     .help = "Let rmdir delete streams of a remote source."},
    {.name = "profile",
     .type = KFS_OPTION_TEXT,
     .offset = MEMBER(profile),
     .derived = "AWS_PROFILE, else default",
     .metavar = "NAME",
     .allowed = "the name of a profile",
     .help = "Profile of the AWS configuration files, for credentials, region and endpoint of a remote source."},
    {.name = "ca_bundle",
     .type = KFS_OPTION_TEXT,
     .offset = MEMBER(ca_bundle),
     .derived = "AWS_CA_BUNDLE, the profile's, else the system's",
     .metavar = "FILE",
     .allowed = "the path of a file",
     .help = "Certificates that an endpoint is believed by, PEM."},
    {.name = "insecure",
     .type = KFS_OPTION_FLAG,
     .offset = MEMBER(insecure),
     .value = "no",
     .help = "Believe any certificate of an endpoint: for tests."},
    {.name = "http",
     .type = KFS_OPTION_ENUM,
     .offset = MEMBER(http),
     .value = "2",
     .metavar = "VERSION",
     .choices = http_choices,
     .help = "2: HTTP/2 where an endpoint offers it over TLS. 1.1: never, for one whose answers stop in it."},
    {.name = "region",
     .type = KFS_OPTION_TEXT,
     .offset = MEMBER(region),
     .derived = "us-east-1; of a remote source AWS_REGION, AWS_DEFAULT_REGION, the profile's",
     .metavar = "NAME",
     .valid = is_region,
     .allowed = "1 to 32 of a-z, 0-9 and -",
     .help = "Region in the streams' ARNs, and of a remote source."},
    {.name = "account",
     .type = KFS_OPTION_TEXT,
     .offset = MEMBER(account),
     .value = "000000000000",
     .metavar = "ID",
     .valid = is_account,
     .allowed = "12 digits",
     .help = "Account in the streams' ARNs."},
    {.name = "ro",
     .type = KFS_OPTION_FLAG,
     .offset = MEMBER(ro),
     .value = "no",
     .help = "Mount read-only; `rw` is the opposite."},
    {.name = "allow_other",
     .type = KFS_OPTION_FLAG,
     .offset = MEMBER(allow_other),
     .value = "no",
     .help = "Let other users in, as uid, gid and umask say. Unless root mounts, /etc/fuse.conf must have "
             "user_allow_other."},
    {.name = "uid",
     .type = KFS_OPTION_INTEGER,
     .offset = MEMBER(uid),
     .derived = "the user who mounts",
     .metavar = "UID",
     .min = "0",
     .max = "4294967294",
     .help = "Owner of every file."},
    {.name = "gid",
     .type = KFS_OPTION_INTEGER,
     .offset = MEMBER(gid),
     .derived = "the group of the user who mounts",
     .metavar = "GID",
     .min = "0",
     .max = "4294967294",
     .help = "Group of every file."},
    {.name = "umask",
     .type = KFS_OPTION_OCTAL,
     .offset = MEMBER(umask),
     .value = "022",
     .metavar = "MODE",
     .min = "0",
     .max = "777",
     .help = "Permission bits that no file has."},
    {.name = "threads",
     .type = KFS_OPTION_INTEGER,
     .offset = MEMBER(threads),
     .value = "4",
     .metavar = "N",
     .min = "1",
     .max = "64",
     .help = "Threads that answer the kernel, and as many that answer the API. A reader that waits takes none."},
    {.name = "log",
     .type = KFS_OPTION_ENUM,
     .offset = MEMBER(log),
     .derived = "stderr in the foreground, else syslog",
     .metavar = "WHERE",
     .choices = log_choices,
     .help = "Where messages go after the mount."},
    {.name = "log_level",
     .type = KFS_OPTION_ENUM,
     .offset = MEMBER(log_level),
     .derived = "info, with debug: debug",
     .metavar = "LEVEL",
     .choices = level_choices,
     .help = "The least severe messages that are logged."},
    {.name = "foreground",
     .letter = 'f',
     .type = KFS_OPTION_FLAG,
     .offset = MEMBER(foreground),
     .value = "no",
     .help = "Stay in the foreground."},
    {.name = "debug",
     .letter = 'd',
     .type = KFS_OPTION_FLAG,
     .offset = MEMBER(debug),
     .value = "no",
     .help = "Trace every request; implies foreground."},
    {.name = "config",
     .type = KFS_OPTION_TEXT,
     .offset = MEMBER(config),
     .derived = "the first there is of $XDG_CONFIG_HOME/kinesisfs.conf (~/.config) and /etc/kinesisfs.conf",
     .metavar = "FILE",
     .allowed = "the path of a file",
     .not_in_file = true,
     .help = "Configuration file: lines `name = value`; a line that begins with # is a comment."},
    {.name = "help",
     .letter = 'h',
     .type = KFS_OPTION_ACTION,
     .command_line_only = true,
     .action = KFS_OPTIONS_HELP,
     .help = "Print this and exit."},
    {.name = "version",
     .letter = 'V',
     .type = KFS_OPTION_ACTION,
     .command_line_only = true,
     .action = KFS_OPTIONS_VERSION,
     .help = "Print the version and exit."},
};

const size_t kfs_option_count = sizeof kfs_option_rows / sizeof kfs_option_rows[0];
_Static_assert(sizeof kfs_option_rows / sizeof kfs_option_rows[0] <= KFS_OPTION_ROWS_MAX, "raise KFS_OPTION_ROWS_MAX");

const struct kfs_option_alias kfs_option_aliases[] = {
    {"rw", "ro", "no"},
    {"async", "sync", "interval"},
};

const size_t kfs_option_alias_count = sizeof kfs_option_aliases / sizeof kfs_option_aliases[0];

const struct kfs_kernel_word kfs_kernel_words[] = {
    {"suid", KFS_KERNEL_SUID, false},       {"nosuid", KFS_KERNEL_SUID, false},   {"dev", KFS_KERNEL_DEV, false},
    {"nodev", KFS_KERNEL_DEV, false},       {"exec", KFS_KERNEL_EXEC, true},      {"noexec", KFS_KERNEL_EXEC, false},
    {"atime", KFS_KERNEL_ATIME, true},      {"relatime", KFS_KERNEL_ATIME, true}, {"noatime", KFS_KERNEL_ATIME, false},
    {"dirsync", KFS_KERNEL_DIRSYNC, false},
};

const size_t kfs_kernel_word_count = sizeof kfs_kernel_words / sizeof kfs_kernel_words[0];

const struct kfs_option *kfs_option_find(const char *name)
{
    for (size_t i = 0; i < kfs_option_count; i++) {
        if (strcmp(kfs_option_rows[i].name, name) == 0)
            return &kfs_option_rows[i];
    }
    return NULL;
}

bool kfs_option_has_value(const struct kfs_option *row)
{
    return row->type != KFS_OPTION_FLAG && row->type != KFS_OPTION_ACTION;
}

/* Letters to insert, remove or replace to make b of a. */
static size_t distance(const char *a, const char *b)
{
    size_t row[KFS_OPTION_NAME_MAX + 1];
    size_t b_len = strlen(b);

    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t best = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b_len];
}

static void consider(const char *name, const char *candidate, const char **best, size_t *least)
{
    size_t far = distance(name, candidate);

    if (far < *least && far < strlen(candidate)) {
        *best = candidate;
        *least = far;
    }
}

const char *kfs_option_nearest(const char *name)
{
    const char *best = NULL;
    size_t least = NEAR_MAX + 1;

    for (size_t i = 0; i < kfs_option_count; i++)
        consider(name, kfs_option_rows[i].name, &best, &least);
    for (size_t i = 0; i < kfs_option_alias_count; i++)
        consider(name, kfs_option_aliases[i].word, &best, &least);
    for (size_t i = 0; i < kfs_kernel_word_count; i++)
        consider(name, kfs_kernel_words[i].word, &best, &least);
    return best;
}
