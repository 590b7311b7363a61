/* list_offsets.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/list_offsets.h"

#include <stddef.h>

#define T struct list_offsets_request_partition
static const struct wire_field request_partition[] = {
    {.name = "PartitionIndex", .at = offsetof(T, partition_index),
     .type = WIRE_I32, .from = 1, .to = WIRE_LAST},
    {.name = "CurrentLeaderEpoch", .at = offsetof(T, current_leader_epoch),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 4, .to = WIRE_LAST,
     .number = -1},
    {.name = "Timestamp", .at = offsetof(T, timestamp), .type = WIRE_I64,
     .from = 1, .to = WIRE_LAST},
};
const struct wire_struct wire_list_offsets_request_partition =
    {request_partition, 3, sizeof(T)};
#undef T

#define T struct list_offsets_request_topic
static const struct wire_field request_topic[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING, .from = 1,
     .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_list_offsets_request_partition, .flags = WIRE_ARRAY,
     .from = 1, .to = WIRE_LAST},
};
const struct wire_struct wire_list_offsets_request_topic =
    {request_topic, 2, sizeof(T)};
#undef T

#define T struct list_offsets_request
static const struct wire_field request[] = {
    {.name = "ReplicaId", .at = offsetof(T, replica_id), .type = WIRE_I32,
     .from = 1, .to = WIRE_LAST},
    {.name = "IsolationLevel", .at = offsetof(T, isolation_level),
     .type = WIRE_I8, .from = 2, .to = WIRE_LAST},
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_list_offsets_request_topic, .flags = WIRE_ARRAY, .from = 1,
     .to = WIRE_LAST},
    {.name = "TimeoutMs", .at = offsetof(T, timeout_ms), .type = WIRE_I32,
     .flags = WIRE_IGNORABLE, .from = 10, .to = WIRE_LAST},
};
const struct wire_message wire_list_offsets_request = {
    .name = "ListOffsets",
    .body = {request, 4, sizeof(T)},
    .api_key = 2,
    .is_request = true,
    .version_min = 1,
    .version_max = 11,
    .flexible_from = 6,
};
#undef T

#define T struct list_offsets_response_partition
static const struct wire_field response_partition[] = {
    {.name = "PartitionIndex", .at = offsetof(T, partition_index),
     .type = WIRE_I32, .from = 1, .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .from = 1, .to = WIRE_LAST},
    {.name = "Timestamp", .at = offsetof(T, timestamp), .type = WIRE_I64,
     .from = 1, .to = WIRE_LAST, .number = -1},
    {.name = "Offset", .at = offsetof(T, offset), .type = WIRE_I64, .from = 1,
     .to = WIRE_LAST, .number = -1},
    {.name = "LeaderEpoch", .at = offsetof(T, leader_epoch), .type = WIRE_I32,
     .from = 4, .to = WIRE_LAST, .number = -1},
};
const struct wire_struct wire_list_offsets_response_partition =
    {response_partition, 5, sizeof(T)};
#undef T

#define T struct list_offsets_response_topic
static const struct wire_field response_topic[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING, .from = 1,
     .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_list_offsets_response_partition, .flags = WIRE_ARRAY,
     .from = 1, .to = WIRE_LAST},
};
const struct wire_struct wire_list_offsets_response_topic =
    {response_topic, 2, sizeof(T)};
#undef T

#define T struct list_offsets_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 2, .to = WIRE_LAST},
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_list_offsets_response_topic, .flags = WIRE_ARRAY, .from = 1,
     .to = WIRE_LAST},
};
const struct wire_message wire_list_offsets_response = {
    .name = "ListOffsets",
    .body = {response, 2, sizeof(T)},
    .api_key = 2,
    .is_request = false,
    .version_min = 1,
    .version_max = 11,
    .flexible_from = 6,
};
#undef T
