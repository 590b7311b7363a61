/* cgroup_test.h - a machine of consumer groups on a simulated node, and each
 * command in one line. Times are the entries': c_at() sets them. */
#ifndef CGROUP_TEST_H
#define CGROUP_TEST_H

#include "state_test.h"

#include "state/cgroup_image.h"
#include "state/cgroup_impl.h"
#include "wire/errors.h"

#define ROWS_MAX 8

/* What the last item was answered. */
struct c_rig {
    struct rig r;
    struct cgroup_image *im;
    unsigned n_results;
    struct cgroup_result last;
    char member[200], leader[200];
    int16_t errors[ROWS_MAX];
    unsigned n_errors;
    unsigned events[4];
    /* Settings of the commands below. */
    uint32_t delay_ms, session_ms, rebalance_ms, size_max;
    uint32_t history_max, history_interval_ms;
    const char *host;
    bool require_id, may_skip, v9;
    unsigned next_id;
};

static inline void c_boot(const struct rig *r, struct buf *b)
{
    (void)r;
    cgroup_encode_bootstrap(test_uuid(1), 3, b);
}

static inline void c_result(struct c_rig *c, const struct cgroup_result *x)
{
    c->last = *x;
    snprintf(c->member, sizeof c->member, "%.*s", (int)x->member.len,
             (const char *)x->member.data);
    snprintf(c->leader, sizeof c->leader, "%.*s", (int)x->leader.len,
             (const char *)x->leader.data);
    c->n_errors = cgroup_result_errors(x);
    for (unsigned i = 0; i < c->n_errors && i < ROWS_MAX; i++) {
        c->errors[i] = cgroup_result_error(x, i);
    }
    c->n_results++;
}

static inline void c_hear(struct rig *r, const struct slice results[],
                          unsigned n, struct slice changes, bool reset)
{
    struct c_rig *c = r->data;
    struct cursor in;
    struct cgroup_result x;
    assert_int_equal(cgroup_image_change(c->im, changes, reset), 0);
    for (unsigned i = 0; i < n; i++) {
        cursor_init(&in, results[i]);
        while (cgroup_next_result(&in, &x)) {
            c_result(c, &x);
        }
        assert_int_equal(in.status, 0);
    }
}

static inline void c_event(void *arg, enum cgroup_event event,
                           struct cgroup_view *g, struct cgroup_view_member *m)
{
    struct c_rig *c = arg;
    assert_true(event == CGROUP_EVENT_RESET ? g == NULL : g != NULL);
    assert_true(event != CGROUP_EVENT_MEMBER_GONE || m != NULL);
    c->events[event]++;
}

static inline void c_new(struct c_rig *c)
{
    *c = (struct c_rig){.session_ms = 10000,
                        .rebalance_ms = 60000,
                        .size_max = 1000,
                        .history_max = 10,
                        .history_interval_ms = 60000,
                        .host = "/1.2.3.4"};
    rig_new(&c->r, 7, 1);
    c->r.type = &cgroup_machine;
    c->r.boot = c_boot;
    c->r.hear = c_hear;
    c->r.data = c;
    c->r.time_ms = 1000000;
    c->im = cgroup_image_new(c->r.image_mem);
    assert_non_null(c->im);
    cgroup_image_watch(c->im, c_event, c);
    assert_true(rig_open(&c->r, false));
    assert_int_equal(c->r.status, 0);
}

static inline void c_at(struct c_rig *c, int64_t ms)
{
    c->r.time_ms = 1000000 + ms;
}

/* The image as text: what it is, not where it came from. */
static inline void c_print(const struct c_rig *c, struct buf *b)
{
    void *it = NULL;
    struct cgroup_view *g;
    while ((g = cgroup_image_next(c->im, &it)) != NULL) {
        buf_printf(b, "%.*s %s g%d r%lld %.*s/%.*s due %lld\n", (int)g->id.len,
                   (const char *)g->id.data, cgroup_state_name(g->state),
                   g->generation, (long long)g->round,
                   (int)g->protocol_type.len,
                   (const char *)g->protocol_type.data, (int)g->protocol.len,
                   (const char *)g->protocol.data, (long long)g->due_ms);
        for (unsigned i = 0; i < g->n_members; i++) {
            const struct cgroup_view_member *m = g->members[i];
            buf_printf(b, " %.*s %d %d %llu %zu %zu\n", (int)m->id.len,
                       (const char *)m->id.data, m->pending, m->joined,
                       (unsigned long long)m->touched, m->protocols.len,
                       m->assignment.len);
        }
        for (unsigned i = 0; i < g->n_offsets; i++) {
            const struct cgroup_view_offset *o = g->offsets[i];
            buf_printf(b, " %02x-%d %lld %d '%.*s' %lld %lld\n", o->topic.b[8],
                       o->partition, (long long)o->offset, o->epoch,
                       (int)o->metadata.len, (const char *)o->metadata.data,
                       (long long)o->time_ms, (long long)o->expire_ms);
        }
    }
    assert_int_equal(b->status, 0);
}

