/* The API on a port; and texts for a monitoring system on another. */
#ifndef KFS_ENDPOINT_SERVER_H
#define KFS_ENDPOINT_SERVER_H

#include "backend/endpoint/api.h"

struct kfs_api_server;

struct kfs_api_server_config {
    struct kfs_api *api; /* borrowed */
    const char *address; /* numeric */
    uint16_t port;       /* 0: one that is free */
    uint32_t threads;
    const char *certificate; /* PEM files; NULL: no TLS */
    const char *key;
};

int kfs_api_server_start(const struct kfs_api_server_config *config, struct kfs_api_server **server,
                         struct kfs_error *err);
uint16_t kfs_api_server_port(const struct kfs_api_server *server);
/* Counters of its connections, appended in the Prometheus text format. */
int kfs_api_server_metrics(struct kfs_api_server *server, struct kfs_buf *text);
/* Lets requests end within grace_ms; frees. */
void kfs_api_server_stop(struct kfs_api_server *server, uint32_t grace_ms);

/* Answers GET with what text appends. */
typedef int kfs_exporter_text(void *arg, struct kfs_buf *text);
struct kfs_exporter;
int kfs_exporter_start(const char *address, uint16_t port, kfs_exporter_text *text, void *arg,
                       struct kfs_exporter **exporter, struct kfs_error *err);
void kfs_exporter_stop(struct kfs_exporter *exporter); /* takes NULL */

#endif
