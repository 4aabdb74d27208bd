#include "fs/options.h"

#include "fs/options_table.h"
#include "tests/unit/options_world.h"

/* ---- the command line ---- */

static void defaults(void **state)
{
    struct kfs_options out;

    (void)state;
    ACCEPT(&out, "/mnt");
    assert_int_equal(out.action, KFS_OPTIONS_MOUNT);
    assert_string_equal(out.mountpoint, "/mnt");
    assert_string_equal(out.source, "/home/ruan/.local/share/kinesisfs");
    assert_string_equal(out.kernel, "");
    assert_false(out.foreground || out.debug || out.ro || out.allow_other);
    assert_int_equal(out.uid, 1000);
    assert_int_equal(out.gid, 100);
    assert_int_equal(out.umask, 022);
    assert_int_equal(out.threads, 4);
    assert_int_equal(out.shards, 1);
    assert_int_equal(out.retention_hours, 24);
    assert_int_equal(out.max_record_size, 1 << 20);
    assert_int_equal(out.sync, KFS_OPTIONS_SYNC_INTERVAL);
    assert_int_equal(out.sync_interval_ms, 1000);
    assert_int_equal(out.segment_size, 64 << 20);
    assert_int_equal(out.retention_size, 0);
    assert_int_equal(out.partial_timeout_ms, 0);
    assert_string_equal(out.region, "us-east-1");
    assert_string_equal(out.account, "000000000000");
    assert_null(out.config);
    assert_int_equal(out.log, KFS_LOG_TO_SYSLOG);
    assert_int_equal(out.log_level, KFS_LOG_INFO);
    kfs_options_release(&out);
    assert_null(out.source);
    kfs_options_release(&out); /* takes what is released */
}

