/* rawload_take.c - answers, leaders, connections. */
#include <string.h>

#include "base/bytes.h"
#include "cli/rawload_impl.h"
#include "wire/errors.h"
#include "wire/gen/produce.h"
#include "wire/header.h"

/* ---- answers ---------------------------------------------------------- */

static void want_refresh(struct load *l)
{
    if (l->refresh_ms == 0) {
        l->refresh_ms = env_now_ms(l->env) + REFRESH_MS;
    }
}

/* Not acknowledged: everything from this batch on is sent again. */
static void rewind_to(struct load *l, const struct part *x)
{
    struct partition *p = x->partition;
    unsigned i = window_find(p, x->sequence);
    if (i < p->n_sent) {
        p->n_sent = i;
    }
    p->hold = true;
    want_refresh(l);
}

static void note_first(struct load *l, struct partition *p)
{
    p->acked = true;
    if (l->r->first_ack_ms == 0) {
        l->r->first_ack_ms = env_wall_ms(l->env);
    }
    if (++l->n_acked == l->n_partitions) {
        l->r->all_acked_ms = env_wall_ms(l->env);
        l->done = l->done || l->o.until_acked;
    }
}

static void acknowledge(struct load *l, const struct part *x, uint64_t now)
{
    struct partition *p = x->partition;
    uint64_t bytes = (uint64_t)x->records * l->o.value_bytes;
    double gap = (double)(now - p->acked_us) / 1e6;
    if (gap > l->r->gap_max_s && now > l->measure_us &&
        p->acked_us >= l->measure_us) {
        l->r->gap_max_s = gap;
    }
    unsigned at = window_find(p, x->sequence);
    p->acked_us = now;
    if (!p->acked) {
        note_first(l, p);
    }
    if (at < p->n_window) { /* it, and what lies before it */
        p->n_window -= at + 1;
        p->n_sent -= p->n_sent > at + 1 ? at + 1 : p->n_sent;
        memmove(p->window, p->window + at + 1,
                p->n_window * sizeof p->window[0]);
    }
    l->r->records_all += x->records;
    l->bytes_all += bytes;
    if (now < l->measure_us || now >= l->end_us) {
        return;
    }
    l->r->records += x->records;
    l->r->bytes += bytes;
    if (l->o.bytes_max > 0 && l->r->bytes >= l->o.bytes_max) {
        l->done = true;
    }
    for (uint32_t i = 0; l->o.rate > 0 && i < x->records; i++) {
        uint64_t was = load_due_us(l, p, x->due_first + i);
        histogram_record(&l->r->latency, now > was ? now - was : 0);
    }
}

static const struct produce_response_partition_response *
find_answer(const struct produce_response *in, int32_t partition)
{
    for (uint32_t i = 0; i < in->responses.n; i++) {
        for (uint32_t j = 0; j < in->responses.ptr[i].partition_responses.n;
             j++) {
            const struct produce_response_partition_response *p =
                &in->responses.ptr[i].partition_responses.ptr[j];
            if (p->index == partition) {
                return p;
            }
        }
    }
    return NULL;
}

static void on_produced(struct load *l, struct flight *f,
                        const struct produce_response *in)
{
    uint64_t now = env_now_us_exact(l->env);
    l->r->requests++;
    if (l->o.rate == 0 && now >= l->measure_us && now < l->end_us) {
        histogram_record(&l->r->latency, now - f->sent_us);
    }
    for (unsigned i = 0; i < f->n_parts; i++) {
        const struct part *x = &f->parts[i];
        const struct produce_response_partition_response *p =
            find_answer(in, x->partition->number);
        x->partition->inflight--;
        if (p != NULL && (p->error_code == KERR_NONE ||
                          p->error_code == KERR_DUPLICATE_SEQUENCE_NUMBER)) {
            acknowledge(l, x, now);
        } else {
            l->r->errors++;
            l->r->error_last = p != NULL ? p->error_code : -1;
            rewind_to(l, x);
        }
    }
}

static struct node *node_get(struct load *l, int32_t id)
{
    for (unsigned i = 0; i < l->n_nodes; i++) {
        if (l->nodes[i].id == id) {
            return &l->nodes[i];
        }
    }
    if (l->n_nodes == NODES_MAX) {
        return NULL;
    }
    struct node *n = &l->nodes[l->n_nodes++];
    *n = (struct node){.load = l, .id = id};
    queue_init(&n->flights);
    return n;
}

int load_take_metadata(struct load *l, const struct metadata_response *in)
{
    const struct metadata_response_topic *t;
    for (uint32_t i = 0; i < in->brokers.n; i++) {
        const struct metadata_response_broker *b = &in->brokers.ptr[i];
        struct node *n = node_get(l, b->node_id);
        if (n != NULL && b->host.len < sizeof n->host) {
            memcpy(n->host, b->host.data, b->host.len);
            n->host[b->host.len] = '\0';
            n->port = (uint16_t)b->port;
        }
    }
    if (in->topics.n != 1 || in->topics.ptr[0].error_code != KERR_NONE) {
        return ERR_NOTFOUND;
    }
    t = &in->topics.ptr[0];
    if (l->partitions == NULL) {
        l->n_partitions = t->partitions.n;
        l->partitions =
            mem_calloc(l->mem, t->partitions.n, sizeof *l->partitions);
        if (l->partitions == NULL || t->partitions.n == 0) {
            return ERR_NOTFOUND;
        }
    }
    bool all = true;
    for (uint32_t i = 0; i < t->partitions.n; i++) {
        const struct metadata_response_partition *p = &t->partitions.ptr[i];
        if (p->partition_index < 0 ||
            (uint32_t)p->partition_index >= l->n_partitions) {
            continue;
        }
        struct partition *mine = &l->partitions[p->partition_index];
        mine->number = p->partition_index;
        struct node *n = p->leader_id >= 0 ? node_get(l, p->leader_id) : NULL;
        if (mine->inflight == 0) {
            mine->leader = n;
            mine->hold = false;
        }
        all = all && n != NULL && mine->leader == n && !mine->hold;
    }
    l->refresh_ms = all ? 0 : env_now_ms(l->env) + REFRESH_MS;
    return 0;
}

