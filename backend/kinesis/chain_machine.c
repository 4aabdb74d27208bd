/* Credentials of where this runs: a container's (ECS, EKS) and a machine's (EC2) metadata services. Their addresses
 * are near, so they are asked without a proxy, and soon given up. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backend/base/crypto.h"
#include "backend/kinesis/chain_internal.h"

#define CONTAINER_HOST "http://169.254.170.2"
#define CONTAINER_MS 2000
#define CONTAINER_TIMES 3
#define MACHINE_MS 1000
#define MACHINE_TIMES 1
#define IMDS_V4 "http://169.254.169.254"
#define IMDS_V6 "http://[fd00:ec2::254]"
#define IMDS_TTL_S "21600"
#define ROLE_PATH "/latest/meta-data/iam/security-credentials/"
#define REGION_PATH "/latest/meta-data/placement/region"
#define TOKEN_MAX 1024
#define STALE_MS 600000 /* how long credentials that had expired are used before others are looked for */
#define AUTHORIZATION_MAX 8192

static struct kfs_transfer near_request(const struct kfs_chain *chain, const char *method, const char *url,
                                        uint32_t limit_ms)
{
    struct kfs_transfer t = kfs_provider_request(chain, method, url);

    t.direct = true;
    t.connect_timeout_ms = limit_ms;
    t.idle_timeout_ms = limit_ms;
    t.deadline_ms = limit_ms;
    return t;
}

/* ---- containers ---- */

