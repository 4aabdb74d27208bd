/* Where a mount's endpoint is: everything of docs/CREDENTIALS.md about regions and endpoints, in one answer. */
#ifndef KFS_KINESIS_SITE_H
#define KFS_KINESIS_SITE_H

#include <limits.h>
#include <stdatomic.h>

#include "backend/base/clock.h"
#include "backend/kinesis/locate.h"

/* What the user said for this mount; each string may be NULL. */
struct kfs_site_config {
    const struct kfs_env *env;
    const struct kfs_clock *clock;
    const char *profile;
    const char *region;
    const char *endpoint;
    const char *ca_bundle;
    const atomic_bool *stop; /* ends the question to the metadata service; may be NULL */
};

struct kfs_site {
    char region[KFS_REGION_NAME_MAX + 1];
    char endpoint[KFS_URL_MAX + 1];
    char ca_bundle[PATH_MAX]; /* empty: the system's */
    bool custom;              /* the endpoint is not the service's own */
};

/* -EINVAL: there is no region; -EACCES: the files of AWS's tools, or the region, cannot be read; -ECANCELED, -ENOMEM.
 * Asks the metadata service (a second or two where there is none) only for the region of the service's own endpoint,
 * where nothing else says it.
 */
int kfs_site_find(const struct kfs_site_config *config, struct kfs_site *site, struct kfs_error *err);

#endif
