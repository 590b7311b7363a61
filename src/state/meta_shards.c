/* meta_shards.c - where the consumer groups' shards live: placed once, when
 * somebody first asks for a coordinator, and then for ever so many.
 *
 * Their rows stand in `partitions`, under the zero uuid, which no topic has. */
#include "state/cgroup.h"
#include "state/meta_impl.h"

/* As many disks as survive one loss, where the cluster has them. */
#define SHARD_REPLICAS 3

void meta_load_shards(struct machine_db *db, struct buf *changes)
{
    struct image_partition x[CGROUP_SHARDS];
    unsigned n = 0;
    const struct db_value key = db_blob(uuid_zero.b, sizeof uuid_zero.b);
    struct db_rows r = meta_partitions_query(db, &key);
    while (n < CGROUP_SHARDS && db_next(&r)) {
        meta_partition_row(&r, &x[n++]);
    }
    db_end(&r);
    if (n == 0) {
        return;
    }
    buf_put_u8(changes, CHANGE_SHARDS);
    buf_put_u8(changes, (uint8_t)n);
    for (unsigned i = 0; i < n; i++) {
        meta_put_partition(changes, &x[i]);
    }
}

static bool placed(struct machine_db *db)
{
    const struct db_value key = db_blob(uuid_zero.b, sizeof uuid_zero.b);
    return db_query_int(db, "SELECT count(*) FROM partitions WHERE topic=?",
                        &key, 1, 0) != 0;
}

void meta_step_create_shards(struct meta_step *s)
{
    struct place p;
    if (!placed(s->db)) {
        if (!place_load(s, &p)) {
            return;
        }
        for (unsigned k = 0; k < CGROUP_SHARDS; k++) {
            struct image_partition x = {0};
            place_choose(&p, p.n < SHARD_REPLICAS ? p.n : SHARD_REPLICAS, &x);
            x.group = META_GROUPS_FIRST + k;
            meta_partition_put(s->db, uuid_zero, (int32_t)k, &x);
        }
        place_store(&p, s->db);
        meta_load_shards(s->db, s->changes);
    }
    s->result.partitions = CGROUP_SHARDS;
}
