/* query_serve.c - the questions for rows between nodes, and the answers to
 * those of others.
 *
 * PEER_SQL, big-endian:
 *   ask     {u8 1, u8 version 1, u64 id, want}
 *   answer  {u8 2, u64 id, u8 last, bytes}: parts of one body, in order:
 *           {i32 status, u32 number of rows, u8 n, n * {u8 shard, i32 status,
 *           u64 term, u64 index}, rows as in state/sql.h}
 *   want    {u8 what, u8 flags, u32 time ms, u32 rows max, u16 shards, u32
 *           views, u8 n, n * {u32 length, group}, u8 n, n * topic uuid};
 *           flags: 1 stale, 2 all groups, 4 all topics
 */
#include <string.h>

#include "broker/query_impl.h"

#define MESSAGE_BYTES (1u << 20) /* of an answer's part */

/* ---- messages ------------------------------------------------------------ */

void query_want_encode(const struct query_want *w, struct buf *out)
{
    buf_put_u8(out, (uint8_t)w->what);
    buf_put_u8(out, (uint8_t)((w->stale ? 1 : 0) | (w->all_groups ? 2 : 0) |
                              (w->all_topics ? 4 : 0)));
    buf_put_u32(out, w->time_ms);
    buf_put_u32(out, w->rows_max);
    buf_put_u16(out, w->shards);
    buf_put_u32(out, w->views);
    buf_put_u8(out, (uint8_t)w->n_groups);
    for (unsigned i = 0; i < w->n_groups; i++) {
        buf_put_u32(out, (uint32_t)w->groups[i].len);
        buf_put(out, w->groups[i].data, w->groups[i].len);
    }
    buf_put_u8(out, (uint8_t)w->n_topics);
    for (unsigned i = 0; i < w->n_topics; i++) {
        buf_put(out, w->topics[i].b, sizeof w->topics[i].b);
    }
}

void query_want_decode(struct cursor *c, struct query_want *ret_w)
{
    struct query_want w = {.what = (enum query_what)cursor_u8(c)};
    uint8_t flags = cursor_u8(c);
    w.stale = (flags & 1) != 0;
    w.all_groups = (flags & 2) != 0;
    w.all_topics = (flags & 4) != 0;
    w.time_ms = cursor_u32(c);
    w.rows_max = cursor_u32(c);
    w.shards = cursor_u16(c);
    w.views = cursor_u32(c);
    w.n_groups = cursor_u8(c);
    if ((w.what != QUERY_SHARDS && w.what != QUERY_ENDS) ||
        w.n_groups > SQL_PINS_MAX) {
        cursor_fail(c);
        w.n_groups = 0;
    }
    for (unsigned i = 0; i < w.n_groups; i++) {
        w.groups[i] = cursor_take(c, cursor_u32(c));
    }
    w.n_topics = cursor_u8(c);
    if (w.n_topics > SQL_PINS_MAX) {
        cursor_fail(c);
        w.n_topics = 0;
    }
    for (unsigned i = 0; i < w.n_topics; i++) {
        struct slice s = cursor_take(c, sizeof w.topics[i].b);
        if (s.len == sizeof w.topics[i].b) {
            memcpy(w.topics[i].b, s.data, s.len);
        }
    }
    *ret_w = w;
}

/* ---- another node's question --------------------------------------------- */

struct served {
    struct queue queue; /* of queries.served */
    struct queries *all;
    int32_t node;
    uint64_t id;
    enum query_what what;
    uint16_t shards;
    struct query_read *read;
};