static inline int line_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Order of groups is that of insertion; a group's lines stay together only in
 * a sorted whole. */
static inline void c_lines_equal(char *a, char *b)
{
    char *la[4000], *lb[4000];
    unsigned na = 0, nb = 0;
    for (char *p = strtok(a, "\n"); p != NULL; p = strtok(NULL, "\n")) {
        assert_true(na < 4000);
        la[na++] = p;
    }
    for (char *p = strtok(b, "\n"); p != NULL; p = strtok(NULL, "\n")) {
        assert_true(nb < 4000);
        lb[nb++] = p;
    }
    assert_int_equal(na, nb);
    qsort(la, na, sizeof *la, line_compare);
    qsort(lb, nb, sizeof *lb, line_compare);
    for (unsigned i = 0; i < na; i++) {
        assert_string_equal(la[i], lb[i]);
    }
}

/* What the image says it takes is what is in it. */
static inline void c_check_bytes(const struct c_rig *c)
{
    void *it = NULL;
    const struct cgroup_view *g;
    uint64_t sum = 0;
    while ((g = cgroup_image_next(c->im, &it)) != NULL) {
        size_t n = sizeof *g + g->id.len + g->protocol_type.len +
                   g->protocol.len + g->leader.len;
        for (unsigned i = 0; i < g->n_members; i++) {
            const struct cgroup_view_member *m = g->members[i];
            n += cgroup_view_member_bytes(
                m->id.len + m->instance.len + m->client_id.len +
                m->client_host.len + m->protocols.len + m->assignment.len);
        }
        for (unsigned i = 0; i < g->n_offsets; i++) {
            n += cgroup_view_offset_bytes(g->offsets[i]->metadata.len);
        }
        assert_int_equal(g->bytes, n);
        sum += n;
    }
    assert_int_equal(*cgroup_image_bytes(c->im), sum);
}

/* Every test ends so: the kept hash is compared with all rows, and what a
 * restart loads with what the changes had made. */
static inline void c_end(struct c_rig *c)
{
    struct buf before, after;
    buf_init(&before, c->r.image_mem, 0);
    buf_init(&after, c->r.image_mem, 0);
    assert_true(rig_image(&c->r, "/meta/end.image"));
    assert_int_equal(c->r.status, 0);
    assert_true(rig_close(&c->r));
    c_print(c, &before);
    c_check_bytes(c);
    assert_true(rig_open(&c->r, false));
    assert_int_equal(c->r.status, 0);
    assert_true(c->events[CGROUP_EVENT_RESET] >= 2);
    c_print(c, &after);
    c_check_bytes(c);
    buf_put_u8(&before, 0);
    buf_put_u8(&after, 0);
    c_lines_equal((char *)before.data, (char *)after.data);
    assert_true(rig_close(&c->r));
    buf_close(&before);
    buf_close(&after);
    cgroup_image_free(c->im);
    rig_free(&c->r);
}

/* ---- commands in one line ------------------------------------------------
 */

static inline void c_begin(struct c_rig *c, struct buf *b)
{
    command_init(&c->r, b);
    cgroup_batch_begin(b);
}

/* Apply and return the error of the last item. */
static inline int c_apply(struct c_rig *c, struct buf *b)
{
    unsigned n = c->n_results;
    assert_true(rig_apply(&c->r, b));
    assert_true(c->n_results > n);
    return c->last.error;
}

/* "a,b": protocols a and b, each with its name as metadata. */
static inline unsigned c_protocols(const char *list,
                                   struct cgroup_protocol p[ROWS_MAX])
{
    unsigned n = 0;
    while (*list != '\0') {
        size_t len = strcspn(list, ",");
        assert_true(n < ROWS_MAX);
        p[n].name = slice_of(list, len);
        p[n++].metadata = slice_of(list, len);
        list += len + (list[len] == ',');
    }
    return n;
}

static inline int c_join_type(struct c_rig *c, const char *group,
                              const char *member, const char *instance,
                              const char *type, const char *protocols)
{
    struct buf b;
    struct cgroup_protocol p[ROWS_MAX];
    char id[32];
    c->next_id += member[0] == '\0';
    snprintf(id, sizeof id, "m%u", c->next_id);
    struct cgroup_join j = {.group = slice_str(group),
                            .member = slice_str(member),
                            .new_member = slice_str(id),
                            .instance = slice_str(instance),
                            .client_id = slice_str("client"),
                            .client_host = slice_str(c->host),
                            .session_ms = c->session_ms,
                            .rebalance_ms = c->rebalance_ms,
                            .protocol_type = slice_str(type),
                            .protocols = p,
                            .n_protocols = c_protocols(protocols, p),
                            .require_id = c->require_id,
                            .may_skip = c->may_skip,
                            .initial_delay_ms = c->delay_ms,
                            .session_min_ms = 6000,
                            .session_max_ms = 1800000,
                            .size_max = c->size_max};
    c_begin(c, &b);
    cgroup_encode_join(&j, &b);
    return c_apply(c, &b);
}

static inline int c_join(struct c_rig *c, const char *member,
                         const char *protocols)
{
    return c_join_type(c, "g", member, "", "consumer", protocols);
}

