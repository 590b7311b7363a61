/* topic.c - the table of topic settings, and a topic's values. */
#include "config/topic.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"

#define LONG_MAX_TEXT   "9223372036854775807"
#define COMPACTION_ONLY "it matters to compacted topics only, which are refused"
#define TIERED_ONLY     "it matters to tiered storage only, which is refused"
#define THROTTLE        "replication is not throttled by lists of replicas"

#define ROW(name_, kind_, type_, default_, min_, max_)                         \
    .name = (name_), .kind = SETTING_##kind_, .type = SETTING_TYPE_##type_,    \
    .default_text = (default_), .min = (min_), .max = (max_),                  \
    .scope = SETTING_TOPIC, .kafka = true, .dynamic = true
#define FIXED(why)    .treatment = SETTING_FIXED, .reason = (why)
#define REPORTED(why) .treatment = SETTING_REPORTED, .reason = (why)

static const struct setting table[TOPIC_SETTINGS] = {
    [TOPIC_CLEANUP_POLICY] =
        {ROW("cleanup.policy", ENUM, LIST, "delete", 0, 0), .choices = "delete",
         FIXED("compaction is not supported"),
         .help = "What happens to old segments: they are deleted."},
    [TOPIC_COMPRESSION_GZIP_LEVEL] =
        {ROW("compression.gzip.level", INT, INT, "-1", -1, 9),
         FIXED("compression levels cannot be chosen"),
         .help = "Level used when compression.type is gzip."},
    [TOPIC_COMPRESSION_LZ4_LEVEL] =
        {ROW("compression.lz4.level", INT, INT, "9", 1, 17),
         FIXED("compression levels cannot be chosen"),
         .help = "Level used when compression.type is lz4."},
    [TOPIC_COMPRESSION_TYPE] =
        {ROW("compression.type", ENUM, STRING, "producer", 0, 0),
         .choices = "producer,uncompressed,gzip,snappy,lz4,zstd",
         .help = "Compression of stored batches; \"producer\" keeps the "
                 "producer's."},
    [TOPIC_COMPRESSION_ZSTD_LEVEL] =
        {ROW("compression.zstd.level", INT, INT, "3", -131072, 22),
         FIXED("compression levels cannot be chosen"),
         .help = "Level used when compression.type is zstd."},
    [TOPIC_DELETE_RETENTION_MS] =
        {ROW("delete.retention.ms", DURATION, LONG, "86400000", 0, INT64_MAX),
         REPORTED(COMPACTION_ONLY),
         .help = "How long tombstones of a compacted topic are kept."},
    [TOPIC_FILE_DELETE_DELAY_MS] =
        {ROW("file.delete.delay.ms", DURATION, LONG, "60000", 0, INT64_MAX),
         REPORTED("files go as soon as nothing reads them"),
         .help = "How long a segment's file outlives its deletion."},
    [TOPIC_FLUSH_MESSAGES] =
        {ROW("flush.messages", LONG, LONG, LONG_MAX_TEXT, 1, INT64_MAX),
         FIXED("every record is flushed before it is acknowledged"),
         .help = "Records between flushes."},
    [TOPIC_FLUSH_MS] =
        {ROW("flush.ms", DURATION, LONG, LONG_MAX_TEXT, 0, INT64_MAX),
         FIXED("every record is flushed before it is acknowledged"),
         .help = "Time between flushes."},
    [TOPIC_FOLLOWER_THROTTLED_REPLICAS] =
        {ROW("follower.replication.throttled.replicas", LIST, LIST, "", 0, 0),
         FIXED(THROTTLE), .help = "Replicas throttled as followers."},
    [TOPIC_INDEX_INTERVAL_BYTES] =
        {ROW("index.interval.bytes", SIZE, INT, "4096", 0, INT32_MAX),
         REPORTED("the spacing of index blocks is part of the format"),
         .help = "Bytes of records per index entry."},
    [TOPIC_LEADER_THROTTLED_REPLICAS] =
        {ROW("leader.replication.throttled.replicas", LIST, LIST, "", 0, 0),
         FIXED(THROTTLE), .help = "Replicas throttled as leaders."},
    [TOPIC_LOCAL_RETENTION_BYTES] = {ROW("local.retention.bytes", SIZE, LONG,
                                         "-2", -2, INT64_MAX),
                                     REPORTED(TIERED_ONLY),
                                     .help = "Bytes kept locally; -2: all."},
    [TOPIC_LOCAL_RETENTION_MS] = {ROW("local.retention.ms", DURATION, LONG,
                                      "-2", -2, INT64_MAX),
                                  REPORTED(TIERED_ONLY),
                                  .help = "Time kept locally; -2: all."},
    [TOPIC_MAX_COMPACTION_LAG_MS] =
        {ROW("max.compaction.lag.ms", DURATION, LONG, LONG_MAX_TEXT, 1,
             INT64_MAX),
         REPORTED(COMPACTION_ONLY),
         .help = "Longest time a record stays uncompacted."},
    [TOPIC_MAX_MESSAGE_BYTES] =
        {ROW("max.message.bytes", SIZE, INT, "1048588", 0, 32 << 20),
         .help = "Largest record batch; one batch is one journal frame, "
                 "hence the limit."},
    [TOPIC_TIMESTAMP_AFTER_MAX_MS] =
        {ROW("message.timestamp.after.max.ms", DURATION, LONG, "3600000", 0,
             INT64_MAX),
         .help = "How far a record's time may lie in the future."},
    [TOPIC_TIMESTAMP_BEFORE_MAX_MS] =
        {ROW("message.timestamp.before.max.ms", DURATION, LONG, LONG_MAX_TEXT,
             0, INT64_MAX),
         .help = "How far a record's time may lie in the past."},
    [TOPIC_TIMESTAMP_TYPE] =
        {ROW("message.timestamp.type", ENUM, STRING, "CreateTime", 0, 0),
         .choices = "CreateTime,LogAppendTime",
         .help = "Whose time a record carries: the producer's or the "
                 "leader's."},
    [TOPIC_MIN_CLEANABLE_DIRTY_RATIO] =
        {ROW("min.cleanable.dirty.ratio", DOUBLE, DOUBLE, "0.5", 0, 1),
         REPORTED(COMPACTION_ONLY),
         .help = "Part of a compacted topic that may be dirty."},
    [TOPIC_MIN_COMPACTION_LAG_MS] =
        {ROW("min.compaction.lag.ms", DURATION, LONG, "0", 0, INT64_MAX),
         REPORTED(COMPACTION_ONLY),
         .help = "Shortest time a record stays uncompacted."},
    [TOPIC_MIN_INSYNC_REPLICAS] =
        {ROW("min.insync.replicas", INT, INT, "1", 1, INT32_MAX),
         .help = "Every acknowledgement waits for a majority of replicas, "
                 "so that values up to the majority always hold; larger "
                 "ones are refused."},
    [TOPIC_PREALLOCATE] =
        {ROW("preallocate", BOOL, BOOL, "false", 0, 1),
         FIXED("segments are not preallocated; the journal always is"),
         .help = "Preallocate segment files."},
    [TOPIC_REMOTE_LOG_COPY_DISABLE] = {ROW("remote.log.copy.disable", BOOL,
                                           BOOL, "false", 0, 1),
                                       REPORTED(TIERED_ONLY),
                                       .help = "Stop copying to the tier."},
    [TOPIC_REMOTE_LOG_DELETE_ON_DISABLE] =
        {ROW("remote.log.delete.on.disable", BOOL, BOOL, "false", 0, 1),
         REPORTED(TIERED_ONLY), .help = "Delete the tier's data with it."},
    [TOPIC_REMOTE_STORAGE_ENABLE] =
        {ROW("remote.storage.enable", BOOL, BOOL, "false", 0, 1),
         FIXED("tiered storage is not supported"),
         .help = "Keep old segments in a remote store."},
    [TOPIC_RETENTION_BYTES] = {ROW("retention.bytes", SIZE, LONG, "-1", -1,
                                   INT64_MAX),
                               .help =
                                   "Bytes a partition keeps; -1: no limit."},
    [TOPIC_RETENTION_MS] = {ROW("retention.ms", DURATION, LONG, "604800000", -1,
                                INT64_MAX),
                            .help = "How long records are kept; -1: for ever."},
    [TOPIC_SEGMENT_BYTES] = {ROW("segment.bytes", SIZE, INT, "1073741824",
                                 1 << 14, INT32_MAX),
                             .help = "Size at which a new segment begins."},
    [TOPIC_SEGMENT_INDEX_BYTES] =
        {ROW("segment.index.bytes", SIZE, INT, "10485760", 4, INT32_MAX),
         REPORTED("an index is as large as its segment needs"),
         .help = "Largest index of a segment."},
    [TOPIC_SEGMENT_JITTER_MS] = {ROW("segment.jitter.ms", DURATION, LONG, "0",
                                     0, INT64_MAX),
                                 FIXED("rolling is spread by the flush pacing"),
                                 .help = "Random part taken off segment.ms."},
    [TOPIC_SEGMENT_MS] = {ROW("segment.ms", DURATION, LONG, "604800000", 1,
                              INT64_MAX),
                          .help = "Age at which a new segment begins."},
    [TOPIC_UNCLEAN_LEADER_ELECTION] =
        {ROW("unclean.leader.election.enable", BOOL, BOOL, "false", 0, 1),
         FIXED("a replica without all acknowledged records never leads"),
         .help = "Let a replica lead that lacks records."},
};

