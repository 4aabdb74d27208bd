#include "fs/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define FUSE_MAGIC 0x65735546 /* f_type of any FUSE mount, linux/magic.h */

/* The parent: waits for the child's word, looks at the mount, exits. */
static void wait_and_exit(pid_t child, int fd, const char *mountpoint)
{
    struct statfs st;
    char word;
    int status = 0;
    ssize_t n;

    do
        n = read(fd, &word, 1);
    while (n < 0 && errno == EINTR);
    if (n == 1) {
        if (mountpoint == NULL || (statfs(mountpoint, &st) == 0 && st.f_type == FUSE_MAGIC))
            _exit(0);
        (void)fprintf(stderr, "kinesisfs: %s is mounted but does not answer: %s\n", mountpoint, strerror(errno));
        _exit(1);
    }
    /* The child has said why on our stderr. */
    if (waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) != 0)
        _exit(WEXITSTATUS(status));
    if (WIFSIGNALED(status))
        (void)fprintf(stderr, "kinesisfs: the daemon was killed by signal %d\n", WTERMSIG(status));
    _exit(1);
}

int kfs_daemon_start(struct kfs_daemon *daemon, const char *mountpoint)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    pid_t child = fork();
    if (child < 0) {
        int rc = -errno;
        (void)close(fds[0]);
        (void)close(fds[1]);
        return rc;
    }
    if (child > 0) {
        (void)close(fds[1]);
        wait_and_exit(child, fds[0], mountpoint);
    }
    (void)close(fds[0]);
    (void)setsid();
    daemon->report = fds[1];
    return 0;
}

void kfs_daemon_ready(struct kfs_daemon *daemon)
{
    if (daemon->report < 0)
        return;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        (void)dup2(null, STDIN_FILENO);
        (void)dup2(null, STDOUT_FILENO);
        (void)dup2(null, STDERR_FILENO);
        (void)close(null);
    }
    (void)!write(daemon->report, "", 1);
    (void)close(daemon->report);
    daemon->report = -1;
}
