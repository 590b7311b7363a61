/* Incremental fetch sessions (KIP-227): what is told, and what is left out. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/fetch_session.h"
#include "fake_fetch.h"
#include "trace/metric.h"

#define ALL   17
#define BY_ID 13 /* topics by id from here on */

static struct partition *a, *b;

static int open_two(void **state)
{
    fetch_open(state);
    a = fake_log("a");
    b = fake_log("b");
    return 0;
}

static void grow(struct partition *p)
{
    fake_log_append(p, BATCH_CODEC_NONE, 1, 100);
    fake_log_commit(p);
}

/* The next request belongs to a session, and does not wait. */
static void in_session(int32_t id, int32_t number)
{
    fetch_ask_id = id;
    fetch_ask_number = number;
    fetch_ask_wait = 0;
}

/* A session of both partitions from offset 0 on. */
static int32_t session_of_both(int version)
{
    struct fetch_response *out;
    fetch_ask("a", 0, 0);
    fetch_ask("b", 0, 0);
    in_session(0, 0);
    out = fetch(version);
    assert_int_equal(out->error_code, KERR_NONE);
    assert_int_equal(fetch_parts(out), 2); /* all, with or without data */
    assert_true(out->session_id > 0);
    return out->session_id;
}

/* An incremental answer tells of `topic` only (NULL: of nothing). */
static const struct fetch_response_partition *
expect_only(int version, int32_t id, int32_t number, const char *topic)
{
    struct fetch_response *out;
    in_session(id, number);
    out = fetch(version);
    assert_int_equal(out->error_code, KERR_NONE);
    assert_int_equal(out->session_id, id);
    assert_int_equal(fetch_parts(out), topic != NULL ? 1 : 0);
    if (topic == NULL) {
        return NULL;
    }
    if (version >= BY_ID) {
        assert_true(uuid_equal(out->responses.ptr[0].topic_id,
                               image_topic(NULL, slice_str(topic))->id));
    } else {
        assert_text(out->responses.ptr[0].topic, topic);
    }
    return fetch_part(out, 0);
}

static void expect_error(int version, int32_t id, int32_t number, int16_t error)
{
    uint64_t from = fake.now_ms;
    struct fetch_response *out;
    in_session(id, number);
    fetch_ask("a", 0, 0);
    fetch_ask_wait = 500; /* not for this */
    fetch_ask_min = INT32_MAX;
    out = fetch(version);
    assert_int_equal(out->error_code, error);
    assert_int_equal(out->session_id, 0);
    assert_int_equal(out->responses.n, 0);
    assert_int_equal(fake.now_ms, from);
}

/* ---- what is told -------------------------------------------------------- */

static void test_incremental(void **state)
{
    (void)state;
    for (int v = 7; v <= ALL; v++) {
        const struct fetch_response_partition *p;
        int64_t end = b->end;
        fetch_ask("a", 0, a->end);
        fetch_ask("b", 0, end);
        in_session(0, 0);
        int32_t id = fetch(v)->session_id;
        assert_true(id > 0);
        expect_only(v, id, 1, NULL);
        grow(b);
        p = expect_only(v, id, 2, "b");
        assert_int_equal(fetch_first(p), end);
        assert_int_equal(p->high_watermark, end + 1);
        /* Until the client moves on it is sent again. */
        assert_int_equal(fetch_first(expect_only(v, id, 3, "b")), end);
        fetch_ask("b", 0, end + 1);
        expect_only(v, id, 4, NULL);
        expect_only(v, id, 5, NULL);
        in_session(id, -1);
        fetch(v);
    }
}

/* An answer without anything new is worth waiting. */
static void test_waits(void **state)
{
    int32_t id = session_of_both(ALL);
    (void)state;
    in_session(id, 1);
    fetch_ask_wait = 300;
    assert_int_equal(fetch_parts(fetch(ALL)), 0);
    assert_int_equal(fake.now_ms, 1300);
}

