/* config.h - one table of node and topic settings: name, kind, default,
 * limits, help; parse, print, explain.
 *
 * Everything that can be set stands in one of two tables. A setting is
 * HONOURED, FIXED (Kafka has it; only its default is accepted here, another
 * value is refused with the reason) or REPORTED (its meaning does not arise
 * here; valid values are accepted and shown, and the reason says so). Nothing
 * is accepted and silently ignored.
 *
 *   config_new -> config_load*, config_set* -> config_finish -> getters
 *
 * Node settings come from files in Kafka's .properties syntax (UTF-8) and
 * from the command line, which wins over files. Topic settings have node-wide
 * defaults under Kafka's broker names (log.retention.hours, ...); a topic's
 * own values are a `struct topic_config`, a plain value that may be copied.
 *
 * Thread: one at a time; read-only after config_finish().
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/topic.h"

/* Node settings; each has its row in src/config/node.c. */
enum node_setting {
    NODE_ID,
    NODE_CLUSTER_NODES,
    NODE_LISTENERS,
    NODE_ADVERTISED_LISTENERS,
    NODE_DATA_DIR,
    NODE_ADMIN_LISTENER,
    NODE_RACK,
    NODE_NUM_PARTITIONS,
    NODE_DEFAULT_REPLICATION_FACTOR,
    NODE_AUTO_CREATE_TOPICS,
    NODE_AUTO_LEADER_REBALANCE,
    NODE_LEADER_IMBALANCE_CHECK_S,
    NODE_SHARDS,
    NODE_MEMORY_BYTES,
    NODE_JOURNAL_BYTES_MAX,
    NODE_JOURNAL_FILE_BYTES,
    NODE_STORAGE_IO,
    NODE_LOOP_REST_US,
    NODE_STORAGE_RESERVE_BYTES,
    NODE_UNSAFE_NO_FLUSH,
    NODE_UNSAFE_NO_FLUSH_OF,
    NODE_RAFT_HEARTBEAT_MS,
    NODE_RAFT_ELECTION_MS,
    NODE_RAFT_QUIET_MS,
    NODE_MAX_CONNECTIONS,
    NODE_CONNECTIONS_MAX_IDLE_MS,
    NODE_SOCKET_REQUEST_MAX_BYTES,
    NODE_QUEUED_MAX_REQUESTS,
    NODE_QUEUED_MAX_REQUEST_BYTES,
    NODE_FETCH_MAX_BYTES,
    NODE_FETCH_MAX_WAIT_MS,
    NODE_PRODUCER_ID_EXPIRATION_MS,
    NODE_RETENTION_CHECK_MS,
    NODE_GROUP_INITIAL_DELAY_MS,
    NODE_GROUP_MIN_SESSION_MS,
    NODE_GROUP_MAX_SESSION_MS,
    NODE_GROUP_MAX_SIZE,
    NODE_GROUP_MAX_BYTES,
    NODE_GROUPS_SHARD_MAX_BYTES,
    NODE_OFFSET_METADATA_MAX,
    NODE_OFFSETS_RETENTION_MINUTES,
    NODE_OFFSETS_RETENTION_CHECK_MS,
    NODE_STATE_CHECKPOINT_ENTRIES,
    NODE_GROUPS_HISTORY_MAX,
    NODE_GROUPS_HISTORY_INTERVAL_MS,
    NODE_SQL_ROWS_MAX,
    NODE_SQL_TIME_MAX,
    NODE_LOG_LEVEL,
    NODE_LOG_FILE,
    /* Topic defaults by Kafka's broker names; of several names for one topic
     * setting the most specific comes first and wins. */
    NODE_LOG_CLEANUP_POLICY,
    NODE_COMPRESSION_TYPE,
    NODE_LOG_RETENTION_MS,
    NODE_LOG_RETENTION_MINUTES,
    NODE_LOG_RETENTION_HOURS,
    NODE_LOG_RETENTION_BYTES,
    NODE_LOG_ROLL_MS,
    NODE_LOG_ROLL_HOURS,
    NODE_LOG_SEGMENT_BYTES,
    NODE_LOG_SEGMENT_DELETE_DELAY_MS,
    NODE_LOG_INDEX_INTERVAL_BYTES,
    NODE_LOG_INDEX_SIZE_MAX_BYTES,
    NODE_MESSAGE_MAX_BYTES,
    NODE_LOG_TIMESTAMP_TYPE,
    NODE_LOG_TIMESTAMP_BEFORE_MAX_MS,
    NODE_LOG_TIMESTAMP_AFTER_MAX_MS,
    NODE_MIN_INSYNC_REPLICAS,
    /* Kafka's own that are fixed here, so that a server.properties brought
     * along gets an answer instead of "unknown". */
    NODE_LOG_FLUSH_INTERVAL_MESSAGES,
    NODE_LOG_FLUSH_INTERVAL_MS,
    NODE_LOG_PREALLOCATE,
    NODE_UNCLEAN_LEADER_ELECTION,
    NODE_ZOOKEEPER_CONNECT,
    NODE_PROCESS_ROLES,
    NODE_CONTROLLER_QUORUM_VOTERS,
    NODE_CONTROLLER_LISTENER_NAMES,
    NODE_INTER_BROKER_LISTENER_NAME,
    NODE_SECURITY_PROTOCOL_MAP,
    NODE_SASL_MECHANISMS,
    NODE_SSL_KEYSTORE_LOCATION,
    NODE_AUTHORIZER_CLASS,
    NODE_REMOTE_STORAGE,
    NODE_SETTINGS
};

