#include "fake_records.h"

#include <string.h>

#include "env/env.h"

struct fake_records fake_records;

static struct fake_log *log_of(const struct partition *p)
{
    return &fake_records.logs[p - fake.partitions];
}

/* `struct replica` is the fake's partition. */
static struct partition *partition_of(const struct replica *r)
{
    return (struct partition *)(uintptr_t)r;
}

/* ---- the broker --------------------------------------------------------- */

struct chunk_pool *broker_pool(const struct broker *b)
{
    (void)b;
    return fake_records.pool;
}
const struct topic_config *partition_config(const struct partition *p)
{
    return &log_of(p)->config;
}
int64_t replica_log_start(const struct replica *r)
{
    return partition_of(r)->start;
}
int64_t replica_high_watermark(const struct replica *r)
{
    return partition_of(r)->high;
}
int64_t replica_log_end(const struct replica *r)
{
    return partition_of(r)->end;
}
int32_t replica_epoch(const struct replica *r)
{
    return partition_of(r)->epoch;
}
bool replica_is_leader(const struct replica *r)
{
    return partition_of(r)->leads;
}
int replica_epoch_end(const struct replica *r, int32_t epoch,
                      int32_t *ret_epoch, int64_t *ret_end)
{
    return partition_epoch_end(partition_of(r), epoch, ret_epoch, ret_end);
}

/* ---- produce ------------------------------------------------------------ */

int partition_produce(struct partition *p, struct partition_produce *pp,
                      struct bytes batch, const struct batch *b,
                      partition_produce_cb cb, void *data)
{
    unsigned k = fake_records.n_produced++;
    struct fake_produced *a = &fake_records.produced[k];
    assert_true(k < FAKE_MAX);
    assert_ptr_equal(batch.data, b->bytes.data);
    assert_int_equal(batch.len, b->length);
    assert_int_equal(batch_check_crc(b), 0);
    *a = (struct fake_produced){.partition = p, .batch = *b};
    a->batch.bytes = slice_of(NULL, 0);
    if (fake_records.produce_rv[k] != 0) {
        return fake_records.produce_rv[k];
    }
    a->pp = pp;
    a->held = bytes_dup(batch);
    pp->cb = cb;
    pp->data = data;
    return 0;
}

bool partition_produce_parked(const struct partition_produce *pp)
{
    for (unsigned k = 0; k < fake_records.n_produced; k++) {
        if (fake_records.produced[k].pp == pp) {
            return fake_records.late[k];
        }
    }
    fail();
    return false;
}

void partition_produce_forget(struct partition_produce *pp)
{
    for (unsigned k = 0; k < fake_records.n_produced; k++) {
        struct fake_produced *a = &fake_records.produced[k];
        if (a->pp == pp) {
            a->pp = NULL;
            bytes_release(&a->held);
            fake_records.n_forgotten++;
            return;
        }
    }
    fail();
}

static bool produce_next(void)
{
    for (unsigned k = 0; k < fake_records.n_produced; k++) {
        struct fake_produced *a = &fake_records.produced[k];
        struct partition_produce *pp = a->pp;
        if (pp == NULL || fake_records.hold[k]) {
            continue;
        }
        a->pp = NULL;
        bytes_release(&a->held);
        pp->base_offset = a->partition->end;
        pp->append_time_ms = batch_time_type(&a->batch) == BATCH_TIME_APPEND
                                 ? a->batch.max_timestamp
                                 : -1;
        pp->log_start = a->partition->start;
        if (fake_records.produce_status[k] == 0) {
            a->partition->end += a->batch.record_count;
            a->partition->high = a->partition->end;
        }
        pp->cb(pp, fake_records.produce_status[k]);
        return true;
    }
    return false;
}

/* ---- reading ------------------------------------------------------------ */

static struct bytes share(struct fake_log *l, size_t at, size_t len)
{
    return bytes_share(&l->chunk, l->bytes + at, len);
}

/* The batch that an offset lies in. */
static unsigned batch_find(const struct fake_log *l, int64_t offset)
{
    unsigned i = 0;
    while (i < l->n && l->batches[i].next <= offset) {
        i++;
    }
    return i;
}

