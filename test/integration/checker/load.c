#include "load.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "memory.h"
#include "value.h"

/* Since when a partition, or all of them, wait for an answer. */
struct wait {
    uint64_t outstanding;
    uint64_t since_ms;
    uint64_t longest_ms;
};

/* Latencies are counted by the millisecond up to here. */
#define LATENCY_MS_MAX 60000

struct run {
    struct load *load;
    uint64_t *latency; /* acknowledged records by milliseconds */
    struct books *books;
    struct producer *producers;
    struct wait all;
    struct wait *partitions;
    uint64_t sent;
    uint64_t acked;
    uint64_t started_ms;
    uint64_t status_ms;
    bool cut; /* the command of at_ack was run: stop here */
    uint8_t *value;
};

struct producer {
    struct run *run;
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    uint32_t id;
};

uint64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void wait_send(struct wait *w, uint64_t now)
{
    if (w->outstanding++ == 0) {
        w->since_ms = now;
    }
}

static void wait_done(struct wait *w, uint64_t now, bool acked)
{
    w->outstanding--;
    if (acked) {
        uint64_t took = now - w->since_ms;
        w->longest_ms = took > w->longest_ms ? took : w->longest_ms;
        w->since_ms = now;
    }
}

/* What a delivery report means for the books. */
static int64_t message_state(const rd_kafka_message_t *m)
{
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return m->offset >= 0 ? m->offset : BOOKS_OK_NOWHERE;
    }
    return rd_kafka_message_status(m) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED
               ? BOOKS_FAILED
               : BOOKS_UNKNOWN;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m,
                        void *opaque)
{
    (void)rk;
    struct producer *p = opaque;
    struct run *r = p->run;
    uint64_t now = clock_ms();
    int64_t state = message_state(m);
    bool acked = state != BOOKS_FAILED && state != BOOKS_UNKNOWN;
    books_set(r->books, p->id, (uint32_t)m->partition,
              (uint64_t)(uintptr_t)m->_private, state);
    wait_done(&r->all, now, acked);
    wait_done(&r->partitions[m->partition], now, acked);
    r->acked += acked;
    if (acked) {
        int64_t ms = rd_kafka_message_latency(m) / 1000;
        r->latency[ms < 0 ? 0 : ms < LATENCY_MS_MAX ? ms : LATENCY_MS_MAX]++;
    }
    if (acked && r->acked == r->load->at_ack) {
        r->cut = true;
        if (system(r->load->at_ack_run) != 0) {
            die("the command at acknowledgement %" PRIu64 " failed", r->acked);
        }
    }
}

static void producer_open(struct producer *p, struct run *r, uint32_t id)
{
    struct load *l = r->load;
    *p = (struct producer){.run = r, .id = id};
    rd_kafka_conf_t *conf = client_conf(l->brokers);
    client_set(conf, "acks", l->acks);
    client_set(conf, "enable.idempotence", l->idempotent ? "true" : "false");
    if (!l->idempotent) {
        /* Order is judged all the same. */
        client_set(conf, "max.in.flight.requests.per.connection", "1");
    }
    client_set(conf, "linger.ms", "5");
    client_set(conf, "retry.backoff.ms", "50");
    client_set(conf, "reconnect.backoff.max.ms", "500");
    client_set(conf, "topic.metadata.refresh.interval.ms", "1000");
    client_set(conf, "queue.buffering.max.messages", "50000");
    for (unsigned i = 0; i < l->n_settings; i++) {
        client_set_pair(conf, l->settings[i]);
    }
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_opaque(conf, p);
    p->rk = client_new(RD_KAFKA_PRODUCER, conf);
    p->topic = rd_kafka_topic_new(p->rk, l->topic, NULL);
    if (p->topic == NULL) {
        die("topic %s: %s", l->topic, rd_kafka_err2str(rd_kafka_last_error()));
    }
}

static void producer_close(struct producer *p)
{
    rd_kafka_topic_destroy(p->topic);
    rd_kafka_destroy(p->rk);
}

/* Hand one record over; false if the queue is full. */
static bool producer_send(struct producer *p, uint32_t partition)
{
    struct run *r = p->run;
    const struct books_stream *s = books_find(r->books, p->id, partition);
    struct value v = {.seq = s->n,
                      .producer = p->id,
                      .partition = partition,
                      .run = r->books->run};
    value_encode(&v, r->value, r->load->value_bytes);
    if (rd_kafka_produce(p->topic, (int32_t)partition, RD_KAFKA_MSG_F_COPY,
                         r->value, r->load->value_bytes, NULL, 0,
                         (void *)(uintptr_t)v.seq) != 0) {
        rd_kafka_resp_err_t err = rd_kafka_last_error();
        if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            return false;
        }
        if (err == RD_KAFKA_RESP_ERR__FATAL) {
            r->load->gave_up = true;
            return false;
        }
        die("produce: %s", rd_kafka_err2str(err));
    }
    books_send(r->books, p->id, partition);
    uint64_t now = clock_ms();
    wait_send(&r->all, now);
    wait_send(&r->partitions[partition], now);
    r->sent++;
    return true;
}

