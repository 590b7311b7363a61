/* manifest.h - what replaces a group's entries below its log base.
 *
 * One encoded blob, self-describing and versioned (doc/FORMATS.md), carried by
 * MANIFEST and INSTALL records, by checkpoints, and inside InstallSnapshot.
 */
#ifndef STORAGE_MANIFEST_H
#define STORAGE_MANIFEST_H

#include "base/arena.h"
#include "base/buf.h"
#include "storage/entry.h"

/* KIP-101: the leader of `term` began at `offset`. An item for each leader's
 * first own entry, batch or not. */
struct manifest_epoch {
    uint64_t term;
    int64_t offset;
};

struct manifest_segment {
    int64_t base_offset;
    uint64_t length;     /* bytes of batches up to the manifest's end */
    uint64_t chain;      /* before its first batch */
    int64_t time_max_ms; /* largest record timestamp, -1 if none */
    int64_t next_offset; /* after its last batch */
};

enum manifest_kind {
    MANIFEST_LOG = 1,  /* a partition: segments */
    MANIFEST_STATE = 2 /* a state machine: an SQLite database */
};

struct manifest {
    enum manifest_kind kind;
    struct log_point base; /* the log base this stands for */
    uint64_t config_index; /* index of the configuration in force */
    struct slice config;   /* core.c's encoding */
    int64_t log_start;     /* first offset served; 0 for state groups */
    const struct manifest_epoch *epochs;
    size_t n_epochs;
    const struct manifest_segment *segments;
    size_t n_segments;
    struct slice state; /* broker's part: producers, open transactions */
};

/* Append the encoding. Errors are sticky in `out`. */
void manifest_encode(const struct manifest *m, struct buf *out);
/* Decode; arrays in `arena`, slices borrowed from `in`. Errors: ERR_CORRUPT,
 * ERR_VERSION, ERR_NOMEM. */
int manifest_decode(struct slice in, struct arena *arena,
                    struct manifest *ret_m);

#endif
