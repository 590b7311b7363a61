/* api_versions.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/api_versions.h"

#include <stddef.h>

#define T struct api_versions_request
static const struct wire_field request[] = {
    {.name = "ClientSoftwareName", .at = offsetof(T, client_software_name),
     .type = WIRE_STRING, .flags = WIRE_IGNORABLE, .from = 3, .to = WIRE_LAST},
    {.name = "ClientSoftwareVersion",
     .at = offsetof(T, client_software_version), .type = WIRE_STRING,
     .flags = WIRE_IGNORABLE, .from = 3, .to = WIRE_LAST},
    {.name = "ClusterId", .at = offsetof(T, cluster_id), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_IGNORABLE | WIRE_DEFAULT_NULL, .from = 5,
     .to = WIRE_LAST, .null_from = 5},
    {.name = "NodeId", .at = offsetof(T, node_id), .type = WIRE_I32,
     .flags = WIRE_IGNORABLE, .from = 5, .to = WIRE_LAST, .number = -1},
};
const struct wire_message wire_api_versions_request = {
    .name = "ApiVersions",
    .body = {request, 4, sizeof(T)},
    .api_key = 18,
    .is_request = true,
    .version_min = 0,
    .version_max = 5,
    .flexible_from = 3,
};
#undef T

#define T struct api_versions_response_api_key
static const struct wire_field response_api_key[] = {
    {.name = "ApiKey", .at = offsetof(T, api_key), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "MinVersion", .at = offsetof(T, min_version), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "MaxVersion", .at = offsetof(T, max_version), .type = WIRE_I16,
     .to = WIRE_LAST},
};
const struct wire_struct wire_api_versions_response_api_key =
    {response_api_key, 3, sizeof(T)};
#undef T

#define T struct api_versions_response_supported_feature
static const struct wire_field response_supported_feature[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING, .from = 3,
     .to = WIRE_LAST},
    {.name = "MinVersion", .at = offsetof(T, min_version), .type = WIRE_I16,
     .from = 3, .to = WIRE_LAST},
    {.name = "MaxVersion", .at = offsetof(T, max_version), .type = WIRE_I16,
     .from = 3, .to = WIRE_LAST},
};
const struct wire_struct wire_api_versions_response_supported_feature =
    {response_supported_feature, 3, sizeof(T)};
#undef T

#define T struct api_versions_response_finalized_feature
static const struct wire_field response_finalized_feature[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING, .from = 3,
     .to = WIRE_LAST},
    {.name = "MaxVersionLevel", .at = offsetof(T, max_version_level),
     .type = WIRE_I16, .from = 3, .to = WIRE_LAST},
    {.name = "MinVersionLevel", .at = offsetof(T, min_version_level),
     .type = WIRE_I16, .from = 3, .to = WIRE_LAST},
};
const struct wire_struct wire_api_versions_response_finalized_feature =
    {response_finalized_feature, 3, sizeof(T)};
#undef T

#define T struct api_versions_response
static const struct wire_field response[] = {
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ApiKeys", .at = offsetof(T, api_keys), .type = WIRE_STRUCT,
     .sub = &wire_api_versions_response_api_key, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .from = 1, .to = WIRE_LAST},
    {.name = "SupportedFeatures", .at = offsetof(T, supported_features),
     .type = WIRE_STRUCT, .sub = &wire_api_versions_response_supported_feature,
     .flags = WIRE_ARRAY | WIRE_TAGGED | WIRE_IGNORABLE, .from = 3,
     .to = WIRE_LAST, .tag_from = 3, .tag = 0},
    {.name = "FinalizedFeaturesEpoch",
     .at = offsetof(T, finalized_features_epoch), .type = WIRE_I64,
     .flags = WIRE_TAGGED | WIRE_IGNORABLE, .from = 3, .to = WIRE_LAST,
     .tag_from = 3, .tag = 1, .number = -1},
    {.name = "FinalizedFeatures", .at = offsetof(T, finalized_features),
     .type = WIRE_STRUCT, .sub = &wire_api_versions_response_finalized_feature,
     .flags = WIRE_ARRAY | WIRE_TAGGED | WIRE_IGNORABLE, .from = 3,
     .to = WIRE_LAST, .tag_from = 3, .tag = 2},
    {.name = "ZkMigrationReady", .at = offsetof(T, zk_migration_ready),
     .type = WIRE_BOOL, .flags = WIRE_TAGGED | WIRE_IGNORABLE, .from = 3,
     .to = WIRE_LAST, .tag_from = 3, .tag = 3},
};
const struct wire_message wire_api_versions_response = {
    .name = "ApiVersions",
    .body = {response, 7, sizeof(T)},
    .api_key = 18,
    .is_request = false,
    .version_min = 0,
    .version_max = 5,
    .flexible_from = 3,
};
#undef T
