/* describe_configs.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/describe_configs.h"

#include <stddef.h>

#define T struct describe_configs_request_resource
static const struct wire_field request_resource[] = {
    {.name = "ResourceType", .at = offsetof(T, resource_type), .type = WIRE_I8,
     .to = WIRE_LAST},
    {.name = "ResourceName", .at = offsetof(T, resource_name),
     .type = WIRE_STRING, .to = WIRE_LAST},
    {.name = "ConfigurationKeys", .at = offsetof(T, configuration_keys),
     .type = WIRE_STRING, .flags = WIRE_ARRAY | WIRE_NULLABLE, .to = WIRE_LAST},
};
const struct wire_struct wire_describe_configs_request_resource =
    {request_resource, 3, sizeof(T)};
#undef T

#define T struct describe_configs_request
static const struct wire_field request[] = {
    {.name = "Resources", .at = offsetof(T, resources), .type = WIRE_STRUCT,
     .sub = &wire_describe_configs_request_resource, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
    {.name = "IncludeSynonyms", .at = offsetof(T, include_synonyms),
     .type = WIRE_BOOL, .from = 1, .to = WIRE_LAST},
    {.name = "IncludeDocumentation", .at = offsetof(T, include_documentation),
     .type = WIRE_BOOL, .from = 3, .to = WIRE_LAST},
};
const struct wire_message wire_describe_configs_request = {
    .name = "DescribeConfigs",
    .body = {request, 3, sizeof(T)},
    .api_key = 32,
    .is_request = true,
    .version_min = 0,
    .version_max = 4,
    .flexible_from = 4,
};
#undef T

#define T struct describe_configs_response_synonym
static const struct wire_field response_synonym[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING, .from = 1,
     .to = WIRE_LAST},
    {.name = "Value", .at = offsetof(T, value), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE, .from = 1, .to = WIRE_LAST},
    {.name = "Source", .at = offsetof(T, source), .type = WIRE_I8, .from = 1,
     .to = WIRE_LAST},
};
const struct wire_struct wire_describe_configs_response_synonym =
    {response_synonym, 3, sizeof(T)};
#undef T

#define T struct describe_configs_response_config
static const struct wire_field response_config[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Value", .at = offsetof(T, value), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE, .to = WIRE_LAST},
    {.name = "ReadOnly", .at = offsetof(T, read_only), .type = WIRE_BOOL,
     .to = WIRE_LAST},
    {.name = "IsDefault", .at = offsetof(T, is_default), .type = WIRE_BOOL,
     .flags = WIRE_IGNORABLE, .to = 0},
    {.name = "ConfigSource", .at = offsetof(T, config_source), .type = WIRE_I8,
     .flags = WIRE_IGNORABLE, .from = 1, .to = WIRE_LAST, .number = -1},
    {.name = "IsSensitive", .at = offsetof(T, is_sensitive), .type = WIRE_BOOL,
     .to = WIRE_LAST},
    {.name = "Synonyms", .at = offsetof(T, synonyms), .type = WIRE_STRUCT,
     .sub = &wire_describe_configs_response_synonym,
     .flags = WIRE_ARRAY | WIRE_IGNORABLE, .from = 1, .to = WIRE_LAST},
    {.name = "ConfigType", .at = offsetof(T, config_type), .type = WIRE_I8,
     .flags = WIRE_IGNORABLE, .from = 3, .to = WIRE_LAST},
    {.name = "Documentation", .at = offsetof(T, documentation),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE | WIRE_IGNORABLE, .from = 3,
     .to = WIRE_LAST},
};
const struct wire_struct wire_describe_configs_response_config =
    {response_config, 9, sizeof(T)};
#undef T

#define T struct describe_configs_response_result
static const struct wire_field response_result[] = {
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ErrorMessage", .at = offsetof(T, error_message),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL,
     .to = WIRE_LAST},
    {.name = "ResourceType", .at = offsetof(T, resource_type), .type = WIRE_I8,
     .to = WIRE_LAST},
    {.name = "ResourceName", .at = offsetof(T, resource_name),
     .type = WIRE_STRING, .to = WIRE_LAST},
    {.name = "Configs", .at = offsetof(T, configs), .type = WIRE_STRUCT,
     .sub = &wire_describe_configs_response_config, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_struct wire_describe_configs_response_result =
    {response_result, 5, sizeof(T)};
#undef T

#define T struct describe_configs_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "Results", .at = offsetof(T, results), .type = WIRE_STRUCT,
     .sub = &wire_describe_configs_response_result, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_message wire_describe_configs_response = {
    .name = "DescribeConfigs",
    .body = {response, 2, sizeof(T)},
    .api_key = 32,
    .is_request = false,
    .version_min = 0,
    .version_max = 4,
    .flexible_from = 4,
};
#undef T
