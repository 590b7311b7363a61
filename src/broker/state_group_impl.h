/* state_group_impl.h - the inside of a state group. Private to
 * src/broker/state_group.c and state_repair.c. */
#ifndef BROKER_STATE_GROUP_IMPL_H
#define BROKER_STATE_GROUP_IMPL_H

#include "broker/state_check.h"
#include "broker/state_group.h"
#include "trace/metric.h"

#define STATE_GROUP_PATH_MAX 4096
#define STATE_GROUP_NAME_MAX 64

/* What is done about a state that is damaged, or is not the others'
 * (state_repair.c). */
struct state_repair {
    struct state_check check;
    bool alone;    /* no other node has a copy */
    bool lacking;  /* no state: an image is being fetched */
    bool astray;   /* another state than the majority's: hand over, then lack */
    bool handing;  /* over the leadership */
    bool differed; /* said that states differ */
    bool disowned; /* what it said of its state before must not count */
    unsigned n_astray;     /* times in this run */
    uint64_t keep_ms;      /* astray: the state is kept until then */
    unsigned hand_to;      /* whose turn it is to be offered the leadership */
    uint64_t handed_ms;    /* when it was offered last, 0: never */
    uint64_t lack_ms;      /* lacking since then */
    bool missed;           /* said that it lacks its state for long */
    struct err why;        /* of what made the state go */
    struct env_timer tick; /* tells, or tries again */
    uint64_t told;         /* index that was told last */
    uint64_t split_ms;     /* since when no majority was seen, 0: it is */
    uint64_t asked_ms;
    uint64_t n_quarantined, n_differed; /* metrics */
    struct metric metrics[2];
};

struct state_group {
    struct env *env;
    struct mem *mem;
    struct replicas *replicas;
    struct leaders *leaders;
    const struct state_group_hooks *hooks;
    void *arg;
    uint64_t group;
    int32_t node;
    int32_t nodes[PEERS_MAX];
    unsigned n_nodes;
    struct recovered_group *recovered;
    struct replica *replica;
    struct machine *machine;
    struct metadata_serves *serves;
    uint64_t queued; /* index handed to the machine */
    struct buf bootstrap;
    char name[STATE_GROUP_NAME_MAX];
    char path[STATE_GROUP_PATH_MAX];
    state_group_open_cb open_cb;
    void (*close_cb)(void *arg);
    void *close_arg;
    bool closing;
    struct state_repair repair;
};

/* ---- state_group.c ------------------------------------------------------ */

/* The role, or what may be answered, has changed: tell the leadership table
 * and the owner. */
void state_group_role(struct state_group *g);

/* ---- state_repair.c ----------------------------------------------------- */

/* For a group of these nodes. Errors: ERR_NOMEM. */
int repair_init(struct state_group *g, const struct state_group_options *o);
void repair_close(struct state_group *g);
/* The replica is open (and takes part). */
void repair_begin(struct state_group *g);
/* There is no state here that the log goes on from: fetch one. */
void repair_lack(struct state_group *g, const char *why);
/* The machine found its database damaged. */
void repair_broken(void *arg, const struct err *err);
/* The role has changed: who must not lead hands over. */
void repair_role(struct state_group *g);
/* A damaged database was moved there when an image was installed. */
void repair_aside(struct state_group *g, const char *to);
/* An image was installed. */
void repair_installed(struct state_group *g);
/* A checkpoint was made: compare. */
void repair_compare(struct state_group *g);
/* What another replica's owner says. */
void repair_told(void *arg, int32_t node, struct slice message);
/* May this replica's state be answered from? */
bool repair_fit(const struct state_group *g);

#endif
