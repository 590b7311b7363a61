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
    unsigned n_pieces;
    void (*between)(struct c_rig *c); /* two pieces; or NULL */
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

static void read_piece(struct c_rig *c, struct call *call)
{
    uint32_t before = call->x.n_rows;
    c->r.done = false;
    c->r.request = true;
    assert_int_equal(sim_node_call(c->r.sim, c->r.id, call_as_node, call), 0);
    assert_int_equal(call->read.rv, 0);
    assert_true(rig_wait(&c->r));
    c->r.request = false;
    assert_true(call->read.done);
    assert_int_equal(call->read.status, 0);
    assert_int_equal(call->read.index, machine_applied(c->r.m));
    assert_true(call->x.n_rows - before <= SQL_PIECE);
    call->n_pieces++;
}

/* `call` says what to do between pieces, and hears how many there were. */
static int export_pieces(struct c_rig *c, struct want w, struct call *call,
                         char *text, size_t size)
{
    struct buf rows;
    struct slice group = slice_str(w.group == NULL ? "" : w.group);
    struct uuid topic = test_uuid(w.topic);
    call->read.c = c;
    call->x = (struct sql_export){.views = w.views,
                                  .all_groups = w.group == NULL,
                                  .groups = &group,
                                  .n_groups = 1,
                                  .all_topics = w.topic == 0,
                                  .topics = &topic,
                                  .n_topics = 1,
                                  .shard = 3,
                                  .coordinator = 2,
                                  .rows_max = w.rows_max,
                                  .rows = &rows};
    buf_init(&rows, c->r.image_mem, 0);
    buf_init(&call->x.from.bytes, c->r.image_mem, 0);
    read_piece(c, call);
    while (call->x.status == 0 && call->x.more) {
        if (call->between != NULL) {
            call->between(c);
        }
        read_piece(c, call);
    }
    if (call->x.status == 0) {
        print_rows(buf_slice(&rows), text, size);
    }
    buf_close(&rows);
    buf_close(&call->x.from.bytes);
    return call->x.status;
}

