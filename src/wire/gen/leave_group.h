/* leave_group.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_LEAVE_GROUP_H
#define WIRE_GEN_LEAVE_GROUP_H

#include "wire/message.h"

struct leave_group_request_member {
    struct slice member_id;
    struct slice group_instance_id;
    struct slice reason;
};

struct leave_group_request {
    struct slice group_id;
    struct slice member_id;
    struct {
        struct leave_group_request_member *ptr;
        uint32_t n;
    } members;
};

struct leave_group_response_member {
    struct slice member_id;
    struct slice group_instance_id;
    int16_t error_code;
};

struct leave_group_response {
    int32_t throttle_time_ms;
    int16_t error_code;
    struct {
        struct leave_group_response_member *ptr;
        uint32_t n;
    } members;
};

extern const struct wire_message wire_leave_group_request;
extern const struct wire_struct wire_leave_group_request_member;
extern const struct wire_message wire_leave_group_response;
extern const struct wire_struct wire_leave_group_response_member;

#endif
