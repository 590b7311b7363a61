/* core_message.c - messages in and out, with the guards on both ways. */
#include "raft/core_impl.h"

struct core_member *core_member_find(struct core *c, uint64_t id)
{
    for (unsigned i = 0; i < c->n_members; i++) {
        if (c->members[i].id == id) {
            return &c->members[i];
        }
    }
    if (c->n_members == GROUP_MEMBERS_MAX) {
        c->n_members = 0; /* members came and went: all unheard again */
    }
    struct core_member *m = &c->members[c->n_members++];
    *m = (struct core_member){.id = id};
    return m;
}

static int feed_message(struct core *c, struct raft_message *rm,
                        const struct message *m)
{
    struct raft_event ev = {.type = RAFT_RECEIVE};
    char address[20];
    core_address(m->from, address);
    rm->server_id = m->from;
    rm->server_address = address;
    ev.receive.message = rm;
    c->echo =
        m->kind == MESSAGE_APPEND || m->kind == MESSAGE_INSTALL ? m->term : 0;
    int rv = core_feed(c, &ev);
    c->echo = 0;
    return rv;
}

/* ---- append ------------------------------------------------------------ */

static int feed_append(struct core *c, const struct message *m)
{
    struct raft_message rm = {.type = RAFT_APPEND_ENTRIES};
    struct raft_append_entries *args = &rm.append_entries;
    struct raft_entry *array = NULL;
    if (m->n_entries > 0) {
        int rv = core_entries_make(c, m->entries, m->n_entries, &array);
        if (rv != 0) {
            return rv;
        }
    }
    args->term = m->term;
    args->prev_log_index = m->index;
    args->prev_log_term = m->index_term;
    args->leader_commit = m->commit;
    args->entries = array;
    args->n_entries = m->n_entries;
    c->source = m->entries;
    c->source_first = m->index + 1;
    c->source_n = m->n_entries;
    int rv = feed_message(c, &rm, m);
    c->source_n = 0;
    if (array != NULL) {
        core_entries_free(c, array, m->n_entries);
    }
    return rv;
}

/* A leader that counts us from zero has brought us up to what it knows to be
 * committed, an entry of its own term included, so that nothing committed
 * before it is missing here: we may vote again. */
static void repair_check(struct core *c, const struct message *m)
{
    if (!c->repair || !m->fresh || core_role(c) != GROUP_FOLLOWER ||
        m->commit > c->r.last_stored || m->commit > c->r.follower_state.match ||
        tail_term(c->tail, m->commit) != m->term) {
        return;
    }
    c->repair = false;
    c->effects->role_changed = true;
}

static void leader_heard(struct core *c, const struct message *m)
{
    if (m->term != core_term(c)) {
        return;
    }
    c->heard_ms = c->now_ms;
    c->heard_term = m->term;
    c->suspect = false;
    c->fresh = m->fresh;
}

static int receive_append(struct core *c, const struct message *in)
{
    struct message m = *in;
    if (core_role(c) == GROUP_LEADER && m.term == core_term(c)) {
        c->effects->alarm = true; /* two leaders in a term */
        return 0;
    }
    if (m.term >= core_term(c) && core_guards(c, CORE_GUARD_BASE)) {
        guard_cut_base(&m, c->tail);
    }
    if (m.term >= core_term(c) && !guard_continues(&m, c->tail)) {
        c->effects->alarm = true;
        return 0;
    }
    if (m.term >= core_term(c)) {
        c->fresh = m.fresh;
    }
    for (;;) {
        struct message part = m;
        if (core_guards(c, CORE_GUARD_SPLIT)) {
            part.n_entries = guard_split(&m);
        }
        int rv = feed_append(c, &part);
        if (rv != 0) {
            return rv;
        }
        uint64_t last = part.index + part.n_entries;
        if (part.n_entries == m.n_entries ||
            tail_term(c->tail, last) != m.entries[part.n_entries - 1].term) {
            break; /* all, or refused */
        }
        guard_skip(&m, part.n_entries);
    }
    leader_heard(c, in);
    repair_check(c, in);
    return 0;
}

/* ---- results ----------------------------------------------------------- */

/* May the leader count what a member says? (DESIGN section 5) The library
 * never forgets what a member had once stored: when a member that was counted
 * says that it is damaged, somebody else must lead, who starts from zero. */
