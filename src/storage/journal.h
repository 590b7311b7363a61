/* journal.h - the write-ahead ring that all groups of a data directory share.
 *
 *   dir/journal/00000001.j ... a ring of files of equal size, zero-written
 *   dir/journal/checkpoint.{0,1} all open groups, HARD and MANIFEST records
 *   dir/journal/roster.{0,1} which files may hold frames that count
 *
 * What is appended during a turn becomes one frame: one O_DIRECT write with
 * DSYNC. 1-4 frames are in flight, there is no timer: whatever gathers while
 * frames are in flight is the next frame, over all groups. Records are
 * numbered (`seq`, from 1, over the life of the ring); completions count in
 * order. doc/FORMATS.md and storage/format.h have every byte.
 *
 * Life: journal_open (blocking; recovers) -> append... -> journal_close.
 * A failed write ends the node (env_die): it is never retried.
 * Thread: the loop's.
 *
 * Recycling: a file may be written over when no group needs it: every entry
 * in it is at or below its group's log base (the base travels in MANIFEST
 * records), was copied into a later file by COPY, or belongs to a dropped
 * group; and a checkpoint later than its last record is durable, so that
 * HARD, GROUP_OPEN and MANIFEST records pin nothing. When the ring runs short,
 * or a restart would have to read more than JOURNAL_LIVE_BYTES, the journal
 * asks through `need`.
 *
 * A full ring: entries are refused while there is still room for copies and
 * for new leaders' first entries, and no other record ever lacks room: where
 * the ring has none for it, the next two checkpoints make it durable. So votes
 * go on, and what releases files (bases, copies, drops) always can.
 * journal_impl.h, "Room", says why this holds.
 */
#ifndef STORAGE_JOURNAL_H
#define STORAGE_JOURNAL_H

#include "base/uuid.h"
#include "env/env.h"
#include "storage/tail.h"

struct journal;

/* More than this is not kept alive without asking for its release: a restart
 * has to read it, which takes a second for three such nodes on one disk of
 * 1 GB/s. */
#define JOURNAL_LIVE_BYTES (192ull << 20)

/* Numbers are on disk. Kinds 4 is POINTER, reserved (DESIGN section 5). */
enum journal_kind {
    JOURNAL_APPEND = 1,   /* truncate from first index, then these entries */
    JOURNAL_COPY = 2,     /* entries again, never truncates */
    JOURNAL_HARD = 3,     /* term and vote */
    JOURNAL_MANIFEST = 5, /* new log base, and what stands for what is below */
    JOURNAL_OPEN = 6,     /* a group exists here */
    JOURNAL_DROP = 7,     /* it does not any more */
    JOURNAL_INSTALL = 8,  /* MANIFEST that replaces the whole log */
    JOURNAL_REPAIRED = 9  /* what recovery found damaged is whole again */
};

/* What GROUP_OPEN says (DESIGN section 5). */
struct journal_open_info {
    uint64_t group;         /* given by @meta, never reused; 1 is @meta */
    struct uuid topic;      /* zero for state groups */
    int32_t partition;      /* or the shard number of a state group */
    uint64_t membership_id; /* own Raft server id */
    struct log_point base;  /* bootstrap snapshot, index >= 2 */
    struct slice config;    /* bootstrap configuration, core.c's encoding */
};

/* One group as recovery found it. A damaged group whose OPEN record was lost
 * has an empty open.config: only its number is known, and
 * journal_group_open() may say the rest again. A tail is taken by copying the
 * struct and calling tail_init() on the one here. */
struct recovered_group {
    struct journal_open_info open; /* open.config in recovery's memory */
    uint64_t term, vote;
    struct slice manifest; /* newest MANIFEST or INSTALL; empty: none yet */
    struct tail tail;      /* entries above the base, payloads loaded */
    bool damaged;          /* frames of it were lost: needs repair */
};

struct recovery {
    struct mem *mem;
    struct recovered_group *groups; /* in order of group id */
    size_t n_groups;
    uint64_t torn_bytes; /* of a cut torn tail; 0: none */
    uint64_t frames;     /* read */
    uint64_t bytes;      /* of the ring, read */
    uint64_t record;     /* the checkpoint is the state after this one */
    bool clean;          /* the last run ended by journal_close() */
};

struct journal_options {
    const char *dir;          /* the data directory */
    uint64_t bytes_max;       /* of the ring, all files; >= 4 files */
    uint32_t file_bytes;      /* of one file */
    uint32_t frame_bytes_max; /* 0: 4 MiB; a larger entry gets its own frame */
    unsigned depth;           /* frames in flight, 1-4; 0: 4 */
    struct chunk_pool *pool;  /* recovered payloads are charged to STATE */
};

/* The ring needs group `group` to raise its base to at least `index`, or to
 * have its entries up to `index` copied forward (journal_copy()). May come
 * again. Never called from inside journal_append(). */
typedef void (*journal_need_cb)(void *arg, uint64_t group, uint64_t index);
/* All records up to `seq` are durable. */
typedef void (*journal_durable_cb)(void *arg, uint64_t seq);

