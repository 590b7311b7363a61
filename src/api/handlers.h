/* handlers.h - all handlers, one per API; table.c says which versions. */
#ifndef API_HANDLERS_H
#define API_HANDLERS_H

#include "api/request.h"

/* One row of the table: what is advertised is exactly what is served. */
struct api_row {
    int16_t key;
    int16_t min, max;
    request_handler handle;
    /* Served, but not advertised: our own tools know of it. */
    bool hidden;
};
/* All rows, ordered by key. */
extern const struct api_row api_table[];
extern const unsigned api_table_n;
/* The row of an API, or NULL. */
const struct api_row *api_find(int key);

/* versions.c */
void api_versions(struct request *r);
/* produce.c, fetch.c, list_offsets.c, epochs.c, producer.c */
void api_produce(struct request *r);
void api_fetch(struct request *r);
void api_list_offsets(struct request *r);
void api_offset_for_leader_epoch(struct request *r);
void api_init_producer_id(struct request *r);
/* metadata.c, cluster.c */
void api_metadata(struct request *r);
void api_describe_cluster(struct request *r);
void api_describe_topic_partitions(struct request *r);
/* topics.c, topics_delete.c, records.c, partitions.c, configs.c,
 * configs_alter.c */
void api_create_topics(struct request *r);
void api_delete_topics(struct request *r);
void api_delete_records(struct request *r);
void api_create_partitions(struct request *r);
void api_describe_configs(struct request *r);
void api_alter_configs(struct request *r);
void api_incremental_alter_configs(struct request *r);
/* find_coordinator.c, group_join.c, group_sync.c, group_leave.c,
 * group_describe.c, group_list.c */
void api_find_coordinator(struct request *r);
void api_join_group(struct request *r);
void api_sync_group(struct request *r);
void api_heartbeat(struct request *r);
void api_leave_group(struct request *r);
void api_describe_groups(struct request *r);
void api_list_groups(struct request *r);
void api_delete_groups(struct request *r);
/* offset_commit.c, offset_fetch.c, offset_delete.c */
void api_offset_commit(struct request *r);
void api_offset_fetch(struct request *r);
void api_offset_delete(struct request *r);
/* status.c, sql.c */
void api_ostraka_describe(struct request *r);
void api_ostraka_sql(struct request *r);
/* offset_history.c */
void api_ostraka_offset_history(struct request *r);

#endif
