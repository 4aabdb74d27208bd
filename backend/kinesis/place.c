#include "backend/kinesis/place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/kinesis/chain.h"

#define SERVICE "kinesis"
#define ANY_REGION "us-east-1" /* for endpoints that are no region's: something must be signed */

static int find_endpoint(const struct kfs_place_config *config, const struct kfs_choice *choice,
                         struct kfs_place *place, struct kfs_error *err)
{
    place->custom = config->endpoint != NULL;
    if (config->endpoint == NULL) {
        place->custom = kfs_endpoint_find(choice, SERVICE, place->endpoint);
        return 0;
    }
    if (strlen(config->endpoint) > KFS_URL_MAX)
        return kfs_fail(err, EINVAL, "the URL of the endpoint is too long");
    (void)snprintf(place->endpoint, sizeof place->endpoint, "%s", config->endpoint);
    return 0;
}

static int find_region(const struct kfs_place_config *config, const struct kfs_choice *choice, struct kfs_place *place,
                       struct kfs_error *err)
{
    const struct kfs_chain_config chain = {.env = config->env, .clock = config->clock, .stop = config->stop};

    if (config->region != NULL) {
        if (!kfs_region_valid(config->region))
            return kfs_fail(err, EINVAL, "'%s' is no region", config->region);
        (void)snprintf(place->region, sizeof place->region, "%s", config->region);
        return 0;
    }
    if (kfs_region_find(choice, place->region))
        return 0;
    if (place->custom) {
        (void)snprintf(place->region, sizeof place->region, ANY_REGION);
        return 0;
    }
    return kfs_chain_region(&chain, place->region, err) == 0 ? 0 : -EINVAL;
}

int kfs_place_find(const struct kfs_place_config *config, struct kfs_place *out, struct kfs_error *err)
{
    struct kfs_choice choice = {.env = config->env, .profile = kfs_profile_name(config->env, config->profile)};
    struct kfs_place place = {0};
    struct kfs_profiles *profiles;
    const char *ca_bundle;
    int rc = kfs_profiles_load(config->env, &profiles, err);

    if (rc != 0)
        return rc;
    choice.profiles = profiles;
    rc = find_endpoint(config, &choice, &place, err);
    if (rc == 0)
        rc = find_region(config, &choice, &place, err);
    if (rc == 0 && !place.custom)
        kfs_endpoint_usual(&choice, SERVICE, place.region, place.endpoint);
    ca_bundle = config->ca_bundle != NULL ? config->ca_bundle : kfs_ca_bundle_find(&choice);
    if (rc == 0 && ca_bundle != NULL) {
        if (strlen(ca_bundle) >= sizeof place.ca_bundle)
            rc = kfs_fail(err, EINVAL, "the path of the CA bundle is too long");
        else
            (void)snprintf(place.ca_bundle, sizeof place.ca_bundle, "%s", ca_bundle);
    }
    kfs_profiles_free(profiles);
    if (rc == 0)
        *out = place;
    return rc;
}
