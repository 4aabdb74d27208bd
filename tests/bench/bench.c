/* What scripts/bench.sh measures with. Prints one number a run.
 *
 *   bench append FILE SECONDS WRITERS BYTES   lines a second, one write(2) each
 *   bench durable FILE SECONDS WRITERS BYTES  the same with fdatasync(2) after each
 *   bench read FILE                           MB/s of one pass in reads of 128 KiB, as cat does
 *   bench copy FROM TO                        MB/s of appending FROM to TO in writes of 128 KiB, as cat does
 *   bench follow FOLLOWED APPENDED COUNT      microseconds from append to reader: p50 p99 p99.9
 *   bench pipe COUNT                          the same through a pipe
 *   bench readers FOLLOWED APPENDED COUNT     milliseconds until one line has reached so many waiting readers */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COPY_BYTES (128U << 10)
#define LINE_MAX_BYTES 65536

static void die(const char *what)
{
    (void)fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int number(const char *text)
{
    return (int)strtol(text, NULL, 10);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* ---- writers ---- */

struct work {
    const char *file;
    double seconds;
    size_t bytes;
    int durable;
};

/* One writer: appends lines until the time is up; returns how many. */
static uint64_t append_lines(const struct work *work)
{
    static char line[LINE_MAX_BYTES];
    uint64_t end = now_ns() + (uint64_t)(work->seconds * 1e9);
    uint64_t n = 0;
    int fd = open(work->file, O_WRONLY | O_APPEND | O_CREAT, 0644);

    if (fd < 0)
        die(work->file);
    memset(line, 'x', work->bytes);
    line[work->bytes - 1] = '\n';
    while (now_ns() < end) {
        for (int i = 0; i < (work->durable ? 1 : 64); i++, n++) {
            if (write(fd, line, work->bytes) != (ssize_t)work->bytes)
                die("write");
            if (work->durable && fdatasync(fd) != 0)
                die("fdatasync");
        }
    }
    (void)close(fd);
    return n;
}

static void run_writers(const struct work *work, int writers)
{
    uint64_t total = 0;
    int fds[2];

    if (pipe(fds) < 0)
        die("pipe");
    uint64_t start = now_ns();
    for (int i = 0; i < writers; i++) {
        pid_t child = fork();
        if (child < 0)
            die("fork");
        if (child == 0) {
            uint64_t n = append_lines(work);
            _exit(write(fds[1], &n, sizeof n) == (ssize_t)sizeof n ? 0 : 1);
        }
    }
    for (int i = 0; i < writers; i++) {
        uint64_t n;
        (void)close(i == 0 ? fds[1] : -1);
        if (read(fds[0], &n, sizeof n) != (ssize_t)sizeof n)
            die("a writer failed");
        total += n;
    }
    double seconds = (double)(now_ns() - start) / 1e9;
    while (wait(NULL) > 0)
        ;
    (void)printf("%.0f\n", (double)total / seconds);
}

/* ---- bulk ---- */

static void read_file(const char *file)
{
    char *buf = aligned_alloc(4096, COPY_BYTES);
    int fd = open(file, O_RDONLY);
    uint64_t total = 0;
    ssize_t n;

    if (fd < 0 || buf == NULL)
        die(file);
    uint64_t start = now_ns();
    while ((n = read(fd, buf, COPY_BYTES)) > 0)
        total += (uint64_t)n;
    if (n < 0)
        die("read");
    (void)printf("%.0f\n", (double)total / ((double)(now_ns() - start) / 1e3));
    free(buf);
}

static void copy_file(const char *from, const char *to)
{
    char *buf = aligned_alloc(4096, COPY_BYTES);
    int in = open(from, O_RDONLY);
    int out = open(to, O_WRONLY | O_APPEND | O_CREAT, 0644);
    uint64_t total = 0;
    ssize_t n;

    if (in < 0 || out < 0 || buf == NULL)
        die(to);
    uint64_t start = now_ns();
    while ((n = read(in, buf, COPY_BYTES)) > 0) {
        if (write(out, buf, (size_t)n) != n)
            die("write");
        total += (uint64_t)n;
    }
    if (close(out) != 0)
        die("close");
    (void)printf("%.0f\n", (double)total / ((double)(now_ns() - start) / 1e3));
    free(buf);
}

/* ---- latency ---- */

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Reads lines that hold the time they were written, until there were `count`; prints
 * percentiles of their age. A read may give several lines, never a part of one. */
static void measure_ages(int fd, size_t count)
{
    uint64_t *ages = calloc(count, sizeof *ages);
    char buf[4096];
    size_t n = 0;

    if (ages == NULL)
        die("calloc");
    while (n < count) {
        ssize_t len = read(fd, buf, sizeof buf - 1);
        if (len <= 0)
            die("read");
        uint64_t now = now_ns();
        buf[len] = '\0';
        for (const char *line = buf; *line != '\0' && n < count; line = strchr(line, '\n') + 1)
            ages[n++] = now - strtoull(line, NULL, 10);
    }
    qsort(ages, count, sizeof *ages, by_value);
    const size_t places[] = {count / 2, count * 99 / 100, count * 999 / 1000};
    (void)printf("%.1f %.1f %.1f\n", (double)ages[places[0]] / 1e3, (double)ages[places[1]] / 1e3,
                 (double)ages[places[2]] / 1e3);
    free(ages);
}

/* Writes lines with the time, and before each leaves the reader time to fall asleep. */
static void write_times(int fd, size_t count)
{
    const struct timespec pause = {0, 500000};
    char line[32];

    for (size_t i = 0; i < count; i++) {
        (void)nanosleep(&pause, NULL);
        int len = snprintf(line, sizeof line, "%llu\n", (unsigned long long)now_ns());
        if (write(fd, line, (size_t)len) != len)
            die("write");
    }
}

static void latency(int reader, int writer, size_t count)
{
    pid_t child = fork();

    if (child < 0)
        die("fork");
    if (child == 0) {
        write_times(writer, count);
        _exit(0);
    }
    measure_ages(reader, count);
    (void)waitpid(child, NULL, 0);
}

static void run_append(char **args)
{
    run_writers(&(struct work){args[0], strtod(args[1], NULL), (size_t)number(args[3]), 0}, number(args[2]));
}

static void run_durable(char **args)
{
    run_writers(&(struct work){args[0], strtod(args[1], NULL), (size_t)number(args[3]), 1}, number(args[2]));
}

static void run_read(char **args)
{
    read_file(args[0]);
}

static void run_copy(char **args)
{
    copy_file(args[0], args[1]);
}

static void run_follow(char **args)
{
    int reader = open(args[0], O_RDONLY);
    int writer = open(args[1], O_WRONLY | O_APPEND);

    if (reader < 0 || writer < 0)
        die(args[0]);
    latency(reader, writer, (size_t)number(args[2]));
}

static void run_pipe(char **args)
{
    int fds[2];

    if (pipe(fds) < 0)
        die("pipe");
    latency(fds[0], fds[1], (size_t)number(args[0]));
}

/* ---- many readers ---- */

static atomic_size_t about_to_read;

static void *read_one(void *arg)
{
    char line[64];
    int fd = open(arg, O_RDONLY);

    if (fd < 0)
        die(arg);
    atomic_fetch_add(&about_to_read, 1);
    if (read(fd, line, sizeof line) <= 0)
        die("read");
    (void)close(fd);
    return NULL;
}

static void run_readers(char **args)
{
    const struct timespec pause = {1, 0};
    size_t count = (size_t)number(args[2]);
    const struct rlimit files = {count + 100, count + 100};
    pthread_t *threads = calloc(count, sizeof *threads);
    int writer = open(args[1], O_WRONLY | O_APPEND);
    pthread_attr_t attr;

    if (threads == NULL || writer < 0 || setrlimit(RLIMIT_NOFILE, &files) != 0)
        die(args[1]);
    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setstacksize(&attr, (size_t)PTHREAD_STACK_MIN * 2);
    for (size_t i = 0; i < count; i++) {
        if ((errno = pthread_create(&threads[i], &attr, read_one, args[0])) != 0)
            die("pthread_create");
    }
    while (atomic_load(&about_to_read) < count)
        (void)nanosleep(&pause, NULL);
    (void)nanosleep(&pause, NULL); /* they fall asleep */
    uint64_t start = now_ns();
    if (write(writer, "line\n", 5) != 5)
        die("write");
    for (size_t i = 0; i < count; i++)
        (void)pthread_join(threads[i], NULL);
    (void)printf("%.1f\n", (double)(now_ns() - start) / 1e6);
    free(threads);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int args;
        void (*run)(char **args);
    } commands[] = {{"append", 4, run_append},  {"durable", 4, run_durable}, {"read", 1, run_read},
                    {"copy", 2, run_copy},      {"follow", 3, run_follow},   {"pipe", 1, run_pipe},
                    {"readers", 3, run_readers}};

    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[1], commands[i].name) == 0 && argc == commands[i].args + 2) {
            commands[i].run(argv + 2);
            return 0;
        }
    }
    (void)fprintf(stderr, "bench: see the head of tests/bench/bench.c\n");
    return 2;
}
