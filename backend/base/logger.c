#include "backend/base/logger.h"

#include "backend/base/clock.h"
#include "backend/base/units.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

/* A write of no more than PIPE_BUF bytes to a pipe is not mixed with others. */
#define LINE_BYTES_MAX 4096
#define CUT_MARK "..."

_Static_assert(LINE_BYTES_MAX <= PIPE_BUF, "one line is one atomic write");

/* Set before threads start, only read afterwards. */
static enum kfs_log_target log_target = KFS_LOG_TO_STDERR;
static enum kfs_log_level log_level = KFS_LOG_INFO;

static const struct {
    const char *name;
    int priority;
} levels[] = {
    [KFS_LOG_ERROR] = {"error", LOG_ERR},
    [KFS_LOG_WARNING] = {"warning", LOG_WARNING},
    [KFS_LOG_INFO] = {"info", LOG_INFO},
    [KFS_LOG_DEBUG] = {"debug", LOG_DEBUG},
};

void kfs_log_setup(enum kfs_log_target target, enum kfs_log_level level)
{
    log_target = target;
    log_level = level;
    if (target == KFS_LOG_TO_SYSLOG)
        openlog("kinesisfs", LOG_PID, LOG_DAEMON);
}

/* Names of streams and answers of endpoints end up here: none may forge a line
 * or drive a terminal. The second test is for U+0080 to U+009F, which terminals obey too. */
static void replace_controls(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f) {
            text[i] = '?';
        } else if (c == 0xc2 && i + 1 < len && (unsigned char)text[i + 1] >= 0x80 &&
                   (unsigned char)text[i + 1] < 0xa0) {
            text[i] = '?';
            text[i + 1] = '?';
        }
    }
}

/* `need` is what vsnprintf wanted; what did not fit is marked, not in the middle of a character. */
static size_t close_text(char *text, size_t size, int need)
{
    if (need < 0) {
        (void)snprintf(text, size, "(text that cannot be printed)");
        return strlen(text);
    }
    if ((size_t)need < size)
        return (size_t)need;

    size_t len = size - sizeof CUT_MARK;
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    memcpy(text + len, CUT_MARK, sizeof CUT_MARK);
    return len + sizeof CUT_MARK - 1;
}

/* One write: a second one for a rest could land behind another thread's line. */
static void write_line(const char *line, size_t len)
{
    ssize_t wrote;

    do
        wrote = write(STDERR_FILENO, line, len);
    while (wrote < 0 && errno == EINTR);
}

void kfs_log(enum kfs_log_level level, const char *format, ...)
{
    char line[LINE_BYTES_MAX];
    char time[KFS_TIME_DIGITS + 1] = "";
    int saved = errno;
    va_list args;

    if (level > log_level)
        return;
    (void)kfs_time_print(kfs_system_clock.wall_ms(kfs_system_clock.ctx), time);
    int head = snprintf(line, sizeof line, "%s kinesisfs: %s: ", time, levels[level].name);
    char *text = line + head;

    errno = saved; /* for %m */
    va_start(args, format);
    int need = vsnprintf(text, sizeof line - (size_t)head, format, args);
    va_end(args);
    size_t len = close_text(text, sizeof line - (size_t)head, need);
    replace_controls(text, len);

    if (log_target == KFS_LOG_TO_SYSLOG) {
        syslog(levels[level].priority, "%s", text);
    } else {
        text[len] = '\n'; /* in place of the NUL */
        write_line(line, (size_t)head + len + 1);
    }
    errno = saved;
}
