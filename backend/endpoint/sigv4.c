#include "backend/endpoint/sigv4.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/crypto.h"
#include "backend/endpoint/query.h"

#define PARAMETERS_MAX 64
#define CANONICAL_MAX ((size_t)512 << 10) /* a target and headers at their limits, every byte encoded */

/* A parameter of the query, encoded; views of a buffer. */
struct parameter {
    struct kfs_bytes name;
    struct kfs_bytes value;
};

/* Appends to a buffer; the first error stays. */
struct writer {
    struct kfs_buf *buf;
    int error;
};

static void keep(struct writer *w, int error)
{
    if (w->error == 0)
        w->error = error;
}

static void put(struct writer *w, struct kfs_bytes text)
{
    if (w->error == 0)
        w->error = kfs_buf_append(w->buf, text.data, text.len);
}

static void put_text(struct writer *w, const char *text)
{
    put(w, (struct kfs_bytes){text, strlen(text)});
}

static bool is(struct kfs_bytes text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

static void print_hex(const uint8_t digest[KFS_SHA256_BYTES], char text[KFS_SIGV4_HEX + 1])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < KFS_SHA256_BYTES; i++) {
        text[2 * i] = digits[digest[i] >> 4];
        text[2 * i + 1] = digits[digest[i] & 15];
    }
    text[KFS_SIGV4_HEX] = '\0';
}

/* ---- the query ---- */

