/* Credentials that are written down: in the environment and in the two files. */
#include <errno.h>
#include <string.h>

#include "backend/base/units.h"
#include "backend/kinesis/chain_internal.h"

static struct kfs_bytes bytes_of(const char *text)
{
    return (struct kfs_bytes){text != NULL ? text : "", text != NULL ? strlen(text) : 0};
}

static int set(const char *where, const char *id, const char *secret, const char *token, struct kfs_credentials *keys,
               struct kfs_error *err)
{
    int rc = kfs_credentials_set(keys, bytes_of(id), bytes_of(secret), bytes_of(token));

    if (rc == -EINVAL)
        return kfs_fail(err, EACCES, "%s: access key id, secret key or session token have impossible characters",
                        where);
    return rc == 0 ? 0 : kfs_fail(err, ENOMEM, "out of memory");
}

int kfs_provide_environment(struct kfs_chain *chain, const char *profile, struct kfs_credentials *keys,
                            struct kfs_error *err)
{
    const struct kfs_env *env = chain->config->env;
    const char *id = kfs_env_get(env, "AWS_ACCESS_KEY_ID");
    const char *secret = kfs_env_get(env, "AWS_SECRET_ACCESS_KEY");
    const char *token = kfs_env_get(env, "AWS_SECURITY_TOKEN");
    const char *expiration = kfs_env_get(env, "AWS_CREDENTIAL_EXPIRATION");
    uint64_t expires_ms = 0;
    int rc;

    (void)profile;
    if (id == NULL)
        return -ENOENT;
    if (secret == NULL)
        return kfs_fail(err, EACCES, "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not");
    if (expiration != NULL && kfs_time_parse(expiration, &expires_ms) != 0)
        return kfs_fail(err, EACCES, "AWS_CREDENTIAL_EXPIRATION is no time");
    rc = set("environment", id, secret, token != NULL ? token : kfs_env_get(env, "AWS_SESSION_TOKEN"), keys, err);
    if (rc == 0)
        keys->expires_ms = expires_ms;
    return rc;
}

static int from_file(struct kfs_chain *chain, enum kfs_profile_file file, const char *profile,
                     struct kfs_credentials *keys, struct kfs_error *err)
{
    const char *id = kfs_profile_get_in(chain->profiles, file, profile, "aws_access_key_id");
    const char *secret = kfs_profile_get_in(chain->profiles, file, profile, "aws_secret_access_key");
    const char *token = kfs_profile_get_in(chain->profiles, file, profile, "aws_session_token");

    if (id == NULL)
        return -ENOENT;
    if (secret == NULL)
        return kfs_fail(err, EACCES, "profile %s has aws_access_key_id, but no aws_secret_access_key", profile);
    if (token == NULL)
        token = kfs_profile_get_in(chain->profiles, file, profile, "aws_security_token");
    return set(profile, id, secret, token, keys, err);
}

int kfs_provide_shared(struct kfs_chain *chain, const char *profile, struct kfs_credentials *keys,
                       struct kfs_error *err)
{
    return from_file(chain, KFS_CREDENTIALS_FILE, profile, keys, err);
}

int kfs_provide_config(struct kfs_chain *chain, const char *profile, struct kfs_credentials *keys,
                       struct kfs_error *err)
{
    return from_file(chain, KFS_CONFIG_FILE, profile, keys, err);
}
