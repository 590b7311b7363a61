/* describe_log_dirs.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/describe_log_dirs.h"

#include <stddef.h>

#define T struct describe_log_dirs_request_topic
static const struct wire_field request_topic[] = {
    {.name = "Topic", .at = offsetof(T, topic), .type = WIRE_STRING, .from = 1,
     .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_I32,
     .flags = WIRE_ARRAY, .from = 1, .to = WIRE_LAST},
};
const struct wire_struct wire_describe_log_dirs_request_topic =
    {request_topic, 2, sizeof(T)};
#undef T

#define T struct describe_log_dirs_request
static const struct wire_field request[] = {
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_describe_log_dirs_request_topic,
     .flags = WIRE_ARRAY | WIRE_NULLABLE, .from = 1, .to = WIRE_LAST,
     .null_from = 1},
};
const struct wire_message wire_describe_log_dirs_request = {
    .name = "DescribeLogDirs",
    .body = {request, 1, sizeof(T)},
    .api_key = 35,
    .is_request = true,
    .version_min = 1,
    .version_max = 5,
    .flexible_from = 2,
};
#undef T

#define T struct describe_log_dirs_response_partition
static const struct wire_field response_partition[] = {
    {.name = "PartitionIndex", .at = offsetof(T, partition_index),
     .type = WIRE_I32, .from = 1, .to = WIRE_LAST},
    {.name = "PartitionSize", .at = offsetof(T, partition_size),
     .type = WIRE_I64, .from = 1, .to = WIRE_LAST},
    {.name = "OffsetLag", .at = offsetof(T, offset_lag), .type = WIRE_I64,
     .from = 1, .to = WIRE_LAST},
    {.name = "IsFutureKey", .at = offsetof(T, is_future_key), .type = WIRE_BOOL,
     .from = 1, .to = WIRE_LAST},
};
const struct wire_struct wire_describe_log_dirs_response_partition =
    {response_partition, 4, sizeof(T)};
#undef T

#define T struct describe_log_dirs_response_topic
static const struct wire_field response_topic[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING, .from = 1,
     .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_describe_log_dirs_response_partition, .flags = WIRE_ARRAY,
     .from = 1, .to = WIRE_LAST},
};
const struct wire_struct wire_describe_log_dirs_response_topic =
    {response_topic, 2, sizeof(T)};
#undef T

#define T struct describe_log_dirs_response_result
static const struct wire_field response_result[] = {
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .from = 1, .to = WIRE_LAST},
    {.name = "LogDir", .at = offsetof(T, log_dir), .type = WIRE_STRING,
     .from = 1, .to = WIRE_LAST},
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_describe_log_dirs_response_topic, .flags = WIRE_ARRAY,
     .from = 1, .to = WIRE_LAST},
    {.name = "TotalBytes", .at = offsetof(T, total_bytes), .type = WIRE_I64,
     .flags = WIRE_IGNORABLE, .from = 4, .to = WIRE_LAST, .number = -1},
    {.name = "UsableBytes", .at = offsetof(T, usable_bytes), .type = WIRE_I64,
     .flags = WIRE_IGNORABLE, .from = 4, .to = WIRE_LAST, .number = -1},
    {.name = "IsCordoned", .at = offsetof(T, is_cordoned), .type = WIRE_BOOL,
     .flags = WIRE_IGNORABLE, .from = 5, .to = WIRE_LAST},
};
const struct wire_struct wire_describe_log_dirs_response_result =
    {response_result, 6, sizeof(T)};
#undef T

#define T struct describe_log_dirs_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .from = 1, .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .flags = WIRE_IGNORABLE, .from = 3, .to = WIRE_LAST},
    {.name = "Results", .at = offsetof(T, results), .type = WIRE_STRUCT,
     .sub = &wire_describe_log_dirs_response_result, .flags = WIRE_ARRAY,
     .from = 1, .to = WIRE_LAST},
};
const struct wire_message wire_describe_log_dirs_response = {
    .name = "DescribeLogDirs",
    .body = {response, 3, sizeof(T)},
    .api_key = 35,
    .is_request = false,
    .version_min = 1,
    .version_max = 5,
    .flexible_from = 2,
};
#undef T
