/* The option table, for the parser, the help and the tests of both. */
#ifndef KFS_FS_OPTIONS_TABLE_H
#define KFS_FS_OPTIONS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/error.h"
#include "fs/options.h"

#define KFS_OPTION_ROWS_MAX 64
#define KFS_OPTION_NAME_MAX 32
#define KFS_OPTION_VALUE_MAX 4096 /* bytes of a value, as of a path */
#define KFS_OPTION_ALLOWED_MAX 120

enum kfs_option_type {
    KFS_OPTION_FLAG,     /* bool */
    KFS_OPTION_TEXT,     /* char *, malloc'ed */
    KFS_OPTION_SIZE,     /* uint64_t, bytes */
    KFS_OPTION_DURATION, /* uint64_t, milliseconds */
    KFS_OPTION_INTEGER,  /* uint32_t */
    KFS_OPTION_OCTAL,    /* uint32_t */
    KFS_OPTION_ENUM,     /* an enum: the index in choices */
    KFS_OPTION_ACTION    /* no member: ends parsing with the row's action */
};

struct kfs_option {
    const char *name; /* with underscores */
    char letter;      /* of the short form, or 0 */
    enum kfs_option_type type;
    size_t offset;                   /* of the member in struct kfs_options; its type follows from `type` */
    const char *value;               /* default, as one would write it; NULL where the program derives it */
    const char *derived;             /* what is then said of the default */
    const char *metavar;             /* NULL for flags */
    const char *min;                 /* of sizes, durations, integers and octals; as text */
    const char *max;                 /* the same */
    uint64_t step;                   /* a size is a multiple of it; 0 for any */
    const char *bare;                /* what NAME without a value means in -o and files; NULL: it needs one */
    const char *const *choices;      /* of an enum, NULL at the end */
    bool (*valid)(const char *text); /* of a text; NULL for any that is not empty */
    const char *allowed;             /* of a text: what is valid, for messages */
    bool command_line_only;          /* not in the environment, not in the file */
    bool not_in_file;
    enum kfs_options_action action; /* of an action */
    const char *help;
};

extern const struct kfs_option kfs_option_rows[];
extern const size_t kfs_option_count;

/* A word of mount(8) that sets an option. */
struct kfs_option_alias {
    const char *word;
    const char *name;
    const char *value;
};

extern const struct kfs_option_alias kfs_option_aliases[];
extern const size_t kfs_option_alias_count;

/* A word for the kernel. Of one group the last one counts. */
enum kfs_kernel_group {
    KFS_KERNEL_SUID,
    KFS_KERNEL_DEV,
    KFS_KERNEL_EXEC,
    KFS_KERNEL_ATIME,
    KFS_KERNEL_DIRSYNC,
    KFS_KERNEL_GROUPS
};

struct kfs_kernel_word {
    const char *word;
    enum kfs_kernel_group group;
    bool is_default; /* what the kernel does anyway: not handed on, since libfuse 3.14 does not know all of them */
};

extern const struct kfs_kernel_word kfs_kernel_words[];
extern const size_t kfs_kernel_word_count;

/* The name nearest to one that is unknown, or NULL where none is near. */
const char *kfs_option_nearest(const char *name);

/* The row of a name, NULL where there is none. */
const struct kfs_option *kfs_option_find(const char *name);

/* Whether it is written NAME=VALUE. */
bool kfs_option_has_value(const struct kfs_option *row);

/* What a value may be, for messages and the help; returns text. */
const char *kfs_option_allowed(const struct kfs_option *row, char text[KFS_OPTION_ALLOWED_MAX]);

/* Parses text (NULL: the name stood alone) and stores it in out. -EINVAL with
 * a text that says what is allowed, -ENOMEM. */
int kfs_option_set(const struct kfs_option *row, const char *text, struct kfs_options *out, struct kfs_error *err);

#endif