static void test_log_start(void **state)
{
    int32_t id;
    (void)state;
    grow(a);
    fetch_ask("a", 0, 1);
    in_session(0, 0);
    id = fetch(ALL)->session_id;
    expect_only(ALL, id, 1, NULL);
    a->start = 1;
    assert_int_equal(expect_only(ALL, id, 2, "a")->log_start_offset, 1);
    expect_only(ALL, id, 3, NULL);
}

/* An error is told each time, and that it is over once. */
static void test_error_and_end(void **state)
{
    int32_t id = session_of_both(ALL);
    (void)state;
    a->leads = false;
    for (int32_t n = 1; n <= 2; n++) {
        assert_int_equal(expect_only(ALL, id, n, "a")->error_code,
                         KERR_NOT_LEADER_OR_FOLLOWER);
    }
    a->leads = true;
    assert_int_equal(expect_only(ALL, id, 3, "a")->error_code, KERR_NONE);
    expect_only(ALL, id, 4, NULL);
}

static void test_diverging(void **state)
{
    int32_t id;
    (void)state;
    fake_topic("d", 1); /* epochs up to 4 ended at 40 */
    fetch_ask("d", 0, 50);
    fetch_ask_last_epoch = 4;
    in_session(0, 0);
    id = fetch(ALL)->session_id;
    for (int32_t n = 1; n <= 2; n++) {
        assert_int_equal(
            expect_only(ALL, id, n, "d")->diverging_epoch.end_offset, 40);
    }
}

/* ---- what it holds ------------------------------------------------------- */

static void test_add_and_forget(void **state)
{
    (void)state;
    for (int v = 12; v <= 13; v++) {
        int32_t id;
        fetch_ask("a", 0, a->end);
        in_session(0, 0);
        id = fetch(v)->session_id;
        grow(a);
        grow(b);
        expect_only(v, id, 1, "a"); /* "b" does not belong to it */
        fetch_ask("a", 0, a->end);
        fetch_ask("b", 0, b->end);
        expect_only(v, id, 2, "b"); /* new ones are told of once */
        expect_only(v, id, 3, NULL);
        fetch_forget("a", 0);
        grow(a);
        expect_only(v, id, 4, NULL);
        fetch_forget("a", 0); /* no matter */
        fetch_forget("none", 7);
        expect_only(v, id, 5, NULL);
        fetch_forget("b", 0);
        expect_only(v, id, 6, NULL);
        fetch_ask("a", 0, 0);
        assert_int_equal(fetch_first(expect_only(v, id, 7, "a")), 0);
    }
}

/* Nothing is left in it: nothing to wait for. */
static void test_empty(void **state)
{
    int32_t id = session_of_both(ALL);
    (void)state;
    fetch_forget("a", 0);
    fetch_forget("b", 0);
    in_session(id, 1);
    fetch_ask_wait = 500;
    assert_int_equal(fetch_parts(fetch(ALL)), 0);
    assert_int_equal(fake.now_ms, 1000);
}

/* Where only one fits, those that had their turn wait for the others. */
static void test_turns(void **state)
{
    static const char *const order[] = {"b", "a", "b", "a"};
    int32_t id;
    (void)state;
    grow(a);
    grow(b);
    fetch_ask("a", 0, 0);
    fetch_ask("b", 0, 0);
    in_session(0, 0);
    fetch_ask_bytes = 1;
    struct fetch_response *out = fetch(ALL);
    id = out->session_id;
    assert_int_equal(fetch_batches(fetch_part(out, 0)), 1);
    assert_int_equal(fetch_batches(fetch_part(out, 1)), 0);
    for (int32_t n = 0; n < 4; n++) {
        fetch_ask_bytes = 1;
        assert_int_equal(fetch_batches(expect_only(ALL, id, n + 1, order[n])),
                         1);
    }
}

/* ---- its number ---------------------------------------------------------- */

