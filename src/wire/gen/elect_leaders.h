/* elect_leaders.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_ELECT_LEADERS_H
#define WIRE_GEN_ELECT_LEADERS_H

#include "wire/message.h"

struct elect_leaders_request_topic_partition {
    struct slice topic;
    struct {
        int32_t *ptr;
        uint32_t n;
    } partitions;
};

struct elect_leaders_request {
    int8_t election_type;
    struct {
        struct elect_leaders_request_topic_partition *ptr;
        uint32_t n;
    } topic_partitions;
    int32_t timeout_ms;
};

struct elect_leaders_response_partition_result {
    int32_t partition_id;
    int16_t error_code;
    struct slice error_message;
};

struct elect_leaders_response_replica_election_result {
    struct slice topic;
    struct {
        struct elect_leaders_response_partition_result *ptr;
        uint32_t n;
    } partition_result;
};

struct elect_leaders_response {
    int32_t throttle_time_ms;
    int16_t error_code;
    struct {
        struct elect_leaders_response_replica_election_result *ptr;
        uint32_t n;
    } replica_election_results;
};

extern const struct wire_message wire_elect_leaders_request;
extern const struct wire_struct wire_elect_leaders_request_topic_partition;
extern const struct wire_message wire_elect_leaders_response;
extern const struct wire_struct wire_elect_leaders_response_partition_result;
extern const struct wire_struct
    wire_elect_leaders_response_replica_election_result;

#endif
