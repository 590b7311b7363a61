/* SQL over rows that were gathered: which rows a statement needs, what it is
 * answered, and what a hostile one cannot do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "env/system.h"
#include "state/sql_impl.h"

#define SECOND_US UINT64_C(1000000)

static struct env *env;
static struct err err;
static struct buf fill;

static int open_env(void **state)
{
    struct env_system_options o = {.io_engine = "threads",
                                   .trace_level = TRACE_LEVELS};
    (void)state;
    return env_system_new(&o, &env, &err);
}

static int close_env(void **state)
{
    (void)state;
    env_system_free(env);
    return 0;
}

static struct sql_limits usual(void)
{
    return (struct sql_limits){.deadline_us =
                                   env_now_us_exact(env) + 30 * SECOND_US,
                               .rows_max = 1000,
                               .bytes_max = 1 << 20};
}

/* ---- what a statement needs ---------------------------------------------- */

/* "groups[a] offsets[*;t]": the views read, and by what they are pinned. */
static void plan_is(const char *statement, const char *expected)
{
    static const char *const names[SQL_VIEWS] = {
        "groups",     "members", "offsets", "history", "topics",
        "partitions", "nodes",   "configs", "lag"};
    struct sql_limits l = usual();
    struct sql_plan p;
    char text[1024] = "";
    int rv = sql_plan(env, slice_str(statement), &l, &p, &err);
    if (rv != 0) {
        fail_msg("%s: %s", statement, err.text);
    }
    for (unsigned v = 0; v < SQL_VIEWS; v++) {
        size_t n = strlen(text);
        if ((p.views & SQL_BIT(v)) == 0) {
            continue;
        }
        snprintf(text + n, sizeof text - n, "%s%s", n > 0 ? " " : "", names[v]);
        for (unsigned k = 0; k < SQL_KEYS; k++) {
            struct sql_pins pins = sql_plan_pins(&p, SQL_BIT(v), k);
            n = strlen(text);
            snprintf(text + n, sizeof text - n, "%s%s", k == 0 ? "[" : ";",
                     pins.all ? "*" : "");
            for (unsigned i = 0; i < pins.n; i++) {
                n = strlen(text);
                snprintf(text + n, sizeof text - n, "%s%.*s", i > 0 ? "," : "",
                         (int)pins.values[i].len,
                         (const char *)pins.values[i].data);
            }
        }
        n = strlen(text);
        snprintf(text + n, sizeof text - n, "]");
    }
    sql_plan_close(&p);
    assert_string_equal(text, expected);
}

static void test_plan(void **state)
{
    (void)state;
    plan_is("SELECT 1", "");
    plan_is("SELECT * FROM groups", "groups[*;*]");
    plan_is("SELECT count(*) FROM groups", "groups[*;*]");
    plan_is("SELECT * FROM groups WHERE group_id='a'", "groups[a;*]");
    plan_is("select * from groups where 'a'=group_id and state='Empty'; -- x",
            "groups[a;*]");
    plan_is("SELECT * FROM offsets WHERE topic='t' AND group_id='a'",
            "offsets[a;t]");
    /* Not by the bytes, not one value, or not always. */
    plan_is("SELECT * FROM groups WHERE group_id='a' COLLATE NOCASE",
            "groups[*;*]");
    plan_is("SELECT * FROM groups WHERE group_id='a' OR state='Dead'",
            "groups[*;*]");
    plan_is("SELECT * FROM groups WHERE group_id LIKE 'a'", "groups[*;*]");
    plan_is("SELECT * FROM groups WHERE group_id=5", "groups[*;*]");
    plan_is("SELECT * FROM groups WHERE NOT group_id='a'", "groups[*;*]");
    plan_is("SELECT group_id='a' FROM groups", "groups[*;*]");
    plan_is("SELECT * FROM groups GROUP BY 1 HAVING group_id='a' OR 1",
            "groups[*;*]");
    /* Each place counts. */
    plan_is("SELECT * FROM groups a, groups b WHERE a.group_id='a'",
            "groups[*;*]");
    plan_is("SELECT * FROM groups WHERE group_id='a' UNION "
            "SELECT * FROM groups WHERE group_id='b'",
            "groups[a,b;*]");
    plan_is("SELECT * FROM groups WHERE group_id='a' UNION "
            "SELECT * FROM groups",
            "groups[*;*]");
    plan_is("SELECT * FROM groups g JOIN members m ON "
            "m.group_id=g.group_id WHERE g.group_id='a'",
            "groups[a;*] members[*;*]");
    /* Outer joins keep rows that do not meet their condition. */
    plan_is("SELECT * FROM groups g LEFT JOIN members m ON "
            "g.group_id='a' AND m.group_id=g.group_id",
            "groups[*;*] members[*;*]");
    plan_is("SELECT * FROM groups g LEFT JOIN members m ON m.group_id='a'",
            "groups[*;*] members[a;*]");
    plan_is("SELECT (SELECT count(*) FROM members WHERE group_id='x') "
            "FROM groups WHERE group_id='a'",
            "groups[a;*] members[x;*]");
    plan_is("WITH g AS (SELECT * FROM groups) SELECT * FROM g "
            "WHERE group_id='a'",
            "groups[a;*]");
    plan_is("SELECT * FROM lag", "offsets[*;*] partitions[*;*] lag[*;*]");
    plan_is("SELECT * FROM lag WHERE group_id='a' AND topic='t'",
            "offsets[a;t] partitions[a;t] lag[a;t]");
    plan_is("SELECT * FROM lag, offsets o WHERE lag.group_id='a' AND "
            "lag.topic='t' AND o.group_id='b'",
            "offsets[b,a;*] partitions[a;t] lag[a;t]");
    plan_is("SELECT * FROM lag, partitions p WHERE lag.topic='t'",
            "offsets[*;t] partitions[*;*] lag[*;t]");
    plan_is("SELECT * FROM groups WHERE group_id IN ('1','2')", "groups[*;*]");
    plan_is("SELECT value FROM json_each('[1,2]')", "");
}

