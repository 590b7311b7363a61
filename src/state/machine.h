/* machine.h - a deterministic state machine on SQLite.
 *
 * Each replica of a state group applies the same commands in the same order to
 * a database of its own. The applied index is committed in the SQL transaction
 * of the change; many commands share a transaction. Apply runs on the state
 * thread and hands back change records, from which the loop keeps its read
 * image (state/image.h); a reply leaves when its change is in the image.
 *
 * SQLite runs on our own VFS (vfs.c) over blocking files: WAL,
 * synchronous=NORMAL, auto-checkpoint off, mmap off. NORMAL is right because
 * (DESIGN section 8) a state group's log base is raised only to the applied
 * index read back after a completed checkpoint, and a replica applies only up
 * to min(commit, its own stored index).
 *
 * Determinism: a command carries the leader's time and everything random; the
 * step reads only the database and the command. A hash over all rows is kept
 * in the same transaction and compared with a full scan at snapshots.
 *
 * An SQLITE_IOERR or _FULL at run time ends the node. Damage (SQLITE_CORRUPT,
 * rows without the hash that was kept) makes the machine *void* where somebody
 * watches for it (machine_watch()), else it ends the node too. A void machine
 * holds nothing, applies nothing and gives no image, until machine_install().
 *
 * So that replicas can compare: the state hash is noted at every index that is
 * a multiple of MACHINE_POINT_EVERY, on all replicas alike (machine_points()).
 * Each checkpoint reads some rows again (db.h, verify): what a disk changed by
 * itself is found within a bounded number of checkpoints.
 *
 * Thread: calls from the loop; callbacks on the loop; work on
 * ENV_THREAD_STATE, but for most syncs of its log (ENV_THREAD_WORK).
 */
#ifndef STATE_MACHINE_H
#define STATE_MACHINE_H

#include "base/buf.h"
#include "base/chunk.h"
#include "env/env.h"

/* What a database made from the bootstrap holds: the snapshot that every
 * group starts from (DESIGN section 5). */
#define MACHINE_BOOTSTRAP_INDEX 2
#define MACHINE_BOOTSTRAP_TERM  1

struct machine;
struct machine_db; /* what a type's step sees: the database, for machines */

/* One committed command. */
struct machine_command {
    uint64_t index;
    uint64_t term;
    int64_t time_ms;      /* the leader's, as in its entry */
    struct bytes payload; /* shares */
};

/* A kind of machine: @meta now, @groups later. Constant. */
struct machine_type {
    const char *name; /* "meta" */
    unsigned version; /* of the schema; older files are migrated */
    /* Create or migrate the tables (`from` 0: empty database). `bootstrap`
     * is what machine_open() was given. Errors end the opening. */
    int (*migrate)(struct machine_db *db, unsigned from,
                   struct slice bootstrap);
    /* Decide one command: read, write, append its result for who waits (may
     * be nothing) to `result`, and typed change records to `changes`. A
     * command that is malformed or of an unknown version gives an error
     * result, never a failure; non-zero means the database failed. */
    int (*apply)(struct machine_db *db, const struct machine_command *c,
                 struct buf *result, struct buf *changes);
    /* Write the whole state as change records, for a fresh image. */
    int (*load)(struct machine_db *db, struct buf *changes);
    /* The CREATE statements of `version`, each with its `;`, as they are
     * executed: a file that says otherwise is damaged. */
    const char *schema;
    /* Tables, in order, that the state hash covers; ends with NULL. */
    const char *const *tables;
};

struct machine_options {
    const struct machine_type *type;
    const char *path;       /* of the database file */
    const char *name;       /* "@meta", for errors */
    struct slice bootstrap; /* content for a fresh database; borrowed until
                               the callback */
    bool unclean;           /* drop cached pages, check the file first */
    /* A damaged file stays where it is, and ends the opening: there is no
     * other copy. Else it goes to quarantine/, and a fresh one is made. */
    bool keep_damaged;
};

/* What opening found. */
struct machine_opened {
    uint64_t applied_index, applied_term;
    bool fresh;           /* the database was made now */
    const char *aside;    /* a damaged one was moved; says what and where
                             (of an install: where); NULL: none was */
    struct slice changes; /* the whole state (type->load); valid during the
                             callback */
};
/* status: 0, ERR_CORRUPT (integrity_check or the state hash failed, and
 * `keep_damaged`), ERR_VERSION (newer
 * than we know), ERR_INVALID (another type's file, or a bad bootstrap),
 * ERR_IO, ERR_NOSPACE, ERR_NOMEM. `err` names the file. `m` is NULL unless it
 * is open. */
