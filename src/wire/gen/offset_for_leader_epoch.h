/* offset_for_leader_epoch.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_OFFSET_FOR_LEADER_EPOCH_H
#define WIRE_GEN_OFFSET_FOR_LEADER_EPOCH_H

#include "wire/message.h"

struct offset_for_leader_epoch_request_partition {
    int32_t partition;
    int32_t current_leader_epoch;
    int32_t leader_epoch;
};

struct offset_for_leader_epoch_request_topic {
    struct slice topic;
    struct {
        struct offset_for_leader_epoch_request_partition *ptr;
        uint32_t n;
    } partitions;
};

struct offset_for_leader_epoch_request {
    int32_t replica_id;
    struct {
        struct offset_for_leader_epoch_request_topic *ptr;
        uint32_t n;
    } topics;
};

struct offset_for_leader_epoch_response_partition {
    int16_t error_code;
    int32_t partition;
    int32_t leader_epoch;
    int64_t end_offset;
};

struct offset_for_leader_epoch_response_topic {
    struct slice topic;
    struct {
        struct offset_for_leader_epoch_response_partition *ptr;
        uint32_t n;
    } partitions;
};

struct offset_for_leader_epoch_response {
    int32_t throttle_time_ms;
    struct {
        struct offset_for_leader_epoch_response_topic *ptr;
        uint32_t n;
    } topics;
};

extern const struct wire_message wire_offset_for_leader_epoch_request;
extern const struct wire_struct wire_offset_for_leader_epoch_request_partition;
extern const struct wire_struct wire_offset_for_leader_epoch_request_topic;
extern const struct wire_message wire_offset_for_leader_epoch_response;
extern const struct wire_struct wire_offset_for_leader_epoch_response_partition;
extern const struct wire_struct wire_offset_for_leader_epoch_response_topic;

#endif
