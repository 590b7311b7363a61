/* produce.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_PRODUCE_H
#define WIRE_GEN_PRODUCE_H

#include "wire/message.h"

struct produce_request_partition_data {
    int32_t index;
    struct slice records;
};

struct produce_request_topic_data {
    struct slice name;
    struct uuid topic_id;
    struct {
        struct produce_request_partition_data *ptr;
        uint32_t n;
    } partition_data;
};

struct produce_request {
    struct slice transactional_id;
    int16_t acks;
    int32_t timeout_ms;
    struct {
        struct produce_request_topic_data *ptr;
        uint32_t n;
    } topic_data;
};

struct produce_response_record_error {
    int32_t batch_index;
    struct slice batch_index_error_message;
};

struct produce_response_current_leader {
    int32_t leader_id;
    int32_t leader_epoch;
};

struct produce_response_partition_response {
    int32_t index;
    int16_t error_code;
    int64_t base_offset;
    int64_t log_append_time_ms;
    int64_t log_start_offset;
    struct {
        struct produce_response_record_error *ptr;
        uint32_t n;
    } record_errors;
    struct slice error_message;
    struct produce_response_current_leader current_leader;
};

struct produce_response_response {
    struct slice name;
    struct uuid topic_id;
    struct {
        struct produce_response_partition_response *ptr;
        uint32_t n;
    } partition_responses;
};

struct produce_response_node_endpoint {
    int32_t node_id;
    struct slice host;
    int32_t port;
    struct slice rack;
};

struct produce_response {
    struct {
        struct produce_response_response *ptr;
        uint32_t n;
    } responses;
    int32_t throttle_time_ms;
    struct {
        struct produce_response_node_endpoint *ptr;
        uint32_t n;
    } node_endpoints;
};

extern const struct wire_message wire_produce_request;
extern const struct wire_struct wire_produce_request_partition_data;
extern const struct wire_struct wire_produce_request_topic_data;
extern const struct wire_message wire_produce_response;
extern const struct wire_struct wire_produce_response_record_error;
extern const struct wire_struct wire_produce_response_current_leader;
extern const struct wire_struct wire_produce_response_partition_response;
extern const struct wire_struct wire_produce_response_response;
extern const struct wire_struct wire_produce_response_node_endpoint;

#endif
