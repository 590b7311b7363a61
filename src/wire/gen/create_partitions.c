/* create_partitions.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/create_partitions.h"

#include <stddef.h>

#define T struct create_partitions_request_assignment
static const struct wire_field request_assignment[] = {
    {.name = "BrokerIds", .at = offsetof(T, broker_ids), .type = WIRE_I32,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
};
const struct wire_struct wire_create_partitions_request_assignment =
    {request_assignment, 1, sizeof(T)};
#undef T

#define T struct create_partitions_request_topic
static const struct wire_field request_topic[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Count", .at = offsetof(T, count), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "Assignments", .at = offsetof(T, assignments), .type = WIRE_STRUCT,
     .sub = &wire_create_partitions_request_assignment,
     .flags = WIRE_ARRAY | WIRE_NULLABLE, .to = WIRE_LAST},
};
const struct wire_struct wire_create_partitions_request_topic =
    {request_topic, 3, sizeof(T)};
#undef T

#define T struct create_partitions_request
static const struct wire_field request[] = {
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_create_partitions_request_topic, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
    {.name = "TimeoutMs", .at = offsetof(T, timeout_ms), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "ValidateOnly", .at = offsetof(T, validate_only),
     .type = WIRE_BOOL, .to = WIRE_LAST},
};
const struct wire_message wire_create_partitions_request = {
    .name = "CreatePartitions",
    .body = {request, 3, sizeof(T)},
    .api_key = 37,
    .is_request = true,
    .version_min = 0,
    .version_max = 3,
    .flexible_from = 2,
};
#undef T

#define T struct create_partitions_response_result
static const struct wire_field response_result[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ErrorMessage", .at = offsetof(T, error_message),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL,
     .to = WIRE_LAST},
};
const struct wire_struct wire_create_partitions_response_result =
    {response_result, 3, sizeof(T)};
#undef T

#define T struct create_partitions_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "Results", .at = offsetof(T, results), .type = WIRE_STRUCT,
     .sub = &wire_create_partitions_response_result, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_message wire_create_partitions_response = {
    .name = "CreatePartitions",
    .body = {response, 2, sizeof(T)},
    .api_key = 37,
    .is_request = false,
    .version_min = 0,
    .version_max = 3,
    .flexible_from = 2,
};
#undef T
