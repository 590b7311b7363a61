/* ostraka_describe.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/ostraka_describe.h"

#include <stddef.h>

#define T struct ostraka_describe_request
static const struct wire_field request[] = {
    {.name = "Topics", .at = offsetof(T, topics), .type = WIRE_STRING,
     .flags = WIRE_ARRAY | WIRE_NULLABLE | WIRE_DEFAULT_NULL, .to = WIRE_LAST},
    {.name = "IncludePartitions", .at = offsetof(T, include_partitions),
     .type = WIRE_BOOL, .to = WIRE_LAST, .number = 1},
};
const struct wire_message wire_ostraka_describe_request = {
    .name = "OstrakaDescribe",
    .body = {request, 2, sizeof(T)},
    .api_key = 32001,
    .is_request = true,
    .version_min = 0,
    .version_max = 0,
    .flexible_from = 0,
};
#undef T

#define T struct ostraka_describe_response_node
static const struct wire_field response_node[] = {
    {.name = "NodeId", .at = offsetof(T, node_id), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "Incarnation", .at = offsetof(T, incarnation), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "DirectoryId", .at = offsetof(T, directory_id), .type = WIRE_UUID,
     .to = WIRE_LAST},
    {.name = "PeerHost", .at = offsetof(T, peer_host), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "PeerPort", .at = offsetof(T, peer_port), .type = WIRE_U16,
     .to = WIRE_LAST},
    {.name = "Host", .at = offsetof(T, host), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Port", .at = offsetof(T, port), .type = WIRE_U16,
     .to = WIRE_LAST},
    {.name = "Rack", .at = offsetof(T, rack), .type = WIRE_STRING,
     .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL, .to = WIRE_LAST},
    {.name = "Version", .at = offsetof(T, version), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "PeerState", .at = offsetof(T, peer_state), .type = WIRE_I8,
     .to = WIRE_LAST},
    {.name = "HeardMsAgo", .at = offsetof(T, heard_ms_ago), .type = WIRE_I64,
     .to = WIRE_LAST, .number = -1},
    {.name = "Reason", .at = offsetof(T, reason), .type = WIRE_STRING,
     .to = WIRE_LAST},
};
const struct wire_struct wire_ostraka_describe_response_node =
    {response_node, 12, sizeof(T)};
#undef T

#define T struct ostraka_describe_response_member
static const struct wire_field response_member[] = {
    {.name = "NodeId", .at = offsetof(T, node_id), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "MembershipId", .at = offsetof(T, membership_id), .type = WIRE_I64,
     .to = WIRE_LAST},
    {.name = "Voter", .at = offsetof(T, voter), .type = WIRE_BOOL,
     .to = WIRE_LAST},
    {.name = "Recent", .at = offsetof(T, recent), .type = WIRE_BOOL,
     .to = WIRE_LAST},
    {.name = "Match", .at = offsetof(T, match), .type = WIRE_I64,
     .to = WIRE_LAST},
};
const struct wire_struct wire_ostraka_describe_response_member =
    {response_member, 5, sizeof(T)};
#undef T

#define T struct ostraka_describe_response_partition
static const struct wire_field response_partition[] = {
    {.name = "Topic", .at = offsetof(T, topic), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "TopicId", .at = offsetof(T, topic_id), .type = WIRE_UUID,
     .to = WIRE_LAST},
    {.name = "Partition", .at = offsetof(T, partition), .type = WIRE_I32,
     .to = WIRE_LAST, .number = -1},
    {.name = "Group", .at = offsetof(T, group), .type = WIRE_I64,
     .to = WIRE_LAST},
    {.name = "Term", .at = offsetof(T, term), .type = WIRE_I64,
     .to = WIRE_LAST},
    {.name = "Leader", .at = offsetof(T, leader), .type = WIRE_I32,
     .to = WIRE_LAST, .number = -1},
    {.name = "IsLeader", .at = offsetof(T, is_leader), .type = WIRE_BOOL,
     .to = WIRE_LAST},
    {.name = "Ready", .at = offsetof(T, ready), .type = WIRE_BOOL,
     .to = WIRE_LAST},
    {.name = "Repair", .at = offsetof(T, repair), .type = WIRE_BOOL,
     .to = WIRE_LAST},
    {.name = "Transferring", .at = offsetof(T, transferring), .type = WIRE_BOOL,
     .to = WIRE_LAST},
    {.name = "Commit", .at = offsetof(T, commit), .type = WIRE_I64,
     .to = WIRE_LAST},
    {.name = "Last", .at = offsetof(T, last), .type = WIRE_I64,
     .to = WIRE_LAST},
    {.name = "Stored", .at = offsetof(T, stored), .type = WIRE_I64,
     .to = WIRE_LAST},
    {.name = "Base", .at = offsetof(T, base), .type = WIRE_I64,
     .to = WIRE_LAST},
    {.name = "Applied", .at = offsetof(T, applied), .type = WIRE_I64,
     .to = WIRE_LAST},
    {.name = "LogStart", .at = offsetof(T, log_start), .type = WIRE_I64,
     .to = WIRE_LAST},
    {.name = "HighWatermark", .at = offsetof(T, high_watermark),
     .type = WIRE_I64, .to = WIRE_LAST},
    {.name = "LogEnd", .at = offsetof(T, log_end), .type = WIRE_I64,
     .to = WIRE_LAST},
    {.name = "Bytes", .at = offsetof(T, bytes), .type = WIRE_I64,
     .to = WIRE_LAST},
    {.name = "Chain", .at = offsetof(T, chain), .type = WIRE_I64,
     .flags = WIRE_TAGGED, .to = WIRE_LAST, .tag_from = 0, .tag = 0},
    {.name = "Members", .at = offsetof(T, members), .type = WIRE_STRUCT,
     .sub = &wire_ostraka_describe_response_member, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_struct wire_ostraka_describe_response_partition =
    {response_partition, 21, sizeof(T)};
#undef T

#define T struct ostraka_describe_response
static const struct wire_field response[] = {
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ErrorMessage", .at = offsetof(T, error_message),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL,
     .to = WIRE_LAST},
    {.name = "NodeId", .at = offsetof(T, node_id), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "ClusterId", .at = offsetof(T, cluster_id), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Serves", .at = offsetof(T, serves), .type = WIRE_BOOL,
     .to = WIRE_LAST},
    {.name = "Version", .at = offsetof(T, version), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "UptimeMs", .at = offsetof(T, uptime_ms), .type = WIRE_I64,
     .to = WIRE_LAST},
    {.name = "ControllerId", .at = offsetof(T, controller_id), .type = WIRE_I32,
     .to = WIRE_LAST, .number = -1},
    {.name = "MetadataIndex", .at = offsetof(T, metadata_index),
     .type = WIRE_I64, .to = WIRE_LAST},
    {.name = "Nodes", .at = offsetof(T, nodes), .type = WIRE_STRUCT,
     .sub = &wire_ostraka_describe_response_node, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
    {.name = "Partitions", .at = offsetof(T, partitions), .type = WIRE_STRUCT,
     .sub = &wire_ostraka_describe_response_partition, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_message wire_ostraka_describe_response = {
    .name = "OstrakaDescribe",
    .body = {response, 11, sizeof(T)},
    .api_key = 32001,
    .is_request = false,
    .version_min = 0,
    .version_max = 0,
    .flexible_from = 0,
};
#undef T
