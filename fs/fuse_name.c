/* The FUSE shell's part for names: found, made, removed, refused. */
#include <limits.h>
#include <string.h>

#include "fs/fuse_internal.h"

#define NEVER_S 1.0 /* how long the kernel remembers that a name is no view */

static void reply_node(fuse_req_t req, struct kfs_node *node, const struct stat *st)
{
    /* Timeouts 0: sizes are exact, and what is made elsewhere appears at once. */
    struct fuse_entry_param entry = {.ino = (uintptr_t)node, .attr = *st};

    if (fuse_reply_entry(req, &entry) != 0)
        kfs_fs_forget(kfs_fuse_fs_of(req), node, 1);
}

static void serve_lookup(struct kfs_fuse_call *call)
{
    struct kfs_node *node;
    struct stat st;
    int rc = kfs_fs_lookup(kfs_fuse_fs_of(call->req), kfs_fuse_node_of(call->req, call->ino), call->name, &node, &st);

    if (!kfs_fuse_is_answered(call, rc))
        return;
    if (rc == KFS_FS_NEVER) /* ls asks twice: the kernel answers the second, so that errors has it once */
        (void)fuse_reply_entry(call->req, &(struct fuse_entry_param){.entry_timeout = NEVER_S});
    else if (rc != 0)
        kfs_fuse_reply_status(call->req, rc);
    else
        reply_node(call->req, node, &st);
}

void kfs_fuse_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    kfs_fuse_serve(&(struct kfs_fuse_call){.req = req, .serve = serve_lookup, .ino = parent, .name = name});
}

static void serve_mkdir(struct kfs_fuse_call *call)
{
    struct kfs_fs *fs = kfs_fuse_fs_of(call->req);
    struct kfs_node *parent = kfs_fuse_node_of(call->req, call->ino);
    struct kfs_node *node;
    struct stat st;
    char stream[NAME_MAX + 1] = "";
    int rc = kfs_fs_mkdir(fs, parent, call->name);

    if (rc == 0) {
        /* NAME@shards=4 makes NAME. */
        memcpy(stream, call->name, strcspn(call->name, "@"));
        rc = kfs_fs_lookup(fs, parent, stream, &node, &st);
    }
    if (!kfs_fuse_is_answered(call, rc))
        return;
    if (rc != 0)
        kfs_fuse_reply_status(call->req, rc);
    else
        reply_node(call->req, node, &st);
}

void kfs_fuse_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    (void)mode;
    kfs_fuse_serve(&(struct kfs_fuse_call){.req = req, .serve = serve_mkdir, .ino = parent, .name = name});
}

static void serve_rmdir(struct kfs_fuse_call *call)
{
    int rc = kfs_fs_rmdir(kfs_fuse_fs_of(call->req), kfs_fuse_node_of(call->req, call->ino), call->name);

    if (kfs_fuse_is_answered(call, rc))
        kfs_fuse_reply_status(call->req, rc);
}

void kfs_fuse_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    kfs_fuse_serve(&(struct kfs_fuse_call){.req = req, .serve = serve_rmdir, .ino = parent, .name = name});
}

static void serve_unlink(struct kfs_fuse_call *call)
{
    int rc = kfs_fs_unlink(kfs_fuse_fs_of(call->req), kfs_fuse_node_of(call->req, call->ino), call->name);

    if (kfs_fuse_is_answered(call, rc))
        kfs_fuse_reply_status(call->req, rc);
}

void kfs_fuse_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    kfs_fuse_serve(&(struct kfs_fuse_call){.req = req, .serve = serve_unlink, .ino = parent, .name = name});
}

void kfs_fuse_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent, const char *newname,
                     unsigned int flags)
{
    (void)newparent;
    (void)newname;
    (void)flags;
    kfs_fuse_reply_status(req, kfs_fs_refuse(kfs_fuse_fs_of(req), kfs_fuse_node_of(req, parent), "rename", name));
}

void kfs_fuse_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent, const char *newname)
{
    (void)ino;
    kfs_fuse_reply_status(req, kfs_fs_refuse(kfs_fuse_fs_of(req), kfs_fuse_node_of(req, newparent), "link", newname));
}

void kfs_fuse_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name)
{
    (void)link;
    kfs_fuse_reply_status(req, kfs_fs_refuse(kfs_fuse_fs_of(req), kfs_fuse_node_of(req, parent), "symlink", name));
}

void kfs_fuse_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
    (void)mode;
    (void)rdev;
    kfs_fuse_reply_status(req, kfs_fs_refuse(kfs_fuse_fs_of(req), kfs_fuse_node_of(req, parent), "create", name));
}

void kfs_fuse_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
    (void)fi;
    kfs_fuse_mknod(req, parent, name, mode, 0);
}
