/* Resource policies (kept and shown; access is not decided by them), and the
 * account's settings, in the note api.account. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/endpoint/api_internal.h"

#define NOTE_ACCOUNT "api.account"
#define NOTE_ARENA_MAX (1U << 20)
#define COMMITMENT_MS (24 * API_HOUR_MS) /* the shortest there is */

/* ---- policies ---- */

static int check_policy(struct api_call *call, const char *policy)
{
    struct kfs_value root = {0};

    if (strlen(policy) > API_POLICY_BYTES_MAX)
        return api_fail(call, "LimitExceededException", "A policy can have %d bytes at most.", API_POLICY_BYTES_MAX);
    if (kfs_json_decode(call->arena, (struct kfs_bytes){policy, strlen(policy)}, &root) != 0 ||
        root.type != KFS_VALUE_MAP)
        return api_invalid(call, "The policy is not a JSON object.");
    return 0;
}

/* NULL removes it. Under stream.changes. */
static int set_of_stream(struct api_call *call, struct api_stream *stream, const char *policy, bool *was)
{
    struct api_settings settings;

    if (api_settings_copy(call, stream, &settings) != 0)
        return -1;
    *was = settings.policy != NULL;
    free(settings.policy);
    settings.policy = policy == NULL ? NULL : strdup(policy);
    int rc =
        policy != NULL && settings.policy == NULL ? api_no_memory(call) : api_settings_replace(call, stream, &settings);
    if (rc != 0)
        api_settings_release(&settings);
    return rc;
}

static int set_of_consumer(struct api_call *call, const struct api_resource *r, const char *policy, bool *was)
{
    struct api_consumer *consumer;

    if (api_consumer_copy(call, r->stream, r->consumer, &consumer) != 0)
        return -1;
    *was = consumer->policy != NULL;
    free(consumer->policy);
    consumer->policy = policy == NULL ? NULL : strdup(policy);
    int rc =
        policy != NULL && consumer->policy == NULL ? api_no_memory(call) : api_consumer_put(call, r->stream, consumer);
    if (rc != 0)
        api_consumer_free(consumer);
    return rc;
}

static int set_policy(struct api_call *call, const char *policy)
{
    struct api_resource r;
    bool was = false;

    if (api_find_resource(call, &r) != 0)
        return -1;
    (void)pthread_mutex_lock(&r.stream->changes);
    int rc = r.consumer == NULL ? set_of_stream(call, r.stream, policy, &was) : set_of_consumer(call, &r, policy, &was);
    (void)pthread_mutex_unlock(&r.stream->changes);
    if (rc == 0 && policy == NULL && !was)
        rc = api_fail(call, "ResourceNotFoundException", "No resource policy found for resource ARN %s",
                      api_string(call, call->in, "ResourceARN"));
    api_put_back(call, r.stream);
    return rc;
}

int api_put_policy(struct api_call *call)
{
    const char *policy = api_string(call, call->in, "Policy");

    if (policy == NULL)
        return api_no_memory(call);
    return check_policy(call, policy) != 0 ? -1 : set_policy(call, policy);
}

int api_delete_policy(struct api_call *call)
{
    return set_policy(call, NULL);
}

int api_get_policy(struct api_call *call)
{
    struct api_resource r;
    const char *policy;
    bool found = true;

    if (api_find_resource(call, &r) != 0)
        return -1;
    (void)pthread_mutex_lock(&r.stream->lock);
    policy = r.stream->settings.policy;
    if (r.consumer != NULL) {
        size_t at = api_consumer_find(r.stream, r.consumer, &found);
        policy = found ? r.stream->consumers[at]->policy : NULL;
    }
    kfs_out_map(&call->out, NULL);
    kfs_out_string(&call->out, "Policy", policy != NULL ? policy : "{}");
    kfs_out_map_end(&call->out);
    (void)pthread_mutex_unlock(&r.stream->lock);
    api_put_back(call, r.stream);
    return 0;
}

/* ---- the account ---- */

struct account {
    bool enabled;
    uint64_t started_ms; /* 0: never */
    uint64_t ended_ms;   /* 0: not ended */
};

static uint64_t get_ms(const struct kfs_value *map, const char *name)
{
    const struct kfs_value *value = kfs_value_get(map, name);

    return value != NULL && value->type == KFS_VALUE_NUMBER && value->whole && value->integer > 0
               ? (uint64_t)value->integer
               : 0;
}

