/* consensus.h - what the files behind group.h share. Private to the room. */
#ifndef RAFT_CONSENSUS_H
#define RAFT_CONSENSUS_H

#include "base/arena.h"
#include "base/assert.h"
#include "base/map.h"
#include "raft/core.h"

#define CONSENSUS_METRICS 9

/* The way to one peer: small messages of a turn gather in a pack. */
struct route {
    int32_t node;
    bool suspect;
    struct buf pack;     /* records of PEER_RAFT */
    uint64_t pack_group; /* of the record before */
    struct buf ask, yes; /* records of PEER_BARRIER */
    uint64_t ask_group, yes_group, yes_round;
    uint64_t drains; /* how often its queue was seen empty, from 1 */
};

struct consensus {
    struct env *env;
    struct mem *mem;
    struct consensus_options o;
    struct map *groups;
    struct heap timers;
    struct env_timer timer;
    struct env_turn turn;
    struct queue proposing; /* groups with queued proposals */
    struct queue dirty;     /* groups with something not durable */
    struct queue asking;    /* groups with barriers to ask for */
    struct queue telling;   /* groups whose commit index nobody was told */
    struct queue dead;      /* closed groups, freed at the end of the turn */
    struct route routes[PEERS_MAX];
    unsigned n_routes;
    struct arena arena;
    uint64_t durable;
    uint64_t round;        /* of read barriers */
    uint64_t timer_ms;     /* when the timer was to run */
    uint64_t press_ms;     /* not before: see consensus_press() */
    uint64_t watch_ms;     /* when to look for silent nodes next */
    struct env_timer beat; /* nodes hear of each other (quiet.c) */
    uint64_t beat_ms;      /* when it is to run */
    uint64_t n_quiet;      /* groups */
    uint64_t n_woken;
    uint64_t uncommitted_bytes;
    uint64_t queued_bytes; /* of all groups, for the end of this turn */
    uint64_t n_unknown, n_malformed, n_alarms, n_dropped, n_stripped;
    uint64_t n_full; /* proposals refused for want of room */
    struct metric metrics[CONSENSUS_METRICS];
};

/* A base on its way into the journal. */
struct base_change {
    bool active, install;
    uint64_t seq;
    struct log_point point;
    uint64_t config_index;
    struct group_config config;
    struct slice manifest; /* owned */
};

struct transfer {
    bool active;
    uint64_t to; /* 0: anybody */
    uint64_t deadline_ms;
    group_transfer_cb cb;
    void *arg;
};

/* Per member, as this group hears of it. */
struct group_peer {
    uint64_t id;
    uint64_t heard_ms;  /* last result */
    uint64_t confirmed; /* highest barrier round */
    uint64_t ordered;   /* link's drains when an ordered message left */
};

struct group {
    struct consensus *c;
    uint64_t id, self;
    struct tail tail;
    struct core *core;
    const struct group_hooks *hooks;
    void *arg;
    bool closed;

    struct heap_node timer;
    struct queue proposing, dirty, asking, telling; /* in c's lists */
    uint64_t timeout_ms;                            /* the core's */
    uint64_t jump_ms;                               /* 0: none */
    unsigned stands; /* further attempts of group_start.stand_ms */
    uint64_t need_ms, need_index, copied;

    struct queue queued, pending; /* proposals: not yet, and in the log */
    uint64_t led_term, fate_ms;   /* last led; pending ones wait till (0: no) */
    unsigned n_queued;
    uint64_t queued_bytes;
    int64_t queued_offset; /* after the last queued one */

    struct queue gated; /* messages behind the HARD record */
    unsigned n_gated;
    uint64_t hard_seq;
    uint64_t stored, commit, told; /* told: min(stored, commit) as hooked */
    uint64_t committed_bytes;      /* payloads in (base, commit] */
    uint64_t uncommitted_bytes;
    bool was_leader;
    bool untold; /* hooks wait for the turn after group_open() */
    bool repair; /* the journal does not know yet that it ended */

    struct base_change change;
    struct slice manifest; /* owned: what installs offer */
    struct queue barriers;
    uint64_t reask_ms, barrier_ms; /* ask again; look again (0: no) */
    bool may_quiet, sparse;
    uint64_t active_ms;      /* when something last happened */
    uint64_t quiet_ms;       /* its clock stands since then (0: it runs) */
    uint64_t quiet_until_ms; /* leader: say it again; follower: believe it */
    struct transfer transfer;
    struct group_peer peers[GROUP_MEMBERS_MAX];
    unsigned n_peers;
};

/* ---- group.c, group_step.c, group_base.c -------------------------------- */

/* Feed an event, carry out its effects. Returns the core's refusals; dies of
 * everything else. A hook that it calls may close the group: look at
 * g->closed before going on. */
int group_step(struct group *g, struct core_event ev);
int group_step_effects(struct group *g, struct core_event ev,
                       struct core_effects *fx);
