/* The environment and the configuration file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/config.h"
#include "fs/options_parse.h"

#define SYSTEM_CONFIG "/etc/kinesisfs.conf"
#define CONFIG_NAME "kinesisfs.conf"
#define ENV_PREFIX "KINESISFS_"

int kfs_parse_environment(struct kfs_parse *p)
{
    int rc = 0;

    p->now = KFS_FROM_ENVIRONMENT;
    for (size_t i = 0; i < kfs_option_count && rc == 0; i++) {
        char variable[sizeof ENV_PREFIX + KFS_OPTION_NAME_MAX];
        (void)snprintf(variable, sizeof variable, ENV_PREFIX "%s", kfs_option_rows[i].name);
        for (char *c = variable; *c != '\0'; c++)
            *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
        const char *value = kfs_option_rows[i].command_line_only ? NULL : p->world->env(variable);
        if (value == NULL || *value == '\0')
            continue;
        p->place = variable;
        rc = kfs_parse_set_row(p, &kfs_option_rows[i], value);
        p->place = NULL;
    }
    return rc;
}

int kfs_parse_user_path(struct kfs_parse *p, const char *variable, const char *below_home, const char *name,
                        char **path)
{
    const char *base = p->world->env(variable);
    int len = 0;

    *path = NULL;
    if (base != NULL && base[0] == '/') {
        len = asprintf(path, "%s/%s", base, name);
    } else {
        base = p->world->env("HOME");
        if (base != NULL && base[0] != '\0')
            len = asprintf(path, "%s/%s/%s", base, below_home, name);
    }
    if (len < 0)
        *path = NULL;
    return len < 0 ? kfs_parse_no_memory(p) : 0;
}

static int visit_setting(void *arg, size_t line, const char *name, const char *value)
{
    struct kfs_parse *p = arg;

    p->line = line;
    return name == NULL ? kfs_parse_usage(p, "%s", value) : kfs_parse_set_name(p, name, value);
}

/* must_exist: someone named this file. *found says whether it was there. */
static int read_file(struct kfs_parse *p, const char *path, bool must_exist, bool *found)
{
    struct kfs_buf text;

    kfs_buf_init(&text, KFS_CONFIG_BYTES_MAX);
    p->place = path;
    int rc = p->world->read_file(path, &text);
    *found = rc == 0;
    if (rc == 0)
        rc = kfs_config_each((struct kfs_bytes){text.data, text.len}, visit_setting, p);
    else if (rc == -EMSGSIZE)
        rc = kfs_parse_usage(p, "a configuration file has at most %d bytes", KFS_CONFIG_BYTES_MAX);
    else if (must_exist || (rc != -ENOENT && rc != -ENOTDIR))
        rc = kfs_parse_usage(p, "cannot read the configuration file: %s", strerror(-rc));
    else
        rc = 0;
    p->place = NULL;
    p->line = 0;
    kfs_buf_release(&text);
    return rc;
}

int kfs_parse_config(struct kfs_parse *p)
{
    char *path = NULL;
    bool found = false;
    int rc;

    p->now = KFS_FROM_FILE;
    if (p->out.config != NULL)
        return read_file(p, p->out.config, true, &found);
    rc = kfs_parse_user_path(p, "XDG_CONFIG_HOME", ".config", CONFIG_NAME, &path);
    if (rc == 0 && path != NULL)
        rc = read_file(p, path, false, &found);
    if (rc == 0 && !found)
        rc = read_file(p, SYSTEM_CONFIG, false, &found);
    free(path);
    return rc;
}
