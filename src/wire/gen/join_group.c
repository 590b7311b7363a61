/* join_group.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/join_group.h"

#include <stddef.h>

#define T struct join_group_request_protocol
static const struct wire_field request_protocol[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Metadata", .at = offsetof(T, metadata), .type = WIRE_BYTES,
     .to = WIRE_LAST},
};
const struct wire_struct wire_join_group_request_protocol =
    {request_protocol, 2, sizeof(T)};
#undef T

#define T struct join_group_request
static const struct wire_field request[] = {
    {.name = "GroupId", .at = offsetof(T, group_id), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "SessionTimeoutMs", .at = offsetof(T, session_timeout_ms),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "RebalanceTimeoutMs", .at = offsetof(T, rebalance_timeout_ms),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 1, .to = WIRE_LAST,
     .number = -1},
    {.name = "MemberId", .at = offsetof(T, member_id), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "GroupInstanceId", .at = offsetof(T, group_instance_id),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL, .from = 5,
     .to = WIRE_LAST, .null_from = 5},
    {.name = "ProtocolType", .at = offsetof(T, protocol_type),
     .type = WIRE_STRING, .to = WIRE_LAST},
    {.name = "Protocols", .at = offsetof(T, protocols), .type = WIRE_STRUCT,
     .sub = &wire_join_group_request_protocol, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
    {.name = "Reason", .at = offsetof(T, reason), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_IGNORABLE | WIRE_DEFAULT_NULL, .from = 8,
     .to = WIRE_LAST, .null_from = 8},
};
const struct wire_message wire_join_group_request = {
    .name = "JoinGroup",
    .body = {request, 8, sizeof(T)},
    .api_key = 11,
    .is_request = true,
    .version_min = 0,
    .version_max = 9,
    .flexible_from = 6,
};
#undef T

#define T struct join_group_response_member
static const struct wire_field response_member[] = {
    {.name = "MemberId", .at = offsetof(T, member_id), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "GroupInstanceId", .at = offsetof(T, group_instance_id),
     .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_IGNORABLE | WIRE_DEFAULT_NULL, .from = 5,
     .to = WIRE_LAST, .null_from = 5},
    {.name = "Metadata", .at = offsetof(T, metadata), .type = WIRE_BYTES,
     .to = WIRE_LAST},
};
const struct wire_struct wire_join_group_response_member =
    {response_member, 3, sizeof(T)};
#undef T

#define T struct join_group_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 2, .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "GenerationId", .at = offsetof(T, generation_id), .type = WIRE_I32,
     .to = WIRE_LAST, .number = -1},
    {.name = "ProtocolType", .at = offsetof(T, protocol_type),
     .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_IGNORABLE | WIRE_DEFAULT_NULL, .from = 7,
     .to = WIRE_LAST, .null_from = 7},
    {.name = "ProtocolName", .at = offsetof(T, protocol_name),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE, .to = WIRE_LAST,
     .null_from = 7},
    {.name = "Leader", .at = offsetof(T, leader), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "SkipAssignment", .at = offsetof(T, skip_assignment),
     .type = WIRE_BOOL, .from = 9, .to = WIRE_LAST},
    {.name = "MemberId", .at = offsetof(T, member_id), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Members", .at = offsetof(T, members), .type = WIRE_STRUCT,
     .sub = &wire_join_group_response_member, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_message wire_join_group_response = {
    .name = "JoinGroup",
    .body = {response, 9, sizeof(T)},
    .api_key = 11,
    .is_request = false,
    .version_min = 0,
    .version_max = 9,
    .flexible_from = 6,
};
#undef T
