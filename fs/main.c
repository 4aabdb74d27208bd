/* kinesisfs: composes options, backend, file system and FUSE session. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/logger.h"
#include "fs/daemon.h"
#include "fs/fs.h"
#include "fs/fuse_session.h"
#include "fs/options.h"
#include "fs/service.h"
#include "fs/source.h"

#define FILES_WANTED 1048576 /* open files: two for each shard in use, one for each segment being read */

static struct kfs_fuse_session *volatile running;
static volatile sig_atomic_t stopping;

/* The first signal drains, a second one does not wait for it. */
static void on_signal(int signal)
{
    (void)signal;
    if (stopping)
        _exit(1);
    stopping = 1;
    if (running != NULL)
        kfs_fuse_stop(running);
}

/* Blocks the signals in this thread, and so in all it starts, or lets only it have them. */
static void mask_signals(int how, sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGHUP);
    (void)pthread_sigmask(how, set, NULL);
}

static void set_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
}

static void raise_file_limit(void)
{
    struct rlimit limit = {FILES_WANTED, FILES_WANTED};

    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* ---- paths ---- */

/* Makes a directory and what leads to it. */
static int make_path(const char *path)
{
    char part[PATH_MAX];
    size_t len = strlen(path);

    if (len >= sizeof part)
        return -ENAMETOOLONG;
    memcpy(part, path, len + 1);
    for (char *p = part + 1; *p != '\0'; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        if (mkdir(part, 0700) < 0 && errno != EEXIST)
            return -errno;
        *p = '/';
    }
    return mkdir(part, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/* Makes the name of a file absolute: the daemon changes its directory. One that is not there stays. */
static void make_absolute(char **path)
{
    char *full = *path != NULL ? realpath(*path, NULL) : NULL;

    if (full == NULL)
        return;
    free(*path);
    *path = full;
}

/* A mount whose daemon was killed: takes it away, so that it can be mounted again. */
static void clear_dead_mount(const char *mountpoint)
{
    struct stat st;

    if (stat(mountpoint, &st) == 0 || errno != ENOTCONN)
        return;
    if (umount2(mountpoint, MNT_DETACH) == 0)
        return;
    pid_t child = fork();
    if (child == 0) {
        (void)execlp("fusermount3", "fusermount3", "-u", "-z", mountpoint, (char *)NULL);
        _exit(127);
    }
    if (child > 0)
        (void)waitpid(child, NULL, 0);
}

/* Absolute names, malloc'ed, of the store and the mountpoint. */
static int resolve(const struct kfs_options *options, char **store, char **mountpoint)
{
    const char *dir = options->source_type == KFS_SOURCE_LOCAL ? options->source : options->spool;
    struct stat st;
    int rc = make_path(dir);

    *store = rc == 0 ? realpath(dir, NULL) : NULL;
    if (*store == NULL) {
        (void)fprintf(stderr, "kinesisfs: cannot make the store %s: %s\n", dir, strerror(rc != 0 ? -rc : errno));
        return 1;
    }
    if (options->no_mount)
        return 0;
    clear_dead_mount(options->mountpoint);
    *mountpoint = realpath(options->mountpoint, NULL);
    if (*mountpoint == NULL || stat(*mountpoint, &st) < 0 || !S_ISDIR(st.st_mode)) {
        (void)fprintf(stderr, "kinesisfs: the mountpoint %s is not there: %s; make the directory first\n",
                      options->mountpoint, strerror(*mountpoint == NULL ? errno : ENOTDIR));
        return 1;
    }
    size_t len = strlen(*mountpoint);
    if (strncmp(*store, *mountpoint, len) == 0 && ((*store)[len] == '/' || (*store)[len] == '\0')) {
        (void)fprintf(stderr, "kinesisfs: the store %s lies under the mountpoint %s, which would hide it\n", *store,
                      *mountpoint);
        return 1;
    }
    return 0;
}

/* ---- running ---- */

/* Without a mount: until a signal comes. */
static void wait_for_signal(struct kfs_daemon *daemon)
{
    sigset_t set;
    int signal;

    mask_signals(SIG_BLOCK, &set);
    kfs_daemon_ready(daemon);
    (void)sigwait(&set, &signal);
    stopping = 1;
    set_signals();
    mask_signals(SIG_UNBLOCK, &set);
}

static int serve_mount(struct kfs_fs *fs, struct kfs_backend *backend, const struct kfs_options *options,
                       const char *mountpoint, struct kfs_daemon *daemon)
{
    struct kfs_fuse_session *session = kfs_fuse_mount(fs, options, mountpoint);
    sigset_t set;

    if (session == NULL) {
        kfs_fs_stop(fs);
        return 1;
    }
    running = session;
    set_signals();
    mask_signals(SIG_UNBLOCK, &set);
    kfs_daemon_ready(daemon);
    kfs_log(KFS_LOG_INFO, "mounted on %s", mountpoint);
    int rc = stopping ? 0 : kfs_fuse_run(session, options);
    stopping = 1;
    kfs_log(KFS_LOG_INFO, "stopping");
    kfs_fs_stop(fs);
    kfs_drain(backend);
    kfs_fuse_unmount(session);
    running = NULL;
    return rc == 0 ? 0 : 1;
}

/* Starts what the options ask for beside the mount, and serves until told to stop. */
static int serve(struct kfs_fs_config *config, const struct kfs_options *options, const char *store,
                 const char *mountpoint, struct kfs_daemon *daemon)
{
    struct kfs_service *service = NULL;
    struct kfs_error err = {0};
    struct kfs_fs *fs = NULL;
    char tls_dir[PATH_MAX];
    int status = 1;

    (void)snprintf(tls_dir, sizeof tls_dir, "%s/tls", store);
    int rc = kfs_service_start(options, config->backend, tls_dir, &service, &err);
    if (rc == 0) {
        config->more_metrics = kfs_service_metrics;
        config->more_metrics_arg = service;
        rc = kfs_fs_new(config, &fs, &err);
    }
    if (rc == 0)
        rc = kfs_service_export(service, options, fs, &err);
    if (rc != 0) {
        (void)fprintf(stderr, "kinesisfs: %s\n", err.text);
        if (fs != NULL)
            kfs_fs_stop(fs);
    } else if (options->no_mount) {
        wait_for_signal(daemon);
        kfs_log(KFS_LOG_INFO, "stopping");
        kfs_fs_stop(fs);
        status = 0;
    } else {
        status = serve_mount(fs, config->backend, options, mountpoint, daemon);
    }
    kfs_service_stop(service);
    if (fs != NULL)
        kfs_fs_free(fs);
    return status;
}

static int run(const struct kfs_options *options, const char *store, const char *mountpoint, struct kfs_daemon *daemon)
{
    struct kfs_fs_config config = {
        .clock = &kfs_system_clock,
        .uid = options->uid,
        .gid = options->gid,
        .umask = options->umask,
        .new_stream = {.shards = options->shards,
                       .retention_hours = options->retention_hours,
                       .max_record_bytes = (uint32_t)options->max_record_size},
        .partial_timeout_ms = options->partial_timeout_ms,
        .follow_closed = options->on_closed == KFS_OPTIONS_FOLLOW,
        .sync_always = options->sync == KFS_OPTIONS_SYNC_ALWAYS,
        .close_wait_ms = options->source_type == KFS_SOURCE_LOCAL ? 0 : options->close_wait_ms,
    };
    struct kfs_source_state *source;
    struct kfs_error err = {0};

    if (kfs_source_open(options, store, &source, &config.backend, &err) != 0) {
        (void)fprintf(stderr, "kinesisfs: %s: %s\n", store, err.text);
        return 1;
    }
    int status = serve(&config, options, store, mountpoint, daemon);
    if (kfs_source_close(source, config.backend) != 0) {
        kfs_log(KFS_LOG_ERROR, "some records could not be made durable; see the messages before");
        status = 1;
    }
    kfs_log(KFS_LOG_INFO, "stopped");
    return status;
}

int main(int argc, char **argv)
{
    struct kfs_options_world world = kfs_options_system_world();
    struct kfs_daemon daemon = {.report = -1};
    struct kfs_options options;
    sigset_t set;
    char *store = NULL;
    char *mountpoint = NULL;

    int status = kfs_options_parse(argc, argv, &world, &options, stderr);
    if (status != 0)
        return status;
    if (options.action == KFS_OPTIONS_HELP)
        kfs_options_print_help(stdout);
    else if (options.action == KFS_OPTIONS_VERSION)
        (void)printf("kinesisfs %s\n", KFS_VERSION);
    if (options.action != KFS_OPTIONS_MOUNT)
        goto out;
    kfs_log_setup(options.log, options.log_level);
    status = resolve(&options, &store, &mountpoint);
    if (status != 0)
        goto out;
    raise_file_limit();
    mask_signals(SIG_BLOCK, &set);
    if (!options.foreground && kfs_daemon_start(&daemon, mountpoint) != 0) {
        (void)fprintf(stderr, "kinesisfs: cannot become a daemon\n");
        status = 1;
        goto out;
    }
    make_absolute(&options.keys);
    make_absolute(&options.tls_cert);
    make_absolute(&options.tls_key);
    make_absolute(&options.ca_bundle);
    (void)!chdir("/");
    status = run(&options, store, mountpoint, &daemon);
out:
    free(store);
    free(mountpoint);
    kfs_options_release(&options);
    return status;
}
