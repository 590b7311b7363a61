/* offset_delete.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/offset_delete.h"

#include <stddef.h>

#define T struct offset_delete_request_partition
static const struct wire_field request_partition[] = {
    {.name = "PartitionIndex", .at = offsetof(T, partition_index),
     .type = WIRE_I32, .to = WIRE_LAST},
};
const struct wire_struct wire_offset_delete_request_partition =
    {request_partition, 1, sizeof(T)};
#undef T

#define T struct offset_delete_request_topic
static const struct wire_field request_topic[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_offset_delete_request_partition, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_struct wire_offset_delete_request_topic =
    {request_topic, 2, sizeof(T)};
#undef T

#define T struct offset_delete_request
static const struct wire_field request[] = {
    {.name = "GroupId", .at = offsetof(T, group_id), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_offset_delete_request_topic, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_message wire_offset_delete_request = {
    .name = "OffsetDelete",
    .body = {request, 2, sizeof(T)},
    .api_key = 47,
    .is_request = true,
    .version_min = 0,
    .version_max = 0,
    .flexible_from = WIRE_LAST,
};
#undef T

#define T struct offset_delete_response_partition
static const struct wire_field response_partition[] = {
    {.name = "PartitionIndex", .at = offsetof(T, partition_index),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
};
const struct wire_struct wire_offset_delete_response_partition =
    {response_partition, 2, sizeof(T)};
#undef T

#define T struct offset_delete_response_topic
static const struct wire_field response_topic[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_offset_delete_response_partition, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_struct wire_offset_delete_response_topic =
    {response_topic, 2, sizeof(T)};
#undef T

#define T struct offset_delete_response
static const struct wire_field response[] = {
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .to = WIRE_LAST},
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_offset_delete_response_topic, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_message wire_offset_delete_response = {
    .name = "OffsetDelete",
    .body = {response, 3, sizeof(T)},
    .api_key = 47,
    .is_request = false,
    .version_min = 0,
    .version_max = 0,
    .flexible_from = WIRE_LAST,
};
#undef T
