/* Lines, levels, the rate of a call site, and the flight recorder. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "trace/trace.h"

static struct mem *mem;
static struct trace *trace;
static struct buf said; /* what reached the sink */
static int64_t now_ms;
static bool sink_traces;
static bool sink_dumps;

static int64_t clock_now(void *arg)
{
    (void)arg;
    return now_ms;
}

static void to_buf(void *arg, enum trace_level level, const char *line,
                   size_t len)
{
    struct buf *b = arg;
    assert_true(level < TRACE_LEVELS);
    assert_int_equal(line[len], '\0');
    buf_put(b, line, len);
    buf_put_u8(b, '\n');
    if (sink_traces) {
        trace_info(trace, "test.nested", "from=sink");
    }
    if (sink_dumps) {
        sink_dumps = false;
        trace_dump(trace, to_buf, b);
    }
}

static int setup(void **state)
{
    (void)state;
    now_ms = INT64_C(1795262400123); /* 2026-11-21T12:00:00.123Z */
    sink_traces = false;
    sink_dumps = false;
    mem = mem_new(0);
    buf_init(&said, mem, 0);
    trace = trace_new(mem, TRACE_INFO, 0, clock_now, NULL, to_buf, &said);
    return trace == NULL;
}

static int teardown(void **state)
{
    (void)state;
    trace_free(trace);
    trace_free(NULL);
    buf_close(&said);
    size_t left = mem_blocks(mem);
    mem_free_all(mem);
    return left != 0;
}

static void assert_said(const char *expected)
{
    buf_put_u8(&said, 0);
    assert_string_equal((const char *)said.data, expected);
    buf_reset(&said);
}

static void a_line_is_logfmt(void **state)
{
    (void)state;
    trace_info(trace, "raft.group.leader", "group=0x%x term=%d", 31, 7);
    trace_warn(trace, "plain", "k=1");
    trace_error(trace, "env.die", "%s", "");
    trace_info(NULL, "nobody.listens", "k=1");
    assert_said("2026-11-21T12:00:00.123Z INFO raft group.leader group=0x1f "
                "term=7\n"
                "2026-11-21T12:00:00.123Z WARN - plain k=1\n"
                "2026-11-21T12:00:00.123Z ERROR env die\n");
}

static void dates(void **state)
{
    (void)state;
    const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {INT64_C(951782399999), "2000-02-28T23:59:59.999Z"},
        {INT64_C(951782400000), "2000-02-29T00:00:00.000Z"},
        {INT64_C(4107542400000), "2100-03-01T00:00:00.000Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[64];
        now_ms = cases[i].ms;
        trace_info(trace, "a.b", "%s", "");
        snprintf(expected, sizeof expected, "%s INFO a b\n", cases[i].text);
        assert_said(expected);
    }
}

static void levels(void **state)
{
    (void)state;
    enum trace_level level = TRACE_WARN;
    trace_debug(trace, "a.b", "n=%d", 1);
    assert_said("");
    trace_set_level(trace, TRACE_DEBUG);
    trace_debug(trace, "a.b", "n=%d", 2);
    assert_said("2026-11-21T12:00:00.123Z DEBUG a b n=2\n");
    assert_int_equal(trace_level_parse(&level, "verbose"), ERR_INVALID);
    assert_int_equal(level, TRACE_WARN);
    assert_int_equal(trace_level_parse(&level, "debug"), 0);
    assert_int_equal(level, TRACE_DEBUG);
    assert_int_equal(trace_level_parse(&level, "error"), 0);
    assert_int_equal(level, TRACE_ERROR);
    /* The recorder has what the sink has not. */
    trace_dump(trace, to_buf, &said);
    assert_said("2026-11-21T12:00:00.123Z DEBUG a b n=1\n"
                "2026-11-21T12:00:00.123Z DEBUG a b n=2\n");
}

