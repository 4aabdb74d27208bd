/* The server over HTTP/2, with nghttp2 as the client; and TLS with curl. */
#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/endpoint/http_internal.h"
#include "backend/endpoint/selfsigned.h"
#include "tests/support/tempdir.h"
#include "tests/support/web.h"

#define STREAMS_MAX 256

struct reply {
    int status;
    size_t len; /* of the body */
    char first[64];
    bool closed;
    uint32_t error;
    size_t upload; /* bytes still to be sent, all zero */
    bool unending; /* the request */
};

struct client {
    nghttp2_session *session;
    int fd;
    bool closed;
    bool goaway;
    struct reply replies[STREAMS_MAX]; /* by stream id / 2 */
};

static struct reply *reply_of(struct client *client, int32_t stream)
{
    assert_true(stream / 2 < STREAMS_MAX);
    return &client->replies[stream / 2];
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name, nghttp2_rcbuf *value,
                     uint8_t flags, void *arg)
{
    nghttp2_vec n = nghttp2_rcbuf_get_buf(name);

    (void)session;
    (void)flags;
    if (n.len == 7 && memcmp(n.base, ":status", 7) == 0)
        reply_of(arg, frame->hd.stream_id)->status = (int)strtol((char *)nghttp2_rcbuf_get_buf(value).base, NULL, 10);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data, size_t len, void *arg)
{
    struct reply *reply = reply_of(arg, stream);

    (void)session;
    (void)flags;
    for (size_t i = 0; i < len && reply->len + i < sizeof reply->first - 1; i++)
        reply->first[reply->len + i] = (char)data[i];
    reply->len += len;
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t error, void *arg)
{
    struct reply *reply = reply_of(arg, stream);

    (void)session;
    reply->closed = true;
    reply->error = error;
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct client *client = arg;

    (void)session;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        client->goaway = true;
    return 0;
}

/* One more than our functions may have: they are nghttp2's. */
#define READ_PARAMETERS                                                                                                \
    nghttp2_session *session, int32_t stream, uint8_t *data, size_t len, uint32_t *flags, nghttp2_data_source *source, \
        void *arg

static ssize_t read_upload(READ_PARAMETERS)
{
    struct reply *reply = reply_of(arg, stream);
    size_t n = len < reply->upload ? len : reply->upload;

    (void)session;
    (void)source;
    if (n == 0 && reply->unending)
        return NGHTTP2_ERR_DEFERRED;
    memset(data, 0, n);
    reply->upload -= n;
    if (reply->upload == 0 && !reply->unending)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

static void connect_client(struct client *client, const struct web *web)
{
    static const nghttp2_settings_entry window = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20};
    nghttp2_session_callbacks *callbacks;

    memset(client, 0, sizeof *client);
    client->fd = client_open(web);
    assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    assert_int_equal(nghttp2_session_client_new(&client->session, callbacks, client), 0);
    nghttp2_session_callbacks_del(callbacks);
    assert_int_equal(nghttp2_submit_settings(client->session, 0, &window, 1), 0);
    assert_int_equal(nghttp2_session_set_local_window_size(client->session, 0, 0, 4 << 20), 0);
}

static void disconnect(struct client *client)
{
    nghttp2_session_del(client->session);
    close(client->fd);
}

#define FIELD(name, value) ((nghttp2_nv){(uint8_t *)(name), (uint8_t *)(value), strlen(name), strlen(value), 0})

static int32_t request(struct client *client, const char *path, size_t upload, bool unending)
{
    nghttp2_nv fields[] = {FIELD(":method", upload > 0 || unending ? "POST" : "GET"), FIELD(":scheme", "http"),
                           FIELD(":authority", "a:1"), FIELD(":path", path), FIELD("x-amz-target", "k.Put")};
    nghttp2_data_provider provider = {.read_callback = read_upload};
    int32_t stream =
        nghttp2_submit_request(client->session, NULL, fields, 5, upload > 0 || unending ? &provider : NULL, NULL);

    assert_true(stream > 0);
    reply_of(client, stream)->upload = upload;
    reply_of(client, stream)->unending = unending;
    return stream;
}

