#include "fs/fuse_session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/fuse_internal.h"

#define MOUNT_OPTIONS_MAX 512
#define SYNC_STEP_NS 1000000

struct kfs_fuse_session {
    struct kfs_fuse fuse;
};

/* What mount(8) shows; a comma or backslash would end it. */
static const char *shown_source(const char *source)
{
    return strpbrk(source, ",\\ \t\n") == NULL ? source : "kinesisfs";
}

static int make_args(const struct kfs_options *options, struct fuse_args *args)
{
    char text[MOUNT_OPTIONS_MAX];
    const char *scheme = options->source_type == KFS_SOURCE_KINESIS && options->spec == NULL ? "kinesis:" : "";
    const char *source = options->spec != NULL ? options->spec : options->source;
    int len = snprintf(text, sizeof text, "fsname=%s%s,subtype=kinesisfs%s%s%s", scheme, shown_source(source),
                       options->allow_other ? ",allow_other,default_permissions" : "",
                       options->kernel[0] != '\0' ? "," : "", options->kernel);

    if (len < 0 || (size_t)len >= sizeof text)
        return -ENAMETOOLONG;
    if (fuse_opt_add_arg(args, "kinesisfs") != 0 || fuse_opt_add_arg(args, "-o") != 0 ||
        fuse_opt_add_arg(args, text) != 0)
        return -ENOMEM;
    if (options->debug && fuse_opt_add_arg(args, "-d") != 0)
        return -ENOMEM;
    return 0;
}

struct kfs_fuse_session *kfs_fuse_mount(struct kfs_fs *fs, const struct kfs_options *options, const char *mountpoint)
{
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    struct kfs_fuse_session *session = calloc(1, sizeof *session);

    if (session == NULL || (session->fuse.pool = kfs_fuse_pool_new()) == NULL || make_args(options, &args) != 0) {
        (void)fprintf(stderr, "kinesisfs: the mount options are too long\n");
        goto fail;
    }
    session->fuse.fs = fs;
    session->fuse.session = fuse_session_new(&args, &kfs_fuse_ops, sizeof kfs_fuse_ops, &session->fuse);
    if (session->fuse.session == NULL)
        goto fail;
    if (fuse_session_mount(session->fuse.session, mountpoint) != 0) {
        fuse_session_destroy(session->fuse.session);
        goto fail;
    }
    fuse_opt_free_args(&args);
    return session;
fail:
    fuse_opt_free_args(&args);
    if (session != NULL)
        kfs_fuse_pool_free(session->fuse.pool);
    free(session);
    return NULL;
}

int kfs_fuse_run(struct kfs_fuse_session *session, const struct kfs_options *options)
{
    struct fuse_loop_config *config = fuse_loop_cfg_create();

    if (config == NULL)
        return -ENOMEM;
    fuse_loop_cfg_set_max_threads(config, options->threads);
    fuse_loop_cfg_set_idle_threads(config, options->threads);
    fuse_loop_cfg_set_clone_fd(config, 0);
    int rc = options->threads == 1 ? fuse_session_loop(session->fuse.session)
                                   : fuse_session_loop_mt(session->fuse.session, config);
    fuse_loop_cfg_destroy(config);
    kfs_fuse_pool_stop(session->fuse.pool);
    /* Unmounted like ENODEV, which libfuse knows: while the kernel handed over a request. */
    return rc < 0 && rc != -ECONNABORTED ? rc : 0;
}

void kfs_fuse_stop(struct kfs_fuse_session *session)
{
    fuse_session_exit(session->fuse.session);
}

void kfs_fuse_unmount(struct kfs_fuse_session *session)
{
    const struct timespec step = {0, SYNC_STEP_NS};

    if (session == NULL)
        return;
    while (atomic_load(&session->fuse.syncs) > 0)
        (void)nanosleep(&step, NULL);
    fuse_session_unmount(session->fuse.session);
    fuse_session_destroy(session->fuse.session);
    kfs_fuse_pool_free(session->fuse.pool);
    free(session);
}
