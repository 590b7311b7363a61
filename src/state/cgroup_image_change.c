/* cgroup_image_change.c - change records become the image. */
#include "base/assert.h"
#include "state/cgroup_image_impl.h"
#include "state/change.h"

static void tell(struct cgroup_image *im, enum cgroup_event event,
                 struct cgroup_view *g, struct cgroup_view_member *m)
{
    if (im->watch != NULL && !im->quiet) {
        im->watch(im->watch_arg, event, g, m);
    }
}

/* Copy to where `at` points, which moves on. */
static struct slice lay(uint8_t **at, struct slice s)
{
    struct slice copy = slice_of(*at, s.len);
    if (s.len > 0) {
        memcpy(*at, s.data, s.len);
        *at += s.len;
    }
    return copy;
}

/* Room for one more in the array of pointers that `array` points to. Errors:
 * ERR_NOMEM. */
static int grow(struct cgroup_image *im, void *array, unsigned n, unsigned *cap)
{
    void *p;
    if (n < *cap) {
        return 0;
    }
    unsigned more = *cap == 0 ? 4 : 2 * *cap;
    memcpy(&p, array, sizeof p);
    p = mem_realloc(im->mem, p, more * sizeof(void *));
    if (p == NULL) {
        return ERR_NOMEM;
    }
    memcpy(array, &p, sizeof p);
    *cap = more;
    return 0;
}

static int topic_acquire(struct cgroup_image *im, const struct uuid *topic)
{
    struct slice key = slice_of(topic->b, sizeof topic->b);
    struct topic_use *u = map_find(im->topics, key);
    if (u == NULL) {
        u = mem_calloc(im->mem, 1, sizeof *u);
        if (u == NULL) {
            return ERR_NOMEM;
        }
        u->topic = *topic;
        if (map_put(im->topics, key, u) != 0) {
            mem_free(im->mem, u);
            return ERR_NOMEM;
        }
    }
    u->n++;
    return 0;
}

/* ---- changing ------------------------------------------------------------
 */

static struct slice take_text(struct cursor *c)
{
    return change_take_text(c, CGROUP_NAME_MAX);
}

static struct slice take_bytes(struct cursor *c)
{
    uint64_t len = cursor_uvarint(c);
    if (len > cursor_left(c)) {
        cursor_fail(c);
        return slice_of(NULL, 0);
    }
    return cursor_take(c, (size_t)len);
}

static size_t group_bytes(const struct cgroup_view *g)
{
    return sizeof *g + g->id.len + g->protocol_type.len + g->protocol.len +
           g->leader.len;
}

static size_t member_bytes(const struct cgroup_view_member *m)
{
    return cgroup_view_member_bytes(m->id.len + m->instance.len +
                                    m->client_id.len + m->client_host.len +
                                    m->protocols.len + m->assignment.len);
}

static size_t offset_bytes(const struct cgroup_view_offset *o)
{
    return cgroup_view_offset_bytes(o->metadata.len);
}

static int group_fill(struct cgroup_image *im, struct cgroup_view *g,
                      struct cgroup_view *n)
{
    size_t len =
        n->id.len + n->protocol_type.len + n->protocol.len + n->leader.len;
    uint8_t *at = mem_alloc(im->mem, len + 1);
    if (at == NULL) {
        return ERR_NOMEM;
    }
    n->text = at;
    n->id = lay(&at, n->id);
    n->protocol_type = lay(&at, n->protocol_type);
    n->protocol = lay(&at, n->protocol);
    n->leader = lay(&at, n->leader);
    n->members = g->members;
    n->n_members = g->n_members;
    n->cap_members = g->cap_members;
    n->offsets = g->offsets;
    n->n_offsets = g->n_offsets;
    n->cap_offsets = g->cap_offsets;
    n->data = g->data;
    n->bytes = g->bytes;
    cgroup_view_resize(im, n, group_bytes(n),
                       g->text == NULL ? 0 : group_bytes(g));
    mem_free(im->mem, g->text);
    *g = *n;
    return 0;
}

