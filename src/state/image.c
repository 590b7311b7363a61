#include "state/image.h"

#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "state/image_impl.h"

/* ---- life ---------------------------------------------------------------
 */

void image_configs_free(struct image *im, struct image_config *c, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        mem_free(im->mem, (void *)(uintptr_t)c[i].name);
        mem_free(im->mem, (void *)(uintptr_t)c[i].value);
    }
    mem_free(im->mem, c);
}

void image_topic_free(struct image *im, struct image_topic *t)
{
    if (t != NULL) {
        image_configs_free(im, t->configs, t->n_configs);
        mem_free(im->mem, t->partitions);
        mem_free(im->mem, t);
    }
}

void image_empty(struct image *im)
{
    for (unsigned i = 0; i < im->n_nodes; i++) {
        mem_free(im->mem, im->nodes[i]);
    }
    for (unsigned i = 0; i < im->n_topics; i++) {
        image_topic_free(im, im->topics[i]);
    }
    map_free(im->by_name);
    map_free(im->by_id);
    map_free(im->by_group);
    map_free(im->deleted);
    im->by_name = im->by_id = im->by_group = im->deleted = NULL;
    im->n_nodes = 0;
    im->n_topics = 0;
    im->n_shards = 0;
    im->cluster = uuid_zero;
    im->next_group = 0;
}

int image_maps_new(struct image *im)
{
    im->by_name = map_new(im->mem);
    im->by_id = map_new(im->mem);
    im->by_group = map_new(im->mem);
    im->deleted = map_new(im->mem);
    return im->by_name == NULL || im->by_id == NULL || im->by_group == NULL ||
                   im->deleted == NULL
               ? ERR_NOMEM
               : 0;
}

struct image *image_new(struct mem *mem)
{
    struct image *im = mem_calloc(mem, 1, sizeof *im);
    if (im == NULL) {
        return NULL;
    }
    im->mem = mem;
    if (image_maps_new(im) != 0) {
        image_free(im);
        return NULL;
    }
    return im;
}

void image_free(struct image *im)
{
    if (im == NULL) {
        return;
    }
    image_empty(im);
    mem_free(im->mem, im->nodes);
    mem_free(im->mem, im->topics);
    mem_free(im->mem, im);
}

void image_watch(struct image *im, image_watch_cb cb, void *arg)
{
    ASSERT(im->n_watchers < IMAGE_WATCHERS_MAX);
    im->watchers[im->n_watchers].cb = cb;
    im->watchers[im->n_watchers++].arg = arg;
}

void image_unwatch(struct image *im, image_watch_cb cb, void *arg)
{
    unsigned n = 0;
    for (unsigned i = 0; i < im->n_watchers; i++) {
        if (im->watchers[i].cb != cb || im->watchers[i].arg != arg) {
            im->watchers[n++] = im->watchers[i];
        }
    }
    im->n_watchers = n;
}

/* ---- sorted arrays ------------------------------------------------------
 */

int image_array_grow(struct image *im, void *array, unsigned n, unsigned *cap)
{
    void **p;
    memcpy(&p, array, sizeof p);
    if (n < *cap) {
        return 0;
    }
    unsigned more = *cap == 0 ? 16 : *cap * 2;
    p = mem_realloc(im->mem, p, more * sizeof *p);
    if (p == NULL) {
        return ERR_NOMEM;
    }
    memcpy(array, &p, sizeof p);
    *cap = more;
    return 0;
}

unsigned image_node_slot(const struct image *im, int32_t id)
{
    unsigned lo = 0, hi = im->n_nodes;
    while (lo < hi) {
        unsigned mid = lo + (hi - lo) / 2;
        if (im->nodes[mid]->id < id) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

unsigned image_topic_slot(const struct image *im, const char *name)
{
    unsigned lo = 0, hi = im->n_topics;
    while (lo < hi) {
        unsigned mid = lo + (hi - lo) / 2;
        if (strcmp(im->topics[mid]->name, name) < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

void image_set_index(struct image *im, uint64_t index)
{
    im->index = index;
}

/* ---- reading ------------------------------------------------------------
 */

uint64_t image_index(const struct image *im)
{
    return im->index;
}

struct uuid image_cluster(const struct image *im)
{
    return im->cluster;
}

uint64_t image_next_group(const struct image *im)
{
    return im->next_group;
}

const struct image_node *image_node(const struct image *im, int32_t id)
{
    unsigned at = image_node_slot(im, id);
    return at < im->n_nodes && im->nodes[at]->id == id ? im->nodes[at] : NULL;
}

const struct image_topic *image_topic(const struct image *im, struct slice name)
{
    return map_find(im->by_name, name);
}

const struct image_topic *image_topic_by_id(const struct image *im,
                                            struct uuid id)
{
    return map_find(im->by_id, image_uuid_key(&id));
}

/* Groups of a topic's partitions ascend, since ids are given in order. */
static int32_t partition_of(const struct image_topic *t, uint64_t group)
{
    int32_t lo = 0, hi = t->n_partitions - 1;
    while (lo < hi) {
        int32_t mid = lo + (hi - lo) / 2;
        if (t->partitions[mid].group < group) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    ASSERT(t->partitions[lo].group == group);
    return lo;
}

const struct image_topic *image_topic_by_group(const struct image *im,
                                               uint64_t group,
                                               int32_t *ret_partition)
{
    const struct image_topic *t = map_find_u64(im->by_group, group);
    if (t != NULL && ret_partition != NULL) {
        *ret_partition = partition_of(t, group);
    }
    return t;
}

const struct image_partition *image_shard(const struct image *im,
                                          unsigned number)
{
    return number < im->n_shards ? &im->shards[number] : NULL;
}

bool image_deleted(const struct image *im, struct uuid id)
{
    return map_find(im->deleted, image_uuid_key(&id)) != NULL;
}

const char *image_topic_config(const struct image_topic *t, const char *name)
{
    for (unsigned i = 0; i < t->n_configs; i++) {
        if (strcmp(t->configs[i].name, name) == 0) {
            return t->configs[i].value;
        }
    }
    return NULL;
}

const struct image_node *image_next_node(const struct image *im,
                                         const struct image_node *prev)
{
    unsigned at = prev == NULL ? 0 : image_node_slot(im, prev->id) + 1;
    return at < im->n_nodes ? im->nodes[at] : NULL;
}

const struct image_topic *image_next_topic(const struct image *im,
                                           const struct image_topic *prev)
{
    unsigned at = prev == NULL ? 0 : image_topic_slot(im, prev->name) + 1;
    return at < im->n_topics ? im->topics[at] : NULL;
}

unsigned image_n_nodes(const struct image *im)
{
    return im->n_nodes;
}

unsigned image_n_topics(const struct image *im)
{
    return im->n_topics;
}
