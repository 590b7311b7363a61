/* meta_rules.c - what Kafka asks of topics, partitions and assignments
 * (kafka-semantics.md section 15). */
#include "state/meta_impl.h"
#include "wire/errors.h"

static bool name_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool meta_check_name(struct meta_step *s, struct slice name)
{
    if (name.len == 0) {
        return meta_fail(s, KERR_INVALID_TOPIC_EXCEPTION,
                         "the topic name is empty");
    }
    if (name.len > IMAGE_TOPIC_MAX) {
        return meta_fail(s, KERR_INVALID_TOPIC_EXCEPTION,
                         "the topic name has %zu characters, more than %d",
                         name.len, IMAGE_TOPIC_MAX);
    }
    if (slice_equal(name, slice_str(".")) ||
        slice_equal(name, slice_str(".."))) {
        return meta_fail(s, KERR_INVALID_TOPIC_EXCEPTION,
                         "the topic name cannot be '.' or '..'");
    }
    for (size_t i = 0; i < name.len; i++) {
        if (!name_char(name.data[i])) {
            return meta_fail(s, KERR_INVALID_TOPIC_EXCEPTION,
                             "the topic name has a character other than ASCII "
                             "letters, digits, '.', '_' and '-'");
        }
    }
    return true;
}

bool meta_check_name_free(struct meta_step *s, struct slice name)
{
    char folded[IMAGE_TOPIC_MAX + 1];
    struct meta_topic other;
    if (meta_topic_find(s, name, &other)) {
        return meta_fail(s, KERR_TOPIC_ALREADY_EXISTS,
                         "Topic '%.*s' already exists.", META_TEXT(name));
    }
    meta_name_fold(name, folded);
    if (meta_topic_by(s, "SELECT " META_TOPIC_COLUMNS " WHERE folded=?",
                      db_str(folded), &other)) {
        return meta_fail(s, KERR_INVALID_TOPIC_EXCEPTION,
                         "topic '%.*s' collides with topic '%.100s': '.' and "
                         "'_' count as the same",
                         META_TEXT(name), other.name);
    }
    return true;
}

bool meta_check_id(struct meta_step *s, struct uuid id)
{
    const struct db_value v = db_blob(id.b, sizeof id.b);
    struct meta_topic other;
    if (uuid_is_zero(id)) {
        return meta_fail(s, KERR_INVALID_REQUEST, "the topic id is zero");
    }
    if (meta_topic_find_id(s, id, &other) ||
        db_query_int(s->db, "SELECT 1 FROM deleted WHERE uuid=?", &v, 1, 0)) {
        return meta_fail(s, KERR_INVALID_REQUEST, "the topic id is in use");
    }
    return true;
}

static bool replicas_check(struct meta_step *s, struct place *p,
                           const struct image_partition *x, unsigned wanted)
{
    if (x->n_replicas != wanted) {
        return meta_fail(s, KERR_INVALID_REPLICA_ASSIGNMENT,
                         "a partition is assigned %u replicas, the topic's "
                         "partitions have %u",
                         x->n_replicas, wanted);
    }
    for (unsigned i = 0; i < x->n_replicas; i++) {
        if (place_find(p, x->replicas[i]) == NULL) {
            return meta_fail(s, KERR_INVALID_REPLICA_ASSIGNMENT,
                             "broker %d of the assignment is not known",
                             x->replicas[i]);
        }
        for (unsigned k = 0; k < i; k++) {
            if (x->replicas[k] == x->replicas[i]) {
                return meta_fail(s, KERR_INVALID_REPLICA_ASSIGNMENT,
                                 "broker %d stands twice in the assignment of "
                                 "a partition",
                                 x->replicas[i]);
            }
        }
    }
    return true;
}

bool meta_check_assigned(struct meta_step *s, struct place *p,
                         const struct image_partition *rows, unsigned n,
                         unsigned n_wanted, unsigned replicas)
{
    if (n != n_wanted) {
        return meta_fail(s, KERR_INVALID_REPLICA_ASSIGNMENT,
                         "%u partitions are assigned, %u are to be made", n,
                         n_wanted);
    }
    if (replicas == 0) {
        return meta_fail(s, KERR_INVALID_REPLICA_ASSIGNMENT,
                         "a partition is assigned no replica");
    }
    for (unsigned i = 0; i < n; i++) {
        if (!replicas_check(s, p, &rows[i], replicas)) {
            return false;
        }
    }
    return true;
}

bool meta_check_count(struct meta_step *s, int32_t n)
{
    if (n < 1) {
        return meta_fail(s, KERR_INVALID_PARTITIONS,
                         "Number of partitions must be larger than 0.");
    }
    if (n > META_PARTITIONS_MAX) {
        return meta_fail(s, KERR_INVALID_PARTITIONS,
                         "%d partitions are more than a topic may have (%d)", n,
                         META_PARTITIONS_MAX);
    }
    return true;
}

bool meta_check_replication(struct meta_step *s, const struct place *p,
                            int16_t n)
{
    if (n < 1) {
        return meta_fail(s, KERR_INVALID_REPLICATION_FACTOR,
                         "Replication factor must be larger than 0.");
    }
    if ((unsigned)n > p->n || n > IMAGE_REPLICAS_MAX) {
        return meta_fail(
            s, KERR_INVALID_REPLICATION_FACTOR,
            "Replication factor: %d larger than available brokers: %u.", n,
            p->n < IMAGE_REPLICAS_MAX ? p->n : IMAGE_REPLICAS_MAX);
    }
    return true;
}
