/* Memory for requests that are being received, struct kfs_http_budget, and for responses. */
#include "backend/endpoint/http_internal.h"

void kfs_http_budget_add(struct kfs_http_server *server, size_t bytes)
{
    if (bytes > 0)
        atomic_fetch_add(&server->budget.used, bytes);
}

static void wake_waiting(struct kfs_http_server *server)
{
    if (atomic_load(&server->budget.waiting) == 0)
        return;
    for (uint32_t i = 0; i < server->n_loops; i++)
        kfs_http_loop_wake(&server->loops[i]);
}

void kfs_http_budget_sub(struct kfs_http_server *server, size_t bytes)
{
    if (bytes == 0)
        return;
    atomic_fetch_sub(&server->budget.used, bytes);
    if (!kfs_http_budget_full(server))
        wake_waiting(server);
}

void kfs_http_unsent_set(struct kfs_http_conn *conn, size_t bytes)
{
    struct kfs_http_server *server = conn->loop->server;
    const uint64_t max = server->config.unsent_bytes_max;

    if (bytes > conn->counted) {
        atomic_fetch_add(&server->unsent, bytes - conn->counted);
    } else if (bytes < conn->counted) {
        uint64_t less = conn->counted - bytes;
        uint64_t before = atomic_fetch_sub(&server->unsent, less);
        for (uint32_t i = 0; before >= max && before - less < max && i < server->n_loops; i++)
            kfs_http_loop_wake(&server->loops[i]);
    }
    conn->counted = bytes;
}

bool kfs_http_unsent_full(struct kfs_http_server *server)
{
    return atomic_load_explicit(&server->unsent, memory_order_relaxed) >= server->config.unsent_bytes_max;
}

bool kfs_http_may_begin(const struct kfs_http_conn *conn)
{
    if (!kfs_http_unsent_full(conn->loop->server))
        return true;
    conn->loop->starved = true;
    return false;
}

bool kfs_http_budget_full(struct kfs_http_server *server)
{
    return atomic_load(&server->budget.used) >= server->budget.limit;
}

uint32_t kfs_http_request_timeout_ms(struct kfs_http_server *server)
{
    const uint32_t timeout_ms = server->config.request_timeout_ms;

    return kfs_http_budget_full(server) && timeout_ms > KFS_HTTP_PATIENCE_MS ? KFS_HTTP_PATIENCE_MS : timeout_ms;
}

bool kfs_http_budget_may_read(struct kfs_http_conn *conn)
{
    struct kfs_http_server *server = conn->loop->server;
    struct kfs_http_conn *holder = NULL;

    if (!kfs_http_budget_full(server)) {
        kfs_http_budget_let_go(conn);
        return true;
    }
    return atomic_compare_exchange_strong(&server->budget.holder, &holder, conn) || holder == conn;
}

void kfs_http_budget_let_go(struct kfs_http_conn *conn)
{
    struct kfs_http_server *server = conn->loop->server;
    struct kfs_http_conn *holder = conn;

    if (atomic_load_explicit(&server->budget.holder, memory_order_relaxed) == conn &&
        atomic_compare_exchange_strong(&server->budget.holder, &holder, NULL))
        wake_waiting(server);
}
