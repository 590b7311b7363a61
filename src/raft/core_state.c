/* core_state.c - what the core says of itself. */
#include "raft/core_impl.h"

enum group_role core_role(const struct core *c)
{
    switch (c->r.state) {
    case RAFT_LEADER:
        return GROUP_LEADER;
    case RAFT_CANDIDATE:
        return GROUP_CANDIDATE;
    default:
        return GROUP_FOLLOWER;
    }
}

uint64_t core_term(const struct core *c)
{
    return raft_current_term(&c->r);
}

uint64_t core_leader(const struct core *c)
{
    if (core_role(c) == GROUP_LEADER) {
        return c->self;
    }
    /* The library keeps a leader over a change of term: only a hint. */
    if (core_role(c) == GROUP_FOLLOWER && c->heard_term == core_term(c)) {
        return c->r.follower_state.current_leader.id;
    }
    return 0;
}

uint64_t core_commit(const struct core *c)
{
    return c->commit;
}

bool core_ready(const struct core *c)
{
    return core_role(c) == GROUP_LEADER &&
           tail_term(c->tail, c->commit) == core_term(c);
}

bool core_repair(const struct core *c)
{
    return c->repair;
}

const struct group_config *core_config(const struct core *c)
{
    return &c->config;
}

uint64_t core_config_index(const struct core *c)
{
    return c->config_index;
}

int core_match(const struct core *c, uint64_t member, uint64_t *ret_index)
{
    raft_index index;
    int rv = raft_match_index(&c->r, member, &index);
    if (rv != 0) {
        return rv == RAFT_NOTLEADER ? ERR_NOTLEADER : ERR_NOTFOUND;
    }
    *ret_index = index;
    return 0;
}

bool core_damaged(const struct core *c, uint64_t member)
{
    for (unsigned i = 0; i < c->n_members; i++) {
        if (c->members[i].id == member) {
            return c->members[i].damaged;
        }
    }
    return false;
}

bool core_transferring(const struct core *c)
{
    return raft_transferee(&c->r) != 0;
}

/* Last index that the library knows. */
static uint64_t library_last(const struct core *c)
{
    const struct raft_trail *t = &c->r.trail;
    if (t->front == t->back) {
        return t->snapshot.index;
    }
    return t->records[(t->back + t->size - 1) % t->size].index;
}

void core_check(const struct core *c)
{
    tail_check(c->tail);
    ASSERT(c->commit <= tail_last_index(c->tail));
    ASSERT(c->commit >= c->tail->base.index);
    if (c->offline) {
        return;
    }
    ASSERT(library_last(c) == tail_last_index(c->tail));
    ASSERT(c->r.trail.offset == c->tail->base.index);
    ASSERT(c->r.last_stored <= tail_last_index(c->tail));
    ASSERT(c->r.configuration.n == c->config.n);
    for (unsigned i = 0; i < c->config.n; i++) {
        ASSERT(c->r.configuration.servers[i].id == c->config.members[i].id);
        ASSERT((c->r.configuration.servers[i].role == RAFT_VOTER) ==
               (c->config.members[i].role == GROUP_VOTER));
    }
}
