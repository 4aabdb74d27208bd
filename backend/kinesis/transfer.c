#include "backend/kinesis/transfer.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "backend/base/clock.h"
#include "backend/base/crypto.h"

#define LINE_MAX_BYTES (KFS_CREDENTIAL_BYTES_MAX + 64) /* of a header that is sent */
#define SECONDS_MAX 86400                              /* of a Retry-After that is believed */
#define PROTOCOLS "http,https"
/* libcurl sends 64 KiB and receives 16 KiB at a time. For a body of more than this, whose answer is as long, it gets
 * room for more: the rest would be sent only in the loop's next turn. */
#define SMALL_BODY_BYTES (16U << 10)
#define PIECE_BYTES_MAX (256L << 10)

int kfs_transfer_global(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -ENOMEM;
}

/* ---- what libcurl calls ---- */

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct kfs_transfer *t = arg;
    long status = 0;

    (void)size; /* always 1 */
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (t->piece != NULL && status == 200)
        t->piece_rc = t->piece(t, (struct kfs_bytes){data, n});
    else
        t->piece_rc = kfs_buf_append(&t->answer, data, n);
    return t->piece_rc == 0 ? n : CURL_WRITEFUNC_ERROR;
}

static uint64_t number_of(const char *text, uint64_t unit_ms)
{
    char *end;
    unsigned long long n;

    if (*text < '0' || *text > '9')
        return 0;
    n = strtoull(text, &end, 10);
    return *end != '\0' || n > SECONDS_MAX * UINT64_C(1000) / unit_ms ? 0 : n * unit_ms;
}

static void take_header(struct kfs_transfer *t, const char *name, const char *value)
{
    if (strcasecmp(name, "x-amzn-requestid") == 0) {
        (void)snprintf(t->request_id, sizeof t->request_id, "%s", value);
    } else if (strcasecmp(name, "x-amzn-errortype") == 0) {
        (void)snprintf(t->error_type, sizeof t->error_type, "%s", value);
    } else if (strcasecmp(name, "date") == 0) {
        (void)snprintf(t->date, sizeof t->date, "%s", value);
    } else if (strcasecmp(name, "x-amz-retry-after") == 0) {
        t->retry_after_ms = number_of(value, 1);
    } else if (strcasecmp(name, "retry-after") == 0 && t->retry_after_ms == 0) {
        t->retry_after_ms = number_of(value, 1000);
    }
}

/* A line of the answer's head, not terminated. What is longer than a word that is kept is of no interest. */
static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
    struct kfs_transfer *t = arg;
    char line[2 * KFS_TRANSFER_WORD_MAX];
    char *value;

    (void)size;
    t->head_len += n;
    if (t->head_len > KFS_TRANSFER_HEAD_MAX)
        return CURL_WRITEFUNC_ERROR;
    if (n >= sizeof line || (value = memchr(data, ':', n)) == NULL)
        return n;
    memcpy(line, data, n);
    line[n] = '\0';
    value = line + (value - data);
    *value++ = '\0';
    value += strspn(value, " \t");
    value[strcspn(value, "\r\n")] = '\0';
    for (char *p = value; *p != '\0'; p++) /* it may be shown */
        if (*p < ' ' || *p > '~')
            *p = '?';
    take_header(t, line, value);
    return n;
}

/* libcurl asks each second at least. What it calls a low speed is a mean of some seconds: too late by these. */
static int on_progress(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
    struct kfs_transfer *t = arg;
    uint64_t now = kfs_system_clock.mono_ms(kfs_system_clock.ctx);
    uint64_t moved = (uint64_t)down + (uint64_t)up;

    (void)down_all;
    (void)up_all;
    if (t->moved_ms == 0 || moved != t->moved) {
        t->moved = moved;
        t->moved_ms = now;
    }
    t->silent = now - t->moved_ms >= t->idle_timeout_ms;
    return t->silent || (t->stop != NULL && atomic_load(t->stop)) ? 1 : 0;
}

/* There is a connection; the request is about to be sent. */
static int on_send(void *arg, char *to, char *from, int to_port, int from_port)
{
    struct kfs_transfer *t = arg;

    (void)to;
    (void)from;
    (void)to_port;
    (void)from_port;
    t->sends++;
    return CURL_PREREQFUNC_OK;
}

/* ---- the request ---- */

static int add_line(struct kfs_transfer *t, const char *name, const char *value)
{
    char line[LINE_MAX_BYTES];
    int len = snprintf(line, sizeof line, *value == '\0' ? "%s:" : "%s: %s", name, value);
    struct curl_slist *lines = NULL;

    if (len > 0 && (size_t)len < sizeof line)
        lines = curl_slist_append(t->lines, line);
    kfs_secret_wipe(line, len > 0 && (size_t)len < sizeof line ? (size_t)len : sizeof line);
    if (lines == NULL)
        return -ENOMEM;
    t->lines = lines;
    return 0;
}

