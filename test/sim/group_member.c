/* group_member.c - a seat of a group: members that follow each other in it, as
 * real clients behave.
 *
 *   DOWN --up--> JOIN --answered--> SYNC --share--> READ --offsets--> RUN
 *    ^            ^  ^---27, 22, 25----+              |                | |
 *    |            +-------27, 22, 25, a look----------+----------------+ |
 *    +---- leaves, falls silent, fenced, turned away --------------------+
 *
 * In every state the coordinator is looked for first when it is not known.
 * Answers for a member that is no more are for the books only. */
#include <stdio.h>

#include "base/assert.h"
#include "group_member.h"
#include "wire/errors.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/leave_group.h"

#define TICK_MS         40
#define BRISK           60 /* of 10,000 looks */
#define RETRY_MS        100
#define FLYING_MAX      3
#define VERSION_LEAVERS 3

static const char *const state_names[] = {"down", "join", "sync", "read",
                                          "run"};

uint64_t member_below(struct group_member *m, uint64_t n)
{
    return groups_below(m->all, n);
}

uint64_t member_now_ms(const struct group_member *m)
{
    return env_now_ms(m->all->world->env);
}

struct ask *member_ask(struct group_member *m)
{
    struct ask *a = mem_calloc(m->all->world->mem, 1, sizeof *a);

    ASSERT(a != NULL);
    *a = (struct ask){.member = m,
                      .ticket = m->ticket,
                      .begin_us = sim_now_us(m->all->world->sim),
                      .generation = m->generation,
                      .life = m->life};
    return a;
}

void member_ask_free(struct ask *a)
{
    mem_free(a->member->all->world->mem, a);
}

bool member_asked(const struct ask *a)
{
    return a->ticket == a->member->ticket;
}

struct client *member_coordinator(struct group_member *m)
{
    return world_client(m->all->world, m->clients, m->coordinator);
}

void member_refused(struct group_member *m, const char *what, int error)
{
    world_violation(m->all->world, "refused",
                    "%s: member %u (%s, \"%s\"): "
                    "%s: %s",
                    m->book->id, m->slot, state_names[m->state], m->id, what,
                    kerr_name(error));
}
struct slice member_text(bool is, const char *text)
{
    return is ? slice_str(text) : slice_of(NULL, 0);
}

/* ---- a life --------------------------------------------------------------
 */

void member_fall(struct group_member *m, uint64_t after_ms)
{
    m->state = DOWN;
    m->ticket++;
    for (unsigned id = 1; id <= SIM_NODES_MAX && member_below(m, 3) > 0; id++) {
        if (m->clients[id] != NULL) {
            client_drop(m->clients[id]);
        }
    }
    m->asking = m->beating = m->stalled = false;
    m->n_flying = 0;
    m->life = NULL;
    m->wait_ms = member_now_ms(m) + after_ms;
}

static void rise(struct group_member *m)
{
    int oldest = m->is_static ? 5 : 0;

    m->state = JOIN;
    m->ticket++;
    m->turned_away = false;
    m->id[0] = '\0';
    m->generation = -1;
    m->coordinator = 0;
    m->n_owned = 0;
    m->version = (struct version){
        .find = (int)member_below(m, 7),
        .join = oldest + (int)member_below(m, 10 - (unsigned)oldest),
        .sync = m->is_static ? 3 + (int)member_below(m, 3)
                             : (int)member_below(m, 6),
        .heartbeat = m->is_static ? 3 + (int)member_below(m, 2)
                                  : (int)member_below(m, 5),
        .leave = (int)member_below(m, 6),
        .commit = m->is_static ? 7 + (int)member_below(m, 4)
                               : 2 + (int)member_below(m, 9),
        .read = 1 + (int)member_below(m, 10)};
    if (m->book->o.retention_ms > 0 && !m->is_static) {
        m->version.commit = 2 + (int)member_below(m, 3); /* says how long */
    }
    memset(m->clients, 0, sizeof m->clients);
}

void member_rejoin(struct group_member *m)
{
    m->state = JOIN;
    m->wait_ms = member_now_ms(m) + member_below(m, 3) * 30;
}

