/* Access keys that a server knows, from a file: a line for each,
 *
 *     ACCESS_KEY_ID SECRET_ACCESS_KEY [SESSION_TOKEN]
 *
 * separated by blanks or tabs. Empty lines and lines that begin with # are ignored. Nobody but the
 * file's owner may be allowed to read or write it. Secrets are wiped when the keys are freed, and never
 * printed. */
#ifndef KFS_ENDPOINT_KEYS_H
#define KFS_ENDPOINT_KEYS_H

#include "backend/base/buf.h"
#include "backend/base/error.h"

#define KFS_KEYS_MAX 1000
#define KFS_KEYS_FILE_BYTES_MAX ((size_t)1 << 20)
#define KFS_ACCESS_KEY_ID_MAX 128 /* [A-Za-z0-9_]{1,128} */

struct kfs_key {
    struct kfs_bytes id;
    struct kfs_bytes secret;
    struct kfs_bytes token; /* empty where there is none */
};

struct kfs_keys;

/* -ENOENT and so on; -EACCES: others may read it; -EINVAL with the line's number; -EFBIG, -ENOMEM. */
int kfs_keys_load(const char *path, struct kfs_keys **keys, struct kfs_error *err);

/* The same from text, which is copied; name is for errors. */
int kfs_keys_parse(const char *name, struct kfs_bytes text, struct kfs_keys **keys, struct kfs_error *err);

void kfs_keys_free(struct kfs_keys *keys);

/* NULL: not there. Lives as long as keys. */
const struct kfs_key *kfs_keys_find(const struct kfs_keys *keys, struct kfs_bytes id);

#endif
