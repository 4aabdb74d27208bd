/* The file `acked` of a spool: two slots, written in turn (docs/REMOTE.md section 2). */
#ifndef KFS_KINESIS_ACKED_H
#define KFS_KINESIS_ACKED_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/io.h"
#include "backend/base/seqnum.h"

#define REMOTE_ACKED_SLOT 512 /* bytes from one slot to the other */
#define REMOTE_ACKED_SIZE 52  /* of a slot */

struct remote_acked {
    uint64_t generation;
    uint64_t settled; /* an offset of the spool */
    uint64_t count;   /* records acknowledged since ever */
    struct kfs_seq last;
};

void remote_acked_encode(const struct remote_acked *acked, uint8_t slot[REMOTE_ACKED_SIZE]);
/* False, and acked untouched, where the bytes are no slot. */
bool remote_acked_decode(const uint8_t slot[REMOTE_ACKED_SIZE], struct remote_acked *acked);

/* The valid slot of the higher generation; zero where there is none. */
int remote_acked_load(const struct kfs_io *io, int fd, struct remote_acked *acked);
/* Raises the generation and writes. Nothing is synced. */
int remote_acked_store(const struct kfs_io *io, int fd, struct remote_acked *acked);

#endif