unsigned replica_read_tail(struct replica *r, int64_t offset,
                           int64_t offset_end, uint32_t bytes_max,
                           struct bytes pieces[], unsigned max)
{
    struct fake_log *l = log_of(partition_of(r));
    unsigned n = 0;
    size_t bytes = 0;
    for (unsigned i = batch_find(l, offset); i >= l->n_old && i < l->n; i++) {
        const struct fake_batch *b = &l->batches[i];
        if (n == max || b->next > offset_end ||
            (n > 0 && bytes + b->len > bytes_max)) {
            break;
        }
        bytes += b->len;
        pieces[n++] = share(l, b->at, b->len);
    }
    return n;
}

static struct {
    struct replica_read *read;
    struct partition *partition;
    int64_t offset, offset_end;
    uint32_t bytes_max;
} reads[FAKE_MAX];
static unsigned n_reads; /* under way */

int replica_read(struct replica *r, struct replica_read *rd, int64_t offset,
                 int64_t offset_end, uint32_t bytes_max, replica_read_cb cb,
                 void *data)
{
    int rv = fake_records.read_rv;
    fake_records.n_reads++;
    fake_records.read_rv = 0;
    if (rv != 0) {
        return rv;
    }
    assert_true(n_reads < FAKE_MAX);
    rd->cb = cb;
    rd->data = data;
    reads[n_reads].read = rd;
    reads[n_reads].partition = partition_of(r);
    reads[n_reads].offset = offset;
    reads[n_reads].offset_end = offset_end;
    reads[n_reads++].bytes_max = bytes_max;
    return 0;
}

/* The oldest read ends: whole batches of segments, in one piece. */
static bool read_next(void)
{
    struct replica_read *rd = reads[0].read;
    struct fake_log *l;
    struct bytes out = {0};
    int64_t first = -1;
    if (n_reads == 0) {
        return false;
    }
    if (fake_records.reading != NULL) {
        void (*cb)(void) = fake_records.reading;
        fake_records.reading = NULL;
        cb();
    }
    l = log_of(reads[0].partition);
    for (unsigned i = batch_find(l, reads[0].offset); i < l->n_old; i++) {
        const struct fake_batch *b = &l->batches[i];
        if (fake_records.read_status != 0 || b->next > reads[0].offset_end ||
            (out.len > 0 && out.len + b->len > reads[0].bytes_max)) {
            break;
        }
        if (out.len == 0) {
            out = share(l, b->at, 0);
            first = b->base;
        }
        out.len += b->len;
    }
    memmove(reads, reads + 1, --n_reads * sizeof reads[0]);
    rd->cb(rd, fake_records.read_status, out, first);
    return true;
}

/* ---- waiting ------------------------------------------------------------ */

void partition_watch(struct partition *p, struct partition_watch *w,
                     partition_watch_cb cb, void *data)
{
    assert_ptr_equal(broker_partition(NULL, p->group), p); /* not gone */
    *w = (struct partition_watch){.cb = cb, .data = data};
    queue_push(&log_of(p)->watches, &w->queue);
}
void partition_unwatch(struct partition_watch *w)
{
    queue_remove(&w->queue);
}
static void wake(struct partition *p, bool gone)
{
    struct queue steal;
    struct queue *q;
    queue_move(&log_of(p)->watches, &steal);
    while ((q = queue_pop(&steal)) != NULL) {
        struct partition_watch *w =
            QUEUE_ENTRY(q, struct partition_watch, queue);
        if (!gone) {
            queue_push(&log_of(p)->watches, q);
        }
        w->cb(w, gone);
    }
}

int64_t env_wall_ms(struct env *e)
{
    (void)e;
    return fake_records.wall_ms;
}
void env_timer_init(struct env_timer *t, env_timer_cb cb, void *data)
{
    *t = (struct env_timer){.cb = cb, .data = data};
}
void env_timer_stop(struct env *e, struct env_timer *t)
{
    (void)e;
    for (unsigned i = 0; i < fake_records.n_timers; i++) {
        if (fake_records.timers[i].timer == t) {
            fake_records.timers[i] =
                fake_records.timers[--fake_records.n_timers];
            return;
        }
    }
}
void env_timer_start(struct env *e, struct env_timer *t, uint64_t at_ms)
{
    env_timer_stop(e, t);
    assert_true(fake_records.n_timers < FAKE_MAX);
    fake_records.timers[fake_records.n_timers].timer = t;
    fake_records.timers[fake_records.n_timers++].at_ms = at_ms;
}

static bool timer_next(void)
{
    struct env_timer *t;
    unsigned first = 0;
    if (fake_records.n_timers == 0) {
        return false;
    }
    for (unsigned i = 1; i < fake_records.n_timers; i++) {
        if (fake_records.timers[i].at_ms < fake_records.timers[first].at_ms) {
            first = i;
        }
    }
    if (fake_records.timers[first].at_ms > fake.now_ms) {
        fake.now_ms = fake_records.timers[first].at_ms;
    }
    t = fake_records.timers[first].timer;
    env_timer_stop(NULL, t);
    t->cb(t);
    return true;
}

