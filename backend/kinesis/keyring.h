/* The credentials of a mount: fetched from the chain by a thread of its own, at once and again before they expire, so
 * that nobody else ever waits for a metadata service. Where a fetch fails those there are go on as long as they are
 * good. */
#ifndef KFS_KINESIS_KEYRING_H
#define KFS_KINESIS_KEYRING_H

#include "backend/kinesis/chain.h"

struct kfs_keyring;

/* Copies the config's strings; env and clock are borrowed, stop is not used. -ENOMEM, -EAGAIN (no thread). */
int kfs_keyring_start(const struct kfs_chain_config *config, struct kfs_keyring **keyring, struct kfs_error *err);
void kfs_keyring_stop(struct kfs_keyring *keyring); /* ends a fetch that is under way; takes NULL */

/* For a client's config; good until the keyring is stopped. */
struct kfs_credential_source kfs_keyring_source(struct kfs_keyring *keyring);

struct kfs_keyring_status {
    const char *source;     /* the provider of those that are used; NULL: there are none */
    uint64_t expires_ms;    /* since 1970; 0: they do not */
    struct kfs_error error; /* of the last fetch; code 0: it was good */
};
void kfs_keyring_status(struct kfs_keyring *keyring, struct kfs_keyring_status *status);

#endif
