#include "backend/kinesis/profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backend/base/crypto.h"
#include "backend/kinesis/ini.h"

#define ITEMS_MAX 20000

struct setting {
    enum kfs_profile_file file;
    enum kfs_profile_section section;
    char *name;
    char *key;
    char *sub; /* NULL: not nested */
    char *value;
};

struct kfs_profiles {
    struct setting *settings;
    size_t n;
    size_t cap;
    enum kfs_profile_file file; /* that is being read */
};

static bool word_is(struct kfs_bytes text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

static struct kfs_bytes unquote(struct kfs_bytes text)
{
    const char *p = text.data;

    if (text.len >= 2 && (*p == '"' || *p == '\'') && p[text.len - 1] == *p)
        return (struct kfs_bytes){p + 1, text.len - 2};
    return text;
}

/* What a header of the configuration file says; false: something that is not for us. */
static bool read_header(struct kfs_bytes header, enum kfs_profile_section *section, struct kfs_bytes *name)
{
    static const struct {
        const char *word;
        enum kfs_profile_section section;
    } kinds[] = {
        {"profile", KFS_SECTION_PROFILE}, {"sso-session", KFS_SECTION_SSO_SESSION}, {"services", KFS_SECTION_SERVICES}};
    const char *p = header.data;
    size_t len = 0;

    while (len < header.len && p[len] != ' ' && p[len] != '\t')
        len++;
    struct kfs_bytes word = {p, len};
    while (len < header.len && (p[len] == ' ' || p[len] == '\t'))
        len++;
    *name = unquote((struct kfs_bytes){p + len, header.len - len});
    if (name->len == 0) {
        *name = word;
        *section = KFS_SECTION_PROFILE;
        return word_is(word, "default");
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (word_is(word, kinds[i].word)) {
            *section = kinds[i].section;
            return true;
        }
    return false;
}

static void wipe(char *text)
{
    if (text != NULL)
        kfs_secret_wipe(text, strlen(text));
    free(text);
}

static void release(struct setting *s)
{
    free(s->name);
    free(s->key);
    free(s->sub);
    wipe(s->value);
}

static int add(void *arg, const struct kfs_ini_item *item)
{
    struct kfs_profiles *p = arg;
    struct setting s = {.file = p->file, .section = KFS_SECTION_PROFILE};
    struct kfs_bytes name = item->section;

    if (p->file == KFS_CONFIG_FILE && !read_header(item->section, &s.section, &name))
        return 0;
    if (p->n == p->cap) {
        size_t cap = p->cap == 0 ? 64 : 2 * p->cap;
        struct setting *more = cap > ITEMS_MAX ? NULL : realloc(p->settings, cap * sizeof *more);
        if (more == NULL)
            return -ENOMEM;
        p->settings = more;
        p->cap = cap;
    }
    s.name = strndup(name.data, name.len);
    s.key = strndup(item->name.data, item->name.len);
    s.sub = item->sub.len > 0 ? strndup(item->sub.data, item->sub.len) : NULL;
    s.value = strndup(item->value.len > 0 ? item->value.data : "", item->value.len);
    if (s.name == NULL || s.key == NULL || s.value == NULL || (s.sub == NULL && item->sub.len > 0)) {
        release(&s);
        return -ENOMEM;
    }
    p->settings[p->n++] = s;
    return 0;
}

static int load(struct kfs_profiles *p, const struct kfs_env *env, const char *variable, const char *usual,
                struct kfs_error *err)
{
    const char *named = kfs_env_get(env, variable);
    char *path = kfs_env_path(env, named != NULL ? named : usual);
    struct kfs_buf text;
    unsigned line = 0;
    int rc;

    if (path == NULL) /* no home, so no such file */
        return 0;
    kfs_buf_init(&text, KFS_PROFILE_FILE_MAX);
    rc = kfs_read_path(path, &text);
    if (rc == -ENOENT || rc == -ENOTDIR || (rc == -EACCES && named == NULL)) {
        rc = 0;
    } else if (rc != 0) {
        rc = kfs_fail(err, EACCES, "%s: %s", path, strerror(-rc));
    } else {
        rc = kfs_ini_parse((struct kfs_bytes){text.data, text.len}, add, p, &line);
        if (rc == -EINVAL)
            rc = kfs_fail(err, EACCES, "%s: line %u is neither [section] nor name = value", path, line);
        else if (rc != 0)
            rc = kfs_fail(err, ENOMEM, "%s: too much of it", path);
    }
    if (text.data != NULL)
        kfs_secret_wipe(text.data, text.len);
    kfs_buf_release(&text);
    free(path);
    return rc;
}

int kfs_profiles_load(const struct kfs_env *env, struct kfs_profiles **out, struct kfs_error *err)
{
    struct kfs_profiles *p = calloc(1, sizeof *p);
    int rc;

    if (p == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    p->file = KFS_CREDENTIALS_FILE;
    rc = load(p, env, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", err);
    p->file = KFS_CONFIG_FILE;
    if (rc == 0)
        rc = load(p, env, "AWS_CONFIG_FILE", "~/.aws/config", err);
    if (rc != 0) {
        kfs_profiles_free(p);
        return rc;
    }
    *out = p;
    return 0;
}

void kfs_profiles_free(struct kfs_profiles *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->n; i++)
        release(&p->settings[i]);
    free(p->settings);
    free(p);
}

bool kfs_profile_exists(const struct kfs_profiles *p, const char *profile)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->settings[i].section == KFS_SECTION_PROFILE && strcmp(p->settings[i].name, profile) == 0)
            return true;
    return false;
}

/* The last one counts. */
static const char *find(const struct kfs_profiles *p, const struct setting *like)
{
    for (size_t i = p->n; i > 0; i--) {
        const struct setting *s = &p->settings[i - 1];
        if (s->file == like->file && s->section == like->section && strcmp(s->name, like->name) == 0 &&
            strcasecmp(s->key, like->key) == 0 && (s->sub == NULL) == (like->sub == NULL) &&
            (s->sub == NULL || strcasecmp(s->sub, like->sub) == 0))
            return *s->value != '\0' ? s->value : NULL;
    }
    return NULL;
}

const char *kfs_section_get(const struct kfs_profiles *p, enum kfs_profile_section section, const char *name,
                            const char *key, const char *sub)
{
    return find(p, &(struct setting){KFS_CONFIG_FILE, section, (char *)name, (char *)key, (char *)sub, NULL});
}

const char *kfs_profile_get_in(const struct kfs_profiles *p, enum kfs_profile_file file, const char *profile,
                               const char *key)
{
    return find(p, &(struct setting){file, KFS_SECTION_PROFILE, (char *)profile, (char *)key, NULL, NULL});
}

const char *kfs_profile_get(const struct kfs_profiles *p, const char *profile, const char *key)
{
    const char *value = kfs_profile_get_in(p, KFS_CREDENTIALS_FILE, profile, key);

    return value != NULL ? value : kfs_profile_get_in(p, KFS_CONFIG_FILE, profile, key);
}

const char *kfs_profile_name(const struct kfs_env *env, const char *given)
{
    const char *name = given;

    if (name == NULL)
        name = kfs_env_get(env, "AWS_PROFILE");
    if (name == NULL)
        name = kfs_env_get(env, "AWS_DEFAULT_PROFILE");
    return name != NULL ? name : "default";
}
