/* Becoming a daemon whose parent tells the truth: it exits 0 only when the
 * mount answers, else with the child's status after the child said why. */
#ifndef KFS_FS_DAEMON_H
#define KFS_FS_DAEMON_H

struct kfs_daemon {
    int report; /* the child's end of the pipe; -1 in the foreground */
};

/* Forks. Returns in the child only; the parent waits and exits. Before threads are started. */
int kfs_daemon_start(struct kfs_daemon *daemon, const char *mountpoint);

/* The child is mounted: lets the parent look, and gives up its terminal. */
void kfs_daemon_ready(struct kfs_daemon *daemon);

#endif
