/* describe_quorum.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_DESCRIBE_QUORUM_H
#define WIRE_GEN_DESCRIBE_QUORUM_H

#include "wire/message.h"

struct describe_quorum_request_partition {
    int32_t partition_index;
};

struct describe_quorum_request_topic {
    struct slice topic_name;
    struct {
        struct describe_quorum_request_partition *ptr;
        uint32_t n;
    } partitions;
};

struct describe_quorum_request {
    struct {
        struct describe_quorum_request_topic *ptr;
        uint32_t n;
    } topics;
};

struct describe_quorum_response_replica_state {
    int32_t replica_id;
    struct uuid replica_directory_id;
    int64_t log_end_offset;
    int64_t last_fetch_timestamp;
    int64_t last_caught_up_timestamp;
};

struct describe_quorum_response_partition {
    int32_t partition_index;
    int16_t error_code;
    struct slice error_message;
    int32_t leader_id;
    int32_t leader_epoch;
    int64_t high_watermark;
    struct {
        struct describe_quorum_response_replica_state *ptr;
        uint32_t n;
    } current_voters;
    struct {
        struct describe_quorum_response_replica_state *ptr;
        uint32_t n;
    } observers;
};

struct describe_quorum_response_topic {
    struct slice topic_name;
    struct {
        struct describe_quorum_response_partition *ptr;
        uint32_t n;
    } partitions;
};

struct describe_quorum_response_listener {
    struct slice name;
    struct slice host;
    uint16_t port;
};

struct describe_quorum_response_node {
    int32_t node_id;
    struct {
        struct describe_quorum_response_listener *ptr;
        uint32_t n;
    } listeners;
};

struct describe_quorum_response {
    int16_t error_code;
    struct slice error_message;
    struct {
        struct describe_quorum_response_topic *ptr;
        uint32_t n;
    } topics;
    struct {
        struct describe_quorum_response_node *ptr;
        uint32_t n;
    } nodes;
};

extern const struct wire_message wire_describe_quorum_request;
extern const struct wire_struct wire_describe_quorum_request_partition;
extern const struct wire_struct wire_describe_quorum_request_topic;
extern const struct wire_message wire_describe_quorum_response;
extern const struct wire_struct wire_describe_quorum_response_replica_state;
extern const struct wire_struct wire_describe_quorum_response_partition;
extern const struct wire_struct wire_describe_quorum_response_topic;
extern const struct wire_struct wire_describe_quorum_response_listener;
extern const struct wire_struct wire_describe_quorum_response_node;

#endif
