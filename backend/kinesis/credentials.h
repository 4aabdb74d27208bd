/* What requests are signed with, and where a client has it from. */
#ifndef KFS_KINESIS_CREDENTIALS_H
#define KFS_KINESIS_CREDENTIALS_H

#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"

#define KFS_CREDENTIAL_BYTES_MAX 16384 /* of a session token; an id and a secret are far shorter */

/* Strings are malloc'ed and wiped when released. */
struct kfs_credentials {
    char *id;
    char *secret;
    char *token;         /* NULL: none */
    uint64_t expires_ms; /* since 1970; 0: they do not */
    const char *source;  /* static; the provider, for status */
};

/* Takes NULL members. All zero after it. */
void kfs_credentials_release(struct kfs_credentials *keys);

/* Copies; an empty token is none. -ENOMEM; -EINVAL: id or secret empty, or something not printable ASCII or too
 * long. *keys is to be released, or all zero, also after a failure. */
int kfs_credentials_set(struct kfs_credentials *keys, struct kfs_bytes id, struct kfs_bytes secret,
                        struct kfs_bytes token);
int kfs_credentials_copy(struct kfs_credentials *to, const struct kfs_credentials *from);

/* Where a client has its credentials from; keyring.h is the real one. Called from any thread, never waits. */
struct kfs_credential_source {
    void *ctx;
    /* 0 with a copy; -EAGAIN: they are being fetched, changed() will be called; -EACCES with the reason. */
    int (*get)(void *ctx, struct kfs_credentials *keys, struct kfs_error *err);
    /* The endpoint says that the keys with this id have expired: fetch others. changed() will be called. */
    void (*refused)(void *ctx, const char *id);
    /* Who is told, on any thread, that a fetch has ended. One; NULL takes it away, and it is not called after that. */
    void (*watch)(void *ctx, void (*changed)(void *arg), void *arg);
};

#endif
