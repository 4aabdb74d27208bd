/* Shared by the files api_*.c and subscription.c, no one else. */
#ifndef KFS_API_INTERNAL_H
#define KFS_API_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "backend/base/names.h"
#include "backend/base/out.h"
#include "backend/base/value.h"
#include "backend/endpoint/api.h"
#include "backend/endpoint/model.h"
#include "backend/endpoint/token.h"
#include "backend/topology.h"

#define API_ACCOUNT_LEN 12
#define API_REGION_MAX 63
#define API_TAGS_MAX 50
#define API_CONSUMERS_MAX 20
#define API_CONSUMERS_MAX_ADVANTAGE 50 /* with a minimum throughput commitment */
#define API_POLICY_BYTES_MAX 20480
#define API_ON_DEMAND_SHARDS 4
#define API_HOUR_MS UINT64_C(3600000)
#define API_SHARD_ID_MAX 32

/* What a request is answered with when an operation has failed. */
struct api_failure {
    const char *type; /* static; NULL: none */
    int status;
    struct kfs_buf text;
};

/* One request on its way. */
struct api_call {
    struct kfs_api *api;
    const struct kfs_http_request *request;
    const struct kfs_operation *operation;
    struct kfs_arena *arena;
    const struct kfs_value *in; /* a map, checked against the operation's shape */
    struct kfs_out out;         /* where the operation prints; nothing printed means an empty body */
    struct kfs_api_reply *reply;
    struct api_failure failure;
    char region[API_REGION_MAX + 1];
    char account[API_ACCOUNT_LEN + 1];
    uint64_t now_ms; /* wall clock when the request was taken up */
    bool dry_run;
};

/* An operation: 0, or -1 after api_fail. */
typedef int api_function(struct api_call *call);

struct api_operation {
    const char *name;
    api_function *function;
    bool slow; /* may wait for a disk */
};

extern const struct api_operation api_operations[];
extern const size_t api_n_operations;
size_t api_operation_index(struct kfs_bytes name); /* api_n_operations where there is none */

/* ---- what the API keeps of a stream ---- */

struct api_tag {
    char *key;
    char *value;
};

struct api_tags {
    struct api_tag *tags; /* by key */
    size_t n;
};

struct api_consumer {
    char name[KFS_STREAM_NAME_MAX + 1];
    uint64_t created_ms;
    uint64_t active_at_ms; /* mono: CREATING before */
    uint64_t gone_at_ms;   /* mono, of one that was deregistered: DELETING before */
    struct api_consumer *next_leaving;
    struct api_tags tags;
    char *policy; /* NULL: none */
};

enum api_metric_bits { API_METRICS_ALL = 0x7f };

/* Durable, in the note api.stream; replaced whole. */
struct api_settings {
    bool on_demand;
    char *key_id;     /* NULL: not encrypted */
    uint32_t metrics; /* a bit for each of api_metric_names */
    uint32_t warm_mibps;
    char *policy;
};

extern const char *const api_metric_names[]; /* seven, NULL at the end */

/* A throughput meter: what may still be taken, refilled as time goes. */
struct api_meter {
    uint64_t at_ms; /* mono */
    double write_bytes;
    double write_records;
    double read_bytes;
    double read_calls;
};

/* Lock order: changes, lock. */
struct api_stream {
    char name[KFS_STREAM_NAME_MAX + 1];
    struct kfs_stream *stream;   /* constant */
    struct kfs_stream_info made; /* as it was when it was found; name, generation and creation stay true */
    unsigned int refs;           /* the table's lock */

