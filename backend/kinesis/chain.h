/* The chain of providers that AWS's tools look for credentials in. It blocks: for a thread of its own (keyring.h). */
#ifndef KFS_KINESIS_CHAIN_H
#define KFS_KINESIS_CHAIN_H

#include <stdatomic.h>

#include "backend/base/clock.h"
#include "backend/kinesis/credentials.h"
#include "backend/kinesis/env.h"
#include "backend/kinesis/locate.h"
#include "backend/kinesis/transfer.h"

struct kfs_chain_config {
    const struct kfs_env *env;     /* all borrowed */
    const struct kfs_clock *clock; /* its wall clock */
    const char *profile;           /* what the user said for this mount; NULL: as kfs_profile_name */
    const char *region;            /* of STS; NULL: as kfs_region_find */
    struct kfs_tls tls;            /* of STS and SSO; ca_bundle NULL: as kfs_ca_bundle_find */
    const atomic_bool *stop;       /* ends what is under way; may be NULL */
};

/* 0; -EACCES with the reason: there are none, or who should give them does not; -ECANCELED; -ENOMEM. Reads the files
 * anew each time. Each request takes 10 s at most, and is tried up to three times; a credential_process has a minute.
 */
int kfs_chain_load(const struct kfs_chain_config *config, struct kfs_credentials *keys, struct kfs_error *err);

/* The region of the machine by its metadata service. -EINVAL: it has none; -EACCES, -ECANCELED. */
int kfs_chain_region(const struct kfs_chain_config *config, char region[KFS_REGION_NAME_MAX + 1],
                     struct kfs_error *err);

#endif
