/* node.c - the table of node settings. */
#include "config/config.h"

#include <string.h>

#include "base/assert.h"

#define ROW(name_, kind_, type_, default_, min_, max_)                         \
    .name = (name_), .kind = SETTING_##kind_, .type = SETTING_TYPE_##type_,    \
    .default_text = (default_), .min = (min_), .max = (max_),                  \
    .scope = SETTING_NODE
#define FIXED(why)            .treatment = SETTING_FIXED, .reason = (why)
#define REPORTED(why)         .treatment = SETTING_REPORTED, .reason = (why)
#define DEFAULT_OF(s, scale_) .topic = 1 + (s), .scale = (scale_), .kafka = true
#define KIB                   (1LL << 10)
#define MIB                   (1LL << 20)
#define GIB                   (1LL << 30)
#define TIB                   (1LL << 40)
#define MINUTE                60000LL
#define HOUR                  (60 * MINUTE)

static const struct setting table[NODE_SETTINGS] = {
    [NODE_ID] = {ROW("node.id", INT, INT, "1", 1, INT32_MAX),
                 .aliases = "broker.id", .kafka = true,
                 .help =
                     "This node's number in cluster.nodes and in what clients "
                     "see."},
    [NODE_CLUSTER_NODES] =
        {ROW("cluster.nodes", LIST, LIST, "", 0, 0),
         .help = "All nodes of the cluster with their peer listeners: "
                 "1@host:port,2@host:port,3@host:port. Empty: a node on its "
                 "own."},
    [NODE_LISTENERS] =
        {ROW("listeners", LIST, LIST, "PLAINTEXT://127.0.0.1:9092", 0, 0),
         .kafka = true,
         .help = "Where clients connect: PLAINTEXT://host:port. An empty "
                 "host is every address."},
    [NODE_ADVERTISED_LISTENERS] =
        {ROW("advertised.listeners", LIST, LIST, "", 0, 0), .kafka = true,
         .help = "What clients are told to connect to; the listeners "
                 "themselves if empty."},
    [NODE_DATA_DIR] =
        {ROW("data.dir", STRING, STRING, "/var/lib/ostraka", 0, 0),
         .aliases = "log.dirs,log.dir",
         .help = "The data directory: journal, segments and state. One "
                 "directory."},
    [NODE_ADMIN_LISTENER] =
        {ROW("admin.listener", STRING, STRING, "", 0, 0),
         .help = "Where metrics and health are served over HTTP, for "
                 "Prometheus and whoever watches the process: host:port. "
                 "Without a host: loopback only. Empty: nowhere."},
    [NODE_RACK] = {ROW("broker.rack", STRING, STRING, "", 0, 0), .kafka = true,
                   .help = "The rack or zone that clients see for this node: "
                           "at most 63 bytes."},
    [NODE_NUM_PARTITIONS] =
        {ROW("num.partitions", INT, INT, "1", 1, 10000), .kafka = true,
         .help = "Partitions of a topic that is created without a number."},
    [NODE_DEFAULT_REPLICATION_FACTOR] =
        {ROW("default.replication.factor", INT, INT, NULL, 1,
             CONFIG_REPLICAS_MAX),
         .kafka = true,
         .help = "Replicas of a topic that is created without a number. "
                 "When not set: 3, or the number of nodes if there are "
                 "fewer."},
    [NODE_AUTO_CREATE_TOPICS] =
        {ROW("auto.create.topics.enable", BOOL, BOOL, "true", 0, 1),
         .kafka = true,
         .help = "Create a topic when a client that allows it asks for one "
                 "that does not exist."},
    [NODE_AUTO_LEADER_REBALANCE] =
        {ROW("auto.leader.rebalance.enable", BOOL, BOOL, "true", 0, 1),
         .kafka = true,
         .help = "Hand leadership back to the first replica of a partition "
                 "when it is there and caught up."},
    [NODE_LEADER_IMBALANCE_CHECK_S] =
        {ROW("leader.imbalance.check.interval.seconds", INT, INT, "5", 1,
             86400),
         .kafka = true,
         .help = "How often to look for leaderships to hand back."},
    [NODE_SHARDS] = {ROW("shards", INT, INT, "1", 1, 1024),
                     FIXED("this version runs one loop thread"),
                     .help = "Loop threads."},
    [NODE_MEMORY_BYTES] =
        {ROW("memory.bytes", SIZE, LONG, "0", 0, TIB),
         .help = "Memory for requests and record data. 0: a quarter of the "
                 "machine's, at most 1 GiB. Otherwise at least 32 MiB."},
    [NODE_JOURNAL_BYTES_MAX] =
        {ROW("journal.bytes.max", SIZE, LONG, "2147483648", 32 * MIB, TIB),
         .help = "Size of the journal's ring of files; at least four of "
                 "them."},
    [NODE_JOURNAL_FILE_BYTES] =
        {ROW("journal.file.bytes", SIZE, LONG, NULL, MIB, GIB),
         .help = "Size of one file of the journal, a multiple of 4096. When "
                 "not set: 64 MiB, or a quarter of journal.bytes.max if "
                 "that is less. Must be larger than message.max.bytes, and "
                 "the same on all nodes: a node ends when its leader's batch "
                 "does not fit its files. A directory keeps the size that it "
                 "was made with."},
    [NODE_STORAGE_IO] =
        {ROW("storage.io", ENUM, STRING, "auto", 0, 0),
         .choices = "auto,io_uring,threads",
         .help = "How files are read and written; auto takes io_uring where "
                 "the kernel allows it."},
    [NODE_LOOP_REST_US] =
        {ROW("loop.rest.us", INT, INT, "800", 0, 5000),
         .help = "Least time between two turns of a loop that is busy with "
                 "small messages, in microseconds, so that more of them share "
                 "a turn: less processor for a little latency. A loop with "
                 "little to do never waits. 0: none does."},
    [NODE_STORAGE_RESERVE_BYTES] =
        {ROW("storage.reserve.bytes", SIZE, LONG, "268435456", 0, TIB),
         FIXED("this version stops, saying so, when the disk is full"),
         .help = "Free disk space below which the node takes no more "
                 "records, so that deletion and state still work."},
    [NODE_UNSAFE_NO_FLUSH] =
        {ROW("unsafe.no.flush", BOOL, BOOL, "false", 0, 1),
         .help = "Testing only: acknowledge without flushing to the disk. "
                 "Acknowledged records are lost in a power cut."},
    [NODE_UNSAFE_NO_FLUSH_OF] =
        {ROW("unsafe.no.flush.of", ENUM, STRING, "all", 0, 0),
         .choices = "all,journal,segments,state,directories",
         .help = "Testing only: with unsafe.no.flush=true, what is not "
                 "flushed: everything, or one thing alone."},
    [NODE_RAFT_HEARTBEAT_MS] =
        {ROW("raft.heartbeat.ms", DURATION, INT, "100", 10, 10000),
         .help = "How often a leader is heard of when nothing happens."},
    [NODE_RAFT_ELECTION_MS] =
        {ROW("raft.election.ms", DURATION, INT, "400", 50, 60000),
         .help = "How long a silent leader is waited for; followers add a "
                 "random part of up to the same length."},
    [NODE_RAFT_QUIET_MS] =
        {ROW("raft.quiet.ms", DURATION, INT, "5000", 0, 3600000),
         .help = "A partition in which nothing happened for so long goes "
                 "without heartbeats until something does; its nodes still "
                 "hear of each other. 0: never."},
    [NODE_MAX_CONNECTIONS] =
        {ROW("max.connections", INT, INT, "10000", 1, 1000000), .kafka = true,
         .help = "Client connections; one more is closed at once. Fewer where "
                 "the process may open too few files: a quarter of these, and "
                 "at least 256, are its own."},
    [NODE_CONNECTIONS_MAX_IDLE_MS] =
        {ROW("connections.max.idle.ms", DURATION, LONG, "600000", -1,
             INT64_MAX),
         .kafka = true,
         .help = "A client connection that is silent for longer is closed; "
                 "-1: never. More than 49 days are 49 days."},
    [NODE_SOCKET_REQUEST_MAX_BYTES] =
        {ROW("socket.request.max.bytes", SIZE, INT, "104857600", 1024,
             INT32_MAX),
         .kafka = true,
         .help = "The largest request; a connection that announces a larger "
                 "one is closed."},
    [NODE_QUEUED_MAX_REQUESTS] =
        {ROW("queued.max.requests", INT, INT, "500", 1, 1000000), .kafka = true,
         .help = "Requests in progress of one connection; beyond, it is not "
                 "read from. (Kafka counts those of all. memory.bytes bounds "
                 "what all may hold.)"},
    [NODE_QUEUED_MAX_REQUEST_BYTES] =
        {ROW("queued.max.request.bytes", SIZE, LONG, "-1", -1, TIB),
         .kafka = true, FIXED("memory.bytes bounds what requests may hold"),
         .help = "Bytes of requests in progress; -1: what memory.bytes "
                 "leaves."},
    [NODE_FETCH_MAX_BYTES] =
        {ROW("fetch.max.bytes", SIZE, INT, "57671680", 1024, INT32_MAX),
         .kafka = true,
         .help = "The most that one Fetch returns, whatever the client "
                 "asks for (a first batch larger than that is returned "
                 "whole)."},
    [NODE_FETCH_MAX_WAIT_MS] =
        {ROW("fetch.max.wait.ms", DURATION, INT, "60000", 0, INT32_MAX),
         .help = "The longest that a Fetch waits, whatever the client asks "
                 "for."},
    [NODE_PRODUCER_ID_EXPIRATION_MS] =
        {ROW("producer.id.expiration.ms", DURATION, INT, "86400000", 1000,
             INT32_MAX),
         .kafka = true,
         .help = "How long the sequence numbers of a silent idempotent "
                 "producer are remembered."},
    [NODE_RETENTION_CHECK_MS] = {ROW("log.retention.check.interval.ms",
                                     DURATION, LONG, "300000", 1000, INT64_MAX),
                                 .kafka = true,
                                 .help =
                                     "How often retention is looked after."},
    [NODE_GROUP_INITIAL_DELAY_MS] =
        {ROW("group.initial.rebalance.delay.ms", DURATION, INT, "3000", 0,
             INT32_MAX),
         .kafka = true,
         .help = "How long the first members of an empty group wait for "
                 "others, so that they share one rebalance."},
    [NODE_GROUP_MIN_SESSION_MS] =
        {ROW("group.min.session.timeout.ms", DURATION, INT, "6000", 1,
             INT32_MAX),
         .kafka = true,
         .help = "The shortest session.timeout.ms that a member of a "
                 "consumer group may ask for."},
    [NODE_GROUP_MAX_SESSION_MS] =
        {ROW("group.max.session.timeout.ms", DURATION, INT, "1800000", 1,
             INT32_MAX),
         .kafka = true,
         .help = "The longest session.timeout.ms that a member of a "
                 "consumer group may ask for."},
    [NODE_GROUP_MAX_SIZE] =
        {ROW("group.max.size", INT, INT, "2147483647", 1, INT32_MAX),
         .kafka = true,
         .help = "Members of one consumer group; one more is turned away. "
                 "Never more than 10000."},
    [NODE_GROUP_MAX_BYTES] =
        {ROW("groups.group.max.bytes", SIZE, LONG, "67108864", 65536,
             INT64_MAX),
         .help = "Memory for one consumer group: its members with what they "
                 "subscribe to and are assigned, its committed offsets. What "
                 "would make it larger is refused: JoinGroup with "
                 "GROUP_MAX_SIZE_REACHED, SyncGroup with "
                 "UNKNOWN_SERVER_ERROR, OffsetCommit with "
                 "INVALID_COMMIT_OFFSET_SIZE."},
    [NODE_GROUPS_SHARD_MAX_BYTES] =
        {ROW("groups.shard.max.bytes", SIZE, LONG, "268435456", 65536,
             INT64_MAX),
         .help = "The same for all groups of a shard together: a sixteenth of "
                 "all groups."},
    [NODE_OFFSET_METADATA_MAX] =
        {ROW("offset.metadata.max.bytes", SIZE, INT, "4096", 0, INT32_MAX),
         .kafka = true,
         .help = "The longest text that a consumer may commit with an "
                 "offset."},
    [NODE_OFFSETS_RETENTION_MINUTES] =
        {ROW("offsets.retention.minutes", INT, INT, "10080", 1, INT32_MAX),
         .kafka = true,
         .help = "How long the committed offsets of a consumer group are "
                 "kept after its last member has left; without members ever, "
                 "after the last commit."},
    [NODE_OFFSETS_RETENTION_CHECK_MS] =
        {ROW("offsets.retention.check.interval.ms", DURATION, LONG, "600000", 1,
             INT32_MAX),
         .kafka = true,
         .help = "How often to look for offsets that are too old."},
    [NODE_STATE_CHECKPOINT_ENTRIES] =
        {ROW("state.checkpoint.entries", INT, INT, "2000", 1, 1000000),
         .help = "A database of @meta or of consumer groups is made durable, "
                 "and its log trimmed, when the log is longer than this (or "
                 "than 1 MiB; or than 128, when memory is scarce). Fewer: "
                 "more writes, and less to apply again "
                 "after an unclean stop."},
    [NODE_GROUPS_HISTORY_MAX] =
        {ROW("groups.history.max", INT, INT, "20", 0, 10000),
         .help = "Earlier committed offsets that are kept for each partition "
                 "of a consumer group; 0: none."},
    [NODE_GROUPS_HISTORY_INTERVAL_MS] =
        {ROW("groups.history.interval.ms", DURATION, INT, "60000", 0,
             INT32_MAX),
         .help = "A commit enters that history when the last one did so this "
                 "long ago; one without membership, as by a reset by hand, "
                 "always does."},
    [NODE_SQL_ROWS_MAX] =
        {ROW("sql.rows.max", INT, INT, "100000", 1, 10000000),
         .help = "Rows that one SQL statement may read into its tables, and "
                 "rows that it may answer with; one that needs more is "
                 "refused."},
    [NODE_SQL_TIME_MAX] =
        {ROW("sql.time.max", DURATION, INT, "5000", 1, 600000),
         .help = "How long one SQL statement may take, in milliseconds, the "
                 "wait for others and for rows of other nodes included."},
    [NODE_LOG_LEVEL] =
        {ROW("log.level", ENUM, STRING, "info", 0, 0),
         .choices = "debug,info,warn,error", .dynamic = true,
         .help = "The lowest level of the lines that the node writes about "
                 "itself."},
    [NODE_LOG_FILE] = {ROW("log.file", STRING, STRING, "", 0, 0),
                       .help = "Where those lines go; empty: standard error."},

    [NODE_LOG_CLEANUP_POLICY] = {ROW("log.cleanup.policy", ENUM, LIST, "delete",
                                     0, 0),
                                 .choices = "delete",
                                 FIXED("compaction is not supported"),
                                 DEFAULT_OF(TOPIC_CLEANUP_POLICY, 1),
                                 .help = "Default of cleanup.policy."},
    [NODE_COMPRESSION_TYPE] =
        {ROW("compression.type", ENUM, STRING, "producer", 0, 0),
         .choices = "producer,uncompressed,gzip,snappy,lz4,zstd",
         DEFAULT_OF(TOPIC_COMPRESSION_TYPE, 1),
         .help = "Default of the topic setting of the same name."},
    [NODE_LOG_RETENTION_MS] =
        {ROW("log.retention.ms", DURATION, LONG, NULL, -1, INT64_MAX),
         DEFAULT_OF(TOPIC_RETENTION_MS, 1),
         .help = "Default of retention.ms; wins over log.retention.minutes "
                 "and .hours."},
    [NODE_LOG_RETENTION_MINUTES] = {ROW("log.retention.minutes", INT, INT, NULL,
                                        -1, INT32_MAX),
                                    DEFAULT_OF(TOPIC_RETENTION_MS, MINUTE),
                                    .help =
                                        "Default of retention.ms, in minutes."},
    [NODE_LOG_RETENTION_HOURS] = {ROW("log.retention.hours", INT, INT, "168",
                                      -1, INT32_MAX),
                                  DEFAULT_OF(TOPIC_RETENTION_MS, HOUR),
                                  .help = "Default of retention.ms, in hours."},
    [NODE_LOG_RETENTION_BYTES] = {ROW("log.retention.bytes", SIZE, LONG, "-1",
                                      -1, INT64_MAX),
                                  DEFAULT_OF(TOPIC_RETENTION_BYTES, 1),
                                  .help = "Default of retention.bytes."},
    [NODE_LOG_ROLL_MS] =
        {ROW("log.roll.ms", DURATION, LONG, NULL, 1, INT64_MAX),
         DEFAULT_OF(TOPIC_SEGMENT_MS, 1),
         .help = "Default of segment.ms; wins over log.roll.hours."},
    [NODE_LOG_ROLL_HOURS] = {ROW("log.roll.hours", INT, INT, "168", 1,
                                 INT32_MAX),
                             DEFAULT_OF(TOPIC_SEGMENT_MS, HOUR),
                             .help = "Default of segment.ms, in hours."},
    [NODE_LOG_SEGMENT_BYTES] = {ROW("log.segment.bytes", SIZE, INT,
                                    "1073741824", 16 * KIB, INT32_MAX),
                                DEFAULT_OF(TOPIC_SEGMENT_BYTES, 1),
                                .help = "Default of segment.bytes."},
    [NODE_LOG_SEGMENT_DELETE_DELAY_MS] =
        {ROW("log.segment.delete.delay.ms", DURATION, LONG, "60000", 0,
             INT64_MAX),
         DEFAULT_OF(TOPIC_FILE_DELETE_DELAY_MS, 1),
         REPORTED("files go as soon as nothing reads them"),
         .help = "Default of file.delete.delay.ms."},
    [NODE_LOG_INDEX_INTERVAL_BYTES] =
        {ROW("log.index.interval.bytes", SIZE, INT, "4096", 0, INT32_MAX),
         DEFAULT_OF(TOPIC_INDEX_INTERVAL_BYTES, 1),
         REPORTED("the spacing of index blocks is part of the format"),
         .help = "Default of index.interval.bytes."},
    [NODE_LOG_INDEX_SIZE_MAX_BYTES] =
        {ROW("log.index.size.max.bytes", SIZE, INT, "10485760", 4, INT32_MAX),
         DEFAULT_OF(TOPIC_SEGMENT_INDEX_BYTES, 1),
         REPORTED("an index is as large as its segment needs"),
         .help = "Default of segment.index.bytes."},
    [NODE_MESSAGE_MAX_BYTES] =
        {ROW("message.max.bytes", SIZE, INT, "1048588", 0, 32 * MIB),
         DEFAULT_OF(TOPIC_MAX_MESSAGE_BYTES, 1),
         .help = "Default of max.message.bytes, the largest record batch. One "
                 "file of the journal must take it: see "
                 "journal.file.bytes."},
    [NODE_LOG_TIMESTAMP_TYPE] = {ROW("log.message.timestamp.type", ENUM, STRING,
                                     "CreateTime", 0, 0),
                                 .choices = "CreateTime,LogAppendTime",
                                 DEFAULT_OF(TOPIC_TIMESTAMP_TYPE, 1),
                                 .help = "Default of message.timestamp.type."},
    [NODE_LOG_TIMESTAMP_BEFORE_MAX_MS] =
        {ROW("log.message.timestamp.before.max.ms", DURATION, LONG,
             "9223372036854775807", 0, INT64_MAX),
         DEFAULT_OF(TOPIC_TIMESTAMP_BEFORE_MAX_MS, 1),
         .help = "Default of message.timestamp.before.max.ms."},
    [NODE_LOG_TIMESTAMP_AFTER_MAX_MS] =
        {ROW("log.message.timestamp.after.max.ms", DURATION, LONG, "3600000", 0,
             INT64_MAX),
         DEFAULT_OF(TOPIC_TIMESTAMP_AFTER_MAX_MS, 1),
         .help = "Default of message.timestamp.after.max.ms."},
    [NODE_MIN_INSYNC_REPLICAS] =
        {ROW("min.insync.replicas", INT, INT, "1", 1, CONFIG_NODES_MAX),
         DEFAULT_OF(TOPIC_MIN_INSYNC_REPLICAS, 1),
         .help = "Default of the topic setting of the same name; at most "
                 "the majority of default.replication.factor."},

    [NODE_LOG_FLUSH_INTERVAL_MESSAGES] =
        {ROW("log.flush.interval.messages", LONG, LONG, "9223372036854775807",
             1, INT64_MAX),
         FIXED("every record is flushed before it is acknowledged"),
         DEFAULT_OF(TOPIC_FLUSH_MESSAGES, 1),
         .help = "Default of flush.messages."},
    [NODE_LOG_FLUSH_INTERVAL_MS] =
        {ROW("log.flush.interval.ms", DURATION, LONG, NULL, 0, INT64_MAX),
         FIXED("every record is flushed before it is acknowledged"),
         DEFAULT_OF(TOPIC_FLUSH_MS, 1), .help = "Default of flush.ms."},
    [NODE_LOG_PREALLOCATE] =
        {ROW("log.preallocate", BOOL, BOOL, "false", 0, 1),
         FIXED("segments are not preallocated; the journal always is"),
         DEFAULT_OF(TOPIC_PREALLOCATE, 1), .help = "Default of preallocate."},
    [NODE_UNCLEAN_LEADER_ELECTION] =
        {ROW("unclean.leader.election.enable", BOOL, BOOL, "false", 0, 1),
         FIXED("a replica without all acknowledged records never leads"),
         DEFAULT_OF(TOPIC_UNCLEAN_LEADER_ELECTION, 1),
         .help = "Default of the topic setting of the same name."},
    [NODE_ZOOKEEPER_CONNECT] =
        {ROW("zookeeper.connect", STRING, STRING, NULL, 0, 0), .kafka = true,
         FIXED("there is no ZooKeeper; remove it and name the nodes in "
               "cluster.nodes"),
         .help = "Kafka's ZooKeeper ensemble."},
    [NODE_PROCESS_ROLES] = {ROW("process.roles", LIST, LIST, NULL, 0, 0),
                            .kafka = true,
                            FIXED("every node is the same program; remove it"),
                            .help = "Kafka's roles of a process."},
    [NODE_CONTROLLER_QUORUM_VOTERS] =
        {ROW("controller.quorum.voters", LIST, LIST, NULL, 0, 0), .kafka = true,
         FIXED("there are no separate controllers; name the nodes in "
               "cluster.nodes"),
         .help = "Kafka's controllers."},
    [NODE_CONTROLLER_LISTENER_NAMES] =
        {ROW("controller.listener.names", LIST, LIST, NULL, 0, 0),
         .kafka = true, FIXED("there are no separate controllers; remove it"),
         .help = "Kafka's listeners for controllers."},
    [NODE_INTER_BROKER_LISTENER_NAME] =
        {ROW("inter.broker.listener.name", STRING, STRING, NULL, 0, 0),
         .kafka = true,
         FIXED("nodes talk over the peer listeners of cluster.nodes; remove "
               "it"),
         .help = "Kafka's listener for other brokers."},
    [NODE_SECURITY_PROTOCOL_MAP] =
        {ROW("listener.security.protocol.map", LIST, LIST, NULL, 0, 0),
         .kafka = true, FIXED("PLAINTEXT is the only protocol; remove it"),
         .help = "Kafka's protocol for each listener."},
    [NODE_SASL_MECHANISMS] = {ROW("sasl.enabled.mechanisms", LIST, LIST, NULL,
                                  0, 0),
                              .kafka = true,
                              FIXED("this version has no authentication"),
                              .help = "SASL mechanisms for clients."},
    [NODE_SSL_KEYSTORE_LOCATION] = {ROW("ssl.keystore.location", STRING, STRING,
                                        NULL, 0, 0),
                                    .kafka = true,
                                    FIXED("this version has no TLS"),
                                    .help = "The key store for TLS."},
    [NODE_AUTHORIZER_CLASS] = {ROW("authorizer.class.name", STRING, STRING, "",
                                   0, 0),
                               .kafka = true,
                               FIXED("this version has no access control"),
                               .help = "Kafka's authorizer."},
    [NODE_REMOTE_STORAGE] = {ROW("remote.log.storage.system.enable", BOOL, BOOL,
                                 "false", 0, 1),
                             .kafka = true,
                             FIXED("tiered storage is not supported"),
                             .help = "Kafka's tiered storage."},
};

const struct setting *config_setting(enum node_setting s)
{
    ASSERT((int)s >= 0 && s < NODE_SETTINGS);
    return &table[s];
}

int config_find(const char *name)
{
    return setting_find(table, NODE_SETTINGS, name);
}

int config_explain(const char *name, struct buf *out, struct err *err)
{
    int distance = SETTING_FAR;
    int node = config_find(name);
    int topic = config_topic_find(name);
    const char *nearest;
    const char *other;

    if (node >= 0) {
        setting_explain(&table[node], out);
    }
    if (topic >= 0) {
        setting_explain(config_topic_setting((enum topic_setting)topic), out);
    }
    if (node >= 0 || topic >= 0) {
        return out->status;
    }
    nearest = setting_nearest(table, NODE_SETTINGS, name, &distance);
    other = setting_nearest(config_topic_setting((enum topic_setting)0),
                            TOPIC_SETTINGS, name, &distance);
    nearest = other != NULL ? other : nearest;
    return err_set(err, ERR_NOTFOUND, "%.100s: no such setting%s%s%s", name,
                   nearest == NULL ? "" : "; did you mean ",
                   nearest == NULL ? "" : nearest, nearest == NULL ? "" : "?");
}
