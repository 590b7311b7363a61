#include "readback.h"

#include <stdlib.h>

#include "client.h"
#include "load.h"
#include "memory.h"

#define BATCH_N 1000

struct reading {
    const struct readback *options;
    struct judge *judge;
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
    int64_t *ends;
    uint32_t n_left; /* partitions not read to their end */
};

/* First and next offset of a partition, asked until there is an answer. */
static void watermarks(const struct reading *r, int32_t partition,
                       int64_t *ret_low, int64_t *ret_high)
{
    uint64_t until = clock_ms() + (uint64_t)r->options->settle_seconds * 1000;
    for (;;) {
        rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(
            r->rk, r->options->topic, partition, ret_low, ret_high, 5000);
        if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return;
        }
        if (clock_ms() > until) {
            die("%s-%d: list offsets: %s", r->options->topic, partition,
                rd_kafka_err2name(err));
        }
    }
}

static void partition_start(struct reading *r, uint32_t partition)
{
    int64_t low = 0;
    int64_t high = 0;
    watermarks(r, (int32_t)partition, &low, &high);
    judge_partition(r->judge, partition, low);
    r->ends[partition] = high;
    if (low >= high) {
        return;
    }
    r->n_left++;
    if (rd_kafka_consume_start_queue(r->topic, (int32_t)partition, low,
                                     r->queue) != 0) {
        die("%s-%u: %s", r->options->topic, partition,
            rd_kafka_err2name(rd_kafka_last_error()));
    }
}

static void take(struct reading *r, const rd_kafka_message_t *m)
{
    uint32_t p = (uint32_t)m->partition;
    int64_t next = m->offset;
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (m->offset < r->ends[p]) {
            judge_record(r->judge, p, m->offset, slice_of(m->payload, m->len));
        }
        next++;
    } else if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        /* Errors that pass are librdkafka's; what stays ends in no progress. */
        return;
    }
    if (r->ends[p] >= 0 && next >= r->ends[p]) {
        r->ends[p] = -1;
        r->n_left--;
    }
}

static void read_all(struct reading *r)
{
    rd_kafka_message_t *messages[BATCH_N];
    uint64_t settle = (uint64_t)r->options->settle_seconds * 1000;
    uint64_t last_ms = clock_ms();
    while (r->n_left > 0) {
        ssize_t n =
            rd_kafka_consume_batch_queue(r->queue, 200, messages, BATCH_N);
        uint64_t before = r->judge->found.read;
        for (ssize_t i = 0; i < n; i++) {
            take(r, messages[i]);
            rd_kafka_message_destroy(messages[i]);
        }
        if (r->judge->found.read > before) {
            last_ms = clock_ms();
        } else if (clock_ms() > last_ms + settle) {
            die("%u partitions cannot be read to their end: nothing came for "
                "%u s",
                r->n_left, r->options->settle_seconds);
        }
    }
}

void readback_leaders(const struct readback *options, struct judge *j)
{
    uint32_t partitions = j->books->partitions;
    struct reading r = {.options = options, .judge = j};
    rd_kafka_conf_t *conf = client_conf(options->brokers);
    client_set(conf, "enable.partition.eof", "true");
    client_set(conf, "check.crcs", "true");
    client_set(conf, "queued.max.messages.kbytes", "65536");
    r.rk = client_new(RD_KAFKA_CONSUMER, conf);
    r.topic = rd_kafka_topic_new(r.rk, options->topic, NULL);
    r.queue = rd_kafka_queue_new(r.rk);
    r.ends = memory_zeroed(partitions, sizeof r.ends[0]);
    for (uint32_t p = 0; p < partitions; p++) {
        partition_start(&r, p);
    }
    read_all(&r);
    for (uint32_t p = 0; p < partitions; p++) {
        rd_kafka_consume_stop(r.topic, (int32_t)p);
    }
    rd_kafka_queue_destroy(r.queue);
    rd_kafka_topic_destroy(r.topic);
    rd_kafka_destroy(r.rk);
    free(r.ends);
}
