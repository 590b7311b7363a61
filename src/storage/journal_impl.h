/* journal_impl.h - the insides that the journal's files share.
 *
 * Ring: files in the order of their use (`live`), the oldest first, the last
 * one being written (`cur`). The oldest become free when a durable checkpoint
 * says that frames below its tail are dead:
 *
 *     free free | live live live cur...... | preparing
 *               tail                  next frame
 *
 * Plan: every record gets its frame, and every frame its place in the ring,
 * when it is appended (struct plan), so that what was accepted always fits.
 * A frame that found no free staging buffer keeps its records as items.
 *
 *   gathering --hook or a freed slot--> flying --> done --> durable (in order)
 *        \--full--> sealed --a freed slot--/
 *
 * Room (decisions/0006): the last part of the ring is kept back in steps, for
 * F the size of a file and R that of the ring:
 *
 *     ... entries | other records | first entries | copies |
 *                 reserve     keep_record      keep_copy    0
 *                 + R/32        + R/32        F + F/8
 *
 * Nothing that cannot be refused ever lacks room:
 *   1  Votes, bases, groups that come and go need none. Below keep_record they
 *      are *apart*: in no frame, but in the next two checkpoints, which hold
 *      all there is to know of a group but its entries and lie outside of the
 *      ring. An apart record counts as durable when both checkpoint files have
 *      it, so that either may be lost. While a group has one that does not,
 *      its next ones are apart as well: their order is kept.
 *   2  Entries can be refused before the step that makes them, and after it
 *      they may use all that is left (journal_insist()). What a step with S
 *      bytes of entries uses is below 2 S + F and the frames' own bytes (the
 *      end of a file wastes less than the entry that did not fit there); the
 *      caller looked for S + R/8 in front of the reserve of F + F/8 + R/16,
 *      and S is at most R/8, or one entry, which no two ends of files meet.
 *   3  The oldest file holds at most F bytes of live entries. keep_copy, which
 *      only copies use, takes them whole, with an eighth for what frames add;
 *      then the file is free and gives back F. So whatever was copied of the
 *      oldest file, together with the room, never is below keep_copy, and a
 *      ring whose live entries were once admitted always comes back to the
 *      room that it had then.
 */
#ifndef STORAGE_JOURNAL_IMPL_H
#define STORAGE_JOURNAL_IMPL_H

#include "base/map.h"
#include "env/file.h"
#include "storage/journal_frame.h"

#define JOURNAL_DEPTH_MAX 4u
/* Frames that are written before one in front of them is durable: so many does
 * recovery write again (recover_settle.c). One write may take long. */
#define JOURNAL_AHEAD_MAX      (4 * JOURNAL_DEPTH_MAX)
#define JOURNAL_FILES_MIN      4u
#define JOURNAL_FILES_MAX      4096u
#define JOURNAL_FILE_BYTES_MIN (64u << 10)
#define JOURNAL_FILE_BYTES_MAX (1u << 30)
#define JOURNAL_FRAME_BYTES    (4u << 20)
#define JOURNAL_ZERO_BYTES     (1u << 20)
#define JOURNAL_PATH_MAX       4096
#define JOURNAL_METRICS        4
/* Of the ring: the steps of what is kept back in front of that for copies. */
#define JOURNAL_KEEP_PART 32

enum jfile_state {
    JFILE_PREPARING, /* not zero-written yet; may be planned into */
    JFILE_FREE,
    JFILE_LIVE
};

struct jfile {
    struct queue queue; /* in `live`, by generation */
    unsigned slot;      /* number in its name */
    enum jfile_state state;
    bool ready; /* zero-written and open: may be written to */
    struct file *file;
    uint64_t generation;
    uint64_t first_frame; /* 0: none yet */
    uint64_t limit; /* frames may end up to here: a durable roster says so */
    uint64_t limit_next; /* ... or the one being written will */
    size_t n_pins;       /* groups with entries in it */
};

