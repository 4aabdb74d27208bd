/* Notes as files of a directory `notes` below another: what backends on a disk do with
 * kfs_note_get and its like (docs/FORMAT.md section 8). */
#ifndef KFS_NOTEDIR_H
#define KFS_NOTEDIR_H

#include "backend/backend.h"

int kfs_notedir_get(const struct kfs_io *io, int parent, const char *name, struct kfs_buf *buf, struct kfs_error *err);
/* The note of a stream that is being made, in its directory; what an attempt that was cut short has left of others
 * goes. Name NULL: none. -errno without a text. */
int kfs_notedir_make(const struct kfs_io *io, int parent, const char *name, struct kfs_bytes text);
/* The caller sees to it that there is one at a time: two replacements would share a temporary name. */
int kfs_notedir_set(const struct kfs_io *io, int parent, const char *name, struct kfs_bytes text,
                    struct kfs_error *err);
int kfs_notedir_list(const struct kfs_io *io, int parent, kfs_note_visit *visit, void *arg, struct kfs_error *err);

#endif
