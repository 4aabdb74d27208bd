/* A certificate that the server makes for itself: EC P-256, ten years, for localhost,
 * 127.0.0.1, ::1, the address listened on and the machine's name. Clients trust it
 * by naming its file (AWS_CA_BUNDLE, NODE_EXTRA_CA_CERTS). */
#ifndef KFS_ENDPOINT_SELFSIGNED_H
#define KFS_ENDPOINT_SELFSIGNED_H

#include <limits.h>

#include "backend/base/error.h"
#include "backend/base/io.h"

struct kfs_selfsigned {
    char certificate[PATH_MAX]; /* files, PEM, mode 0600 */
    char key[PATH_MAX];
};

/* Uses the pair that is kept in the directory dir (made where missing), or makes a new one
 * where there is none, it is damaged or about to expire, or it is not for this address
 * (numeric). -EINVAL, -ENOMEM, -ENAMETOOLONG, or what I/O says. */
int kfs_selfsigned(const struct kfs_io *io, const char *dir, const char *address, struct kfs_selfsigned *files,
                   struct kfs_error *err);

#endif
