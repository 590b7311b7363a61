/* sim.c - the world: memory, chance, events, the scheduler.
 *
 * The scheduler takes the first event off one heap, ordered by (virtual time,
 * order of insertion), and lets it happen. After the events of one node at one
 * time the node has a turn (sim_node.c).
 */
#include "env/sim_impl.h"

#include <string.h>

#include "base/assert.h"
#include "base/crc32c.h"

/* ---- memory and chance -------------------------------------------------- */

void *sim_alloc(struct sim *s, size_t n, size_t size)
{
    void *p = mem_calloc(s->mem, n, size);

    ASSERT(p != NULL);
    return p;
}

void *sim_alloc_raw(struct sim *s, size_t size)
{
    void *p = mem_alloc(s->mem, size);

    ASSERT(p != NULL);
    return p;
}

void *sim_realloc(struct sim *s, void *p, size_t size)
{
    p = mem_realloc(s->mem, p, size);
    ASSERT(p != NULL);
    return p;
}

void sim_release(struct sim *s, void *p)
{
    mem_free(s->mem, p);
}

uint64_t sim_draw(struct sim *s, uint64_t min, uint64_t max)
{
    return max <= min ? min : min + rand_below(&s->rand, max - min + 1);
}

bool sim_chance(struct sim *s, unsigned rate)
{
    return rate != 0 && rand_below(&s->rand, 10000) < rate;
}

uint64_t sim_rand_below(struct sim *s, uint64_t n)
{
    return rand_below(&s->rand, n);
}

static uint64_t mix(uint64_t hash, uint64_t v)
{
    hash = (hash ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

void sim_note(struct sim *s, unsigned id, enum sim_kind kind, uint64_t len)
{
    s->hash = mix(mix(s->hash, s->now_us), len);
    s->hash = mix(s->hash, (uint64_t)id << 32 | kind);
}

void sim_note_bytes(struct sim *s, unsigned id, const void *data, size_t len)
{
    sim_note(s, id, SIM_KIND_BYTES,
             (uint64_t)len << 32 | (data == NULL ? 0 : crc32c(data, len)));
}

uint64_t sim_trace_hash(const struct sim *s)
{
    return s->hash;
}

uint64_t sim_now_us(const struct sim *s)
{
    return s->now_us;
}

/* ---- events ------------------------------------------------------------- */

void *sim_event_new(struct sim *s, size_t size, struct sim_node *n,
                    enum sim_kind kind)
{
    struct sim_event *ev = sim_alloc(s, 1, size);

    ev->sim = s;
    ev->kind = kind;
    if (n != NULL) {
        ev->id = n->id;
        ev->life = n->life;
    }
    queue_init(&ev->queue);
    return ev;
}

void sim_event_push(struct sim_event *ev, uint64_t at_us)
{
    struct sim *s = ev->sim;

    ev->node.key = at_us > s->now_us ? at_us : s->now_us;
    if (heap_push(&s->events, &ev->node) != 0) {
        ASSERT(!"memory for an event");
    }
}

static void event_free(struct sim_event *ev)
{
    if (ev->release != NULL) {
        ev->release(ev);
    }
    sim_release(ev->sim, ev);
}

void sim_event_cancel(struct sim_event *ev)
{
    if (ev != NULL) {
        heap_remove(&ev->sim->events, &ev->node);
        queue_remove(&ev->queue);
        event_free(ev);
    }
}

void sim_events_free(struct queue *head)
{
    struct queue *q;

    while ((q = queue_pop(head)) != NULL) {
        event_free(QUEUE_ENTRY(q, struct sim_event, queue));
    }
}

struct sim_node *sim_node_find(struct sim *s, unsigned id)
{
    for (unsigned i = 0; i < s->n_nodes; i++) {
        if (s->nodes[i]->id == id) {
            return s->nodes[i];
        }
    }
    return NULL;
}

struct sim_node *sim_node_get(struct sim *s, unsigned id)
{
    struct sim_node *n = sim_node_find(s, id);

    ASSERT(n != NULL);
    return n;
}

/* ---- running ------------------------------------------------------------ */

static void event_run(void *arg)
{
    struct sim_event *ev = arg;

    ev->run(ev);
}

/* Let an event happen to its node. */
static void event_deliver(struct sim_event *ev)
{
    struct sim *s = ev->sim;
    struct sim_node *n = sim_node_find(s, ev->id);

    if (ev->run == NULL || n == NULL || !n->alive || n->life != ev->life) {
        event_free(ev);
        return;
    }
    if (n->paused) {
        queue_push(&n->held, &ev->queue);
        return;
    }
    s->batch = n;
    (void)sim_node_enter(n, event_run, ev);
    if (!ev->keep) {
        event_free(ev);
    }
}

/* The batch ends when the next event is not the same node's at this time. */
static void batch_end(struct sim *s)
{
    struct heap_node *first = heap_first(&s->events);
    struct sim_node *n = s->batch;

    if (n == NULL) {
        return;
    }
    if (first != NULL && first->key == s->now_us &&
        QUEUE_ENTRY(first, struct sim_event, node)->id == n->id) {
        return;
    }
    s->batch = NULL;
    if (n->paused) {
        sim_turn_plan_next(n);
    } else {
        (void)sim_node_turn(n);
    }
}

bool sim_run_one(struct sim *s)
{
    struct heap_node *first = heap_first(&s->events);
    struct sim_event *ev;

    ASSERT(s->current == NULL);
    if (first == NULL) {
        return false;
    }
    heap_remove(&s->events, first);
    ASSERT(first->key >= s->now_us);
    s->now_us = first->key;
    ev = QUEUE_ENTRY(first, struct sim_event, node);
    sim_note(s, ev->id, ev->kind, ev->len);
    if (ev->arrive != NULL) {
        ev->arrive(ev);
    }
    event_deliver(ev);
    sim_nodes_reap(s);
    batch_end(s);
    sim_nodes_reap(s);
    return true;
}

void sim_run_until(struct sim *s, uint64_t until_us, const bool *flag)
{
    while (flag == NULL || !*flag) {
        struct heap_node *first = heap_first(&s->events);
        if (first == NULL || first->key > until_us) {
            if (until_us != UINT64_MAX && until_us > s->now_us) {
                s->now_us = until_us;
            }
            return;
        }
        (void)sim_run_one(s);
    }
}

/* ---- the world ---------------------------------------------------------- */

struct sim *sim_new(const struct sim_options *o)
{
    struct mem *mem = mem_new(0);
    struct sim *s;

    if (mem == NULL) {
        return NULL;
    }
    mem_shake(mem, o->shake);
    s = mem_calloc(mem, 1, sizeof *s);
    if (s == NULL) {
        mem_free_all(mem);
        return NULL;
    }
    s->o = *o;
    s->mem = mem;
    heap_init(&s->events, mem);
    rand_init(&s->rand, o->seed);
    queue_init(&s->disks);
    queue_init(&s->listeners);
    queue_init(&s->conns);
    return s;
}

void sim_free(struct sim *s)
{
    if (s == NULL) {
        return;
    }
    ASSERT(s->current == NULL);
    for (unsigned i = 0; i < s->n_nodes; i++) {
        if (s->nodes[i]->alive) {
            mem_free_all(s->nodes[i]->env.mem);
        }
    }
    /* All the rest lies in the world's memory. */
    mem_free_all(s->mem);
}
