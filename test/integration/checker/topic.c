/* topic.c - making the topic that the load writes to. */
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "load.h"
#include "memory.h"

#define CREATE_MS 30000

static void topic_config(rd_kafka_NewTopic_t *topic, const char *pair)
{
    char key[128];
    const char *equals = strchr(pair, '=');
    if (equals == NULL || (size_t)(equals - pair) >= sizeof key) {
        die("%s: write key=value", pair);
    }
    snprintf(key, sizeof key, "%.*s", (int)(equals - pair), pair);
    rd_kafka_NewTopic_set_config(topic, key, equals + 1);
}

static void topic_result(rd_kafka_event_t *event)
{
    if (event == NULL) {
        die("create topic: no answer in %d s", 2 * CREATE_MS / 1000);
    }
    if (rd_kafka_event_error(event) != 0) {
        die("create topic: %s", rd_kafka_event_error_string(event));
    }
    size_t n;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(
            rd_kafka_event_CreateTopics_result(event), &n);
    for (size_t i = 0; i < n; i++) {
        rd_kafka_resp_err_t err = rd_kafka_topic_result_error(results[i]);
        if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            const char *text = rd_kafka_topic_result_error_string(results[i]);
            die("create topic %s: %s: %s",
                rd_kafka_topic_result_name(results[i]), rd_kafka_err2name(err),
                text == NULL ? "" : text);
        }
    }
}

void load_topic_create(const struct load *l, int replication,
                       const char *const configs[], unsigned n_configs)
{
    char text[256];
    rd_kafka_t *rk = client_new(RD_KAFKA_PRODUCER, client_conf(l->brokers));
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(
        l->topic, (int)l->partitions, replication, text, sizeof text);
    if (topic == NULL) {
        die("topic %s: %s", l->topic, text);
    }
    for (unsigned i = 0; i < n_configs; i++) {
        topic_config(topic, configs[i]);
    }
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(options, CREATE_MS, NULL, 0);
    rd_kafka_AdminOptions_set_operation_timeout(options, CREATE_MS, NULL, 0);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_CreateTopics(rk, &topic, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 2 * CREATE_MS);
    topic_result(event);
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(topic);
    rd_kafka_destroy(rk);
}
