/* transfer_impl.h - what the receiving end of Transfer consists of:
 *
 *   transfer.c        its life, its questions, the end it comes to
 *   transfer_log.c    log kind: batches, from where both sides agree on
 *   transfer_state.c  state kind: an image, byte for byte
 *
 * The steps are drawn in transfer.c.
 */
#ifndef REPLICA_TRANSFER_IMPL_H
#define REPLICA_TRANSFER_IMPL_H

#include "env/file.h"
#include "replica/impl.h"

enum transfer_step {
    STEP_SETTLE,
    STEP_PULL,
    STEP_FLUSH,
    STEP_MADE, /* state: the sender makes an image */
    STEP_FILE, /* state: its bytes */
    STEP_HOLD, /* fetch: until our log reaches to where the image is */
    STEP_INSTALL,
    STEP_ENTER
};

struct transfer {
    struct replica *replica;
    int32_t from;     /* node that is asked */
    int32_t offerer;  /* that was asked first */
    uint32_t refused; /* log kind: bit per member of the manifest's group whose
                         data is of no use */
    enum transfer_step step;
    struct buf offer; /* encoded manifest, as offered or as the image's */
    struct arena arena;
    struct manifest manifest; /* decoded `offer` */
    struct buf own;           /* encoded, with our segments */
    uint64_t req;
    uint32_t pull;                         /* bytes to ask for at once */
    uint64_t first_ms, asked_ms, heard_ms; /* `req` asked first, last */
    uint64_t moved_ms;                     /* data came, or another was asked */
    bool flushing;
    bool retried; /* the chain did not fit once */
    bool handed;  /* ENTER: the group has the manifest */
    /* State kind. */
    bool fetch; /* for replica_fetch(): our log stays as it is */
    char path[REPLICA_PATH_MAX];
    struct file *file;
    struct file_io io;
    struct chunk *chunk; /* being written */
    bool writing;
    struct replica_image image;
    uint64_t at; /* bytes of the file written */
};

/* ---- transfer.c -------------------------------------------------------- */

/* Free it; the caller has nothing under way on it. */
void transfer_free(struct transfer *t);
/* Say why, and let the replica go on with the log it has. */
void transfer_give_up(struct transfer *t, const char *why);
/* What `from` has is of no use (log kind): ask the next member for the rest, or
 * give up if there is none. The chain tells whether it is the same log. */
void transfer_elsewhere(struct transfer *t, const char *why);
/* Ask the sender for what the step needs next. Answers to earlier questions
 * count no longer. */
void transfer_ask(struct transfer *t);
/* What is offered, from now on; copies. Errors: ERR_CORRUPT, ERR_VERSION,
 * ERR_NOMEM. */
int transfer_decode_offer(struct transfer *t, struct slice encoded);
/* Everything is durable: hand the manifest, with our segments, to the group. */
void transfer_enter(struct transfer *t);

/* ---- transfer_log.c ---------------------------------------------------- */

/* Make what was pulled durable; then compare the chain and go on. */
void transfer_flush(struct transfer *t);
/* The sender's batches that follow ours. Borrows. */
void transfer_batches(struct transfer *t, struct bytes data);

/* ---- transfer_state.c -------------------------------------------------- */

/* The sender has made an image; `c` stands at its description. */
void transfer_made(struct transfer *t, struct cursor *c);
/* The image's bytes that follow ours. Shares their chunk. */
void transfer_file_data(struct transfer *t, struct bytes data);
/* STEP_HOLD: install, once nothing in the image is beyond our own log. */
void transfer_held(struct transfer *t);

#endif
