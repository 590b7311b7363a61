/* How a group forms and re-forms: each rule of JoinGroup, static membership,
 * protocols and the first delay. */
#include "cgroup_test.h"

#include <time.h>

static bool leads(const struct c_rig *c, const char *member)
{
    return slice_equal(c_group(c)->leader, slice_str(member));
}

/* m1 leads, m2 follows, generation 1, Stable. */
static void two_stable(struct c_rig *c)
{
    assert_int_equal(c_join(c, "", "range,rr"), 0);
    assert_int_equal(c_sync(c, "m1", "", 1, "m1"), 0);
    assert_int_equal(c_join(c, "", "range,rr"), 0);
    assert_int_equal(c_join(c, "m1", "range,rr"), 0);
    c_state(c, CGROUP_COMPLETING, 2);
    assert_int_equal(c_sync(c, "m1", "", 2, "m1,m2"), 0);
    c_state(c, CGROUP_STABLE, 2);
    assert_true(leads(c, "m1"));
}

static void test_bad_requests(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    assert_int_equal(c_join_type(&c, "", "", "", "consumer", "range"),
                     KERR_INVALID_GROUP_ID);
    c.session_ms = 5999;
    assert_int_equal(c_join(&c, "", "range"), KERR_INVALID_SESSION_TIMEOUT);
    c.session_ms = 1800001;
    assert_int_equal(c_join(&c, "", "range"), KERR_INVALID_SESSION_TIMEOUT);
    c.session_ms = 6000;
    assert_int_equal(c_join(&c, "who", "range"), KERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(c_join(&c, "", ""), KERR_INCONSISTENT_GROUP_PROTOCOL);
    assert_int_equal(c_join_type(&c, "g", "", "", "", "range"),
                     KERR_INCONSISTENT_GROUP_PROTOCOL);
    assert_int_equal(cgroup_image_count(c.im), 0); /* nothing was left */
    assert_int_equal(c_join(&c, "", "range"), 0);
    c.next_id--; /* an id that is taken is given to nobody */
    assert_int_equal(c_join(&c, "", "range"), KERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(c_join(&c, "who", "range"), KERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(c_join_type(&c, "g", "", "", "connect", "range"),
                     KERR_INCONSISTENT_GROUP_PROTOCOL);
    assert_int_equal(c_join(&c, "", "other"), KERR_INCONSISTENT_GROUP_PROTOCOL);
    assert_int_equal(c_group(&c)->n_members, 1);
    c_end(&c);
}

static void test_one_and_two(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    assert_int_equal(c_join(&c, "", "range"), 0);
    assert_true(c.last.parked);
    assert_int_equal(c.last.generation, 0);
    assert_string_equal(c.member, "m1");
    c_state(&c, CGROUP_COMPLETING, 1);
    assert_true(leads(&c, "m1"));
    assert_int_equal(c_sync(&c, "m1", "", 1, "m1"), 0);
    c_state(&c, CGROUP_STABLE, 1);
    assert_true(slice_equal(c_member(&c, "m1")->assignment, slice_str("m1")));

    assert_int_equal(c_join(&c, "", "range"), 0); /* m2 */
    assert_true(c.last.parked);
    c_state(&c, CGROUP_PREPARING, 1);
    assert_true(c_member(&c, "m2")->joined);
    assert_false(c_member(&c, "m1")->joined);
    assert_int_equal(c_group(&c)->due_ms, c.r.time_ms + c.rebalance_ms);
    assert_int_equal(c_join(&c, "m1", "range"), 0);
    c_state(&c, CGROUP_COMPLETING, 2);
    assert_true(leads(&c, "m1")); /* though m2 came first this time */
    assert_int_equal(c_member(&c, "m1")->assignment.len, 0);
    assert_false(c_member(&c, "m2")->joined);
    c_end(&c);
}

static void test_member_id_required(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    c.require_id = true;
    assert_int_equal(c_join(&c, "", "range"), KERR_MEMBER_ID_REQUIRED);
    assert_string_equal(c.member, "m1");
    c_state(&c, CGROUP_EMPTY, 0);
    assert_true(c_member(&c, "m1")->pending);
    assert_int_equal(c_join_static(&c, "m1", "i", "range"),
                     KERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(c_join(&c, "", "range"), KERR_MEMBER_ID_REQUIRED);
    assert_int_equal(c_join(&c, "m1", "range"), 0);
    /* m2 has an id, so it is waited for, but not for ever. */
    c_state(&c, CGROUP_PREPARING, 0);
    assert_int_equal(c_sync(&c, "m2", "", 0, ""), KERR_UNKNOWN_MEMBER_ID);
    c_expire_now(&c, "m2");
    c_state(&c, CGROUP_COMPLETING, 1);
    assert_false(c_has(&c, "m2"));
    /* A static member needs no id first. */
    assert_int_equal(c_join_static(&c, "", "i", "range"), 0);
    c_end(&c);
}

static void test_pending_leaves_nothing(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    c.require_id = true;
    assert_int_equal(c_join(&c, "", "range"), KERR_MEMBER_ID_REQUIRED);
    c_expire_now(&c, "m1");
    assert_int_equal(cgroup_image_count(c.im), 0);
    assert_int_equal(c.events[CGROUP_EVENT_GROUP_GONE], 1);
    assert_int_equal(c.events[CGROUP_EVENT_MEMBER_GONE], 1);
    /* With offsets it stays. */
    assert_int_equal(c_commit(&c, "", -1, 5), 0);
    assert_int_equal(c_join(&c, "", "range"), KERR_MEMBER_ID_REQUIRED);
    assert_int_equal(c_leave(&c, c.member, ""), 0);
    assert_int_equal(c_offset(&c, 1), 5);
    c_end(&c);
}

static void test_pending_in_a_rebalance_due(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    two_stable(&c);
    c.require_id = true;
    assert_int_equal(c_join(&c, "", "range"), KERR_MEMBER_ID_REQUIRED);
    c_state(&c, CGROUP_STABLE, 2); /* an id alone disturbs nobody */
    c.require_id = false;
    assert_int_equal(c_join(&c, "m1", "range"), 0);
    assert_int_equal(c_join(&c, "m2", "range"), 0);
    c_state(&c, CGROUP_PREPARING, 2);
    c_due_now(&c);
    c_state(&c, CGROUP_COMPLETING, 3);
    assert_true(c_member(&c, "m3")->pending); /* its own time runs on */
    c_end(&c);
}

static void test_rejoin(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    two_stable(&c);
    /* A follower with the same metadata: nothing happens. */
    assert_int_equal(c_join(&c, "m2", "range,rr"), 0);
    assert_false(c.last.parked);
    assert_int_equal(c.last.generation, 2);
    assert_string_equal(c.leader, "m1");
    c_state(&c, CGROUP_STABLE, 2);
    /* With other metadata: a rebalance. */
    assert_int_equal(c_join(&c, "m2", "rr,range"), 0);
    assert_true(c.last.parked);
    c_state(&c, CGROUP_PREPARING, 2);
    assert_int_equal(c_join(&c, "m2", "rr,range"), 0); /* again: still parked */
    assert_true(c.last.parked);
    assert_int_equal(c_join(&c, "m1", "range,rr"), 0);
    c_state(&c, CGROUP_COMPLETING, 3);
    /* Before the sync both get the generation again. */
    assert_int_equal(c_join(&c, "m1", "range,rr"), 0);
    assert_false(c.last.parked);
    assert_string_equal(c.leader, "m1");
    c_state(&c, CGROUP_COMPLETING, 3);
    assert_int_equal(c_join(&c, "m2", "range"), 0);
    c_state(&c, CGROUP_PREPARING, 3);
    assert_int_equal(c_join(&c, "m1", "range,rr"), 0);
    assert_int_equal(c_sync(&c, "m1", "", 4, "m1,m2"), 0);
    /* The leader that comes again wants a rebalance. */
    assert_int_equal(c_join(&c, "m1", "range,rr"), 0);
    assert_true(c.last.parked);
    c_state(&c, CGROUP_PREPARING, 4);
    c_end(&c);
}

static void test_due_drops_who_did_not_come(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    two_stable(&c);
    int64_t old = c_group(&c)->round;
    assert_int_equal(c_join(&c, "m1", "range"), 0);
    int64_t round = c_group(&c)->round;
    assert_true(round > old);
    c_due(&c, old); /* a late one of the rebalance before */
    c_due(&c, round + 1);
    c_state(&c, CGROUP_PREPARING, 2);
    c_due(&c, round);
    c_state(&c, CGROUP_COMPLETING, 3);
    assert_false(c_has(&c, "m2"));
    c_due(&c, round); /* no longer */
    c_state(&c, CGROUP_COMPLETING, 3);
    /* The leader does not come: another is chosen. */
    assert_int_equal(c_join(&c, "", "range"), 0);
    c_due_now(&c);
    c_state(&c, CGROUP_COMPLETING, 4);
    assert_false(c_has(&c, "m1"));
    assert_true(leads(&c, "m3"));
    c_end(&c);
}

static void test_choice(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    assert_int_equal(c_join(&c, "", "a,b,c"), 0);
    assert_int_equal(c_join(&c, "", "c,b"), 0);
    assert_int_equal(c_join(&c, "", "c,b,x"), 0);
    assert_int_equal(c_join(&c, "m1", "a,b,c"), 0);
    c_state(&c, CGROUP_COMPLETING, 2);
    assert_true(slice_equal(c_group(&c)->protocol, slice_str("c")));
    assert_true(
        slice_equal(cgroup_view_metadata(c_member(&c, "m3"), slice_str("x")),
                    slice_str("x")));
    assert_int_equal(
        cgroup_view_metadata(c_member(&c, "m2"), slice_str("x")).len, 0);
    /* Where votes are equal the first member's order decides; what not all
     * offer cannot win. */
    assert_int_equal(c_join(&c, "m2", "b,c"), 0);
    assert_int_equal(c_join(&c, "m3", "x,c,b"), 0);
    assert_int_equal(c_join(&c, "m1", "a,b,c"), 0);
    assert_true(slice_equal(c_group(&c)->protocol, slice_str("b")));
    c_end(&c);
}

/* A lone member may change everything it offers; the type may change only
 * while nobody is there. */
static void test_change_of_protocols(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    assert_int_equal(c_join(&c, "", "a"), 0);
    assert_int_equal(c_join(&c, "m1", "b"), 0);
    c_state(&c, CGROUP_COMPLETING, 2);
    assert_true(slice_equal(c_group(&c)->protocol, slice_str("b")));
    assert_int_equal(c_leave(&c, "m1", ""), 0);
    c_state(&c, CGROUP_EMPTY, 3);
    assert_int_equal(c_group(&c)->protocol.len, 0);
    assert_true(slice_equal(c_group(&c)->protocol_type, slice_str("consumer")));
    assert_int_equal(c_join_type(&c, "g", "", "", "connect", "x"), 0);
    assert_true(slice_equal(c_group(&c)->protocol_type, slice_str("connect")));
    c_end(&c);
}

static void test_size(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    two_stable(&c);
    c.size_max = 2;
    assert_int_equal(c_join(&c, "", "range"), KERR_GROUP_MAX_SIZE_REACHED);
    assert_int_equal(c_group(&c)->n_members, 2);
    assert_int_equal(c_join(&c, "m2", "range,rr"), 0); /* who is in stays */
    c_state(&c, CGROUP_STABLE, 2);
    /* A lowered limit turns away who comes last. */
    c.size_max = 1;
    assert_int_equal(c_join(&c, "m1", "range"), 0);
    c_state(&c, CGROUP_PREPARING, 2);
    assert_int_equal(c_join(&c, "m2", "range"), KERR_GROUP_MAX_SIZE_REACHED);
    assert_false(c_has(&c, "m2"));
    c_state(&c, CGROUP_COMPLETING, 3); /* nobody is missing any more */
    /* An id that was given out is no right to enter. */
    c.size_max = 2;
    c.require_id = true;
    assert_int_equal(c_join(&c, "", "range"), KERR_MEMBER_ID_REQUIRED);
    c.size_max = 1;
    assert_int_equal(c_join(&c, c.member, "range"),
                     KERR_GROUP_MAX_SIZE_REACHED);
    assert_int_equal(c_group(&c)->n_members, 1);
    c_state(&c, CGROUP_COMPLETING, 3);
    c_end(&c);
}

static void test_initial_delay(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    c.delay_ms = 3000;
    c.rebalance_ms = 10000;
    assert_int_equal(c_join(&c, "", "range"), 0);
    c_state(&c, CGROUP_PREPARING, 0);
    assert_int_equal(c_group(&c)->due_ms, c.r.time_ms + 3000);
    int64_t first = c_group(&c)->round;
    c_at(&c, 1000);
    assert_int_equal(c_join(&c, "m1", "range"), 0); /* again is not new */
    c_at(&c, 3000);
    assert_int_equal(c_join(&c, "", "range"), 0); /* new: it goes on */
    c_due(&c, first);
    c_state(&c, CGROUP_PREPARING, 0);
    assert_int_equal(c_group(&c)->due_ms, c.r.time_ms + 3000);
    c_due(&c, first); /* of the time before */
    c_state(&c, CGROUP_PREPARING, 0);
    c_at(&c, 8000);
    assert_int_equal(c_join(&c, "", "range"), 0);
    c_due_now(&c);
    c_state(&c, CGROUP_PREPARING, 0);
    /* Never beyond the members' own rebalance time. */
    assert_int_equal(c_group(&c)->due_ms, 1000000 + 10000);
    c_at(&c, 10000);
    assert_int_equal(c_join(&c, "", "range"), 0);
    c_due_now(&c);
    c_state(&c, CGROUP_COMPLETING, 1);
    assert_int_equal(c_group(&c)->n_members, 4);
    /* Later rebalances wait for nobody. */
    assert_int_equal(c_sync(&c, "m1", "", 1, "m1"), 0);
    for (unsigned i = 0; i < 4; i++) {
        static const char *const ids[] = {"m1", "m2", "m3", "m4"};
        assert_int_equal(c_join(&c, ids[i], "range"), 0);
    }
    c_state(&c, CGROUP_COMPLETING, 2);
    c_end(&c);
}

static void test_delay_of_a_group_that_empties(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    c.delay_ms = 3000;
    assert_int_equal(c_join(&c, "", "range"), 0);
    assert_int_equal(c_leave(&c, "m1", ""), 0);
    c_state(&c, CGROUP_PREPARING, 0);
    c_due_now(&c);
    c_state(&c, CGROUP_EMPTY, 1);
    assert_int_equal(c_group(&c)->since_ms, c.r.time_ms);
    c_end(&c);
}

/* ---- static members ------------------------------------------------------
 */

/* m1 is instance a and leads, m2 is instance b; generation 2, Stable. */
static void two_static(struct c_rig *c)
{
    assert_int_equal(c_join_static(c, "", "a", "range,rr"), 0);
    assert_int_equal(c_join_static(c, "", "b", "range,rr"), 0);
    assert_int_equal(c_join_static(c, "m1", "a", "range,rr"), 0);
    assert_int_equal(c_sync(c, "m1", "a", 2, "m1,m2"), 0);
    c_state(c, CGROUP_STABLE, 2);
}

static void test_static_restart(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    two_static(&c);
    /* A follower restarts: another id, the same place, no rebalance. */
    c.host = "/5.6.7.8";
    c.session_ms = 20000;
    assert_int_equal(c_join_static(&c, "", "b", "range,rr"), 0);
    assert_false(c.last.parked);
    assert_false(c.last.skip_assignment);
    assert_string_equal(c.member, "m3");
    assert_string_equal(c.leader, "m1");
    assert_int_equal(c.last.generation, 2);
    c_state(&c, CGROUP_STABLE, 2);
    assert_false(c_has(&c, "m2"));
    assert_true(slice_equal(c_member(&c, "m3")->assignment, slice_str("m2")));
    assert_int_equal(c_member(&c, "m3")->session_ms, 20000);
    assert_true(
        slice_equal(c_member(&c, "m3")->client_host, slice_str("/5.6.7.8")));
    /* The old one is fenced wherever it shows up with its instance. */
    assert_int_equal(c_join_static(&c, "m2", "b", "range,rr"),
                     KERR_FENCED_INSTANCE_ID);
    assert_int_equal(c_sync(&c, "m2", "b", 2, ""), KERR_FENCED_INSTANCE_ID);
    assert_int_equal(c_leave(&c, "m2", "b"), KERR_FENCED_INSTANCE_ID);
    assert_int_equal(
        cgroup_view_heartbeat(c_group(&c), slice_str("m2"), slice_str("b"), 2),
        KERR_FENCED_INSTANCE_ID);
    assert_int_equal(c_sync(&c, "m2", "", 2, ""), KERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(c_join_static(&c, "m3", "nobody", "range"),
                     KERR_UNKNOWN_MEMBER_ID);
    c_end(&c);
}

static void test_static_leader_restart(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    two_static(&c);
    /* An older client is told the id it had as leader: it must not assign. */
    assert_int_equal(c_join_static(&c, "", "a", "range,rr"), 0);
    assert_string_equal(c.leader, "m1");
    assert_true(leads(&c, "m3"));
    assert_false(c.last.skip_assignment);
    c_state(&c, CGROUP_STABLE, 2);
    c.may_skip = true;
    assert_int_equal(c_join_static(&c, "", "a", "range,rr"), 0);
    assert_string_equal(c.leader, "m4");
    assert_true(c.last.skip_assignment);
    c_state(&c, CGROUP_STABLE, 2);
    assert_true(slice_equal(c_member(&c, "m4")->assignment, slice_str("m1")));
    c_end(&c);
}

static void test_static_restart_with_change(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    two_static(&c);
    /* What would be chosen now is something else: a rebalance. */
    assert_int_equal(c_join_static(&c, "", "b", "rr"), 0);
    assert_true(c.last.parked);
    c_state(&c, CGROUP_PREPARING, 2);
    assert_int_equal(c_join_static(&c, "m1", "a", "range,rr"), 0);
    c_state(&c, CGROUP_COMPLETING, 3);
    assert_true(slice_equal(c_group(&c)->protocol, slice_str("rr")));
    /* In the middle of a rebalance, always one more. */
    assert_int_equal(c_join_static(&c, "", "b", "rr"), 0);
    assert_true(c.last.parked);
    c_state(&c, CGROUP_PREPARING, 3);
    /* And while one is prepared, the new id takes the old one's part. */
    assert_int_equal(c_join_static(&c, "", "b", "rr"), 0);
    assert_int_equal(c_join_static(&c, "m1", "a", "range,rr"), 0);
    c_state(&c, CGROUP_COMPLETING, 4);
    assert_int_equal(c_group(&c)->n_members, 2);
    c_end(&c);
}

static void test_static_stays_until_its_session_ends(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    two_static(&c);
    assert_int_equal(c_join_static(&c, "m1", "a", "range,rr"), 0);
    c_due_now(&c);
    c_state(&c, CGROUP_COMPLETING, 3);
    assert_true(c_has(&c, "m2"));
    /* Nobody at all comes: the rebalance waits for the sessions. */
    assert_int_equal(c_leave(&c, "", "a"), 0); /* by an admin */
    c_state(&c, CGROUP_PREPARING, 3);
    int64_t round = c_group(&c)->round;
    c_due_now(&c);
    c_state(&c, CGROUP_PREPARING, 3);
    assert_int_equal(c_group(&c)->round, round + 1);
    c_expire_now(&c, "m2");
    c_state(&c, CGROUP_EMPTY, 4);
    assert_int_equal(c_group(&c)->n_members, 0);
    c_end(&c);
}

/* ---- many protocols ------------------------------------------------------ */

#define MANY_PROTOCOLS 1000
#define MANY_MEMBERS   150

/* A static member whose protocols are p0 to p999; returns the error. */
static int join_many(struct c_rig *c, const char *instance)
{
    static char names[MANY_PROTOCOLS][8];
    static struct cgroup_protocol p[MANY_PROTOCOLS];
    struct buf b;
    char id[32];
    for (unsigned i = 0; i < MANY_PROTOCOLS; i++) {
        snprintf(names[i], sizeof names[i], "p%u", i);
        p[i] = (struct cgroup_protocol){.name = slice_str(names[i])};
    }
    snprintf(id, sizeof id, "m%u", ++c->next_id);
    struct cgroup_join j = {.group = slice_str("g"),
                            .new_member = slice_str(id),
                            .instance = slice_str(instance),
                            .client_id = slice_str("client"),
                            .client_host = slice_str("/1.2.3.4"),
                            .session_ms = 10000,
                            .rebalance_ms = 60000,
                            .protocol_type = slice_str("consumer"),
                            .protocols = p,
                            .n_protocols = MANY_PROTOCOLS,
                            .initial_delay_ms = 3000,
                            .session_min_ms = 6000,
                            .session_max_ms = 1800000,
                            .size_max = 1000};
    c_begin(c, &b);
    cgroup_encode_join(&j, &b);
    return c_apply(c, &b);
}

/* Members may offer a thousand protocols each, and one that comes back has the
 * group choose anew: what they say is read once, and not for each name. All
 * machines of a node wait for the thread that this runs on; of its time only
 * what the processor worked is counted. */
static void test_many_protocols(void **state)
{
    struct c_rig c;
    char instance[16];
    (void)state;
    c_new(&c);
    for (unsigned i = 0; i < MANY_MEMBERS; i++) {
        snprintf(instance, sizeof instance, "i%u", i);
        assert_int_equal(join_many(&c, instance), 0);
    }
    c_at(&c, 60000);
    c_due_now(&c);
    c_state(&c, CGROUP_COMPLETING, 1);
    assert_int_equal(c_sync(&c, "m1", "i0", 1, "m1"), 0);
    c_state(&c, CGROUP_STABLE, 1);
    clock_t began = clock();
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(join_many(&c, "i7"), 0);
    }
    assert_true(clock() - began < 3 * CLOCKS_PER_SEC);
    c_state(&c, CGROUP_STABLE, 1);
    assert_true(slice_equal(c_group(&c)->protocol, slice_str("p0")));
    c_end(&c);
}

/* The rule as it is told, name by name. */
static bool offers(const struct cgroup_member *m, struct slice name)
{
    struct cursor in;
    struct cgroup_protocol p;
    cursor_init(&in, m->protocols);
    while (cgroup_next_protocol(&in, &p)) {
        if (slice_equal(p.name, name)) {
            return true;
        }
    }
    return false;
}

static bool all_offer(const struct cgroup *g, struct slice name,
                      const struct cgroup_member *except)
{
    for (unsigned i = 0; i < g->n; i++) {
        const struct cgroup_member *m = &g->members[i];
        if (!m->gone && !m->pending && m != except && !offers(m, name)) {
            return false;
        }
    }
    return true;
}

/* What the member votes for; "?" nothing. */
static struct slice voted(const struct cgroup *g, const struct cgroup_member *m)
{
    struct cursor in;
    struct cgroup_protocol p;
    cursor_init(&in, m->protocols);
    while (cgroup_next_protocol(&in, &p)) {
        if (all_offer(g, p.name, NULL)) {
            return p.name;
        }
    }
    return slice_str("?");
}

static struct slice chosen(const struct cgroup *g)
{
    struct slice best = slice_of(NULL, 0);
    unsigned most = 0;
    const struct cgroup_member *first = NULL;
    struct cursor in;
    struct cgroup_protocol p;
    for (unsigned i = 0; i < g->n && first == NULL; i++) {
        const struct cgroup_member *m = &g->members[i];
        first = m->gone || m->pending ? NULL : m;
    }
    cursor_init(&in, first == NULL ? slice_str("") : first->protocols);
    while (first != NULL && cgroup_next_protocol(&in, &p)) {
        unsigned votes = 0;
        for (unsigned i = 0; i < g->n; i++) {
            const struct cgroup_member *m = &g->members[i];
            votes +=
                !m->gone && !m->pending && slice_equal(voted(g, m), p.name);
        }
        if (votes > most) {
            best = p.name;
            most = votes;
        }
    }
    return best;
}

static bool fits(const struct cgroup *g, const struct cgroup_protocol p[],
                 unsigned n, const struct cgroup_member *except)
{
    for (unsigned i = 0; i < n; i++) {
        if (all_offer(g, p[i].name, except)) {
            return true;
        }
    }
    return n > 0 && cgroup_live(g) == (except != NULL);
}

static unsigned draw(uint32_t *x, unsigned below)
{
    *x = *x * 1664525 + 1013904223;
    return (*x >> 16) % below;
}

/* Groups at random: the same comes out as by the rule. Names stand twice, are
 * empty, and are not all common. */
static void test_protocols_by_the_rule(void **state)
{
    static const char *const names[] = {"", "a", "b", "range", "rr", "sticky"};
    struct mem *mem = mem_new(0);
    uint32_t x = 4;
    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        struct cgroup_step s = {0};
        struct cgroup g = {.protocol_type = slice_str("t")};
        struct cgroup_protocol p[8];
        unsigned n = 0;
        arena_init(&s.arena, mem, 0);
        unsigned n_members = draw(&x, 5), few = 2 + draw(&x, 5);
        for (unsigned i = 0; i <= n_members; i++) {
            n = i < n_members ? 1 + draw(&x, 8) : draw(&x, 4);
            for (unsigned k = 0; k < n; k++) {
                p[k].name = slice_str(names[draw(&x, few < 6 ? few : 6)]);
                p[k].metadata = slice_str("m");
            }
            if (i == n_members) {
                break; /* whose turn it is to join */
            }
            struct cgroup_member *m = cgroup_add(&s, &g);
            m->protocols = cgroup_pack_protocols(&s, p, n);
            m->pending = draw(&x, 6) == 0;
            m->gone = draw(&x, 6) == 0;
        }
        struct slice a = cgroup_choose(&g, &s), b = chosen(&g);
        assert_true(slice_equal(a, b));
        const struct cgroup_member *except = NULL;
        for (unsigned i = 0; i < g.n && draw(&x, 2) == 0; i++) {
            const struct cgroup_member *m = &g.members[i];
            except = m->gone || m->pending ? except : m;
        }
        assert_int_equal(
            cgroup_protocols_fit(&s, &g, slice_str("t"), p, n, except),
            fits(&g, p, n, except));
        assert_false(s.nomem);
        arena_close(&s.arena);
    }
    assert_int_equal(mem_bytes(mem), 0);
    mem_free_all(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_one_and_two),
        cmocka_unit_test(test_member_id_required),
        cmocka_unit_test(test_pending_leaves_nothing),
        cmocka_unit_test(test_pending_in_a_rebalance_due),
        cmocka_unit_test(test_rejoin),
        cmocka_unit_test(test_due_drops_who_did_not_come),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_change_of_protocols),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_initial_delay),
        cmocka_unit_test(test_delay_of_a_group_that_empties),
        cmocka_unit_test(test_static_restart),
        cmocka_unit_test(test_static_leader_restart),
        cmocka_unit_test(test_static_restart_with_change),
        cmocka_unit_test(test_static_stays_until_its_session_ends),
        cmocka_unit_test(test_many_protocols),
        cmocka_unit_test(test_protocols_by_the_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
