/* group.c - a group's life and what its owner asks of it. */
#include "raft/group.h"

#include "raft/consensus.h"

/* Attempts of a first replica to be elected at once. */
#define STANDS_MAX 4

static struct core_options core_options_of(const struct consensus *c,
                                           const struct group_start *start)
{
    return (struct core_options){.pool = c->o.pool,
                                 .heartbeat_ms = c->o.heartbeat_ms,
                                 .election_ms = c->o.election_ms,
                                 .inflight_max = c->o.inflight_max,
                                 .tell = start->tell};
}

static void lists_init(struct group *g)
{
    queue_init(&g->proposing);
    queue_init(&g->dirty);
    queue_init(&g->asking);
    queue_init(&g->telling);
    queue_init(&g->queued);
    queue_init(&g->pending);
    queue_init(&g->gated);
    queue_init(&g->barriers);
}

static int open_core(struct group *g, const struct group_start *start,
                     struct core_effects *fx)
{
    struct consensus *c = g->c;
    struct core_options options = core_options_of(c, start);
    struct core_event now = {.now_ms = env_now_ms(c->env),
                             .wall_ms = env_wall_ms(c->env)};
    uint64_t seed;
    env_random(c->env, &seed, sizeof seed);
    return core_open(c->mem, start, &g->tail, &options, seed, &now, &g->core,
                     fx);
}

static int group_register(struct group *g)
{
    g->timer.key = env_now_ms(g->c->env) + 1;
    int rv = heap_push(&g->c->timers, &g->timer);
    if (rv == 0) {
        rv = map_put_u64(g->c->groups, g->id, g);
    }
    return rv;
}

/* A sole voter leads at once. */
static bool effects_fit(struct group *g, const struct core_effects *fx)
{
    struct entry *e = tail_find(&g->tail, fx->append_first);
    return fx->append_n == 0 ||
           (fx->append_n == 1 && journal_takes(g->c->o.journal, g->id, &e, 1));
}

int group_open(struct consensus *c, const struct group_start *start,
               const struct group_hooks *hooks, void *arg, struct group **ret_g)
{
    struct core_effects fx;
    if (map_find_u64(c->groups, start->id) != NULL) {
        return ERR_EXISTS;
    }
    if (start->tail->base.index != start->base.index) {
        return ERR_CORRUPT;
    }
    struct group *g = mem_calloc(c->mem, 1, sizeof *g);
    uint8_t *manifest = mem_alloc(c->mem, start->manifest.len + 1);
    if (g == NULL || manifest == NULL) {
        mem_free(c->mem, g);
        mem_free(c->mem, manifest);
        return ERR_NOMEM;
    }
    if (start->manifest.len > 0) {
        memcpy(manifest, start->manifest.data, start->manifest.len);
    }
    *g = (struct group){.c = c,
                        .id = start->id,
                        .self = start->self,
                        .tail = *start->tail,
                        .hooks = hooks,
                        .arg = arg,
                        .repair = start->repair,
                        .manifest = slice_of(manifest, start->manifest.len),
                        .stored = tail_last_index(start->tail),
                        .commit = start->base.index,
                        .told = start->base.index,
                        .may_quiet = start->may_quiet,
                        .sparse = start->sparse,
                        .active_ms = env_now_ms(c->env)};
    if (start->stand_ms > 0 && !start->repair) {
        g->jump_ms = env_now_ms(c->env) + start->stand_ms;
        g->stands = STANDS_MAX;
    }
    lists_init(g);
    int rv = open_core(g, start, &fx);
    if (rv == 0 && !effects_fit(g, &fx)) {
        rv = ERR_FULL;
    }
    if (rv == 0) {
        rv = group_register(g);
    }
    if (rv != 0) {
        heap_remove(&c->timers, &g->timer);
        core_close(g->core);
        *start->tail = g->tail; /* its entries may have moved */
        mem_free(c->mem, manifest);
        mem_free(c->mem, g);
        return rv;
    }
    tail_init(start->tail, c->mem, start->base); /* moved */
    *ret_g = g;
    group_carry(g, &fx);
    return 0;
}

void group_close(struct group *g)
{
    struct consensus *c = g->c;
    if (g->closed) {
        return;
    }
    g->closed = true;
    quiet_end(g);
    heap_remove(&c->timers, &g->timer);
    queue_remove(&g->asking);
    queue_remove(&g->telling);
    queue_remove(&g->dirty);
    c->uncommitted_bytes -= g->uncommitted_bytes;
    group_fail_proposals(g, ERR_CANCELED);
    barriers_fail(g, ERR_CANCELED);
    transfer_end(g, ERR_CANCELED);
    gate_close(g);
    queue_push(&c->dead, &g->dirty); /* a caller may still look at it */
    env_turn_request(c->env, &c->turn);
}

