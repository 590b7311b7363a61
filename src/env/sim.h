/* sim.h - worlds made of memory: several nodes in one thread of one process,
 * under a virtual clock, with disks that can lose what was not flushed and
 * links that can break. Everything is drawn from one seed; a seed replays.
 *
 * A disk holds, per file, a durable and a volatile image in 512-byte sectors.
 * Writes go to the volatile one; a sync (or a write with dsync) makes them
 * durable. Names (create, rename, unlink) become durable when the directory is
 * synced. A crash keeps of the unsynced sectors none, a prefix, a random
 * subset or all, and undoes metadata operations up to a random point unless
 * synced (reliability.md 5.3).
 *
 * Used by tests only; built into libostraka_env all the same.
 */
#ifndef ENV_SIM_H
#define ENV_SIM_H

#include "env/env.h"

struct sim; /* a world */
struct sim_disk;

enum sim_crash {
    SIM_CRASH_NONE,   /* unsynced sectors vanish */
    SIM_CRASH_PREFIX, /* a prefix in order of writing survives */
    SIM_CRASH_RANDOM, /* a random subset survives */
    SIM_CRASH_ALL,    /* everything survives, the next power cut too */
    SIM_CRASH_KILL    /* kill -9: everything is there, and what was not durable
                         still is not: the next power cut decides */
};

/* Rates are per 10,000 operations; 0 everywhere is a quiet world. */
struct sim_options {
    uint64_t seed;
    uint64_t disk_min_us, disk_max_us; /* time of one write, read or sync */
    uint64_t net_min_us, net_max_us;   /* delay of one delivery */
    unsigned net_split_rate;           /* deliver in pieces */
    unsigned disk_read_error_rate, disk_write_error_rate, disk_sync_error_rate;
    unsigned bit_flip_rate;  /* reads see a flipped bit */
    uint64_t disk_bytes_max; /* then ERR_NOSPACE; 0: no limit */
    enum trace_level trace_level;
    bool trace_stderr; /* show trace lines */
    /* Hears each line of a node at or above the level; may be NULL. */
    void (*trace_cb)(void *arg, unsigned node, struct slice line);
    void *trace_arg;
    uint64_t shake; /* the memory of all (mem_shake()); 0: not */
};

/* An empty world at time 0; NULL without memory. Copies the options. Freeing
 * it frees all nodes and disks; NULL is fine. */
struct sim *sim_new(const struct sim_options *o);
void sim_free(struct sim *s);

/* A disk that outlives crashes of the node using it. Ids from 1. */
struct sim_disk *sim_disk_new(struct sim *s, unsigned id);
/* Lose power: choose what survives; afterwards the volatile image is the
 * durable one (not with SIM_CRASH_KILL). sim_node_crash() calls it. */
void sim_disk_cut(struct sim_disk *d, enum sim_crash how);
/* From now on writes beyond so many bytes of all files fail (ERR_NOSPACE); 0:
 * as the world's options say. */
void sim_disk_limit(struct sim_disk *d, uint64_t bytes_max);
uint64_t sim_disk_bytes(const struct sim_disk *d);
/* True while a write is under way, be it one of a process that has ended. */
bool sim_disk_writing(const struct sim_disk *d);
/* Bytes that were read from it since it was made. */
uint64_t sim_disk_read_bytes(const struct sim_disk *d);
/* Everything is gone: another, empty disk. Its node must be down. */
void sim_disk_wipe(struct sim_disk *d);

/* Damage of what was flushed long ago. The newest synchronous writes are left
 * alone: what follows them is not there to betray the loss of the last one, as
 * with a disk that does not honour a flush (which is not promised). */
enum sim_damage {
    SIM_DAMAGE_FLIP,     /* some bits of one sector */
    SIM_DAMAGE_STALE,    /* a write never arrived: what was there before is */
    SIM_DAMAGE_MISDIRECT /* ... and it went to another place of the file */
};
/* Note what writes replace, for the last two kinds. */
void sim_disk_remember(struct sim_disk *d);
/* Damage one file whose path has `part` in it. False if nothing fits; `text`
 * says what was done. */
bool sim_disk_damage(struct sim_disk *d, enum sim_damage kind, const char *part,
                     char *text, size_t text_size);

