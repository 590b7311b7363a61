#include "cli/rdoffset.h"

rd_kafka_resp_err_t rdoffset_at(rd_kafka_t *rk, const char *topic,
                                int32_t partition, int64_t time_ms,
                                int timeout_ms, int64_t *ret_offset)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = time_ms;
    rd_kafka_resp_err_t rv = rd_kafka_offsets_for_times(rk, list, timeout_ms);
    rv = rv == RD_KAFKA_RESP_ERR_NO_ERROR ? list->elems[0].err : rv;
    if (rv == RD_KAFKA_RESP_ERR_NO_ERROR) {
        *ret_offset = list->elems[0].offset; /* END is negative */
    }
    rd_kafka_topic_partition_list_destroy(list);
    return rv;
}

/* ListOffsets knows both ends as special times. */
rd_kafka_resp_err_t rdoffset_ends(rd_kafka_t *rk, const char *topic,
                                  int32_t partition, int timeout_ms,
                                  int64_t *ret_low, int64_t *ret_high)
{
    rd_kafka_resp_err_t rv = rdoffset_at(
        rk, topic, partition, RD_KAFKA_OFFSET_BEGINNING, timeout_ms, ret_low);
    return rv != RD_KAFKA_RESP_ERR_NO_ERROR
               ? rv
               : rdoffset_at(rk, topic, partition, RD_KAFKA_OFFSET_END,
                             timeout_ms, ret_high);
}