static inline int c_join_static(struct c_rig *c, const char *member,
                                const char *instance, const char *protocols)
{
    return c_join_type(c, "g", member, instance, "consumer", protocols);
}

/* The leader's, which gives `n` members, named as given, the bytes "<-id". */
static inline int c_sync(struct c_rig *c, const char *member,
                         const char *instance, int32_t generation,
                         const char *assigned)
{
    struct buf b;
    struct cgroup_protocol names[ROWS_MAX];
    struct cgroup_assignment a[ROWS_MAX];
    struct cgroup_sync y = {.group = slice_str("g"),
                            .member = slice_str(member),
                            .instance = slice_str(instance),
                            .generation = generation,
                            .assignments = a,
                            .n_assignments = c_protocols(assigned, names)};
    for (unsigned i = 0; i < y.n_assignments; i++) {
        a[i].member = names[i].name;
        a[i].assignment = names[i].name;
    }
    c_begin(c, &b);
    cgroup_encode_sync(&y, &b);
    return c_apply(c, &b);
}

static inline int c_leave(struct c_rig *c, const char *member,
                          const char *instance)
{
    struct buf b;
    struct cgroup_leaver l = {slice_str(member), slice_str(instance)};
    c_begin(c, &b);
    cgroup_encode_leave(slice_str("g"), &l, 1, &b);
    int error = c_apply(c, &b);
    return error != 0 ? error : c->errors[0];
}

/* It must be there; so below. */
static inline struct cgroup_view *c_group(const struct c_rig *c)
{
    struct cgroup_view *g = cgroup_image_find(c->im, slice_str("g"));
    assert_non_null(g);
    if (g == NULL) {
        abort(); /* the compiler does not know that the line above ends it */
    }
    return g;
}

static inline bool c_has(const struct c_rig *c, const char *member)
{
    return cgroup_view_member(c_group(c), slice_str(member)) != NULL;
}

static inline struct cgroup_view_member *c_member(const struct c_rig *c,
                                                  const char *id)
{
    struct cgroup_view_member *m =
        cgroup_view_member(c_group(c), slice_str(id));
    assert_non_null(m);
    if (m == NULL) {
        abort();
    }
    return m;
}

static inline void c_expire(struct c_rig *c, const char *member,
                            uint64_t touched)
{
    struct buf b;
    struct cgroup_expired e = {slice_str(member), touched};
    c_begin(c, &b);
    cgroup_encode_expire(slice_str("g"), &e, 1, &b);
    assert_int_equal(c_apply(c, &b), 0);
}

/* As the leader does it, with what the image says. */
static inline void c_expire_now(struct c_rig *c, const char *member)
{
    c_expire(c, member, c_member(c, member)->touched);
}

static inline void c_due(struct c_rig *c, int64_t round)
{
    struct buf b;
    c_begin(c, &b);
    cgroup_encode_due(slice_str("g"), round, &b);
    assert_int_equal(c_apply(c, &b), 0);
}

static inline void c_due_now(struct c_rig *c)
{
    c_due(c, c_group(c)->round);
}

static inline void c_commit_encode(struct c_rig *c, const char *group,
                                   const char *member, int32_t generation,
                                   uint64_t topic, int64_t offset,
                                   struct buf *b)
{
    struct cgroup_commit_row row = {.topic = test_uuid(topic),
                                    .partition = 0,
                                    .offset = offset,
                                    .epoch = 4,
                                    .metadata = slice_str("meta")};
    struct cgroup_commit k = {.group = slice_str(group),
                              .member = slice_str(member),
                              .generation = generation,
                              .retention_ms = -1,
                              .v9 = c->v9,
                              .by = slice_str("by"),
                              .rows = &row,
                              .n_rows = 1,
                              .metadata_max = 4096,
                              .history_max = c->history_max,
                              .history_interval_ms = c->history_interval_ms};
    c_begin(c, b);
    cgroup_encode_commit(&k, b);
}

static inline int c_commit_to(struct c_rig *c, const char *group,
                              const char *member, int32_t generation,
                              uint64_t topic, int64_t offset)
{
    struct buf b;
    c_commit_encode(c, group, member, generation, topic, offset, &b);
    return c_apply(c, &b);
}

static inline int c_commit(struct c_rig *c, const char *member,
                           int32_t generation, int64_t offset)
{
    return c_commit_to(c, "g", member, generation, 1, offset);
}

/* The committed offset of topic `topic`, partition 0; -1 if there is none. */
static inline int64_t c_offset(const struct c_rig *c, uint64_t topic)
{
    const struct cgroup_view *g = cgroup_image_find(c->im, slice_str("g"));
    const struct cgroup_view_offset *o =
        g == NULL ? NULL : cgroup_view_offset(g, test_uuid(topic), 0);
    return o == NULL ? -1 : o->offset;
}

static inline void c_state(const struct c_rig *c, enum cgroup_state state,
                           int32_t generation)
{
    assert_int_equal(c_group(c)->state, state);
    assert_int_equal(c_group(c)->generation, generation);
}

#endif
