/* The wait is libcurl's, curl_multi_poll, which knows its sockets and its own timers; our timers shorten it, and an
 * eventfd ends it when a task is posted: curl_multi_wakeup would be a message on a socket, read twice. */
#include "backend/kinesis/loop.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backend/kinesis/sockets.h"
#include "backend/kinesis/transfer.h"

#define WAIT_MS_MAX 60000
#define CONNECTIONS_MAX 512L /* to one endpoint; more transfers wait for one of them */
#define KEPT_MAX 64L         /* idle connections */
#define SILENT_PART 4        /* of a transfer's idle timeout: so long nothing has come on a connection that is dead */

struct kfs_loop {
    const struct kfs_clock *clock;
    CURLM *multi;
    int wake; /* eventfd */
    pthread_t thread;
    struct kfs_timers timers;   /* the thread's */
    struct kfs_sockets sockets; /* the thread's */
    pthread_mutex_t lock;
    struct kfs_task *first; /* lock */
    struct kfs_task **last; /* lock; where the next one goes */
    size_t n_queued;        /* lock */
    bool stopping;          /* lock */
};

uint64_t kfs_loop_now(const struct kfs_loop *loop)
{
    return loop->clock->mono_ms(loop->clock->ctx);
}

bool kfs_loop_here(const struct kfs_loop *loop)
{
    return pthread_equal(pthread_self(), loop->thread) != 0;
}

/* ---- tasks ---- */

static void wake(const struct kfs_loop *loop)
{
    const uint64_t one = 1;

    /* It fails only where the loop has been woken 2^64 - 2 times without looking. */
    (void)!write(loop->wake, &one, sizeof one);
}

void kfs_loop_post(struct kfs_loop *loop, struct kfs_task *task)
{
    bool new;

    pthread_mutex_lock(&loop->lock);
    new = !task->queued;
    if (new) {
        task->next = NULL;
        task->queued = true;
        *loop->last = task;
        loop->last = &task->next;
        loop->n_queued++;
    }
    pthread_mutex_unlock(&loop->lock);
    if (new && !kfs_loop_here(loop)) /* its own thread looks before it waits */
        wake(loop);
}

/* Under the lock; *at is a task. */
static void unlink_task(struct kfs_loop *loop, struct kfs_task **at)
{
    struct kfs_task *task = *at;

    *at = task->next;
    if (loop->last == &task->next)
        loop->last = at;
    task->queued = false;
    loop->n_queued--;
}

void kfs_loop_unpost(struct kfs_loop *loop, struct kfs_task *task)
{
    pthread_mutex_lock(&loop->lock);
    if (task->queued) {
        struct kfs_task **at = &loop->first;
        while (*at != task)
            at = &(*at)->next;
        unlink_task(loop, at);
    }
    pthread_mutex_unlock(&loop->lock);
}

/* Runs as many tasks as are queued now; what they post waits for the next turn, so that transfers go on between.
 * False: the loop is to end and there are none. */
static bool run_tasks(struct kfs_loop *loop)
{
    struct kfs_task *task;
    bool going;

    pthread_mutex_lock(&loop->lock);
    going = !loop->stopping || loop->first != NULL;
    for (size_t n = loop->n_queued; n > 0 && (task = loop->first) != NULL; n--) {
        unlink_task(loop, &loop->first);
        pthread_mutex_unlock(&loop->lock);
        task->run(task);
        pthread_mutex_lock(&loop->lock);
    }
    pthread_mutex_unlock(&loop->lock);
    return going;
}

struct waited {
    struct kfs_task task;
    void (*fn)(void *arg);
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool done;
};

static void run_waited(struct kfs_task *task)
{
    struct waited *w = (struct waited *)task;

    w->fn(w->arg);
    pthread_mutex_lock(&w->lock);
    w->done = true;
    pthread_cond_signal(&w->change);
    pthread_mutex_unlock(&w->lock);
}

void kfs_loop_call(struct kfs_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct waited w = {.task.run = run_waited, .fn = fn, .arg = arg};

    if (kfs_loop_here(loop)) {
        fn(arg);
        return;
    }
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.change, NULL);
    kfs_loop_post(loop, &w.task);
    pthread_mutex_lock(&w.lock);
    while (!w.done)
        pthread_cond_wait(&w.change, &w.lock);
    pthread_mutex_unlock(&w.lock);
    pthread_cond_destroy(&w.change);
    pthread_mutex_destroy(&w.lock);
}

/* ---- timers and transfers ---- */

int kfs_loop_at(struct kfs_loop *loop, struct kfs_timer *timer, uint64_t after_ms)
{
    assert(kfs_loop_here(loop));
    return kfs_timer_set(&loop->timers, timer, kfs_loop_now(loop) + after_ms);
}

