/* offset_delete.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_OFFSET_DELETE_H
#define WIRE_GEN_OFFSET_DELETE_H

#include "wire/message.h"

struct offset_delete_request_partition {
    int32_t partition_index;
};

struct offset_delete_request_topic {
    struct slice name;
    struct {
        struct offset_delete_request_partition *ptr;
        uint32_t n;
    } partitions;
};

struct offset_delete_request {
    struct slice group_id;
    struct {
        struct offset_delete_request_topic *ptr;
        uint32_t n;
    } topics;
};

struct offset_delete_response_partition {
    int32_t partition_index;
    int16_t error_code;
};

struct offset_delete_response_topic {
    struct slice name;
    struct {
        struct offset_delete_response_partition *ptr;
        uint32_t n;
    } partitions;
};

struct offset_delete_response {
    int16_t error_code;
    int32_t throttle_time_ms;
    struct {
        struct offset_delete_response_topic *ptr;
        uint32_t n;
    } topics;
};

extern const struct wire_message wire_offset_delete_request;
extern const struct wire_struct wire_offset_delete_request_partition;
extern const struct wire_struct wire_offset_delete_request_topic;
extern const struct wire_message wire_offset_delete_response;
extern const struct wire_struct wire_offset_delete_response_partition;
extern const struct wire_struct wire_offset_delete_response_topic;

#endif
