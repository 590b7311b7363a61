#include "state/image.h"

#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "state/change.h"

#define IMAGE_WATCHERS_MAX   8
#define IMAGE_PARTITIONS_MAX (1 << 20)
#define IMAGE_CONFIGS_MAX    4096

struct image {
    struct mem *mem;
    uint64_t index;
    struct uuid cluster;
    struct image_node **nodes; /* by id */
    unsigned n_nodes, cap_nodes;
    struct image_topic **topics; /* by name */
    unsigned n_topics, cap_topics;
    struct map *by_name; /* of struct image_topic */
    struct map *by_id;
    struct map *by_group;
    struct map *deleted; /* by uuid; the value only says "there" */
    struct {
        image_watch_cb cb;
        void *arg;
    } watchers[IMAGE_WATCHERS_MAX];
    unsigned n_watchers;
    bool quiet; /* a reset is under way: watchers are told at its end */
};

static struct slice uuid_key(const struct uuid *u)
{
    return slice_of(u->b, sizeof u->b);
}

static void tell(struct image *im, enum image_event event,
                 const struct image_topic *t, const struct image_node *n)
{
    for (unsigned i = 0; !im->quiet && i < im->n_watchers; i++) {
        im->watchers[i].cb(im->watchers[i].arg, event, t, n);
    }
}

/* ---- life ---------------------------------------------------------------
 */

static void configs_free(struct image *im, struct image_config *c, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        mem_free(im->mem, (void *)(uintptr_t)c[i].name);
        mem_free(im->mem, (void *)(uintptr_t)c[i].value);
    }
    mem_free(im->mem, c);
}

static void topic_free(struct image *im, struct image_topic *t)
{
    if (t != NULL) {
        configs_free(im, t->configs, t->n_configs);
        mem_free(im->mem, t->partitions);
        mem_free(im->mem, t);
    }
}

/* Free all content. */
static void empty(struct image *im)
{
    for (unsigned i = 0; i < im->n_nodes; i++) {
        mem_free(im->mem, im->nodes[i]);
    }
    for (unsigned i = 0; i < im->n_topics; i++) {
        topic_free(im, im->topics[i]);
    }
    map_free(im->by_name);
    map_free(im->by_id);
    map_free(im->by_group);
    map_free(im->deleted);
    im->by_name = im->by_id = im->by_group = im->deleted = NULL;
    im->n_nodes = 0;
    im->n_topics = 0;
    im->cluster = uuid_zero;
}

