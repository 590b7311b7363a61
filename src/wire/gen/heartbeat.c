/* heartbeat.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/heartbeat.h"

#include <stddef.h>

#define T struct heartbeat_request
static const struct wire_field request[] = {
    {.name = "GroupId", .at = offsetof(T, group_id), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "GenerationId", .at = offsetof(T, generation_id), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "MemberId", .at = offsetof(T, member_id), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "GroupInstanceId", .at = offsetof(T, group_instance_id),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL, .from = 3,
     .to = WIRE_LAST, .null_from = 3},
};
const struct wire_message wire_heartbeat_request = {
    .name = "Heartbeat",
    .body = {request, 4, sizeof(T)},
    .api_key = 12,
    .is_request = true,
    .version_min = 0,
    .version_max = 4,
    .flexible_from = 4,
};
#undef T

#define T struct heartbeat_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 1, .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
};
const struct wire_message wire_heartbeat_response = {
    .name = "Heartbeat",
    .body = {response, 2, sizeof(T)},
    .api_key = 12,
    .is_request = false,
    .version_min = 0,
    .version_max = 4,
    .flexible_from = 4,
};
#undef T