static void on_metadata(struct load *l, const struct metadata_response *in)
{
    l->refreshing = false;
    if (load_take_metadata(l, in) != 0) {
        want_refresh(l);
        return;
    }
    for (unsigned i = 0; i < l->n_nodes; i++) {
        node_connect(&l->nodes[i]);
    }
}

static int on_frame(struct node *n, struct slice frame)
{
    struct load *l = n->load;
    struct cursor c;
    struct arena arena;
    struct flight *f;
    int rv;
    if (queue_empty(&n->flights)) {
        return ERR_PROTOCOL;
    }
    f = QUEUE_ENTRY(n->flights.next, struct flight, queue);
    cursor_init(&c, frame);
    if ((int32_t)cursor_u32(&c) != f->correlation) {
        return ERR_PROTOCOL;
    }
    queue_remove(&f->queue);
    n->n_flights--;
    arena_init(&arena, l->mem, 0);
    if (f->metadata) {
        struct metadata_response in;
        rv = wire_decode(&wire_metadata_response, METADATA_VERSION, &c, &arena,
                         &in);
        if (rv == 0) {
            on_metadata(l, &in);
        }
    } else {
        struct produce_response in;
        rv = wire_decode(&wire_produce_response, PRODUCE_VERSION, &c, &arena,
                         &in);
        if (rv == 0) {
            on_produced(l, f, &in);
        }
    }
    arena_close(&arena);
    f->answered = true;
    if (!f->writing) {
        flight_free(f);
    }
    return rv;
}

/* ---- connections ------------------------------------------------------ */

static void on_alloc(struct env_stream *s, void *data, uint8_t **ret_p,
                     size_t *ret_len)
{
    struct node *n = data;
    (void)s;
    if (n->in_cap - n->in_len < READ_BYTES) {
        size_t cap = n->in_cap * 2 + READ_BYTES;
        uint8_t *p = mem_realloc(n->load->mem, n->in, cap);
        if (p == NULL) {
            env_die(n->load->env, "bench: out of memory");
        }
        n->in = p;
        n->in_cap = cap;
    }
    *ret_p = n->in + n->in_len;
    *ret_len = n->in_cap - n->in_len;
}

static void on_read(struct env_stream *s, void *data, int status, size_t got)
{
    struct node *n = data;
    size_t at = 0;
    (void)s;
    if (status != 0) {
        node_down(n);
        return;
    }
    n->in_len += got;
    while (n->in_len - at >= 4) {
        uint32_t len = be32_load(n->in + at);
        if (n->in_len - at - 4 < len) {
            break;
        }
        if (on_frame(n, slice_of(n->in + at + 4, len)) != 0) {
            node_down(n);
            return;
        }
        at += 4 + (size_t)len;
        if (!n->up) {
            return;
        }
    }
    memmove(n->in, n->in + at, n->in_len - at);
    n->in_len -= at;
    load_pump(n->load);
    n->load->drained = n->load->done && load_idle(n->load);
}

static void on_closed(void *data)
{
    (void)data;
}

/* The connection is gone: what was under way is sent again. Flights whose
 * write has not ended are freed by its callback. */
void node_down(struct node *n)
{
    struct load *l = n->load;
    struct env_stream *s = n->stream;
    struct queue *q;
    if (s == NULL) {
        return;
    }
    n->stream = NULL;
    n->up = false;
    n->connecting = false;
    n->in_len = 0;
    l->r->reconnects += !l->done; /* not those that the end closes */
    while (!queue_empty(&n->flights)) {
        q = n->flights.prev; /* newest first, so that the oldest wins */
        struct flight *f = QUEUE_ENTRY(q, struct flight, queue);
        queue_remove(q);
        for (unsigned i = 0; i < f->n_parts; i++) {
            f->parts[i].partition->inflight--;
            rewind_to(l, &f->parts[i]);
        }
        if (f->metadata) {
            l->refreshing = false;
        }
        f->answered = true;
        if (!f->writing) {
            flight_free(f);
        }
    }
    n->n_flights = 0;
    n->retry_ms = env_now_ms(l->env) + REFRESH_MS;
    env_stream_close(s, on_closed, n);
    want_refresh(l);
    l->drained = l->done && load_idle(l);
}

static void on_connected(struct env_stream *s, int status, void *data)
{
    struct node *n = data;
    n->connecting = false;
    if (status != 0) {
        node_down(n);
        return;
    }
    n->up = true;
    env_stream_read_start(s, on_alloc, on_read, n);
    load_pump(n->load);
}

void node_connect(struct node *n)
{
    if (n->stream != NULL || n->host[0] == '\0' ||
        env_now_ms(n->load->env) < n->retry_ms) {
        return;
    }
    n->connecting = env_connect(n->load->env, n->host, n->port, 2000,
                                on_connected, n, &n->stream) == 0;
}
