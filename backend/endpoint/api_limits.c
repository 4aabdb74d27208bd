/* The service's throughput limits per shard, for tests of programs that must
 * bear throttling. Each allows a second's worth at once. */
#include <stdlib.h>

#include "backend/endpoint/api_internal.h"

#define WRITE_BYTES_PER_S (1024.0 * 1024)
#define WRITE_RECORDS_PER_S 1000.0
#define READ_BYTES_PER_S (2.0 * 1024 * 1024)
#define READ_CALLS_PER_S 5.0

static double refilled(double left, double rate, uint64_t passed_ms)
{
    double now = left + rate * (double)passed_ms / 1000;

    return now < rate ? now : rate;
}

void api_meter_fill(struct kfs_api *api, struct api_meter *m)
{
    *m = (struct api_meter){api_mono_ms(api), WRITE_BYTES_PER_S, WRITE_RECORDS_PER_S, READ_BYTES_PER_S,
                            READ_CALLS_PER_S};
}

static void refill(struct kfs_api *api, struct api_meter *m)
{
    const uint64_t now = api_mono_ms(api);
    const uint64_t passed = now - m->at_ms;

    m->at_ms = now;
    m->write_bytes = refilled(m->write_bytes, WRITE_BYTES_PER_S, passed);
    m->write_records = refilled(m->write_records, WRITE_RECORDS_PER_S, passed);
    m->read_bytes = refilled(m->read_bytes, READ_BYTES_PER_S, passed);
    m->read_calls = refilled(m->read_calls, READ_CALLS_PER_S, passed);
}

/* The shard's meter as of now. NULL: no memory, and no limit. Under stream.lock. */
static struct api_meter *meter(struct kfs_api *api, struct api_stream *stream, uint32_t shard)
{
    if (shard >= stream->n_meters) {
        size_t n = (size_t)shard + 1;
        struct api_meter *meters = realloc(stream->meters, n * sizeof *meters);
        if (meters == NULL)
            return NULL;
        stream->meters = meters;
        for (size_t i = stream->n_meters; i < n; i++)
            api_meter_fill(api, &meters[i]);
        stream->n_meters = n;
    }
    struct api_meter *m = &stream->meters[shard];
    refill(api, m);
    return m;
}

/* A record larger than a second's worth goes when the meter is full, and is paid for after. */
bool api_may_write(struct kfs_api *api, struct api_stream *stream, uint32_t shard, size_t bytes)
{
    if (!api->config.limits)
        return true;
    (void)pthread_mutex_lock(&stream->lock);
    struct api_meter *m = meter(api, stream, shard);
    double wanted = (double)bytes < WRITE_BYTES_PER_S ? (double)bytes : WRITE_BYTES_PER_S;
    bool may = m == NULL || (m->write_bytes >= wanted && m->write_records >= 1);
    if (may && m != NULL) {
        m->write_bytes -= (double)bytes;
        m->write_records -= 1;
    }
    (void)pthread_mutex_unlock(&stream->lock);
    return may;
}

/* Any read is let through that begins with something left; a large one makes the next ones wait. */
bool api_may_read(struct kfs_api *api, struct api_stream *stream, uint32_t shard)
{
    if (!api->config.limits)
        return true;
    (void)pthread_mutex_lock(&stream->lock);
    struct api_meter *m = meter(api, stream, shard);
    bool may = m == NULL || (m->read_bytes > 0 && m->read_calls >= 1);
    if (may && m != NULL)
        m->read_calls -= 1;
    (void)pthread_mutex_unlock(&stream->lock);
    return may;
}

void api_has_read(struct kfs_api *api, struct api_stream *stream, uint32_t shard, size_t bytes)
{
    if (!api->config.limits)
        return;
    (void)pthread_mutex_lock(&stream->lock);
    struct api_meter *m = meter(api, stream, shard);
    if (m != NULL)
        m->read_bytes -= (double)bytes;
    (void)pthread_mutex_unlock(&stream->lock);
}

uint32_t api_pace(struct kfs_api *api, struct api_meter *m)
{
    if (!api->config.limits)
        return 0;
    refill(api, m);
    return m->read_bytes > 0 ? 0 : (uint32_t)(-m->read_bytes / READ_BYTES_PER_S * 1000) + 1;
}
