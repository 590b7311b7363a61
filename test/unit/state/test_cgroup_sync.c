/* What holds a generation together: SyncGroup, Heartbeat, LeaveGroup, sessions
 * that end. */
#include "cgroup_test.h"

#include <time.h>

/* m1 leads, m2 follows, generation 2, not yet synced. */
static void two_completing(struct c_rig *c)
{
    assert_int_equal(c_join(c, "", "range"), 0);
    assert_int_equal(c_join(c, "", "range"), 0);
    assert_int_equal(c_join(c, "m1", "range"), 0);
    c_state(c, CGROUP_COMPLETING, 2);
}

static int sync_named(struct c_rig *c, const char *type, const char *protocol)
{
    struct buf b;
    struct cgroup_sync y = {.group = slice_str("g"),
                            .member = slice_str("m2"),
                            .generation = 2,
                            .named = true,
                            .protocol_type = slice_str(type),
                            .protocol = slice_str(protocol)};
    c_begin(c, &b);
    cgroup_encode_sync(&y, &b);
    return c_apply(c, &b);
}

static int heartbeat(const struct c_rig *c, const char *member,
                     int32_t generation)
{
    return cgroup_view_heartbeat(cgroup_image_find(c->im, slice_str("g")),
                                 slice_str(member), slice_str(""), generation);
}

