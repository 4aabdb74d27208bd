/* The arithmetic of AWS Signature Version 4, the same for who signs and who verifies.
 *
 * Source: AWS's documentation of the signing process. */
#ifndef KFS_BASE_SIGNATURE_H
#define KFS_BASE_SIGNATURE_H

#include "backend/base/buf.h"
#include "backend/base/crypto.h"

#define KFS_SIGV4_HEX 64  /* characters of a signature */
#define KFS_SIGV4_TIME 16 /* 20150830T123600Z */

/* What a signature is good for; views. */
struct kfs_sigv4_scope {
    struct kfs_bytes time; /* 20150830T123600Z */
    struct kfs_bytes date; /* 20150830 */
    struct kfs_bytes region;
    struct kfs_bytes service;
};

/* The signature of a canonical request, in hexadecimal digits. -ENOMEM. */
int kfs_sigv4_seal(struct kfs_bytes secret, const struct kfs_sigv4_scope *scope, struct kfs_bytes canonical,
                   char signature[KFS_SIGV4_HEX + 1]);

void kfs_sigv4_hex(const uint8_t digest[KFS_SHA256_BYTES], char text[KFS_SIGV4_HEX + 1]);

#endif