/* Whether credentials may be asked for at a URL: over TLS anywhere, in the clear only where nobody listens. */
static bool container_url_allowed(const char *url)
{
    static const char *const hosts[] = {"localhost",     "127.0.0.1",      "[::1]",
                                        "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
    size_t len;

    if (strncasecmp(url, "https://", 8) == 0)
        return true;
    if (strncasecmp(url, "http://", 7) != 0)
        return false;
    url += 7;
    len = *url == '[' ? strcspn(url, "]") + 1 : strcspn(url, ":/?#");
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
        if (len == strlen(hosts[i]) && strncasecmp(url, hosts[i], len) == 0)
            return true;
    return false;
}

/* What the container is to send as Authorization; empty where nothing. */
static int container_authorization(const struct kfs_env *env, char authorization[AUTHORIZATION_MAX],
                                   struct kfs_error *err)
{
    const char *path = kfs_env_get(env, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = kfs_env_get(env, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    struct kfs_buf text;
    int rc = 0;

    kfs_buf_init(&text, AUTHORIZATION_MAX - 1);
    if (path != NULL)
        rc = kfs_read_path(path, &text);
    else if (token != NULL)
        rc = kfs_buf_append(&text, token, strlen(token));
    if (rc != 0)
        return kfs_fail(err, EACCES, "the container's authorization token %s cannot be read: %s",
                        path != NULL ? path : "", strerror(-rc));
    while (text.len > 0 && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
        text.len--;
    for (size_t i = 0; i < text.len && rc == 0; i++)
        if ((unsigned char)text.data[i] < ' ')
            rc = kfs_fail(err, EACCES, "the container's authorization token is no header");
    if (rc == 0) {
        (void)snprintf(authorization, AUTHORIZATION_MAX, "%.*s", (int)text.len, text.len > 0 ? text.data : "");
    }
    if (text.data != NULL)
        kfs_secret_wipe(text.data, text.len);
    kfs_buf_release(&text);
    return rc;
}

int kfs_provide_container(struct kfs_chain *chain, const char *profile, struct kfs_credentials *keys,
                          struct kfs_error *err)
{
    static const char who[] = "credentials of the container";
    const struct kfs_env *env = chain->config->env;
    const char *relative = kfs_env_get(env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = kfs_env_get(env, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    char authorization[AUTHORIZATION_MAX] = "";
    char url[KFS_URL_MAX + 1];
    int rc;

    (void)profile;
    if (relative == NULL && full == NULL)
        return -ENOENT;
    if (snprintf(url, sizeof url, "%s%s", relative != NULL ? CONTAINER_HOST : full, relative != NULL ? relative : "") >
            KFS_URL_MAX ||
        !container_url_allowed(url))
        return kfs_fail(err, EACCES, "%s: AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor of this host", who);
    rc = container_authorization(env, authorization, err);
    if (rc != 0)
        return rc;
    struct kfs_transfer t = near_request(chain, "GET", url, CONTAINER_MS);
    t.headers[t.n_headers++] = (struct kfs_request_header){"Accept", "application/json"};
    if (authorization[0] != '\0')
        t.headers[t.n_headers++] = (struct kfs_request_header){"Authorization", authorization};
    rc = kfs_provider_ask(chain, who, &t, CONTAINER_TIMES, err);
    kfs_secret_wipe(authorization, sizeof authorization);
    if (rc != 0)
        return rc;
    if (t.status == 200)
        rc = kfs_keys_from_json(who, (struct kfs_bytes){t.answer.data, t.answer.len}, NULL, &kfs_key_names_token, keys,
                                err);
    else
        rc = kfs_fail(err, EACCES, "%s: HTTP status %d", who, t.status);
    kfs_transfer_release(&t);
    return rc;
}

/* ---- machines ---- */

struct imds {
    char base[KFS_URL_MAX / 2];
    char token[TOKEN_MAX]; /* empty: version 1 */
};

static void imds_base(const struct kfs_env *env, struct imds *imds)
{
    const char *given = kfs_env_get(env, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = kfs_env_get(env, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    size_t len;

    if (given == NULL)
        given = mode != NULL && strcasecmp(mode, "ipv6") == 0 ? IMDS_V6 : IMDS_V4;
    (void)snprintf(imds->base, sizeof imds->base, "%s", given);
    len = strlen(imds->base);
    if (len > 0 && imds->base[len - 1] == '/')
        imds->base[len - 1] = '\0';
}

/* The answer as a line; empty where it is none. */
static void line_of(const struct kfs_transfer *t, char *line, size_t size)
{
    size_t len = 0;

    while (len < t->answer.len && len < size - 1 && t->answer.data[len] > ' ' && t->answer.data[len] <= '~') {
        line[len] = t->answer.data[len];
        len++;
    }
    line[len] = '\0';
}

/* Starts a session of version 2. -ENOENT: there is no such service; version 1 where it says that it has no other. */
static int imds_begin(struct kfs_chain *chain, struct imds *imds, struct kfs_error *err)
{
    const struct kfs_env *env = chain->config->env;
    char url[KFS_URL_MAX + 1];
    int rc;

    if (kfs_env_true(env, "AWS_EC2_METADATA_DISABLED"))
        return -ENOENT;
    imds_base(env, imds);
    imds->token[0] = '\0';
    (void)snprintf(url, sizeof url, "%s/latest/api/token", imds->base);
    struct kfs_transfer t = near_request(chain, "PUT", url, MACHINE_MS);
    t.headers[t.n_headers++] = (struct kfs_request_header){"x-aws-ec2-metadata-token-ttl-seconds", IMDS_TTL_S};
    rc = kfs_provider_ask(chain, "metadata service", &t, MACHINE_TIMES, err);
    if (rc != 0)
        return rc == -ECANCELED ? rc : -ENOENT;
    if (t.status == 200)
        line_of(&t, imds->token, sizeof imds->token);
    else if (t.status != 403 && t.status != 404 && t.status != 405)
        rc = -ENOENT;
    else if (kfs_env_true(env, "AWS_EC2_METADATA_V1_DISABLED"))
        rc = kfs_fail(err, EACCES, "the metadata service has no sessions, and AWS_EC2_METADATA_V1_DISABLED");
    kfs_transfer_release(&t);
    return rc;
}

static int imds_get(struct kfs_chain *chain, const struct imds *imds, const char *path, struct kfs_transfer *t,
                    struct kfs_error *err)
{
    static const char who[] = "metadata service";
    char url[KFS_URL_MAX + 1];
    int rc;

    if (snprintf(url, sizeof url, "%s%s", imds->base, path) > KFS_URL_MAX)
        return kfs_fail(err, EACCES, "%s: a role with too long a name", who);
    *t = near_request(chain, "GET", url, MACHINE_MS);
    if (imds->token[0] != '\0')
        t->headers[t->n_headers++] = (struct kfs_request_header){"x-aws-ec2-metadata-token", imds->token};
    rc = kfs_provider_ask(chain, who, t, MACHINE_TIMES, err);
    if (rc != 0)
        return rc;
    if (t->status == 200)
        return 0;
    rc = t->status == 404 ? -ENOENT : kfs_fail(err, EACCES, "%s: HTTP status %d", who, t->status);
    kfs_transfer_release(t);
    return rc;
}

/* A machine whose service cannot get new credentials has expired ones, which the endpoints then go on to take: as AWS
 * tools do it, they are used, and the service is asked again. */
static void extend(const struct kfs_chain *chain, struct kfs_credentials *keys)
{
    uint64_t now_ms = chain->config->clock->wall_ms(chain->config->clock->ctx);

    if (keys->expires_ms != 0 && keys->expires_ms <= now_ms)
        keys->expires_ms = now_ms + STALE_MS;
}

int kfs_provide_machine(struct kfs_chain *chain, const char *profile, struct kfs_credentials *keys,
                        struct kfs_error *err)
{
    struct imds imds;
    struct kfs_transfer t;
    char path[sizeof ROLE_PATH + KFS_TRANSFER_WORD_MAX];
    int rc = imds_begin(chain, &imds, err);

    (void)profile;
    if (rc == 0)
        rc = imds_get(chain, &imds, ROLE_PATH, &t, err);
    if (rc == 0) {
        (void)snprintf(path, sizeof path, "%s", ROLE_PATH);
        line_of(&t, path + strlen(ROLE_PATH), KFS_TRANSFER_WORD_MAX);
        kfs_transfer_release(&t);
        rc = path[strlen(ROLE_PATH)] == '\0' ? -ENOENT : imds_get(chain, &imds, path, &t, err);
        if (rc == 0) {
            rc = kfs_keys_from_json("metadata service", (struct kfs_bytes){t.answer.data, t.answer.len}, NULL,
                                    &kfs_key_names_token, keys, err);
            kfs_transfer_release(&t);
        }
    }
    if (rc == 0)
        extend(chain, keys);
    kfs_secret_wipe(imds.token, sizeof imds.token);
    return rc;
}

int kfs_chain_region(const struct kfs_chain_config *config, char region[KFS_REGION_NAME_MAX + 1], struct kfs_error *err)
{
    struct kfs_chain chain = {.config = config, .tls = config->tls};
    char found[KFS_REGION_NAME_MAX + 2];
    struct imds imds;
    struct kfs_transfer t;
    int rc = imds_begin(&chain, &imds, err);

    if (rc == 0)
        rc = imds_get(&chain, &imds, REGION_PATH, &t, err);
    if (rc == 0) {
        line_of(&t, found, sizeof found);
        kfs_transfer_release(&t);
        rc = kfs_region_valid(found) ? 0 : -ENOENT;
    }
    if (rc == -ENOENT)
        return kfs_fail(err, EINVAL, "no region: say kinesis:REGION, or set AWS_REGION");
    if (rc == 0)
        memcpy(region, found, strlen(found) + 1);
    return rc;
}
