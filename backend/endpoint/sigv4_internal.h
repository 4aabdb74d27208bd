/* The two halves of kfs_sigv4_verify: what a request says of its signature, and whether that is so. */
#ifndef KFS_ENDPOINT_SIGV4_INTERNAL_H
#define KFS_ENDPOINT_SIGV4_INTERNAL_H

#include "backend/endpoint/sigv4.h"

/* What a request says of its signature; views of the request, or of decoded. Empty where it is not said. */
struct kfs_sigv4_claim {
    bool presigned;
    struct kfs_bytes algorithm;
    struct kfs_bytes credential;
    struct kfs_bytes signed_headers;
    struct kfs_bytes signature;
    struct kfs_bytes time;
    struct kfs_bytes token;
    struct kfs_bytes expires;
    struct kfs_buf decoded;
    char date_header[KFS_SIGV4_TIME + 1]; /* what a Date header says, as a time */
};

/* The elements of a credential; its key id may hold slashes. */
struct kfs_sigv4_credential {
    struct kfs_bytes key_id;
    struct kfs_bytes terminator;
    struct kfs_sigv4_scope scope;
};

struct kfs_sigv4_refusal {
    const char **type;
    struct kfs_buf *text;
};

/* Sets type and appends to text; -EACCES. */
int kfs_sigv4_refuse(const struct kfs_sigv4_refusal *r, const char *type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

bool kfs_sigv4_is(struct kfs_bytes text, const char *word);

/* The value of the first header with a name; empty where there is none. */
struct kfs_bytes kfs_sigv4_header(const struct kfs_http_request *request, const char *name);

/* Takes text up to one of the separators, or all of it. */
struct kfs_bytes kfs_sigv4_cut(struct kfs_bytes *text, const char *separators);

/* claim->decoded is initialised, with the target's length as its maximum. */
int kfs_sigv4_read(const struct kfs_http_request *request, struct kfs_sigv4_claim *claim,
                   const struct kfs_sigv4_refusal *r);

/* False where it has not five elements. */
bool kfs_sigv4_read_credential(const struct kfs_sigv4_claim *claim, struct kfs_sigv4_credential *c);

#endif