static void every_way_to_write_an_option(void **state)
{
    static const char *const ways[][2] = {
        {"--sync-interval=5s", NULL}, {"--sync_interval=5s", NULL},   {"--sync-interval", "5s"},
        {"-osync_interval=5s", NULL}, {"-o", "ro,,sync-interval=5s"}, {"-fo", "sync_interval=5s"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct kfs_options out;
        if (ways[i][1] == NULL)
            ACCEPT(&out, ways[i][0], "./store", "/mnt");
        else
            ACCEPT(&out, "./store", ways[i][0], ways[i][1], "/mnt");
        assert_int_equal(out.sync_interval_ms, 5000);
        assert_string_equal(out.source, "./store");
        assert_string_equal(out.mountpoint, "/mnt");
        kfs_options_release(&out);
    }
}

static void every_option_is_stored(void **state)
{
    struct kfs_options out;

    (void)state;
    ACCEPT(&out, "/mnt", "-o",
           "shards=10000,retention=8760,max_record_size=10M,sync=always,sync_interval=10ms,segment_size=64K,"
           "retention_size=1G,partial_timeout=2m,region=eu-west-1,account=123456789012",
           "-o", "ro,allow_other,uid=4294967294,gid=0,umask=077,threads=64,log=stderr,log_level=warning", "-d");
    assert_int_equal(out.shards, 10000);
    assert_int_equal(out.retention_hours, 8760);
    assert_int_equal(out.max_record_size, 10 << 20);
    assert_int_equal(out.sync, KFS_OPTIONS_SYNC_ALWAYS);
    assert_int_equal(out.sync_interval_ms, 10);
    assert_int_equal(out.segment_size, 64 << 10);
    assert_int_equal(out.retention_size, 1 << 30);
    assert_int_equal(out.partial_timeout_ms, 120000);
    assert_string_equal(out.region, "eu-west-1");
    assert_string_equal(out.account, "123456789012");
    assert_true(out.ro && out.allow_other);
    assert_int_equal(out.uid, 4294967294);
    assert_int_equal(out.gid, 0);
    assert_int_equal(out.umask, 077);
    assert_int_equal(out.threads, 64);
    assert_int_equal(out.log, KFS_LOG_TO_STDERR);
    assert_int_equal(out.log_level, KFS_LOG_WARNING);
    assert_true(out.foreground && out.debug);
    kfs_options_release(&out);
}

static void the_foreground_logs_to_stderr(void **state)
{
    struct kfs_options out;

    (void)state;
    ACCEPT(&out, "-f", "/mnt");
    assert_true(out.foreground);
    assert_int_equal(out.log, KFS_LOG_TO_STDERR);
    assert_int_equal(out.log_level, KFS_LOG_INFO);
    kfs_options_release(&out);
    ACCEPT(&out, "-d", "/mnt");
    assert_true(out.foreground);
    assert_int_equal(out.log, KFS_LOG_TO_STDERR);
    assert_int_equal(out.log_level, KFS_LOG_DEBUG);
    kfs_options_release(&out);
    ACCEPT(&out, "--foreground", "--log", "syslog", "/mnt");
    assert_int_equal(out.log, KFS_LOG_TO_SYSLOG);
    kfs_options_release(&out);
}

static void the_last_mention_wins(void **state)
{
    struct kfs_options out;

    (void)state;
    ACCEPT(&out, "/mnt", "--shards=2", "--shards=3", "-o", "ro,rw,region=a,region=b,sync,async");
    assert_int_equal(out.shards, 3);
    assert_false(out.ro);
    assert_string_equal(out.region, "b");
    assert_int_equal(out.sync, KFS_OPTIONS_SYNC_INTERVAL);
    kfs_options_release(&out);
    ACCEPT(&out, "/mnt", "--ro", "--ro=no", "--allow-other=yes", "-o", "sync");
    assert_false(out.ro);
    assert_true(out.allow_other);
    assert_int_equal(out.sync, KFS_OPTIONS_SYNC_ALWAYS);
    kfs_options_release(&out);
}

static void the_kernel_gets_its_words(void **state)
{
    struct kfs_options out;

    (void)state;
    ACCEPT(&out, "/mnt", "-o", "ro,noexec,noatime,dirsync,suid,dev");
    assert_string_equal(out.kernel, "ro,suid,dev,noexec,noatime,dirsync");
    assert_true(out.ro);
    kfs_options_release(&out);
    ACCEPT(&out, "/mnt", "-o", "rw,suid,nosuid,nodev,noexec,exec,noatime,relatime");
    assert_string_equal(out.kernel, "nosuid,nodev");
    kfs_options_release(&out);
    ACCEPT(&out, "/mnt", "--noexec", "-o", "sync");
    assert_string_equal(out.kernel, "noexec");
    kfs_options_release(&out);
}

static void commas_in_values_are_escaped(void **state)
{
    struct kfs_options out;

    (void)state;
    world.path = "/a,b\\c";
    world.text = "";
    ACCEPT(&out, "/mnt", "-o", "config=/a\\,b\\\\c,ro");
    assert_string_equal(out.config, "/a,b\\c");
    assert_true(out.ro);
    kfs_options_release(&out);
}

static void help_and_version_end_the_parsing(void **state)
{
    struct kfs_options out;

    (void)state;
    ACCEPT(&out, "-h", "--nonsense");
    assert_int_equal(out.action, KFS_OPTIONS_HELP);
    kfs_options_release(&out);
    ACCEPT(&out, "--version");
    assert_int_equal(out.action, KFS_OPTIONS_VERSION);
    kfs_options_release(&out);
    ACCEPT(&out, "-fV");
    assert_int_equal(out.action, KFS_OPTIONS_VERSION);
    kfs_options_release(&out);
    REFUSE("'help' takes no value", "--help=me");
}

static void usage_errors_say_what_is_allowed(void **state)
{
    (void)state;
    refuse_args("no MOUNTPOINT", (const char *const[]){"kinesisfs", NULL});
    refuse_args("no MOUNTPOINT", (const char *const[]){NULL});
    REFUSE("no option 'shrads'; did you mean 'shards'?", "/mnt", "--shrads=2");
    REFUSE("no option 'sync-intervall'; did you mean 'sync_interval'?", "/mnt", "-o", "sync-intervall=1s");
    REFUSE("no option 'noatim'; did you mean 'noatime'?", "/mnt", "-o", "noatim");
    REFUSE("no option 'cachedir'; kinesisfs --help", "/mnt", "--cachedir=1");
    REFUSE("listen=localhost:1: it must be a numeric address and a port", "/mnt", "--listen=localhost:1");
    REFUSE("api_faults=drop:1: it must be throttle:P", "/mnt", "--api-faults=drop:1");
    REFUSE("no option '_netdev'", "/mnt", "-o", "_netdev");
    REFUSE("no option '-x'", "/mnt", "-x");
    REFUSE("no option '-n'", "/mnt", "-n");
    REFUSE("no option '--=1'", "/mnt", "--=1");
    REFUSE("shards=0: it must be a number from 1 to 10000", "/mnt", "--shards=0");
    REFUSE("shards=10001: it must", "/mnt", "--shards=10001");
    REFUSE("shards= 1: it must", "/mnt", "--shards= 1");
    REFUSE("shards=4294967297: it must", "/mnt", "--shards=4294967297");
    REFUSE("retention=23: it must be a number from 24 to 8760", "/mnt", "--retention", "23");
    REFUSE("max_record_size=1500000: it must be a size from 1M to 10M, in whole K", "/mnt",
           "--max-record-size=1500000");
    REFUSE("segment_size=63K: it must be a size from 64K to 4G", "/mnt", "--segment-size=63K");
    REFUSE("segment_size=5G", "/mnt", "--segment-size=5G");
    REFUSE("sync_interval=9ms: it must be a time from 10ms to 1h", "/mnt", "--sync-interval=9ms");
    REFUSE("sync=never: it must be always or interval", "/mnt", "-o", "sync=never");
    REFUSE("log_level=loud: it must be error, warning, info or debug", "/mnt", "--log-level=loud");
    REFUSE("umask=1000: it must be an octal number from 0 to 777", "/mnt", "--umask=1000");
    REFUSE("umask=8: it", "/mnt", "--umask=8");
    REFUSE("account=1: it must be 12 digits", "/mnt", "--account=1");
    REFUSE("region=US: it must be 1 to 32 of", "/mnt", "--region=US");
    REFUSE("ro=perhaps: it must be yes or no", "/mnt", "-o", "ro=perhaps");
    REFUSE("'rw' takes no value", "/mnt", "-o", "rw=1");
    REFUSE("'shards' needs a value: a number", "/mnt", "-o", "shards");
    REFUSE("--shards needs a value: a number", "/mnt", "--shards");
    REFUSE("-o needs a value", "/mnt", "-o");
    REFUSE("'c' is one argument too many", "a/", "b", "c");
    REFUSE("an argument is empty", "");
    REFUSE("region=?[31m: it", "/mnt", "--region=\x1b[31m");
}

static void without_a_mount_there_is_no_mountpoint(void **state)
{
    struct kfs_options out;

    (void)state;
    ACCEPT(&out, "--no-mount", "--listen=127.0.0.1:4567", "./store");
    assert_null(out.mountpoint);
    assert_string_equal(out.source, "./store");
    assert_string_equal(out.listen, "127.0.0.1:4567");
    assert_int_equal(out.api_status_delay_ms, 500);
    kfs_options_release(&out);
    ACCEPT(&out, "-o", "no_mount,listen=[::1]:0");
    assert_string_equal(out.source, "/home/ruan/.local/share/kinesisfs");
    kfs_options_release(&out);
    REFUSE("no_mount takes a SOURCE and no MOUNTPOINT", "--no-mount", "--listen=127.0.0.1:1", "./a", "/mnt");
    REFUSE("no_mount without listen would do nothing", "--no-mount");
    REFUSE_HELPER("no_mount is not for a mount helper", "./a", "/mnt", "-o", "no_mount,listen=127.0.0.1:1");
}

static void a_double_dash_ends_options(void **state)
{
    struct kfs_options out;

    (void)state;
    ACCEPT(&out, "--ro", "--", "./-s", "-m");
    assert_string_equal(out.source, "./-s");
    assert_string_equal(out.mountpoint, "-m");
    kfs_options_release(&out);
}

static void long_arguments_are_bounded(void **state)
{
    size_t len = KFS_OPTION_VALUE_MAX + 100;
    char *text = malloc(len + 1);

    (void)state;
    assert_non_null(text);
    memset(text, 'x', len);
    text[len] = '\0';
    REFUSE("an item of -o is longer than", "/mnt", "-o", text);
    memcpy(text, "--config=", 9);
    REFUSE("config=xxx", "/mnt", text);
    text[6] = 'x';
    text[8] = 'x';
    REFUSE("no option '--conf", "/mnt", text);
    memcpy(text, "./", 2);
    REFUSE("too long", text, "/mnt");
    free(text);
}

/* ---- sources ---- */

static void sources(void **state)
{
    struct kfs_options out;

    (void)state;
    ACCEPT(&out, "local:here", "/mnt");
    assert_string_equal(out.source, "here");
    kfs_options_release(&out);
    ACCEPT(&out, "local:/a:b", "/mnt");
    assert_string_equal(out.source, "/a:b");
    kfs_options_release(&out);
    REFUSE("(./store)", "store", "/mnt");
    REFUSE("(./none)", "none", "/mnt");
    REFUSE("names no directory", "local:", "/mnt");
}

static void remote_sources(void **state)
{
    static const struct {
        const char *source;
        enum kfs_source type;
        const char *kept;
        const char *spool;
    } rows[] = {
        {"kinesis:", KFS_SOURCE_KINESIS, "", "/state/kinesisfs/remote/kinesis"},
        {"kinesis:eu-west-1", KFS_SOURCE_KINESIS, "eu-west-1", "/state/kinesisfs/remote/eu-west-1"},
        {"http://127.0.0.1:4567", KFS_SOURCE_URL, "http://127.0.0.1:4567", "/state/kinesisfs/remote/127.0.0.1_4567"},
        {"http://[::1]:1//", KFS_SOURCE_URL, "http://[::1]:1", "/state/kinesisfs/remote/___1__1"},
        {"https://a.b/c", KFS_SOURCE_URL, "https://a.b/c", "/state/kinesisfs/remote/a.b_c"},
    };
    static const char *const bad[] = {"https:/x",        "http:127.0.0.1:80", "http://a\nb",     "http://",
                                      "http:///",        "http://:80",        "http://a:",       "http://a:0",
                                      "https://a:65536", "http://a:1x/",      "http://[::1",     "http://a:b@c",
                                      "http://a?b",      "http://a:000080",   "http://[::1]80/x"};
    char url[300] = "http://";
    char cut[201] = "";
    struct kfs_options out;

    (void)state;
    set_env(1, "XDG_STATE_HOME", "/state");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ACCEPT(&out, rows[i].source, "/mnt");
        assert_int_equal(out.source_type, rows[i].type);
        assert_string_equal(out.source, rows[i].kept);
        assert_string_equal(out.spool, rows[i].spool);
        assert_null(out.region);
        kfs_options_release(&out);
    }
    ACCEPT(&out, "kinesis:", "/mnt", "-o", "spool=/here,region=b");
    assert_string_equal(out.spool, "/here");
    assert_string_equal(out.region, "b");
    kfs_options_release(&out);
    set_env(1, "XDG_STATE_HOME", "");
    ACCEPT(&out, "kinesis:", "/mnt");
    assert_string_equal(out.spool, "/home/ruan/.local/state/kinesisfs/remote/kinesis");
    kfs_options_release(&out);
    world.uid = 0;
    ACCEPT(&out, "kinesis:", "/mnt");
    assert_string_equal(out.spool, "/var/lib/kinesisfs/remote/kinesis");
    kfs_options_release(&out);
    /* What is longer than a name may be is cut. */
    memset(url + 7, 'a', sizeof url - 8);
    memset(cut, 'a', sizeof cut - 1);
    ACCEPT(&out, url, "/mnt");
    assert_memory_equal(out.spool, "/var/lib/kinesisfs/remote/", 26);
    assert_string_equal(out.spool + 26, cut);
    kfs_options_release(&out);
    REFUSE("it is kinesis: or kinesis:REGION", "kinesis:US/east", "/mnt");
    REFUSE("kinesis:REGION, or http://", "ftp://127.0.0.1", "/mnt");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        REFUSE("no URL of an endpoint", bad[i], "/mnt");
}

