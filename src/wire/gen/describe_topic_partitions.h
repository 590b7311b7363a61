/* describe_topic_partitions.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_DESCRIBE_TOPIC_PARTITIONS_H
#define WIRE_GEN_DESCRIBE_TOPIC_PARTITIONS_H

#include "wire/message.h"

struct describe_topic_partitions_request_topic {
    struct slice name;
};

struct describe_topic_partitions_request_cursor {
    struct slice topic_name;
    int32_t partition_index;
};

struct describe_topic_partitions_request {
    struct {
        struct describe_topic_partitions_request_topic *ptr;
        uint32_t n;
    } topics;
    int32_t response_partition_limit;
    struct describe_topic_partitions_request_cursor *cursor;
};

struct describe_topic_partitions_response_partition {
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
    } eligible_leader_replicas;
    struct {
        int32_t *ptr;
        uint32_t n;
    } last_known_elr;
    struct {
        int32_t *ptr;
        uint32_t n;
    } offline_replicas;
};

struct describe_topic_partitions_response_topic {
    int16_t error_code;
    struct slice name;
    struct uuid topic_id;
    bool is_internal;
    struct {
        struct describe_topic_partitions_response_partition *ptr;
        uint32_t n;
    } partitions;
    int32_t topic_authorized_operations;
};

struct describe_topic_partitions_response_next_cursor {
    struct slice topic_name;
    int32_t partition_index;
};

struct describe_topic_partitions_response {
    int32_t throttle_time_ms;
    struct {
        struct describe_topic_partitions_response_topic *ptr;
        uint32_t n;
    } topics;
    struct describe_topic_partitions_response_next_cursor *next_cursor;
};

extern const struct wire_message wire_describe_topic_partitions_request;
extern const struct wire_struct wire_describe_topic_partitions_request_topic;
extern const struct wire_struct wire_describe_topic_partitions_request_cursor;
extern const struct wire_message wire_describe_topic_partitions_response;
extern const struct wire_struct
    wire_describe_topic_partitions_response_partition;
extern const struct wire_struct wire_describe_topic_partitions_response_topic;
extern const struct wire_struct
    wire_describe_topic_partitions_response_next_cursor;

#endif
