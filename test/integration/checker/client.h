/* client.h - librdkafka's handles, for which every failure ends the program. */
#ifndef CHECKER_CLIENT_H
#define CHECKER_CLIENT_H

#include <librdkafka/rdkafka.h>

/* A configuration with bootstrap servers and quiet logging. */
rd_kafka_conf_t *client_conf(const char *brokers);
/* Set one property, or one given as "key=value". */
void client_set(rd_kafka_conf_t *conf, const char *key, const char *value);
void client_set_pair(rd_kafka_conf_t *conf, const char *pair);
/* A handle; takes `conf`. */
rd_kafka_t *client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf);

#endif