static void strangers_cannot_forge_lines(void **state)
{
    (void)state;
    trace_info(trace, "a.b", "id=%s raw=%s", TRACE_Q("x\" y=\"\\\n"), "1\n2");
    assert_said("2026-11-21T12:00:00.123Z INFO a b "
                "id=\"x\\x22 y=\\x22\\x5c\\x0a\" raw=1?2\n");
    const char *nothing = NULL;
    trace_info(trace, "a.b", "id=%s", TRACE_Q(nothing));
    assert_said("2026-11-21T12:00:00.123Z INFO a b id=\"\"\n");
    char big[400];
    struct trace_quoted q;
    memset(big, 1, sizeof big);
    const char *text = trace_quote(&q, slice_of(big, sizeof big));
    assert_true(strlen(text) < sizeof q.text);
    assert_string_equal(text + strlen(text) - 8, "\\x01...\"");
}

static void long_lines_are_cut(void **state)
{
    (void)state;
    char big[3000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    trace_info(trace, "a.b", "k=%s", big);
    assert_int_equal(said.len, TRACE_LINE_MAX + 1);
    assert_memory_equal(said.data + said.len - 5, "x...\n", 5);
    buf_reset(&said);
    /* One that just fits is whole. */
    size_t head = strlen("2026-11-21T12:00:00.123Z INFO a b k=");
    big[TRACE_LINE_MAX - head] = '\0';
    trace_info(trace, "a.b", "k=%s", big);
    assert_int_equal(said.len, TRACE_LINE_MAX + 1);
    assert_memory_equal(said.data + said.len - 5, "xxxx\n", 5);
    buf_reset(&said);
    /* An event that fills it alone. */
    memset(big, 'e', 2000);
    big[2000] = '\0';
    trace_info(trace, big, "k=%d", 1);
    assert_int_equal(said.len, TRACE_LINE_MAX + 1);
}

static unsigned lines_said(void)
{
    unsigned n = 0;
    for (size_t i = 0; i < said.len; i++) {
        n += said.data[i] == '\n';
    }
    buf_reset(&said);
    return n;
}

static void rate_is_per_event_and_second(void **state)
{
    (void)state;
    for (int i = 0; i < TRACE_RATE_MAX + 5; i++) {
        trace_info(trace, "a.loud", "i=%d", i);
    }
    assert_int_equal(lines_said(), TRACE_RATE_MAX);
    trace_info(trace, "a.quiet", "i=1");
    assert_int_equal(lines_said(), 1);
    now_ms += 1000;
    trace_debug(trace, "a.quiet", "i=2"); /* any line brings the news */
    assert_said("2026-11-21T12:00:01.123Z WARN trace dropped event=a.loud "
                "lines=5\n");
    trace_info(trace, "a.loud", "i=1");
    assert_said("2026-11-21T12:00:01.123Z INFO a loud i=1\n");
    now_ms += 1000;
    trace_info(trace, "a.quiet", "i=3"); /* said once */
    assert_said("2026-11-21T12:00:02.123Z INFO a quiet i=3\n");
}

static void what_was_dropped_is_said_at_the_end(void **state)
{
    (void)state;
    struct trace *t =
        trace_new(mem, TRACE_INFO, 0, clock_now, NULL, to_buf, &said);
    for (int i = 0; i < TRACE_RATE_MAX + 1; i++) {
        trace_info(t, "a.loud", "i=%d", i);
    }
    buf_reset(&said);
    trace_free(t);
    assert_said("2026-11-21T12:00:00.123Z WARN trace dropped event=a.loud "
                "lines=1\n");
}

/* Event ids beyond the table's size share one rate. */
static void sites_are_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < TRACE_SITES_MAX + TRACE_RATE_MAX + 3; i++) {
        char event[32];
        snprintf(event, sizeof event, "a.e%d", i);
        trace_info(trace, event, "i=%d", i);
    }
    assert_int_equal(lines_said(), TRACE_SITES_MAX + TRACE_RATE_MAX);
    now_ms += 1000;
    trace_debug(trace, "a.b", "i=1");
    assert_said("2026-11-21T12:00:01.123Z WARN trace dropped event=other "
                "lines=3\n");
}

