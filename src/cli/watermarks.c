#include "cli/watermarks.h"

/* ListOffsets knows the two as special times. */
static rd_kafka_resp_err_t ask(rd_kafka_t *rk, const char *topic,
                               int32_t partition, int64_t which, int timeout_ms,
                               int64_t *ret_offset)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = which;
    rd_kafka_resp_err_t rv = rd_kafka_offsets_for_times(rk, list, timeout_ms);
    rv = rv == RD_KAFKA_RESP_ERR_NO_ERROR ? list->elems[0].err : rv;
    if (rv == RD_KAFKA_RESP_ERR_NO_ERROR) {
        *ret_offset = list->elems[0].offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return rv;
}

rd_kafka_resp_err_t watermarks_ask(rd_kafka_t *rk, const char *topic,
                                   int32_t partition, int timeout_ms,
                                   int64_t *ret_low, int64_t *ret_high)
{
    rd_kafka_resp_err_t rv =
        ask(rk, topic, partition, RD_KAFKA_OFFSET_BEGINNING, timeout_ms / 2,
            ret_low);
    return rv == RD_KAFKA_RESP_ERR_NO_ERROR
               ? ask(rk, topic, partition, RD_KAFKA_OFFSET_END, timeout_ms / 2,
                     ret_high)
               : rv;
}
