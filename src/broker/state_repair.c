/* state_repair.c - what a state group does about a state that is damaged, or is
 * not what the others have.
 *
 *   damaged (SQLite or the state hash says so), missing -----------+
 *   astray: a majority has another hash -> hand over if it leads,
 *           wait if it was so before in this run ------------------+
 *                                                                  v
 *      fit <-- image installed <-- fetching from the leader <-- lacking
 *
 * The database goes to quarantine/ beside it; log, term and vote stay, so that
 * the group keeps its majority. A replica that lacks its state may be elected
 * (its log may be the only one that is complete): it hands over, to each
 * of the others in turn. Alone, the node ends instead.
 *
 * A state that is astray, or that nobody can call right (split), is given to
 * nobody, and what an astray one said counts no more: else a wrong state would
 * spread until a majority has it. */
#include <inttypes.h>
#include <string.h>

#include "broker/state_group_impl.h"

#define TELL_MS  10000 /* how often points are told, if there are new ones */
#define RETRY_MS 500   /* to hand over */
#define HAND_MS  2000  /* how long one attempt may take */
#define ASK_MS   1000  /* between two questions for others' points */
#define MISS_MS  10000 /* without a state; then it is said */
#define SPLIT_MS 5000  /* points may be on their way that long */
#define METRICS  2
/* How long a state is kept that is astray for the second time in a run; then
 * twice as long each time: code that decides otherwise does so again. */
#define ASTRAY_MS     60000
#define ASTRAY_MAX_MS 3600000

static void on_tick(struct env_timer *t);

/* ---- life --------------------------------------------------------------- */

static void metrics_open(struct state_group *g)
{
    struct state_repair *p = &g->repair;
    char labels[METRIC_LABELS_MAX] = "";
    metric_label(labels, "group", slice_str(g->name));
    metric_add(env_metrics(g->env), &p->metrics[0], METRIC_COUNTER,
               "ostraka_state_quarantined_total",
               "Databases of a state group that were put into quarantine, "
               "damaged or not what the majority has.",
               labels, &p->n_quarantined);
    metric_add(env_metrics(g->env), &p->metrics[1], METRIC_COUNTER,
               "ostraka_state_differs_total",
               "Comparisons in which replicas of a state group held different "
               "states.",
               labels, &p->n_differed);
}

int repair_init(struct state_group *g, const struct state_group_options *o)
{
    struct state_repair *p = &g->repair;
    p->alone = o->n_nodes <= 1;
    env_timer_init(&p->tick, on_tick, g);
    int rv = state_check_init(&p->check, g->mem, o->nodes, o->n_nodes, o->node,
                              o->type->version);
    if (rv == 0) {
        metrics_open(g);
    }
    return rv;
}

void repair_close(struct state_group *g)
{
    struct state_repair *p = &g->repair;
    env_timer_stop(g->env, &p->tick);
    for (unsigned i = 0; i < METRICS; i++) {
        metric_remove(&p->metrics[i]);
    }
    state_check_close(&p->check);
}

bool repair_fit(const struct state_group *g)
{
    return !g->repair.lacking && !g->repair.astray;
}

static void tick_in(struct state_group *g, uint64_t ms)
{
    env_timer_start(g->env, &g->repair.tick, env_now_ms(g->env) + ms);
}

/* ---- handing over ------------------------------------------------------- */

static void on_handed(void *arg, int status)
{
    struct state_group *g = arg;
    (void)status; /* tried again, with the next */
    g->repair.handing = false;
}

/* The next member that answers. */
static int32_t hand_to(struct state_group *g, const struct replica_status *s)
{
    for (unsigned i = 0; i < s->n_members; i++) {
        const struct replica_member *m =
            &s->members[g->repair.hand_to++ % s->n_members];
        if (m->node != g->node && m->voter && m->recent) {
            return m->node;
        }
    }
    return -1;
}

static void hand_over(struct state_group *g)
{
    struct state_repair *p = &g->repair;
    struct replica_status s;
    uint64_t now = env_now_ms(g->env);
    /* Where none has the state they would hand over as fast as they vote. */
    if (g->replica == NULL || !replica_is_leader(g->replica) || p->handing ||
        (p->handed_ms != 0 && now < p->handed_ms + RETRY_MS)) {
        return;
    }
    p->handed_ms = now;
    replica_status(g->replica, &s);
    p->handing = replica_transfer_leader(g->replica, hand_to(g, &s), HAND_MS,
                                         on_handed, g) == 0;
}

/* ---- telling ------------------------------------------------------------ */

