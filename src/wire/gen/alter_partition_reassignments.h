/* alter_partition_reassignments.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_ALTER_PARTITION_REASSIGNMENTS_H
#define WIRE_GEN_ALTER_PARTITION_REASSIGNMENTS_H

#include "wire/message.h"

struct alter_partition_reassignments_request_partition {
    int32_t partition_index;
    struct {
        int32_t *ptr;
        uint32_t n;
    } replicas;
};

struct alter_partition_reassignments_request_topic {
    struct slice name;
    struct {
        struct alter_partition_reassignments_request_partition *ptr;
        uint32_t n;
    } partitions;
};

struct alter_partition_reassignments_request {
    int32_t timeout_ms;
    bool allow_replication_factor_change;
    struct {
        struct alter_partition_reassignments_request_topic *ptr;
        uint32_t n;
    } topics;
};

struct alter_partition_reassignments_response_partition {
    int32_t partition_index;
    int16_t error_code;
    struct slice error_message;
};

struct alter_partition_reassignments_response_response {
    struct slice name;
    struct {
        struct alter_partition_reassignments_response_partition *ptr;
        uint32_t n;
    } partitions;
};

struct alter_partition_reassignments_response {
    int32_t throttle_time_ms;
    bool allow_replication_factor_change;
    int16_t error_code;
    struct slice error_message;
    struct {
        struct alter_partition_reassignments_response_response *ptr;
        uint32_t n;
    } responses;
};

extern const struct wire_message wire_alter_partition_reassignments_request;
extern const struct wire_struct
    wire_alter_partition_reassignments_request_partition;
extern const struct wire_struct
    wire_alter_partition_reassignments_request_topic;
extern const struct wire_message wire_alter_partition_reassignments_response;
extern const struct wire_struct
    wire_alter_partition_reassignments_response_partition;
extern const struct wire_struct
    wire_alter_partition_reassignments_response_response;

#endif