void group_discard(struct group *g)
{
    struct mem *mem = g->c->mem;
    map_remove_u64(g->c->groups, g->id);
    core_close(g->core);
    tail_close(&g->tail);
    if (g->change.active) {
        mem_free(mem, (void *)(uintptr_t)g->change.manifest.data);
    }
    mem_free(mem, (void *)(uintptr_t)g->manifest.data);
    mem_free(mem, g);
}

/* ---- proposals --------------------------------------------------------- */

static int propose_allowed(const struct group *g, const struct group_propose *p)
{
    const struct consensus_options *o = &g->c->o;
    uint64_t uncommitted = tail_last_index(&g->tail) - g->commit;
    size_t len = p->payload.len;
    if (core_role(g->core) != GROUP_LEADER) {
        return ERR_NOTLEADER;
    }
    if (transfer_blocks(g)) {
        return ERR_NOTREADY;
    }
    if (len > journal_entry_max(o->journal)) {
        return ERR_TOOBIG;
    }
    uint64_t bytes = g->uncommitted_bytes + g->queued_bytes;
    if (uncommitted + g->n_queued >= o->group_uncommitted_entries_max ||
        (bytes > 0 && bytes + len > o->group_uncommitted_bytes_max) ||
        (bytes > 0 &&
         g->c->uncommitted_bytes + len > o->uncommitted_bytes_max)) {
        g->c->n_full++;
        return ERR_FULL;
    }
    /* What other groups have queued for the end of this turn needs its room
     * as well: none of it can be refused any more. */
    if (journal_room(o->journal) <
        g->c->queued_bytes + len + journal_size(o->journal) / 8) {
        consensus_press(g->c);
        g->c->n_full++;
        return ERR_FULL;
    }
    return 0;
}

int group_propose(struct group *g, struct group_propose *p)
{
    int rv = propose_allowed(g, p);
    ASSERT(p->kind == ENTRY_RECORDS || p->kind == ENTRY_COMMAND ||
           p->kind == ENTRY_TRIM);
    if (rv != 0) {
        return rv;
    }
    if (p->kind == ENTRY_RECORDS && (p->base_offset != group_next_offset(g) ||
                                     p->next_offset <= p->base_offset)) {
        return ERR_RANGE;
    }
    group_wake(g);
    p->index = p->term = 0;
    queue_init(&p->queue);
    queue_push(&g->queued, &p->queue);
    g->queued_offset =
        p->kind == ENTRY_RECORDS ? p->next_offset : group_next_offset(g);
    g->n_queued++;
    g->queued_bytes += p->payload.len;
    g->c->queued_bytes += p->payload.len + ENTRY_HEADER_BYTES;
    queue_remove(&g->proposing);
    queue_push(&g->c->proposing, &g->proposing);
    env_turn_request(g->c->env, &g->c->turn);
    return 0;
}

/* What was not taken does not touch what is in the log already. */
static void fail_refused(struct group *g, int status)
{
    struct queue refused;
    struct queue *q, *tmp;
    queue_init(&refused);
    QUEUE_FOREACH(q, tmp, &g->pending)
    {
        if (QUEUE_ENTRY(q, struct group_propose, queue)->index == UINT64_MAX) {
            queue_remove(q);
            queue_push(&refused, q);
        }
    }
    while ((q = queue_pop(&refused)) != NULL) {
        struct group_propose *p = QUEUE_ENTRY(q, struct group_propose, queue);
        p->index = 0;
        if (p->cb != NULL) {
            p->cb(p, status, 0);
        }
    }
}

/* What this turn did to the ring since they were queued (copies, others'
 * entries) may have taken their room: then they can still be refused. */
static int queued_fit(const struct group *g)
{
    const struct journal *j = g->c->o.journal;
    uint64_t bytes =
        g->queued_bytes + g->n_queued * (uint64_t)(ENTRY_HEADER_BYTES + 8);
    struct queue *q, *tmp;
    unsigned n = 0;
    if (journal_room(j) >= 2 * bytes) {
        return 0;
    }
    struct entry *entries = mem_calloc(g->c->mem, g->n_queued, sizeof *entries);
    struct entry **list =
        mem_calloc(g->c->mem, g->n_queued, sizeof(struct entry *));
    int rv = entries == NULL || list == NULL ? ERR_NOMEM : 0;
    QUEUE_FOREACH(q, tmp, &g->queued)
    {
        if (rv == 0) {
            entries[n].payload.len =
                QUEUE_ENTRY(q, struct group_propose, queue)->payload.len;
            list[n] = &entries[n];
            n++;
        }
    }
    if (rv == 0 && (journal_room(j) < bytes ||
                    !journal_takes(j, g->id, list, g->n_queued))) {
        rv = ERR_FULL;
        consensus_press(g->c);
    }
    mem_free(g->c->mem, list);
    mem_free(g->c->mem, entries);
    return rv;
}

