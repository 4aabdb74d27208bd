/* CBOR, RFC 8949, into a tree of values. */
#ifndef KFS_ENDPOINT_CBOR_H
#define KFS_ENDPOINT_CBOR_H

#include "backend/base/value.h"

/* -EINVAL: not CBOR or more after it, too deep, invalid UTF-8; -ENOMEM: over the arena's maximum. */
int kfs_cbor_decode(struct kfs_arena *arena, struct kfs_bytes body, struct kfs_value *value);

#endif
