/* What is found by its name: pointers, in the order of the names (strcmp). The caller locks. */
#ifndef KFS_BASE_NAMES_H
#define KFS_BASE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct kfs_name_entry {
    const char *name; /* the item's own: it lives and stays the same while the item is here */
    void *item;
};

/* All zero: empty. */
struct kfs_names {
    struct kfs_name_entry *entries;
    size_t n;
    size_t cap;
};

/* NULL: there is none. */
void *kfs_names_find(const struct kfs_names *names, const char *name);

/* -EEXIST, -ENOMEM (never where one has been removed since the last was added). */
int kfs_names_add(struct kfs_names *names, const char *name, void *item);

/* False, and nothing is done, where the name is not there or is another item's. */
bool kfs_names_remove(struct kfs_names *names, const char *name, const void *item);

/* The items are the caller's. */
void kfs_names_release(struct kfs_names *names);

#endif
