/* machine_impl.h - the inside of a machine. Private to src/state.
 *
 * Everything asked of a machine is an op in one queue; one op at a time runs
 * as a job on the state thread, in order. Commands that gather while an op
 * runs join the apply op at the queue's end: that is the next transaction.
 * SQLite's log is synced on ENV_THREAD_WORK as it grows, and before a
 * checkpoint enters the queue; a close that comes meanwhile waits for it
 * (presync.c).
 *
 *   loop:          push op ... [job done] -> callback -> next op
 *   state thread:            run
 */
#ifndef STATE_MACHINE_IMPL_H
#define STATE_MACHINE_IMPL_H

#include "state/db.h"

#define MACHINE_PATH_MAX 4096
#define MACHINE_NAME_MAX 64

enum op_kind {
    OP_OPEN,
    OP_APPLY,
    OP_CHECKPOINT,
    OP_IMAGE,
    OP_INSTALL,
    OP_VOID,
    OP_READ,
    OP_CLOSE,
    OP_KINDS
};

struct op {
    struct queue queue; /* of machine.ops */
    struct machine *machine;
    enum op_kind kind;
    struct env_job job;

    /* apply: what is asked, */
    struct machine_command *commands;
    uint64_t *indexes;
    struct slice *results; /* filled on the loop, from `ends` */
    size_t *ends;          /* of each result in `out` */
    unsigned n, cap;
    uint64_t upto, upto_term;
    /* and what came of it */
    unsigned n_skipped; /* already in an installed image */
    struct buf out;
    struct buf changes; /* also of open and install */

    /* open, image, install */
    char path[MACHINE_PATH_MAX];
    uint64_t hash;
    struct slice bootstrap;
    bool unclean, keep_damaged;
    bool fresh;
    int status;
    struct err err;
    struct err aside; /* what was moved, and where to */
    bool broke;       /* the machine became void by this op */
    bool skipped;     /* it was void, or is not to become so */
    struct db_applied applied;
    uint64_t bytes;
    uint64_t installs; /* void: machine.installs when it was asked for */
    /* The last points passed, in order. */
    struct machine_point points[MACHINE_POINTS_MAX];
    unsigned n_points;

    machine_read_cb read;

    union {
        machine_open_cb open;
        machine_checkpoint_cb checkpoint;
        machine_image_cb image;
        machine_void_cb emptied;
        machine_read_done_cb read;
        void (*close)(void *arg);
    } cb;
    void *arg;
};

/* The syncs of SQLite's log that run beside the ops; one at a time. */
struct presync {
    struct env_job job;
    bool active;
    int status;
    uint64_t upto;         /* written to the log in the machine's life, as */
                           /* far as the last sync that began saw it, bytes */
    struct op *checkpoint; /* enters the queue behind this sync; or NULL */
    struct op *next;       /* a checkpoint behind a sync of its own; or NULL */
    struct op *last;       /* the close op behind all of them; or NULL */
};

struct machine {
    struct env *env;
    struct mem *mem;
    const struct machine_type *type;
    char path[MACHINE_PATH_MAX];
    char name[MACHINE_NAME_MAX];
    struct queue ops;
    bool busy; /* the first op runs */
    struct presync presync;
    bool closing;
    uint64_t queued;  /* `upto` of the last machine_apply() */
    uint64_t applied; /* told to the listener */
    /* Images installed. The loop counts, while no op runs. */
    uint64_t installs;
    machine_applied_cb listener;
    void *listener_arg;
    machine_broken_cb watcher;
    void *watcher_arg;
    struct machine_point points[MACHINE_POINTS_MAX];
    unsigned n_points;
    struct machine_point now; /* as of `applied`; index 0: not known */
    /* The state thread's, and the loop's to look at while no op runs: */
    struct machine_db *db;  /* NULL: void, and the file is not here */
    struct db_applied held; /* what `db` holds committed */
    bool broken;            /* void: `db`, if any, is damaged */
};

/* Run on the state thread. Each leaves its outcome in the op; what a machine
 * cannot survive ends the node. */
void op_open(struct op *o);
void op_apply(struct op *o);
void op_checkpoint(struct op *o);
void op_image(struct op *o);
void op_install(struct op *o);
void op_void(struct op *o);
void op_read(struct op *o);
void op_close(struct op *o);

/* On the loop: put an op into the queue. */
void op_push(struct op *o);
/* ... sync SQLite's log if it has grown enough; between two ops. */
void presync_step(struct machine *m);
/* ... the same whatever it has grown by, then op_push(). */
void presync_checkpoint(struct machine *m, struct op *o);
/* ... op_push() when no sync is under way any more, behind what waits. */
void presync_close(struct machine *m, struct op *o);

/* Open (or make) the database at machine.path into `db`, bring it to the
 * type's version and load what it holds into `o->changes`. */
int machine_load(struct machine *m, struct op *o);
/* The directory part of a path, "." if none. */
void path_parent(const char *path, char out[MACHINE_PATH_MAX]);
/* Did the database do all of it? Damage makes the machine void, if anybody
 * watches; all else ends the node. */
bool machine_must(struct op *o);
/* The same for damage that SQLite does not know of: `o->err` says what. */
void machine_break(struct op *o);

#endif