void group_queue_empty(struct group *g)
{
    g->c->queued_bytes -=
        g->queued_bytes + g->n_queued * (uint64_t)ENTRY_HEADER_BYTES;
    g->n_queued = 0;
    g->queued_bytes = 0;
}

/* All queued proposals as one submit. */
void group_submit(struct group *g)
{
    struct core_event ev = {.kind = CORE_PROPOSE};
    unsigned n = 0;
    struct queue *q, *tmp;
    if (g->closed || g->n_queued == 0) {
        return;
    }
    int rv = queued_fit(g);
    if (rv != 0) {
        group_fail_queued(g, rv);
        return;
    }
    struct group_propose **proposals =
        mem_alloc(g->c->mem, g->n_queued * sizeof(struct group_propose *));
    if (proposals == NULL) {
        group_fail_queued(g, ERR_NOMEM);
        return;
    }
    QUEUE_FOREACH(q, tmp, &g->queued)
    {
        proposals[n++] = QUEUE_ENTRY(q, struct group_propose, queue);
    }
    ASSERT(n == g->n_queued);
    /* The log takes them over before anybody is told of anything. */
    struct queue taken;
    queue_move(&g->queued, &taken);
    group_queue_empty(g);
    while ((q = queue_pop(&taken)) != NULL) {
        struct group_propose *p = QUEUE_ENTRY(q, struct group_propose, queue);
        p->index = UINT64_MAX; /* not appended yet, nothing commits it */
        queue_push(&g->pending, q);
    }
    ev.propose.proposals = proposals;
    ev.propose.n = n;
    rv = group_step(g, ev);
    mem_free(g->c->mem, proposals);
    if (rv != 0 && !g->closed) {
        fail_refused(g, rv);
    }
}

/* ---- what it says of itself -------------------------------------------- */

int64_t group_next_offset(const struct group *g)
{
    return g->n_queued > 0 ? g->queued_offset : tail_last(&g->tail).offset;
}

enum group_role group_role(const struct group *g)
{
    return core_role(g->core);
}

/* Nobody is to answer for it before its owner knows what it leads. */
bool group_ready(const struct group *g)
{
    return !g->untold && core_ready(g->core);
}

bool group_repair(const struct group *g)
{
    return core_repair(g->core);
}

uint64_t group_id(const struct group *g)
{
    return g->id;
}

uint64_t group_term(const struct group *g)
{
    return core_term(g->core);
}

uint64_t group_leader(const struct group *g)
{
    return core_leader(g->core);
}

uint64_t group_commit(const struct group *g)
{
    return g->commit;
}

uint64_t group_stored(const struct group *g)
{
    return g->stored;
}

struct tail *group_tail(struct group *g)
{
    return &g->tail;
}

const struct group_config *group_config(const struct group *g)
{
    return core_config(g->core);
}

uint64_t group_config_index(const struct group *g)
{
    return core_config_index(g->core);
}

unsigned group_progress(const struct group *g, struct group_progress out[])
{
    const struct group_config *config = core_config(g->core);
    uint64_t now = env_now_ms(g->c->env);
    if (core_role(g->core) != GROUP_LEADER) {
        return 0;
    }
    for (unsigned i = 0; i < config->n; i++) {
        uint64_t id = config->members[i].id;
        out[i] = (struct group_progress){
            .id = id, .role = config->members[i].role, .recent = id == g->self};
        core_match(g->core, id, &out[i].match);
        for (unsigned k = 0; k < g->n_peers; k++) {
            if (g->peers[k].id == id && g->peers[k].heard_ms != 0 &&
                (g->quiet_ms != 0 ||
                 now - g->peers[k].heard_ms < g->c->o.election_ms)) {
                out[i].recent = true;
            }
        }
    }
    return config->n;
}

int group_change(struct group *g, const struct group_config *next)
{
    struct core_event ev = {.kind = CORE_CHANGE};
    if (transfer_blocks(g)) {
        return ERR_NOTREADY;
    }
    group_wake(g);
    /* Queued offsets were given out before: they go first. */
    if (g->n_queued > 0) {
        queue_remove(&g->proposing);
        group_submit(g);
    }
    ev.change = next;
    if (!g->closed && g->was_leader && !group_can_lead(g)) {
        return ERR_FULL;
    }
    return g->closed ? ERR_CANCELED : group_step(g, ev);
}

void group_check(const struct group *g)
{
    core_check(g->core);
    ASSERT(g->commit == core_commit(g->core));
    ASSERT(g->stored <= tail_last_index(&g->tail));
    ASSERT(g->stored >= g->tail.base.index);
    ASSERT(g->committed_bytes ==
           group_payload_bytes(g, g->tail.base.index, g->commit));
    ASSERT(g->uncommitted_bytes == g->tail.bytes - g->committed_bytes);
    ASSERT((g->n_gated == 0) == queue_empty(&g->gated));
    ASSERT((g->n_queued == 0) == queue_empty(&g->queued));
}
