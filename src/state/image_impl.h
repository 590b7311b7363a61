/* image_impl.h - the inside of the read image. Private to src/state/image*.c */
#ifndef STATE_IMAGE_IMPL_H
#define STATE_IMAGE_IMPL_H

#include "state/image.h"

#define IMAGE_WATCHERS_MAX 8

struct image {
    struct mem *mem;
    uint64_t index;
    struct uuid cluster;
    uint64_t next_group;
    struct image_node **nodes; /* by id */
    unsigned n_nodes, cap_nodes;
    struct image_topic **topics; /* by name */
    unsigned n_topics, cap_topics;
    struct map *by_name; /* of struct image_topic */
    struct map *by_id;
    struct map *by_group;
    struct map *deleted; /* by uuid; the value only says "there" */
    struct image_partition shards[IMAGE_SHARDS_MAX];
    unsigned n_shards;
    struct {
        image_watch_cb cb;
        void *arg;
    } watchers[IMAGE_WATCHERS_MAX];
    unsigned n_watchers;
    bool quiet; /* a reset is under way: watchers are told at its end */
};

/* The key of a uuid in a map, borrowed from it. */
static inline struct slice image_uuid_key(const struct uuid *u)
{
    return slice_of(u->b, sizeof u->b);
}

/* Free all content, the maps included. */
void image_empty(struct image *im);
/* Empty maps. Errors: ERR_NOMEM. */
int image_maps_new(struct image *im);
/* Room for one more pointer in the array of them that `array` points to, which
 * holds `n` of `*cap`. Errors: ERR_NOMEM. */
int image_array_grow(struct image *im, void *array, unsigned n, unsigned *cap);
/* The first node whose id, or topic whose name, is not below. */
unsigned image_node_slot(const struct image *im, int32_t id);
unsigned image_topic_slot(const struct image *im, const char *name);
void image_configs_free(struct image *im, struct image_config *c, unsigned n);
void image_topic_free(struct image *im, struct image_topic *t);

#endif
