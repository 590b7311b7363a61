/* trace.c - format outside the lock; ring, rate and sink under it.
 *
 * The ring holds records {length: 2 bytes, level: 1 byte, line}, which may
 * wrap around. `head` and `tail` count bytes since the beginning; the bytes
 * between them are whole records. The lock is recursive: a sink that dies
 * dumps the ring from where it stands, and by then the ring is consistent.
 */
#include "trace/trace.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/map.h"

#define RECORD_HEAD 3

/* How much one event id said in one second. */
struct site {
    struct slice event; /* in `text`; "other" for the shared one */
    int64_t second;
    uint32_t n_lines;
    uint64_t n_dropped;
    char text[];
};

struct trace {
    struct mem *mem;
    pthread_mutex_t lock;
    int level;
    trace_clock clock;
    void *clock_arg;
    trace_sink sink;
    void *sink_arg;
    bool in_sink;
    struct map *sites;
    struct site other;      /* shared when `sites` is full */
    uint64_t n_dropped;     /* not yet said */
    int64_t dropped_second; /* when it was last looked at */
    uint8_t *ring;
    size_t ring_bytes;
    uint64_t head; /* oldest record */
    uint64_t tail; /* where the next goes */
};

/* A line being built. */
struct line {
    char text[TRACE_LINE_MAX + 1];
    size_t len;
};

static const char *const level_names[TRACE_LEVELS] = {"DEBUG", "INFO", "WARN",
                                                      "ERROR"};

static int lock_init(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attr;
    if (pthread_mutexattr_init(&attr) != 0) {
        return ERR_NOMEM;
    }
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    int rv = pthread_mutex_init(lock, &attr) == 0 ? 0 : ERR_NOMEM;
    pthread_mutexattr_destroy(&attr);
    return rv;
}

struct trace *trace_new(struct mem *mem, enum trace_level level,
                        size_t ring_bytes, trace_clock clock, void *clock_arg,
                        trace_sink sink, void *sink_arg)
{
    struct trace *t = mem_alloc(mem, sizeof *t);
    if (t == NULL) {
        return NULL;
    }
    *t = (struct trace){.mem = mem,
                        .level = (int)level,
                        .clock = clock,
                        .clock_arg = clock_arg,
                        .sink = sink,
                        .sink_arg = sink_arg};
    t->other.event = slice_str("other");
    t->ring_bytes = ring_bytes > TRACE_RING_MIN ? ring_bytes : TRACE_RING_MIN;
    t->ring = mem_alloc(mem, t->ring_bytes);
    t->sites = map_new(mem);
    if (t->ring == NULL || t->sites == NULL || lock_init(&t->lock) != 0) {
        map_free(t->sites);
        mem_free(mem, t->ring);
        mem_free(mem, t);
        return NULL;
    }
    return t;
}

void trace_set_level(struct trace *t, enum trace_level level)
{
    ASSERT(level < TRACE_LEVELS);
    __atomic_store_n(&t->level, (int)level, __ATOMIC_RELAXED);
}

int trace_level_parse(enum trace_level *ret_level, const char *text)
{
    static const char *const names[TRACE_LEVELS] = {"debug", "info", "warn",
                                                    "error"};
    for (unsigned i = 0; i < TRACE_LEVELS; i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret_level = (enum trace_level)i;
            return 0;
        }
    }
    return ERR_INVALID;
}

/* ---- the ring ---- */

static void ring_write(struct trace *t, uint64_t at, const void *data,
                       size_t len)
{
    size_t pos = (size_t)(at % t->ring_bytes);
    size_t first = len < t->ring_bytes - pos ? len : t->ring_bytes - pos;
    memcpy(t->ring + pos, data, first);
    memcpy(t->ring, (const uint8_t *)data + first, len - first);
}

static void ring_read(const struct trace *t, uint64_t at, void *data,
                      size_t len)
{
    size_t pos = (size_t)(at % t->ring_bytes);
    size_t first = len < t->ring_bytes - pos ? len : t->ring_bytes - pos;
    memcpy(data, t->ring + pos, first);
    memcpy((uint8_t *)data + first, t->ring, len - first);
}

static size_t ring_record_len(const struct trace *t, uint64_t at)
{
    uint8_t head[RECORD_HEAD];
    ring_read(t, at, head, sizeof head);
    return sizeof head + le16_load(head);
}

