/* One shard's directory: checked, and where need be replaced by a sound one. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/local/fsck_internal.h"

#define LOST_MAX 1000 /* repairs of one shard whose old files are still in lost+found */

/* A shard being looked at. */
struct subject {
    struct fsck_place place;
    int stream_dir;
    const struct kfs_shard_info *info;
    char name[KFS_SHARD_DIR_MAX];
    char fresh[KFS_SHARD_DIR_MAX + sizeof FSCK_REPAIR_SUFFIX]; /* where its repaired files are made */
};

static int rename_in(const struct subject *s, const char *from, const char *to)
{
    const struct kfs_io *io = s->place.fsck->io;
    int rc = io->rename(io->ctx, s->stream_dir, from, s->stream_dir, to);

    return rc == 0 ? io->sync_dir(io->ctx, s->stream_dir) : rc;
}

/* Removes a directory of files. */
static int remove_dir(const struct subject *s, const char *name)
{
    const struct kfs_io *io = s->place.fsck->io;
    struct fsck_names names = {0};
    int dir = io->open(io->ctx, s->stream_dir, name, KFS_OPEN_DIR);

    if (dir < 0)
        return dir == -ENOENT ? 0 : dir;
    int rc = fsck_list(s->place.fsck, dir, &names);
    for (size_t i = 0; rc == 0 && i < names.n; i++)
        rc = io->unlink(io->ctx, dir, names.names[i]);
    fsck_free_names(&names);
    io->close(io->ctx, dir);
    if (rc == 0)
        rc = io->rmdir(io->ctx, s->stream_dir, name);
    return rc == 0 ? io->sync_dir(io->ctx, s->stream_dir) : rc;
}

/* ---- repairing ---- */

/* Opens STORE/lost+found/STREAM, and finds a name in it that is free. */
static int open_lost(const struct subject *s, char *name, size_t size)
{
    const struct fsck *fsck = s->place.fsck;
    const struct kfs_io *io = fsck->io;
    int lost = kfs_io_make_dir(fsck->io, fsck->dir, FSCK_LOST);

    if (lost < 0)
        return lost;
    int dir = kfs_io_make_dir(fsck->io, lost, s->place.stream);
    io->close(io->ctx, lost);
    if (dir < 0)
        return dir;
    for (unsigned int i = 0; i < LOST_MAX; i++) {
        if (i == 0)
            (void)snprintf(name, size, "%s", s->name);
        else
            (void)snprintf(name, size, "%s.%u", s->name, i);
        int taken = io->open(io->ctx, dir, name, KFS_OPEN_DIR);
        if (taken == -ENOENT)
            return dir;
        if (taken >= 0)
            io->close(io->ctx, taken);
    }
    io->close(io->ctx, dir);
    return -EEXIST;
}

/* Puts the repaired directory in the place of the old one. Between the two renames
 * the shard has none, which a mount refuses and the next run ends. */
static int replace(const struct subject *s, const struct kfs_check *check, char *kept, size_t size)
{
    const struct kfs_io *io = s->place.fsck->io;
    int lost = open_lost(s, kept, size);

    if (lost < 0)
        return lost;
    int rc = io->rename(io->ctx, s->stream_dir, s->name, lost, kept);
    if (rc == 0)
        rc = io->sync_dir(io->ctx, lost);
    if (rc == 0)
        rc = io->sync_dir(io->ctx, s->stream_dir);
    if (rc == 0)
        rc = rename_in(s, s->fresh, s->name);
    int old = rc == 0 ? io->open(io->ctx, lost, kept, KFS_OPEN_DIR) : -1;
    if (old >= 0) {
        kfs_repair_prune(check, old);
        io->close(io->ctx, old);
    }
    io->close(io->ctx, lost);
    return rc;
}

/* Makes the repaired directory, durably. */
static int build(const struct subject *s, struct kfs_check *check, struct kfs_error *err)
{
    struct fsck *fsck = s->place.fsck;
    const struct kfs_io *io = fsck->io;
    struct kfs_seq_parts parts = {0};

    int rc = fsck_raise_epoch(fsck, err);
    if (rc != 0)
        return rc;
    (void)kfs_seq_split(&s->info->starting, &parts);
    parts.position = fsck->epoch << LOCAL_EPOCH_SHIFT;
    struct kfs_seq floor = kfs_seq_make(&parts);
    int dir = kfs_io_make_dir(fsck->io, s->stream_dir, s->fresh);
    if (dir < 0)
        return kfs_fail(err, -dir, "cannot make the directory %s: %s", s->fresh, strerror(-dir));
    rc = kfs_repair_build(check, &floor, dir, err);
    io->close(io->ctx, dir);
    return rc;
}

/* Notes of what records there are would be wrong. */
static int remove_derived(const struct subject *s)
{
    struct fsck *fsck = s->place.fsck;
    const struct kfs_io *io = fsck->io;
    struct fsck_names names = {0};
    int dir = io->open(io->ctx, s->stream_dir, "notes", KFS_OPEN_DIR);

    if (dir < 0)
        return dir == -ENOENT || dir == -ENOTDIR ? 0 : dir;
    int rc = fsck_list(fsck, dir, &names);
    for (size_t i = 0; rc == 0 && i < names.n; i++)
        if (strncmp(names.names[i], KFS_NOTE_DERIVED, sizeof KFS_NOTE_DERIVED - 1) == 0)
            rc = io->unlink(io->ctx, dir, names.names[i]);
    if (rc == 0)
        rc = io->sync_dir(io->ctx, dir);
    fsck_free_names(&names);
    io->close(io->ctx, dir);
    return rc;
}

