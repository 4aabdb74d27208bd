#include "backend/base/value_builder.h"

#include <errno.h>
#include <math.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)8 << 10)
/* A small request fits into these; up to 1,000 bytes the C library has memory at hand for a thread. */
#define FIRST_BYTES 896
#define ITEMS_FIRST 8
#define TIME_LIMIT 0x1p52 /* ms; 140,000 years */

struct chunk {
    struct chunk *next;
    alignas(max_align_t) char data[];
};

struct kfs_arena {
    struct chunk *chunks;
    char *free; /* what is left of the newest chunk that is not one allocation's own */
    size_t n_free;
    size_t left; /* bytes that may still be taken from the system */
    alignas(max_align_t) char first[FIRST_BYTES];
};

struct kfs_arena *kfs_arena_new(size_t max_bytes)
{
    struct kfs_arena *arena = malloc(sizeof *arena);

    if (arena == NULL)
        return NULL;
    arena->chunks = NULL;
    arena->free = arena->first;
    arena->n_free = max_bytes < sizeof arena->first ? max_bytes : sizeof arena->first;
    arena->left = max_bytes - arena->n_free;
    return arena;
}

void kfs_arena_free(struct kfs_arena *arena)
{
    struct chunk *next;

    if (arena == NULL)
        return;
    for (struct chunk *chunk = arena->chunks; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(arena);
}

static void *new_chunk(struct kfs_arena *arena, size_t size)
{
    struct chunk *chunk;

    if (size > arena->left)
        return NULL;
    chunk = malloc(sizeof *chunk + size);
    if (chunk == NULL)
        return NULL;
    arena->left -= size;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk->data;
}

void *kfs_arena_alloc(struct kfs_arena *arena, size_t size)
{
    void *data;

    if (size > arena->left + arena->n_free)
        return NULL;
    size = (size + (size == 0 ? 1 : 0) + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (size > CHUNK_BYTES / 4) {
        data = new_chunk(arena, size);
    } else {
        if (size > arena->n_free) {
            size_t take = arena->left < CHUNK_BYTES ? arena->left : CHUNK_BYTES;
            if (size > take || (data = new_chunk(arena, take)) == NULL)
                return NULL;
            arena->free = data;
            arena->n_free = take;
        }
        data = arena->free;
        arena->free += size;
        arena->n_free -= size;
    }
    if (data != NULL && size > 0)
        memset(data, 0, size);
    return data;
}

void kfs_builder_init(struct kfs_builder *b, struct kfs_arena *arena)
{
    *b = (struct kfs_builder){.arena = arena};
}

void kfs_builder_release(struct kfs_builder *b)
{
    b->arena->left += b->cap * sizeof *b->items;
    free(b->items);
    b->items = NULL;
    b->cap = 0;
}

int kfs_builder_add(struct kfs_builder *b, const struct kfs_value *value)
{
    if (b->n == b->cap) {
        size_t more = b->cap == 0 ? ITEMS_FIRST : b->cap;
        struct kfs_value *items;
        if (more > b->arena->left / sizeof *items)
            return -ENOMEM;
        items = realloc(b->items, (b->cap + more) * sizeof *items);
        if (items == NULL)
            return -ENOMEM;
        b->items = items;
        b->cap += more;
        b->arena->left -= more * sizeof *items;
    }
    b->items[b->n++] = *value;
    return 0;
}

int kfs_builder_begin(struct kfs_builder *b, enum kfs_value_type type, struct kfs_bytes key)
{
    if (b->depth == KFS_VALUE_DEPTH_MAX)
        return -EINVAL;
    b->open[b->depth++] = (struct kfs_open_value){.type = type, .key = key, .begin = b->n};
    return 0;
}

int kfs_builder_end(struct kfs_builder *b)
{
    const struct kfs_open_value *open = &b->open[b->depth - 1];
    struct kfs_value value = {.type = open->type, .key = open->key, .n = b->n - open->begin};

    if (value.n > 0) {
        value.items = kfs_arena_alloc(b->arena, value.n * sizeof *value.items);
        if (value.items == NULL)
            return -ENOMEM;
        memcpy(value.items, b->items + open->begin, value.n * sizeof *value.items);
    }
    b->n = open->begin;
    b->depth--;
    return kfs_builder_add(b, &value);
}

struct kfs_value kfs_value_of_int(int64_t integer)
{
    return (struct kfs_value){.type = KFS_VALUE_NUMBER, .whole = true, .integer = integer, .number = (double)integer};
}

struct kfs_value kfs_value_of_double(double number)
{
    struct kfs_value value = {.type = KFS_VALUE_NUMBER, .number = number};

    if (number >= -0x1p63 && number < 0x1p63 && floor(number) == number) {
        value.whole = true;
        value.integer = (int64_t)number;
    }
    return value;
}

void kfs_value_set_time(struct kfs_value *value, double ms)
{
    ms = isnan(ms) ? 0 : fmin(fmax(round(ms), -TIME_LIMIT), TIME_LIMIT);
    value->type = KFS_VALUE_TIME;
    value->whole = true;
    value->number = ms;
    value->integer = (int64_t)ms;
}

const struct kfs_value *kfs_value_get(const struct kfs_value *map, const char *name)
{
    size_t len = strlen(name);

    if (map == NULL || map->type != KFS_VALUE_MAP)
        return NULL;
    for (size_t i = map->n; i > 0; i--) {
        const struct kfs_value *item = &map->items[i - 1];
        if (item->key.len == len && (len == 0 || memcmp(item->key.data, name, len) == 0))
            return item->type == KFS_VALUE_NULL ? NULL : item;
    }
    return NULL;
}
