/* cluster.h - several real nodes in one simulated world.
 *
 * A node is composed as src/server/node.c does it: listener, broker, and from
 * "ready" on the clients are served. Its settings go through config_*(), its
 * files lie on a simulated disk that outlives it.
 *
 *   sim_cluster_new -> sim_cluster_start (each node) -> sim_run_until...
 *       -> kill, stop, start ... -> sim_cluster_free
 */
#ifndef SIM_CLUSTER_H
#define SIM_CLUSTER_H

#include "base/chunk.h"
#include "config/config.h"
#include "env/sim.h"

#define SIM_NODES_MAX   5
#define SIM_CLIENT_PORT 9092
#define SIM_PEER_PORT   9192

struct broker;
struct sim_cluster;

/* What a node may be told beside its defaults: "name=value". */
struct sim_setting {
    const char *name;
    const char *value;
};

enum sim_host_state {
    SIM_HOST_DOWN,    /* never started, killed, or dead by itself */
    SIM_HOST_OPENING, /* recovering, or looking for the others */
    SIM_HOST_SERVES,
    SIM_HOST_STOPPING,
    SIM_HOST_CLOSED, /* stopped in order: the process would end */
    SIM_HOST_FAILED  /* opening failed for good: the process would end */
};

/* `n_nodes` nodes with ids from 1, none started, in the world, which is
 * borrowed. Copies the settings. NULL without memory or with settings that are
 * refused (*err says why). */
struct sim_cluster *sim_cluster_new(struct sim *sim, unsigned n_nodes,
                                    const struct sim_setting settings[],
                                    unsigned n_settings, struct err *err);
/* After sim_free() of its world; NULL is fine. */
void sim_cluster_free(struct sim_cluster *c);

unsigned sim_cluster_nodes(const struct sim_cluster *c);
struct sim *sim_cluster_sim(const struct sim_cluster *c);
struct sim_disk *sim_cluster_disk(struct sim_cluster *c, unsigned id);
enum sim_host_state sim_cluster_state(struct sim_cluster *c, unsigned id);
/* The broker of one that is up; NULL: it is not. */
struct broker *sim_cluster_broker(struct sim_cluster *c, unsigned id);
/* Why it is down, or failed: one line. */
const char *sim_cluster_why(struct sim_cluster *c, unsigned id);
/* Exit code of a node that failed. */
int sim_cluster_exit_code(struct sim_cluster *c, unsigned id);
/* Count of its lives. */
unsigned sim_cluster_life(struct sim_cluster *c, unsigned id);

/* When its present life began, virtual. */
uint64_t sim_cluster_since_us(struct sim_cluster *c, unsigned id);

/* Start a node that is down. */
void sim_cluster_start(struct sim_cluster *c, unsigned id);
/* Ask a node that serves to stop in order. */
void sim_cluster_stop(struct sim_cluster *c, unsigned id);
/* End a node whatever it does; SIM_CRASH_ALL is kill -9. */
void sim_cluster_kill(struct sim_cluster *c, unsigned id, enum sim_crash how);
/* Let nodes that closed or failed end, as their process would. */
void sim_cluster_reap(struct sim_cluster *c);
/* True if every node serves. */
bool sim_cluster_serves(struct sim_cluster *c);

#endif