static void test_no_session(void **state)
{
    (void)state;
    for (int v = 4; v <= ALL; v++) {
        struct fetch_response *out;
        fetch_ask("a", 0, 0);
        in_session(0, -1);
        out = fetch(v);
        assert_int_equal(out->session_id, 0);
        assert_int_equal(fetch_parts(out), 1);
    }
}

static void test_unknown_id(void **state)
{
    int32_t id = session_of_both(ALL);
    int32_t other = id == 1 ? 2 : 1;
    (void)state;
    for (int v = 7; v <= ALL; v++) {
        expect_error(v, other, 1, KERR_FETCH_SESSION_ID_NOT_FOUND);
        expect_error(v, 0, 1, KERR_FETCH_SESSION_ID_NOT_FOUND);
        expect_error(v, -1, INT32_MAX, KERR_FETCH_SESSION_ID_NOT_FOUND);
        expect_error(v, INT32_MIN, 1, KERR_FETCH_SESSION_ID_NOT_FOUND);
    }
    expect_only(ALL, id, 1, NULL);
}

static void test_wrong_number(void **state)
{
    static const int32_t wrong[] = {2, INT32_MAX, -2, INT32_MIN};
    int32_t id = session_of_both(ALL);
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        expect_error(ALL, id, wrong[i], KERR_INVALID_FETCH_SESSION_EPOCH);
    }
    /* That has changed nothing. */
    expect_only(ALL, id, 1, NULL);
    expect_error(ALL, id, 1, KERR_INVALID_FETCH_SESSION_EPOCH);
    expect_only(ALL, id, 2, NULL);
}

static void test_names_and_ids(void **state)
{
    int32_t by_name = session_of_both(12), by_id = session_of_both(13);
    (void)state;
    expect_error(13, by_name, 1, KERR_FETCH_SESSION_TOPIC_ID_ERROR);
    expect_error(12, by_id, 1, KERR_FETCH_SESSION_TOPIC_ID_ERROR);
    expect_only(12, by_name, 1, NULL);
    expect_only(13, by_id, 1, NULL);
}

static void test_close(void **state)
{
    int32_t id = session_of_both(ALL);
    struct fetch_response *out;
    (void)state;
    fetch_ask("a", 0, 0);
    in_session(id, -1);
    out = fetch(ALL);
    assert_int_equal(out->error_code, KERR_NONE);
    assert_int_equal(out->session_id, 0);
    assert_int_equal(fetch_parts(out), 1); /* answered all the same */
    expect_error(ALL, id, 1, KERR_FETCH_SESSION_ID_NOT_FOUND);
    in_session(id, -1); /* once more is fine */
    assert_int_equal(fetch(ALL)->error_code, KERR_NONE);
}

static void test_replace(void **state)
{
    int32_t id = session_of_both(ALL);
    struct fetch_response *out;
    (void)state;
    fetch_ask("b", 0, 0);
    in_session(id, 0);
    out = fetch(ALL);
    assert_int_equal(fetch_parts(out), 1);
    assert_true(out->session_id > 0 && out->session_id != id);
    expect_error(ALL, id, 1, KERR_FETCH_SESSION_ID_NOT_FOUND);
    grow(a);
    grow(b);
    expect_only(ALL, out->session_id, 1, "b");
}

/* A client that leaves in the middle may come back on another connection. */
static void test_hang_up(void **state)
{
    int32_t id = session_of_both(ALL);
    (void)state;
    in_session(id, 1);
    fetch_ask_wait = 500;
    fake.hang_up = true;
    assert_null(fetch(ALL));
    fake.hang_up = false;
    expect_error(ALL, id, 1, KERR_INVALID_FETCH_SESSION_EPOCH);
    expect_only(ALL, id, 2, NULL);
}

