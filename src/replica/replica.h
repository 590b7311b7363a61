/* replica.h - "append this, tell me when it is safe": one replica of one
 * replicated log, whatever keeps it.
 *
 * Two kinds share the interface. A *log* replica is a partition: record
 * batches, flushed from the tail into segments, the log base raised behind the
 * flush. A *state* replica carries commands for a state machine that its owner
 * runs; the base is raised to what the owner's database holds durably.
 *
 *        log start        store end       commit      last
 *   --------|----segments----|----tail-------|----tail----|
 *           |<------ replica_read() -------->|
 *                  ^ log base: below it no entries, only batches
 *
 * The mode here is raft; isr mode will implement the same calls. Nobody above
 * this room sees raft/. Thread: the loop's.
 */
#ifndef REPLICA_REPLICA_H
#define REPLICA_REPLICA_H

#include "base/chunk.h"
#include "config/config.h"
#include "env/env.h"
#include "net/peers.h"
#include "storage/entry.h"
#include "storage/manifest.h"

struct journal;
struct recovered_group;
struct replicas; /* all replicas of a node */
struct replica;

enum replica_kind { REPLICA_LOG = 1, REPLICA_STATE = 2 };

/* ---- the node's replicas ------------------------------------------------- */

struct replicas_options {
    struct chunk_pool *pool;
    struct peers *peers;
    const char *dir; /* data directory: dir/p/<group>/ per partition */
    int32_t node;
    uint32_t heartbeat_ms, election_ms;
    uint32_t quiet_ms; /* logs idle for so long need no heartbeats; 0: never */
    uint64_t journal_bytes_max;
    uint32_t journal_file_bytes;
    uint64_t tail_bytes_max; /* of all tails: flush and raise bases beyond */
    uint32_t retention_check_ms; /* leaders trim by retention.* this often */
    uint32_t state_entries_max;  /* a state's log is checkpointed beyond */
    /* A leader would trim by retention.*: the owner sees to it that the
     * settings which replicas have are no older than this call, and calls
     * replicas_configured(). It may be called again meanwhile. */
    void (*confirm)(void *arg);
    void *confirm_arg;
};

/* Recover the journal (blocking) and start consensus. *ret_groups and
 * *ret_n are what the journal says exists here, for the owner to open one by
 * one (replica_open()); valid until replicas_recovered(). Errors: those of
 * journal_open() and consensus_open(). */
int replicas_open(struct env *e, const struct replicas_options *o,
                  struct replicas **ret_rs, struct recovered_group **ret_groups,
                  size_t *ret_n, bool *ret_clean, struct err *err);
/* All recovered groups were opened or left: free what recovery holds. */
void replicas_recovered(struct replicas *rs);
/* Leaders trim by retention.* in this call: the settings that replicas have
 * were just confirmed. What is trimmed by an older one is gone for ever. The
 * first time: from now on `confirm` is called when there is something. */
void replicas_configured(struct replicas *rs);
/* Close all replicas, then the journal. */
void replicas_close(struct replicas *rs, void (*cb)(void *arg), void *arg);
struct journal *replicas_journal(struct replicas *rs);
struct replica *replica_find(struct replicas *rs, uint64_t group);

/* ---- hooks ----------------------------------------------------------------
 */

struct replica_image {
    uint64_t index, term; /* what the image holds */
    uint64_t hash;
    uint64_t bytes;
    const char *path;
};

struct replica_hooks {
    /* Committed entries that are stored here, in order, each once (after a
     * restart again from the base; the owner ignores what it has). Payloads
     * are borrowed for the call; share to keep. */
    void (*apply)(void *arg, const struct entry *entries[], unsigned n);
    /* The high watermark rose, or the log start moved. */
    void (*advanced)(void *arg, int64_t high_watermark, int64_t log_start);
    /* Role, epoch, leader or readiness changed. A new leader builds what it
     * keeps for the uncommitted tail here, before its first append. */
    void (*role)(void *arg);
    /* Uncommitted records at and above `offset` are gone. */
    void (*truncated)(void *arg, int64_t offset);

    /* Log kind. What the owner folds over the log (producers) goes into the
     * manifest, as of its base: `fold` is called for each records or trim
     * entry that passes below the base, then `state` appends the fold's
     * encoding; `restore` is given it back at start and after a transfer
     * (empty: none), before entries above the base are applied. */
    void (*fold)(void *arg, const struct entry *entry);
    void (*state)(void *arg, struct buf *out);
    int (*restore)(void *arg, struct slice state);

    /* State kind. Make the applied state durable, then call
     * replica_checkpointed() with what was read back. */
    void (*checkpoint)(void *arg);
    /* Write a consistent image to `path` (copied), then replica_image_made().
     */
    void (*image_make)(void *arg, const char *path);
    /* An image was fetched: replace the state by it, then
     * replica_image_installed(). */
    void (*image_install)(void *arg, const struct replica_image *image);
    /* What the owner of this group's replica on another node said by
     * replica_tell(). May be NULL. */
    void (*told)(void *arg, int32_t node, struct slice message);
};