/* More than there is room for are all. */
static void test_plan_many(void **state)
{
    char text[2048] = "SELECT 0";
    (void)state;
    for (int i = 0; i < SQL_PINS_MAX + 1; i++) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n,
                 " UNION ALL SELECT 1 FROM topics WHERE topic='%d'", i);
        if (i == SQL_PINS_MAX - 1) {
            plan_is(text, "topics[*;0,1,2,3,4,5,6,7]");
        }
    }
    plan_is(text, "topics[*;*]");
}

/* Of two views, one of which is not pinned, all rows are asked for. */
static void test_plan_pins(void **state)
{
    struct sql_limits l = usual();
    struct sql_plan p;
    struct sql_pins pins;
    (void)state;
    assert_int_equal(sql_plan(env,
                              slice_str("SELECT 1 FROM groups g, members m "
                                        "WHERE g.group_id='a'"),
                              &l, &p, &err),
                     0);
    assert_true(sql_plan_pins(&p, SQL_OF_SHARDS, SQL_BY_GROUP).all);
    pins = sql_plan_pins(&p, SQL_BIT(SQL_GROUPS), SQL_BY_GROUP);
    assert_false(pins.all);
    assert_int_equal(pins.n, 1);
    pins = sql_plan_pins(&p, SQL_OF_OFFSETS, SQL_BY_TOPIC);
    assert_false(pins.all); /* none is read */
    assert_int_equal(pins.n, 0);
    assert_false(p.explain);
    sql_plan_close(&p);
    assert_int_equal(
        sql_plan(env, slice_str("EXPLAIN QUERY PLAN SELECT 1 FROM groups"), &l,
                 &p, &err),
        0);
    assert_true(p.explain);
    sql_plan_close(&p);
}

/* ---- answers ------------------------------------------------------------- */

/* The answer as text: names, then rows, values separated by '|'. */
static int run(const char *statement, const struct sql_limits *l, char *text,
               size_t size)
{
    struct sql_answer a;
    struct slice fills[] = {buf_slice(&fill)};
    int rv = sql_run(env, slice_str(statement), fills, 1, l, &a, &err);
    size_t n = 0;
    struct cursor c;
    if (rv != 0) {
        return rv;
    }
    cursor_init(&c, buf_slice(&a.names));
    for (unsigned i = 0; i < a.n_columns; i++) {
        struct slice s = cursor_take(&c, cursor_u32(&c));
        n += (size_t)snprintf(text + n, size - n, "%s%.*s", i > 0 ? "|" : "",
                              (int)s.len, (const char *)s.data);
    }
    cursor_init(&c, buf_slice(&a.rows));
    for (uint32_t row = 0; row < a.n_rows && n < size; row++) {
        n += (size_t)snprintf(text + n, size - n, "\n");
        for (unsigned i = 0; i < a.n_columns && n < size; i++) {
            uint8_t kind = cursor_u8(&c);
            uint64_t v =
                kind == SQL_INT || kind == SQL_REAL ? cursor_u64(&c) : 0;
            struct slice s = {0};
            double d;
            memcpy(&d, &v, sizeof d);
            n += (size_t)snprintf(text + n, size - n, "%s", i > 0 ? "|" : "");
            if (kind == SQL_TEXT || kind == SQL_BLOB) {
                s = cursor_take(&c, cursor_u32(&c));
                n += (size_t)snprintf(text + n, size - n, "%.*s", (int)s.len,
                                      (const char *)s.data);
            } else if (kind == SQL_INT) {
                n += (size_t)snprintf(text + n, size - n, "%" PRId64,
                                      (int64_t)v);
            } else if (kind == SQL_REAL) {
                n += (size_t)snprintf(text + n, size - n, "%g", d);
            }
        }
    }
    assert_true(n < size);
    assert_int_equal(c.status, 0);
    assert_int_equal(cursor_left(&c), 0);
    sql_answer_close(&a);
    return 0;
}

