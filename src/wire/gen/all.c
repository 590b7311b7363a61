/* all.c - every message that has a schema.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/all.h"

#include "wire/gen/alter_configs.h"
#include "wire/gen/alter_partition_reassignments.h"
#include "wire/gen/api_versions.h"
#include "wire/gen/consumer_group_describe.h"
#include "wire/gen/create_partitions.h"
#include "wire/gen/create_topics.h"
#include "wire/gen/delete_groups.h"
#include "wire/gen/delete_records.h"
#include "wire/gen/delete_topics.h"
#include "wire/gen/describe_cluster.h"
#include "wire/gen/describe_configs.h"
#include "wire/gen/describe_groups.h"
#include "wire/gen/describe_log_dirs.h"
#include "wire/gen/describe_quorum.h"
#include "wire/gen/describe_topic_partitions.h"
#include "wire/gen/elect_leaders.h"
#include "wire/gen/fetch.h"
#include "wire/gen/find_coordinator.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/incremental_alter_configs.h"
#include "wire/gen/init_producer_id.h"
#include "wire/gen/join_group.h"
#include "wire/gen/leave_group.h"
#include "wire/gen/list_groups.h"
#include "wire/gen/list_offsets.h"
#include "wire/gen/list_partition_reassignments.h"
#include "wire/gen/metadata.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_delete.h"
#include "wire/gen/offset_fetch.h"
#include "wire/gen/offset_for_leader_epoch.h"
#include "wire/gen/ostraka_describe.h"
#include "wire/gen/ostraka_offset_history.h"
#include "wire/gen/ostraka_sql.h"
#include "wire/gen/produce.h"
#include "wire/gen/sasl_authenticate.h"
#include "wire/gen/sasl_handshake.h"
#include "wire/gen/sync_group.h"

const struct wire_api_tables wire_all[] = {
    {&wire_produce_request, &wire_produce_response},
    {&wire_fetch_request, &wire_fetch_response},
    {&wire_list_offsets_request, &wire_list_offsets_response},
    {&wire_metadata_request, &wire_metadata_response},
    {&wire_offset_commit_request, &wire_offset_commit_response},
    {&wire_offset_fetch_request, &wire_offset_fetch_response},
    {&wire_find_coordinator_request, &wire_find_coordinator_response},
    {&wire_join_group_request, &wire_join_group_response},
    {&wire_heartbeat_request, &wire_heartbeat_response},
    {&wire_leave_group_request, &wire_leave_group_response},
    {&wire_sync_group_request, &wire_sync_group_response},
    {&wire_describe_groups_request, &wire_describe_groups_response},
    {&wire_list_groups_request, &wire_list_groups_response},
    {&wire_sasl_handshake_request, &wire_sasl_handshake_response},
    {&wire_api_versions_request, &wire_api_versions_response},
    {&wire_create_topics_request, &wire_create_topics_response},
    {&wire_delete_topics_request, &wire_delete_topics_response},
    {&wire_delete_records_request, &wire_delete_records_response},
    {&wire_init_producer_id_request, &wire_init_producer_id_response},
    {&wire_offset_for_leader_epoch_request,
    &wire_offset_for_leader_epoch_response},
    {&wire_describe_configs_request, &wire_describe_configs_response},
    {&wire_alter_configs_request, &wire_alter_configs_response},
    {&wire_describe_log_dirs_request, &wire_describe_log_dirs_response},
    {&wire_sasl_authenticate_request, &wire_sasl_authenticate_response},
    {&wire_create_partitions_request, &wire_create_partitions_response},
    {&wire_delete_groups_request, &wire_delete_groups_response},
    {&wire_elect_leaders_request, &wire_elect_leaders_response},
    {&wire_incremental_alter_configs_request,
    &wire_incremental_alter_configs_response},
    {&wire_alter_partition_reassignments_request,
    &wire_alter_partition_reassignments_response},
    {&wire_list_partition_reassignments_request,
    &wire_list_partition_reassignments_response},
    {&wire_offset_delete_request, &wire_offset_delete_response},
    {&wire_describe_quorum_request, &wire_describe_quorum_response},
    {&wire_describe_cluster_request, &wire_describe_cluster_response},
    {&wire_consumer_group_describe_request,
    &wire_consumer_group_describe_response},
    {&wire_describe_topic_partitions_request,
    &wire_describe_topic_partitions_response},
    {&wire_ostraka_describe_request, &wire_ostraka_describe_response},
    {&wire_ostraka_sql_request, &wire_ostraka_sql_response},
    {&wire_ostraka_offset_history_request,
    &wire_ostraka_offset_history_response},
};

const unsigned wire_all_n = sizeof wire_all / sizeof *wire_all;
