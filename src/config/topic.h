/* topic.h - the settings of a topic.
 *
 * A `struct topic_config` holds an effective value for every setting and
 * which of them the topic overrides itself; the rest follow the node's
 * defaults. It owns nothing and may be copied. What a topic overrides is kept
 * and sent as name=value pairs of text.
 */
#ifndef CONFIG_TOPIC_H
#define CONFIG_TOPIC_H

#include "base/err.h"
#include "base/slice.h"
#include "config/setting.h"

/* In byte order of their names, which is the order they are listed in. */
enum topic_setting {
    TOPIC_CLEANUP_POLICY,
    TOPIC_COMPRESSION_GZIP_LEVEL,
    TOPIC_COMPRESSION_LZ4_LEVEL,
    TOPIC_COMPRESSION_TYPE,
    TOPIC_COMPRESSION_ZSTD_LEVEL,
    TOPIC_DELETE_RETENTION_MS,
    TOPIC_FILE_DELETE_DELAY_MS,
    TOPIC_FLUSH_MESSAGES,
    TOPIC_FLUSH_MS,
    TOPIC_FOLLOWER_THROTTLED_REPLICAS,
    TOPIC_INDEX_INTERVAL_BYTES,
    TOPIC_LEADER_THROTTLED_REPLICAS,
    TOPIC_LOCAL_RETENTION_BYTES,
    TOPIC_LOCAL_RETENTION_MS,
    TOPIC_MAX_COMPACTION_LAG_MS,
    TOPIC_MAX_MESSAGE_BYTES,
    TOPIC_TIMESTAMP_AFTER_MAX_MS,
    TOPIC_TIMESTAMP_BEFORE_MAX_MS,
    TOPIC_TIMESTAMP_TYPE,
    TOPIC_MIN_CLEANABLE_DIRTY_RATIO,
    TOPIC_MIN_COMPACTION_LAG_MS,
    TOPIC_MIN_INSYNC_REPLICAS,
    TOPIC_PREALLOCATE,
    TOPIC_REMOTE_LOG_COPY_DISABLE,
    TOPIC_REMOTE_LOG_DELETE_ON_DISABLE,
    TOPIC_REMOTE_STORAGE_ENABLE,
    TOPIC_RETENTION_BYTES,
    TOPIC_RETENTION_MS,
    TOPIC_SEGMENT_BYTES,
    TOPIC_SEGMENT_INDEX_BYTES,
    TOPIC_SEGMENT_JITTER_MS,
    TOPIC_SEGMENT_MS,
    TOPIC_UNCLEAN_LEADER_ELECTION,
    TOPIC_SETTINGS
};

/* Values of TOPIC_COMPRESSION_TYPE, in the table's order. */
enum topic_compression {
    TOPIC_COMPRESSION_PRODUCER, /* keep what the producer chose */
    TOPIC_COMPRESSION_UNCOMPRESSED,
    TOPIC_COMPRESSION_GZIP,
    TOPIC_COMPRESSION_SNAPPY,
    TOPIC_COMPRESSION_LZ4,
    TOPIC_COMPRESSION_ZSTD
};

/* Values of TOPIC_TIMESTAMP_TYPE. */
enum topic_timestamp {
    TOPIC_TIMESTAMP_CREATE_TIME,
    TOPIC_TIMESTAMP_LOG_APPEND_TIME
};

/* The longest canonical text of a topic setting's value. */
#define TOPIC_VALUE_MAX 64

struct topic_config {
    union setting_value values[TOPIC_SETTINGS];
    uint64_t overridden; /* bit per setting: the topic's own value */
};

/* The row of a setting. Never NULL for s < TOPIC_SETTINGS. */
const struct setting *config_topic_setting(enum topic_setting s);

/* The setting of that name, or -1. */
int config_topic_find(const char *name);

/* May a topic of `replication_factor` replicas have this value? The factor
 * limits min.insync.replicas to a majority, which is what every
 * acknowledgement waits for; 0: not known yet, that check is left out.
 *
 * Errors: ERR_INVALID (Kafka: INVALID_CONFIG), `err` naming the setting, the
 * value and the reason; of an unknown one, the nearest known name. */
int config_topic_check(const char *name, const char *value,
                       int replication_factor, struct err *err);

/* The built-in defaults, nothing overridden. */
void topic_config_init(struct topic_config *t);
/* Take over `defaults` for everything that is not overridden. */
void topic_config_rebase(struct topic_config *t,
                         const struct topic_config *defaults);
/* Override one setting. Errors: as config_topic_check(); unchanged then. */
int topic_config_set(struct topic_config *t, const char *name,
                     const char *value, int replication_factor,
                     struct err *err);
/* Go back to `defaults` for one setting. */
void topic_config_unset(struct topic_config *t, enum topic_setting s,
                        const struct topic_config *defaults);
/* True if the topic has its own value. */
bool topic_config_overrides(const struct topic_config *t, enum topic_setting s);

/* The value of a numeric, bool (0, 1) or enum setting (the index). */
int64_t config_topic_long(const struct topic_config *t, enum topic_setting s);
/* The value of TOPIC_MIN_CLEANABLE_DIRTY_RATIO. */
double config_topic_double(const struct topic_config *t, enum topic_setting s);
/* Any value in canonical form, terminated, into `text`; returns `text`. */
const char *config_topic_text(const struct topic_config *t,
                              enum topic_setting s, char text[TOPIC_VALUE_MAX]);

/* Append the overridden settings as "name=value\n" lines, in order. */
void topic_config_encode(const struct topic_config *t, struct buf *out);
/* Read them back over `defaults`. Errors: ERR_INVALID, `err` as
 * config_topic_check(); *ret_t is untouched then. */
int topic_config_decode(struct slice in, const struct topic_config *defaults,
                        struct topic_config *ret_t, struct err *err);

#endif
