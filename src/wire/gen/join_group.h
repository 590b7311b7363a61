/* join_group.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_JOIN_GROUP_H
#define WIRE_GEN_JOIN_GROUP_H

#include "wire/message.h"

struct join_group_request_protocol {
    struct slice name;
    struct slice metadata;
};

struct join_group_request {
    struct slice group_id;
    int32_t session_timeout_ms;
    int32_t rebalance_timeout_ms;
    struct slice member_id;
    struct slice group_instance_id;
    struct slice protocol_type;
    struct {
        struct join_group_request_protocol *ptr;
        uint32_t n;
    } protocols;
    struct slice reason;
};

struct join_group_response_member {
    struct slice member_id;
    struct slice group_instance_id;
    struct slice metadata;
};

struct join_group_response {
    int32_t throttle_time_ms;
    int16_t error_code;
    int32_t generation_id;
    struct slice protocol_type;
    struct slice protocol_name;
    struct slice leader;
    bool skip_assignment;
    struct slice member_id;
    struct {
        struct join_group_response_member *ptr;
        uint32_t n;
    } members;
};

extern const struct wire_message wire_join_group_request;
extern const struct wire_struct wire_join_group_request_protocol;
extern const struct wire_message wire_join_group_response;
extern const struct wire_struct wire_join_group_response_member;

#endif
