/* cluster.h - cores of several nodes, one group, in memory: a journal with
 * sequence numbers per node, a durable image, a network that the test empties
 * by hand or at random, and a checker that trusts durable images only.
 */
#ifndef TEST_RAFT_CLUSTER_H
#define TEST_RAFT_CLUSTER_H

#include "base/rand.h"
#include "raft/core.h"

#define CLUSTER_NODES_MAX 5

enum record_kind { RECORD_HARD, RECORD_APPEND, RECORD_BASE, RECORD_INSTALL };

struct record {
    uint64_t seq;
    enum record_kind kind;
    uint64_t term, vote;
    uint64_t first;
    struct entry *entries;
    unsigned n;
    struct log_point point;
    uint64_t config_index;
    struct group_config config;
};

/* What is on disk. */
struct image {
    uint64_t term, vote;
    struct log_point base;
    uint64_t config_index;
    struct group_config config;
    struct entry *entries; /* from base.index + 1 */
    unsigned n, cap;
};

struct packet {
    unsigned from, to; /* nodes, from 1 */
    enum message_kind kind;
    struct bytes frame;
    uint64_t gate;
    uint64_t at_ms; /* soak: when it arrives */
};

struct packets {
    struct packet *v;
    unsigned n, cap;
};

struct offer {
    bool held;
    struct log_point point;
    uint64_t config_index;
    struct group_config config;
};

struct node {
    unsigned id;
    bool up, repair;
    bool busy, installing; /* a base is being raised; by an install */
    struct tail tail;
    struct core *core;
    struct image disk;
    struct record *q;
    unsigned qn, qcap;
    struct packets gated;
    uint64_t seq, synced, hard_seq, stored, commit;
    uint64_t timeout_ms, sync_at_ms;
    enum group_role role;
    struct offer offer;
    struct core_effects last; /* of the last step; messages not */
};

struct cluster {
    struct mem *mem;
    struct chunk_pool *pool;
    struct node nodes[CLUSTER_NODES_MAX];
    unsigned n;
    struct packets net;
    uint64_t now_ms;
    struct core_options o;
    struct rand rand;
    uint64_t counter;
    /* Planted errors, to see that the checker sees. */
    bool bug_ungated, bug_early;
    /* The checker's books. */
    bool checking;
    struct {
        uint64_t term, chain, commit_term;
    } * committed;
    uint64_t committed_n, committed_cap;
    struct {
        uint64_t term;
        unsigned node;
    } leaders[4096];
    unsigned n_leaders;
    char verdict[200]; /* "" while all is well */
    uint64_t commits, elections, truncations, installs;
};

/* `voters` voters and `standbys`, log base at index `base` (term 1), all
 * running. Guards in `off` are switched off. */
void cluster_open(struct cluster *cl, unsigned voters, unsigned standbys,
                  uint64_t base, uint32_t off);
void cluster_close(struct cluster *cl);

struct node *cluster_node(struct cluster *cl, unsigned id);
uint64_t cluster_id(unsigned node);
struct core *cluster_core(struct cluster *cl, unsigned id);
/* Bring a node up from its image; crash it, the first `keep` records that were
 * not durable having reached the disk. */
int cluster_start(struct cluster *cl, unsigned id);
void cluster_crash(struct cluster *cl, unsigned id, unsigned keep);
/* Feed an event. Returns what the core said. */
int cluster_step(struct cluster *cl, unsigned id, struct core_event ev);
void cluster_timeout(struct cluster *cl, unsigned id);
/* Propose n batches as one submit. */
int cluster_propose(struct cluster *cl, unsigned id, unsigned n);
int cluster_change(struct cluster *cl, unsigned id, struct group_config next);
/* Everything written so far is durable at `id`. */
void cluster_sync(struct cluster *cl, unsigned id);
/* Raise the base to `index`; fetch what was offered. */
void cluster_compact(struct cluster *cl, unsigned id, uint64_t index);
void cluster_install(struct cluster *cl, unsigned id);

/* Hand one message in, bytes and all. */
void cluster_receive(struct cluster *cl, unsigned to, struct packet p);
/* As if `from` had sent it; `entries` go with an append. */
void cluster_inject(struct cluster *cl, unsigned from, unsigned to,
                    struct message m, struct entry *entries[]);
/* Index in the network of the first such message, or -1; take it out. */
int cluster_find(struct cluster *cl, unsigned from, unsigned to,
                 enum message_kind kind);
struct packet cluster_take(struct cluster *cl, int i);
/* Read a packet's (first) message. */
struct message cluster_read(struct cluster *cl, struct packet p);
/* Sync and deliver among the nodes of the mask (bit i: node i) until quiet. */
void cluster_pump(struct cluster *cl, unsigned mask);
/* Let node `id` win an election with the nodes of the mask. */
void cluster_elect(struct cluster *cl, unsigned id, unsigned mask);
void cluster_drop_all(struct cluster *cl);
/* A round of heartbeats: time passes, `id` times out, the mask is pumped. */
void cluster_beat(struct cluster *cl, unsigned id, unsigned mask,
                  unsigned rounds);

#endif
