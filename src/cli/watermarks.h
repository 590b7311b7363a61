/* watermarks.h - where a partition begins and ends, asked through librdkafka
 * within a time. (rd_kafka_query_watermark_offsets() waits for ever where the
 * leader that metadata names does not answer: 2.0.2.) */
#ifndef CLI_WATERMARKS_H
#define CLI_WATERMARKS_H

#include <librdkafka/rdkafka.h>

/* The first offset and the one behind the last. Both questions together take
 * `timeout_ms` at most. */
rd_kafka_resp_err_t watermarks_ask(rd_kafka_t *rk, const char *topic,
                                   int32_t partition, int timeout_ms,
                                   int64_t *ret_low, int64_t *ret_high);

#endif
