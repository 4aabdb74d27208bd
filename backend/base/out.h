/* Printing JSON, and by the same calls CBOR. Errors (no memory, over the
 * buffer's maximum) are kept and told at the end. */
#ifndef KFS_BASE_OUT_H
#define KFS_BASE_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/buf.h"

enum kfs_codec { KFS_CODEC_JSON, KFS_CODEC_CBOR };

struct kfs_out {
    enum kfs_codec codec;
    struct kfs_buf *buf;
    int error;
    bool first; /* no comma before what comes next */
};

void kfs_out_init(struct kfs_out *out, enum kfs_codec codec, struct kfs_buf *buf);

/* So many bytes are going to be printed, about. */
void kfs_out_reserve(struct kfs_out *out, size_t bytes);

/* key is NULL inside a list and at the top. Containers are of indefinite length
 * in CBOR. */
void kfs_out_map(struct kfs_out *out, const char *key);
void kfs_out_map_end(struct kfs_out *out);
void kfs_out_list(struct kfs_out *out, const char *key);
void kfs_out_list_end(struct kfs_out *out);
void kfs_out_string(struct kfs_out *out, const char *key, const char *value);    /* valid UTF-8 */
void kfs_out_text(struct kfs_out *out, const char *key, struct kfs_bytes value); /* the same */
/* Text that someone else has written: where it is no UTF-8 its bytes are taken for Latin-1. */
void kfs_out_foreign(struct kfs_out *out, const char *key, struct kfs_bytes value);
void kfs_out_blob(struct kfs_out *out, const char *key, struct kfs_bytes value); /* base64 in JSON */
void kfs_out_int(struct kfs_out *out, const char *key, int64_t value);
void kfs_out_bool(struct kfs_out *out, const char *key, bool value);
void kfs_out_time_ms(struct kfs_out *out, const char *key,
                     uint64_t ms); /* JSON: seconds, up to 3 decimals; CBOR: tag 1 and ms */

#endif
