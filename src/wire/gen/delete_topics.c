/* delete_topics.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/delete_topics.h"

#include <stddef.h>

#define T struct delete_topics_request_topic
static const struct wire_field request_topic[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL, .from = 6, .to = WIRE_LAST,
     .null_from = 6},
    {.name = "TopicId", .at = offsetof(T, topic_id), .type = WIRE_UUID,
     .from = 6, .to = WIRE_LAST},
};
const struct wire_struct wire_delete_topics_request_topic =
    {request_topic, 2, sizeof(T)};
#undef T

#define T struct delete_topics_request
static const struct wire_field request[] = {
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRUCT,
     .sub = &wire_delete_topics_request_topic, .flags = WIRE_ARRAY, .from = 6,
     .to = WIRE_LAST},
    {.name = "TopicNames", .at = offsetof(T, topic_names), .type = WIRE_STRING,
     .flags = WIRE_ARRAY | WIRE_IGNORABLE, .to = 5},
    {.name = "TimeoutMs", .at = offsetof(T, timeout_ms), .type = WIRE_I32,
     .to = WIRE_LAST},
};
const struct wire_message wire_delete_topics_request = {
    .name = "DeleteTopics",
    .body = {request, 3, sizeof(T)},
    .api_key = 20,
    .is_request = true,
    .version_min = 0,
    .version_max = 6,
    .flexible_from = 4,
};
#undef T

#define T struct delete_topics_response_response
static const struct wire_field response_response[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE, .to = WIRE_LAST, .null_from = 6},
    {.name = "TopicId", .at = offsetof(T, topic_id), .type = WIRE_UUID,
     .flags = WIRE_IGNORABLE, .from = 6, .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ErrorMessage", .at = offsetof(T, error_message),
     .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_IGNORABLE | WIRE_DEFAULT_NULL, .from = 5,
     .to = WIRE_LAST, .null_from = 5},
};
const struct wire_struct wire_delete_topics_response_response =
    {response_response, 4, sizeof(T)};
#undef T

#define T struct delete_topics_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 1, .to = WIRE_LAST},
    {.name = "Responses", .at = offsetof(T, responses), .type = WIRE_STRUCT,
     .sub = &wire_delete_topics_response_response, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_message wire_delete_topics_response = {
    .name = "DeleteTopics",
    .body = {response, 2, sizeof(T)},
    .api_key = 20,
    .is_request = false,
    .version_min = 0,
    .version_max = 6,
    .flexible_from = 4,
};
#undef T
