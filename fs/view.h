/* Views: the words after the `@` of a directory name, joined by commas, that
 * say how its files read and write. One row a word: a new view is a new row,
 * and where it needs one a member of struct kfs_view. */
#ifndef KFS_FS_VIEW_H
#define KFS_FS_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "fs/coding.h"
#include "fs/framing.h"
#include "fs/from.h"
#include "fs/key.h"
#include "fs/place.h"

#define KFS_VIEW_BYTES_MAX 255 /* of the whole list: a file name has no more */
#define KFS_VIEW_WORDS_MAX 64  /* in one list, and rows of a table */

struct kfs_view {
    const struct kfs_framing *framing;
    struct kfs_coding coding;             /* between that and the stream */
    bool follow;                          /* a read at the tip waits */
    struct kfs_from from;                 /* where files begin */
    struct kfs_key_rule key;              /* partition keys of what is written */
    char cursor[KFS_CURSOR_NAME_MAX + 1]; /* whose place files begin at; "": none */
};

/* What a name without `@` means: lines, no follow, from the start, keys chosen. */
extern const struct kfs_view kfs_view_default;

/* Rows of one group exclude each other. A row of KFS_VIEW_ALONE excludes only itself. */
enum kfs_view_group { KFS_VIEW_ALONE, KFS_VIEW_FRAMING, KFS_VIEW_COMPRESSION, KFS_VIEW_KEY };

struct kfs_view_row {
    const char *word;
    bool has_value; /* it is WORD=VALUE; else it is WORD */
    enum kfs_view_group group;

    /* Applies the word. value is percent-decoded, may hold any byte, and is
     * valid for the call; empty where has_value is false. 0 or -ENOENT. */
    int (*parse)(struct kfs_view *view, struct kfs_bytes value, struct kfs_error *err);
};

struct kfs_view_table {
    const struct kfs_view_row *rows;
    size_t n; /* at most KFS_VIEW_WORDS_MAX */
};

extern const struct kfs_view_table kfs_view_table;

/* Parses a list against a table, on top of the default view. -ENOENT for an
 * empty, unknown, repeated or contradictory word, a missing or superfluous
 * value, bad percent-encoding, or more than the bounds above. */
int kfs_view_parse(const struct kfs_view_table *table, struct kfs_bytes list, struct kfs_view *view,
                   struct kfs_error *err);

#endif
