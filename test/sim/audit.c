/* audit.c - see audit.h. */
#include "audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "groups.h"
#include "image.h"
#include "record/batch.h"
#include "states.h"

#define NODE_FIRST 200 /* ids of the places where images are read */
#define SETTLE_US  UINT64_C(2000000) /* until nothing goes on */

/* A book, and on how many images each of its offsets is. */
struct tally {
    struct book *book;
    unsigned n_images;
    uint8_t *held; /* by offset */
    uint64_t chain;
    bool has_chain; /* `chain` is the one at the book's end */
    int64_t start;  /* the latest one of any image */
};

struct audit {
    struct world *world;
    struct terms *terms;
    struct states *states;
    struct mem *mem;
    unsigned node;
    struct image *image;
    struct tally tallies[WORLD_TOPICS_MAX * WORLD_PARTITIONS_MAX];
    unsigned n;
};

struct reading {
    struct audit *audit;
    struct tally *tally;
};

static const char *topic_name(const struct book *b)
{
    return b->world->topics[b->topic].name;
}

static int on_batch(void *arg, const struct batch *batch, uint64_t chain)
{
    struct reading *r = arg;
    struct tally *t = r->tally;
    struct book *b = t->book;
    int64_t at = batch->base_offset, next = batch_next_offset(batch);
    uint64_t hash = hash_bytes(batch->bytes.data, batch->bytes.len) | 1;

    if (next > b->known_end) {
        return 0;
    }
    if (at >= b->cut && b->cells[at].batch != 0 && b->cells[at].batch != hash) {
        world_violation(b->world, "image-changed",
                        "%s-%u: the disk of node %u holds other bytes at "
                        "%" PRId64 " than were read",
                        topic_name(b), b->partition, r->audit->node, at);
        return 1;
    }
    for (; at < next; at++) {
        t->held[at]++;
    }
    if (next == b->known_end) {
        if (t->has_chain && t->chain != chain) {
            world_violation(b->world, "image-changed",
                            "%s-%u: the chain on the disk of node %u differs "
                            "at %" PRId64,
                            topic_name(b), b->partition, r->audit->node, next);
            return 1;
        }
        t->has_chain = true;
        t->chain = chain;
    }
    return 0;
}

static struct tally *tally_of(struct audit *a, const struct image_group *g)
{
    for (unsigned i = 0; i < a->n; i++) {
        struct book *b = a->tallies[i].book;
        if (uuid_equal(a->world->topics[b->topic].id, g->topic) &&
            (int32_t)b->partition == g->partition) {
            return &a->tallies[i];
        }
    }
    return NULL;
}

static void read_group(struct audit *a, const struct image_group *g)
{
    struct tally *t = tally_of(a, g);
    struct reading r = {a, t};
    int64_t start;

    if (uuid_is_zero(g->topic)) {
        return;
    }
    if (t == NULL) {
        char id[UUID_TEXT_LEN + 1];
        world_violation(a->world, "image-left",
                        "the disk of node %u has group %" PRIu64
                        " of topic %s, which is no more",
                        a->node, g->id, uuid_format(g->topic, id));
        return;
    }
    t->n_images++;
    start = image_log_start(g);
    t->start = start > t->start ? start : t->start;
    if (image_walk(a->image, g, on_batch, &r) < 0) {
        world_violation(a->world, "image-unsound", "%s-%u on node %u: %s",
                        topic_name(t->book), t->book->partition, a->node,
                        a->image->error);
    }
}

/* A directory of a partition: of a group that is there? */
static int on_dir(void *arg, const char *name, bool dir)
{
    struct audit *a = arg;
    uint64_t id = strtoull(name, NULL, 16);

    if (dir && image_find(a->image, id) == NULL) {
        world_violation(a->world, "image-left",
                        "the disk of node %u still has p/%s", a->node, name);
    }
    return 0;
}

static void on_start(struct env *e, void *arg)
{
    struct audit *a = arg;
    struct image im;

    a->image = &im;
    if (!image_open(&im, e, "/data")) {
        world_violation(a->world, "image-unsound", "node %u: %s", a->node,
                        im.error);
    } else {
        for (unsigned i = 0; i < im.n_groups; i++) {
            read_group(a, &im.groups[i]);
        }
        (void)env_list_dir(e, "/data/p", on_dir, a);
        terms_read(a->terms, a->node, &im);
        terms_judge(a->terms, &im);
        states_read(a->states, e, a->node, &im);
        groups_audit_read(a->world->groups, a->node, e, &im);
    }
    image_close(&im);
}

static void read_disk(struct audit *a, unsigned id)
{
    struct sim *s = a->world->sim;
    struct sim_disk *disk = sim_cluster_disk(a->world->cluster, id);
    char host[16];

    a->node = id;
    snprintf(host, sizeof host, "audit%u", id);
    if (sim_node_start(s, NODE_FIRST + id, host, disk, on_start, a, NULL) !=
        0) {
        world_violation(a->world, "image-unsound", "node %u: %s", id,
                        sim_node_death(s, NODE_FIRST + id));
        return;
    }
    sim_node_crash(s, NODE_FIRST + id, SIM_CRASH_ALL);
}

static void tally_judge(const struct tally *t)
{
    struct book *b = t->book;
    unsigned n_replicas = (unsigned)__builtin_popcount(b->replicas);
    int64_t at = b->retained && t->start > b->cut ? t->start : b->cut;

    for (; at < b->known_end; at++) {
        if (b->cells[at].producer != 0 && t->held[at] <= n_replicas / 2) {
            world_violation(
                b->world, "image-lost",
                "%s-%u: offset %" PRId64 " is on %u of %u durable images",
                topic_name(b), b->partition, at, t->held[at], n_replicas);
            return;
        }
    }
}

static void begin(struct audit *a)
{
    for (unsigned i = 0; i < WORLD_TOPICS_MAX; i++) {
        struct world_topic *t = &a->world->topics[i];
        for (unsigned k = 0; t->state == TOPIC_IS && k < t->n_partitions; k++) {
            struct tally *y = &a->tallies[a->n++];
            *y = (struct tally){.book = &t->books[k]};
            y->held = mem_calloc(a->mem, 1, (size_t)t->books[k].known_end + 1);
            ASSERT(y->held != NULL);
        }
    }
}

void audit_all(struct world *w, struct terms *terms)
{
    struct audit a = {.world = w, .terms = terms, .mem = mem_new(0)};

    ASSERT(a.mem != NULL);
    a.states = states_new(w, a.mem);
    sim_run_until(w->sim, sim_now_us(w->sim) + SETTLE_US, NULL);
    begin(&a);
    for (unsigned id = 1; id <= sim_cluster_nodes(w->cluster); id++) {
        if ((w->down & 1u << id) == 0 && !world_broken(w)) {
            sim_cluster_kill(w->cluster, id, SIM_CRASH_NONE);
            read_disk(&a, id);
        }
    }
    for (unsigned i = 0; i < a.n && !world_broken(w); i++) {
        tally_judge(&a.tallies[i]);
    }
    groups_audit_judge(w->groups);
    mem_free_all(a.mem);
}
