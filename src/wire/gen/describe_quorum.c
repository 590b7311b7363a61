/* describe_quorum.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/describe_quorum.h"

#include <stddef.h>

#define T struct describe_quorum_request_partition
static const struct wire_field request_partition[] = {
    {.name = "PartitionIndex", .at = offsetof(T, partition_index),
     .type = WIRE_I32, .to = WIRE_LAST},
};
const struct wire_struct wire_describe_quorum_request_partition =
    {request_partition, 1, sizeof(T)};
#undef T

#define T struct describe_quorum_request_topic
static const struct wire_field request_topic[] = {
    {.name = "TopicName", .at = offsetof(T, topic_name), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_describe_quorum_request_partition, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_struct wire_describe_quorum_request_topic =
    {request_topic, 2, sizeof(T)};
#undef T

#define T struct describe_quorum_request
static const struct wire_field request[] = {
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_describe_quorum_request_topic, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_message wire_describe_quorum_request = {
    .name = "DescribeQuorum",
    .body = {request, 1, sizeof(T)},
    .api_key = 55,
    .is_request = true,
    .version_min = 0,
    .version_max = 2,
    .flexible_from = 0,
};
#undef T

#define T struct describe_quorum_response_replica_state
static const struct wire_field response_replica_state[] = {
    {.name = "ReplicaId", .at = offsetof(T, replica_id), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "ReplicaDirectoryId", .at = offsetof(T, replica_directory_id),
     .type = WIRE_UUID, .from = 2, .to = WIRE_LAST},
    {.name = "LogEndOffset", .at = offsetof(T, log_end_offset),
     .type = WIRE_I64, .to = WIRE_LAST},
    {.name = "LastFetchTimestamp", .at = offsetof(T, last_fetch_timestamp),
     .type = WIRE_I64, .flags = WIRE_IGNORABLE, .from = 1, .to = WIRE_LAST,
     .number = -1},
    {.name = "LastCaughtUpTimestamp",
     .at = offsetof(T, last_caught_up_timestamp), .type = WIRE_I64,
     .flags = WIRE_IGNORABLE, .from = 1, .to = WIRE_LAST, .number = -1},
};
const struct wire_struct wire_describe_quorum_response_replica_state =
    {response_replica_state, 5, sizeof(T)};
#undef T

#define T struct describe_quorum_response_partition
static const struct wire_field response_partition[] = {
    {.name = "PartitionIndex", .at = offsetof(T, partition_index),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ErrorMessage", .at = offsetof(T, error_message),
     .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_IGNORABLE | WIRE_DEFAULT_NULL, .from = 2,
     .to = WIRE_LAST, .null_from = 2},
    {.name = "LeaderId", .at = offsetof(T, leader_id), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "LeaderEpoch", .at = offsetof(T, leader_epoch), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "HighWatermark", .at = offsetof(T, high_watermark),
     .type = WIRE_I64, .to = WIRE_LAST},
    {.name = "CurrentVoters", .at = offsetof(T, current_voters),
     .type = WIRE_STRUCT, .sub = &wire_describe_quorum_response_replica_state,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
    {.name = "Observers", .at = offsetof(T, observers), .type = WIRE_STRUCT,
     .sub = &wire_describe_quorum_response_replica_state, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_struct wire_describe_quorum_response_partition =
    {response_partition, 8, sizeof(T)};
#undef T

#define T struct describe_quorum_response_topic
static const struct wire_field response_topic[] = {
    {.name = "TopicName", .at = offsetof(T, topic_name), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_describe_quorum_response_partition, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_struct wire_describe_quorum_response_topic =
    {response_topic, 2, sizeof(T)};
#undef T

#define T struct describe_quorum_response_listener
static const struct wire_field response_listener[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING, .from = 2,
     .to = WIRE_LAST},
    {.name = "Host", .at = offsetof(T, host), .type = WIRE_STRING, .from = 2,
     .to = WIRE_LAST},
    {.name = "Port", .at = offsetof(T, port), .type = WIRE_U16, .from = 2,
     .to = WIRE_LAST},
};
const struct wire_struct wire_describe_quorum_response_listener =
    {response_listener, 3, sizeof(T)};
#undef T

#define T struct describe_quorum_response_node
static const struct wire_field response_node[] = {
    {.name = "NodeId", .at = offsetof(T, node_id), .type = WIRE_I32, .from = 2,
     .to = WIRE_LAST},
    {.name = "Listeners", .at = offsetof(T, listeners), .type = WIRE_STRUCT,
     .sub = &wire_describe_quorum_response_listener, .flags = WIRE_ARRAY,
     .from = 2, .to = WIRE_LAST},
};
const struct wire_struct wire_describe_quorum_response_node =
    {response_node, 2, sizeof(T)};
#undef T

#define T struct describe_quorum_response
static const struct wire_field response[] = {
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ErrorMessage", .at = offsetof(T, error_message),
     .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_IGNORABLE | WIRE_DEFAULT_NULL, .from = 2,
     .to = WIRE_LAST, .null_from = 2},
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_describe_quorum_response_topic, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
    {.name = "Nodes", .at = offsetof(T, nodes), .type = WIRE_STRUCT,
     .sub = &wire_describe_quorum_response_node, .flags = WIRE_ARRAY, .from = 2,
     .to = WIRE_LAST},
};
const struct wire_message wire_describe_quorum_response = {
    .name = "DescribeQuorum",
    .body = {response, 4, sizeof(T)},
    .api_key = 55,
    .is_request = false,
    .version_min = 0,
    .version_max = 2,
    .flexible_from = 0,
};
#undef T
