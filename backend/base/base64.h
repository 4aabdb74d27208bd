/* Base64, RFC 4648 section 4: with padding, without line breaks. */
#ifndef KFS_BASE_BASE64_H
#define KFS_BASE_BASE64_H

#include <stddef.h>
#include <sys/types.h>

/* Characters that encoding len bytes gives. */
size_t kfs_base64_len(size_t len);

/* Writes kfs_base64_len(len) characters, no NUL. */
void kfs_base64_encode(const void *data, size_t len, char *text);

/* Writes at most len / 4 * 3 bytes and returns how many; -EINVAL, with data
 * spoilt, for anything but what encoding gives. data may be text. */
ssize_t kfs_base64_decode(const char *text, size_t len, void *data);

#endif
