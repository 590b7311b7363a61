/* describe_groups.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_DESCRIBE_GROUPS_H
#define WIRE_GEN_DESCRIBE_GROUPS_H

#include "wire/message.h"

struct describe_groups_request {
    struct {
        struct slice *ptr;
        uint32_t n;
    } groups;
    bool include_authorized_operations;
};

struct describe_groups_response_member {
    struct slice member_id;
    struct slice group_instance_id;
    struct slice client_id;
    struct slice client_host;
    struct slice member_metadata;
    struct slice member_assignment;
};

struct describe_groups_response_group {
    int16_t error_code;
    struct slice error_message;
    struct slice group_id;
    struct slice group_state;
    struct slice protocol_type;
    struct slice protocol_data;
    struct {
        struct describe_groups_response_member *ptr;
        uint32_t n;
    } members;
    int32_t authorized_operations;
};

struct describe_groups_response {
    int32_t throttle_time_ms;
    struct {
        struct describe_groups_response_group *ptr;
        uint32_t n;
    } groups;
};

extern const struct wire_message wire_describe_groups_request;
extern const struct wire_message wire_describe_groups_response;
extern const struct wire_struct wire_describe_groups_response_member;
extern const struct wire_struct wire_describe_groups_response_group;

#endif