_Static_assert(TOPIC_SETTINGS <= 64, "overridden has one bit per setting");

const struct setting *config_topic_setting(enum topic_setting s)
{
    ASSERT((int)s >= 0 && s < TOPIC_SETTINGS);
    return &table[s];
}

int config_topic_find(const char *name)
{
    return setting_find(table, TOPIC_SETTINGS, name);
}

/* The index of `name`, or ERR_INVALID with a hint. */
static int name_resolve(const char *name, struct err *err)
{
    int distance = SETTING_FAR;
    int s = config_topic_find(name);
    const char *nearest;

    if (s >= 0) {
        return s;
    }
    nearest = setting_nearest(table, TOPIC_SETTINGS, name, &distance);
    return err_set(err, ERR_INVALID, "%.100s: unknown topic setting%s%s%s",
                   name, nearest == NULL ? "" : "; did you mean ",
                   nearest == NULL ? "" : nearest, nearest == NULL ? "" : "?");
}

static int insync_check(int64_t n, int replication_factor, struct err *err)
{
    int majority = replication_factor / 2 + 1;

    if (replication_factor <= 0 || n <= majority) {
        return 0;
    }
    return err_set(err, ERR_INVALID,
                   "must be at most %d, the majority of %d replicas: that is "
                   "what an acknowledgement waits for",
                   majority, replication_factor);
}

