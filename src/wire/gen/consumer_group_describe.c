/* consumer_group_describe.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/consumer_group_describe.h"

#include <stddef.h>

#define T struct consumer_group_describe_request
static const struct wire_field request[] = {
    {.name = "GroupIds", .at = offsetof(T, group_ids), .type = WIRE_STRING,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
    {.name = "IncludeAuthorizedOperations",
     .at = offsetof(T, include_authorized_operations), .type = WIRE_BOOL,
     .to = WIRE_LAST},
};
const struct wire_message wire_consumer_group_describe_request = {
    .name = "ConsumerGroupDescribe",
    .body = {request, 2, sizeof(T)},
    .api_key = 69,
    .is_request = true,
    .version_min = 0,
    .version_max = 1,
    .flexible_from = 0,
};
#undef T

#define T struct consumer_group_describe_response_topic_partition
static const struct wire_field response_topic_partition[] = {
    {.name = "TopicId", .at = offsetof(T, topic_id), .type = WIRE_UUID,
     .to = WIRE_LAST},
    {.name = "TopicName", .at = offsetof(T, topic_name), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_I32,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
};
const struct wire_struct wire_consumer_group_describe_response_topic_partition =
    {response_topic_partition, 3, sizeof(T)};
#undef T

#define T struct consumer_group_describe_response_assignment
static const struct wire_field response_assignment[] = {
    {.name = "TopicPartitions", .at = offsetof(T, topic_partitions),
     .type = WIRE_STRUCT,
     .sub = &wire_consumer_group_describe_response_topic_partition,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
};
const struct wire_struct wire_consumer_group_describe_response_assignment =
    {response_assignment, 1, sizeof(T)};
#undef T

#define T struct consumer_group_describe_response_member
static const struct wire_field response_member[] = {
    {.name = "MemberId", .at = offsetof(T, member_id), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "InstanceId", .at = offsetof(T, instance_id), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL, .to = WIRE_LAST},
    {.name = "RackId", .at = offsetof(T, rack_id), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL, .to = WIRE_LAST},
    {.name = "MemberEpoch", .at = offsetof(T, member_epoch), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "ClientId", .at = offsetof(T, client_id), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "ClientHost", .at = offsetof(T, client_host), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "SubscribedTopicNames", .at = offsetof(T, subscribed_topic_names),
     .type = WIRE_STRING, .flags = WIRE_ARRAY, .to = WIRE_LAST},
    {.name = "SubscribedTopicRegex", .at = offsetof(T, subscribed_topic_regex),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL,
     .to = WIRE_LAST},
    {.name = "Assignment", .at = offsetof(T, assignment), .type = WIRE_STRUCT,
     .sub = &wire_consumer_group_describe_response_assignment, .to = WIRE_LAST},
    {.name = "TargetAssignment", .at = offsetof(T, target_assignment),
     .type = WIRE_STRUCT,
     .sub = &wire_consumer_group_describe_response_assignment, .to = WIRE_LAST},
    {.name = "MemberType", .at = offsetof(T, member_type), .type = WIRE_I8,
     .flags = WIRE_IGNORABLE, .from = 1, .to = WIRE_LAST, .number = -1},
};
const struct wire_struct wire_consumer_group_describe_response_member =
    {response_member, 11, sizeof(T)};
#undef T

#define T struct consumer_group_describe_response_group
static const struct wire_field response_group[] = {
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ErrorMessage", .at = offsetof(T, error_message),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL,
     .to = WIRE_LAST},
    {.name = "GroupId", .at = offsetof(T, group_id), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "GroupState", .at = offsetof(T, group_state), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "GroupEpoch", .at = offsetof(T, group_epoch), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "AssignmentEpoch", .at = offsetof(T, assignment_epoch),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "AssignorName", .at = offsetof(T, assignor_name),
     .type = WIRE_STRING, .to = WIRE_LAST},
    {.name = "Members", .at = offsetof(T, members), .type = WIRE_STRUCT,
     .sub = &wire_consumer_group_describe_response_member, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
    {.name = "AuthorizedOperations", .at = offsetof(T, authorized_operations),
     .type = WIRE_I32, .to = WIRE_LAST, .number = -2147483648},
};
const struct wire_struct wire_consumer_group_describe_response_group =
    {response_group, 9, sizeof(T)};
#undef T

#define T struct consumer_group_describe_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "Groups", .at = offsetof(T, groups), .type = WIRE_STRUCT,
     .sub = &wire_consumer_group_describe_response_group, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_message wire_consumer_group_describe_response = {
    .name = "ConsumerGroupDescribe",
    .body = {response, 2, sizeof(T)},
    .api_key = 69,
    .is_request = false,
    .version_min = 0,
    .version_max = 1,
    .flexible_from = 0,
};
#undef T
