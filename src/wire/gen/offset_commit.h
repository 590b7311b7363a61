/* offset_commit.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_OFFSET_COMMIT_H
#define WIRE_GEN_OFFSET_COMMIT_H

#include "wire/message.h"

struct offset_commit_request_partition {
    int32_t partition_index;
    int64_t committed_offset;
    int32_t committed_leader_epoch;
    struct slice committed_metadata;
};

struct offset_commit_request_topic {
    struct slice name;
    struct uuid topic_id;
    struct {
        struct offset_commit_request_partition *ptr;
        uint32_t n;
    } partitions;
};

struct offset_commit_request {
    struct slice group_id;
    int32_t generation_id_or_member_epoch;
    struct slice member_id;
    struct slice group_instance_id;
    int64_t retention_time_ms;
    struct {
        struct offset_commit_request_topic *ptr;
        uint32_t n;
    } topics;
};

struct offset_commit_response_partition {
    int32_t partition_index;
    int16_t error_code;
};

struct offset_commit_response_topic {
    struct slice name;
    struct uuid topic_id;
    struct {
        struct offset_commit_response_partition *ptr;
        uint32_t n;
    } partitions;
};

struct offset_commit_response {
    int32_t throttle_time_ms;
    struct {
        struct offset_commit_response_topic *ptr;
        uint32_t n;
    } topics;
};

extern const struct wire_message wire_offset_commit_request;
extern const struct wire_struct wire_offset_commit_request_partition;
extern const struct wire_struct wire_offset_commit_request_topic;
extern const struct wire_message wire_offset_commit_response;
extern const struct wire_struct wire_offset_commit_response_partition;
extern const struct wire_struct wire_offset_commit_response_topic;

#endif
