/* describe_cluster.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/describe_cluster.h"

#include <stddef.h>

#define T struct describe_cluster_request
static const struct wire_field request[] = {
    {.name = "IncludeClusterAuthorizedOperations",
     .at = offsetof(T, include_cluster_authorized_operations),
     .type = WIRE_BOOL, .to = WIRE_LAST},
    {.name = "EndpointType", .at = offsetof(T, endpoint_type), .type = WIRE_I8,
     .from = 1, .to = WIRE_LAST, .number = 1},
    {.name = "IncludeFencedBrokers", .at = offsetof(T, include_fenced_brokers),
     .type = WIRE_BOOL, .from = 2, .to = WIRE_LAST},
};
const struct wire_message wire_describe_cluster_request = {
    .name = "DescribeCluster",
    .body = {request, 3, sizeof(T)},
    .api_key = 60,
    .is_request = true,
    .version_min = 0,
    .version_max = 2,
    .flexible_from = 0,
};
#undef T

#define T struct describe_cluster_response_broker
static const struct wire_field response_broker[] = {
    {.name = "BrokerId", .at = offsetof(T, broker_id), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "Host", .at = offsetof(T, host), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Port", .at = offsetof(T, port), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "Rack", .at = offsetof(T, rack), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL, .to = WIRE_LAST},
    {.name = "IsFenced", .at = offsetof(T, is_fenced), .type = WIRE_BOOL,
     .from = 2, .to = WIRE_LAST},
};
const struct wire_struct wire_describe_cluster_response_broker =
    {response_broker, 5, sizeof(T)};
#undef T

#define T struct describe_cluster_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ErrorMessage", .at = offsetof(T, error_message),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL,
     .to = WIRE_LAST},
    {.name = "EndpointType", .at = offsetof(T, endpoint_type), .type = WIRE_I8,
     .from = 1, .to = WIRE_LAST, .number = 1},
    {.name = "ClusterId", .at = offsetof(T, cluster_id), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "ControllerId", .at = offsetof(T, controller_id), .type = WIRE_I32,
     .to = WIRE_LAST, .number = -1},
    {.name = "Brokers", .at = offsetof(T, brokers), .type = WIRE_STRUCT,
     .sub = &wire_describe_cluster_response_broker, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
    {.name = "ClusterAuthorizedOperations",
     .at = offsetof(T, cluster_authorized_operations), .type = WIRE_I32,
     .to = WIRE_LAST, .number = -2147483648},
};
const struct wire_message wire_describe_cluster_response = {
    .name = "DescribeCluster",
    .body = {response, 8, sizeof(T)},
    .api_key = 60,
    .is_request = false,
    .version_min = 0,
    .version_max = 2,
    .flexible_from = 0,
};
#undef T