static void answer_is(const char *statement, const char *expected)
{
    char text[4096];
    struct sql_limits l = usual();
    int rv = run(statement, &l, text, sizeof text);
    if (rv != 0) {
        fail_msg("%s: %s", statement, err.text);
    }
    assert_string_equal(text, expected);
}

static struct uuid uuid_n(uint8_t n)
{
    struct uuid u = {{0x42}};
    u.b[15] = n;
    return u;
}

static void put_offset(const char *group, uint8_t topic, int partition,
                       int64_t offset)
{
    sql_put_view(&fill, SQL_OFFSETS);
    sql_put_text(&fill, slice_str(group));
    sql_put_uuid(&fill, uuid_n(topic));
    sql_put_int(&fill, partition);
    sql_put_int(&fill, offset);
    sql_put_int(&fill, -1);
    sql_put_text(&fill, slice_str(""));
    sql_put_int(&fill, 1000);
    sql_put_text(&fill, slice_str("by"));
}

static void put_partition(const char *topic, int number, int64_t group)
{
    const int32_t nodes[] = {1, 2, 3};
    sql_put_view(&fill, SQL_PARTITIONS);
    sql_put_text(&fill, slice_str(topic));
    sql_put_int(&fill, number);
    sql_put_int(&fill, 1);
    sql_put_int(&fill, 7);
    sql_put_list(&fill, nodes, 3);
    sql_put_list(&fill, nodes, 2);
    sql_put_int(&fill, group);
}

static void put_end(int64_t group, int64_t start, int64_t end)
{
    sql_put_view(&fill, SQL_ENDS);
    sql_put_int(&fill, group);
    sql_put_int(&fill, start);
    sql_put_int(&fill, end);
}

static void put_member(const char *group, const char *id, struct slice assigned)
{
    sql_put_view(&fill, SQL_MEMBERS);
    sql_put_text(&fill, slice_str(group));
    sql_put_text(&fill, slice_str(id));
    sql_put_name(&fill, slice_str(""));
    sql_put_text(&fill, slice_str("client"));
    sql_put_text(&fill, slice_str("/host"));
    sql_put_int(&fill, 10000);
    sql_put_int(&fill, 60000);
    buf_put_u8(&fill, SQL_BLOB);
    buf_put_u32(&fill, (uint32_t)assigned.len);
    buf_put(&fill, assigned.data, assigned.len);
}

static int begin(void **state)
{
    (void)state;
    buf_init(&fill, env_mem(env), 0);
    /* Rows that help may come last. */
    put_offset("b", 2, 0, 5);
    put_offset("a", 1, 1, 10);
    put_offset("a", 1, 0, 90);
    put_offset("a", 3, 0, 1); /* of a topic that is gone */
    put_partition("t", 1, 102);
    put_partition("t", 0, 101);
    put_partition("u", 0, 103);
    put_end(101, 0, 100);
    put_end(102, 3, 10);
    for (uint8_t i = 1; i <= 2; i++) {
        sql_put_view(&fill, SQL_NAMES);
        sql_put_uuid(&fill, uuid_n(i));
        sql_put_text(&fill, slice_str(i == 1 ? "t" : "u"));
    }
    return fill.status;
}

static int end(void **state)
{
    (void)state;
    buf_close(&fill);
    return 0;
}

