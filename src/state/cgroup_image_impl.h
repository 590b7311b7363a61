/* cgroup_image_impl.h - the inside of the groups' read image. Private to
 * src/state/cgroup_image*.c */
#ifndef STATE_CGROUP_IMAGE_IMPL_H
#define STATE_CGROUP_IMAGE_IMPL_H

#include "base/map.h"
#include "state/cgroup_image.h"

struct cgroup_image {
    struct mem *mem;
    struct map *groups; /* of struct cgroup_view, by id */
    struct map *topics; /* of struct topic_use, by uuid */
    cgroup_watch_cb watch;
    void *watch_arg;
    bool quiet;     /* a reset is under way */
    uint64_t bytes; /* of all groups */
};

/* A topic of which offsets are held. */
struct topic_use {
    struct uuid topic;
    unsigned n;
};

/* A group takes `more` bytes in the place of `less`. */
void cgroup_view_resize(struct cgroup_image *im, struct cgroup_view *g,
                        size_t more, size_t less);
/* Free a group that is in no map, all content. */
void cgroup_view_free(struct cgroup_image *im, struct cgroup_view *g);
void cgroup_image_empty(struct cgroup_image *im);
/* One offset of the topic less. */
void cgroup_topic_release(struct cgroup_image *im, const struct uuid *topic);
/* The first member, the first offset, that is not below. */
unsigned cgroup_member_slot(const struct cgroup_view *g, struct slice id);
unsigned cgroup_offset_slot(const struct cgroup_view *g,
                            const struct uuid *topic, int32_t partition);
/* <0, 0, >0. */
int cgroup_offset_compare(const struct cgroup_view_offset *o,
                          const struct uuid *topic, int32_t partition);

#endif
