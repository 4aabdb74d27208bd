/* The command line, ours and that of mount(8). */
#include <string.h>

#include "fs/options_parse.h"

/* The arguments that are left. */
struct args {
    char **next;
    char **end;
};

/* Copies text up to a comma, undoing `\,` and `\\`; *text is then behind the comma or at the end. */
static bool take_item(const char **text, char *item, size_t size)
{
    const char *p = *text;
    size_t len = 0;

    for (; *p != '\0' && *p != ','; p++) {
        if (*p == '\\' && (p[1] == ',' || p[1] == '\\'))
            p++;
        if (len + 1 == size)
            return false;
        item[len++] = *p;
    }
    item[len] = '\0';
    *text = *p == ',' ? p + 1 : p;
    return true;
}

/* The list after -o. Empty items are passed over, as mount(8) does. */
static int set_list(struct kfs_parse *p, const char *list)
{
    char item[KFS_OPTION_NAME_MAX + 1 + KFS_OPTION_VALUE_MAX + 1];
    int rc = 0;

    while (*list != '\0' && rc == 0 && !p->done) {
        if (!take_item(&list, item, sizeof item))
            return kfs_parse_usage(p, "an item of -o is longer than %zu bytes", sizeof item - 1);
        if (item[0] == '\0')
            continue;
        char *equals = strchr(item, '=');
        if (equals != NULL)
            *equals = '\0';
        rc = kfs_parse_set_name(p, item, equals != NULL ? equals + 1 : NULL);
    }
    return rc;
}

/* --NAME, --NAME=VALUE, --NAME VALUE */
static int set_long(struct kfs_parse *p, const char *text, struct args *args)
{
    char name[KFS_OPTION_NAME_MAX + 1];
    char plain[KFS_OPTION_NAME_MAX + 1];
    size_t len = strcspn(text, "=");
    const char *value = text[len] == '=' ? text + len + 1 : NULL;

    if (len == 0 || len > KFS_OPTION_NAME_MAX)
        return kfs_parse_usage(p, "no option '--%.*s'; " KFS_PROGRAM " --help lists them", KFS_PARSE_SHOWN_MAX, text);
    memcpy(name, text, len);
    name[len] = '\0';
    kfs_parse_plain_name(name, plain);

    const struct kfs_option *row = kfs_option_find(plain);
    if (value == NULL && row != NULL && kfs_option_has_value(row)) {
        char allowed[KFS_OPTION_ALLOWED_MAX];
        if (args->next == args->end)
            return kfs_parse_usage(p, "--%s needs a value: %s", name, kfs_option_allowed(row, allowed));
        value = *args->next++;
    }
    return kfs_parse_set_name(p, name, value);
}

static const struct kfs_option *find_letter(char letter)
{
    for (size_t i = 0; i < kfs_option_count; i++) {
        if (kfs_option_rows[i].letter == letter)
            return &kfs_option_rows[i];
    }
    return NULL;
}

/* A flag of mount helpers (mount(8), EXTERNAL HELPERS). */
static int set_helper_letter(struct kfs_parse *p, char letter)
{
    if (letter == 'f')
        p->out.action = KFS_OPTIONS_CHECK;
    else if (letter != 's' && letter != 'n' && letter != 'v')
        return kfs_parse_usage(p, "no option '-%c'; as a mount helper it takes -o LIST -s -f -n -v -t TYPE -h -V",
                               letter);
    return 0;
}

/* A cluster of letters, without its dash; -o and -t take the rest or the next argument. */
static int set_letters(struct kfs_parse *p, const char *letters, struct args *args)
{
    int rc = 0;

    for (; *letters != '\0' && rc == 0 && !p->done; letters++) {
        const struct kfs_option *row = find_letter(*letters);
        if (*letters == 'o' || (*letters == 't' && p->helper)) {
            const char *value = letters[1] != '\0' ? letters + 1 : args->next != args->end ? *args->next++ : NULL;
            if (value == NULL)
                return kfs_parse_usage(p, "-%c needs a value", *letters);
            return *letters == 'o' ? set_list(p, value) : 0;
        }
        if (p->helper && (row == NULL || row->type != KFS_OPTION_ACTION))
            rc = set_helper_letter(p, *letters);
        else if (row != NULL)
            rc = kfs_parse_set_row(p, row, NULL);
        else
            rc = kfs_parse_usage(p, "no option '-%c'; " KFS_PROGRAM " --help lists them", *letters);
    }
    return rc;
}

static int add_positional(struct kfs_parse *p, const char *text)
{
    if (*text == '\0')
        return kfs_parse_usage(p, "an argument is empty");
    if (p->positionals == 2)
        return kfs_parse_usage(p, "'%.*s' is one argument too many; after SOURCE and MOUNTPOINT come options only",
                               KFS_PARSE_SHOWN_MAX, text);
    p->positional[p->positionals++] = text;
    return 0;
}

/* -s counts wherever it stands, so it is looked for first. */
static bool is_sloppy(const struct args *args)
{
    for (char **arg = args->next; arg != args->end && strcmp(*arg, "--") != 0; arg++) {
        const char *letters = *arg + 1;
        if ((*arg)[0] == '-' && letters[0] != '-' && letters[strcspn(letters, "ots")] == 's')
            return true;
    }
    return false;
}

int kfs_parse_arguments(struct kfs_parse *p, char **argv, size_t argc)
{
    struct args args = {argv, argv + argc};
    bool options = true;
    int rc = 0;

    p->now = KFS_FROM_COMMAND_LINE;
    p->sloppy = p->helper && is_sloppy(&args);
    while (args.next != args.end && rc == 0 && !p->done) {
        const char *arg = *args.next++;
        if (!options || arg[0] != '-' || arg[1] == '\0')
            rc = add_positional(p, arg);
        else if (strcmp(arg, "--") == 0)
            options = false;
        else if (arg[1] == '-')
            rc = set_long(p, arg + 2, &args);
        else
            rc = set_letters(p, arg + 1, &args);
    }
    return rc;
}
