/* setting.h - one row of the tables of settings, and parsing by it. */
#ifndef CONFIG_SETTING_H
#define CONFIG_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum setting_kind {
    SETTING_BOOL,
    SETTING_INT,  /* 32 bits */
    SETTING_LONG, /* 64 bits */
    SETTING_DOUBLE,
    SETTING_STRING,
    SETTING_LIST,
    SETTING_ENUM,
    SETTING_SIZE,    /* bytes; KiB, MiB, GiB may follow */
    SETTING_DURATION /* milliseconds; ms, s, min, h, d may follow */
};

/* What Kafka calls the type in DescribeConfigs (KIP-569). */
enum setting_type {
    SETTING_TYPE_BOOL = 1,
    SETTING_TYPE_STRING = 2,
    SETTING_TYPE_INT = 3,
    SETTING_TYPE_LONG = 5,
    SETTING_TYPE_DOUBLE = 6,
    SETTING_TYPE_LIST = 7
};

enum setting_treatment {
    SETTING_HONOURED,
    SETTING_FIXED,   /* only the default; another value is refused: reason */
    SETTING_REPORTED /* accepted and shown, without effect: reason */
};

enum setting_scope { SETTING_NODE, SETTING_TOPIC };

struct setting {
    const char *name;
    const char *aliases;      /* other accepted names "a,b", or NULL */
    const char *default_text; /* canonical; NULL: none until set */
    const char *choices;      /* "a,b,c" for SETTING_ENUM */
    const char *reason;       /* FIXED, REPORTED: why */
    const char *help;         /* one or two sentences */
    int64_t min;              /* numbers: range, inclusive */
    int64_t max;
    enum setting_kind kind;
    enum setting_type type;
    enum setting_treatment treatment;
    enum setting_scope scope;
    bool dynamic;  /* may change while running */
    bool kafka;    /* a name of Apache Kafka's */
    int topic;     /* node rows: 1 + the topic setting it is the default of */
    int64_t scale; /* of that: 60000 for minutes */
};

/* A parsed value: `number` for all but doubles and text; enums: the index. */
union setting_value {
    int64_t number;
    double real;
};

/* Parse `text` by the row. `suffixes`: sizes and durations may carry units
 * (in files of a node, not in Kafka's protocol). Text kinds are accepted and
 * give 0. On success *ret_v is set. Errors: ERR_INVALID, `err` saying "must
 * be ..." or why it is refused; it does not name the setting. */
int setting_parse(const struct setting *s, const char *text, bool suffixes,
                  union setting_value *ret_v, struct err *err);

/* Write a value in canonical form (no unit suffix). Not for text kinds. */
void setting_format(const struct setting *s, union setting_value v, char *text,
                    size_t len);

/* True for kinds whose value is the text itself. */
bool setting_is_text(const struct setting *s);

/* "ms", "bytes" or "". */
const char *setting_unit(const struct setting *s);

/* The word of a kind: "bool", "size", ... */
const char *setting_kind_name(enum setting_kind kind);

/* The index of the row named `name` (or with that alias), or -1. */
int setting_find(const struct setting rows[], int n, const char *name);

/* The name in `rows` closest to `name`, or NULL if none is near. *distance
 * holds the distance to beat (start with SETTING_FAR) and is lowered. */
#define SETTING_FAR 1000
const char *setting_nearest(const struct setting rows[], int n,
                            const char *name, int *distance);

/* Write name, kind, range, default, treatment and help for a person. */
void setting_explain(const struct setting *s, struct buf *out);

#endif
