/* create_topics.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/create_topics.h"

#include <stddef.h>

#define T struct create_topics_request_assignment
static const struct wire_field request_assignment[] = {
    {.name = "PartitionIndex", .at = offsetof(T, partition_index),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "BrokerIds", .at = offsetof(T, broker_ids), .type = WIRE_I32,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
};
const struct wire_struct wire_create_topics_request_assignment =
    {request_assignment, 2, sizeof(T)};
#undef T

#define T struct create_topics_request_config
static const struct wire_field request_config[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Value", .at = offsetof(T, value), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE, .to = WIRE_LAST},
};
const struct wire_struct wire_create_topics_request_config =
    {request_config, 2, sizeof(T)};
#undef T

#define T struct create_topics_request_topic
static const struct wire_field request_topic[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "NumPartitions", .at = offsetof(T, num_partitions),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "ReplicationFactor", .at = offsetof(T, replication_factor),
     .type = WIRE_I16, .to = WIRE_LAST},
    {.name = "Assignments", .at = offsetof(T, assignments), .type = WIRE_STRUCT,
     .sub = &wire_create_topics_request_assignment, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
    {.name = "Configs", .at = offsetof(T, configs), .type = WIRE_STRUCT,
     .sub = &wire_create_topics_request_config, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_struct wire_create_topics_request_topic =
    {request_topic, 5, sizeof(T)};
#undef T

#define T struct create_topics_request
static const struct wire_field request[] = {
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_create_topics_request_topic, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
    {.name = "TimeoutMs", .at = offsetof(T, timeout_ms), .type = WIRE_I32,
     .to = WIRE_LAST, .number = 60000},
    {.name = "ValidateOnly", .at = offsetof(T, validate_only),
     .type = WIRE_BOOL, .from = 1, .to = WIRE_LAST},
};
const struct wire_message wire_create_topics_request = {
    .name = "CreateTopics",
    .body = {request, 3, sizeof(T)},
    .api_key = 19,
    .is_request = true,
    .version_min = 0,
    .version_max = 7,
    .flexible_from = 5,
};
#undef T

#define T struct create_topics_response_config
static const struct wire_field response_config[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING, .from = 5,
     .to = WIRE_LAST},
    {.name = "Value", .at = offsetof(T, value), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE, .from = 5, .to = WIRE_LAST, .null_from = 5},
    {.name = "ReadOnly", .at = offsetof(T, read_only), .type = WIRE_BOOL,
     .from = 5, .to = WIRE_LAST},
    {.name = "ConfigSource", .at = offsetof(T, config_source), .type = WIRE_I8,
     .flags = WIRE_IGNORABLE, .from = 5, .to = WIRE_LAST, .number = -1},
    {.name = "IsSensitive", .at = offsetof(T, is_sensitive), .type = WIRE_BOOL,
     .from = 5, .to = WIRE_LAST},
};
const struct wire_struct wire_create_topics_response_config =
    {response_config, 5, sizeof(T)};
#undef T

#define T struct create_topics_response_topic
static const struct wire_field response_topic[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "TopicId", .at = offsetof(T, topic_id), .type = WIRE_UUID,
     .flags = WIRE_IGNORABLE, .from = 7, .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ErrorMessage", .at = offsetof(T, error_message),
     .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_IGNORABLE | WIRE_DEFAULT_NULL, .from = 1,
     .to = WIRE_LAST},
    {.name = "TopicConfigErrorCode", .at = offsetof(T, topic_config_error_code),
     .type = WIRE_I16, .flags = WIRE_TAGGED | WIRE_IGNORABLE, .from = 5,
     .to = WIRE_LAST, .tag_from = 5, .tag = 0},
    {.name = "NumPartitions", .at = offsetof(T, num_partitions),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 5, .to = WIRE_LAST,
     .number = -1},
    {.name = "ReplicationFactor", .at = offsetof(T, replication_factor),
     .type = WIRE_I16, .flags = WIRE_IGNORABLE, .from = 5, .to = WIRE_LAST,
     .number = -1},
    {.name = "Configs", .at = offsetof(T, configs), .type = WIRE_STRUCT,
     .sub = &wire_create_topics_response_config,
     .flags = WIRE_ARRAY | WIRE_NULLABLE | WIRE_IGNORABLE, .from = 5,
     .to = WIRE_LAST, .null_from = 5},
};
const struct wire_struct wire_create_topics_response_topic =
    {response_topic, 8, sizeof(T)};
#undef T

#define T struct create_topics_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 2, .to = WIRE_LAST},
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_create_topics_response_topic, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_message wire_create_topics_response = {
    .name = "CreateTopics",
    .body = {response, 2, sizeof(T)},
    .api_key = 19,
    .is_request = false,
    .version_min = 0,
    .version_max = 7,
    .flexible_from = 5,
};
#undef T
