#include "fs/key.h"

#include <errno.h>
#include <string.h>

#include "backend/base/record.h"
#include "backend/base/utf8.h"
#include "backend/base/value.h"
#include "fs/json_path.h"

#define REGEX_FLAGS REG_EXTENDED
#define ARENA_BYTES ((size_t)16 << 10) /* for one string that is a key */

static bool usable(struct kfs_bytes key)
{
    if (key.len < 1 || key.len > KFS_PARTITION_KEY_BYTES_MAX || !kfs_utf8_valid(key.data, key.len))
        return false;
    /* A character is a byte at least, so short keys need no count. */
    return key.len <= KFS_PARTITION_KEY_CHARS_MAX || kfs_utf8_count(key.data, key.len) <= KFS_PARTITION_KEY_CHARS_MAX;
}

/* ---- rules ---- */

static int set_text(struct kfs_key_rule *rule, enum kfs_key_type type, const char *text, size_t len)
{
    *rule = (struct kfs_key_rule){.type = type};
    memcpy(rule->text, text, len);
    return 0;
}

int kfs_key_parse(struct kfs_bytes value, struct kfs_key_rule *rule, struct kfs_error *err)
{
    static const char random[] = "random";

    if (value.len > KFS_KEY_TEXT_MAX || !usable(value) || memchr(value.data, 0, value.len) != NULL)
        return kfs_fail(err, ENOENT, "view 'key': a partition key has 1 to %d characters of UTF-8, and here no NUL",
                        KFS_PARTITION_KEY_CHARS_MAX);
    if (value.len == sizeof random - 1 && memcmp(value.data, random, sizeof random - 1) == 0)
        return set_text(rule, KFS_KEY_RANDOM, "", 0);
    return set_text(rule, KFS_KEY_FIXED, value.data, value.len);
}

static int parse_field(const char *text, struct kfs_key_rule *rule, struct kfs_error *err)
{
    unsigned int number = 0;
    const char *p = text;

    while (*p >= '0' && *p <= '9' && number <= KFS_KEY_FIELD_MAX)
        number = number * 10 + (unsigned int)(*p++ - '0');
    if (*p != '\0' || number < 1 || number > KFS_KEY_FIELD_MAX)
        return kfs_fail(err, ENOENT, "view 'keyfrom': field:N takes a number from 1 to %d", KFS_KEY_FIELD_MAX);
    *rule = (struct kfs_key_rule){.type = KFS_KEY_FIELD, .field = number};
    return 0;
}

static int parse_path(const char *path, struct kfs_key_rule *rule, struct kfs_error *err)
{
    size_t names = 1;
    size_t len = strlen(path);
    bool good = len > 0 && path[0] != '.' && path[len - 1] != '.' && strstr(path, "..") == NULL;

    for (size_t i = 0; i < len; i++)
        names += path[i] == '.';
    if (!good || names > KFS_KEY_PATH_MAX)
        return kfs_fail(err, ENOENT, "view 'keyfrom': json:NAME.NAME takes 1 to %d names of members", KFS_KEY_PATH_MAX);
    return set_text(rule, KFS_KEY_JSON, path, len);
}

/* The C library copies what a + or {} repeats, and copies copies where they are nested: how many, if all were. */
static unsigned int copies(const char *expression)
{
    unsigned int product = 1;
    unsigned int number = 0;
    unsigned int largest = 0; /* since the last brace */

    for (const char *p = expression; *p != '\0' && product <= KFS_KEY_COPIES_MAX; p++) {
        if (*p >= '0' && *p <= '9' && number <= KFS_KEY_COPIES_MAX) {
            number = number * 10 + (unsigned int)(*p - '0');
            largest = largest > number ? largest : number;
            continue;
        }
        number = 0;
        if (*p == '{')
            largest = 0;
        else if (*p == '}')
            product *= largest + 1;
        else if (*p == '+')
            product *= 2;
    }
    return product;
}

static bool refers_back(const char *expression)
{
    for (const char *p = expression; *p != '\0'; p++) {
        if (*p == '\\' && *++p >= '1' && *p <= '9')
            return true;
        if (*p == '\0')
            return false;
    }
    return false;
}

static int parse_regex(const char *expression, struct kfs_key_rule *rule, struct kfs_error *err)
{
    char reason[100];
    regex_t regex;

    if (refers_back(expression))
        return kfs_fail(err, ENOENT, "view 'keyfrom': an expression with back-references (\\1) is not taken");
    if (copies(expression) > KFS_KEY_COPIES_MAX)
        return kfs_fail(err, ENOENT,
                        "view 'keyfrom': an expression may repeat so much: 2 for each +, N+1 for each {N} or {M,N}, "
                        "multiplied, give %u at most",
                        KFS_KEY_COPIES_MAX);
    if (*expression == '\0')
        return kfs_fail(err, ENOENT, "view 'keyfrom': the expression is empty");
    int rc = regcomp(&regex, expression, REGEX_FLAGS);
    if (rc != 0) {
        (void)regerror(rc, &regex, reason, sizeof reason);
        return kfs_fail(err, ENOENT, "view 'keyfrom': no extended regular expression: %s", reason);
    }
    regfree(&regex);
    return set_text(rule, KFS_KEY_REGEX, expression, strlen(expression));
}