/* Without memory for a site the line is still said. */
static void no_memory(void **state)
{
    (void)state;
    assert_non_null(buf_reserve(&said, 200));
    mem_fail_at(mem, 1, 1);
    trace_info(trace, "a.b", "i=1");
    assert_true(mem_fail_fired(mem));
    mem_fail_at(mem, 0, 0);
    assert_said("2026-11-21T12:00:00.123Z INFO a b i=1\n");
    for (uint64_t n = 1;; n++) {
        mem_fail_at(mem, n, 0);
        struct trace *t =
            trace_new(mem, TRACE_INFO, 0, clock_now, NULL, to_buf, &said);
        if (t != NULL) {
            mem_fail_at(mem, 0, 0);
            trace_free(t);
            assert_true(n > 3);
            break;
        }
    }
}

/* The ring wraps at every alignment and keeps the newest whole lines. */
static void ring_keeps_the_newest(void **state)
{
    (void)state;
    char pad[64];
    memset(pad, 'p', sizeof pad);
    for (int i = 0; i < 5000; i++) {
        trace_debug(trace, "a.b", "i=%d pad=%.*s", i, i % 61, pad);
    }
    struct buf dump;
    buf_init(&dump, mem, 0);
    trace_dump(trace, to_buf, &dump);
    buf_put_u8(&dump, 0);
    const char *p = (const char *)dump.data;
    int first = -1;
    int next = -1;
    while (*p != '\0') {
        int i = -1;
        int used = 0;
        assert_int_equal(
            sscanf(p, "2026-11-21T12:00:00.123Z DEBUG a b i=%d pad=%n", &i,
                   &used),
            1);
        first = first < 0 ? i : first;
        assert_true(next < 0 || i == next);
        next = i + 1;
        assert_memory_equal(p + used, pad, (size_t)(i % 61));
        p += used + i % 61;
        assert_int_equal(*p, '\n');
        p++;
    }
    assert_int_equal(next, 5000);
    /* All that fits is there: records of 3 bytes plus the line. */
    size_t kept = dump.len - 1 + 2 * (size_t)(next - first);
    assert_in_range(kept, TRACE_RING_MIN - 120, TRACE_RING_MIN);
    buf_close(&dump);
}

static void sink_may_trace_and_dump(void **state)
{
    (void)state;
    sink_traces = true;
    trace_info(trace, "a.b", "i=1");
    sink_traces = false;
    assert_said("2026-11-21T12:00:00.123Z INFO a b i=1\n");
    sink_dumps = true;
    trace_info(trace, "a.b", "i=2");
    assert_said("2026-11-21T12:00:00.123Z INFO a b i=2\n"
                "2026-11-21T12:00:00.123Z INFO a b i=1\n"
                "2026-11-21T12:00:00.123Z INFO test nested from=sink\n"
                "2026-11-21T12:00:00.123Z INFO a b i=2\n");
}

/* While the recorder is dumped the sink traces lines of another length, which
 * overtake the dump: it goes on at a whole line, and ends. */
static void dump_is_overtaken(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        trace_debug(trace, "a.b", "i=%d", i);
    }
    sink_traces = true;
    trace_dump(trace, to_buf, &said);
    sink_traces = false;
    buf_put_u8(&said, 0);
    char *save = NULL;
    char *line = strtok_r((char *)said.data, "\n", &save);
    for (; line != NULL; line = strtok_r(NULL, "\n", &save)) {
        assert_memory_equal(line, "2026-11-21T12:00:00.123Z ", 25);
    }
}

static void *trace_much(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2000; i++) {
        trace_info(trace, "a.b", "i=%d", i);
    }
    return NULL;
}

static void from_several_threads(void **state)
{
    (void)state;
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, trace_much, NULL),
                         0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(lines_said(), TRACE_RATE_MAX);
    now_ms += 1000;
    trace_debug(trace, "a.b", "i=0");
    assert_said("2026-11-21T12:00:01.123Z WARN trace dropped event=a.b "
                "lines=5900\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_line_is_logfmt),
        TEST(dates),
        TEST(levels),
        TEST(strangers_cannot_forge_lines),
        TEST(long_lines_are_cut),
        TEST(rate_is_per_event_and_second),
        TEST(what_was_dropped_is_said_at_the_end),
        TEST(sites_are_bounded),
        TEST(no_memory),
        TEST(ring_keeps_the_newest),
        TEST(sink_may_trace_and_dump),
        TEST(dump_is_overtaken),
        TEST(from_several_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
