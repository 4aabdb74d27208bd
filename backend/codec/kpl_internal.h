/* What writing and reading aggregates share. */
#ifndef KFS_CODEC_KPL_INTERNAL_H
#define KFS_CODEC_KPL_INTERNAL_H

#include <stdbool.h>

#include "backend/base/aggregate.h"
#include "backend/base/record.h"
#include "backend/base/utf8.h"

/* Protobuf: a field is a varint of number << 3 | type, and a value. */
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

enum { AGGREGATE_KEY = 1, AGGREGATE_HASH = 2, AGGREGATE_RECORD = 3 };
enum { RECORD_KEY_INDEX = 1, RECORD_HASH_INDEX = 2, RECORD_DATA = 3 };

/* As Kinesis has partition keys. */
static inline bool kpl_key_valid(struct kfs_bytes key)
{
    return key.len > 0 && key.len <= KFS_PARTITION_KEY_BYTES_MAX && kfs_utf8_valid(key.data, key.len) &&
           kfs_utf8_count(key.data, key.len) <= KFS_PARTITION_KEY_CHARS_MAX;
}

#endif
