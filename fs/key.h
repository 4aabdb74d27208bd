/* Partition keys of what is written: the views `key` and `keyfrom`.
 *
 * A rule is what a view says; a keyer is a rule ready for use, of one writer. A
 * key that is found is used where a partition key can be so: 1 to 256
 * characters of UTF-8. */
#ifndef KFS_FS_KEY_H
#define KFS_FS_KEY_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"

#define KFS_KEY_TEXT_MAX 255      /* of a rule: a file name has no more */
#define KFS_KEY_FIELD_MAX 1000    /* fields are counted from 1 */
#define KFS_KEY_PATH_MAX 16       /* names of a path */
#define KFS_KEY_SEARCH_MAX 65536U /* bytes of a record that an expression is matched with */
#define KFS_KEY_COPIES_MAX 1024U  /* of an expression's parts, in memory */

enum kfs_key_type {
    KFS_KEY_CHOSEN, /* no rule: a random one in `all`, the shard's id in a shard */
    KFS_KEY_RANDOM, /* a random one */
    KFS_KEY_FIXED,  /* text */
    KFS_KEY_FIELD,  /* of the record's fields between blanks and tabs, the n-th */
    KFS_KEY_JSON,   /* the string or number at the path `text` of the JSON object that the record is */
    KFS_KEY_REGEX   /* the first group of the expression `text`, or what it matches where it has none */
};

struct kfs_key_rule {
    enum kfs_key_type type;
    unsigned int field;
    char text[KFS_KEY_TEXT_MAX + 1];
};

/* The values of key= and keyfrom=. -ENOENT. */
int kfs_key_parse(struct kfs_bytes value, struct kfs_key_rule *rule, struct kfs_error *err);
int kfs_keyfrom_parse(struct kfs_bytes value, struct kfs_key_rule *rule, struct kfs_error *err);

struct kfs_keyer {
    struct kfs_key_rule rule;
    regex_t regex;       /* compiled where the rule has one */
    struct kfs_buf text; /* what it is matched with */
};

/* -ENOMEM; nothing is to be released then. */
int kfs_keyer_init(struct kfs_keyer *keyer, const struct kfs_key_rule *rule, struct kfs_error *err);
void kfs_keyer_release(struct kfs_keyer *keyer);

/* The key of a record by a rule that is fixed or searches; false where there is none. It points into
 * the rule, the data, or `room`, which has KFS_PARTITION_KEY_BYTES_MAX bytes. */
bool kfs_keyer_find(struct kfs_keyer *keyer, struct kfs_bytes data, char *room, struct kfs_bytes *key);

#endif
