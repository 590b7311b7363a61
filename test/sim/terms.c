/* terms.c - see terms.h. */
#include "terms.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/map.h"

#define NODE_FIRST 220 /* ids of the places where disks are read */

/* What the disk of a node held of a group when it was read last. */
struct held {
    unsigned node, look;
    uint64_t group, term, vote;
};

void terms_init(struct terms *t, struct world *w)
{
    *t = (struct terms){.world = w, .mem = mem_new(0)};
    ASSERT(t->mem != NULL);
    t->leaders = map_new(t->mem);
    t->held = map_new(t->mem);
    ASSERT(t->leaders != NULL && t->held != NULL);
}

void terms_close(struct terms *t)
{
    mem_free_all(t->mem);
}

/* ---- leaders ---------------------------------------------------------------
 */

/* The number behind " name=", or 0. */
static uint64_t number_of(const char *line, const char *name)
{
    const char *p = strstr(line, name);

    return p == NULL ? 0 : strtoull(p + strlen(name), NULL, 10);
}

void terms_hear(struct terms *t, unsigned node, struct slice line)
{
    static const char event[] = " replica leader ";
    char text[400];
    void *known, *self = (void *)(uintptr_t)node;

    if (memmem(line.data, line.len, event, sizeof event - 1) == NULL) {
        return;
    }
    snprintf(text, sizeof text, "%.*s", (int)line.len, (const char *)line.data);
    uint64_t group = number_of(text, " group="),
             term = number_of(text, "term=");
    uint64_t key = group << 32 | term;
    known = map_find_u64(t->leaders, key);
    if (known == NULL) {
        ASSERT(map_put_u64(t->leaders, key, self) == 0);
    } else if (known != self && t->n_twos < TERMS_TWOS_MAX) {
        t->twos[t->n_twos++] =
            (struct terms_two){.group = group,
                               .term = term,
                               .nodes = {(unsigned)(uintptr_t)known, node},
                               .at_us = sim_now_us(t->world->sim)};
    }
}

/* ---- terms and votes -------------------------------------------------------
 */

static void held_judge(struct terms *t, const struct image_group *g,
                       struct held *h)
{
    if (g->term < h->term) {
        world_violation(t->world, "term-back",
                        "group %" PRIu64 ": the disk of node %u is in term "
                        "%" PRIu64 " and was in %" PRIu64,
                        g->id, h->node, g->term, h->term);
    }
    if (g->term == h->term && h->vote != 0 && g->vote != h->vote) {
        world_violation(t->world, "two-votes",
                        "group %" PRIu64 ": in term %" PRIu64
                        " the disk of node %u has a vote for %" PRIx64
                        " and had one for %" PRIx64,
                        g->id, g->term, h->node, g->vote, h->vote);
    }
}

static uint64_t held_key(unsigned node, uint64_t group)
{
    return (uint64_t)node << 32 | group;
}

static void group_read(struct terms *t, unsigned node,
                       const struct image_group *g)
{
    struct held *h = map_find_u64(t->held, held_key(node, g->id));

    if (h == NULL) {
        h = mem_calloc(t->mem, 1, sizeof *h);
        ASSERT(h != NULL &&
               map_put_u64(t->held, held_key(node, g->id), h) == 0);
        h->node = node;
        h->group = g->id;
    }
    held_judge(t, g, h);
    h->term = g->term;
    h->vote = g->vote;
    h->look = t->n_looks;
}

void terms_read(struct terms *t, unsigned node, const struct image *im)
{
    void *it = NULL, *v;

    t->n_looks++;
    for (unsigned i = 0; i < im->n_groups; i++) {
        group_read(t, node, &im->groups[i]);
    }
    while (map_next(t->held, &it, &v)) {
        struct held *h = v;
        if (h->node == node && h->look != t->n_looks) { /* dropped */
            map_remove_u64(t->held, held_key(node, h->group));
        }
    }
}

void terms_judge(struct terms *t, const struct image *im)
{
    for (unsigned i = 0; i < t->n_twos; i++) {
        const struct terms_two *two = &t->twos[i];
        for (unsigned k = 0; k < im->n_groups; k++) {
            if (im->groups[k].id == two->group) {
                world_violation(t->world, "two-leaders",
                                "nodes %u and %u led group %" PRIu64
                                " in term %" PRIu64 ", at %" PRIu64 " us",
                                two->nodes[0], two->nodes[1], two->group,
                                two->term, two->at_us);
            }
        }
    }
}

struct look {
    struct terms *terms;
    unsigned node;
};

static void on_start(struct env *e, void *arg)
{
    struct look *l = arg;
    struct image im;

    /* One that was cut while it was made says nothing. */
    if (image_open(&im, e, "/data")) {
        terms_read(l->terms, l->node, &im);
    }
    image_close(&im);
}

void terms_look(struct terms *t, unsigned node)
{
    struct sim *s = t->world->sim;
    struct look l = {t, node};
    char host[16];

    if (t->n_looks >= TERMS_LOOKS_MAX || (t->world->down & 1u << node) ||
        sim_cluster_life(t->world->cluster, node) == 0) {
        return;
    }
    snprintf(host, sizeof host, "terms%u", node);
    if (sim_node_start(s, NODE_FIRST + node, host,
                       sim_cluster_disk(t->world->cluster, node), on_start, &l,
                       NULL) == 0) {
        sim_node_crash(s, NODE_FIRST + node, SIM_CRASH_ALL);
    }
}
