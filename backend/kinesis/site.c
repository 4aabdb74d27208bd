#include "backend/kinesis/site.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/kinesis/chain.h"

#define SERVICE "kinesis"
#define ANY_REGION "us-east-1" /* for endpoints that are no region's: something must be signed */

static int find_endpoint(const struct kfs_site_config *config, const struct kfs_choice *choice, struct kfs_site *site,
                         struct kfs_error *err)
{
    site->custom = config->endpoint != NULL;
    if (config->endpoint == NULL) {
        site->custom = kfs_endpoint_find(choice, SERVICE, site->endpoint);
        return 0;
    }
    if (strlen(config->endpoint) > KFS_URL_MAX)
        return kfs_fail(err, EINVAL, "the URL of the endpoint is too long");
    (void)snprintf(site->endpoint, sizeof site->endpoint, "%s", config->endpoint);
    return 0;
}

static int find_region(const struct kfs_site_config *config, const struct kfs_choice *choice, struct kfs_site *site,
                       struct kfs_error *err)
{
    const struct kfs_chain_config chain = {.env = config->env, .clock = config->clock, .stop = config->stop};

    if (config->region != NULL) {
        if (!kfs_region_valid(config->region))
            return kfs_fail(err, EINVAL, "'%s' is no region", config->region);
        (void)snprintf(site->region, sizeof site->region, "%s", config->region);
        return 0;
    }
    if (kfs_region_find(choice, site->region))
        return 0;
    if (site->custom) {
        (void)snprintf(site->region, sizeof site->region, ANY_REGION);
        return 0;
    }
    return kfs_chain_region(&chain, site->region, err);
}

int kfs_site_find(const struct kfs_site_config *config, struct kfs_site *out, struct kfs_error *err)
{
    struct kfs_choice choice = {.env = config->env, .profile = kfs_profile_name(config->env, config->profile)};
    struct kfs_site site = {0};
    struct kfs_profiles *profiles;
    const char *ca_bundle;
    int rc = kfs_profiles_load(config->env, &profiles, err);

    if (rc != 0)
        return rc;
    choice.profiles = profiles;
    rc = find_endpoint(config, &choice, &site, err);
    if (rc == 0)
        rc = find_region(config, &choice, &site, err);
    if (rc == 0 && !site.custom)
        kfs_endpoint_usual(&choice, SERVICE, site.region, site.endpoint);
    ca_bundle = config->ca_bundle != NULL ? config->ca_bundle : kfs_ca_bundle_find(&choice);
    if (rc == 0 && ca_bundle != NULL) {
        if (strlen(ca_bundle) >= sizeof site.ca_bundle)
            rc = kfs_fail(err, EINVAL, "the path of the CA bundle is too long");
        else
            (void)snprintf(site.ca_bundle, sizeof site.ca_bundle, "%s", ca_bundle);
    }
    kfs_profiles_free(profiles);
    if (rc == 0)
        *out = site;
    return rc;
}
