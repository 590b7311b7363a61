#include "broker/status.h"

#include "broker/broker_impl.h"
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
    unsigned n = 1;
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

bool status_next(const struct broker *b, bool *began, void **it,
                 struct status_replica *ret_s)
{
    struct replica *meta =
        b->metadata != NULL ? metadata_replica(b->metadata) : NULL;
    struct partition *p;
    if (!*began && meta != NULL) {
        *began = true;
        *ret_s = (struct status_replica){.topic = "@meta"};
        fill(meta, ret_s);
        return true;
    }
    *began = true;
    while (b->partitions != NULL && partitions_next(b->partitions, it, &p)) {
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
