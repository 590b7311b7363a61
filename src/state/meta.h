/* meta.h - the cluster's metadata: the machine of group 1, `@meta`.
 *
 * Nodes, topics with their ids, partitions with their groups and replicas,
 * topic configurations, deleted topics (kept by uuid), blocks of producer ids,
 * and the ids of recent commands (a retried command is answered with its first
 * result). Placement is decided inside apply, alike on every replica: the
 * least loaded nodes first, rotated per partition, racks spread.
 *
 * A command is {version, kind, command id, body}; the encoders below make one.
 * Command ids are 16 random bytes chosen by who proposes; zero: no retry.
 */
#ifndef STATE_META_H
#define STATE_META_H

#include "state/image.h"
#include "state/machine.h"

#define META_GROUP 1 /* the Raft group of @meta */
/* Groups 2..15 are reserved, 16..31 are @groups/0..15, topics come after. */
#define META_GROUPS_FIRST      16
#define META_TOPIC_GROUP_FIRST 1000
#define META_PRODUCER_ID_BLOCK 1000
#define META_PARTITIONS_MAX    10000 /* of one topic */

extern const struct machine_type meta_machine;

enum meta_kind {
    META_REGISTER_NODE = 1,
    META_CREATE_TOPIC = 2,
    META_DELETE_TOPIC = 3,
    META_CREATE_PARTITIONS = 4,
    META_ALTER_CONFIGS = 5,
    META_PRODUCER_IDS = 6,
    META_CREATE_SHARDS = 7
};

/* What a cluster starts with: the bootstrap of machine_open(). */
struct meta_bootstrap {
    struct uuid cluster;
    const struct image_node *nodes; /* id, directory, peer address */
    unsigned n_nodes;
};
void meta_encode_bootstrap(const struct meta_bootstrap *b, struct buf *out);

/* A node says where clients reach it. */
struct meta_register {
    int32_t node;
    struct uuid directory;
    const char *client_host;
    uint16_t client_port;
    const char *rack; /* "" none */
    const char *version;
};
/* Append the command to `out` (errors are sticky there); so below. */
void meta_encode_register(const struct meta_register *c, struct uuid command,
                          struct buf *out);

struct meta_create_topic {
    struct slice name;   /* checked by apply: characters, collisions */
    struct uuid id;      /* random, by the proposer */
    int32_t partitions;  /* >= 1; defaults were put in at the door */
    int16_t replication; /* >= 1 */
    const struct image_config *configs; /* checked at the door */
    unsigned n_configs;
    /* Manual assignment: n_assigned 0, or `partitions` rows. */
    const struct image_partition *assigned;
    unsigned n_assigned;
    bool validate_only; /* decide, change nothing */
};
/* As above. */
void meta_encode_create_topic(const struct meta_create_topic *c,
                              struct uuid command, struct buf *out);

/* By id; a zero id: by name. */
void meta_encode_delete_topic(struct uuid id, struct slice name,
                              struct uuid command, struct buf *out);

struct meta_create_partitions {
    struct slice name;
    int32_t count; /* new total */
    const struct image_partition *assigned;
    unsigned n_assigned;
    bool validate_only;
};
/* As above. */
void meta_encode_create_partitions(const struct meta_create_partitions *c,
                                   struct uuid command, struct buf *out);

enum meta_config_op {
    META_CONFIG_SET = 0,
    META_CONFIG_DELETE = 1,
    META_CONFIG_APPEND = 2, /* to a list */
    META_CONFIG_SUBTRACT = 3
};
struct meta_config_change {
    enum meta_config_op op;
    const char *name;
    const char *value; /* NULL for DELETE */
};
struct meta_alter_configs {
    struct slice topic;
    bool replace; /* AlterConfigs: what is not named goes back to default */
    const struct meta_config_change *ops;
    unsigned n_ops;
};
/* As above. */
void meta_encode_alter_configs(const struct meta_alter_configs *c,
                               struct uuid command, struct buf *out);

/* Reserve a block of META_PRODUCER_ID_BLOCK producer ids for a node. */
void meta_encode_producer_ids(int32_t node, struct uuid command,
                              struct buf *out);

/* Place the shards of @groups, groups META_GROUPS_FIRST and on, if they are not
 * placed yet. */
void meta_encode_create_shards(struct uuid command, struct buf *out);

/* What a command answered. */
struct meta_result {
    int16_t error;      /* Kafka's code, 0 = done */
    char message[256];  /* for a person; "" if none */
    struct uuid topic;  /* CREATE_TOPIC */
    int32_t partitions; /* CREATE_TOPIC, CREATE_PARTITIONS, CREATE_SHARDS */
    int16_t replication;
    int64_t first_producer_id; /* PRODUCER_IDS */
};
/* Errors: ERR_CORRUPT. */
int meta_decode_result(struct slice in, struct meta_result *ret_r);

#endif