    pthread_mutex_t changes; /* held while settings are changed, I/O included */
    pthread_mutex_t lock;    /* what follows; no I/O under it */
    struct api_settings settings;
    struct api_consumer **consumers; /* by name */
    size_t n_consumers;
    struct api_consumer *leaving;   /* deregistered: for the delay they are described */
    enum kfs_stream_status passing; /* until passing_until; KFS_ACTIVE: none */
    uint64_t passing_until;         /* mono */
    bool resharding;                /* a change of its shards is to be made then: UPDATING until it is */
    uint64_t last_created_ms;       /* of a consumer: no two of one name in one second */
    struct api_meter *meters;       /* by shard index */
    size_t n_meters;
    atomic_bool kms; /* settings.key_id != NULL, without the lock */
};

struct api_table {
    pthread_mutex_t lock;
    struct kfs_names streams; /* struct api_stream */
    size_t sweep_at;          /* streams, at which those that are gone are looked for */
};

#define API_BUCKETS 14 /* of latencies: below 0.1 ms, then doubling, and the rest */

struct api_counters {
    atomic_uint_fast64_t requests;
    atomic_uint_fast64_t errors;
    atomic_uint_fast64_t microseconds;
    atomic_uint_fast64_t buckets[API_BUCKETS];
};

/* Changes of shards that are still to be made. I/O under the lock, which goes before those of streams. */
struct api_later {
    pthread_mutex_t lock;
    struct api_later_item *head; /* in the order of their requests */
};

/* Those that are open, by consumer and shard: a later one takes over from an earlier. */
struct api_subscriptions {
    pthread_mutex_t lock;
    struct kfs_api_subscription *head;
    size_t n;
};

struct kfs_api {
    struct kfs_api_config config;
    struct api_table table;
    pthread_mutex_t account;          /* held while account settings change */
    struct kfs_token_keys token_keys; /* constant */
    struct api_counters *counters;    /* by operation, and one more for the rest */
    atomic_uint_fast64_t nonce;
    struct api_subscriptions subscriptions;
    struct api_later later;
};

static inline uint64_t api_mono_ms(const struct kfs_api *api)
{
    return api->config.clock->mono_ms(api->config.clock->ctx);
}

static inline uint64_t api_wall_ms(const struct kfs_api *api)
{
    return api->config.clock->wall_ms(api->config.clock->ctx);
}

uint64_t api_nonce(struct kfs_api *api); /* differs each time */
void api_nonces(struct kfs_api *api, uint64_t *nonces, size_t n);

void api_out_metrics(struct kfs_out *out, const char *key, uint32_t metrics);
int api_check_warm(struct api_call *call, int64_t mibps); /* whether it may be set */
void api_out_warm(struct kfs_out *out, uint32_t mibps);

/* ---- api_call.c: input and failures ---- */

/* The first failure of a call counts. Status 400, but for InternalFailure. */
void api_tell(struct api_call *call, const char *type, const char *format, ...) __attribute__((format(printf, 3, 4)));
void api_tell_backend(struct api_call *call, const struct kfs_error *err); /* what a backend said */
void api_tell_internal(struct api_call *call, const char *why);            /* 500; the reason goes into the log */

/* These return -1: macros, so that each use says so to who reads it and to the analyzer. */
#define api_fail(call, ...) (api_tell(call, __VA_ARGS__), -1)
#define api_invalid(call, ...) (api_tell(call, "InvalidArgumentException", __VA_ARGS__), -1)
#define api_fail_backend(call, err) (api_tell_backend(call, err), -1)
#define api_no_memory(call) (api_tell_internal(call, "out of memory"), -1)

/* Fails a request that is only tried (DryRun); the last check before anything is done. */
int api_dry_run(struct api_call *call);

/* Before another one takes a failure's place. */
void api_forget_failure(struct api_call *call);

static inline int api_not_found(struct api_call *call, const char *stream)
{
    return api_fail(call, "ResourceNotFoundException", "Stream %s under account %s not found.", stream, call->account);
}