bool member_moved_on(struct group_member *m, const char *what, int error)
{
    struct group_counts *n = &m->all->counts;

    switch (error) {
    case 0:
        return false;
    case KERR_ILLEGAL_GENERATION:
        n->fenced++;
        member_rejoin(m);
        return true;
    case KERR_UNKNOWN_MEMBER_ID:
        n->expired += m->reset;
        m->reset = false;
        m->id[0] = '\0';
        m->generation = -1;
        member_rejoin(m);
        return true;
    case KERR_FENCED_INSTANCE_ID:
        n->fenced++;
        if (!m->is_static) {
            member_refused(m, what, error);
        }
        member_fall(m, 1000 + member_below(m, 5000));
        return true;
    case KERR_REBALANCE_IN_PROGRESS:
        member_rejoin(m);
        return true;
    case KERR_COORDINATOR_LOAD_IN_PROGRESS:
        m->wait_ms = member_now_ms(m) + RETRY_MS;
        return true;
    default:
        if (!group_error_open(error)) {
            member_refused(m, what, error);
        }
        m->coordinator = 0;
        m->wait_ms = member_now_ms(m) + RETRY_MS;
        return true;
    }
}
/* ---- Heartbeat -----------------------------------------------------------
 */

static void on_beat(void *arg, int status, const void *response)
{
    struct ask *a = arg;
    struct group_member *m = a->member;
    const struct heartbeat_response *r = response;
    int error = status == 0 ? r->error_code : GROUP_NO_ANSWER;

    if (member_asked(a)) {
        m->beating = false;
        m->reset = m->reset && error != 0;
        if (m->state == RUN && m->generation == a->generation) {
            (void)member_moved_on(m, "Heartbeat", error);
        }
    }
    member_ask_free(a);
}

static void beat(struct group_member *m)
{
    struct heartbeat_request r;

    wire_init(&wire_heartbeat_request, &r);
    r.group_id = slice_str(m->book->id);
    r.generation_id = m->generation;
    r.member_id = slice_str(m->id);
    r.group_instance_id = member_text(m->is_static, m->instance);
    m->beating = true;
    m->beat_ms = member_now_ms(m) + m->book->o.session_ms / 4;
    client_call(member_coordinator(m), &wire_heartbeat_request,
                m->version.heartbeat, &r, MEMBER_ASK_MS, on_beat,
                member_ask(m));
}
/* ---- LeaveGroup ----------------------------------------------------------
 */

static void on_left(void *arg, int status, const void *response)
{
    struct ask *a = arg;
    const struct leave_group_response *r = response;

    if (status == 0 && r->error_code == 0 &&
        (a->version < VERSION_LEAVERS ||
         (r->members.n == 1 && r->members.ptr[0].error_code == 0)) &&
        a->life->gone_us == GROUP_NEVER) {
        a->life->gone_us = sim_now_us(a->member->all->world->sim);
    }
    member_ask_free(a);
}

static void leave(struct group_member *m)
{
    struct leave_group_request r;
    struct leave_group_request_member x;
    struct ask *a = member_ask(m);

    a->version = m->version.leave;
    wire_init(&wire_leave_group_request, &r);
    wire_struct_init(&wire_leave_group_request_member, &x);
    r.group_id = slice_str(m->book->id);
    if (a->version < VERSION_LEAVERS) {
        r.member_id = slice_str(m->id);
    } else {
        x.member_id = slice_str(m->id);
        r.members.ptr = &x;
        r.members.n = 1;
    }
    client_call(member_coordinator(m), &wire_leave_group_request, a->version,
                &r, MEMBER_ASK_MS, on_left, a);
}
/* ---- what it does --------------------------------------------------------
 */

static void on_found(void *arg, unsigned node)
{
    struct group_member *m = arg;

    m->coordinator = node;
    if (node == 0) {
        m->wait_ms = member_now_ms(m) + RETRY_MS;
    }
}