static void free_lines(struct kfs_transfer *t)
{
    for (struct curl_slist *line = t->lines; line != NULL; line = line->next)
        kfs_secret_wipe(line->data, strlen(line->data));
    curl_slist_free_all(t->lines);
    t->lines = NULL;
}

static int add_headers(struct kfs_transfer *t)
{
    struct kfs_sign_lines signed_lines;
    int rc = add_line(t, "Expect", ""); /* libcurl would wait for a 100 Continue before large bodies */

    for (size_t i = 0; rc == 0 && i < t->n_headers; i++)
        rc = add_line(t, t->headers[i].name, t->headers[i].value);
    if (rc != 0 || t->signing.region == NULL)
        return rc;
    rc = kfs_sign(&t->signing, t->url, t->headers, t->n_headers, t->body, &signed_lines);
    if (rc == 0)
        rc = add_line(t, "Host", signed_lines.host);
    if (rc == 0)
        rc = add_line(t, "X-Amz-Date", signed_lines.date);
    if (rc == 0 && t->signing.keys->token != NULL)
        rc = add_line(t, "X-Amz-Security-Token", t->signing.keys->token);
    if (rc == 0)
        rc = add_line(t, "Authorization", signed_lines.authorization);
    return rc;
}

static const char *either_case(const char *small, const char *large)
{
    const char *value = getenv(small);

    return value != NULL ? value : getenv(large);
}

/* NO_PROXY names the URL's host with its port. libcurl looks for hosts only. */
static bool port_is_excepted(const char *url)
{
    const char *list = either_case("no_proxy", "NO_PROXY");
    const char *host = strstr(url, "://");
    size_t len;
    size_t n;

    if (list == NULL || host == NULL)
        return false;
    host += strlen("://");
    len = strcspn(host, "/?#");
    for (list += strspn(list, ", "); *list != '\0'; list += n + strspn(list + n, ", ")) {
        n = strcspn(list, ", ");
        if (n == len && strncasecmp(list, host, len) == 0)
            return true;
    }
    return false;
}

/* As AWS tools choose it, empty for none. Left to itself libcurl takes http_proxy in small letters only, since a CGI
 * program's HTTP_PROXY is a header of its client; and ALL_PROXY, which they do not. */
static const char *proxy_of(const char *url)
{
    const char *proxy = strncasecmp(url, "http:", 5) == 0 ? either_case("http_proxy", "HTTP_PROXY")
                                                          : either_case("https_proxy", "HTTPS_PROXY");

    return proxy == NULL || port_is_excepted(url) ? "" : proxy;
}

static CURLcode set_limits(CURL *easy, struct kfs_transfer *t)
{
    const bool http1 = strncasecmp(t->url, "http:", 5) == 0 || (t->tls != NULL && t->tls->http1);
    CURLcode rc = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, PROTOCOLS);

    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)t->connect_timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)t->deadline_ms);
    (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L); /* has libcurl look each second */
    (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)((t->idle_timeout_ms + 999) / 1000));
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                           http1 ? (long)CURL_HTTP_VERSION_1_1 : (long)CURL_HTTP_VERSION_2TLS);
    /* For a connection that others may share. In HTTP/1.1 each would wait until the one before has its answer. */
    (void)curl_easy_setopt(easy, CURLOPT_PIPEWAIT, http1 ? 0L : 1L);
    (void)curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_send);
    (void)curl_easy_setopt(easy, CURLOPT_PREREQDATA, t);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->reason);
    (void)curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    (void)curl_easy_setopt(easy, CURLOPT_XFERINFODATA, t);
    if (rc == CURLE_OK && t->direct)
        rc = curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    else if (rc == CURLE_OK)
        rc = curl_easy_setopt(easy, CURLOPT_PROXY, proxy_of(t->url));
    return rc;
}