int kfs_keyfrom_parse(struct kfs_bytes value, struct kfs_key_rule *rule, struct kfs_error *err)
{
    static const struct {
        const char *word;
        int (*parse)(const char *text, struct kfs_key_rule *rule, struct kfs_error *err);
    } forms[] = {{"field:", parse_field}, {"json:", parse_path}, {"regex:", parse_regex}};
    char text[KFS_KEY_TEXT_MAX + 1] = "";

    if (value.len <= KFS_KEY_TEXT_MAX && (value.len == 0 || memchr(value.data, 0, value.len) == NULL)) {
        memcpy(text, value.data, value.len);
        text[value.len] = '\0';
        if (strcmp(text, "random") == 0)
            return set_text(rule, KFS_KEY_RANDOM, "", 0);
        for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
            size_t len = strlen(forms[i].word);
            if (strncmp(text, forms[i].word, len) == 0)
                return forms[i].parse(text + len, rule, err);
        }
    }
    return kfs_fail(err, ENOENT, "view 'keyfrom': its value is field:N, json:NAME.NAME, regex:EXPRESSION or random");
}

/* ---- keyers ---- */

int kfs_keyer_init(struct kfs_keyer *keyer, const struct kfs_key_rule *rule, struct kfs_error *err)
{
    if (rule->type == KFS_KEY_REGEX && regcomp(&keyer->regex, rule->text, REGEX_FLAGS) != 0)
        return kfs_fail(err, ENOMEM, "no memory for the expression of a view");
    keyer->rule = *rule;
    kfs_buf_init(&keyer->text, KFS_KEY_SEARCH_MAX + 1);
    return 0;
}

void kfs_keyer_release(struct kfs_keyer *keyer)
{
    if (keyer->rule.type == KFS_KEY_REGEX)
        regfree(&keyer->regex);
    kfs_buf_release(&keyer->text);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool find_field(unsigned int field, struct kfs_bytes data, struct kfs_bytes *key)
{
    const char *p = data.data;
    const char *end = p + data.len;

    for (;;) {
        while (p < end && is_blank(*p))
            p++;
        const char *begin = p;
        while (p < end && !is_blank(*p))
            p++;
        if (p == begin)
            return false;
        if (--field == 0) {
            *key = (struct kfs_bytes){begin, (size_t)(p - begin)};
            return true;
        }
    }
}

/* Undoes the escapes of a string, whose quotes stand around it. */
static bool unescape(struct kfs_bytes *text, char *room)
{
    struct kfs_arena *arena;
    struct kfs_value value;
    bool found = false;

    /* A character takes six bytes at most, or twice as many for four. */
    if (text->len > (size_t)6 * KFS_PARTITION_KEY_BYTES_MAX)
        return false;
    arena = kfs_arena_new(ARENA_BYTES);
    if (arena != NULL &&
        kfs_json_decode(arena, (struct kfs_bytes){(const char *)text->data - 1, text->len + 2}, &value) == 0 &&
        value.bytes.len <= KFS_PARTITION_KEY_BYTES_MAX) {
        memcpy(room, value.bytes.data, value.bytes.len);
        *text = (struct kfs_bytes){room, value.bytes.len};
        found = true;
    }
    kfs_arena_free(arena);
    return found;
}

static bool find_json(const char *path, struct kfs_bytes data, char *room, struct kfs_bytes *key)
{
    bool escaped;

    return kfs_json_path(data, path, key, &escaped) && (!escaped || unescape(key, room));
}

/* A copy of the data is searched: the C library may look for a NUL behind it. */
static bool find_match(struct kfs_keyer *keyer, struct kfs_bytes data, struct kfs_bytes *key)
{
    size_t len = data.len < KFS_KEY_SEARCH_MAX ? data.len : KFS_KEY_SEARCH_MAX;
    regmatch_t groups[2] = {{0, (regoff_t)len}, {-1, -1}};
    const regmatch_t *group = keyer->regex.re_nsub > 0 ? &groups[1] : &groups[0];

    keyer->text.len = 0;
    if (len == 0 || kfs_buf_append(&keyer->text, data.data, len) != 0 || kfs_buf_append(&keyer->text, "", 1) != 0)
        return false;
    if (regexec(&keyer->regex, keyer->text.data, 2, groups, REG_STARTEND) != 0 || group->rm_so < 0)
        return false;
    *key = (struct kfs_bytes){(const char *)data.data + group->rm_so, (size_t)(group->rm_eo - group->rm_so)};
    return true;
}

bool kfs_keyer_find(struct kfs_keyer *keyer, struct kfs_bytes data, char *room, struct kfs_bytes *key)
{
    struct kfs_bytes found = {NULL, 0};
    bool there = false;

    switch (keyer->rule.type) {
    case KFS_KEY_CHOSEN:
    case KFS_KEY_RANDOM:
        break;
    case KFS_KEY_FIXED:
        *key = (struct kfs_bytes){keyer->rule.text, strlen(keyer->rule.text)};
        return true;
    case KFS_KEY_FIELD:
        there = find_field(keyer->rule.field, data, &found);
        break;
    case KFS_KEY_JSON:
        there = find_json(keyer->rule.text, data, room, &found);
        break;
    case KFS_KEY_REGEX:
        there = find_match(keyer, data, &found);
        break;
    }
    if (!there || !usable(found))
        return false;
    *key = found;
    return true;
}
