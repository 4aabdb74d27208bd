/* The simulated disk's own structure; for simdisk*.c only. */
#ifndef KFS_TESTS_SIMDISK_INTERNAL_H
#define KFS_TESTS_SIMDISK_INTERNAL_H

#include <pthread.h>

#include "tests/support/simdisk.h"

struct sim_bytes {
    char *data;
    size_t size;
};

/* An unsynced change of a file. */
struct sim_op {
    bool truncates;
    uint64_t at; /* of a write; the size of a truncation */
    struct sim_bytes bytes;
};

struct sim_inode {
    bool is_dir;
    struct sim_bytes cache;   /* what reads see */
    struct sim_bytes durable; /* what is on the disk for certain */
    struct sim_op *ops;
    size_t n_ops;
};

enum { SIM_NAME_SIZE = 160 }; /* a stream's name, `.new` and NUL fit */

struct sim_entry {
    size_t dir; /* inode numbers */
    size_t inode;
    char name[SIM_NAME_SIZE];
};

struct sim_names {
    struct sim_entry *entries;
    size_t n;
};

/* An unsynced change of names: what is added, what is taken away, or both (a rename). */
struct sim_name_op {
    bool adds;
    bool removes;
    struct sim_entry add;
    struct sim_entry remove;
};

struct simdisk {
    struct kfs_io io;
    pthread_mutex_t lock;     /* of everything below, in I/O calls */
    struct sim_inode *inodes; /* number 0 is the top directory; never removed */
    size_t n_inodes;
    struct sim_names names;   /* as seen */
    struct sim_names durable; /* names on the disk */
    struct sim_name_op *name_ops;
    size_t n_name_ops;
    size_t *fds; /* inode + 1; 0 is free */
    size_t n_fds;

    uint64_t counts[SIMDISK_ANY];
    uint64_t room;
    enum simdisk_call fail_call;
    uint64_t fail_in; /* calls until the failure; 0: none is due */
    int fail_error;
    enum simdisk_effect fail_effect;
    bool failed;
    uint64_t stop_in; /* changing calls until the stop; 0: none is due */
    enum simdisk_effect stop_effect;
    bool stopped;
};

void *sim_alloc(void *old, size_t size); /* realloc that does not fail */
void sim_resize(struct sim_bytes *bytes, size_t size, uint8_t fill);
void sim_write(struct sim_bytes *bytes, uint64_t at, const void *data, size_t len, uint8_t fill);
void sim_copy(struct sim_bytes *to, const struct sim_bytes *from);

size_t sim_new_inode(struct simdisk *disk, bool is_dir);
void sim_drop_ops(struct sim_inode *inode);

struct sim_entry sim_entry(size_t dir, const char *name, size_t inode);
struct sim_entry *sim_find(const struct sim_names *names, size_t dir, const char *name);
void sim_name_apply(struct sim_names *names, const struct sim_name_op *op);

#endif
