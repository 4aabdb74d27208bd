#include "fs/options.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/logger.h"
#include "fs/options_parse.h"

#define SYSTEM_STORE "/var/lib/kinesisfs"
#define SYSTEM_SPOOL SYSTEM_STORE "/remote/"
#define LOCAL_SCHEME "local:"
#define KINESIS_SCHEME "kinesis:"
#define REGION_DEFAULT "us-east-1"
#define SPOOL_NAME_MAX 200 /* bytes of a source that name its spool */
#define EXIT_NO_MEMORY 1
#define MESSAGE_MAX 1024

/* ---- messages ---- */

int kfs_parse_usage(struct kfs_parse *p, const char *format, ...)
{
    char text[MESSAGE_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == '\x7f')
            *c = '?';
    }
    (void)fputs(p->helper ? KFS_HELPER ": " : KFS_PROGRAM ": ", p->errors);
    if (p->place != NULL && p->line > 0)
        (void)fprintf(p->errors, "%s, line %zu: ", p->place, p->line);
    else if (p->place != NULL)
        (void)fprintf(p->errors, "%s: ", p->place);
    (void)fprintf(p->errors, "%s\n", text);
    return KFS_EXIT_USAGE;
}

int kfs_parse_no_memory(struct kfs_parse *p)
{
    (void)kfs_parse_usage(p, "out of memory");
    return EXIT_NO_MEMORY;
}

static int unknown(struct kfs_parse *p, const char *name, const char *plain)
{
    const char *nearest = kfs_option_nearest(plain);

    if (nearest != NULL)
        return kfs_parse_usage(p, "no option '%s'; did you mean '%s'?", name, nearest);
    return kfs_parse_usage(p, "no option '%.*s'; " KFS_PROGRAM " --help lists them", KFS_PARSE_SHOWN_MAX, name);
}

/* ---- one setting ---- */

/* Whether a setting from p->now counts, given where the one there is came from. */
static bool outranks(const struct kfs_parse *p, enum kfs_origin there)
{
    return there == KFS_FROM_NOWHERE || there == p->now;
}

int kfs_parse_set_row(struct kfs_parse *p, const struct kfs_option *row, const char *value)
{
    struct kfs_error err;
    enum kfs_origin *from = &p->row_from[row - kfs_option_rows];

    if (p->now != KFS_FROM_COMMAND_LINE && row->command_line_only)
        return kfs_parse_usage(p, "'%s' is for the command line only", row->name);
    if (p->now == KFS_FROM_FILE && row->not_in_file)
        return kfs_parse_usage(p, "'%s' cannot be set in a configuration file", row->name);
    if (!outranks(p, *from))
        return 0;
    int rc = kfs_option_set(row, value, &p->out, &err);
    if (rc == -ENOMEM)
        return kfs_parse_no_memory(p);
    if (rc != 0)
        return kfs_parse_usage(p, "%s", err.text);
    *from = p->now;
    p->done = row->type == KFS_OPTION_ACTION;
    return 0;
}

static const struct kfs_option_alias *find_alias(const char *name)
{
    for (size_t i = 0; i < kfs_option_alias_count; i++) {
        if (strcmp(kfs_option_aliases[i].word, name) == 0)
            return &kfs_option_aliases[i];
    }
    return NULL;
}

static const struct kfs_kernel_word *find_kernel_word(const char *name)
{
    for (size_t i = 0; i < kfs_kernel_word_count; i++) {
        if (strcmp(kfs_kernel_words[i].word, name) == 0)
            return &kfs_kernel_words[i];
    }
    return NULL;
}

/* What fstab says to mount(8), systemd and boot scripts, not to a file system. */
static bool is_for_mount(const char *name)
{
    static const char *const words[] = {"_netdev", "nofail", "auto",  "noauto",   "user",
                                        "users",   "owner",  "group", "defaults", "comment"};

    if (strncmp(name, "x-", 2) == 0 || strncmp(name, "X-", 2) == 0)
        return true;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(name, words[i]) == 0)
            return true;
    }
    return false;
}

