/* The leader's clock of consumer groups: what has run out is proposed at the
 * tick behind its deadline, and a group of which nothing can have run out is
 * not looked at. The groups are made by hand; nothing is proposed to anybody:
 * what would be is in the next entry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "broker/coordinator_impl.h"
#include "env/sim.h"

#define MEMBERS_MAX 600
#define LONG_MS     10000

struct world {
    struct sim *sim;
    struct env *e;
    struct cgroup_image *image;
    struct coordinator *co;
    uint64_t refused, busy;
};

struct group {
    struct cgroup_view view;
    struct cgroup_view_member members[MEMBERS_MAX];
    struct cgroup_view_member *list[MEMBERS_MAX];
    char ids[MEMBERS_MAX][16];
};

static struct group a, b;

static void started(struct env *e, void *arg)
{
    (void)e;
    (void)arg;
}

static void begin(struct world *w)
{
    struct sim_options o = {.seed = 1, .trace_level = TRACE_ERROR};
    *w = (struct world){.sim = sim_new(&o)};
    assert_non_null(w->sim);
    assert_int_equal(sim_node_start(w->sim, 1, "n1", sim_disk_new(w->sim, 1),
                                    started, NULL, &w->e),
                     0);
    w->image = cgroup_image_new(env_mem(w->e));
    assert_non_null(w->image);
    struct coordinator_options co = {
        .image = w->image, .refused = &w->refused, .busy = &w->busy};
    assert_int_equal(coordinator_open(w->e, &co, &w->co), 0);
    w->co->leads = true;
}

static void group_init(struct world *w, struct group *g, const char *id,
                       unsigned n, uint32_t session_ms)
{
    *g = (struct group){.view = {.id = slice_str(id),
                                 .state = CGROUP_STABLE,
                                 .generation = 1,
                                 .members = g->list,
                                 .n_members = n}};
    for (unsigned i = 0; i < n; i++) {
        snprintf(g->ids[i], sizeof g->ids[i], "%s%u", id, i);
        g->members[i] = (struct cgroup_view_member){.id = slice_str(g->ids[i]),
                                                    .session_ms = session_ms};
        g->list[i] = &g->members[i];
        coordinator_event(w->co, CGROUP_EVENT_GROUP, &g->view, g->list[i]);
    }
}

static void group_gone(struct world *w, struct group *g)
{
    for (unsigned i = 0; i < g->view.n_members; i++) {
        coordinator_event(w->co, CGROUP_EVENT_MEMBER_GONE, &g->view,
                          g->list[i]);
    }
    coordinator_event(w->co, CGROUP_EVENT_GROUP_GONE, &g->view, NULL);
}

static void end(struct world *w)
{
    env_turn_cancel(w->e, &w->co->turn);
    w->co->leads = false;
    coordinator_close(w->co);
    cgroup_image_free(w->image);
    sim_free(w->sim);
}

/* Tick; how many items it made for the next entry, which is forgotten. */
static unsigned tick(struct world *w, uint64_t now)
{
    struct queue *q;
    unsigned n = 0;
    coordinator_tick(w->co, now);
    while ((q = queue_pop(&w->co->items)) != NULL) {
        mem_free(env_mem(w->e), QUEUE_ENTRY(q, struct coordinator_item, queue));
        n++;
    }
    buf_reset(&w->co->bytes);
    env_turn_cancel(w->e, &w->co->turn);
    return n;
}

/* When something is looked at next. */
static uint64_t next(const struct world *w)
{
    struct heap_node *n = heap_first(&w->co->lives);
    return n == NULL ? UINT64_MAX : n->key;
}

static void pass(struct world *w, uint64_t ms)
{
    sim_run_until(w->sim, sim_now_us(w->sim) + ms * 1000, NULL);
}

/* Each session ends when it ends, in whichever group. */
static void sessions_end(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    uint64_t t = env_now_ms(w.e);
    group_init(&w, &a, "a", 3, LONG_MS);
    group_init(&w, &b, "b", 1, 1000);
    assert_int_equal(tick(&w, t + 1), 0);
    assert_int_equal(next(&w), t + 1000);
    assert_int_equal(tick(&w, t + 999), 0);
    assert_int_equal(tick(&w, t + 1000), 1);
    assert_int_equal(tick(&w, t + 1001), 0); /* it is proposed */
    assert_int_equal(tick(&w, t + 2000), 1); /* nothing came of it */
    group_gone(&w, &b);
    assert_int_equal(next(&w), t + LONG_MS);
    assert_int_equal(tick(&w, t + LONG_MS), 1); /* all three in one */
    group_gone(&w, &a);
    assert_int_equal(next(&w), UINT64_MAX);
    end(&w);
}

/* Members that are heard of cost nothing until the first deadline that there
 * was; the next look is at the first that there is then. */