/* Parse a value for setting `s`; `err` names setting and value. */
static int value_resolve(enum topic_setting s, const char *value,
                         int replication_factor, union setting_value *ret_v,
                         struct err *err)
{
    union setting_value v = {.number = 0};
    int rc = setting_parse(&table[s], value, false, &v, err);

    if (rc == 0 && s == TOPIC_MIN_INSYNC_REPLICAS) {
        rc = insync_check(v.number, replication_factor, err);
    }
    if (rc != 0) {
        err_wrap(err, "%s=%.100s", table[s].name, value);
        return rc;
    }
    *ret_v = v;
    return 0;
}

int config_topic_check(const char *name, const char *value,
                       int replication_factor, struct err *err)
{
    union setting_value v;
    int s = name_resolve(name, err);

    if (s < 0) {
        return s;
    }
    return value_resolve((enum topic_setting)s, value, replication_factor, &v,
                         err);
}

void topic_config_init(struct topic_config *t)
{
    *t = (struct topic_config){.overridden = 0};
    for (int s = 0; s < TOPIC_SETTINGS; s++) {
        int rc = setting_parse(&table[s], table[s].default_text, false,
                               &t->values[s], NULL);
        ASSERT(rc == 0);
    }
}

void topic_config_rebase(struct topic_config *t,
                         const struct topic_config *defaults)
{
    for (int s = 0; s < TOPIC_SETTINGS; s++) {
        if (!topic_config_overrides(t, (enum topic_setting)s)) {
            t->values[s] = defaults->values[s];
        }
    }
}

