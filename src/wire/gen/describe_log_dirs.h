/* describe_log_dirs.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_DESCRIBE_LOG_DIRS_H
#define WIRE_GEN_DESCRIBE_LOG_DIRS_H

#include "wire/message.h"

struct describe_log_dirs_request_topic {
    struct slice topic;
    struct {
        int32_t *ptr;
        uint32_t n;
    } partitions;
};

struct describe_log_dirs_request {
    struct {
        struct describe_log_dirs_request_topic *ptr;
        uint32_t n;
    } topics;
};

struct describe_log_dirs_response_partition {
    int32_t partition_index;
    int64_t partition_size;
    int64_t offset_lag;
    bool is_future_key;
};

struct describe_log_dirs_response_topic {
    struct slice name;
    struct {
        struct describe_log_dirs_response_partition *ptr;
        uint32_t n;
    } partitions;
};

struct describe_log_dirs_response_result {
    int16_t error_code;
    struct slice log_dir;
    struct {
        struct describe_log_dirs_response_topic *ptr;
        uint32_t n;
    } topics;
    int64_t total_bytes;
    int64_t usable_bytes;
    bool is_cordoned;
};

struct describe_log_dirs_response {
    int32_t throttle_time_ms;
    int16_t error_code;
    struct {
        struct describe_log_dirs_response_result *ptr;
        uint32_t n;
    } results;
};

extern const struct wire_message wire_describe_log_dirs_request;
extern const struct wire_struct wire_describe_log_dirs_request_topic;
extern const struct wire_message wire_describe_log_dirs_response;
extern const struct wire_struct wire_describe_log_dirs_response_partition;
extern const struct wire_struct wire_describe_log_dirs_response_topic;
extern const struct wire_struct wire_describe_log_dirs_response_result;

#endif
