/* Signing requests: POST, to a URL without a query, as all of Kinesis and STS are. */
#ifndef KFS_KINESIS_SIGN_H
#define KFS_KINESIS_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/signature.h"
#include "backend/kinesis/credentials.h"

#define KFS_HOST_MAX 263 /* a name and a port */

struct kfs_request_header {
    const char *name;
    const char *value;
};

struct kfs_signing {
    const char *region;
    const char *service;
    const struct kfs_credentials *keys;
    uint64_t at_ms;        /* since 1970; the time that the signature says */
    const uint8_t *digest; /* SHA-256 of the body; NULL: it is computed */
};

/* What is to be sent besides the headers that were given, and the token. */
struct kfs_sign_lines {
    char host[KFS_HOST_MAX + 1];
    char date[KFS_SIGV4_TIME + 1];
    char authorization[1024];
};

/* What is sent as Host: the port only where it is not the scheme's. -EINVAL: the URL has no host, or a user. */
int kfs_sign_host(const char *url, char host[KFS_HOST_MAX + 1]);

/* At most 5 headers, in no order. -EINVAL: the URL or the time is none, or a region, service or key id is absurdly
 * long; -ENOMEM. */
int kfs_sign(const struct kfs_signing *signing, const char *url, const struct kfs_request_header *headers,
             size_t n_headers, struct kfs_bytes body, struct kfs_sign_lines *lines);

#endif
