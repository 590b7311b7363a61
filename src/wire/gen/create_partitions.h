/* create_partitions.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_CREATE_PARTITIONS_H
#define WIRE_GEN_CREATE_PARTITIONS_H

#include "wire/message.h"

struct create_partitions_request_assignment {
    struct {
        int32_t *ptr;
        uint32_t n;
    } broker_ids;
};

struct create_partitions_request_topic {
    struct slice name;
    int32_t count;
    struct {
        struct create_partitions_request_assignment *ptr;
        uint32_t n;
    } assignments;
};

struct create_partitions_request {
    struct {
        struct create_partitions_request_topic *ptr;
        uint32_t n;
    } topics;
    int32_t timeout_ms;
    bool validate_only;
};

struct create_partitions_response_result {
    struct slice name;
    int16_t error_code;
    struct slice error_message;
};

struct create_partitions_response {
    int32_t throttle_time_ms;
    struct {
        struct create_partitions_response_result *ptr;
        uint32_t n;
    } results;
};

extern const struct wire_message wire_create_partitions_request;
extern const struct wire_struct wire_create_partitions_request_assignment;
extern const struct wire_struct wire_create_partitions_request_topic;
extern const struct wire_message wire_create_partitions_response;
extern const struct wire_struct wire_create_partitions_response_result;

#endif
