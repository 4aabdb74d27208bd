/* Sources: botocore 1.43 configprovider.py for what is asked in which order; its endpoint rules and partitions for
 * host names. */
#include "backend/kinesis/locate.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define VARIABLE_MAX 64
#define REGION_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

static const struct partition {
    const char *prefix; /* of its regions */
    const char *suffix;
    const char *dual_suffix; /* where it has IPv6 too */
} partitions[] = {
    {"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
    {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
    {"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
    {"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
    {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
    {"", "amazonaws.com", "api.aws"},
};

static const struct partition *partition_of(const char *region)
{
    size_t i = 0;

    while (strncmp(region, partitions[i].prefix, strlen(partitions[i].prefix)) != 0)
        i++;
    return &partitions[i];
}

bool kfs_region_valid(const char *region)
{
    size_t len = strlen(region);

    return len > 0 && len <= KFS_REGION_NAME_MAX && strspn(region, REGION_CHARS) == len;
}

static const char *of_profile(const struct kfs_choice *c, const char *key)
{
    return c->profiles == NULL ? NULL : kfs_profile_get(c->profiles, c->profile, key);
}

/* A setting that the environment or the profile says. */
static const char *either(const struct kfs_choice *c, const char *variable, const char *key)
{
    const char *value = kfs_env_get(c->env, variable);

    return value != NULL ? value : of_profile(c, key);
}

static bool said(const struct kfs_choice *c, const char *variable, const char *key)
{
    const char *value = either(c, variable, key);

    return value != NULL && strcasecmp(value, "true") == 0;
}

bool kfs_region_find(const struct kfs_choice *c, char region[KFS_REGION_NAME_MAX + 1])
{
    const char *found = kfs_env_get(c->env, "AWS_REGION");

    if (found == NULL)
        found = either(c, "AWS_DEFAULT_REGION", "region");
    if (found == NULL || !kfs_region_valid(found))
        return false;
    (void)snprintf(region, KFS_REGION_NAME_MAX + 1, "%s", found);
    return true;
}

bool kfs_endpoint_find(const struct kfs_choice *c, const char *service, char url[KFS_URL_MAX + 1])
{
    char variable[VARIABLE_MAX];
    const char *found;
    const char *services;
    int len = snprintf(variable, sizeof variable, "AWS_ENDPOINT_URL_%s", service);

    if (said(c, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls"))
        return false;
    for (int i = 0; i < len; i++)
        if (variable[i] >= 'a' && variable[i] <= 'z')
            variable[i] = (char)(variable[i] - 'a' + 'A');
    found = kfs_env_get(c->env, variable);
    if (found == NULL)
        found = kfs_env_get(c->env, "AWS_ENDPOINT_URL");
    services = of_profile(c, "services");
    if (found == NULL && services != NULL)
        found = kfs_section_get(c->profiles, KFS_SECTION_SERVICES, services, service, "endpoint_url");
    if (found == NULL)
        found = of_profile(c, "endpoint_url");
    if (found == NULL || strlen(found) > KFS_URL_MAX)
        return false;
    (void)snprintf(url, KFS_URL_MAX + 1, "%s", found);
    return true;
}

void kfs_endpoint_usual(const struct kfs_choice *c, const char *host, const char *region, char url[KFS_URL_MAX + 1])
{
    const struct partition *partition = partition_of(region);
    bool fips = said(c, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint");
    bool dual = said(c, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint");

    if (fips && !dual && strncmp(region, "us-gov-", 7) == 0) /* those are such endpoints under the usual name */
        fips = false;
    (void)snprintf(url, KFS_URL_MAX + 1, "https://%s%s.%s.%s", host, fips ? "-fips" : "", region,
                   dual ? partition->dual_suffix : partition->suffix);
}

const char *kfs_ca_bundle_find(const struct kfs_choice *c)
{
    return either(c, "AWS_CA_BUNDLE", "ca_bundle");
}
