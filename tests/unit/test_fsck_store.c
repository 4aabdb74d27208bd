/* What is around the shards: the files store, stream and horizon, missing
 * directories, left-overs; and what each way to run may change. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/logger.h"
#include "tests/support/fsckcheck.h"

static struct fw_model model;
static struct fw_fsck f;

static bool said(const char *text)
{
    return strstr(f.log, text) != NULL;
}

static struct simdisk *copy_of_model(const char *note)
{
    (void)snprintf(fw_note, sizeof fw_note, "%s", note);
    return simdisk_kill(model.disk);
}

/* Repairs (the disk is taken), after which everything must be as it was. */
static void repairs_all(struct simdisk *disk, const char *finding)
{
    static struct fw_fsck again;
    struct fw_records got;

    fw_fsck(disk, KFS_FSCK_REPAIR, &f);
    FW_CHECK(&f, f.status == KFS_FSCK_REPAIRED && said(finding));
    fw_fsck(disk, KFS_FSCK_CHECK, &again);
    FW_CHECK(&again, again.status == 0 && again.findings == 0);
    fw_read(disk, &got);
    FW_CHECK(&f, got.error == 0 && fw_same(&got, &model.records, true));
    fw_free(&got);
    fw_append(disk, &model.highest);
    simdisk_free(disk);
}

static void file_store(void **state)
{
    static const char *const texts[] = {"", "{}", "{\"format\":1,\"epoch\":-3,\"id\":\"00\"}", "nothing"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct simdisk *disk = copy_of_model(texts[i]);
        fw_put(disk, "store", texts[i], strlen(texts[i]));
        repairs_all(disk, "the file store is damaged");
    }
    struct simdisk *disk = copy_of_model("store removed");
    fw_remove(disk, "store");
    repairs_all(disk, "the file store is missing");
}

/* The epoch of a store that was made again exceeds that of every number given before. */
static void file_store_epoch(void **state)
{
    struct simdisk *disk = copy_of_model("the epoch");
    struct kfs_seq_parts parts;
    size_t size;

    (void)state;
    fw_remove(disk, "store");
    fw_fsck(disk, KFS_FSCK_SAFE, &f);
    FW_CHECK(&f, f.status == KFS_FSCK_REPAIRED);
    char *text = fw_get(disk, "store", &size);
    assert_non_null(text);
    text[size] = '\0';
    assert_true(kfs_seq_split(&model.highest, &parts));
    unsigned long long epoch = strtoull(strstr(text, "\"epoch\":") + 8, NULL, 10);
    FW_CHECK(&f, epoch > parts.position >> 39);
    free(text);
    simdisk_free(disk);
}

static void file_stream(void **state)
{
    static const char *const texts[] = {"", "[1", "{\"format\":1,\"name\":\"s\"}"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct simdisk *disk = copy_of_model(texts[i]);
        fw_put(disk, "streams/s/stream", texts[i], strlen(texts[i]));
        repairs_all(disk, "the file stream is damaged");
        FW_CHECK(&f, said("8760 hours"));
    }
    struct simdisk *disk = copy_of_model("stream removed");
    fw_remove(disk, "streams/s/stream");
    repairs_all(disk, "the file stream is missing");
}

static void file_stream_that_cannot_be_made(void **state)
{
    struct simdisk *disk = copy_of_model("a shard that was split, or may have been");

    (void)state;
    fw_remove(disk, "streams/s/stream");
    fw_remove_shard(disk, "shardId-000000000001");
    fw_make_dir(disk, "streams/s/shardId-000000000001"); /* empty: it may have been made by a split */
    fw_fsck(disk, KFS_FSCK_REPAIR, &f);
    FW_CHECK(&f, f.status == KFS_FSCK_LEFT && said("put the file back"));
    FW_CHECK(&f, fw_get(disk, "streams/s/stream", &(size_t){0}) == NULL);
    simdisk_free(disk);

    disk = copy_of_model("a shard that was split and written");
    fw_split(disk, 1);
    fw_fsck(disk, KFS_FSCK_CHECK, &f);
    FW_CHECK(&f, f.status == 0 && f.totals.shards == FW_SHARDS + 2);
    fw_remove(disk, "streams/s/stream");
    fw_fsck(disk, KFS_FSCK_REPAIR, &f);
    FW_CHECK(&f, f.status == KFS_FSCK_LEFT && said("put the file back"));
    simdisk_free(disk);
}