void kfs_parse_plain_name(const char *name, char plain[KFS_OPTION_NAME_MAX + 1])
{
    size_t len = strlen(name);

    if (len > KFS_OPTION_NAME_MAX)
        len = 0;
    for (size_t i = 0; i < len; i++)
        plain[i] = (char)(name[i] == '-' ? '_' : name[i]);
    plain[len] = '\0';
}

int kfs_parse_set_name(struct kfs_parse *p, const char *name, const char *value)
{
    char plain[KFS_OPTION_NAME_MAX + 1];

    kfs_parse_plain_name(name, plain);
    const struct kfs_option *row = kfs_option_find(plain);
    if (row != NULL)
        return kfs_parse_set_row(p, row, value);

    const struct kfs_option_alias *alias = find_alias(plain);
    const struct kfs_kernel_word *word = find_kernel_word(plain);
    if ((alias != NULL || word != NULL) && value != NULL)
        return kfs_parse_usage(p, "'%s' takes no value", plain);
    if (alias != NULL)
        return kfs_parse_set_row(p, kfs_option_find(alias->name), alias->value);
    if (word != NULL) {
        if (outranks(p, p->kernel_from[word->group])) {
            p->kernel_from[word->group] = p->now;
            p->kernel[word->group] = word;
        }
        return 0;
    }
    if (p->helper && p->now == KFS_FROM_COMMAND_LINE && (p->sloppy || is_for_mount(name)))
        return 0;
    return unknown(p, name, plain);
}

/* ---- what follows from the rest ---- */

static enum kfs_origin from_of(const struct kfs_parse *p, const char *name)
{
    return p->row_from[kfs_option_find(name) - kfs_option_rows];
}

static int set_defaults(struct kfs_parse *p)
{
    struct kfs_options *out = &p->out;
    int rc = 0;

    p->now = KFS_FROM_DEFAULT;
    for (size_t i = 0; i < kfs_option_count && rc == 0; i++) {
        if (kfs_option_rows[i].value != NULL)
            rc = kfs_parse_set_row(p, &kfs_option_rows[i], kfs_option_rows[i].value);
    }
    if (rc != 0)
        return rc;
    out->foreground = out->foreground || out->debug;
    if (from_of(p, "uid") == KFS_FROM_NOWHERE)
        out->uid = p->world->uid;
    if (from_of(p, "gid") == KFS_FROM_NOWHERE)
        out->gid = p->world->gid;
    if (from_of(p, "log") == KFS_FROM_NOWHERE)
        out->log = out->foreground ? KFS_LOG_TO_STDERR : KFS_LOG_TO_SYSLOG;
    if (from_of(p, "log_level") == KFS_FROM_NOWHERE)
        out->log_level = out->debug ? KFS_LOG_DEBUG : KFS_LOG_INFO;
    return 0;
}

static void set_kernel(struct kfs_parse *p)
{
    size_t len = 0;

    if (p->out.ro)
        len = (size_t)snprintf(p->out.kernel, sizeof p->out.kernel, "ro");
    for (size_t i = 0; i < KFS_KERNEL_GROUPS; i++) {
        if (p->kernel[i] != NULL && !p->kernel[i]->is_default)
            len += (size_t)snprintf(p->out.kernel + len, sizeof p->out.kernel - len, "%s%s", len > 0 ? "," : "",
                                    p->kernel[i]->word);
    }
}

