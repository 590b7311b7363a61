/* alter_partition_reassignments.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/alter_partition_reassignments.h"

#include <stddef.h>

#define T struct alter_partition_reassignments_request_partition
static const struct wire_field request_partition[] = {
    {.name = "PartitionIndex", .at = offsetof(T, partition_index),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "Replicas", .at = offsetof(T, replicas), .type = WIRE_I32,
     .flags = WIRE_ARRAY | WIRE_NULLABLE | WIRE_DEFAULT_NULL, .to = WIRE_LAST},
};
const struct wire_struct wire_alter_partition_reassignments_request_partition =
    {request_partition, 2, sizeof(T)};
#undef T

#define T struct alter_partition_reassignments_request_topic
static const struct wire_field request_topic[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_alter_partition_reassignments_request_partition,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
};
const struct wire_struct wire_alter_partition_reassignments_request_topic =
    {request_topic, 2, sizeof(T)};
#undef T

#define T struct alter_partition_reassignments_request
static const struct wire_field request[] = {
    {.name = "TimeoutMs", .at = offsetof(T, timeout_ms), .type = WIRE_I32,
     .to = WIRE_LAST, .number = 60000},
    {.name = "AllowReplicationFactorChange",
     .at = offsetof(T, allow_replication_factor_change), .type = WIRE_BOOL,
     .from = 1, .to = WIRE_LAST, .number = 1},
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_alter_partition_reassignments_request_topic,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
};
const struct wire_message wire_alter_partition_reassignments_request = {
    .name = "AlterPartitionReassignments",
    .body = {request, 3, sizeof(T)},
    .api_key = 45,
    .is_request = true,
    .version_min = 0,
    .version_max = 1,
    .flexible_from = 0,
};
#undef T

#define T struct alter_partition_reassignments_response_partition
static const struct wire_field response_partition[] = {
    {.name = "PartitionIndex", .at = offsetof(T, partition_index),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ErrorMessage", .at = offsetof(T, error_message),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL,
     .to = WIRE_LAST},
};
const struct wire_struct wire_alter_partition_reassignments_response_partition =
    {response_partition, 3, sizeof(T)};
#undef T

#define T struct alter_partition_reassignments_response_response
static const struct wire_field response_response[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_alter_partition_reassignments_response_partition,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
};
const struct wire_struct wire_alter_partition_reassignments_response_response =
    {response_response, 2, sizeof(T)};
#undef T

#define T struct alter_partition_reassignments_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "AllowReplicationFactorChange",
     .at = offsetof(T, allow_replication_factor_change), .type = WIRE_BOOL,
     .flags = WIRE_IGNORABLE, .from = 1, .to = WIRE_LAST, .number = 1},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ErrorMessage", .at = offsetof(T, error_message),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL,
     .to = WIRE_LAST},
    {.name = "Responses", .at = offsetof(T, responses), .type = WIRE_STRUCT,
     .sub = &wire_alter_partition_reassignments_response_response,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
};
const struct wire_message wire_alter_partition_reassignments_response = {
    .name = "AlterPartitionReassignments",
    .body = {response, 5, sizeof(T)},
    .api_key = 45,
    .is_request = false,
    .version_min = 0,
    .version_max = 1,
    .flexible_from = 0,
};
#undef T
