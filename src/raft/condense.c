/* condense.c - what is kept of a long message is kept alone.
 *
 * Entries share the memory that their message was received into. A leader that
 * hears nothing for a while sends much of its log again and again; of each
 * such message only the last few entries are new here, and they would keep all
 * of it in memory. They get a chunk of their own instead.
 *
 * So do those of a sparse group, always: a message of some hundred bytes shares
 * a chunk of 64 KiB with what came before and after it for other groups, which
 * is flushed and released long before a state's log is cut, thousands of
 * entries later.
 */
#include "raft/consensus.h"

/* The entries from *ret_first on are not in the log yet; their bytes. */
static size_t bytes_new(const struct group *g, const struct message *m,
                        unsigned *ret_first)
{
    unsigned i = 0;
    size_t bytes = 0;
    while (i < m->n_entries &&
           (m->entries[i].index <= g->tail.base.index ||
            tail_term(&g->tail, m->entries[i].index) == m->entries[i].term)) {
        i++;
    }
    *ret_first = i;
    for (; i < m->n_entries; i++) {
        bytes += m->entries[i].payload.len;
    }
    return bytes;
}

static bool is_sparse(const struct group *g, const struct message *m,
                      unsigned first, size_t bytes)
{
    for (unsigned i = first; g->sparse && i < m->n_entries; i++) {
        const struct chunk *c = m->entries[i].payload.chunk;
        if (c != NULL) {
            return bytes <= c->cap / 2;
        }
    }
    return false;
}

struct chunk *condense(struct group *g, struct message *m)
{
    unsigned first;
    size_t bytes, all = 0, at = 0;
    struct chunk *own;
    for (unsigned i = 0; i < m->n_entries; i++) {
        all += m->entries[i].payload.len;
    }
    bytes = bytes_new(g, m, &first);
    if (bytes == 0 || (bytes > all / 2 && !is_sparse(g, m, first, bytes))) {
        return NULL;
    }
    own = chunk_acquire(g->c->o.pool, CHUNK_PEER, bytes);
    if (own == NULL) {
        return NULL; /* then they keep what they have */
    }
    for (unsigned i = first; i < m->n_entries; i++) {
        struct bytes *p = &m->entries[i].payload;
        if (p->len > 0) {
            memcpy(own->data + at, p->data, p->len);
            *p = (struct bytes){own, own->data + at, p->len};
            at += p->len;
        }
    }
    return own;
}
