#include "broker/refused.h"

struct refused_item {
    struct refused_batch lowest;
    uint64_t until_ms; /* 0: free */
};

void refused_init(struct refused *r, struct mem *mem)
{
    *r = (struct refused){.mem = mem};
}

void refused_close(struct refused *r)
{
    mem_free(r->mem, r->items);
    r->items = NULL;
}

struct refused_batch refused_batch_of(const struct batch *b)
{
    return (struct refused_batch){.producer_id = batch_has_producer(b) &&
                                                         !batch_is_control(b)
                                                     ? b->producer_id
                                                     : BATCH_NO_PRODUCER,
                                  .sequence = b->base_sequence,
                                  .epoch = b->producer_epoch};
}

static struct refused_item *find(const struct refused *r, int64_t producer_id,
                                 uint64_t now_ms)
{
    for (unsigned i = 0; r->items != NULL && i < REFUSED_MAX; i++) {
        if (r->items[i].until_ms > now_ms &&
            r->items[i].lowest.producer_id == producer_id) {
            return &r->items[i];
        }
    }
    return NULL;
}

static struct refused_item *take(struct refused *r, uint64_t now_ms)
{
    if (r->items == NULL) {
        r->items = mem_calloc(r->mem, REFUSED_MAX, sizeof *r->items);
        if (r->items == NULL) {
            return NULL;
        }
    }
    for (unsigned i = 0; i < REFUSED_MAX; i++) {
        if (r->items[i].until_ms <= now_ms) {
            return &r->items[i];
        }
    }
    r->next = (r->next + 1) % REFUSED_MAX;
    return &r->items[r->next];
}

void refused_note(struct refused *r, const struct refused_batch *b,
                  uint64_t now_ms)
{
    if (b->producer_id == BATCH_NO_PRODUCER) {
        return;
    }
    struct refused_item *it = find(r, b->producer_id, now_ms);
    bool known = it != NULL;
    if (!known) {
        it = take(r, now_ms);
    }
    if (it == NULL || (known && b->epoch < it->lowest.epoch)) {
        return;
    }
    if (!known || b->epoch > it->lowest.epoch ||
        b->sequence < it->lowest.sequence) {
        it->lowest = *b;
    }
    it->until_ms = now_ms + REFUSED_MS;
}

bool refused_bars(const struct refused *r, const struct refused_batch *b,
                  uint64_t now_ms)
{
    const struct refused_item *it = b->producer_id != BATCH_NO_PRODUCER
                                        ? find(r, b->producer_id, now_ms)
                                        : NULL;
    return it != NULL && b->epoch == it->lowest.epoch &&
           b->sequence > it->lowest.sequence;
}

void refused_forget(struct refused *r, int64_t producer_id)
{
    struct refused_item *it = find(r, producer_id, 0);
    if (it != NULL) {
        it->until_ms = 0;
    }
}
