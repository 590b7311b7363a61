#include "cli/rdload.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/rdconf.h"
#include "cli/rdoffset.h"
#include "env/system.h"

#define PRODUCERS_MAX 64
#define QUEUE_RECORDS 200000
#define POLL_EVERY    256
#define GAPS_MAX      10000 /* partitions whose gaps are known */

struct producer {
    pthread_t thread;
    const struct rdload_options *o;
    struct env *env;
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    unsigned number, of;
    const uint8_t *value;
    uint64_t start_us, measure_us, end_us;
    struct rawload_result r;
    uint64_t *acked_us; /* by partition, 0: never; atomics, shared by all */
    bool started;
};

/* The tool measures with the machine's clock from threads of its own. */
static uint64_t now_us(const struct producer *p)
{
    return env_now_us_exact(p->env);
}

static int set_extra(rd_kafka_conf_t *conf, const char *const *properties,
                     struct err *err)
{
    int rv = 0;
    for (; properties != NULL && *properties != NULL && rv == 0; properties++) {
        rv = rdconf_set_text(conf, *properties, err);
    }
    return rv;
}

static void raise_gap(struct rawload_result *r, uint64_t us)
{
    double gap = (double)us / 1e6;
    r->gap_max_s = gap > r->gap_max_s ? gap : r->gap_max_s;
}

static void note_ack(struct producer *p, int32_t partition, uint64_t now)
{
    if (partition >= 0 && partition < GAPS_MAX) {
        uint64_t was =
            __atomic_exchange_n(&p->acked_us[partition], now, __ATOMIC_RELAXED);
        if (was >= p->measure_us && now > was) {
            raise_gap(&p->r, now - was);
        }
    }
}

/* Who was acknowledged once, and then no more until the end. */
static void note_silent(const struct producer *p, struct rawload_result *r)
{
    for (unsigned i = 0; i < GAPS_MAX; i++) {
        uint64_t was = p->acked_us[i];
        if (was != 0 && was < p->end_us) {
            raise_gap(r,
                      p->end_us - (was > p->measure_us ? was : p->measure_us));
        }
    }
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct producer *p = opaque;
    uint64_t now = now_us(p);
    uint64_t was = (uint64_t)(uintptr_t)m->_private;
    (void)rk;
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        p->r.errors++;
        return;
    }
    p->r.records_all++;
    note_ack(p, m->partition, now);
    if (now >= p->measure_us && now < p->end_us) {
        p->r.records++;
        p->r.bytes += m->len;
        histogram_record(&p->r.latency, now - (p->start_us + was));
    }
}

