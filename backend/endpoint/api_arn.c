/* ARNs and shard ids. The region and account of an ARN are not looked at: a
 * store is one name space, and any ARN with a stream's name means that stream. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/endpoint/api_internal.h"

#define ARN_MAX 512

const char *api_partition(const char *region)
{
    if (strncmp(region, "cn-", 3) == 0)
        return "aws-cn";
    if (strncmp(region, "us-gov-", 7) == 0)
        return "aws-us-gov";
    return "aws";
}

/* Copies up to a separator or the end; returns what follows it, or the NUL; NULL where it does not fit. */
static const char *take(const char *text, char separator, char *out, size_t size)
{
    const char *end = strchr(text, separator);
    size_t len = end == NULL ? strlen(text) : (size_t)(end - text);

    if (len >= size)
        return NULL;
    memcpy(out, text, len);
    out[len] = '\0';
    return end == NULL ? text + len : end + 1;
}

static int parse_consumer(const char *rest, struct api_arn *arn)
{
    char *end;

    if (strncmp(rest, "consumer/", 9) != 0)
        return -EINVAL;
    rest = take(rest + 9, ':', arn->consumer, sizeof arn->consumer);
    if (rest == NULL || !kfs_stream_name_valid(arn->consumer) || rest[strspn(rest, "0123456789")] != '\0' ||
        strlen(rest) > 15)
        return -EINVAL;
    arn->consumer_created_s = strtoull(rest, &end, 10);
    return 0;
}

int api_arn_parse(const char *text, struct api_arn *arn)
{
    char part[API_REGION_MAX + 1];
    const char *at = text;

    *arn = (struct api_arn){0};
    if (strncmp(text, "arn:aws", 7) != 0)
        return -EINVAL;
    at = take(at, ':', part, sizeof part);
    for (int i = 0; i < 4 && at != NULL; i++) { /* partition, service, region, account */
        at = take(at, ':', part, sizeof part);
        if (i == 1 && strcmp(part, "kinesis") != 0)
            return -EINVAL;
        if (i == 3 && (strlen(part) != API_ACCOUNT_LEN || strspn(part, "0123456789") != API_ACCOUNT_LEN))
            return -EINVAL;
    }
    if (at == NULL || strncmp(at, "stream/", 7) != 0)
        return -EINVAL;
    bool more = strchr(at + 7, '/') != NULL;
    at = take(at + 7, '/', arn->stream, sizeof arn->stream);
    if (at == NULL || !kfs_stream_name_valid(arn->stream))
        return -EINVAL;
    return more ? parse_consumer(at, arn) : 0;
}

void api_out_stream_arn(struct api_call *call, const char *key, const char *stream)
{
    char arn[ARN_MAX];

    (void)snprintf(arn, sizeof arn, "arn:%s:kinesis:%s:%s:stream/%s", api_partition(call->region), call->region,
                   call->account, stream);
    kfs_out_string(&call->out, key, arn);
}

void api_out_consumer_arn(struct api_call *call, const char *key, const char *stream,
                          const struct api_consumer *consumer)
{
    char arn[ARN_MAX];

    (void)snprintf(arn, sizeof arn, "arn:%s:kinesis:%s:%s:stream/%s/consumer/%s:%llu", api_partition(call->region),
                   call->region, call->account, stream, consumer->name,
                   (unsigned long long)(consumer->created_ms / 1000));
    kfs_out_string(&call->out, key, arn);
}

/* shardId-0, anything-0 and 0 are what the service takes for shardId-000000000000: the number is what stands
 * between the first dash and the next, or the whole where that is empty. */
int api_shard_id_parse(const char *text, uint32_t *shard)
{
    const char *dash = strchr(text, '-');
    const char *digits = dash == NULL || dash[1] == '\0' || dash[1] == '-' ? text : dash + 1;
    const size_t len = strspn(digits, "0123456789");
    uint64_t index = 0;

    if (len == 0 || (digits[len] != '\0' && (digits == text || digits[len] != '-')))
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        index = index * 10 + (uint64_t)(digits[i] - '0');
        if (index > KFS_SHARD_INDEX_MAX)
            return -EINVAL;
    }
    *shard = (uint32_t)index;
    return 0;
}

void api_shard_id_print(uint32_t shard, char text[API_SHARD_ID_MAX])
{
    static const char zero[] = "shardId-000000000000";
    size_t at = sizeof zero - 1;

    memcpy(text, zero, sizeof zero);
    for (; shard > 0; shard /= 10)
        text[--at] = (char)('0' + shard % 10);
}