static int maps_new(struct image *im)
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
    if (maps_new(im) != 0) {
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
    empty(im);
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

/* ---- sorted arrays ------------------------------------------------------
 */

/* Room for one more pointer in an array of them. */
static int array_grow(struct image *im, void *array, unsigned n, unsigned *cap)
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

/* The first node whose id is not below. */
static unsigned node_slot(const struct image *im, int32_t id)
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

static unsigned topic_slot(const struct image *im, const char *name)
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

/* ---- changes ------------------------------------------------------------
 */

static int take_node(struct image *im, struct cursor *c)
{
    struct image_node n;
    change_take_node(c, &n);
    if (c->status != 0) {
        return ERR_CORRUPT;
    }
    unsigned at = node_slot(im, n.id);
    if (at == im->n_nodes || im->nodes[at]->id != n.id) {
        int rv = array_grow(im, &im->nodes, im->n_nodes, &im->cap_nodes);
        struct image_node *made =
            rv == 0 ? mem_alloc(im->mem, sizeof *made) : NULL;
        if (made == NULL) {
            return ERR_NOMEM;
        }
        memmove(im->nodes + at + 1, im->nodes + at,
                (im->n_nodes - at) * sizeof *im->nodes);
        im->nodes[at] = made;
        im->n_nodes++;
    }
    *im->nodes[at] = n;
    tell(im, IMAGE_NODE, NULL, im->nodes[at]);
    return 0;
}

/* Partitions behind those that are there. */
static int take_partitions(struct image *im, struct cursor *c,
                           struct image_topic *t)
{
    uint32_t n = cursor_u32(c);
    if (c->status != 0 || n > cursor_left(c) ||
        n > (uint32_t)(IMAGE_PARTITIONS_MAX - t->n_partitions)) {
        return ERR_CORRUPT;
    }
    size_t all = (size_t)t->n_partitions + n;
    struct image_partition *p =
        mem_realloc(im->mem, t->partitions, all * sizeof *p);
    if (p == NULL) {
        return ERR_NOMEM;
    }
    t->partitions = p;
    for (uint32_t i = 0; i < n; i++) {
        struct image_partition *x = &p[t->n_partitions];
        uint64_t group = cursor_u64(c);
        change_take_replicas(c, x);
        x->group = group;
        if (c->status != 0 || (t->n_partitions > 0 && x[-1].group >= group)) {
            return ERR_CORRUPT;
        }
        int rv = map_put_u64(im->by_group, group, t);
        if (rv != 0) {
            return rv == ERR_EXISTS ? ERR_CORRUPT : rv;
        }
        t->n_partitions++;
    }
    return 0;
}

static int take_configs(struct image *im, struct cursor *c,
                        struct image_topic *t)
{
    uint64_t n = cursor_uvarint(c);
    if (c->status != 0 || n > IMAGE_CONFIGS_MAX || n > cursor_left(c)) {
        return ERR_CORRUPT;
    }
    struct image_config *made = NULL;
    unsigned k = 0;
    if (n > 0) {
        made = mem_calloc(im->mem, (size_t)n, sizeof *made);
        if (made == NULL) {
            return ERR_NOMEM;
        }
    }
    int rv = 0;
    while (k < n && rv == 0) {
        struct slice name = change_take_text(c, SIZE_MAX);
        struct slice value = change_take_text(c, SIZE_MAX);
        made[k].name = mem_strndup(im->mem, (const char *)name.data, name.len);
        made[k].value =
            mem_strndup(im->mem, (const char *)value.data, value.len);
        rv = c->status != 0                                  ? ERR_CORRUPT
             : made[k].name == NULL || made[k].value == NULL ? ERR_NOMEM
                                                             : 0;
        k++;
    }
    if (rv != 0) {
        configs_free(im, made, k);
        return rv;
    }
    configs_free(im, t->configs, t->n_configs);
    t->configs = made;
    t->n_configs = (unsigned)n;
    return 0;
}

static void groups_forget(struct image *im, const struct image_topic *t)
{
    for (int32_t i = 0; i < t->n_partitions; i++) {
        map_remove_u64(im->by_group, t->partitions[i].group);
    }
}

/* Enter a topic that is filled in. */
static int topic_insert(struct image *im, struct image_topic *t)
{
    int rv = array_grow(im, &im->topics, im->n_topics, &im->cap_topics);
    if (rv == 0) {
        rv = map_put(im->by_name, slice_str(t->name), t);
    }
    if (rv == 0) {
        rv = map_put(im->by_id, uuid_key(&t->id), t);
        if (rv != 0) {
            map_remove(im->by_name, slice_str(t->name));
        }
    }
    if (rv != 0) {
        return rv == ERR_EXISTS ? ERR_CORRUPT : rv;
    }
    unsigned at = topic_slot(im, t->name);
    memmove(im->topics + at + 1, im->topics + at,
            (im->n_topics - at) * sizeof *im->topics);
    im->topics[at] = t;
    im->n_topics++;
    return 0;
}

static int take_topic(struct image *im, struct cursor *c)
{
    struct image_topic *t = mem_calloc(im->mem, 1, sizeof *t);
    if (t == NULL) {
        return ERR_NOMEM;
    }
    t->id = change_take_uuid(c);
    change_copy_text(c, t->name, sizeof t->name - 1);
    t->created_ms = (int64_t)cursor_u64(c);
    t->internal = cursor_u8(c) != 0;
    int rv = take_partitions(im, c, t);
    rv = rv != 0 ? rv : take_configs(im, c, t);
    rv = rv != 0 ? rv : topic_insert(im, t);
    if (rv != 0) {
        groups_forget(im, t);
        topic_free(im, t);
        return rv;
    }
    tell(im, IMAGE_TOPIC_CREATED, t, NULL);
    return 0;
}

static int take_deleted(struct image *im, struct uuid id)
{
    struct image_topic *t = map_find(im->by_id, uuid_key(&id));
    int rv = map_put(im->deleted, uuid_key(&id), im);
    if (rv != 0 && rv != ERR_EXISTS) {
        return rv;
    }
    if (t == NULL) {
        return 0;
    }
    unsigned at = topic_slot(im, t->name);
    ASSERT(im->topics[at] == t);
    memmove(im->topics + at, im->topics + at + 1,
            (im->n_topics - at - 1) * sizeof *im->topics);
    im->n_topics--;
    map_remove(im->by_name, slice_str(t->name));
    map_remove(im->by_id, uuid_key(&id));
    groups_forget(im, t);
    tell(im, IMAGE_TOPIC_DELETED, t, NULL);
    topic_free(im, t);
    return 0;
}

static int take_one(struct image *im, struct cursor *c)
{
    uint8_t kind = cursor_u8(c);
    if (kind == CHANGE_NODE) {
        return take_node(im, c);
    }
    if (kind == CHANGE_TOPIC) {
        return take_topic(im, c);
    }
    struct uuid id = change_take_uuid(c);
    struct image_topic *t = map_find(im->by_id, uuid_key(&id));
    int rv = ERR_CORRUPT;
    if (c->status != 0) {
        return ERR_CORRUPT;
    }
    if (kind == CHANGE_CLUSTER) {
        im->cluster = id;
        return 0;
    }
    if (kind == CHANGE_DELETED) {
        return take_deleted(im, id);
    }
    if (kind == CHANGE_PARTITIONS && t != NULL) {
        rv = take_partitions(im, c, t);
        if (rv == 0) {
            tell(im, IMAGE_TOPIC_GROWN, t, NULL);
        }
    } else if (kind == CHANGE_CONFIGS && t != NULL) {
        rv = take_configs(im, c, t);
        if (rv == 0) {
            tell(im, IMAGE_TOPIC_CONFIG, t, NULL);
        }
    }
    return rv;
}

int image_change(struct image *im, struct slice changes, bool reset)
{
    struct cursor c;
    int rv = 0;
    cursor_init(&c, changes);
    if (reset) {
        empty(im);
        rv = maps_new(im);
    }
    im->quiet = reset;
    while (rv == 0 && cursor_left(&c) > 0) {
        rv = take_one(im, &c);
    }
    im->quiet = false;
    if (rv == 0 && reset) {
        tell(im, IMAGE_RESET, NULL, NULL);
    }
    return rv;
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

const struct image_node *image_node(const struct image *im, int32_t id)
{
    unsigned at = node_slot(im, id);
    return at < im->n_nodes && im->nodes[at]->id == id ? im->nodes[at] : NULL;
}

const struct image_topic *image_topic(const struct image *im, struct slice name)
{
    return map_find(im->by_name, name);
}

const struct image_topic *image_topic_by_id(const struct image *im,
                                            struct uuid id)
{
    return map_find(im->by_id, uuid_key(&id));
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

bool image_deleted(const struct image *im, struct uuid id)
{
    return map_find(im->deleted, uuid_key(&id)) != NULL;
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
    unsigned at = prev == NULL ? 0 : node_slot(im, prev->id) + 1;
    return at < im->n_nodes ? im->nodes[at] : NULL;
}

const struct image_topic *image_next_topic(const struct image *im,
                                           const struct image_topic *prev)
{
    unsigned at = prev == NULL ? 0 : topic_slot(im, prev->name) + 1;
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