static void own_points(const struct state_group *g, struct state_points *p)
{
    p->n = repair_fit(g) ? machine_points(g->machine, p->v) : 0;
}

/* No points are told only where what was said before is to be forgotten. */
static void tell(struct state_group *g, bool ask)
{
    struct state_repair *p = &g->repair;
    struct state_points own;
    struct buf b;
    own_points(g, &own);
    if (p->alone || g->replica == NULL || (own.n == 0 && !p->disowned)) {
        return;
    }
    buf_init(&b, g->mem, 0);
    state_check_encode(&p->check, &own, ask, &b);
    if (b.status == 0) {
        replica_tell(g->replica, buf_slice(&b));
        p->told = own.n > 0 ? own.v[own.n - 1].index : p->told;
    }
    buf_close(&b);
}

/* ---- lacking ------------------------------------------------------------ */

static void on_void(void *arg, const char *to)
{
    struct state_group *g = arg;
    struct state_repair *p = &g->repair;
    if (to[0] == '\0') {
        return;
    }
    p->n_quarantined++;
    trace_error(env_trace(g->env), "state.quarantined",
                "group=%s error=\"%s\" to=\"%s\" do=\"nothing, another node's "
                "is fetched; keep the file to find out why\"",
                g->name, p->why.text, to);
}

void repair_aside(struct state_group *g, const char *to)
{
    struct state_repair *p = &g->repair;
    if (!p->lacking) {
        err_set(&p->why, ERR_CORRUPT,
                "found damaged when an image took its place");
    }
    on_void(g, to);
}

void repair_lack(struct state_group *g, const char *why)
{
    struct state_repair *p = &g->repair;
    if (p->lacking) {
        return;
    }
    p->lacking = true;
    p->astray = p->missed = false;
    p->lack_ms = env_now_ms(g->env);
    err_set(&p->why, ERR_CORRUPT, "%s", why);
    if (machine_void(g->machine, on_void, g) != 0) {
        env_fail(g->env, ERR_NOMEM, "%s: out of memory", g->name);
    }
    serves_lost(g->serves);
    if (g->replica != NULL && g->open_cb == NULL) {
        replica_fetch(g->replica);
        tell(g, false);
        state_group_role(g);
        hand_over(g);
    } else {
        p->disowned = true; /* said in another life */
    }
    tick_in(g, RETRY_MS);
}

void repair_broken(void *arg, const struct err *err)
{
    struct state_group *g = arg;
    if (!g->closing) {
        repair_lack(g, err->text);
    }
}

void repair_role(struct state_group *g)
{
    struct state_repair *p = &g->repair;
    if (p->astray && !replica_is_leader(g->replica) &&
        env_now_ms(g->env) >= p->keep_ms) {
        char why[ERR_TEXT_MAX];
        memcpy(why, p->why.text, sizeof why);
        repair_lack(g, why);
    } else if (!repair_fit(g)) {
        hand_over(g);
    }
}

/* ---- comparing ---------------------------------------------------------- */

/* How long the n-th state that is astray is kept. */
static uint64_t keep_for(unsigned n)
{
    uint64_t ms = n < 2 ? 0 : ASTRAY_MS;
    while (n-- > 2 && ms < ASTRAY_MAX_MS) {
        ms *= 2;
    }
    return ms < ASTRAY_MAX_MS ? ms : ASTRAY_MAX_MS;
}

static void go_astray(struct state_group *g, const struct state_judgement *j)
{
    struct state_repair *p = &g->repair;
    p->astray = p->disowned = true;
    err_set(&p->why, ERR_CORRUPT,
            "at index %" PRIu64 " its hash is %016" PRIx64
            ", but that of most replicas %016" PRIx64,
            j->index, j->own, j->majority);
    uint64_t keep = keep_for(++p->n_astray);
    p->keep_ms = env_now_ms(g->env) + keep;
    if (keep > 0 || replica_is_leader(g->replica)) {
        trace_error(
            env_trace(g->env), "state.astray",
            "group=%s error=\"%s\" times=%u wait_s=%" PRIu64 " do=\"%s\"",
            g->name, p->why.text, p->n_astray, keep / 1000,
            keep > 0 ? "find out why this node decides otherwise; after "
                       "the wait it fetches another's state again"
                     : "nothing, this node hands over and fetches "
                       "another's state");
        tell(g, false);
        serves_lost(g->serves);
        state_group_role(g);
        tick_in(g, RETRY_MS);
    }
    repair_role(g);
}

/* They differ, and who is right cannot be said: unless points are on their
 * way, somebody has to look. */
