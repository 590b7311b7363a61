/* sasl_authenticate.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_SASL_AUTHENTICATE_H
#define WIRE_GEN_SASL_AUTHENTICATE_H

#include "wire/message.h"

struct sasl_authenticate_request {
    struct slice auth_bytes;
};

struct sasl_authenticate_response {
    int16_t error_code;
    struct slice error_message;
    struct slice auth_bytes;
    int64_t session_lifetime_ms;
};

extern const struct wire_message wire_sasl_authenticate_request;
extern const struct wire_message wire_sasl_authenticate_response;

#endif
