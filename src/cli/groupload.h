/* groupload.h - consumer groups without consumers: members that join, sync and
 * send heartbeats over a raw connection each, commit offsets, fetch them. What
 * is measured is the cluster's groups and nothing else; it works against any
 * Kafka-compatible cluster.
 *
 *   idle       groups that do nothing but send heartbeats
 *   commit     `rate` offsets per second over all groups, `rows` a request: an
 *              open loop, latency counts from when a request was due
 *   fetch      one group's offsets of `partitions` partitions, asked again as
 *              soon as they were answered
 *   rebalance  one group whose members all join anew, `rounds` times: from the
 *              last JoinGroup sent to the last SyncGroup answered
 *   failover   groups that send heartbeats and commit while `hook` runs (a
 *              command that kills a node): when each group is back
 *
 * In idle, failover and rebalance the groups must have formed before anything
 * counts; a member that had to join again afterwards is counted as a rejoin.
 */
#ifndef CLI_GROUPLOAD_H
#define CLI_GROUPLOAD_H

#include "cli/watch.h"
#include "env/env.h"
#include "trace/metric.h"

#define GROUPLOAD_GROUPS_MAX     100000
#define GROUPLOAD_MEMBERS_MAX    1000 /* of one group */
#define GROUPLOAD_PARTITIONS_MAX 100000

enum groupload_mode {
    GROUPLOAD_IDLE,
    GROUPLOAD_COMMIT,
    GROUPLOAD_FETCH,
    GROUPLOAD_REBALANCE,
    GROUPLOAD_FAILOVER
};

struct groupload_options {
    const char *bootstrap; /* "host:port,..." */
    const char *topic;     /* must exist; offsets are of its partitions */
    const char *prefix;    /* of the groups' names */
    enum groupload_mode mode;
    unsigned groups, members; /* members: of each group */
    unsigned heartbeat_ms;
    unsigned session_ms;
    uint64_t rate;
    unsigned rows;
    unsigned partitions;
    unsigned rounds;
    double form_s; /* the groups must have formed by then */
    double warmup_s, seconds;
    const char *hook;
    /* Every second; NULL: not told. */
    void (*progress)(void *arg, double second, const char *what);
    void *progress_arg;
    struct watch *watch; /* sampled at both ends of the measured time */
};

struct groupload_result {
    double formed_s; /* from the first connection to the last group's forming */
    double seconds;  /* measured */
    uint64_t requests, rows; /* that were answered well */
    uint64_t errors, rejoins, reconnects;
    int error_last; /* Kafka's code of the newest error, 0: none */
    /* us; of heartbeats, commits (from when they were due), fetches, or
     * rebalances. */
    struct metric_histogram latency;
    /* failover: groups whose coordinator failed; of them, until the next
     * heartbeat of every member and until the next commit, us from when the
     * hook began; and those that were not back at the end. */
    struct metric_histogram heartbeat_back, commit_back;
    unsigned failed_over, lost;
};

/* Run; blocks, running the env's loop. Errors: ERR_NOTFOUND (topic, or it has
 * too few partitions), those of client_open_any(), ERR_TIMEOUT (the groups do
 * not form), ERR_IO (hook); `err` says. */
int groupload_run(struct env *e, const struct groupload_options *o,
                  struct groupload_result *ret_r, struct err *err);

#endif
