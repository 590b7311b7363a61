#include "cli/when.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DIGITS_MAX 15 /* of a number that is multiplied */
#define DAY_MS     (24 * 60 * 60 * 1000LL)
#define YEAR_10000 253402300800000LL

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

/* ".25" as milliseconds; no point is 0. */
static bool take_fraction(const char **p, int64_t *ret_ms)
{
    int64_t ms = 0, unit = 100;
    *ret_ms = 0;
    if (!take_char(p, '.') && !take_char(p, ',')) {
        return true;
    }
    if (**p < '0' || **p > '9') {
        return false;
    }
    for (; **p >= '0' && **p <= '9'; (*p)++, unit /= 10) {
        ms += (**p - '0') * unit;
    }
    *ret_ms = ms;
    return true;
}

/* ---- moments ------------------------------------------------------------- */

static bool take_clock(const char **p, struct tm *tm, int64_t *ret_ms)
{
    *ret_ms = 0;
    if (!take_field(p, 2, 0, 23, &tm->tm_hour) || !take_char(p, ':') ||
        !take_field(p, 2, 0, 59, &tm->tm_min)) {
        return false;
    }
    return !take_char(p, ':') ||
           (take_field(p, 2, 0, 60, &tm->tm_sec) && take_fraction(p, ret_ms));
}

/* What is to be subtracted to come to UTC. */
static bool take_zone(const char **p, int64_t *ret_ms)
{
    int hours = 0, minutes = 0;
    bool east = **p == '+';
    *ret_ms = 0;
    if (**p == '\0' || take_char(p, 'Z') || take_char(p, 'z')) {
        return true;
    }
    if (!take_char(p, '+') && !take_char(p, '-')) {
        return false;
    }
    if (!take_field(p, 2, 0, 18, &hours)) {
        return false;
    }
    if ((take_char(p, ':') || **p != '\0') &&
        !take_field(p, 2, 0, 59, &minutes)) {
        return false;
    }
    *ret_ms = (hours * 60 + minutes) * (east ? 60000LL : -60000LL);
    return true;
}

static bool take_date(const char **p, int64_t *ret_ms)
{
    struct tm tm = {0};
    int year = 0, month = 0;
    int64_t fraction = 0, zone = 0;
    if (!take_field(p, 4, 1970, 9999, &year) || !take_char(p, '-') ||
        !take_field(p, 2, 1, 12, &month) || !take_char(p, '-') ||
        !take_field(p, 2, 1, 31, &tm.tm_mday)) {
        return false;
    }
    if ((take_char(p, 'T') || take_char(p, ' ')) &&
        (!take_clock(p, &tm, &fraction) || !take_zone(p, &zone))) {
        return false;
    }
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    int day = tm.tm_mday;
    int64_t ms = (int64_t)timegm(&tm) * 1000 + fraction - zone;
    *ret_ms = ms;
    return tm.tm_mday == day && ms >= 0; /* there is no 31 February */
}

int when_moment(const char *text, int64_t *ret_ms, struct err *err)
{
    const char *p = text;
    int64_t n;
    unsigned digits = take_digits(&p, &n);
    if (*p == '\0' && (digits == 10 || digits == 13)) {
        *ret_ms = digits == 13 ? n : n * 1000;
        return 0;
    }
    p = text;
    if (!take_date(&p, &n) || *p != '\0') {
        return err_set(err, ERR_INVALID,
                       "%.100s: expected a moment like 2026-07-31T12:00:30, "
                       "with Z (UTC, as without) or +02:00 behind it, or "
                       "milliseconds since 1970",
                       text);
    }
    *ret_ms = n;
    return 0;
}

const char *when_format(int64_t ms, char out[WHEN_TEXT_LEN + 1])
{
    struct tm tm;
    time_t s = (time_t)(ms / 1000);
    if (ms < 0 || ms >= YEAR_10000 || gmtime_r(&s, &tm) == NULL) {
        return strcpy(out, "-");
    }
    size_t n = strftime(out, WHEN_TEXT_LEN + 1, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, WHEN_TEXT_LEN + 1 - n, ".%03uZ", (unsigned)(ms % 1000));
    return out;
}

/* ---- durations ----------------------------------------------------------- */

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* Each letter of `units` at most once and in its order; `sum` grows. How many
 * there were; -1: malformed. */
static int take_parts(const char **p, const char *units, const int64_t ms[],
                      int64_t *sum)
{
    int n_parts = 0;
    while (**p >= '0' && **p <= '9') {
        int64_t n = 0, fraction = 0;
        (void)take_digits(p, &n);
        bool whole = **p != '.' && **p != ',';
        if (!take_fraction(p, &fraction)) {
            return -1;
        }
        char unit = upper(**p);
        while (*units != '\0' && *units != unit) {
            units++;
            ms++;
        }
        if (*units == '\0' || (!whole && unit != 'S') ||
            n > (INT64_MAX - *sum - fraction) / *ms) {
            return -1;
        }
        *sum += n * *ms + fraction;
        (*p)++;
        units++;
        ms++;
        n_parts++;
    }
    return n_parts;
}

int when_duration(const char *text, int64_t *ret_ms, struct err *err)
{
    static const int64_t day[] = {DAY_MS};
    static const int64_t clock[] = {3600000, 60000, 1000};
    const char *p = text;
    int64_t sum = 0;
    int days = -1, parts = 0;
    if (upper(*p) == 'P') {
        p++;
        days = take_parts(&p, "D", day, &sum);
    }
    if (days >= 0 && upper(*p) == 'T') {
        p++;
        parts = take_parts(&p, "HMS", clock, &sum);
        days = parts > 0 ? days : -1; /* a T with nothing behind it */
    }
    if (days < 0 || days + parts == 0 || *p != '\0') {
        return err_set(err, ERR_INVALID,
                       "%.100s: expected a duration like P7D, PT1H30M or "
                       "P1DT12H (PnDTnHnMnS)",
                       text);
    }
    *ret_ms = sum;
    return 0;
}
