/* impl.h - what the files of this room share.
 *
 *   replicas.c  the node: journal, consensus, housekeeping
 *   replica.c   opening, taking part, closing
 *   propose.c   appends, trims, barriers; status.c what it says of itself
 *   apply.c     committed entries: to the owner, to the store
 *   lead.c      what a leader knows of entries that are not applied
 *   compact.c   flush, fold, manifest, log base
 *   read.c      tail and segments, offsets by time
 *   epoch.c     the epoch list
 *   transfer.c  fetching what a manifest stands for; source.c giving it
 */
#ifndef REPLICA_IMPL_H
#define REPLICA_IMPL_H

#include "base/arena.h"
#include "base/cursor.h"
#include "base/map.h"
#include "base/queue.h"
#include "raft/group.h"
#include "replica/replica.h"
#include "storage/journal.h"
#include "storage/store.h"

#define REPLICA_PATH_MAX 4096
#define REPLICA_NAME_MAX 288
/* Entries handed to the owner at once. */
#define REPLICA_APPLY_MAX 256

/* Something that waits for a journal record. */
struct durable_wait {
    struct queue queue;
    uint64_t seq;
    void (*cb)(void *arg);
    void *arg;
};

struct sources; /* source.c: replicas and images being given to others */

struct replicas {
    struct env *env;
    struct mem *mem;
    struct replicas_options o;
    char dir[REPLICA_PATH_MAX];
    struct journal *journal;
    struct consensus *consensus;
    struct recovery *recovery;
    struct map *map;      /* group -> struct replica */
    struct queue durable; /* struct durable_wait, by seq */
    struct env_timer tick;
    uint64_t ticked_seq;    /* the journal's last record at the last pass */
    uint64_t tick_again_ms; /* pass in any case */
    bool ticking;           /* somebody waits for the next pass */
    bool configured;        /* once: look after retention */
    uint64_t retention_at_ms;
    unsigned flushing; /* stores being flushed now */
    struct sources *sources;
    unsigned dropping;      /* drop.c: under way */
    struct sweep *sweep;    /* ... waits for them, or NULL */
    struct env_timer again; /* ... a removal failed: look once more */
    uint64_t again_ms;      /* after so long */
    bool (*is_gone)(void *arg, uint64_t group); /* as told; NULL: not yet */
    void *is_gone_arg;
    bool closing;
    unsigned closing_n;
    void (*close_cb)(void *arg);
    void *close_arg;
};

/* The epoch list (KIP-101). */
struct epochs {
    struct mem *mem;
    struct manifest_epoch *v;
    size_t n, cap;
};

enum replica_state {
    REPLICA_OPENING, /* OPEN record, segments */
    REPLICA_RUNNING,
    REPLICA_CLOSING
};

struct transfer;

struct replica {
    struct replicas *all;
    struct env *env;
    struct mem *mem;
    enum replica_kind kind;
    enum replica_state state;
    char name[REPLICA_NAME_MAX];
    char dir[REPLICA_PATH_MAX]; /* log kind: of the segments */
    struct topic_config config;
    const struct replica_hooks *hooks;
    void *arg;
    replica_open_cb open_cb;
    void *open_arg;

    uint64_t id;
    struct uuid topic;
    int32_t partition;
    struct group *group;
    struct store *store;   /* log kind */
    struct tail tail;      /* until the group has it */
    struct buf manifest;   /* newest durable one, encoded; empty: none */
    struct log_point base; /* at opening */
    uint64_t term, vote;   /* at opening */
    struct env_job open_job;
    uint64_t open_segment_bytes; /* what the job opens it with */
    int64_t open_segment_ms;
    struct store *opened; /* the job's, until it is over */
    int open_status;
    struct err open_err;
    struct durable_wait open_wait;

    uint64_t told_term; /* the last one that this node was said to lead */
    uint64_t applied;   /* index handed to the owner */
    int64_t high_watermark;
    int64_t log_start;    /* as applied */
    int64_t start_known;  /* the same by TRIMs that may not be applied yet; at
                             most the high watermark */
    bool fresh;           /* made now, not recovered */
    struct epochs epochs; /* as applied */
    /* A leader's, as of its election: from what was not applied then up to its
     * own. What is applied since stands in both. */
    struct epochs ahead;
    uint64_t ahead_term; /* that it leads; 0: none */
    bool applying;
    struct env_turn apply_turn;

    /* compact.c: the fold, as of `folded` */
    uint64_t folded;
    int64_t folded_log_start;
    uint64_t folded_config_index;
    struct buf folded_config;
    bool compacting;    /* a flush or checkpoint is under way */
    bool compact_again; /* asked for meanwhile */
    bool forced;        /* the journal needs it */
    bool base_kept;     /* said that a manifest could not be taken */
    struct buf ready;   /* encoded manifest of the last flush */
    struct log_point ready_base;
    bool trim_pending; /* log_start moved since the last manifest */
    int64_t trimmed;   /* log start that the store was told */

