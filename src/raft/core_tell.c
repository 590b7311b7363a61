/* core_tell.c - a leader tells what is committed before the next heartbeat.
 *
 * The library sends the commit index along with entries and heartbeats only.
 * Where followers are asked too (state groups), a member that has the whole
 * log and was not told is sent an empty append at once. Under load entries are
 * always on their way, and nothing is added. Other groups do so once a term,
 * when its first entry is committed: whoever led before learns what became of
 * its last entries, for which clients wait.
 */
#include "raft/core_impl.h"

/* The receiver takes of the commit index what it has checked of the log. */
void core_tells(struct core *c, const struct message *m)
{
    struct core_member *member = core_member_find(c, m->to);
    uint64_t last = m->index + m->n_entries;
    uint64_t told = m->commit < last ? m->commit : last;
    if (told > member->told) {
        member->told = told;
    }
}

/* What everybody should know without being asked. */
static uint64_t worth_telling(const struct core *c)
{
    if (core_role(c) != GROUP_LEADER) {
        return 0;
    }
    if (c->o.tell) {
        return c->commit;
    }
    return c->commit >= c->lead_index ? c->lead_index : 0;
}

/* A member that has our whole log, so that nothing is on its way to it which
 * would tell it what is committed. */
static bool idle_untold(struct core *c, uint64_t id)
{
    uint64_t match;
    return id != c->self && core_match(c, id, &match) == 0 &&
           match == tail_last_index(c->tail) &&
           core_member_find(c, id)->told < worth_telling(c);
}

bool core_untold(struct core *c)
{
    if (worth_telling(c) == 0) {
        return false;
    }
    for (unsigned i = 0; i < c->config.n; i++) {
        if (idle_untold(c, c->config.members[i].id)) {
            return true;
        }
    }
    return false;
}

/* What the library's next heartbeat would say, at a point of the log that the
 * member has confirmed: it commits up to there and not beyond. The answer says
 * nothing that the library does not know. */
int core_tell(struct core *c)
{
    struct log_point last = tail_last(c->tail);
    if (core_role(c) != GROUP_LEADER) {
        return 0;
    }
    for (unsigned i = 0; i < c->config.n; i++) {
        uint64_t id = c->config.members[i].id;
        if (!idle_untold(c, id)) {
            continue;
        }
        struct message *m = core_out_next(c);
        if (m == NULL) {
            return ERR_NOMEM;
        }
        *m = (struct message){.group = c->group,
                              .kind = MESSAGE_APPEND,
                              .from = c->self,
                              .to = id,
                              .term = core_term(c),
                              .index = last.index,
                              .index_term = last.term,
                              .commit = c->commit};
        m->fresh = core_member_find(c, id)->trust == MEMBER_REPAIR;
        core_tells(c, m);
        c->n_out++;
    }
    return 0;
}
