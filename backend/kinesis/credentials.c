#include "backend/kinesis/credentials.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/crypto.h"

static void wipe(char *text)
{
    if (text != NULL)
        kfs_secret_wipe(text, strlen(text));
    free(text);
}

void kfs_credentials_release(struct kfs_credentials *keys)
{
    wipe(keys->id);
    wipe(keys->secret);
    wipe(keys->token);
    *keys = (struct kfs_credentials){0};
}

/* What goes into a header, and the id with a colon behind it to libcurl. */
static bool printable(struct kfs_bytes text)
{
    const char *p = text.data;

    for (size_t i = 0; i < text.len; i++)
        if (p[i] <= ' ' || p[i] > '~')
            return false;
    return text.len <= KFS_CREDENTIAL_BYTES_MAX;
}

int kfs_credentials_set(struct kfs_credentials *keys, struct kfs_bytes id, struct kfs_bytes secret,
                        struct kfs_bytes token)
{
    kfs_credentials_release(keys);
    if (id.len == 0 || secret.len == 0 || !printable(id) || !printable(secret) || !printable(token) ||
        memchr(id.data, ':', id.len) != NULL)
        return -EINVAL;
    keys->id = strndup(id.data, id.len);
    keys->secret = strndup(secret.data, secret.len);
    if (token.len > 0)
        keys->token = strndup(token.data, token.len);
    if (keys->id != NULL && keys->secret != NULL && (keys->token != NULL || token.len == 0))
        return 0;
    kfs_credentials_release(keys);
    return -ENOMEM;
}

int kfs_credentials_copy(struct kfs_credentials *to, const struct kfs_credentials *from)
{
    struct kfs_credentials copy = {0};
    int rc = kfs_credentials_set(&copy, (struct kfs_bytes){from->id, strlen(from->id)},
                                 (struct kfs_bytes){from->secret, strlen(from->secret)},
                                 (struct kfs_bytes){from->token, from->token == NULL ? 0 : strlen(from->token)});

    if (rc != 0)
        return rc;
    copy.expires_ms = from->expires_ms;
    copy.source = from->source;
    *to = copy;
    return 0;
}