static void test_rows(void **state)
{
    char id[UUID_TEXT_LEN + 1], expected[200];
    (void)state;
    answer_is("SELECT group_id,topic,partition,offset,leader_epoch,"
              "committed_ms,committed_by FROM offsets",
              "group_id|topic|partition|offset|leader_epoch|committed_ms|"
              "committed_by\n"
              "a|t|0|90||1000|by\na|t|1|10||1000|by\na||0|1||1000|by\n"
              "b|u|0|5||1000|by");
    snprintf(expected, sizeof expected, "topic_id\n%s",
             uuid_format(uuid_n(3), id));
    answer_is("SELECT topic_id FROM offsets WHERE topic IS NULL", expected);
    answer_is("SELECT * FROM partitions WHERE topic='t'",
              "topic|partition|leader|leader_epoch|replicas|insync|"
              "start_offset|end_offset|raft_group\n"
              "t|0|1|7|[1,2,3]|[1,2]|0|100|101\n"
              "t|1|1|7|[1,2,3]|[1,2]|3|10|102");
    /* No end is known of u/0: no lag. */
    answer_is("SELECT group_id,topic,partition,lag FROM lag",
              "group_id|topic|partition|lag\na|t|0|10\na|t|1|0\nb|u|0|");
    answer_is("SELECT sum(value) FROM json_each((SELECT replicas FROM "
              "partitions LIMIT 1))",
              "sum(value)\n6");
    answer_is("SELECT 1.5, x'41', NULL, 'x'", "1.5|x'41'|NULL|'x'\n1.5|A||x");
    answer_is("SELECT * FROM nodes",
              "node|host|port|rack|version|up|controller|peer_host|peer_port|"
              "directory_id|incarnation");
    answer_is("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n "
              "WHERE x<3) SELECT x FROM n",
              "x\n1\n2\n3");
    answer_is("SELECT strftime('%Y',0,'unixepoch') y", "y\n1970");
}

static void test_members(void **state)
{
    static const uint8_t assigned[] = {0,   1, 0, 0, 0, 1, 0, 2, 't',
                                       '"', 0, 0, 0, 2, 0, 0, 0, 0,
                                       0,   0, 0, 4, 0, 0, 0, 0};
    (void)state;
    put_member("a", "m1", slice_of(assigned, sizeof assigned));
    put_member("a", "m2", slice_of("", 0));
    put_member("a", "m3", slice_of("\0\1\xff\xff\xff\xff", 6));
    answer_is("SELECT member_id,instance_id,partitions,assignment FROM members",
              "member_id|instance_id|partitions|assignment\n"
              "m1||2|{\"t\\u0022\":[0,4]}\nm2|||\nm3|||");
    answer_is("SELECT m.member_id, t.key, p.value FROM members m, "
              "json_each(m.assignment) t, json_each(t.value) p",
              "member_id|key|value\nm1|t\"|0\nm1|t\"|4");
}

/* Rows from another node that are no rows. */
static void test_malformed_fill(void **state)
{
    struct sql_limits l = usual();
    struct sql_answer a;
    (void)state;
    for (size_t len = 0; len <= fill.len; len += 3) {
        struct slice s = slice_of(fill.data, len);
        int rv = sql_run(env, slice_str("SELECT 1"), &s, 1, &l, &a, &err);
        assert_true(rv == 0 || rv == ERR_PROTOCOL);
        sql_answer_close(&a);
    }
    for (size_t i = 0; i < fill.len; i += 3) {
        struct slice s = buf_slice(&fill);
        fill.data[i] ^= 0x55;
        int rv = sql_run(env, slice_str("SELECT 1"), &s, 1, &l, &a, &err);
        fill.data[i] ^= 0x55;
        assert_true(rv == 0 || rv == ERR_PROTOCOL);
        sql_answer_close(&a);
    }
}

/* ---- what is refused ----------------------------------------------------- */

static void refused(const char *statement, int code)
{
    struct sql_limits l = usual();
    struct sql_plan p;
    char text[256];
    int rv = sql_plan(env, slice_str(statement), &l, &p, &err);
    sql_plan_close(&p);
    if (rv != code) {
        fail_msg("%s: %s instead of %s", statement, err_name(rv),
                 err_name(code));
    }
    assert_true(err.text[0] != '\0');
    /* The second step does not rely on the first. */
    assert_int_equal(run(statement, &l, text, sizeof text), code);
}

