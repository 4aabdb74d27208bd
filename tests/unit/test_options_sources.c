/* Options that do not come from our own command line: environment, file, mount(8). */
#include "fs/config.h"
#include "fs/options.h"
#include "tests/unit/options_world.h"

/* ---- the environment and the file ---- */

static void precedence(void **state)
{
    struct kfs_options out;

    (void)state;
    set_env(1, "KINESISFS_SHARDS", "2");
    set_env(2, "KINESISFS_SYNC_INTERVAL", "2s");
    set_env(3, "KINESISFS_RO", "true");
    set_env(4, "KINESISFS_REGION", ""); /* as none */
    world.path = "/home/ruan/.config/kinesisfs.conf";
    world.text = "shards = 3\nsync_interval = 3s\nthreads = 3\nregion=from-file\nrw\nnoexec\nsync\n";
    ACCEPT(&out, "--shards=1", "/mnt");
    assert_int_equal(out.shards, 1);
    assert_int_equal(out.sync_interval_ms, 2000);
    assert_int_equal(out.threads, 3);
    assert_string_equal(out.region, "from-file");
    assert_true(out.ro);
    assert_string_equal(out.kernel, "ro,noexec");
    assert_int_equal(out.sync, KFS_OPTIONS_SYNC_ALWAYS);
    assert_null(out.config);
    kfs_options_release(&out);
    ACCEPT(&out, "-o", "rw,exec,async", "/mnt");
    assert_int_equal(out.shards, 2);
    assert_string_equal(out.kernel, "");
    assert_int_equal(out.sync, KFS_OPTIONS_SYNC_INTERVAL);
    kfs_options_release(&out);
}

static void where_the_file_is_looked_for(void **state)
{
    static const char *const paths[] = {"/xdg/kinesisfs.conf", "/etc/kinesisfs.conf", "/cmd", "/env"};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct kfs_options out;
        setup(NULL);
        set_env(1, "XDG_CONFIG_HOME", "/xdg");
        set_env(2, "KINESISFS_CONFIG", i == 2 ? "/missing" : i == 3 ? "/env" : "");
        world.path = paths[i];
        world.text = "shards=7";
        ACCEPT(&out, "/mnt", i == 2 ? "--config=/cmd" : "-f");
        assert_int_equal(out.shards, 7);
        kfs_options_release(&out);
    }
    setup(NULL);
    REFUSE("/gone: cannot read the configuration file: No such file", "/mnt", "--config=/gone");
    world.path = "/etc/kinesisfs.conf";
    world.read_error = -EACCES;
    REFUSE("/etc/kinesisfs.conf: cannot read the configuration file: Permission denied", "/mnt");
    world.read_error = -ENOTDIR;
    struct kfs_options out;
    ACCEPT(&out, "/mnt");
    kfs_options_release(&out);
}

static void errors_say_where(void **state)
{
    (void)state;
    world.path = "/etc/kinesisfs.conf";
    world.text = "# comment\n\nshards = many\n";
    REFUSE("kinesisfs: /etc/kinesisfs.conf, line 3: shards=many: it must be", "/mnt");
    world.text = "config = /other\n";
    REFUSE("line 1: 'config' cannot be set in a configuration file", "/mnt");
    world.text = "help\n";
    REFUSE("line 1: 'help' is for the command line only", "/mnt");
    world.text = "_netdev\n";
    REFUSE("line 1: no option '_netdev'", "/mnt");
    REFUSE_HELPER("line 1: no option '_netdev'", "-s", "none", "/mnt");
    world.text = "= 1\n";
    REFUSE("line 1: there is no name", "/mnt");
    world.path = NULL;
    set_env(1, "KINESISFS_SHARDS", "many");
    REFUSE("kinesisfs: KINESISFS_SHARDS: shards=many: it must be", "/mnt");
    set_env(1, "KINESISFS_HELP", "yes"); /* no option of the environment */
    struct kfs_options out;
    ACCEPT(&out, "/mnt");
    kfs_options_release(&out);
}

static void the_file_is_bounded(void **state)
{
    char *text = malloc(KFS_CONFIG_BYTES_MAX + 2);
    struct kfs_options out;

    (void)state;
    assert_non_null(text);
    memset(text, '\n', KFS_CONFIG_BYTES_MAX + 1);
    world.path = "/etc/kinesisfs.conf";
    world.text = text;
    text[KFS_CONFIG_BYTES_MAX] = '\0';
    ACCEPT(&out, "/mnt");
    kfs_options_release(&out);
    text[KFS_CONFIG_BYTES_MAX] = '\n';
    text[KFS_CONFIG_BYTES_MAX + 1] = '\0';
    REFUSE("at most 65536 bytes", "/mnt");
    free(text);
}

