/* What every checked wrapper does before and after its op (backend.c, dead.c, notes.c, tags.c). */
#ifndef KFS_BACKEND_CROSSING_H
#define KFS_BACKEND_CROSSING_H

#include <assert.h>
#include <string.h>

#include "backend/base/error.h"

/* After the call err->code says whether the backend filled it. */
static inline void kfs_op_begin(struct kfs_error *err)
{
    if (err != NULL)
        err->code = 0;
}

/* 0 or -errno, and err says the same. */
static inline int kfs_op_end(int rc, struct kfs_error *err)
{
    assert(rc <= 0);
    if (rc < 0 && err != NULL && err->code == 0) {
        char text[KFS_ERROR_CODE_MAX];
        (void)kfs_fail(err, -rc, "%s", strerror_r(-rc, text, sizeof text));
    }
    assert(err == NULL || err->code == -rc);
    return rc;
}

#endif
