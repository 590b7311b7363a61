/* setting.c - values by the rows of the tables of settings. */
#include "config/setting.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/assert.h"

/* Longer text is no number, bool or choice of ours. */
#define WORD_MAX 64

struct suffix {
    const char *text;
    int64_t factor;
};

static const struct suffix size_suffixes[] = {
    {"", 1},
    {"b", 1},
    {"k", 1024},
    {"kib", 1024},
    {"m", 1024 * 1024},
    {"mib", 1024 * 1024},
    {"g", 1024 * 1024 * 1024},
    {"gib", 1024 * 1024 * 1024},
    {"tib", 1024LL * 1024 * 1024 * 1024},
    {NULL, 0},
};

static const struct suffix duration_suffixes[] = {
    {"", 1},        {"ms", 1},       {"s", 1000}, {"min", 60000},
    {"h", 3600000}, {"d", 86400000}, {NULL, 0},
};

static const struct suffix no_suffixes[] = {
    {"", 1},
    {NULL, 0},
};

bool setting_is_text(const struct setting *s)
{
    return s->kind == SETTING_STRING || s->kind == SETTING_LIST;
}

const char *setting_unit(const struct setting *s)
{
    switch (s->kind) {
    case SETTING_SIZE:
        return "bytes";
    case SETTING_DURATION:
        return "ms";
    default:
        return "";
    }
}

const char *setting_kind_name(enum setting_kind kind)
{
    static const char *const names[] = {
        [SETTING_BOOL] = "bool",         [SETTING_INT] = "int",
        [SETTING_LONG] = "long",         [SETTING_DOUBLE] = "double",
        [SETTING_STRING] = "string",     [SETTING_LIST] = "list",
        [SETTING_ENUM] = "choice",       [SETTING_SIZE] = "size",
        [SETTING_DURATION] = "duration",
    };
    return names[kind];
}

/* Copy `text` without blanks at its ends. False if it is too long. */
static bool word_trim(const char *text, char word[WORD_MAX])
{
    size_t len;

    text += strspn(text, " \t\r\n\f");
    len = strlen(text);
    while (len > 0 && strchr(" \t\r\n\f", text[len - 1]) != NULL) {
        len--;
    }
    if (len >= WORD_MAX) {
        return false;
    }
    memcpy(word, text, len);
    word[len] = '\0';
    return true;
}

/* The factor of a suffix, or 0. */
static int64_t suffix_factor(const struct suffix *suffixes, const char *text)
{
    while (*text == ' ') {
        text++;
    }
    for (; suffixes->text != NULL; suffixes++) {
        if (strcasecmp(suffixes->text, text) == 0) {
            return suffixes->factor;
        }
    }
    return 0;
}

static bool number_parse(const char *word, const struct suffix *suffixes,
                         int64_t *ret_n)
{
    const char *p = word;
    bool negative = *p == '-';
    int64_t n = 0;
    int64_t factor;

    if (*p == '-' || *p == '+') {
        p++;
    }
    if (*p < '0' || *p > '9') {
        return false;
    }
    for (; *p >= '0' && *p <= '9'; p++) {
        int digit = negative ? -(*p - '0') : *p - '0';
        if (__builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, digit, &n)) {
            return false;
        }
    }
    factor = suffix_factor(suffixes, p);
    if (factor == 0 || __builtin_mul_overflow(n, factor, &n)) {
        return false;
    }
    *ret_n = n;
    return true;
}

static const struct suffix *suffixes_of(const struct setting *s, bool wanted)
{
    if (wanted && s->kind == SETTING_SIZE) {
        return size_suffixes;
    }
    if (wanted && s->kind == SETTING_DURATION) {
        return duration_suffixes;
    }
    return no_suffixes;
}

/* The range in words, units included. */
static void range_text(const struct setting *s, char *text, size_t len)
{
    const char *unit = setting_unit(s);
    const char *space = *unit == '\0' ? "" : " ";

    if (s->max == INT64_MAX) {
        snprintf(text, len, "at least %" PRId64 "%s%s", s->min, space, unit);
    } else {
        snprintf(text, len, "from %" PRId64 " to %" PRId64 "%s%s", s->min,
                 s->max, space, unit);
    }
}

