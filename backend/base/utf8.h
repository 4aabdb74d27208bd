/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, at most U+10FFFF. */
#ifndef KFS_BASE_UTF8_H
#define KFS_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* data may be NULL when len is 0. NUL is a character like any other. */
bool kfs_utf8_valid(const void *data, size_t len);

/* Characters (code points) of text that is valid. */
size_t kfs_utf8_count(const void *data, size_t len);

#endif
