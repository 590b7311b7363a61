/* offset_commit.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/offset_commit.h"

#include <stddef.h>

#define T struct offset_commit_request_partition
static const struct wire_field request_partition[] = {
    {.name = "PartitionIndex", .at = offsetof(T, partition_index),
     .type = WIRE_I32, .from = 2, .to = WIRE_LAST},
    {.name = "CommittedOffset", .at = offsetof(T, committed_offset),
     .type = WIRE_I64, .from = 2, .to = WIRE_LAST},
    {.name = "CommittedLeaderEpoch", .at = offsetof(T, committed_leader_epoch),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 6, .to = WIRE_LAST,
     .number = -1},
    {.name = "CommittedMetadata", .at = offsetof(T, committed_metadata),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE, .from = 2, .to = WIRE_LAST,
     .null_from = 2},
};
const struct wire_struct wire_offset_commit_request_partition =
    {request_partition, 4, sizeof(T)};
#undef T

#define T struct offset_commit_request_topic
static const struct wire_field request_topic[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .flags = WIRE_IGNORABLE, .from = 2, .to = 9},
    {.name = "TopicId", .at = offsetof(T, topic_id), .type = WIRE_UUID,
     .flags = WIRE_IGNORABLE, .from = 10, .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_offset_commit_request_partition, .flags = WIRE_ARRAY,
     .from = 2, .to = WIRE_LAST},
};
const struct wire_struct wire_offset_commit_request_topic =
    {request_topic, 3, sizeof(T)};
#undef T

#define T struct offset_commit_request
static const struct wire_field request[] = {
    {.name = "GroupId", .at = offsetof(T, group_id), .type = WIRE_STRING,
     .from = 2, .to = WIRE_LAST},
    {.name = "GenerationIdOrMemberEpoch",
     .at = offsetof(T, generation_id_or_member_epoch), .type = WIRE_I32,
     .flags = WIRE_IGNORABLE, .from = 2, .to = WIRE_LAST, .number = -1},
    {.name = "MemberId", .at = offsetof(T, member_id), .type = WIRE_STRING,
     .flags = WIRE_IGNORABLE, .from = 2, .to = WIRE_LAST},
    {.name = "GroupInstanceId", .at = offsetof(T, group_instance_id),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL, .from = 7,
     .to = WIRE_LAST, .null_from = 7},
    {.name = "RetentionTimeMs", .at = offsetof(T, retention_time_ms),
     .type = WIRE_I64, .flags = WIRE_IGNORABLE, .from = 2, .to = 4,
     .number = -1},
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_offset_commit_request_topic, .flags = WIRE_ARRAY, .from = 2,
     .to = WIRE_LAST},
};
const struct wire_message wire_offset_commit_request = {
    .name = "OffsetCommit",
    .body = {request, 6, sizeof(T)},
    .api_key = 8,
    .is_request = true,
    .version_min = 2,
    .version_max = 10,
    .flexible_from = 8,
};
#undef T

#define T struct offset_commit_response_partition
static const struct wire_field response_partition[] = {
    {.name = "PartitionIndex", .at = offsetof(T, partition_index),
     .type = WIRE_I32, .from = 2, .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .from = 2, .to = WIRE_LAST},
};
const struct wire_struct wire_offset_commit_response_partition =
    {response_partition, 2, sizeof(T)};
#undef T

#define T struct offset_commit_response_topic
static const struct wire_field response_topic[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .flags = WIRE_IGNORABLE, .from = 2, .to = 9},
    {.name = "TopicId", .at = offsetof(T, topic_id), .type = WIRE_UUID,
     .flags = WIRE_IGNORABLE, .from = 10, .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_offset_commit_response_partition, .flags = WIRE_ARRAY,
     .from = 2, .to = WIRE_LAST},
};
const struct wire_struct wire_offset_commit_response_topic =
    {response_topic, 3, sizeof(T)};
#undef T

#define T struct offset_commit_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 3, .to = WIRE_LAST},
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_offset_commit_response_topic, .flags = WIRE_ARRAY, .from = 2,
     .to = WIRE_LAST},
};
const struct wire_message wire_offset_commit_response = {
    .name = "OffsetCommit",
    .body = {response, 2, sizeof(T)},
    .api_key = 8,
    .is_request = false,
    .version_min = 2,
    .version_max = 10,
    .flexible_from = 8,
};
#undef T
