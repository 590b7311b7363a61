/* What a shard hands out for a statement, and at which index. */
#include "cgroup_test.h"

#include "base/cursor.h"
#include "state/sql.h"

struct read {
    struct c_rig *c;
    bool done;
    uint64_t index, term;
    int rv, status;
};

static void on_read(void *arg, uint64_t index, uint64_t term)
{
    struct read *r = arg;
    r->done = true;
    r->index = index;
    r->term = term;
    r->c->r.done = true;
}

/* Values as text, a line for each row. */
static void print_rows(struct slice rows, char *text, size_t size)
{
    struct cursor c;
    size_t n = 0;
    cursor_init(&c, rows);
    text[0] = '\0';
    while (c.status == 0 && cursor_left(&c) > 0) {
        unsigned view = cursor_u8(&c);
        n += (size_t)snprintf(text + n, size - n, "%u", view);
        for (unsigned i = 0; i < sql_view_width(view); i++) {
            uint8_t kind = cursor_u8(&c);
            struct slice s = {0};
            n += (size_t)snprintf(text + n, size - n, " ");
            if (kind == SQL_INT) {
                n += (size_t)snprintf(text + n, size - n, "%lld",
                                      (long long)cursor_u64(&c));
            } else if (kind != SQL_NULL) {
                s = cursor_take(&c, cursor_u32(&c));
                n +=
                    kind == SQL_BLOB && s.len == 16
                        ? (size_t)snprintf(text + n, size - n, "u%u", s.data[8])
                        : (size_t)snprintf(text + n, size - n, "%.*s",
                                           (int)s.len, (const char *)s.data);
            } else {
                n += (size_t)snprintf(text + n, size - n, "-");
            }
        }
        n += (size_t)snprintf(text + n, size - n, "\n");
        assert_true(n < size);
    }
    assert_int_equal(c.status, 0);
}

struct want {
    uint32_t views;
    const char *group; /* NULL: all */
    uint64_t topic;    /* 0: all */
    uint32_t rows_max;
};

struct call {
    struct read read;
    struct sql_export x;
};

static void call_done(void *arg, int status, uint64_t index, uint64_t term)
{
    struct sql_export *x = arg;
    struct call *call =
        (struct call *)(void *)((char *)x - offsetof(struct call, x));
    call->read.status = status;
    on_read(&call->read, index, term);
}

static void call_as_node(void *arg)
{
    struct call *call = arg;
    call->read.rv =
        machine_read(call->read.c->r.m, sql_export, call_done, &call->x);
}

static int export_rows(struct c_rig *c, struct want w, char *text, size_t size)
{
    struct buf rows;
    struct slice group = slice_str(w.group == NULL ? "" : w.group);
    struct uuid topic = test_uuid(w.topic);
    struct call call = {.read = {.c = c},
                        .x = {.views = w.views,
                              .all_groups = w.group == NULL,
                              .groups = &group,
                              .n_groups = 1,
                              .all_topics = w.topic == 0,
                              .topics = &topic,
                              .n_topics = 1,
                              .shard = 3,
                              .coordinator = 2,
                              .rows_max = w.rows_max,
                              .rows = &rows}};
    buf_init(&rows, c->r.image_mem, 0);
    c->r.done = false;
    c->r.request = true;
    assert_int_equal(sim_node_call(c->r.sim, c->r.id, call_as_node, &call), 0);
    assert_int_equal(call.read.rv, 0);
    assert_true(rig_wait(&c->r));
    c->r.request = false;
    assert_true(call.read.done);
    assert_int_equal(call.read.status, 0);
    assert_int_equal(call.read.index, machine_applied(c->r.m));
    if (call.x.status == 0) {
        print_rows(buf_slice(&rows), text, size);
    }
    buf_close(&rows);
    return call.x.status;
}

static void rows_are(struct c_rig *c, struct want w, const char *expected)
{
    char text[4096];
    w.rows_max = 100;
    assert_int_equal(export_rows(c, w, text, sizeof text), 0);
    assert_string_equal(text, expected);
}

static void test_export(void **state)
{
    struct c_rig c;
    char text[4096];
    (void)state;
    c_new(&c);
    assert_int_equal(c_commit_to(&c, "h", "", -1, 2, 7), 0);
    assert_int_equal(c_join_static(&c, "", "a", "range"), 0);
    c.require_id = true;
    assert_int_equal(c_join(&c, "", "range"), KERR_MEMBER_ID_REQUIRED);
    assert_int_equal(c_sync(&c, "m1", "a", 1, "m1"), 0);
    struct want all = {.views = SQL_BIT(SQL_GROUPS) | SQL_BIT(SQL_MEMBERS) |
                                SQL_BIT(SQL_OFFSETS)};
    /* Who was only given an id is no member. */
    rows_are(&c, all,
             "0 g Stable 1 consumer range m1 1 1000000 3 2\n"
             "0 h Empty 0 - - - 0 1000000 3 2\n"
             "1 g m1 a client /1.2.3.4 10000 60000 m1\n"
             "2 h u2 0 7 4 meta 1000000 by\n");
    all.group = "h";
    rows_are(&c, all,
             "0 h Empty 0 - - - 0 1000000 3 2\n"
             "2 h u2 0 7 4 meta 1000000 by\n");
    all.group = "none";
    rows_are(&c, all, "");
    all = (struct want){.views = SQL_OF_OFFSETS, .topic = 9};
    rows_are(&c, all, "");
    all.topic = 2;
    rows_are(&c, all,
             "2 h u2 0 7 4 meta 1000000 by\n"
             "3 h u2 0 1 7 4 meta 1000000 by 0\n");
    rows_are(&c, (struct want){.views = SQL_BIT(SQL_OFFSETS), .topic = 2},
             "2 h u2 0 7 4 meta 1000000 by\n");
    /* The limit is on all views together. */
    all = (struct want){.views = SQL_OF_OFFSETS, .rows_max = 2};
    assert_int_equal(export_rows(&c, all, text, sizeof text), 0);
    all.rows_max = 1;
    assert_int_equal(export_rows(&c, all, text, sizeof text), ERR_TOOBIG);
    c_end(&c);
}

/* What is looked at in vain is bounded, too. */
static void test_skipped(void **state)
{
    struct c_rig c;
    char text[4096], group[16];
    (void)state;
    c_new(&c);
    for (int i = 0; i < 5; i++) {
        snprintf(group, sizeof group, "g%d", i);
        assert_int_equal(c_commit_to(&c, group, "", -1, 2, 7), 0);
    }
    struct want w = {.views = SQL_BIT(SQL_HISTORY), .topic = 9, .rows_max = 2};
    assert_int_equal(export_rows(&c, w, text, sizeof text), 0);
    w.rows_max = 1;
    assert_int_equal(export_rows(&c, w, text, sizeof text), ERR_TOOBIG);
    /* Offsets are found by their topic. */
    w.views = SQL_BIT(SQL_OFFSETS);
    assert_int_equal(export_rows(&c, w, text, sizeof text), 0);
    c_end(&c);
}

/* A member of another protocol has no assignment that could be told. */
static void test_other_protocol(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    assert_int_equal(c_join_type(&c, "g", "", "", "connect", "x"), 0);
    assert_int_equal(c_sync(&c, "m1", "", 1, "m1"), 0);
    rows_are(&c, (struct want){.views = SQL_BIT(SQL_MEMBERS)},
             "1 g m1 - client /1.2.3.4 10000 60000 \n");
    c_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_export),
        cmocka_unit_test(test_skipped),
        cmocka_unit_test(test_other_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
