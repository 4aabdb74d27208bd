#include "backend/kinesis/keyring.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cond.h"

#define AHEAD_MS UINT64_C(900000)    /* before they expire others are fetched: botocore's 15 minutes */
#define AGAIN_MS_MIN UINT64_C(1000)  /* after a fetch that failed, then twice that, and so on */
#define AGAIN_MS_MAX UINT64_C(60000) /* and between fetches that bring the same ones */
#define REFUSED_MS UINT64_C(2000)    /* a refusal sooner after a fetch does not lead to another */
#define LOOK_MS UINT64_C(60000)      /* the wall clock may step: it is looked at so often */

struct kfs_keyring {
    struct kfs_chain_config config;
    char *profile;
    char *region;
    char *ca_bundle;
    atomic_bool stop;
    pthread_t thread;
    pthread_mutex_t watching;   /* held while the watcher is called: before lock */
    void (*changed)(void *arg); /* watching */
    void *changed_arg;          /* watching */
    pthread_mutex_t lock;
    pthread_cond_t change;       /* of wanted, stop */
    struct kfs_credentials keys; /* lock; all zero: none */
    struct kfs_error error;      /* lock; of the last fetch */
    bool wanted;                 /* lock; a fetch is under way or about to be: callers wait for it */
    uint64_t fetched_ms;         /* lock; monotonic, when the last fetch ended */
};

static uint64_t mono_ms(const struct kfs_keyring *k)
{
    return k->config.clock->mono_ms(k->config.clock->ctx);
}

static uint64_t wall_ms(const struct kfs_keyring *k)
{
    return k->config.clock->wall_ms(k->config.clock->ctx);
}

/* ---- the thread ---- */

/* One fetch; true: it brought credentials. Not under the lock. */
static bool fetch(struct kfs_keyring *k)
{
    struct kfs_credentials keys = {0};
    struct kfs_error err = {0};
    int rc = kfs_chain_load(&k->config, &keys, &err);

    pthread_mutex_lock(&k->lock);
    if (rc == 0) {
        kfs_credentials_release(&k->keys);
        k->keys = keys;
    }
    k->error = err;
    k->wanted = false;
    k->fetched_ms = mono_ms(k);
    pthread_mutex_unlock(&k->lock);
    pthread_mutex_lock(&k->watching);
    if (k->changed != NULL)
        k->changed(k->changed_arg);
    pthread_mutex_unlock(&k->watching);
    return rc == 0;
}

/* How long until those there are should be replaced. Under the lock. */
static uint64_t good_for_ms(const struct kfs_keyring *k)
{
    uint64_t now_ms = wall_ms(k);

    if (k->keys.expires_ms == 0)
        return UINT64_MAX;
    return k->keys.expires_ms > now_ms + AHEAD_MS ? k->keys.expires_ms - now_ms - AHEAD_MS : 0;
}

/* Waits until the next fetch is due or wanted; backoff_ms after one that failed, 0 after a good one. Under the lock. */
static void wait_for_next(struct kfs_keyring *k, uint64_t backoff_ms)
{
    uint64_t begin_ms = mono_ms(k);
    /* A fetch that brings some which expire soon is not followed by another at once. */
    uint64_t least_ms = backoff_ms > 0 ? backoff_ms : good_for_ms(k) == 0 ? AGAIN_MS_MAX : 0;

    while (!k->wanted && !atomic_load(&k->stop)) {
        uint64_t passed_ms = mono_ms(k) - begin_ms;
        uint64_t left_ms = least_ms > passed_ms ? least_ms - passed_ms : 0;
        uint64_t good_ms = backoff_ms > 0 ? 0 : good_for_ms(k);
        if (left_ms == 0 && good_ms == 0)
            return;
        uint64_t ms = left_ms > good_ms ? left_ms : good_ms;
        (void)kfs_cond_wait(&k->change, &k->lock, ms < LOOK_MS ? ms : LOOK_MS);
    }
}

static void *keyring_main(void *arg)
{
    struct kfs_keyring *k = arg;
    uint64_t backoff_ms = 0;

    while (!atomic_load(&k->stop)) {
        if (fetch(k))
            backoff_ms = 0;
        else
            backoff_ms = backoff_ms == 0 ? AGAIN_MS_MIN : backoff_ms < AGAIN_MS_MAX / 2 ? 2 * backoff_ms : AGAIN_MS_MAX;
        pthread_mutex_lock(&k->lock);
        wait_for_next(k, backoff_ms);
        pthread_mutex_unlock(&k->lock);
    }
    return NULL;
}