static int take_group(struct cgroup_image *im, struct cursor *c)
{
    struct cgroup_view n = {.id = take_text(c)};
    uint8_t state = cursor_u8(c);
    n.generation = (int32_t)cursor_u32(c);
    n.round = (int64_t)cursor_u64(c);
    n.protocol_type = take_text(c);
    n.protocol = take_text(c);
    n.leader = take_text(c);
    n.since_ms = (int64_t)cursor_u64(c);
    n.begun_ms = (int64_t)cursor_u64(c);
    n.due_ms = (int64_t)cursor_u64(c);
    n.initial_ms = cursor_u32(c);
    n.state = (enum cgroup_state)state;
    if (c->status != 0 || state > CGROUP_DEAD) {
        return ERR_CORRUPT;
    }
    struct cgroup_view *g = map_find(im->groups, n.id);
    bool made = g == NULL;
    g = made ? mem_calloc(im->mem, 1, sizeof *g) : g;
    if (g == NULL) {
        return ERR_NOMEM;
    }
    int rv = made ? map_put(im->groups, n.id, g) : 0;
    if (rv == 0) {
        rv = group_fill(im, g, &n);
        if (rv != 0 && made) {
            map_remove(im->groups, n.id);
        }
    }
    if (rv != 0 && made) {
        mem_free(im->mem, g);
    }
    if (rv == 0) {
        tell(im, CGROUP_EVENT_GROUP, g, NULL);
    }
    return rv;
}

static int take_group_gone(struct cgroup_image *im, struct cursor *c)
{
    struct slice id = take_text(c);
    struct cgroup_view *g = map_find(im->groups, id);
    if (g != NULL) {
        if (g->n_members > 0) {
            return ERR_CORRUPT;
        }
        map_remove(im->groups, id);
        tell(im, CGROUP_EVENT_GROUP_GONE, g, NULL);
        cgroup_view_free(im, g);
    }
    return 0;
}

static struct cgroup_view_member *
member_new(struct cgroup_image *im, const struct cgroup_view_member *from)
{
    size_t len = from->id.len + from->instance.len + from->client_id.len +
                 from->client_host.len + from->protocols.len +
                 from->assignment.len;
    struct cgroup_view_member *m = mem_alloc(im->mem, sizeof *m + len);
    if (m == NULL) {
        return NULL;
    }
    uint8_t *at = (uint8_t *)(m + 1);
    *m = *from;
    m->id = lay(&at, from->id);
    m->instance = lay(&at, from->instance);
    m->client_id = lay(&at, from->client_id);
    m->client_host = lay(&at, from->client_host);
    m->protocols = lay(&at, from->protocols);
    m->assignment = lay(&at, from->assignment);
    return m;
}

static int member_set(struct cgroup_image *im, struct cgroup_view *g,
                      struct cgroup_view_member *m)
{
    unsigned at = cgroup_member_slot(g, m->id);
    if (at < g->n_members && slice_equal(g->members[at]->id, m->id)) {
        m->data = g->members[at]->data;
        cgroup_view_resize(im, g, member_bytes(m),
                           member_bytes(g->members[at]));
        mem_free(im->mem, g->members[at]);
        g->members[at] = m;
        return 0;
    }
    int rv = grow(im, &g->members, g->n_members, &g->cap_members);
    if (rv != 0) {
        return rv;
    }
    memmove(&g->members[at + 1], &g->members[at],
            (g->n_members - at) * sizeof *g->members);
    g->members[at] = m;
    g->n_members++;
    cgroup_view_resize(im, g, member_bytes(m), 0);
    return 0;
}

static int take_member(struct cgroup_image *im, struct cursor *c)
{
    struct cgroup_view *g = map_find(im->groups, take_text(c));
    struct cgroup_view_member n = {.id = take_text(c)};
    n.instance = take_text(c);
    n.client_id = take_text(c);
    n.client_host = take_text(c);
    n.session_ms = cursor_u32(c);
    n.rebalance_ms = cursor_u32(c);
    uint8_t flags = cursor_u8(c);
    n.pending = (flags & 1) != 0;
    n.joined = (flags & 2) != 0;
    n.touched = cursor_u64(c);
    n.protocols = take_bytes(c);
    n.assignment = take_bytes(c);
    if (c->status != 0 || g == NULL) {
        return ERR_CORRUPT;
    }
    struct cgroup_view_member *m = member_new(im, &n);
    int rv = m == NULL ? ERR_NOMEM : member_set(im, g, m);
    if (rv != 0) {
        mem_free(im->mem, m);
        return rv;
    }
    tell(im, CGROUP_EVENT_GROUP, g, m);
    return 0;
}

static int take_member_gone(struct cgroup_image *im, struct cursor *c)
{
    struct cgroup_view *g = map_find(im->groups, take_text(c));
    struct slice id = take_text(c);
    struct cgroup_view_member *m = g == NULL ? NULL : cgroup_view_member(g, id);
    if (m == NULL) {
        return 0;
    }
    unsigned at = cgroup_member_slot(g, id);
    g->n_members--;
    memmove(&g->members[at], &g->members[at + 1],
            (g->n_members - at) * sizeof *g->members);
    tell(im, CGROUP_EVENT_MEMBER_GONE, g, m);
    cgroup_view_resize(im, g, 0, member_bytes(m));
    mem_free(im->mem, m);
    return 0;
}

