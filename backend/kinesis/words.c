/* A line as words, as a shell splits it: the command of credential_process. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "backend/kinesis/chain_internal.h"

struct splitter {
    const char *at;
    char *to; /* where the next character goes */
};

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind an opening quote. False: it does not end. */
static bool quoted(struct splitter *s, char quote)
{
    for (; *s->at != quote; *s->to++ = *s->at++) {
        if (*s->at == '\0')
            return false;
        if (quote == '"' && *s->at == '\\' && (s->at[1] == '"' || s->at[1] == '\\'))
            s->at++;
    }
    s->at++;
    return true;
}

static bool word(struct splitter *s)
{
    while (*s->at != '\0' && !blank(*s->at)) {
        char c = *s->at++;
        if (c == '\'' || c == '"') {
            if (!quoted(s, c))
                return false;
        } else if (c == '\\') {
            if (*s->at == '\0')
                return false;
            *s->to++ = *s->at++;
        } else {
            *s->to++ = c;
        }
    }
    *s->to++ = '\0';
    return true;
}

/* A word takes at least a character and a blank, so there are at most len / 2 + 1; a text with its NULs is no longer
 * than the line and one NUL. */
int kfs_split_words(const char *line, char ***out)
{
    size_t len = strlen(line);
    size_t words_max = len / 2 + 1;
    char **words = malloc((words_max + 1) * sizeof *words + len + 1);
    struct splitter s;
    size_t n = 0;

    if (words == NULL)
        return -ENOMEM;
    s = (struct splitter){line, (char *)(words + words_max + 1)};
    for (;;) {
        while (blank(*s.at))
            s.at++;
        if (*s.at == '\0')
            break;
        words[n++] = s.to;
        if (!word(&s)) {
            free(words);
            return -EINVAL;
        }
    }
    words[n] = NULL;
    if (n == 0) {
        free(words);
        return -EINVAL;
    }
    *out = words;
    return 0;
}