static void file_stream_of_another(void **state)
{
    struct simdisk *disk = copy_of_model("another's name, and ranges with a hole");
    size_t size;

    (void)state;
    char *text = fw_get(disk, "streams/s/stream", &size);
    assert_non_null(text);
    text[size] = '\0';
    *(strstr(text, "\"name\":\"s\"") + 8) = 't';
    fw_put(disk, "streams/s/stream", text, size);
    fw_fsck(disk, KFS_FSCK_REPAIR, &f);
    FW_CHECK(&f, f.status == KFS_FSCK_LEFT && said("of a stream named t"));
    *(strstr(text, "\"name\":\"t\"") + 8) = 's';
    *(strstr(text, "\"start\":\"0\"") + 9) = '5';
    fw_put(disk, "streams/s/stream", text, size);
    fw_fsck(disk, KFS_FSCK_REPAIR, &f);
    FW_CHECK(&f, f.status == KFS_FSCK_LEFT && said("cover every hash key"));
    free(text);
    simdisk_free(disk);
}

static void newer_formats_are_left_alone(void **state)
{
    static const char text[] = "{\"format\":2,\"epoch\":\"many\"}";
    static const char *const paths[] = {"store", "streams/s/stream"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct simdisk *disk = copy_of_model(paths[i]);
        size_t size;
        fw_put(disk, paths[i], text, strlen(text));
        fw_fsck(disk, KFS_FSCK_REPAIR, &f);
        FW_CHECK(&f, f.status == KFS_FSCK_FAILED && said("newer version"));
        char *left = fw_get(disk, paths[i], &size);
        assert_true(left != NULL && size == strlen(text) && memcmp(left, text, size) == 0);
        free(left);
        simdisk_free(disk);
    }
}

/* Records that retention had removed may come back; nothing else changes. */
static void file_horizon(void **state)
{
    static const char *const texts[] = {"", "7", "700 00000000\n", "99999999999999999999999999999999999999\n"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct simdisk *disk = copy_of_model(texts[i]);
        struct fw_records got;
        fw_put(disk, FW_SHARD0 "horizon", texts[i], strlen(texts[i]));
        fw_fsck(disk, KFS_FSCK_REPAIR, &f);
        FW_CHECK(&f, f.status == KFS_FSCK_REPAIRED && said("horizon: damaged"));
        fw_read(disk, &got);
        FW_CHECK(&f, got.error == 0 && got.n > model.records.n);
        size_t more = got.n - model.records.n;
        for (size_t k = 0; k < model.records.n; k++)
            FW_CHECK(&f, kfs_seq_cmp(&got.records[more + k].seq, &model.records.records[k].seq) == 0);
        FW_CHECK(&f, got.records[0].offset == 621);
        fw_free(&got);
        simdisk_free(disk);
    }
}

static void missing_directory(void **state)
{
    struct simdisk *disk = copy_of_model("a shard's directory is missing");
    struct fw_records got;

    (void)state;
    fw_remove_shard(disk, "shardId-000000000001");
    fw_fsck(disk, KFS_FSCK_SAFE, &f);
    FW_CHECK(&f, f.status == KFS_FSCK_LEFT && f.lost_unknown);
    fw_fsck(disk, KFS_FSCK_REPAIR, &f);
    FW_CHECK(&f, f.status == KFS_FSCK_REPAIRED && said("all its records are lost"));
    fw_read(disk, &got);
    FW_CHECK(&f, got.error == 0 && got.n == model.records.n - 8);
    fw_free(&got);
    simdisk_free(disk);
}

