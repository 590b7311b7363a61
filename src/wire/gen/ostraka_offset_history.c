/* ostraka_offset_history.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/ostraka_offset_history.h"

#include <stddef.h>

#define T struct ostraka_offset_history_request
static const struct wire_field request[] = {
    {.name = "GroupId", .at = offsetof(T, group_id), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "AfterTopicId", .at = offsetof(T, after_topic_id),
     .type = WIRE_UUID, .to = WIRE_LAST},
    {.name = "AfterPartition", .at = offsetof(T, after_partition),
     .type = WIRE_I32, .to = WIRE_LAST, .number = -1},
    {.name = "AfterNumber", .at = offsetof(T, after_number), .type = WIRE_I64,
     .to = WIRE_LAST},
    {.name = "MaxRows", .at = offsetof(T, max_rows), .type = WIRE_I32,
     .to = WIRE_LAST, .number = 1000},
};
const struct wire_message wire_ostraka_offset_history_request = {
    .name = "OstrakaOffsetHistory",
    .body = {request, 5, sizeof(T)},
    .api_key = 32003,
    .is_request = true,
    .version_min = 0,
    .version_max = 0,
    .flexible_from = 0,
};
#undef T

#define T struct ostraka_offset_history_response_row
static const struct wire_field response_row[] = {
    {.name = "TopicId", .at = offsetof(T, topic_id), .type = WIRE_UUID,
     .to = WIRE_LAST},
    {.name = "Topic", .at = offsetof(T, topic), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL, .to = WIRE_LAST},
    {.name = "Partition", .at = offsetof(T, partition), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "Number", .at = offsetof(T, number), .type = WIRE_I64,
     .to = WIRE_LAST},
    {.name = "Offset", .at = offsetof(T, offset), .type = WIRE_I64,
     .to = WIRE_LAST},
    {.name = "LeaderEpoch", .at = offsetof(T, leader_epoch), .type = WIRE_I32,
     .to = WIRE_LAST, .number = -1},
    {.name = "Metadata", .at = offsetof(T, metadata), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "TimeMs", .at = offsetof(T, time_ms), .type = WIRE_I64,
     .to = WIRE_LAST},
    {.name = "By", .at = offsetof(T, by), .type = WIRE_STRING, .to = WIRE_LAST},
    {.name = "Reset", .at = offsetof(T, reset), .type = WIRE_BOOL,
     .to = WIRE_LAST},
};
const struct wire_struct wire_ostraka_offset_history_response_row =
    {response_row, 10, sizeof(T)};
#undef T

#define T struct ostraka_offset_history_response
static const struct wire_field response[] = {
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ErrorMessage", .at = offsetof(T, error_message),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL,
     .to = WIRE_LAST},
    {.name = "More", .at = offsetof(T, more), .type = WIRE_BOOL,
     .to = WIRE_LAST},
    {.name = "Rows", .at = offsetof(T, rows), .type = WIRE_STRUCT,
     .sub = &wire_ostraka_offset_history_response_row, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_message wire_ostraka_offset_history_response = {
    .name = "OstrakaOffsetHistory",
    .body = {response, 4, sizeof(T)},
    .api_key = 32003,
    .is_request = false,
    .version_min = 0,
    .version_max = 0,
    .flexible_from = 0,
};
#undef T
