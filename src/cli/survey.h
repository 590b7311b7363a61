/* survey.h - what every node of a cluster says of itself and of its replicas
 * (OstrakaDescribe), node by node: those that do not answer are named too. */
#ifndef CLI_SURVEY_H
#define CLI_SURVEY_H

#include "cli/admin.h"
#include "wire/gen/ostraka_describe.h"

#define SURVEY_WAIT_MS_MAX 2000 /* for each node */

struct survey_node {
    int32_t id;
    const char *host;
    unsigned port;
    bool answered;
    const char *why; /* it did not answer; NULL: it did */
    struct ostraka_describe_response said;
};

struct survey {
    struct survey_node *nodes; /* by id */
    unsigned n_nodes;
    bool private_api; /* false: not Ostraka, only Kafka's own APIs are there */
};

/* Ask all nodes that the metadata or the first one know of, after
 * admin_metadata(). `topic` (NULL: all) limits the replicas told. A cluster
 * that does not speak the API is no failure. Returns an exit code, said. */
int survey_take(struct admin *a, const char *topic, struct survey *ret_s);
/* A node, or NULL. */
const struct survey_node *survey_node(const struct survey *s, int32_t id);
/* What a node says of its replica, or NULL. `partition` -1: of @meta. */
const struct ostraka_describe_response_partition *
survey_replica(const struct survey_node *n, struct slice topic,
               int32_t partition);
/* The replica that leads: of those who say so, the one of the highest term. */
const struct ostraka_describe_response_partition *
survey_leader(const struct survey *s, struct slice topic, int32_t partition,
              int32_t *ret_node);

#endif