static bool result_trusted(struct core *c, const struct message *m)
{
    struct core_member *member = core_member_find(c, m->from);
    if (m->rejected != 0) {
        member->sent_ms = 0; /* what follows is a true resend */
    }
    member->damaged = m->repair;
    if (m->repair && member->trust == MEMBER_SOUND) {
        c->effects->handover = true;
        return false;
    }
    if (m->repair) {
        member->trust = MEMBER_REPAIR;
    } else if (m->rejected == 0 && m->index > 0) {
        member->trust = MEMBER_SOUND;
    }
    return true;
}

static int receive_result(struct core *c, const struct message *m)
{
    struct raft_message rm = {.type = RAFT_APPEND_ENTRIES_RESULT};
    struct raft_append_entries_result *args = &rm.append_entries_result;
    uint64_t match;
    if (core_role(c) != GROUP_LEADER) {
        return 0;
    }
    if (core_guards(c, CORE_GUARD_ECHO) && m->echo != core_term(c) &&
        m->term <= core_term(c)) {
        return 0; /* N6 */
    }
    args->version = 1;
    args->term = m->term;
    args->rejected = m->rejected;
    args->last_log_index = m->index;
    if (m->term == core_term(c) && core_match(c, m->from, &match) == 0) {
        if (!result_trusted(c, m)) {
            return 0;
        }
        if (m->rejected > 0 && core_guards(c, CORE_GUARD_REJECTION)) {
            if (m->rejected <= match) {
                return 0; /* N1: stale */
            }
            if (m->index < match) {
                args->last_log_index = match;
            }
        }
    }
    return feed_message(c, &rm, m);
}

/* ---- votes ------------------------------------------------------------- */

/* N10: present a configuration in which we are voter; candidates ignore the
 * votes of those who are not. Returns true if `ret_servers` replaced it. */
static bool voter_swap(struct core *c, struct raft_server *ret_servers)
{
    struct raft_configuration *conf = &c->r.configuration;
    unsigned i = 0;
    if (!core_guards(c, CORE_GUARD_VOTER) || conf->n >= GROUP_MEMBERS_MAX) {
        return false;
    }
    while (i < conf->n && conf->servers[i].id != c->self) {
        i++;
    }
    if (i < conf->n && conf->servers[i].role == RAFT_VOTER) {
        return false;
    }
    if (conf->n > 0) {
        memcpy(ret_servers, conf->servers, conf->n * sizeof *ret_servers);
    }
    ret_servers[i] = (struct raft_server){c->self, c->address, RAFT_VOTER};
    conf->servers = ret_servers;
    conf->n = i == conf->n ? conf->n + 1 : conf->n;
    return true;
}

/* N12: a leader that was silent for an election timeout, or whose node is
 * thought dead, does not hold votes back any more. */
static bool leader_expired(const struct core *c)
{
    return core_guards(c, CORE_GUARD_EXPIRY) &&
           (c->suspect || c->now_ms - c->heard_ms >= c->o.election_ms);
}

static int receive_vote(struct core *c, const struct message *m)
{
    struct raft_message rm = {.type = RAFT_REQUEST_VOTE};
    struct raft_request_vote *args = &rm.request_vote;
    struct raft_server servers[GROUP_MEMBERS_MAX + 1];
    struct raft_configuration saved = c->r.configuration;
    bool follower = core_role(c) == GROUP_FOLLOWER, swapped = false;
    uint64_t leader = 0;
    if (c->repair) {
        return 0;
    }
    args->version = 2;
    args->term = m->term;
    args->candidate_id = m->from;
    args->last_log_index = m->index;
    args->last_log_term = m->index_term;
    args->disrupt_leader = m->disrupt;
    args->pre_vote = m->pre_vote;
    if (follower) {
        swapped = voter_swap(c, servers);
    }
    if (follower && leader_expired(c)) {
        leader = c->r.follower_state.current_leader.id;
        c->r.follower_state.current_leader.id = 0;
    }
    int rv = feed_message(c, &rm, m);
    if (swapped) {
        c->r.configuration = saved;
    }
    if (leader != 0 && core_role(c) == GROUP_FOLLOWER &&
        c->r.follower_state.current_leader.id == 0) {
        c->r.follower_state.current_leader.id = leader;
    }
    return rv;
}

/* N17: of anybody but a candidate the library asks "in pre-vote?" of bytes
 * that then mean something else (of a follower, its leader's address), so that
 * a late answer to a pre-vote may raise the term. Who did not ask, or asks no
 * more, has nothing to learn from it: a higher term comes by other ways. */
