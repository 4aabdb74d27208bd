/* Runs a fuzz target over files and directories of files, for compilers
 * without libFuzzer and for `make test`. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX (1 << 20) /* as libFuzzer's default for seeds */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(FILE_MAX);
    uint8_t *exact = NULL;
    int rc = 1;

    if (file == NULL || data == NULL)
        goto out;
    size_t size = fread(data, 1, FILE_MAX, file);
    if (ferror(file))
        goto out;
    exact = malloc(size > 0 ? size : 1); /* so that a sanitizer sees a read past the end */
    if (exact == NULL)
        goto out;
    memcpy(exact, data, size);
    (void)LLVMFuzzerTestOneInput(exact, size);
    rc = 0;
out:
    if (rc != 0)
        perror(path);
    if (file != NULL)
        (void)fclose(file);
    free(exact);
    free(data);
    return rc;
}

static int replay_dir(const char *path, size_t *n)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    int rc = 0;

    if (dir == NULL) {
        perror(path);
        return 1;
    }
    while (rc == 0 && (entry = readdir(dir)) != NULL) {
        char name[4096];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        rc = replay_file(name);
        *n += 1;
    }
    (void)closedir(dir);
    return rc;
}

int main(int argc, char **argv)
{
    size_t n = 0;
    int rc = 0;

    for (int i = 1; i < argc && rc == 0; i++) {
        struct stat st;
        if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)) {
            rc = replay_dir(argv[i], &n);
            continue;
        }
        rc = replay_file(argv[i]);
        n++;
    }
    if (rc == 0 && n == 0) {
        (void)fprintf(stderr, "%s: no files\n", argv[0]);
        rc = 1;
    }
    return rc;
}