static void the_default_store(void **state)
{
    struct kfs_options out;

    (void)state;
    set_env(1, "XDG_DATA_HOME", "/data");
    ACCEPT(&out, "/mnt");
    assert_string_equal(out.source, "/data/kinesisfs");
    kfs_options_release(&out);
    world.uid = 0;
    ACCEPT(&out, "/mnt");
    assert_string_equal(out.source, "/data/kinesisfs");
    kfs_options_release(&out);
    set_env(1, "XDG_DATA_HOME", "relative"); /* the XDG rules ignore it */
    ACCEPT(&out, "/mnt");
    assert_string_equal(out.source, "/var/lib/kinesisfs");
    assert_int_equal(out.uid, 0);
    kfs_options_release(&out);
    world.uid = 1000;
    ACCEPT(&out, "/mnt");
    assert_string_equal(out.source, "/home/ruan/.local/share/kinesisfs");
    kfs_options_release(&out);
    memset(world.env, 0, sizeof world.env);
    REFUSE("neither XDG_DATA_HOME nor HOME", "/mnt");
    ACCEPT(&out, "./store", "/mnt");
    kfs_options_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(defaults, setup),
        cmocka_unit_test_setup(every_way_to_write_an_option, setup),
        cmocka_unit_test_setup(every_option_is_stored, setup),
        cmocka_unit_test_setup(the_foreground_logs_to_stderr, setup),
        cmocka_unit_test_setup(the_last_mention_wins, setup),
        cmocka_unit_test_setup(the_kernel_gets_its_words, setup),
        cmocka_unit_test_setup(commas_in_values_are_escaped, setup),
        cmocka_unit_test_setup(help_and_version_end_the_parsing, setup),
        cmocka_unit_test_setup(usage_errors_say_what_is_allowed, setup),
        cmocka_unit_test_setup(without_a_mount_there_is_no_mountpoint, setup),
        cmocka_unit_test_setup(a_double_dash_ends_options, setup),
        cmocka_unit_test_setup(long_arguments_are_bounded, setup),
        cmocka_unit_test_setup(sources, setup),
        cmocka_unit_test_setup(remote_sources, setup),
        cmocka_unit_test_setup(the_default_store, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
