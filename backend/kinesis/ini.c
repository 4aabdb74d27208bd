#include "backend/kinesis/ini.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "backend/base/crypto.h"

struct parser {
    kfs_ini_visit *visit;
    void *arg;
    struct kfs_ini_item item; /* the last one, not yet visited where pending */
    struct kfs_buf value;     /* of several lines, its memory */
    bool in_section;
    bool pending;
    bool nests;    /* the item's value is empty */
    size_t indent; /* of the item's line */
};

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static struct kfs_bytes trim(struct kfs_bytes text)
{
    const char *p = text.data;
    size_t from = 0;
    size_t to = text.len;

    while (from < to && blank(p[from]))
        from++;
    while (to > from && blank(p[to - 1]))
        to--;
    return (struct kfs_bytes){p + from, to - from};
}

static int flush(struct parser *p)
{
    if (!p->pending)
        return 0;
    p->pending = false;
    if (p->value.len > 0)
        p->item.value = (struct kfs_bytes){p->value.data, p->value.len};
    int rc = p->visit(p->arg, &p->item);
    if (p->value.len > 0)
        kfs_secret_wipe(p->value.data, p->value.len);
    p->value.len = 0;
    return rc;
}

/* "name = value"; false: it is none. */
static bool split(struct kfs_bytes line, struct kfs_bytes *name, struct kfs_bytes *value)
{
    const char *p = line.data;
    size_t at = 0;

    while (at < line.len && p[at] != '=' && p[at] != ':')
        at++;
    *name = trim((struct kfs_bytes){p, at});
    if (at == line.len || name->len == 0)
        return false;
    *value = trim((struct kfs_bytes){p + at + 1, line.len - at - 1});
    return true;
}

static int section(struct parser *p, struct kfs_bytes line)
{
    const char *end = memrchr(line.data, ']', line.len);
    int rc = flush(p);

    if (rc != 0)
        return rc;
    if (end == NULL)
        return -EINVAL;
    p->item = (struct kfs_ini_item){
        .section = trim((struct kfs_bytes){(const char *)line.data + 1, (size_t)(end - (const char *)line.data) - 1})};
    p->in_section = true;
    p->nests = false;
    return 0;
}

static int item(struct parser *p, struct kfs_bytes line, size_t indent)
{
    struct kfs_bytes name;
    struct kfs_bytes value;
    int rc = flush(p);

    if (rc != 0)
        return rc;
    if (!p->in_section || !split(line, &name, &value))
        return -EINVAL;
    p->item.name = name;
    p->item.sub = (struct kfs_bytes){NULL, 0};
    p->item.value = value;
    p->pending = true;
    p->nests = value.len == 0;
    p->indent = indent;
    return 0;
}

/* A line below an item that belongs to it. */
static int more(struct parser *p, struct kfs_bytes line)
{
    struct kfs_ini_item nested = p->item;
    int rc = 0;

    if (p->nests) {
        rc = flush(p);
        if (rc != 0)
            return rc;
        return split(line, &nested.sub, &nested.value) ? p->visit(p->arg, &nested) : -EINVAL;
    }
    if (p->value.len == 0)
        rc = kfs_buf_append(&p->value, p->item.value.data, p->item.value.len);
    if (rc == 0)
        rc = kfs_buf_append(&p->value, "\n", 1);
    return rc == 0 ? kfs_buf_append(&p->value, line.data, line.len) : rc;
}

static int take_line(struct parser *p, struct kfs_bytes line)
{
    struct kfs_bytes text = trim(line);
    const char *first = text.data;
    size_t indent = (size_t)(first - (const char *)line.data);

    if (text.len == 0 || *first == '#' || *first == ';')
        return 0;
    if (p->item.name.len > 0 && indent > p->indent)
        return more(p, text);
    return *first == '[' ? section(p, text) : item(p, text, indent);
}

int kfs_ini_parse(struct kfs_bytes text, kfs_ini_visit *visit, void *arg, unsigned *line)
{
    struct parser p = {.visit = visit, .arg = arg};
    const char *at = text.data;
    const char *end = text.len == 0 ? at : at + text.len;
    unsigned number = 0;
    int rc = 0;

    kfs_buf_init(&p.value, text.len + 1);
    if (text.len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) /* a mark that editors leave */
        at += 3;
    while (rc == 0 && at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t len = stop == NULL ? (size_t)(end - at) : (size_t)(stop - at);
        number++;
        rc = take_line(&p, (struct kfs_bytes){at, len});
        at += len + (stop == NULL ? 0 : 1);
    }
    if (rc == 0)
        rc = flush(&p);
    if (p.value.data != NULL)
        kfs_secret_wipe(p.value.data, p.value.cap);
    kfs_buf_release(&p.value);
    if (rc == -EINVAL)
        *line = number;
    return rc;
}
