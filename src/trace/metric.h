/* metric.h - counters, gauges and histograms of a node.
 *
 * Owners embed the values in their own structs and register them once; the
 * registry only holds pointers. Values are written by one thread, the loop's,
 * with plain stores; whoever serves them has that thread render them all, so
 * that one answer shows one moment (server/admin.h). What costs something to
 * know is asked for only then (metric_add_read()). doc/METRICS.md lists them.
 * Names follow Prometheus: base units, `_total` for counters. A histogram whose
 * name ends in `_seconds` holds microseconds and is rendered in seconds.
 *
 * Thread: metric_add, metric_remove from any thread; metrics_render on the one
 * that owns the values.
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
/* Bytes of a metric's labels, terminator included. */
#define METRIC_LABELS_MAX 320

struct metric_histogram {
    uint64_t count;
    uint64_t sum;
    uint64_t max;
    uint64_t buckets[METRIC_BUCKETS];
};

struct metrics;

/* The value of a counter or gauge at this moment. */
typedef uint64_t (*metric_read)(const void *arg);

struct metric {
    struct queue queue;
    struct metrics *metrics;        /* where it is registered */
    struct metric *next;            /* of the same name, while rendering */
    const char *name;               /* static */
    const char *help;               /* static */
    char labels[METRIC_LABELS_MAX]; /* `a="b",c="d"` or "" */
    enum metric_kind kind;
    const void *value; /* uint64_t or struct metric_histogram, or `read`'s */
    metric_read read;  /* or NULL */
};

/* An empty registry; NULL without memory. Borrows `mem` for its life. */
struct metrics *metrics_new(struct mem *mem);
/* Free; what is still registered is no longer. NULL is fine. */
void metrics_free(struct metrics *ms);
/* Register; borrows `value`, `name`, `help` and `m` itself until
 * metric_remove(); copies `labels`, whose values the caller has escaped with
 * metric_label(). Metrics of one name have one kind and one help. */
void metric_add(struct metrics *ms, struct metric *m, enum metric_kind kind,
                const char *name, const char *help, const char *labels,
                const void *value);
/* The same for a counter or gauge whose value `read` says when it is rendered;
 * borrows `arg`. Counters of a name that ends in `_seconds_total` are
 * microseconds, too. */
void metric_add_read(struct metrics *ms, struct metric *m,
                     enum metric_kind kind, const char *name, const char *help,
                     const char *labels, metric_read read, const void *arg);
/* Unregister; not being registered (all zero, or removed) is fine. */
void metric_remove(struct metric *m);
/* Append `name="value"` with the value escaped, after a comma if `labels` is
 * not empty. Errors: ERR_FULL (it does not fit; unchanged). */
int metric_label(char labels[METRIC_LABELS_MAX], const char *name,
                 struct slice value);
/* Render all in Prometheus text format 0.0.4, names in the order in which they
 * were first registered. Errors: in `out->status`. */
void metrics_render(struct metrics *ms, struct buf *out);

/* Record one value. */
void histogram_record(struct metric_histogram *h, uint64_t v);
/* The value at quantile q (0..1), an upper bound within 1/16; 0 if empty. */
uint64_t histogram_quantile(const struct metric_histogram *h, double q);
/* Add all of `from` to `to`. */
void histogram_merge(struct metric_histogram *to,
                     const struct metric_histogram *from);

#endif
