/* sync_group.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/sync_group.h"

#include <stddef.h>

#define T struct sync_group_request_assignment
static const struct wire_field request_assignment[] = {
    {.name = "MemberId", .at = offsetof(T, member_id), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Assignment", .at = offsetof(T, assignment), .type = WIRE_BYTES,
     .to = WIRE_LAST},
};
const struct wire_struct wire_sync_group_request_assignment =
    {request_assignment, 2, sizeof(T)};
#undef T

#define T struct sync_group_request
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
    {.name = "ProtocolType", .at = offsetof(T, protocol_type),
     .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_IGNORABLE | WIRE_DEFAULT_NULL, .from = 5,
     .to = WIRE_LAST, .null_from = 5},
    {.name = "ProtocolName", .at = offsetof(T, protocol_name),
     .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_IGNORABLE | WIRE_DEFAULT_NULL, .from = 5,
     .to = WIRE_LAST, .null_from = 5},
    {.name = "Assignments", .at = offsetof(T, assignments), .type = WIRE_STRUCT,
     .sub = &wire_sync_group_request_assignment, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_message wire_sync_group_request = {
    .name = "SyncGroup",
    .body = {request, 7, sizeof(T)},
    .api_key = 14,
    .is_request = true,
    .version_min = 0,
    .version_max = 5,
    .flexible_from = 4,
};
#undef T

#define T struct sync_group_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 1, .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ProtocolType", .at = offsetof(T, protocol_type),
     .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_IGNORABLE | WIRE_DEFAULT_NULL, .from = 5,
     .to = WIRE_LAST, .null_from = 5},
    {.name = "ProtocolName", .at = offsetof(T, protocol_name),
     .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_IGNORABLE | WIRE_DEFAULT_NULL, .from = 5,
     .to = WIRE_LAST, .null_from = 5},
    {.name = "Assignment", .at = offsetof(T, assignment), .type = WIRE_BYTES,
     .to = WIRE_LAST},
};
const struct wire_message wire_sync_group_response = {
    .name = "SyncGroup",
    .body = {response, 5, sizeof(T)},
    .api_key = 14,
    .is_request = false,
    .version_min = 0,
    .version_max = 5,
    .flexible_from = 4,
};
#undef T