/* Leave, die, fall silent for a while, join again without being asked. */
static void act_up(struct group_member *m)
{
    uint64_t session = m->book->o.session_ms;

    if (m->all->phase == GROUPS_ACT && m->book->o.brisk && m->is_static &&
        member_below(m, 10000) < BRISK) {
        member_fall(m, member_below(m, 400)); /* the process is started anew */
        return;
    }
    if (m->all->phase != GROUPS_ACT ||
        member_below(m, 10000) >= m->book->o.restless) {
        return;
    }
    switch (member_below(m, 4)) {
    case 0:
        if (!m->is_static) {
            leave(m);
        }
        member_fall(m, member_below(m, 4000));
        break;
    case 1: /* a static one may be back within its session */
        member_fall(m, member_below(m, 2 * session));
        break;
    case 2:
        m->stalled = m->reset = true;
        m->wait_ms =
            member_now_ms(m) + session / 2 + member_below(m, 2 * session);
        m->commit_ms = m->wait_ms;
        m->beat_ms = m->wait_ms + 200;
        break;
    default:
        member_rejoin(m);
        break;
    }
}

static void run(struct group_member *m)
{
    uint64_t now = member_now_ms(m);

    m->stalled = false;
    if (m->n_owned > 0 && m->n_flying < FLYING_MAX && now >= m->commit_ms &&
        m->all->phase != GROUPS_QUIET) {
        member_commit(m);
    }
    if (!m->beating && now >= m->beat_ms) {
        beat(m);
    }
    if (m->leads && m->shared != member_partitions(m) &&
        m->all->phase != GROUPS_QUIET) {
        member_rejoin(m); /* there are others now */
        return;
    }
    act_up(m);
}

/* Of two with one instance, one goes for good when all comes to rest. */
static bool retires(const struct group_member *m)
{
    return m->book->o.twins && m->slot == 1 && m->all->phase != GROUPS_ACT;
}

static void step(struct group_member *m)
{
    if (retires(m)) {
        if (m->state != DOWN) {
            member_fall(m, 0);
        }
        return;
    }
    if (member_now_ms(m) < m->wait_ms &&
        !(m->state == DOWN && m->all->phase == GROUPS_SETTLE &&
          !m->turned_away)) {
        return;
    }
    if (m->state == DOWN) {
        rise(m);
    }
    if (m->coordinator == 0) {
        if (!m->find.under_way) {
            group_seek(&m->find, m->book, m->clients, m->version.find, on_found,
                       m);
        }
        return;
    }
    if (m->state == RUN) {
        run(m);
    } else if (!m->asking && m->state == JOIN) {
        member_join(m);
    } else if (!m->asking && m->state == SYNC) {
        member_sync(m);
    } else if (!m->asking) {
        member_read(m);
    }
}

static void on_tick(struct env_timer *t)
{
    struct group_member *m = t->data;
    struct world *w = m->all->world;

    env_timer_start(w->env, t, member_now_ms(m) + TICK_MS);
    if (!world_broken(w)) {
        step(m);
    }
}

struct group_member *group_member_start(struct group_book *b, unsigned slot)
{
    struct world *w = b->all->world;
    struct group_member *m = mem_calloc(w->mem, 1, sizeof *m);

    ASSERT(m != NULL);
    *m = (struct group_member){.all = b->all,
                               .book = b,
                               .slot = slot,
                               .number = b->o.twins && slot == 1 ? 0 : slot,
                               .is_static = slot < b->o.n_static};
    snprintf(m->instance, sizeof m->instance, "i%u", m->number);
    m->wait_ms = member_below(m, 8000);
    env_timer_init(&m->timer, on_tick, m);
    env_timer_start(w->env, &m->timer, env_now_ms(w->env) + 1 + slot);
    return m;
}

bool group_member_runs(const struct group_member *m)
{
    return m->state == RUN && m->coordinator != 0 &&
           (m->generation == m->book->last || m->book->lawless);
}

bool group_member_holds(const struct group_member *m)
{
    return m->n_owned > 0;
}

bool group_member_waits(const struct group_member *m)
{
    return m->state == DOWN && (m->turned_away || retires(m));
}

uint64_t group_member_commits(const struct group_member *m)
{
    return m->n_settled;
}

void group_member_describe(const struct group_member *m, char *text,
                           size_t size)
{
    snprintf(text, size, "%s %d at %u holds %u committed %u%s",
             state_names[m->state], m->generation, m->coordinator, m->n_owned,
             (unsigned)m->n_settled, m->turned_away ? " (turned away)" : "");
}