static void repair(const struct subject *s, struct kfs_check *check)
{
    char kept[KFS_SHARD_DIR_MAX + 16];
    struct kfs_error err = {0};
    int rc = build(s, check, &err);

    if (rc == 0) {
        rc = remove_derived(s);
        if (rc == 0)
            rc = replace(s, check, kept, sizeof kept);
        if (rc != 0)
            (void)kfs_fail(&err, -rc, "cannot replace the shard's directory: %s", strerror(-rc));
    }
    if (rc != 0)
        fsck_say(&s->place, KFS_FSCK_CANNOT, "%s", err.text);
    else
        fsck_say(&s->place, KFS_FSCK_DONE, "repaired; the files that were replaced are in %s/%s/%s", FSCK_LOST,
                 s->place.stream, kept);
}

/* ---- checking ---- */

static void report(void *arg, const struct kfs_finding *finding)
{
    fsck_find(arg, finding);
}

static void check_dir(struct subject *s, int dir)
{
    struct fsck *fsck = s->place.fsck;
    const struct kfs_check_config config = {.io = fsck->io,
                                            .clock = fsck->options->clock,
                                            .starting = s->info->starting,
                                            .report = report,
                                            .arg = &s->place};
    struct kfs_check_result result;
    struct kfs_error err = {0};
    struct kfs_check *check;

    if (kfs_check_run(&config, dir, &check, &err) != 0) {
        fsck_say(&s->place, KFS_FSCK_CANNOT, "%s", err.text);
        return;
    }
    kfs_check_result(check, &result);
    fsck_note_epoch(fsck, &result.highest);
    fsck->totals->shards++;
    fsck->totals->records += result.records;
    fsck->totals->bytes += result.bytes;
    fsck->totals->lost_records += result.lost_records;
    fsck->totals->damaged_shards += result.damaged ? 1 : 0;
    if (!result.damaged)
        fsck_say(&s->place, KFS_FSCK_FINE, "%llu records, %llu bytes in %llu segments",
                 (unsigned long long)result.records, (unsigned long long)result.bytes,
                 (unsigned long long)result.segments);
    else if (!fsck_mends(fsck, result.loses))
        fsck_say(&s->place, KFS_FSCK_NOT_DONE, "%s",
                 result.loses ? "not repaired: -y repairs what can be kept"
                              : "not repaired: -y or -p repairs it without loss");
    else
        repair(s, check);
    if (!result.damaged)
        fsck_clean(fsck, dir);
    kfs_check_free(check);
}

/* Ends or clears away a repair that was cut short. 0 where the shard can be looked at. */
static int settle_repair(const struct subject *s, bool exists)
{
    struct fsck *fsck = s->place.fsck;
    const struct kfs_io *io = fsck->io;
    int fresh = io->open(io->ctx, s->stream_dir, s->fresh, KFS_OPEN_DIR);

    if (fresh < 0)
        return exists ? 0 : -ENOENT;
    io->close(io->ctx, fresh);
    if (exists) {
        fsck_found(&s->place, KFS_FINDING_NOTE, "%s is left over from a repair that was cut short", s->fresh);
        return fsck->options->mode == KFS_FSCK_CHECK ? 0 : remove_dir(s, s->fresh);
    }
    fsck_found(&s->place, KFS_FINDING_DAMAGE, "a repair was cut short: the directory is still named %s", s->fresh);
    if (!fsck_mends(fsck, false)) {
        fsck_say(&s->place, KFS_FSCK_NOT_DONE, "not repaired: -y or -p ends it");
        return -EAGAIN;
    }
    int rc = rename_in(s, s->fresh, s->name);
    if (rc == 0)
        fsck_say(&s->place, KFS_FSCK_DONE, "the repair is ended");
    return rc;
}

/* The shard's directory is gone, and its records with it. */
static void remake(const struct subject *s)
{
    const struct kfs_io *io = s->place.fsck->io;

    fsck_found(&s->place, KFS_FINDING_LOSS, "the directory is missing: all its records are lost");
    s->place.fsck->totals->damaged_shards++;
    if (!fsck_mends(s->place.fsck, true)) {
        fsck_say(&s->place, KFS_FSCK_NOT_DONE, "not repaired: put the directory back, or have -y make an empty one");
        return;
    }
    int dir = kfs_io_make_dir(s->place.fsck->io, s->stream_dir, s->name);
    if (dir < 0) {
        fsck_say(&s->place, KFS_FSCK_CANNOT, "cannot make the directory: %s", strerror(-dir));
        return;
    }
    io->close(io->ctx, dir);
    fsck_say(&s->place, KFS_FSCK_DONE, "made an empty directory");
}

void fsck_shard(struct fsck *fsck, int stream_dir, const char *stream, const struct kfs_shard_info *info)
{
    const struct kfs_io *io = fsck->io;
    struct subject s = {.place = {.fsck = fsck, .stream = stream}, .stream_dir = stream_dir, .info = info};

    local_shard_dir(info->index, s.name);
    s.place.shard = s.name;
    (void)snprintf(s.fresh, sizeof s.fresh, "%s" FSCK_REPAIR_SUFFIX, s.name);
    int dir = io->open(io->ctx, stream_dir, s.name, KFS_OPEN_DIR);
    int rc = dir == -ENOENT || dir >= 0 ? settle_repair(&s, dir >= 0) : dir;
    if (dir == -ENOENT && rc == 0)
        dir = io->open(io->ctx, stream_dir, s.name, KFS_OPEN_DIR);
    if (rc == 0 && dir < 0)
        rc = dir;
    if (rc == -ENOENT)
        remake(&s);
    else if (rc == 0)
        check_dir(&s, dir);
    else if (rc != -EAGAIN)
        fsck_say(&s.place, KFS_FSCK_CANNOT, "cannot open the directory: %s", strerror(-rc));
    if (dir >= 0)
        io->close(io->ctx, dir);
}
