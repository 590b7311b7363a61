#include "state/cgroup_image.h"

#include "base/assert.h"
#include "base/err.h"
#include "state/cgroup_image_impl.h"
#include "wire/errors.h"

/* ---- memory --------------------------------------------------------------
 */

void cgroup_topic_release(struct cgroup_image *im, const struct uuid *topic)
{
    struct slice key = slice_of(topic->b, sizeof topic->b);
    struct topic_use *u = map_find(im->topics, key);
    ASSERT(u != NULL && u->n > 0);
    if (--u->n == 0) {
        map_remove(im->topics, key);
        mem_free(im->mem, u);
    }
}

void cgroup_view_resize(struct cgroup_image *im, struct cgroup_view *g,
                        size_t more, size_t less)
{
    ASSERT(g->bytes >= less && im->bytes >= less);
    g->bytes += more - less;
    im->bytes += more - less;
}

/* With its place among the group's. */
size_t cgroup_view_offset_bytes(size_t metadata_len)
{
    return sizeof(struct cgroup_view_offset) + sizeof(void *) + metadata_len;
}

size_t cgroup_view_member_bytes(size_t text_len)
{
    return sizeof(struct cgroup_view_member) + sizeof(void *) + text_len;
}

const uint64_t *cgroup_image_bytes(const struct cgroup_image *im)
{
    return &im->bytes;
}

void cgroup_view_free(struct cgroup_image *im, struct cgroup_view *g)
{
    cgroup_view_resize(im, g, 0, g->bytes);
    for (unsigned i = 0; i < g->n_members; i++) {
        mem_free(im->mem, g->members[i]);
    }
    for (unsigned i = 0; i < g->n_offsets; i++) {
        cgroup_topic_release(im, &g->offsets[i]->topic);
        mem_free(im->mem, g->offsets[i]);
    }
    mem_free(im->mem, g->members);
    mem_free(im->mem, g->offsets);
    mem_free(im->mem, g->text);
    mem_free(im->mem, g);
}

void cgroup_image_empty(struct cgroup_image *im)
{
    void *it = NULL, *g;
    while (map_next(im->groups, &it, &g)) {
        struct cgroup_view *v = g;
        map_remove(im->groups, v->id);
        cgroup_view_free(im, v);
    }
}

struct cgroup_image *cgroup_image_new(struct mem *mem)
{
    struct cgroup_image *im = mem_calloc(mem, 1, sizeof *im);
    if (im == NULL) {
        return NULL;
    }
    im->mem = mem;
    im->groups = map_new(mem);
    im->topics = map_new(mem);
    if (im->groups == NULL || im->topics == NULL) {
        map_free(im->groups);
        map_free(im->topics);
        mem_free(mem, im);
        return NULL;
    }
    return im;
}

void cgroup_image_free(struct cgroup_image *im)
{
    if (im == NULL) {
        return;
    }
    cgroup_image_empty(im);
    map_free(im->groups);
    map_free(im->topics);
    mem_free(im->mem, im);
}

void cgroup_image_watch(struct cgroup_image *im, cgroup_watch_cb cb, void *arg)
{
    im->watch = cb;
    im->watch_arg = arg;
}

/* ---- finding -------------------------------------------------------------
 */

struct cgroup_view *cgroup_image_find(const struct cgroup_image *im,
                                      struct slice id)
{
    return map_find(im->groups, id);
}

