/* rdoffset.h - offsets of a partition, asked of its leader through librdkafka
 * within a time. (rd_kafka_query_watermark_offsets() has a time, too, but waits
 * for ever where the leader that metadata names does not answer: 2.0.2.) */
#ifndef CLI_RDOFFSET_H
#define CLI_RDOFFSET_H

#include <librdkafka/rdkafka.h>

/* The offset of the first record that is not older than `time_ms`, negative if
 * there is none. */
rd_kafka_resp_err_t rdoffset_at(rd_kafka_t *rk, const char *topic,
                                int32_t partition, int64_t time_ms,
                                int timeout_ms, int64_t *ret_offset);
/* The first offset and the one behind the last: two questions, each of which
 * may take `timeout_ms`; no second one where the first is not answered. */
rd_kafka_resp_err_t rdoffset_ends(rd_kafka_t *rk, const char *topic,
                                  int32_t partition, int timeout_ms,
                                  int64_t *ret_low, int64_t *ret_high);

#endif
