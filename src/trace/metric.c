/* metric.c - buckets and their bounds:
 *
 *   value 0..31      buckets 0..31, exact
 *   [2^e, 2^(e+1))   16 buckets of 2^(e-4) values each, from (e - 3) * 16 on
 *   from 2^43 on     the last bucket
 */
#include "trace/metric.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/err.h"
#include "base/map.h"

#define SUB_BITS 4
#define SUB      (1U << SUB_BITS)

struct metrics {
    struct mem *mem;
    pthread_mutex_t lock;
    struct queue all;
};

/* The metrics of one name, while rendering. */
struct family {
    struct metric *first;
    struct metric *last;
};

struct metrics *metrics_new(struct mem *mem)
{
    struct metrics *ms = mem_alloc(mem, sizeof *ms);
    if (ms == NULL) {
        return NULL;
    }
    *ms = (struct metrics){.mem = mem};
    if (pthread_mutex_init(&ms->lock, NULL) != 0) {
        mem_free(mem, ms);
        return NULL;
    }
    queue_init(&ms->all);
    return ms;
}

void metrics_free(struct metrics *ms)
{
    struct queue *q;
    if (ms == NULL) {
        return;
    }
    while ((q = queue_pop(&ms->all)) != NULL) {
        QUEUE_ENTRY(q, struct metric, queue)->metrics = NULL;
    }
    pthread_mutex_destroy(&ms->lock);
    mem_free(ms->mem, ms);
}

void metric_add(struct metrics *ms, struct metric *m, enum metric_kind kind,
                const char *name, const char *help, const char *labels,
                const void *value)
{
    metric_add_read(ms, m, kind, name, help, labels, NULL, value);
}

void metric_add_read(struct metrics *ms, struct metric *m,
                     enum metric_kind kind, const char *name, const char *help,
                     const char *labels, metric_read read, const void *arg)
{
    size_t len = strlen(labels);
    ASSERT(len < sizeof m->labels);
    ASSERT(read == NULL || kind != METRIC_HISTOGRAM);
    *m = (struct metric){.metrics = ms,
                         .name = name,
                         .help = help,
                         .kind = kind,
                         .read = read,
                         .value = arg};
    memcpy(m->labels, labels, len + 1);
    pthread_mutex_lock(&ms->lock);
    queue_push(&ms->all, &m->queue);
    pthread_mutex_unlock(&ms->lock);
}

void metric_remove(struct metric *m)
{
    struct metrics *ms = m->metrics;
    if (ms == NULL) {
        return;
    }
    pthread_mutex_lock(&ms->lock);
    queue_remove(&m->queue);
    m->metrics = NULL;
    pthread_mutex_unlock(&ms->lock);
}

/* Append one character; false if it does not fit with a terminator. */
static bool text_put(char text[METRIC_LABELS_MAX], size_t *len, char c)
{
    if (*len + 1 >= METRIC_LABELS_MAX) {
        return false;
    }
    text[(*len)++] = c;
    text[*len] = '\0';
    return true;
}

static bool text_put_escaped(char text[METRIC_LABELS_MAX], size_t *len, char c)
{
    if (c == '\n') {
        return text_put(text, len, '\\') && text_put(text, len, 'n');
    }
    if (c == '\\' || c == '"') {
        return text_put(text, len, '\\') && text_put(text, len, c);
    }
    return text_put(text, len, c);
}

int metric_label(char labels[METRIC_LABELS_MAX], const char *name,
                 struct slice value)
{
    size_t before = strlen(labels);
    size_t len = before;
    bool fits = before == 0 || text_put(labels, &len, ',');
    for (const char *p = name; fits && *p != '\0'; p++) {
        fits = text_put(labels, &len, *p);
    }
    fits = fits && text_put(labels, &len, '=') && text_put(labels, &len, '"');
    for (size_t i = 0; fits && i < value.len; i++) {
        fits = text_put_escaped(labels, &len, (char)value.data[i]);
    }
    fits = fits && text_put(labels, &len, '"');
    if (!fits) {
        labels[before] = '\0';
        return ERR_FULL;
    }
    return 0;
}

/* ---- histograms ---- */

static unsigned bucket_of(uint64_t v)
{
    if (v < SUB) {
        return (unsigned)v;
    }
    unsigned e = 63 - (unsigned)__builtin_clzll(v);
    unsigned sub = (unsigned)(v >> (e - SUB_BITS)) & (SUB - 1);
    unsigned i = (e - SUB_BITS + 1) * SUB + sub;
    return i < METRIC_BUCKETS ? i : METRIC_BUCKETS - 1;
}

/* The largest value that belongs into a bucket. */
static uint64_t bucket_bound(unsigned i)
{
    if (i < SUB) {
        return i;
    }
    unsigned e = i / SUB + SUB_BITS - 1;
    uint64_t width = UINT64_C(1) << (e - SUB_BITS);
    return (SUB + i % SUB + 1) * width - 1;
}