static struct cgroup_view_offset *
offset_new(struct cgroup_image *im, const struct cgroup_view_offset *from)
{
    struct cgroup_view_offset *o =
        mem_alloc(im->mem, sizeof *o + from->metadata.len);
    if (o != NULL) {
        uint8_t *at = (uint8_t *)(o + 1);
        *o = *from;
        o->metadata = lay(&at, from->metadata);
    }
    return o;
}

static int offset_set(struct cgroup_image *im, struct cgroup_view *g,
                      struct cgroup_view_offset *o)
{
    unsigned at = cgroup_offset_slot(g, &o->topic, o->partition);
    if (at < g->n_offsets &&
        cgroup_offset_compare(g->offsets[at], &o->topic, o->partition) == 0) {
        cgroup_view_resize(im, g, offset_bytes(o),
                           offset_bytes(g->offsets[at]));
        mem_free(im->mem, g->offsets[at]);
        g->offsets[at] = o;
        return 0;
    }
    int rv = grow(im, &g->offsets, g->n_offsets, &g->cap_offsets);
    if (rv == 0) {
        rv = topic_acquire(im, &o->topic);
    }
    if (rv != 0) {
        return rv;
    }
    memmove(&g->offsets[at + 1], &g->offsets[at],
            (g->n_offsets - at) * sizeof *g->offsets);
    g->offsets[at] = o;
    g->n_offsets++;
    cgroup_view_resize(im, g, offset_bytes(o), 0);
    return 0;
}

static int take_offset(struct cgroup_image *im, struct cursor *c)
{
    struct cgroup_view *g = map_find(im->groups, take_text(c));
    struct cgroup_view_offset n = {.topic = change_take_uuid(c)};
    n.partition = (int32_t)cursor_u32(c);
    n.offset = (int64_t)cursor_u64(c);
    n.epoch = (int32_t)cursor_u32(c);
    n.metadata = take_bytes(c);
    n.time_ms = (int64_t)cursor_u64(c);
    n.expire_ms = (int64_t)cursor_u64(c);
    if (c->status != 0 || g == NULL) {
        return ERR_CORRUPT;
    }
    struct cgroup_view_offset *o = offset_new(im, &n);
    int rv = o == NULL ? ERR_NOMEM : offset_set(im, g, o);
    if (rv != 0) {
        mem_free(im->mem, o);
    }
    return rv;
}

static int take_offset_gone(struct cgroup_image *im, struct cursor *c)
{
    struct cgroup_view *g = map_find(im->groups, take_text(c));
    struct uuid topic = change_take_uuid(c);
    int32_t partition = (int32_t)cursor_u32(c);
    if (c->status != 0 || g == NULL) {
        return 0;
    }
    unsigned at = cgroup_offset_slot(g, &topic, partition);
    if (at == g->n_offsets ||
        cgroup_offset_compare(g->offsets[at], &topic, partition) != 0) {
        return 0;
    }
    cgroup_topic_release(im, &topic);
    cgroup_view_resize(im, g, 0, offset_bytes(g->offsets[at]));
    mem_free(im->mem, g->offsets[at]);
    g->n_offsets--;
    memmove(&g->offsets[at], &g->offsets[at + 1],
            (g->n_offsets - at) * sizeof *g->offsets);
    return 0;
}

static int take_one(struct cgroup_image *im, struct cursor *c)
{
    switch (cursor_u8(c)) {
    case CGROUP_CHANGE_GROUP:
        return take_group(im, c);
    case CGROUP_CHANGE_GROUP_GONE:
        return take_group_gone(im, c);
    case CGROUP_CHANGE_MEMBER:
        return take_member(im, c);
    case CGROUP_CHANGE_MEMBER_GONE:
        return take_member_gone(im, c);
    case CGROUP_CHANGE_OFFSET:
        return take_offset(im, c);
    case CGROUP_CHANGE_OFFSET_GONE:
        return take_offset_gone(im, c);
    default:
        return ERR_CORRUPT;
    }
}

int cgroup_image_change(struct cgroup_image *im, struct slice changes,
                        bool reset)
{
    struct cursor c;
    int rv = 0;
    if (reset) {
        tell(im, CGROUP_EVENT_RESET, NULL, NULL);
        cgroup_image_empty(im);
    }
    im->quiet = reset;
    cursor_init(&c, changes);
    while (rv == 0 && c.status == 0 && cursor_left(&c) > 0) {
        rv = take_one(im, &c);
    }
    im->quiet = false;
    return rv != 0 ? rv : c.status != 0 ? ERR_CORRUPT : 0;
}
