/* delete_groups.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_DELETE_GROUPS_H
#define WIRE_GEN_DELETE_GROUPS_H

#include "wire/message.h"

struct delete_groups_request {
    struct {
        struct slice *ptr;
        uint32_t n;
    } groups_names;
};

struct delete_groups_response_result {
    struct slice group_id;
    int16_t error_code;
    struct slice error_message;
};

struct delete_groups_response {
    int32_t throttle_time_ms;
    struct {
        struct delete_groups_response_result *ptr;
        uint32_t n;
    } results;
};

extern const struct wire_message wire_delete_groups_request;
extern const struct wire_message wire_delete_groups_response;
extern const struct wire_struct wire_delete_groups_response_result;

#endif
