/* meta_impl.h - the inside of @meta. Private to src/state/meta*.c and tests of
 * the codec.
 *
 * Tables (all keys are the leading columns):
 *   cluster     id=1, uuid, next_group, next_producer
 *   nodes       id, incarnation, directory, peer address, client address,
 *               rack, version
 *   loads       node, replicas placed on it, of these preferred leaders
 *   topics      name, uuid, name with '.' as '_', created, internal,
 *               partitions, replication
 *   partitions  (topic uuid, number), group, replicas; under the zero uuid
 *               the shards of @groups
 *   configs     (topic uuid, name), value
 *   deleted     uuid, name, time, index of the deletion
 *   commands    id, index, result: of the last META_COMMANDS_KEPT indexes
 */
#ifndef STATE_META_IMPL_H
#define STATE_META_IMPL_H

#include "base/arena.h"
#include "state/change.h"
#include "state/db.h"
#include "state/meta.h"

#define META_VERSION          1 /* of commands and results */
#define META_COMMANDS_KEPT    10000
#define META_CONFIG_NAME_MAX  255
#define META_CONFIG_VALUE_MAX 65535
#define META_CONFIGS_MAX      1000 /* in one command, of one topic */

/* ---- one decision -------------------------------------------------------- */

struct meta_step {
    struct machine_db *db;
    const struct machine_command *command;
    struct buf *changes;
    struct arena arena;
    struct meta_result result;
    bool nomem;
};

/* Answer with an error and its words; returns false, for "decided". */
bool meta_fail(struct meta_step *s, int error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Memory until the end of the decision, zeroed; NULL is noted and ends the
 * node (a decision that another replica could take must not fail here). */
void *meta_alloc(struct meta_step *s, size_t n, size_t size);
/* Words for a slice in a message: "%.*s". */
#define META_TEXT(s)                                                           \
    (int)((s).len > 100 ? 100 : (s).len), (const char *)(s).data

/* The steps: decide, write, set the result. */
void meta_step_create_topic(struct meta_step *s,
                            const struct meta_create_topic *c);
void meta_step_delete_topic(struct meta_step *s, struct uuid id,
                            struct slice name);
void meta_step_create_partitions(struct meta_step *s,
                                 const struct meta_create_partitions *c);
void meta_step_alter_configs(struct meta_step *s,
                             const struct meta_alter_configs *c);
void meta_step_create_shards(struct meta_step *s);
/* The record of the cluster: to be put again when next_group has moved. */
void meta_put_cluster(struct machine_db *db, struct buf *changes);
/* The record of the shards of @groups, if they are placed. */
void meta_load_shards(struct machine_db *db, struct buf *changes);

/* ---- topics (meta_topic.c) ----------------------------------------------- */

struct meta_topic {
    char name[IMAGE_TOPIC_MAX + 1];
    struct uuid id;
    int64_t created_ms;
    bool internal;
    int32_t partitions;
    int16_t replication;
};
/* False: there is none. */
bool meta_topic_find(struct meta_step *s, struct slice name,
                     struct meta_topic *ret_t);
/* By a query of META_TOPIC_COLUMNS with one parameter. */
bool meta_topic_by(struct meta_step *s, const char *sql, struct db_value key,
                   struct meta_topic *ret_t);
bool meta_topic_find_id(struct meta_step *s, struct uuid id,
                        struct meta_topic *ret_t);
/* The name with '.' as '_': two that are equal so would share metric names. */
void meta_name_fold(struct slice name, char out[IMAGE_TOPIC_MAX + 1]);
/* Put a topic's overrides, as a part of a change record. */
void meta_put_configs(struct machine_db *db, struct uuid topic,
                      struct buf *changes);
/* A record of a whole topic; `row` is positioned on META_TOPIC_COLUMNS. */
#define META_TOPIC_COLUMNS                                                     \
    "name,uuid,created,internal,partitions,replication FROM topics"
void meta_put_topic(struct machine_db *db, const struct meta_topic *t,
                    struct buf *changes);
void meta_topic_row(const struct db_rows *row, struct meta_topic *ret_t);
/* Rows of partitions: write one; all of a topic, by number; read the one that
 * such a query stands on; append it as {group, replicas}. */
void meta_partition_put(struct machine_db *db, struct uuid topic,
                        int32_t number, const struct image_partition *x);
struct db_rows meta_partitions_query(struct machine_db *db,
                                     const struct db_value *topic);
void meta_partition_row(const struct db_rows *row,
                        struct image_partition *ret_x);
void meta_put_partition(struct buf *b, const struct image_partition *x);

/* ---- placement (meta_place.c) ---------------------------------------------
 */

struct place_node {
    int32_t id;
    char rack[64];
    int64_t replicas, leaders; /* placed on it */
    bool chosen, changed;
};

struct place {
    struct place_node *nodes; /* by id */
    unsigned n;
};

/* The nodes and what they carry. False: decided (no memory). */
bool place_load(struct meta_step *s, struct place *ret_p);
struct place_node *place_find(struct place *p, int32_t id);
/* Choose `n_replicas` nodes (<= p->n), preferred leader first, and count
 * them. */
void place_choose(struct place *p, unsigned n_replicas,
                  struct image_partition *ret_x);
/* Count a partition in (+1) or out (-1). */
void place_count(struct place *p, const struct image_partition *x, int by);
/* Write back what changed. */
void place_store(struct place *p, struct machine_db *db);

/* ---- rules (meta_rules.c): false, and answered, where one is broken
 */

/* Characters and length. */
bool meta_check_name(struct meta_step *s, struct slice name);
/* Neither taken nor colliding. */
bool meta_check_name_free(struct meta_step *s, struct slice name);
/* A new topic's id. */
bool meta_check_id(struct meta_step *s, struct uuid id);
/* A topic's number of partitions. */
bool meta_check_count(struct meta_step *s, int32_t n);
bool meta_check_replication(struct meta_step *s, const struct place *p,
                            int16_t n);
/* `n` assigned rows where `n_wanted` partitions are to be made, each of
 * `replicas` known, different nodes. */
bool meta_check_assigned(struct meta_step *s, struct place *p,
                         const struct image_partition *rows, unsigned n,
                         unsigned n_wanted, unsigned replicas);

/* ---- codec (meta_codec.c) --------------------------------------------------
 */

struct meta_head {
    uint8_t version, kind;
    struct uuid command;
};
/* Decoders fail the cursor on anything that the encoders do not write; text
 * and arrays are borrowed from the input and from `a`. A cursor status of
 * ERR_NOMEM is `a`'s. */
void meta_decode_head(struct cursor *c, struct meta_head *ret_h);
/* The texts are copied to `a`. */
void meta_decode_register(struct cursor *c, struct arena *a,
                          struct meta_register *ret_r);
void meta_decode_create_topic(struct cursor *c, struct arena *a,
                              struct meta_create_topic *ret_c);
void meta_decode_delete_topic(struct cursor *c, struct uuid *ret_id,
                              struct slice *ret_name);
void meta_decode_create_partitions(struct cursor *c, struct arena *a,
                                   struct meta_create_partitions *ret_c);
void meta_decode_alter_configs(struct cursor *c, struct arena *a,
                               struct meta_alter_configs *ret_c);
void meta_decode_producer_ids(struct cursor *c, int32_t *ret_node);
void meta_decode_create_shards(struct cursor *c);
/* Errors: ERR_INVALID, ERR_NOMEM. Nodes are from `a`. */
int meta_decode_bootstrap(struct slice in, struct arena *a,
                          struct meta_bootstrap *ret_b);
void meta_encode_result(const struct meta_result *r, struct buf *out);

#endif
