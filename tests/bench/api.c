/* Latencies of the API for scripts/bench.sh, over HTTP/1.1 on loopback, in milliseconds.
 *
 *   api event PORT COUNT CONSUMER-ARN   p50 p99 p99.9 from PutRecord to its event of SubscribeToShard
 *   api answer PORT COUNT               the same to its own answer: the client's share, and more
 *   api start PORT COMMAND...           from before fork and exec to the answer of GET /_health; ends the command
 *
 * Puts are to stream "s", and before each all has fallen asleep. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TEXT_MAX 65536

static void die(const char *what)
{
    (void)fprintf(stderr, "api: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* -1 with errno where it cannot. */
static int try_connect(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;

    address.sin_port = htons((uint16_t)strtol(port, NULL, 10));
    if (fd < 0)
        die("socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(fd);
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static int connect_to(const char *port)
{
    int fd = try_connect(port);

    if (fd < 0)
        die("connect");
    return fd;
}

static void ask(int fd, const char *operation, const char *body)
{
    char text[TEXT_MAX];
    int len = snprintf(text, sizeof text,
                       "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-amz-json-1.1\r\n"
                       "x-amz-target: Kinesis_20131202.%s\r\nx-amz-date: 20261123T000000Z\r\n"
                       "authorization: AWS4-HMAC-SHA256 Credential=AKID/20261123/us-east-1/kinesis/aws4_request, "
                       "SignedHeaders=host;x-amz-date;x-amz-target, Signature=%064d\r\ncontent-length: %zu\r\n\r\n%s",
                       operation, 0, strlen(body), body);

    if (write(fd, text, (size_t)len) != len)
        die("write");
}

/* Reads until the text has come; what is behind it in the same read is lost. */
static void wait_for(int fd, const char *wanted)
{
    static char text[TEXT_MAX];
    size_t len = 0;

    do {
        ssize_t n = len == sizeof text ? 0 : read(fd, text + len, sizeof text - len);
        if (n <= 0)
            die(wanted);
        len += (size_t)n;
    } while (memmem(text, len, wanted, strlen(wanted)) == NULL);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

/* One put at a time. The event, where `events` is a connection, may come before the answer. */
static void measure(int puts, int events, size_t count)
{
    const struct timespec pause = {0, 1000000};
    const char *body = "{\"StreamName\":\"s\",\"Data\":\"eHh4\",\"PartitionKey\":\"k\"}";
    double *ages = calloc(count, sizeof *ages);

    if (ages == NULL)
        die("calloc");
    for (size_t i = 0; i < count; i++) {
        (void)nanosleep(&pause, NULL);
        double start = now_ms();
        ask(puts, "PutRecord", body);
        if (events >= 0)
            wait_for(events, "\"Data\":\"eHh4\"");
        else
            wait_for(puts, "\"SequenceNumber\"");
        ages[i] = now_ms() - start;
        if (events >= 0)
            wait_for(puts, "\"SequenceNumber\"");
    }
    qsort(ages, count, sizeof *ages, by_value);
    (void)printf("%.3f %.3f %.3f\n", ages[count / 2], ages[count * 99 / 100], ages[count * 999 / 1000]);
    free(ages);
}

static void run_puts(char **args, int n)
{
    char body[1024];
    int events = -1;

    if (n == 3) {
        events = connect_to(args[0]);
        (void)snprintf(body, sizeof body,
                       "{\"ConsumerARN\":\"%s\",\"ShardId\":\"shardId-000000000000\","
                       "\"StartingPosition\":{\"Type\":\"LATEST\"}}",
                       args[2]);
        ask(events, "SubscribeToShard", body);
        wait_for(events, "initial-response");
    }
    measure(connect_to(args[0]), events, (size_t)strtoul(args[1], NULL, 10));
}

/* It sleeps a little between attempts, so as not to take the processor from what it waits for. */
static void run_start(char **args)
{
    const struct timespec pause = {0, 50000};
    const char *request = "GET /_health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    double start = now_ms();
    pid_t child = fork();
    int fd;

    if (child < 0)
        die("fork");
    if (child == 0) {
        (void)execv(args[1], args + 1);
        die(args[1]);
    }
    while ((fd = try_connect(args[0])) < 0)
        (void)nanosleep(&pause, NULL);
    if (write(fd, request, strlen(request)) != (ssize_t)strlen(request))
        die("write");
    wait_for(fd, "HTTP/1.1 200");
    (void)printf("%.3f\n", now_ms() - start);
    (void)close(fd);
    (void)kill(child, SIGTERM);
    (void)waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "event") == 0) {
        run_puts(argv + 2, 3);
    } else if (argc == 4 && strcmp(argv[1], "answer") == 0) {
        run_puts(argv + 2, 2);
    } else if (argc >= 4 && strcmp(argv[1], "start") == 0) {
        run_start(argv + 2);
    } else {
        (void)fprintf(stderr, "api: see the head of tests/bench/api.c\n");
        return 2;
    }
    return 0;
}
