/* The texts of options that the API's port is described by. */
#ifndef KFS_FS_SERVICE_OPTIONS_H
#define KFS_FS_SERVICE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define KFS_ADDRESS_MAX 64

/* ADDRESS:PORT, numeric; an IPv6 address in brackets. Port 0 is one that is free. -EINVAL. */
int kfs_listen_parse(const char *text, char address[KFS_ADDRESS_MAX], uint16_t *port);
bool kfs_listen_valid(const char *text);
/* Whether an address is only reached from this machine. */
bool kfs_address_is_loopback(const char *address);

struct kfs_faults {
    double throttle;
    double error;
    double cut;
    uint64_t slow_ms;
};

/* throttle:P,error:P,cut:P,slow:TIME, any of them, separated by commas; P from 0 to 1. -EINVAL. */
int kfs_faults_parse(const char *text, struct kfs_faults *faults);
bool kfs_faults_valid(const char *text);

#endif
