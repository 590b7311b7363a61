/* list_partition_reassignments.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/list_partition_reassignments.h"

#include <stddef.h>

#define T struct list_partition_reassignments_request_topic
static const struct wire_field request_topic[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "PartitionIndexes", .at = offsetof(T, partition_indexes),
     .type = WIRE_I32, .flags = WIRE_ARRAY, .to = WIRE_LAST},
};
const struct wire_struct wire_list_partition_reassignments_request_topic =
    {request_topic, 2, sizeof(T)};
#undef T

#define T struct list_partition_reassignments_request
static const struct wire_field request[] = {
    {.name = "TimeoutMs", .at = offsetof(T, timeout_ms), .type = WIRE_I32,
     .to = WIRE_LAST, .number = 60000},
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_list_partition_reassignments_request_topic,
     .flags = WIRE_ARRAY | WIRE_NULLABLE | WIRE_DEFAULT_NULL, .to = WIRE_LAST},
};
const struct wire_message wire_list_partition_reassignments_request = {
    .name = "ListPartitionReassignments",
    .body = {request, 2, sizeof(T)},
    .api_key = 46,
    .is_request = true,
    .version_min = 0,
    .version_max = 0,
    .flexible_from = 0,
};
#undef T

#define T struct list_partition_reassignments_response_partition
static const struct wire_field response_partition[] = {
    {.name = "PartitionIndex", .at = offsetof(T, partition_index),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "Replicas", .at = offsetof(T, replicas), .type = WIRE_I32,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
    {.name = "AddingReplicas", .at = offsetof(T, adding_replicas),
     .type = WIRE_I32, .flags = WIRE_ARRAY, .to = WIRE_LAST},
    {.name = "RemovingReplicas", .at = offsetof(T, removing_replicas),
     .type = WIRE_I32, .flags = WIRE_ARRAY, .to = WIRE_LAST},
};
const struct wire_struct wire_list_partition_reassignments_response_partition =
    {response_partition, 4, sizeof(T)};
#undef T

#define T struct list_partition_reassignments_response_topic
static const struct wire_field response_topic[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_list_partition_reassignments_response_partition,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
};
const struct wire_struct wire_list_partition_reassignments_response_topic =
    {response_topic, 2, sizeof(T)};
#undef T

#define T struct list_partition_reassignments_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ErrorMessage", .at = offsetof(T, error_message),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL,
     .to = WIRE_LAST},
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_list_partition_reassignments_response_topic,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
};
const struct wire_message wire_list_partition_reassignments_response = {
    .name = "ListPartitionReassignments",
    .body = {response, 4, sizeof(T)},
    .api_key = 46,
    .is_request = false,
    .version_min = 0,
    .version_max = 0,
    .flexible_from = 0,
};
#undef T
