/* The operator's log: one line a call, to stderr or syslog. Never a payload,
 * never a secret. Safe from any thread. */
#ifndef KFS_BASE_LOGGER_H
#define KFS_BASE_LOGGER_H

enum kfs_log_level { KFS_LOG_ERROR, KFS_LOG_WARNING, KFS_LOG_INFO, KFS_LOG_DEBUG };
enum kfs_log_target { KFS_LOG_TO_STDERR, KFS_LOG_TO_SYSLOG };

/* Called once, before threads start. Lines above `level` are dropped. */
void kfs_log_setup(enum kfs_log_target target, enum kfs_log_level level);

void kfs_log(enum kfs_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
