/* AWS Signature Version 4: signing, and verifying what a client signed, in the
 * Authorization header or (presigned) in the query string.
 *
 * Source: AWS's documentation of the signing process; error texts are the service's. The path is
 * taken as sent, without removing dot segments: the service has only "/". */
#ifndef KFS_ENDPOINT_SIGV4_H
#define KFS_ENDPOINT_SIGV4_H

#include <stdint.h>

#include "backend/endpoint/http.h"
#include "backend/endpoint/keys.h"

#define KFS_SIGV4_HEX 64                         /* characters of a signature */
#define KFS_SIGV4_TIME 16                        /* 20150830T123600Z */
#define KFS_SIGV4_SKEW_MS UINT64_C(300000)       /* how far a client's clock may be off */
#define KFS_SIGV4_TEXT_MAX ((size_t)256 << 10)   /* room for the text of any error */
#define KFS_SIGV4_EXPIRES_MAX_S UINT64_C(604800) /* of presigned requests */
#define KFS_REGION_MAX 63

/* What a signature is good for; views. */
struct kfs_sigv4_scope {
    struct kfs_bytes time; /* 20150830T123600Z */
    struct kfs_bytes date; /* 20150830 */
    struct kfs_bytes region;
    struct kfs_bytes service;
};

/* The text whose digest is signed. signed_headers is a list like "host;x-amz-date", lower case. Of host and
 * :authority, which HTTP/2 has in its place, one stands for the other. -ENOMEM; -EMSGSIZE over the buffer's maximum;
 * -EINVAL: more than 64 parameters in the query. */
int kfs_sigv4_canonical(const struct kfs_http_request *request, struct kfs_bytes signed_headers, struct kfs_buf *text);

/* The signature of a request, in hexadecimal digits. The same errors. */
int kfs_sigv4_signature(struct kfs_bytes secret, const struct kfs_sigv4_scope *scope,
                        const struct kfs_http_request *request, struct kfs_bytes signed_headers,
                        char signature[KFS_SIGV4_HEX + 1]);

/* Appends the value of the Authorization header. The request has x-amz-date, and x-amz-security-token where needed. */
int kfs_sigv4_sign(const struct kfs_key *key, const struct kfs_sigv4_scope *scope,
                   const struct kfs_http_request *request, struct kfs_bytes signed_headers,
                   struct kfs_buf *authorization);

/* Who sent a request. */
struct kfs_identity {
    char access_key_id[KFS_ACCESS_KEY_ID_MAX + 1];
    char region[KFS_REGION_MAX + 1]; /* of the credential's scope; "" where that has none, without keys */
    char account[12 + 1];            /* the access key id where that is 12 digits, else "" */
};

/* Verifies a request. With keys NULL any credentials are taken, and only their form is checked. 0; -EACCES with the
 * error's type and text; -ENOMEM. identity is untouched on failure. */
int kfs_sigv4_verify(const struct kfs_keys *keys, const struct kfs_http_request *request, uint64_t now_ms,
                     struct kfs_identity *identity, const char **type, struct kfs_buf *text);

#endif
