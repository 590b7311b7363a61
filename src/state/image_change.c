/* image_change.c - change records become structs, and watchers are told. */
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "state/change.h"
#include "state/image_impl.h"

#define IMAGE_PARTITIONS_MAX (1 << 20)
#define IMAGE_CONFIGS_MAX    4096

static void tell(struct image *im, enum image_event event,
                 const struct image_topic *t, const struct image_node *n)
{
    for (unsigned i = 0; !im->quiet && i < im->n_watchers; i++) {
        im->watchers[i].cb(im->watchers[i].arg, event, t, n);
    }
}

static int take_node(struct image *im, struct cursor *c)
{
    struct image_node n;
    change_take_node(c, &n);
    if (c->status != 0) {
        return ERR_CORRUPT;
    }
    unsigned at = image_node_slot(im, n.id);
    if (at == im->n_nodes || im->nodes[at]->id != n.id) {
        int rv = image_array_grow(im, &im->nodes, im->n_nodes, &im->cap_nodes);
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
        image_configs_free(im, made, k);
        return rv;
    }
    image_configs_free(im, t->configs, t->n_configs);
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
    int rv = image_array_grow(im, &im->topics, im->n_topics, &im->cap_topics);
    if (rv == 0) {
        rv = map_put(im->by_name, slice_str(t->name), t);
    }
    if (rv == 0) {
        rv = map_put(im->by_id, image_uuid_key(&t->id), t);
        if (rv != 0) {
            map_remove(im->by_name, slice_str(t->name));
        }
    }
    if (rv != 0) {
        return rv == ERR_EXISTS ? ERR_CORRUPT : rv;
    }
    unsigned at = image_topic_slot(im, t->name);
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
        image_topic_free(im, t);
        return rv;
    }
    tell(im, IMAGE_TOPIC_CREATED, t, NULL);
    return 0;
}

static int take_deleted(struct image *im, struct uuid id)
{
    struct image_topic *t = map_find(im->by_id, image_uuid_key(&id));
    int rv = map_put(im->deleted, image_uuid_key(&id), im);
    if (rv != 0 && rv != ERR_EXISTS) {
        return rv;
    }
    if (t == NULL) {
        return 0;
    }
    unsigned at = image_topic_slot(im, t->name);
    ASSERT(im->topics[at] == t);
    memmove(im->topics + at, im->topics + at + 1,
            (im->n_topics - at - 1) * sizeof *im->topics);
    im->n_topics--;
    map_remove(im->by_name, slice_str(t->name));
    map_remove(im->by_id, image_uuid_key(&id));
    groups_forget(im, t);
    tell(im, IMAGE_TOPIC_DELETED, t, NULL);
    image_topic_free(im, t);
    return 0;
}

static int take_shards(struct image *im, struct cursor *c)
{
    struct image_partition shards[IMAGE_SHARDS_MAX];
    unsigned n = cursor_u8(c);
    for (unsigned i = 0; i < n && c->status == 0; i++) {
        if (i == IMAGE_SHARDS_MAX) {
            return ERR_CORRUPT;
        }
        uint64_t group = cursor_u64(c);
        change_take_replicas(c, &shards[i]);
        shards[i].group = group;
    }
    if (c->status != 0 || n == 0) {
        return ERR_CORRUPT;
    }
    memcpy(im->shards, shards, n * sizeof *shards);
    im->n_shards = n;
    tell(im, IMAGE_SHARDS, NULL, NULL);
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
    if (kind == CHANGE_SHARDS) {
        return take_shards(im, c);
    }
    struct uuid id = change_take_uuid(c);
    struct image_topic *t = map_find(im->by_id, image_uuid_key(&id));
    int rv = ERR_CORRUPT;
    if (c->status != 0) {
        return ERR_CORRUPT;
    }
    if (kind == CHANGE_CLUSTER) {
        im->cluster = id;
        im->next_group = cursor_u64(c);
        return c->status == 0 ? 0 : ERR_CORRUPT;
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
        image_empty(im);
        rv = image_maps_new(im);
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
