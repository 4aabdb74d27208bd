/* Nodes: what names were looked up as, and the table of stream directories. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/from.h"
#include "fs/fs_internal.h"

#define CLOSING_STEPS_MAX 5000 /* half a second */
#define CLOSING_STEP_NS 50000

static struct kfs_node *new_node(struct kfs_fs *fs, enum kfs_node_type type)
{
    struct kfs_node *node = calloc(1, sizeof *node);

    if (node == NULL)
        return NULL;
    node->type = type;
    node->shard = KFS_NO_SHARD;
    node->view = kfs_view_default;
    atomic_init(&node->refs, 1);
    atomic_init(&node->begin, &node->begins[0]);
    (void)pthread_mutex_init(&node->merge_lock, NULL);
    (void)pthread_mutex_lock(&fs->live_lock);
    node->next_live = fs->live;
    if (fs->live != NULL)
        fs->live->prev_live = node;
    fs->live = node;
    (void)pthread_mutex_unlock(&fs->live_lock);
    return node;
}

static void free_node(struct kfs_fs *fs, struct kfs_node *node)
{
    (void)pthread_mutex_lock(&fs->live_lock);
    if (node->next_live != NULL)
        node->next_live->prev_live = node->prev_live;
    if (node->prev_live != NULL)
        node->prev_live->next_live = node->next_live;
    else
        fs->live = node->next_live;
    (void)pthread_mutex_unlock(&fs->live_lock);
    for (size_t i = 0; i < 2; i++) {
        kfs_merge_free(node->begins[i].merge);
        kfs_places_release(&node->begins[i].places);
    }
    kfs_cursor_put(&fs->cursors, node->cursor);
    kfs_topic_unref(node->topic);
    (void)pthread_mutex_destroy(&node->merge_lock);
    free(node);
}

void kfs_nodes_free(struct kfs_fs *fs)
{
    while (fs->live != NULL)
        free_node(fs, fs->live);
}

