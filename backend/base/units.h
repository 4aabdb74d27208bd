/* Times, sizes and durations as people write them. All ASCII: no locale, no
 * leading or trailing blanks, no sign. Every parser takes NUL-terminated text,
 * returns 0 or -EINVAL, and leaves its output untouched on failure. */
#ifndef KFS_BASE_UNITS_H
#define KFS_BASE_UNITS_H

#include <stdint.h>

#define KFS_TIME_DIGITS 24                        /* 2024-02-29T23:59:59.999Z */
#define KFS_TIME_MAX_MS UINT64_C(253402300799999) /* the last millisecond of the year 9999 */

/* Milliseconds since 1970-01-01 UTC as RFC 3339 text, NUL-terminated. Returns
 * its length, always KFS_TIME_DIGITS; -EINVAL above KFS_TIME_MAX_MS. */
int kfs_time_print(uint64_t ms, char text[KFS_TIME_DIGITS + 1]);

/* An RFC 3339 date-time of 1970 to 9999 UTC, any offset. A blank may stand for
 * the T. Of 1 to 9 digits of fraction those below a millisecond are dropped. A
 * leap second counts as the first second of the next day, as in POSIX. */
int kfs_time_parse(const char *text, uint64_t *ms);

/* Digits and at most one of K M G T (either case), powers of 1024; in [min, max]. */
int kfs_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *bytes);

/* Digits and one of ms s m h d; 0 may stand alone. In milliseconds, in [min, max]. */
int kfs_parse_duration_ms(const char *text, uint64_t min, uint64_t max, uint64_t *ms);

#endif
