/* metadata.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_METADATA_H
#define WIRE_GEN_METADATA_H

#include "wire/message.h"

struct metadata_request_topic {
    struct uuid topic_id;
    struct slice name;
};

struct metadata_request {
    struct {
        struct metadata_request_topic *ptr;
        uint32_t n;
    } topics;
    bool allow_auto_topic_creation;
    bool include_cluster_authorized_operations;
    bool include_topic_authorized_operations;
};

struct metadata_response_broker {
    int32_t node_id;
    struct slice host;
    int32_t port;
    struct slice rack;
};

struct metadata_response_partition {
    int16_t error_code;
    int32_t partition_index;
    int32_t leader_id;
    int32_t leader_epoch;
    struct {
        int32_t *ptr;
        uint32_t n;
    } replica_nodes;
    struct {
        int32_t *ptr;
        uint32_t n;
    } isr_nodes;
    struct {
        int32_t *ptr;
        uint32_t n;
    } offline_replicas;
};

struct metadata_response_topic {
    int16_t error_code;
    struct slice name;
    struct uuid topic_id;
    bool is_internal;
    struct {
        struct metadata_response_partition *ptr;
        uint32_t n;
    } partitions;
    int32_t topic_authorized_operations;
};

struct metadata_response {
    int32_t throttle_time_ms;
    struct {
        struct metadata_response_broker *ptr;
        uint32_t n;
    } brokers;
    struct slice cluster_id;
    int32_t controller_id;
    struct {
        struct metadata_response_topic *ptr;
        uint32_t n;
    } topics;
    int32_t cluster_authorized_operations;
    int16_t error_code;
};

extern const struct wire_message wire_metadata_request;
extern const struct wire_struct wire_metadata_request_topic;
extern const struct wire_message wire_metadata_response;
extern const struct wire_struct wire_metadata_response_broker;
extern const struct wire_struct wire_metadata_response_partition;
extern const struct wire_struct wire_metadata_response_topic;

#endif
