/* sasl_handshake.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_SASL_HANDSHAKE_H
#define WIRE_GEN_SASL_HANDSHAKE_H

#include "wire/message.h"

struct sasl_handshake_request {
    struct slice mechanism;
};

struct sasl_handshake_response {
    int16_t error_code;
    struct {
        struct slice *ptr;
        uint32_t n;
    } mechanisms;
};

extern const struct wire_message wire_sasl_handshake_request;
extern const struct wire_message wire_sasl_handshake_response;

#endif
