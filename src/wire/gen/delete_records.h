/* delete_records.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_DELETE_RECORDS_H
#define WIRE_GEN_DELETE_RECORDS_H

#include "wire/message.h"

struct delete_records_request_partition {
    int32_t partition_index;
    int64_t offset;
};

struct delete_records_request_topic {
    struct slice name;
    struct {
        struct delete_records_request_partition *ptr;
        uint32_t n;
    } partitions;
};

struct delete_records_request {
    struct {
        struct delete_records_request_topic *ptr;
        uint32_t n;
    } topics;
    int32_t timeout_ms;
};

struct delete_records_response_partition {
    int32_t partition_index;
    int64_t low_watermark;
    int16_t error_code;
};

struct delete_records_response_topic {
    struct slice name;
    struct {
        struct delete_records_response_partition *ptr;
        uint32_t n;
    } partitions;
};

struct delete_records_response {
    int32_t throttle_time_ms;
    struct {
        struct delete_records_response_topic *ptr;
        uint32_t n;
    } topics;
};

extern const struct wire_message wire_delete_records_request;
extern const struct wire_struct wire_delete_records_request_partition;
extern const struct wire_struct wire_delete_records_request_topic;
extern const struct wire_message wire_delete_records_response;
extern const struct wire_struct wire_delete_records_response_partition;
extern const struct wire_struct wire_delete_records_response_topic;

#endif