struct rlog;

struct jgroup {
    struct journal_open_info open; /* config: own copy */
    uint64_t term, vote;
    struct log_point base;
    uint64_t last;         /* highest entry index */
    uint64_t reset;        /* record of its OPEN, or newest INSTALL */
    uint64_t apart;        /* its newest record that is in no frame, 0: none */
    struct slice manifest; /* own copy */
    bool damaged;
    uint64_t copy_to;    /* entries from the base to this are in copies */
    struct rlog *log;    /* its entries, during recovery */
    uint64_t frame;      /* frame that lists it ... */
    uint32_t frame_item; /* ... as this item */
    uint64_t pins[];     /* per file: highest entry in it, 0: none; then
                            per file: of the copies up to copy_to */
};

struct jbuf {
    struct queue queue;
    void *raw;
    uint8_t *data;
    uint32_t cap;
    bool pooled;
};

/* A record that waits for its frame to get a buffer. */
struct jitem {
    struct queue queue;
    struct record record; /* body: behind the struct, if not entries */
    struct entry entries[];
};

enum jframe_state {
    JFRAME_GATHERING,
    JFRAME_SEALED,
    JFRAME_FLYING,
    JFRAME_DONE
};

struct jframe {
    struct queue queue;
    struct journal *journal;
    enum jframe_state state;
    struct jfile *file;
    struct frame_facts facts;
    uint32_t salt;
    struct jbuf *buf; /* NULL: none yet, records are items */
    struct queue items;
    struct frame_group *groups;
    uint32_t groups_cap;
    uint64_t submitted_us;
    struct file_io io;
};

/* Groups a frame leaves room for in front of its records: as many as the last
 * frame had and some, so that the directory at the front is complete. */
#define FRONT_MIN 8u
#define FRONT_MAX 4096u

/* What is allocated for an append before anything is changed. */
struct prep {
    struct queue frames;
    struct queue items;
};

/* Where the next record goes, in numbers; a copy of it is a rehearsal. */
struct plan {
    uint64_t left;    /* of the current file, gathering frame included */
    uint64_t size;    /* of the gathering frame, padded; 0: none */
    uint32_t at, len; /* its records */
    uint32_t n_groups;
    unsigned n_free; /* files */
};

enum place { PLACE_FITS, PLACE_FRAME, PLACE_FILE };

struct lost_range {
    uint64_t first, last;
};

/* What stands in a checkpoint apart from groups. */
struct checkpoint_facts {
    struct uuid ring;
    bool clean;
    uint32_t file_bytes;
    uint64_t seq;
    uint64_t epoch, epoch_frame;
    uint64_t record, frame, tail, generation;
    uint64_t body_len;
    uint32_t n_groups, n_lost;
    uint32_t body_crc;
};

enum checkpoint_state {
    CHECKPOINT_IDLE,
    CHECKPOINT_WAITING, /* for its records to be durable */
    CHECKPOINT_WRITING
};

struct checkpoint {
    enum checkpoint_state state;
    bool wanted;
    bool clean;
    uint64_t seq;          /* newest durable one */
    uint64_t record, tail; /* of the one under way */
    uint64_t frame;        /* which waits for this one to be durable */
    uint64_t newest, both; /* records in the newest one, and in both */
    uint64_t tail_generation;
    uint64_t bytes; /* of frames since the newest one began */
    void *raw;
    uint8_t *data;
    size_t len;
    struct file *files[2];
    struct file_io io;
};

/* Where frames that count may lie; roster.c says what holds. */
struct roster {
    bool writing;
    bool whole;   /* both files are readable and follow each other (start) */
    uint64_t seq; /* newest durable one */
    void *raw;
    uint8_t *data;
    size_t len;
    struct file *files[2];
    struct file_io io;
};

struct roster_item {
    uint32_t slot;
    uint64_t limit; /* no frame ends beyond it */
    uint64_t first; /* frame; 0: none when it was written */
};

