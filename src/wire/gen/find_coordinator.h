/* find_coordinator.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_FIND_COORDINATOR_H
#define WIRE_GEN_FIND_COORDINATOR_H

#include "wire/message.h"

struct find_coordinator_request {
    struct slice key;
    int8_t key_type;
    struct {
        struct slice *ptr;
        uint32_t n;
    } coordinator_keys;
};

struct find_coordinator_response_coordinator {
    struct slice key;
    int32_t node_id;
    struct slice host;
    int32_t port;
    int16_t error_code;
    struct slice error_message;
};

struct find_coordinator_response {
    int32_t throttle_time_ms;
    int16_t error_code;
    struct slice error_message;
    int32_t node_id;
    struct slice host;
    int32_t port;
    struct {
        struct find_coordinator_response_coordinator *ptr;
        uint32_t n;
    } coordinators;
};

extern const struct wire_message wire_find_coordinator_request;
extern const struct wire_message wire_find_coordinator_response;
extern const struct wire_struct wire_find_coordinator_response_coordinator;

#endif