static uint64_t load(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void add(uint64_t *p, uint64_t v)
{
    __atomic_store_n(p, *p + v, __ATOMIC_RELAXED);
}

void histogram_record(struct metric_histogram *h, uint64_t v)
{
    add(&h->buckets[bucket_of(v)], 1);
    add(&h->count, 1);
    add(&h->sum, v);
    if (v > h->max) {
        __atomic_store_n(&h->max, v, __ATOMIC_RELAXED);
    }
}

uint64_t histogram_quantile(const struct metric_histogram *h, double q)
{
    uint64_t max = load(&h->max);
    double rank = q * (double)load(&h->count);
    double seen = 0;
    for (unsigned i = 0; i < METRIC_BUCKETS - 1; i++) {
        uint64_t n = load(&h->buckets[i]);
        seen += (double)n;
        if (n > 0 && seen >= rank) {
            uint64_t bound = bucket_bound(i);
            return bound < max ? bound : max;
        }
    }
    return max;
}

void histogram_merge(struct metric_histogram *to,
                     const struct metric_histogram *from)
{
    uint64_t max = load(&from->max);
    for (unsigned i = 0; i < METRIC_BUCKETS; i++) {
        add(&to->buckets[i], load(&from->buckets[i]));
    }
    add(&to->count, load(&from->count));
    add(&to->sum, load(&from->sum));
    if (max > to->max) {
        __atomic_store_n(&to->max, max, __ATOMIC_RELAXED);
    }
}

/* ---- rendering ---- */

static bool ends_with(const char *name, const char *suffix)
{
    size_t len = strlen(name), n = strlen(suffix);
    return len >= n && strcmp(name + len - n, suffix) == 0;
}

static bool in_seconds(const struct metric *m)
{
    return ends_with(m->name, "_seconds") ||
           ends_with(m->name, "_seconds_total");
}

/* A value in the unit of its name. */
static void render_value(const struct metric *m, uint64_t v, struct buf *out)
{
    if (in_seconds(m)) {
        buf_printf(out, "%llu.%06llu", (unsigned long long)(v / 1000000),
                   (unsigned long long)(v % 1000000));
    } else {
        buf_printf(out, "%llu", (unsigned long long)v);
    }
}

/* `name_suffix{labels} `, the braces only if there is something in them. */
static void render_name(const struct metric *m, const char *suffix,
                        struct buf *out)
{
    const char *open = m->labels[0] != '\0' ? "{" : "";
    const char *close = m->labels[0] != '\0' ? "}" : "";
    buf_printf(out, "%s%s%s%s%s ", m->name, suffix, open, m->labels, close);
}

static void render_bucket_name(const struct metric *m, struct buf *out)
{
    const char *comma = m->labels[0] != '\0' ? "," : "";
    buf_printf(out, "%s_bucket{%s%sle=\"", m->name, m->labels, comma);
}

/* One line per power of two, always the same ones, so that rates over time and
 * sums over nodes are right. */
static void render_histogram(const struct metric *m, struct buf *out)
{
    const struct metric_histogram *h = m->value;
    uint64_t n = 0;
    for (unsigned i = 0; i < METRIC_BUCKETS; i++) {
        n += load(&h->buckets[i]);
        if (i % SUB == SUB - 1 && i < METRIC_BUCKETS - 1) {
            render_bucket_name(m, out);
            render_value(m, bucket_bound(i), out);
            buf_printf(out, "\"} %llu\n", (unsigned long long)n);
        }
    }
    render_bucket_name(m, out);
    buf_printf(out, "+Inf\"} %llu\n", (unsigned long long)n);
    render_name(m, "_sum", out);
    render_value(m, load(&h->sum), out);
    buf_put_u8(out, '\n');
    render_name(m, "_count", out);
    buf_printf(out, "%llu\n", (unsigned long long)n);
}

static void render_one(const struct metric *m, struct buf *out)
{
    if (m->kind == METRIC_HISTOGRAM) {
        render_histogram(m, out);
        return;
    }
    render_name(m, "", out);
    render_value(m, m->read != NULL ? m->read(m->value) : load(m->value), out);
    buf_put_u8(out, '\n');
}

static void render_head(const struct metric *m, struct buf *out)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    buf_printf(out, "# HELP %s ", m->name);
    for (const char *p = m->help; *p != '\0'; p++) {
        if (*p == '\\' || *p == '\n') {
            buf_put_u8(out, '\\');
        }
        buf_put_u8(out, *p == '\n' ? 'n' : (uint8_t)*p);
    }
    buf_printf(out, "\n# TYPE %s %s\n", m->name, kinds[m->kind]);
}

/* Add a metric to the family of its name. */
static int family_add(struct map *families, struct arena *a, struct metric *m)
{
    struct slice name = slice_str(m->name);
    struct family *f = map_find(families, name);
    m->next = NULL;
    if (f != NULL) {
        ASSERT(f->first->kind == m->kind);
        f->last->next = m;
        f->last = m;
        return 0;
    }
    f = arena_alloc(a, sizeof *f);
    if (f == NULL) {
        return ERR_NOMEM;
    }
    *f = (struct family){m, m};
    return map_put(families, name, f);
}

/* The format wants all lines of a name together. */
static int families_collect(struct metrics *ms, struct map *families,
                            struct arena *a)
{
    struct queue *q;
    struct queue *tmp;
    int rv = 0;
    QUEUE_FOREACH(q, tmp, &ms->all)
    {
        if (rv == 0) {
            rv = family_add(families, a, QUEUE_ENTRY(q, struct metric, queue));
        }
    }
    return rv;
}

static void families_render(const struct map *families, struct buf *out)
{
    void *it = NULL;
    void *value;
    while (map_next(families, &it, &value)) {
        const struct family *f = value;
        render_head(f->first, out);
        for (const struct metric *m = f->first; m != NULL; m = m->next) {
            render_one(m, out);
        }
    }
}

void metrics_render(struct metrics *ms, struct buf *out)
{
    struct arena a;
    struct map *families = map_new(ms->mem);
    int rv = families == NULL ? ERR_NOMEM : 0;
    arena_init(&a, ms->mem, 0);
    pthread_mutex_lock(&ms->lock);
    if (rv == 0) {
        rv = families_collect(ms, families, &a);
    }
    if (rv == 0) {
        families_render(families, out);
    }
    pthread_mutex_unlock(&ms->lock);
    arena_close(&a);
    map_free(families);
    if (rv != 0 && out->status == 0) {
        out->status = rv;
    }
}