int topic_config_set(struct topic_config *t, const char *name,
                     const char *value, int replication_factor, struct err *err)
{
    int s = name_resolve(name, err);
    int rc;

    if (s < 0) {
        return s;
    }
    rc = value_resolve((enum topic_setting)s, value, replication_factor,
                       &t->values[s], err);
    if (rc == 0) {
        t->overridden |= (uint64_t)1 << s;
    }
    return rc;
}

void topic_config_unset(struct topic_config *t, enum topic_setting s,
                        const struct topic_config *defaults)
{
    ASSERT((int)s >= 0 && s < TOPIC_SETTINGS);
    t->overridden &= ~((uint64_t)1 << s);
    t->values[s] = defaults->values[s];
}

bool topic_config_overrides(const struct topic_config *t, enum topic_setting s)
{
    ASSERT((int)s >= 0 && s < TOPIC_SETTINGS);
    return (t->overridden >> s & 1) != 0;
}

int64_t config_topic_long(const struct topic_config *t, enum topic_setting s)
{
    ASSERT((int)s >= 0 && s < TOPIC_SETTINGS);
    ASSERT(!setting_is_text(&table[s]) && table[s].kind != SETTING_DOUBLE);
    return t->values[s].number;
}

double config_topic_double(const struct topic_config *t, enum topic_setting s)
{
    ASSERT((int)s >= 0 && s < TOPIC_SETTINGS);
    ASSERT(table[s].kind == SETTING_DOUBLE);
    return t->values[s].real;
}

const char *config_topic_text(const struct topic_config *t,
                              enum topic_setting s, char text[TOPIC_VALUE_MAX])
{
    ASSERT((int)s >= 0 && s < TOPIC_SETTINGS);
    if (setting_is_text(&table[s])) {
        /* All of them are fixed. */
        snprintf(text, TOPIC_VALUE_MAX, "%s", table[s].default_text);
    } else {
        setting_format(&table[s], t->values[s], text, TOPIC_VALUE_MAX);
    }
    return text;
}

void topic_config_encode(const struct topic_config *t, struct buf *out)
{
    char text[TOPIC_VALUE_MAX];

    for (int s = 0; s < TOPIC_SETTINGS; s++) {
        if (topic_config_overrides(t, (enum topic_setting)s)) {
            buf_printf(out, "%s=%s\n", table[s].name,
                       config_topic_text(t, (enum topic_setting)s, text));
        }
    }
}

/* Take one "name=value" line of `len` bytes. */
static int line_decode(const char *line, size_t len, struct topic_config *t,
                       struct err *err)
{
    char pair[256];
    char *value;

    if (len >= sizeof(pair) || memchr(line, '\0', len) != NULL) {
        return err_set(err, ERR_INVALID, "malformed topic configuration");
    }
    memcpy(pair, line, len);
    pair[len] = '\0';
    value = strchr(pair, '=');
    if (value == NULL) {
        return err_set(err, ERR_INVALID, "%s: no value", pair);
    }
    *value++ = '\0';
    return topic_config_set(t, pair, value, 0, err);
}

int topic_config_decode(struct slice in, const struct topic_config *defaults,
                        struct topic_config *ret_t, struct err *err)
{
    struct topic_config t = *defaults;
    const char *p = (const char *)in.data;
    size_t left = in.len;

    t.overridden = 0;
    while (left > 0) {
        const char *newline = memchr(p, '\n', left);
        size_t len = newline == NULL ? left : (size_t)(newline - p);
        int rc = len == 0 ? 0 : line_decode(p, len, &t, err);
        if (rc != 0) {
            return rc;
        }
        len += newline != NULL;
        p += len;
        left -= len;
    }
    *ret_t = t;
    return 0;
}
