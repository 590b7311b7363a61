/* offset_fetch.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_OFFSET_FETCH_H
#define WIRE_GEN_OFFSET_FETCH_H

#include "wire/message.h"

struct offset_fetch_request_topic {
    struct slice name;
    struct {
        int32_t *ptr;
        uint32_t n;
    } partition_indexes;
};

struct offset_fetch_request_group_topic {
    struct slice name;
    struct uuid topic_id;
    struct {
        int32_t *ptr;
        uint32_t n;
    } partition_indexes;
};

struct offset_fetch_request_group {
    struct slice group_id;
    struct slice member_id;
    int32_t member_epoch;
    struct {
        struct offset_fetch_request_group_topic *ptr;
        uint32_t n;
    } topics;
};

struct offset_fetch_request {
    struct slice group_id;
    struct {
        struct offset_fetch_request_topic *ptr;
        uint32_t n;
    } topics;
    struct {
        struct offset_fetch_request_group *ptr;
        uint32_t n;
    } groups;
    bool require_stable;
};

struct offset_fetch_response_partition {
    int32_t partition_index;
    int64_t committed_offset;
    int32_t committed_leader_epoch;
    struct slice metadata;
    int16_t error_code;
};

struct offset_fetch_response_topic {
    struct slice name;
    struct {
        struct offset_fetch_response_partition *ptr;
        uint32_t n;
    } partitions;
};

struct offset_fetch_response_group_topic_partition {
    int32_t partition_index;
    int64_t committed_offset;
    int32_t committed_leader_epoch;
    struct slice metadata;
    int16_t error_code;
};

struct offset_fetch_response_group_topic {
    struct slice name;
    struct uuid topic_id;
    struct {
        struct offset_fetch_response_group_topic_partition *ptr;
        uint32_t n;
    } partitions;
};

struct offset_fetch_response_group {
    struct slice group_id;
    struct {
        struct offset_fetch_response_group_topic *ptr;
        uint32_t n;
    } topics;
    int16_t error_code;
};

struct offset_fetch_response {
    int32_t throttle_time_ms;
    struct {
        struct offset_fetch_response_topic *ptr;
        uint32_t n;
    } topics;
    int16_t error_code;
    struct {
        struct offset_fetch_response_group *ptr;
        uint32_t n;
    } groups;
};

extern const struct wire_message wire_offset_fetch_request;
extern const struct wire_struct wire_offset_fetch_request_topic;
extern const struct wire_struct wire_offset_fetch_request_group_topic;
extern const struct wire_struct wire_offset_fetch_request_group;
extern const struct wire_message wire_offset_fetch_response;
extern const struct wire_struct wire_offset_fetch_response_partition;
extern const struct wire_struct wire_offset_fetch_response_topic;
extern const struct wire_struct
    wire_offset_fetch_response_group_topic_partition;
extern const struct wire_struct wire_offset_fetch_response_group_topic;
extern const struct wire_struct wire_offset_fetch_response_group;

#endif