static int export_rows(struct c_rig *c, struct want w, char *text, size_t size)
{
    struct call call = {.n_pieces = 0};
    return export_pieces(c, w, &call, text, size);
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

/* Rows of other topics and groups are not looked at. */
static void test_by_topic(void **state)
{
    struct c_rig c;
    char text[4096];
    (void)state;
    c_new(&c);
    c.history_interval_ms = 0;
    for (uint64_t topic = 1; topic <= 3; topic++) {
        for (int64_t offset = 7; offset <= 8; offset++) {
            assert_int_equal(c_commit_to(&c, "g", "", -1, topic, offset), 0);
            assert_int_equal(c_commit_to(&c, "h", "", -1, topic, offset), 0);
        }
    }
    struct want w = {.views = SQL_BIT(SQL_HISTORY), .topic = 9};
    assert_int_equal(export_rows(&c, w, text, sizeof text), 0);
    assert_string_equal(text, "");
    w.topic = 2;
    rows_are(&c, w,
             "3 g u2 0 1 7 4 meta 1000000 by 0\n"
             "3 g u2 0 2 8 4 meta 1000000 by 1\n"
             "3 h u2 0 1 7 4 meta 1000000 by 0\n"
             "3 h u2 0 2 8 4 meta 1000000 by 1\n");
    w.group = "h";
    rows_are(&c, w,
             "3 h u2 0 1 7 4 meta 1000000 by 0\n"
             "3 h u2 0 2 8 4 meta 1000000 by 1\n");
    w.views = SQL_OF_OFFSETS;
    rows_are(&c, w,
             "2 h u2 0 8 4 meta 1000000 by\n"
             "3 h u2 0 1 7 4 meta 1000000 by 0\n"
             "3 h u2 0 2 8 4 meta 1000000 by 1\n");
    w.topic = 0;
    rows_are(&c, (struct want){.views = SQL_BIT(SQL_OFFSETS), .group = "h"},
             "2 h u1 0 8 4 meta 1000000 by\n"
             "2 h u2 0 8 4 meta 1000000 by\n"
             "2 h u3 0 8 4 meta 1000000 by\n");
    rows_are(&c, (struct want){.views = SQL_BIT(SQL_OFFSETS), .topic = 3},
             "2 g u3 0 8 4 meta 1000000 by\n"
             "2 h u3 0 8 4 meta 1000000 by\n");
    c_end(&c);
}

#define MANY 600

/* Lines of text that begin with this, of which each but the last has to be
 * less than the next. */
static unsigned count_lines(const char *text, const char *with)
{
    unsigned n = 0;
    const char *before = NULL;
    for (const char *p = text; *p != '\0'; p = strchr(p, '\n') + 1) {
        if (strncmp(p, with, strlen(with)) == 0) {
            assert_true(before == NULL ||
                        strncmp(before, p, strcspn(p, "\n") + 1) < 0);
            before = p;
            n++;
        }
    }
    return n;
}

/* Rows 1, 2, ... of one partition, each once, in order. */
static void check_history(const char *text)
{
    unsigned n = 0;
    for (const char *p = text; *p != '\0'; p = strchr(p, '\n') + 1) {
        unsigned seq = 0;
        assert_int_equal(sscanf(p, "3 hist u5 0 %u", &seq), 1);
        assert_int_equal(seq, ++n);
    }
    assert_int_equal(n, MANY);
}

static void commit_to_last(struct c_rig *c)
{
    c->r.request = false;
    assert_int_equal(c_commit_to(c, "zzz", "", -1, 9, 1), 0);
}

static unsigned pieces(struct c_rig *c, struct want w, char *text)
{
    struct call call = {.between = commit_to_last};
    w.rows_max = 10 * MANY;
    assert_int_equal(export_pieces(c, w, &call, text, 1 << 20), 0);
    return call.n_pieces;
}

/* A shard is read in pieces; commands are applied between them, and no row is
 * told twice or not at all. */
static void test_pieces(void **state)
{
    struct c_rig c;
    char *text = malloc(1 << 20), group[16];
    (void)state;
    c_new(&c);
    c.history_interval_ms = 0;
    for (int64_t i = 0; i < MANY; i++) {
        snprintf(group, sizeof group, "g%03d", (int)i);
        assert_int_equal(c_commit_to(&c, group, "", -1, 2, i), 0);
        assert_int_equal(c_commit_to(&c, "big", "", -1, 100 + (uint64_t)i, i),
                         0);
    }
    uint32_t all = SQL_BIT(SQL_GROUPS) | SQL_OF_OFFSETS;
    assert_true(pieces(&c, (struct want){.views = all}, text) > 5);
    assert_int_equal(count_lines(text, "0 g"), MANY);
    assert_int_equal(count_lines(text, "0 "), MANY + 1 + 1);
    assert_int_equal(count_lines(text, "2 g"), MANY);
    assert_int_equal(count_lines(text, "3 g"), MANY);

    /* Of a topic, in many groups. */
    assert_int_equal(
        pieces(&c, (struct want){.views = SQL_OF_OFFSETS, .topic = 2}, text),
        3);
    assert_int_equal(count_lines(text, "2 "), MANY);
    assert_int_equal(count_lines(text, "3 "), MANY);

    /* Of a group, with many topics. */
    struct want big = {.views = all, .group = "big"};
    assert_int_equal(pieces(&c, big, text), 3);
    uint8_t seen[4][MANY] = {{0}};
    for (const char *p = text; *p != '\0'; p = strchr(p, '\n') + 1) {
        unsigned view, topic, part, seq = 1;
        int offset = 0;
        if (p[0] != '0') {
            assert_int_equal(p[0] == '2'
                                 ? sscanf(p, "%u big u%u %u %d", &view, &topic,
                                          &part, &offset)
                                 : sscanf(p, "%u big u%u %u %u %d", &view,
                                          &topic, &part, &seq, &offset) -
                                       1,
                             4);
            assert_in_range(offset, 0, MANY - 1);
            seen[view][offset]++;
        }
    }
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(seen[2][i], 1);
        assert_int_equal(seen[3][i], 1);
    }
    big.topic = 101;
    assert_int_equal(pieces(&c, big, text), 1);
    assert_int_equal(count_lines(text, "2 "), 1);
    assert_int_equal(count_lines(text, "3 "), 1);

    /* Of a partition, with many commits; and topics that have no history. */
    c.history_max = 2 * MANY;
    for (int64_t i = 0; i < MANY; i++) {
        assert_int_equal(c_commit_to(&c, "hist", "", -1, 5, i), 0);
    }
    struct want hist = {.views = SQL_BIT(SQL_HISTORY), .topic = 5};
    assert_int_equal(pieces(&c, hist, text), 2);
    check_history(text);
    hist.group = "hist";
    assert_int_equal(pieces(&c, hist, text), 2);
    check_history(text);
    hist.topic = 0;
    assert_int_equal(pieces(&c, hist, text), 2);
    check_history(text);
    c.history_max = 0;
    for (int64_t i = 0; i < MANY; i++) {
        snprintf(group, sizeof group, "g%03d", (int)i);
        assert_int_equal(c_commit_to(&c, group, "", -1, 7, i), 0);
    }
    hist = (struct want){.views = SQL_BIT(SQL_HISTORY), .topic = 7};
    assert_int_equal(pieces(&c, hist, text), 2); /* they were looked at */
    assert_string_equal(text, "");
    free(text);
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
        cmocka_unit_test(test_by_topic),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_other_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
