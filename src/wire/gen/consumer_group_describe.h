/* consumer_group_describe.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_CONSUMER_GROUP_DESCRIBE_H
#define WIRE_GEN_CONSUMER_GROUP_DESCRIBE_H

#include "wire/message.h"

struct consumer_group_describe_request {
    struct {
        struct slice *ptr;
        uint32_t n;
    } group_ids;
    bool include_authorized_operations;
};

struct consumer_group_describe_response_topic_partition {
    struct uuid topic_id;
    struct slice topic_name;
    struct {
        int32_t *ptr;
        uint32_t n;
    } partitions;
};

struct consumer_group_describe_response_assignment {
    struct {
        struct consumer_group_describe_response_topic_partition *ptr;
        uint32_t n;
    } topic_partitions;
};

struct consumer_group_describe_response_member {
    struct slice member_id;
    struct slice instance_id;
    struct slice rack_id;
    int32_t member_epoch;
    struct slice client_id;
    struct slice client_host;
    struct {
        struct slice *ptr;
        uint32_t n;
    } subscribed_topic_names;
    struct slice subscribed_topic_regex;
    struct consumer_group_describe_response_assignment assignment;
    struct consumer_group_describe_response_assignment target_assignment;
    int8_t member_type;
};

struct consumer_group_describe_response_group {
    int16_t error_code;
    struct slice error_message;
    struct slice group_id;
    struct slice group_state;
    int32_t group_epoch;
    int32_t assignment_epoch;
    struct slice assignor_name;
    struct {
        struct consumer_group_describe_response_member *ptr;
        uint32_t n;
    } members;
    int32_t authorized_operations;
};

struct consumer_group_describe_response {
    int32_t throttle_time_ms;
    struct {
        struct consumer_group_describe_response_group *ptr;
        uint32_t n;
    } groups;
};

extern const struct wire_message wire_consumer_group_describe_request;
extern const struct wire_message wire_consumer_group_describe_response;
extern const struct wire_struct
    wire_consumer_group_describe_response_topic_partition;
extern const struct wire_struct
    wire_consumer_group_describe_response_assignment;
extern const struct wire_struct wire_consumer_group_describe_response_member;
extern const struct wire_struct wire_consumer_group_describe_response_group;

#endif