static void poll_all(struct run *r, int timeout_ms)
{
    for (uint32_t i = 0; i < r->load->producers; i++) {
        rd_kafka_poll(r->producers[i].rk, timeout_ms);
        char text[256];
        rd_kafka_resp_err_t err =
            rd_kafka_fatal_error(r->producers[i].rk, text, sizeof text);
        if (err != RD_KAFKA_RESP_ERR_NO_ERROR && !r->load->gave_up) {
            r->load->gave_up = true;
            fprintf(stderr, "check-load: producer %u gave up: %s: %s\n", i,
                    rd_kafka_err2name(err), text);
        }
    }
    uint64_t now = clock_ms();
    if (r->load->status_path != NULL && now >= r->status_ms + 100) {
        r->status_ms = now;
        char tmp[4096];
        snprintf(tmp, sizeof tmp, "%s.new", r->load->status_path);
        FILE *f = fopen(tmp, "w");
        if (f == NULL ||
            fprintf(f, "%" PRIu64 " %" PRIu64 "\n", r->acked, r->sent) < 0 ||
            fclose(f) != 0 || rename(tmp, r->load->status_path) != 0) {
            die("%s: cannot write", r->load->status_path);
        }
    }
}

/* How many records may have been sent by now. */
static uint64_t allowance(const struct run *r, uint64_t now)
{
    const struct load *l = r->load;
    uint64_t n = l->records == 0 ? UINT64_MAX : l->records;
    uint64_t passed = now - r->started_ms;
    if (l->seconds > 0 && passed >= l->seconds * 1000) {
        return 0;
    }
    if (l->rate > 0 && l->rate * passed / 1000 < n) {
        n = l->rate * passed / 1000;
    }
    return n;
}

static bool run_done(const struct run *r, uint64_t now)
{
    const struct load *l = r->load;
    return r->cut || l->gave_up || (l->records > 0 && r->sent >= l->records) ||
           (l->seconds > 0 && now - r->started_ms >= l->seconds * 1000);
}

static void run_send(struct run *r, const volatile int *stop)
{
    struct load *l = r->load;
    uint64_t turn = 0;
    while (!*stop && !run_done(r, clock_ms())) {
        uint64_t target = allowance(r, clock_ms());
        for (unsigned i = 0; i < 1000 && r->sent < target; i++, turn++) {
            struct producer *p = &r->producers[turn % l->producers];
            uint32_t partition =
                (uint32_t)(turn / l->producers % l->partitions);
            if (!producer_send(p, partition)) {
                rd_kafka_poll(p->rk, 5);
                break;
            }
        }
        poll_all(r, r->sent < target ? 0 : 1);
    }
}

/* Wait for what is under way; what is left then is given up. */
static void run_drain(struct run *r)
{
    uint64_t until = clock_ms() + (uint64_t)r->load->drain_seconds * 1000;
    while (!r->cut && !r->load->gave_up && r->all.outstanding > 0 &&
           clock_ms() < until) {
        poll_all(r, 10);
    }
    for (uint32_t i = 0; i < r->load->producers; i++) {
        rd_kafka_purge(r->producers[i].rk,
                       RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(r->producers[i].rk, 5000);
    }
}

/* Milliseconds within which `percent` of the acknowledgements came. */
static uint64_t percentile(const struct run *r, unsigned percent)
{
    uint64_t want = r->acked - r->acked / 100 * (100 - percent);
    uint64_t ms = 0;
    for (uint64_t n = r->latency[0]; n < want && ms < LATENCY_MS_MAX;) {
        n += r->latency[++ms];
    }
    return ms;
}

void load_run(struct load *l, struct books *b, const volatile int *stop)
{
    struct run r = {.load = l, .books = b};
    r.value = memory_zeroed(1, l->value_bytes);
    r.latency = memory_zeroed(LATENCY_MS_MAX + 1, sizeof *r.latency);
    r.partitions = memory_zeroed(l->partitions, sizeof r.partitions[0]);
    r.producers = memory_zeroed(l->producers, sizeof r.producers[0]);
    for (uint32_t i = 0; i < l->producers; i++) {
        producer_open(&r.producers[i], &r, i);
    }
    r.started_ms = clock_ms();
    run_send(&r, stop);
    run_drain(&r);
    l->took_ms = clock_ms() - r.started_ms;
    l->p99_ms = percentile(&r, 99);
    l->gap_ms = r.all.longest_ms;
    for (uint32_t i = 0; i < l->partitions; i++) {
        if (r.partitions[i].longest_ms > l->gap_partition_ms) {
            l->gap_partition_ms = r.partitions[i].longest_ms;
        }
    }
    for (uint32_t i = 0; i < l->producers; i++) {
        producer_close(&r.producers[i]);
    }
    free(r.producers);
    free(r.partitions);
    free(r.value);
    free(r.latency);
}
