/* rawload_send.c - batches, and the requests they travel in. */
#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "cli/rawload_impl.h"
#include "record/build.h"
#include "wire/api.h"

/* ---- batches ---------------------------------------------------------- */

static int make_template(struct load *l, uint32_t n)
{
    struct template_ *t = &l->templates[n];
    struct build_options bo = BUILD_OPTIONS_DEFAULT;
    struct build b;
    struct buf out;
    int rv = 0;
    bo.producer_id = l->producer_id;
    bo.producer_epoch = l->producer_epoch;
    bo.base_sequence = 0;
    build_init(&b, l->mem, &bo);
    buf_init(&out, l->mem, 0);
    for (uint32_t i = 0; i < n && rv == 0; i++) {
        struct build_record r = {.timestamp = env_wall_ms(l->env),
                                 .key_null = true,
                                 .value = slice_of(l->value, l->o.value_bytes)};
        rv = build_append(&b, &r);
    }
    if (rv == 0) {
        rv = build_finish(&b, &out);
    }
    if (rv == 0) {
        t->bytes = out.data;
        t->len = out.len;
        t->records_crc = crc32c(out.data + 61, out.len - 61);
    } else {
        buf_close(&out);
    }
    build_close(&b);
    return rv;
}

/* The header of a batch with this sequence number and its checksum. */
static void make_header(const struct template_ *t, int32_t sequence,
                        uint8_t out[61])
{
    memcpy(out, t->bytes, 61);
    be32_store(out + 53, (uint32_t)sequence);
    uint32_t crc = crc32c(out + 21, 40);
    be32_store(out + 17, crc32c_combine(crc, t->records_crc, t->len - 61));
}

/* Sequence numbers wrap behind 2147483647. */
static int32_t sequence_add(int32_t s, uint32_t n)
{
    return (int32_t)(((uint32_t)s + n) & INT32_MAX);
}

/* ---- sending ---------------------------------------------------------- */

void flight_free(struct flight *f)
{
    struct mem *mem = f->node->load->mem;
    queue_remove(&f->queue);
    buf_close(&f->head);
    mem_free(mem, f->parts);
    mem_free(mem, f->slices);
    mem_free(mem, f);
}

static void on_written(struct env_write *w, int status)
{
    struct flight *f = w->data;
    f->writing = false;
    if (f->answered) {
        flight_free(f);
    } else if (status != 0) {
        node_down(f->node);
    }
}

static struct flight *flight_new(struct node *n, unsigned parts)
{
    struct load *l = n->load;
    struct flight *f = mem_calloc(l->mem, 1, sizeof *f);
    if (f == NULL) {
        env_die(l->env, "bench: out of memory");
    }
    queue_init(&f->queue);
    f->node = n;
    f->correlation = ++l->correlation;
    buf_init(&f->head, l->mem, 0);
    f->parts = mem_calloc(l->mem, parts + 1, sizeof *f->parts);
    f->slices = mem_calloc(l->mem, 3 * (size_t)parts + 2, sizeof *f->slices);
    if (f->parts == NULL || f->slices == NULL) {
        env_die(l->env, "bench: out of memory");
    }
    return f;
}

static void flight_send(struct flight *f)
{
    struct node *n = f->node;
    size_t total = 0;
    for (unsigned i = 0; i < f->n_slices; i++) {
        total += f->slices[i].len;
    }
    be32_store(f->head.data, (uint32_t)(total - 4));
    f->sent_us = env_now_us_exact(n->load->env);
    f->writing = true;
    queue_push(&n->flights, &f->queue);
    n->n_flights++;
    if (env_stream_write(n->stream, &f->write, f->slices, f->n_slices,
                         on_written, f) != 0) {
        f->writing = false;
        node_down(n);
    }
}

static void put_string(struct buf *b, const char *s)
{
    buf_put_u16(b, (uint16_t)strlen(s));
    buf_put(b, s, strlen(s));
}

static void put_header(struct flight *f, int16_t key, int16_t version)
{
    buf_put_u32(&f->head, 0); /* the frame's length, set when sent */
    buf_put_u16(&f->head, (uint16_t)key);
    buf_put_u16(&f->head, (uint16_t)version);
    buf_put_u32(&f->head, (uint32_t)f->correlation);
    put_string(&f->head, "ostraka-bench");
}

/* The slices between which batches lie are found by their place in `head`,
 * whose memory moves while it grows: places first, slices at the end. */
static void send_batches(struct flight *f)
{
    struct load *l = f->node->load;
    size_t *ends = mem_alloc(l->mem, (f->n_parts + 1) * sizeof *ends);
    size_t at = 0;
    if (ends == NULL) {
        env_die(l->env, "bench: out of memory");
    }
    put_header(f, API_PRODUCE, PRODUCE_VERSION);
    buf_put_u16(&f->head, UINT16_MAX); /* transactional id: null */
    buf_put_u16(&f->head, UINT16_MAX); /* acks: all */
    buf_put_u32(&f->head, REQUEST_TIMEOUT_MS);
    buf_put_u32(&f->head, 1);
    put_string(&f->head, l->o.topic);
    buf_put_u32(&f->head, f->n_parts);
    for (unsigned i = 0; i < f->n_parts; i++) {
        const struct template_ *t = &l->templates[f->parts[i].records];
        buf_put_u32(&f->head, (uint32_t)f->parts[i].partition->number);
        buf_put_u32(&f->head, (uint32_t)t->len);
        ends[i] = f->head.len;
    }
    if (f->head.status != 0) {
        env_die(l->env, "bench: out of memory");
    }
    for (unsigned i = 0; i < f->n_parts; i++) {
        const struct template_ *t = &l->templates[f->parts[i].records];
        f->slices[f->n_slices++] = slice_of(f->head.data + at, ends[i] - at);
        f->slices[f->n_slices++] = slice_of(f->parts[i].header, 61);
        f->slices[f->n_slices++] = slice_of(t->bytes + 61, t->len - 61);
        at = ends[i];
    }
    mem_free(l->mem, ends);
    flight_send(f);
}

