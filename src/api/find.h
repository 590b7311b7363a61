/* find.h - from what a request names to what this node has, and what clients
 * are told of it. Shared by the families of this room.
 *
 * Errors are Kafka's codes, ready to be sent. Everything returned is borrowed
 * until the next turn of the loop, or lies in the request's arena.
 */
#ifndef API_FIND_H
#define API_FIND_H

#include "api/request.h"
#include "broker/leaders.h"
#include "broker/partition.h"

/* A topic by name. UNKNOWN_TOPIC_OR_PARTITION only if this node serves, else
 * LEADER_NOT_AVAILABLE: until then it does not know what exists. */
int16_t find_topic(struct request *r, struct slice name,
                   const struct image_topic **ret_t);
/* A topic by id: UNKNOWN_TOPIC_ID, else as find_topic(). */
int16_t find_topic_by_id(struct request *r, struct uuid id,
                         const struct image_topic **ret_t);
/* This node's replica of a partition, leading or not. Errors: as
 * find_topic(); NOT_LEADER_OR_FOLLOWER: there is none here. */
int16_t find_partition(struct request *r, struct slice topic, int32_t number,
                       struct partition **ret_p);
/* The same, if it leads and the client's leader epoch (-1: not said) is its
 * own. Errors: FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH,
 * NOT_LEADER_OR_FOLLOWER. It may not be ready yet: see partition_ready(). */
int16_t find_leader(struct request *r, struct slice topic, int32_t number,
                    int32_t epoch, struct partition **ret_p);

/* True for a legal topic name: 1 to 249 of [a-zA-Z0-9._-], not "." or "..". */
bool find_valid_name(struct slice name);
/* A random identity: topics, commands. */
struct uuid find_uuid(struct request *r);

/* A list of node ids. */
struct find_nodes {
    int32_t *ptr;
    uint32_t n;
};
/* What clients are told of a partition. */
struct find_view {
    int16_t error; /* LEADER_NOT_AVAILABLE without a leader */
    int32_t leader;
    int32_t epoch; /* -1: none known */
    struct find_nodes replicas, insync, offline;
};
/* Look at a partition. `error_unlisted`: the error for a leader that has told
 * no address. False without memory: the request was closed. */
bool find_view(struct request *r, const struct image_partition *p,
               int16_t error_unlisted, struct find_view *ret_v);
/* True if clients can be told of the node. */
bool find_listed(const struct image_node *n);
/* The nodes clients can be told of. */
unsigned find_n_listed(struct request *r);
/* The node that is named controller: the leader of @meta, or this one while
 * none is known, since any node forwards. */
int32_t find_controller(struct request *r);
/* The cluster's id as text; empty without memory: the request was closed. */
struct slice find_cluster_text(struct request *r);

/* Copy a C string into the request's arena; NULL data without memory: the
 * request was closed. */
struct slice find_text(struct request *r, const char *s);

#endif