static int receive_vote_result(struct core *c, const struct message *m)
{
    struct raft_message rm = {.type = RAFT_REQUEST_VOTE_RESULT};
    struct raft_request_vote_result *args = &rm.request_vote_result;
    if (m->pre_vote && m->granted && m->term > core_term(c) + 1) {
        c->effects->alarm = true;
        return 0;
    }
    if (core_role(c) != GROUP_CANDIDATE && core_guards(c, CORE_GUARD_RESULT)) {
        return 0;
    }
    args->version = 2;
    args->term = m->term;
    args->vote_granted = m->granted;
    args->pre_vote = m->pre_vote;
    return feed_message(c, &rm, m);
}

/* ---- installs ---------------------------------------------------------- */

/* N20, and better: the library sees the offer only when what it stands for is
 * here (CORE_INSTALLED); until then our log and our vote stay. Of the message
 * it gets what a heartbeat at our base would say, which is true: what is below
 * our base is committed, so the leader has it. */
static int receive_install(struct core *c, const struct message *in)
{
    struct message m = *in;
    if (core_role(c) == GROUP_LEADER && m.term == core_term(c)) {
        c->effects->alarm = true;
        return 0;
    }
    m.kind = MESSAGE_APPEND;
    m.commit = 0;
    if (tail_term(c->tail, in->index) != in->index_term) {
        m.index = c->tail->base.index;
        m.index_term = c->tail->base.term;
        c->effects->offer =
            in->term >= core_term(c) && in->index > c->tail->base.index;
    }
    if (m.term >= core_term(c)) {
        c->fresh = false;
    }
    int rv = feed_append(c, &m);
    leader_heard(c, in);
    return rv;
}

/* The library's own way, without the guard: it drops its log at once. */
static int feed_install_raw(struct core *c, const struct message *m)
{
    struct raft_message rm = {.type = RAFT_INSTALL_SNAPSHOT};
    struct raft_install_snapshot *args = &rm.install_snapshot;
    int rv = core_config_make(&c->config, &args->conf);
    if (rv != 0) {
        return rv;
    }
    args->term = m->term;
    args->last_index = m->index;
    args->last_term = m->index_term;
    args->conf_index = m->config_index;
    args->data.base = core_sentinel();
    return feed_message(c, &rm, m);
}

/* ---- in ---------------------------------------------------------------- */

static int receive_timeout_now(struct core *c, const struct message *m)
{
    struct raft_message rm = {.type = RAFT_TIMEOUT_NOW};
    if (c->repair) {
        return 0;
    }
    rm.timeout_now.version = 1;
    rm.timeout_now.term = m->term;
    rm.timeout_now.last_log_index = m->index;
    rm.timeout_now.last_log_term = m->index_term;
    return feed_message(c, &rm, m);
}

int core_receive(struct core *c, const struct message *m)
{
    if (m->to != c->self || m->from == c->self || m->from == 0) {
        c->effects->alarm = m->to == c->self;
        return 0;
    }
    switch (m->kind) {
    case MESSAGE_APPEND:
        return receive_append(c, m);
    case MESSAGE_RESULT:
        return receive_result(c, m);
    case MESSAGE_VOTE:
        return receive_vote(c, m);
    case MESSAGE_VOTE_RESULT:
        return receive_vote_result(c, m);
    case MESSAGE_INSTALL:
        return core_guards(c, CORE_GUARD_INSTALL) ? receive_install(c, m)
                                                  : feed_install_raw(c, m);
    case MESSAGE_TIMEOUT_NOW:
        return receive_timeout_now(c, m);
    case MESSAGE_QUIET:
        return 0; /* of clocks, which are not the core's */
    }
    return 0;
}

/* ---- out --------------------------------------------------------------- */

/* What a submit made the library send once more within a heartbeat is not
 * repeated: the append begins behind what was sent. False: nothing is left. */
static bool append_resend(struct core *c, struct message *m)
{
    struct core_member *member = core_member_find(c, m->to);
    uint64_t last = m->index + m->n_entries;
    m->fresh = member->trust == MEMBER_REPAIR;
    if (m->n_entries == 0 || !core_guards(c, CORE_GUARD_RESEND)) {
        return true;
    }
    if (c->now_ms < member->sent_ms + c->o.heartbeat_ms &&
        m->index >= member->sent_prev && m->index < member->sent_last) {
        if (last <= member->sent_last) {
            return false;
        }
        m->n_entries = (unsigned)(last - member->sent_last);
        m->index = member->sent_last;
        m->index_term = tail_term(c->tail, m->index);
    } else {
        member->sent_prev = m->index;
        member->sent_ms = c->now_ms;
    }
    member->sent_last = last;
    return true;
}

