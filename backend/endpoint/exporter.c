/* Metrics on a port of their own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/endpoint/http.h"
#include "backend/endpoint/server.h"

#define TEXT_BYTES_MAX (4U << 20)
#define CONNECTIONS_MAX 64
#define BODIES_BYTES_MAX (1U << 20)
#define UNSENT_BYTES_MAX (16U << 20)
#define TIMEOUT_MS 10000
#define GRACE_MS 100

struct kfs_exporter {
    struct kfs_http_server *http;
    kfs_exporter_text *text;
    void *arg;
};

static void handle(void *arg, struct kfs_http_exchange *x)
{
    static const struct kfs_http_header type = {{"content-type", 12}, {"text/plain; version=0.0.4", 25}};
    const struct kfs_exporter *exporter = arg;
    const struct kfs_bytes method = kfs_http_request(x)->method;
    struct kfs_http_response response = {.status = 200, .headers = &type, .n_headers = 1};
    struct kfs_buf text;

    kfs_buf_init(&text, TEXT_BYTES_MAX);
    if (method.len != 3 || memcmp(method.data, "GET", 3) != 0)
        response.status = 405;
    else if (exporter->text(exporter->arg, &text) != 0)
        response.status = 500;
    kfs_http_respond(x, &response, &text);
    kfs_buf_release(&text);
}

int kfs_exporter_start(const char *address, uint16_t port, kfs_exporter_text *text, void *arg,
                       struct kfs_exporter **out, struct kfs_error *err)
{
    struct kfs_exporter *exporter = calloc(1, sizeof *exporter);

    if (exporter == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    *exporter = (struct kfs_exporter){.text = text, .arg = arg};
    const struct kfs_http_config http = {.clock = &kfs_system_clock,
                                         .address = address,
                                         .port = port,
                                         .threads = 1,
                                         .connections_max = CONNECTIONS_MAX,
                                         .body_bytes_max = BODIES_BYTES_MAX,
                                         .unsent_bytes_max = UNSENT_BYTES_MAX,
                                         .idle_timeout_ms = TIMEOUT_MS,
                                         .request_timeout_ms = TIMEOUT_MS,
                                         .handler = handle,
                                         .arg = exporter};
    int rc = kfs_http_start(&http, &exporter->http, err);
    if (rc != 0) {
        free(exporter);
        return rc;
    }
    *out = exporter;
    return 0;
}

void kfs_exporter_stop(struct kfs_exporter *exporter)
{
    if (exporter == NULL)
        return;
    kfs_http_stop(exporter->http, GRACE_MS);
    free(exporter);
}
