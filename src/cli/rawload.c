#include "cli/rawload.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/rand.h"
#include "cli/client.h"
#include "env/system.h"
#include "record/build.h"
#include "wire/api.h"
#include "wire/errors.h"
#include "wire/gen/init_producer_id.h"
#include "wire/gen/metadata.h"
#include "wire/gen/produce.h"
#include "wire/header.h"

#define NODES_MAX          64
#define PRODUCE_VERSION    7
#define METADATA_VERSION   7
#define BATCH_BYTES_MAX    1000000
#define INFLIGHT_MAX       64
#define REQUEST_TIMEOUT_MS 30000
#define REFRESH_MS         50
#define SETUP_MS           10000
#define READ_BYTES         65536

/* An encoded batch of n records, whose header is patched per use. */
struct template_ {
    uint8_t *bytes;
    size_t len;
    uint32_t records_crc; /* of what follows the header */
};

struct node;

/* A batch that is not acknowledged yet: a repetition must be the same one. */
struct unacked {
    int32_t sequence;
    uint32_t records;
    uint64_t due_first; /* number of its first record */
};

struct partition {
    int32_t number;
    struct node *leader;
    int32_t sequence;   /* of the next new batch */
    uint64_t due_first; /* number of the next new record */
    unsigned inflight;
    uint64_t acked_us;                   /* when the last ack came */
    struct unacked window[INFLIGHT_MAX]; /* oldest first */
    unsigned n_window;
    unsigned n_sent; /* of them, on their way */
};

/* One batch within a request. */
struct part {
    struct partition *partition;
    int32_t sequence;
    uint32_t records;
    uint64_t due_first;
    uint8_t header[61];
};

struct flight {
    struct queue queue;
    struct node *node;
    int32_t correlation;
    bool metadata;
    uint64_t sent_us;
    struct env_write write;
    bool writing, answered;
    struct buf head; /* everything but headers of batches and records */
    struct part *parts;
    unsigned n_parts;
    struct slice *slices;
    unsigned n_slices;
};

struct node {
    struct load *load;
    int32_t id;
    char host[256];
    uint16_t port;
    struct env_stream *stream;
    bool connecting, up;
    struct queue flights; /* in order of sending */
    unsigned n_flights;
    uint64_t retry_ms;
    uint8_t *in;
    size_t in_len, in_cap;
};

struct load {
    struct env *env;
    struct mem *mem;
    struct rawload_options o;
    struct rawload_result *r;
    struct node nodes[NODES_MAX];
    unsigned n_nodes;
    struct partition *partitions;
    unsigned n_partitions;
    struct template_ *templates; /* by number of records */
    uint32_t records_max;
    uint8_t *value;
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t correlation;
    struct env_timer tick;
    uint64_t refresh_ms; /* ask for metadata not before; 0: not needed */
    bool refreshing;
    uint64_t start_us, measure_us, end_us;
    uint64_t report_us, report_bytes, bytes_all;
    bool done;
};

/* ---- batches
 * --------------------------------------------------------------------- */

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

/* ---- sending
 * ------------------------------------------------------------------------ */

static void flight_free(struct flight *f)
{
    struct mem *mem = f->node->load->mem;
    queue_remove(&f->queue);
    buf_close(&f->head);
    mem_free(mem, f->parts);
    mem_free(mem, f->slices);
    mem_free(mem, f);
}

static void node_down(struct node *n);

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
static uint64_t due_us(const struct load *l, const struct partition *p,
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
    unsigned mine = 0;
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
    for (unsigned i = 0; i < l->n_partitions; i++) {
        struct partition *p = &l->partitions[i];
        if (p->leader != n || p->inflight >= l->o.inflight) {
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
    }
    if (f->n_parts == 0) {
        flight_free(f);
        return false;
    }
    send_batches(f);
    return true;
}

static void pump(struct load *l)
{
    for (unsigned i = 0; i < l->n_nodes; i++) {
        struct node *n = &l->nodes[i];
        while (n->up && !l->done && n->n_flights < l->o.inflight &&
               send_some(l, n)) {
        }
    }
}

/* ---- answers
 * ------------------------------------------------------------------------- */

static void want_refresh(struct load *l)
{
    if (l->refresh_ms == 0) {
        l->refresh_ms = env_now_ms(l->env) + REFRESH_MS;
    }
}

/* Where a batch stands among the unacknowledged, or n_window. */
static unsigned window_find(const struct partition *p, int32_t sequence)
{
    unsigned i = 0;
    while (i < p->n_window && p->window[i].sequence != sequence) {
        i++;
    }
    return i;
}

/* Not acknowledged: everything from this batch on is sent again. */
static void rewind_to(struct load *l, const struct part *x)
{
    struct partition *p = x->partition;
    unsigned i = window_find(p, x->sequence);
    if (i < p->n_sent) {
        p->n_sent = i;
    }
    want_refresh(l);
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
    for (uint32_t i = 0; l->o.rate > 0 && i < x->records; i++) {
        uint64_t was = due_us(l, p, x->due_first + i);
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

static int take_metadata(struct load *l, const struct metadata_response *in)
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
        if (mine->inflight == 0 || mine->leader == n) {
            mine->leader = n;
        }
        all = all && n != NULL && mine->leader == n;
    }
    l->refresh_ms = all ? 0 : env_now_ms(l->env) + REFRESH_MS;
    return 0;
}

static void node_connect(struct node *n);

static void on_metadata(struct load *l, const struct metadata_response *in)
{
    l->refreshing = false;
    if (take_metadata(l, in) != 0) {
        want_refresh(l);
        return;
    }
    for (unsigned i = 0; i < l->n_nodes; i++) {
        node_connect(&l->nodes[i]);
    }
}

/* Ask the first node that is up. */
static void refresh(struct load *l)
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

/* ---- connections
 * ------------------------------------------------------------------------ */

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
    pump(n->load);
}

