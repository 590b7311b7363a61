/* offset_fetch.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/offset_fetch.h"

#include <stddef.h>

#define T struct offset_fetch_request_topic
static const struct wire_field request_topic[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING, .from = 1,
     .to = 7},
    {.name = "PartitionIndexes", .at = offsetof(T, partition_indexes),
     .type = WIRE_I32, .flags = WIRE_ARRAY, .from = 1, .to = 7},
};
const struct wire_struct wire_offset_fetch_request_topic =
    {request_topic, 2, sizeof(T)};
#undef T

#define T struct offset_fetch_request_group_topic
static const struct wire_field request_group_topic[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .flags = WIRE_IGNORABLE, .from = 8, .to = 9},
    {.name = "TopicId", .at = offsetof(T, topic_id), .type = WIRE_UUID,
     .flags = WIRE_IGNORABLE, .from = 10, .to = WIRE_LAST},
    {.name = "PartitionIndexes", .at = offsetof(T, partition_indexes),
     .type = WIRE_I32, .flags = WIRE_ARRAY, .from = 8, .to = WIRE_LAST},
};
const struct wire_struct wire_offset_fetch_request_group_topic =
    {request_group_topic, 3, sizeof(T)};
#undef T

#define T struct offset_fetch_request_group
static const struct wire_field request_group[] = {
    {.name = "GroupId", .at = offsetof(T, group_id), .type = WIRE_STRING,
     .from = 8, .to = WIRE_LAST},
    {.name = "MemberId", .at = offsetof(T, member_id), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_IGNORABLE | WIRE_DEFAULT_NULL, .from = 9,
     .to = WIRE_LAST, .null_from = 9},
    {.name = "MemberEpoch", .at = offsetof(T, member_epoch), .type = WIRE_I32,
     .flags = WIRE_IGNORABLE, .from = 9, .to = WIRE_LAST, .number = -1},
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_offset_fetch_request_group_topic,
     .flags = WIRE_ARRAY | WIRE_NULLABLE, .from = 8, .to = WIRE_LAST,
     .null_from = 8},
};
const struct wire_struct wire_offset_fetch_request_group =
    {request_group, 4, sizeof(T)};
#undef T

#define T struct offset_fetch_request
static const struct wire_field request[] = {
    {.name = "GroupId", .at = offsetof(T, group_id), .type = WIRE_STRING,
     .from = 1, .to = 7},
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_offset_fetch_request_topic,
     .flags = WIRE_ARRAY | WIRE_NULLABLE, .from = 1, .to = 7, .null_from = 2},
    {.name = "Groups", .at = offsetof(T, groups), .type = WIRE_STRUCT,
     .sub = &wire_offset_fetch_request_group, .flags = WIRE_ARRAY, .from = 8,
     .to = WIRE_LAST},
    {.name = "RequireStable", .at = offsetof(T, require_stable),
     .type = WIRE_BOOL, .from = 7, .to = WIRE_LAST},
};
const struct wire_message wire_offset_fetch_request = {
    .name = "OffsetFetch",
    .body = {request, 4, sizeof(T)},
    .api_key = 9,
    .is_request = true,
    .version_min = 1,
    .version_max = 10,
    .flexible_from = 6,
};
#undef T

#define T struct offset_fetch_response_partition
static const struct wire_field response_partition[] = {
    {.name = "PartitionIndex", .at = offsetof(T, partition_index),
     .type = WIRE_I32, .from = 1, .to = 7},
    {.name = "CommittedOffset", .at = offsetof(T, committed_offset),
     .type = WIRE_I64, .from = 1, .to = 7},
    {.name = "CommittedLeaderEpoch", .at = offsetof(T, committed_leader_epoch),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 5, .to = 7,
     .number = -1},
    {.name = "Metadata", .at = offsetof(T, metadata), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE, .from = 1, .to = 7, .null_from = 1},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .from = 1, .to = 7},
};
const struct wire_struct wire_offset_fetch_response_partition =
    {response_partition, 5, sizeof(T)};
#undef T

#define T struct offset_fetch_response_topic
static const struct wire_field response_topic[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING, .from = 1,
     .to = 7},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_offset_fetch_response_partition, .flags = WIRE_ARRAY,
     .from = 1, .to = 7},
};
const struct wire_struct wire_offset_fetch_response_topic =
    {response_topic, 2, sizeof(T)};
#undef T

#define T struct offset_fetch_response_group_topic_partition
static const struct wire_field response_group_topic_partition[] = {
    {.name = "PartitionIndex", .at = offsetof(T, partition_index),
     .type = WIRE_I32, .from = 8, .to = WIRE_LAST},
    {.name = "CommittedOffset", .at = offsetof(T, committed_offset),
     .type = WIRE_I64, .from = 8, .to = WIRE_LAST},
    {.name = "CommittedLeaderEpoch", .at = offsetof(T, committed_leader_epoch),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 8, .to = WIRE_LAST,
     .number = -1},
    {.name = "Metadata", .at = offsetof(T, metadata), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE, .from = 8, .to = WIRE_LAST, .null_from = 8},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .from = 8, .to = WIRE_LAST},
};
const struct wire_struct wire_offset_fetch_response_group_topic_partition =
    {response_group_topic_partition, 5, sizeof(T)};
#undef T

#define T struct offset_fetch_response_group_topic
static const struct wire_field response_group_topic[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .flags = WIRE_IGNORABLE, .from = 8, .to = 9},
    {.name = "TopicId", .at = offsetof(T, topic_id), .type = WIRE_UUID,
     .flags = WIRE_IGNORABLE, .from = 10, .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_offset_fetch_response_group_topic_partition,
     .flags = WIRE_ARRAY, .from = 8, .to = WIRE_LAST},
};
const struct wire_struct wire_offset_fetch_response_group_topic =
    {response_group_topic, 3, sizeof(T)};
#undef T

#define T struct offset_fetch_response_group
static const struct wire_field response_group[] = {
    {.name = "GroupId", .at = offsetof(T, group_id), .type = WIRE_STRING,
     .from = 8, .to = WIRE_LAST},
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_offset_fetch_response_group_topic, .flags = WIRE_ARRAY,
     .from = 8, .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .from = 8, .to = WIRE_LAST},
};
const struct wire_struct wire_offset_fetch_response_group =
    {response_group, 3, sizeof(T)};
#undef T

#define T struct offset_fetch_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 3, .to = WIRE_LAST},
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_offset_fetch_response_topic, .flags = WIRE_ARRAY, .from = 1,
     .to = 7},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .flags = WIRE_IGNORABLE, .from = 2, .to = 7},
    {.name = "Groups", .at = offsetof(T, groups), .type = WIRE_STRUCT,
     .sub = &wire_offset_fetch_response_group, .flags = WIRE_ARRAY, .from = 8,
     .to = WIRE_LAST},
};
const struct wire_message wire_offset_fetch_response = {
    .name = "OffsetFetch",
    .body = {response, 4, sizeof(T)},
    .api_key = 9,
    .is_request = false,
    .version_min = 1,
    .version_max = 10,
    .flexible_from = 6,
};
#undef T