typedef void (*machine_open_cb)(void *arg, int status, struct machine *m,
                                const struct machine_opened *o,
                                const struct err *err);
int machine_open(struct env *e, const struct machine_options *o,
                 machine_open_cb cb, void *arg);
/* After what is queued; `cb` may be NULL. */
void machine_close(struct machine *m, void (*cb)(void *arg), void *arg);

/* After a batch was applied and committed: results[i] belongs to command i;
 * `changes` are the records of all; both valid during the call. */
typedef void (*machine_applied_cb)(void *arg, uint64_t index, uint64_t term,
                                   const uint64_t indexes[],
                                   const struct slice results[], unsigned n,
                                   struct slice changes);
/* Who is told, for the machine's life. */
void machine_listen(struct machine *m, machine_applied_cb cb, void *arg);
/* Queue committed commands, in order of index, each once (asserted); gaps are
 * fine (entries that are no commands): `upto`, `upto_term` say how far the
 * log is consumed. Shares the payloads. Batches that wait are applied in one
 * transaction. Errors: ERR_NOMEM. */
int machine_apply(struct machine *m, const struct machine_command c[],
                  unsigned n, uint64_t upto, uint64_t upto_term);
/* Applied and visible in what machine_listen() was told. */
uint64_t machine_applied(const struct machine *m);

/* The database was found damaged, once; the machine is void from now on, the
 * file still where it was. `err` is borrowed. */
typedef void (*machine_broken_cb)(void *arg, const struct err *err);
/* Who is told, for the machine's life, instead of the node's end. */
void machine_watch(struct machine *m, machine_broken_cb cb, void *arg);
/* Behind what is queued: close the database and move it to quarantine/ beside
 * it (one that holds no more than the bootstrap stays); the machine is void.
 * If an image is installed before its turn comes, nothing is done: what was
 * found wrong is gone. `cb` gets where the database is now, "" if nowhere; may
 * be NULL. A failure to move it ends the node. Errors: ERR_NOMEM. */
typedef void (*machine_void_cb)(void *arg, const char *to);
int machine_void(struct machine *m, machine_void_cb cb, void *arg);

/* The state hash as of an index: of all commands up to it. */
struct machine_point {
    uint64_t index, hash;
};
#define MACHINE_POINT_EVERY 64
#define MACHINE_POINTS_MAX  64
/* The newest points that were applied here since the start, or the last
 * install, in order; the last one is as of machine_applied(), whatever that
 * is. Returns how many; 0: none is known, or void. */
unsigned machine_points(const struct machine *m,
                        struct machine_point out[MACHINE_POINTS_MAX + 1]);

/* Make the applied state durable (wal_checkpoint, synced): `index`, `term`,
 * `hash` are read back afterwards. Void: all 0. Commands that are handed over
 * after it may be in it: SQLite's log is synced once while they go on. */
typedef void (*machine_checkpoint_cb)(void *arg, uint64_t index, uint64_t term,
                                      uint64_t hash);
int machine_checkpoint(struct machine *m, machine_checkpoint_cb cb, void *arg);
/* Write a consistent image of the state to `path` (VACUUM INTO or backup),
 * synced; `index`/`term` is what it holds, `hash` its state hash checked by a
 * full scan, `bytes` its size. status: 0, ERR_CORRUPT (void), or of the file
 * system. */
typedef void (*machine_image_cb)(void *arg, int status, uint64_t index,
                                 uint64_t term, uint64_t hash, uint64_t bytes);
int machine_image(struct machine *m, const char *path, machine_image_cb cb,
                  void *arg);
/* Read what is committed, after what is queued: `read` runs on the state
 * thread, which applies nothing meanwhile, and only queries; then `done`, with
 * what the state was. status ERR_NOTREADY: the machine is void, nothing was
 * read; ERR_CORRUPT: it became so. */
typedef void (*machine_read_cb)(struct machine_db *db, void *arg);
typedef void (*machine_read_done_cb)(void *arg, int status, uint64_t index,
                                     uint64_t term);
int machine_read(struct machine *m, machine_read_cb read,
                 machine_read_done_cb done, void *arg);
/* Replace the whole state by an image that was fetched and checked against
 * `hash` (full scan); then as freshly opened. status ERR_CORRUPT: the old
 * state stays. */
int machine_install(struct machine *m, const char *path, uint64_t hash,
                    machine_open_cb cb, void *arg);

#endif
