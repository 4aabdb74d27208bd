/* The state of a parse, between the files that read the command line
 * (options_args.c), the environment and the configuration file
 * (options_config.c), and what they share (options.c). */
#ifndef KFS_FS_OPTIONS_PARSE_H
#define KFS_FS_OPTIONS_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "fs/options.h"
#include "fs/options_table.h"

#define KFS_PROGRAM "kinesisfs"
#define KFS_HELPER "mount.kinesisfs"
#define KFS_PARSE_SHOWN_MAX 60 /* bytes of a word that a message quotes */

/* Where a setting comes from; they are read in this order, and the first one counts. */
enum kfs_origin { KFS_FROM_NOWHERE, KFS_FROM_COMMAND_LINE, KFS_FROM_ENVIRONMENT, KFS_FROM_FILE, KFS_FROM_DEFAULT };

struct kfs_parse {
    const struct kfs_options_world *world;
    struct kfs_options out;
    FILE *errors;
    bool helper; /* called by mount(8) */
    bool sloppy; /* mount(8) -s: unknown options are passed over */
    bool done;   /* help or version was asked for */
    enum kfs_origin now;
    const char *place; /* the variable or file that is being read, or NULL */
    size_t line;       /* of that file, or 0 */
    enum kfs_origin row_from[KFS_OPTION_ROWS_MAX];
    enum kfs_origin kernel_from[KFS_KERNEL_GROUPS];
    const struct kfs_kernel_word *kernel[KFS_KERNEL_GROUPS];
    const char *positional[2]; /* borrowed from argv */
    size_t positionals;
};

/* All functions below return 0 or the exit status, what was wrong being said. */

/* Says what was wrong, on one line; returns KFS_EXIT_USAGE. */
int kfs_parse_usage(struct kfs_parse *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
int kfs_parse_no_memory(struct kfs_parse *p); /* returns 1 */

/* One setting from p->now. value is NULL where the name stands alone. */
int kfs_parse_set_row(struct kfs_parse *p, const struct kfs_option *row, const char *value);
int kfs_parse_set_name(struct kfs_parse *p, const char *name, const char *value);

/* The name as the table has it. One too long to be any becomes "". */
void kfs_parse_plain_name(const char *name, char plain[KFS_OPTION_NAME_MAX + 1]);

/* A path below the directory that an XDG variable names, else below HOME;
 * malloc'ed, *path NULL where neither is set. The XDG rules ignore a relative one. */
int kfs_parse_user_path(struct kfs_parse *p, const char *variable, const char *below_home, const char *name,
                        char **path);

int kfs_parse_arguments(struct kfs_parse *p, char **argv, size_t argc); /* without the program's name */
int kfs_parse_environment(struct kfs_parse *p);
int kfs_parse_config(struct kfs_parse *p);

#endif