static void heartbeats_move_nothing(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    group_init(&w, &a, "a", 3, LONG_MS);
    uint64_t t = env_now_ms(w.e);
    assert_int_equal(tick(&w, t + 1), 0);
    pass(&w, 9000);
    for (unsigned i = 0; i < 3; i++) {
        coordinator_touch(w.co, &a.view, a.list[i]);
    }
    assert_int_equal(next(&w), t + LONG_MS);
    assert_int_equal(tick(&w, t + LONG_MS), 0);
    assert_int_equal(next(&w), t + 9000 + LONG_MS);
    assert_int_equal(tick(&w, t + 9000 + LONG_MS), 1);
    group_gone(&w, &a);
    end(&w);
}

/* A member that comes back with a shorter session is not found late, nor is
 * one that is new. */
static void a_shorter_session(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    group_init(&w, &a, "a", 3, LONG_MS);
    uint64_t t = env_now_ms(w.e);
    assert_int_equal(tick(&w, t + 1), 0);
    a.members[1].session_ms = 500;
    coordinator_touch(w.co, &a.view, a.list[1]);
    assert_int_equal(next(&w), t + 500);
    assert_int_equal(tick(&w, t + 500), 1);
    group_gone(&w, &a);
    end(&w);
}

/* More than one item takes are all proposed, tick by tick. */
static void many_end(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    group_init(&w, &a, "a", MEMBERS_MAX, LONG_MS);
    uint64_t t = env_now_ms(w.e) + LONG_MS;
    assert_int_equal(tick(&w, t), 1);
    assert_int_equal(tick(&w, t + 1), 1);
    assert_int_equal(tick(&w, t + 2), 1);
    assert_int_equal(tick(&w, t + 3), 0);
    group_gone(&w, &a);
    end(&w);
}

/* Who waits for an answer does not expire, and is not forgotten. */
static void parked(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    group_init(&w, &a, "a", 2, LONG_MS);
    uint64_t t = env_now_ms(w.e);
    struct session *s = a.members[0].data;
    s->parked = 1;
    assert_int_equal(tick(&w, t + LONG_MS), 1); /* the other one */
    assert_int_equal(tick(&w, t + LONG_MS + 1), 0);
    s->parked = 0;
    assert_int_equal(tick(&w, t + LONG_MS + 2), 1);
    group_gone(&w, &a);
    end(&w);
}

/* A rebalance ends at its time, also one that begins while nothing is due. */
static void a_rebalance_ends(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    group_init(&w, &a, "a", 2, LONG_MS);
    uint64_t t = env_now_ms(w.e);
    assert_int_equal(tick(&w, t + 1), 0);
    a.view.state = CGROUP_PREPARING;
    a.view.round = 1;
    a.view.begun_ms = env_wall_ms(w.e);
    a.view.due_ms = a.view.begun_ms + 300;
    coordinator_event(w.co, CGROUP_EVENT_GROUP, &a.view, NULL);
    assert_int_equal(tick(&w, t + 2), 0);
    assert_int_equal(next(&w), t + 301);
    assert_int_equal(tick(&w, t + 301), 1);
    assert_int_equal(tick(&w, t + 302), 0);
    group_gone(&w, &a);
    end(&w);
}

/* A group whose members have left needs no clock, whatever came first. */
static void emptied(void **state)
{
    struct world w;
    (void)state;
    for (unsigned first = 0; first < 2; first++) {
        begin(&w);
        group_init(&w, &a, "a", 1, LONG_MS);
        uint64_t t = env_now_ms(w.e);
        assert_int_equal(tick(&w, t + 1), 0);
        for (unsigned i = 0; i < 2; i++) {
            if (i == first) {
                a.view.state = CGROUP_EMPTY;
                coordinator_event(w.co, CGROUP_EVENT_GROUP, &a.view, NULL);
            } else {
                a.view.n_members = 0;
                coordinator_event(w.co, CGROUP_EVENT_MEMBER_GONE, &a.view,
                                  a.list[0]);
            }
            assert_int_equal(tick(&w, t + 2 + i), 0);
        }
        assert_null(a.view.data);
        assert_int_equal(next(&w), UINT64_MAX);
        end(&w);
    }
}

/* Ids of members may be so long that those of all who have run out do not fit
 * an entry: some at a time. */
static void long_ids(void **state)
{
    static char id[CGROUP_NAME_MAX];
    struct world w;
    unsigned n = 0;
    (void)state;
    begin(&w);
    memset(id, 'x', sizeof id);
    uint64_t t = env_now_ms(w.e);
    group_init(&w, &a, "a", 200, 1000);
    for (unsigned i = 0; i < 200; i++) {
        a.members[i].id = slice_of(id, sizeof id);
    }
    for (uint64_t at = t + 1000; at < t + 1500; at++) {
        n += tick(&w, at);
    }
    assert_in_range(n, 2, 200);
    for (unsigned i = 0; i < 200; i++) { /* each of them was proposed */
        assert_true(((struct session *)a.members[i].data)->deadline_ms >
                    t + 1500);
    }
    group_gone(&w, &a);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_end),
        cmocka_unit_test(heartbeats_move_nothing),
        cmocka_unit_test(a_shorter_session),
        cmocka_unit_test(many_end),
        cmocka_unit_test(long_ids),
        cmocka_unit_test(parked),
        cmocka_unit_test(a_rebalance_ends),
        cmocka_unit_test(emptied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
