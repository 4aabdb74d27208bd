/* The API beside the file system, and the port for metrics. */
#ifndef KFS_FS_SERVICE_H
#define KFS_FS_SERVICE_H

#include "backend/backend.h"
#include "fs/fs.h"
#include "fs/options.h"

struct kfs_service;

/* What the options ask for; without any of it a service that does nothing. tls_dir is where a
 * certificate made here is kept. fs is borrowed, for metrics. -EACCES: beyond loopback without keys. */
int kfs_service_start(const struct kfs_options *options, struct kfs_backend *backend, const char *tls_dir,
                      struct kfs_service **service, struct kfs_error *err);
/* Serves metrics where the options ask for it, with those of fs. */
int kfs_service_export(struct kfs_service *service, const struct kfs_options *options, struct kfs_fs *fs,
                       struct kfs_error *err);
/* Appends the API's metrics. arg is the service. */
int kfs_service_metrics(void *arg, struct kfs_buf *text);
/* Lets requests end; takes NULL. */
void kfs_service_stop(struct kfs_service *service);

#endif