static int plan(struct fetch_sessions *s, int32_t id, int32_t number,
                struct arena *arena, struct fetch_plan *ret_p)
{
    struct fetch_request in;
    wire_init(&wire_fetch_request, &in);
    in.session_id = id;
    in.session_epoch = number;
    return fetch_plan(s, &in, 12, arena, ret_p);
}

/* What no test can wait for, and two requests at once. */
static void test_plans(void **state)
{
    struct fetch_sessions *s = fetch_sessions_new(NULL);
    struct arena *arena = &fake_records.arena;
    struct fetch_plan p, q;
    (void)state;
    assert_int_equal(plan(s, 0, 0, arena, &p), 0);
    int32_t id = p.session->id;
    assert_int_equal(plan(s, id, 1, arena, &q), 0);
    assert_int_equal(q.error, KERR_INVALID_FETCH_SESSION_EPOCH); /* in use */
    assert_null(q.session);
    fetch_session_done(s, p.session);
    /* After the last number comes the first; 0 would be a new session. */
    p.session->epoch = INT32_MAX;
    assert_int_equal(plan(s, id, INT32_MAX, arena, &q), 0);
    assert_int_equal(q.error, KERR_NONE);
    fetch_session_done(s, q.session);
    assert_int_equal(plan(s, id, 1, arena, &q), 0);
    assert_int_equal(q.error, KERR_NONE);
    /* Nobody is thrown out of a session while it is in use. */
    assert_int_equal(plan(s, id, -1, arena, &p), 0);
    fetch_session_done(s, q.session);
    assert_int_equal(plan(s, id, 2, arena, &q), 0);
    assert_int_equal(q.error, KERR_NONE);
    fetch_session_done(s, q.session);
    fetch_sessions_free(s);
}

#define MANY 60000

/* The numbers 0 to MANY - 1 of a topic, twice, then none of them. */
static void test_many(void **state)
{
    struct fetch_sessions *s = fetch_sessions_new(NULL);
    struct fetch_request_partition *parts =
        mem_calloc(fake.mem, MANY, sizeof *parts);
    int32_t *numbers = mem_calloc(fake.mem, MANY, sizeof *numbers);
    struct fetch_request_topic t = {.topic = slice_str("t"),
                                    .partitions = {parts, MANY}};
    struct fetch_request_forgotten_topic f = {.topic = slice_str("t"),
                                              .partitions = {numbers, MANY}};
    struct fetch_request in;
    struct fetch_plan p;
    (void)state;
    for (int32_t i = 0; i < MANY; i++) {
        parts[i].partition = numbers[i] = i;
    }
    assert_int_equal(plan(s, 0, 0, &fake_records.arena, &p), 0);
    fetch_session_done(s, p.session);
    wire_init(&wire_fetch_request, &in);
    in.session_id = p.session->id;
    in.session_epoch = 1;
    in.topics.ptr = &t;
    in.topics.n = 1;
    clock_t began = clock();
    for (; in.session_epoch < 3; in.session_epoch++) {
        assert_int_equal(fetch_plan(s, &in, 12, &fake_records.arena, &p), 0);
        assert_int_equal(p.session->n, MANY);
        fetch_session_done(s, p.session);
    }
    in.topics.n = 0;
    in.forgotten_topics_data.ptr = &f;
    in.forgotten_topics_data.n = 1;
    assert_int_equal(fetch_plan(s, &in, 12, &fake_records.arena, &p), 0);
    assert_int_equal(p.session->n, 0);
    fetch_session_done(s, p.session);
    assert_true(clock() - began < 3 * CLOCKS_PER_SEC);
    mem_free(fake.mem, parts);
    mem_free(fake.mem, numbers);
    fetch_sessions_free(s);
}

/* One that a full request names twice is one. */
static void test_named_twice(void **state)
{
    struct fetch_response *out;
    (void)state;
    fetch_ask("a", 0, 0);
    fetch_ask("a", 0, a->end);
    in_session(0, 0);
    out = fetch(ALL);
    assert_int_equal(fetch_parts(out), 1);
    fetch_forget("a", 0);
    expect_only(ALL, out->session_id, 1, NULL);
    grow(a);
    expect_only(ALL, out->session_id, 2, NULL);
}

