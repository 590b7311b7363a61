/* ostraka_offset_history.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_OSTRAKA_OFFSET_HISTORY_H
#define WIRE_GEN_OSTRAKA_OFFSET_HISTORY_H

#include "wire/message.h"

struct ostraka_offset_history_request {
    struct slice group_id;
    struct uuid after_topic_id;
    int32_t after_partition;
    int64_t after_number;
    int32_t max_rows;
};

struct ostraka_offset_history_response_row {
    struct uuid topic_id;
    struct slice topic;
    int32_t partition;
    int64_t number;
    int64_t offset;
    int32_t leader_epoch;
    struct slice metadata;
    int64_t time_ms;
    struct slice by;
    bool reset;
};

struct ostraka_offset_history_response {
    int16_t error_code;
    struct slice error_message;
    bool more;
    struct {
        struct ostraka_offset_history_response_row *ptr;
        uint32_t n;
    } rows;
};

extern const struct wire_message wire_ostraka_offset_history_request;
extern const struct wire_message wire_ostraka_offset_history_response;
extern const struct wire_struct wire_ostraka_offset_history_response_row;

#endif
