/* groupload_impl.h - what the files of the groups' load share.
 *
 *   groupload.c         set-up, the run
 *   groupload_link.c    a connection: requests out, answers in order
 *   groupload_member.c  coordinators found; a member joins, syncs, lives
 *   groupload_offset.c  commits and fetches
 *   groupload_mode.c    what is done when the groups have formed
 */
#ifndef CLI_GROUPLOAD_IMPL_H
#define CLI_GROUPLOAD_IMPL_H

#include "base/buf.h"
#include "base/queue.h"
#include "cli/groupload.h"
#include "wire/message.h"

#define GROUPLOAD_NODES_MAX   64
#define GROUPLOAD_RETRY_MS    20
#define GROUPLOAD_FORM_MS     500 /* between heartbeats while groups form */
#define GROUPLOAD_READ_BYTES  65536
#define GROUPLOAD_FLIGHTS_MAX 32 /* commits of one member */

struct groupload;

/* ---- connections (groupload_link.c) --------------------------------------
 */

/* status 0: `response` is the message's struct, valid during the call.
 * Otherwise the connection is gone. */
typedef void (*groupload_call_cb)(void *arg, int status, const void *response,
                                  uint64_t since_us);

struct groupload_node {
    int32_t id;
    char host[256];
    uint16_t port;
};

struct groupload_link {
    struct groupload *all;
    const struct groupload_node *node;
    struct env_stream *stream; /* NULL: not connected, nor about to be */
    bool up;
    struct queue calls; /* in order of sending */
    unsigned n_calls;
    int32_t correlation;
    struct buf in;                          /* the begin of a frame */
    void (*told)(struct groupload_link *l); /* up, or gone */
    void *data;
};

/* Not connected; `told` is called from now on. */
void groupload_link_init(struct groupload_link *l, struct groupload *all,
                         void (*told)(struct groupload_link *), void *data);
/* Begin to connect to where l->node is; `told` says what came of it. */
void groupload_link_connect(struct groupload_link *l);
/* Close it; every call is answered with ERR_EOF; `told`, if it was open. */
void groupload_link_down(struct groupload_link *l);
/* Closed: give back its memory. */
void groupload_link_free(struct groupload_link *l);
/* Send on a connection that is up. `since_us` (0: now) is handed to `cb`. */
void groupload_call(struct groupload_link *l, int api_key, int version,
                    const void *request, groupload_call_cb cb, void *arg,
                    uint64_t since_us);

/* ---- groups --------------------------------------------------------------
 */

enum groupload_state { MEMBER_JOINING, MEMBER_SYNCING, MEMBER_STABLE };

struct groupload_member {
    struct groupload_group *group;
    struct groupload_link link;
    enum groupload_state state;
    char *id; /* "" none */
    int32_t generation;
    bool busy; /* a join, a sync or a heartbeat is under way */
    bool back_heartbeat, failed; /* since the hook ran */
    struct env_timer timer;      /* the next step */
    uint64_t due_ms;             /* the next heartbeat */
};

struct groupload_group {
    struct groupload *all;
    unsigned number;
    char name[64];
    const struct groupload_node *coordinator; /* NULL: to be found */
    struct env_timer find;
    bool finding;
    struct groupload_member *members;
    unsigned n_stable; /* members, all of `generation` */
    int32_t generation;
    bool formed;        /* was whole once */
    uint64_t sent;      /* commits, ever */
    bool commit_flying; /* failover: one at a time */
    bool back_commit, failed;
};

struct groupload {
    struct env *env;
    struct mem *mem;
    struct groupload_options o;
    struct groupload_result *r;
    struct groupload_node nodes[GROUPLOAD_NODES_MAX];
    struct groupload_link controls[GROUPLOAD_NODES_MAX]; /* one to each */
    unsigned n_nodes, control_next;
    struct groupload_group *groups;
    unsigned n_formed;
    uint32_t n_partitions; /* of the topic */
    struct arena in, out;  /* of the answer at hand; of a request */
    uint8_t *scratch;      /* where bytes arrive */
    bool has_members;      /* they join; else they only have connections */
    bool formed, measuring, closing, done;
    unsigned n_leaving; /* members */
    bool left;
    uint64_t start_us, measure_us, end_us, report_us;
    struct env_timer tick;
    int rv; /* with `done`: why it failed */
    /* rebalance */
    unsigned round;
    bool rebalancing;
    uint64_t joined_us; /* when the last JoinGroup left */
    uint64_t round_ms;  /* when the next one begins */
    /* failover */
    uint64_t hook_us;
    int hook_pid;
    bool hook_over;
};

/* groupload_member.c */
int groupload_groups_init(struct groupload *g);
void groupload_groups_close(struct groupload *g);
/* The node of that id; made if missing. NULL: too many, or a bad address. */
struct groupload_node *groupload_node(struct groupload *g, int32_t id,
                                      struct slice host, int32_t port);
/* Do what the member's state asks for, now. */
void groupload_member_step(struct groupload_member *m);
/* Have all members that have a connection leave, so that nobody waits for them;
 * their answers, for a while. */
void groupload_members_leave(struct groupload *g);
/* Join anew, as if told to. */
void groupload_member_rejoin(struct groupload_member *m);
/* An answer that was an error: count it, and find out what is wrong. */
void groupload_member_failed(struct groupload_member *m, int error);

/* groupload_offset.c: commit o.rows offsets of the group, those of its k-th
 * request; `due_us` 0: now. Fetch o.partitions of them. */
void groupload_commit(struct groupload_group *x, uint64_t k, uint64_t due_us);
void groupload_fetch(struct groupload_group *x);
/* Commit what groupload_fetch() will ask for; calls groupload_fetch(). */
void groupload_fetch_begin(struct groupload_group *x);

/* groupload_mode.c: a group is whole, in a generation; a heartbeat, a commit
 * was answered well; a connection or its answer said that the coordinator is
 * gone. */
void groupload_formed(struct groupload_group *x);
void groupload_beat(struct groupload_member *m, uint64_t since_us);
void groupload_committed(struct groupload_group *x);
void groupload_suspect(struct groupload_member *m);
/* Each millisecond or so. */
void groupload_mode_tick(struct groupload *g, uint64_t now_us);
void groupload_mode_begin(struct groupload *g);

#endif