static int number_fault(const struct setting *s, bool suffixes, struct err *err)
{
    const char *example = "";
    char range[96];

    if (suffixes && s->kind == SETTING_SIZE) {
        example = " or a size like 64MiB,";
    } else if (suffixes && s->kind == SETTING_DURATION) {
        example = " or a time like 10s,";
    }
    range_text(s, range, sizeof(range));
    return err_set(err, ERR_INVALID, "must be a whole number,%s %s", example,
                   range);
}

static int integer_value(const struct setting *s, const char *word,
                         bool suffixes, union setting_value *ret_v,
                         struct err *err)
{
    int64_t n;

    if (!number_parse(word, suffixes_of(s, suffixes), &n) || n < s->min ||
        n > s->max) {
        return number_fault(s, suffixes, err);
    }
    ret_v->number = n;
    return 0;
}

static int double_value(const struct setting *s, const char *word,
                        union setting_value *ret_v, struct err *err)
{
    char *end;
    double d = strtod(word, &end);

    if (*word == '\0' || *end != '\0' || !isfinite(d) || d < (double)s->min ||
        d > (double)s->max) {
        return err_set(err, ERR_INVALID,
                       "must be a number from %" PRId64 " to %" PRId64, s->min,
                       s->max);
    }
    ret_v->real = d;
    return 0;
}

static int bool_value(const char *word, union setting_value *ret_v,
                      struct err *err)
{
    if (strcasecmp(word, "true") == 0) {
        ret_v->number = 1;
    } else if (strcasecmp(word, "false") == 0) {
        ret_v->number = 0;
    } else {
        return err_set(err, ERR_INVALID, "must be true or false");
    }
    return 0;
}

/* True if `word` is member number *ret_i of the list "a,b,c". */
static bool list_find(const char *list, const char *word, int64_t *ret_i)
{
    size_t len = strlen(word);
    int64_t i = 0;

    for (const char *p = list; p != NULL; i++) {
        const char *comma = strchr(p, ',');
        size_t n = comma == NULL ? strlen(p) : (size_t)(comma - p);
        if (n == len && memcmp(p, word, n) == 0) {
            *ret_i = i;
            return true;
        }
        p = comma == NULL ? NULL : comma + 1;
    }
    return false;
}

static int value_parse(const struct setting *s, const char *text, bool suffixes,
                       union setting_value *ret_v, struct err *err)
{
    char word[WORD_MAX];

    if (setting_is_text(s)) {
        ret_v->number = 0;
        return 0;
    }
    if (!word_trim(text, word)) {
        return err_set(err, ERR_INVALID, "is too long");
    }
    switch (s->kind) {
    case SETTING_BOOL:
        return bool_value(word, ret_v, err);
    case SETTING_DOUBLE:
        return double_value(s, word, ret_v, err);
    case SETTING_ENUM:
        if (!list_find(s->choices, word, &ret_v->number)) {
            return err_set(err, ERR_INVALID, "must be one of %s", s->choices);
        }
        return 0;
    default:
        return integer_value(s, word, suffixes, ret_v, err);
    }
}

/* Is `text` the default, however it is spelled? */
static bool is_default(const struct setting *s, const char *text, bool suffixes)
{
    union setting_value v = {.number = 0};
    union setting_value d = {.number = 0};

    if (s->default_text == NULL) {
        return false;
    }
    if (setting_is_text(s)) {
        return strcmp(text, s->default_text) == 0;
    }
    return value_parse(s, text, suffixes, &v, NULL) == 0 &&
           value_parse(s, s->default_text, false, &d, NULL) == 0 &&
           v.number == d.number;
}

int setting_parse(const struct setting *s, const char *text, bool suffixes,
                  union setting_value *ret_v, struct err *err)
{
    union setting_value v = {.number = 0};
    int rc;

    if (s->treatment == SETTING_FIXED && !is_default(s, text, suffixes)) {
        if (s->default_text == NULL) {
            return err_set(err, ERR_INVALID, "is refused: %s", s->reason);
        }
        return err_set(err, ERR_INVALID,
                       "is refused: %s (only \"%s\" is "
                       "accepted)",
                       s->reason, s->default_text);
    }
    rc = value_parse(s, text, suffixes, &v, err);
    if (rc != 0) {
        return rc;
    }
    *ret_v = v;
    return 0;
}