/* Preparing files in the background. */
struct zeroing {
    struct jfile *target; /* NULL: nothing to do */
    struct file *file;
    void *raw;
    uint8_t *data;
    uint64_t at;
    struct file_io io;
    struct env_job job;
    int job_status;
    bool busy;
};

struct journal {
    struct env *env;
    struct mem *mem;
    char *dir;  /* the data directory */
    char *path; /* dir/journal */
    struct uuid ring;
    uint64_t epoch, epoch_frame, generation;
    uint32_t file_bytes;
    uint32_t frame_max;
    uint64_t reserve, keep_record, keep_copy; /* see above */
    unsigned depth;
    struct jfile *files;
    unsigned n_files;
    struct queue live;
    struct jfile *cur;
    struct plan plan;
    struct map *groups;
    struct lost_range lost[CHECKPOINT_LOST_MAX];
    uint32_t n_lost;

    uint64_t last_seq, durable_seq;
    uint64_t apart_first, apart_last; /* in no frame nor both checkpoints */
    uint64_t next_frame, durable_frame;
    struct queue frames; /* planned to done, in order */
    struct jframe *gather;
    unsigned in_flight;
    uint32_t front;     /* groups to leave room for in front of records */
    struct queue spare; /* frames */
    struct queue bufs;  /* free pooled buffers */
    unsigned n_bufs;    /* pooled buffers in all */
    uint64_t backlog;
    bool mark; /* something was appended since the last watermark */

    struct env_turn turn;
    struct checkpoint checkpoint;
    struct roster roster;
    struct zeroing zeroing;
    journal_durable_cb durable_cb;
    journal_need_cb need_cb;
    void *cb_arg;
    uint64_t need_generation;       /* asked about this file ... */
    uint64_t need_room;             /* ... with this much room left */
    uint64_t need_new, need_copied; /* bytes of entries since then */
    bool need_again;
    bool closing;
    journal_close_cb close_cb;
    void *close_arg;

    uint64_t m_frames, m_bytes, m_refused;
    struct metric_histogram m_write_us;
    struct metric metrics[JOURNAL_METRICS];
};

/* journal_metric.c */
void journal_metrics_start(struct journal *j);
void journal_metrics_stop(struct journal *j);

/* ---- journal.c (what is not in journal.h) ----------------------------- */

/* Prepare everything that does not come from disk. Errors: ERR_NOMEM. */
int journal_init(struct journal *j, struct env *e,
                 const struct journal_options *o);
/* Free all of it, also half-built, also while nothing is in flight. */
void journal_destroy(struct journal *j);
/* Go on closing if nothing is left to wait for. */
void journal_close_poll(struct journal *j);

/* ---- journal_plan.c ------------------------------------------------------ */

/* Place a record of `bytes` bytes and keep `keep` bytes of the ring free.
 * Changes *p only on success. Errors: ERR_FULL, ERR_TOOBIG. */
int plan_add(const struct journal *j, struct plan *p, uint64_t bytes,
             bool new_group, uint64_t keep, enum place *ret_place);
/* As many of the entries as go into one record: what the frame under way
 * still takes, else a new frame. Moves the plan. Errors: as plan_add(). */
int plan_take(const struct journal *j, struct plan *p,
              struct entry *const entries[], unsigned n, bool new_group,
              uint64_t keep, enum place *ret_place, unsigned *ret_n,
              uint64_t *ret_bytes);

/* ---- journal_stage.c ----------------------------------------------------- */

void prep_init(struct prep *p);
/* Give everything back. */
void prep_undo(struct journal *j, struct prep *p);
/* Allocate what placing one record needs: a frame and its buffer, and an item
 * of `item_bytes` if there is no buffer to copy the record into. Errors:
 * ERR_NOMEM. */
int prep_add(struct journal *j, struct prep *p, const struct plan *plan,
             enum place place, size_t item_bytes);
