/* sql_tables.c - the views, as doc/SQL.md promises them. Columns are only ever
 * added, at the end. */
#include "state/sql_impl.h"

/* Keys also are the order in which rows come without ORDER BY: the same on
 * every node. */
const struct sql_table sql_tables[SQL_TABLES] = {
    [SQL_GROUPS] = {.name = "groups",
                    .columns = "group_id TEXT,state TEXT,generation INTEGER,"
                               "protocol_type TEXT,protocol TEXT,leader TEXT,"
                               "members INTEGER,state_since_ms INTEGER,"
                               "shard INTEGER,coordinator INTEGER",
                    .key = "group_id",
                    .values = "?1,?2,?3,?4,?5,?6,?7,?8,?9,?10",
                    .stores = "vvvvvvvvvv"},
    [SQL_MEMBERS] = {.name = "members",
                     .columns =
                         "group_id TEXT,member_id TEXT,instance_id TEXT,"
                         "client_id TEXT,client_host TEXT,"
                         "session_timeout_ms INTEGER,"
                         "rebalance_timeout_ms INTEGER,partitions INTEGER,"
                         "assignment TEXT",
                     .key = "group_id,member_id",
                     .values = "?1,?2,?3,?4,?5,?6,?7,?9,?8",
                     .stores = "vvvvvvva"},
    [SQL_OFFSETS] = {.name = "offsets",
                     .columns = "group_id TEXT,topic TEXT,partition INTEGER,"
                                "offset INTEGER,leader_epoch INTEGER,"
                                "metadata TEXT,committed_ms INTEGER,"
                                "committed_by TEXT,topic_id TEXT",
                     .key = "group_id,topic_id,partition",
                     .values = "?1,(SELECT topic FROM sql_names WHERE id=?2),"
                               "?3,?4,nullif(?5,-1),?6,?7,?8,?2",
                     .stores = "vuvvvvvv"},
    [SQL_HISTORY] = {.name = "offset_history",
                     .columns = "group_id TEXT,topic TEXT,partition INTEGER,"
                                "seq INTEGER,offset INTEGER,"
                                "leader_epoch INTEGER,metadata TEXT,"
                                "committed_ms INTEGER,committed_by TEXT,"
                                "reset INTEGER,topic_id TEXT",
                     .key = "group_id,topic_id,partition,seq",
                     .values = "?1,(SELECT topic FROM sql_names WHERE id=?2),"
                               "?3,?4,?5,nullif(?6,-1),?7,?8,?9,?10,?2",
                     .stores = "vuvvvvvvvv"},
    [SQL_TOPICS] = {.name = "topics",
                    .columns = "topic TEXT,topic_id TEXT,partitions INTEGER,"
                               "replication_factor INTEGER,internal INTEGER,"
                               "created_ms INTEGER",
                    .key = "topic",
                    .values = "?1,?2,?3,?4,?5,?6",
                    .stores = "vuvvvv"},
    [SQL_PARTITIONS] = {.name = "partitions",
                        .columns =
                            "topic TEXT,partition INTEGER,leader INTEGER,"
                            "leader_epoch INTEGER,replicas TEXT,insync TEXT,"
                            "start_offset INTEGER,end_offset INTEGER,"
                            "raft_group INTEGER",
                        .key = "topic,partition",
                        .values = "?1,?2,?3,?4,?5,?6,"
                                  "(SELECT first FROM sql_ends WHERE id=?7),"
                                  "(SELECT next FROM sql_ends WHERE id=?7),?7",
                        .stores = "vvvvvvv"},
    [SQL_NODES] = {.name = "nodes",
                   .columns = "node INTEGER,host TEXT,port INTEGER,rack TEXT,"
                              "version TEXT,up INTEGER,controller INTEGER,"
                              "peer_host TEXT,peer_port INTEGER,"
                              "directory_id TEXT,incarnation INTEGER",
                   .key = "node",
                   .values = "?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11",
                   .stores = "vvvvvvvvvuv"},
    [SQL_CONFIGS] = {.name = "configs",
                     .columns = "topic TEXT,name TEXT,value TEXT",
                     .key = "topic,name",
                     .values = "?1,?2,?3",
                     .stores = "vvv"},
    [SQL_LAG] = {.name = "lag",
                 .columns = "group_id TEXT,topic TEXT,partition INTEGER,"
                            "offset INTEGER,end_offset INTEGER,lag INTEGER,"
                            "committed_ms INTEGER",
                 /* What has no end that is known has no lag that is known. */
                 .made = "CREATE VIEW lag AS SELECT o.group_id,o.topic,"
                         "o.partition,o.offset,p.end_offset,"
                         "p.end_offset-o.offset AS lag,o.committed_ms "
                         "FROM offsets o JOIN partitions p "
                         "ON p.topic=o.topic AND p.partition=o.partition",
                 .stores = ""},
    [SQL_NAMES] = {.name = "sql_names",
                   .columns = "id TEXT,topic TEXT",
                   .key = "id",
                   .values = "?1,?2",
                   .stores = "uv"},
    [SQL_ENDS] = {.name = "sql_ends",
                  .columns = "id INTEGER,first INTEGER,next INTEGER",
                  .key = "id",
                  .values = "?1,?2,?3",
                  .stores = "vvv"},
};
