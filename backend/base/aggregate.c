#include "backend/base/aggregate.h"

#include <stdint.h>

struct kfs_bytes kfs_aggregate_message(struct kfs_bytes data)
{
    return (struct kfs_bytes){(const uint8_t *)data.data + KFS_AGGREGATE_MAGIC_BYTES,
                              data.len - KFS_AGGREGATE_FRAME_BYTES};
}

bool kfs_aggregate_framed(struct kfs_bytes data)
{
    uint8_t digest[KFS_MD5_BYTES];
    struct kfs_bytes message;

    if (data.len <= KFS_AGGREGATE_FRAME_BYTES || !kfs_aggregate_begins(data))
        return false;
    message = kfs_aggregate_message(data);
    kfs_md5(message.data, message.len, digest);
    return memcmp((const uint8_t *)message.data + message.len, digest, sizeof digest) == 0;
}
