/* Values of options: from text into the struct, and what may be written. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/units.h"
#include "fs/options_table.h"

#define SHOWN_MAX 60 /* bytes of a value that a message quotes */

_Static_assert(sizeof(enum kfs_options_sync) == sizeof(unsigned) && sizeof(enum kfs_log_target) == sizeof(unsigned) &&
                   sizeof(enum kfs_log_level) == sizeof(unsigned),
               "an enum option is stored as unsigned");

static int parse_flag(const char *text, bool *value)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(text, words[i]) == 0) {
            *value = i % 2 == 1;
            return 0;
        }
    }
    return -EINVAL;
}

/* Digits of the base, no sign, no blank. */
static int parse_number(const char *text, unsigned base, uint32_t *value)
{
    uint64_t sum = 0;

    if (*text == '\0')
        return -EINVAL;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text >= (char)('0' + base))
            return -EINVAL;
        sum = sum * base + (uint64_t)(*text - '0');
        if (sum > UINT32_MAX)
            return -EINVAL;
    }
    *value = (uint32_t)sum;
    return 0;
}

static int parse_in_range(const struct kfs_option *row, const char *text, unsigned base, uint32_t *value)
{
    uint32_t min;
    uint32_t max;
    uint32_t parsed;

    if (parse_number(row->min, base, &min) != 0 || parse_number(row->max, base, &max) != 0 ||
        parse_number(text, base, &parsed) != 0 || parsed < min || parsed > max)
        return -EINVAL;
    *value = parsed;
    return 0;
}

static int parse_size(const struct kfs_option *row, const char *text, uint64_t *value)
{
    uint64_t min;
    uint64_t max;
    uint64_t parsed;

    if (kfs_parse_size(row->min, 0, UINT64_MAX, &min) != 0 || kfs_parse_size(row->max, 0, UINT64_MAX, &max) != 0 ||
        kfs_parse_size(text, min, max, &parsed) != 0 || (row->step > 0 && parsed % row->step != 0))
        return -EINVAL;
    *value = parsed;
    return 0;
}

static int parse_duration(const struct kfs_option *row, const char *text, uint64_t *value)
{
    uint64_t min;
    uint64_t max;

    if (kfs_parse_duration_ms(row->min, 0, UINT64_MAX, &min) != 0 ||
        kfs_parse_duration_ms(row->max, 0, UINT64_MAX, &max) != 0)
        return -EINVAL;
    return kfs_parse_duration_ms(text, min, max, value);
}

static int parse_choice(const struct kfs_option *row, const char *text, unsigned *value)
{
    for (unsigned i = 0; row->choices[i] != NULL; i++) {
        if (strcmp(text, row->choices[i]) == 0) {
            *value = i;
            return 0;
        }
    }
    return -EINVAL;
}

static int set_text(const struct kfs_option *row, const char *text, char **member)
{
    bool valid = row->valid != NULL ? row->valid(text) : *text != '\0';

    if (!valid)
        return -EINVAL;
    char *copy = strdup(text);
    if (copy == NULL)
        return -ENOMEM;
    free(*member);
    *member = copy;
    return 0;
}

static int store(const struct kfs_option *row, const char *text, struct kfs_options *out)
{
    void *member = (char *)out + row->offset;
    unsigned choice;
    int rc;

    switch (row->type) {
    case KFS_OPTION_FLAG:
        return parse_flag(text, member);
    case KFS_OPTION_TEXT:
        return set_text(row, text, member);
    case KFS_OPTION_SIZE:
        return parse_size(row, text, member);
    case KFS_OPTION_DURATION:
        return parse_duration(row, text, member);
    case KFS_OPTION_INTEGER:
        return parse_in_range(row, text, 10, member);
    case KFS_OPTION_OCTAL:
        return parse_in_range(row, text, 8, member);
    case KFS_OPTION_ENUM:
        rc = parse_choice(row, text, &choice);
        if (rc == 0)
            memcpy(member, &choice, sizeof choice);
        return rc;
    case KFS_OPTION_ACTION:
        break;
    }
    return -EINVAL;
}

static void list_choices(const struct kfs_option *row, char text[KFS_OPTION_ALLOWED_MAX])
{
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; row->choices[i] != NULL && len < KFS_OPTION_ALLOWED_MAX; i++) {
        const char *joint = i == 0 ? "" : row->choices[i + 1] == NULL ? " or " : ", ";
        int more = snprintf(text + len, KFS_OPTION_ALLOWED_MAX - len, "%s%s", joint, row->choices[i]);
        len += more > 0 ? (size_t)more : 0;
    }
}

const char *kfs_option_allowed(const struct kfs_option *row, char text[KFS_OPTION_ALLOWED_MAX])
{
    static const char *const kinds[] = {
        [KFS_OPTION_SIZE] = "a size",
        [KFS_OPTION_DURATION] = "a time",
        [KFS_OPTION_INTEGER] = "a number",
        [KFS_OPTION_OCTAL] = "an octal number",
    };

    switch (row->type) {
    case KFS_OPTION_FLAG:
        (void)snprintf(text, KFS_OPTION_ALLOWED_MAX, "yes or no");
        break;
    case KFS_OPTION_TEXT:
        (void)snprintf(text, KFS_OPTION_ALLOWED_MAX, "%s", row->allowed);
        break;
    case KFS_OPTION_ENUM:
        list_choices(row, text);
        break;
    case KFS_OPTION_SIZE:
    case KFS_OPTION_DURATION:
    case KFS_OPTION_INTEGER:
    case KFS_OPTION_OCTAL:
        (void)snprintf(text, KFS_OPTION_ALLOWED_MAX, "%s from %s to %s%s", kinds[row->type], row->min, row->max,
                       row->step == 1024 ? ", in whole K" : "");
        break;
    case KFS_OPTION_ACTION:
        text[0] = '\0';
        break;
    }
    return text;
}

/* Values come from users: a message shows no more than a piece of one, on one line. */
static const char *shown(const char *text, char quoted[SHOWN_MAX + 1])
{
    size_t len = 0;

    for (; len < SHOWN_MAX && text[len] != '\0'; len++)
        quoted[len] = (char)((unsigned char)text[len] < ' ' || text[len] == '\x7f' ? '?' : text[len]);
    quoted[len] = '\0';
    return quoted;
}

int kfs_option_set(const struct kfs_option *row, const char *text, struct kfs_options *out, struct kfs_error *err)
{
    char allowed[KFS_OPTION_ALLOWED_MAX];
    char quoted[SHOWN_MAX + 1];

    if (row->type == KFS_OPTION_ACTION) {
        if (text != NULL)
            return kfs_fail(err, EINVAL, "'%s' takes no value", row->name);
        out->action = row->action;
        return 0;
    }
    if (text == NULL)
        text = row->type == KFS_OPTION_FLAG ? "yes" : row->bare;
    if (text == NULL)
        return kfs_fail(err, EINVAL, "'%s' needs a value: %s", row->name, kfs_option_allowed(row, allowed));

    int rc = strlen(text) > KFS_OPTION_VALUE_MAX ? -EINVAL : store(row, text, out);
    if (rc == -ENOMEM)
        return kfs_fail(err, ENOMEM, "out of memory");
    if (rc != 0)
        return kfs_fail(err, EINVAL, "%s=%s: it must be %s", row->name, shown(text, quoted),
                        kfs_option_allowed(row, allowed));
    return 0;
}