/* Sends what there is, and takes what has come; waits for that at most 2 ms. */
static void pump(struct client *client)
{
    struct pollfd poll_fd = {.fd = client->fd, .events = POLLIN};
    const uint8_t *out;
    static uint8_t in[65536];
    ssize_t n;

    while ((n = nghttp2_session_mem_send(client->session, &out)) > 0) {
        if (send(client->fd, out, (size_t)n, MSG_NOSIGNAL) != n)
            client->closed = true;
    }
    if (poll(&poll_fd, 1, 2) != 1)
        return;
    n = recv(client->fd, in, sizeof in, 0);
    if (n <= 0 || nghttp2_session_mem_recv(client->session, in, (size_t)n) < 0)
        client->closed = true;
}

static struct reply *await(struct client *client, int32_t stream)
{
    struct reply *reply = reply_of(client, stream);

    for (int i = 0; i < 20000 && !reply->closed; i++) {
        pump(client);
        assert_false(client->closed);
    }
    assert_true(reply->closed);
    return reply;
}

static void expect(struct client *client, int32_t stream, int status, const char *body)
{
    struct reply *reply = await(client, stream);

    assert_int_equal(reply->status, status);
    assert_string_equal(reply->first, body);
}

static int setup(void **state)
{
    struct web *web = test_malloc(sizeof *web);

    web_init(web);
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

static void answers(void **state)
{
    struct client client;

    connect_client(&client, *state);
    int32_t headers = request(&client, "/headers", 0, false);
    int32_t timer = request(&client, "/timer", 0, false);
    int32_t thread = request(&client, "/thread", 5, false);
    int32_t nothing = request(&client, "/nothing", 0, false);
    expect(&client, headers, 200, ":authority=a:1\nx-amz-target=k.Put\n");
    expect(&client, timer, 200, "");
    assert_int_equal(await(&client, thread)->len, 5);
    expect(&client, nothing, 404, "");
    disconnect(&client);
}

static void multiplexes(void **state)
{
    enum { N = 200 };
    struct client client;
    int32_t streams[N];
    static const char *const paths[] = {"/length", "/thread", "/zeros/100000", "/pour/200000"};
    static const size_t lengths[] = {5, 40000, 100000, 200000};

    connect_client(&client, *state);
    for (int i = 0; i < N; i++)
        streams[i] = request(&client, paths[i % 4], 40000, false);
    for (int i = 0; i < N; i++)
        assert_int_equal(await(&client, streams[i])->len, lengths[i % 4]);
    disconnect(&client);
}

static void limits_bodies(void **state)
{
    struct client client;

    connect_client(&client, *state);
    int32_t most = request(&client, "/length", KFS_HTTP_BODY_BYTES_MAX, false);
    int32_t more = request(&client, "/length", KFS_HTTP_BODY_BYTES_MAX + 1, false);
    expect(&client, most, 200, "20971520");
    assert_int_equal(await(&client, more)->status, 413);
    int32_t after = request(&client, "/length", 3, false); /* the connection goes on */
    expect(&client, after, 200, "3");
    disconnect(&client);
}

static void limits_heads(void **state)
{
    enum { N = KFS_HTTP_HEADERS_MAX + 4 };
    nghttp2_nv fields[N] = {FIELD(":method", "GET"), FIELD(":scheme", "http"), FIELD(":authority", "a"),
                            FIELD(":path", "/length")};
    struct client client;

    connect_client(&client, *state);
    for (size_t i = 4; i < N; i++)
        fields[i] = FIELD("x", "y");
    int32_t most = nghttp2_submit_request(client.session, NULL, fields, N - 1, NULL, NULL);
    int32_t more = nghttp2_submit_request(client.session, NULL, fields, N, NULL, NULL);
    expect(&client, most, 200, "0");
    expect(&client, more, 431, "");
    disconnect(&client);
}

static void limits_time(void **state)
{
    struct web *web = *state;
    struct client client;

    web->config.request_timeout_ms = 100;
    web->config.idle_timeout_ms = 300;
    web_stop_clock(web);
    web_restart(web);
    connect_client(&client, web);
    int32_t slow = request(&client, "/length", 10, true);
    int32_t quick = request(&client, "/length", 3, false);
    expect(&client, quick, 200, "3");
    struct reply *reply = reply_of(&client, slow);
    web_pass(web, 99);
    web_settle(web);
    pump(&client);
    assert_int_equal(reply->status, 0);
    web_pass(web, 1);
    while (reply->status == 0 && !client.closed)
        pump(&client);
    assert_int_equal(reply->status, 408);
    assert_false(reply->closed); /* the rest of its body would be taken */
    web_pass(web, 1000);
    assert_int_equal(await(&client, slow)->error, NGHTTP2_NO_ERROR);
    web_pass(web, 300);
    for (int i = 0; i < 10000 && !client.closed; i++)
        pump(&client);
    assert_true(client.goaway && client.closed);
    disconnect(&client);
}

static void streams_and_resets(void **state)
{
    struct web *web = *state;
    struct client client;

    connect_client(&client, web);
    int32_t drip = request(&client, "/drip", 0, false);
    int32_t timer = request(&client, "/timer", 0, false);
    int32_t half = request(&client, "/length", 100, true);
    while (reply_of(&client, drip)->len < 20)
        pump(&client);
    assert_int_equal(nghttp2_submit_rst_stream(client.session, 0, drip, NGHTTP2_CANCEL), 0);
    assert_int_equal(nghttp2_submit_rst_stream(client.session, 0, timer, NGHTTP2_CANCEL), 0);
    assert_int_equal(nghttp2_submit_rst_stream(client.session, 0, half, NGHTTP2_CANCEL), 0);
    int32_t next = request(&client, "/length", 0, false);
    expect(&client, next, 200, "0");
    web_until(atomic_load(&web->gone) == 1);
    drip = request(&client, "/drip", 0, false);
    while (reply_of(&client, drip)->len < 20)
        pump(&client);
    disconnect(&client);
    web_until(atomic_load(&web->gone) == 2);
}

/* A peer that never reads: what waits for it is bounded. */
static void waits_for_slow_readers(void **state)
{
    struct web *web = *state;
    struct client client;
    int32_t streams[4];

    connect_client(&client, web);
    for (int i = 0; i < 4; i++)
        streams[i] = request(&client, i % 2 == 0 ? "/zeros/12000000" : "/pour/20000000", 0, false);
    for (int i = 0; i < 1000 && atomic_load(&web->full) == 0; i++) {
        const uint8_t *out;
        ssize_t n = nghttp2_session_mem_send(client.session, &out);
        if (n > 0)
            client_send(client.fd, out, (size_t)n);
        else
            usleep(10000);
    }
    assert_true(atomic_load(&web->full) > 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(await(&client, streams[i])->len, i % 2 == 0 ? 12000000 : 20000000);
    disconnect(&client);
}

static void shares_memory_without_deadlock(void **state)
{
    enum { N = 3, STREAMS = 6, BODY = 2 << 20 };
    struct web *web = *state;
    struct client clients[N];
    int32_t streams[N][STREAMS];

    web->config.body_bytes_max = 1 << 20;
    web_restart(web);
    for (int i = 0; i < N; i++) {
        connect_client(&clients[i], web);
        for (int j = 0; j < STREAMS; j++)
            streams[i][j] = request(&clients[i], "/length", BODY, false);
    }
    for (int left = N * STREAMS, round = 0; left > 0 && round < 20000; round++) {
        left = 0;
        for (int i = 0; i < N; i++) {
            pump(&clients[i]);
            for (int j = 0; j < STREAMS; j++)
                left += !reply_of(&clients[i], streams[i][j])->closed;
        }
    }
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < STREAMS; j++)
            expect(&clients[i], streams[i][j], 200, "2097152");
        disconnect(&clients[i]);
    }
}