static void test_only_select(void **state)
{
    static const char *const statements[] = {
        "INSERT INTO groups VALUES(1)",
        "UPDATE groups SET state='x'",
        "DELETE FROM groups",
        "CREATE TABLE x(a)",
        "CREATE TEMP TABLE x(a)",
        "CREATE VIEW x AS SELECT 1",
        "CREATE VIRTUAL TABLE x USING fts5(a)",
        "CREATE TRIGGER x AFTER INSERT ON groups BEGIN SELECT 1; END",
        "DROP TABLE groups",
        "ATTACH 'x.db' AS x",
        "ATTACH ':memory:' AS x",
        "DETACH main",
        "PRAGMA query_only=OFF",
        "PRAGMA table_info(groups)",
        "PRAGMA writable_schema=ON",
        "VACUUM",
        "VACUUM INTO 'x'",
        "REINDEX",
        "ANALYZE",
        "BEGIN",
        "COMMIT",
        "SAVEPOINT x",
        "WITH x AS (SELECT 1) DELETE FROM groups",
        "SELECT load_extension('x')",
        "SELECT writefile('x','y')",
        "SELECT readfile('/etc/passwd')",
        "SELECT edit('x')",
        "SELECT fts3_tokenizer('simple')",
        "SELECT sqlite_compileoption_get(0)",
        "SELECT last_insert_rowid()",
        "SELECT printf('%1000000000d',1)",
        "SELECT format('%.*c',1000000000,'x')",
        "SELECT trim('x','y')",
        "SELECT json_patch('{}','{}')",
        "SELECT * FROM sql_names",
        "SELECT * FROM sql_ends",
        "SELECT * FROM pragma_table_info('groups')",
        "SELECT * FROM pragma_database_list",
        "SELECT * FROM dbstat",
        "SELECT * FROM sqlite_stmt",
        "SELECT * FROM sqlite_dbpage",
        "SELECT * FROM (SELECT * FROM sql_ends)",
        "SELECT (SELECT count(*) FROM sql_ends)",
    };
    (void)state;
    for (unsigned i = 0; i < sizeof statements / sizeof *statements; i++) {
        struct sql_limits l = usual();
        struct sql_plan p;
        char text[4096];
        int rv = sql_plan(env, slice_str(statements[i]), &l, &p, &err);
        sql_plan_close(&p);
        if (rv != ERR_PERM && rv != ERR_INVALID) {
            fail_msg("%s: planned: %d", statements[i], rv);
        }
        rv = run(statements[i], &l, text, sizeof text);
        if (rv != ERR_PERM && rv != ERR_INVALID) {
            fail_msg("%s: ran: %d", statements[i], rv);
        }
    }
    refused("ATTACH 'x.db' AS x", ERR_PERM);
    refused("PRAGMA table_info(groups)", ERR_PERM);
    refused("SELECT load_extension('x')", ERR_PERM);
}

static void test_statement(void **state)
{
    char *text = malloc(SQL_STATEMENT_MAX + 2);
    (void)state;
    refused("", ERR_INVALID);
    refused("  -- nothing", ERR_INVALID);
    refused(";", ERR_INVALID);
    refused("SELEC 1", ERR_INVALID);
    refused("SELECT x FROM groups", ERR_INVALID);
    refused("SELECT 1; SELECT 2", ERR_INVALID);
    refused("SELECT 1; nonsense", ERR_INVALID);
    refused("SELECT ?1", ERR_INVALID);
    refused("SELECT * FROM groups WHERE group_id=:g", ERR_INVALID);
    answer_is("SELECT 1;; -- two", "1\n1");
    memset(text, ' ', SQL_STATEMENT_MAX + 1);
    memcpy(text, "SELECT 1", 8);
    text[SQL_STATEMENT_MAX + 1] = '\0';
    refused(text, ERR_TOOBIG);
    free(text);
}

/* ---- limits -------------------------------------------------------------- */

static void test_rows_max(void **state)
{
    struct sql_limits l = usual();
    char text[4096];
    (void)state;
    l.rows_max = 4;
    assert_int_equal(run("SELECT 1 FROM offsets", &l, text, sizeof text), 0);
    l.rows_max = 3;
    assert_int_equal(run("SELECT 1 FROM offsets", &l, text, sizeof text),
                     ERR_TOOBIG);
    assert_non_null(strstr(err.text, "LIMIT"));
    assert_int_equal(
        run("SELECT 1 FROM offsets LIMIT 3", &l, text, sizeof text), 0);
    l = usual();
    l.bytes_max = 100;
    assert_int_equal(run("SELECT zeroblob(200)", &l, text, sizeof text),
                     ERR_TOOBIG);
}