static int make_producer(struct producer *p, struct err *err)
{
    char text[512], number[32];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int rv = rdconf_set(conf, "bootstrap.servers", p->o->bootstrap, err);
    rv = rv != 0 ? rv : rdconf_set(conf, "acks", "all", err);
    rv = rv != 0 ? rv : rdconf_set(conf, "enable.idempotence", "true", err);
    snprintf(number, sizeof number, "%g", p->o->linger_ms);
    rv = rv != 0 ? rv : rdconf_set(conf, "linger.ms", number, err);
    if (p->o->batch_bytes > 0) {
        snprintf(number, sizeof number, "%u", p->o->batch_bytes);
        rv = rv != 0 ? rv : rdconf_set(conf, "batch.size", number, err);
    }
    snprintf(number, sizeof number, "%u", QUEUE_RECORDS);
    rv = rv != 0
             ? rv
             : rdconf_set(conf, "queue.buffering.max.messages", number, err);
    rv = rv != 0 ? rv : set_extra(conf, p->o->properties, err);
    if (rv != 0) {
        rd_kafka_conf_destroy(conf);
        return rv;
    }
    rd_kafka_conf_set_opaque(conf, p);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (p->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return err_set(err, ERR_INVALID, "%s", text);
    }
    p->topic = rd_kafka_topic_new(p->rk, p->o->topic, NULL);
    return p->topic != NULL ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

/* Records due by now for this producer, at an open loop. */
static uint64_t due(const struct producer *p, uint64_t now)
{
    return (uint64_t)((double)(now - p->start_us) / 1e6 * (double)p->o->rate /
                      (double)p->of);
}

static void *run(void *arg)
{
    struct producer *p = arg;
    uint64_t sent = 0, now = now_us(p);
    while (now < p->end_us) {
        uint64_t may = p->o->rate > 0 ? due(p, now) : UINT64_MAX;
        if (sent >= may) {
            rd_kafka_poll(p->rk, 1);
            now = now_us(p);
            continue;
        }
        uint64_t was = p->o->rate > 0
                           ? (uint64_t)((double)sent * (double)p->of /
                                        (double)p->o->rate * 1e6)
                           : now - p->start_us;
        if (rd_kafka_produce(p->topic, RD_KAFKA_PARTITION_UA, 0,
                             (void *)(uintptr_t)p->value, p->o->value_bytes,
                             NULL, 0, (void *)(uintptr_t)was) == 0) {
            sent++;
        } else {
            rd_kafka_poll(p->rk, 10); /* its queue is full */
            now = now_us(p);
        }
        if (sent % POLL_EVERY == 0 || p->o->rate > 0) {
            rd_kafka_poll(p->rk, 0);
            now = now_us(p);
        }
    }
    rd_kafka_flush(p->rk, 10000);
    return NULL;
}

static void add(struct rawload_result *to, const struct rawload_result *from)
{
    to->records += from->records;
    to->bytes += from->bytes;
    to->errors += from->errors;
    to->records_all += from->records_all;
    if (from->gap_max_s > to->gap_max_s) {
        to->gap_max_s = from->gap_max_s;
    }
    histogram_merge(&to->latency, &from->latency);
}

static int start_all(struct producer *p, unsigned n, struct err *err)
{
    uint64_t start = now_us(&p[0]);
    for (unsigned i = 0; i < n; i++) {
        int rv = make_producer(&p[i], err);
        if (rv != 0) {
            return rv;
        }
    }
    for (unsigned i = 0; i < n; i++) {
        p[i].start_us = start;
        p[i].measure_us = start + (uint64_t)(p[i].o->warmup_s * 1e6);
        p[i].end_us = p[i].measure_us + (uint64_t)(p[i].o->seconds * 1e6);
        p[i].started = pthread_create(&p[i].thread, NULL, run, &p[i]) == 0;
    }
    return 0;
}

static void wait_for(const struct producer *p, uint64_t until_us)
{
    const bool never = false;
    uint64_t now = now_us(p);
    if (now < until_us) {
        env_system_run_until(p->env, &never, (until_us - now) / 1000 + 1);
    }
}

/* The producers have threads of their own: this one looks at the clock. */
static void watch_all(const struct producer *p)
{
    wait_for(p, p->measure_us);
    watch_begin(p->o->watch);
    wait_for(p, p->end_us);
    watch_end(p->o->watch);
}

int rdload_produce(struct env *e, const struct rdload_options *o,
                   struct rawload_result *ret_r, struct err *err)
{
    unsigned n = o->producers == 0              ? 1
                 : o->producers > PRODUCERS_MAX ? PRODUCERS_MAX
                                                : o->producers;
    struct producer *p = mem_calloc(env_mem(e), n, sizeof *p);
    uint8_t *value = mem_calloc(env_mem(e), 1, o->value_bytes + 1);
    uint64_t *acked_us = mem_calloc(env_mem(e), GAPS_MAX, sizeof *acked_us);
    *ret_r = (struct rawload_result){.seconds = o->seconds};
    if (p == NULL || value == NULL || acked_us == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    env_random(e, value, o->value_bytes);
    for (unsigned i = 0; i < n; i++) {
        p[i] = (struct producer){.o = o,
                                 .env = e,
                                 .number = i,
                                 .of = n,
                                 .value = value,
                                 .acked_us = acked_us};
    }
    int rv = start_all(p, n, err);
    if (rv == 0 && o->watch != NULL) {
        watch_all(&p[0]);
    }
    for (unsigned i = 0; i < n; i++) {
        if (p[i].started) {
            pthread_join(p[i].thread, NULL);
            add(ret_r, &p[i].r);
        }
        if (p[i].topic != NULL) {
            rd_kafka_topic_destroy(p[i].topic);
        }
        if (p[i].rk != NULL) {
            rd_kafka_destroy(p[i].rk);
        }
    }
    if (rv == 0) {
        note_silent(&p[0], ret_r);
    }
    mem_free(env_mem(e), acked_us);
    mem_free(env_mem(e), value);
    mem_free(env_mem(e), p);
    if (rv == 0 && ret_r->records_all == 0) {
        rv = err_set(err, ERR_TIMEOUT, "nothing was acknowledged");
    }
    return rv;
}

/* ---- consuming -------------------------------------------------------- */

struct reading {
    rd_kafka_t *rk;
    rd_kafka_topic_partition_list_t *list;
    int64_t *ends; /* per element of the list; reached: -1 */
    int left;
};

static int open_reading(struct reading *r, const struct rdload_options *o,
                        struct err *err)
{
    char text[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int rv = rdconf_set(conf, "bootstrap.servers", o->bootstrap, err);
    rv = rv != 0 ? rv : rdconf_set(conf, "group.id", "ostraka-bench", err);
    rv = rv != 0 ? rv : rdconf_set(conf, "enable.auto.commit", "false", err);
    rv = rv != 0 ? rv : rdconf_set(conf, "check.crcs", "true", err);
    rv = rv != 0 ? rv : rdconf_set(conf, "enable.partition.eof", "true", err);
    rv = rv != 0 ? rv : set_extra(conf, o->properties, err);
    if (rv != 0) {
        rd_kafka_conf_destroy(conf);
        return rv;
    }
    r->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (r->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return err_set(err, ERR_INVALID, "%s", text);
    }
    rd_kafka_poll_set_consumer(r->rk);
    return 0;
}

/* Where a partition ends now. */
static int ask_end(struct reading *r, const struct rdload_options *o, int i,
                   struct err *err)
{
    int64_t low = 0;
    rd_kafka_resp_err_t code =
        rdoffset_ends(r->rk, o->topic, i, o->timeout_ms, &low, &r->ends[i]);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return err_set(err, ERR_CLOSED, "partition %d: %s", i,
                       rd_kafka_err2str(code));
    }
    if (r->ends[i] > low) {
        r->left++;
    } else {
        r->ends[i] = -1;
    }
    return 0;
}

/* How many partitions the topic has. */
static int count_partitions(struct reading *r, const struct rdload_options *o,
                            int *ret_n, struct err *err)
{
    const struct rd_kafka_metadata *md = NULL;
    rd_kafka_topic_t *t = rd_kafka_topic_new(r->rk, o->topic, NULL);
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(r->rk, 0, t, &md, o->timeout_ms);
    rd_kafka_topic_destroy(t);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return err_set(err, ERR_CLOSED, "%s", rd_kafka_err2str(code));
    }
    *ret_n = md->topic_cnt == 1 ? md->topics[0].partition_cnt : 0;
    code = md->topic_cnt == 1 ? md->topics[0].err : code;
    rd_kafka_metadata_destroy(md);
    return *ret_n > 0 ? 0
                      : err_set(err, ERR_NOTFOUND, "topic %s: %s", o->topic,
                                code != RD_KAFKA_RESP_ERR_NO_ERROR
                                    ? rd_kafka_err2str(code)
                                    : "not there");
}

static int assign(struct reading *r, const struct rdload_options *o,
                  struct env *e, struct err *err)
{
    int n = 0;
    int rv = count_partitions(r, o, &n, err);
    if (rv != 0) {
        return rv;
    }
    r->list = rd_kafka_topic_partition_list_new(n);
    r->ends = mem_calloc(env_mem(e), (size_t)n + 1, sizeof *r->ends);
    if (r->ends == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    for (int i = 0; i < n && rv == 0; i++) {
        rd_kafka_topic_partition_list_add(r->list, o->topic, i)->offset =
            RD_KAFKA_OFFSET_BEGINNING;
        rv = ask_end(r, o, i, err);
    }
    if (rv != 0) {
        return rv;
    }
    rd_kafka_resp_err_t code = rd_kafka_assign(r->rk, r->list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? 0
               : err_set(err, ERR_IO, "%s", rd_kafka_err2str(code));
}

/* Everything below `offset` was there. */
static void reach(struct reading *r, int32_t partition, int64_t offset)
{
    if (partition >= 0 && partition < r->list->cnt && r->ends[partition] >= 0 &&
        offset >= r->ends[partition]) {
        r->ends[partition] = -1;
        r->left--;
    }
}

/* True: something came. */
static bool take(struct reading *r, const rd_kafka_message_t *m,
                 struct rawload_result *out)
{
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        reach(r, m->partition, m->offset); /* the last may be no record */
        return true;
    }
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        out->errors++;
        return false;
    }
    out->records++;
    out->bytes += m->len;
    reach(r, m->partition, m->offset + 1);
    return true;
}

int rdload_consume(struct env *e, const struct rdload_options *o,
                   struct rawload_result *ret_r, struct err *err)
{
    struct reading r = {0};
    *ret_r = (struct rawload_result){0};
    int rv = open_reading(&r, o, err);
    if (rv == 0) {
        rv = assign(&r, o, e, err);
    }
    uint64_t start = env_now_us_exact(e), first = 0, last = start;
    uint64_t heard = start;
    if (rv == 0 && o->watch != NULL) {
        watch_begin(o->watch);
    }
    while (rv == 0 && r.left > 0 &&
           (o->seconds <= 0 || (double)(last - start) / 1e6 < o->seconds)) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(r.rk, 100);
        last = env_now_us_exact(e);
        if (m != NULL && take(&r, m, ret_r)) {
            first = first == 0 && ret_r->records > 0 ? last : first;
            heard = last;
        }
        if (m != NULL) {
            rd_kafka_message_destroy(m);
        }
        if (last - heard > (uint64_t)o->timeout_ms * 1000) {
            rv = err_set(err, ERR_CLOSED,
                         "nothing came for %d ms, and the end of %d partitions "
                         "is not reached",
                         o->timeout_ms, r.left);
        }
    }
    if (o->watch != NULL) {
        watch_end(o->watch);
    }
    ret_r->seconds = (double)(last - (first == 0 ? start : first)) / 1e6;
    ret_r->records_all = ret_r->records;
    if (r.list != NULL) {
        rd_kafka_topic_partition_list_destroy(r.list);
    }
    if (r.rk != NULL) {
        rd_kafka_consumer_close(r.rk);
        rd_kafka_destroy(r.rk);
    }
    mem_free(env_mem(e), r.ends);
    return rv;
}
