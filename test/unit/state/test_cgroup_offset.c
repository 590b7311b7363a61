/* Committed offsets: who may commit, what is kept of them, and how they go. */
#include "cgroup_test.h"

#include "state/cgroup_history.h"
#include "state/dump.h"

/* m1 alone, generation 1, Stable. */
static void one_stable(struct c_rig *c)
{
    assert_int_equal(c_join(c, "", "range"), 0);
    assert_int_equal(c_sync(c, c->member, "", 1, "m1"), 0);
    c_state(c, CGROUP_STABLE, 1);
}

static void test_fencing(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    assert_int_equal(c_commit(&c, "m1", 1, 5), KERR_ILLEGAL_GENERATION);
    c.v9 = true;
    assert_int_equal(c_commit(&c, "m1", 1, 5), KERR_GROUP_ID_NOT_FOUND);
    assert_int_equal(cgroup_image_count(c.im), 0);
    assert_int_equal(c_join(&c, "", "range"), 0);
    c_state(&c, CGROUP_COMPLETING, 1);
    assert_int_equal(c_commit(&c, "m1", 1, 5), KERR_REBALANCE_IN_PROGRESS);
    assert_int_equal(c_sync(&c, "m1", "", 1, "m1"), 0);
    assert_int_equal(c_commit(&c, "m1", 1, 5), 0);
    assert_int_equal(c_offset(&c, 1), 5);
    assert_int_equal(c_commit(&c, "m1", 0, 6), KERR_ILLEGAL_GENERATION);
    assert_int_equal(c_commit(&c, "m1", 2, 6), KERR_ILLEGAL_GENERATION);
    assert_int_equal(c_commit(&c, "m1", -1, 6), KERR_ILLEGAL_GENERATION);
    assert_int_equal(c_commit(&c, "who", 1, 6), KERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(c_commit(&c, "", 1, 6), KERR_UNKNOWN_MEMBER_ID);
    /* A tool must wait until the members are gone. */
    assert_int_equal(c_commit(&c, "", -1, 6), KERR_UNKNOWN_MEMBER_ID);
    /* While others join, who is in may still commit. */
    assert_int_equal(c_join(&c, "", "range"), 0);
    c_state(&c, CGROUP_PREPARING, 1);
    assert_int_equal(c_commit(&c, "m1", 1, 7), 0);
    c.require_id = true;
    assert_int_equal(c_join(&c, "", "range"), KERR_MEMBER_ID_REQUIRED);
    assert_int_equal(c_commit(&c, c.member, 1, 8), KERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(c_offset(&c, 1), 7);
    assert_int_equal(c_leave(&c, "m1", ""), 0);
    assert_int_equal(c_leave(&c, "m2", ""), 0);
    assert_int_equal(c_leave(&c, "m3", ""), 0);
    c_state(&c, CGROUP_EMPTY, 2);
    assert_int_equal(c_commit(&c, "m1", 2, 8), KERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(c_commit(&c, "", -1, 9), 0);
    assert_int_equal(c_offset(&c, 1), 9);
    c_end(&c);
}

static int commit_static(struct c_rig *c, const char *member,
                         const char *instance)
{
    struct buf b;
    struct cgroup_commit_row row = {.topic = test_uuid(1), .offset = 3};
    struct cgroup_commit k = {.group = slice_str("g"),
                              .member = slice_str(member),
                              .instance = slice_str(instance),
                              .generation = 1,
                              .retention_ms = -1,
                              .rows = &row,
                              .n_rows = 1};
    c_begin(c, &b);
    cgroup_encode_commit(&k, &b);
    return c_apply(c, &b);
}

static void test_fencing_static(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    assert_int_equal(c_join_static(&c, "", "a", "range"), 0);
    assert_int_equal(c_sync(&c, "m1", "a", 1, "m1"), 0);
    assert_int_equal(commit_static(&c, "m1", "a"), 0);
    assert_int_equal(commit_static(&c, "m9", "a"), KERR_FENCED_INSTANCE_ID);
    assert_int_equal(commit_static(&c, "m1", "b"), KERR_UNKNOWN_MEMBER_ID);
    c_end(&c);
}

/* Consumers that assign themselves have a group without members. */
static void test_simple(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    assert_int_equal(c_commit(&c, "", -1, 5), 0);
    c_state(&c, CGROUP_EMPTY, 0);
    assert_int_equal(c_group(&c)->protocol_type.len, 0);
    assert_int_equal(c_offset(&c, 1), 5);
    const struct cgroup_view_offset *o =
        cgroup_view_offset(c_group(&c), test_uuid(1), 0);
    assert_non_null(o);
    assert_int_equal(o->epoch, 4);
    assert_true(slice_equal(o->metadata, slice_str("meta")));
    assert_int_equal(o->time_ms, c.r.time_ms);
    assert_int_equal(o->expire_ms, -1);
    assert_null(cgroup_view_offset(c_group(&c), test_uuid(1), 1));
    assert_null(cgroup_view_offset(c_group(&c), test_uuid(2), 0));
    c_at(&c, 10);
    assert_int_equal(c_commit(&c, "", -1, 4), 0); /* back is a reset: fine */
    assert_int_equal(c_offset(&c, 1), 4);
    c_end(&c);
}

static void test_metadata_limit(void **state)
{
    struct c_rig c;
    struct buf b;
    char big[12];
    (void)state;
    c_new(&c);
    memset(big, 'x', sizeof big);
    struct cgroup_commit_row rows[] = {
        {.topic = test_uuid(1), .offset = 1, .metadata = slice_of(big, 10)},
        {.topic = test_uuid(2), .offset = 2, .metadata = slice_of(big, 11)},
        {.topic = test_uuid(3), .offset = 3, .metadata = slice_of("\0\xff", 2)},
    };
    struct cgroup_commit k = {.group = slice_str("g"),
                              .generation = -1,
                              .retention_ms = -1,
                              .rows = rows,
                              .n_rows = 3,
                              .metadata_max = 10};
    c_begin(&c, &b);
    cgroup_encode_commit(&k, &b);
    assert_int_equal(c_apply(&c, &b), 0);
    assert_int_equal(c.n_errors, 3);
    assert_int_equal(c.errors[0], 0);
    assert_int_equal(c.errors[1], KERR_OFFSET_METADATA_TOO_LARGE);
    assert_int_equal(c.errors[2], 0);
    assert_int_equal(c_offset(&c, 1), 1);
    assert_int_equal(c_offset(&c, 2), -1);
    assert_int_equal(c_offset(&c, 3), 3);
    c_end(&c);
}

/* ---- history -------------------------------------------------------------
 */

struct history {
    struct {
        int64_t offset, reset, topic;
    } rows[64];
    unsigned n;
};

static void on_history(void *arg, const struct state_dump_cell cells[],
                       unsigned n)
{
    struct history *h = arg;
    assert_int_equal(n, 10);
    assert_true(h->n < 64);
    h->rows[h->n].topic = cells[1].bytes.data[8];
    h->rows[h->n].offset = cells[4].i;
    h->rows[h->n++].reset = cells[9].i;
}

struct image_read {
    struct rig *r;
    const char *path;
    struct mem *mem;
    struct slice bytes;
};

static void read_as_node(void *arg)
{
    struct image_read *x = arg;
    struct err err;
    char *text = NULL;
    size_t len = 0;
    if (env_read_file(x->r->env, x->path, 1u << 26, &text, &len, &err) == 0) {
        char *copy = mem_alloc(x->mem, len + 1);
        if (copy != NULL) {
            memcpy(copy, text, len);
            x->bytes = slice_of(copy, len);
        }
        mem_free(env_mem(x->r->env), text);
    }
}

/* The rows of history, by topic and seq. */
static void history_read(struct c_rig *c, struct history *h)
{
    struct mem *mem = mem_new(0);
    struct state_dump *d;
    struct err err;
    char path[64];
    struct image_read x = {.r = &c->r, .path = path, .mem = mem};
    *h = (struct history){.n = 0};
    snprintf(path, sizeof path, "/meta/h%u.image", c->n_results);
    assert_true(rig_image(&c->r, path));
    assert_int_equal(sim_node_call(c->r.sim, c->r.id, read_as_node, &x), 0);
    assert_int_equal(state_dump_open(mem, x.bytes, slice_of(NULL, 0), &d, &err),
                     0);
    assert_int_equal(state_dump_rows(d, "history", 64, on_history, h, &err), 0);
    state_dump_close(d);
    mem_free_all(mem);
}

static void test_history(void **state)
{
    struct c_rig c;
    struct history h;
    (void)state;
    c_new(&c);
    one_stable(&c);
    assert_int_equal(c_commit(&c, "m1", 1, 100), 0); /* the first is kept */
    c_at(&c, 59999);
    assert_int_equal(c_commit(&c, "m1", 1, 101), 0); /* too soon */
    c_at(&c, 60000);
    assert_int_equal(c_commit(&c, "m1", 1, 102), 0);
    c_at(&c, 60001);
    assert_int_equal(c_commit(&c, "m1", 1, 103), 0); /* too soon */
    assert_int_equal(c_leave(&c, "m1", ""), 0);
    /* A reset keeps what it replaces, and itself. */
    c_at(&c, 60002);
    assert_int_equal(c_commit(&c, "", -1, 7), 0);
    c_at(&c, 60003);
    assert_int_equal(c_commit(&c, "", -1, 8), 0);
    history_read(&c, &h);
    static const int64_t offsets[] = {100, 102, 103, 7, 8};
    assert_int_equal(h.n, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(h.rows[i].offset, offsets[i]);
        assert_int_equal(h.rows[i].reset, i >= 3);
    }
    c_end(&c);
}

static void test_history_is_bounded(void **state)
{
    struct c_rig c;
    struct history h;
    (void)state;
    c_new(&c);
    c.history_max = 3;
    for (int i = 0; i < 10; i++) {
        c_at(&c, i);
        assert_int_equal(c_commit(&c, "", -1, i), 0);
    }
    history_read(&c, &h);
    assert_int_equal(h.n, 3);
    assert_int_equal(h.rows[0].offset, 7);
    assert_int_equal(h.rows[2].offset, 9);
    c.history_max = 1; /* lowered: the rest goes with the next */
    assert_int_equal(c_commit(&c, "", -1, 10), 0);
    history_read(&c, &h);
    assert_int_equal(h.n, 1);
    assert_int_equal(h.rows[0].offset, 10);
    c.history_max = 0;
    assert_int_equal(c_commit(&c, "", -1, 11), 0);
    assert_int_equal(c_offset(&c, 1), 11);
    history_read(&c, &h);
    assert_int_equal(h.n, 1);
    c_end(&c);
}

struct page_read {
    struct c_rig *c;
    struct cgroup_history_page *page;
    uint64_t index;
    int rv;
};

static void read_page(struct machine_db *db, void *arg)
{
    struct page_read *x = arg;
    cgroup_history_read(db, x->page);
}

static void on_page(void *arg, int status, uint64_t index, uint64_t term)
{
    struct page_read *x = arg;
    assert_int_equal(status, 0);
    assert_int_equal(term, 3);
    x->index = index;
    x->c->r.done = true;
    x->c->r.request = false;
}

static void page_as_node(void *arg)
{
    struct page_read *x = arg;
    x->rv = machine_read(x->c->r.m, read_page, on_page, x);
}

/* The next page of at most `max` rows, behind the last row of `rows`. Returns
 * how many rows there are now. */
static unsigned next_page(struct c_rig *c, const char *group, unsigned max,
                          struct cgroup_history_row *rows, unsigned n,
                          bool *ret_more)
{
    struct cgroup_history_page p = {
        .group = slice_str(group), .after_partition = -1, .rows_max = max};
    struct page_read x = {.c = c, .page = &p};
    struct cursor in;
    unsigned before = n;
    buf_init(&p.rows, c->r.image_mem, 0);
    if (n > 0) {
        p.after_topic = rows[n - 1].topic;
        p.after_partition = rows[n - 1].partition;
        p.after_number = rows[n - 1].number;
    }
    c->r.done = false;
    c->r.request = true;
    assert_int_equal(sim_node_call(c->r.sim, c->r.id, page_as_node, &x), 0);
    assert_int_equal(x.rv, 0);
    assert_true(rig_wait(&c->r));
    assert_int_equal(x.index, machine_applied(c->r.m));
    assert_int_equal(p.rows.status, 0);
    cursor_init(&in, buf_slice(&p.rows));
    while (cgroup_history_next(&in, &rows[n])) {
        assert_true(slice_equal(rows[n].metadata, slice_str("meta")));
        n++;
    }
    assert_int_equal(in.status, 0);
    assert_true(n - before <= max);
    buf_close(&p.rows);
    *ret_more = p.more;
    return n;
}

/* Pages of every size give the same rows, those of the group only. */
static void test_history_pages(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    for (int i = 0; i < 3; i++) {
        c_at(&c, i);
        assert_int_equal(c_commit_to(&c, "g", "", -1, 1, 10 + i), 0);
        assert_int_equal(c_commit_to(&c, "g", "", -1, 2, 20 + i), 0);
        assert_int_equal(c_commit_to(&c, "f", "", -1, 1, 30), 0);
        assert_int_equal(c_commit_to(&c, "h", "", -1, 2, 40), 0);
    }
    for (unsigned max = 1; max <= 7; max++) {
        struct cgroup_history_row rows[8];
        unsigned n = 0;
        bool more = true;
        while (more) {
            unsigned before = n;
            n = next_page(&c, "g", max, rows, n, &more);
            assert_true(n - before == max || !more);
        }
        assert_int_equal(n, 6);
        for (unsigned i = 0; i < 6; i++) {
            assert_true(uuid_equal(rows[i].topic, test_uuid(1 + i / 3)));
            assert_int_equal(rows[i].partition, 0);
            assert_int_equal(rows[i].number, 1 + i % 3);
            assert_int_equal(rows[i].offset, 10 * (1 + i / 3) + i % 3);
            assert_int_equal(rows[i].epoch, 4);
            assert_int_equal(rows[i].time_ms, 1000000 + i % 3);
            assert_int_equal(rows[i].reset, i % 3 > 0);
        }
    }
    bool more = true;
    assert_int_equal(next_page(&c, "nobody", 5, NULL, 0, &more), 0);
    assert_false(more);
    c_end(&c);
}

/* ---- deletion ------------------------------------------------------------
 */

static int delete_offset(struct c_rig *c, int32_t generation, uint64_t topic,
                         bool subscribed)
{
    struct buf b;
    struct cgroup_delete_row row = {test_uuid(topic), 0, subscribed};
    c_begin(c, &b);
    cgroup_encode_offset_delete(slice_str("g"), generation, &row, 1, &b);
    int error = c_apply(c, &b);
    return error != 0 ? error : c->errors[0];
}

static int delete_group(struct c_rig *c)
{
    struct buf b;
    c_begin(c, &b);
    cgroup_encode_delete(slice_str("g"), 0, &b);
    return c_apply(c, &b);
}

static void test_offset_delete(void **state)
{
    struct c_rig c;
    struct history h;
    (void)state;
    c_new(&c);
    assert_int_equal(delete_offset(&c, 0, 1, false), KERR_GROUP_ID_NOT_FOUND);
    one_stable(&c);
    assert_int_equal(c_commit(&c, "m1", 1, 5), 0);
    assert_int_equal(c_commit_to(&c, "g", "m1", 1, 2, 6), 0);
    assert_int_equal(delete_offset(&c, 0, 2, false),
                     KERR_REBALANCE_IN_PROGRESS);
    assert_int_equal(delete_offset(&c, 1, 1, true),
                     KERR_GROUP_SUBSCRIBED_TO_TOPIC);
    assert_int_equal(delete_offset(&c, 1, 2, false), 0);
    assert_int_equal(delete_offset(&c, 1, 3, false), 0); /* never there */
    assert_int_equal(c_offset(&c, 1), 5);
    assert_int_equal(c_offset(&c, 2), -1);
    history_read(&c, &h);
    assert_int_equal(h.n, 1);
    assert_int_equal(h.rows[0].topic, 1);
    assert_int_equal(c_leave(&c, "m1", ""), 0);
    assert_int_equal(delete_offset(&c, 7, 1, true), 0); /* nobody is there */
    assert_int_equal(c_offset(&c, 1), -1);
    /* Groups of other kinds say nothing of topics. */
    assert_int_equal(c_join_type(&c, "g", "", "", "connect", "x"), 0);
    assert_int_equal(delete_offset(&c, 3, 1, false), KERR_NON_EMPTY_GROUP);
    c_end(&c);
}

static void test_delete(void **state)
{
    struct c_rig c;
    struct history h;
    (void)state;
    c_new(&c);
    assert_int_equal(delete_group(&c), KERR_GROUP_ID_NOT_FOUND);
    one_stable(&c);
    assert_int_equal(c_commit(&c, "m1", 1, 5), 0);
    assert_int_equal(c_commit_to(&c, "h", "", -1, 1, 6), 0);
    assert_int_equal(delete_group(&c), KERR_NON_EMPTY_GROUP);
    assert_int_equal(c_leave(&c, "m1", ""), 0);
    c.require_id = true; /* an id alone does not keep it */
    assert_int_equal(c_join(&c, "", "range"), KERR_MEMBER_ID_REQUIRED);
    assert_int_equal(delete_group(&c), 0);
    assert_int_equal(cgroup_image_count(c.im), 1);
    assert_true(cgroup_image_holds(c.im, test_uuid(1))); /* by h */
    history_read(&c, &h);
    assert_int_equal(h.n, 1);
    assert_int_equal(h.rows[0].offset, 6);
    c_end(&c);
}

/* An id that nobody has joined with yet. */
static void given_id(struct c_rig *c)
{
    c->require_id = true;
    assert_int_equal(c_join(c, "", "range"), KERR_MEMBER_ID_REQUIRED);
    c->require_id = false;
    assert_int_equal(c_group(c)->n_members, 1);
}

static void takes_nothing(struct c_rig *c)
{
    c_state(c, CGROUP_DEAD, 0);
    assert_int_equal(c_group(c)->n_members, 0);
    assert_int_equal(c_join(c, "", "range"), KERR_COORDINATOR_LOAD_IN_PROGRESS);
    assert_int_equal(c_join(c, "m1", "range"),
                     KERR_COORDINATOR_LOAD_IN_PROGRESS);
    assert_int_equal(c_sync(c, "m1", "", 0, ""),
                     KERR_COORDINATOR_LOAD_IN_PROGRESS);
    assert_int_equal(c_commit(c, "", -1, 7), KERR_COORDINATOR_LOAD_IN_PROGRESS);
    assert_int_equal(c_commit(c, "m1", 0, 7),
                     KERR_COORDINATOR_LOAD_IN_PROGRESS);
    assert_int_equal(delete_offset(c, 0, 1, false),
                     KERR_COORDINATOR_LOAD_IN_PROGRESS);
    assert_int_equal(c_leave(c, "m1", ""), KERR_UNKNOWN_MEMBER_ID);
    c_state(c, CGROUP_DEAD, 0);
}

/* One that has much goes page by page, itself with the last; from the first on
 * nobody enters it or commits. One with members stays. */
static void test_delete_in_parts(void **state)
{
    struct c_rig c;
    struct buf b;
    (void)state;
    c_new(&c);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(c_commit_to(&c, "g", "", -1, i + 1, 6), 0);
    }
    given_id(&c);
    for (int left = 3; left > 0; left -= 2) {
        c_begin(&c, &b);
        cgroup_encode_delete(slice_str("g"), 2, &b);
        assert_int_equal(c_apply(&c, &b), 0);
        assert_true(c.last.more);
        assert_int_equal(c_group(&c)->n_offsets, left);
        takes_nothing(&c);
        assert_int_equal(c_group(&c)->n_offsets, left);
    }
    c_begin(&c, &b);
    cgroup_encode_delete(slice_str("g"), 2, &b);
    assert_int_equal(c_apply(&c, &b), 0);
    assert_false(c.last.more);
    assert_int_equal(cgroup_image_count(c.im), 0);
    one_stable(&c);
    c_begin(&c, &b);
    cgroup_encode_delete(slice_str("g"), 2, &b);
    assert_int_equal(c_apply(&c, &b), KERR_NON_EMPTY_GROUP);
    c_end(&c);
}

static bool topic_deleted(struct c_rig *c, uint64_t topic)
{
    struct buf b;
    c_begin(c, &b);
    cgroup_encode_topic_deleted(test_uuid(topic), &b);
    assert_int_equal(c_apply(c, &b), 0);
    return c->last.more;
}

static void test_topic_deleted(void **state)
{
    struct c_rig c;
    struct uuid topic;
    void *it = NULL;
    (void)state;
    c_new(&c);
    one_stable(&c);
    assert_int_equal(c_commit(&c, "m1", 1, 5), 0);
    assert_int_equal(c_commit_to(&c, "h", "", -1, 1, 6), 0);
    assert_int_equal(c_commit_to(&c, "h", "", -1, 2, 7), 0);
    assert_int_equal(c_commit_to(&c, "i", "", -1, 1, 8), 0);
    assert_true(cgroup_image_holds(c.im, test_uuid(1)));
    assert_false(topic_deleted(&c, 9));
    assert_int_equal(cgroup_image_count(c.im), 3);
    assert_false(topic_deleted(&c, 1));
    assert_false(cgroup_image_holds(c.im, test_uuid(1)));
    assert_true(cgroup_image_next_topic(c.im, &it, &topic));
    assert_true(uuid_equal(topic, test_uuid(2)));
    assert_false(cgroup_image_next_topic(c.im, &it, &topic));
    /* i held nothing else and is gone; g has a member, h another topic. */
    assert_int_equal(cgroup_image_count(c.im), 2);
    assert_null(cgroup_image_find(c.im, slice_str("i")));
    c_end(&c);
}

static void test_topic_deleted_in_parts(void **state)
{
    struct c_rig c;
    struct buf b;
    (void)state;
    enum { N = CGROUP_DELETE_MAX + 10 };
    struct cgroup_commit_row *rows = calloc(N, sizeof *rows);
    assert_non_null(rows);
    c_new(&c);
    for (unsigned i = 0; rows != NULL && i < N; i++) {
        rows[i] = (struct cgroup_commit_row){.topic = test_uuid(1),
                                             .partition = (int32_t)i};
    }
    struct cgroup_commit k = {.group = slice_str("g"),
                              .generation = -1,
                              .retention_ms = -1,
                              .rows = rows,
                              .n_rows = N};
    c_begin(&c, &b);
    cgroup_encode_commit(&k, &b);
    assert_int_equal(c_apply(&c, &b), 0);
    assert_int_equal(c_group(&c)->n_offsets, N);
    assert_true(topic_deleted(&c, 1));
    assert_int_equal(c_group(&c)->n_offsets, 10);
    assert_false(topic_deleted(&c, 1));
    assert_int_equal(cgroup_image_count(c.im), 0);
    free(rows);
    c_end(&c);
}

/* ---- age -----------------------------------------------------------------
 */

static bool expire(struct c_rig *c, int64_t retention_ms)
{
    struct buf b;
    struct cgroup_offsets_expire e = {.retention_ms = retention_ms};
    c_begin(c, &b);
    cgroup_encode_offsets_expire(&e, &b);
    assert_int_equal(c_apply(c, &b), 0);
    return c->last.more;
}

static void expire_active(struct c_rig *c, int32_t generation, uint64_t topic)
{
    struct buf b;
    struct uuid subscribed = test_uuid(topic);
    struct cgroup_offsets_expire e = {.retention_ms = 1000,
                                      .group = slice_str("g"),
                                      .generation = generation,
                                      .subscribed = &subscribed,
                                      .n_subscribed = 1};
    c_begin(c, &b);
    cgroup_encode_offsets_expire(&e, &b);
    assert_int_equal(c_apply(c, &b), 0);
}

/* Without members ever: each offset from its own commit. */
static void test_age_simple(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    assert_int_equal(c_commit(&c, "", -1, 5), 0);
    c_at(&c, 500);
    assert_int_equal(c_commit_to(&c, "g", "", -1, 2, 6), 0);
    c_at(&c, 999);
    expire(&c, 1000);
    assert_int_equal(c_offset(&c, 1), 5);
    c_at(&c, 1000);
    expire(&c, 1000);
    assert_int_equal(c_offset(&c, 1), -1);
    assert_int_equal(c_offset(&c, 2), 6);
    c_at(&c, 1500);
    assert_false(expire(&c, 1000));
    assert_int_equal(cgroup_image_count(c.im), 0);
    c_end(&c);
}

/* With members once: all together, from when the last one left. */
static void test_age_of_an_empty_group(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    one_stable(&c);
    assert_int_equal(c_commit(&c, "m1", 1, 5), 0);
    c_at(&c, 100000);
    expire(&c, 1000); /* somebody is there */
    assert_int_equal(c_offset(&c, 1), 5);
    assert_int_equal(c_leave(&c, "m1", ""), 0);
    c_at(&c, 100999);
    expire(&c, 1000);
    assert_int_equal(c_offset(&c, 1), 5);
    c_at(&c, 101000);
    expire(&c, 1000);
    assert_int_equal(cgroup_image_count(c.im), 0);
    c_end(&c);
}

/* A commit that names its own time (versions 2 to 4) goes by that. */
static void test_age_of_the_commit(void **state)
{
    struct c_rig c;
    struct buf b;
    (void)state;
    c_new(&c);
    struct cgroup_commit_row row = {.topic = test_uuid(1), .offset = 3};
    struct cgroup_commit k = {.group = slice_str("g"),
                              .generation = -1,
                              .retention_ms = 50,
                              .rows = &row,
                              .n_rows = 1};
    c_begin(&c, &b);
    cgroup_encode_commit(&k, &b);
    assert_int_equal(c_apply(&c, &b), 0);
    row.topic = test_uuid(2);
    k.retention_ms = INT64_MAX; /* no sum of it and the time */
    c_begin(&c, &b);
    cgroup_encode_commit(&k, &b);
    assert_int_equal(c_apply(&c, &b), 0);
    c_at(&c, 49);
    expire(&c, 1000000);
    assert_int_equal(c_offset(&c, 1), 3);
    c_at(&c, 50);
    expire(&c, 1000000);
    assert_int_equal(c_offset(&c, 1), -1);
    assert_int_equal(c_offset(&c, 2), 3);
    c_end(&c);
}

/* At work: only what nobody subscribes to any more. */
static void test_age_of_an_active_group(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    one_stable(&c);
    assert_int_equal(c_commit(&c, "m1", 1, 5), 0);
    assert_int_equal(c_commit_to(&c, "g", "m1", 1, 2, 6), 0);
    c_at(&c, 500);
    assert_int_equal(c_commit_to(&c, "g", "m1", 1, 3, 7), 0);
    c_at(&c, 1200);
    expire_active(&c, 0, 1); /* of another generation */
    assert_int_equal(c_offset(&c, 2), 6);
    expire_active(&c, 1, 1);
    assert_int_equal(c_offset(&c, 1), 5);
    assert_int_equal(c_offset(&c, 2), -1);
    assert_int_equal(c_offset(&c, 3), 7);
    assert_int_equal(c_join(&c, "", "range"), 0);
    c_at(&c, 5000);
    expire_active(&c, 1, 1); /* a rebalance is under way */
    assert_int_equal(c_offset(&c, 3), 7);
    c_end(&c);
}

/* A group that lost its members and never committed holds nothing. */
static void test_idle_groups_go(void **state)
{
    struct c_rig c;
    (void)state;
    c_new(&c);
    one_stable(&c);
    assert_false(expire(&c, 1000));
    assert_int_equal(cgroup_image_count(c.im), 1);
    assert_int_equal(c_leave(&c, "m1", ""), 0);
    c_state(&c, CGROUP_EMPTY, 2);
    c.require_id = true;
    assert_int_equal(c_join(&c, "", "range"), KERR_MEMBER_ID_REQUIRED);
    assert_false(expire(&c, 1000)); /* an id is out: somebody is coming */
    assert_int_equal(cgroup_image_count(c.im), 1);
    c_expire_now(&c, "m2");
    assert_false(expire(&c, 1000));
    assert_int_equal(cgroup_image_count(c.im), 0);
    c_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fencing),
        cmocka_unit_test(test_fencing_static),
        cmocka_unit_test(test_simple),
        cmocka_unit_test(test_metadata_limit),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_history_pages),
        cmocka_unit_test(test_history_is_bounded),
        cmocka_unit_test(test_offset_delete),
        cmocka_unit_test(test_delete),
        cmocka_unit_test(test_delete_in_parts),
        cmocka_unit_test(test_topic_deleted),
        cmocka_unit_test(test_topic_deleted_in_parts),
        cmocka_unit_test(test_age_simple),
        cmocka_unit_test(test_age_of_an_empty_group),
        cmocka_unit_test(test_age_of_the_commit),
        cmocka_unit_test(test_age_of_an_active_group),
        cmocka_unit_test(test_idle_groups_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
