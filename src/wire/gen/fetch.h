/* fetch.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_FETCH_H
#define WIRE_GEN_FETCH_H

#include "wire/message.h"

struct fetch_request_replica_state {
    int32_t replica_id;
    int64_t replica_epoch;
};

struct fetch_request_partition {
    int32_t partition;
    int32_t current_leader_epoch;
    int64_t fetch_offset;
    int32_t last_fetched_epoch;
    int64_t log_start_offset;
    int32_t partition_max_bytes;
    struct uuid replica_directory_id;
    int64_t high_watermark;
};

struct fetch_request_topic {
    struct slice topic;
    struct uuid topic_id;
    struct {
        struct fetch_request_partition *ptr;
        uint32_t n;
    } partitions;
};

struct fetch_request_forgotten_topic {
    struct slice topic;
    struct uuid topic_id;
    struct {
        int32_t *ptr;
        uint32_t n;
    } partitions;
};

struct fetch_request {
    struct slice cluster_id;
    int32_t replica_id;
    struct fetch_request_replica_state replica_state;
    int32_t max_wait_ms;
    int32_t min_bytes;
    int32_t max_bytes;
    int8_t isolation_level;
    int32_t session_id;
    int32_t session_epoch;
    struct {
        struct fetch_request_topic *ptr;
        uint32_t n;
    } topics;
    struct {
        struct fetch_request_forgotten_topic *ptr;
        uint32_t n;
    } forgotten_topics_data;
    struct slice rack_id;
};

struct fetch_response_diverging_epoch {
    int32_t epoch;
    int64_t end_offset;
};

struct fetch_response_current_leader {
    int32_t leader_id;
    int32_t leader_epoch;
};

struct fetch_response_snapshot_id {
    int64_t end_offset;
    int32_t epoch;
};

struct fetch_response_aborted_transaction {
    int64_t producer_id;
    int64_t first_offset;
};

struct fetch_response_partition {
    int32_t partition_index;
    int16_t error_code;
    int64_t high_watermark;
    int64_t last_stable_offset;
    int64_t log_start_offset;
    struct fetch_response_diverging_epoch diverging_epoch;
    struct fetch_response_current_leader current_leader;
    struct fetch_response_snapshot_id snapshot_id;
    struct {
        struct fetch_response_aborted_transaction *ptr;
        uint32_t n;
    } aborted_transactions;
    int32_t preferred_read_replica;
    struct wire_rope records;
};

struct fetch_response_response {
    struct slice topic;
    struct uuid topic_id;
    struct {
        struct fetch_response_partition *ptr;
        uint32_t n;
    } partitions;
};

struct fetch_response_node_endpoint {
    int32_t node_id;
    struct slice host;
    int32_t port;
    struct slice rack;
};

struct fetch_response {
    int32_t throttle_time_ms;
    int16_t error_code;
    int32_t session_id;
    struct {
        struct fetch_response_response *ptr;
        uint32_t n;
    } responses;
    struct {
        struct fetch_response_node_endpoint *ptr;
        uint32_t n;
    } node_endpoints;
};

extern const struct wire_message wire_fetch_request;
extern const struct wire_struct wire_fetch_request_replica_state;
extern const struct wire_struct wire_fetch_request_partition;
extern const struct wire_struct wire_fetch_request_topic;
extern const struct wire_struct wire_fetch_request_forgotten_topic;
extern const struct wire_message wire_fetch_response;
extern const struct wire_struct wire_fetch_response_diverging_epoch;
extern const struct wire_struct wire_fetch_response_current_leader;
extern const struct wire_struct wire_fetch_response_snapshot_id;
extern const struct wire_struct wire_fetch_response_aborted_transaction;
extern const struct wire_struct wire_fetch_response_partition;
extern const struct wire_struct wire_fetch_response_response;
extern const struct wire_struct wire_fetch_response_node_endpoint;

#endif
