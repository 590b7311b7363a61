/* produce.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/produce.h"

#include <stddef.h>

#define T struct produce_request_partition_data
static const struct wire_field request_partition_data[] = {
    {.name = "Index", .at = offsetof(T, index), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "Records", .at = offsetof(T, records), .type = WIRE_RECORDS,
     .flags = WIRE_NULLABLE, .to = WIRE_LAST},
};
const struct wire_struct wire_produce_request_partition_data =
    {request_partition_data, 2, sizeof(T)};
#undef T

#define T struct produce_request_topic_data
static const struct wire_field request_topic_data[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .flags = WIRE_IGNORABLE, .to = 12},
    {.name = "TopicId", .at = offsetof(T, topic_id), .type = WIRE_UUID,
     .flags = WIRE_IGNORABLE, .from = 13, .to = WIRE_LAST},
    {.name = "PartitionData", .at = offsetof(T, partition_data),
     .type = WIRE_STRUCT, .sub = &wire_produce_request_partition_data,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
};
const struct wire_struct wire_produce_request_topic_data =
    {request_topic_data, 3, sizeof(T)};
#undef T

#define T struct produce_request
static const struct wire_field request[] = {
    {.name = "TransactionalId", .at = offsetof(T, transactional_id),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL, .from = 3,
     .to = WIRE_LAST, .null_from = 3},
    {.name = "Acks", .at = offsetof(T, acks), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "TimeoutMs", .at = offsetof(T, timeout_ms), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "TopicData", .at = offsetof(T, topic_data), .type = WIRE_STRUCT,
     .sub = &wire_produce_request_topic_data, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_message wire_produce_request = {
    .name = "Produce",
    .body = {request, 4, sizeof(T)},
    .api_key = 0,
    .is_request = true,
    .version_min = 0,
    .version_max = 13,
    .flexible_from = 9,
};
#undef T

#define T struct produce_response_record_error
static const struct wire_field response_record_error[] = {
    {.name = "BatchIndex", .at = offsetof(T, batch_index), .type = WIRE_I32,
     .from = 8, .to = WIRE_LAST},
    {.name = "BatchIndexErrorMessage",
     .at = offsetof(T, batch_index_error_message), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL, .from = 8, .to = WIRE_LAST,
     .null_from = 8},
};
const struct wire_struct wire_produce_response_record_error =
    {response_record_error, 2, sizeof(T)};
#undef T

#define T struct produce_response_current_leader
static const struct wire_field response_current_leader[] = {
    {.name = "LeaderId", .at = offsetof(T, leader_id), .type = WIRE_I32,
     .from = 10, .to = WIRE_LAST, .number = -1},
    {.name = "LeaderEpoch", .at = offsetof(T, leader_epoch), .type = WIRE_I32,
     .from = 10, .to = WIRE_LAST, .number = -1},
};
const struct wire_struct wire_produce_response_current_leader =
    {response_current_leader, 2, sizeof(T)};
#undef T

#define T struct produce_response_partition_response
static const struct wire_field response_partition_response[] = {
    {.name = "Index", .at = offsetof(T, index), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "BaseOffset", .at = offsetof(T, base_offset), .type = WIRE_I64,
     .to = WIRE_LAST},
    {.name = "LogAppendTimeMs", .at = offsetof(T, log_append_time_ms),
     .type = WIRE_I64, .flags = WIRE_IGNORABLE, .from = 2, .to = WIRE_LAST,
     .number = -1},
    {.name = "LogStartOffset", .at = offsetof(T, log_start_offset),
     .type = WIRE_I64, .flags = WIRE_IGNORABLE, .from = 5, .to = WIRE_LAST,
     .number = -1},
    {.name = "RecordErrors", .at = offsetof(T, record_errors),
     .type = WIRE_STRUCT, .sub = &wire_produce_response_record_error,
     .flags = WIRE_ARRAY | WIRE_IGNORABLE, .from = 8, .to = WIRE_LAST},
    {.name = "ErrorMessage", .at = offsetof(T, error_message),
     .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_IGNORABLE | WIRE_DEFAULT_NULL, .from = 8,
     .to = WIRE_LAST, .null_from = 8},
    {.name = "CurrentLeader", .at = offsetof(T, current_leader),
     .type = WIRE_STRUCT, .sub = &wire_produce_response_current_leader,
     .flags = WIRE_TAGGED, .from = 10, .to = WIRE_LAST, .tag_from = 10,
     .tag = 0},
};
const struct wire_struct wire_produce_response_partition_response =
    {response_partition_response, 8, sizeof(T)};
#undef T

#define T struct produce_response_response
static const struct wire_field response_response[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .flags = WIRE_IGNORABLE, .to = 12},
    {.name = "TopicId", .at = offsetof(T, topic_id), .type = WIRE_UUID,
     .flags = WIRE_IGNORABLE, .from = 13, .to = WIRE_LAST},
    {.name = "PartitionResponses", .at = offsetof(T, partition_responses),
     .type = WIRE_STRUCT, .sub = &wire_produce_response_partition_response,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
};
const struct wire_struct wire_produce_response_response =
    {response_response, 3, sizeof(T)};
#undef T

#define T struct produce_response_node_endpoint
static const struct wire_field response_node_endpoint[] = {
    {.name = "NodeId", .at = offsetof(T, node_id), .type = WIRE_I32, .from = 10,
     .to = WIRE_LAST},
    {.name = "Host", .at = offsetof(T, host), .type = WIRE_STRING, .from = 10,
     .to = WIRE_LAST},
    {.name = "Port", .at = offsetof(T, port), .type = WIRE_I32, .from = 10,
     .to = WIRE_LAST},
    {.name = "Rack", .at = offsetof(T, rack), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL, .from = 10, .to = WIRE_LAST,
     .null_from = 10},
};
const struct wire_struct wire_produce_response_node_endpoint =
    {response_node_endpoint, 4, sizeof(T)};
#undef T

#define T struct produce_response
static const struct wire_field response[] = {
    {.name = "Responses", .at = offsetof(T, responses), .type = WIRE_STRUCT,
     .sub = &wire_produce_response_response, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 1, .to = WIRE_LAST},
    {.name = "NodeEndpoints", .at = offsetof(T, node_endpoints),
     .type = WIRE_STRUCT, .sub = &wire_produce_response_node_endpoint,
     .flags = WIRE_ARRAY | WIRE_TAGGED, .from = 10, .to = WIRE_LAST,
     .tag_from = 10, .tag = 0},
};
const struct wire_message wire_produce_response = {
    .name = "Produce",
    .body = {response, 3, sizeof(T)},
    .api_key = 0,
    .is_request = false,
    .version_min = 0,
    .version_max = 13,
    .flexible_from = 9,
};
#undef T