static void split(struct state_group *g, const struct state_judgement *j)
{
    struct state_repair *p = &g->repair;
    uint64_t now = env_now_ms(g->env);
    p->split_ms = p->split_ms == 0 ? now : p->split_ms;
    if (now - p->split_ms < SPLIT_MS || p->differed) {
        return;
    }
    p->differed = true;
    trace_error(env_trace(g->env), "state.differs",
                "group=%s index=%" PRIu64 " here=%016" PRIx64 " other=n%" PRId32
                " known=%u do=\"no majority holds one state, so nothing is "
                "replaced: stop writing, compare the databases (ostraka dump) "
                "and keep copies\"",
                g->name, j->index, j->own, j->other, j->n_known);
}

static void others(struct state_group *g, const struct state_judgement *j)
{
    struct state_repair *p = &g->repair;
    if (!p->differed) {
        trace_warn(env_trace(g->env), "state.differs",
                   "group=%s index=%" PRIu64 " here=%016" PRIx64
                   " other=n%" PRId32 " do=\"nothing, that node replaces its "
                   "state\"",
                   g->name, j->index, j->own, j->other);
    }
    p->differed = true;
}

static void judge(struct state_group *g)
{
    struct state_repair *p = &g->repair;
    struct state_points own;
    own_points(g, &own);
    struct state_judgement j = state_check_judge(&p->check, &own);
    p->n_differed += j.verdict >= STATE_OTHERS;
    replica_withhold(g->replica,
                     j.verdict == STATE_SPLIT || j.verdict == STATE_ASTRAY);
    if (j.verdict != STATE_SPLIT && j.verdict != STATE_UNKNOWN) {
        p->split_ms = 0;
    }
    switch (j.verdict) {
    case STATE_UNKNOWN:
        break;
    case STATE_SAME:
        p->differed = false;
        break;
    case STATE_OTHERS:
        others(g, &j);
        break;
    case STATE_ASTRAY:
        go_astray(g, &j);
        break;
    case STATE_SPLIT:
        split(g, &j);
        break;
    }
}

void repair_compare(struct state_group *g)
{
    tell(g, false);
    if (repair_fit(g) && !g->repair.alone) {
        judge(g);
    }
}

void repair_told(void *arg, int32_t node, struct slice message)
{
    struct state_group *g = arg;
    struct state_repair *p = &g->repair;
    bool ask = false;
    if (g->closing || g->open_cb != NULL || !repair_fit(g) ||
        state_check_note(&p->check, node, message, &ask) != 0) {
        return;
    }
    if (ask) {
        tell(g, false);
    }
    judge(g);
    uint64_t now = env_now_ms(g->env);
    if (p->split_ms != 0 && now - p->asked_ms >= ASK_MS) {
        p->asked_ms = now;
        tell(g, true);
    }
}

/* It may be long, it may be that nobody has it. */
static void miss(struct state_group *g)
{
    struct state_repair *p = &g->repair;
    if (!p->lacking || p->missed || env_now_ms(g->env) < p->lack_ms + MISS_MS) {
        return;
    }
    p->missed = true;
    trace_error(env_trace(g->env), "state.missing",
                "group=%s do=\"start the nodes that have a copy, if this goes "
                "on; if none has, what is left is in the nodes' quarantine/\"",
                g->name);
}

static void on_tick(struct env_timer *t)
{
    struct state_group *g = t->data;
    struct state_repair *p = &g->repair;
    if (g->closing) {
        return;
    }
    if (!repair_fit(g)) {
        miss(g);
        tell(g, false);
        repair_role(g);
        tick_in(g, RETRY_MS);
        return;
    }
    if (machine_applied(g->machine) != p->told || p->split_ms != 0) {
        tell(g, true);
        judge(g);
    }
    tick_in(g, TELL_MS);
}

void repair_begin(struct state_group *g)
{
    struct state_repair *p = &g->repair;
    if (p->lacking) {
        replica_fetch(g->replica);
    }
    if (!p->alone) {
        tick_in(g, p->lacking ? RETRY_MS : TELL_MS);
    }
}

void repair_installed(struct state_group *g)
{
    struct state_repair *p = &g->repair;
    if (repair_fit(g) || replica_fetching(g->replica)) {
        return;
    }
    p->lacking = p->astray = p->differed = p->disowned = false;
    replica_withhold(g->replica, false);
    trace_info(env_trace(g->env), "state.restored", "group=%s index=%" PRIu64,
               g->name, machine_applied(g->machine));
    state_group_role(g);
    tell(g, true);
}
