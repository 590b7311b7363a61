/* store_impl.h - what the files of a store share.
 *
 *   store.c           life, appending
 *   store_flush.c     flushing
 *   segment.c         one segment: its files and its place in the set
 *   segment_write.c   from the queue through staging buffers to the disk
 *   index.c           index blocks, in memory and on disk
 *   store_open.c      what the manifest says against what is there
 *   store_load.c      one segment of it: index and scan
 *   store_read.c      reads
 *   store_retain.c    by time, retention
 *   store_trim.c      removing files, leases
 *   store_transfer.c  agree, rewind, raw batches
 *
 *   appended   >= staged      >= sent            >= readable      flushed
 *   queue         in buffers     write submitted    write done       synced
 *                 and index
 *
 * Positions are assigned when batches are staged. `readable` is what reads
 * see; `flushed` what a manifest may say.
 */
#ifndef STORAGE_STORE_IMPL_H
#define STORAGE_STORE_IMPL_H

#include "base/chunk.h"
#include "base/queue.h"
#include "env/env.h"
#include "env/file.h"
#include "storage/segment_format.h"
#include "storage/store.h"

#define STORE_WRITE_BYTES (512u << 10)
#define STORE_WRITES_MAX  2
#define STORE_READ_BYTES                                                       \
    (1u << 20)               /* in one read, unless a block is larger          \
                              */
#define STORE_RETRY_MS    10 /* after a buffer was refused */
#define STORE_PATH_MAX    4096
#define STORE_NAME_DIGITS 20

/* Batches that one CRC covers. `length` 0: none. */
struct block {
    int64_t base_offset;
    uint64_t position;
    uint64_t chain; /* before its first batch */
    int64_t time_max_ms;
    uint32_t length;
    uint32_t crc;
    int32_t epoch;
    uint32_t offsets;    /* next offset, relative */
    uint32_t time_delta; /* of the batch with the largest time, relative */
};

static inline int64_t block_end(const struct block *b)
{
    return b->base_offset + (int64_t)b->offsets;
}

struct segment {
    struct queue queue; /* in store->dropped, once out of the set */
    struct store *store;
    int64_t base_offset;
    int64_t next_offset; /* staged */
    uint64_t length;     /* staged bytes */
    uint64_t chain;      /* before the first batch */
    int64_t time_max_ms;
    int64_t first_time_ms; /* largest of the first batch */
    int64_t born_ms;       /* wall clock when first looked at; 0: not yet */
    struct block *blocks;  /* closed ones */
    uint32_t n_blocks, cap;
    struct block open;  /* the one still growing */
    uint32_t n_indexed; /* records in the index file */
    bool sealed;        /* nothing more is appended */
    bool created;       /* the data file exists */
    bool dirty;         /* written since its last sync */
    bool abandoned;     /* its files have another owner now */
    unsigned users;     /* I/O under way on its files */
    unsigned leases;    /* it stays in the set */
    struct file *file;
    struct file *index;
    uint8_t *index_buf; /* being written */
    uint32_t index_n;   /* records in it */
    struct file_io sync_io, index_io;
};

/* Where the log stood after some batch. */
struct mark {
    struct segment *segment; /* NULL: no batch yet */
    int64_t offset;          /* end */
    uint64_t length;         /* of the segment */
    uint64_t bytes;          /* in all, since opening */
    uint32_t open_length;    /* of the block that is not closed */
    uint32_t open_crc;
    uint32_t n_blocks;
};

/* Batches waiting to be staged. */
struct pending {
    struct queue queue;
    struct bytes bytes;
    size_t at; /* staged so far */
};

struct write {
    struct queue queue;
    struct file_io io;
    struct store *store;
    struct segment *segment;
    struct chunk *chunk;
    struct mark mark; /* readable when this and all before are done */
    bool done;
};

enum flush_state {
    FLUSH_NONE,
    FLUSH_WRITE, /* until everything up to the target is written */
    FLUSH_INDEX,
    FLUSH_SYNC,
    FLUSH_DIR,
    FLUSH_DONE /* the callback is due */
};

struct flush {
    enum flush_state state;
    int64_t target;
    struct log_point point;
    uint64_t length; /* of the segment that holds the target */
    int64_t time_max_ms;
    unsigned n_io;
    store_flush_cb cb;
    void *arg;
    struct env_job job;
    int job_status;
};

struct store {
    struct env *env;
    struct mem *mem;
    struct chunk_pool *pool;
    char *dir, *name;
    uint64_t segment_bytes;
    int64_t segment_ms;
    uint32_t write_bytes, threshold;
    uint32_t segments_max;

    struct segment **segments; /* ascending */
    size_t n_segments, cap;
    struct segment *warm; /* its file stays open when idle */
    struct queue dropped; /* out of the set, files still there */
    struct queue leases;