/* FNV-1a: the same name in the same stream has the same number, on every lookup and mount. */
ino_t kfs_ino_of(const char *dir, uint64_t generation, uint32_t file)
{
    const uint64_t prime = UINT64_C(0x100000001b3);
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (const char *p = dir; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * prime;
    for (unsigned int shift = 0; shift < 64; shift += 8)
        hash = (hash ^ (generation >> shift & 0xff)) * prime;
    for (unsigned int shift = 0; shift < 32; shift += 8)
        hash = (hash ^ (file >> shift & 0xff)) * prime;
    return (ino_t)(hash | 16); /* the small ones are taken */
}

ino_t kfs_fs_ino(const struct kfs_node *node)
{
    return node->ino;
}

/* The same in every view. */
uint64_t kfs_node_lock_key(const struct kfs_node *node)
{
    return node->topic == NULL ? node->ino : kfs_ino_of(node->topic->name, node->topic->generation, node->shard);
}

bool kfs_node_is_plain(const struct kfs_node *node)
{
    return node->type == KFS_NODE_SHARD && node->view.framing->stored && kfs_coding_none(node->view.coding);
}

uint64_t kfs_node_stored_to(const struct kfs_node *node, const struct kfs_extent *extent)
{
    if (extent->end <= extent->aggregates_from)
        return UINT64_MAX;
    uint64_t base = atomic_load(&node->begin)->base;
    return extent->aggregates_from > base ? extent->aggregates_from - base : 0;
}

int kfs_node_merge(struct kfs_fs *fs, struct kfs_node *node, struct kfs_merge **merge, struct kfs_error *err)
{
    int rc = 0;

    (void)pthread_mutex_lock(&node->merge_lock);
    struct kfs_begin *begin = atomic_load(&node->begin);
    if (begin->merge == NULL) {
        struct kfs_merge_file file = {.stream = node->topic->stream,
                                      .shard = node->shard,
                                      .framing = node->view.framing,
                                      .coding = node->view.coding,
                                      .from = begin->from,
                                      .places = node->cursor != NULL ? &begin->places : NULL};
        if (kfs_node_is_plain(node)) { /* its offsets are known already */
            file.from = (struct kfs_position){.type = KFS_AT_OFFSET, .offset = begin->base};
            file.places = NULL;
        }
        rc = kfs_merge_new(&fs->merges, &file, &begin->merge, err);
    }
    *merge = begin->merge;
    (void)pthread_mutex_unlock(&node->merge_lock);
    return rc;
}

int kfs_node_offsets(struct kfs_fs *fs, struct kfs_node *node, uint64_t offset, struct kfs_merge_offset **list,
                     size_t *n, struct kfs_error *err)
{
    bool plain = kfs_node_is_plain(node);
    struct kfs_extent extent = {0};
    struct kfs_merge *merge;
    int rc = plain ? kfs_shard_extent(node->topic->stream, node->shard, &extent, err) : 0;

    *list = NULL;
    *n = 0;
    if (rc != 0)
        return rc == -ENOENT ? 0 : rc;
    if (plain && offset <= kfs_node_stored_to(node, &extent)) {
        *list = malloc(sizeof **list);
        if (*list == NULL)
            return kfs_fail(err, ENOMEM, "no memory for a cursor");
        **list = (struct kfs_merge_offset){node->shard, atomic_load(&node->begin)->base + offset};
        *n = 1;
        return 0;
    }
    rc = kfs_node_merge(fs, node, &merge, err);
    return rc != 0 ? rc : kfs_merge_offsets(merge, offset, list, n, err);
}

/* ---- the table of directories ---- */

static struct kfs_node **bucket(struct kfs_fs *fs, const char *name)
{
    return &fs->dirs[kfs_ino_of(name, 0, 0) / 32 % KFS_DIR_BUCKETS];
}

void kfs_node_unref(struct kfs_fs *fs, struct kfs_node *node, uint64_t n)
{
    if (node == &fs->root || node == &fs->control || node == &fs->cursors_dir)
        return;
    if (node->type == KFS_NODE_STREAM) {
        /* A lookup must not find a directory whose last reference is going. */
        (void)pthread_mutex_lock(&fs->dirs_lock);
        bool last = atomic_fetch_sub(&node->refs, n) == n;
        for (struct kfs_node **at = bucket(fs, node->name); last && *at != NULL; at = &(*at)->next) {
            if (*at == node) {
                *at = node->next;
                break;
            }
        }
        (void)pthread_mutex_unlock(&fs->dirs_lock);
        if (last)
            free_node(fs, node);
        return;
    }
    if (atomic_fetch_sub(&node->refs, n) == n)
        free_node(fs, node);
}

void kfs_fs_forget(struct kfs_fs *fs, struct kfs_node *node, uint64_t references)
{
    kfs_node_unref(fs, node, references);
}

/* The directory of a name for the stream that has it now; takes the stream's
 * reference. A node of an earlier stream of that name stays with those who have it. */
static int dir_node(struct kfs_fs *fs, const char *name, const struct kfs_view *view, struct kfs_stream *stream,
                    struct kfs_node **out)
{
    struct kfs_topic *topic;
    struct kfs_node *node;
    int rc = kfs_topic_new(&fs->dispatcher, stream, &topic);

    if (rc != 0)
        return rc;
    (void)pthread_mutex_lock(&fs->dirs_lock);
    struct kfs_node **head = bucket(fs, name);
    for (node = *head; node != NULL; node = node->next) {
        if (strcmp(node->name, name) == 0 && node->topic->generation == topic->generation)
            break;
    }
    if (node != NULL) {
        atomic_fetch_add(&node->refs, 1);
    } else {
        node = new_node(fs, KFS_NODE_STREAM);
        if (node != NULL) {
            (void)snprintf(node->name, sizeof node->name, "%s", name);
            node->view = *view;
            node->topic = topic;
            node->ino = kfs_ino_of(name, 0, 0); /* as the root lists it */
            node->next = *head;
            *head = node;
            topic = NULL;
        }
    }
    (void)pthread_mutex_unlock(&fs->dirs_lock);
    kfs_topic_unref(topic);
    *out = node;
    return node == NULL ? -ENOMEM : 0;
}

/* ---- lookup ---- */

static int lookup_root(struct kfs_fs *fs, const char *name, struct kfs_node **out, struct kfs_error *err)
{
    struct kfs_dir_name parsed;
    struct kfs_stream *stream;

    if (strcmp(name, KFS_STATUS_DIR) == 0) {
        *out = &fs->control;
        return 0;
    }
    int rc = kfs_name_lookup(name, &parsed, err);
    if (rc != 0) {
        /* A bad view is worth telling, unless it is what mkdir looks up before it
         * makes it; any other name that is not there is not. */
        struct kfs_new_name fresh;
        if (strchr(name, '@') == NULL || kfs_name_mkdir(name, &fresh, NULL) == 0)
            return -ENOENT;
        (void)kfs_report(&fs->errors, "lookup", name, KFS_NO_SHARD, err);
        err->code = 0; /* it is said */
        return KFS_FS_NEVER;
    }
    rc = kfs_stream_open(fs->config.backend, parsed.stream, &stream, err);
    if (rc != 0 && rc != -ENOENT && err->code != 0) {
        (void)kfs_report(&fs->errors, "lookup", parsed.stream, KFS_NO_SHARD, err);
        err->code = 0;
    }
    return rc != 0 ? rc : dir_node(fs, name, &parsed.view, stream, out);
}

static int lookup_control(struct kfs_fs *fs, const char *name, struct kfs_node **out)
{
    static const struct {
        const char *name;
        enum kfs_node_type type;
    } files[] = {{"status.json", KFS_NODE_STATUS},
                 {"metrics", KFS_NODE_METRICS},
                 {"errors", KFS_NODE_ERRORS},
                 {"dead_letters", KFS_NODE_DEAD}};

    if (strcmp(name, KFS_CURSORS_DIR) == 0) {
        *out = &fs->cursors_dir;
        return 0;
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (strcmp(name, files[i].name) != 0)
            continue;
        *out = new_node(fs, files[i].type);
        if (*out == NULL)
            return -ENOMEM;
        (*out)->ino = 3 + i;
        return 0;
    }
    return -ENOENT;
}

static int lookup_cursor(struct kfs_fs *fs, const char *name, struct kfs_node **out)
{
    if (!kfs_cursor_name_valid(name) || !kfs_cursor_known(fs, name))
        return -ENOENT;
    *out = new_node(fs, KFS_NODE_CURSOR);
    if (*out == NULL)
        return -ENOMEM;
    (void)snprintf((*out)->name, sizeof(*out)->name, "%s", name);
    (*out)->ino = kfs_ino_of(name, 0, 1);
    return 0;
}

/* The offset of its shard where a file begins. */
static int locate(const struct kfs_node *node, const struct kfs_position *from, uint64_t *offset, struct kfs_error *err)
{
    struct kfs_reader *reader;
    struct kfs_extent extent;
    int rc;

    if (from->type == KFS_AT_HORIZON) {
        rc = kfs_shard_extent(node->topic->stream, node->shard, &extent, err);
        if (rc == 0)
            *offset = extent.start;
        return rc;
    }
    rc = kfs_reader_open(node->topic->stream, node->shard, &reader, err);
    if (rc != 0)
        return rc;
    rc = kfs_locate(reader, from, offset, err);
    kfs_reader_close(reader);
    return rc;
}

/* Where a file begins: what `from` or the cursor of its view says now. On failure there is nothing to release. */
static int begin_file(struct kfs_fs *fs, const struct kfs_node *node, struct kfs_begin *begin, struct kfs_error *err)
{
    const struct kfs_clock *clock = fs->config.clock;

    begin->from = kfs_from_position(&node->view.from, clock->wall_ms(clock->ctx));
    int rc = kfs_from_find(node->topic->stream, &begin->from, err);
    struct kfs_position from = kfs_from_in_shard(&begin->from, node->shard);
    if (rc == 0 && node->cursor != NULL) {
        rc = kfs_cursor_begin(node->cursor, node->shard, &begin->from, &begin->places, err);
        from = kfs_place_position(kfs_places_find(&begin->places, node->shard));
    }
    if (rc == 0 && node->shard != KFS_NO_SHARD)
        rc = locate(node, &from, &begin->base, err);
    if (rc != 0)
        kfs_places_release(&begin->places);
    return rc;
}

int kfs_node_begin_anew(struct kfs_fs *fs, struct kfs_node *node, struct kfs_error *err)
{
    struct kfs_begin begin = {.merge = NULL};
    struct kfs_merge *merge;

    if (!kfs_is_remote(fs->config.backend) || atomic_load(&node->begin) != &node->begins[0])
        return 0;
    int rc = begin_file(fs, node, &begin, err);
    if (rc != 0)
        return rc;
    (void)pthread_mutex_lock(&node->merge_lock);
    if (atomic_load(&node->begin) == &node->begins[0]) {
        node->begins[1] = begin;
        begin.places = (struct kfs_places){0};
        atomic_store(&node->begin, &node->begins[1]);
    }
    (void)pthread_mutex_unlock(&node->merge_lock);
    kfs_places_release(&begin.places);
    /* What is appended from now on is not to move where the merge begins. */
    return kfs_node_is_plain(node) ? 0 : kfs_node_merge(fs, node, &merge, err);
}

static int lookup_file(struct kfs_fs *fs, struct kfs_node *dir, const char *name, struct kfs_node **out,
                       struct kfs_error *err)
{
    uint32_t shard;

    if (kfs_shard_name_parse(name, &shard) != 0)
        return -ENOENT;
    struct kfs_node *node = new_node(fs, shard == KFS_NO_SHARD ? KFS_NODE_ALL : KFS_NODE_SHARD);
    if (node == NULL)
        return -ENOMEM;
    (void)snprintf(node->name, sizeof node->name, "%s", dir->name);
    node->topic = kfs_topic_ref(dir->topic);
    node->view = dir->view;
    node->shard = shard;
    node->ino = kfs_ino_of(dir->name, dir->topic->generation, shard == KFS_NO_SHARD ? 1 : shard + 2);
    int rc = dir->view.cursor[0] == '\0'
                 ? 0
                 : kfs_cursor_get(&fs->cursors, dir->topic, dir->view.cursor, &node->cursor, err);
    if (rc == 0)
        rc = begin_file(fs, node, &node->begins[0], err);
    if (rc != 0)
        kfs_node_unref(fs, node, 1);
    else
        *out = node;
    return rc;
}

/* The release of a description that was closed before this call may still be
 * in another thread's hands: it makes a record of a partial line, which whoever
 * opens the file now is to see. Waits a little for it, but not for one that was
 * flushed long ago and does not run: that was the close of a dup'd descriptor. */
static void wait_for_closing(struct kfs_fs *fs)
{
    const struct kfs_clock *clock = fs->config.clock;
    const struct timespec step = {0, CLOSING_STEP_NS};

    for (int i = 0; i < CLOSING_STEPS_MAX && atomic_load(&fs->closing) > 0; i++) {
        if (atomic_load(&fs->releasing) == 0 && clock->mono_ms(clock->ctx) > atomic_load(&fs->closing_until_ms))
            break;
        (void)nanosleep(&step, NULL);
    }
}

int kfs_fs_lookup(struct kfs_fs *fs, struct kfs_node *parent, const char *name, struct kfs_node **out, struct stat *st)
{
    struct kfs_error err = {0};
    struct kfs_node *node = NULL;
    int rc = -ENOENT;

    if (strlen(name) > KFS_NAME_MAX)
        return -ENAMETOOLONG;
    if (parent->type == KFS_NODE_ROOT)
        rc = lookup_root(fs, name, &node, &err);
    else if (parent->type == KFS_NODE_CONTROL_DIR)
        rc = lookup_control(fs, name, &node);
    else if (parent->type == KFS_NODE_CURSORS_DIR)
        rc = lookup_cursor(fs, name, &node);
    else if (parent->type == KFS_NODE_STREAM) {
        wait_for_closing(fs);
        rc = lookup_file(fs, parent, name, &node, &err);
    }
    if (rc == 0 && node->type == KFS_NODE_ERRORS) {
        uint64_t end;
        kfs_errors_extent(&fs->errors, &node->begins[0].base, &end);
    }
    if (rc == 0 && st != NULL) {
        rc = kfs_node_stat(fs, node, st, &err);
        if (rc != 0)
            kfs_node_unref(fs, node, 1);
    }
    if (rc != 0 && rc != -ENOENT && err.code != 0)
        (void)kfs_node_report(fs, parent, "lookup", &err);
    if (rc == 0)
        *out = node;
    return rc;
}