static void ring_append(struct trace *t, enum trace_level level,
                        const struct line *line)
{
    uint8_t head[RECORD_HEAD];
    size_t len = sizeof head + line->len;
    ASSERT(len <= t->ring_bytes);
    while (t->tail + len - t->head > t->ring_bytes) {
        t->head += ring_record_len(t, t->head);
    }
    le16_store(head, (uint16_t)line->len);
    head[2] = (uint8_t)level;
    ring_write(t, t->tail, head, sizeof head);
    ring_write(t, t->tail + sizeof head, line->text, line->len);
    t->tail += len;
}

void trace_dump(struct trace *t, trace_sink sink, void *arg)
{
    pthread_mutex_lock(&t->lock);
    bool was_in_sink = t->in_sink;
    t->in_sink = true;
    uint64_t end = t->tail;
    uint64_t at = t->head;
    while (at < end) {
        uint8_t head[RECORD_HEAD];
        struct line line;
        ring_read(t, at, head, sizeof head);
        line.len = le16_load(head);
        ASSERT(line.len <= TRACE_LINE_MAX && head[2] < TRACE_LEVELS);
        ring_read(t, at + sizeof head, line.text, line.len);
        line.text[line.len] = '\0';
        at += sizeof head + line.len;
        sink(arg, (enum trace_level)head[2], line.text, line.len);
        /* A sink that traces may have overwritten what comes next. */
        at = at > t->head ? at : t->head;
    }
    t->in_sink = was_in_sink;
    pthread_mutex_unlock(&t->lock);
}

/* ---- a line ---- */

/* Days since 1970 as a date (proleptic Gregorian; years of March to February
 * in eras of 400). */
static void date_of(int64_t days, int64_t *year, int *month, int *day)
{
    int64_t z = days + 719468; /* since 0000-03-01 */
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t of_era = z - era * 146097;
    int64_t y =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * m + 2) / 5) + 1;
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = y + era * 400 + (*month <= 2);
}

/* Count what a printf wrote, or would have. */
static void line_add(struct line *line, int n)
{
    size_t left = TRACE_LINE_MAX - line->len;
    if (n <= 0) {
        return;
    }
    if ((size_t)n <= left) {
        line->len += (size_t)n;
        return;
    }
    line->len = TRACE_LINE_MAX;
    memcpy(line->text + TRACE_LINE_MAX - 3, "...", 4);
}

static void line_begin(struct line *line, int64_t now_ms,
                       enum trace_level level, const char *event)
{
    int64_t day_ms = INT64_C(86400000);
    int64_t days = now_ms / day_ms - (now_ms % day_ms < 0);
    int ms = (int)(now_ms - days * day_ms);
    int64_t year;
    int month;
    int day;
    date_of(days, &year, &month, &day);
    const char *dot = strchr(event, '.');
    int room_len = dot == NULL ? 1 : (int)(dot - event);
    line->len = 0;
    line_add(line,
             snprintf(line->text, sizeof line->text,
                      "%04lld-%02d-%02dT%02d:%02d:%02d.%03dZ %s %.*s %s",
                      (long long)year, month, day, ms / 3600000,
                      ms / 60000 % 60, ms / 1000 % 60, ms % 1000,
                      level_names[level], room_len, dot == NULL ? "-" : event,
                      dot == NULL ? event : dot + 1));
}

/* One line stays one line, whatever was in its values. */
static void line_end(struct line *line)
{
    for (size_t i = 0; i < line->len; i++) {
        unsigned char c = (unsigned char)line->text[i];
        if (c < 0x20 || c == 0x7f) {
            line->text[i] = '?';
        }
    }
}