/* Take an item that was allocated. */
struct jitem *prep_item(struct prep *p);
/* Close the gathering frame, if there is one. */
void stage_seal(struct journal *j);
/* Begin a prepared frame where the plan says. */
void stage_begin(struct journal *j, struct prep *prep, enum place place);
/* List the group in the frame, with the entries it adds (0: none). */
void stage_list(struct jframe *f, struct jgroup *g, uint64_t first,
                uint64_t last);
/* True if the gathering frame does not list the group yet. */
bool stage_is_new(const struct journal *j, const struct jgroup *g);
/* The place of the next record in a frame that has a buffer. */
uint8_t *stage_end(struct jframe *f);
/* A frame is durable and can be used again. */
void stage_recycle(struct journal *j, struct jframe *f);
/* A buffer is no longer needed: the first frame without one gets it. */
void stage_give(struct journal *j, struct jbuf *b);
void stage_frame_free(struct journal *j, struct jframe *f);
void stage_buf_free(struct journal *j, struct jbuf *b);

/* ---- journal_turn.c ------------------------------------------------------ */

/* Submit what can be submitted; with `gather` also the gathering frame. */
void journal_pump(struct journal *j, bool gather);
/* The hook of ENV_TURN_JOURNAL. */
void journal_turn(struct env_turn *t);
/* Find out up to which record all are durable, and tell. */
void journal_tell_durable(struct journal *j);

/* ---- journal_ring.c: files, pins, groups --------------------------------- */

/* Write "dir/journal/0000000N.j" (or with `suffix`) into `out`. */
void ring_path(const struct journal *j, unsigned slot, const char *suffix,
               char out[JOURNAL_PATH_MAX]);
/* Bytes that anything, reserve included, may still use; and the ring. */
uint64_t ring_room(const struct journal *j);
uint64_t ring_bytes(const struct journal *j);
/* Decide what is kept back, when the files are known. */
void ring_keep(struct journal *j);
/* The oldest file that is still needed: pinned or current. NULL: no file was
 * used yet. Outputs the number of free-to-be files before it. */
struct jfile *ring_tail(const struct journal *j, unsigned *ret_before);
/* The file that would come after the current one. NULL: none is free. */
struct jfile *ring_next(const struct journal *j);
/* Begin to use a file: the next free one. */
void ring_advance(struct journal *j);
/* Give back live files before this generation. */
void ring_release(struct journal *j, uint64_t generation);

/* NULL if it is not known. */
struct jgroup *group_find(const struct journal *j, uint64_t id);
/* A group that exists from now on; copies `info`. Errors: ERR_NOMEM. */
int group_add(struct journal *j, const struct journal_open_info *info,
              struct jgroup **ret_g);
/* Unpin, forget and free it. */
void group_remove(struct journal *j, struct jgroup *g);
void group_free(struct journal *j, struct jgroup *g);
/* What records mean for bases and pins. */
void group_note_append(struct journal *j, struct jgroup *g, uint64_t first,
                       uint64_t last, struct jfile *f);
void group_note_copy(struct journal *j, struct jgroup *g, uint64_t first,
                     uint64_t last, struct jfile *f);
void group_note_base(struct journal *j, struct jgroup *g, struct log_point base,
                     bool install, uint64_t seq);
/* The log really ends at `last`. */
void group_note_end(struct journal *j, struct jgroup *g, uint64_t last);
/* Replace the manifest by a copy made with mem_alloc, which is taken. */
void group_set_manifest(struct journal *j, struct jgroup *g, uint8_t *data,
                        size_t len);
/* Recount what is pinned; for tests. */
void ring_check(const struct journal *j);

/* ---- journal_zero.c ------------------------------------------------------ */

/* Create what is missing of the ring: all files reserved, the first usable
 * ones zero-written. Blocking. */
