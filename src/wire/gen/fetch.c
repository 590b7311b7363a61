/* fetch.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/fetch.h"

#include <stddef.h>

#define T struct fetch_request_replica_state
static const struct wire_field request_replica_state[] = {
    {.name = "ReplicaId", .at = offsetof(T, replica_id), .type = WIRE_I32,
     .from = 15, .to = WIRE_LAST, .number = -1},
    {.name = "ReplicaEpoch", .at = offsetof(T, replica_epoch), .type = WIRE_I64,
     .from = 15, .to = WIRE_LAST, .number = -1},
};
const struct wire_struct wire_fetch_request_replica_state =
    {request_replica_state, 2, sizeof(T)};
#undef T

#define T struct fetch_request_partition
static const struct wire_field request_partition[] = {
    {.name = "Partition", .at = offsetof(T, partition), .type = WIRE_I32,
     .from = 4, .to = WIRE_LAST},
    {.name = "CurrentLeaderEpoch", .at = offsetof(T, current_leader_epoch),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 9, .to = WIRE_LAST,
     .number = -1},
    {.name = "FetchOffset", .at = offsetof(T, fetch_offset), .type = WIRE_I64,
     .from = 4, .to = WIRE_LAST},
    {.name = "LastFetchedEpoch", .at = offsetof(T, last_fetched_epoch),
     .type = WIRE_I32, .from = 12, .to = WIRE_LAST, .number = -1},
    {.name = "LogStartOffset", .at = offsetof(T, log_start_offset),
     .type = WIRE_I64, .flags = WIRE_IGNORABLE, .from = 5, .to = WIRE_LAST,
     .number = -1},
    {.name = "PartitionMaxBytes", .at = offsetof(T, partition_max_bytes),
     .type = WIRE_I32, .from = 4, .to = WIRE_LAST},
    {.name = "ReplicaDirectoryId", .at = offsetof(T, replica_directory_id),
     .type = WIRE_UUID, .flags = WIRE_TAGGED | WIRE_IGNORABLE, .from = 17,
     .to = WIRE_LAST, .tag_from = 17, .tag = 0},
    {.name = "HighWatermark", .at = offsetof(T, high_watermark),
     .type = WIRE_I64, .flags = WIRE_TAGGED | WIRE_IGNORABLE, .from = 18,
     .to = WIRE_LAST, .tag_from = 18, .tag = 1, .number = 9223372036854775807},
};
const struct wire_struct wire_fetch_request_partition =
    {request_partition, 8, sizeof(T)};
#undef T

#define T struct fetch_request_topic
static const struct wire_field request_topic[] = {
    {.name = "Topic", .at = offsetof(T, topic), .type = WIRE_STRING,
     .flags = WIRE_IGNORABLE, .from = 4, .to = 12},
    {.name = "TopicId", .at = offsetof(T, topic_id), .type = WIRE_UUID,
     .flags = WIRE_IGNORABLE, .from = 13, .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_fetch_request_partition, .flags = WIRE_ARRAY, .from = 4,
     .to = WIRE_LAST},
};
const struct wire_struct wire_fetch_request_topic =
    {request_topic, 3, sizeof(T)};
#undef T

#define T struct fetch_request_forgotten_topic
static const struct wire_field request_forgotten_topic[] = {
    {.name = "Topic", .at = offsetof(T, topic), .type = WIRE_STRING,
     .flags = WIRE_IGNORABLE, .from = 7, .to = 12},
    {.name = "TopicId", .at = offsetof(T, topic_id), .type = WIRE_UUID,
     .flags = WIRE_IGNORABLE, .from = 13, .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_I32,
     .flags = WIRE_ARRAY, .from = 7, .to = WIRE_LAST},
};
const struct wire_struct wire_fetch_request_forgotten_topic =
    {request_forgotten_topic, 3, sizeof(T)};
#undef T

#define T struct fetch_request
static const struct wire_field request[] = {
    {.name = "ClusterId", .at = offsetof(T, cluster_id), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_TAGGED | WIRE_IGNORABLE | WIRE_DEFAULT_NULL,
     .from = 12, .to = WIRE_LAST, .null_from = 12, .tag_from = 12, .tag = 0},
    {.name = "ReplicaId", .at = offsetof(T, replica_id), .type = WIRE_I32,
     .from = 4, .to = 14, .number = -1},
    {.name = "ReplicaState", .at = offsetof(T, replica_state),
     .type = WIRE_STRUCT, .sub = &wire_fetch_request_replica_state,
     .flags = WIRE_TAGGED, .from = 15, .to = WIRE_LAST, .tag_from = 15,
     .tag = 1},
    {.name = "MaxWaitMs", .at = offsetof(T, max_wait_ms), .type = WIRE_I32,
     .from = 4, .to = WIRE_LAST},
    {.name = "MinBytes", .at = offsetof(T, min_bytes), .type = WIRE_I32,
     .from = 4, .to = WIRE_LAST},
    {.name = "MaxBytes", .at = offsetof(T, max_bytes), .type = WIRE_I32,
     .flags = WIRE_IGNORABLE, .from = 4, .to = WIRE_LAST, .number = 2147483647},
    {.name = "IsolationLevel", .at = offsetof(T, isolation_level),
     .type = WIRE_I8, .flags = WIRE_IGNORABLE, .from = 4, .to = WIRE_LAST},
    {.name = "SessionId", .at = offsetof(T, session_id), .type = WIRE_I32,
     .flags = WIRE_IGNORABLE, .from = 7, .to = WIRE_LAST},
    {.name = "SessionEpoch", .at = offsetof(T, session_epoch), .type = WIRE_I32,
     .flags = WIRE_IGNORABLE, .from = 7, .to = WIRE_LAST, .number = -1},
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_fetch_request_topic, .flags = WIRE_ARRAY, .from = 4,
     .to = WIRE_LAST},
    {.name = "ForgottenTopicsData", .at = offsetof(T, forgotten_topics_data),
     .type = WIRE_STRUCT, .sub = &wire_fetch_request_forgotten_topic,
     .flags = WIRE_ARRAY, .from = 7, .to = WIRE_LAST},
    {.name = "RackId", .at = offsetof(T, rack_id), .type = WIRE_STRING,
     .flags = WIRE_IGNORABLE, .from = 11, .to = WIRE_LAST},
};
const struct wire_message wire_fetch_request = {
    .name = "Fetch",
    .body = {request, 12, sizeof(T)},
    .api_key = 1,
    .is_request = true,
    .version_min = 4,
    .version_max = 18,
    .flexible_from = 12,
};
#undef T

#define T struct fetch_response_diverging_epoch
static const struct wire_field response_diverging_epoch[] = {
    {.name = "Epoch", .at = offsetof(T, epoch), .type = WIRE_I32, .from = 12,
     .to = WIRE_LAST, .number = -1},
    {.name = "EndOffset", .at = offsetof(T, end_offset), .type = WIRE_I64,
     .from = 12, .to = WIRE_LAST, .number = -1},
};
const struct wire_struct wire_fetch_response_diverging_epoch =
    {response_diverging_epoch, 2, sizeof(T)};
#undef T

#define T struct fetch_response_current_leader
static const struct wire_field response_current_leader[] = {
    {.name = "LeaderId", .at = offsetof(T, leader_id), .type = WIRE_I32,
     .from = 12, .to = WIRE_LAST, .number = -1},
    {.name = "LeaderEpoch", .at = offsetof(T, leader_epoch), .type = WIRE_I32,
     .from = 12, .to = WIRE_LAST, .number = -1},
};
const struct wire_struct wire_fetch_response_current_leader =
    {response_current_leader, 2, sizeof(T)};
#undef T

#define T struct fetch_response_snapshot_id
static const struct wire_field response_snapshot_id[] = {
    {.name = "EndOffset", .at = offsetof(T, end_offset), .type = WIRE_I64,
     .from = 12, .to = WIRE_LAST, .number = -1},
    {.name = "Epoch", .at = offsetof(T, epoch), .type = WIRE_I32, .from = 12,
     .to = WIRE_LAST, .number = -1},
};
const struct wire_struct wire_fetch_response_snapshot_id =
    {response_snapshot_id, 2, sizeof(T)};
#undef T

#define T struct fetch_response_aborted_transaction
static const struct wire_field response_aborted_transaction[] = {
    {.name = "ProducerId", .at = offsetof(T, producer_id), .type = WIRE_I64,
     .from = 4, .to = WIRE_LAST},
    {.name = "FirstOffset", .at = offsetof(T, first_offset), .type = WIRE_I64,
     .from = 4, .to = WIRE_LAST},
};
const struct wire_struct wire_fetch_response_aborted_transaction =
    {response_aborted_transaction, 2, sizeof(T)};
#undef T

#define T struct fetch_response_partition
static const struct wire_field response_partition[] = {
    {.name = "PartitionIndex", .at = offsetof(T, partition_index),
     .type = WIRE_I32, .from = 4, .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .from = 4, .to = WIRE_LAST},
    {.name = "HighWatermark", .at = offsetof(T, high_watermark),
     .type = WIRE_I64, .from = 4, .to = WIRE_LAST},
    {.name = "LastStableOffset", .at = offsetof(T, last_stable_offset),
     .type = WIRE_I64, .flags = WIRE_IGNORABLE, .from = 4, .to = WIRE_LAST,
     .number = -1},
    {.name = "LogStartOffset", .at = offsetof(T, log_start_offset),
     .type = WIRE_I64, .flags = WIRE_IGNORABLE, .from = 5, .to = WIRE_LAST,
     .number = -1},
    {.name = "DivergingEpoch", .at = offsetof(T, diverging_epoch),
     .type = WIRE_STRUCT, .sub = &wire_fetch_response_diverging_epoch,
     .flags = WIRE_TAGGED, .from = 12, .to = WIRE_LAST, .tag_from = 12,
     .tag = 0},
    {.name = "CurrentLeader", .at = offsetof(T, current_leader),
     .type = WIRE_STRUCT, .sub = &wire_fetch_response_current_leader,
     .flags = WIRE_TAGGED, .from = 12, .to = WIRE_LAST, .tag_from = 12,
     .tag = 1},
    {.name = "SnapshotId", .at = offsetof(T, snapshot_id), .type = WIRE_STRUCT,
     .sub = &wire_fetch_response_snapshot_id, .flags = WIRE_TAGGED, .from = 12,
     .to = WIRE_LAST, .tag_from = 12, .tag = 2},
    {.name = "AbortedTransactions", .at = offsetof(T, aborted_transactions),
     .type = WIRE_STRUCT, .sub = &wire_fetch_response_aborted_transaction,
     .flags = WIRE_ARRAY | WIRE_NULLABLE | WIRE_IGNORABLE, .from = 4,
     .to = WIRE_LAST, .null_from = 4},
    {.name = "PreferredReadReplica", .at = offsetof(T, preferred_read_replica),
     .type = WIRE_I32, .from = 11, .to = WIRE_LAST, .number = -1},
    {.name = "Records", .at = offsetof(T, records), .type = WIRE_ROPE,
     .flags = WIRE_NULLABLE, .from = 4, .to = WIRE_LAST, .null_from = 4},
};
const struct wire_struct wire_fetch_response_partition =
    {response_partition, 11, sizeof(T)};
#undef T

#define T struct fetch_response_response
static const struct wire_field response_response[] = {
    {.name = "Topic", .at = offsetof(T, topic), .type = WIRE_STRING,
     .flags = WIRE_IGNORABLE, .from = 4, .to = 12},
    {.name = "TopicId", .at = offsetof(T, topic_id), .type = WIRE_UUID,
     .flags = WIRE_IGNORABLE, .from = 13, .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_fetch_response_partition, .flags = WIRE_ARRAY, .from = 4,
     .to = WIRE_LAST},
};
const struct wire_struct wire_fetch_response_response =
    {response_response, 3, sizeof(T)};
#undef T

#define T struct fetch_response_node_endpoint
static const struct wire_field response_node_endpoint[] = {
    {.name = "NodeId", .at = offsetof(T, node_id), .type = WIRE_I32, .from = 16,
     .to = WIRE_LAST},
    {.name = "Host", .at = offsetof(T, host), .type = WIRE_STRING, .from = 16,
     .to = WIRE_LAST},
    {.name = "Port", .at = offsetof(T, port), .type = WIRE_I32, .from = 16,
     .to = WIRE_LAST},
    {.name = "Rack", .at = offsetof(T, rack), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL, .from = 16, .to = WIRE_LAST,
     .null_from = 16},
};
const struct wire_struct wire_fetch_response_node_endpoint =
    {response_node_endpoint, 4, sizeof(T)};
#undef T

#define T struct fetch_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 4, .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .flags = WIRE_IGNORABLE, .from = 7, .to = WIRE_LAST},
    {.name = "SessionId", .at = offsetof(T, session_id), .type = WIRE_I32,
     .from = 7, .to = WIRE_LAST},
    {.name = "Responses", .at = offsetof(T, responses), .type = WIRE_STRUCT,
     .sub = &wire_fetch_response_response, .flags = WIRE_ARRAY, .from = 4,
     .to = WIRE_LAST},
    {.name = "NodeEndpoints", .at = offsetof(T, node_endpoints),
     .type = WIRE_STRUCT, .sub = &wire_fetch_response_node_endpoint,
     .flags = WIRE_ARRAY | WIRE_TAGGED, .from = 16, .to = WIRE_LAST,
     .tag_from = 16, .tag = 0},
};
const struct wire_message wire_fetch_response = {
    .name = "Fetch",
    .body = {response, 5, sizeof(T)},
    .api_key = 1,
    .is_request = false,
    .version_min = 4,
    .version_max = 18,
    .flexible_from = 12,
};
#undef T
