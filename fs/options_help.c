/* The option table as --help and as docs/OPTIONS.md. */
#include <stdio.h>
#include <string.h>

#include "fs/options_table.h"

#define WIDTH 80
#define KERNEL_WORDS_MAX 200

/* The name as the command line has it. */
static void print_name(FILE *to, const char *name)
{
    for (; *name != '\0'; name++)
        (void)fputc(*name == '_' ? '-' : *name, to);
}

static const char *default_of(const struct kfs_option *row)
{
    return row->value != NULL ? row->value : row->derived;
}

/* Prints words, broken so that no line is wider than WIDTH. */
static void print_wrapped(FILE *to, const char *text, size_t indent)
{
    size_t column = 0;

    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        if (column > 0 && column + 1 + len > WIDTH) {
            (void)fputc('\n', to);
            column = 0;
        }
        column += (size_t)fprintf(to, "%*s%.*s", column == 0 ? (int)indent : 1, "", (int)len, text);
        text += len;
        text += strspn(text, " ");
    }
    (void)fputc('\n', to);
}

static void print_row_help(FILE *to, const struct kfs_option *row)
{
    char allowed[KFS_OPTION_ALLOWED_MAX];
    char text[1024];

    if (row->letter != 0)
        (void)fprintf(to, "  -%c, --", row->letter);
    else
        (void)fprintf(to, "      --");
    print_name(to, row->name);
    if (kfs_option_has_value(row))
        (void)fprintf(to, "=%s", row->metavar);
    (void)fputc('\n', to);

    if (kfs_option_has_value(row))
        (void)snprintf(text, sizeof text, "%s Value: %s. Default: %s.", row->help, kfs_option_allowed(row, allowed),
                       default_of(row));
    else
        (void)snprintf(text, sizeof text, "%s", row->help);
    print_wrapped(to, text, 10);
}

/* The words for the kernel, each between two `quote`s. */
static const char *kernel_words(const char *quote, char text[KERNEL_WORDS_MAX])
{
    size_t len = 0;

    for (size_t i = 0; i < kfs_kernel_word_count && len < KERNEL_WORDS_MAX; i++) {
        int more = snprintf(text + len, KERNEL_WORDS_MAX - len, "%s%s%s%s", i == 0 ? "" : ", ", quote,
                            kfs_kernel_words[i].word, quote);
        len += more > 0 ? (size_t)more : 0;
    }
    return text;
}

void kfs_options_print_help(FILE *to)
{
    char words[KERNEL_WORDS_MAX];

    (void)fputs("Usage: kinesisfs [SOURCE] MOUNTPOINT [-o OPT[=VALUE][,OPT...]]\n"
                "                 [--OPT[=VALUE]...]\n"
                "       kinesisfs [SOURCE] --no-mount --listen=ADDR:PORT [--OPT[=VALUE]...]\n\n"
                "Mounts data streams as files: a directory is a stream, a file in it a shard, a\n"
                "line a record. SOURCE is the directory of the local store, a path with a / in\n"
                "it or local:DIR; without one it is $XDG_DATA_HOME/kinesisfs, which is\n"
                "~/.local/share/kinesisfs, or for root /var/lib/kinesisfs. Or it is an endpoint:\n"
                "kinesis:REGION or kinesis: for Amazon Kinesis, http://ADDRESS or https://ADDRESS\n"
                "for any compatible one.\n\n"
                "Each option is also -o NAME=VALUE, KINESISFS_NAME in the environment and a line\n"
                "NAME = VALUE in the configuration file; the command line goes before the\n"
                "environment, and that before the file. Dashes and underscores in names are the\n"
                "same. Sizes are digits and K, M, G or T; times are digits and ms, s, m, h or d.\n\n",
                to);
    for (size_t i = 0; i < kfs_option_count; i++)
        print_row_help(to, &kfs_option_rows[i]);
    (void)fputs("\nFor the kernel, in -o:\n", to);
    print_wrapped(to, kernel_words("", words), 10);
    (void)fputs("\nExit status: 0 mounted, 1 failed, 2 wrong usage.\n", to);
}

static void print_row_markdown(FILE *to, const struct kfs_option *row)
{
    char allowed[KFS_OPTION_ALLOWED_MAX];

    (void)fputs("| `--", to);
    print_name(to, row->name);
    if (kfs_option_has_value(row))
        (void)fprintf(to, "=%s", row->metavar);
    (void)fputc('`', to);
    if (row->letter != 0)
        (void)fprintf(to, ", `-%c`", row->letter);
    (void)fprintf(to, " | %s | %s | %s |\n", kfs_option_allowed(row, allowed),
                  row->type == KFS_OPTION_ACTION ? "" : default_of(row), row->help);
}

void kfs_options_print_markdown(FILE *to)
{
    char words[KERNEL_WORDS_MAX];

    (void)fputs(
        "<!-- Generated from fs/options_table.c by tests/tools/options_md.c. Do not edit. -->\n\n"
        "# Options\n\n"
        "    kinesisfs [SOURCE] MOUNTPOINT [-o OPT[=VALUE][,OPT...]] [--OPT[=VALUE]...]\n"
        "    kinesisfs [SOURCE] --no-mount --listen=ADDR:PORT [--OPT[=VALUE]...]\n\n"
        "SOURCE is the directory of the local store: a path with a `/` in it, or `local:DIR`. Without one it is\n"
        "`$XDG_DATA_HOME/kinesisfs`, which is `~/.local/share/kinesisfs`, or for root `/var/lib/kinesisfs`. Or it is\n"
        "an endpoint: `kinesis:REGION` or `kinesis:` for Amazon Kinesis, `http://ADDRESS` or `https://ADDRESS` for "
        "any\n"
        "compatible one.\n\n"
        "Each option may be given, in this order of precedence,\n\n"
        "1. on the command line: `--name=value`, `--name value`, or `-o name=value,name=value`;\n"
        "2. in the environment: `KINESISFS_NAME=value` (an empty value is as none);\n"
        "3. in the configuration file: a line `name = value`;\n\n"
        "and the last mention in one place wins. Dashes and underscores in names are the same. In `-o` a comma\n"
        "in a value is written `\\,`. Sizes are digits and `K`, `M`, `G` or `T` (powers of 1024); times are\n"
        "digits and `ms`, `s`, `m`, `h` or `d`. A flag alone means yes.\n\n"
        "| option | value | default | meaning |\n|---|---|---|---|\n",
        to);
    for (size_t i = 0; i < kfs_option_count; i++)
        print_row_markdown(to, &kfs_option_rows[i]);
    (void)fprintf(to, "\nFor the kernel, in `-o`: %s.\n\n", kernel_words("`", words));
    (void)fputs(
        "## As mount.kinesisfs\n\n"
        "Called by that name (fstab, `mount -t kinesisfs`) the program keeps to the convention of mount(8): source\n"
        "and mount point first, then `-o LIST`, `-s` (pass over unknown options), `-f` (check everything, mount\n"
        "nothing), `-n`, `-v`. The source `none` or `kinesisfs` is the default store. `_netdev`, `nofail`, `auto`,\n"
        "`noauto`, `user`, `users`, `owner`, `group`, `defaults`, `comment=` and `x-*` are passed over; `sync` and\n"
        "`async` are `sync=always` and `sync=interval`.\n\n"
        "## Exit status\n\n0 mounted, 1 failed, 2 wrong usage.\n",
        to);
}
