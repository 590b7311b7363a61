/* sasl_handshake.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/sasl_handshake.h"

#include <stddef.h>

#define T struct sasl_handshake_request
static const struct wire_field request[] = {
    {.name = "Mechanism", .at = offsetof(T, mechanism), .type = WIRE_STRING,
     .to = WIRE_LAST},
};
const struct wire_message wire_sasl_handshake_request = {
    .name = "SaslHandshake",
    .body = {request, 1, sizeof(T)},
    .api_key = 17,
    .is_request = true,
    .version_min = 0,
    .version_max = 1,
    .flexible_from = WIRE_LAST,
};
#undef T

#define T struct sasl_handshake_response
static const struct wire_field response[] = {
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "Mechanisms", .at = offsetof(T, mechanisms), .type = WIRE_STRING,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
};
const struct wire_message wire_sasl_handshake_response = {
    .name = "SaslHandshake",
    .body = {response, 2, sizeof(T)},
    .api_key = 17,
    .is_request = false,
    .version_min = 0,
    .version_max = 1,
    .flexible_from = WIRE_LAST,
};
#undef T
