#include "backend/endpoint/selfsigned.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CERTIFICATE "endpoint-certificate.pem"
#define KEY "endpoint-key.pem"
#define PEM_MAX 16384
#define DAY_S (24L * 60 * 60)
#define LIFE_S (3650 * DAY_S)
#define RENEW_S (30 * DAY_S) /* before its end it is replaced */
#define HOST_MAX 253

/* What a pair is in memory. */
struct pair {
    X509 *certificate;
    EVP_PKEY *key;
};

static void pair_release(struct pair *pair)
{
    X509_free(pair->certificate);
    EVP_PKEY_free(pair->key);
}

/* ---- the kept pair ---- */

static bool usable(const struct pair *pair, const char *address)
{
    time_t limit = time(NULL) + RENEW_S;

    return pair->certificate != NULL && pair->key != NULL &&
           X509_check_private_key(pair->certificate, pair->key) == 1 &&
           X509_cmp_time(X509_get0_notAfter(pair->certificate), &limit) > 0 &&
           X509_check_ip_asc(pair->certificate, address, 0) == 1;
}

static BIO *read_pem(const struct kfs_io *io, int dir, const char *name, struct kfs_buf *buf)
{
    return kfs_io_read_file(io, dir, name, buf) == 0 ? BIO_new_mem_buf(buf->data, (int)buf->len) : NULL;
}

static bool is_kept(const struct kfs_io *io, int dir, const char *address)
{
    struct pair pair = {0};
    struct kfs_buf certificate;
    struct kfs_buf key;

    kfs_buf_init(&certificate, PEM_MAX);
    kfs_buf_init(&key, PEM_MAX);
    BIO *in = read_pem(io, dir, CERTIFICATE, &certificate);
    if (in != NULL)
        pair.certificate = PEM_read_bio_X509(in, NULL, NULL, NULL);
    BIO_free(in);
    in = read_pem(io, dir, KEY, &key);
    if (in != NULL)
        pair.key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    BIO_free(in);
    bool kept = usable(&pair, address);
    pair_release(&pair);
    if (key.data != NULL)
        OPENSSL_cleanse(key.data, key.len);
    kfs_buf_release(&key);
    kfs_buf_release(&certificate);
    return kept;
}

/* ---- a new one ---- */

static bool host_name(char host[HOST_MAX + 1])
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";

    if (gethostname(host, HOST_MAX) != 0)
        return false;
    host[HOST_MAX] = '\0';
    return host[0] != '\0' && host[strspn(host, good)] == '\0';
}

static bool add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX ctx;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

static bool add_extensions(X509 *certificate, const char *address)
{
    char names[HOST_MAX + 256];
    char host[HOST_MAX + 1];
    bool named = host_name(host);

    (void)snprintf(names, sizeof names, "DNS:localhost,IP:127.0.0.1,IP:::1,IP:%s%s%s", address, named ? ",DNS:" : "",
                   named ? host : "");
    return add_extension(certificate, NID_subject_alt_name, names) &&
           add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
           add_extension(certificate, NID_subject_key_identifier, "hash");
}

static bool make(struct pair *pair, const char *address)
{
    static const unsigned char name[] = "kinesisfs";
    uint64_t serial;

    pair->key = EVP_EC_gen("P-256");
    pair->certificate = X509_new();
    if (pair->key == NULL || pair->certificate == NULL || RAND_bytes((unsigned char *)&serial, sizeof serial) != 1)
        return false;
    X509 *c = pair->certificate;
    X509_NAME *subject = X509_get_subject_name(c);
    return X509_set_version(c, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(c), serial >> 1 | 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(c), -DAY_S) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(c), LIFE_S) != NULL && X509_set_pubkey(c, pair->key) == 1 &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, name, -1, -1, 0) == 1 &&
           X509_set_issuer_name(c, subject) == 1 && add_extensions(c, address) &&
           X509_sign(c, pair->key, EVP_sha256()) > 0;
}

static int write_pem(const struct kfs_io *io, int dir, const char *name, BIO *text)
{
    char *data = NULL;
    long len = BIO_get_mem_data(text, &data);

    return kfs_io_replace(io, dir, name, data, (size_t)len);
}

/* The key first: with the old certificate it is no pair, and so both are made again. */
static int keep(const struct kfs_io *io, int dir, const struct pair *pair)
{
    BIO *key = BIO_new(BIO_s_secmem());
    BIO *certificate = BIO_new(BIO_s_mem());
    int rc = -ENOMEM;

    if (key != NULL && certificate != NULL && PEM_write_bio_X509(certificate, pair->certificate) == 1 &&
        PEM_write_bio_PrivateKey(key, pair->key, NULL, NULL, 0, NULL, NULL) == 1) {
        rc = write_pem(io, dir, KEY, key);
        if (rc == 0)
            rc = write_pem(io, dir, CERTIFICATE, certificate);
    }
    BIO_free(key);
    BIO_free(certificate);
    return rc;
}

int kfs_selfsigned(const struct kfs_io *io, const char *dir, const char *address, struct kfs_selfsigned *files,
                   struct kfs_error *err)
{
    struct pair pair = {0};
    int rc = 0;

    if (strlen(dir) + 1 + sizeof CERTIFICATE > sizeof files->certificate)
        return kfs_fail(err, ENAMETOOLONG, "the directory's name is too long: %.100s...", dir);
    int fd = io->open_root(io->ctx, dir, true);
    if (fd < 0)
        return kfs_fail(err, -fd, "cannot open %s: %s", dir, strerror(-fd));
    if (!is_kept(io, fd, address)) {
        if (!make(&pair, address))
            rc = kfs_fail(err, EINVAL, "cannot make a certificate for %s", address);
        else if ((rc = keep(io, fd, &pair)) != 0)
            (void)kfs_fail(err, -rc, "cannot keep the certificate in %s: %s", dir, strerror(-rc));
    }
    pair_release(&pair);
    io->close(io->ctx, fd);
    if (rc == 0) {
        (void)snprintf(files->certificate, sizeof files->certificate, "%s/%s", dir, CERTIFICATE);
        (void)snprintf(files->key, sizeof files->key, "%s/%s", dir, KEY);
    }
    return rc;
}