/* While another has the bodies' memory, responses still come: the peer's credit for them is read. */
static void sends_while_bodies_wait(void **state)
{
    struct web *web = *state;
    struct client client;

    web->config.body_bytes_max = 2 << 20;
    web_restart(web);
    int fd = client_open(web);
    client_text(fd, "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n");
    client_zeros(fd, 2500000);
    web_until(atomic_load(&web->server->budget.used) >= 2500000);
    connect_client(&client, web);
    int32_t zeros = request(&client, "/zeros/8000000", 0, false);
    while (reply_of(&client, zeros)->len == 0) /* a connection with nothing to send would wait */
        pump(&client);
    request(&client, "/length", 100, true);
    assert_int_equal(await(&client, zeros)->len, 8000000);
    client_zeros(fd, 500000);
    client_expect(fd, 200, "3000000");
    close(fd);
    disconnect(&client);
}

static void *stop(void *arg)
{
    web_stop(arg, 5000);
    return NULL;
}

static void stops_gracefully(void **state)
{
    struct web *web = *state;
    struct client client;
    pthread_t stopper;

    connect_client(&client, web);
    int32_t held = request(&client, "/hold", 0, false);
    while (atomic_load(&web->holding) == 0)
        pump(&client);
    assert_int_equal(pthread_create(&stopper, NULL, stop, web), 0);
    while (!client.goaway)
        pump(&client);
    web_release(web);
    expect(&client, held, 200, "");
    close(client.fd);
    client.fd = -1;
    pthread_join(stopper, NULL);
    disconnect(&client);
    web_start(web);
}