/* Choices of NODE_STORAGE_IO and NODE_LOG_LEVEL, in the table's order. */
enum config_storage_io { CONFIG_IO_AUTO, CONFIG_IO_URING, CONFIG_IO_THREADS };
enum config_log_level {
    CONFIG_LOG_DEBUG,
    CONFIG_LOG_INFO,
    CONFIG_LOG_WARN,
    CONFIG_LOG_ERROR
};

/* Where an effective value comes from. */
enum config_source {
    CONFIG_FROM_DEFAULT,
    CONFIG_FROM_FILE,
    CONFIG_FROM_COMMAND_LINE
};

/* Limits. */
#define CONFIG_VALUE_MAX         8192    /* bytes of one value */
#define CONFIG_FILE_BYTES_MAX    1048576 /* of one file */
#define CONFIG_INCLUDE_DEPTH_MAX 8
#define CONFIG_NODES_MAX         64 /* in cluster.nodes */
#define CONFIG_REPLICAS_MAX      15 /* of a partition */
#define CONFIG_LISTENERS_MAX     8
#define CONFIG_HOST_MAX          256 /* bytes of a host, terminator included */
#define CONFIG_RACK_MAX          64  /* the same of a rack */

/* host:port; an IPv6 host is kept without its brackets, "" is all addresses. */
struct config_endpoint {
    char host[CONFIG_HOST_MAX];
    uint16_t port;
};

/* One of cluster.nodes: a node and its peer listener. */
struct config_node {
    int32_t id;
    struct config_endpoint peer;
};

/* One of listeners or advertised.listeners. */
struct config_listener {
    char name[32]; /* upper case */
    struct config_endpoint at;
};

struct config;

/* Read the file `path` whole into `mem` memory of the configuration (the
 * shape of env_read_file). Errors: ERR_NOTFOUND, ERR_TOOBIG, ERR_IO. */
typedef int (*config_read)(void *arg, const char *path, size_t len_max,
                           char **ret_text, size_t *ret_len, struct err *err);

/* All defaults. NULL without memory. Borrows `mem` for its life. */
struct config *config_new(struct mem *mem);
/* NULL is fine. */
void config_free(struct config *c);

/* Take the settings of a file and of what it includes (`include PATH`,
 * relative to the including file). `read` delivers files; its memory is
 * returned to the configuration's `mem`.
 *
 * Errors: ERR_INVALID (syntax; unknown, repeated or refused setting; value
 * outside its range), with `err` naming file, line, key and remedy; ERR_NOMEM;
 * what `read` returns. Settings before the fault may have been taken. */
int config_load(struct config *c, const char *path, config_read read,
                void *read_arg, struct err *err);

/* As config_load(), of text in memory; `path` is for messages and for
 * relative includes. */
int config_load_text(struct config *c, const char *path, const char *text,
                     size_t len, config_read read, void *read_arg,
                     struct err *err);

/* Take one setting from the command line; wins over files in any order.
 * Copies `value`. Errors: ERR_INVALID, ERR_NOMEM, as config_load(). */
int config_set(struct config *c, const char *name, const char *value,
               struct err *err);

/* Derive what depends on other settings (default.replication.factor, topic
 * defaults, lists) and check settings against each other. Call once, before
 * any getter below. Errors: ERR_INVALID with the remedy, ERR_NOMEM. */
int config_finish(struct config *c, struct err *err);

/* What one file of the journal holds beside the record batch of an entry, at
 * most (storage knows it to the byte). */
#define CONFIG_ENTRY_AROUND 512
/* The largest record batch that a file of the journal takes, as configured:
 * what message.max.bytes, and any topic's max.message.bytes, may say. */
int64_t config_batch_max(const struct config *c);

/* The value of a setting of kind bool, int, long, size, duration or enum (the
 * index among its choices). */
int64_t config_long(const struct config *c, enum node_setting s);
/* The value of a duration that is kept in 32 bits of milliseconds: for a longer
 * one the longest there is (49 days), never a shorter one; 0 for a negative
 * one. */
uint32_t config_ms(const struct config *c, enum node_setting s);
/* The same for a bool. */
bool config_bool(const struct config *c, enum node_setting s);
/* The value of any setting as text in its canonical form ("67108864", "true");
 * NULL if it has none (log.retention.ms when not set). Borrowed. */
const char *config_text(const struct config *c, enum node_setting s);
/* Where the value comes from; *ret_where ("server.properties:12", "command
 * line", "") is borrowed and may be NULL. */
enum config_source config_source(const struct config *c, enum node_setting s,
                                 const char **ret_where);

/* cluster.nodes, ordered by id; *ret_n is 0 for a node on its own. Borrowed. */
const struct config_node *config_nodes(const struct config *c, unsigned *ret_n);
/* The node `id` of them, or NULL. */
const struct config_node *config_node_find(const struct config *c, int32_t id);
/* Client listeners, and what to tell clients of each (same order, same
 * names). Borrowed. */
const struct config_listener *config_listeners(const struct config *c,
                                               unsigned *ret_n);
const struct config_listener *config_advertised(const struct config *c,
                                                unsigned *ret_n);
/* admin.listener, loopback if it names no host; NULL: nowhere. Borrowed. */
const struct config_endpoint *config_admin(const struct config *c);
/* What a topic has that overrides nothing. Borrowed. */
const struct topic_config *config_topic_defaults(const struct config *c);

/* The row of a node setting; see config/setting.h. */
const struct setting *config_setting(enum node_setting s);
/* The setting of that name or alias, or -1. */
int config_find(const char *name);

/* Write all effective values, one "name=value" per line with its source as a
 * comment, in a form that config_load() reads back. */
void config_print(const struct config *c, struct buf *out);
/* Write what there is to know about one node or topic setting: kind, unit,
 * default, range, treatment and help. Errors: ERR_NOTFOUND, `err` naming the
 * nearest. */
int config_explain(const char *name, struct buf *out, struct err *err);

#endif
