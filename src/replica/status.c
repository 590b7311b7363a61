/* status.c - what a replica says of itself. */
#include "replica/impl.h"

uint64_t replica_group(const struct replica *r)
{
    return r->id;
}
const char *replica_name(const struct replica *r)
{
    return r->name;
}

bool replica_is_leader(const struct replica *r)
{
    return r->state == REPLICA_RUNNING && group_role(r->group) == GROUP_LEADER;
}

bool replica_ready(const struct replica *r)
{
    return r->state == REPLICA_RUNNING && group_ready(r->group);
}

int32_t replica_epoch(const struct replica *r)
{
    return (int32_t)(r->group != NULL ? group_term(r->group) : r->term);
}

int32_t replica_leader(const struct replica *r)
{
    uint64_t id = r->group != NULL ? group_leader(r->group) : 0;
    return id == 0 ? -1 : membership_node(id);
}

static void status_members(const struct replica *r,
                           struct replica_status *ret_s)
{
    struct group_progress progress[GROUP_MEMBERS_MAX];
    const struct group_config *c = group_config(r->group);
    unsigned n = group_progress(r->group, progress);
    for (unsigned i = 0; i < c->n; i++) {
        struct replica_member *m = &ret_s->members[ret_s->n_members++];
        *m =
            (struct replica_member){.node = membership_node(c->members[i].id),
                                    .membership = c->members[i].id,
                                    .voter = c->members[i].role == GROUP_VOTER};
        for (unsigned k = 0; k < n; k++) {
            if (progress[k].id == m->membership) {
                m->recent = progress[k].recent;
                m->match = progress[k].match;
            }
        }
        if (m->node == r->all->o.node) {
            m->recent = true;
            m->match = group_stored(r->group);
        }
    }
}

void replica_status(const struct replica *r, struct replica_status *ret_s)
{
    *ret_s = (struct replica_status){.group = r->id,
                                     .term = r->term,
                                     .base = r->base.index,
                                     .applied = r->applied,
                                     .log_start = replica_log_start(r),
                                     .high_watermark = r->high_watermark,
                                     .log_end = replica_log_end(r),
                                     .leader = replica_leader(r)};
    if (r->group == NULL) {
        return;
    }
    ret_s->term = group_term(r->group);
    ret_s->commit = group_commit(r->group);
    ret_s->stored = group_stored(r->group);
    ret_s->last = tail_last_index(group_tail(r->group));
    ret_s->base = group_tail(r->group)->base.index;
    if (ret_s->commit >= ret_s->base && ret_s->commit <= ret_s->last) {
        ret_s->chain = tail_point(group_tail(r->group), ret_s->commit).chain;
    }
    ret_s->is_leader = replica_is_leader(r);
    ret_s->ready = replica_ready(r);
    ret_s->transferring = transfer_active(r);
    ret_s->repair = group_repair(r->group) || r->fetching;
    status_members(r, ret_s);
}

int replica_transfer_leader(struct replica *r, int32_t node,
                            uint32_t timeout_ms,
                            void (*cb)(void *arg, int status), void *arg)
{
    const struct group_config *c;
    if (r == NULL || r->state != REPLICA_RUNNING) {
        return ERR_NOTLEADER;
    }
    if (node < 0) {
        return group_transfer(r->group, 0, timeout_ms, cb, arg);
    }
    c = group_config(r->group);
    for (unsigned i = 0; i < c->n; i++) {
        if (membership_node(c->members[i].id) == node) {
            return group_transfer(r->group, c->members[i].id, timeout_ms, cb,
                                  arg);
        }
    }
    return ERR_NOTFOUND;
}

void replica_applied(struct replica *r, uint64_t index)
{
    (void)r;
    (void)index; /* the base follows checkpoints: replica_checkpointed() */
}

void replica_configure(struct replica *r, const struct topic_config *config)
{
    r->config = *config;
    if (r->store != NULL) {
        store_configure(
            r->store, (uint64_t)config_topic_long(config, TOPIC_SEGMENT_BYTES),
            config_topic_long(config, TOPIC_SEGMENT_MS));
    }
}