int zero_prepare(struct journal *j, struct err *err);
/* Prepare the next file in the background, if any is left. */
void zero_start(struct journal *j);
void zero_close(struct journal *j);

/* ---- checkpoint.c -------------------------------------------------------- */

void checkpoint_path(const struct journal *j, unsigned slot,
                     char out[JOURNAL_PATH_MAX]);
/* Encode the present state for the next checkpoint into memory of its own,
 * aligned and padded to blocks. Errors: ERR_NOMEM. */
int checkpoint_encode(struct journal *j, bool clean);
/* Write it, blocking (start). */
int checkpoint_write_first(struct journal *j, bool create, struct err *err);
/* Write the one that was read (blocks of `data`) anew, durably, blocking: it
 * may lie in the device's cache only, and no other one is whole while the next
 * one is written over the other file. Errors: ERR_IO, ERR_NOSPACE. */
int checkpoint_settle(struct journal *j, uint8_t *data, size_t len,
                      struct err *err);
/* Begin one if there is a reason to and none is under way; go on with one
 * whose records became durable. */
void checkpoint_poll(struct journal *j);
void checkpoint_close(struct journal *j);
/* Read a checkpoint's bytes. Errors: ERR_CORRUPT, ERR_VERSION. */
int checkpoint_decode_facts(struct slice in, struct checkpoint_facts *ret_f);
/* Load lost ranges and groups of a body that passed. Errors: ERR_CORRUPT,
 * ERR_NOMEM. */
int checkpoint_load(struct journal *j, struct slice in,
                    const struct checkpoint_facts *f);

/* ---- roster.c ------------------------------------------------------------ */

/* Begin the run's rosters: memory, files, the first one, blocking. */
int roster_open(struct journal *j, struct err *err);
void roster_close(struct journal *j);
/* Write one if there is a reason to and none is under way. */
void roster_poll(struct journal *j);
/* True if the frame may be written. */
bool roster_allows(const struct jframe *f);
/* What the newest roster lists, oldest file first, if its word is good beside
 * a checkpoint of `epoch`: *ret_n is 0 otherwise. Free *ret. Errors:
 * ERR_NOMEM. */
int roster_load(struct journal *j, uint64_t epoch, struct roster_item **ret,
                uint32_t *ret_n, struct err *err);

/* ---- recover.c ----------------------------------------------------------- */

/* Read the ring on top of the groups of checkpoint `c`: sets files, pins,
 * numbers and groups of `j`, cuts a torn tail. `lost` is true when one of the
 * two checkpoints was there but not readable.
 * Errors: ERR_CORRUPT, ERR_IO, ERR_NOSPACE, ERR_NOMEM. */
int recover_ring(struct journal *j, const struct checkpoint_facts *c, bool lost,
                 struct chunk_pool *pool, struct recovery *r, struct err *err);
/* True if any ring file holds the header of a frame, of whatever ring. */
int recover_any_frame(struct journal *j, bool *ret_any, struct err *err);

/* ---- recover_log.c: entries on their way from frames to tails ------------ */

/* Payloads are copied out of frames into shared chunks. */
struct loader {
    struct chunk_pool *pool;
    struct chunk *chunk;
    size_t used;
};
void loader_close(struct loader *l);
/* Entries of one group as they are found; may have holes until the end, which
 * COPY records fill. `limit` bounds a hole. Errors: ERR_NOMEM, ERR_RANGE. */
int rlog_apply(struct journal *j, struct jgroup *g, struct loader *l,
               const struct record *r, struct jfile *f, uint64_t limit);
/* Forget entries up to the group's base, or all. */
void rlog_trim(struct journal *j, struct jgroup *g, bool all);
/* Give the entries to a tail that stands at the group's base. False in
 * *ret_whole if there was a hole: what comes after it is left out. */
int rlog_take(struct jgroup *g, struct tail *t, bool *ret_whole);
void rlog_free(struct journal *j, struct jgroup *g);

#endif
