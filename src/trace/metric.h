/* metric.h - counters, gauges and histograms of a node.
 *
 * Owners embed the values in their own structs and register them once; the
 * registry only holds pointers. Values are written by one thread with plain
 * stores (relaxed) and read by the admin thread.
 * Names follow Prometheus: base units, `_total` for counters.
 */
#ifndef TRACE_METRIC_H
#define TRACE_METRIC_H

#include <stdint.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/queue.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* Log-linear buckets: 16 per power of two, microseconds or bytes. */
#define METRIC_BUCKETS 640

struct metric_histogram {
    uint64_t count;
    uint64_t sum;
    uint64_t max;
    uint64_t buckets[METRIC_BUCKETS];
};

struct metric {
    struct queue queue;
    const char *name;   /* static */
    const char *help;   /* static */
    char labels[96];    /* `a="b",c="d"` or "" */
    enum metric_kind kind;
    const void *value;  /* uint64_t or struct metric_histogram */
};

struct metrics;

struct metrics *metrics_new(struct mem *mem);
void metrics_free(struct metrics *ms);
/* Register; borrows `value`, `name`, `help` until metric_remove(). */
void metric_add(struct metrics *ms, struct metric *m, enum metric_kind kind,
                const char *name, const char *help, const char *labels,
                const void *value);
void metric_remove(struct metric *m);
/* Render all in Prometheus text format 0.0.4. */
void metrics_render(struct metrics *ms, struct buf *out);

/* Record one value. */
void histogram_record(struct metric_histogram *h, uint64_t v);
/* The value at quantile q (0..1), an upper bound within 1/16; 0 if empty. */
uint64_t histogram_quantile(const struct metric_histogram *h, double q);
/* Add all of `from` to `to`. */
void histogram_merge(struct metric_histogram *to,
                     const struct metric_histogram *from);

#endif
