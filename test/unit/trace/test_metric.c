/* Histograms within their error bound, and the text that Prometheus reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/rand.h"
#include "trace/metric.h"

static struct metric_histogram h;
static struct metric_histogram h2;

static int setup(void **state)
{
    (void)state;
    h = (struct metric_histogram){0};
    h2 = (struct metric_histogram){0};
    return 0;
}

/* The bound must be at least the value and at most 1/16 above it. */
static void check_bound(uint64_t exact, uint64_t bound)
{
    assert_true(bound >= exact);
    assert_true(bound - exact <= exact / 16);
}

static void one_value_is_bounded(void **state)
{
    (void)state;
    struct rand r;
    rand_init(&r, 1);
    for (int i = 0; i < 5000; i++) {
        uint64_t v = rand_next(&r) >> (21 + rand_below(&r, 43));
        h = (struct metric_histogram){0};
        histogram_record(&h, v);
        histogram_record(&h, UINT64_C(1) << 43); /* else max is the answer */
        check_bound(v, histogram_quantile(&h, 0.5));
    }
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void quantiles_are_bounded(void **state)
{
    (void)state;
    enum { N = 10000 };
    static uint64_t v[N];
    struct rand r;
    rand_init(&r, 2);
    for (int i = 0; i < N; i++) {
        v[i] = rand_below(&r, UINT64_C(1) << (1 + rand_below(&r, 40)));
        histogram_record(&h, v[i]);
    }
    qsort(v, N, sizeof *v, compare);
    for (int i = 1; i <= 100; i++) {
        check_bound(v[N / 100 * i - 1], histogram_quantile(&h, i / 100.0));
    }
    assert_true(histogram_quantile(&h, 0) >= v[0]);
    assert_true(histogram_quantile(&h, 1) == v[N - 1]);
}

static void edges(void **state)
{
    (void)state;
    assert_int_equal(histogram_quantile(&h, 0.5), 0);
    histogram_record(&h, UINT64_MAX);
    assert_true(histogram_quantile(&h, 0.5) == UINT64_MAX);
    histogram_record(&h, 0);
    assert_int_equal(histogram_quantile(&h, 0.5), 0);
    assert_true(histogram_quantile(&h, 0.51) == UINT64_MAX);
    assert_true(histogram_quantile(&h, 2) == UINT64_MAX);
}

static void merge_is_as_recording_both(void **state)
{
    (void)state;
    static struct metric_histogram both;
    struct rand r;
    rand_init(&r, 3);
    both = (struct metric_histogram){0};
    for (int i = 0; i < 1000; i++) {
        uint64_t v = rand_below(&r, 1000000);
        histogram_record(i % 3 == 0 ? &h : &h2, v);
        histogram_record(&both, v);
    }
    histogram_merge(&h, &h2);
    assert_memory_equal(&h, &both, sizeof h);
}

static void labels_are_escaped(void **state)
{
    (void)state;
    char labels[METRIC_LABELS_MAX] = "";
    char before[METRIC_LABELS_MAX];
    char big[METRIC_LABELS_MAX];
    assert_int_equal(metric_label(labels, "topic", slice_str("a\"b\\c\nd")), 0);
    assert_int_equal(metric_label(labels, "partition", slice_str("3")), 0);
    assert_string_equal(labels, "topic=\"a\\\"b\\\\c\\nd\",partition=\"3\"");
    memcpy(before, labels, sizeof labels);
    memset(big, '"', sizeof big);
    assert_int_equal(metric_label(labels, "x", slice_of(big, sizeof big)),
                     ERR_FULL);
    assert_string_equal(labels, before);
    /* The longest topic name has room. */
    labels[0] = '\0';
    memset(big, 't', sizeof big);
    assert_int_equal(metric_label(labels, "topic", slice_of(big, 249)), 0);
    assert_int_equal(metric_label(labels, "partition", slice_str("2147483647")),
                     0);
}

struct fixture {
    struct mem *mem;
    struct metrics *ms;
    struct buf out;
    struct metric appends[2];
    struct metric open;
    uint64_t values[3];
};

static void fixture_init(struct fixture *f)
{
    *f = (struct fixture){.values = {7, UINT64_MAX, 0}};
    f->mem = mem_new(0);
    f->ms = metrics_new(f->mem);
    assert_non_null(f->ms);
    buf_init(&f->out, f->mem, 0);
    metric_add(f->ms, &f->appends[0], METRIC_COUNTER, "log_appends_total",
               "Appends.\nWith \\.", "topic=\"a\"", &f->values[0]);
    metric_add(f->ms, &f->open, METRIC_GAUGE, "conns_open", "Open now.", "",
               &f->values[2]);
    metric_add(f->ms, &f->appends[1], METRIC_COUNTER, "log_appends_total",
               "Appends.\nWith \\.", "topic=\"b\"", &f->values[1]);
}

static void fixture_close(struct fixture *f)
{
    metrics_free(f->ms);
    buf_close(&f->out);
    assert_int_equal(mem_blocks(f->mem), 0);
    mem_free_all(f->mem);
}

static void assert_text(const struct buf *b, const char *expected)
{
    assert_int_equal(b->status, 0);
    assert_int_equal(b->len, strlen(expected));
    assert_memory_equal(b->data, expected, b->len);
}

static void names_stand_together(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    metrics_render(f.ms, &f.out);
    assert_text(&f.out, "# HELP log_appends_total Appends.\\nWith \\\\.\n"
                        "# TYPE log_appends_total counter\n"
                        "log_appends_total{topic=\"a\"} 7\n"
                        "log_appends_total{topic=\"b\"} 18446744073709551615\n"
                        "# HELP conns_open Open now.\n"
                        "# TYPE conns_open gauge\n"
                        "conns_open 0\n");
    metric_remove(&f.appends[0]);
    metric_remove(&f.appends[0]);
    metric_remove(&f.appends[1]);
    buf_reset(&f.out);
    metrics_render(f.ms, &f.out);
    assert_text(&f.out, "# HELP conns_open Open now.\n"
                        "# TYPE conns_open gauge\n"
                        "conns_open 0\n");
    fixture_close(&f);
    metric_remove(&f.open); /* after the registry is gone */
    metrics_free(NULL);
}

static uint64_t twice(const void *arg)
{
    return 2 * *(const uint64_t *)arg;
}

/* What is asked for when it is rendered, and times of counters and gauges. */
static void read_values(void **state)
{
    (void)state;
    struct fixture f;
    struct metric cpu, age;
    uint64_t us = 1750001;
    fixture_init(&f);
    metric_remove(&f.appends[0]);
    metric_remove(&f.appends[1]);
    metric_remove(&f.open);
    metric_add_read(f.ms, &cpu, METRIC_COUNTER, "cpu_seconds_total", "CPU.", "",
                    twice, &us);
    metric_add(f.ms, &age, METRIC_GAUGE, "age_seconds", "Age.", "", &us);
    metrics_render(f.ms, &f.out);
    us++;
    metrics_render(f.ms, &f.out);
    assert_text(&f.out, "# HELP cpu_seconds_total CPU.\n"
                        "# TYPE cpu_seconds_total counter\n"
                        "cpu_seconds_total 3.500002\n"
                        "# HELP age_seconds Age.\n"
                        "# TYPE age_seconds gauge\n"
                        "age_seconds 1.750001\n"
                        "# HELP cpu_seconds_total CPU.\n"
                        "# TYPE cpu_seconds_total counter\n"
                        "cpu_seconds_total 3.500004\n"
                        "# HELP age_seconds Age.\n"
                        "# TYPE age_seconds gauge\n"
                        "age_seconds 1.750002\n");
    fixture_close(&f);
}

/* Only the lines around the values are compared; the number of lines is. */
static void histogram_text(void **state)
{
    (void)state;
    struct fixture f;
    struct metric m;
    fixture_init(&f);
    metric_remove(&f.appends[0]);
    metric_remove(&f.appends[1]);
    metric_remove(&f.open);
    metric_add(f.ms, &m, METRIC_HISTOGRAM, "sync_seconds", "Syncs.",
               "disk=\"0\"", &h);
    histogram_record(&h, 15);
    histogram_record(&h, 16);
    histogram_record(&h, 2000000);
    histogram_record(&h, UINT64_C(1) << 50);
    metrics_render(f.ms, &f.out);
    buf_put_u8(&f.out, 0);
    const char *text = (const char *)f.out.data;
    static const char begin[] =
        "# HELP sync_seconds Syncs.\n"
        "# TYPE sync_seconds histogram\n"
        "sync_seconds_bucket{disk=\"0\",le=\"0.000015\"} 1\n"
        "sync_seconds_bucket{disk=\"0\",le=\"0.000031\"} 2\n"
        "sync_seconds_bucket{disk=\"0\",le=\"0.000063\"} 2\n";
    static const char end[] =
        "sync_seconds_bucket{disk=\"0\",le=\"4398046.511103\"} 3\n"
        "sync_seconds_bucket{disk=\"0\",le=\"+Inf\"} 4\n"
        "sync_seconds_sum{disk=\"0\"} 1125899908.842655\n"
        "sync_seconds_count{disk=\"0\"} 4\n";
    assert_memory_equal(text, begin, sizeof begin - 1);
    assert_non_null(strstr(text, "le=\"1.048575\"} 2\n"));
    assert_non_null(strstr(text, "le=\"2.097151\"} 3\n"));
    assert_string_equal(text + strlen(text) - (sizeof end - 1), end);
    unsigned n_lines = 0;
    for (const char *p = text; *p != '\0'; p++) {
        n_lines += *p == '\n';
    }
    assert_int_equal(n_lines, 2 + METRIC_BUCKETS / 16 + 2);
    fixture_close(&f);
}

/* A histogram of bytes, without labels, keeps its numbers. */
static void histogram_of_bytes(void **state)
{
    (void)state;
    struct fixture f;
    struct metric m;
    fixture_init(&f);
    metric_add(f.ms, &m, METRIC_HISTOGRAM, "request_bytes", "Sizes.", "", &h);
    histogram_record(&h, 1000);
    metrics_render(f.ms, &f.out);
    buf_put_u8(&f.out, 0);
    const char *text = (const char *)f.out.data;
    assert_non_null(strstr(text, "request_bytes_bucket{le=\"511\"} 0\n"));
    assert_non_null(strstr(text, "request_bytes_bucket{le=\"1023\"} 1\n"));
    assert_non_null(strstr(text, "request_bytes_sum 1000\n"));
    assert_non_null(strstr(text, "request_bytes_count 1\n"));
    fixture_close(&f);
}

static void no_memory(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    for (uint64_t n = 1;; n++) {
        buf_close(&f.out);
        mem_fail_at(f.mem, n, 0);
        metrics_render(f.ms, &f.out);
        if (!mem_fail_fired(f.mem)) {
            break;
        }
        assert_int_equal(f.out.status, ERR_NOMEM);
    }
    assert_int_equal(f.out.status, 0);
    mem_fail_at(f.mem, 1, 0);
    assert_null(metrics_new(f.mem));
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_value_is_bounded, setup),
        cmocka_unit_test_setup(quantiles_are_bounded, setup),
        cmocka_unit_test_setup(edges, setup),
        cmocka_unit_test_setup(merge_is_as_recording_both, setup),
        cmocka_unit_test(labels_are_escaped),
        cmocka_unit_test(names_stand_together),
        cmocka_unit_test(read_values),
        cmocka_unit_test_setup(histogram_text, setup),
        cmocka_unit_test_setup(histogram_of_bytes, setup),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
