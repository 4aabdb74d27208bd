#include "backend/kinesis/sign.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define HEADERS_MAX 5
#define SIGNED_MAX (HEADERS_MAX + 3) /* and host, date, token */
#define NAMES_MAX 256
#define CANONICAL_MAX (KFS_CREDENTIAL_BYTES_MAX + 4096)

int kfs_sign_host(const char *url, char host[KFS_HOST_MAX + 1])
{
    const char *begin = strstr(url, "://");
    const char *usual = strncasecmp(url, "https:", 6) == 0 ? ":443" : ":80";
    size_t usual_len = strlen(usual);
    size_t len;

    if (begin == NULL)
        return -EINVAL;
    begin += 3;
    len = strcspn(begin, "/?#");
    if (len == 0 || len > KFS_HOST_MAX || memchr(begin, '@', len) != NULL)
        return -EINVAL;
    if (len > usual_len && strncmp(begin + len - usual_len, usual, usual_len) == 0)
        len -= usual_len;
    memcpy(host, begin, len);
    host[len] = '\0';
    return 0;
}

/* Behind the host: empty, or from its slash on. */
static const char *path_of(const char *url)
{
    const char *host = strstr(url, "://") + 3;

    return host + strcspn(host, "/?#");
}

static int compare(const void *a, const void *b)
{
    return strcasecmp(((const struct kfs_request_header *)a)->name, ((const struct kfs_request_header *)b)->name);
}

/* Those to be signed in the order of signing; n of them. */
static size_t sort(const struct kfs_signing *s, const struct kfs_sign_lines *lines,
                   const struct kfs_request_header *headers, size_t n, struct kfs_request_header all[SIGNED_MAX])
{
    for (size_t i = 0; i < n; i++)
        all[i] = headers[i];
    all[n++] = (struct kfs_request_header){"host", lines->host};
    all[n++] = (struct kfs_request_header){"x-amz-date", lines->date};
    if (s->keys->token != NULL)
        all[n++] = (struct kfs_request_header){"x-amz-security-token", s->keys->token};
    qsort(all, n, sizeof all[0], compare);
    return n;
}

/* "content-type;host;..." */
static void join_names(const struct kfs_request_header *all, size_t n, char names[NAMES_MAX])
{
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            names[len++] = ';';
        for (const char *p = all[i].name; *p != '\0' && len < NAMES_MAX - 2; p++)
            names[len++] = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
    }
    names[len] = '\0';
}

/* The request as it is signed. Values are ours or were checked: there are no blanks to be trimmed. The path is taken
 * as it is. */
static int print_canonical(const char *path, const struct kfs_request_header *all, size_t n, const char *names,
                           const uint8_t digest[KFS_SHA256_BYTES], struct kfs_buf *text)
{
    char hex[KFS_SIGV4_HEX + 1];
    const char *name = names;
    int rc = kfs_buf_printf(text, "POST\n%s\n\n", *path == '/' ? path : "/");

    for (size_t i = 0; rc == 0 && i < n; i++) {
        size_t len = strcspn(name, ";");
        rc = kfs_buf_printf(text, "%.*s:%s\n", (int)len, name, all[i].value);
        name += len + 1;
    }
    kfs_sigv4_hex(digest, hex);
    return rc == 0 ? kfs_buf_printf(text, "\n%s\n%s", names, hex) : rc;
}

int kfs_sign(const struct kfs_signing *s, const char *url, const struct kfs_request_header *headers, size_t n_headers,
             struct kfs_bytes body, struct kfs_sign_lines *lines)
{
    const time_t seconds = (time_t)(s->at_ms / 1000);
    struct kfs_request_header all[SIGNED_MAX];
    char names[NAMES_MAX];
    char signature[KFS_SIGV4_HEX + 1];
    uint8_t digest[KFS_SHA256_BYTES];
    struct kfs_buf text;
    struct tm tm;
    int len;

    if (n_headers > HEADERS_MAX || kfs_sign_host(url, lines->host) != 0 || gmtime_r(&seconds, &tm) == NULL ||
        strftime(lines->date, sizeof lines->date, "%Y%m%dT%H%M%SZ", &tm) == 0)
        return -EINVAL;
    size_t n = sort(s, lines, headers, n_headers, all);
    join_names(all, n, names);
    if (s->digest == NULL)
        kfs_sha256(&body, 1, digest);
    kfs_buf_init(&text, CANONICAL_MAX);
    int rc = print_canonical(path_of(url), all, n, names, s->digest != NULL ? s->digest : digest, &text);
    if (rc == 0)
        rc = kfs_sigv4_seal((struct kfs_bytes){s->keys->secret, strlen(s->keys->secret)},
                            &(struct kfs_sigv4_scope){{lines->date, KFS_SIGV4_TIME},
                                                      {lines->date, 8},
                                                      {s->region, strlen(s->region)},
                                                      {s->service, strlen(s->service)}},
                            (struct kfs_bytes){text.data, text.len}, signature);
    if (text.data != NULL)
        kfs_secret_wipe(text.data, text.len);
    kfs_buf_release(&text);
    if (rc != 0)
        return rc == -EMSGSIZE ? -EINVAL : rc;
    len = snprintf(lines->authorization, sizeof lines->authorization,
                   "AWS4-HMAC-SHA256 Credential=%s/%.8s/%s/%s/aws4_request, SignedHeaders=%s, Signature=%s",
                   s->keys->id, lines->date, s->region, s->service, names, signature);
    return len < 0 || (size_t)len >= sizeof lines->authorization ? -EINVAL : 0;
}