static CURLcode set_request(CURL *easy, struct kfs_transfer *t)
{
    CURLcode rc = curl_easy_setopt(easy, CURLOPT_URL, t->url);

    if (rc == CURLE_OK)
        rc = curl_easy_setopt(easy, CURLOPT_USERAGENT, "kinesisfs/" KFS_VERSION);
    if (strcmp(t->method, "POST") == 0) {
        (void)curl_easy_setopt(easy, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.len);
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, t->body.len == 0 ? "" : t->body.data);
        if (t->body.len > SMALL_BODY_BYTES) {
            (void)curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, PIECE_BYTES_MAX);
            (void)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, PIECE_BYTES_MAX);
        }
    } else if (rc == CURLE_OK && strcmp(t->method, "GET") != 0) {
        rc = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, t->method);
    }
    if (rc == CURLE_OK && t->tls != NULL && t->tls->ca_bundle != NULL)
        rc = curl_easy_setopt(easy, CURLOPT_CAINFO, t->tls->ca_bundle);
    if (t->tls != NULL && t->tls->insecure) {
        (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    return rc;
}

int kfs_transfer_prepare(struct kfs_transfer *t)
{
    int rc;

    t->rc = 0;
    t->error = (struct kfs_error){0};
    t->sends = 0;
    t->status = 0;
    t->request_id[0] = t->error_type[0] = t->date[0] = t->reason[0] = '\0';
    t->retry_after_ms = 0;
    t->head_len = 0;
    t->piece_rc = 0;
    t->moved_ms = 0;
    t->silent = false;
    t->lines = NULL;
    kfs_buf_init(&t->answer, t->answer_max);
    t->easy = curl_easy_init();
    if (t->easy == NULL)
        return -ENOMEM;
    rc = add_headers(t);
    if (rc == 0 && (set_limits(t->easy, t) != CURLE_OK || set_request(t->easy, t) != CURLE_OK ||
                    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->lines) != CURLE_OK))
        rc = -ENOMEM;
    if (rc != 0)
        kfs_transfer_drop(t);
    return rc;
}

void kfs_transfer_drop(struct kfs_transfer *t)
{
    curl_easy_cleanup(t->easy);
    t->easy = NULL;
    free_lines(t);
    kfs_buf_release(&t->answer);
}

/* ---- the answer ---- */

/* Which errno, where it is not EHOSTUNREACH. */
static int errno_of(CURLcode code)
{
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return ETIMEDOUT;
    case CURLE_OUT_OF_MEMORY:
        return ENOMEM;
    case CURLE_ABORTED_BY_CALLBACK:
        return ECANCELED;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return EACCES;
    default:
        return EHOSTUNREACH;
    }
}

/* As those of kinesis-mock do that are longer than a stream's first window, where libcurl is of version 8. */
static bool stopped_in_http2(const struct kfs_transfer *t)
{
    long version = 0;

    (void)curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
    return version == CURL_HTTP_VERSION_2_0 && t->head_len > 0;
}

static const char *reason_of(const struct kfs_transfer *t, CURLcode code)
{
    if (code == CURLE_SSL_CACERT_BADFILE)
        return t->tls != NULL && t->tls->ca_bundle != NULL ? "the certificates of ca_bundle cannot be read"
                                                           : "the system has no certificates to believe by: install "
                                                             "ca-certificates, or name some with ca_bundle";
    return t->reason[0] != '\0' ? t->reason : curl_easy_strerror(code);
}

static void explain(struct kfs_transfer *t, CURLcode code)
{
    const char *what = reason_of(t, code);
    int number = errno_of(code);

    if (code == CURLE_ABORTED_BY_CALLBACK && t->silent) {
        number = ETIMEDOUT;
        what = stopped_in_http2(t)
                   ? "the answer has stopped behind its head; if it always does, try the option http=1.1"
                   : "no byte has come for too long";
    } else if (code == CURLE_WRITE_ERROR && t->head_len > KFS_TRANSFER_HEAD_MAX)
        what = "the head of the answer is too long";
    else if (code == CURLE_WRITE_ERROR && t->piece_rc == -EMSGSIZE) {
        number = EIO; /* someone has answered */
        what = "the answer is too long";
    } else if (code == CURLE_WRITE_ERROR && t->piece_rc != 0) {
        number = -t->piece_rc;
        what = "the answer cannot be taken";
    }
    t->rc = kfs_fail(&t->error, number, "%s", what);
    t->error.retryable = number == EHOSTUNREACH || number == ETIMEDOUT || t->piece_rc == -EMSGSIZE;
}

void kfs_transfer_finish(struct kfs_transfer *t, int code)
{
    long status = 0;

    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    t->status = (int)status;
    if (code != CURLE_OK)
        explain(t, (CURLcode)code);
    curl_easy_cleanup(t->easy);
    t->easy = NULL;
    free_lines(t);
}

int kfs_transfer_run(struct kfs_transfer *t, const atomic_bool *stop)
{
    int rc;

    t->stop = stop;
    rc = kfs_transfer_prepare(t);
    if (rc != 0) {
        t->rc = kfs_fail(&t->error, -rc, "out of memory");
        return t->rc;
    }
    kfs_transfer_finish(t, (int)curl_easy_perform(t->easy));
    return t->rc;
}

uint64_t kfs_transfer_date_ms(const struct kfs_transfer *t)
{
    time_t date = t->date[0] == '\0' ? -1 : curl_getdate(t->date, NULL);

    return date > 0 ? (uint64_t)date * 1000U : 0;
}

void kfs_transfer_release(struct kfs_transfer *t)
{
    if (t->answer.data != NULL)
        kfs_secret_wipe(t->answer.data, t->answer.len); /* credentials may be in it */
    kfs_buf_release(&t->answer);
}
