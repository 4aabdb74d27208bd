/* What merges share: which of them may keep what they have read ahead, and gauges. */
#include <stdlib.h>

#include "fs/merge_internal.h"

void kfs_merge_pool_init(struct kfs_merge_pool *pool)
{
    *pool = (struct kfs_merge_pool){.n = 0};
    (void)pthread_mutex_init(&pool->lock, NULL);
    kfs_gauges_init(&pool->gauges);
}

void kfs_merge_pool_release(struct kfs_merge_pool *pool)
{
    kfs_gauges_release(&pool->gauges);
    (void)pthread_mutex_destroy(&pool->lock);
}

static void unlink_merge(struct kfs_merge_pool *pool, struct kfs_merge *m)
{
    *(m->older != NULL ? &m->older->newer : &pool->oldest) = m->newer;
    *(m->newer != NULL ? &m->newer->older : &pool->newest) = m->older;
    m->pooled = false;
    pool->n--;
}

void merge_pool_remove(struct kfs_merge *m)
{
    (void)pthread_mutex_lock(&m->pool->lock);
    if (m->pooled)
        unlink_merge(m->pool, m);
    (void)pthread_mutex_unlock(&m->pool->lock);
}

void merge_pool_used(struct kfs_merge *m)
{
    struct kfs_merge_pool *pool = m->pool;

    (void)pthread_mutex_lock(&pool->lock);
    if (m->pooled)
        unlink_merge(pool, m);
    m->older = pool->newest;
    m->newer = NULL;
    *(pool->newest != NULL ? &pool->newest->newer : &pool->oldest) = m;
    pool->newest = m;
    m->pooled = true;
    pool->n++;
    for (struct kfs_merge *victim = pool->oldest; victim != m && pool->n > KFS_MERGE_POOL_MAX;) {
        struct kfs_merge *next = victim->newer;
        if (pthread_mutex_trylock(&victim->lock) == 0) { /* else it is being read, and comes here by itself */
            merge_forget(victim);
            unlink_merge(pool, victim);
            (void)pthread_mutex_unlock(&victim->lock);
        }
        victim = next;
    }
    (void)pthread_mutex_unlock(&pool->lock);
}
