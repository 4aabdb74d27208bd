/* Credentials of a role: by those of another profile or of the machine (AssumeRole), or by a token in a file
 * (AssumeRoleWithWebIdentity). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/crypto.h"
#include "backend/kinesis/chain_internal.h"

#define CHAIN_MAX 10 /* roles that are assumed one by another */
#define SESSION_NAME_MAX 64
#define WEB_TOKEN_MAX ((size_t)20000)

/* Names of the profiles on the way, the first first. */
struct path {
    const char *profiles[CHAIN_MAX];
    size_t n;
};

static void default_session_name(const struct kfs_chain *chain, char name[SESSION_NAME_MAX + 1])
{
    (void)snprintf(name, SESSION_NAME_MAX + 1, "kinesisfs-%llu",
                   (unsigned long long)(chain->config->clock->wall_ms(chain->config->clock->ctx) / 1000));
}

/* ---- web identity ---- */

struct web_identity {
    const char *token_file;
    const char *role;
    const char *session; /* NULL: one is made up */
};

static int assume_by_token(struct kfs_chain *chain, const char *profile, const struct web_identity *web,
                           struct kfs_credentials *keys, struct kfs_error *err)
{
    char name[SESSION_NAME_MAX + 1];
    struct kfs_buf token;
    int rc;

    if (web->role == NULL)
        return kfs_fail(err, EACCES, "web identity: there is a token file, but no role (AWS_ROLE_ARN, role_arn)");
    default_session_name(chain, name);
    kfs_buf_init(&token, WEB_TOKEN_MAX);
    rc = kfs_read_path(web->token_file, &token);
    if (rc == 0)
        rc = kfs_buf_append(&token, "", 1);
    if (rc != 0) {
        rc = kfs_fail(err, EACCES, "web identity: %s: %s", web->token_file, strerror(-rc));
    } else {
        token.data[strcspn(token.data, "\r\n")] = '\0';
        const struct kfs_sts_parameter parameters[] = {{"Action", "AssumeRoleWithWebIdentity"},
                                                       {"RoleArn", web->role},
                                                       {"RoleSessionName", web->session != NULL ? web->session : name},
                                                       {"WebIdentityToken", token.data}};
        const struct kfs_sts_request request = {profile, NULL, parameters, sizeof parameters / sizeof parameters[0]};
        rc = kfs_sts_call(chain, &request, keys, err);
    }
    if (token.data != NULL)
        kfs_secret_wipe(token.data, token.len);
    kfs_buf_release(&token);
    return rc;
}

int kfs_provide_web_identity_profile(struct kfs_chain *chain, const char *profile, struct kfs_credentials *keys,
                                     struct kfs_error *err)
{
    const struct web_identity web = {kfs_profile_get(chain->profiles, profile, "web_identity_token_file"),
                                     kfs_profile_get(chain->profiles, profile, "role_arn"),
                                     kfs_profile_get(chain->profiles, profile, "role_session_name")};

    return web.token_file == NULL ? -ENOENT : assume_by_token(chain, profile, &web, keys, err);
}

int kfs_provide_web_identity(struct kfs_chain *chain, const char *profile, struct kfs_credentials *keys,
                             struct kfs_error *err)
{
    const struct kfs_env *env = chain->config->env;
    const struct web_identity web = {kfs_env_get(env, "AWS_WEB_IDENTITY_TOKEN_FILE"), kfs_env_get(env, "AWS_ROLE_ARN"),
                                     kfs_env_get(env, "AWS_ROLE_SESSION_NAME")};

    if (web.token_file == NULL || chain->config->profile != NULL)
        return kfs_provide_web_identity_profile(chain, profile, keys, err);
    return assume_by_token(chain, profile, &web, keys, err);
}

/* ---- assume role ---- */

static bool has_role(const struct kfs_chain *chain, const char *profile)
{
    return kfs_profile_get(chain->profiles, profile, "role_arn") != NULL &&
           kfs_profile_get(chain->profiles, profile, "web_identity_token_file") == NULL;
}

static int from_place(struct kfs_chain *chain, const char *profile, const char *place, struct kfs_credentials *keys,
                      struct kfs_error *err)
{
    static const struct {
        const char *place;
        kfs_provide *provide;
    } places[] = {{"Environment", kfs_provide_environment},
                  {"Ec2InstanceMetadata", kfs_provide_machine},
                  {"EcsContainer", kfs_provide_container}};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (strcmp(places[i].place, place) == 0) {
            int rc = places[i].provide(chain, profile, keys, err);
            return rc == -ENOENT
                       ? kfs_fail(err, EACCES, "profile %s: credential_source %s has no credentials", profile, place)
                       : rc;
        }
    return kfs_fail(err, EACCES, "profile %s: there is no credential_source %s", profile, place);
}