static void on_closed(void *data)
{
    (void)data;
}

/* The connection is gone: what was under way is sent again. Flights whose
 * write has not ended are freed by its callback. */
static void node_down(struct node *n)
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
    l->r->reconnects++;
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
    pump(n->load);
}

static void node_connect(struct node *n)
{
    if (n->stream != NULL || n->host[0] == '\0' ||
        env_now_ms(n->load->env) < n->retry_ms) {
        return;
    }
    n->connecting = env_connect(n->load->env, n->host, n->port, 2000,
                                on_connected, n, &n->stream) == 0;
}

static void report(struct load *l, uint64_t now)
{
    double s = (double)(now - l->report_us) / 1e6;
    if (s < 1.0 || l->o.progress == NULL) {
        return;
    }
    l->o.progress(l->o.progress_arg, (double)(now - l->start_us) / 1e6,
                  (double)(l->bytes_all - l->report_bytes) / 1e6 / s);
    l->report_us = now;
    l->report_bytes = l->bytes_all;
}

static void on_tick(struct env_timer *t)
{
    struct load *l = t->data;
    uint64_t now = env_now_us_exact(l->env);
    uint64_t next_ms = env_now_ms(l->env) + (l->o.rate > 0 ? 1 : 10);
    if (now >= l->end_us) {
        l->done = true;
        return;
    }
    report(l, now);
    if (l->refresh_ms != 0 && env_now_ms(l->env) >= l->refresh_ms &&
        !l->refreshing) {
        refresh(l);
    }
    for (unsigned i = 0; i < l->n_nodes; i++) {
        node_connect(&l->nodes[i]);
    }
    pump(l);
    env_timer_start(l->env, t, next_ms);
}

/* ---- set-up
 * --------------------------------------------------------------------------------
 */

static int ask_producer_id(struct load *l, struct client *c,
                           struct arena *arena, struct err *err)
{
    struct init_producer_id_request in;
    struct init_producer_id_response out;
    int version = client_version(c, API_INIT_PRODUCER_ID, 1);
    wire_init(&wire_init_producer_id_request, &in);
    in.transactional_id = slice_of(NULL, 0);
    in.transaction_timeout_ms = 60000;
    if (version < 0) {
        return err_set(err, ERR_UNSUPPORTED, "InitProducerId: not spoken");
    }
    for (unsigned tries = 0; tries < 100; tries++) {
        int rv = client_call(c, API_INIT_PRODUCER_ID, version, &in, arena, &out,
                             SETUP_MS, err);
        if (rv != 0) {
            return rv;
        }
        if (out.error_code == KERR_NONE) {
            l->producer_id = out.producer_id;
            l->producer_epoch = out.producer_epoch;
            return 0;
        }
        if (!kerr_retriable(out.error_code)) {
            break;
        }
    }
    return err_set(err, ERR_NOTREADY, "InitProducerId: %s",
                   kerr_text(out.error_code));
}

static int ask_metadata(struct load *l, struct client *c, struct arena *arena,
                        struct err *err)
{
    struct metadata_request in;
    struct metadata_response out;
    struct metadata_request_topic *t =
        wire_elems_new(arena, &wire_metadata_request_topic, 1);
    if (t == NULL) {
        return ERR_NOMEM;
    }
    wire_init(&wire_metadata_request, &in);
    t->name = slice_str(l->o.topic);
    in.topics.ptr = t;
    in.topics.n = 1;
    int rv = client_call(c, API_METADATA, METADATA_VERSION, &in, arena, &out,
                         SETUP_MS, err);
    if (rv == 0) {
        rv = take_metadata(l, &out);
        err_set(rv != 0 ? err : NULL, rv,
                "topic %s: not there, or without leaders: create it with "
                "`ostraka topic create %s`",
                l->o.topic, l->o.topic);
    }
    return rv;
}