/* ---- one replica ----------------------------------------------------------
 */

struct replica_open {
    enum replica_kind kind;
    const char *name;                  /* "orders-3", "@meta": for errors */
    const struct topic_config *config; /* log kind; copied */
    /* A group that recovery found, moved from there; or NULL: a new one. */
    struct recovered_group *recovered;
    /* New ones only: what OPEN will say. */
    uint64_t group;
    struct uuid topic;
    int32_t partition;
    const int32_t *nodes; /* first members, by node */
    const uint32_t *incarnations;
    unsigned n_nodes;
    /* State kind: what the owner's database holds durably. */
    uint64_t applied_index, applied_term;
};

/* status 0: the replica takes part. ERR_CORRUPT: damage (nothing was cut; the
 * process should say so and stop), ERR_IO, ERR_NOMEM. */
typedef void (*replica_open_cb)(void *arg, int status, struct replica *r,
                                const struct err *err);
/* Open: a new one's OPEN record is made durable first; segments are opened on
 * the work thread. Errors: ERR_EXISTS, ERR_NOMEM. */
int replica_open(struct replicas *rs, const struct replica_open *o,
                 const struct replica_hooks *hooks, void *arg,
                 replica_open_cb cb, void *cb_arg, struct replica **ret_r);
/* Stop taking part; `cb` may be NULL. */
void replica_close(struct replica *r, void (*cb)(void *arg), void *arg);
/* The topic was deleted: close, log GROUP_DROP, remove the files. `cb` when
 * they are gone; may be NULL. */
void replica_delete(struct replica *r, void (*cb)(void *arg), void *arg);
/* The same for a group that recovery found and nobody opened; the files go
 * when the DROP is durable. Errors: ERR_NOMEM, those of journal_group_drop().
 */
int replica_drop(struct replicas *rs, uint64_t group);
/* Later, once what is being dropped is gone: remove the directories of groups
 * that are not open here and of which `is_gone` says that nobody owns them any
 * more. (A node may die between a GROUP_DROP and the end of the files.) So it
 * is done again, each time after a longer while, when a removal failed. */
void replicas_sweep(struct replicas *rs,
                    bool (*is_gone)(void *arg, uint64_t group), void *arg);
/* Whoever could say so goes: nothing more is removed, nothing asked. */
void replicas_sweep_end(struct replicas *rs);
/* Apply changed topic settings (segment.bytes, retention.*). Copies. */
void replica_configure(struct replica *r, const struct topic_config *config);

struct replica_append;
/* status 0: committed, on a majority's disks. ERR_NOTLEADER: leadership was
 * lost (the batch may still commit), ERR_CANCELED. */
typedef void (*replica_append_cb)(struct replica_append *a, int status);
struct replica_append {
    void *impl[24];      /* private */
    int64_t base_offset; /* set at once, by replica_append() */
    uint64_t index;
    replica_append_cb cb;
    void *data;
};

/* Leader, log kind: append one valid batch (record/validate.h said so). Sets
 * base offset and leader epoch in place in `batch`, which is shared and must
 * not be changed by anybody else from now on. Errors: ERR_NOTLEADER,
 * ERR_NOTREADY, ERR_FULL (NOT_ENOUGH_REPLICAS), ERR_TOOBIG, ERR_NOMEM. */
int replica_append(struct replica *r, struct replica_append *a,
                   struct bytes batch, replica_append_cb cb, void *data);
/* Leader, state kind: propose a command. Same outcomes; a->index is set when
 * the callback runs with status 0. */
int replica_propose(struct replica *r, struct replica_append *a,
                    struct bytes command, replica_append_cb cb, void *data);
/* Leader, log kind: move the log start to `offset` (<= high watermark) by a
 * TRIM entry. */
int replica_trim(struct replica *r, struct replica_append *a, int64_t offset,
                 replica_append_cb cb, void *data);

struct replica_barrier;
typedef void (*replica_barrier_cb)(struct replica_barrier *b, int status);
struct replica_barrier {
    void *impl[16]; /* private */
    uint64_t index; /* set: apply up to it before answering */
    replica_barrier_cb cb;
    void *data;
};
/* A linearizable answer may be given once this completes with 0: everything
 * committed before the call is at or below b->index (and, for log replicas,
 * below the high watermark now known). Errors and statuses: ERR_NOTLEADER,
 * ERR_NOTREADY, ERR_TIMEOUT. */
int replica_read_barrier(struct replica *r, struct replica_barrier *b,
                         uint32_t timeout_ms, replica_barrier_cb cb,
                         void *data);

/* ---- reading ---------------------------------------------------------------
 */

/* Bytes of batches from the tail, at once: fills up to `max` pieces (shared;
 * the caller releases) of whole batches from the one containing `offset`, not
 * beyond `offset_end` (consumers: the high watermark; a new leader reads up to
 * replica_log_end() for its own books), at most bytes_max but at least one
 * batch; returns how many. 0: not in the tail (replica_read() it), or nothing
 * there. */
