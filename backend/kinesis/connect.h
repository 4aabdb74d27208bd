/* From what a user says to an endpoint, a region and credentials, by the rules of AWS's tools. */
#ifndef KFS_KINESIS_CONNECT_H
#define KFS_KINESIS_CONNECT_H

#include "backend/kinesis/kinesis.h"

struct kfs_connection;

struct kfs_connection_config {
    const char *url;     /* of the endpoint; NULL: as configured, else the service's own */
    const char *region;  /* NULL: as configured */
    const char *profile; /* NULL: as configured */
    struct kfs_tls tls;  /* ca_bundle NULL: as configured */
    const struct kfs_clock *clock;
};

/* Reads the configuration, and begins to fetch credentials. -EACCES, -EINVAL: nothing says which region. */
int kfs_connection_open(const struct kfs_connection_config *config, struct kfs_connection **connection,
                        struct kfs_error *err);

/* Sets endpoint, region, tls and credentials, which are good until it is closed. */
void kfs_connection_fill(struct kfs_connection *connection, struct kfs_kinesis_options *options);

void kfs_connection_close(struct kfs_connection *connection); /* takes NULL; after the backend */

#endif
