/* api_versions.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_API_VERSIONS_H
#define WIRE_GEN_API_VERSIONS_H

#include "wire/message.h"

struct api_versions_request {
    struct slice client_software_name;
    struct slice client_software_version;
    struct slice cluster_id;
    int32_t node_id;
};

struct api_versions_response_api_key {
    int16_t api_key;
    int16_t min_version;
    int16_t max_version;
};

struct api_versions_response_supported_feature {
    struct slice name;
    int16_t min_version;
    int16_t max_version;
};

struct api_versions_response_finalized_feature {
    struct slice name;
    int16_t max_version_level;
    int16_t min_version_level;
};

struct api_versions_response {
    int16_t error_code;
    struct {
        struct api_versions_response_api_key *ptr;
        uint32_t n;
    } api_keys;
    int32_t throttle_time_ms;
    struct {
        struct api_versions_response_supported_feature *ptr;
        uint32_t n;
    } supported_features;
    int64_t finalized_features_epoch;
    struct {
        struct api_versions_response_finalized_feature *ptr;
        uint32_t n;
    } finalized_features;
    bool zk_migration_ready;
};

extern const struct wire_message wire_api_versions_request;
extern const struct wire_message wire_api_versions_response;
extern const struct wire_struct wire_api_versions_response_api_key;
extern const struct wire_struct wire_api_versions_response_supported_feature;
extern const struct wire_struct wire_api_versions_response_finalized_feature;

#endif
