/* describe_groups.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/describe_groups.h"

#include <stddef.h>

#define T struct describe_groups_request
static const struct wire_field request[] = {
    {.name = "Groups", .at = offsetof(T, groups), .type = WIRE_STRING,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
    {.name = "IncludeAuthorizedOperations",
     .at = offsetof(T, include_authorized_operations), .type = WIRE_BOOL,
     .from = 3, .to = WIRE_LAST},
};
const struct wire_message wire_describe_groups_request = {
    .name = "DescribeGroups",
    .body = {request, 2, sizeof(T)},
    .api_key = 15,
    .is_request = true,
    .version_min = 0,
    .version_max = 6,
    .flexible_from = 5,
};
#undef T

#define T struct describe_groups_response_member
static const struct wire_field response_member[] = {
    {.name = "MemberId", .at = offsetof(T, member_id), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "GroupInstanceId", .at = offsetof(T, group_instance_id),
     .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_IGNORABLE | WIRE_DEFAULT_NULL, .from = 4,
     .to = WIRE_LAST, .null_from = 4},
    {.name = "ClientId", .at = offsetof(T, client_id), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "ClientHost", .at = offsetof(T, client_host), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "MemberMetadata", .at = offsetof(T, member_metadata),
     .type = WIRE_BYTES, .to = WIRE_LAST},
    {.name = "MemberAssignment", .at = offsetof(T, member_assignment),
     .type = WIRE_BYTES, .to = WIRE_LAST},
};
const struct wire_struct wire_describe_groups_response_member =
    {response_member, 6, sizeof(T)};
#undef T

#define T struct describe_groups_response_group
static const struct wire_field response_group[] = {
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ErrorMessage", .at = offsetof(T, error_message),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL, .from = 6,
     .to = WIRE_LAST, .null_from = 6},
    {.name = "GroupId", .at = offsetof(T, group_id), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "GroupState", .at = offsetof(T, group_state), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "ProtocolType", .at = offsetof(T, protocol_type),
     .type = WIRE_STRING, .to = WIRE_LAST},
    {.name = "ProtocolData", .at = offsetof(T, protocol_data),
     .type = WIRE_STRING, .to = WIRE_LAST},
    {.name = "Members", .at = offsetof(T, members), .type = WIRE_STRUCT,
     .sub = &wire_describe_groups_response_member, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
    {.name = "AuthorizedOperations", .at = offsetof(T, authorized_operations),
     .type = WIRE_I32, .from = 3, .to = WIRE_LAST, .number = -2147483648},
};
const struct wire_struct wire_describe_groups_response_group =
    {response_group, 8, sizeof(T)};
#undef T

#define T struct describe_groups_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 1, .to = WIRE_LAST},
    {.name = "Groups", .at = offsetof(T, groups), .type = WIRE_STRUCT,
     .sub = &wire_describe_groups_response_group, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_message wire_describe_groups_response = {
    .name = "DescribeGroups",
    .body = {response, 2, sizeof(T)},
    .api_key = 15,
    .is_request = false,
    .version_min = 0,
    .version_max = 6,
    .flexible_from = 5,
};
#undef T
