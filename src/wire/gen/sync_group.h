/* sync_group.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_SYNC_GROUP_H
#define WIRE_GEN_SYNC_GROUP_H

#include "wire/message.h"

struct sync_group_request_assignment {
    struct slice member_id;
    struct slice assignment;
};

struct sync_group_request {
    struct slice group_id;
    int32_t generation_id;
    struct slice member_id;
    struct slice group_instance_id;
    struct slice protocol_type;
    struct slice protocol_name;
    struct {
        struct sync_group_request_assignment *ptr;
        uint32_t n;
    } assignments;
};

struct sync_group_response {
    int32_t throttle_time_ms;
    int16_t error_code;
    struct slice protocol_type;
    struct slice protocol_name;
    struct slice assignment;
};

extern const struct wire_message wire_sync_group_request;
extern const struct wire_struct wire_sync_group_request_assignment;
extern const struct wire_message wire_sync_group_response;

#endif
