#include "backend/kinesis/connect.h"

#include <errno.h>
#include <stdlib.h>

#include "backend/kinesis/keyring.h"
#include "backend/kinesis/site.h"

struct kfs_connection {
    struct kfs_site site;
    struct kfs_tls tls;
    struct kfs_keyring *keyring;
};

int kfs_connection_open(const struct kfs_connection_config *config, struct kfs_connection **out, struct kfs_error *err)
{
    const struct kfs_site_config where = {.env = &kfs_process_env,
                                          .clock = config->clock,
                                          .profile = config->profile,
                                          .region = config->region,
                                          .endpoint = config->url,
                                          .ca_bundle = config->tls.ca_bundle};
    struct kfs_connection *c = calloc(1, sizeof *c);

    if (c == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    int rc = kfs_site_find(&where, &c->site, err);
    if (rc == 0) {
        c->tls = config->tls;
        c->tls.ca_bundle = c->site.ca_bundle[0] != '\0' ? c->site.ca_bundle : NULL;
        const struct kfs_chain_config chain = {.env = &kfs_process_env,
                                               .clock = config->clock,
                                               .profile = config->profile,
                                               .region = c->site.region,
                                               .tls = c->tls};
        rc = kfs_keyring_start(&chain, &c->keyring, err);
    }
    if (rc != 0) {
        kfs_connection_close(c);
        return rc;
    }
    *out = c;
    return 0;
}

void kfs_connection_fill(struct kfs_connection *c, struct kfs_kinesis_options *options)
{
    options->endpoint = c->site.endpoint;
    options->region = c->site.region;
    options->tls = c->tls;
    options->credentials = kfs_keyring_source(c->keyring);
}

void kfs_connection_close(struct kfs_connection *c)
{
    if (c == NULL)
        return;
    kfs_keyring_stop(c->keyring);
    free(c);
}
