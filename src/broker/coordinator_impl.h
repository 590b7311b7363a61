/* coordinator_impl.h - what coordinator.c (requests and entries),
 * coordinator_clock.c (sessions and rebalances) and coordinator_tasks.c (what
 * a leader forgets by itself) share. */
#ifndef BROKER_COORDINATOR_IMPL_H
#define BROKER_COORDINATOR_IMPL_H

#include "base/heap.h"
#include "base/map.h"
#include "broker/coordinator.h"

#define COORDINATOR_TICK_MS 100 /* while a group has members */

/* What the leader keeps of a member. */
struct session {
    uint64_t deadline_ms;
    uint32_t session_ms;
    unsigned parked; /* requests: it is here, and does not expire */
    int32_t synced;  /* generation that it asked its assignment of */
};

/* What the leader keeps of a group that has members. */
struct live {
    /* By when it is to be looked at: never behind a deadline of it or of a
     * member. Who is heard of does not move it: that a deadline has moved is
     * found at the old one. */
    struct heap_node node;
    struct cgroup_view *group;
    enum cgroup_state state; /* for which the deadline was set */
    int64_t round;
    int32_t generation;
    uint64_t deadline_ms; /* 0 none */
};

/* A request's place among the items of an entry; it stays when the request is
 * canceled. */
struct coordinator_item {
    struct queue queue;
    struct coordinator_request *request; /* NULL: canceled */
};

/* One entry. */
struct batch {
    struct coordinator *owner;
    struct queue items; /* in order */
};

/* What a leader does by itself, one command at a time; in this order. */
struct coordinator_tasks {
    struct env_timer timer;
    struct coordinator_request request;
    bool busy; /* its callback is to come */
    enum {
        TASK_IDLE,  /* until `due_ms`; only deleted topics are looked for */
        TASK_EMPTY, /* offsets of groups without members */
        TASK_ACTIVE /* of groups with members, from number `next` */
    } step;
    unsigned next;
    uint64_t due_ms;
};

struct coordinator {
    struct env *env;
    struct mem *mem;
    struct coordinator_options options;
    struct cgroup_image *image;
    struct state_group *group; /* NULL until it first told its role */
    bool leads;
    struct buf bytes;    /* the next entry, */
    struct queue items;  /* and its items */
    struct queue parked; /* requests */
    struct map *deletes; /* of requests to delete, under way, by group */
    struct heap lives;   /* by when they are looked at */
    unsigned n_requests, n_flying;
    bool confirming; /* leads, but may not have applied all of the past, */
    int32_t term;    /* since this term */
    bool closing;
    bool changed; /* a group did since parked requests were looked at */
    struct env_turn turn;
    struct env_timer tick;
    struct coordinator_tasks tasks;
};

/* An item for the next entry: what follows the version in `batch`. `q` NULL:
 * nobody waits for it. Errors: ERR_TOOBIG, ERR_FULL, ERR_NOMEM. */
int coordinator_add(struct coordinator *co, struct coordinator_request *q,
                    struct slice batch);
/* The member has its whole session before it. */
void coordinator_touch(struct coordinator *co, struct cgroup_view *g,
                       struct cgroup_view_member *m);
/* Set the group's deadline, if its state is another than before. */
void coordinator_watch_group(struct coordinator *co, struct cgroup_view *g);
/* Of all members and groups; they are told of anew when this node leads. */
void coordinator_forget(struct coordinator *co);
/* The image changed (cgroup_watch_cb). */
void coordinator_event(void *arg, enum cgroup_event event,
                       struct cgroup_view *g, struct cgroup_view_member *m);
/* Is a client deleting the group now, page by page? */
bool coordinator_deletes(struct coordinator *co, struct slice group);
/* Propose what has run out. */
void coordinator_tick(struct coordinator *co, uint64_t now);
/* Prepare; this node began to lead; it no longer does. */
void coordinator_tasks_init(struct coordinator *co);
void coordinator_tasks_begin(struct coordinator *co);
void coordinator_tasks_end(struct coordinator *co);
/* There may be something to do; nothing where this node does not lead. */
void coordinator_tasks_wake(struct coordinator *co);

#endif
