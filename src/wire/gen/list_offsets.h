/* list_offsets.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_LIST_OFFSETS_H
#define WIRE_GEN_LIST_OFFSETS_H

#include "wire/message.h"

struct list_offsets_request_partition {
    int32_t partition_index;
    int32_t current_leader_epoch;
    int64_t timestamp;
};

struct list_offsets_request_topic {
    struct slice name;
    struct {
        struct list_offsets_request_partition *ptr;
        uint32_t n;
    } partitions;
};

struct list_offsets_request {
    int32_t replica_id;
    int8_t isolation_level;
    struct {
        struct list_offsets_request_topic *ptr;
        uint32_t n;
    } topics;
    int32_t timeout_ms;
};

struct list_offsets_response_partition {
    int32_t partition_index;
    int16_t error_code;
    int64_t timestamp;
    int64_t offset;
    int32_t leader_epoch;
};

struct list_offsets_response_topic {
    struct slice name;
    struct {
        struct list_offsets_response_partition *ptr;
        uint32_t n;
    } partitions;
};

struct list_offsets_response {
    int32_t throttle_time_ms;
    struct {
        struct list_offsets_response_topic *ptr;
        uint32_t n;
    } topics;
};

extern const struct wire_message wire_list_offsets_request;
extern const struct wire_struct wire_list_offsets_request_partition;
extern const struct wire_struct wire_list_offsets_request_topic;
extern const struct wire_message wire_list_offsets_response;
extern const struct wire_struct wire_list_offsets_response_partition;
extern const struct wire_struct wire_list_offsets_response_topic;

#endif
