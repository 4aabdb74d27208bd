#include "backend/kinesis/mirror.h"

#include <errno.h>
#include <stdlib.h>

int remote_place_print(const struct remote_place *place, struct kfs_log *mirror, bool from_latest,
                       const struct remote_place_names *names, struct kfs_buf *body)
{
    char digits[KFS_SEQ_DIGITS_MAX + 1];
    struct kfs_log_extent extent;

    kfs_log_extent(mirror, &extent);
    bool empty = kfs_seq_is_none(&extent.last);
    const struct kfs_seq *after = kfs_seq_cmp(&place->passed, &extent.last) > 0 ? &place->passed : &extent.last;
    if (place->type == REMOTE_AFTER_LAST && !kfs_seq_is_none(after)) {
        (void)kfs_seq_print(after, digits);
        return kfs_buf_printf(body, "\"%s\":\"AFTER_SEQUENCE_NUMBER\",\"%s\":\"%s\"", names->type, names->number,
                              digits);
    }
    if (place->type == REMOTE_AT_LAST_TIME && !empty)
        return kfs_buf_printf(body, "\"%s\":\"AT_TIMESTAMP\",\"Timestamp\":%.3f", names->type,
                              (double)extent.last_arrival_ms / 1000.0);
    return kfs_buf_printf(body, "\"%s\":\"%s\"", names->type, from_latest && empty ? "LATEST" : "TRIM_HORIZON");
}

void remote_place_refused(struct remote_place *place)
{
    place->passed = (struct kfs_seq){{0}};
    place->type = place->type < REMOTE_AT_START ? place->type + 1 : REMOTE_AFTER_LAST;
}

int remote_mirror_take(struct kfs_log *mirror, const char *operation, const struct kfs_value *answer,
                       struct kfs_buf *data, struct remote_got *got, struct kfs_error *err)
{
    struct kfs_log_extent extent;

    kfs_log_extent(mirror, &extent);
    int rc = remote_answer_get(answer, &extent.last, data, got);
    if (rc == -ENOMEM)
        return kfs_fail(err, ENOMEM, "out of memory");
    if (rc != 0) {
        (void)kfs_fail(err, EIO, "the endpoint's answer to %s makes no sense", operation);
        return -EBADMSG;
    }
    if (got->n > 0)
        rc = kfs_log_append_given(mirror, got->records, got->n, err);
    free(got->records);
    got->records = NULL;
    return rc;
}