/* A member's text, NUL-terminated in the arena; NULL where it is absent. A NUL in it is given as \1. */
const char *api_string(struct api_call *call, const struct kfs_value *map, const char *name);
const char *api_copy(struct api_call *call, const char *text); /* in the arena; NULL: no memory */
const char *api_text_of(struct api_call *call, const struct kfs_value *value);
bool api_has(const struct api_call *call, const char *name);
int64_t api_integer(const struct kfs_value *map, const char *name, int64_t otherwise);
bool api_bool(const struct kfs_value *map, const char *name);
/* The milliseconds of a timestamp; false where it is absent. Before 1970 counts as 0. */
bool api_time_ms(const struct kfs_value *map, const char *name, uint64_t *ms);

/* ---- api_arn.c ---- */

struct api_arn {
    char stream[KFS_STREAM_NAME_MAX + 1];
    char consumer[KFS_STREAM_NAME_MAX + 1]; /* "" for a stream's */
    uint64_t consumer_created_s;
};

const char *api_partition(const char *region);
int api_arn_parse(const char *text, struct api_arn *arn); /* -EINVAL */
void api_out_stream_arn(struct api_call *call, const char *key, const char *stream);
void api_out_consumer_arn(struct api_call *call, const char *key, const char *stream,
                          const struct api_consumer *consumer);
int api_shard_id_parse(const char *text, uint32_t *shard); /* -EINVAL */
void api_shard_id_print(uint32_t shard, char text[API_SHARD_ID_MAX]);

/* ---- api_table.c: finding streams ---- */

enum api_need {
    API_EVEN_DELETING, /* it is told of, whatever its status */
    API_READABLE,      /* neither CREATING nor DELETING, else it is not found */
    API_CHANGEABLE     /* ACTIVE, else ResourceInUseException */
};

/* The stream that StreamName or StreamARN name. To be put back with api_put_back. */
int api_find(struct api_call *call, enum api_need need, struct api_stream **stream);
int api_find_named(struct api_call *call, const char *name, enum api_need need, struct api_stream **stream);
void api_put_back(struct api_call *call, struct api_stream *stream); /* takes NULL */
int api_name(struct api_call *call, const char **name);              /* what they name, without looking */

/* What ResourceARN names: a stream, or a consumer of it. The stream is to be put back. */
struct api_resource {
    struct api_stream *stream;
    const char *consumer;        /* NULL: the stream itself */
    uint64_t consumer_created_s; /* 0: where its name alone was given */
};
int api_find_resource(struct api_call *call, struct api_resource *resource);
/* The same of ConsumerARN, or StreamARN and ConsumerName. */
int api_find_consumer(struct api_call *call, struct api_resource *resource, bool even_leaving);
/* Whether the account has a minimum throughput billing commitment. */
bool api_has_commitment(struct api_call *call);

enum kfs_stream_status api_status(struct kfs_api *api, struct api_stream *stream);
const char *api_status_name(enum kfs_stream_status status);
/* Shows a status for the configured delay. */
void api_pass(struct kfs_api *api, struct api_stream *stream, enum kfs_stream_status status);
/* NULL: neither there nor passing away; err->code other than 0 and ENOENT: it cannot be told, or used. */
struct api_stream *api_table_ref(struct kfs_api *api, const char *name, struct kfs_error *err);
void api_table_unref(struct kfs_api *api, struct api_stream *stream);
/* Names of all streams, also of those passing away, by name: malloc'ed, n of them. -ENOMEM, -EIO. */
typedef char api_stream_name[KFS_STREAM_NAME_MAX + 1];
int api_table_names(struct kfs_api *api, api_stream_name **names, size_t *n, struct kfs_error *err);
void api_table_init(struct api_table *table);
void api_table_release(struct kfs_api *api);

void api_table_keep(struct kfs_api *api, struct api_stream *stream); /* one more reference */

/* ---- api_later.c: changes of shards ---- */

enum api_reshard_kind { API_SPLIT, API_MERGE, API_RESIZE };

struct api_reshard {
    enum api_reshard_kind kind;
    uint32_t shard;    /* or the target count */
    uint32_t adjacent; /* of a merge */
    kfs_hash key;      /* of a split */
};

