/* A temporary directory of a test. */
#ifndef TESTS_SUPPORT_TEMPDIR_H
#define TESTS_SUPPORT_TEMPDIR_H

enum { TEMPDIR_PATH_SIZE = 256 }; /* bytes, with the NUL */

/* Makes one: in memory where there is enough of it, since what a disk does with
 * fsync is the business of the crash tests, and a thousand stores would wait for a
 * disk for seconds. Aborts where it cannot be made. */
void tempdir_make(char path[TEMPDIR_PATH_SIZE]);

/* Removes it and all that is in it. */
void tempdir_remove(const char *path);

#endif
