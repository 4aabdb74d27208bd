#include "backend/base/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAP_FIRST 16

/* Index of a name, or where it would be inserted. */
static size_t place_of(const struct kfs_names *names, const char *name, bool *found)
{
    size_t low = 0;
    size_t high = names->n;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(names->entries[middle].name, name);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void *kfs_names_find(const struct kfs_names *names, const char *name)
{
    bool found;
    size_t at = place_of(names, name, &found);

    return found ? names->entries[at].item : NULL;
}

int kfs_names_add(struct kfs_names *names, const char *name, void *item)
{
    bool found;
    size_t at = place_of(names, name, &found);

    if (found)
        return -EEXIST;
    if (names->n == names->cap) {
        size_t cap = names->cap == 0 ? CAP_FIRST : names->cap * 2;
        struct kfs_name_entry *entries = realloc(names->entries, cap * sizeof *entries);
        if (entries == NULL)
            return -ENOMEM;
        names->entries = entries;
        names->cap = cap;
    }
    memmove(names->entries + at + 1, names->entries + at, (names->n - at) * sizeof *names->entries);
    names->entries[at] = (struct kfs_name_entry){name, item};
    names->n++;
    return 0;
}

bool kfs_names_remove(struct kfs_names *names, const char *name, const void *item)
{
    bool found;
    size_t at = place_of(names, name, &found);

    if (!found || names->entries[at].item != item)
        return false;
    names->n--;
    memmove(names->entries + at, names->entries + at + 1, (names->n - at) * sizeof *names->entries);
    return true;
}

void kfs_names_release(struct kfs_names *names)
{
    free(names->entries);
    *names = (struct kfs_names){0};
}
