/* shown.h - a record as librdkafka brings it, printed. */
#ifndef CLI_SHOWN_H
#define CLI_SHOWN_H

#include <librdkafka/rdkafka.h>

#include "cli/consume.h"

/* Print it (consume_record()). */
void shown_message(struct consume *x, struct consume_part *p,
                   const rd_kafka_message_t *m);

#endif
