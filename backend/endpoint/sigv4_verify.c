/* Whether a request is what its sender signed, and who that is. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/crypto.h"
#include "backend/base/units.h"
#include "backend/endpoint/sigv4_internal.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define DATE_CHARS 8
#define ACCOUNT_DIGITS 12
#define NO_MATCH                                                                                                       \
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key " \
    "and signing method. Consult the service documentation for details."

static bool same(struct kfs_bytes a, struct kfs_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* ---- checks ---- */

/* 20150830T123600Z in ms since 1970. */
static int parse_time(struct kfs_bytes time, uint64_t *ms)
{
    const char *p = time.data;
    char text[32];

    if (time.len != KFS_SIGV4_TIME || p[8] != 'T' || p[15] != 'Z')
        return -EINVAL;
    (void)snprintf(text, sizeof text, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", p, p + 4, p + 6, p + 9, p + 11, p + 13);
    return kfs_time_parse(text, ms);
}

static void print_time(uint64_t ms, char text[KFS_SIGV4_TIME + 1])
{
    char full[KFS_TIME_DIGITS + 1];

    if (kfs_time_print(ms, full) < 0)
        (void)kfs_time_print(KFS_TIME_MAX_MS, full);
    (void)snprintf(text, KFS_SIGV4_TIME + 1, "%.4s%.2s%.2sT%.2s%.2s%.2sZ", full, full + 5, full + 8, full + 11,
                   full + 14, full + 17);
}

/* For how long after its time a presigned request is good; 0 where it does not say it rightly. */
static uint64_t expires_ms(const struct kfs_sigv4_claim *claim)
{
    const char *p = claim->expires.data;
    uint64_t seconds = 0;

    if (claim->expires.len == 0 || claim->expires.len > 6)
        return 0;
    for (size_t i = 0; i < claim->expires.len; i++) {
        if (p[i] < '0' || p[i] > '9')
            return 0;
        seconds = seconds * 10 + (uint64_t)(p[i] - '0');
    }
    return seconds <= KFS_SIGV4_EXPIRES_MAX_S ? seconds * 1000 : 0;
}

static int check_time(const struct kfs_sigv4_claim *claim, uint64_t now_ms, const struct kfs_sigv4_refusal *r)
{
    uint64_t allowed = claim->presigned ? expires_ms(claim) : KFS_SIGV4_SKEW_MS;
    char now[KFS_SIGV4_TIME + 1];
    char edge[KFS_SIGV4_TIME + 1];
    uint64_t ms;

    if (parse_time(claim->time, &ms) != 0)
        return kfs_sigv4_refuse(r, "IncompleteSignatureException",
                                "Date must be in ISO-8601 'basic format'. See http://en.wikipedia.org/wiki/ISO_8601");
    if (allowed == 0)
        return kfs_sigv4_refuse(r, "IncompleteSignatureException",
                                "X-Amz-Expires must be a number of seconds, at most %" PRIu64, KFS_SIGV4_EXPIRES_MAX_S);
    print_time(now_ms, now);
    if (now_ms > ms && now_ms - ms > allowed) {
        print_time(now_ms - allowed, edge);
        return kfs_sigv4_refuse(r, "InvalidSignatureException",
                                "Signature expired: %.*s is now earlier than %s (%s - %" PRIu64 " min.)",
                                KFS_SIGV4_TIME, (const char *)claim->time.data, edge, now, allowed / 60000);
    }
    if (ms > now_ms && ms - now_ms > KFS_SIGV4_SKEW_MS) {
        print_time(now_ms + KFS_SIGV4_SKEW_MS, edge);
        return kfs_sigv4_refuse(r, "InvalidSignatureException",
                                "Signature not yet current: %.*s is still later than %s (%s + %" PRIu64 " min.)",
                                KFS_SIGV4_TIME, (const char *)claim->time.data, edge, now, KFS_SIGV4_SKEW_MS / 60000);
    }
    return 0;
}

static bool is_signed(const struct kfs_sigv4_claim *claim, const char *name)
{
    struct kfs_bytes names = claim->signed_headers;

    while (names.len > 0) {
        if (kfs_sigv4_is(kfs_sigv4_cut(&names, ";"), name))
            return true;
    }
    return false;
}

/* What a signature must cover so that it is worth something: where the request goes, when, and what it asks for. */
static int check_signed_headers(const struct kfs_http_request *request, const struct kfs_sigv4_claim *claim,
                                const struct kfs_sigv4_refusal *r)
{
    static const char *const names[] = {"x-amz-date", "x-amz-target", "x-amz-security-token"};

    if (!is_signed(claim, "host") && !is_signed(claim, ":authority"))
        return kfs_sigv4_refuse(r, "InvalidSignatureException",
                                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (kfs_sigv4_header(request, names[i]).len > 0 && !is_signed(claim, names[i]))
            return kfs_sigv4_refuse(r, "InvalidSignatureException",
                                    "'%s' must be a 'SignedHeader' in the AWS Authorization.", names[i]);
    }
    return 0;
}

static int check_scope(const struct kfs_sigv4_credential *c, const struct kfs_sigv4_refusal *r)
{
    if (!kfs_sigv4_is(c->scope.service, "kinesis"))
        return kfs_sigv4_refuse(r, "InvalidSignatureException",
                                "Credential should be scoped to correct service: 'kinesis'. ");
    if (!kfs_sigv4_is(c->terminator, "aws4_request"))
        return kfs_sigv4_refuse(r, "InvalidSignatureException",
                                "Credential should be scoped with a valid terminator: 'aws4_request'. ");
    if (!same(c->scope.date, (struct kfs_bytes){c->scope.time.data, DATE_CHARS}))
        return kfs_sigv4_refuse(
            r, "InvalidSignatureException",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP. ");
    return 0;
}

static int check_signature(const struct kfs_key *key, const struct kfs_sigv4_credential *c,
                           const struct kfs_http_request *request, const struct kfs_sigv4_claim *claim,
                           const struct kfs_sigv4_refusal *r)
{
    char signature[KFS_SIGV4_HEX + 1];
    int rc = kfs_sigv4_signature(key->secret, &c->scope, request, claim->signed_headers, signature);

    if (rc == -ENOMEM)
        return rc;
    if (rc != 0 || claim->signature.len != KFS_SIGV4_HEX ||
        !kfs_secret_equal(signature, claim->signature.data, KFS_SIGV4_HEX))
        return kfs_sigv4_refuse(r, "InvalidSignatureException", NO_MATCH);
    return 0;
}

static int check_claim(const struct kfs_keys *keys, const struct kfs_http_request *request,
                       const struct kfs_sigv4_claim *claim, uint64_t now_ms, const struct kfs_sigv4_refusal *r)
{
    struct kfs_sigv4_credential c;
    const struct kfs_key *key;
    int rc;

    if (!kfs_sigv4_is(claim->algorithm, ALGORITHM))
        return kfs_sigv4_refuse(r, "IncompleteSignatureException",
                                "Unsupported AWS 'algorithm'; it must be " ALGORITHM ".");
    if (!kfs_sigv4_read_credential(claim, &c))
        return kfs_sigv4_refuse(
            r, "IncompleteSignatureException",
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.");
    key = kfs_keys_find(keys, c.key_id);
    if (key == NULL || key->token.len != claim->token.len ||
        (key->token.len > 0 && !kfs_secret_equal(key->token.data, claim->token.data, key->token.len)))
        return kfs_sigv4_refuse(r, "UnrecognizedClientException",
                                "The security token included in the request is invalid.");
    rc = check_time(claim, now_ms, r);
    if (rc == 0)
        rc = check_scope(&c, r);
    if (rc == 0)
        rc = check_signed_headers(request, claim, r);
    return rc == 0 ? check_signature(key, &c, request, claim, r) : rc;
}

/* ---- who it is ---- */

static bool is_region(struct kfs_bytes text)
{
    const char *p = text.data;

    for (size_t i = 0; i < text.len; i++) {
        if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9') || p[i] == '-'))
            return false;
    }
    return text.len > 0 && text.len <= KFS_REGION_MAX;
}

static bool is_account(struct kfs_bytes text)
{
    const char *p = text.data;

    for (size_t i = 0; i < text.len; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
    }
    return text.len == ACCOUNT_DIGITS;
}

/* Of a key id that is not fit to be printed as much as is. */
static size_t id_len(struct kfs_bytes text)
{
    const char *p = text.data;
    size_t n = 0;

    while (n < text.len && n < KFS_ACCESS_KEY_ID_MAX && p[n] > ' ' && p[n] < 0x7f)
        n++;
    return n;
}

static void identify(const struct kfs_sigv4_claim *claim, struct kfs_identity *identity)
{
    struct kfs_sigv4_credential c;
    bool whole = kfs_sigv4_read_credential(claim, &c);
    struct kfs_bytes id = whole ? c.key_id : claim->credential;

    *identity = (struct kfs_identity){0};
    if (id.len > 0)
        memcpy(identity->access_key_id, id.data, id_len(id));
    if (whole && is_region(c.scope.region))
        memcpy(identity->region, c.scope.region.data, c.scope.region.len);
    if (is_account(id))
        memcpy(identity->account, id.data, ACCOUNT_DIGITS);
}

int kfs_sigv4_verify(const struct kfs_keys *keys, const struct kfs_http_request *request, uint64_t now_ms,
                     struct kfs_identity *identity, const char **type, struct kfs_buf *text)
{
    const struct kfs_sigv4_refusal r = {type, text};
    struct kfs_sigv4_claim claim = {0};
    int rc;

    kfs_buf_init(&claim.decoded, request->target.len);
    rc = kfs_sigv4_read(request, &claim, &r);
    if (rc == 0 && keys != NULL)
        rc = check_claim(keys, request, &claim, now_ms, &r);
    if (rc == 0)
        identify(&claim, identity);
    kfs_buf_release(&claim.decoded);
    return rc;
}