static void choice_format(const char *choices, int64_t i, char *text,
                          size_t len)
{
    const char *p = choices;
    size_t n;

    for (; i > 0; i--) {
        p = strchr(p, ',');
        ASSERT(p != NULL);
        p++;
    }
    n = strcspn(p, ",");
    ASSERT(n < len);
    memcpy(text, p, n);
    text[n] = '\0';
}

void setting_format(const struct setting *s, union setting_value v, char *text,
                    size_t len)
{
    ASSERT(!setting_is_text(s));
    switch (s->kind) {
    case SETTING_BOOL:
        snprintf(text, len, "%s", v.number != 0 ? "true" : "false");
        break;
    case SETTING_DOUBLE:
        snprintf(text, len, "%.15g", v.real);
        break;
    case SETTING_ENUM:
        choice_format(s->choices, v.number, text, len);
        break;
    default:
        snprintf(text, len, "%" PRId64, v.number);
        break;
    }
}

int setting_find(const struct setting rows[], int n, const char *name)
{
    int64_t at;

    for (int i = 0; i < n; i++) {
        if (strcmp(rows[i].name, name) == 0 ||
            list_find(rows[i].aliases, name, &at)) {
            return i;
        }
    }
    return -1;
}

/* Edits (insert, delete, replace) that turn `a` into `b`; both are cut at
 * NAME_MAX_LEN. */
#define NAME_MAX_LEN 80
static int name_distance(const char *a, const char *b)
{
    int row[NAME_MAX_LEN + 1];
    int n_a = (int)strnlen(a, NAME_MAX_LEN);
    int n_b = (int)strnlen(b, NAME_MAX_LEN);

    for (int j = 0; j <= n_b; j++) {
        row[j] = j;
    }
    for (int i = 1; i <= n_a; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n_b; j++) {
            int replace = diagonal + (a[i - 1] != b[j - 1]);
            int other = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            diagonal = row[j];
            row[j] = replace < other ? replace : other;
        }
    }
    return row[n_b];
}

const char *setting_nearest(const struct setting rows[], int n,
                            const char *name, int *distance)
{
    /* More edits than a third of the name are another name. */
    int limit = 1 + (int)strnlen(name, NAME_MAX_LEN) / 3;
    const char *nearest = NULL;

    for (int i = 0; i < n; i++) {
        int d = name_distance(name, rows[i].name);
        if (d <= limit && d < *distance) {
            *distance = d;
            nearest = rows[i].name;
        }
    }
    return nearest;
}

static void explain_range(const struct setting *s, struct buf *out)
{
    char range[96];

    switch (s->kind) {
    case SETTING_ENUM:
        buf_printf(out, "  values     %s\n", s->choices);
        break;
    case SETTING_INT:
    case SETTING_LONG:
    case SETTING_DOUBLE:
    case SETTING_SIZE:
    case SETTING_DURATION:
        range_text(s, range, sizeof(range));
        buf_printf(out, "  range      %s\n", range);
        break;
    default:
        break;
    }
}

void setting_explain(const struct setting *s, struct buf *out)
{
    static const char *const treatments[] = {
        [SETTING_HONOURED] = "honoured",
        [SETTING_FIXED] = "fixed: other values are refused",
        [SETTING_REPORTED] = "accepted and shown, without effect",
    };
    const char *unit = setting_unit(s);

    buf_printf(out, "%s\n  %s\n", s->name, s->help);
    buf_printf(out, "  setting of %s%s\n",
               s->scope == SETTING_NODE ? "a node" : "a topic",
               s->dynamic ? ", may change while running" : "");
    buf_printf(out, "  kind       %s%s%s\n", setting_kind_name(s->kind),
               *unit == '\0' ? "" : ", in ", unit);
    explain_range(s, out);
    buf_printf(out, "  default    %s\n",
               s->default_text == NULL    ? "(none)"
               : *s->default_text == '\0' ? "(empty)"
                                          : s->default_text);
    buf_printf(out, "  treatment  %s\n", treatments[s->treatment]);
    if (s->reason != NULL) {
        buf_printf(out, "  because    %s\n", s->reason);
    }
    if (s->aliases != NULL) {
        buf_printf(out, "  also       %s\n", s->aliases);
    }
}
