/* create_topics.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_CREATE_TOPICS_H
#define WIRE_GEN_CREATE_TOPICS_H

#include "wire/message.h"

struct create_topics_request_assignment {
    int32_t partition_index;
    struct {
        int32_t *ptr;
        uint32_t n;
    } broker_ids;
};

struct create_topics_request_config {
    struct slice name;
    struct slice value;
};

struct create_topics_request_topic {
    struct slice name;
    int32_t num_partitions;
    int16_t replication_factor;
    struct {
        struct create_topics_request_assignment *ptr;
        uint32_t n;
    } assignments;
    struct {
        struct create_topics_request_config *ptr;
        uint32_t n;
    } configs;
};

struct create_topics_request {
    struct {
        struct create_topics_request_topic *ptr;
        uint32_t n;
    } topics;
    int32_t timeout_ms;
    bool validate_only;
};

struct create_topics_response_config {
    struct slice name;
    struct slice value;
    bool read_only;
    int8_t config_source;
    bool is_sensitive;
};

struct create_topics_response_topic {
    struct slice name;
    struct uuid topic_id;
    int16_t error_code;
    struct slice error_message;
    int16_t topic_config_error_code;
    int32_t num_partitions;
    int16_t replication_factor;
    struct {
        struct create_topics_response_config *ptr;
        uint32_t n;
    } configs;
};

struct create_topics_response {
    int32_t throttle_time_ms;
    struct {
        struct create_topics_response_topic *ptr;
        uint32_t n;
    } topics;
};

extern const struct wire_message wire_create_topics_request;
extern const struct wire_struct wire_create_topics_request_assignment;
extern const struct wire_struct wire_create_topics_request_config;
extern const struct wire_struct wire_create_topics_request_topic;
extern const struct wire_message wire_create_topics_response;
extern const struct wire_struct wire_create_topics_response_config;
extern const struct wire_struct wire_create_topics_response_topic;

#endif
