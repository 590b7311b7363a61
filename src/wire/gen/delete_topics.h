/* delete_topics.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_DELETE_TOPICS_H
#define WIRE_GEN_DELETE_TOPICS_H

#include "wire/message.h"

struct delete_topics_request_topic {
    struct slice name;
    struct uuid topic_id;
};

struct delete_topics_request {
    struct {
        struct delete_topics_request_topic *ptr;
        uint32_t n;
    } topics;
    struct {
        struct slice *ptr;
        uint32_t n;
    } topic_names;
    int32_t timeout_ms;
};

struct delete_topics_response_response {
    struct slice name;
    struct uuid topic_id;
    int16_t error_code;
    struct slice error_message;
};

struct delete_topics_response {
    int32_t throttle_time_ms;
    struct {
        struct delete_topics_response_response *ptr;
        uint32_t n;
    } responses;
};

extern const struct wire_message wire_delete_topics_request;
extern const struct wire_struct wire_delete_topics_request_topic;
extern const struct wire_message wire_delete_topics_response;
extern const struct wire_struct wire_delete_topics_response_response;

#endif