/* Create or recover the ring (blocking; before the loop runs). Recovery
 * decides between a torn tail (cut, said, a copy kept in quarantine/) and
 * damage (nothing is cut; the groups concerned are marked) as DESIGN section 5
 * says. Idempotent: recovering twice gives the same. Free *ret_r with
 * recovery_free() when the groups have taken their tails.
 *
 * Errors: ERR_CORRUPT (nothing readable; `err` names the file), ERR_VERSION,
 * ERR_NOSPACE, ERR_IO, ERR_NOMEM. */
int journal_open(struct env *e, const struct journal_options *o,
                 struct journal **ret_j, struct recovery **ret_r,
                 struct err *err);
/* Release what was not taken. NULL is fine. */
void recovery_free(struct recovery *r);
/* Say who is told. Borrows `arg` for the journal's life. */
void journal_listen(struct journal *j, journal_durable_cb durable,
                    journal_need_cb need, void *arg);

/* Append entries of one group: what the log held at and above
 * entries[0].index is replaced. One record, or several where a frame ends in
 * between. Shares the payloads until they are copied into a frame. The
 * entries' `seq` is set to their record's number; *ret_seq (may be NULL, here
 * and below) is the last one. Errors:
 * ERR_NOMEM, ERR_TOOBIG (one entry does not fit a ring file), ERR_FULL (the
 * ring has no room outside its reserve: nothing was appended; the caller
 * bounds its uncommitted bytes so that this is rare). A new leader's first
 * entry alone uses a part of the reserve: without it nothing becomes committed
 * that could be released. */
int journal_append(struct journal *j, uint64_t group, struct entry *entries[],
                   unsigned n, uint64_t *ret_seq);
/* The same for entries that can no longer be refused: may use all room there
 * is. The caller made sure, at once before they came to be, that journal_room()
 * was larger than they are by an eighth of the ring, or asked journal_takes(),
 * or (a first entry, a change of membership) journal_leads(). Not behind an
 * OPEN or INSTALL that is not durable. */
int journal_insist(struct journal *j, uint64_t group, struct entry *entries[],
                   unsigned n, uint64_t *ret_seq);
/* True if journal_insist() would have room for entries whose payloads are as
 * long as these. */
bool journal_takes(const struct journal *j, uint64_t group,
                   struct entry *const entries[], unsigned n);
/* True if there is room for what becoming a leader takes (a term, a vote, the
 * first entry) without touching what copies need. */
bool journal_leads(const struct journal *j);
/* Log the entries again so that older files need not keep them; their content
 * must be what the log holds now. Uses the reserve. Errors: as
 * journal_append(). */
int journal_copy(struct journal *j, uint64_t group, struct entry *entries[],
                 unsigned n, uint64_t *ret_seq);
/* The first entry that must be copied for the oldest file to be released:
 * those before it are below the base or were copied to later files. */
uint64_t journal_copy_first(const struct journal *j, uint64_t group);

/* The records from here on never lack room. Errors: ERR_NOMEM. */

/* Term and vote of a group. */
int journal_hard(struct journal *j, uint64_t group, uint64_t term,
                 uint64_t vote, uint64_t *ret_seq);
/* Raise the base: `manifest` (storage/manifest.h, copied) stands for
 * everything up to base.index. With `install` the whole log is replaced. */
int journal_manifest(struct journal *j, uint64_t group, struct log_point base,
                     struct slice manifest, bool install, uint64_t *ret_seq);
/* A group exists here from now on. Durable before its first step (caller). */
int journal_group_open(struct journal *j, const struct journal_open_info *info,
                       uint64_t *ret_seq);
/* It does not any more; its files may be removed once this is durable. */
int journal_group_drop(struct journal *j, uint64_t group, uint64_t *ret_seq);

/* The group is not damaged any more: a leader has brought it up. Until then
 * every recovery reports it, whatever has become of the damaged frames. */
int journal_repaired(struct journal *j, uint64_t group, uint64_t *ret_seq);

/* Highest number such that it and all before are durable. */
uint64_t journal_durable(const struct journal *j);
/* Highest number given out. */
uint64_t journal_last(const struct journal *j);
/* Bytes appended and not yet durable. */
uint64_t journal_backlog(const struct journal *j);
/* Bytes of ring that appends may still use before something is released, and
 * the whole ring. */
uint64_t journal_room(const struct journal *j);
uint64_t journal_size(const struct journal *j);
/* The longest payload of one entry: what fits one file of the ring in a frame
 * of its own, at most ENTRY_PAYLOAD_MAX. The size of the files is the one that
 * the ring was made with. */
size_t journal_entry_max(const struct journal *j);
/* Somebody could not append for want of room: ask the listener again for what
 * pins the oldest file, though it was asked before. */
void journal_press(struct journal *j);
/* Write a checkpoint soon (also happens by itself every 128 MiB or quarter of
 * the ring, whatever is less, and at close). */
void journal_checkpoint(struct journal *j);

typedef void (*journal_close_cb)(void *arg);
/* Wait for what is in flight, write a checkpoint marked clean, close. `cb` may
 * be NULL. */
void journal_close(struct journal *j, journal_close_cb cb, void *arg);

#endif