/* An independent copy of the durable image, to recover twice or to judge. */
struct sim_disk *sim_disk_copy(struct sim_disk *d);

/* Bring a node to life: `start` runs on a fresh env whose files are on `disk`
 * and whose host name is `host`; it must return (it may leave timers and
 * streams behind). Returns 0, or ERR_CLOSED if the node died inside. */
typedef void (*sim_start_cb)(struct env *e, void *arg);
int sim_node_start(struct sim *s, unsigned id, const char *host,
                   struct sim_disk *disk, sim_start_cb start, void *arg,
                   struct env **ret_e);
/* Kill a node now: its memory is freed whole, its connections break (others
 * see ERR_EOF or ERR_IO, or silence until the node is back, drawn; never
 * silence when only the process ends), its disk is cut. Of a node that is dead
 * already the disk is cut. May be called by the node's own code: does not
 * return then.
 */
void sim_node_crash(struct sim *s, unsigned id, enum sim_crash how);
/* The process neither runs nor answers until resumed; its kernel accepts and
 * receives what its buffers hold, and its disk finishes what was asked for. */
void sim_node_pause(struct sim *s, unsigned id);
void sim_node_resume(struct sim *s, unsigned id);
/* NULL if it is not alive. */
struct env *sim_node_env(struct sim *s, unsigned id);
/* Why it died, "" if it did not by itself. */
const char *sim_node_death(struct sim *s, unsigned id);
/* The exit code it died with, 0 if it would have aborted. */
int sim_node_exit_code(struct sim *s, unsigned id);

/* Run one function as the node (assertions and env_die caught). Returns 0 or
 * ERR_CLOSED if the node died. */
int sim_node_call(struct sim *s, unsigned id, void (*fn)(void *), void *arg);

/* Its wall clock is off by so much; its monotonic clock, timers included, is so
 * many millionths fast (slow below 0), from its next start on. Before its first
 * start too. */
void sim_node_wall(struct sim *s, unsigned id, int64_t offset_ms);
void sim_node_rate(struct sim *s, unsigned id, int millionths);
/* Each I/O, job and delivery to or from it takes so much longer. */
void sim_node_slow(struct sim *s, unsigned id, uint64_t disk_us,
                   uint64_t net_us);

/* Its next durable write takes so much longer; those behind it do not. */
void sim_node_stall(struct sim *s, unsigned id, uint64_t disk_us);

/* Let the directed link from one node to another hold back, or pass,
 * everything. As with TCP nothing is lost: it moves on when the link is up
 * again, or the sender gives up after 30 s and its end breaks. */
void sim_link_set(struct sim *s, unsigned from, unsigned to, bool up);

/* Test aids: the n-th I/O call (write, read, sync, open, metadata; 1: the next)
 * of a node from now fails with `code`; for_ever: every later one too. Stays
 * in force when the node dies and is started again, and may be planted before
 * it is first started; n = 0 switches it off. A failed sync loses what it was
 * to make durable: it counts as clean and is not (reliability.md 2.1). */
void sim_io_fail_at(struct sim *s, unsigned id, uint64_t n, bool for_ever,
                    int code);
bool sim_io_fail_fired(struct sim *s, unsigned id);
/* The power goes at the n-th I/O call from now (counted as above; n = 0: not at
 * all), wherever the node is, inside a library too: nothing of the disk changes
 * from there on, and the node ends with this event. sim_node_death() says
 * SIM_POWER_TEXT. */
#define SIM_POWER_TEXT "power cut at an I/O call"
void sim_crash_at(struct sim *s, unsigned id, uint64_t n, enum sim_crash how);

/* Run events until virtual time `until_us` (absolute, the world begins at 0),
 * or until `*flag` (may be NULL). With no event left before it the clock jumps
 * to `until_us`, unless that is UINT64_MAX: then the last event's time stays.
 */
void sim_run_until(struct sim *s, uint64_t until_us, const bool *flag);
/* Run one event; false when none is left. */
bool sim_run_one(struct sim *s);
uint64_t sim_now_us(const struct sim *s);
/* A hash over everything that happened: equal for equal seeds. */
uint64_t sim_trace_hash(const struct sim *s);
/* The world's own generator, for drivers. */
uint64_t sim_rand_below(struct sim *s, uint64_t n);

#endif
