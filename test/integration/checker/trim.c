#include "trim.h"

#include <stdio.h>

#include "client.h"
#include "memory.h"

#define ANSWER_MS 30000

static void print_trimmed(rd_kafka_event_t *event)
{
    if (event == NULL) {
        die("delete records: no answer in %d s", ANSWER_MS / 1000);
    }
    if (rd_kafka_event_error(event) != 0) {
        die("delete records: %s", rd_kafka_event_error_string(event));
    }
    const rd_kafka_topic_partition_t *p =
        &rd_kafka_DeleteRecords_result_offsets(
             rd_kafka_event_DeleteRecords_result(event))
             ->elems[0];
    if (p->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        printf("{\"error\": \"%s\"}\n", rd_kafka_err2name(p->err));
    } else {
        printf("{\"low_watermark\": %lld}\n", (long long)p->offset);
    }
}

void trim_before(const char *brokers, const char *topic, int partition,
                 long long offset)
{
    rd_kafka_t *rk = client_new(RD_KAFKA_PRODUCER, client_conf(brokers));
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(1);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset =
        offset == -1 ? RD_KAFKA_OFFSET_END : offset;
    rd_kafka_DeleteRecords_t *request = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(rk, &request, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ANSWER_MS);
    print_trimmed(event);
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteRecords_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
}

static void print_read(const rd_kafka_message_t *m)
{
    if (m == NULL) {
        die("nothing came in %d s", ANSWER_MS / 1000);
    }
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        printf("{\"offset\": %lld}\n", (long long)m->offset);
    } else if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        printf("{\"end\": %lld}\n", (long long)m->offset);
    } else {
        /* librdkafka wraps what the broker said; the words hold it. */
        printf("{\"error\": \"%s\", \"text\": \"%s\"}\n",
               rd_kafka_err2name(m->err), rd_kafka_message_errstr(m));
    }
}

void trim_read_at(const char *brokers, const char *topic, int partition,
                  long long offset)
{
    rd_kafka_conf_t *conf = client_conf(brokers);
    client_set(conf, "enable.partition.eof", "true");
    client_set(conf, "auto.offset.reset", "error");
    rd_kafka_t *rk = client_new(RD_KAFKA_CONSUMER, conf);
    rd_kafka_topic_t *t = rd_kafka_topic_new(rk, topic, NULL);
    if (rd_kafka_consume_start(t, partition, offset) != 0) {
        die("%s-%d: %s", topic, partition,
            rd_kafka_err2name(rd_kafka_last_error()));
    }
    rd_kafka_message_t *m = rd_kafka_consume(t, partition, ANSWER_MS);
    print_read(m);
    if (m != NULL) {
        rd_kafka_message_destroy(m);
    }
    rd_kafka_consume_stop(t, partition);
    rd_kafka_topic_destroy(t);
    rd_kafka_destroy(rk);
}