/* Carry out the effects of the first step. */
void group_carry(struct group *g, const struct core_effects *fx);
/* Complete all proposals with a status; those that are not in the log yet. */
void group_fail_proposals(struct group *g, int status);
void group_fail_queued(struct group *g, int status);
/* The queued proposals count no longer. */
void group_queue_empty(struct group *g);
/* Does the ring have room for what becoming a leader takes? If not it is
 * pressed for it. */
bool group_can_lead(const struct group *g);
/* Bytes of payloads in (from, to]. */
uint64_t group_payload_bytes(const struct group *g, uint64_t from, uint64_t to);
/* A message for the group arrived. Borrows it. */
void group_receive(struct group *g, const struct message *m);
/* The ring has no room for entries: let it ask its groups again, now and then.
 * (The first asking may have come before they were opened.) */
void consensus_press(struct consensus *c);

/* condense.c */
/* Move the payloads of entries that are new here into a chunk of their own, if
 * they are the smaller part of the message, or, in a sparse group, of the chunk
 * that they came in. The caller releases what is
 * returned, NULL or the chunk, when the message was taken. */
struct chunk *condense(struct group *g, struct message *m);
/* Its time has come. */
void group_tick(struct group *g, uint64_t now_ms);
/* Put it where its next deadline belongs. */
void group_arm(struct group *g);
/* The journal is durable up to `seq`. */
void group_durable(struct group *g, uint64_t seq);
/* Turn queued proposals into one append. */
void group_submit(struct group *g);
/* The node of the leader is thought dead. */
void group_suspect(struct group *g, int32_t node, uint64_t now_ms);
/* Raise the base, or have entries up to `index` copied in a while. */
void group_need(struct group *g, uint64_t index);
void group_copy(struct group *g);
/* The record of g->change is durable. */
void group_base_durable(struct group *g);
void group_discard(struct group *g);
struct group_peer *group_peer_find(struct group *g, uint64_t id);

/* ---- consensus.c -------------------------------------------------------- */

/* Before anything else happens to a core: if we did not run for longer than an
 * election timeout, that time does not count. Messages that waited for us may
 * be seen before any timer. */
void consensus_look(struct consensus *c);
/* Look which nodes are silent. */
void consensus_watch(struct consensus *c, uint64_t now_ms);

/* ---- quiet.c ------------------------------------------------------------ */

void quiet_open(struct consensus *c);
void quiet_close(struct consensus *c);
/* The leader's heartbeat is due. True: the group stops its clock instead. */
bool quiet_try(struct group *g, uint64_t now_ms);
/* MESSAGE_QUIET arrived: stop the clock, or begin to run if it looks
 * otherwise from here. */
void quiet_receive(struct group *g, const struct message *m);
/* Of a quiet group: say it again, or believe it no longer. */
void quiet_tick(struct group *g, uint64_t now_ms);
/* Let the core know how long its time stood; it stands on. */
void quiet_account(struct group *g);
/* Let the clock run again if it stood; nobody is called silent for it. */
void group_wake(struct group *g);
/* The same for all groups with a member on that node. */
void quiet_wake_node(struct consensus *c, int32_t node);
/* It is not counted as quiet any more. */
void quiet_end(struct group *g);

/* ---- gate.c ------------------------------------------------------------ */

/* Send a message of the core: at once, or when the group's last HARD record is
 * durable, always in order. Cuts appends at message_bytes_max. */
void gate_send(struct group *g, const struct message *m);
/* Let go what waited for records up to `seq`. */
void gate_release(struct group *g, uint64_t seq);
void gate_close(struct group *g);

/* ---- route.c ------------------------------------------------------------ */

/* The route to a node; NULL beyond PEERS_MAX. */
struct route *route_find(struct consensus *c, int32_t node);
/* Put a message on its way. Borrows the entries. */
void route_send(struct group *g, const struct message *m,
                struct entry *const entries[]);
/* Hand the packs of the turn to the peers. */
void routes_flush(struct consensus *c);
/* An empty frame to every node that is up, so that it hears of us. */
void routes_beat(struct consensus *c);
void routes_close(struct consensus *c);

/* ---- barrier.c --------------------------------------------------------- */

/* PEER_BARRIER. */
void barrier_receive(void *arg, int32_t node, struct bytes message);
/* End of a turn: ask for the groups in c->asking. */
void barriers_ask(struct consensus *c);
void barriers_flush(struct consensus *c);
/* Deadlines and repeated questions of a group; when to look again (0: no). */
uint64_t barriers_tick(struct group *g, uint64_t now_ms);
/* Complete all with a status. */
void barriers_fail(struct group *g, int status);

/* ---- transfer.c -------------------------------------------------------- */

/* Go on with a transfer of leadership after something changed. */
void transfer_poll(struct group *g, uint64_t now_ms);
void transfer_end(struct group *g, int status);
/* True while proposals are refused for it. */
bool transfer_blocks(const struct group *g);

#endif