unsigned replica_read_tail(struct replica *r, int64_t offset,
                           int64_t offset_end, uint32_t bytes_max,
                           struct bytes pieces[], unsigned max);

struct replica_read;
/* As store_read_cb (storage/store.h). */
typedef void (*replica_read_cb)(struct replica_read *rd, int status,
                                struct bytes data, int64_t first_offset);
struct replica_read {
    void *impl[40]; /* private */
    replica_read_cb cb;
    void *data;
};
/* Read older data from segments. Errors: ERR_RANGE, ERR_NOMEM. */
int replica_read(struct replica *r, struct replica_read *rd, int64_t offset,
                 int64_t offset_end, uint32_t bytes_max, replica_read_cb cb,
                 void *data);
/* Give a read up; its callback runs with ERR_CANCELED. */
void replica_read_cancel(struct replica_read *rd);

/* First offset served, end of committed records, end of the log. A leader that
 * is ready counts what is committed, whether it is applied here yet or not. */
int64_t replica_log_start(const struct replica *r);
int64_t replica_high_watermark(const struct replica *r);
int64_t replica_log_end(const struct replica *r);
/* The same without what is proposed and not in the log yet. */
int64_t replica_tail_end(const struct replica *r);
/* End of what hooks->apply() was given: at or below the high watermark, which
 * may run ahead of it (committed, but not yet durable here). */
int64_t replica_applied_end(const struct replica *r);
/* Bytes in segments. */
uint64_t replica_bytes(const struct replica *r);

/* Where to begin scanning for the first record with timestamp >= time_ms:
 * *ret_offset, or ERR_NOTFOUND. Committed data only. */
int replica_find_time(struct replica *r, int64_t time_ms, int64_t *ret_offset);
/* Base offset of a batch with the largest timestamp; -1, -1 when empty. */
void replica_time_max(struct replica *r, int64_t *ret_time,
                      int64_t *ret_offset);

/* ---- epochs (KIP-101, kafka-semantics.md section 9) ------------------- */

/* Kafka leader epoch: the Raft term. */
int32_t replica_epoch(const struct replica *r);
/* The end offset of `epoch`: the largest epoch <= it that the log has, and the
 * start of the next higher one (or the log end); of one below all that it has,
 * itself and where they start. ERR_NOTFOUND: above the latest, or none. */
int replica_epoch_end(const struct replica *r, int32_t epoch,
                      int32_t *ret_epoch, int64_t *ret_end);
/* The epoch that the record at `offset` was appended in; -1 unknown. */
int32_t replica_epoch_of(const struct replica *r, int64_t offset);

/* ---- status ----------------------------------------------------------- */

/* Its group's id; its name (borrowed); whether it leads. */
uint64_t replica_group(const struct replica *r);
const char *replica_name(const struct replica *r);
bool replica_is_leader(const struct replica *r);
/* Leader whose own-term entry is committed: may answer. */
bool replica_ready(const struct replica *r);
/* Node id of the leader known, -1 if none. */
int32_t replica_leader(const struct replica *r);

struct replica_member {
    int32_t node;
    uint64_t membership;
    bool voter;
    bool recent;
    uint64_t match; /* durable there, as the leader knows it */
};
struct replica_status {
    uint64_t group, term, commit, last, stored, base, applied;
    uint64_t chain; /* over all batches up to `commit`: equal on all replicas */
    int64_t log_start, high_watermark, log_end;
    int32_t leader;
    bool is_leader, ready, transferring, repair;
    struct replica_member members[15];
    unsigned n_members;
};
/* All of it at once. */
void replica_status(const struct replica *r, struct replica_status *ret_s);

/* Hand leadership to a node (-1: the most caught-up one). `cb` as
 * group_transfer(). */
int replica_transfer_leader(struct replica *r, int32_t node,
                            uint32_t timeout_ms,
                            void (*cb)(void *arg, int status), void *arg);

/* Answers to the state hooks. */
void replica_checkpointed(struct replica *r, uint64_t index, uint64_t term);
void replica_image_made(struct replica *r, int status,
                        const struct replica_image *image);
void replica_image_installed(struct replica *r, int status);
/* State kind: applied up to here; the base may be raised when the owner has
 * checkpointed. */
void replica_applied(struct replica *r, uint64_t index);

/* State kind: the owner's state is gone, or worthless. From now on nothing is
 * applied and no image is given; an image of the leader's is asked for, until
 * one is installed (hooks->image_install). Log, term and vote stay, and the
 * replica goes on to store and to vote; a leader of this kind should hand
 * over, since it cannot fetch from itself. */
void replica_fetch(struct replica *r);
/* It waits for that image. */
bool replica_fetching(const struct replica *r);
/* State kind: while `on`, what the owner holds is in doubt: no image of it is
 * given, and what was made or is being given is let go. */
void replica_withhold(struct replica *r, bool on);
/* State kind: say something to the owners of the group's other replicas, best
 * effort. Copies. */
void replica_tell(struct replica *r, struct slice message);

#endif
