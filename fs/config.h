/* The configuration file's text: lines `name = value`, or a name alone; lines
 * that are blank or begin with # are skipped. Blanks around name and value are
 * not part of them; nothing is quoted or escaped. */
#ifndef KFS_FS_CONFIG_H
#define KFS_FS_CONFIG_H

#include <stddef.h>

#include "backend/base/buf.h"

#define KFS_CONFIG_BYTES_MAX 65536
#define KFS_CONFIG_LINE_MAX 4200

/* Called for each setting; value is NULL for a name alone. Both are
 * NUL-terminated and valid for the call. Non-zero ends the reading. For a line
 * that is none (no name, a NUL byte, too long) name is NULL and value says why. */
typedef int kfs_config_visit(void *arg, size_t line, const char *name, const char *value);

/* Returns what visit returned, or 0. */
int kfs_config_each(struct kfs_bytes text, kfs_config_visit *visit, void *arg);

#endif
