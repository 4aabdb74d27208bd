/* What a request says of its signature, in its headers or its query. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backend/base/utf8.h"
#include "backend/endpoint/query.h"
#include "backend/endpoint/sigv4_internal.h"

int kfs_sigv4_refuse(const struct kfs_sigv4_refusal *r, const char *type, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    *r->type = type;
    (void)kfs_buf_append(r->text, text, strlen(text));
    return -EACCES;
}

bool kfs_sigv4_is(struct kfs_bytes text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

struct kfs_bytes kfs_sigv4_header(const struct kfs_http_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_headers; i++) {
        if (kfs_sigv4_is(request->headers[i].name, name))
            return request->headers[i].value;
    }
    return (struct kfs_bytes){0};
}

struct kfs_bytes kfs_sigv4_cut(struct kfs_bytes *text, const char *separators)
{
    const char *p = text->data;
    struct kfs_bytes part = {p, text->len};

    for (; *separators != '\0'; separators++) {
        const char *at = memchr(p, *separators, part.len);
        if (at != NULL)
            part.len = (size_t)(at - p);
    }
    size_t taken = part.len < text->len ? part.len + 1 : part.len;
    *text = (struct kfs_bytes){p + taken, text->len - taken};
    return part;
}

/* AWS4-HMAC-SHA256 Credential=A, SignedHeaders=B, Signature=C, in any order, with blanks or commas between. */
static void read_header(struct kfs_bytes header, struct kfs_sigv4_claim *claim)
{
    claim->algorithm = kfs_sigv4_cut(&header, ", ");
    while (header.len > 0) {
        struct kfs_bytes value = kfs_sigv4_cut(&header, ", ");
        struct kfs_bytes name = kfs_sigv4_cut(&value, "=");
        if (kfs_sigv4_is(name, "Credential"))
            claim->credential = value;
        else if (kfs_sigv4_is(name, "SignedHeaders"))
            claim->signed_headers = value;
        else if (kfs_sigv4_is(name, "Signature"))
            claim->signature = value;
    }
}

/* Sun, 30 Aug 2015 12:36:00 GMT; anything else is taken for a time as it is signed. */
static struct kfs_bytes read_date(struct kfs_bytes header, char time[KFS_SIGV4_TIME + 1])
{
    struct tm tm = {0};
    char text[64];
    const char *end;

    if (header.len == 0 || header.len >= sizeof text)
        return header;
    memcpy(text, header.data, header.len);
    text[header.len] = '\0';
    end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (end == NULL || *end != '\0' || strftime(time, KFS_SIGV4_TIME + 1, "%Y%m%dT%H%M%SZ", &tm) != KFS_SIGV4_TIME)
        return header;
    return (struct kfs_bytes){time, KFS_SIGV4_TIME};
}

/* The decoded value of a parameter; empty where there is none. claim->decoded has room: it does not move. */
static struct kfs_bytes parameter_of(struct kfs_bytes query, const char *wanted, struct kfs_sigv4_claim *claim)
{
    struct kfs_bytes name;
    struct kfs_bytes value;
    size_t from = claim->decoded.len;

    while (kfs_query_next(&query, &name, &value)) {
        if (kfs_sigv4_is(name, wanted) && kfs_query_decode(value, &claim->decoded) == 0)
            return (struct kfs_bytes){claim->decoded.data + from, claim->decoded.len - from};
    }
    return (struct kfs_bytes){0};
}

static bool has_parameter(struct kfs_bytes query, const char *wanted)
{
    struct kfs_bytes name;
    struct kfs_bytes value;

    while (kfs_query_next(&query, &name, &value)) {
        if (kfs_sigv4_is(name, wanted))
            return true;
    }
    return false;
}

static void read_query(struct kfs_bytes query, struct kfs_sigv4_claim *claim)
{
    claim->presigned = true;
    claim->algorithm = parameter_of(query, "X-Amz-Algorithm", claim);
    claim->credential = parameter_of(query, "X-Amz-Credential", claim);
    claim->signature = parameter_of(query, "X-Amz-Signature", claim);
    claim->signed_headers = parameter_of(query, "X-Amz-SignedHeaders", claim);
    claim->time = parameter_of(query, "X-Amz-Date", claim);
    claim->token = parameter_of(query, "X-Amz-Security-Token", claim);
    claim->expires = parameter_of(query, "X-Amz-Expires", claim);
}

