#include "api/handlers.h"
#include "wire/api.h"

/* kafka-api.md section 1: minimums that old clients look for, maximums whose
 * semantics are really there. Ordered by key. */
const struct api_row api_table[] = {
    {API_PRODUCE, 0, 11, api_produce, false},
    {API_FETCH, 4, 17, api_fetch, false},
    {API_LIST_OFFSETS, 1, 10, api_list_offsets, false},
    {API_METADATA, 0, 13, api_metadata, false},
    {API_OFFSET_COMMIT, 2, 10, api_offset_commit, false},
    {API_OFFSET_FETCH, 1, 10, api_offset_fetch, false},
    {API_FIND_COORDINATOR, 0, 6, api_find_coordinator, false},
    {API_JOIN_GROUP, 0, 9, api_join_group, false},
    {API_HEARTBEAT, 0, 4, api_heartbeat, false},
    {API_LEAVE_GROUP, 0, 5, api_leave_group, false},
    {API_SYNC_GROUP, 0, 5, api_sync_group, false},
    {API_DESCRIBE_GROUPS, 0, 6, api_describe_groups, false},
    {API_LIST_GROUPS, 0, 5, api_list_groups, false},
    {API_API_VERSIONS, 0, 4, api_versions, false},
    {API_CREATE_TOPICS, 0, 7, api_create_topics, false},
    {API_DELETE_TOPICS, 0, 6, api_delete_topics, false},
    {API_DELETE_RECORDS, 0, 2, api_delete_records, false},
    {API_INIT_PRODUCER_ID, 0, 5, api_init_producer_id, false},
    {API_OFFSET_FOR_LEADER_EPOCH, 2, 4, api_offset_for_leader_epoch, false},
    {API_DESCRIBE_CONFIGS, 0, 4, api_describe_configs, false},
    {API_ALTER_CONFIGS, 0, 2, api_alter_configs, false},
    {API_CREATE_PARTITIONS, 0, 3, api_create_partitions, false},
    {API_DELETE_GROUPS, 0, 2, api_delete_groups, false},
    {API_INCREMENTAL_ALTER_CONFIGS, 0, 1, api_incremental_alter_configs, false},
    {API_OFFSET_DELETE, 0, 0, api_offset_delete, false},
    {API_DESCRIBE_CLUSTER, 0, 1, api_describe_cluster, false},
    {API_DESCRIBE_TOPIC_PARTITIONS, 0, 0, api_describe_topic_partitions, false},
    {API_OSTRAKA_DESCRIBE, 0, 0, api_ostraka_describe, true},
    {API_OSTRAKA_SQL, 0, 0, api_ostraka_sql, true},
    {API_OSTRAKA_OFFSET_HISTORY, 0, 0, api_ostraka_offset_history, true},
};
const unsigned api_table_n = sizeof api_table / sizeof api_table[0];

const struct api_row *api_find(int key)
{
    for (unsigned i = 0; i < api_table_n; i++) {
        if (api_table[i].key == key) {
            return &api_table[i];
        }
    }
    return NULL;
}
