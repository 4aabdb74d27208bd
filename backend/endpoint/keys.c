#include "backend/endpoint/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/crypto.h"

#define FIELDS_MAX 3
#define OTHERS_MODE 077U

struct kfs_keys {
    struct kfs_key *keys; /* views of text */
    size_t n;
    char *text; /* the file */
    size_t len;
};

/* ---- parsing ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool is_id_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_id(struct kfs_bytes text)
{
    const char *p = text.data;

    for (size_t i = 0; i < text.len; i++) {
        if (!is_id_char(p[i]))
            return false;
    }
    return text.len > 0 && text.len <= KFS_ACCESS_KEY_ID_MAX;
}

/* Fields of a line; FIELDS_MAX + 1 where there are too many. */
static size_t split(const char *line, size_t len, struct kfs_bytes fields[FIELDS_MAX])
{
    size_t n = 0;
    size_t at = 0;

    for (;;) {
        while (at < len && is_blank(line[at]))
            at++;
        if (at == len)
            return n;
        if (n == FIELDS_MAX)
            return n + 1;
        size_t from = at;
        while (at < len && !is_blank(line[at]))
            at++;
        fields[n++] = (struct kfs_bytes){line + from, at - from};
    }
}

static int add_line(struct kfs_keys *keys, const char *line, size_t len, const char **why)
{
    struct kfs_bytes fields[FIELDS_MAX] = {0};
    size_t n = split(line, len, fields);

    if (n == 0 || ((const char *)fields[0].data)[0] == '#')
        return 0;
    if (n == 1 || n > FIELDS_MAX)
        *why = "a line is ACCESS_KEY_ID SECRET_ACCESS_KEY [SESSION_TOKEN]";
    else if (!is_id(fields[0]))
        *why = "an access key id is 1 to 128 letters, digits and underscores";
    else if (kfs_keys_find(keys, fields[0]) != NULL)
        *why = "this access key id is there twice";
    else if (keys->n == KFS_KEYS_MAX)
        *why = "there are more than 1000 keys";
    if (*why != NULL)
        return -EINVAL;
    keys->keys[keys->n++] = (struct kfs_key){.id = fields[0], .secret = fields[1], .token = fields[2]};
    return 0;
}

static int parse_lines(struct kfs_keys *keys, const char *name, struct kfs_error *err)
{
    const char *line = keys->text;
    const char *end = keys->text + keys->len;
    const char *why = NULL;

    for (unsigned number = 1; line < end; number++) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t len = (size_t)((newline == NULL ? end : newline) - line);
        if (add_line(keys, line, len, &why) != 0)
            return kfs_fail(err, EINVAL, "%s, line %u: %s", name, number, why);
        line += len + 1;
    }
    if (keys->n == 0)
        return kfs_fail(err, EINVAL, "%s: there is no key in it", name);
    return 0;
}

int kfs_keys_parse(const char *name, struct kfs_bytes text, struct kfs_keys **keys, struct kfs_error *err)
{
    struct kfs_keys *made = calloc(1, sizeof *made);
    int rc;

    if (made != NULL) {
        made->keys = calloc(KFS_KEYS_MAX, sizeof *made->keys);
        made->text = malloc(text.len + 1);
        made->len = text.len;
    }
    if (made == NULL || made->keys == NULL || made->text == NULL) {
        rc = kfs_fail(err, ENOMEM, "%s: out of memory", name);
        goto out;
    }
    if (text.len > 0)
        memcpy(made->text, text.data, text.len);
    rc = parse_lines(made, name, err);
    if (rc == 0) {
        *keys = made;
        made = NULL;
    }
out:
    kfs_keys_free(made);
    return rc;
}

/* ---- the file ---- */

static int read_all(int fd, const char *path, struct kfs_buf *text, struct kfs_error *err)
{
    int rc = kfs_buf_reserve(text, KFS_KEYS_FILE_BYTES_MAX + 1); /* at once, so that no copy of a secret is left */

    if (rc != 0)
        return kfs_fail(err, -rc, "%s: out of memory", path);
    for (;;) {
        ssize_t n = read(fd, text->data + text->len, text->cap - text->len);
        if (n == 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return kfs_fail(err, errno, "%s: cannot be read: %s", path, strerror(errno));
        text->len += n > 0 ? (size_t)n : 0;
        if (text->len > KFS_KEYS_FILE_BYTES_MAX)
            return kfs_fail(err, EFBIG, "%s: more than 1 MiB; is it a file of keys?", path);
    }
}

static int check_mode(int fd, const char *path, struct kfs_error *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return kfs_fail(err, errno, "%s: %s", path, strerror(errno));
    if ((st.st_mode & OTHERS_MODE) != 0)
        return kfs_fail(err, EACCES, "%s: others may read or write it (mode %03o); secrets need chmod 600", path,
                        (unsigned)st.st_mode & 0777U);
    return 0;
}

int kfs_keys_load(const char *path, struct kfs_keys **keys, struct kfs_error *err)
{
    struct kfs_buf text;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc;

    if (fd < 0)
        return kfs_fail(err, errno, "%s: cannot be opened: %s", path, strerror(errno));
    kfs_buf_init(&text, KFS_KEYS_FILE_BYTES_MAX + 1);
    rc = check_mode(fd, path, err);
    if (rc == 0)
        rc = read_all(fd, path, &text, err);
    if (rc == 0)
        rc = kfs_keys_parse(path, (struct kfs_bytes){text.data, text.len}, keys, err);
    if (text.len > 0)
        kfs_secret_wipe(text.data, text.len);
    kfs_buf_release(&text);
    (void)close(fd);
    return rc;
}

void kfs_keys_free(struct kfs_keys *keys)
{
    if (keys == NULL)
        return;
    if (keys->text != NULL)
        kfs_secret_wipe(keys->text, keys->len);
    free(keys->text);
    free(keys->keys);
    free(keys);
}

const struct kfs_key *kfs_keys_find(const struct kfs_keys *keys, struct kfs_bytes id)
{
    for (size_t i = 0; i < keys->n; i++) {
        if (keys->keys[i].id.len == id.len && memcmp(keys->keys[i].id.data, id.data, id.len) == 0)
            return &keys->keys[i];
    }
    return NULL;
}