static void the_system_reads_files(void **state)
{
    struct kfs_options_world real = kfs_options_system_world();
    struct kfs_buf text;

    (void)state;
    kfs_buf_init(&text, 1 << 20);
    assert_int_equal(real.read_file("/proc/self/cmdline", &text), 0);
    assert_true(text.len > 0);
    assert_int_equal(real.read_file("/proc/self/no-such-file", &text), -ENOENT);
    assert_int_equal(real.read_file("/proc/self", &text), -EISDIR);
    kfs_buf_release(&text);
    kfs_buf_init(&text, 1);
    assert_int_equal(real.read_file("/proc/self/cmdline", &text), -EMSGSIZE);
    kfs_buf_release(&text);
}

/* ---- mount(8) ---- */

static void as_mount_helper(void **state)
{
    struct kfs_options out;

    (void)state;
    world.uid = 0;
    ACCEPT_HELPER(&out, "none", "/mnt", "-o",
                  "rw,_netdev,nofail,auto,noauto,user,users,owner,group,defaults,x-systemd.automount,"
                  "x-systemd.requires=a,comment=b,user=ruan,sync,noexec,shards=3");
    assert_int_equal(out.action, KFS_OPTIONS_MOUNT);
    assert_string_equal(out.source, "/var/lib/kinesisfs");
    assert_string_equal(out.mountpoint, "/mnt");
    assert_string_equal(out.kernel, "noexec");
    assert_int_equal(out.sync, KFS_OPTIONS_SYNC_ALWAYS);
    assert_int_equal(out.shards, 3);
    assert_false(out.foreground);
    kfs_options_release(&out);

    ACCEPT_HELPER(&out, "kinesisfs", "/mnt", "-nvt", "fuse.kinesisfs");
    assert_string_equal(out.source, "/var/lib/kinesisfs");
    assert_int_equal(out.action, KFS_OPTIONS_MOUNT);
    assert_false(out.foreground);
    kfs_options_release(&out);

    ACCEPT_HELPER(&out, "/store", "/mnt", "-f");
    assert_string_equal(out.source, "/store");
    assert_int_equal(out.action, KFS_OPTIONS_CHECK);
    assert_false(out.foreground);
    kfs_options_release(&out);

    ACCEPT_HELPER(&out, "-V");
    assert_int_equal(out.action, KFS_OPTIONS_VERSION);
    kfs_options_release(&out);
}

static void mount_helper_errors(void **state)
{
    struct kfs_options out;

    (void)state;
    REFUSE_HELPER("mount.kinesisfs: no option 'bogus'", "none", "/mnt", "-o", "bogus");
    ACCEPT_HELPER(&out, "none", "/mnt", "-o", "bogus,x=y", "-s");
    kfs_options_release(&out);
    ACCEPT_HELPER(&out, "none", "/mnt", "-ns", "-o", "bogus");
    kfs_options_release(&out);
    REFUSE_HELPER("shards=0", "none", "/mnt", "-s", "-o", "shards=0");
    REFUSE_HELPER("no option 'bogus'", "none", "/mnt", "-obogus,s");
    REFUSE_HELPER("with a source and a mount point", "/mnt");
    REFUSE_HELPER("no option '-d'; as a mount helper", "none", "/mnt", "-d");
    REFUSE_HELPER("no option '-N'", "none", "/mnt", "-N", "/proc/1/ns/mnt");
    REFUSE_HELPER("-t needs a value", "none", "/mnt", "-t");
    REFUSE_HELPER("kinesis:REGION", "ftp://us-east-1", "/mnt");
    refuse_args("no option '-s'", ARGS("./kinesisfs", "-s", "/mnt"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(precedence, setup),
        cmocka_unit_test_setup(where_the_file_is_looked_for, setup),
        cmocka_unit_test_setup(errors_say_where, setup),
        cmocka_unit_test_setup(the_file_is_bounded, setup),
        cmocka_unit_test_setup(the_system_reads_files, setup),
        cmocka_unit_test_setup(as_mount_helper, setup),
        cmocka_unit_test_setup(mount_helper_errors, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
