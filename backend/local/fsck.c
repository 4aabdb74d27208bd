#include "backend/local/fsck.h"
#include "backend/base/dirlock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/local/fsck_internal.h"

/* A lost file `store` is made again with an epoch so far above the highest that a
 * number shows: openings in which nothing that is left was appended leave no trace. */
#define EPOCH_MARGIN 1000

/* ---- reports ---- */

static void send(const struct fsck_place *place, struct kfs_fsck_report report)
{
    const struct kfs_fsck_options *o = place->fsck->options;

    report.stream = place->stream;
    report.shard = place->shard != NULL ? place->shard : "";
    if (!place->fsck->quiet && o->report != NULL)
        o->report(o->arg, &report);
}

void fsck_find(const struct fsck_place *place, const struct kfs_finding *finding)
{
    send(place, (struct kfs_fsck_report){.event = KFS_FSCK_FOUND, .text = finding->text, .finding = finding});
}

void fsck_found(const struct fsck_place *place, enum kfs_finding_kind kind, const char *format, ...)
{
    struct kfs_finding finding = {.kind = kind};
    va_list args;

    va_start(args, format);
    (void)vsnprintf(finding.text, sizeof finding.text, format, args);
    va_end(args);
    fsck_find(place, &finding);
}

void fsck_say(const struct fsck_place *place, enum kfs_fsck_event event, const char *format, ...)
{
    struct fsck *fsck = place->fsck;
    char text[KFS_FINDING_TEXT_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (event == KFS_FSCK_DONE)
        fsck->status |= KFS_FSCK_REPAIRED;
    if (event == KFS_FSCK_NOT_DONE)
        fsck->status |= KFS_FSCK_LEFT;
    if (event == KFS_FSCK_CANNOT)
        fsck->status |= KFS_FSCK_FAILED;
    send(place, (struct kfs_fsck_report){.event = event, .text = text});
}

/* ---- directories ---- */

static int add_name(void *arg, const char *name)
{
    struct fsck_names *names = arg;

    if (names->n == names->cap) {
        size_t cap = names->cap == 0 ? 16 : names->cap * 2;
        char **more = realloc(names->names, cap * sizeof(char *));
        if (more == NULL)
            return -ENOMEM;
        names->names = more;
        names->cap = cap;
    }
    names->names[names->n] = strdup(name);
    return names->names[names->n++] == NULL ? -ENOMEM : 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int fsck_list(struct fsck *fsck, int dir, struct fsck_names *names)
{
    int rc = fsck->io->list(fsck->io->ctx, dir, add_name, names);

    if (rc == 0 && names->n > 1)
        qsort(names->names, names->n, sizeof(char *), by_name);
    return rc;
}

void fsck_free_names(struct fsck_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->names[i]);
    free(names->names);
    *names = (struct fsck_names){0};
}

bool fsck_ends_with(const char *name, const char *suffix)
{
    size_t len = strlen(name);

    return len > strlen(suffix) && strcmp(name + len - strlen(suffix), suffix) == 0;
}

void fsck_clean(struct fsck *fsck, int dir)
{
    struct fsck_names names = {0};

    if (fsck->options->mode == KFS_FSCK_CHECK || fsck->quiet)
        return;
    if (fsck_list(fsck, dir, &names) == 0) {
        for (size_t i = 0; i < names.n; i++) {
            if (fsck_ends_with(names.names[i], ".new"))
                (void)fsck->io->unlink(fsck->io->ctx, dir, names.names[i]);
        }
    }
    fsck_free_names(&names);
}

void fsck_stray(const struct fsck_place *place, const char *dir, const char *name, const char *what)
{
    fsck_found(place, KFS_FINDING_NOTE, "%s%s: %s", dir, name,
               fsck_ends_with(name, ".new") ? "left over from a write that was cut short" : what);
}

void fsck_notes(const struct fsck_place *place, int parent)
{
    const struct kfs_io *io = place->fsck->io;
    struct fsck_names names = {0};
    int dir = io->open(io->ctx, parent, "notes", KFS_OPEN_DIR);

    if (dir == -ENOENT)
        return;
    if (dir == -ENOTDIR)
        fsck_found(place, KFS_FINDING_NOTE, "notes: not the directory of the notes");
    int rc = dir < 0 ? dir : fsck_list(place->fsck, dir, &names);
    if (rc != 0 && rc != -ENOTDIR)
        fsck_say(place, KFS_FSCK_CANNOT, "cannot list the directory notes: %s", strerror(-rc));
    for (size_t i = 0; rc == 0 && i < names.n; i++)
        if (!kfs_note_name_valid(names.names[i]))
            fsck_stray(place, "notes/", names.names[i], "not a note");
    fsck_free_names(&names);
    if (dir >= 0) {
        fsck_clean(place->fsck, dir);
        io->close(io->ctx, dir);
    }
}

/* ---- epochs ---- */

bool fsck_mends(const struct fsck *fsck, bool loses)
{
    if (fsck->quiet)
        return false;
    return fsck->options->mode == KFS_FSCK_REPAIR || (fsck->options->mode == KFS_FSCK_SAFE && !loses);
}

void fsck_note_epoch(struct fsck *fsck, const struct kfs_seq *seq)
{
    struct kfs_seq_parts parts;

    if (kfs_seq_split(seq, &parts) && parts.position >> LOCAL_EPOCH_SHIFT > fsck->highest)
        fsck->highest = parts.position >> LOCAL_EPOCH_SHIFT;
}

static int save_identity(struct fsck *fsck, uint64_t epoch, struct kfs_error *err)
{
    struct local_store store = {.epoch = epoch};

    (void)snprintf(store.id, sizeof store.id, "%s", fsck->id);
    return local_identity_save(fsck->io, fsck->dir, &store, err);
}

int fsck_raise_epoch(struct fsck *fsck, struct kfs_error *err)
{
    if (fsck->raised)
        return 0;
    int rc = save_identity(fsck, fsck->epoch + 1, err);
    if (rc == 0) {
        fsck->epoch++;
        fsck->raised = true;
    }
    return rc;
}

/* ---- the store ---- */

static int by_lock(struct fsck *fsck, struct kfs_error *err)
{
    const struct kfs_io *io = fsck->io;
    int rc = kfs_dir_lock(io, fsck->dir, &fsck->lock_fd, err);

    if (fsck->options->mode != KFS_FSCK_CHECK || fsck->lock_fd >= 0)
        return rc;
    /* A store that can only be read: a lock needs no more, and one without the file has no other user. */
    fsck->lock_fd = io->open(io->ctx, fsck->dir, "lock", KFS_OPEN_READ);
    if (fsck->lock_fd == -ENOENT)
        return 0;
    return fsck->lock_fd < 0 ? rc : io->lock(io->ctx, fsck->lock_fd);
}

/* Reads the file `store`. 0, -ENOENT, -EILSEQ damaged, -EPROTONOSUPPORT of a newer format, another failure. */
static int read_identity(struct fsck *fsck)
{
    struct local_store store = {0};
    struct kfs_buf text;

    kfs_buf_init(&text, LOCAL_IDENTITY_BYTES_MAX);
    int rc = kfs_io_read_file(fsck->io, fsck->dir, "store", &text);
    if (rc == 0) {
        if (local_identity_parse(text.data, text.len, &store, NULL) != 0)
            rc = local_format_of(text.data, text.len) > LOCAL_FORMAT ? -EPROTONOSUPPORT : -EILSEQ;
    } else if (rc == -EMSGSIZE) {
        rc = -EILSEQ;
    }
    kfs_buf_release(&text);
    if (rc == 0) {
        fsck->epoch = store.epoch;
        (void)snprintf(fsck->id, sizeof fsck->id, "%s", store.id);
    }
    return rc;
}

static void check_streams(struct fsck *fsck)
{
    const struct fsck_place place = {.fsck = fsck, .stream = ""};
    struct fsck_names names = {0};
    int rc = fsck_list(fsck, fsck->streams_dir, &names);

    if (rc != 0)
        fsck_say(&place, KFS_FSCK_CANNOT, "cannot list the directory streams: %s", strerror(-rc));
    for (size_t i = 0; rc == 0 && i < names.n; i++)
        fsck_stream(fsck, names.names[i]);
    fsck_free_names(&names);
}

/* Looks for the highest epoch in everything there is, without a word. */
static void find_epoch(struct fsck *fsck)
{
    struct kfs_fsck_totals totals = *fsck->totals;
    int status = fsck->status;

    fsck->quiet = true;
    check_streams(fsck);
    fsck->quiet = false;
    fsck->status = status;
    *fsck->totals = totals;
}

/* Makes the file `store` again. */
static int make_identity(struct fsck *fsck, const struct fsck_place *place)
{
    struct kfs_error err = {0};

    find_epoch(fsck);
    fsck->epoch = fsck->highest + EPOCH_MARGIN;
    int rc = local_make_id(fsck->id);
    if (rc == 0)
        rc = save_identity(fsck, fsck->epoch, &err);
    if (rc != 0) {
        fsck_say(place, KFS_FSCK_CANNOT, "%s", rc == -EIO && err.code == 0 ? "no random bytes" : err.text);
        return rc;
    }
    fsck->raised = true;
    fsck_say(place, KFS_FSCK_DONE, "made the file store again, with epoch %llu", (unsigned long long)fsck->epoch);
    return 0;
}

/* The file `store`. 0 where the streams can be looked at. */
static int check_identity(struct fsck *fsck)
{
    const struct fsck_place place = {.fsck = fsck, .stream = ""};
    int rc = read_identity(fsck);

    if (rc == 0)
        return 0;
    if (rc == -EPROTONOSUPPORT) {
        fsck_say(&place, KFS_FSCK_CANNOT, "the store was made by a newer version of kinesisfs");
        return rc;
    }
    if (rc != -ENOENT && rc != -EILSEQ) {
        fsck_say(&place, KFS_FSCK_CANNOT, "cannot read the file store: %s", strerror(-rc));
        return rc;
    }
    fsck_found(&place, KFS_FINDING_DAMAGE, "the file store is %s", rc == -ENOENT ? "missing" : "damaged");
    if (fsck_mends(fsck, false))
        return make_identity(fsck, &place);
    fsck_say(&place, KFS_FSCK_NOT_DONE, "not repaired: -y or -p makes it again");
    return 0;
}

/* What is in the store's directory and not the store's. */
static void check_names(struct fsck *fsck)
{
    static const char *const known[] = {"store", "lock", "streams", "deleted", "notes", "tls", FSCK_LOST};
    const struct fsck_place place = {.fsck = fsck, .stream = ""};
    struct fsck_names names = {0};

    if (fsck_list(fsck, fsck->dir, &names) == 0) {
        for (size_t i = 0; i < names.n; i++) {
            bool is_known = false;
            for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
                is_known = is_known || strcmp(names.names[i], known[k]) == 0;
            if (!is_known)
                fsck_stray(&place, "", names.names[i], "not a file of a store");
        }
    }
    fsck_free_names(&names);
    fsck_clean(fsck, fsck->dir);
    fsck_notes(&place, fsck->dir);
    if (fsck->options->mode != KFS_FSCK_CHECK)
        local_sweep_deleted(fsck->io, fsck->dir);
}

static void check_store(struct fsck *fsck)
{
    const struct fsck_place place = {.fsck = fsck, .stream = ""};
    const struct kfs_io *io = fsck->io;
    struct kfs_error err = {0};
    int rc;

    fsck->streams_dir = io->open(io->ctx, fsck->dir, "streams", KFS_OPEN_DIR);
    if (fsck->streams_dir == -ENOENT && read_identity(fsck) == -ENOENT) {
        fsck_say(&place, KFS_FSCK_CANNOT, "there is no store in this directory");
        return;
    }
    rc = by_lock(fsck, &err);
    if (rc != 0) {
        fsck_say(&place, KFS_FSCK_CANNOT, "%s", err.text);
        return;
    }
    if (check_identity(fsck) != 0)
        return;
    check_names(fsck);
    if (fsck->streams_dir >= 0)
        check_streams(fsck);
    else if (fsck->streams_dir != -ENOENT) /* a store that was made and never used has none */
        fsck_say(&place, KFS_FSCK_CANNOT, "cannot open the directory streams: %s", strerror(-fsck->streams_dir));
}

int kfs_fsck(const char *dir, const struct kfs_fsck_options *options, struct kfs_fsck_totals *totals)
{
    struct fsck fsck = {.options = options, .io = options->io, .streams_dir = -1, .lock_fd = -1, .totals = totals};
    const struct fsck_place place = {.fsck = &fsck, .stream = ""};

    *totals = (struct kfs_fsck_totals){0};
    fsck.dir = options->io->open_root(options->io->ctx, dir, false);
    if (fsck.dir < 0) {
        fsck_say(&place, KFS_FSCK_CANNOT, "cannot open the directory: %s", strerror(-fsck.dir));
        return fsck.status;
    }
    check_store(&fsck);
    if (fsck.streams_dir >= 0)
        options->io->close(options->io->ctx, fsck.streams_dir);
    if (fsck.lock_fd >= 0)
        options->io->close(options->io->ctx, fsck.lock_fd);
    options->io->close(options->io->ctx, fsck.dir);
    return fsck.status;
}