/* What grows without end must not grow here. */
static void test_heap(void **state)
{
    static const char *const statements[] = {
        /* rows that are kept */
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION SELECT x+1 FROM n) "
        "SELECT count(*) FROM n",
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n) "
        "SELECT x FROM n ORDER BY -x",
        "WITH RECURSIVE n(x,y) AS (SELECT 1,randomblob(100000) UNION ALL "
        "SELECT x+1,randomblob(100000) FROM n) SELECT DISTINCT y FROM n "
        "ORDER BY y",
        /* a statement that grows while it is prepared */
        "WITH a AS (SELECT 1 x), b AS (SELECT 1 FROM a,a), "
        "c AS (SELECT 1 FROM b,b,b,b), d AS (SELECT 1 FROM c,c,c,c), "
        "e AS (SELECT 1 FROM d,d,d,d), f AS (SELECT 1 FROM e,e,e,e), "
        "g AS (SELECT 1 FROM f,f,f,f), h AS (SELECT 1 FROM g,g,g,g), "
        "i AS (SELECT 1 FROM h,h,h,h), j AS (SELECT 1 FROM i,i,i,i), "
        "k AS (SELECT 1 FROM j,j,j,j), l AS (SELECT 1 FROM k,k,k,k), "
        "m AS (SELECT 1 FROM l,l,l,l), n AS (SELECT 1 FROM m,m,m,m), "
        "o AS (SELECT 1 FROM n,n,n,n), p AS (SELECT 1 FROM o,o,o,o) "
        "SELECT 1 FROM p,p,p"};
    struct sql_limits l = usual();
    char text[256];
    (void)state;
    l.deadline_us = env_now_us_exact(env) + 120 * SECOND_US;
    for (unsigned i = 0; i < sizeof statements / sizeof *statements; i++) {
        int rv = run(statements[i], &l, text, sizeof text);
        if (rv != ERR_TOOBIG) {
            fail_msg("%s: %s (%s)", statements[i], err_name(rv), err.text);
        }
    }
    /* The next one has all of it again. */
    answer_is("SELECT 1", "1\n1");
}

static void test_values(void **state)
{
    static const char *const statements[] = {
        "SELECT zeroblob(1000000000)",
        "SELECT randomblob(1000000000)",
        "SELECT hex(zeroblob(100000))",
        "SELECT replace(hex(zeroblob(50000)),'0','xxxxxxxxxxxxxxxx')",
        "SELECT group_concat(hex(zeroblob(50000))) FROM offsets",
        "SELECT hex(zeroblob(50000))||hex(zeroblob(50000))",
        "SELECT 'x' LIKE hex(zeroblob(1000))",
    };
    struct sql_limits l = usual();
    char text[256];
    (void)state;
    for (unsigned i = 0; i < sizeof statements / sizeof *statements; i++) {
        int rv = run(statements[i], &l, text, sizeof text);
        if (rv != ERR_TOOBIG && rv != ERR_INVALID) {
            fail_msg("%s: %s", statements[i], err_name(rv));
        }
    }
}

static void test_complex(void **state)
{
    char *text = malloc(SQL_STATEMENT_MAX);
    size_t n;
    (void)state;
    n = (size_t)snprintf(text, SQL_STATEMENT_MAX, "SELECT ");
    memset(text + n, '(', 500);
    snprintf(text + n + 500, SQL_STATEMENT_MAX - n - 500, "1%.*s", 0, "");
    refused(text, ERR_INVALID);
    n = (size_t)snprintf(text, SQL_STATEMENT_MAX, "SELECT 1");
    for (int i = 0; i < 60; i++) {
        n += (size_t)snprintf(text + n, SQL_STATEMENT_MAX - n,
                              " UNION ALL SELECT 1");
    }
    refused(text, ERR_INVALID);
    n = (size_t)snprintf(text, SQL_STATEMENT_MAX, "SELECT 1");
    for (int i = 0; i < 200; i++) {
        n += (size_t)snprintf(text + n, SQL_STATEMENT_MAX - n, ",1");
    }
    refused(text, ERR_INVALID);
    n = (size_t)snprintf(text, SQL_STATEMENT_MAX, "SELECT 1");
    for (int i = 0; i < 150; i++) {
        n += (size_t)snprintf(text + n, SQL_STATEMENT_MAX - n, "+1");
    }
    refused(text, ERR_INVALID);
    n = (size_t)snprintf(text, SQL_STATEMENT_MAX, "SELECT 1 FROM groups");
    for (int i = 0; i < 70; i++) {
        n +=
            (size_t)snprintf(text + n, SQL_STATEMENT_MAX - n, ",groups g%d", i);
    }
    refused(text, ERR_INVALID);
    free(text);
}

