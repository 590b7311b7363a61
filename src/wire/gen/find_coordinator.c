/* find_coordinator.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/find_coordinator.h"

#include <stddef.h>

#define T struct find_coordinator_request
static const struct wire_field request[] = {
    {.name = "Key", .at = offsetof(T, key), .type = WIRE_STRING, .to = 3},
    {.name = "KeyType", .at = offsetof(T, key_type), .type = WIRE_I8, .from = 1,
     .to = WIRE_LAST},
    {.name = "CoordinatorKeys", .at = offsetof(T, coordinator_keys),
     .type = WIRE_STRING, .flags = WIRE_ARRAY, .from = 4, .to = WIRE_LAST},
};
const struct wire_message wire_find_coordinator_request = {
    .name = "FindCoordinator",
    .body = {request, 3, sizeof(T)},
    .api_key = 10,
    .is_request = true,
    .version_min = 0,
    .version_max = 6,
    .flexible_from = 3,
};
#undef T

#define T struct find_coordinator_response_coordinator
static const struct wire_field response_coordinator[] = {
    {.name = "Key", .at = offsetof(T, key), .type = WIRE_STRING, .from = 4,
     .to = WIRE_LAST},
    {.name = "NodeId", .at = offsetof(T, node_id), .type = WIRE_I32, .from = 4,
     .to = WIRE_LAST},
    {.name = "Host", .at = offsetof(T, host), .type = WIRE_STRING, .from = 4,
     .to = WIRE_LAST},
    {.name = "Port", .at = offsetof(T, port), .type = WIRE_I32, .from = 4,
     .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .from = 4, .to = WIRE_LAST},
    {.name = "ErrorMessage", .at = offsetof(T, error_message),
     .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_IGNORABLE | WIRE_DEFAULT_NULL, .from = 4,
     .to = WIRE_LAST, .null_from = 4},
};
const struct wire_struct wire_find_coordinator_response_coordinator =
    {response_coordinator, 6, sizeof(T)};
#undef T

#define T struct find_coordinator_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 1, .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = 3},
    {.name = "ErrorMessage", .at = offsetof(T, error_message),
     .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_IGNORABLE | WIRE_DEFAULT_NULL, .from = 1,
     .to = 3, .null_from = 1},
    {.name = "NodeId", .at = offsetof(T, node_id), .type = WIRE_I32, .to = 3},
    {.name = "Host", .at = offsetof(T, host), .type = WIRE_STRING, .to = 3},
    {.name = "Port", .at = offsetof(T, port), .type = WIRE_I32, .to = 3},
    {.name = "Coordinators", .at = offsetof(T, coordinators),
     .type = WIRE_STRUCT, .sub = &wire_find_coordinator_response_coordinator,
     .flags = WIRE_ARRAY, .from = 4, .to = WIRE_LAST},
};
const struct wire_message wire_find_coordinator_response = {
    .name = "FindCoordinator",
    .body = {response, 7, sizeof(T)},
    .api_key = 10,
    .is_request = false,
    .version_min = 0,
    .version_max = 6,
    .flexible_from = 3,
};
#undef T
