/* gate.c - messages wait for the term and vote that they speak of.
 *
 * A message leaves when the group's last HARD record issued before it is
 * durable (raft.md 2.3); entries do not wait for the leader's own disk.
 */
#include "raft/consensus.h"

/* Most messages of a group that wait; the protocol repeats what is dropped. */
#define GATED_MAX 256

struct gated {
    struct queue queue;
    uint64_t seq;
    struct message m;
    struct entry entries[]; /* share their payloads */
};

static void gated_free(struct group *g, struct gated *w)
{
    for (unsigned i = 0; i < w->m.n_entries; i++) {
        bytes_release(&w->entries[i].payload);
    }
    mem_free(g->c->mem, (void *)(uintptr_t)w->m.manifest.data);
    mem_free(g->c->mem, w);
}

static void gate_push(struct group *g, const struct message *m,
                      struct entry *const entries[])
{
    struct mem *mem = g->c->mem;
    struct gated *w = NULL;
    if (g->n_gated < GATED_MAX) {
        w = mem_alloc(mem, sizeof *w + m->n_entries * sizeof w->entries[0]);
    }
    if (w == NULL) {
        g->c->n_dropped++;
        return;
    }
    *w = (struct gated){.seq = g->hard_seq, .m = *m};
    w->m.manifest = slice_of(NULL, 0);
    if (m->manifest.len > 0) {
        uint8_t *copy = mem_alloc(mem, m->manifest.len);
        if (copy == NULL) {
            g->c->n_dropped++;
            mem_free(mem, w);
            return;
        }
        memcpy(copy, m->manifest.data, m->manifest.len);
        w->m.manifest = slice_of(copy, m->manifest.len);
    }
    for (unsigned i = 0; i < m->n_entries; i++) {
        w->entries[i] = *entries[i];
        w->entries[i].payload = bytes_dup(entries[i]->payload);
    }
    queue_push(&g->gated, &w->queue);
    g->n_gated++;
}

static void gate_pass(struct group *g, const struct message *m,
                      struct entry *const entries[])
{
    if (g->n_gated == 0 && g->hard_seq <= g->c->durable) {
        route_send(g, m, entries);
    } else {
        gate_push(g, m, entries);
    }
}

/* How many of the entries from `first` fit one message. */
static unsigned cut(const struct group *g, uint64_t first, unsigned n)
{
    uint64_t bytes = 0;
    unsigned k = 0;
    for (; k < n && k < MESSAGE_ENTRIES_MAX; k++) {
        const struct entry *e = tail_find(&g->tail, first + k);
        ASSERT(e != NULL); /* what is sent is above the base */
        bytes += ENTRY_HEADER_BYTES + e->payload.len;
        if (k > 0 && bytes > g->c->o.message_bytes_max) {
            break;
        }
    }
    return k;
}

static void send_append(struct group *g, struct message m)
{
    unsigned left = m.n_entries;
    struct entry **entries = mem_alloc(g->c->mem, left * sizeof *entries);
    if (entries == NULL) {
        g->c->n_dropped++;
        return;
    }
    while (left > 0) {
        m.n_entries = cut(g, m.index + 1, left);
        for (unsigned i = 0; i < m.n_entries; i++) {
            entries[i] = tail_find(&g->tail, m.index + 1 + i);
        }
        gate_pass(g, &m, entries);
        left -= m.n_entries;
        m.index += m.n_entries;
        m.index_term = entries[m.n_entries - 1]->term;
    }
    mem_free(g->c->mem, entries);
}

void gate_send(struct group *g, const struct message *m)
{
    if (m->n_entries > 0) {
        send_append(g, *m);
        return;
    }
    struct message copy = *m;
    if (m->kind == MESSAGE_INSTALL) {
        copy.manifest = g->manifest;
    }
    gate_pass(g, &copy, NULL);
}

static void gated_send(struct group *g, struct gated *w)
{
    struct entry **entries = NULL;
    unsigned n = w->m.n_entries;
    if (n > 0) {
        entries = mem_alloc(g->c->mem, n * sizeof *entries);
    }
    for (unsigned i = 0; i < n && entries != NULL; i++) {
        entries[i] = &w->entries[i];
    }
    if (n == 0 || entries != NULL) {
        route_send(g, &w->m, entries);
    } else {
        g->c->n_dropped++;
    }
    mem_free(g->c->mem, entries);
}

void gate_release(struct group *g, uint64_t seq)
{
    while (!queue_empty(&g->gated)) {
        struct gated *w = QUEUE_ENTRY(g->gated.next, struct gated, queue);
        if (w->seq > seq) {
            return;
        }
        queue_remove(&w->queue);
        g->n_gated--;
        gated_send(g, w);
        gated_free(g, w);
    }
}

void gate_close(struct group *g)
{
    struct queue *q;
    while ((q = queue_pop(&g->gated)) != NULL) {
        gated_free(g, QUEUE_ENTRY(q, struct gated, queue));
    }
    g->n_gated = 0;
}