static void test_sync(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    assert_int_equal(c_sync(&c, "m1", "", 1, ""), KERR_UNKNOWN_MEMBER_ID);
    two_completing(&c);
    assert_int_equal(c_sync(&c, "who", "", 2, ""), KERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(c_sync(&c, "m1", "", 1, "m1"), KERR_ILLEGAL_GENERATION);
    assert_int_equal(c_sync(&c, "m1", "", 3, "m1"), KERR_ILLEGAL_GENERATION);
    assert_int_equal(sync_named(&c, "connect", "range"),
                     KERR_INCONSISTENT_GROUP_PROTOCOL);
    assert_int_equal(sync_named(&c, "consumer", "rr"),
                     KERR_INCONSISTENT_GROUP_PROTOCOL);
    c_state(&c, CGROUP_COMPLETING, 2);
    /* A follower waits; what it hands in is not looked at. */
    assert_int_equal(sync_named(&c, "consumer", "range"), 0);
    assert_true(c.last.parked);
    assert_int_equal(c_sync(&c, "m2", "", 2, "m1,m2"), 0);
    assert_true(c.last.parked);
    c_state(&c, CGROUP_COMPLETING, 2);
    /* The leader assigns; who is not named gets nothing. */
    assert_int_equal(c_sync(&c, "m1", "", 2, "m1,nobody"), 0);
    c_state(&c, CGROUP_STABLE, 2);
    assert_true(slice_equal(c_member(&c, "m1")->assignment, slice_str("m1")));
    assert_int_equal(c_member(&c, "m2")->assignment.len, 0);
    /* Later it is there at once, and nothing changes it. */
    assert_int_equal(c_sync(&c, "m1", "", 2, "m2"), 0);
    assert_false(c.last.parked);
    assert_int_equal(c_member(&c, "m2")->assignment.len, 0);
    assert_int_equal(c_join(&c, "", "range"), 0);
    assert_int_equal(c_sync(&c, "m1", "", 2, ""), KERR_REBALANCE_IN_PROGRESS);
    c_end(&c);
}

static void test_heartbeat(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    assert_int_equal(heartbeat(&c, "m1", 0), KERR_UNKNOWN_MEMBER_ID);
    c.require_id = true;
    assert_int_equal(c_join(&c, "", "range"), KERR_MEMBER_ID_REQUIRED);
    assert_int_equal(heartbeat(&c, "m1", 0), KERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(c_leave(&c, "m1", ""), 0);
    c.require_id = false;
    c.next_id = 0;
    two_completing(&c);
    assert_int_equal(heartbeat(&c, "m1", 2), 0);
    assert_int_equal(heartbeat(&c, "m2", 1), KERR_ILLEGAL_GENERATION);
    assert_int_equal(heartbeat(&c, "m3", 2), KERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(c_sync(&c, "m1", "", 2, "m1"), 0);
    assert_int_equal(heartbeat(&c, "m2", 2), 0);
    c.require_id = true;
    assert_int_equal(c_join(&c, "", "range"), KERR_MEMBER_ID_REQUIRED);
    assert_int_equal(heartbeat(&c, "m3", 2), KERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(c_join(&c, "m3", "range"), 0);
    assert_int_equal(heartbeat(&c, "m1", 2), KERR_REBALANCE_IN_PROGRESS);
    assert_int_equal(c_leave(&c, "m1", ""), 0);
    assert_int_equal(c_leave(&c, "m2", ""), 0);
    assert_int_equal(c_leave(&c, "m3", ""), 0);
    assert_int_equal(heartbeat(&c, "m1", 3), KERR_UNKNOWN_MEMBER_ID);
    c_end(&c);
}

static void test_leave(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    assert_int_equal(c_leave(&c, "m1", ""), KERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(cgroup_image_count(c.im), 0);
    two_completing(&c);
    assert_int_equal(c_sync(&c, "m1", "", 2, "m1,m2"), 0);
    assert_int_equal(c_leave(&c, "who", ""), KERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(c_leave(&c, "", "who"), KERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(c_leave(&c, "", ""), KERR_UNKNOWN_MEMBER_ID);
    c_state(&c, CGROUP_STABLE, 2);
    c_at(&c, 500);
    assert_int_equal(c_leave(&c, "m1", ""), 0);
    c_state(&c, CGROUP_PREPARING, 2);
    assert_int_equal(c_leave(&c, "m1", ""), KERR_UNKNOWN_MEMBER_ID);
    c_at(&c, 700);
    assert_int_equal(c_leave(&c, "m2", ""), 0);
    c_state(&c, CGROUP_EMPTY, 3);
    assert_int_equal(c_group(&c)->since_ms, c.r.time_ms);
    assert_int_equal(c_group(&c)->leader.len, 0);
    assert_true(slice_equal(c_group(&c)->protocol_type, slice_str("consumer")));
    c_end(&c);
}

/* Several at once: an answer for each, and one rebalance. */
static void test_leave_many(void **state)
{
    struct c_rig c;
    struct buf b;
    (void)state;
    c_new(&c);
    assert_int_equal(c_join_static(&c, "", "a", "range"), 0);
    assert_int_equal(c_join_static(&c, "", "b", "range"), 0);
    assert_int_equal(c_join(&c, "", "range"), 0);
    int64_t round = c_group(&c)->round;
    struct cgroup_leaver l[] = {{slice_str(""), slice_str("a")},
                                {slice_str("m1"), slice_str("b")},
                                {slice_str("m3"), slice_str("")},
                                {slice_str("m3"), slice_str("")},
                                {slice_str("m9"), slice_str("")}};
    c_begin(&c, &b);
    cgroup_encode_leave(slice_str("g"), l, 5, &b);
    assert_int_equal(c_apply(&c, &b), 0);
    assert_int_equal(c.n_errors, 5);
    assert_int_equal(c.errors[0], 0);
    assert_int_equal(c.errors[1], KERR_FENCED_INSTANCE_ID);
    assert_int_equal(c.errors[2], 0);
    assert_int_equal(c.errors[3], KERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(c.errors[4], KERR_UNKNOWN_MEMBER_ID);
    /* Only m2 is left, and it had joined. */
    c_state(&c, CGROUP_COMPLETING, 2);
    assert_int_equal(c_group(&c)->round, round);
    assert_true(slice_equal(c_group(&c)->leader, slice_str("m2")));
    c_begin(&c, &b);
    cgroup_encode_leave(slice_str(""), l, 1, &b);
    assert_int_equal(c_apply(&c, &b), KERR_INVALID_GROUP_ID);
    c_end(&c);
}

/* ---- many members -------------------------------------------------------- */

#define LONG_ID      400
#define LONG_MEMBERS 600
#define LONG_NAMES   CGROUP_MEMBERS_MAX

/* Ids that differ at their ends only: those of members, then others. */
static struct slice long_id(unsigned i)
{
    static char ids[LONG_NAMES][LONG_ID + 1];
    if (ids[i][0] == '\0') {
        memset(ids[i], 'x', LONG_ID);
        snprintf(ids[i] + LONG_ID - 5, 6, "%05u", i);
    }
    return slice_str(ids[i]);
}

static int join_long(struct c_rig *c, unsigned i)
{
    struct buf b;
    struct cgroup_protocol p = {slice_str("range"), slice_str("")};
    struct cgroup_join j = {.group = slice_str("g"),
                            .new_member = long_id(i),
                            .instance = i % 2 == 0 ? long_id(i) : slice_str(""),
                            .session_ms = 10000,
                            .rebalance_ms = 60000,
                            .protocol_type = slice_str("consumer"),
                            .protocols = &p,
                            .n_protocols = 1,
                            .initial_delay_ms = 3000,
                            .session_min_ms = 6000,
                            .session_max_ms = 1800000,
                            .size_max = LONG_MEMBERS};
    c_begin(c, &b);
    cgroup_encode_join(&j, &b);
    return c_apply(c, &b);
}

/* The leader names as many as it may, the members last and each twice. */
static int sync_long(struct c_rig *c)
{
    static struct cgroup_assignment a[LONG_NAMES];
    struct buf b;
    struct cgroup_sync y = {.group = slice_str("g"),
                            .member = long_id(0),
                            .instance = long_id(0),
                            .generation = 1,
                            .assignments = a,
                            .n_assignments = LONG_NAMES};
    for (unsigned i = 0; i < LONG_NAMES; i++) {
        unsigned back = LONG_NAMES - 1 - i;
        a[i] = back < 2 * LONG_MEMBERS
                   ? (struct cgroup_assignment){long_id(back % LONG_MEMBERS),
                                                back < LONG_MEMBERS
                                                    ? slice_str("second")
                                                    : slice_str("first")}
                   : (struct cgroup_assignment){long_id(back),
                                                slice_str("nobody's")};
    }
    c_begin(c, &b);
    cgroup_encode_sync(&y, &b);
    return c_apply(c, &b);
}

/* `n` of them from `first` on leave, every second one by its instance. */
static void leave_long(struct c_rig *c, unsigned first, unsigned n)
{
    static struct cgroup_leaver l[LONG_NAMES];
    struct buf b;
    for (unsigned i = 0; i < n; i++) {
        bool is_static = (first + i) % 2 == 0;
        l[i] = (struct cgroup_leaver){
            is_static ? slice_str("") : long_id(first + i),
            is_static ? long_id(first + i) : slice_str("")};
    }
    c_begin(c, &b);
    cgroup_encode_leave(slice_str("g"), l, n, &b);
    assert_int_equal(c_apply(c, &b), 0);
    assert_int_equal(c->n_errors, n);
}

/* Those who are named are looked up, and not each compared with each: all
 * machines of a node wait for the thread that this runs on. */
static void test_many_named(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    for (unsigned i = 0; i < LONG_MEMBERS; i++) {
        assert_int_equal(join_long(&c, i), 0);
    }
    c_at(&c, 60000);
    c_due_now(&c);
    c_state(&c, CGROUP_COMPLETING, 1);
    clock_t began = clock();
    assert_int_equal(sync_long(&c), 0);
    c_state(&c, CGROUP_STABLE, 1);
    for (unsigned i = 0; i < LONG_MEMBERS; i++) {
        assert_true(slice_equal(c_group(&c)->members[i]->assignment,
                                slice_str("first")));
    }
    for (unsigned i = 0; i < 100; i++) {
        leave_long(&c, LONG_MEMBERS, LONG_NAMES - LONG_MEMBERS);
        assert_int_equal(c.errors[0], KERR_UNKNOWN_MEMBER_ID);
        assert_int_equal(c.errors[1], KERR_UNKNOWN_MEMBER_ID);
    }
    assert_true(clock() - began < 2 * CLOCKS_PER_SEC);
    c_state(&c, CGROUP_STABLE, 1);
    leave_long(&c, 0, LONG_MEMBERS);
    assert_int_equal(c.errors[0], 0);
    assert_int_equal(c.errors[1], 0);
    c_state(&c, CGROUP_EMPTY, 2);
    c_end(&c);
}

static void test_expire(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    two_completing(&c);
    assert_int_equal(c_sync(&c, "m1", "", 2, "m1,m2"), 0);
    uint64_t touched = c_member(&c, "m2")->touched;
    c_expire(&c, "m2", touched + 1);
    c_expire(&c, "who", touched);
    c_state(&c, CGROUP_STABLE, 2);
    /* It came again before the expiry was decided: it stays. */
    assert_int_equal(c_join(&c, "m2", "range"), 0);
    assert_true(c_member(&c, "m2")->touched > touched);
    c_expire(&c, "m2", touched);
    c_state(&c, CGROUP_STABLE, 2);
    c_expire_now(&c, "m2");
    c_state(&c, CGROUP_PREPARING, 2);
    assert_false(c_has(&c, "m2"));
    assert_int_equal(c_join(&c, "m1", "range"), 0);
    c_state(&c, CGROUP_COMPLETING, 3);
    /* One that never syncs goes the same way. */
    c_expire_now(&c, "m1");
    c_state(&c, CGROUP_EMPTY, 4);
    assert_int_equal(c_join(&c, "m1", "range"), KERR_UNKNOWN_MEMBER_ID);
    c_end(&c);
}

static void test_expire_ends_a_rebalance(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    two_completing(&c);
    assert_int_equal(c_join(&c, "", "range"), 0); /* m3 */
    assert_int_equal(c_join(&c, "m1", "range"), 0);
    c_state(&c, CGROUP_PREPARING, 2);
    c_expire_now(&c, "m2");
    c_state(&c, CGROUP_COMPLETING, 3);
    assert_int_equal(c_group(&c)->n_members, 2);
    c_end(&c);
}

/* Several items in one entry are decided in order, each by itself. */
static void test_batch(void **state)
{
    struct c_rig c;
    struct buf b;
    (void)state;
    c_new(&c);
    two_completing(&c);
    struct cgroup_leaver l = {slice_str("m1"), slice_str("")};
    struct cgroup_sync y = {
        .group = slice_str("g"), .member = slice_str("m2"), .generation = 2};
    unsigned n = c.n_results;
    c_begin(&c, &b);
    cgroup_encode_sync(&y, &b);
    cgroup_encode_leave(slice_str("g"), &l, 1, &b);
    cgroup_encode_sync(&y, &b);
    assert_int_equal(c_apply(&c, &b), KERR_REBALANCE_IN_PROGRESS);
    assert_int_equal(c.n_results, n + 3);
    c_state(&c, CGROUP_PREPARING, 2);
    c_end(&c);
}

static int apply_bytes(struct c_rig *c, const void *data, size_t len)
{
    struct buf b;
    command_init(&c->r, &b);
    buf_put(&b, data, len);
    return c_apply(c, &b);
}

/* What no encoder writes is answered, and changes nothing. */
static void test_malformed(void **state)
{
    struct c_rig c;
    struct buf b;
    (void)state;
    c_new(&c);
    two_completing(&c);
    assert_int_equal(apply_bytes(&c, "\x09", 1), KERR_UNSUPPORTED_VERSION);
    assert_int_equal(apply_bytes(&c, "", 0), KERR_UNSUPPORTED_VERSION);
    assert_int_equal(apply_bytes(&c, "\x01\0\0\0\x01\x63", 6),
                     KERR_UNSUPPORTED_VERSION);
    assert_int_equal(apply_bytes(&c, "\x01\0\0\0\x05\x01", 6),
                     KERR_INVALID_REQUEST);
    assert_int_equal(apply_bytes(&c, "\x01\0\0", 3), KERR_INVALID_REQUEST);
    assert_int_equal(apply_bytes(&c, "\x01\xff\xff\xff\xff\x01", 6),
                     KERR_INVALID_REQUEST);
    /* One byte too many, and each byte too few. */
    struct cgroup_leaver l = {slice_str("m1"), slice_str("i")};
    c_begin(&c, &b);
    cgroup_encode_leave(slice_str("g"), &l, 1, &b);
    uint8_t item[64];
    size_t len = b.len;
    assert_true(len < sizeof item);
    memcpy(item, b.data, len);
    buf_close(&b);
    for (size_t n = 5; n < len; n++) {
        item[4] = (uint8_t)(n - 5);
        int error = apply_bytes(&c, item, n);
        assert_true(error == KERR_INVALID_REQUEST ||
                    (n == 5 && error == KERR_UNSUPPORTED_VERSION));
    }
    item[len] = 0;
    item[4] = (uint8_t)(len - 4);
    assert_int_equal(apply_bytes(&c, item, len + 1), KERR_INVALID_REQUEST);
    c_state(&c, CGROUP_COMPLETING, 2);
    c_end(&c);
}

static void test_result_codec(void **state)
{
    struct cursor in;
    struct cgroup_result r;
    (void)state;
    /* Each prefix of a result is refused. */
    static const uint8_t bytes[] = {0, 0, 0,   0x10, 0,   25, 5, 0,  0, 0,
                                    7, 1, 'm', 1,    'l', 2,  0, 12, 0, 0};
    uint8_t short_of[sizeof bytes];
    cursor_init(&in, slice_of(bytes, sizeof bytes));
    assert_true(cgroup_next_result(&in, &r));
    assert_int_equal(r.error, 25);
    assert_true(r.parked && r.more && !r.skip_assignment);
    assert_int_equal(r.generation, 7);
    assert_true(slice_equal(r.member, slice_str("m")));
    assert_true(slice_equal(r.leader, slice_str("l")));
    assert_int_equal(cgroup_result_errors(&r), 2);
    assert_int_equal(cgroup_result_error(&r, 0), 12);
    assert_int_equal(cgroup_result_error(&r, 1), 0);
    assert_false(cgroup_next_result(&in, &r));
    assert_int_equal(in.status, 0);
    memcpy(short_of, bytes, sizeof bytes);
    for (size_t n = 1; n < sizeof bytes; n++) {
        cursor_init(&in, slice_of(short_of, n));
        assert_false(cgroup_next_result(&in, &r));
        assert_int_not_equal(in.status, 0);
    }
    for (uint8_t n = 0; n < sizeof bytes - 4; n++) {
        short_of[3] = n;
        cursor_init(&in, slice_of(short_of, sizeof bytes));
        assert_false(cgroup_next_result(&in, &r));
        assert_int_not_equal(in.status, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sync),
        cmocka_unit_test(test_heartbeat),
        cmocka_unit_test(test_leave),
        cmocka_unit_test(test_leave_many),
        cmocka_unit_test(test_many_named),
        cmocka_unit_test(test_expire),
        cmocka_unit_test(test_expire_ends_a_rebalance),
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_result_codec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
