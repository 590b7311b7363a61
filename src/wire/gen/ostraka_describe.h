/* ostraka_describe.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_OSTRAKA_DESCRIBE_H
#define WIRE_GEN_OSTRAKA_DESCRIBE_H

#include "wire/message.h"

struct ostraka_describe_request {
    struct {
        struct slice *ptr;
        uint32_t n;
    } topics;
    bool include_partitions;
};

struct ostraka_describe_response_node {
    int32_t node_id;
    int32_t incarnation;
    struct uuid directory_id;
    struct slice peer_host;
    uint16_t peer_port;
    struct slice host;
    uint16_t port;
    struct slice rack;
    struct slice version;
    int8_t peer_state;
    int64_t heard_ms_ago;
    struct slice reason;
};

struct ostraka_describe_response_member {
    int32_t node_id;
    int64_t membership_id;
    bool voter;
    bool recent;
    int64_t match;
};

struct ostraka_describe_response_partition {
    struct slice topic;
    struct uuid topic_id;
    int32_t partition;
    int64_t group;
    int64_t term;
    int32_t leader;
    bool is_leader;
    bool ready;
    bool repair;
    bool transferring;
    int64_t commit;
    int64_t last;
    int64_t stored;
    int64_t base;
    int64_t applied;
    int64_t log_start;
    int64_t high_watermark;
    int64_t log_end;
    int64_t bytes;
    int64_t chain;
    struct {
        struct ostraka_describe_response_member *ptr;
        uint32_t n;
    } members;
};

struct ostraka_describe_response {
    int16_t error_code;
    struct slice error_message;
    int32_t node_id;
    struct slice cluster_id;
    bool serves;
    struct slice version;
    int64_t uptime_ms;
    int32_t controller_id;
    int64_t metadata_index;
    struct {
        struct ostraka_describe_response_node *ptr;
        uint32_t n;
    } nodes;
    struct {
        struct ostraka_describe_response_partition *ptr;
        uint32_t n;
    } partitions;
};

extern const struct wire_message wire_ostraka_describe_request;
extern const struct wire_message wire_ostraka_describe_response;
extern const struct wire_struct wire_ostraka_describe_response_node;
extern const struct wire_struct wire_ostraka_describe_response_member;
extern const struct wire_struct wire_ostraka_describe_response_partition;

#endif
