/* elect_leaders.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/elect_leaders.h"

#include <stddef.h>

#define T struct elect_leaders_request_topic_partition
static const struct wire_field request_topic_partition[] = {
    {.name = "Topic", .at = offsetof(T, topic), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_I32,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
};
const struct wire_struct wire_elect_leaders_request_topic_partition =
    {request_topic_partition, 2, sizeof(T)};
#undef T

#define T struct elect_leaders_request
static const struct wire_field request[] = {
    {.name = "ElectionType", .at = offsetof(T, election_type), .type = WIRE_I8,
     .from = 1, .to = WIRE_LAST},
    {.name = "TopicPartitions", .at = offsetof(T, topic_partitions),
     .type = WIRE_STRUCT, .sub = &wire_elect_leaders_request_topic_partition,
     .flags = WIRE_ARRAY | WIRE_NULLABLE, .to = WIRE_LAST},
    {.name = "TimeoutMs", .at = offsetof(T, timeout_ms), .type = WIRE_I32,
     .to = WIRE_LAST, .number = 60000},
};
const struct wire_message wire_elect_leaders_request = {
    .name = "ElectLeaders",
    .body = {request, 3, sizeof(T)},
    .api_key = 43,
    .is_request = true,
    .version_min = 0,
    .version_max = 2,
    .flexible_from = 2,
};
#undef T

#define T struct elect_leaders_response_partition_result
static const struct wire_field response_partition_result[] = {
    {.name = "PartitionId", .at = offsetof(T, partition_id), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ErrorMessage", .at = offsetof(T, error_message),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL,
     .to = WIRE_LAST},
};
const struct wire_struct wire_elect_leaders_response_partition_result =
    {response_partition_result, 3, sizeof(T)};
#undef T

#define T struct elect_leaders_response_replica_election_result
static const struct wire_field response_replica_election_result[] = {
    {.name = "Topic", .at = offsetof(T, topic), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "PartitionResult", .at = offsetof(T, partition_result),
     .type = WIRE_STRUCT, .sub = &wire_elect_leaders_response_partition_result,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
};
const struct wire_struct wire_elect_leaders_response_replica_election_result =
    {response_replica_election_result, 2, sizeof(T)};
#undef T

#define T struct elect_leaders_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .from = 1, .to = WIRE_LAST},
    {.name = "ReplicaElectionResults",
     .at = offsetof(T, replica_election_results), .type = WIRE_STRUCT,
     .sub = &wire_elect_leaders_response_replica_election_result,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
};
const struct wire_message wire_elect_leaders_response = {
    .name = "ElectLeaders",
    .body = {response, 3, sizeof(T)},
    .api_key = 43,
    .is_request = false,
    .version_min = 0,
    .version_max = 2,
    .flexible_from = 2,
};
#undef T
