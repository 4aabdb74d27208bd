#include "backend/kinesis/chain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/crypto.h"
#include "backend/base/units.h"
#include "backend/kinesis/chain_internal.h"

#define JSON_TREE_BYTES ((size_t)1 << 20)

const struct kfs_key_names kfs_key_names_token = {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"};
const struct kfs_key_names kfs_key_names_session = {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"};
const struct kfs_key_names kfs_key_names_sso = {"accessKeyId", "secretAccessKey", "sessionToken", "expiration"};

/* In botocore's order. */
static const struct {
    const char *name;
    kfs_provide *provide;
    bool files; /* it reads the profile */
} providers[] = {
    {"environment", kfs_provide_environment, false},
    {"assume-role", kfs_provide_role, true},
    {"web-identity", kfs_provide_web_identity, true},
    {"sso", kfs_provide_sso, true},
    {"shared-credentials-file", kfs_provide_shared, true},
    {"credential-process", kfs_provide_process, true},
    {"config-file", kfs_provide_config, true},
    {"container", kfs_provide_container, false},
    {"instance-metadata", kfs_provide_machine, false},
};

struct kfs_choice kfs_chain_choice(const struct kfs_chain *chain, const char *profile)
{
    return (struct kfs_choice){chain->config->env, chain->profiles, profile};
}

/* ---- asking over HTTP ---- */

struct kfs_transfer kfs_provider_request(const struct kfs_chain *chain, const char *method, const char *url)
{
    return (struct kfs_transfer){.method = method,
                                 .url = url,
                                 .tls = &chain->tls,
                                 .connect_timeout_ms = KFS_PROVIDER_CONNECT_MS,
                                 .idle_timeout_ms = KFS_PROVIDER_DEADLINE_MS,
                                 .deadline_ms = KFS_PROVIDER_DEADLINE_MS,
                                 .answer_max = KFS_PROVIDER_ANSWER_MAX};
}

int kfs_provider_ask(const struct kfs_chain *chain, const char *who, struct kfs_transfer *t, unsigned times,
                     struct kfs_error *err)
{
    int rc = kfs_transfer_run(t, chain->config->stop);

    while (--times > 0 && rc != -ECANCELED && (rc != 0 || t->status >= 500 || t->status == 429)) {
        kfs_transfer_release(t);
        rc = kfs_transfer_run(t, chain->config->stop);
    }
    if (rc == 0)
        return 0;
    kfs_transfer_release(t);
    return kfs_fail(err, rc == -ECANCELED ? ECANCELED : EACCES, "%s: %s", who, t->error.text);
}

/* ---- credentials in JSON ---- */

struct kfs_bytes kfs_json_text(const struct kfs_value *map, const char *name)
{
    const struct kfs_value *value = kfs_value_get(map, name);

    return value != NULL && value->type == KFS_VALUE_STRING ? value->bytes : (struct kfs_bytes){"", 0};
}

/* 0 where there is none. False: there is something else. */
static bool read_expiration(const struct kfs_value *map, const char *name, uint64_t *ms)
{
    const struct kfs_value *value = kfs_value_get(map, name);
    char text[64];

    *ms = 0;
    if (value == NULL)
        return true;
    if (value->type == KFS_VALUE_NUMBER && value->whole && value->integer > 0) {
        *ms = (uint64_t)value->integer;
        return true;
    }
    if (value->type != KFS_VALUE_STRING || value->bytes.len >= sizeof text)
        return false;
    memcpy(text, value->bytes.data, value->bytes.len);
    text[value->bytes.len] = '\0';
    return kfs_time_parse(text, ms) == 0;
}

int kfs_keys_from_json(const char *who, struct kfs_bytes text, const char *in, const struct kfs_key_names *names,
                       struct kfs_credentials *keys, struct kfs_error *err)
{
    struct kfs_arena *arena = kfs_arena_new(JSON_TREE_BYTES);
    struct kfs_credentials read = {0};
    struct kfs_value root = {0};
    const struct kfs_value *map;
    int rc = -EINVAL;

    if (arena == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    if (kfs_json_decode(arena, text, &root) == 0 && root.type == KFS_VALUE_MAP) {
        map = in == NULL ? &root : kfs_value_get(&root, in);
        rc = kfs_credentials_set(&read, kfs_json_text(map, names->id), kfs_json_text(map, names->secret),
                                 kfs_json_text(map, names->token));
        if (rc == 0 && !read_expiration(map, names->expiration, &read.expires_ms))
            rc = -EINVAL;
    }
    kfs_arena_free(arena);
    if (rc != 0) {
        kfs_credentials_release(&read);
        return rc == -ENOMEM ? kfs_fail(err, ENOMEM, "out of memory")
                             : kfs_fail(err, EACCES, "%s: the answer is not JSON with %s, %s and a time of %s", who,
                                        names->id, names->secret, names->expiration);
    }
    *keys = read;
    return 0;
}

/* ---- the chain ---- */

static int load_profiles(struct kfs_chain *chain, struct kfs_error *err)
{
    const struct kfs_chain_config *config = chain->config;
    int rc;

    if (chain->profiles != NULL)
        return 0;
    rc = kfs_profiles_load(config->env, &chain->profiles, err);
    if (rc != 0)
        return rc;
    if (strcmp(chain->profile, "default") != 0 && !kfs_profile_exists(chain->profiles, chain->profile))
        return kfs_fail(err, EACCES, "there is no profile %s in the configuration and credentials files of AWS",
                        chain->profile);
    if (chain->tls.ca_bundle == NULL)
        chain->tls.ca_bundle = kfs_ca_bundle_find(&(struct kfs_choice){config->env, chain->profiles, chain->profile});
    return 0;
}

static struct kfs_chain begin(const struct kfs_chain_config *config)
{
    return (struct kfs_chain){
        .config = config, .profile = kfs_profile_name(config->env, config->profile), .tls = config->tls};
}

int kfs_chain_load(const struct kfs_chain_config *config, struct kfs_credentials *keys, struct kfs_error *err)
{
    struct kfs_chain chain = begin(config);
    struct kfs_credentials found = {0};
    int rc = -ENOENT;
    size_t i;

    for (i = config->profile != NULL ? 1 : 0; rc == -ENOENT && i < sizeof providers / sizeof providers[0]; i++) {
        rc = providers[i].files ? load_profiles(&chain, err) : 0;
        if (rc == 0)
            rc = providers[i].provide(&chain, chain.profile, &found, err);
        found.source = providers[i].name;
    }
    kfs_profiles_free(chain.profiles);
    if (rc == -ENOENT)
        return kfs_fail(err, EACCES,
                        "no credentials: none in the environment, in profile %s of the files of AWS, and no metadata "
                        "service has any",
                        kfs_profile_name(config->env, config->profile));
    if (rc == 0 && found.expires_ms != 0 && found.expires_ms <= config->clock->wall_ms(config->clock->ctx))
        rc = kfs_fail(err, EACCES, "the credentials of %s have expired", found.source);
    if (rc != 0) {
        kfs_credentials_release(&found);
        return rc;
    }
    kfs_credentials_release(keys);
    *keys = found;
    return 0;
}