static int default_source(struct kfs_parse *p)
{
    const char *data_home = p->world->env("XDG_DATA_HOME");
    bool has_data_home = data_home != NULL && data_home[0] == '/';

    if (p->world->uid == 0 && !has_data_home) {
        p->out.source = strdup(SYSTEM_STORE);
        return p->out.source == NULL ? kfs_parse_no_memory(p) : 0;
    }
    int rc = kfs_parse_user_path(p, "XDG_DATA_HOME", ".local/share", KFS_PROGRAM, &p->out.source);
    if (rc == 0 && p->out.source == NULL)
        rc = kfs_parse_usage(p, "neither XDG_DATA_HOME nor HOME is set; name a SOURCE, the directory of the store");
    return rc;
}

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The directory of a remote source, where none was named: below the user's state, or the system's. */
static int default_spool(struct kfs_parse *p, const char *place)
{
    char name[sizeof SYSTEM_SPOOL + SPOOL_NAME_MAX]; /* the longer of the two */
    const char *state_home = p->world->env("XDG_STATE_HOME");
    bool has_state_home = state_home != NULL && state_home[0] == '/';
    bool system = p->world->uid == 0 && !has_state_home;
    int len =
        snprintf(name, sizeof name, "%s%.*s", system ? SYSTEM_SPOOL : KFS_PROGRAM "/remote/", SPOOL_NAME_MAX, place);

    for (char *c = name + len - strnlen(place, SPOOL_NAME_MAX); *c != '\0'; c++)
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.", *c) == NULL)
            *c = '_';
    if (system) {
        p->out.spool = strdup(name);
        return p->out.spool == NULL ? kfs_parse_no_memory(p) : 0;
    }
    int rc = kfs_parse_user_path(p, "XDG_STATE_HOME", ".local/state", name, &p->out.spool);
    if (rc == 0 && p->out.spool == NULL)
        rc = kfs_parse_usage(p, "neither XDG_STATE_HOME nor HOME is set; name a directory with spool=DIR");
    return rc;
}

/* place: what tells this source from others, for the name of its directory. */
static int set_remote(struct kfs_parse *p, enum kfs_source type, const char *source, const char *place)
{
    p->out.source_type = type;
    p->out.source = strdup(source);
    if (p->out.source == NULL)
        return kfs_parse_no_memory(p);
    return p->out.spool != NULL ? 0 : default_spool(p, place);
}

/* HOST or HOST:PORT, and a path perhaps. */
static bool is_place(const char *text)
{
    const size_t len = strcspn(text, "/");
    const size_t host = *text == '[' ? strcspn(text, "]") + 1 : strcspn(text, ":/");

    if (host == 0 || host > len || strpbrk(text, "?#@ ") != NULL)
        return false;
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ')
            return false;
    const size_t digits = text[host] == ':' ? strspn(text + host + 1, "0123456789") : 0;
    const unsigned long port = digits > 0 && digits <= 5 ? strtoul(text + host + 1, NULL, 10) : 0;
    return host == len || (port > 0 && port <= UINT16_MAX && host + 1 + digits == len);
}

/* A slash at its end makes no other endpoint. What is no URL may have a secret in it, and is not shown. */
static int set_url(struct kfs_parse *p, const char *text)
{
    const char *slashes = strchr(text, ':') + 1;
    const char *place = slashes + 2;
    size_t len = strlen(text);

    if (!begins(slashes, "//") || !is_place(place))
        return kfs_parse_usage(p, "the source is no URL of an endpoint: it is like https://HOST or http://HOST:PORT");
    while (text[len - 1] == '/')
        len--;
    char *url = strndup(text, len);
    int rc = url == NULL ? kfs_parse_no_memory(p) : set_remote(p, KFS_SOURCE_URL, url, url + (place - text));
    free(url);
    return rc;
}

static int set_source(struct kfs_parse *p, const char *text)
{
    const char *dir = text;

    if (p->helper && (strcmp(text, "none") == 0 || strcmp(text, KFS_PROGRAM) == 0))
        return default_source(p);
    if (begins(text, KINESIS_SCHEME)) {
        const char *region = text + strlen(KINESIS_SCHEME);
        if (strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(region))
            return kfs_parse_usage(p, "source '%.*s': it is kinesis: or kinesis:REGION", KFS_PARSE_SHOWN_MAX, text);
        return set_remote(p, KFS_SOURCE_KINESIS, region, *region != '\0' ? region : "kinesis");
    }
    if (begins(text, "http:") || begins(text, "https:"))
        return set_url(p, text);
    if (begins(text, LOCAL_SCHEME))
        dir = text + strlen(LOCAL_SCHEME);
    else if (strstr(text, "://") != NULL || strchr(text, '/') == NULL)
        return kfs_parse_usage(p,
                               "source '%.*s': a source is a path with a / in it (./%.*s), local:DIR, "
                               "kinesis:REGION, or http:// or https:// and HOST:PORT",
                               KFS_PARSE_SHOWN_MAX, text, KFS_PARSE_SHOWN_MAX, text);
    if (*dir == '\0')
        return kfs_parse_usage(p, "source '%s' names no directory; it is local:DIR", text);
    if (strlen(dir) >= PATH_MAX)
        return kfs_parse_usage(p, "the source's path is too long");
    p->out.source = strdup(dir);
    return p->out.source == NULL ? kfs_parse_no_memory(p) : 0;
}