static int compare_bytes(struct kfs_bytes a, struct kfs_bytes b)
{
    int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_parameters(const void *a, const void *b)
{
    const struct parameter *left = a;
    const struct parameter *right = b;
    int order = compare_bytes(left->name, right->name);

    return order != 0 ? order : compare_bytes(left->value, right->value);
}

/* Decodes and encodes again, the one way that signing has. Storage has room for it: it does not move. */
static struct kfs_bytes normalise(struct writer *storage, struct kfs_bytes text)
{
    struct kfs_buf plain;
    size_t from = storage->buf->len;

    kfs_buf_init(&plain, text.len + 1);
    keep(storage, kfs_query_decode(text, &plain));
    if (storage->error == 0)
        storage->error = kfs_query_encode((struct kfs_bytes){plain.data, plain.len}, "", storage->buf);
    kfs_buf_release(&plain);
    return (struct kfs_bytes){storage->buf->data + from, storage->buf->len - from};
}

/* Parameters in order, but the signature itself; views of storage. */
static size_t sort_query(struct kfs_bytes query, struct writer *storage, struct parameter parameters[PARAMETERS_MAX])
{
    struct kfs_bytes name;
    struct kfs_bytes value;
    size_t n = 0;

    while (storage->error == 0 && kfs_query_next(&query, &name, &value)) {
        if (n == PARAMETERS_MAX) {
            storage->error = -EINVAL;
            break;
        }
        parameters[n].name = normalise(storage, name);
        parameters[n].value = normalise(storage, value);
        n += is(parameters[n].name, "X-Amz-Signature") ? 0 : 1;
    }
    if (storage->error == 0 && n > 0)
        qsort(parameters, n, sizeof parameters[0], compare_parameters);
    return n;
}

static void put_query(struct writer *w, struct kfs_bytes query)
{
    struct parameter parameters[PARAMETERS_MAX];
    struct kfs_buf buf;
    struct writer storage = {.buf = &buf};
    size_t n;

    if (query.len == 0)
        return;
    kfs_buf_init(&buf, 3 * query.len + 1); /* kfs_buf_printf wants a byte more than it prints */
    storage.error = kfs_buf_reserve(&buf, buf.max);
    n = sort_query(query, &storage, parameters);
    keep(w, storage.error);
    for (size_t i = 0; i < n; i++) {
        put_text(w, i == 0 ? "" : "&");
        put(w, parameters[i].name);
        put_text(w, "=");
        put(w, parameters[i].value);
    }
    kfs_buf_release(&buf);
}

/* ---- headers ---- */

/* Without blanks at its ends, and with one where there are many. */
static void put_trimmed(struct writer *w, struct kfs_bytes value)
{
    const char *p = value.data;
    size_t at = 0;
    bool any = false;

    for (;;) {
        while (at < value.len && (p[at] == ' ' || p[at] == '\t'))
            at++;
        if (at == value.len)
            return;
        size_t from = at;
        while (at < value.len && p[at] != ' ' && p[at] != '\t')
            at++;
        put_text(w, any ? " " : "");
        put(w, (struct kfs_bytes){p + from, at - from});
        any = true;
    }
}

/* The values of all headers with a name, joined by commas; false where there is none. */
static bool put_values(struct writer *w, const struct kfs_http_request *request, struct kfs_bytes name)
{
    bool any = false;

    for (size_t i = 0; i < request->n_headers; i++) {
        const struct kfs_http_header *header = &request->headers[i];
        if (header->name.len != name.len || memcmp(header->name.data, name.data, name.len) != 0)
            continue;
        put_text(w, any ? "," : "");
        put_trimmed(w, header->value);
        any = true;
    }
    return any;
}

/* A line for a header that is signed. */
static void put_header(struct writer *w, const struct kfs_http_request *request, struct kfs_bytes name)
{
    put(w, name);
    put_text(w, ":");
    if (!put_values(w, request, name)) {
        if (is(name, "host"))
            (void)put_values(w, request, (struct kfs_bytes){":authority", 10});
        else if (is(name, ":authority"))
            (void)put_values(w, request, (struct kfs_bytes){"host", 4});
    }
    put_text(w, "\n");
}

static void put_headers(struct writer *w, const struct kfs_http_request *request, struct kfs_bytes names)
{
    const char *p = names.len == 0 ? "" : names.data;
    const char *end = p + names.len;

    while (p < end) {
        const char *stop = memchr(p, ';', (size_t)(end - p));
        if (stop == NULL)
            stop = end;
        put_header(w, request, (struct kfs_bytes){p, (size_t)(stop - p)});
        p = stop + 1;
    }
}

int kfs_sigv4_canonical(const struct kfs_http_request *request, struct kfs_bytes signed_headers, struct kfs_buf *text)
{
    struct kfs_bytes path = kfs_target_path(request->target);
    struct writer w = {.buf = text};
    uint8_t digest[KFS_SHA256_BYTES];
    char hex[KFS_SIGV4_HEX + 1];

    kfs_sha256(&request->body, 1, digest);
    print_hex(digest, hex);
    put(&w, request->method);
    put_text(&w, path.len == 0 ? "\n/" : "\n");
    if (w.error == 0)
        w.error = kfs_query_encode(path, "/", text);
    put_text(&w, "\n");
    put_query(&w, kfs_target_query(request->target));
    put_text(&w, "\n");
    put_headers(&w, request, signed_headers);
    put_text(&w, "\n");
    put(&w, signed_headers);
    put_text(&w, "\n");
    put_text(&w, hex);
    return w.error;
}

/* ---- signing ---- */

static void chain(uint8_t key[KFS_SHA256_BYTES], struct kfs_bytes with)
{
    uint8_t next[KFS_SHA256_BYTES];

    kfs_hmac_sha256((struct kfs_bytes){key, KFS_SHA256_BYTES}, &with, 1, next);
    memcpy(key, next, sizeof next);
    kfs_secret_wipe(next, sizeof next);
}

/* AWS4 and the secret make the first key; each element of the scope makes the next one. */
static int derive_key(struct kfs_bytes secret, const struct kfs_sigv4_scope *scope, uint8_t key[KFS_SHA256_BYTES])
{
    char *first = malloc(4 + secret.len);

    if (first == NULL)
        return -ENOMEM;
    memcpy(first, "AWS4", 4);
    memcpy(first + 4, secret.data, secret.len);
    kfs_hmac_sha256((struct kfs_bytes){first, 4 + secret.len}, &scope->date, 1, key);
    kfs_secret_wipe(first, 4 + secret.len);
    free(first);
    chain(key, scope->region);
    chain(key, scope->service);
    chain(key, (struct kfs_bytes){"aws4_request", 12});
    return 0;
}

int kfs_sigv4_signature(struct kfs_bytes secret, const struct kfs_sigv4_scope *scope,
                        const struct kfs_http_request *request, struct kfs_bytes signed_headers,
                        char signature[KFS_SIGV4_HEX + 1])
{
    static const struct kfs_bytes slash = {"/", 1};
    uint8_t digest[KFS_SHA256_BYTES];
    uint8_t key[KFS_SHA256_BYTES];
    char hex[KFS_SIGV4_HEX + 1];
    struct kfs_buf text;
    int rc;

    kfs_buf_init(&text, CANONICAL_MAX);
    rc = kfs_sigv4_canonical(request, signed_headers, &text);
    if (rc == 0)
        rc = derive_key(secret, scope, key);
    if (rc == 0) {
        const struct kfs_bytes canonical = {text.data, text.len};
        const struct kfs_bytes pieces[] = {{"AWS4-HMAC-SHA256\n", 17},
                                           scope->time,
                                           {"\n", 1},
                                           scope->date,
                                           slash,
                                           scope->region,
                                           slash,
                                           scope->service,
                                           {"/aws4_request\n", 14},
                                           {hex, KFS_SIGV4_HEX}};
        kfs_sha256(&canonical, 1, digest);
        print_hex(digest, hex);
        kfs_hmac_sha256((struct kfs_bytes){key, sizeof key}, pieces, sizeof pieces / sizeof pieces[0], digest);
        kfs_secret_wipe(key, sizeof key);
        print_hex(digest, signature);
    }
    kfs_buf_release(&text);
    return rc;
}

int kfs_sigv4_sign(const struct kfs_key *key, const struct kfs_sigv4_scope *scope,
                   const struct kfs_http_request *request, struct kfs_bytes signed_headers,
                   struct kfs_buf *authorization)
{
    char signature[KFS_SIGV4_HEX + 1];
    int rc = kfs_sigv4_signature(key->secret, scope, request, signed_headers, signature);

    if (rc != 0)
        return rc;
    return kfs_buf_printf(
        authorization, "AWS4-HMAC-SHA256 Credential=%.*s/%.*s/%.*s/%.*s/aws4_request, SignedHeaders=%.*s, Signature=%s",
        (int)key->id.len, (const char *)key->id.data, (int)scope->date.len, (const char *)scope->date.data,
        (int)scope->region.len, (const char *)scope->region.data, (int)scope->service.len,
        (const char *)scope->service.data, (int)signed_headers.len, (const char *)signed_headers.data, signature);
}
