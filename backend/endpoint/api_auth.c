/* Who asks, and whether a fault is to be injected. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/endpoint/api_internal.h"
#include "backend/endpoint/sigv4.h"

/* Cuts what does not fit. */
static void copy_text(char *to, size_t size, const char *text)
{
    size_t len = strnlen(text, size - 1);

    memcpy(to, text, len);
    to[len] = '\0';
}

int api_authenticate(struct api_call *call)
{
    const struct kfs_api_config *config = &call->api->config;
    struct kfs_identity identity = {0};

    int rc = kfs_sigv4_verify(config->keys, call->request, call->now_ms, &identity, &call->failure.type,
                              &call->failure.text);
    if (rc == -EACCES) {
        call->failure.status = 400;
        return -1;
    }
    if (rc != 0) {
        call->failure.type = NULL;
        return api_no_memory(call);
    }
    copy_text(call->region, sizeof call->region, identity.region[0] != '\0' ? identity.region : config->region);
    copy_text(call->account, sizeof call->account, identity.account[0] != '\0' ? identity.account : config->account);
    return 0;
}

/* ---- faults ---- */

/* True as often as a probability says. */
static bool happens(struct kfs_api *api, double probability)
{
    return probability > 0 && (double)(api_nonce(api) >> 11) / (double)(UINT64_C(1) << 53) < probability;
}

static bool is_data(const char *operation)
{
    static const char *const names[] = {"PutRecord", "PutRecords", "GetRecords", "GetShardIterator"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(operation, names[i]) == 0)
            return true;
    return false;
}

int api_inject(struct api_call *call)
{
    const struct kfs_api_faults *faults = &call->api->config.faults;

    call->reply->delay_ms = faults->slow_ms;
    call->reply->cut = happens(call->api, faults->cut);
    if (happens(call->api, faults->throttle))
        return api_fail(
            call, is_data(call->operation->name) ? "ProvisionedThroughputExceededException" : "LimitExceededException",
            "Rate exceeded (an injected fault).");
    if (happens(call->api, faults->error)) {
        call->failure.type = "InternalFailure";
        call->failure.status = 500;
        return -1;
    }
    return 0;
}
