/* What backend/codec makes and takes, for tests that compare it with others: a record a
 * line, bytes in hex, on standard input and output.
 *
 *     codec kpl LIMIT    KEY HASH DATA of user records (HASH is - or decimal) -> aggregates of at most LIMIT bytes
 *     codec unkpl        aggregates -> KEY HASH DATA, and after each aggregate a dot; or the word plain
 *     codec gzip|zstd    -> compressed
 *     codec ungzip|unzstd -> expanded, or the word refused */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/codec/compress.h"
#include "backend/codec/kpl.h"
#include "tests/support/hex.h"

#define BYTES_MAX ((size_t)KFS_RECORD_BYTES_MAX)

static int fail(const char *what)
{
    (void)fprintf(stderr, "codec: %s\n", what);
    return 1;
}

/* In place of the text. */
static struct kfs_bytes unhex(char *hex)
{
    return (struct kfs_bytes){hex, hex_decode(hex, hex)};
}

static void print_hex(struct kfs_bytes bytes)
{
    const unsigned char *data = bytes.data;

    for (size_t i = 0; i < bytes.len; i++)
        (void)printf("%02x", data[i]);
}

static void print_buf(struct kfs_buf *buf)
{
    print_hex((struct kfs_bytes){buf->data, buf->len});
    (void)putchar('\n');
    buf->len = 0;
}

/* False at the end of input. */
static bool next_line(char **line, size_t *cap)
{
    ssize_t len = getline(line, cap, stdin);

    if (len <= 0)
        return false;
    (*line)[strcspn(*line, "\n")] = '\0';
    return true;
}

/* What stands before the next space, which becomes a NUL. */
static char *word(char **rest)
{
    char *begin = *rest;
    size_t len = strcspn(begin, " ");

    *rest = begin + len + (begin[len] != '\0');
    begin[len] = '\0';
    return begin;
}

static int aggregate(size_t limit, char **line, size_t *cap)
{
    const struct kfs_hash_range any = {0, KFS_HASH_MAX};
    struct kfs_kpl_writer *writer = kfs_kpl_writer_new(limit, &any);
    struct kfs_buf buf;
    int rc = writer == NULL ? -1 : 0;

    kfs_buf_init(&buf, BYTES_MAX);
    while (rc == 0 && next_line(line, cap)) {
        char *rest = *line;
        char *key = word(&rest);
        char *digits = word(&rest);
        kfs_hash hash;
        struct kfs_put put = {.key = unhex(key), .data = unhex(rest)};

        if (kfs_hash_parse(digits, strlen(digits), &hash) == 0)
            put.explicit_hash = &hash;
        rc = kfs_kpl_add(writer, &put);
        if (rc != 0 && kfs_kpl_count(writer) > 0 && kfs_kpl_close(writer, &buf) == 0) {
            print_buf(&buf);
            rc = kfs_kpl_add(writer, &put);
        }
    }
    if (rc == 0)
        rc = kfs_kpl_close(writer, &buf);
    print_buf(&buf);
    kfs_buf_release(&buf);
    kfs_kpl_writer_free(writer);
    return rc == 0 ? 0 : fail("a record that is not taken");
}

static int take_apart(char **line, size_t *cap)
{
    const struct kfs_kpl_limit limit = {BYTES_MAX, BYTES_MAX};
    struct kfs_kpl_reader reader;
    struct kfs_kpl_record record;
    char digits[KFS_HASH_DIGITS_MAX + 1];

    kfs_kpl_reader_init(&reader);
    while (next_line(line, cap)) {
        if (kfs_kpl_open(&reader, unhex(*line), &limit) != 0) {
            (void)puts("plain");
            continue;
        }
        while (kfs_kpl_next(&reader, &record)) {
            print_hex(record.key);
            if (record.has_explicit_hash)
                (void)kfs_hash_print(record.explicit_hash, digits);
            (void)printf(" %s ", record.has_explicit_hash ? digits : "-");
            print_hex(record.data);
            (void)putchar('\n');
        }
        (void)puts(".");
    }
    kfs_kpl_reader_release(&reader);
    return 0;
}

static int convert(const struct kfs_compression *kind, bool expand, char **line, size_t *cap)
{
    void *context = kind->context_new();
    struct kfs_buf buf;

    kfs_buf_init(&buf, BYTES_MAX);
    while (context != NULL && next_line(line, cap)) {
        if ((expand ? kind->expand : kind->compress)(context, unhex(*line), &buf) == 0)
            print_buf(&buf);
        else
            (void)puts("refused");
    }
    kfs_buf_release(&buf);
    kind->context_free(context);
    return context == NULL ? fail("no memory") : 0;
}

int main(int argc, char **argv)
{
    const struct kfs_compression *const kinds[] = {&kfs_gzip, &kfs_zstd};
    const char *what = argc > 1 ? argv[1] : "";
    bool expand = strncmp(what, "un", 2) == 0;
    char *line = NULL;
    size_t cap = 0;
    int rc = -1;

    if (strcmp(what, "kpl") == 0 && argc == 3)
        rc = aggregate(strtoul(argv[2], NULL, 10), &line, &cap);
    if (strcmp(what, "unkpl") == 0)
        rc = take_apart(&line, &cap);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(what + (expand ? 2 : 0), kinds[i]->name) == 0)
            rc = convert(kinds[i], expand, &line, &cap);
    }
    free(line);
    if (rc == 0 && fflush(stdout) != 0)
        rc = 1;
    return rc < 0 ? fail("kpl LIMIT, unkpl, gzip, zstd, ungzip or unzstd") : rc;
}
