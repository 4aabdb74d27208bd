/* The server over HTTP/1, on real sockets. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/web.h"

#define GET(target) "GET " target " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(target, length, body) "POST " target " HTTP/1.1\r\nHost: a\r\nContent-Length: " length "\r\n\r\n" body

static int setup(void **state)
{
    struct web *web = test_malloc(sizeof *web);

    web_init(web);
    web->config.request_timeout_ms = 60000;
    web_start(web);
    *state = web;
    return 0;
}

static int teardown(void **state)
{
    struct web *web = *state;

    web_release(web);
    web_stop(web, 0);
    test_free(web);
    return 0;
}

static void keeps_connections_and_order(void **state)
{
    int fd = client_open(*state);

    client_text(fd, POST("/echo", "3", "one") POST("/thread", "3", "two") POST("/timer", "5", "three") GET("/length")
                        POST("/echo", "4", "four"));
    client_expect(fd, 200, "one");
    client_expect(fd, 200, "two");
    client_expect(fd, 200, "three");
    client_expect(fd, 200, "0");
    client_expect(fd, 200, "four");
    client_text(fd, "\r\n\r\n" GET("/nothing"));
    client_expect(fd, 404, "");
    client_text(fd, GET("http://b:1/length") GET("HTTPS://b"));
    client_expect(fd, 200, "0");
    client_expect(fd, 404, "");
    close(fd);
}

/* More than the sockets hold: the server stops reading until its answers are taken. */
static void pipelines_thousands(void **state)
{
    enum { N = 4000 };
    int fd = client_open(*state);
    pid_t writer = fork();

    if (writer == 0) {
        for (int i = 0; i < N; i++) {
            char text[128];
            int len = snprintf(text, sizeof text, GET("/zeros/%d"), i);
            client_send(fd, text, (size_t)len);
        }
        _exit(0);
    }
    usleep(50000);
    for (size_t i = 0; i < N; i++) {
        struct answer answer;
        client_answer(fd, &answer);
        assert_int_equal(answer.len, i);
        client_free(&answer);
    }
    close(fd);
}

static void takes_chunks(void **state)
{
    int fd = client_open(*state);
    static const char head[] = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

    client_text(fd, head);
    client_text(fd, "3\r\nabc\r\nA;name=value\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n" GET("/length"));
    client_expect(fd, 200, "abc0123456789");
    client_expect(fd, 200, "0");
    client_text(fd, head);
    client_text(fd, "0\r\n\r\n");
    client_expect(fd, 200, "");
    client_text(fd, head);
    client_text(fd, "x\r\n");
    client_expect(fd, 400, "");
    client_expect_end(fd);
    close(fd);
}

static void takes_single_bytes(void **state)
{
    int fd = client_open(*state);
    static const char text[] =
        POST("/echo", "5", "12345") "POST /echo HTTP/1.1\r\nhost:a\r\ntransfer-encoding: "
                                    "chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n" GET("/length");

    for (size_t i = 0; i < sizeof text - 1; i++) {
        client_send(fd, text + i, 1);
        usleep(300);
    }
    client_expect(fd, 200, "12345");
    client_expect(fd, 200, "abc");
    client_expect(fd, 200, "0");
    close(fd);
}

