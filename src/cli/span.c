#include "cli/span.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DIGITS_MAX 18

/* Take a number of digits off the front: their count, 0 for none. */
static unsigned take_digits(const char **p, int64_t *ret_n)
{
    unsigned digits = 0;
    int64_t n = 0;
    while ((*p)[digits] >= '0' && (*p)[digits] <= '9' && digits < DIGITS_MAX) {
        n = n * 10 + ((*p)[digits++] - '0');
    }
    *p += digits;
    *ret_n = n;
    return digits;
}

/* Exactly `digits` digits, from min to max. */
static bool take_field(const char **p, unsigned digits, int min, int max,
                       int *ret_n)
{
    int n = 0;
    for (unsigned i = 0; i < digits; i++) {
        if ((*p)[i] < '0' || (*p)[i] > '9') {
            return false;
        }
        n = n * 10 + ((*p)[i] - '0');
    }
    *p += digits;
    *ret_n = n;
    return n >= min && n <= max;
}

static bool take_char(const char **p, char c)
{
    if (**p != c) {
        return false;
    }
    (*p)++;
    return true;
}

static bool take_date(const char **p, int64_t *ret_ms)
{
    struct tm tm = {0};
    int year = 0, month = 0;
    if (!take_field(p, 4, 1970, 9999, &year) || !take_char(p, '-') ||
        !take_field(p, 2, 1, 12, &month) || !take_char(p, '-') ||
        !take_field(p, 2, 1, 31, &tm.tm_mday)) {
        return false;
    }
    if (take_char(p, 'T') &&
        (!take_field(p, 2, 0, 23, &tm.tm_hour) || !take_char(p, ':') ||
         !take_field(p, 2, 0, 59, &tm.tm_min) || !take_char(p, ':') ||
         !take_field(p, 2, 0, 60, &tm.tm_sec) || !take_char(p, 'Z'))) {
        return false;
    }
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    int day = tm.tm_mday;
    *ret_ms = (int64_t)timegm(&tm) * 1000;
    return tm.tm_mday == day; /* there is no 31 February */
}

static int64_t unit_ms(const char **p)
{
    if (strncmp(*p, "ms", 2) == 0) {
        *p += 2;
        return 1;
    }
    switch (*(*p)++) {
    case 's':
        return 1000;
    case 'm':
        return 60 * 1000;
    case 'h':
        return 60 * 60 * 1000;
    case 'd':
        return 24 * 60 * 60 * 1000;
    default:
        (*p)--;
        return 0;
    }
}

/* A while: 1h30m. */
static bool take_while(const char **p, int64_t *ret_ms)
{
    int64_t n, unit, sum = 0;
    do {
        if (take_digits(p, &n) == 0 || (unit = unit_ms(p)) == 0 ||
            n > (INT64_MAX - sum) / unit) {
            return false;
        }
        sum += n * unit;
    } while (**p != '\0' && **p != ':');
    *ret_ms = sum;
    return true;
}

static bool take_time(const char **p, int64_t now_ms, int64_t *ret_ms)
{
    const char *s = *p;
    int64_t n;
    if (take_char(p, '-')) {
        bool ok = take_while(p, &n);
        *ret_ms = ok && n < now_ms ? now_ms - n : 0;
        return ok;
    }
    unsigned digits = take_digits(p, &n);
    if (digits == 13 || digits == 10) {
        *ret_ms = digits == 13 ? n : n * 1000;
        return true;
    }
    *p = s;
    return take_date(p, ret_ms);
}

static bool take_word(const char **p, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(*p, word, len) != 0) {
        return false;
    }
    *p += len;
    return true;
}

static bool take_point(const char **p, int64_t now_ms, struct span_point *out)
{
    *out = (struct span_point){.kind = SPAN_START};
    if (take_word(p, "start") || take_word(p, "beginning")) {
        return true;
    }
    if (take_word(p, "end")) {
        out->kind = SPAN_END;
        return true;
    }
    if (take_char(p, '@')) {
        out->kind = SPAN_TIME;
        return take_time(p, now_ms, &out->n);
    }
    if (take_char(p, '-')) {
        out->kind = SPAN_END;
    } else if (!take_char(p, '+')) {
        out->kind = SPAN_OFFSET;
    }
    return take_digits(p, &out->n) > 0;
}

int span_parse(const char *text, int64_t now_ms, struct span *ret_s,
               struct err *err)
{
    struct span s = {.to = {.kind = SPAN_END}};
    const char *p = text;
    bool ok = *p == ':' || take_point(&p, now_ms, &s.from);
    if (ok && take_char(&p, ':')) {
        s.bounded = true;
        ok = take_point(&p, now_ms, &s.to);
    }
    if (!ok || *p != '\0') {
        return err_set(err, ERR_INVALID,
                       "%s: expected start, end, N, +N (behind the start), -N "
                       "(before the end), @TIME, or two of them as FROM:TO; "
                       "TIME is like 2026-07-31T12:00:00Z, -1h30m or "
                       "milliseconds",
                       text);
    }
    *ret_s = s;
    return 0;
}

int64_t span_offset(struct span_point p, int64_t low, int64_t high,
                    int64_t at_time)
{
    switch (p.kind) {
    case SPAN_START:
        return p.n > high - low ? high : low + p.n;
    case SPAN_END:
        return p.n > high - low ? low : high - p.n;
    case SPAN_TIME:
        return at_time < 0 ? high : at_time;
    default:
        return p.n;
    }
}
