/* alter_configs.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/alter_configs.h"

#include <stddef.h>

#define T struct alter_configs_request_config
static const struct wire_field request_config[] = {
    {.name = "Name", .at = offsetof(T, name), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Value", .at = offsetof(T, value), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE, .to = WIRE_LAST},
};
const struct wire_struct wire_alter_configs_request_config =
    {request_config, 2, sizeof(T)};
#undef T

#define T struct alter_configs_request_resource
static const struct wire_field request_resource[] = {
    {.name = "ResourceType", .at = offsetof(T, resource_type), .type = WIRE_I8,
     .to = WIRE_LAST},
    {.name = "ResourceName", .at = offsetof(T, resource_name),
     .type = WIRE_STRING, .to = WIRE_LAST},
    {.name = "Configs", .at = offsetof(T, configs), .type = WIRE_STRUCT,
     .sub = &wire_alter_configs_request_config, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_struct wire_alter_configs_request_resource =
    {request_resource, 3, sizeof(T)};
#undef T

#define T struct alter_configs_request
static const struct wire_field request[] = {
    {.name = "Resources", .at = offsetof(T, resources), .type = WIRE_STRUCT,
     .sub = &wire_alter_configs_request_resource, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
    {.name = "ValidateOnly", .at = offsetof(T, validate_only),
     .type = WIRE_BOOL, .to = WIRE_LAST},
};
const struct wire_message wire_alter_configs_request = {
    .name = "AlterConfigs",
    .body = {request, 2, sizeof(T)},
    .api_key = 33,
    .is_request = true,
    .version_min = 0,
    .version_max = 2,
    .flexible_from = 2,
};
#undef T

#define T struct alter_configs_response_response
static const struct wire_field response_response[] = {
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ErrorMessage", .at = offsetof(T, error_message),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL,
     .to = WIRE_LAST},
    {.name = "ResourceType", .at = offsetof(T, resource_type), .type = WIRE_I8,
     .to = WIRE_LAST},
    {.name = "ResourceName", .at = offsetof(T, resource_name),
     .type = WIRE_STRING, .to = WIRE_LAST},
};
const struct wire_struct wire_alter_configs_response_response =
    {response_response, 4, sizeof(T)};
#undef T

#define T struct alter_configs_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "Responses", .at = offsetof(T, responses), .type = WIRE_STRUCT,
     .sub = &wire_alter_configs_response_response, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_message wire_alter_configs_response = {
    .name = "AlterConfigs",
    .body = {response, 2, sizeof(T)},
    .api_key = 33,
    .is_request = false,
    .version_min = 0,
    .version_max = 2,
    .flexible_from = 2,
};
#undef T