static void without_y_only_what_is_safe(void **state)
{
    static const struct {
        const char *path;
        size_t at;
        int status;
    } flips[] = {
        {FW_SHARD0 "00000000000000001277.index", 20, KFS_FSCK_REPAIRED},
        {FW_SHARD0 "00000000000000001277.index", 4200, KFS_FSCK_LEFT},
        {FW_SHARD0 "00000000000000001277.data", 500, KFS_FSCK_LEFT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof flips / sizeof flips[0]; i++) {
        struct simdisk *disk = copy_of_model("-p");
        fw_flip(disk, flips[i].path, flips[i].at, 1);
        struct simdisk *before = simdisk_kill(disk);
        fw_fsck(disk, KFS_FSCK_SAFE, &f);
        FW_CHECK(&f, f.status == flips[i].status);
        size_t size;
        size_t was;
        char *now = fw_get(disk, flips[i].path, &size);
        char *old = fw_get(before, flips[i].path, &was);
        bool same = now != NULL && old != NULL && size == was && memcmp(now, old, size) == 0;
        FW_CHECK(&f, same == (flips[i].status == KFS_FSCK_LEFT));
        free(now);
        free(old);
        simdisk_free(before);
        simdisk_free(disk);
    }
}

/* The bytes that a repair takes out are in lost+found, under the name they had. */
static void what_is_taken_out_is_kept(void **state)
{
    static const char name[] = "00000000000000001277.data";
    struct simdisk *disk = copy_of_model("lost+found");
    char path[160];
    size_t size;
    size_t kept_size;

    (void)state;
    for (int i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof path, FW_SHARD0 "%s", name);
        fw_flip(disk, path, 500, 1);
        char *damaged = fw_get(disk, path, &size);
        fw_fsck(disk, KFS_FSCK_REPAIR, &f);
        FW_CHECK(&f, f.status == KFS_FSCK_REPAIRED);
        (void)snprintf(path, sizeof path, "lost+found/s/shardId-000000000000%s/%s", i == 0 ? "" : ".1", name);
        char *kept = fw_get(disk, path, &kept_size);
        FW_CHECK(&f, damaged != NULL && kept != NULL && kept_size == size && memcmp(kept, damaged, size) == 0);
        free(damaged);
        free(kept);
    }
    FW_CHECK(&f, fw_get(disk, "lost+found/s/shardId-000000000000/00000000000000000621.data", &size) == NULL);
    simdisk_free(disk);
}

static void left_overs_are_no_damage(void **state)
{
    static const char *const paths[] = {"store.new", "streams/s/stream.new", FW_SHARD0 "horizon.new"};
    struct simdisk *disk = copy_of_model("left-overs");

    (void)state;
    for (size_t i = 0; i < 3; i++)
        fw_put(disk, paths[i], "x", 1);
    fw_fsck(disk, KFS_FSCK_CHECK, &f);
    FW_CHECK(&f, f.status == 0 && f.findings == 0 && said("left over"));
    fw_fsck(disk, KFS_FSCK_REPAIR, &f);
    FW_CHECK(&f, f.status == 0 && f.findings == 0);
    for (size_t i = 0; i < 3; i++)
        FW_CHECK(&f, fw_get(disk, paths[i], &(size_t){0}) == NULL);
    simdisk_free(disk);
}

static bool is_there(struct simdisk *disk, const char *path)
{
    char *data = fw_get(disk, path, &(size_t){0});

    free(data);
    return data != NULL;
}

static void notes_are_the_stores(void **state)
{
    static const char *const strays[] = {"notes/api.account.new", "notes/n~", "streams/s/notes/api.stream.new",
                                         "streams/s/notes/make file"};
    struct simdisk *disk = copy_of_model("notes");

    (void)state;
    fw_make_dir(disk, "notes");
    fw_make_dir(disk, "tls");
    fw_make_dir(disk, "streams/s/notes");
    fw_put(disk, "notes/api.account", "{}", 2);
    fw_put(disk, "streams/s/notes/api.stream", "{}", 2);
    fw_fsck(disk, KFS_FSCK_CHECK, &f);
    FW_CHECK(&f, f.status == 0 && f.findings == 0 && !said("notes") && !said("tls"));
    for (size_t i = 0; i < 4; i++)
        fw_put(disk, strays[i], "x", 1);
    fw_fsck(disk, KFS_FSCK_CHECK, &f);
    FW_CHECK(&f, f.status == 0 && f.findings == 0);
    FW_CHECK(&f, said("notes/api.account.new: left over") && said("notes/n~: not a note"));
    FW_CHECK(&f, said("notes/api.stream.new: left over") && said("notes/make file: not a note"));
    fw_fsck(disk, KFS_FSCK_REPAIR, &f);
    for (size_t i = 0; i < 4; i++)
        FW_CHECK(&f, is_there(disk, strays[i]) == (i % 2 == 1));
    simdisk_free(disk);
}