void kfs_loop_cancel(struct kfs_loop *loop, struct kfs_timer *timer)
{
    assert(kfs_loop_here(loop));
    kfs_timer_cancel(&loop->timers, timer);
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    int fd = kfs_sockets_open(arg, address->family, address->socktype, address->protocol);

    (void)purpose;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int close_socket(void *arg, curl_socket_t fd)
{
    return kfs_sockets_close(arg, fd);
}

/* It has been given up: its connection may be dead. */
static void doubt(struct kfs_loop *loop, const struct kfs_transfer *transfer)
{
    long port = 0;

    (void)curl_easy_getinfo(transfer->easy, CURLINFO_LOCAL_PORT, &port);
    kfs_sockets_end_silent(&loop->sockets, port, transfer->idle_timeout_ms / SILENT_PART);
}

void kfs_loop_abandon(struct kfs_loop *loop, struct kfs_transfer *transfer)
{
    assert(kfs_loop_here(loop));
    doubt(loop, transfer);
    kfs_loop_cancel(loop, &transfer->timer);
    (void)curl_multi_remove_handle(loop->multi, transfer->easy);
    kfs_transfer_drop(transfer);
}

static void end_as(struct kfs_loop *loop, struct kfs_transfer *transfer, CURLcode code)
{
    if (code == CURLE_OPERATION_TIMEDOUT || code == CURLE_ABORTED_BY_CALLBACK)
        doubt(loop, transfer);
    kfs_loop_cancel(loop, &transfer->timer);
    (void)curl_multi_remove_handle(loop->multi, transfer->easy);
    kfs_transfer_finish(transfer, (int)code);
    transfer->done(transfer);
}

static void on_deadline(struct kfs_timer *timer)
{
    struct kfs_transfer *transfer = (struct kfs_transfer *)((char *)timer - offsetof(struct kfs_transfer, timer));

    end_as(transfer->loop, transfer, CURLE_OPERATION_TIMEDOUT);
}

int kfs_loop_transfer(struct kfs_loop *loop, struct kfs_transfer *transfer)
{
    int rc;

    assert(kfs_loop_here(loop));
    rc = kfs_transfer_prepare(transfer);
    if (rc != 0)
        return rc;
    (void)curl_easy_setopt(transfer->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_OPENSOCKETDATA, &loop->sockets);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_CLOSESOCKETDATA, &loop->sockets);
    transfer->loop = loop;
    transfer->timer = (struct kfs_timer){.fire = on_deadline};
    if (kfs_loop_at(loop, &transfer->timer, transfer->deadline_ms) == 0 &&
        curl_multi_add_handle(loop->multi, transfer->easy) == CURLM_OK)
        return 0;
    kfs_loop_cancel(loop, &transfer->timer);
    kfs_transfer_drop(transfer);
    return -ENOMEM;
}

/* Ends one transfer that is over; false: none is. */
static bool end_transfer(struct kfs_loop *loop)
{
    struct kfs_transfer *transfer = NULL;
    CURLMsg *message;
    CURLcode code;
    int left;

    message = curl_multi_info_read(loop->multi, &left);
    if (message == NULL)
        return false;
    code = message->data.result;
    (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
    end_as(loop, transfer, code);
    return true;
}

/* Waits for sockets, timers and posted tasks. */
static void wait_for_work(struct kfs_loop *loop)
{
    uint64_t next = kfs_timers_next(&loop->timers);
    uint64_t now = kfs_loop_now(loop);
    struct curl_waitfd woken = {.fd = loop->wake, .events = CURL_WAIT_POLLIN};
    uint64_t times;
    bool idle;

    pthread_mutex_lock(&loop->lock);
    idle = loop->first == NULL && !loop->stopping;
    pthread_mutex_unlock(&loop->lock);
    if (!idle || next <= now)
        return;
    (void)curl_multi_poll(loop->multi, &woken, 1, next - now < WAIT_MS_MAX ? (int)(next - now) : WAIT_MS_MAX, NULL);
    if (woken.revents != 0)
        (void)!read(loop->wake, &times, sizeof times);
}

static void *loop_main(void *arg)
{
    struct kfs_loop *loop = arg;
    int running;

    while (run_tasks(loop)) {
        (void)curl_multi_perform(loop->multi, &running);
        /* Behind it: what a timer without a delay puts off is done when a request that was begun before is on its way.
         */
        kfs_timers_run(&loop->timers, kfs_loop_now(loop));
        while (end_transfer(loop))
            continue;
        wait_for_work(loop);
    }
    return NULL;
}

/* ---- life ---- */

static void free_loop(struct kfs_loop *loop)
{
    kfs_timers_release(&loop->timers);
    (void)curl_multi_cleanup(loop->multi);
    kfs_sockets_release(&loop->sockets);
    (void)close(loop->wake);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

int kfs_loop_start(const struct kfs_clock *clock, struct kfs_loop **out, struct kfs_error *err)
{
    struct kfs_loop *loop = calloc(1, sizeof *loop);
    int rc;

    if (loop == NULL || kfs_transfer_global() != 0 || (loop->multi = curl_multi_init()) == NULL) {
        free(loop);
        return kfs_fail(err, ENOMEM, "libcurl cannot be set up: out of memory");
    }
    loop->clock = clock;
    loop->last = &loop->first;
    loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&loop->lock, NULL);
    (void)curl_multi_setopt(loop->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    (void)curl_multi_setopt(loop->multi, CURLMOPT_MAX_HOST_CONNECTIONS, CONNECTIONS_MAX);
    (void)curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, KEPT_MAX);
    pthread_mutex_lock(&loop->lock); /* the thread waits for its own id to be known */
    rc = loop->wake < 0 ? errno : pthread_create(&loop->thread, NULL, loop_main, loop);
    pthread_mutex_unlock(&loop->lock);
    if (rc != 0) {
        free_loop(loop);
        return kfs_fail(err, rc, "no thread for the endpoint's loop: %s", strerror(rc));
    }
    *out = loop;
    return 0;
}

void kfs_loop_stop(struct kfs_loop *loop)
{
    if (loop == NULL)
        return;
    pthread_mutex_lock(&loop->lock);
    loop->stopping = true;
    pthread_mutex_unlock(&loop->lock);
    wake(loop);
    (void)pthread_join(loop->thread, NULL);
    free_loop(loop);
}