/* The first that is not below. */
unsigned cgroup_member_slot(const struct cgroup_view *g, struct slice id)
{
    unsigned lo = 0, hi = g->n_members;
    while (lo < hi) {
        unsigned mid = lo + (hi - lo) / 2;
        if (slice_compare(g->members[mid]->id, id) < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

int cgroup_offset_compare(const struct cgroup_view_offset *o,
                          const struct uuid *topic, int32_t partition)
{
    int r = memcmp(o->topic.b, topic->b, sizeof topic->b);
    return r != 0 ? r : (o->partition > partition) - (o->partition < partition);
}

unsigned cgroup_offset_slot(const struct cgroup_view *g,
                            const struct uuid *topic, int32_t partition)
{
    unsigned lo = 0, hi = g->n_offsets;
    while (lo < hi) {
        unsigned mid = lo + (hi - lo) / 2;
        if (cgroup_offset_compare(g->offsets[mid], topic, partition) < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

struct cgroup_view_member *cgroup_view_member(const struct cgroup_view *g,
                                              struct slice id)
{
    unsigned at = cgroup_member_slot(g, id);
    return at < g->n_members && slice_equal(g->members[at]->id, id)
               ? g->members[at]
               : NULL;
}

struct cgroup_view_member *cgroup_view_instance(const struct cgroup_view *g,
                                                struct slice instance)
{
    for (unsigned i = 0; i < g->n_members && instance.len > 0; i++) {
        if (slice_equal(g->members[i]->instance, instance)) {
            return g->members[i];
        }
    }
    return NULL;
}

const struct cgroup_view_offset *cgroup_view_offset(const struct cgroup_view *g,
                                                    struct uuid topic,
                                                    int32_t partition)
{
    unsigned at = cgroup_offset_slot(g, &topic, partition);
    return at < g->n_offsets &&
                   cgroup_offset_compare(g->offsets[at], &topic, partition) == 0
               ? g->offsets[at]
               : NULL;
}

struct slice cgroup_view_metadata(const struct cgroup_view_member *m,
                                  struct slice protocol)
{
    struct cursor c;
    cursor_init(&c, m->protocols);
    while (c.status == 0 && cursor_left(&c) > 0) {
        struct slice name = cursor_take(&c, (size_t)cursor_uvarint(&c));
        struct slice metadata = cursor_take(&c, (size_t)cursor_uvarint(&c));
        if (c.status == 0 && slice_equal(name, protocol)) {
            return metadata;
        }
    }
    return slice_of(NULL, 0);
}

/* Mark what a subscription names. False: it cannot be read. */
static bool mark_named(const struct map *asked, struct slice subscription)
{
    struct cursor c;
    cursor_init(&c, subscription);
    cursor_skip(&c, 2); /* later versions only add at the end */
    uint32_t n = cursor_u32(&c);
    for (uint32_t i = 0; i < n && c.status == 0; i++) {
        struct slice name = cursor_take(&c, cursor_u16(&c));
        bool *found = c.status == 0 ? map_find(asked, name) : NULL;
        if (found != NULL) {
            *found = true;
        }
    }
    return c.status == 0;
}

static bool mark_member(const struct map *asked,
                        const struct cgroup_view_member *m)
{
    struct cursor c;
    bool good = true;
    cursor_init(&c, m->protocols);
    while (good && cursor_left(&c) > 0) {
        cursor_skip(&c, (size_t)cursor_uvarint(&c));
        struct slice said = cursor_take(&c, (size_t)cursor_uvarint(&c));
        good = c.status == 0 && mark_named(asked, said);
    }
    return good;
}

int cgroup_view_subscriptions(const struct cgroup_view *g, struct mem *mem,
                              const struct slice topics[], bool subscribed[],
                              unsigned n)
{
    struct map *asked = map_new(mem);
    bool good = true;
    int rv = asked == NULL ? ERR_NOMEM : 0;
    for (unsigned i = 0; i < n && rv == 0; i++) {
        subscribed[i] = false;
        rv = map_put(asked, topics[i], &subscribed[i]);
        rv = rv == ERR_EXISTS ? 0 : rv;
    }
    for (unsigned i = 0; rv == 0 && good && i < g->n_members; i++) {
        good = g->members[i]->pending || mark_member(asked, g->members[i]);
    }
    for (unsigned i = 0; rv == 0 && i < n; i++) {
        subscribed[i] = !good || *(bool *)map_find(asked, topics[i]);
    }
    map_free(asked);
    return rv;
}

struct cgroup_view *cgroup_image_next(const struct cgroup_image *im, void **it)
{
    void *g;
    return map_next(im->groups, it, &g) ? g : NULL;
}

unsigned cgroup_image_count(const struct cgroup_image *im)
{
    return (unsigned)map_count(im->groups);
}

bool cgroup_image_holds(const struct cgroup_image *im, struct uuid topic)
{
    return map_find(im->topics, slice_of(topic.b, sizeof topic.b)) != NULL;
}

bool cgroup_image_next_topic(const struct cgroup_image *im, void **it,
                             struct uuid *ret_topic)
{
    void *u;
    if (!map_next(im->topics, it, &u)) {
        return false;
    }
    *ret_topic = ((struct topic_use *)u)->topic;
    return true;
}

int cgroup_view_heartbeat(const struct cgroup_view *g, struct slice member,
                          struct slice instance, int32_t generation)
{
    const struct cgroup_view_member *m;
    if (g == NULL || g->state == CGROUP_EMPTY) {
        return KERR_UNKNOWN_MEMBER_ID;
    }
    m = instance.len > 0 ? cgroup_view_instance(g, instance)
                         : cgroup_view_member(g, member);
    if (m == NULL || m->pending) {
        return KERR_UNKNOWN_MEMBER_ID;
    }
    if (!slice_equal(m->id, member)) {
        return KERR_FENCED_INSTANCE_ID;
    }
    if (generation != g->generation) {
        return KERR_ILLEGAL_GENERATION;
    }
    return g->state == CGROUP_PREPARING ? KERR_REBALANCE_IN_PROGRESS : 0;
}
