/* Borrowed byte views, and a growing buffer that never exceeds its maximum. */
#ifndef KFS_BASE_BUF_H
#define KFS_BASE_BUF_H

#include <stddef.h>

/* A view of bytes that someone else owns; valid for the call it is passed to. */
struct kfs_bytes {
    const void *data; /* may be NULL when len is 0 */
    size_t len;
};

struct kfs_buf {
    char *data; /* NULL while cap is 0; not NUL-terminated */
    size_t len;
    size_t cap; /* never above max */
    size_t max; /* len never exceeds it */
};

void kfs_buf_init(struct kfs_buf *buf, size_t max);
void kfs_buf_release(struct kfs_buf *buf); /* frees; the buffer may be used again with the same max */

/* Makes room for `more` bytes beyond len. -EMSGSIZE above max, -ENOMEM. */
int kfs_buf_reserve(struct kfs_buf *buf, size_t more);

/* The same, but where max leaves less room than that, all there is. -ENOMEM. */
int kfs_buf_reserve_most(struct kfs_buf *buf, size_t more);

/* Appends; the same errors, and on failure nothing was appended. */
int kfs_buf_append(struct kfs_buf *buf, const void *data, size_t len);
int kfs_buf_printf(struct kfs_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