/* Appends what came from the request; an error's text is UTF-8. */
static void quote(const struct kfs_sigv4_refusal *r, struct kfs_bytes text)
{
    size_t from = r->text->len;

    (void)kfs_buf_append(r->text, text.data, text.len);
    if (!kfs_utf8_valid(text.data, text.len)) {
        for (size_t i = from; i < r->text->len; i++)
            r->text->data[i] = (char)((unsigned char)r->text->data[i] < 0x80 ? r->text->data[i] : '?');
    }
}

static int check_header(const struct kfs_sigv4_claim *claim, struct kfs_bytes header, const struct kfs_sigv4_refusal *r)
{
    const struct {
        const char *name;
        struct kfs_bytes value;
    } required[] = {
        {"Credential", claim->credential}, {"Signature", claim->signature}, {"SignedHeaders", claim->signed_headers}};
    int rc = 0;

    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        if (required[i].value.len == 0)
            rc = kfs_sigv4_refuse(r, "IncompleteSignatureException", "Authorization header requires '%s' parameter. ",
                                  required[i].name);
    }
    if (claim->time.len == 0)
        rc = kfs_sigv4_refuse(r, "IncompleteSignatureException",
                              "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ");
    if (rc != 0) {
        (void)kfs_buf_printf(r->text, "Authorization=");
        quote(r, header);
    }
    return rc;
}

static int check_query(const struct kfs_sigv4_claim *claim, const struct kfs_sigv4_refusal *r)
{
    const struct {
        const char *name;
        struct kfs_bytes value;
    } required[] = {{"X-Amz-Algorithm", claim->algorithm},
                    {"X-Amz-Credential", claim->credential},
                    {"X-Amz-Signature", claim->signature},
                    {"X-Amz-SignedHeaders", claim->signed_headers},
                    {"X-Amz-Date", claim->time}};
    int rc = 0;

    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        if (required[i].value.len == 0)
            rc = kfs_sigv4_refuse(r, "IncompleteSignatureException", "AWS query-string parameters must include '%s'. ",
                                  required[i].name);
    }
    if (rc != 0)
        (void)kfs_buf_printf(r->text, "Re-examine the query-string parameters.");
    return rc;
}

int kfs_sigv4_read(const struct kfs_http_request *request, struct kfs_sigv4_claim *claim,
                   const struct kfs_sigv4_refusal *r)
{
    struct kfs_bytes header = kfs_sigv4_header(request, "authorization");
    struct kfs_bytes query = kfs_target_query(request->target);
    bool in_query = has_parameter(query, "X-Amz-Algorithm");

    if (header.len > 0 && in_query)
        return kfs_sigv4_refuse(
            r, "InvalidSignatureException",
            "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.");
    if (header.len == 0 && !in_query)
        return kfs_sigv4_refuse(r, "MissingAuthenticationTokenException", "Missing Authentication Token");
    if (in_query) {
        int rc = kfs_buf_reserve(&claim->decoded, claim->decoded.max);
        if (rc != 0)
            return rc;
        read_query(query, claim);
        return check_query(claim, r);
    }
    read_header(header, claim);
    claim->token = kfs_sigv4_header(request, "x-amz-security-token");
    claim->time = kfs_sigv4_header(request, "x-amz-date");
    if (claim->time.len == 0)
        claim->time = read_date(kfs_sigv4_header(request, "date"), claim->date_header);
    return check_header(claim, header, r);
}

/* Cuts off what follows the last slash. */
static bool cut_last(struct kfs_bytes *text, struct kfs_bytes *last)
{
    const char *slash = text->len == 0 ? NULL : memrchr(text->data, '/', text->len);

    if (slash == NULL)
        return false;
    size_t before = (size_t)(slash - (const char *)text->data);
    *last = (struct kfs_bytes){slash + 1, text->len - before - 1};
    text->len = before;
    return true;
}

bool kfs_sigv4_read_credential(const struct kfs_sigv4_claim *claim, struct kfs_sigv4_credential *c)
{
    struct kfs_bytes rest = claim->credential;

    *c = (struct kfs_sigv4_credential){.scope.time = claim->time};
    if (!cut_last(&rest, &c->terminator) || !cut_last(&rest, &c->scope.service) || !cut_last(&rest, &c->scope.region) ||
        !cut_last(&rest, &c->scope.date))
        return false;
    c->key_id = rest;
    return true;
}