/* What a profile has of its own, without assuming a role. */
static int from_profile(struct kfs_chain *chain, const char *profile, struct kfs_credentials *keys,
                        struct kfs_error *err)
{
    static kfs_provide *const provide[] = {kfs_provide_web_identity_profile, kfs_provide_sso, kfs_provide_shared,
                                           kfs_provide_process, kfs_provide_config};
    int rc = -ENOENT;

    for (size_t i = 0; rc == -ENOENT && i < sizeof provide / sizeof provide[0]; i++)
        rc = provide[i](chain, profile, keys, err);
    return rc == -ENOENT ? kfs_fail(err, EACCES, "source_profile %s has no credentials", profile) : rc;
}

static int assume(struct kfs_chain *chain, const char *profile, const struct kfs_credentials *source,
                  struct kfs_credentials *keys, struct kfs_error *err)
{
    const char *session = kfs_profile_get(chain->profiles, profile, "role_session_name");
    char name[SESSION_NAME_MAX + 1];

    if (kfs_profile_get(chain->profiles, profile, "mfa_serial") != NULL)
        return kfs_fail(err, EACCES,
                        "profile %s has mfa_serial: a file system cannot ask for a code; use credential_process",
                        profile);
    default_session_name(chain, name);
    const struct kfs_sts_parameter parameters[] = {
        {"Action", "AssumeRole"},
        {"RoleArn", kfs_profile_get(chain->profiles, profile, "role_arn")},
        {"RoleSessionName", session != NULL ? session : name},
        {"ExternalId", kfs_profile_get(chain->profiles, profile, "external_id")},
        {"DurationSeconds", kfs_profile_get(chain->profiles, profile, "duration_seconds")}};
    const struct kfs_sts_request request = {profile, source, parameters, sizeof parameters / sizeof parameters[0]};
    return kfs_sts_call(chain, &request, keys, err);
}

/* Follows source_profile to a profile that has credentials of its own, or a credential_source. Each profile on the path
 * has a role; *last is where the first credentials come from, and NULL where a place has given them. */
static int find_source(struct kfs_chain *chain, struct path *path, const char **last, const char **place,
                       struct kfs_error *err)
{
    for (const char *profile = path->profiles[0];;) {
        const char *source = kfs_profile_get(chain->profiles, profile, "source_profile");
        *place = kfs_profile_get(chain->profiles, profile, "credential_source");
        *last = source;
        if ((source == NULL) == (*place == NULL))
            return kfs_fail(err, EACCES,
                            "profile %s has role_arn: it needs one of source_profile and credential_source", profile);
        if (source == NULL)
            return 0;
        if (!kfs_profile_exists(chain->profiles, source))
            return kfs_fail(err, EACCES, "profile %s: there is no source_profile %s", profile, source);
        /* A profile may name itself: its role by its own keys. */
        if (strcmp(source, profile) == 0 || !has_role(chain, source))
            return 0;
        for (size_t i = 0; i < path->n; i++)
            if (strcmp(path->profiles[i], source) == 0)
                return kfs_fail(err, EACCES, "profile %s: source_profile leads back to it", source);
        if (path->n == CHAIN_MAX)
            return kfs_fail(err, EACCES, "more than %d profiles one behind another", CHAIN_MAX);
        path->profiles[path->n++] = profile = source;
    }
}

int kfs_provide_role(struct kfs_chain *chain, const char *profile, struct kfs_credentials *keys, struct kfs_error *err)
{
    struct path path = {.profiles = {profile}, .n = 1};
    struct kfs_credentials source = {0};
    const char *last = NULL;
    const char *place = NULL;
    int rc;

    if (!has_role(chain, profile))
        return -ENOENT;
    rc = find_source(chain, &path, &last, &place, err);
    if (rc == 0)
        rc = place != NULL ? from_place(chain, path.profiles[path.n - 1], place, &source, err)
                           : from_profile(chain, last, &source, err);
    for (size_t i = path.n; rc == 0 && i > 0; i--) {
        struct kfs_credentials next = {0};
        rc = assume(chain, path.profiles[i - 1], &source, &next, err);
        kfs_credentials_release(&source);
        source = next;
    }
    if (rc == 0)
        *keys = source;
    else
        kfs_credentials_release(&source);
    return rc;
}