#define FOREVER                                                                \
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n) "           \
    "SELECT count(*) FROM n"

static void test_deadline(void **state)
{
    struct sql_limits l = usual();
    char text[256];
    uint64_t began = env_now_us_exact(env);
    (void)state;
    l.deadline_us = began + 50000;
    assert_int_equal(run(FOREVER, &l, text, sizeof text), ERR_TIMEOUT);
    assert_true(env_now_us_exact(env) - began < 20 * SECOND_US);
    l.deadline_us = env_now_us_exact(env) + 50000;
    assert_int_equal(run("SELECT count(*) FROM offsets a,offsets b,offsets c,"
                         "offsets d,offsets e,offsets f,offsets g,offsets h,"
                         "offsets i,offsets j,offsets k,offsets l,offsets m",
                         &l, text, sizeof text),
                     ERR_TIMEOUT);
}

/* What takes longest in one instruction is over soon after the deadline. */
static void test_slow_functions(void **state)
{
    static const char *const statements[] = {
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n) "
        "SELECT count(instr(zeroblob(131000),zeroblob(65000)||x'01')) FROM n",
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n) "
        "SELECT count(replace(hex(zeroblob(65000)),"
        "hex(zeroblob(32000))||x,'')) FROM n",
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n) "
        "SELECT count(hex(zeroblob(65000)) LIKE "
        "'%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%1'||x) FROM n"};
    (void)state;
    for (unsigned i = 0; i < sizeof statements / sizeof *statements; i++) {
        struct sql_limits l = usual();
        char text[256];
        uint64_t began = env_now_us_exact(env);
        l.deadline_us = began + 10000;
        assert_int_equal(run(statements[i], &l, text, sizeof text),
                         ERR_TIMEOUT);
        assert_true(env_now_us_exact(env) - began < 20 * SECOND_US);
    }
}

/* A statement that takes minutes to be prepared: a join of all the tables that
 * one may have, with conditions at random, many times. */
static char *slow_to_prepare(void)
{
    static const char *const columns[] = {"group_id", "topic", "offset",
                                          "metadata", "topic_id"};
    enum { TABLES = 64, TERMS = 1024, COPIES = 12 };
    char *text = malloc(SQL_STATEMENT_MAX);
    size_t size = SQL_STATEMENT_MAX;
    size_t n = (size_t)snprintf(text, size, "WITH c AS(SELECT 1 x FROM topics");
    uint32_t x = 3;
    for (int i = 0; i < TABLES - 1; i++) {
        n += (size_t)snprintf(text + n, size - n, ",offsets t%d", i);
    }
    n += (size_t)snprintf(text + n, size - n, " WHERE ");
    for (int i = 0; i < TERMS; i++) {
        /* The expression is a tree that is not deep. */
        int open = i == 0 ? 10 : __builtin_ctz((unsigned)i);
        unsigned r[4];
        for (int k = 0; k < 4; k++) {
            x = x * 1664525 + 1013904223;
            r[k] = x >> 16;
        }
        n += (size_t)snprintf(text + n, size - n, "%.*s", open, "((((((((((");
        n += (size_t)snprintf(text + n, size - n, "t%u.%s=t%u.%s",
                              r[0] % (TABLES - 1), columns[r[1] % 5],
                              r[2] % (TABLES - 1), columns[r[3] % 5]);
        int close = __builtin_ctz((unsigned)i + 1);
        n += (size_t)snprintf(text + n, size - n, "%.*s%s", close, "))))))))))",
                              i + 1 < TERMS ? " AND " : ")");
    }
    for (int i = 0; i < COPIES; i++) {
        n += (size_t)snprintf(text + n, size - n, "%sSELECT x FROM c",
                              i > 0 ? " UNION ALL " : " ");
    }
    assert_true(n < size);
    return text;
}

static void test_slow_prepare(void **state)
{
    int canceled = 0;
    struct sql_limits l = usual();
    char text[256];
    char *statement = slow_to_prepare();
    uint64_t began = env_now_us_exact(env);
    (void)state;
    l.deadline_us = began + 50000;
    assert_int_equal(run(statement, &l, text, sizeof text), ERR_TIMEOUT);
    assert_true(env_now_us_exact(env) - began < 20 * SECOND_US);
    /* The next one has its own time. */
    answer_is("SELECT 1", "1\n1");
    l = usual();
    l.canceled = &canceled;
    canceled = 1;
    assert_int_equal(run(statement, &l, text, sizeof text), ERR_CANCELED);
    free(statement);
}

