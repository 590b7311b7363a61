/* list_groups.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/list_groups.h"

#include <stddef.h>

#define T struct list_groups_request
static const struct wire_field request[] = {
    {.name = "StatesFilter", .at = offsetof(T, states_filter),
     .type = WIRE_STRING, .flags = WIRE_ARRAY, .from = 4, .to = WIRE_LAST},
    {.name = "TypesFilter", .at = offsetof(T, types_filter),
     .type = WIRE_STRING, .flags = WIRE_ARRAY, .from = 5, .to = WIRE_LAST},
};
const struct wire_message wire_list_groups_request = {
    .name = "ListGroups",
    .body = {request, 2, sizeof(T)},
    .api_key = 16,
    .is_request = true,
    .version_min = 0,
    .version_max = 5,
    .flexible_from = 3,
};
#undef T

#define T struct list_groups_response_group
static const struct wire_field response_group[] = {
    {.name = "GroupId", .at = offsetof(T, group_id), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "ProtocolType", .at = offsetof(T, protocol_type),
     .type = WIRE_STRING, .to = WIRE_LAST},
    {.name = "GroupState", .at = offsetof(T, group_state), .type = WIRE_STRING,
     .flags = WIRE_IGNORABLE, .from = 4, .to = WIRE_LAST},
    {.name = "GroupType", .at = offsetof(T, group_type), .type = WIRE_STRING,
     .flags = WIRE_IGNORABLE, .from = 5, .to = WIRE_LAST},
};
const struct wire_struct wire_list_groups_response_group =
    {response_group, 4, sizeof(T)};
#undef T

#define T struct list_groups_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 1, .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "Groups", .at = offsetof(T, groups), .type = WIRE_STRUCT,
     .sub = &wire_list_groups_response_group, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_message wire_list_groups_response = {
    .name = "ListGroups",
    .body = {response, 3, sizeof(T)},
    .api_key = 16,
    .is_request = false,
    .version_min = 0,
    .version_max = 5,
    .flexible_from = 3,
};
#undef T
