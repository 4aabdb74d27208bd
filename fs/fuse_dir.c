/* The FUSE shell's part for directories. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "fs/fuse_internal.h"

struct entry {
    char name[NAME_MAX + 1];
    ino_t ino;
    mode_t mode;
};

/* Made at opendir, so that it does not change under a reader, and anew at rewinddir. */
struct listing {
    struct entry *entries;
    size_t n;
    size_t cap;
    bool begun; /* something of it has been read */
};

static int add_entry(void *arg, const char *name, ino_t ino, mode_t mode)
{
    struct listing *list = arg;

    if (list->n == list->cap) {
        size_t cap = list->cap == 0 ? 16 : list->cap * 2;
        struct entry *entries = realloc(list->entries, cap * sizeof *entries);
        if (entries == NULL)
            return -ENOMEM;
        list->entries = entries;
        list->cap = cap;
    }
    struct entry *entry = &list->entries[list->n++];
    size_t len = strlen(name);
    if (len > NAME_MAX)
        len = NAME_MAX;
    memcpy(entry->name, name, len);
    entry->name[len] = '\0';
    entry->ino = ino;
    entry->mode = mode;
    return 0;
}

static void free_listing(struct listing *list)
{
    if (list != NULL)
        free(list->entries);
    free(list);
}

static int make_listing(fuse_req_t req, fuse_ino_t ino, struct listing *list)
{
    struct kfs_node *node = kfs_fuse_node_of(req, ino);
    int rc = add_entry(list, ".", kfs_fs_ino(node), S_IFDIR);

    if (rc == 0)
        rc = add_entry(list, "..", 1, S_IFDIR);
    if (rc == 0)
        rc = kfs_fs_list(kfs_fuse_fs_of(req), node, add_entry, list);
    return rc;
}

static void serve_opendir(struct kfs_fuse_call *call)
{
    struct listing *list = calloc(1, sizeof *list);
    int rc = list == NULL ? -ENOMEM : make_listing(call->req, call->ino, list);

    if (rc != 0)
        free_listing(list);
    if (!kfs_fuse_is_answered(call, rc))
        return;
    if (rc != 0) {
        kfs_fuse_reply_status(call->req, rc);
        return;
    }
    call->fi.fh = (uintptr_t)list;
    if (fuse_reply_open(call->req, &call->fi) != 0)
        free_listing(list);
}

void kfs_fuse_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    kfs_fuse_serve(&(struct kfs_fuse_call){.req = req, .serve = serve_opendir, .ino = ino, .fi = *fi});
}

/* Entries from an offset on, as many as fit. */
static size_t add_entries(const struct kfs_fuse_call *call, const struct listing *list, char *buf, size_t size)
{
    size_t len = 0;

    for (size_t i = (size_t)call->off; i < list->n; i++) {
        const struct stat st = {.st_ino = list->entries[i].ino, .st_mode = list->entries[i].mode};
        size_t need = fuse_add_direntry(call->req, buf + len, size - len, list->entries[i].name, &st, (off_t)i + 1);
        if (need > size - len)
            break;
        len += need;
    }
    return len;
}

static void serve_readdir(struct kfs_fuse_call *call)
{
    struct listing *list = (struct listing *)(uintptr_t)call->fi.fh;
    char *buf = malloc(call->size);
    int rc = buf == NULL ? -ENOMEM : 0;

    if (rc == 0 && call->off == 0 && list->begun) {
        list->n = 0;
        rc = make_listing(call->req, call->ino, list);
    }
    if (kfs_fuse_is_answered(call, rc)) {
        list->begun = true;
        if (rc != 0)
            kfs_fuse_reply_status(call->req, rc);
        else
            (void)fuse_reply_buf(call->req, buf, add_entries(call, list, buf, call->size));
    }
    free(buf);
}

void kfs_fuse_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
    kfs_fuse_serve(
        &(struct kfs_fuse_call){.req = req, .serve = serve_readdir, .ino = ino, .size = size, .off = off, .fi = *fi});
}

void kfs_fuse_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    free_listing((struct listing *)(uintptr_t)fi->fh);
    kfs_fuse_reply_status(req, 0);
}