static void line_pairs(struct line *line, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

static void line_pairs(struct line *line, const char *fmt, va_list args)
{
    size_t before = line->len;
    line_add(line, snprintf(line->text + line->len,
                            sizeof line->text - line->len, " "));
    size_t after = line->len;
    line_add(line, vsnprintf(line->text + line->len,
                             sizeof line->text - line->len, fmt, args));
    if (line->len == after) {
        line->len = before; /* no pairs, no space */
    }
    line->text[line->len] = '\0';
}

/* ---- rate and sink ---- */

static struct site *site_new(struct trace *t, struct slice event)
{
    if (map_count(t->sites) >= TRACE_SITES_MAX) {
        return &t->other;
    }
    struct site *site = mem_alloc(t->mem, sizeof *site + event.len);
    if (site == NULL) {
        return &t->other;
    }
    *site = (struct site){0};
    memcpy(site->text, event.data, event.len);
    site->event = slice_of(site->text, event.len);
    if (map_put(t->sites, event, site) != 0) {
        mem_free(t->mem, site);
        return &t->other;
    }
    return site;
}

static void line_sink(struct trace *t, enum trace_level level,
                      const struct line *line)
{
    t->in_sink = true;
    t->sink(t->sink_arg, level, line->text, line->len);
    t->in_sink = false;
}

static void site_report(struct trace *t, struct site *site, int64_t now_ms)
{
    struct line line;
    if (site->n_dropped == 0) {
        return;
    }
    line_begin(&line, now_ms, TRACE_WARN, "trace.dropped");
    line_add(&line, snprintf(line.text + line.len, sizeof line.text - line.len,
                             " event=%.*s lines=%llu", (int)site->event.len,
                             (const char *)site->event.data,
                             (unsigned long long)site->n_dropped));
    site->n_dropped = 0;
    line_sink(t, TRACE_WARN, &line);
}

/* Say what every site dropped, in the order in which they first spoke. */
static void dropped_report(struct trace *t, int64_t now_ms)
{
    void *it = NULL;
    void *site;
    if (t->n_dropped == 0) {
        return;
    }
    t->n_dropped = 0;
    while (map_next(t->sites, &it, &site)) {
        site_report(t, site, now_ms);
    }
    site_report(t, &t->other, now_ms);
}

/* True if the event id may send one more line in this second. */
static bool site_allows(struct trace *t, struct slice event, int64_t second)
{
    struct site *site = map_find(t->sites, event);
    if (site == NULL) {
        site = site_new(t, event);
    }
    if (site->second != second) {
        site->second = second;
        site->n_lines = 0;
    }
    if (site->n_lines < TRACE_RATE_MAX) {
        site->n_lines++;
        return true;
    }
    site->n_dropped++;
    t->n_dropped++;
    return false;
}

static void line_write(struct trace *t, enum trace_level level, int64_t now_ms,
                       const char *event, const struct line *line)
{
    int64_t second = now_ms / 1000;
    pthread_mutex_lock(&t->lock);
    ring_append(t, level, line);
    if (!t->in_sink) {
        if (second != t->dropped_second) {
            t->dropped_second = second;
            dropped_report(t, now_ms);
        }
        if ((int)level >= __atomic_load_n(&t->level, __ATOMIC_RELAXED) &&
            site_allows(t, slice_str(event), second)) {
            line_sink(t, level, line);
        }
    }
    pthread_mutex_unlock(&t->lock);
}

void trace_line(struct trace *t, enum trace_level level, const char *event,
                const char *fmt, ...)
{
    struct line line;
    if (t == NULL) {
        return;
    }
    ASSERT(level < TRACE_LEVELS);
    int64_t now_ms = t->clock(t->clock_arg);
    line_begin(&line, now_ms, level, event);
    va_list args;
    va_start(args, fmt);
    line_pairs(&line, fmt, args);
    va_end(args);
    line_end(&line);
    line_write(t, level, now_ms, event, &line);
}

void trace_free(struct trace *t)
{
    void *it = NULL;
    void *site;
    if (t == NULL) {
        return;
    }
    dropped_report(t, t->clock(t->clock_arg));
    while (map_next(t->sites, &it, &site)) {
        mem_free(t->mem, site);
    }
    map_free(t->sites);
    pthread_mutex_destroy(&t->lock);
    mem_free(t->mem, t->ring);
    mem_free(t->mem, t);
}

const char *trace_quote(struct trace_quoted *q, struct slice s)
{
    static const char hex[] = "0123456789abcdef";
    size_t at = 0;
    q->text[at++] = '"';
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.data[i];
        if (at + 4 + 5 > sizeof q->text) { /* the longest, `..."`, NUL */
            memcpy(q->text + at, "...", 3);
            at += 3;
            break;
        }
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\') {
            q->text[at++] = '\\';
            q->text[at++] = 'x';
            q->text[at++] = hex[c >> 4];
            q->text[at++] = hex[c & 15];
        } else {
            q->text[at++] = (char)c;
        }
    }
    q->text[at++] = '"';
    q->text[at] = '\0';
    return q->text;
}