/* Makes a change that has been checked, or sees to it that it is made after the delay. */
int api_reshard(struct api_call *call, struct api_stream *stream, const struct api_reshard *reshard);
int api_later_load(struct kfs_api *api, struct kfs_error *err); /* makes those that an earlier process left */
void api_later_init(struct api_later *later);
void api_later_release(struct kfs_api *api); /* makes all that are left */

/* ---- api_settings.c: keeping ---- */

int api_settings_load(struct kfs_api *api, struct api_stream *stream, struct kfs_error *err);
/* Under stream.changes. Makes `settings` (taken over on 0) the stream's. */
int api_settings_replace(struct api_call *call, struct api_stream *stream, struct api_settings *settings);
#define API_NOTE_STREAM "api.stream" /* what they are kept in */
int api_settings_print(const struct api_settings *settings, struct kfs_buf *text);
int api_settings_copy(struct api_call *call, struct api_stream *stream, struct api_settings *copy);
void api_settings_release(struct api_settings *settings);
/* The same of a consumer, under stream.changes: a copy to change, and its putting in the place of the one of its
 * name, or beside the others. On 0 the stream owns it. */
int api_consumer_copy(struct api_call *call, struct api_stream *stream, const char *name, struct api_consumer **copy);
int api_consumer_put(struct api_call *call, struct api_stream *stream, struct api_consumer *consumer);
/* For the delay it is still found by api_consumer_told. */
int api_consumer_remove(struct api_call *call, struct api_stream *stream, const char *name);
/* Under lock: the one of a name, and of a second of creation where that is not 0, or one that is leaving; NULL. */
struct api_consumer *api_consumer_told(struct kfs_api *api, const struct api_stream *stream, const char *name,
                                       uint64_t created_s);
void api_consumers_forget(struct api_stream *stream,
                          uint64_t now_ms);            /* those that have left by then, and all but fifty */
void api_consumer_free(struct api_consumer *consumer); /* takes NULL */
size_t api_consumer_find(const struct api_stream *stream, const char *name, bool *found); /* under lock */

int api_tags_copy(struct api_tags *to, const struct api_tags *from);
int api_tags_set(struct api_tags *tags, const char *key, const char *value);
void api_tags_release(struct api_tags *tags);
/* Adds those of a request to tags, checking them. */
int api_tags_add(struct api_call *call, const struct kfs_value *map, const char *stream, struct api_tags *tags);

/* ---- api_tokens.c ---- */

enum api_filter_type {
    API_FILTER_NONE,
    API_FILTER_AFTER_SHARD_ID,
    API_FILTER_AT_TRIM_HORIZON,
    API_FILTER_AT_LATEST,
    API_FILTER_AT_TIMESTAMP,
    API_FILTER_FROM_TIMESTAMP
};

int api_tokens_init(struct kfs_api *api, struct kfs_error *err);
void api_out_iterator(struct api_call *call, const char *key, const struct api_stream *stream, uint32_t shard,
                      uint64_t offset);
/* InvalidArgumentException, ExpiredIteratorException. */
int api_iterator(struct api_call *call, const char *text, struct kfs_iterator *iterator);
/* As NextToken, good for five minutes. */
void api_out_page_token(struct api_call *call, const struct kfs_page *page);
/* Reads one of page->list. InvalidArgumentException, ExpiredNextTokenException. */
int api_page_token(struct api_call *call, const char *token, struct kfs_page *page);

/* ---- shards ---- */

/* Those within retention, by index: malloc'ed. */
int api_shards(struct api_call *call, struct api_stream *stream, struct kfs_shard_info **shards, size_t *n);
/* The index in the shard id that a member gives, which is looked at before the stream is. */
int api_shard_id(struct api_call *call, const char *member, const char *stream, uint32_t *shard);
/* The shard of an id, where it is within retention; errors as the service words them. */
int api_shard(struct api_call *call, struct api_stream *stream, const char *id, struct kfs_shard_info *shard);
void api_out_shard(struct api_call *call, const struct kfs_shard_info *shard);
void api_out_seq(struct kfs_out *out, const char *key, const struct kfs_seq *seq);

