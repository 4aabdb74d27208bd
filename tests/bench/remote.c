/* What the rows remote_* of scripts/bench.sh measure with.
 *
 *   remote puts PORT STREAM COUNT        records a second: a bare loop of PutRecords of 500 records of 100 bytes,
 *                                        made once, signed by libcurl, on one connection
 *   remote put PORT STREAM COUNT         median microseconds of such a loop of PutRecord
 *   remote lines FILE COUNT              lines of 100 bytes a second in writes of 128 KiB, until an fsync returns
 *   remote echo FILE COUNT               median microseconds from before write(2) to after fsync(2) */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 100
#define BATCH 500
#define WRITE_BYTES (128U << 10)
#define RECORD "{\"Data\":\"%s\",\"PartitionKey\":\"shardId-000000000000\"}"

static void die(const char *what)
{
    (void)fprintf(stderr, "remote: %s: %s\n", what, strerror(errno));
    exit(1);
}

static size_t number(const char *text)
{
    return (size_t)strtoul(text, NULL, 10);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void print_median(double *us, size_t n)
{
    qsort(us, n, sizeof *us, by_value);
    (void)printf("%.1f\n", us[n / 2]);
}

/* ---- the bare loop ---- */

static size_t ignore(char *data, size_t size, size_t n, void *answer)
{
    size_t *len = answer;

    (void)data;
    *len += n;
    return size * n;
}

static CURL *prepare(const char *port, const char *operation, size_t *len)
{
    char url[64];
    char target[64];
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/x-amz-json-1.1");
    CURL *easy = curl_easy_init();

    (void)snprintf(url, sizeof url, "http://127.0.0.1:%s/", port);
    (void)snprintf(target, sizeof target, "X-Amz-Target: Kinesis_20131202.%s", operation);
    headers = curl_slist_append(curl_slist_append(headers, target), "Expect:");
    if (easy == NULL || headers == NULL)
        die("libcurl");
    (void)curl_easy_setopt(easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, "aws:amz:us-east-1:kinesis");
    (void)curl_easy_setopt(easy, CURLOPT_USERPWD, "AKIDEXAMPLE:secret");
    (void)curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, len);
    return easy;
}

static void send_body(CURL *easy, const char *body)
{
    CURLcode rc;

    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    rc = curl_easy_perform(easy);
    if (rc != CURLE_OK) {
        (void)fprintf(stderr, "remote: %s\n", curl_easy_strerror(rc));
        exit(1);
    }
}

/* A line of 99 bytes, as base64. */
static const char *data_of_line(void)
{
    static char text[(LINE_BYTES - 1) / 3 * 4 + 1];

    memset(text, 'A', sizeof text - 1);
    return text;
}

static char *put_body(const char *stream, size_t records)
{
    size_t size = 256 + records * 256;
    char *body = malloc(size);
    size_t len;

    if (body == NULL)
        die("memory");
    len = (size_t)snprintf(body, size, "{\"StreamName\":\"%s\",\"Records\":[", stream);
    for (size_t i = 0; i < records; i++)
        len += (size_t)snprintf(body + len, size - len, "%s" RECORD, i == 0 ? "" : ",", data_of_line());
    (void)snprintf(body + len, size - len, "]}");
    return body;
}

static void run_puts(char **args)
{
    size_t len = 0;
    CURL *easy = prepare(args[0], "PutRecords", &len);
    char *body = put_body(args[1], BATCH);
    size_t count = number(args[2]);
    uint64_t begin;

    send_body(easy, body); /* connects */
    begin = now_ns();
    for (size_t i = 0; i < count; i += BATCH)
        send_body(easy, body);
    (void)printf("%.0f\n", (double)count / ((double)(now_ns() - begin) / 1e9));
}

static void run_put(char **args)
{
    char body[512];
    size_t len = 0;
    CURL *easy = prepare(args[0], "PutRecord", &len);
    size_t count = number(args[2]);
    double *us = calloc(count + 1, sizeof *us);

    if (us == NULL)
        die("memory");
    (void)snprintf(body, sizeof body,
                   "{\"StreamName\":\"%s\",\"Data\":\"%s\",\"PartitionKey\":\"shardId-000000000000\"}", args[1],
                   data_of_line());
    send_body(easy, body);
    for (size_t i = 0; i < count; i++) {
        uint64_t begin = now_ns();
        send_body(easy, body);
        us[i] = (double)(now_ns() - begin) / 1e3;
    }
    print_median(us, count);
}

/* ---- the file ---- */

static int open_to_append(const char *file)
{
    int fd = open(file, O_WRONLY | O_APPEND);

    if (fd < 0)
        die(file);
    return fd;
}

static void run_lines(char **args)
{
    static char lines[WRITE_BYTES / LINE_BYTES * LINE_BYTES];
    int fd = open_to_append(args[0]);
    size_t left = number(args[1]) * LINE_BYTES;
    uint64_t begin;

    memset(lines, 'x', sizeof lines);
    for (size_t i = LINE_BYTES - 1; i < sizeof lines; i += LINE_BYTES)
        lines[i] = '\n';
    begin = now_ns();
    while (left > 0) {
        size_t n = left < sizeof lines ? left : sizeof lines;
        if (write(fd, lines, n) != (ssize_t)n)
            die("write");
        left -= n;
    }
    if (fsync(fd) != 0)
        die("fsync");
    (void)printf("%.0f\n", (double)number(args[1]) / ((double)(now_ns() - begin) / 1e9));
    (void)close(fd);
}

static void run_echo(char **args)
{
    char line[LINE_BYTES];
    int fd = open_to_append(args[0]);
    size_t count = number(args[1]);
    double *us = calloc(count + 1, sizeof *us);

    if (us == NULL)
        die("memory");
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    for (size_t i = 0; i < count; i++) {
        uint64_t begin = now_ns();
        if (write(fd, line, sizeof line) != (ssize_t)sizeof line || fsync(fd) != 0)
            die("write and fsync");
        us[i] = (double)(now_ns() - begin) / 1e3;
    }
    print_median(us, count);
    (void)close(fd);
}

static const struct {
    const char *name;
    int args;
    void (*run)(char **args);
} works[] = {{"puts", 3, run_puts}, {"put", 3, run_put}, {"lines", 2, run_lines}, {"echo", 2, run_echo}};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof works / sizeof works[0]; i++) {
        if (argc == works[i].args + 2 && strcmp(argv[1], works[i].name) == 0) {
            works[i].run(argv + 2);
            return 0;
        }
    }
    (void)fprintf(stderr, "remote: the head of tests/bench/remote.c says how it is called\n");
    return 2;
}
