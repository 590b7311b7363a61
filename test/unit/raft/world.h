/* world.h - three nodes of a simulated world with one group, the real journal
 * and the real peers; what was committed anywhere is known by entry index and
 * compared with what every replica applies. */
#ifndef TEST_RAFT_WORLD_H
#define TEST_RAFT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "env/sim.h"
#include "raft/group.h"

#define NODES    3
#define PORT     9700
#define POOL     ((size_t)64 << 20)
#define GROUP    UINT64_C(5)
#define VALUES   20000
#define ELECTION 400

struct node {
    struct world *w;
    unsigned id;
    bool up;
    struct env *env;
    struct chunk_pool *pool;
    struct journal *journal;
    struct recovery *recovery;
    struct peers *peers;
    struct consensus *consensus;
    struct group *g;
    uint64_t open_seq;
    uint64_t applied; /* index */
    unsigned n_truncated, n_roles, n_needs;
    bool told_ready; /* by the role hook */
    bool offered;
    uint64_t install_index; /* of the manifest offered */
    uint8_t offer[512];
    size_t offer_len;
};

/* What the world knows: what was committed, by entry index. */
struct world {
    struct sim *sim;
    struct sim_disk *disks[NODES + 1];
    struct node nodes[NODES + 1];
    uint64_t values[VALUES]; /* 0: not a command, or not committed yet */
    uint64_t terms[VALUES];
    uint64_t last; /* highest committed index seen anywhere */
    uint64_t counter;
    unsigned acked, refused;
    bool alone;        /* the first node is the group's only member */
    bool damage;       /* nodes that start find their group damaged */
    bool tell;         /* group_start.tell of nodes that start */
    uint32_t quiet_ms; /* of nodes that start */
};

/* A quiet world whose nodes are starting. */
struct world *world_new(uint64_t seed);
/* As world_new(), with a group that is quiet when nothing happens. */
struct world *world_new_quiet(uint64_t seed, uint32_t quiet_ms);
/* As world_new(), in a world that is as told. */
struct world *world_new_with(struct sim_options o);
/* As world_new(), of a group with one member. */
struct world *world_new_alone(uint64_t seed);
void world_free(struct world *w);

/* Bring a node up from its disk; let it lose its power. */
void start(struct world *w, unsigned id);
void crash(struct world *w, unsigned id, enum sim_crash how);
/* Cut a node off, or connect it again: packets vanish. */
void isolate(struct world *w, unsigned id, bool up);
/* Let time pass; no node may die of itself. */
void run_ms(struct world *w, uint64_t ms);

/* The ready leader of the highest term, or NULL. */
struct node *leader(struct world *w);
/* Somebody leads, not `not`, within the time. */
struct node *wait_leader(struct world *w, const struct node * not, uint64_t ms);
/* Propose one command of `len` bytes. */
int propose(struct node *n, size_t len);
/* Propose n commands, one after the other, at whoever leads. */
void propose_many(struct world *w, unsigned n);
/* Raise a node's base to `index`; or say why not. */
int try_compact(struct node *n, uint64_t index);
void compact(struct node *n, uint64_t index);
/* Install what was offered. Returns what group_installed() says. */
int install(struct node *n);
/* All nodes come to hold, and apply, the same committed log. */
void check_same(struct world *w);

#endif
