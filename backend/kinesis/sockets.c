#include "backend/kinesis/sockets.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CAP_FIRST 16

static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct kfs_sockets *sockets = arg;

    (void)purpose;
    if (sockets->n == sockets->cap) {
        size_t cap = sockets->cap == 0 ? CAP_FIRST : sockets->cap * 2;
        int *fds = realloc(sockets->fds, cap * sizeof *fds);
        if (fds == NULL)
            return CURL_SOCKET_BAD;
        sockets->fds = fds;
        sockets->cap = cap;
    }
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    sockets->fds[sockets->n++] = fd;
    return fd;
}

static int on_close(void *arg, curl_socket_t fd)
{
    struct kfs_sockets *sockets = arg;
    size_t i = 0;

    while (i < sockets->n && sockets->fds[i] != fd)
        i++;
    if (i < sockets->n)
        sockets->fds[i] = sockets->fds[--sockets->n];
    return close(fd);
}

void kfs_sockets_watch(struct kfs_sockets *sockets, void *easy)
{
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, sockets);
    (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, sockets);
}

/* 0 where there is none. */
static long port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return address.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&address)->sin_port) : 0;
}

void kfs_sockets_end_silent(const struct kfs_sockets *sockets, void *easy, uint32_t silent_ms)
{
    long port = 0;

    (void)curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &port);
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
