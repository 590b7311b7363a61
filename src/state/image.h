/* image.h - the loop's read image of @meta: plain structs, kept up to date by
 * change records. Whoever answers a client reads this.
 *
 * Everything returned is borrowed until the next image_change(). Thread: the
 * loop's.
 */
#ifndef STATE_IMAGE_H
#define STATE_IMAGE_H

#include "base/map.h"
#include "base/uuid.h"

#define IMAGE_HOST_MAX     255
#define IMAGE_TOPIC_MAX    249
#define IMAGE_REPLICAS_MAX 15
#define IMAGE_SHARDS_MAX   16

struct image_node {
    int32_t id;
    uint32_t incarnation; /* of its directory, from 1 */
    struct uuid directory;
    char peer_host[IMAGE_HOST_MAX + 1];
    uint16_t peer_port;
    char client_host[IMAGE_HOST_MAX + 1]; /* "" until it registered */
    uint16_t client_port;
    char rack[64];    /* "" none */
    char version[32]; /* of its program */
};

struct image_partition {
    uint64_t group;
    int32_t replicas[IMAGE_REPLICAS_MAX]; /* node ids, preferred leader first */
    unsigned n_replicas;
};

struct image_config {
    const char *name;
    const char *value;
};

struct image_topic {
    struct uuid id;
    char name[IMAGE_TOPIC_MAX + 1];
    int64_t created_ms;
    bool internal;
    struct image_partition *partitions; /* index = partition number */
    int32_t n_partitions;
    struct image_config *configs; /* overrides only, by name */
    unsigned n_configs;
};

struct image;

/* Empty. NULL without memory. */
struct image *image_new(struct mem *mem);
void image_free(struct image *im);

/* What changed, told to a watcher after the image holds it. */
enum image_event {
    IMAGE_NODE, /* node added or changed */
    IMAGE_TOPIC_CREATED,
    IMAGE_TOPIC_GROWN, /* more partitions */
    IMAGE_TOPIC_CONFIG,
    IMAGE_TOPIC_DELETED, /* `topic` is still valid during the call */
    IMAGE_SHARDS,        /* those of @groups are placed */
    IMAGE_RESET          /* everything was replaced: walk it all */
};
typedef void (*image_watch_cb)(void *arg, enum image_event event,
                               const struct image_topic *topic,
                               const struct image_node *node);
/* Up to 8 watchers, in order of registration. */
void image_watch(struct image *im, image_watch_cb cb, void *arg);
/* No longer; not from inside a watcher. One that is not there is fine. */
void image_unwatch(struct image *im, image_watch_cb cb, void *arg);

/* Take change records from a machine; `reset`: they are the whole state.
 * Errors: ERR_CORRUPT, ERR_NOMEM. */
int image_change(struct image *im, struct slice changes, bool reset);
/* The index whose changes it holds, set by the owner after image_change(). */
void image_set_index(struct image *im, uint64_t index);
uint64_t image_index(const struct image *im);

/* Look-ups; NULL where there is none. */
struct uuid image_cluster(const struct image *im);
/* The number that the next partition's group will get: all below it, from
 * META_TOPIC_GROUP_FIRST on, were given to some topic once, and are not given
 * again. 0: nothing is known yet. */
uint64_t image_next_group(const struct image *im);
const struct image_node *image_node(const struct image *im, int32_t id);
const struct image_topic *image_topic(const struct image *im,
                                      struct slice name);
const struct image_topic *image_topic_by_id(const struct image *im,
                                            struct uuid id);
/* Who owns a group: NULL if nobody. *ret_partition may be NULL. */
const struct image_topic *image_topic_by_group(const struct image *im,
                                               uint64_t group,
                                               int32_t *ret_partition);
/* A shard of the consumer groups, by number from 0; NULL: they are not placed
 * yet, or there are not so many. */
const struct image_partition *image_shard(const struct image *im,
                                          unsigned number);
/* True if the topic was deleted explicitly (kept by uuid). */
bool image_deleted(const struct image *im, struct uuid id);
/* Value of an override, or NULL. */
const char *image_topic_config(const struct image_topic *t, const char *name);
/* Walk nodes by id, topics by name: start with NULL, ends with NULL. */
const struct image_node *image_next_node(const struct image *im,
                                         const struct image_node *prev);
const struct image_topic *image_next_topic(const struct image *im,
                                           const struct image_topic *prev);
unsigned image_n_nodes(const struct image *im);
unsigned image_n_topics(const struct image *im);

#endif
