/* list_partition_reassignments.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_LIST_PARTITION_REASSIGNMENTS_H
#define WIRE_GEN_LIST_PARTITION_REASSIGNMENTS_H

#include "wire/message.h"

struct list_partition_reassignments_request_topic {
    struct slice name;
    struct {
        int32_t *ptr;
        uint32_t n;
    } partition_indexes;
};

struct list_partition_reassignments_request {
    int32_t timeout_ms;
    struct {
        struct list_partition_reassignments_request_topic *ptr;
        uint32_t n;
    } topics;
};

struct list_partition_reassignments_response_partition {
    int32_t partition_index;
    struct {
        int32_t *ptr;
        uint32_t n;
    } replicas;
    struct {
        int32_t *ptr;
        uint32_t n;
    } adding_replicas;
    struct {
        int32_t *ptr;
        uint32_t n;
    } removing_replicas;
};

struct list_partition_reassignments_response_topic {
    struct slice name;
    struct {
        struct list_partition_reassignments_response_partition *ptr;
        uint32_t n;
    } partitions;
};

struct list_partition_reassignments_response {
    int32_t throttle_time_ms;
    int16_t error_code;
    struct slice error_message;
    struct {
        struct list_partition_reassignments_response_topic *ptr;
        uint32_t n;
    } topics;
};

extern const struct wire_message wire_list_partition_reassignments_request;
extern const struct wire_struct wire_list_partition_reassignments_request_topic;
extern const struct wire_message wire_list_partition_reassignments_response;
extern const struct wire_struct
    wire_list_partition_reassignments_response_partition;
extern const struct wire_struct
    wire_list_partition_reassignments_response_topic;

#endif