static int set_up(struct load *l, struct err *err)
{
    struct client *c = NULL;
    struct arena arena;
    arena_init(&arena, l->mem, 0);
    int rv = client_open_any(l->env, l->o.bootstrap, SETUP_MS, &c, err);
    if (rv == 0) {
        rv = ask_producer_id(l, c, &arena, err);
    }
    if (rv == 0) {
        rv = ask_metadata(l, c, &arena, err);
    }
    client_close(c);
    arena_close(&arena);
    return rv;
}

static int make_payload(struct load *l)
{
    struct rand r;
    uint32_t limit = l->o.request_bytes_max;
    l->value = mem_calloc(l->mem, 1, l->o.value_bytes + 1);
    if (l->value == NULL) {
        return ERR_NOMEM;
    }
    rand_init(&r, 1);
    rand_fill(&r, l->value,
              l->o.random_payload ? l->o.value_bytes : l->o.value_bytes / 2);
    if (limit > BATCH_BYTES_MAX) {
        limit = BATCH_BYTES_MAX;
    }
    l->records_max = limit / (l->o.value_bytes + 16);
    if (l->records_max == 0) {
        l->records_max = 1;
    }
    l->templates = mem_calloc(l->mem, l->records_max + 1, sizeof *l->templates);
    return l->templates == NULL ? ERR_NOMEM : 0;
}

static void tear_down(struct load *l)
{
    for (unsigned i = 0; i < l->n_nodes; i++) {
        node_down(&l->nodes[i]);
    }
    /* Let the closing streams end. */
    bool never = false;
    env_system_run_until(l->env, &never, 50);
    for (unsigned i = 0; i < l->n_nodes; i++) {
        mem_free(l->mem, l->nodes[i].in);
    }
    for (uint32_t i = 0; l->templates != NULL && i <= l->records_max; i++) {
        mem_free(l->mem, l->templates[i].bytes);
    }
    mem_free(l->mem, l->templates);
    mem_free(l->mem, l->partitions);
    mem_free(l->mem, l->value);
}

static void load_run(struct load *l)
{
    l->start_us = env_now_us_exact(l->env);
    l->measure_us = l->start_us + (uint64_t)(l->o.warmup_s * 1e6);
    l->end_us = l->measure_us + (uint64_t)(l->o.seconds * 1e6);
    l->report_us = l->start_us;
    for (unsigned i = 0; i < l->n_partitions; i++) {
        l->partitions[i].acked_us = l->start_us;
    }
    for (unsigned i = 0; i < l->n_nodes; i++) {
        node_connect(&l->nodes[i]);
    }
    env_timer_init(&l->tick, on_tick, l);
    env_timer_start(l->env, &l->tick, env_now_ms(l->env));
    env_system_run_until(l->env, &l->done, 0);
    /* A partition that fell silent counts up to the end. */
    for (unsigned i = 0; i < l->n_partitions; i++) {
        double gap = (double)(l->end_us - l->partitions[i].acked_us) / 1e6;
        if (l->partitions[i].acked_us < l->end_us && gap > l->r->gap_max_s) {
            l->r->gap_max_s = gap;
        }
    }
    l->r->seconds = l->o.seconds;
}

int rawload_run(struct env *e, const struct rawload_options *o,
                struct rawload_result *ret_r, struct err *err)
{
    struct load *l = mem_calloc(env_mem(e), 1, sizeof *l);
    if (l == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *ret_r = (struct rawload_result){0};
    l->env = e;
    l->mem = env_mem(e);
    l->o = *o;
    l->r = ret_r;
    l->o.inflight = o->inflight == 0             ? 5
                    : o->inflight > INFLIGHT_MAX ? INFLIGHT_MAX
                                                 : o->inflight;
    l->o.request_bytes_max =
        o->request_bytes_max == 0 ? 1u << 20 : o->request_bytes_max;
    int rv = make_payload(l);
    if (rv == 0) {
        rv = set_up(l, err);
    }
    if (rv == 0) {
        load_run(l);
        if (ret_r->records_all == 0) {
            rv = err_set(err, ERR_TIMEOUT, "nothing was acknowledged");
        }
    }
    tear_down(l);
    mem_free(l->mem, l);
    return rv;
}
