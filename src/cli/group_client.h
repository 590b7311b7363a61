/* group_client.h - what the commands of consumer groups ask a cluster with: a
 * connection to each node they need, requests to the coordinator of a group,
 * which may move meanwhile, and offsets of partitions from their leaders.
 *
 *   group_client_open -> ... -> group_client_close
 *
 * Only Kafka's own requests, in the versions both ends speak, so that it works
 * against any cluster. Functions return exit codes; what failed has been said
 * on stderr then.
 */
#ifndef CLI_GROUP_CLIENT_H
#define CLI_GROUP_CLIENT_H

#include "cli/admin.h"

/* A connection that is kept. */
struct group_node {
    int32_t id;
    struct client *client; /* NULL: broken, or none yet */
};

struct group_client {
    struct admin admin;
    bool first_failed; /* admin.client is of no more use */
    struct group_node *nodes;
    unsigned n_nodes, cap_nodes;
    uint64_t begun_ms, shown_ms;
    bool progress; /* stderr is a terminal */
};

/* Connect, and ask for nodes and topics. On failure nothing needs closing. */
int group_client_open(struct group_client *g, struct command_call *c);
void group_client_close(struct group_client *g);
/* Milliseconds since group_client_open(). */
uint64_t group_client_elapsed_ms(const struct group_client *g);
/* Say on a terminal how far it is, if it takes longer than a second. */
void group_client_progress(struct group_client *g, const char *what,
                           size_t done, size_t total);
/* Clear that line, before something else is printed. */
void group_client_progress_end(struct group_client *g);

/* The connection to a node, made if needed. Errors: as admin_node(); nothing
 * is printed. */
int group_client_node(struct group_client *g, int32_t node,
                      struct client **ret_c, struct err *err);
/* It is of no more use; the next who needs it makes a new one. */
void group_client_drop(struct group_client *g, int32_t node);
/* Ask for nodes and topics anew, quietly; if nobody answers the old ones
 * stay. */
void group_client_refresh(struct group_client *g);

/* A request to the coordinator of a group. */
struct group_request {
    struct slice group;
    int api_key, version_max;
    const void *request;
    void *response;
    /* What the answer says about the whole request: of codes 14, 15 and 16 the
     * coordinator is looked for again, and asked until the time is over. */
    int16_t (*code_of)(const void *response);
    bool writes; /* without an answer it may have been applied */
    bool hidden; /* an API of Ostraka's own */
};
/* `*node` is who coordinates it, or -1 (then it is looked for); updated. */
int group_client_call(struct group_client *g, const struct group_request *q,
                      int32_t *node);

/* One partition whose offset is asked for. */
struct group_ask {
    struct slice topic;
    int32_t partition;
    int64_t offset; /* -1: there is none */
    int16_t code;   /* Kafka's: why it is not known; 0 it is */
    int32_t leader; /* private */
};
#define GROUP_ASK_END      (-1) /* behind the last record */
#define GROUP_ASK_START    (-2)
#define GROUP_ASK_STEP_MAX 2000 /* partitions of one request */
/* Ask the leaders for the offset at a timestamp, or one of those above.
 * `a` are ordered by topic and partition, each once. A partition whose leader
 * does not answer gets a code. */
int group_client_offsets(struct group_client *g, struct group_ask *a, size_t n,
                         int64_t timestamp);
/* The topic in the metadata, or NULL. */
const struct metadata_response_topic *
group_client_topic(const struct group_client *g, struct slice name);

/* The exit code for one of Kafka's codes, those of groups included. */
int group_client_exit_of(int16_t code);

#endif