/* ---- how many ------------------------------------------------------------ */

static void expect_metric(const char *line)
{
    struct buf out;
    buf_init(&out, fake.mem, 0);
    metrics_render(fake.metrics, &out);
    assert_int_equal(out.status, 0);
    assert_non_null(memmem(out.data, out.len, line, strlen(line)));
    buf_close(&out);
}

static void test_full(void **state)
{
    int32_t first = session_of_both(ALL), second = session_of_both(ALL);
    struct fetch_response *out;
    (void)state;
    for (unsigned i = 2; i < SESSIONS_MAX; i++) {
        assert_true(session_of_both(ALL) > 0);
    }
    /* No room: the answer is that of no session. */
    for (unsigned i = 0; i < 2; i++) {
        fetch_ask("a", 0, 0);
        in_session(0, 0);
        out = fetch(ALL);
        assert_int_equal(out->error_code, KERR_NONE);
        assert_int_equal(out->session_id, 0);
        assert_int_equal(fetch_parts(out), 1);
        fake.now_ms += SESSION_IDLE_MS / 2 - 1;
        if (i == 0) {
            expect_only(ALL, first, 1, NULL);
        }
    }
    /* The one unused longest makes room, not the oldest. */
    fake.now_ms += 2;
    assert_true(session_of_both(ALL) > 0);
    expect_error(ALL, second, 1, KERR_FETCH_SESSION_ID_NOT_FOUND);
    expect_only(ALL, first, 2, NULL);
    expect_metric("\nostraka_fetch_sessions 1000\n");
    expect_metric("\nostraka_fetch_session_partitions 2000\n");
    expect_metric("\nostraka_fetch_sessions_refused_total 2\n");
    expect_metric("\nostraka_fetch_sessions_evicted_total 1\n");
}

/* A session keeps each partition's name: one that no topic can have, of up to
 * 32 KiB and as often as a request has room for numbers, is not kept. */
static void test_long_names(void **state)
{
    char name[IMAGE_TOPIC_MAX + 2] = "";
    struct fetch_response *out;
    (void)state;
    memset(name, 'a', IMAGE_TOPIC_MAX);
    fetch_ask(name, 0, 0);
    in_session(0, 0);
    out = fetch(12);
    assert_true(out->session_id > 0);
    int32_t id = out->session_id;
    name[IMAGE_TOPIC_MAX] = 'a';
    fetch_ask("a", 0, a->end);
    fetch_ask(name, 0, 0);
    in_session(0, 0);
    out = fetch(12);
    assert_int_equal(out->error_code, KERR_NONE);
    assert_int_equal(out->session_id, 0);
    assert_int_equal(fetch_parts(out), 2);
    assert_int_equal(fetch_part(out, 0)->error_code, KERR_NONE);
    assert_int_equal(fetch_part(out, 1)->error_code,
                     KERR_UNKNOWN_TOPIC_OR_PARTITION);
    fetch_ask(name, 0, 0);
    in_session(id, 1);
    assert_null(fetch(12)); /* closed: the next one is full */
    expect_metric("\nostraka_fetch_session_partitions 1\n");
    expect_metric("\nostraka_fetch_sessions_refused_total 2\n");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_two, fake_records_close)
    const struct CMUnitTest tests[] = {
        T(test_incremental),   T(test_waits),        T(test_log_start),
        T(test_error_and_end), T(test_diverging),    T(test_add_and_forget),
        T(test_empty),         T(test_turns),        T(test_no_session),
        T(test_unknown_id),    T(test_wrong_number), T(test_names_and_ids),
        T(test_close),         T(test_replace),      T(test_hang_up),
        T(test_plans),         T(test_many),         T(test_named_twice),
        T(test_full),          T(test_long_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
