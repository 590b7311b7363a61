#include "broker/producers.h"

#include "base/err.h"

#define PRODUCERS_VERSION 1

int producers_init(struct producers *p, struct mem *mem)
{
    *p = (struct producers){.mem = mem, .map = map_new(mem)};
    return p->map == NULL ? ERR_NOMEM : 0;
}

void producers_clear(struct producers *p)
{
    void *it = NULL, *v;
    while (map_next(p->map, &it, &v)) {
        struct producer_entry *e = v;
        map_remove_u64(p->map, (uint64_t)e->producer_id);
        mem_free(p->mem, e);
    }
}

void producers_close(struct producers *p)
{
    if (p->map == NULL) {
        return;
    }
    producers_clear(p);
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
    struct producer_entry *e = map_find_u64(p->map, (uint64_t)id);
    return e == NULL || expired(e, now_ms, expiration_ms) ? NULL : e;
}

/* The entry of a producer, made if there is none. */
static struct producer_entry *get_entry(struct producers *p, int64_t id)
{
    struct producer_entry *e = map_find_u64(p->map, (uint64_t)id);
    if (e != NULL) {
        return e;
    }
    e = mem_alloc(p->mem, sizeof *e);
    if (e == NULL || map_put_u64(p->map, (uint64_t)id, e) != 0) {
        mem_free(p->mem, e);
        return NULL;
    }
    producer_init(e, id);
    e->last_timestamp = INT64_MIN / 2; /* as good as absent */
    return e;
}

int producers_fold(struct producers *p, const struct batch *b,
                   int64_t base_offset, int64_t now_ms, int64_t expiration_ms,
                   const struct producer_entry *from)
{
    if (!batch_has_producer(b)) {
        return 0;
    }
    bool known = map_find_u64(p->map, (uint64_t)b->producer_id) != NULL;
    struct producer_entry *e = get_entry(p, b->producer_id);
    if (e == NULL) {
        return ERR_NOMEM;
    }
    if (!known && from != NULL) {
        *e = *from;
    }
    if (expired(e, now_ms, expiration_ms)) {
        producer_init(e, b->producer_id);
    }
    producer_update(e, b, base_offset, now_ms);
    return 0;
}

void producers_expire(struct producers *p, int64_t now_ms,
                      int64_t expiration_ms)
{
    void *it = NULL, *v;
    while (map_next(p->map, &it, &v)) {
        struct producer_entry *e = v;
        if (expired(e, now_ms, expiration_ms)) {
            map_remove_u64(p->map, (uint64_t)e->producer_id);
            mem_free(p->mem, e);
        }
    }
}

void producers_encode(const struct producers *p, struct buf *out)
{
    void *it = NULL, *v;
    buf_put_u8(out, PRODUCERS_VERSION);
    buf_put_u32(out, (uint32_t)map_count(p->map));
    while (map_next(p->map, &it, &v)) {
        producer_encode(v, out);
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
        struct producer_entry in_entry;
        int rv = producer_decode(&c, &in_entry);
        if (rv != 0) {
            return rv;
        }
        struct producer_entry *e = get_entry(p, in_entry.producer_id);
        if (e == NULL) {
            return ERR_NOMEM;
        }
        *e = in_entry;
    }
    return c.status != 0 || cursor_left(&c) != 0 ? ERR_CORRUPT : 0;
}
