/* list_groups.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_LIST_GROUPS_H
#define WIRE_GEN_LIST_GROUPS_H

#include "wire/message.h"

struct list_groups_request {
    struct {
        struct slice *ptr;
        uint32_t n;
    } states_filter;
    struct {
        struct slice *ptr;
        uint32_t n;
    } types_filter;
};

struct list_groups_response_group {
    struct slice group_id;
    struct slice protocol_type;
    struct slice group_state;
    struct slice group_type;
};

struct list_groups_response {
    int32_t throttle_time_ms;
    int16_t error_code;
    struct {
        struct list_groups_response_group *ptr;
        uint32_t n;
    } groups;
};

extern const struct wire_message wire_list_groups_request;
extern const struct wire_message wire_list_groups_response;
extern const struct wire_struct wire_list_groups_response_group;

#endif