static bool idle(void)
{
    if (produce_next() || read_next()) {
        return true;
    }
    if (fake_records.parked != NULL) {
        void (*cb)(void) = fake_records.parked;
        fake_records.parked = NULL;
        cb();
        return true;
    }
    return timer_next();
}

/* ---- batches and logs --------------------------------------------------- */

struct slice fake_batch_at(const struct build_options *o, int n, size_t len,
                           int64_t after_ms)
{
    static const uint8_t bytes[FAKE_LOG_BYTES] = {'v'};
    struct build b;
    struct buf out;
    assert_true(len <= sizeof bytes);
    buf_init(&out, fake.mem, 0);
    build_init(&b, fake.mem, o);
    for (int i = 0; i < n; i++) {
        struct build_record r = {.timestamp = fake_records.wall_ms + after_ms,
                                 .key_null = true,
                                 .value = slice_of(bytes, len)};
        assert_int_equal(build_append(&b, &r), 0);
    }
    assert_int_equal(build_finish(&b, &out), 0);
    build_close(&b);
    uint8_t *copy = arena_alloc(&fake_records.arena, out.len);
    struct slice batch = slice_of(copy, out.len);
    memcpy(copy, out.data, out.len);
    buf_close(&out);
    return batch;
}

struct slice fake_batch(const struct build_options *o, int n, size_t len)
{
    return fake_batch_at(o, n, len, 0);
}

struct partition *fake_log(const char *topic)
{
    fake_topic(topic, 1);
    struct partition *p = fake_partition(topic);
    p->start = p->high = p->end = 0;
    return p;
}

void fake_log_set(struct partition *p, const char *name, const char *value)
{
    struct err err = {""};
    assert_int_equal(topic_config_set(&log_of(p)->config, name, value, 3, &err),
                     0);
}

void fake_log_append(struct partition *p, unsigned codec, int n, size_t len)
{
    struct fake_log *l = log_of(p);
    struct build_options o = BUILD_OPTIONS_DEFAULT;
    o.codec = codec;
    o.base_offset = p->end;
    o.leader_epoch = p->epoch;
    struct slice b = fake_batch(&o, n, len);
    assert_true(l->n < FAKE_MAX && b.len <= sizeof l->bytes - l->len);
    memcpy(l->bytes + l->len, b.data, b.len);
    l->batches[l->n++] = (struct fake_batch){
        .base = p->end, .next = p->end + n, .at = l->len, .len = b.len};
    l->len += b.len;
    p->end += n;
}

void fake_log_commit(struct partition *p)
{
    p->high = p->end;
    wake(p, false);
}

void fake_log_flush(struct partition *p)
{
    log_of(p)->n_old = log_of(p)->n;
}

void fake_log_delete(struct partition *p)
{
    p->group = UINT64_MAX; /* nobody's */
    wake(p, true);
}

/* ---- life --------------------------------------------------------------- */

int fake_records_open(void **state)
{
    fake_open(state);
    memset(&fake_records, 0, sizeof fake_records);
    n_reads = 0;
    fake_records.wall_ms = 1700000000000;
    arena_init(&fake_records.arena, fake.mem, 0);
    assert_int_equal(chunk_pool_new(&fake_records.pool, fake.mem, 32 << 20), 0);
    for (unsigned i = 0; i < FAKE_MAX; i++) {
        struct fake_log *l = &fake_records.logs[i];
        l->chunk =
            (struct chunk){.data = l->bytes, .cap = sizeof l->bytes, .refs = 1};
        queue_init(&l->watches);
        topic_config_init(&l->config);
    }
    fake.idle = idle;
    return 0;
}

int fake_records_close(void **state)
{
    for (unsigned i = 0; i < FAKE_MAX; i++) {
        assert_int_equal(fake_records.logs[i].chunk.refs, 1);
        assert_true(queue_empty(&fake_records.logs[i].watches));
    }
    assert_int_equal(fake_records.n_timers, 0);
    assert_int_equal(n_reads, 0);
    assert_int_equal(chunk_pool_used_all(fake_records.pool), 0);
    chunk_pool_free(fake_records.pool);
    arena_close(&fake_records.arena);
    return fake_close(state);
}
