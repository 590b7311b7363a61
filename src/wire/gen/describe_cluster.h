/* describe_cluster.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_DESCRIBE_CLUSTER_H
#define WIRE_GEN_DESCRIBE_CLUSTER_H

#include "wire/message.h"

struct describe_cluster_request {
    bool include_cluster_authorized_operations;
    int8_t endpoint_type;
    bool include_fenced_brokers;
};

struct describe_cluster_response_broker {
    int32_t broker_id;
    struct slice host;
    int32_t port;
    struct slice rack;
    bool is_fenced;
};

struct describe_cluster_response {
    int32_t throttle_time_ms;
    int16_t error_code;
    struct slice error_message;
    int8_t endpoint_type;
    struct slice cluster_id;
    int32_t controller_id;
    struct {
        struct describe_cluster_response_broker *ptr;
        uint32_t n;
    } brokers;
    int32_t cluster_authorized_operations;
};

extern const struct wire_message wire_describe_cluster_request;
extern const struct wire_message wire_describe_cluster_response;
extern const struct wire_struct wire_describe_cluster_response_broker;

#endif
