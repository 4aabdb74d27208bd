/* Which region is meant, and where its services are. */
#ifndef KFS_KINESIS_LOCATE_H
#define KFS_KINESIS_LOCATE_H

#include "backend/kinesis/profile.h"

#define KFS_REGION_NAME_MAX 63
#define KFS_URL_MAX 511

/* What a user has said, and where the rest is to be found; all of it borrowed. */
struct kfs_choice {
    const struct kfs_env *env;
    const struct kfs_profiles *profiles;
    const char *profile; /* a name */
};

/* AWS_REGION, AWS_DEFAULT_REGION, the profile's; false where none says. */
bool kfs_region_find(const struct kfs_choice *choice, char region[KFS_REGION_NAME_MAX + 1]);

/* [A-Za-z0-9_-]{1,63} */
bool kfs_region_valid(const char *region);

/* AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the profile's services section, its endpoint_url; none of them where
 * AWS_IGNORE_CONFIGURED_ENDPOINT_URLS or the profile says so. False where none says. */
bool kfs_endpoint_find(const struct kfs_choice *choice, const char *service, char url[KFS_URL_MAX + 1]);

/* The service's own endpoint in a region: with use_fips_endpoint and use_dualstack_endpoint of environment and
 * profile. host is how the service's host names begin ("kinesis"). */
void kfs_endpoint_usual(const struct kfs_choice *choice, const char *host, const char *region,
                        char url[KFS_URL_MAX + 1]);

/* AWS_CA_BUNDLE, the profile's ca_bundle; NULL: the system's. */
const char *kfs_ca_bundle_find(const struct kfs_choice *choice);

#endif