static void cuts(void **state)
{
    struct client client;

    connect_client(&client, *state);
    request(&client, "/hold", 0, false);
    request(&client, "/cut", 0, false);
    for (int i = 0; i < 1000 && !client.closed; i++)
        pump(&client);
    assert_true(client.closed);
    disconnect(&client);
}

/* Frames that make a server work for nothing. */
static void ends_floods(void **state)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    static const char settings[9] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
    static const char ping[17] = {0, 0, 8, 6, 0, 0, 0, 0, 0};
    struct web *web = *state;
    int fd = client_open(web);
    ssize_t n = 1;

    client_text(fd, preface);
    client_send(fd, settings, sizeof settings);
    for (int i = 0; i < 2000000 && n > 0; i++) /* and reads nothing */
        n = send(fd, ping, sizeof ping, MSG_NOSIGNAL);
    assert_true(n < 0);
    close(fd);

    fd = client_open(web);
    client_text(fd, "PRI * HTTP/2.0\r\n\r\nSM\r\n\rX");
    client_expect_end(fd);
    close(fd);
    web_until(web_stats(web).connections == 0);
}

static void make_certificate(char dir[TEMPDIR_PATH_SIZE], struct kfs_selfsigned *files)
{
    struct kfs_error err = {0};

    tempdir_make(dir);
    int rc = kfs_selfsigned(&kfs_posix_io, dir, "127.0.0.1", files, &err);
    if (rc != 0)
        fail_msg("%s", err.text);
}

/* Runs curl with options that may name the certificate as $C; checks what it prints. */
static void curl(const struct web *web, const char *options, const char *target, const char *expected)
{
    char command[512];
    char text[128];

    (void)snprintf(command, sizeof command, "curl -sS -m 20 -w ' %%{http_version} %%{size_download}' -d hello %s:%u%s",
                   options, web->port, target);
    FILE *out = popen(command, "r"); // NOLINT(cert-env33-c): a client that is not ours
    if (out == NULL)
        abort();
    size_t n = fread(text, 1, sizeof text - 1, out);
    text[n] = '\0';
    assert_int_equal(pclose(out), 0);
    assert_string_equal(text, expected);
}

