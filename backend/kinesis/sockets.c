#include "backend/kinesis/sockets.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CAP_FIRST 16

int kfs_sockets_open(struct kfs_sockets *sockets, int family, int type, int protocol)
{
    if (sockets->n == sockets->cap) {
        size_t cap = sockets->cap == 0 ? CAP_FIRST : sockets->cap * 2;
        int *fds = realloc(sockets->fds, cap * sizeof *fds);
        if (fds == NULL)
            return -1;
        sockets->fds = fds;
        sockets->cap = cap;
    }
    int fd = socket(family, type | SOCK_CLOEXEC, protocol);
    if (fd >= 0)
        sockets->fds[sockets->n++] = fd;
    return fd;
}

int kfs_sockets_close(struct kfs_sockets *sockets, int fd)
{
    size_t i = 0;

    while (i < sockets->n && sockets->fds[i] != fd)
        i++;
    if (i < sockets->n)
        sockets->fds[i] = sockets->fds[--sockets->n];
    return close(fd);
}

/* 0 where there is none. */
static long port_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return address.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&address)->sin_port) : 0;
}

void kfs_sockets_end_silent(const struct kfs_sockets *sockets, long port, uint32_t silent_ms)
{
    for (size_t i = 0; port > 0 && i < sockets->n; i++) {
        struct tcp_info info;
        socklen_t len = sizeof info;
        if (port_of(sockets->fds[i]) == port && getsockopt(sockets->fds[i], IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
            info.tcpi_last_data_recv >= silent_ms)
            (void)shutdown(sockets->fds[i], SHUT_RDWR);
    }
}

void kfs_sockets_release(struct kfs_sockets *sockets)
{
    free(sockets->fds);
    *sockets = (struct kfs_sockets){0};
}
