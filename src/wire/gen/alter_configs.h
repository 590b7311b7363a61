/* alter_configs.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_ALTER_CONFIGS_H
#define WIRE_GEN_ALTER_CONFIGS_H

#include "wire/message.h"

struct alter_configs_request_config {
    struct slice name;
    struct slice value;
};

struct alter_configs_request_resource {
    int8_t resource_type;
    struct slice resource_name;
    struct {
        struct alter_configs_request_config *ptr;
        uint32_t n;
    } configs;
};

struct alter_configs_request {
    struct {
        struct alter_configs_request_resource *ptr;
        uint32_t n;
    } resources;
    bool validate_only;
};

struct alter_configs_response_response {
    int16_t error_code;
    struct slice error_message;
    int8_t resource_type;
    struct slice resource_name;
};

struct alter_configs_response {
    int32_t throttle_time_ms;
    struct {
        struct alter_configs_response_response *ptr;
        uint32_t n;
    } responses;
};

extern const struct wire_message wire_alter_configs_request;
extern const struct wire_struct wire_alter_configs_request_config;
extern const struct wire_struct wire_alter_configs_request_resource;
extern const struct wire_message wire_alter_configs_response;
extern const struct wire_struct wire_alter_configs_response_response;

#endif