static bool emit_append(struct core *c, const struct raft_message *rm,
                        struct message *m)
{
    const struct raft_append_entries *args = &rm->append_entries;
    m->kind = MESSAGE_APPEND;
    m->term = args->term;
    m->index = args->prev_log_index;
    m->index_term = args->prev_log_term;
    m->commit = args->leader_commit;
    m->n_entries = args->n_entries;
    if (!append_resend(c, m)) {
        return false;
    }
    core_tells(c, m);
    return true;
}

static void emit_result(struct core *c, const struct raft_message *rm,
                        struct message *m)
{
    const struct raft_append_entries_result *args = &rm->append_entries_result;
    m->kind = MESSAGE_RESULT;
    m->term = args->term;
    m->echo = c->echo != 0 ? c->echo : args->term;
    m->rejected = args->rejected;
    m->index = args->last_log_index;
    m->repair = c->repair;
    if (m->echo < core_term(c)) {
        if (core_guards(c, CORE_GUARD_ECHO)) { /* N6: says no success */
            m->rejected = 1;
            m->index = 0;
        }
    } else if (m->rejected > 0 && core_role(c) == GROUP_FOLLOWER &&
               core_guards(c, CORE_GUARD_HINT)) {
        uint64_t floor = c->commit;
        if (c->r.follower_state.match > floor) {
            floor = c->r.follower_state.match;
        }
        m->index = guard_hint(c->tail, m->rejected, m->index, floor);
    } else if (m->repair && !c->fresh) {
        m->index = 0; /* counted nowhere yet */
    }
}

static void emit_vote_result(struct core *c, const struct raft_message *rm,
                             struct message *m)
{
    const struct raft_request_vote_result *args = &rm->request_vote_result;
    m->kind = MESSAGE_VOTE_RESULT;
    m->term = args->term;
    m->pre_vote = args->pre_vote;
    m->granted = args->vote_granted;
    if (m->pre_vote && !m->granted && m->term < core_term(c) &&
        core_guards(c, CORE_GUARD_PRE_VOTE)) {
        m->term = core_term(c); /* N13 */
    }
}

static void emit_vote(const struct raft_message *rm, struct message *m)
{
    const struct raft_request_vote *args = &rm->request_vote;
    m->kind = MESSAGE_VOTE;
    m->term = args->term;
    m->index = args->last_log_index;
    m->index_term = args->last_log_term;
    m->pre_vote = args->pre_vote;
    m->disrupt = args->disrupt_leader;
}

static void emit_install(const struct core *c, const struct raft_message *rm,
                         struct message *m)
{
    const struct raft_install_snapshot *args = &rm->install_snapshot;
    ASSERT(args->last_index == c->tail->base.index);
    m->kind = MESSAGE_INSTALL;
    m->term = args->term;
    m->index = args->last_index;
    m->index_term = args->last_term;
    m->config_index = args->conf_index;
}

static bool message_make(struct core *c, const struct raft_message *rm,
                         struct message *m)
{
    *m = (struct message){
        .group = c->group, .from = c->self, .to = rm->server_id};
    switch (rm->type) {
    case RAFT_APPEND_ENTRIES:
        return emit_append(c, rm, m);
    case RAFT_APPEND_ENTRIES_RESULT:
        emit_result(c, rm, m);
        break;
    case RAFT_REQUEST_VOTE:
        emit_vote(rm, m);
        break;
    case RAFT_REQUEST_VOTE_RESULT:
        emit_vote_result(c, rm, m);
        break;
    case RAFT_INSTALL_SNAPSHOT:
        emit_install(c, rm, m);
        break;
    case RAFT_TIMEOUT_NOW:
        m->kind = MESSAGE_TIMEOUT_NOW;
        m->term = rm->timeout_now.term;
        m->index = rm->timeout_now.last_log_index;
        m->index_term = rm->timeout_now.last_log_term;
        break;
    }
    return true;
}

struct message *core_out_next(struct core *c)
{
    if (c->n_out == c->cap_out) {
        unsigned cap = c->cap_out == 0 ? 4 : c->cap_out * 2;
        void *p = mem_realloc(c->mem, c->out, cap * sizeof *c->out);
        if (p == NULL) {
            return NULL;
        }
        c->out = p;
        c->cap_out = cap;
    }
    return &c->out[c->n_out];
}

int core_emit(struct core *c, const struct raft_message *rm)
{
    struct message *m = core_out_next(c);
    if (m == NULL) {
        return ERR_NOMEM;
    }
    if (message_make(c, rm, m)) {
        c->n_out++;
    }
    return 0;
}