/* Of a local store it is only a part of names. */
static int set_region(struct kfs_parse *p)
{
    if (p->out.region == NULL && p->out.source_type == KFS_SOURCE_LOCAL)
        p->out.region = strdup(REGION_DEFAULT);
    return p->out.region == NULL && p->out.source_type == KFS_SOURCE_LOCAL ? kfs_parse_no_memory(p) : 0;
}

/* Without a mount a name is the source's. */
static int set_source_only(struct kfs_parse *p)
{
    if (p->helper)
        return kfs_parse_usage(p, "no_mount is not for a mount helper");
    if (p->out.listen == NULL)
        return kfs_parse_usage(p, "no_mount without listen would do nothing");
    if (p->positionals > 1)
        return kfs_parse_usage(p, "no_mount takes a SOURCE and no MOUNTPOINT");
    int rc = p->positionals == 1 ? set_source(p, p->positional[0]) : default_source(p);
    return rc != 0 ? rc : set_region(p);
}

static int set_places(struct kfs_parse *p)
{
    int rc;

    if (p->out.no_mount)
        return set_source_only(p);
    if (p->positionals == 0)
        return kfs_parse_usage(p, "no MOUNTPOINT given; " KFS_PROGRAM " [SOURCE] MOUNTPOINT, and --help for the rest");
    if (p->helper && p->positionals != 2)
        return kfs_parse_usage(p, "a mount helper is called with a source and a mount point");
    rc = p->positionals == 2 ? set_source(p, p->positional[0]) : default_source(p);
    if (rc != 0)
        return rc;
    p->out.spec = p->helper ? strdup(p->positional[0]) : NULL;
    p->out.mountpoint = strdup(p->positional[p->positionals - 1]);
    if (p->out.mountpoint == NULL || (p->helper && p->out.spec == NULL))
        return kfs_parse_no_memory(p);
    return set_region(p);
}

/* ---- the interface ---- */

static bool is_helper(const char *path)
{
    const char *slash = strrchr(path, '/');

    return strcmp(slash != NULL ? slash + 1 : path, KFS_HELPER) == 0;
}

int kfs_options_parse(int argc, char **argv, const struct kfs_options_world *world, struct kfs_options *out,
                      FILE *errors)
{
    struct kfs_parse p = {.world = world, .errors = errors, .helper = argc > 0 && is_helper(argv[0])};
    int rc = argc > 0 ? kfs_parse_arguments(&p, argv + 1, (size_t)argc - 1) : 0;

    if (rc == 0 && !p.done)
        rc = kfs_parse_environment(&p);
    if (rc == 0 && !p.done)
        rc = kfs_parse_config(&p);
    if (rc == 0 && !p.done)
        rc = set_defaults(&p);
    if (rc == 0 && !p.done)
        rc = set_places(&p);
    if (rc == 0 && !p.done)
        set_kernel(&p);
    if (rc == 0)
        *out = p.out;
    else
        kfs_options_release(&p.out);
    return rc;
}

void kfs_options_release(struct kfs_options *options)
{
    for (size_t i = 0; i < kfs_option_count; i++) {
        if (kfs_option_rows[i].type == KFS_OPTION_TEXT)
            free(*(char **)(void *)((char *)options + kfs_option_rows[i].offset));
    }
    free(options->source);
    free(options->spec);
    free(options->mountpoint);
    *options = (struct kfs_options){0};
}

static int read_whole_file(const char *path, struct kfs_buf *text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char piece[4096];
    ssize_t n;
    int rc = 0;

    if (fd < 0)
        return -errno;
    while (rc == 0 && (n = read(fd, piece, sizeof piece)) != 0) {
        if (n > 0)
            rc = kfs_buf_append(text, piece, (size_t)n);
        else if (errno != EINTR)
            rc = -errno;
    }
    (void)close(fd);
    return rc;
}

struct kfs_options_world kfs_options_system_world(void)
{
    return (struct kfs_options_world){getenv, read_whole_file, geteuid(), getegid()};
}
