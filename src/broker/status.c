#include "broker/status.h"

#include "broker/broker_impl.h"
#include "broker/groups.h"
#include "broker/partition_impl.h"

const char *status_version(const struct broker *b)
{
    return b->options.version != NULL ? b->options.version : "";
}

uint64_t status_uptime_ms(const struct broker *b)
{
    return env_now_ms(b->env) - b->started_ms;
}

unsigned status_n_replicas(const struct broker *b)
{
    struct partition *p;
    void *it = NULL;
    unsigned n = 1 + CGROUP_SHARDS;
    while (b->partitions != NULL && partitions_next(b->partitions, &it, &p)) {
        n++;
    }
    return n;
}

static void fill(struct replica *r, struct status_replica *s)
{
    s->bytes = replica_bytes(r);
    replica_status(r, &s->status);
}

/* @meta is number 0, shard k number k + 1. NULL: it does not live here. */
static struct replica *find_internal(const struct broker *b, unsigned number)
{
    if (number == 0) {
        return b->metadata != NULL ? metadata_replica(b->metadata) : NULL;
    }
    const struct state_group *g =
        b->groups != NULL ? groups_shard(b->groups, number - 1) : NULL;
    return g != NULL ? state_group_replica(g) : NULL;
}

static bool next_internal(const struct broker *b, struct status_walk *w,
                          struct status_replica *ret_s)
{
    while (w->n_internal <= CGROUP_SHARDS) {
        unsigned number = w->n_internal++;
        struct replica *r = find_internal(b, number);
        if (r != NULL) {
            *ret_s = (struct status_replica){
                .topic = number == 0 ? "@meta" : "@groups",
                .partition = number == 0 ? 0 : (int32_t)number - 1};
            fill(r, ret_s);
            return true;
        }
    }
    return false;
}

bool status_next(const struct broker *b, struct status_walk *w,
                 struct status_replica *ret_s)
{
    struct partition *p;
    if (next_internal(b, w, ret_s)) {
        return true;
    }
    while (b->partitions != NULL &&
           partitions_next(b->partitions, &w->it, &p)) {
        if (p->replica == NULL || p->closing) {
            continue;
        }
        const struct image_topic *t = image_topic_by_id(b->image, p->topic);
        *ret_s = (struct status_replica){.topic = t != NULL ? t->name : "",
                                         .id = p->topic,
                                         .partition = p->number};
        fill(p->replica, ret_s);
        return true;
    }
    return false;
}
