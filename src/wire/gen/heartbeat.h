/* heartbeat.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_HEARTBEAT_H
#define WIRE_GEN_HEARTBEAT_H

#include "wire/message.h"

struct heartbeat_request {
    struct slice group_id;
    int32_t generation_id;
    struct slice member_id;
    struct slice group_instance_id;
};

struct heartbeat_response {
    int32_t throttle_time_ms;
    int16_t error_code;
};

extern const struct wire_message wire_heartbeat_request;
extern const struct wire_message wire_heartbeat_response;

#endif
