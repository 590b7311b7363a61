/* sasl_authenticate.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/sasl_authenticate.h"

#include <stddef.h>

#define T struct sasl_authenticate_request
static const struct wire_field request[] = {
    {.name = "AuthBytes", .at = offsetof(T, auth_bytes), .type = WIRE_BYTES,
     .to = WIRE_LAST},
};
const struct wire_message wire_sasl_authenticate_request = {
    .name = "SaslAuthenticate",
    .body = {request, 1, sizeof(T)},
    .api_key = 36,
    .is_request = true,
    .version_min = 0,
    .version_max = 2,
    .flexible_from = 2,
};
#undef T

#define T struct sasl_authenticate_response
static const struct wire_field response[] = {
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ErrorMessage", .at = offsetof(T, error_message),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL,
     .to = WIRE_LAST},
    {.name = "AuthBytes", .at = offsetof(T, auth_bytes), .type = WIRE_BYTES,
     .to = WIRE_LAST},
    {.name = "SessionLifetimeMs", .at = offsetof(T, session_lifetime_ms),
     .type = WIRE_I64, .flags = WIRE_IGNORABLE, .from = 1, .to = WIRE_LAST},
};
const struct wire_message wire_sasl_authenticate_response = {
    .name = "SaslAuthenticate",
    .body = {response, 4, sizeof(T)},
    .api_key = 36,
    .is_request = false,
    .version_min = 0,
    .version_max = 2,
    .flexible_from = 2,
};
#undef T
