/* delete_records.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/delete_records.h"

#include <stddef.h>

#define T struct delete_records_request_partition
static const struct wire_field request_partition[] = {
    {.name = "PartitionIndex", .at = offsetof(T, partition_index),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "Offset", .at = offsetof(T, offset), .type = WIRE_I64,
     .to = WIRE_LAST},
};
const struct wire_struct wire_delete_records_request_partition =
    {request_partition, 2, sizeof(T)};
#undef T

#define T struct delete_records_request_topic
static const struct wire_field request_topic[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_delete_records_request_partition, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_struct wire_delete_records_request_topic =
    {request_topic, 2, sizeof(T)};
#undef T

#define T struct delete_records_request
static const struct wire_field request[] = {
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_delete_records_request_topic, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
    {.name = "TimeoutMs", .at = offsetof(T, timeout_ms), .type = WIRE_I32,
     .to = WIRE_LAST},
};
const struct wire_message wire_delete_records_request = {
    .name = "DeleteRecords",
    .body = {request, 2, sizeof(T)},
    .api_key = 21,
    .is_request = true,
    .version_min = 0,
    .version_max = 2,
    .flexible_from = 2,
};
#undef T

#define T struct delete_records_response_partition
static const struct wire_field response_partition[] = {
    {.name = "PartitionIndex", .at = offsetof(T, partition_index),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "LowWatermark", .at = offsetof(T, low_watermark), .type = WIRE_I64,
     .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
};
const struct wire_struct wire_delete_records_response_partition =
    {response_partition, 3, sizeof(T)};
#undef T

#define T struct delete_records_response_topic
static const struct wire_field response_topic[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_delete_records_response_partition, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_struct wire_delete_records_response_topic =
    {response_topic, 2, sizeof(T)};
#undef T

#define T struct delete_records_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_delete_records_response_topic, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_message wire_delete_records_response = {
    .name = "DeleteRecords",
    .body = {response, 2, sizeof(T)},
    .api_key = 21,
    .is_request = false,
    .version_min = 0,
    .version_max = 2,
    .flexible_from = 2,
};
#undef T
