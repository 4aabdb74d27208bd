/* TLS 1.2 and 1.3 on a connection, by OpenSSL. The library's buffers are released while a
 * connection is idle. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "backend/endpoint/http_internal.h"

struct kfs_http_tls {
    SSL_CTX *ctx;
};

/* What a call that returned rc means. */
static ssize_t result(struct kfs_http_conn *conn, int rc)
{
    switch (SSL_get_error(conn->tls, rc)) {
    case SSL_ERROR_WANT_READ:
        return -EAGAIN;
    case SSL_ERROR_WANT_WRITE:
        conn->write_first = true;
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        return -EPROTO;
    }
}

static ssize_t tls_read(struct kfs_http_conn *conn, void *data, size_t len)
{
    size_t n = 0;

    conn->write_first = false;
    ERR_clear_error();
    int rc = SSL_read_ex(conn->tls, data, len, &n);
    return rc == 1 ? (ssize_t)n : result(conn, rc);
}

static ssize_t tls_write(struct kfs_http_conn *conn, const struct iovec *vectors, int n)
{
    ssize_t sent = 0;

    for (int i = 0; i < n; i++) {
        size_t some = 0;
        ERR_clear_error();
        int rc = SSL_write_ex(conn->tls, vectors[i].iov_base, vectors[i].iov_len, &some);
        if (rc != 1) {
            ssize_t error = result(conn, rc);
            conn->write_first = false; /* EPOLLOUT is asked for anyway while bytes wait */
            if (sent > 0)
                return sent;
            return error == 0 ? -EPIPE : error;
        }
        sent += (ssize_t)some;
        if (some < vectors[i].iov_len)
            break;
    }
    return sent;
}

static bool tls_pending(const struct kfs_http_conn *conn)
{
    return SSL_pending(conn->tls) > 0;
}

static void tls_shutdown(struct kfs_http_conn *conn)
{
    if (SSL_is_init_finished(conn->tls)) {
        ERR_clear_error();
        (void)SSL_shutdown(conn->tls);
    }
    kfs_http_socket_io.shutdown(conn);
}

static void tls_release(struct kfs_http_conn *conn)
{
    SSL_free(conn->tls);
}

static const struct kfs_http_io tls_io = {tls_read, tls_write, tls_pending, tls_shutdown, tls_release};

int kfs_http_tls_accept(struct kfs_http_conn *conn)
{
    SSL *ssl = SSL_new(conn->loop->server->tls->ctx);

    if (ssl == NULL || SSL_set_fd(ssl, conn->fd) != 1) {
        SSL_free(ssl);
        ERR_clear_error();
        return -ENOMEM;
    }
    SSL_set_accept_state(ssl);
    conn->tls = ssl;
    conn->io = &tls_io;
    return 0;
}

/* Prefers h2. Where the client names neither, the connection goes on without ALPN. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                           unsigned int in_len, void *arg)
{
    static const unsigned char ours[] = "\x02h2\x08http/1.1";
    unsigned char *chosen;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof ours - 1, in, in_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int fail(struct kfs_error *err, const char *what, const char *file)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    int rc = kfs_fail(err, EINVAL, "%s %s cannot be used: %s", what, file, reason != NULL ? reason : "unreadable");

    ERR_clear_error();
    return rc;
}

int kfs_http_tls_new(const char *certificate, const char *key, struct kfs_http_tls **tls, struct kfs_error *err)
{
    struct kfs_http_tls *t = calloc(1, sizeof *t);
    int rc = 0;

    if (t == NULL || (t->ctx = SSL_CTX_new(TLS_server_method())) == NULL) {
        rc = kfs_fail(err, ENOMEM, "no memory for TLS");
        goto out;
    }
    SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                    SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(t->ctx,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(t->ctx, choose_protocol, NULL);
    if (SSL_CTX_use_certificate_chain_file(t->ctx, certificate) != 1)
        rc = fail(err, "the certificate", certificate);
    else if (key == NULL)
        rc = kfs_fail(err, EINVAL, "a certificate needs its key");
    else if (SSL_CTX_use_PrivateKey_file(t->ctx, key, SSL_FILETYPE_PEM) != 1)
        rc = fail(err, "the key", key); /* also where it is not the certificate's */
out:
    if (rc == 0)
        *tls = t;
    else
        kfs_http_tls_free(t);
    return rc;
}

void kfs_http_tls_free(struct kfs_http_tls *tls)
{
    if (tls != NULL)
        SSL_CTX_free(tls->ctx);
    free(tls);
}
