#include "backend/endpoint/query.h"

#include <stdint.h>
#include <string.h>

struct kfs_bytes kfs_target_path(struct kfs_bytes target)
{
    const char *mark = target.len == 0 ? NULL : memchr(target.data, '?', target.len);

    if (mark != NULL)
        target.len = (size_t)(mark - (const char *)target.data);
    return target;
}

struct kfs_bytes kfs_target_query(struct kfs_bytes target)
{
    size_t path = kfs_target_path(target).len;

    if (path == target.len)
        return (struct kfs_bytes){0};
    return (struct kfs_bytes){(const char *)target.data + path + 1, target.len - path - 1};
}

bool kfs_query_next(struct kfs_bytes *query, struct kfs_bytes *name, struct kfs_bytes *value)
{
    const char *p = query->len == 0 ? "" : query->data;
    const char *end = p + query->len;
    const char *amp;
    const char *equal;

    while (p < end && *p == '&')
        p++;
    if (p == end)
        return false;
    amp = memchr(p, '&', (size_t)(end - p));
    if (amp == NULL)
        amp = end;
    equal = memchr(p, '=', (size_t)(amp - p));
    *name = (struct kfs_bytes){p, (size_t)((equal == NULL ? amp : equal) - p)};
    *value = equal == NULL ? (struct kfs_bytes){amp, 0} : (struct kfs_bytes){equal + 1, (size_t)(amp - equal - 1)};
    *query = (struct kfs_bytes){amp, (size_t)(end - amp)};
    return true;
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

int kfs_query_decode(struct kfs_bytes text, struct kfs_buf *out)
{
    const char *p = text.data;
    int rc = kfs_buf_reserve(out, text.len);

    for (size_t i = 0; i < text.len && rc == 0; i++) {
        int high = p[i] == '%' && text.len - i > 2 ? hex_value(p[i + 1]) : -1;
        int low = high >= 0 ? hex_value(p[i + 2]) : -1;
        char c = low >= 0 ? (char)(high << 4 | low) : p[i];
        i += low >= 0 ? 2 : 0;
        rc = kfs_buf_append(out, &c, 1);
    }
    return rc;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '~';
}

int kfs_query_encode(struct kfs_bytes text, const char *also, struct kfs_buf *out)
{
    const char *p = text.data;
    int rc = 0;

    for (size_t i = 0; i < text.len && rc == 0; i++) {
        if (is_unreserved(p[i]) || (p[i] != '\0' && strchr(also, p[i]) != NULL))
            rc = kfs_buf_append(out, p + i, 1);
        else
            rc = kfs_buf_printf(out, "%%%02X", (unsigned)(uint8_t)p[i]);
    }
    return rc;
}