    struct queue pending;
    uint64_t appended_bytes;
    struct log_point appended; /* after the last appended batch */
    struct mark staged, edge, sent, readable; /* edge: see staged_one() */
    uint64_t staged_chain;
    size_t partial; /* bytes of the first queued batch that are staged */
    bool writing;   /* at it: goes on below the threshold */
    uint8_t *carry; /* the bytes of the last block, staged */
    uint32_t carry_len, carry_cap;
    bool carry_dirty;     /* some of them were never written */
    uint64_t position;    /* where the carry's block is in the file */
    struct write *padded; /* under way; the next write overlaps it */
    struct queue writes;
    unsigned n_writes;
    struct env_timer retry;

    struct flush flush;
    struct log_point flushed;
    uint64_t flushed_length; /* of the segment that it ended in */
    int64_t flushed_time_max_ms;
    bool dir_dirty;
    struct env_timer soon; /* callbacks that are due */

    int64_t trim_to;
    struct env_job trim_job;
    bool trimming;
    struct queue unlinking; /* given to the job */
    int trim_status;

    unsigned n_reads;
    uint32_t rewinds; /* reads of before one are canceled */
    unsigned calling; /* inside callbacks of ours: not to be freed */
    bool closing;
    void (*close_cb)(void *arg);
    void *close_arg;
};

struct store_lease {
    struct queue queue;
    struct store *store; /* NULL: closed before the release */
    struct mem *mem;
    size_t n;
    struct segment *segments[];
};

/* ---- segment.c ----------------------------------------------------------- */

/* DIR/NAME.suffix. */
void store_path(char out[STORE_PATH_MAX], const char *dir, int64_t base,
                const char *suffix);
/* An empty segment at the end of the set. NULL without memory. */
struct segment *segment_new(struct store *s, int64_t base, uint64_t chain);
/* Free the memory; closes files. */
void segment_free(struct segment *g);
/* Make room for `n` in the set. */
int store_reserve(struct store *s, size_t n);
/* Open the data file if it is not. Errors: as file_open. */
int segment_open(struct segment *g);
/* Close what nobody uses. */
void segment_rest(struct segment *g);
/* The position in the set of the segment that holds `offset`, or n_segments. */
size_t store_find(const struct store *s, int64_t offset);
/* A write or sync failed. */
_Noreturn void store_die(struct store *s, const char *path, int rv);
/* Opening one of its files for that failed. */
_Noreturn void segment_die(struct segment *g, const char *suffix, int rv);
/* Take the segments from `from` to before `upto` out of the set. */
void store_drop(struct store *s, size_t from, size_t upto);

/* ---- index.c --------------------------------------------------------------
 */

struct batch;
/* Make sure that index_add() can close a block. */
int index_reserve(struct segment *g);
/* A batch now ends the segment; `chain` is the one before it. */
void index_add(struct segment *g, const struct batch *b, uint64_t chain);
/* Close the open block (the segment is sealed). */
void index_close_block(struct segment *g);
/* The block that holds `offset`, among n_blocks closed ones and, as number
 * n_blocks, the open one. */
uint32_t index_find(const struct segment *g, int64_t offset);
/* The block of this number; the open one is number n_blocks. */
const struct block *index_block(const struct segment *g, uint32_t i);
/* Chain at `offset` if a block begins there. */
bool index_chain(const struct segment *g, int64_t offset, uint64_t *ret_chain);
/* Write head (if `head`) and records [from, n_blocks) to memory. */
size_t index_encoded_len(uint32_t n, bool head);
void index_encode(const struct segment *g, uint32_t from, bool head,
                  uint8_t *out);
/* Take the records of an index file that fit the segment, up to `length`
 * bytes of it; stops at the first that does not. */
int index_decode(struct segment *g, struct slice in, uint64_t length);
/* Forget all blocks. */
void index_reset(struct segment *g);

/* ---- store_load.c ---------------------------------------------------------
 */

/* Add segment `i` of the manifest to the set (blocking). Of the last one also
 * the bytes of its partial block (`mem` memory) and the chain at its end.
 * Errors: ERR_CORRUPT, ERR_IO, ERR_NOMEM; `err` names the file. */
int segment_load(struct store *s, const struct manifest *m, size_t i,
                 uint64_t *ret_chain, uint8_t **ret_carry, struct err *err);

/* ---- segment_write.c ------------------------------------------------------
 */

/* Start writes as far as there is reason and room. */
void store_pump(struct store *s);
/* Nothing more will be appended to the active segment. */
void store_seal(struct store *s);
/* No writes and nothing queued: let go of what that needs. */
void store_rest(struct store *s);
/* Stand at the end of what the set holds (opening, rewind): `carry` are the
 * bytes of its last partial block, taken. */
void store_stand(struct store *s, uint8_t *carry, struct log_point point);

/* ---- store.c --------------------------------------------------------------
 */

/* Something finished: flush, close, idle. */
void store_step(struct store *s);
void store_free(struct store *s);

/* ---- store_flush.c ---------------------------------------------------------
 */

/* Go on with a flush as far as nothing has to be waited for. */
void store_flush_step(struct store *s);
/* A batch was staged: was it the last that the flush waits for? */
void store_note_target(struct store *s);

/* ---- store_trim.c ---------------------------------------------------------
 */

/* Remove what trim_to allows, if nobody needs it. */
void store_trim_step(struct store *s);

#endif
