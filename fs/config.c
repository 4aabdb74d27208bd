#include "fs/config.h"

#include <stdbool.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts blanks off both ends, in place. */
static char *trim(char *text)
{
    size_t len = strlen(text);

    while (len > 0 && is_blank(text[len - 1]))
        len--;
    text[len] = '\0';
    while (is_blank(*text))
        text++;
    return text;
}

static int visit_line(struct kfs_bytes line, size_t number, kfs_config_visit *visit, void *arg)
{
    char copy[KFS_CONFIG_LINE_MAX + 1];

    if (line.len > KFS_CONFIG_LINE_MAX)
        return visit(arg, number, NULL, "the line is too long");
    if (line.len > 0 && memchr(line.data, 0, line.len) != NULL)
        return visit(arg, number, NULL, "a NUL byte");
    if (line.len > 0)
        memcpy(copy, line.data, line.len);
    copy[line.len] = '\0';

    char *text = trim(copy);
    if (*text == '\0' || *text == '#')
        return 0;
    char *equals = strchr(text, '=');
    if (equals == NULL)
        return visit(arg, number, text, NULL);
    *equals = '\0';
    text = trim(text);
    if (*text == '\0')
        return visit(arg, number, NULL, "there is no name before the =");
    return visit(arg, number, text, trim(equals + 1));
}

int kfs_config_each(struct kfs_bytes text, kfs_config_visit *visit, void *arg)
{
    const char *at = text.data;
    size_t left = text.len;
    int rc = 0;

    for (size_t number = 1; left > 0 && rc == 0; number++) {
        const char *end = memchr(at, '\n', left);
        size_t len = end != NULL ? (size_t)(end - at) : left;
        rc = visit_line((struct kfs_bytes){at, len}, number, visit, arg);
        len += end != NULL ? 1 : 0;
        at += len;
        left -= len;
    }
    return rc;
}
