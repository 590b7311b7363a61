/* describe_topic_partitions.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/describe_topic_partitions.h"

#include <stddef.h>

#define T struct describe_topic_partitions_request_topic
static const struct wire_field request_topic[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .to = WIRE_LAST},
};
const struct wire_struct wire_describe_topic_partitions_request_topic =
    {request_topic, 1, sizeof(T)};
#undef T

#define T struct describe_topic_partitions_request_cursor
static const struct wire_field request_cursor[] = {
    {.name = "TopicName", .at = offsetof(T, topic_name), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "PartitionIndex", .at = offsetof(T, partition_index),
     .type = WIRE_I32, .to = WIRE_LAST},
};
const struct wire_struct wire_describe_topic_partitions_request_cursor =
    {request_cursor, 2, sizeof(T)};
#undef T

#define T struct describe_topic_partitions_request
static const struct wire_field request[] = {
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_describe_topic_partitions_request_topic, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
    {.name = "ResponsePartitionLimit",
     .at = offsetof(T, response_partition_limit), .type = WIRE_I32,
     .to = WIRE_LAST, .number = 2000},
    {.name = "Cursor", .at = offsetof(T, cursor), .type = WIRE_STRUCT,
     .sub = &wire_describe_topic_partitions_request_cursor,
     .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL, .to = WIRE_LAST},
};
const struct wire_message wire_describe_topic_partitions_request = {
    .name = "DescribeTopicPartitions",
    .body = {request, 3, sizeof(T)},
    .api_key = 75,
    .is_request = true,
    .version_min = 0,
    .version_max = 0,
    .flexible_from = 0,
};
#undef T

#define T struct describe_topic_partitions_response_partition
static const struct wire_field response_partition[] = {
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "PartitionIndex", .at = offsetof(T, partition_index),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "LeaderId", .at = offsetof(T, leader_id), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "LeaderEpoch", .at = offsetof(T, leader_epoch), .type = WIRE_I32,
     .flags = WIRE_IGNORABLE, .to = WIRE_LAST, .number = -1},
    {.name = "ReplicaNodes", .at = offsetof(T, replica_nodes), .type = WIRE_I32,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
    {.name = "IsrNodes", .at = offsetof(T, isr_nodes), .type = WIRE_I32,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
    {.name = "EligibleLeaderReplicas",
     .at = offsetof(T, eligible_leader_replicas), .type = WIRE_I32,
     .flags = WIRE_ARRAY | WIRE_NULLABLE | WIRE_DEFAULT_NULL, .to = WIRE_LAST},
    {.name = "LastKnownElr", .at = offsetof(T, last_known_elr),
     .type = WIRE_I32, .flags = WIRE_ARRAY | WIRE_NULLABLE | WIRE_DEFAULT_NULL,
     .to = WIRE_LAST},
    {.name = "OfflineReplicas", .at = offsetof(T, offline_replicas),
     .type = WIRE_I32, .flags = WIRE_ARRAY | WIRE_IGNORABLE, .to = WIRE_LAST},
};
const struct wire_struct wire_describe_topic_partitions_response_partition =
    {response_partition, 9, sizeof(T)};
#undef T

#define T struct describe_topic_partitions_response_topic
static const struct wire_field response_topic[] = {
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE, .to = WIRE_LAST},
    {.name = "TopicId", .at = offsetof(T, topic_id), .type = WIRE_UUID,
     .flags = WIRE_IGNORABLE, .to = WIRE_LAST},
    {.name = "IsInternal", .at = offsetof(T, is_internal), .type = WIRE_BOOL,
     .flags = WIRE_IGNORABLE, .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_describe_topic_partitions_response_partition,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
    {.name = "TopicAuthorizedOperations",
     .at = offsetof(T, topic_authorized_operations), .type = WIRE_I32,
     .to = WIRE_LAST, .number = -2147483648},
};
const struct wire_struct wire_describe_topic_partitions_response_topic =
    {response_topic, 6, sizeof(T)};
#undef T

#define T struct describe_topic_partitions_response_next_cursor
static const struct wire_field response_next_cursor[] = {
    {.name = "TopicName", .at = offsetof(T, topic_name), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "PartitionIndex", .at = offsetof(T, partition_index),
     .type = WIRE_I32, .to = WIRE_LAST},
};
const struct wire_struct wire_describe_topic_partitions_response_next_cursor =
    {response_next_cursor, 2, sizeof(T)};
#undef T

#define T struct describe_topic_partitions_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .to = WIRE_LAST},
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_describe_topic_partitions_response_topic, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
    {.name = "NextCursor", .at = offsetof(T, next_cursor), .type = WIRE_STRUCT,
     .sub = &wire_describe_topic_partitions_response_next_cursor,
     .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL, .to = WIRE_LAST},
};
const struct wire_message wire_describe_topic_partitions_response = {
    .name = "DescribeTopicPartitions",
    .body = {response, 3, sizeof(T)},
    .api_key = 75,
    .is_request = false,
    .version_min = 0,
    .version_max = 0,
    .flexible_from = 0,
};
#undef T
