/* metadata.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/metadata.h"

#include <stddef.h>

#define T struct metadata_request_topic
static const struct wire_field request_topic[] = {
    {.name = "TopicId", .at = offsetof(T, topic_id), .type = WIRE_UUID,
     .flags = WIRE_IGNORABLE, .from = 10, .to = WIRE_LAST},
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE, .to = WIRE_LAST, .null_from = 10},
};
const struct wire_struct wire_metadata_request_topic =
    {request_topic, 2, sizeof(T)};
#undef T

#define T struct metadata_request
static const struct wire_field request[] = {
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_metadata_request_topic, .flags = WIRE_ARRAY | WIRE_NULLABLE,
     .to = WIRE_LAST, .null_from = 1},
    {.name = "AllowAutoTopicCreation",
     .at = offsetof(T, allow_auto_topic_creation), .type = WIRE_BOOL, .from = 4,
     .to = WIRE_LAST, .number = 1},
    {.name = "IncludeClusterAuthorizedOperations",
     .at = offsetof(T, include_cluster_authorized_operations),
     .type = WIRE_BOOL, .from = 8, .to = 10},
    {.name = "IncludeTopicAuthorizedOperations",
     .at = offsetof(T, include_topic_authorized_operations), .type = WIRE_BOOL,
     .from = 8, .to = WIRE_LAST},
};
const struct wire_message wire_metadata_request = {
    .name = "Metadata",
    .body = {request, 4, sizeof(T)},
    .api_key = 3,
    .is_request = true,
    .version_min = 0,
    .version_max = 13,
    .flexible_from = 9,
};
#undef T

#define T struct metadata_response_broker
static const struct wire_field response_broker[] = {
    {.name = "NodeId", .at = offsetof(T, node_id), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "Host", .at = offsetof(T, host), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Port", .at = offsetof(T, port), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "Rack", .at = offsetof(T, rack), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_IGNORABLE | WIRE_DEFAULT_NULL, .from = 1,
     .to = WIRE_LAST, .null_from = 1},
};
const struct wire_struct wire_metadata_response_broker =
    {response_broker, 4, sizeof(T)};
#undef T

#define T struct metadata_response_partition
static const struct wire_field response_partition[] = {
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "PartitionIndex", .at = offsetof(T, partition_index),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "LeaderId", .at = offsetof(T, leader_id), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "LeaderEpoch", .at = offsetof(T, leader_epoch), .type = WIRE_I32,
     .flags = WIRE_IGNORABLE, .from = 7, .to = WIRE_LAST, .number = -1},
    {.name = "ReplicaNodes", .at = offsetof(T, replica_nodes), .type = WIRE_I32,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
    {.name = "IsrNodes", .at = offsetof(T, isr_nodes), .type = WIRE_I32,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
    {.name = "OfflineReplicas", .at = offsetof(T, offline_replicas),
     .type = WIRE_I32, .flags = WIRE_ARRAY | WIRE_IGNORABLE, .from = 5,
     .to = WIRE_LAST},
};
const struct wire_struct wire_metadata_response_partition =
    {response_partition, 7, sizeof(T)};
#undef T

#define T struct metadata_response_topic
static const struct wire_field response_topic[] = {
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE, .to = WIRE_LAST, .null_from = 12},
    {.name = "TopicId", .at = offsetof(T, topic_id), .type = WIRE_UUID,
     .flags = WIRE_IGNORABLE, .from = 10, .to = WIRE_LAST},
    {.name = "IsInternal", .at = offsetof(T, is_internal), .type = WIRE_BOOL,
     .flags = WIRE_IGNORABLE, .from = 1, .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_metadata_response_partition, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
    {.name = "TopicAuthorizedOperations",
     .at = offsetof(T, topic_authorized_operations), .type = WIRE_I32,
     .from = 8, .to = WIRE_LAST, .number = -2147483648},
};
const struct wire_struct wire_metadata_response_topic =
    {response_topic, 6, sizeof(T)};
#undef T

#define T struct metadata_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 3, .to = WIRE_LAST},
    {.name = "Brokers", .at = offsetof(T, brokers), .type = WIRE_STRUCT,
     .sub = &wire_metadata_response_broker, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
    {.name = "ClusterId", .at = offsetof(T, cluster_id), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_IGNORABLE | WIRE_DEFAULT_NULL, .from = 2,
     .to = WIRE_LAST, .null_from = 2},
    {.name = "ControllerId", .at = offsetof(T, controller_id), .type = WIRE_I32,
     .flags = WIRE_IGNORABLE, .from = 1, .to = WIRE_LAST, .number = -1},
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_metadata_response_topic, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
    {.name = "ClusterAuthorizedOperations",
     .at = offsetof(T, cluster_authorized_operations), .type = WIRE_I32,
     .from = 8, .to = 10, .number = -2147483648},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .flags = WIRE_IGNORABLE, .from = 13, .to = WIRE_LAST},
};
const struct wire_message wire_metadata_response = {
    .name = "Metadata",
    .body = {response, 7, sizeof(T)},
    .api_key = 3,
    .is_request = false,
    .version_min = 0,
    .version_max = 13,
    .flexible_from = 9,
};
#undef T