/* A file in the place of the directory is said; a stream whose settings are made again keeps its notes. */
static void notes_beside_damage(void **state)
{
    struct simdisk *disk = copy_of_model("notes beside damage");

    (void)state;
    fw_put(disk, "notes", "x", 1);
    fw_make_dir(disk, "streams/s/notes");
    fw_put(disk, "streams/s/notes/api.stream", "{}", 2);
    fw_remove(disk, "streams/s/stream");
    fw_fsck(disk, KFS_FSCK_REPAIR, &f);
    FW_CHECK(&f, f.status == KFS_FSCK_REPAIRED && said("notes: not the directory of the notes"));
    FW_CHECK(&f, is_there(disk, "streams/s/notes/api.stream"));
    fw_fsck(disk, KFS_FSCK_CHECK, &f);
    FW_CHECK(&f, f.status == 0 && f.findings == 0);
    simdisk_free(disk);
}

/* Lines are all that is left of records where the index is lost: a record of three lines is three. */
static void records_of_several_lines(void **state)
{
    struct simdisk *disk = fw_build_small();
    struct fw_records before;
    struct fw_records got;

    (void)state;
    (void)snprintf(fw_note, sizeof fw_note, "an index of records of several lines");
    fw_read(disk, &before);
    fw_remove(disk, FW_SHARD0 "00000000000000000000.index");
    fw_fsck(disk, KFS_FSCK_REPAIR, &f);
    FW_CHECK(&f, f.status == KFS_FSCK_REPAIRED && f.renumbered);
    fw_read(disk, &got);
    FW_CHECK(&f, got.error == 0 && got.n > before.n);
    for (size_t i = 0; i < got.n; i++) {
        FW_CHECK(&f, memchr(got.records[i].data, '\n', got.records[i].len) == NULL);
        FW_CHECK(&f, memcmp(got.records[i].key, "shardId-000000000000", got.records[i].key_len) == 0);
        FW_CHECK(&f, kfs_seq_cmp(&got.records[i].seq, &before.records[before.n - 1].seq) > 0);
    }
    const struct fw_record *last = &got.records[got.n - 1];
    const struct fw_record *was = &before.records[before.n - 1];
    FW_CHECK(&f, last->offset + last->len == was->offset + was->len);
    fw_free(&before);
    fw_free(&got);
    simdisk_free(disk);
}

static void no_store(void **state)
{
    struct simdisk *disk = simdisk_new();

    (void)state;
    fw_fsck(disk, KFS_FSCK_REPAIR, &f);
    FW_CHECK(&f, f.status == KFS_FSCK_FAILED && simdisk_changes(disk) == 0);
    simdisk_free(disk);
}

/* A disk that cannot be read is no damage: nothing may be concluded from it. */
static void unreadable(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct simdisk *disk = copy_of_model("a read fails");
        simdisk_fail(disk, SIMDISK_READ, n, EIO, SIMDISK_NOTHING);
        fw_fsck(disk, KFS_FSCK_REPAIR, &f);
        bool failed = simdisk_has_failed(disk);
        struct fw_records got;
        FW_CHECK(&f, f.status == (failed ? KFS_FSCK_FAILED : 0) && f.findings == 0);
        simdisk_fail(disk, SIMDISK_READ, 0, 0, SIMDISK_NOTHING);
        fw_read(disk, &got);
        FW_CHECK(&f, got.error == 0 && fw_same(&got, &model.records, true));
        fw_free(&got);
        simdisk_free(disk);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_store),
        cmocka_unit_test(file_store_epoch),
        cmocka_unit_test(file_stream),
        cmocka_unit_test(file_stream_that_cannot_be_made),
        cmocka_unit_test(file_stream_of_another),
        cmocka_unit_test(newer_formats_are_left_alone),
        cmocka_unit_test(file_horizon),
        cmocka_unit_test(missing_directory),
        cmocka_unit_test(without_y_only_what_is_safe),
        cmocka_unit_test(what_is_taken_out_is_kept),
        cmocka_unit_test(left_overs_are_no_damage),
        cmocka_unit_test(notes_are_the_stores),
        cmocka_unit_test(notes_beside_damage),
        cmocka_unit_test(records_of_several_lines),
        cmocka_unit_test(no_store),
        cmocka_unit_test(unreadable),
    };

    kfs_log_setup(KFS_LOG_TO_STDERR, KFS_LOG_ERROR);
    fw_model_init(&model, fw_build(), FW_UNSYNCED);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    fw_model_release(&model);
    return rc;
}
