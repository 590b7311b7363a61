/* leave_group.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/leave_group.h"

#include <stddef.h>

#define T struct leave_group_request_member
static const struct wire_field request_member[] = {
    {.name = "MemberId", .at = offsetof(T, member_id), .type = WIRE_STRING,
     .from = 3, .to = WIRE_LAST},
    {.name = "GroupInstanceId", .at = offsetof(T, group_instance_id),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL, .from = 3,
     .to = WIRE_LAST, .null_from = 3},
    {.name = "Reason", .at = offsetof(T, reason), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_IGNORABLE | WIRE_DEFAULT_NULL, .from = 5,
     .to = WIRE_LAST, .null_from = 5},
};
const struct wire_struct wire_leave_group_request_member =
    {request_member, 3, sizeof(T)};
#undef T

#define T struct leave_group_request
static const struct wire_field request[] = {
    {.name = "GroupId", .at = offsetof(T, group_id), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "MemberId", .at = offsetof(T, member_id), .type = WIRE_STRING,
     .to = 2},
    {.name = "Members", .at = offsetof(T, members), .type = WIRE_STRUCT,
     .sub = &wire_leave_group_request_member, .flags = WIRE_ARRAY, .from = 3,
     .to = WIRE_LAST},
};
const struct wire_message wire_leave_group_request = {
    .name = "LeaveGroup",
    .body = {request, 3, sizeof(T)},
    .api_key = 13,
    .is_request = true,
    .version_min = 0,
    .version_max = 5,
    .flexible_from = 4,
};
#undef T

#define T struct leave_group_response_member
static const struct wire_field response_member[] = {
    {.name = "MemberId", .at = offsetof(T, member_id), .type = WIRE_STRING,
     .from = 3, .to = WIRE_LAST},
    {.name = "GroupInstanceId", .at = offsetof(T, group_instance_id),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE, .from = 3, .to = WIRE_LAST,
     .null_from = 3},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .from = 3, .to = WIRE_LAST},
};
const struct wire_struct wire_leave_group_response_member =
    {response_member, 3, sizeof(T)};
#undef T

#define T struct leave_group_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 1, .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "Members", .at = offsetof(T, members), .type = WIRE_STRUCT,
     .sub = &wire_leave_group_response_member, .flags = WIRE_ARRAY, .from = 3,
     .to = WIRE_LAST},
};
const struct wire_message wire_leave_group_response = {
    .name = "LeaveGroup",
    .body = {response, 3, sizeof(T)},
    .api_key = 13,
    .is_request = false,
    .version_min = 0,
    .version_max = 5,
    .flexible_from = 4,
};
#undef T
