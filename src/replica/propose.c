/* propose.c - appending to the log and confirming what it holds. */
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "record/batch.h"
#include "replica/impl.h"

/* ---- proposals -------------------------------------------------------- */

struct append {
    struct group_propose propose;
    struct replica *replica;
    uint8_t trim[8];
};
_Static_assert(sizeof(struct append) <=
                   sizeof((struct replica_append *)0)->impl,
               "struct append fits in struct replica_append");

static struct append *append_of(struct replica_append *a)
{
    return (struct append *)(void *)a->impl;
}

static void on_proposed(struct group_propose *p, int status, uint64_t index)
{
    struct replica_append *a = p->data;
    struct append *x = append_of(a);
    bytes_release(&p->payload);
    if (status == 0 && p->kind == ENTRY_TRIM) {
        /* Our own disk may be the last that has it. */
        lead_trimmed(x->replica, (int64_t)le64_load(x->trim));
    }
    a->index = index;
    a->cb(a, status);
}

static int propose(struct replica *r, struct replica_append *a,
                   struct group_propose p, replica_append_cb cb, void *data)
{
    struct append *x = append_of(a);
    if (r->state != REPLICA_RUNNING) {
        return ERR_NOTLEADER;
    }
    a->cb = cb;
    a->data = data;
    x->propose = p;
    x->replica = r;
    x->propose.cb = on_proposed;
    x->propose.data = a;
    /* It is looked at when the turn ends; the tail has a share from then. */
    x->propose.payload = bytes_dup(p.payload);
    int rv = group_propose(r->group, &x->propose);
    if (rv != 0) {
        bytes_release(&x->propose.payload);
    }
    return rv;
}

int replica_append(struct replica *r, struct replica_append *a,
                   struct bytes batch, replica_append_cb cb, void *data)
{
    struct batch b;
    uint8_t *bytes;
    ASSERT(r->kind == REPLICA_LOG);
    if (batch_view(bytes_slice(batch), &b) != 0 || b.length != batch.len) {
        return ERR_INVALID;
    }
    if (r->state != REPLICA_RUNNING || group_role(r->group) != GROUP_LEADER) {
        return ERR_NOTLEADER;
    }
    bytes = batch.chunk->data + (batch.data - batch.chunk->data);
    a->base_offset = group_next_offset(r->group);
    batch_set_base_offset(bytes, a->base_offset);
    batch_set_leader_epoch(bytes, (int32_t)group_term(r->group));
    return propose(r, a,
                   (struct group_propose){
                       .kind = ENTRY_RECORDS,
                       .base_offset = a->base_offset,
                       .next_offset = a->base_offset + b.last_offset_delta + 1,
                       .payload = batch,
                       .chain_crc = b.crc},
                   cb, data);
}

int replica_propose(struct replica *r, struct replica_append *a,
                    struct bytes command, replica_append_cb cb, void *data)
{
    ASSERT(r->kind == REPLICA_STATE);
    return propose(
        r, a, (struct group_propose){.kind = ENTRY_COMMAND, .payload = command},
        cb, data);
}

int replica_trim(struct replica *r, struct replica_append *a, int64_t offset,
                 replica_append_cb cb, void *data)
{
    struct append *x = append_of(a);
    ASSERT(r->kind == REPLICA_LOG);
    if (offset > r->high_watermark || offset < 0) {
        return ERR_RANGE;
    }
    le64_store(x->trim, (uint64_t)offset);
    struct chunk *c = chunk_acquire(r->all->o.pool, CHUNK_STATE, 8);
    if (c == NULL) {
        return ERR_NOMEM;
    }
    memcpy(c->data, x->trim, 8);
    struct bytes payload = {c, c->data, 8};
    int rv = propose(
        r, a, (struct group_propose){.kind = ENTRY_TRIM, .payload = payload},
        cb, data);
    bytes_release(&payload);
    return rv;
}

/* ---- barriers --------------------------------------------------------- */

struct barrier {
    struct group_barrier barrier;
};
_Static_assert(sizeof(struct barrier) <=
                   sizeof((struct replica_barrier *)0)->impl,
               "struct barrier fits in struct replica_barrier");

static void on_barrier(struct group_barrier *g, int status, uint64_t index)
{
    struct replica_barrier *b = g->data;
    b->index = index;
    b->cb(b, status);
}

int replica_read_barrier(struct replica *r, struct replica_barrier *b,
                         uint32_t timeout_ms, replica_barrier_cb cb, void *data)
{
    struct barrier *x = (struct barrier *)(void *)b->impl;
    if (r->state != REPLICA_RUNNING) {
        return ERR_NOTLEADER;
    }
    b->cb = cb;
    b->data = data;
    return group_read_barrier(r->group, &x->barrier, timeout_ms, on_barrier, b);
}