/* Records of a partition that are due and not sent. */
static uint64_t due(const struct load *l, const struct partition *p)
{
    uint64_t now = env_now_us_exact(l->env);
    uint64_t all, mine;
    if (l->o.rate == 0) {
        return UINT32_MAX;
    }
    all = (uint64_t)((double)(now - l->start_us) / 1e6 * (double)l->o.rate);
    mine = all / l->n_partitions +
           ((uint64_t)p->number < all % l->n_partitions ? 1 : 0);
    return mine > p->due_first ? mine - p->due_first : 0;
}

/* When the partition's k-th record was due. */
uint64_t load_due_us(const struct load *l, const struct partition *p,
                     uint64_t k)
{
    double number = (double)(k * l->n_partitions + (uint64_t)p->number);
    return l->start_us + (uint64_t)(number / (double)l->o.rate * 1e6);
}

/* The next batch of a partition: one that must be repeated, or a new one of
 * what is due; NULL if there is none. */
static struct unacked *next_batch(struct load *l, struct partition *p,
                                  uint32_t share)
{
    uint64_t k;
    if (p->n_sent < p->n_window) {
        return &p->window[p->n_sent];
    }
    if (p->n_window == l->o.inflight) {
        return NULL;
    }
    k = due(l, p);
    k = k < share ? k : share;
    if (k == 0 ||
        (l->templates[k].bytes == NULL && make_template(l, (uint32_t)k) != 0)) {
        return NULL;
    }
    struct unacked *u = &p->window[p->n_window++];
    *u = (struct unacked){p->sequence, (uint32_t)k, p->due_first};
    p->sequence = sequence_add(p->sequence, u->records);
    p->due_first += k;
    return u;
}

/* One request to a node with whatever its partitions have to send. */
static bool send_some(struct load *l, struct node *n)
{
    unsigned mine = 0, last = 0;
    uint32_t share;
    struct flight *f;
    for (unsigned i = 0; i < l->n_partitions; i++) {
        mine += l->partitions[i].leader == n;
    }
    if (mine == 0) {
        return false;
    }
    share = l->records_max / mine > 0 ? l->records_max / mine : 1;
    f = flight_new(n, mine);
    for (unsigned i = 0; i < l->n_partitions && f->n_parts < PARTS_MAX; i++) {
        unsigned number = (n->from + i) % l->n_partitions;
        struct partition *p = &l->partitions[number];
        if (p->leader != n || p->hold || p->inflight >= l->o.inflight) {
            continue;
        }
        struct unacked *u = next_batch(l, p, share);
        if (u == NULL) {
            continue;
        }
        struct part *x = &f->parts[f->n_parts++];
        *x = (struct part){.partition = p,
                           .sequence = u->sequence,
                           .records = u->records,
                           .due_first = u->due_first};
        make_header(&l->templates[u->records], u->sequence, x->header);
        p->n_sent++;
        p->inflight++;
        last = number;
    }
    if (f->n_parts == 0) {
        flight_free(f);
        return false;
    }
    if (f->n_parts == PARTS_MAX) {
        n->from = last + 1; /* the others have their turn */
    }
    send_batches(f);
    return true;
}

void load_pump(struct load *l)
{
    for (unsigned i = 0; i < l->n_nodes; i++) {
        struct node *n = &l->nodes[i];
        while (n->up && !l->done && n->n_flights < l->o.inflight &&
               send_some(l, n)) {
        }
    }
}

bool load_idle(const struct load *l)
{
    unsigned n = 0;
    for (unsigned i = 0; i < l->n_nodes; i++) {
        n += l->nodes[i].n_flights;
    }
    return n == 0;
}

/* Where a batch stands among the unacknowledged, or n_window. */
unsigned window_find(const struct partition *p, int32_t sequence)
{
    unsigned i = 0;
    while (i < p->n_window && p->window[i].sequence != sequence) {
        i++;
    }
    return i;
}

/* Ask the first node that is up. */
void load_refresh(struct load *l)
{
    for (unsigned i = 0; i < l->n_nodes; i++) {
        struct node *n = &l->nodes[i];
        if (!n->up) {
            continue;
        }
        struct flight *f = flight_new(n, 0);
        f->metadata = true;
        put_header(f, API_METADATA, METADATA_VERSION);
        buf_put_u32(&f->head, 1);
        put_string(&f->head, l->o.topic);
        buf_put_u8(&f->head, 0); /* no auto creation */
        f->slices[f->n_slices++] = buf_slice(&f->head);
        l->refreshing = true;
        l->refresh_ms = 0;
        flight_send(f);
        return;
    }
    l->refresh_ms = env_now_ms(l->env) + REFRESH_MS;
}
