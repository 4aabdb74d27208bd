/* The INI dialect of the files in ~/.aws, as botocore reads it: sections in brackets; `name = value` or `name: value`,
 * names in any case; comments are whole lines, from # or ;. A line that is indented deeper than the item before it
 * goes on with its value; below an empty value such lines are items of their own (`services` has them). */
#ifndef KFS_KINESIS_INI_H
#define KFS_KINESIS_INI_H

#include "backend/base/buf.h"

/* Views of the text, but for the value, which lives for the call. Names are as they are written. */
struct kfs_ini_item {
    struct kfs_bytes section; /* what is between the brackets, trimmed */
    struct kfs_bytes name;
    struct kfs_bytes sub; /* the name of a nested item; empty: none */
    struct kfs_bytes value;
};

/* Non-zero stops, and is returned. */
typedef int kfs_ini_visit(void *arg, const struct kfs_ini_item *item);

/* -EINVAL: the line with that number (from 1) is none; -ENOMEM, or what visit says. */
int kfs_ini_parse(struct kfs_bytes text, kfs_ini_visit *visit, void *arg, unsigned *line);

#endif