/* ---- reading: api_read.c ---- */

struct api_reading {
    struct kfs_batch batch;
    struct kfs_extent extent; /* before the read */
    uint64_t next;
    bool ended; /* the shard is closed, and next is its end */
    uint64_t millis_behind;
};

/* Reads on from an offset, or from the horizon where that is higher. The reading is to be released also on failure. */
int api_read(struct api_stream *stream, uint32_t shard, uint64_t offset, const struct kfs_limit *limit,
             struct api_reading *reading, struct kfs_error *err);
void api_reading_init(struct api_reading *reading);
void api_reading_release(struct api_reading *reading);
void api_out_records(struct kfs_out *out, const char *key, const struct kfs_batch *batch, bool kms);
int api_out_children(struct kfs_out *out, struct api_stream *stream, uint32_t shard);

/* ---- api_sequence.c ---- */

struct api_sequence {
    struct kfs_seq seq;
    unsigned int version; /* 0, 1 or 2; the store's own are of version 2 */
    int64_t shard;
    uint64_t created_s;
    uint64_t time_s; /* 0 in version 0 */
};

int api_sequence_parse(const char *text, struct api_sequence *s); /* -EINVAL */

/* ---- api_position.c: what an iterator type and its members mean ---- */

struct api_starting {
    const char *type;
    const char *sequence; /* NULL: none */
    bool has_time;
    uint64_t time_ms;
};

/* The offset that a position means now. */
int api_locate(struct api_call *call, struct api_stream *stream, const struct kfs_shard_info *shard,
               const struct api_starting *starting, uint64_t *offset);

/* ---- api_limits.c: throughput per shard, where that is configured ---- */

bool api_may_write(struct kfs_api *api, struct api_stream *stream, uint32_t shard, size_t bytes);
/* For a GetRecords; then what it took is told. */
bool api_may_read(struct kfs_api *api, struct api_stream *stream, uint32_t shard);
void api_meter_fill(struct kfs_api *api, struct api_meter *m);
/* For a subscription, which has a meter of its own: ms until it may read on, 0: now. */
uint32_t api_pace(struct kfs_api *api, struct api_meter *m);
void api_has_read(struct kfs_api *api, struct api_stream *stream, uint32_t shard, size_t bytes);

/* ---- operations ---- */

api_function api_create_stream, api_delete_stream, api_describe_stream, api_describe_stream_summary, api_list_streams,
    api_describe_limits, api_list_shards, api_split_shard, api_merge_shards, api_update_shard_count,
    api_increase_retention, api_decrease_retention, api_put_record, api_put_records, api_get_shard_iterator,
    api_get_records, api_add_tags, api_remove_tags, api_list_tags, api_tag_resource, api_untag_resource,
    api_list_resource_tags, api_register_consumer, api_deregister_consumer, api_describe_consumer, api_list_consumers,
    api_subscribe, api_start_encryption, api_stop_encryption, api_enable_monitoring, api_disable_monitoring,
    api_update_mode, api_update_record_size, api_update_warm_throughput, api_describe_account, api_update_account,
    api_put_policy, api_get_policy, api_delete_policy;

/* ---- api_auth.c: who asks, and faults that were wished for ---- */

/* Sets the call's region and account; checks the signature where keys are configured. */
int api_authenticate(struct api_call *call);
int api_inject(struct api_call *call);

/* ---- api_dispatch.c ---- */

struct kfs_bytes api_target(const struct kfs_http_request *request); /* the operation's name, or empty */

/* ---- subscription.c ---- */

size_t api_subscriptions_open(struct kfs_api *api);

/* ---- api_metrics.c ---- */

void api_count(struct kfs_api *api, size_t operation, bool failed, uint64_t microseconds);

#endif