static void speaks_tls_on_the_same_port(void **state)
{
    struct web *web = *state;
    struct kfs_selfsigned files;
    char dir[TEMPDIR_PATH_SIZE];

    make_certificate(dir, &files);
    web->config.certificate = files.certificate;
    web->config.key = files.key;
    web_restart(web);
    assert_int_equal(setenv("C", files.certificate, 1), 0);
    curl(web, "--cacert $C https://localhost", "/echo", "hello 2 5");
    curl(web, "--cacert $C --http1.1 --tls-max 1.2 https://127.0.0.1", "/echo", "hello 1.1 5");
    curl(web, "http://127.0.0.1", "/echo", "hello 1.1 5");
    curl(web, "--http2-prior-knowledge http://127.0.0.1", "/echo", "hello 2 5");
    curl(web, "--cacert $C -o /dev/null --http1.1 https://127.0.0.1", "/zeros/20000000", " 1.1 20000000");
    curl(web, "--cacert $C -o /dev/null https://127.0.0.1", "/pour/20000000", " 2 20000000");

    int fd = client_open(web);
    client_text(fd, "\x16nonsense");
    client_expect_end(fd);
    close(fd);
    web->config.certificate = NULL;
    tempdir_remove(dir);
}

static void keeps_its_certificate(void **state)
{
    struct kfs_selfsigned files;
    struct kfs_selfsigned again;
    char dir[TEMPDIR_PATH_SIZE];
    struct stat before;
    struct stat after;

    (void)state;
    make_certificate(dir, &files);
    assert_int_equal(stat(files.key, &before), 0);
    assert_int_equal(before.st_mode & 0777, 0600);
    assert_int_equal(kfs_selfsigned(&kfs_posix_io, dir, "127.0.0.1", &again, NULL), 0);
    assert_int_equal(stat(again.key, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(kfs_selfsigned(&kfs_posix_io, dir, "10.1.2.3", &again, NULL), 0);
    assert_int_equal(stat(again.key, &after), 0);
    assert_int_not_equal(before.st_ino, after.st_ino);
    assert_int_equal(truncate(files.certificate, 100), 0);
    assert_int_equal(kfs_selfsigned(&kfs_posix_io, dir, "10.1.2.3", &again, NULL), 0);
    assert_int_equal(kfs_selfsigned(&kfs_posix_io, dir, "elsewhere", &again, NULL), -EINVAL);
    tempdir_remove(dir);
}

static void start_fails(void **state)
{
    struct web *web = *state;
    struct kfs_http_config config = web->config;
    struct kfs_http_server *server = NULL;
    struct kfs_error err = {0};

    config.port = web->port;
    assert_int_equal(kfs_http_start(&config, &server, &err), -EADDRINUSE);
    assert_non_null(strstr(err.text, "127.0.0.1"));
    config.address = "localhost";
    assert_int_equal(kfs_http_start(&config, &server, &err), -EINVAL);
    config = web->config;
    config.threads = 0;
    assert_int_equal(kfs_http_start(&config, &server, &err), -EINVAL);
    config.threads = 1;
    config.certificate = "/nonexistent/certificate";
    config.key = "/nonexistent/key";
    assert_int_equal(kfs_http_start(&config, &server, &err), -EINVAL);
    assert_non_null(strstr(err.text, "/nonexistent/certificate"));
    assert_null(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(answers),
        TEST(multiplexes),
        TEST(limits_bodies),
        TEST(limits_heads),
        TEST(limits_time),
        TEST(streams_and_resets),
        TEST(waits_for_slow_readers),
        TEST(shares_memory_without_deadlock),
        TEST(sends_while_bodies_wait),
        TEST(stops_gracefully),
        TEST(cuts),
        TEST(ends_floods),
        TEST(speaks_tls_on_the_same_port),
        TEST(keeps_its_certificate),
        TEST(start_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
