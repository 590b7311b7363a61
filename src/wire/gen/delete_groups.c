/* delete_groups.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/delete_groups.h"

#include <stddef.h>

#define T struct delete_groups_request
static const struct wire_field request[] = {
    {.name = "GroupsNames", .at = offsetof(T, groups_names),
     .type = WIRE_STRING, .flags = WIRE_ARRAY, .to = WIRE_LAST},
};
const struct wire_message wire_delete_groups_request = {
    .name = "DeleteGroups",
    .body = {request, 1, sizeof(T)},
    .api_key = 42,
    .is_request = true,
    .version_min = 0,
    .version_max = 3,
    .flexible_from = 2,
};
#undef T

#define T struct delete_groups_response_result
static const struct wire_field response_result[] = {
    {.name = "GroupId", .at = offsetof(T, group_id), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ErrorMessage", .at = offsetof(T, error_message),
     .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_IGNORABLE | WIRE_DEFAULT_NULL, .from = 3,
     .to = WIRE_LAST, .null_from = 3},
};
const struct wire_struct wire_delete_groups_response_result =
    {response_result, 3, sizeof(T)};
#undef T

#define T struct delete_groups_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "Results", .at = offsetof(T, results), .type = WIRE_STRUCT,
     .sub = &wire_delete_groups_response_result, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_message wire_delete_groups_response = {
    .name = "DeleteGroups",
    .body = {response, 2, sizeof(T)},
    .api_key = 42,
    .is_request = false,
    .version_min = 0,
    .version_max = 3,
    .flexible_from = 2,
};
#undef T
