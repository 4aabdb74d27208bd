/* IAM Identity Center: the token that `aws sso login` left in a file, for credentials of a role. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/crypto.h"
#include "backend/base/query.h"
#include "backend/base/units.h"
#include "backend/kinesis/chain_internal.h"

#define TOKEN_FILE_MAX ((size_t)64 << 10)
#define TREE_BYTES ((size_t)256 << 10)
#define TIMES 3

struct sso {
    const char *account;
    const char *role;
    const char *session; /* NULL: the profile says it all */
    const char *start_url;
    const char *region;
};

/* -ENOENT: the profile has nothing of it. */
static int read_settings(const struct kfs_chain *chain, const char *profile, struct sso *sso, struct kfs_error *err)
{
    const struct kfs_profiles *p = chain->profiles;

    sso->account = kfs_profile_get(p, profile, "sso_account_id");
    sso->role = kfs_profile_get(p, profile, "sso_role_name");
    sso->session = kfs_profile_get(p, profile, "sso_session");
    sso->start_url = kfs_profile_get(p, profile, "sso_start_url");
    sso->region = kfs_profile_get(p, profile, "sso_region");
    if (sso->session != NULL) {
        sso->start_url = kfs_section_get(p, KFS_SECTION_SSO_SESSION, sso->session, "sso_start_url", NULL);
        sso->region = kfs_section_get(p, KFS_SECTION_SSO_SESSION, sso->session, "sso_region", NULL);
    } else if (sso->start_url == NULL) {
        return -ENOENT;
    }
    if (sso->account == NULL || sso->role == NULL || sso->start_url == NULL || sso->region == NULL)
        return kfs_fail(err, EACCES,
                        "profile %s: SSO needs sso_account_id, sso_role_name, and (in [sso-session]) sso_start_url and "
                        "sso_region",
                        profile);
    if (!kfs_region_valid(sso->region))
        return kfs_fail(err, EACCES, "profile %s: sso_region is none", profile);
    return 0;
}

/* ~/.aws/sso/cache/<SHA-1 of the session's name, or of the URL>.json; malloc'ed. */
static char *token_path(const struct kfs_chain *chain, const struct sso *sso)
{
    const char *name = sso->session != NULL ? sso->session : sso->start_url;
    char path[sizeof "~/.aws/sso/cache/.json" + (size_t)2 * KFS_SHA1_BYTES];
    uint8_t digest[KFS_SHA1_BYTES];
    size_t len;

    kfs_sha1(name, strlen(name), digest);
    len = (size_t)snprintf(path, sizeof path, "~/.aws/sso/cache/");
    for (size_t i = 0; i < sizeof digest; i++)
        len += (size_t)snprintf(path + len, sizeof path - len, "%02x", digest[i]);
    (void)snprintf(path + len, sizeof path - len, ".json");
    return kfs_env_path(chain->config->env, path);
}

/* The token of a file's JSON, where it is still good; malloc'ed. NULL: it is not. */
static char *valid_token(const struct kfs_chain *chain, struct kfs_bytes text)
{
    struct kfs_arena *arena = kfs_arena_new(TREE_BYTES);
    struct kfs_value root = {0};
    struct kfs_bytes token = {NULL, 0};
    char expires[64];
    uint64_t expires_ms = 0;

    if (arena != NULL && kfs_json_decode(arena, text, &root) == 0) {
        struct kfs_bytes at = kfs_json_text(&root, "expiresAt");
        (void)snprintf(expires, sizeof expires, "%.*s", (int)(at.len < sizeof expires ? at.len : 0),
                       (const char *)at.data);
        token = kfs_json_text(&root, "accessToken");
        if (kfs_time_parse(expires, &expires_ms) != 0 ||
            expires_ms <= chain->config->clock->wall_ms(chain->config->clock->ctx))
            token.len = 0;
        for (size_t i = 0; i < token.len; i++)
            if (((const char *)token.data)[i] <= ' ' || ((const char *)token.data)[i] > '~')
                token.len = 0;
    }
    char *copy = token.len > 0 ? strndup(token.data, token.len) : NULL;
    kfs_arena_free(arena);
    return copy;
}

static int read_token(const struct kfs_chain *chain, const char *profile, const struct sso *sso, char **token,
                      struct kfs_error *err)
{
    char *path = token_path(chain, sso);
    struct kfs_buf text;
    int rc;

    kfs_buf_init(&text, TOKEN_FILE_MAX);
    rc = path == NULL ? -ENOENT : kfs_read_path(path, &text);
    free(path);
    *token = rc == 0 ? valid_token(chain, (struct kfs_bytes){text.data, text.len}) : NULL;
    if (text.data != NULL)
        kfs_secret_wipe(text.data, text.len);
    kfs_buf_release(&text);
    if (*token == NULL)
        return kfs_fail(err, EACCES,
                        "SSO: there is no token of %s that has not expired; run: aws sso login --profile %s",
                        sso->session != NULL ? sso->session : sso->start_url, profile);
    return 0;
}

static int print_url(struct kfs_chain *chain, const char *profile, const struct sso *sso, struct kfs_buf *url)
{
    struct kfs_choice choice = kfs_chain_choice(chain, profile);
    char base[KFS_URL_MAX + 1];
    int rc;

    if (!kfs_endpoint_find(&choice, "sso", base))
        kfs_endpoint_usual(&choice, "portal.sso", sso->region, base);
    rc = kfs_buf_printf(url, "%s/federation/credentials?role_name=", base);
    if (rc == 0)
        rc = kfs_query_encode((struct kfs_bytes){sso->role, strlen(sso->role)}, "", url);
    if (rc == 0)
        rc = kfs_buf_printf(url, "&account_id=");
    if (rc == 0)
        rc = kfs_query_encode((struct kfs_bytes){sso->account, strlen(sso->account)}, "", url);
    return rc == 0 ? kfs_buf_append(url, "", 1) : rc;
}

int kfs_provide_sso(struct kfs_chain *chain, const char *profile, struct kfs_credentials *keys, struct kfs_error *err)
{
    struct sso sso;
    struct kfs_buf url;
    char *token = NULL;
    int rc = read_settings(chain, profile, &sso, err);

    if (rc == 0)
        rc = read_token(chain, profile, &sso, &token, err);
    if (token == NULL)
        return rc;
    kfs_buf_init(&url, (size_t)2 * KFS_URL_MAX);
    if (print_url(chain, profile, &sso, &url) != 0) {
        rc = kfs_fail(err, EACCES, "profile %s: settings of SSO are too long", profile);
    } else {
        struct kfs_transfer t = kfs_provider_request(chain, "GET", url.data);
        t.headers[t.n_headers++] = (struct kfs_request_header){"x-amz-sso_bearer_token", token};
        rc = kfs_provider_ask(chain, "SSO", &t, TIMES, err);
        if (rc == 0) {
            rc = t.status == 200
                     ? kfs_keys_from_json("SSO", (struct kfs_bytes){t.answer.data, t.answer.len}, "roleCredentials",
                                          &kfs_key_names_sso, keys, err)
                     : kfs_fail(
                           err, EACCES,
                           "SSO: HTTP status %d for role %s of account %s; what may help: aws sso login --profile %s",
                           t.status, sso.role, sso.account, profile);
            kfs_transfer_release(&t);
        }
    }
    kfs_secret_wipe(token, strlen(token));
    free(token);
    kfs_buf_release(&url);
    return rc;
}
