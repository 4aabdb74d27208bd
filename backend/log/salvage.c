#include "backend/log/salvage.h"

#include <errno.h>
#include <string.h>

void kfs_salvage_init(struct kfs_salvage *s, struct kfs_segment *seg, uint64_t data_limit, uint64_t index_limit,
                      const struct kfs_promise *promise)
{
    *s = (struct kfs_salvage){
        .window = {.seg = seg, .size = data_limit}, .promise = *promise, .page = 1, .index_end = KFS_PAGE};
    kfs_walk_init(&s->walk, seg, index_limit);
}

void kfs_salvage_release(struct kfs_salvage *s)
{
    kfs_walk_release(&s->walk);
    kfs_window_release(&s->window);
}

/* Leaves the block: the next one may be whole again. */
static void pass_block(struct kfs_salvage *s)
{
    s->walk.page_no = 0;
    s->page++;
    s->torn = true;
}

/* Moves the walk one entry on. 1, 0 at the end, -errno. */
static int step(struct kfs_salvage *s)
{
    for (;;) {
        int rc = s->walk.page_no == 0 ? kfs_walk_to_page(&s->walk, s->page) : kfs_walk_next(&s->walk);
        if (s->walk.failure != 0)
            return s->walk.failure;
        if (rc == 1) {
            s->page = s->walk.page_no;
            return 1;
        }
        pass_block(s);
        if (s->page * KFS_PAGE >= s->promise.index_size || s->page * KFS_PAGE >= s->walk.limit)
            return 0;
    }
}

/* Whether the walk's record is whole and stands behind the last one. */
static bool is_whole(struct kfs_salvage *s, const char **data)
{
    const struct kfs_place *place = &s->walk.place;

    return place->data_offset >= s->next_offset && place->record >= s->records &&
           kfs_verify_record(&s->walk, &s->window, data) == 0;
}

int kfs_salvage_next(struct kfs_salvage *s, const char **data)
{
    for (;;) {
        int rc = step(s);
        if (rc != 1)
            return rc;
        if (is_whole(s, data))
            break;
        if (s->window.failure != 0)
            return s->window.failure;
        s->torn = true;
        if (s->walk.place.record >= s->promise.records)
            pass_block(s);
        if (s->walk.page_no == 0 && s->page * KFS_PAGE >= s->promise.index_size)
            return 0;
    }
    s->broken = s->broken || s->torn;
    s->torn = false;
    s->records = s->walk.place.record + 1;
    s->next_offset = kfs_walk_end(&s->walk);
    s->index_end = s->walk.page_no * KFS_PAGE + s->walk.at + s->walk.entry.size;
    return 1;
}

void kfs_lines_init(struct kfs_lines *lines, struct kfs_segment *seg, uint64_t limit)
{
    *lines = (struct kfs_lines){.window = {.seg = seg, .size = limit}};
}

void kfs_lines_release(struct kfs_lines *lines)
{
    kfs_window_release(&lines->window);
}

/* Length of the line at `at`. 1, 0 where no newline follows, -errno. */
static int measure(struct kfs_lines *lines, uint64_t *len)
{
    struct kfs_window *window = &lines->window;
    uint64_t at = lines->at;

    while (at < window->size) {
        size_t want = window->size - at < KFS_WINDOW ? (size_t)(window->size - at) : KFS_WINDOW;
        const char *data;
        int rc = kfs_window_get(window, at, want, &data);
        if (rc != 0)
            return window->failure != 0 ? window->failure : 0; /* shorter than it was */
        const char *end = memchr(data, '\n', want);
        if (end != NULL) {
            *len = at + (uint64_t)(end - data) - lines->at;
            return 1;
        }
        at += want;
    }
    return 0;
}

int kfs_lines_next(struct kfs_lines *lines, const char **data, uint32_t *len)
{
    uint64_t found = 0;
    int rc;

    while ((rc = measure(lines, &found)) == 1 && found > KFS_RECORD_BYTES_MAX) {
        lines->at += found + 1;
        lines->passed += found + 1;
    }
    if (rc != 1)
        return rc;
    rc = kfs_window_get(&lines->window, lines->at, (size_t)found + 1, data);
    if (rc != 0)
        return lines->window.failure != 0 ? lines->window.failure : 0;
    lines->at += found + 1;
    *len = (uint32_t)found;
    return 1;
}
