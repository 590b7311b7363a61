/* describe_configs.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_DESCRIBE_CONFIGS_H
#define WIRE_GEN_DESCRIBE_CONFIGS_H

#include "wire/message.h"

struct describe_configs_request_resource {
    int8_t resource_type;
    struct slice resource_name;
    struct {
        struct slice *ptr;
        uint32_t n;
    } configuration_keys;
};

struct describe_configs_request {
    struct {
        struct describe_configs_request_resource *ptr;
        uint32_t n;
    } resources;
    bool include_synonyms;
    bool include_documentation;
};

struct describe_configs_response_synonym {
    struct slice name;
    struct slice value;
    int8_t source;
};

struct describe_configs_response_config {
    struct slice name;
    struct slice value;
    bool read_only;
    bool is_default;
    int8_t config_source;
    bool is_sensitive;
    struct {
        struct describe_configs_response_synonym *ptr;
        uint32_t n;
    } synonyms;
    int8_t config_type;
    struct slice documentation;
};

struct describe_configs_response_result {
    int16_t error_code;
    struct slice error_message;
    int8_t resource_type;
    struct slice resource_name;
    struct {
        struct describe_configs_response_config *ptr;
        uint32_t n;
    } configs;
};

struct describe_configs_response {
    int32_t throttle_time_ms;
    struct {
        struct describe_configs_response_result *ptr;
        uint32_t n;
    } results;
};

extern const struct wire_message wire_describe_configs_request;
extern const struct wire_struct wire_describe_configs_request_resource;
extern const struct wire_message wire_describe_configs_response;
extern const struct wire_struct wire_describe_configs_response_synonym;
extern const struct wire_struct wire_describe_configs_response_config;
extern const struct wire_struct wire_describe_configs_response_result;

#endif