/* A table that gives its statement up when it is planned; that is noticed
 * `late` allocations later. */
struct giver_up {
    sqlite3_vtab base; /* first */
    struct sql_heap *heap;
    int *canceled;
    unsigned late;
};

static int giver_connect(sqlite3 *sql, void *arg, int argc,
                         const char *const *argv, sqlite3_vtab **ret_t,
                         char **ret_err)
{
    (void)argc, (void)argv, (void)ret_err;
    *ret_t = arg;
    return sqlite3_declare_vtab(sql, "CREATE TABLE x(a)");
}

static int giver_disconnect(sqlite3_vtab *t)
{
    (void)t;
    return SQLITE_OK;
}

static int giver_best(sqlite3_vtab *t, sqlite3_index_info *info)
{
    struct giver_up *g = (struct giver_up *)(void *)t;
    (void)info;
    *g->canceled = 1;
    g->heap->n_looks = SQL_HEAP_LOOKS - g->late;
    return SQLITE_OK;
}

static const sqlite3_module giver = {.xCreate = giver_connect,
                                     .xConnect = giver_connect,
                                     .xBestIndex = giver_best,
                                     .xDisconnect = giver_disconnect,
                                     .xDestroy = giver_disconnect};

/* What follows a statement is prepared, too, to see that it is nothing. One
 * that is given up in the middle of that was given up: there is no second
 * statement in it. */
static void test_given_up(void **state)
{
    unsigned n_prepared = 0, n_canceled = 0;
    (void)state;
    for (unsigned late = 1; late <= SQL_HEAP_LOOKS; late++) {
        int canceled = 0;
        struct sql_limits l = usual();
        struct sql_db d;
        sqlite3_stmt *stmt = NULL;
        l.canceled = &canceled;
        assert_int_equal(sql_db_open(&d, env, &l, &err), 0);
        struct giver_up g = {
            .heap = &d.heap, .canceled = &canceled, .late = late};
        assert_int_equal(sqlite3_create_module(d.sql, "plan", &giver, &g),
                         SQLITE_OK);
        assert_int_equal(sqlite3_exec(d.sql,
                                      "CREATE VIRTUAL TABLE groups USING plan",
                                      NULL, NULL, NULL),
                         SQLITE_OK);
        sql_db_restrict(&d);
        int rv = sql_db_prepare(
            &d, slice_str("SELECT * FROM groups; -- and no more"), &stmt, &err);
        if (rv != 0) {
            assert_int_equal(rv, ERR_CANCELED);
        }
        n_canceled += rv != 0;
        n_prepared += rv == 0;
        sql_db_close(&d);
    }
    assert_true(n_prepared > 0 && n_canceled > 0);
}

static void test_canceled(void **state)
{
    int canceled = 1;
    struct sql_limits l = usual();
    char text[256];
    (void)state;
    l.canceled = &canceled;
    assert_int_equal(run(FOREVER, &l, text, sizeof text), ERR_CANCELED);
}

/* Fail the n-th allocation of ours, until none is left. */
static void test_no_memory(void **state)
{
    struct sql_limits l = usual();
    struct slice s = slice_str("SELECT * FROM lag WHERE group_id='a'");
    struct sql_plan p;
    struct sql_answer a;
    struct slice fills[] = {buf_slice(&fill)};
    size_t blocks = mem_blocks(env_mem(env));
    int rv = -1;
    (void)state;
    for (uint64_t n = 1; rv != 0; n++) {
        assert_true(n < 1000);
        mem_fail_at(env_mem(env), n, 0);
        rv = sql_plan(env, s, &l, &p, &err);
        sql_plan_close(&p);
        if (rv == 0) {
            rv = sql_run(env, s, fills, 1, &l, &a, &err);
            sql_answer_close(&a);
        }
        if (!mem_fail_fired(env_mem(env))) {
            assert_int_equal(rv, 0);
        }
        mem_fail_at(env_mem(env), 0, 0);
        assert_int_equal(mem_blocks(env_mem(env)), blocks);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_plan_many),
        cmocka_unit_test(test_plan_pins),
        TEST(test_rows),
        TEST(test_members),
        TEST(test_malformed_fill),
        TEST(test_only_select),
        TEST(test_statement),
        TEST(test_rows_max),
        TEST(test_heap),
        TEST(test_values),
        TEST(test_complex),
        TEST(test_deadline),
        TEST(test_slow_functions),
        TEST(test_slow_prepare),
        TEST(test_given_up),
        TEST(test_canceled),
        TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, open_env, close_env);
}