static bool send_part(struct served *s, enum peer_lane lane, struct slice bytes,
                      bool last)
{
    struct broker *b = s->all->broker;
    struct chunk *c = chunk_acquire(b->pool, CHUNK_STATE, bytes.len + 1);
    struct buf head;
    struct bytes payload;
    if (c == NULL) {
        return false;
    }
    buf_init(&head, s->all->mem, 0);
    buf_put_u8(&head, QUERY_MESSAGE_ANSWER);
    buf_put_u64(&head, s->id);
    buf_put_u8(&head, last);
    if (bytes.len > 0) {
        memcpy(c->data, bytes.data, bytes.len);
    }
    payload = (struct bytes){c, c->data, bytes.len};
    bool sent = head.status == 0 &&
                peer_send(b->peers, s->node, lane, PEER_SQL, s->id,
                          buf_slice(&head), &payload, bytes.len > 0) == 0;
    buf_close(&head);
    chunk_release(c);
    return sent;
}

static void answer(struct served *s, int status,
                   const struct query_part parts[], unsigned n,
                   struct query_rows rows)
{
    struct buf b;
    size_t at = 0;
    buf_init(&b, s->all->mem, 0);
    buf_put_u32(&b, (uint32_t)status);
    buf_put_u32(&b, rows.n);
    buf_put_u8(&b, (uint8_t)n);
    for (unsigned i = 0; i < n; i++) {
        buf_put_u8(&b, parts[i].shard);
        buf_put_u32(&b, (uint32_t)parts[i].status);
        buf_put_u64(&b, parts[i].term);
        buf_put_u64(&b, parts[i].index);
    }
    if (status == 0) {
        buf_put(&b, rows.bytes.data, rows.bytes.len);
    }
    enum peer_lane lane = PEER_LANE_BULK;
    bool going = b.status == 0;
    while (going) { /* one that fails is asked for again */
        size_t left = b.len - at;
        size_t len = left < MESSAGE_BYTES ? left : MESSAGE_BYTES;
        struct slice part = slice_of(b.data + at, len);
        going = send_part(s, lane, part, len == left);
        if (!going && at == 0 && lane == PEER_LANE_BULK) {
            lane = PEER_LANE_MAIN; /* a node that has just come */
            going = true;
            continue;
        }
        going = going && len < left;
        at += len;
    }
    buf_close(&b);
}

static void served_end(struct served *s)
{
    s->all->n_served--;
    queue_remove(&s->queue);
    mem_free(s->all->mem, s);
}

static void on_served(void *arg, int status, const struct query_part parts[],
                      unsigned n, struct query_rows rows)
{
    struct served *s = arg;
    if (!s->all->closing) {
        answer(s, status, parts, n, rows);
    }
    served_end(s);
}

/* A node asks one statement after the other. If it asks again, or for the next
 * one, nobody waits for what it asked before. */
static void supersede(struct queries *qs, int32_t node,
                      const struct query_want *w)
{
    struct queue *q, *tmp;
    QUEUE_FOREACH(q, tmp, &qs->served)
    {
        struct served *s = QUEUE_ENTRY(q, struct served, queue);
        if (s->node == node && s->what == w->what &&
            (w->what != QUERY_SHARDS || (s->shards & w->shards) != 0)) {
            query_read_forget(s->read);
            served_end(s);
        }
    }
}

void query_serve(struct queries *qs, int32_t node, uint64_t id,
                 struct cursor *c)
{
    struct query_want w;
    struct served now = {.all = qs, .node = node, .id = id};
    struct served *s;
    query_want_decode(c, &w);
    if (c->status != 0) {
        return;
    }
    supersede(qs, node, &w);
    now.what = w.what;
    now.shards = w.shards;
    /* Reads that nobody waits for any more end with their piece. */
    bool room =
        qs->n_served < QUERY_SERVED_MAX && qs->n_reads < 4 * QUERY_SERVED_MAX;
    s = room ? mem_alloc(qs->mem, sizeof *s) : NULL;
    if (s == NULL) {
        answer(&now, ERR_FULL, NULL, 0, (struct query_rows){0});
        return;
    }
    *s = now;
    if (query_read_start(qs, &w, on_served, s, &s->read) != 0) {
        mem_free(qs->mem, s);
        answer(&now, ERR_NOMEM, NULL, 0, (struct query_rows){0});
        return;
    }
    queue_push(&qs->served, &s->queue);
    qs->n_served++;
}
