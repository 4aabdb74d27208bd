/* One member of a JSON object, found without making a tree of it. */
#ifndef KFS_FS_JSON_PATH_H
#define KFS_FS_JSON_PATH_H

#include <stdbool.h>

#include "backend/base/buf.h"

/* The value at a path of names joined by points: the text of a number, or what stands between
 * the quotes of a string, in which *escaped says whether there are escapes. False where it is
 * not there or something else, or the text is not JSON as far as it is looked at: what follows
 * the value is not. Of a name that is there twice the first counts; names with escapes are none. */
bool kfs_json_path(struct kfs_bytes text, const char *path, struct kfs_bytes *value, bool *escaped);

#endif
