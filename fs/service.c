#include "fs/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/clock.h"
#include "backend/base/logger.h"
#include "backend/endpoint/api.h"
#include "backend/endpoint/keys.h"
#include "backend/endpoint/selfsigned.h"
#include "backend/endpoint/server.h"
#include "fs/service_options.h"

#define GRACE_MS 5000 /* for requests that are under way at the end */

struct kfs_service {
    struct kfs_keys *keys;
    struct kfs_api *api;
    struct kfs_api_server *server;
    struct kfs_exporter *exporter;
};

/* The certificate to serve with: files that were named, or one made here. */
static int choose_certificate(const struct kfs_options *options, const char *tls_dir, const char *address,
                              struct kfs_selfsigned *made, struct kfs_api_server_config *config, struct kfs_error *err)
{
    if ((options->tls_cert != NULL) != (options->tls_key != NULL))
        return kfs_fail(err, EINVAL, "tls_cert and tls_key go together");
    config->certificate = options->tls_cert;
    config->key = options->tls_key;
    if (!options->tls || options->tls_cert != NULL)
        return 0;
    int rc = kfs_selfsigned(&kfs_posix_io, tls_dir, address, made, err);
    if (rc != 0)
        return rc;
    config->certificate = made->certificate;
    config->key = made->key;
    return 0;
}

static int start_api(struct kfs_service *service, const struct kfs_options *options, struct kfs_backend *backend,
                     struct kfs_error *err)
{
    struct kfs_faults faults = {0};
    struct kfs_api_config config = {.backend = backend,
                                    .clock = &kfs_system_clock,
                                    .region = options->region,
                                    .account = options->account,
                                    .status_delay_ms = options->api_status_delay_ms,
                                    .limits = options->api_limits,
                                    .sync_always = options->sync == KFS_OPTIONS_SYNC_ALWAYS};

    if (options->api_faults != NULL && kfs_faults_parse(options->api_faults, &faults) != 0)
        return kfs_fail(err, EINVAL, "api_faults cannot be %s", options->api_faults);
    config.faults = (struct kfs_api_faults){
        .throttle = faults.throttle, .error = faults.error, .cut = faults.cut, .slow_ms = (uint32_t)faults.slow_ms};
    if (options->keys != NULL) {
        int rc = kfs_keys_load(options->keys, &service->keys, err);
        if (rc != 0)
            return rc;
    }
    config.keys = service->keys;
    return kfs_api_new(&config, &service->api, err);
}

static int listen_on(struct kfs_service *service, const struct kfs_options *options, const char *tls_dir,
                     struct kfs_error *err)
{
    struct kfs_api_server_config config = {.api = service->api, .threads = options->threads};
    struct kfs_selfsigned made;
    char address[KFS_ADDRESS_MAX];

    if (kfs_listen_parse(options->listen, address, &config.port) != 0)
        return kfs_fail(err, EINVAL, "listen cannot be %s", options->listen);
    if (!kfs_address_is_loopback(address) && options->keys == NULL && !options->listen_open)
        return kfs_fail(err, EACCES,
                        "listening on %s would let anyone who reaches this machine read and write; name a file of keys "
                        "(keys=FILE), or say listen_open",
                        address);
    config.address = address;
    int rc = choose_certificate(options, tls_dir, address, &made, &config, err);
    if (rc == 0)
        rc = kfs_api_server_start(&config, &service->server, err);
    if (rc != 0)
        return rc;
    kfs_log(KFS_LOG_INFO, "API on %s://%s:%u%s%s", config.certificate != NULL ? "https" : "http", address,
            (unsigned)kfs_api_server_port(service->server), config.certificate != NULL ? ", certificate " : "",
            config.certificate != NULL ? config.certificate : "");
    return 0;
}

int kfs_service_start(const struct kfs_options *options, struct kfs_backend *backend, const char *tls_dir,
                      struct kfs_service **out, struct kfs_error *err)
{
    struct kfs_service *service = calloc(1, sizeof *service);
    int rc = 0;

    if (service == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    if (options->listen != NULL) {
        rc = start_api(service, options, backend, err);
        if (rc == 0)
            rc = listen_on(service, options, tls_dir, err);
    }
    if (rc != 0) {
        kfs_service_stop(service);
        return rc;
    }
    *out = service;
    return 0;
}

static int fs_metrics(void *arg, struct kfs_buf *text)
{
    return kfs_fs_metrics(arg, text);
}

int kfs_service_export(struct kfs_service *service, const struct kfs_options *options, struct kfs_fs *fs,
                       struct kfs_error *err)
{
    char address[KFS_ADDRESS_MAX];
    uint16_t port;

    if (options->metrics == NULL)
        return 0;
    if (kfs_listen_parse(options->metrics, address, &port) != 0)
        return kfs_fail(err, EINVAL, "metrics cannot be %s", options->metrics);
    return kfs_exporter_start(address, port, fs_metrics, fs, &service->exporter, err);
}

int kfs_service_metrics(void *arg, struct kfs_buf *text)
{
    struct kfs_service *service = arg;

    if (service == NULL || service->server == NULL)
        return 0;
    int rc = kfs_api_metrics(service->api, text);
    return rc == 0 ? kfs_api_server_metrics(service->server, text) : rc;
}

void kfs_service_stop(struct kfs_service *service)
{
    if (service == NULL)
        return;
    kfs_exporter_stop(service->exporter);
    if (service->server != NULL)
        kfs_api_server_stop(service->server, GRACE_MS);
    kfs_api_free(service->api);
    kfs_keys_free(service->keys);
    free(service);
}
