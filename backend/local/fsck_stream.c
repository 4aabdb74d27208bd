/* One stream's directory: its file `stream`, and its shards. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/local/fsck_internal.h"

#define STREAM_BYTES_MAX (64U << 20)

/* Reads the file `stream`. 0, -ENOENT, -EILSEQ damaged, -EPROTONOSUPPORT of a newer format, another failure. */
static int load(const struct fsck *fsck, int dir, struct local_manifest *m)
{
    struct kfs_buf text;

    kfs_buf_init(&text, STREAM_BYTES_MAX);
    int rc = kfs_io_read_file(fsck->io, dir, "stream", &text);
    if (rc == 0) {
        rc = local_manifest_parse(text.data, text.len, m, NULL);
        if (rc != 0 && rc != -ENOMEM)
            rc = local_format_of(text.data, text.len) > LOCAL_FORMAT ? -EPROTONOSUPPORT : -EILSEQ;
    } else if (rc == -EMSGSIZE) {
        rc = -EILSEQ;
    }
    kfs_buf_release(&text);
    return rc;
}

/* What the settings cannot tell: what is true of them as they are parsed. */
static int check_manifest(const struct fsck_place *place, const struct local_manifest *m)
{
    if (strcmp(m->name, place->stream) != 0) {
        fsck_found(place, KFS_FINDING_DAMAGE, "the file stream is of a stream named %s", m->name);
        fsck_say(place, KFS_FSCK_NOT_DONE,
                 "not repaired: rename the directory to %s, or write the directory's name into the file", m->name);
        return -EINVAL;
    }
    if (!fsck_topology_covers(&m->topology)) {
        fsck_found(place, KFS_FINDING_DAMAGE,
                   "the file stream is damaged: its open shards do not cover every hash key once");
        fsck_say(place, KFS_FSCK_NOT_DONE,
                 "not repaired: correct the file, or put it back from a copy (docs/FORMAT.md section 6)");
    }
    return 0;
}

/* The file `stream` is lost: makes its contents again, and where it may writes them. 0 where m is filled. */
static int make(const struct fsck_place *place, int dir, bool missing, struct local_manifest *m)
{
    struct fsck *fsck = place->fsck;
    struct kfs_error err = {0};
    int rc = fsck_make_manifest(place, dir, m);

    if (rc == -ENOENT && missing) {
        fsck_found(place, KFS_FINDING_NOTE, "left over from the creation of a stream that was cut short");
        return rc;
    }
    fsck_found(place, KFS_FINDING_LOSS, "the file stream is %s", missing ? "missing" : "damaged");
    if (rc != 0 && rc != -ENOENT && rc != -EINVAL) {
        fsck_say(place, KFS_FSCK_CANNOT, "cannot read the shards' directories: %s", strerror(-rc));
        return rc;
    }
    if (rc != 0) {
        fsck_say(place, KFS_FSCK_NOT_DONE,
                 "not repaired: the shards' directories do not tell what the stream was; put the file back from a "
                 "copy, or write it (docs/FORMAT.md section 6)");
        return rc;
    }
    if (!fsck_mends(fsck, true)) {
        fsck_say(place, KFS_FSCK_NOT_DONE, "not repaired: -y makes it again, for %zu shards of even hash ranges",
                 m->topology.n);
        return 0;
    }
    rc = fsck_raise_epoch(fsck, &err);
    m->generation = fsck->epoch << 24;
    if (rc == 0)
        rc = local_manifest_save(fsck->io, dir, m, &err);
    if (rc != 0) {
        fsck_say(place, KFS_FSCK_CANNOT, "%s", err.text);
        local_manifest_release(m);
        return rc;
    }
    fsck_say(place, KFS_FSCK_DONE,
             "made the file stream again, for %zu shards of even hash ranges; records are kept %u hours and may have "
             "%u bytes, set both as they were",
             m->topology.n, m->settings.retention_hours, m->settings.max_record_bytes);
    return 0;
}

static int get_manifest(const struct fsck_place *place, int dir, struct local_manifest *m)
{
    int rc = load(place->fsck, dir, m);

    if (rc == -EPROTONOSUPPORT) {
        fsck_say(place, KFS_FSCK_CANNOT, "the stream was made by a newer version of kinesisfs");
        return rc;
    }
    if (rc == -ENOENT || rc == -EILSEQ)
        return make(place, dir, rc == -ENOENT, m);
    if (rc != 0) {
        fsck_say(place, KFS_FSCK_CANNOT, "cannot read the file stream: %s", strerror(-rc));
        return rc;
    }
    rc = check_manifest(place, m);
    if (rc != 0)
        local_manifest_release(m);
    return rc;
}

/* What is in the stream's directory and not the stream's. */
static void check_names(const struct fsck_place *place, int dir, const struct local_manifest *m)
{
    struct fsck_names names = {0};
    char shard[KFS_SHARD_DIR_MAX];

    int rc = fsck_list(place->fsck, dir, &names);
    for (size_t i = 0; rc == 0 && i < names.n; i++) {
        const char *name = names.names[i];
        bool known =
            strcmp(name, "stream") == 0 || strcmp(name, "notes") == 0 || fsck_ends_with(name, FSCK_REPAIR_SUFFIX);
        for (size_t k = 0; !known && k < m->topology.n; k++) {
            local_shard_dir(m->topology.shards[k].index, shard);
            known = strcmp(name, shard) == 0;
        }
        if (!known)
            fsck_stray(place, "", name, "not one of the stream's files");
    }
    fsck_free_names(&names);
    fsck_clean(place->fsck, dir);
    fsck_notes(place, dir);
}

void fsck_stream(struct fsck *fsck, const char *name)
{
    const struct fsck_place place = {.fsck = fsck, .stream = name};
    const struct kfs_io *io = fsck->io;
    struct local_manifest m = {0};
    int dir = io->open(io->ctx, fsck->streams_dir, name, KFS_OPEN_DIR);

    if (dir < 0) {
        if (dir == -ENOTDIR)
            fsck_found(&place, KFS_FINDING_NOTE, "not the directory of a stream");
        else
            fsck_say(&place, KFS_FSCK_CANNOT, "cannot open the directory: %s", strerror(-dir));
        return;
    }
    if (get_manifest(&place, dir, &m) == 0) {
        fsck->totals->streams++;
        if (m.generation >> 24 > fsck->highest)
            fsck->highest = m.generation >> 24;
        check_names(&place, dir, &m);
        for (size_t i = 0; i < m.topology.n; i++)
            fsck_shard(fsck, dir, name, &m.topology.shards[i]);
        local_manifest_release(&m);
    }
    io->close(io->ctx, dir);
}