static int read_account(struct api_call *call, struct account *account)
{
    struct kfs_arena *arena = kfs_arena_new(NOTE_ARENA_MAX);
    struct kfs_value root = {0};
    struct kfs_error err = {0};
    struct kfs_buf text;

    *account = (struct account){0};
    kfs_buf_init(&text, KFS_NOTE_BYTES_MAX);
    int rc = arena == NULL ? kfs_fail(&err, ENOMEM, "out of memory")
                           : kfs_note_get(call->api->config.backend, NULL, NOTE_ACCOUNT, &text, &err);
    if (rc == 0 && text.len > 0 &&
        (kfs_json_decode(arena, (struct kfs_bytes){text.data, text.len}, &root) != 0 || root.type != KFS_VALUE_MAP))
        rc = kfs_fail(&err, EIO, "the note " NOTE_ACCOUNT " is damaged");
    if (rc == 0 && text.len > 0) {
        account->enabled = api_bool(&root, "enabled");
        account->started_ms = get_ms(&root, "started_ms");
        account->ended_ms = get_ms(&root, "ended_ms");
    }
    kfs_arena_free(arena);
    kfs_buf_release(&text);
    return rc == 0 ? 0 : api_fail_backend(call, &err);
}

static int write_account(struct api_call *call, const struct account *account)
{
    struct kfs_error err = {0};
    struct kfs_buf text;
    struct kfs_out out;

    kfs_buf_init(&text, KFS_NOTE_BYTES_MAX);
    kfs_out_init(&out, KFS_CODEC_JSON, &text);
    kfs_out_map(&out, NULL);
    kfs_out_bool(&out, "enabled", account->enabled);
    kfs_out_int(&out, "started_ms", (int64_t)account->started_ms);
    kfs_out_int(&out, "ended_ms", (int64_t)account->ended_ms);
    kfs_out_map_end(&out);
    int rc = out.error != 0 ? kfs_fail(&err, ENOMEM, "out of memory")
                            : kfs_note_set(call->api->config.backend, NULL, NOTE_ACCOUNT,
                                           (struct kfs_bytes){text.data, text.len}, &err);
    kfs_buf_release(&text);
    return rc == 0 ? 0 : api_fail_backend(call, &err);
}

static void out_account(struct api_call *call, const struct account *account)
{
    struct kfs_out *out = &call->out;

    kfs_out_map(out, NULL);
    kfs_out_map(out, "MinimumThroughputBillingCommitment");
    kfs_out_string(out, "Status", account->enabled ? "ENABLED" : "DISABLED");
    if (account->started_ms > 0)
        kfs_out_time_ms(out, "StartedAt", account->started_ms);
    if (account->ended_ms > 0)
        kfs_out_time_ms(out, "EndedAt", account->ended_ms);
    if (account->enabled)
        kfs_out_time_ms(out, "EarliestAllowedEndAt", account->started_ms + COMMITMENT_MS);
    kfs_out_map_end(out);
    kfs_out_map_end(out);
}

bool api_has_commitment(struct api_call *call)
{
    struct account account;

    return read_account(call, &account) == 0 && account.enabled;
}

int api_describe_account(struct api_call *call)
{
    struct account account;

    if (read_account(call, &account) != 0)
        return -1;
    out_account(call, &account);
    return 0;
}

static int update_account(struct api_call *call, bool enable)
{
    struct account account;

    if (read_account(call, &account) != 0)
        return -1;
    if (account.enabled && !enable && call->now_ms < account.started_ms + COMMITMENT_MS)
        return api_invalid(call, "The minimum throughput billing commitment cannot end before 24 hours have passed.");
    if (enable && !account.enabled)
        account = (struct account){.started_ms = call->now_ms};
    else if (!enable && account.enabled)
        account.ended_ms = call->now_ms;
    account.enabled = enable;
    if (write_account(call, &account) != 0)
        return -1;
    out_account(call, &account);
    return 0;
}

int api_update_account(struct api_call *call)
{
    const char *status = api_string(call, kfs_value_get(call->in, "MinimumThroughputBillingCommitment"), "Status");

    if (status == NULL)
        return api_no_memory(call);
    (void)pthread_mutex_lock(&call->api->account);
    int rc = update_account(call, strcmp(status, "ENABLED") == 0);
    (void)pthread_mutex_unlock(&call->api->account);
    return rc;
}
