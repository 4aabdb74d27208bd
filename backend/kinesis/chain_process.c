/* credential_process: a program that prints credentials in JSON. It is run without a shell, in a process group of its
 * own, with nothing to read; it has a minute, and may print so much. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/crypto.h"
#include "backend/kinesis/chain_internal.h"

#define LIMIT_MS 60000
#define LOOK_MS 100 /* between looks at whether it is to be stopped */
#define REAP_MS 5   /* between looks at whether it has ended */
#define OUTPUT_MAX ((size_t)64 << 10)
#define TREE_BYTES ((size_t)256 << 10)

extern char **environ;

static int spawn(char *const words[], int out, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t pipe_too;
    int rc;

    (void)posix_spawn_file_actions_init(&files);
    (void)posix_spawnattr_init(&attributes);
    (void)sigemptyset(&none);
    (void)sigemptyset(&pipe_too);
    (void)sigaddset(&pipe_too, SIGPIPE);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    (void)posix_spawnattr_setpgroup(&attributes, 0);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &pipe_too);
    rc = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&files, out, 1);
    if (rc == 0)
        rc = posix_spawnp(pid, words[0], &files, &attributes, words, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&files);
    return -rc;
}

/* -ETIMEDOUT, -ECANCELED: it is to be given up. */
static int look(const struct kfs_chain *chain, uint64_t end_ms)
{
    if (chain->config->stop != NULL && atomic_load(chain->config->stop))
        return -ECANCELED;
    return kfs_system_clock.mono_ms(NULL) >= end_ms ? -ETIMEDOUT : 0;
}

/* Reads until the end. -EMSGSIZE: it is too much. */
static int read_all(const struct kfs_chain *chain, int fd, uint64_t end_ms, struct kfs_buf *text)
{
    int rc;

    while ((rc = look(chain, end_ms)) == 0) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, LOOK_MS) <= 0)
            continue;
        rc = kfs_buf_reserve(text, 1);
        if (rc != 0)
            break;
        ssize_t n = read(fd, text->data + text->len, text->cap - text->len);
        if (n == 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return -errno;
        text->len += n > 0 ? (size_t)n : 0;
    }
    return rc;
}

/* Waits for its end; it may have closed its output long before. -EIO: its exit status is not 0. */
static int reap(const struct kfs_chain *chain, pid_t pid, uint64_t end_ms)
{
    int status = 0;
    pid_t ended;
    int rc = 0;

    while ((ended = waitpid(pid, &status, WNOHANG)) == 0 && (rc = look(chain, end_ms)) == 0)
        (void)poll(NULL, 0, REAP_MS);
    if (rc != 0)
        return rc;
    return ended == pid && status == 0 ? 0 : -EIO;
}

/* Runs the program and takes what it prints. */
static int run(const struct kfs_chain *chain, char *const words[], struct kfs_buf *text)
{
    const uint64_t end_ms = kfs_system_clock.mono_ms(NULL) + LIMIT_MS;
    int ends[2];
    pid_t pid = 0;
    int rc;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return -errno;
    rc = spawn(words, ends[1], &pid);
    (void)close(ends[1]);
    if (rc == 0) {
        rc = read_all(chain, ends[0], end_ms, text);
        if (rc == 0)
            rc = reap(chain, pid, end_ms);
        if (rc != 0 && rc != -EIO) {
            (void)kill(-pid, SIGKILL);
            (void)waitpid(pid, NULL, 0);
        }
    }
    (void)close(ends[0]);
    return rc;
}

/* Version 1 is the only one. */
static bool version_is_known(struct kfs_bytes text)
{
    struct kfs_arena *arena = kfs_arena_new(TREE_BYTES);
    struct kfs_value root = {0};
    bool known = false;

    if (arena != NULL && kfs_json_decode(arena, text, &root) == 0) {
        const struct kfs_value *version = kfs_value_get(&root, "Version");
        known = version != NULL && version->type == KFS_VALUE_NUMBER && version->whole && version->integer == 1;
    }
    kfs_arena_free(arena);
    return known;
}

static int explain(int rc, const char *program, struct kfs_error *err)
{
    const char *what = rc == -EIO         ? "it failed"
                       : rc == -EMSGSIZE  ? "it prints too much"
                       : rc == -ETIMEDOUT ? "it does not end"
                       : rc == -ECANCELED ? "canceled"
                                          : strerror(-rc);

    return kfs_fail(err, rc == -ECANCELED ? ECANCELED : EACCES, "credential_process: %s: %s", program, what);
}

int kfs_provide_process(struct kfs_chain *chain, const char *profile, struct kfs_credentials *keys,
                        struct kfs_error *err)
{
    static const char who[] = "credential_process";
    const char *line = kfs_profile_get(chain->profiles, profile, "credential_process");
    char **words = NULL;
    struct kfs_buf text;
    int rc;

    if (line == NULL)
        return -ENOENT;
    rc = kfs_split_words(line, &words);
    if (rc != 0)
        return kfs_fail(err, EACCES, "%s of profile %s: a quote does not end", who, profile);
    kfs_buf_init(&text, OUTPUT_MAX);
    rc = run(chain, words, &text);
    if (rc != 0)
        rc = explain(rc, words[0], err);
    else if (!version_is_known((struct kfs_bytes){text.data, text.len}))
        rc = kfs_fail(err, EACCES, "%s: %s: it does not print JSON with \"Version\": 1", who, words[0]);
    else
        rc = kfs_keys_from_json(who, (struct kfs_bytes){text.data, text.len}, NULL, &kfs_key_names_session, keys, err);
    if (text.data != NULL)
        kfs_secret_wipe(text.data, text.cap);
    kfs_buf_release(&text);
    free(words);
    return rc;
}
