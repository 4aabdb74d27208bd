/* The sockets of a loop's connections, so that one that has died can be ended. libcurl ends an HTTP/1 connection with
 * the transfer that was given up on it, but of HTTP/2 (RFC 9113) only the stream: each transfer after it would wait on
 * the same connection in vain, which TCP does for a quarter of an hour, and for ever where it is the server that hangs.
 */
#ifndef KFS_KINESIS_SOCKETS_H
#define KFS_KINESIS_SOCKETS_H

#include <stddef.h>
#include <stdint.h>

/* All zero: none. One thread's. */
struct kfs_sockets {
    int *fds;
    size_t n;
    size_t cap;
};

/* As socket(2) and close(2), but that it is among them meanwhile; -1 also where memory is short. */
int kfs_sockets_open(struct kfs_sockets *sockets, int family, int type, int protocol);
int kfs_sockets_close(struct kfs_sockets *sockets, int fd);

/* Ends the connection with this local port where nothing at all has come on it for so long. Whatever else is on it
 * fails at once, as when the other side had closed it, and may be tried again. */
void kfs_sockets_end_silent(const struct kfs_sockets *sockets, long port, uint32_t silent_ms);

/* When they are closed. */
void kfs_sockets_release(struct kfs_sockets *sockets);

#endif