    bool retention_running;
    struct replica_append retention;
    struct queue reads;        /* struct replica_read under way */
    struct transfer *transfer; /* while one is under way */
    bool fetching;             /* state kind: the owner lacks a state */
    uint64_t fetch_ms;         /* ... ask again then */
    uint64_t fetch_wait_ms;    /* ... which was so long after the last time */
    bool withheld;             /* state kind: no images are given */

    bool drop;       /* GROUP_DROP and remove the files */
    bool close_held; /* until a write of the transfer is over */
    bool awaited;    /* by replicas_close(), which found it closing */
    int drop_status;
    struct durable_wait drop_wait;
    struct env_job drop_job;
    void (*close_cb)(void *arg);
    void *close_arg;
};

/* replicas.c */
/* Call `cb` once all records up to `seq` are durable (later, never at once). */
void replicas_wait(struct replicas *rs, struct durable_wait *w, uint64_t seq,
                   void (*cb)(void *arg), void *arg);
/* A replica has closed and is about to be freed. */
void replicas_forget(struct replicas *rs, struct replica *r);
/* One of `dropping`, a source's read, or a replica that was closing already has
 * ended: closing may go on. */
void replicas_rest(struct replicas *rs);

/* replica.c */
/* Go on with closing: group, store, GROUP_DROP, files. */
void replica_close_go(struct replica *r);
/* The same, if it waited for a write of the transfer, which is over. */
void replica_close_resume(struct replica *r);

/* apply.c */
/* Hand over what is committed and stored, and was not yet. */
void apply_request(struct replica *r);
void apply_init(struct replica *r);
/* The high watermark by what the group knows now; false: it knows less than
 * before its restart. The owner hears of it after what is applied. */
bool apply_mark(struct replica *r);
/* The log start that a TRIM says; damage ends the process. */
int64_t apply_trim_offset(const struct replica *r, const struct entry *e);

/* lead.c */
/* The role, or whether it is ready, may have changed: a leader looks at what is
 * not applied here yet, others forget what they saw there. */
void lead_look(struct replica *r);
/* A TRIM to `offset` is committed, applied here or not. */
void lead_trimmed(struct replica *r, int64_t offset);
/* The log start by all that is known to be committed. */
int64_t lead_start(const struct replica *r);

/* compact.c */
void compact_init(struct replica *r);
void compact_close(struct replica *r);
/* Start, as of a manifest (at opening and after a transfer). */
void compact_reset(struct replica *r, const struct manifest *m);
/* Flush and raise the base. `force`: as far as can be, the journal needs it. */
void compact_start(struct replica *r, bool force);
/* What is worth compacting, and how much. */
uint64_t compact_weight(const struct replica *r);
/* Look at what became durable since, and go on. `press`: memory is scarce. */
void compact_tick(struct replica *r, bool press);

/* epoch.c */
void epochs_init(struct epochs *e, struct mem *mem);
void epochs_close(struct epochs *e);
/* An entry of `term` begins at `offset`: an item if the term is new. */
int epochs_add(struct epochs *e, uint64_t term, int64_t offset);
/* Drop items that start at or above `offset` and are of a term above. */
void epochs_truncate(struct epochs *e, uint64_t term);
int epochs_set(struct epochs *e, const struct manifest_epoch *v, size_t n);
/* Items that no offset >= log_start needs. */
void epochs_trim(struct epochs *e, int64_t log_start);
/* How many items have a term <= `term`. */
size_t epochs_upto(const struct epochs *e, uint64_t term);

/* transfer.c */
void transfer_offered(struct replica *r, uint64_t from, struct slice manifest);
void transfer_close(struct replica *r);
bool transfer_active(const struct replica *r);
/* A write of it is under way, whose end looks at the replica. */
bool transfer_writing(const struct replica *r);
void transfer_tick(struct replica *r);
/* If the group stands at the base that was fetched: go on from there, before
 * anything else is made of its log. */
void transfer_settle(struct replica *r);
/* An answer of the sender; `c` stands behind {kind, group}. */
void transfer_answer(struct replica *r, int32_t node, unsigned kind,
                     struct bytes message, struct cursor *c);
/* drop.c */
void drop_init(struct replicas *rs);
/* On the work thread: remove a directory, and say so if that fails. */
int drop_files(struct env *e, const char *dir);
/* On the loop: it ended so. What failed is tried again later. */
void drop_tried(struct replicas *rs, int status);
/* source.c */
int sources_open(struct replicas *rs, struct sources **ret_s);
/* Nothing is being read: sources_reads() is 0. */
void sources_close(struct sources *s);
/* Reads under way for others; replicas_rest() when one has ended. */
unsigned sources_reads(const struct sources *s);
void sources_tick(struct sources *s);
/* Let go what is being given: the replica is about to close, or its state is
 * not to be had. */
void sources_forget(struct sources *s, uint64_t group);

#endif
