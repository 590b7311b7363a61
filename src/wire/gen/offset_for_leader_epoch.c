/* offset_for_leader_epoch.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/offset_for_leader_epoch.h"

#include <stddef.h>

#define T struct offset_for_leader_epoch_request_partition
static const struct wire_field request_partition[] = {
    {.name = "Partition", .at = offsetof(T, partition), .type = WIRE_I32,
     .from = 2, .to = WIRE_LAST},
    {.name = "CurrentLeaderEpoch", .at = offsetof(T, current_leader_epoch),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 2, .to = WIRE_LAST,
     .number = -1},
    {.name = "LeaderEpoch", .at = offsetof(T, leader_epoch), .type = WIRE_I32,
     .from = 2, .to = WIRE_LAST},
};
const struct wire_struct wire_offset_for_leader_epoch_request_partition =
    {request_partition, 3, sizeof(T)};
#undef T

#define T struct offset_for_leader_epoch_request_topic
static const struct wire_field request_topic[] = {
    {.name = "Topic", .at = offsetof(T, topic), .type = WIRE_STRING, .from = 2,
     .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_offset_for_leader_epoch_request_partition,
     .flags = WIRE_ARRAY, .from = 2, .to = WIRE_LAST},
};
const struct wire_struct wire_offset_for_leader_epoch_request_topic =
    {request_topic, 2, sizeof(T)};
#undef T

#define T struct offset_for_leader_epoch_request
static const struct wire_field request[] = {
    {.name = "ReplicaId", .at = offsetof(T, replica_id), .type = WIRE_I32,
     .flags = WIRE_IGNORABLE, .from = 3, .to = WIRE_LAST, .number = -2},
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_offset_for_leader_epoch_request_topic, .flags = WIRE_ARRAY,
     .from = 2, .to = WIRE_LAST},
};
const struct wire_message wire_offset_for_leader_epoch_request = {
    .name = "OffsetForLeaderEpoch",
    .body = {request, 2, sizeof(T)},
    .api_key = 23,
    .is_request = true,
    .version_min = 2,
    .version_max = 4,
    .flexible_from = 4,
};
#undef T

#define T struct offset_for_leader_epoch_response_partition
static const struct wire_field response_partition[] = {
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .from = 2, .to = WIRE_LAST},
    {.name = "Partition", .at = offsetof(T, partition), .type = WIRE_I32,
     .from = 2, .to = WIRE_LAST},
    {.name = "LeaderEpoch", .at = offsetof(T, leader_epoch), .type = WIRE_I32,
     .flags = WIRE_IGNORABLE, .from = 2, .to = WIRE_LAST, .number = -1},
    {.name = "EndOffset", .at = offsetof(T, end_offset), .type = WIRE_I64,
     .from = 2, .to = WIRE_LAST, .number = -1},
};
const struct wire_struct wire_offset_for_leader_epoch_response_partition =
    {response_partition, 4, sizeof(T)};
#undef T

#define T struct offset_for_leader_epoch_response_topic
static const struct wire_field response_topic[] = {
    {.name = "Topic", .at = offsetof(T, topic), .type = WIRE_STRING, .from = 2,
     .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_offset_for_leader_epoch_response_partition,
     .flags = WIRE_ARRAY, .from = 2, .to = WIRE_LAST},
};
const struct wire_struct wire_offset_for_leader_epoch_response_topic =
    {response_topic, 2, sizeof(T)};
#undef T

#define T struct offset_for_leader_epoch_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 2, .to = WIRE_LAST},
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_offset_for_leader_epoch_response_topic, .flags = WIRE_ARRAY,
     .from = 2, .to = WIRE_LAST},
};
const struct wire_message wire_offset_for_leader_epoch_response = {
    .name = "OffsetForLeaderEpoch",
    .body = {response, 2, sizeof(T)},
    .api_key = 23,
    .is_request = false,
    .version_min = 2,
    .version_max = 4,
    .flexible_from = 4,
};
#undef T
