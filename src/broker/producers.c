#include "broker/producers.h"

#include "base/err.h"

#define PRODUCERS_VERSION 1

struct producer_item {
    struct producer_entry entry;
    struct heap_node age;
};

static struct producer_item *item_of_age(struct heap_node *age)
{
    return (
        struct producer_item *)(void *)((char *)age -
                                        offsetof(struct producer_item, age));
}

/* Where its last batch ends; in the log's order, and the same after a restart.
 * Without any (no leader appends what leads to that) it is the oldest. */
static uint64_t age_key(const struct producer_entry *e)
{
    return e->n == 0 ? 0 : (uint64_t)e->batches[e->n - 1].last_offset + 1;
}

int producers_init(struct producers *p, struct mem *mem)
{
    *p = (struct producers){.mem = mem, .map = map_new(mem)};
    heap_init(&p->oldest, mem);
    return p->map == NULL ? ERR_NOMEM : 0;
}

static void item_remove(struct producers *p, struct producer_item *item)
{
    map_remove_u64(p->map, (uint64_t)item->entry.producer_id);
    heap_remove(&p->oldest, &item->age);
    mem_free(p->mem, item);
}

void producers_clear(struct producers *p)
{
    void *it = NULL, *v;
    while (map_next(p->map, &it, &v)) {
        item_remove(p, v);
    }
}

void producers_close(struct producers *p)
{
    if (p->map == NULL) {
        return;
    }
    producers_clear(p);
    heap_close(&p->oldest);
    map_free(p->map);
    p->map = NULL;
}

size_t producers_count(const struct producers *p)
{
    return map_count(p->map);
}

static bool expired(const struct producer_entry *e, int64_t now_ms,
                    int64_t expiration_ms)
{
    return e->txn_first_offset == PRODUCER_NO_OFFSET &&
           e->last_timestamp < now_ms - expiration_ms;
}

struct producer_entry *producers_find(const struct producers *p, int64_t id,
                                      int64_t now_ms, int64_t expiration_ms)
{
    struct producer_item *item = map_find_u64(p->map, (uint64_t)id);
    return item == NULL || expired(&item->entry, now_ms, expiration_ms)
               ? NULL
               : &item->entry;
}

/* The item of a producer, made if there is none; NULL without memory. */
static struct producer_item *get_item(struct producers *p, int64_t id)
{
    struct producer_item *item = map_find_u64(p->map, (uint64_t)id);
    if (item != NULL) {
        return item;
    }
    item = mem_calloc(p->mem, 1, sizeof *item);
    if (item == NULL) {
        return NULL;
    }
    producer_init(&item->entry, id);
    item->entry.last_timestamp = INT64_MIN / 2; /* as good as absent */
    if (heap_push(&p->oldest, &item->age) != 0 ||
        map_put_u64(p->map, (uint64_t)id, item) != 0) {
        heap_remove(&p->oldest, &item->age);
        mem_free(p->mem, item);
        return NULL;
    }
    return item;
}

/* Its entry has changed: it has another age, and may be one too many. */
static void item_settle(struct producers *p, struct producer_item *item)
{
    uint64_t key = age_key(&item->entry);
    if (key != item->age.key) {
        heap_move(&p->oldest, &item->age, key);
    }
    while (map_count(p->map) > PRODUCERS_MAX) {
        item_remove(p, item_of_age(heap_first(&p->oldest)));
        p->evicted++;
    }
}

int producers_fold(struct producers *p, const struct batch *b,
                   int64_t base_offset, int64_t now_ms, int64_t expiration_ms,
                   const struct producer_entry *from)
{
    if (!batch_has_producer(b)) {
        return 0;
    }
    bool known = map_find_u64(p->map, (uint64_t)b->producer_id) != NULL;
    struct producer_item *item = get_item(p, b->producer_id);
    if (item == NULL) {
        return ERR_NOMEM;
    }
    if (!known && from != NULL) {
        item->entry = *from;
    }
    if (expired(&item->entry, now_ms, expiration_ms)) {
        producer_init(&item->entry, b->producer_id);
    }
    producer_update(&item->entry, b, base_offset, now_ms);
    item_settle(p, item);
    return 0;
}

void producers_expire(struct producers *p, int64_t now_ms,
                      int64_t expiration_ms)
{
    void *it = NULL, *v;
    while (map_next(p->map, &it, &v)) {
        struct producer_item *item = v;
        if (expired(&item->entry, now_ms, expiration_ms)) {
            item_remove(p, item);
        }
    }
}

void producers_encode(const struct producers *p, struct buf *out)
{
    void *it = NULL, *v;
    buf_put_u8(out, PRODUCERS_VERSION);
    buf_put_u32(out, (uint32_t)map_count(p->map));
    while (map_next(p->map, &it, &v)) {
        const struct producer_item *item = v;
        producer_encode(&item->entry, out);
    }
}

int producers_decode(struct producers *p, struct slice in)
{
    struct cursor c;
    producers_clear(p);
    if (in.len == 0) {
        return 0;
    }
    cursor_init(&c, in);
    if (cursor_u8(&c) != PRODUCERS_VERSION) {
        return ERR_VERSION;
    }
    uint32_t n = cursor_u32(&c);
    for (uint32_t i = 0; i < n && c.status == 0; i++) {
        struct producer_entry entry;
        int rv = producer_decode(&c, &entry);
        if (rv != 0) {
            return rv;
        }
        struct producer_item *item = get_item(p, entry.producer_id);
        if (item == NULL) {
            return ERR_NOMEM;
        }
        item->entry = entry;
        item_settle(p, item);
    }
    return c.status != 0 || cursor_left(&c) != 0 ? ERR_CORRUPT : 0;
}
