/* OstrakaSql: what a statement gives becomes a response, and what ends it an
 * error; a client that leaves takes its statement along. */
#include "fake.h"

#include <string.h>

#include "broker/query.h"
#include "wire/gen/ostraka_sql.h"

struct query {
    query_cb cb;
    void *arg;
};

static struct {
    struct query query;
    struct query_options options;
    char statement[64];
    int rv, status;
    unsigned started, canceled;
} desk;

static void answer(void *arg, void *what)
{
    struct query *q = arg;
    struct sql_answer a = {.n_columns = 2, .n_rows = 1};
    struct query_seen seen[] = {{QUERY_META, 1, 2, 3}, {7, 2, 4, 5}};
    struct query_result r = {&a, seen, 2};
    struct err err = {""};
    (void)what;
    if (desk.canceled > 0) {
        return;
    }
    if (desk.status != 0) {
        err_set(&err, desk.status, "because");
        q->cb(q->arg, desk.status, NULL, &err);
        return;
    }
    buf_init(&a.names, fake.mem, 0);
    buf_init(&a.rows, fake.mem, 0);
    buf_put_u32(&a.names, 1);
    buf_put(&a.names, "x", 1);
    buf_put_u32(&a.names, 0);
    buf_put_u8(&a.rows, SQL_INT);
    buf_put_u64(&a.rows, 5);
    buf_put_u8(&a.rows, SQL_NULL);
    q->cb(q->arg, 0, &r, &err);
    buf_close(&a.names);
    buf_close(&a.rows);
}

int query_start(struct broker *b, const struct query_options *o, query_cb cb,
                void *arg, struct query **ret_q)
{
    (void)b;
    if (desk.rv != 0) {
        return desk.rv;
    }
    desk.started++;
    desk.options = *o;
    assert_true(o->statement.len < sizeof desk.statement);
    memset(desk.statement, 0, sizeof desk.statement);
    memcpy(desk.statement, o->statement.data, o->statement.len);
    desk.query = (struct query){cb, arg};
    *ret_q = &desk.query;
    fake_later(answer, &desk.query, NULL);
    return 0;
}

void query_cancel(struct query *q)
{
    assert_ptr_equal(q, &desk.query);
    desk.canceled++;
}

static struct ostraka_sql_response *ask(const char *statement)
{
    struct ostraka_sql_request in;
    wire_init(&wire_ostraka_sql_request, &in);
    in.statement = slice_str(statement);
    in.stale = true;
    in.time_ms = 70;
    in.rows_max = -1;
    return fake_run(&wire_ostraka_sql_request, 0, &in);
}

/* The node's clock. */
uint64_t env_now_us_exact(struct env *e)
{
    (void)e;
    return 1000 * fake.now_ms;
}

static int begin(void **state)
{
    memset(&desk, 0, sizeof desk);
    return fake_open(state);
}

static void test_answer(void **state)
{
    static const uint8_t rows[] = {SQL_INT, 0, 0, 0, 0, 0, 0, 0, 5, SQL_NULL};
    struct ostraka_sql_response *out = ask("SELECT 5");
    (void)state;
    assert_string_equal(desk.statement, "SELECT 5");
    assert_true(desk.options.stale);
    assert_int_equal(desk.options.time_ms, 70);
    assert_int_equal(desk.options.rows_max, 0);
    assert_int_equal(out->error_code, 0);
    assert_int_equal(out->node_id, 1);
    assert_int_equal(out->columns.n, 2);
    assert_text(out->columns.ptr[0], "x");
    assert_text(out->columns.ptr[1], "");
    assert_int_equal(out->row_count, 1);
    assert_true(slice_equal(out->rows, slice_of(rows, sizeof rows)));
    assert_int_equal(out->seen.n, 2);
    assert_text(out->seen.ptr[0].shard, "@meta");
    assert_text(out->seen.ptr[1].shard, "@groups/7");
    assert_int_equal(out->seen.ptr[1].node_id, 2);
    assert_int_equal(out->seen.ptr[1].term, 4);
    assert_int_equal(out->seen.ptr[1].index, 5);
}

static void test_errors(void **state)
{
    static const struct {
        int status, code;
    } cases[] = {{ERR_INVALID, KERR_INVALID_REQUEST},
                 {ERR_PERM, KERR_POLICY_VIOLATION},
                 {ERR_TOOBIG, KERR_POLICY_VIOLATION},
                 {ERR_FULL, KERR_THROTTLING_QUOTA_EXCEEDED},
                 {ERR_TIMEOUT, KERR_REQUEST_TIMED_OUT},
                 {ERR_NOTREADY, KERR_COORDINATOR_NOT_AVAILABLE},
                 {ERR_CANCELED, KERR_COORDINATOR_NOT_AVAILABLE},
                 {ERR_NOMEM, KERR_UNKNOWN_SERVER_ERROR}};
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        desk.rv = 0;
        desk.status = cases[i].status;
        struct ostraka_sql_response *out = ask("SELECT 1");
        assert_int_equal(out->error_code, cases[i].code);
        assert_text(out->error_message, "because");
        /* Refused at once. */
        desk.rv = cases[i].status;
        out = ask("SELECT 1");
        assert_int_equal(out->error_code, cases[i].code);
        assert_true(out->error_message.len > 0);
        assert_int_equal(out->columns.n, 0);
    }
}

static void test_client_leaves(void **state)
{
    (void)state;
    fake.hang_up = true;
    assert_null(ask("SELECT 1"));
    assert_int_equal(desk.started, 1);
    assert_int_equal(desk.canceled, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, fake_close)
    const struct CMUnitTest tests[] = {T(test_answer), T(test_errors),
                                       T(test_client_leaves)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