/* ---- for clients ---- */

static int get(void *ctx, struct kfs_credentials *keys, struct kfs_error *err)
{
    struct kfs_keyring *k = ctx;
    int rc;

    pthread_mutex_lock(&k->lock);
    if (k->keys.id != NULL && !k->wanted && (k->keys.expires_ms == 0 || k->keys.expires_ms > wall_ms(k))) {
        rc = kfs_credentials_copy(keys, &k->keys);
        if (rc != 0)
            rc = kfs_fail(err, ENOMEM, "out of memory");
    } else if (k->wanted) {
        rc = -EAGAIN;
    } else if (k->error.code != 0) {
        rc = -EACCES;
        if (err != NULL)
            *err = k->error;
    } else { /* they have expired before the thread has seen it: a step of the clock */
        k->wanted = true;
        pthread_cond_signal(&k->change);
        rc = -EAGAIN;
    }
    pthread_mutex_unlock(&k->lock);
    return rc;
}

static void refused(void *ctx, const char *id)
{
    struct kfs_keyring *k = ctx;

    pthread_mutex_lock(&k->lock);
    if (k->keys.id != NULL && strcmp(k->keys.id, id) == 0 && mono_ms(k) - k->fetched_ms >= REFUSED_MS) {
        k->wanted = true;
        pthread_cond_signal(&k->change);
    }
    pthread_mutex_unlock(&k->lock);
}

static void watch(void *ctx, void (*changed)(void *arg), void *arg)
{
    struct kfs_keyring *k = ctx;

    pthread_mutex_lock(&k->watching);
    k->changed = changed;
    k->changed_arg = arg;
    pthread_mutex_unlock(&k->watching);
}

struct kfs_credential_source kfs_keyring_source(struct kfs_keyring *k)
{
    return (struct kfs_credential_source){k, get, refused, watch};
}

void kfs_keyring_status(struct kfs_keyring *k, struct kfs_keyring_status *status)
{
    pthread_mutex_lock(&k->lock);
    *status = (struct kfs_keyring_status){k->keys.source, k->keys.expires_ms, k->error};
    pthread_mutex_unlock(&k->lock);
}

/* ---- life ---- */

static void free_keyring(struct kfs_keyring *k)
{
    pthread_cond_destroy(&k->change);
    pthread_mutex_destroy(&k->lock);
    pthread_mutex_destroy(&k->watching);
    kfs_credentials_release(&k->keys);
    free(k->profile);
    free(k->region);
    free(k->ca_bundle);
    free(k);
}

/* True: *to is a copy, or NULL as from is. */
static bool copied(const char *from, char **to)
{
    *to = from == NULL ? NULL : strdup(from);
    return from == NULL || *to != NULL;
}

int kfs_keyring_start(const struct kfs_chain_config *config, struct kfs_keyring **out, struct kfs_error *err)
{
    struct kfs_keyring *k = calloc(1, sizeof *k);
    int rc = ENOMEM;

    if (k == NULL)
        return kfs_fail(err, ENOMEM, "out of memory");
    pthread_mutex_init(&k->watching, NULL);
    pthread_mutex_init(&k->lock, NULL);
    kfs_cond_init(&k->change);
    k->config = *config;
    k->wanted = true;
    if (copied(config->profile, &k->profile) && copied(config->region, &k->region) &&
        copied(config->tls.ca_bundle, &k->ca_bundle) && kfs_transfer_global() == 0) {
        k->config.profile = k->profile;
        k->config.region = k->region;
        k->config.tls.ca_bundle = k->ca_bundle;
        k->config.stop = &k->stop;
        rc = pthread_create(&k->thread, NULL, keyring_main, k);
    }
    if (rc != 0) {
        free_keyring(k);
        return kfs_fail(err, rc, "no thread for credentials: %s", strerror(rc));
    }
    *out = k;
    return 0;
}

void kfs_keyring_stop(struct kfs_keyring *k)
{
    if (k == NULL)
        return;
    pthread_mutex_lock(&k->lock);
    atomic_store(&k->stop, true);
    pthread_cond_signal(&k->change);
    pthread_mutex_unlock(&k->lock);
    (void)pthread_join(k->thread, NULL);
    free_keyring(k);
}
