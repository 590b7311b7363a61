/* state_group.h - one state group on this node: a replica, its machine, and
 * commands and barriers under way on it. @meta is one; each @groups/k is one.
 *
 *   entries --hook--> machine (state thread) --> changed --> applied
 *      ^                                         (image)     (who waits)
 *      |                                                        |
 *   propose <----------- state_group_command() <----------------+
 *
 * Life: state_group_open() -> its callback -> state_group_close(). Thread: the
 * loop's.
 */
#ifndef BROKER_STATE_GROUP_H
#define BROKER_STATE_GROUP_H

#include "broker/leaders.h"
#include "broker/serve.h"
#include "net/peers.h"
#include "replica/replica.h"
#include "state/machine.h"

/* What the owner is told. */
struct state_group_hooks {
    /* Change records, for the read image: it then holds everything up to
     * `index`. `reset`: they are the whole state. */
    void (*changed)(void *arg, struct slice changes, uint64_t index,
                    bool reset);
    /* The image has moved on, and commands and barriers were answered. */
    void (*applied)(void *arg);
    /* Role, term, leader or readiness changed. NULL: not told. */
    void (*role)(void *arg);
};

struct state_group_options {
    struct replicas *replicas;
    struct leaders *leaders; /* is told who leads */
    const struct machine_type *type;
    const char *name;       /* "@meta", for errors */
    const char *path;       /* of the database, in a directory that is there */
    struct slice bootstrap; /* copied */
    uint64_t group;
    struct recovered_group *recovered; /* or NULL: it is new here */
    const int32_t *nodes; /* first members, by node; incarnation 1 */
    unsigned n_nodes;
    int32_t node; /* this one */
    bool unclean; /* the last run did not close */
};

struct state_group;
/* status 0: it takes part, and the image holds what the database held.
 * Otherwise `err` says what to do. */
typedef void (*state_group_open_cb)(void *arg, int status,
                                    const struct err *err);
/* Errors: ERR_TOOBIG (a path), ERR_NOMEM. Afterwards it is closed also when
 * opening failed. */
int state_group_open(struct env *e, const struct state_group_options *o,
                     const struct state_group_hooks *hooks, void *arg,
                     state_group_open_cb cb, struct state_group **ret_g);
/* End what is under way with ERR_CANCELED, close replica and machine. */
void state_group_close(struct state_group *g, void (*cb)(void *arg), void *arg);

/* NULL until the machine is open. */
struct replica *state_group_replica(const struct state_group *g);
/* It has a state that may be answered from, be it of some time ago. */
bool state_group_fit(const struct state_group *g);
/* A leader that may answer. */
bool state_group_ready(const struct state_group *g);
/* On a leader: propose, or confirm; then `cb` when it is applied here. Errors:
 * those of serve.h, ERR_NOTLEADER before the replica is open. */
int state_group_command(struct state_group *g, struct bytes command,
                        serve_done_cb cb, void *arg);
int state_group_barrier(struct state_group *g, serve_done_cb cb, void *arg);
/* machine_read() of what is applied here; to see all that is committed, after
 * a barrier. Errors: ERR_NOTREADY (not open, or closing), ERR_NOMEM. */
int state_group_read(struct state_group *g, machine_read_cb read,
                     machine_read_done_cb done, void *arg);

#endif
