#include "client.h"

#include <stdio.h>
#include <string.h>

#include "memory.h"

rd_kafka_conf_t *client_conf(const char *brokers)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    client_set(conf, "bootstrap.servers", brokers);
    client_set(conf, "log_level", "2");
    client_set(conf, "broker.address.family", "v4");
    return conf;
}

void client_set(rd_kafka_conf_t *conf, const char *key, const char *value)
{
    char text[256];
    if (rd_kafka_conf_set(conf, key, value, text, sizeof text) !=
        RD_KAFKA_CONF_OK) {
        die("%s=%s: %s", key, value, text);
    }
}

void client_set_pair(rd_kafka_conf_t *conf, const char *pair)
{
    char key[128];
    const char *equals = strchr(pair, '=');
    if (equals == NULL || (size_t)(equals - pair) >= sizeof key) {
        die("%s: write key=value", pair);
    }
    snprintf(key, sizeof key, "%.*s", (int)(equals - pair), pair);
    client_set(conf, key, equals + 1);
}

rd_kafka_t *client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char text[256];
    rd_kafka_t *rk = rd_kafka_new(type, conf, text, sizeof text);
    if (rk == NULL) {
        die("%s", text);
    }
    return rk;
}
