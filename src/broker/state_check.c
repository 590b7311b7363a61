#include "broker/state_check.h"

#include "base/assert.h"
#include "base/cursor.h"

#define CHECK_VERSION 1

int state_check_init(struct state_check *c, struct mem *mem,
                     const int32_t nodes[], unsigned n, int32_t self,
                     uint32_t schema)
{
    *c = (struct state_check){.n_members = n, .schema = schema, .mem = mem};
    ASSERT(n <= PEERS_MAX);
    if (n == 0) {
        return 0;
    }
    c->others = mem_calloc(mem, n, sizeof *c->others);
    if (c->others == NULL) {
        return ERR_NOMEM;
    }
    for (unsigned i = 0; i < n; i++) {
        if (nodes[i] != self) {
            c->others[c->n_others++].node = nodes[i];
        }
    }
    return 0;
}

void state_check_close(struct state_check *c)
{
    if (c->mem != NULL) {
        mem_free(c->mem, c->others);
    }
    *c = (struct state_check){0};
}

void state_check_encode(const struct state_check *c,
                        const struct state_points *own, bool ask,
                        struct buf *out)
{
    buf_put_u8(out, CHECK_VERSION);
    buf_put_u8(out, ask);
    buf_put_u32(out, c->schema);
    buf_put_u8(out, (uint8_t)own->n);
    for (unsigned i = 0; i < own->n; i++) {
        buf_put_u64(out, own->v[i].index);
        buf_put_u64(out, own->v[i].hash);
    }
}

static int decode(const struct state_check *c, struct slice message,
                  struct state_points *ret_p, bool *ret_ask)
{
    struct state_points p = {0};
    struct cursor in;
    cursor_init(&in, message);
    if (cursor_u8(&in) != CHECK_VERSION) {
        return in.status != 0 ? ERR_PROTOCOL : ERR_VERSION;
    }
    bool ask = cursor_u8(&in) != 0;
    uint32_t schema = cursor_u32(&in);
    unsigned n = cursor_u8(&in);
    if (in.status != 0 || n > STATE_POINTS_MAX) {
        return ERR_PROTOCOL;
    }
    while (p.n < n) {
        struct machine_point *x = &p.v[p.n++];
        x->index = cursor_u64(&in);
        x->hash = cursor_u64(&in);
        if (in.status != 0 || (p.n > 1 && x->index <= x[-1].index)) {
            return ERR_PROTOCOL;
        }
    }
    if (cursor_left(&in) != 0) {
        return ERR_PROTOCOL;
    }
    if (schema != c->schema) {
        return ERR_VERSION;
    }
    *ret_p = p;
    *ret_ask = ask;
    return 0;
}

int state_check_note(struct state_check *c, int32_t node, struct slice message,
                     bool *ret_ask)
{
    struct state_points p;
    for (unsigned i = 0; i < c->n_others; i++) {
        if (c->others[i].node != node) {
            continue;
        }
        int rv = decode(c, message, &p, ret_ask);
        if (rv == 0) {
            c->others[i].points = p;
        } else if (rv == ERR_VERSION) {
            c->others[i].points.n = 0;
        }
        return rv;
    }
    return ERR_NOTFOUND;
}

static const struct machine_point *find(const struct state_points *p,
                                        uint64_t index)
{
    for (unsigned i = p->n; i-- > 0 && p->v[i].index >= index;) {
        if (p->v[i].index == index) {
            return &p->v[i];
        }
    }
    return NULL;
}

/* The hash that more than half of all members have, if one has. */
static bool find_majority(const uint64_t hashes[], unsigned n,
                          unsigned n_members, uint64_t *ret_hash)
{
    for (unsigned i = 0; i < n; i++) {
        unsigned same = 0;
        for (unsigned k = 0; k < n; k++) {
            same += hashes[k] == hashes[i];
        }
        if (2 * same > n_members) {
            *ret_hash = hashes[i];
            return true;
        }
    }
    return false;
}

static struct state_judgement judge_at(const struct state_check *c,
                                       const struct machine_point *own)
{
    struct state_judgement j = {
        .index = own->index, .own = own->hash, .other = -1};
    uint64_t hashes[PEERS_MAX] = {own->hash};
    j.n_known = 1;
    for (unsigned i = 0; i < c->n_others; i++) {
        const struct machine_point *x = find(&c->others[i].points, own->index);
        if (x != NULL) {
            hashes[j.n_known++] = x->hash;
            j.other = x->hash != own->hash ? c->others[i].node : j.other;
        }
    }
    bool majority = find_majority(hashes, j.n_known, c->n_members, &j.majority);
    j.verdict = 2 * j.n_known <= c->n_members ? STATE_UNKNOWN
                : !majority                   ? STATE_SPLIT
                : j.majority != j.own         ? STATE_ASTRAY
                : j.other >= 0                ? STATE_OTHERS
                                              : STATE_SAME;
    return j;
}

struct state_judgement state_check_judge(const struct state_check *c,
                                         const struct state_points *own)
{
    for (unsigned i = own->n; i-- > 0;) {
        struct state_judgement j = judge_at(c, &own->v[i]);
        if (j.verdict != STATE_UNKNOWN) {
            return j;
        }
    }
    return (struct state_judgement){.verdict = STATE_UNKNOWN, .other = -1};
}
