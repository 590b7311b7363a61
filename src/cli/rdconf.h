/* rdconf.h - configuration of librdkafka's clients. */
#ifndef CLI_RDCONF_H
#define CLI_RDCONF_H

#include <librdkafka/rdkafka.h>

#include "base/err.h"

/* Set one property. Errors: ERR_INVALID, with librdkafka's reason. */
int rdconf_set(rd_kafka_conf_t *conf, const char *key, const char *value,
               struct err *err);
/* Set one property given as "key=value". Errors: ERR_INVALID. */
int rdconf_set_text(rd_kafka_conf_t *conf, const char *text, struct err *err);

#endif