static void says_continue(void **state)
{
    int fd = client_open(*state);
    struct answer answer;

    client_text(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n");
    client_answer(fd, &answer);
    assert_int_equal(answer.status, 100);
    client_text(fd, "ok");
    client_expect(fd, 200, "ok");
    client_text(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nok");
    client_expect(fd, 200, "ok"); /* no need of it */
    client_text(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: tea\r\n\r\nok");
    client_expect(fd, 417, "");
    client_expect_end(fd);
    close(fd);
}

static void limits_bodies(void **state)
{
    char head[128];
    int fd = client_open(*state);

    (void)snprintf(head, sizeof head, POST("/length", "%u", ""), KFS_HTTP_BODY_BYTES_MAX);
    client_text(fd, head);
    client_zeros(fd, KFS_HTTP_BODY_BYTES_MAX);
    client_expect(fd, 200, "20971520");
    (void)snprintf(head, sizeof head, POST("/length", "%u", ""), KFS_HTTP_BODY_BYTES_MAX + 1);
    client_text(fd, head);
    client_zeros(fd, KFS_HTTP_BODY_BYTES_MAX + 1); /* a client that reads only then gets its answer */
    client_expect(fd, 413, "");
    client_expect_end(fd);
    close(fd);

    fd = client_open(*state);
    client_text(fd, "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 21; i++) {
        client_text(fd, "100000\r\n");
        client_zeros(fd, 1U << 20);
        client_text(fd, "\r\n");
    }
    client_expect(fd, 413, "");
    close(fd);
}

static void send_headers(int fd, int n, size_t value)
{
    static char text[KFS_HTTP_HEAD_BYTES_MAX];

    memset(text, 'v', sizeof text);
    client_text(fd, "GET /length HTTP/1.1\r\nHost: a\r\n");
    for (int i = 1; i < n; i++) {
        client_text(fd, "X: ");
        client_send(fd, text, value);
        client_text(fd, "\r\n");
    }
    client_text(fd, "\r\n");
}

static void limits_heads(void **state)
{
    int fd = client_open(*state);

    send_headers(fd, KFS_HTTP_HEADERS_MAX, 1);
    client_expect(fd, 200, "0");
    send_headers(fd, 2, KFS_HTTP_HEAD_BYTES_MAX - 100);
    client_expect(fd, 200, "0");
    send_headers(fd, KFS_HTTP_HEADERS_MAX + 1, 1);
    client_expect(fd, 431, "");
    client_expect_end(fd);
    close(fd);
    fd = client_open(*state);
    send_headers(fd, 2, KFS_HTTP_HEAD_BYTES_MAX);
    client_expect(fd, 431, "");
    close(fd);
}

static void limits_time(void **state)
{
    struct web *web = *state;

    web->config.request_timeout_ms = 100;
    web->config.idle_timeout_ms = 1000;
    web_stop_clock(web);
    web_restart(web);
    int held = client_open(web);
    int idle = client_open(web);
    int slow_body = client_open(web);
    int slow = client_open(web);
    client_text(held, GET("/hold"));
    client_text(slow_body, POST("/echo", "10", "123"));
    for (int i = 0; i < 11; i++) {
        client_text(slow, "G");
        web_settle(web);
        client_expect_nothing(slow);
        client_expect_nothing(slow_body);
        web_pass(web, i < 10 ? 9 : 10);
    }
    web_settle(web);
    client_expect(slow, 408, "");
    client_expect(slow_body, 408, "");
    client_expect_nothing(idle);
    web_pass(web, 899);
    web_settle(web);
    client_expect_nothing(idle);
    web_pass(web, 1);
    web_settle(web);
    client_expect_end(idle);
    web_pass(web, 100000);
    web_settle(web);
    client_expect_nothing(held); /* what the handler keeps has no limit */
    web_release(web);
    client_expect(held, 200, "");
    client_expect_nothing(held);
    web_pass(web, 1000);
    web_settle(web);
    client_expect_end(held);
    close(slow);
    close(slow_body);
    close(idle);
    close(held);
}

static void drops_readers_that_stall(void **state)
{
    struct web *web = *state;
    char text[512];

    web->config.idle_timeout_ms = 200;
    web_stop_clock(web);
    web_restart(web);
    int stalled = client_open(web);
    int dripping = client_open(web);
    client_text(stalled, GET("/zeros/20000000"));
    client_text(dripping, GET("/drip"));
    web_settle(web);
    for (int i = 0; i < 50; i++) { /* longer than that */
        web_pass(web, 5);
        assert_true(recv(dripping, text, sizeof text, 0) > 0);
    }
    web_until(web_stats(web).connections == 1);
    close(stalled);
    close(dripping);
}

static void refuses_malformed_requests(void **state)
{
    static const char *const texts[] = {
        "GET\r\n\r\n",
        "\x16\x03\x01\x02", /* who begins with TLS, and waits for an answer */
        "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /length\r\nHost: a\r\n\r\n",
        GET("/length") "\x16\x03\x01\n\n",
        "GET /length HTTP/1.1\r\n\r\n",
        "GET /length HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /length HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        "GET /length HTTP/1.1\r\nHost: a\r\nX:\r\n\tfolded\r\n\r\n",
        "GET /length HTTP/1.1\r\n Host: a\r\n\r\n",
        "GET /length HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET /length HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n",
        "GET /length HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
        "GET /length HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
        "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
        "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nab",
        "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\nab",
        "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nab",
        "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 1 1\r\n\r\nab",
        "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\nab",
        "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n",
        "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;x\nab\r\n0\r\n\r\n",
        "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nab",
        "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
        "POST /length HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
    };
    struct web *web = *state;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct answer answer;
        int fd = client_open(web);
        client_text(fd, texts[i]);
        client_answer(fd, &answer);
        if (answer.status == 200) {
            client_free(&answer);
            client_answer(fd, &answer);
        }
        if (answer.status != 400)
            fail_msg("%d for %s", answer.status, texts[i]);
        client_free(&answer);
        client_expect_end(fd);
        close(fd);
    }
    assert_int_equal(web_stats(web).bad_requests, sizeof texts / sizeof texts[0]);
    int fd = client_open(web);
    client_text(fd, "GET /length HTTP/2.0\r\nHost: a\r\n\r\n");
    client_expect(fd, 505, "");
    close(fd);
}

static void gives_the_handler_headers(void **state)
{
    int fd = client_open(*state);

    client_text(fd, "OPTIONS /headers HTTP/1.1\r\nHOST: a:1 \r\nX-Amz-Target:\t k.Put \r\nEmpty:\r\nUpgrade: "
                    "h2c\r\nConnection: Upgrade\r\n\r\n");
    client_expect(fd, 200, "host=a:1\nx-amz-target=k.Put\nempty=\nupgrade=h2c\nconnection=Upgrade\n");
    close(fd);
}

static void answers_head_and_http_1_0(void **state)
{
    struct answer answer;
    int fd = client_open(*state);

    client_text(
        fd, "HEAD /zeros/5 HTTP/1.1\r\nHost: a\r\n\r\nGET /length HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    char text[512] = "";
    for (size_t len = 0; len < sizeof text - 1;) {
        ssize_t n = recv(fd, text + len, sizeof text - 1 - len, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    assert_non_null(strstr(text, "content-length: 5\r\n\r\nHTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(text, "connection: close\r\n\r\n0"));
    close(fd);

    fd = client_open(*state);
    client_text(fd, "GET /length HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    client_answer(fd, &answer);
    assert_non_null(strstr(answer.head, "connection: keep-alive\r\n"));
    client_free(&answer);
    client_text(fd, "GET /pour/3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    client_answer(fd, &answer);
    assert_non_null(strstr(answer.head, "connection: close\r\n"));
    char body[4];
    assert_int_equal(recv(fd, body, sizeof body, MSG_WAITALL), 3);
    close(fd);
}

static void answers_after_half_close(void **state)
{
    int fd = client_open(*state);

    client_text(fd, POST("/echo", "2", "hi") POST("/timer", "5", "later") POST("/echo", "4", "last"));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    client_expect(fd, 200, "hi");
    client_expect(fd, 200, "later");
    client_expect(fd, 200, "last");
    client_expect_end(fd);
    close(fd);
}

static void survives_aborts(void **state)
{
    static const char *const texts[] = {"",
                                        "GET",
                                        POST("/echo", "100", "part"),
                                        GET("/zeros/4000000"),
                                        GET("/timer"),
                                        GET("/thread"),
                                        GET("/pour/4000000"),
                                        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nx"};
    struct web *web = *state;
    struct linger abrupt = {.l_onoff = 1};

    for (size_t i = 0; i < 64; i++) {
        int fd = client_open(web);
        client_text(fd, texts[i % 8]);
        if (i >= 16)
            usleep(2000);
        if (i >= 32)
            assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt), 0);
        close(fd);
    }
    web_until(web_stats(web).connections == 0);
}

static void cuts(void **state)
{
    int fd = client_open(*state);

    client_text(fd, POST("/echo", "2", "hi"));
    client_expect(fd, 200, "hi");
    client_text(fd, GET("/cut"));
    client_expect_end(fd);
    close(fd);
}

static void streams_at_the_peers_pace(void **state)
{
    struct web *web = *state;
    int fd = client_open(web);
    struct answer answer;

    client_text(fd, GET("/pour/100000000") GET("/length"));
    web_until(atomic_load(&web->full) > 0);
    client_answer(fd, &answer);
    assert_int_equal(answer.len, 100000000);
    client_free(&answer);
    client_expect(fd, 200, "0");
    assert_int_equal(atomic_load(&web->gone), 0);
    close(fd);
}

static void tells_that_the_peer_has_gone(void **state)
{
    struct web *web = *state;
    char text[512];
    int dripping = client_open(web);
    int pouring = client_open(web);

    client_text(dripping, GET("/drip"));
    assert_true(recv(dripping, text, sizeof text, 0) > 0);
    client_text(pouring, GET("/pour/100000000"));
    web_until(atomic_load(&web->full) > 0);
    close(dripping);
    close(pouring);
    web_until(atomic_load(&web->gone) == 2);
    web_until(web_stats(web).connections == 0);
}

static void stops_gracefully(void **state)
{
    struct web *web = *state;
    int idle = client_open(web);
    int late = client_open(web);
    int drip = client_open(web);
    char text[512];

    client_text(late, POST("/timer", "4", "done"));
    client_text(drip, GET("/drip"));
    assert_true(recv(drip, text, sizeof text, 0) > 0);
    web_until(web_stats(web).requests == 2); /* a connection whose request has not come is idle */
    web_stop(web, 200);
    client_expect(late, 200, "done");
    client_expect_end(late);
    client_expect_end(idle);
    assert_int_equal(atomic_load(&web->gone), 1);
    close(idle);
    close(late);
    close(drip);
    web_start(web); /* for the teardown */
}

static void holds_a_thousand_connections(void **state)
{
    enum { N = 1000 };
    struct web *web = *state;
    int fds[N];

    web->config.connections_max = N;
    web_restart(web);
    for (int i = 0; i < N; i++)
        fds[i] = client_open(web);
    web_until(web_stats(web).connections == N);
    int more = client_open(web);
    client_expect_end(more);
    close(more);
    assert_int_equal(web_stats(web).refused, 1);
    for (int i = 0; i < N; i++)
        client_text(fds[i], i % 2 == 0 ? POST("/echo", "2", "hi") : GET("/timer"));
    for (int i = 0; i < N; i++)
        client_expect(fds[i], 200, i % 2 == 0 ? "hi" : "");
    assert_int_equal(web_stats(web).requests, N);
    for (int i = 0; i < N; i++)
        close(fds[i]);
    web_until(web_stats(web).connections == 0);
}

/* More is under way than the bodies' memory: everyone still gets an answer. */
static void shares_memory_without_deadlock(void **state)
{
    enum { N = 12, BODY = 3 << 20 };
    struct web *web = *state;
    pid_t writers[N];
    int fds[N];
    char head[128];

    web->config.body_bytes_max = 1 << 20;
    web_restart(web);
    (void)snprintf(head, sizeof head, POST("/length", "%d", ""), BODY);
    for (int i = 0; i < N; i++) {
        fds[i] = client_open(web);
        writers[i] = fork();
        if (writers[i] == 0) {
            client_text(fds[i], head);
            client_zeros(fds[i], BODY);
            _exit(0);
        }
    }
    for (int i = 0; i < N; i++) {
        client_expect(fds[i], 200, "3145728");
        close(fds[i]);
    }
}

/* Responses that nobody takes are bounded: others wait until they are taken, or their peer is cut. */
static void limits_what_is_not_taken(void **state)
{
    struct web *web = *state;
    struct answer answer;

    web->config.unsent_bytes_max = 1 << 20;
    web_stop_clock(web);
    web_restart(web);
    for (int i = 0; i < 2; i++) {
        bool takes = i == 0;
        uint64_t before = web_stats(web).requests;
        int slow = client_open(web);
        client_text(slow, GET("/zeros/20000000"));
        web_until(web_stats(web).requests == before + 1);
        int other = client_open(web);
        client_text(other, GET("/length") GET("/length"));
        web_pass(web, KFS_HTTP_TAKE_MS - 1);
        usleep(20000);
        assert_int_equal(web_stats(web).requests, before + 1);
        if (takes) {
            client_answer(slow, &answer);
            assert_int_equal(answer.len, 20000000);
            client_free(&answer);
        } else {
            web_pass(web, 1);
            close(client_open(web)); /* wakes the server */
        }
        client_expect(other, 200, "0");
        client_expect(other, 200, "0");
        close(slow);
        close(other);
    }
    web_until(web_stats(web).connections == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(keeps_connections_and_order),
        TEST(pipelines_thousands),
        TEST(takes_chunks),
        TEST(takes_single_bytes),
        TEST(says_continue),
        TEST(limits_bodies),
        TEST(limits_heads),
        TEST(limits_time),
        TEST(drops_readers_that_stall),
        TEST(refuses_malformed_requests),
        TEST(gives_the_handler_headers),
        TEST(answers_head_and_http_1_0),
        TEST(answers_after_half_close),
        TEST(survives_aborts),
        TEST(cuts),
        TEST(streams_at_the_peers_pace),
        TEST(tells_that_the_peer_has_gone),
        TEST(stops_gracefully),
        TEST(holds_a_thousand_connections),
        TEST(shares_memory_without_deadlock),
        TEST(limits_what_is_not_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
