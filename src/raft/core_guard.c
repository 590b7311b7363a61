#include "raft/core_guard.h"

#include "base/assert.h"

void guard_skip(struct message *m, unsigned k)
{
    ASSERT(k > 0 && k <= m->n_entries);
    m->index += k;
    m->index_term = m->entries[k - 1].term;
    m->entries += k;
    m->n_entries -= k;
}

void guard_cut_base(struct message *m, const struct tail *tail)
{
    if (m->index >= tail->base.index) {
        return;
    }
    uint64_t k = tail->base.index - m->index;
    if (k < m->n_entries) {
        guard_skip(m, (unsigned)k);
        return;
    }
    m->index = tail->base.index;
    m->index_term = tail->base.term;
    m->entries += m->n_entries;
    m->n_entries = 0;
}

unsigned guard_split(const struct message *m)
{
    for (unsigned i = 1; i < m->n_entries; i++) {
        if (m->entries[i].kind == ENTRY_CHANGE) {
            return i;
        }
    }
    return m->n_entries;
}

static bool entry_fits(const struct entry *e, struct log_point before)
{
    if (e->base_offset != before.offset || e->time_ms < before.time_ms) {
        return false;
    }
    return e->kind == ENTRY_RECORDS ||
           (e->chain == before.chain && e->next_offset == e->base_offset);
}

bool guard_continues(const struct message *m, const struct tail *tail)
{
    uint64_t prev = m->index;
    if (prev < tail->base.index || prev > tail_last_index(tail) ||
        tail_term(tail, prev) != m->index_term) {
        return true; /* nothing of it will be taken */
    }
    struct log_point point = tail_point(tail, prev);
    for (unsigned i = 0; i < m->n_entries; i++) {
        if (!entry_fits(&m->entries[i], point)) {
            return false;
        }
        point = entry_point(&m->entries[i]);
    }
    return true;
}

uint64_t guard_hint(const struct tail *tail, uint64_t rejected, uint64_t hint,
                    uint64_t floor)
{
    const struct entry *conflict = tail_find(tail, rejected);
    if (conflict == NULL) {
        return hint;
    }
    uint64_t term = conflict->term;
    while (hint > floor && tail_term(tail, hint) == term) {
        hint--;
    }
    return hint;
}

static const struct group_member *config_find(const struct group_config *c,
                                              uint64_t id)
{
    for (unsigned i = 0; i < c->n; i++) {
        if (c->members[i].id == id) {
            return &c->members[i];
        }
    }
    return NULL;
}

/* `small` is `big` without one member, the others in order; which? */
static const struct group_member *
config_missing(const struct group_config *big, const struct group_config *small)
{
    const struct group_member *missing = NULL;
    for (unsigned i = 0, k = 0; i < big->n; i++) {
        const struct group_member *m = &big->members[i];
        if (k < small->n && small->members[k].id == m->id &&
            small->members[k].role == m->role) {
            k++;
        } else if (missing == NULL) {
            missing = m;
        } else {
            return NULL;
        }
    }
    return missing;
}

/* Same members in the same places, one of them promoted. */
static bool config_promotes(const struct group_config *now,
                            const struct group_config *next,
                            uint64_t *ret_promoted)
{
    uint64_t promoted = 0;
    for (unsigned i = 0; i < now->n; i++) {
        if (now->members[i].id != next->members[i].id) {
            return false;
        }
        if (now->members[i].role == next->members[i].role) {
            continue;
        }
        if (promoted != 0 || now->members[i].role != GROUP_STANDBY) {
            return false;
        }
        promoted = now->members[i].id;
    }
    *ret_promoted = promoted;
    return promoted != 0;
}

bool guard_change(const struct group_config *now,
                  const struct group_config *next, uint64_t self,
                  uint64_t *ret_promoted)
{
    const struct group_member *m;
    *ret_promoted = 0;
    if (next->n == now->n) {
        return config_promotes(now, next, ret_promoted);
    }
    if (next->n == now->n + 1) { /* appended, so that places are kept */
        m = config_missing(next, now);
        return m != NULL && m == &next->members[next->n - 1] &&
               m->role == GROUP_STANDBY && config_find(now, m->id) == NULL;
    }
    if (next->n + 1 == now->n) {
        m = config_missing(now, next);
        return m != NULL && m->id != self;
    }
    return false;
}
