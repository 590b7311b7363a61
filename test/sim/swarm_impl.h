/* swarm_impl.h - what the parts of a swarm share: swarm.c (its life),
 * swarm_draw.c, swarm_faults.c, swarm_apart.c, swarm_scarce.c and
 * swarm_admin.c. */
#ifndef SIM_SWARM_IMPL_H
#define SIM_SWARM_IMPL_H

#include "groups.h"
#include "swarm.h"
#include "terms.h"

#define SECOND   UINT64_C(1000000)
#define MS       UINT64_C(1000)
#define SETTINGS 24
#define TEXT_MAX 24
#define NO_TIME  UINT64_MAX

enum fault {
    FAULT_KILL,     /* one node, any crash mode */
    FAULT_BLACKOUT, /* all nodes */
    FAULT_STOP,     /* in order */
    FAULT_PAUSE,
    FAULT_LINK,   /* one direction between two nodes */
    FAULT_ISLAND, /* one node, often a leader, from all others */
    FAULT_IO,     /* an I/O error, of which a node dies */
    FAULT_HOLD,   /* flushes take long */
    FAULT_CLIENT, /* the link between clients and a node */
    FAULT_FULL,   /* a disk is full for a while */
    FAULT_SLOW,   /* a node's disk and links are slow for a while */
    FAULT_WALL,   /* a wall clock jumps */
    FAULT_POINT,  /* the power goes at some I/O call to come */
    FAULT_DAMAGE, /* a disk does not keep what it was given */
    FAULT_WIPE,   /* a disk is replaced by an empty one, once */
    FAULTS,       /* of which a seed draws kinds; then those with their own */
    FAULT_DECISION = FAULTS, /* a state machine decides what no other does */
    FAULT_STATE,             /* a database changes at rest */
    FAULT_STALL,             /* one durable write takes long */
    FAULT_STARVE,            /* an allocation for a copy fails */
    FAULT_SCARCE,            /* any allocation of a node fails, or all do */
    FAULT_SQLITE,            /* one of SQLite's */
    FAULT_KINDS
};
_Static_assert(FAULT_KINDS == COVERAGE_FAULTS, "each kind is counted");

/* What few seeds have, drawn apart (swarm_apart.c): bits. */
enum apart {
    APART_CACHE = 1,  /* who is killed leaves what was not durable so */
    APART_STALL = 2,  /* one durable write takes long, those behind do not */
    APART_TWICE = 4,  /* clients send batches twice at once */
    APART_STARVE = 8, /* an allocation fails */
};

struct seat {
    uint64_t start_us, resume_us, release_us; /* NO_TIME: nothing to do */
    uint64_t io_us;                           /* an error was planted until */
    bool io;                                  /* it may die of one */
    uint64_t full_us, slow_us;                /* until */
    uint64_t kill_us; /* a write takes long: behind it the node is killed */
    bool cached;      /* it was killed: its disk has more than is durable */
    bool starved;     /* an allocation failed: it may die of that */
    bool full;        /* its disk was full: it may die of that */
    bool damaged;     /* it may end because of that, and stays down then */
    bool wiped;       /* it may not serve again */
    bool gone;        /* ended because of that */
    char died[300];
};

struct swarm {
    const struct swarm_options *o;
    struct rand rand;
    struct sim *sim;
    struct sim_cluster *cluster;
    struct world world;
    struct terms terms;
    unsigned n, n_faults, n_deaths;
    unsigned kinds; /* bit per fault */
    struct seat seats[SIM_NODES_MAX + 1];
    /* The fault budget: the disk of at most one node of three or more is
     * damaged or replaced, and no partition has its only replica there. */
    unsigned rotten; /* 0: none */
    bool beyond;     /* any disk may be: no promise but the truth */
    bool formed;     /* all served at some time */
    unsigned n_damaged, n_wiped, n_damage_seen, n_power;
    /* The databases of one node, the rotten one if there is one, go wrong.
     * Drawn apart: other seeds stay what they were. */
    unsigned shaky; /* 0: none */
    struct rand state_rand;
    uint64_t next_state_us;
    unsigned n_decisions, n_state_damages;
    unsigned apart; /* bits */
    struct rand apart_rand;
    uint64_t next_stall_us, next_starve_us;
    /* Memory is scarce: whose it was last (0: nobody's), and how often. */
    struct rand scarce_rand;
    uint64_t next_scarce_us;
    unsigned scarce_node, scarce_gap_ms;
    uint64_t link_us[SIM_NODES_MAX + 2][SIM_NODES_MAX + 2]; /* up again at */
    uint64_t load_us, gap_us, next_fault_us, next_admin_us;
    unsigned n_churn, churn_partitions;
    struct sim_setting settings[SETTINGS];
    char values[SETTINGS][TEXT_MAX];
    unsigned n_settings;
    struct group_plan groups;
};

/* The next random number of the seed, below `n`. */
static inline uint64_t below(struct swarm *s, uint64_t n)
{
    return rand_below(&s->rand, n);
}

/* The same, from `lo` to `hi`, both included. */
static inline uint64_t between(struct swarm *s, uint64_t lo, uint64_t hi)
{
    return lo + below(s, hi - lo + 1);
}

/* Virtual time, in microseconds. */
static inline uint64_t now(const struct swarm *s)
{
    return sim_now_us(s->sim);
}

/* Shows what is done to the swarm, if its trace is shown. */
void swarm_say(const struct swarm *s, const char *what, unsigned a, unsigned b);

/* ---- what is drawn (swarm_draw.c) ---------------------------------------- */

/* Draws all that a seed says before its time begins, makes the cluster, and
 * starts its clients. Caller frees sim, world, cluster and terms. */
void swarm_draw(struct swarm *s);

/* ---- faults (swarm_faults.c) --------------------------------------------- */

/* The node at end `i` of a link: 1 to n, and n + 1 is the clients'. */
unsigned swarm_link_node(const struct swarm *s, unsigned i);
/* One more fault of that kind has been brought about. */
void swarm_count(struct swarm *s, enum fault kind);
/* Does the node have a process? */
bool swarm_runs(struct swarm *s, unsigned id);
/* Draws when a node that is down is started again, and whether an I/O error
 * that is planted there goes. */
void swarm_restart_later(struct swarm *s, unsigned id);
/* The next fault, if it is time for it. */
void swarm_maybe_strike(struct swarm *s);
/* The next fault of a database, if it is time for it. */
void swarm_strike_state(struct swarm *s);

/* How a node is killed whose process ends, but not the power. */
enum sim_crash swarm_kill_mode(const struct swarm *s);

/* ---- drawn apart (swarm_apart.c) ----------------------------------------- */

/* Others: seeds without them stay what they were. */
void swarm_draw_apart(struct swarm *s);
/* The next of them, if it is time for it. */
void swarm_strike_apart(struct swarm *s);

/* ---- memory (swarm_scarce.c) --------------------------------------------- */

void swarm_draw_scarce(struct swarm *s);
/* The next allocation that fails, if it is time for it. */
void swarm_strike_scarce(struct swarm *s);
/* From now on there is enough. */
void swarm_end_scarce(struct swarm *s);

/* ---- admin (swarm_admin.c) ----------------------------------------------- */

/* A topic is created, deleted, grown or configured, or loses records. */
void swarm_churn(struct swarm *s);

#endif
