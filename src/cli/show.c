#include "cli/show.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "cli/escape.h"

#define VERBS "kvshtpoTdeKS%"

int show_check(const char *format, struct err *err)
{
    const char *p = format;
    char c;
    while (*p != '\0') {
        if (*p == '%') {
            if (p[1] == '\0' || strchr(VERBS, p[1]) == NULL) {
                return err_set(err, ERR_INVALID,
                               "%s: %%%c is not one of %%k %%v %%s %%h %%t "
                               "%%p %%o %%T %%d %%e %%K %%S %%%%",
                               format, p[1] != '\0' ? p[1] : ' ');
            }
            p += 2;
        } else if (!escape_next(&p, &c)) {
            return err_set(err, ERR_INVALID,
                           "%s: escapes are \\t \\n \\r \\0 \\\\ \\xHH",
                           format);
        }
    }
    return 0;
}

/* ---- text ---------------------------------------------------------------- */

static void put(FILE *f, struct slice s)
{
    if (s.len > 0) {
        fwrite(s.data, 1, s.len, f);
    }
}

static void put_headers(FILE *f, const struct shown *r)
{
    for (size_t i = 0; i < r->n_headers; i++) {
        if (i > 0) {
            fputc(',', f);
        }
        put(f, r->headers[i].key);
        fputc('=', f);
        put(f, r->headers[i].value);
    }
}

static void put_date(FILE *f, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[40];
    if (ms < 0 || gmtime_r(&seconds, &tm) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
        fputc('-', f);
        return;
    }
    fprintf(f, "%s.%03dZ", text, (int)(ms % 1000));
}

static void put_verb(FILE *f, char verb, const struct shown *r)
{
    switch (verb) {
    case 'k':
        put(f, r->key);
        break;
    case 'v':
    case 's':
        put(f, r->value);
        break;
    case 'h':
        put_headers(f, r);
        break;
    case 't':
        fputs(r->topic, f);
        break;
    case 'p':
        fprintf(f, "%" PRId32, r->partition);
        break;
    case 'o':
        fprintf(f, "%" PRId64, r->offset);
        break;
    case 'T':
        fprintf(f, "%" PRId64, r->timestamp);
        break;
    case 'd':
        put_date(f, r->timestamp);
        break;
    case 'e':
        fprintf(f, "%" PRId32, r->epoch);
        break;
    case 'K':
        fprintf(f, "%lld", r->key_null ? -1LL : (long long)r->key.len);
        break;
    case 'S':
        fprintf(f, "%lld", r->value_null ? -1LL : (long long)r->value.len);
        break;
    default:
        fputc('%', f);
        break;
    }
}

void show_text(FILE *f, const char *format, const struct shown *r)
{
    const char *p = format;
    char c = 0;
    while (*p != '\0') {
        if (*p == '%') {
            put_verb(f, p[1], r);
            p += 2;
        } else {
            ASSERT(escape_next(&p, &c));
            fputc(c, f);
        }
    }
}

/* ---- JSON ---------------------------------------------------------------- */

static json_t *base64_of(struct slice s)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = (s.len + 2) / 3 * 4, at = 0;
    json_t *list = NULL;
    char *text = NULL;
    FILE *f = open_memstream(&text, &at);
    if (f == NULL) {
        return json_null();
    }
    for (size_t i = 0; i < s.len; i += 3) {
        unsigned left = s.len - i < 3 ? (unsigned)(s.len - i) : 3;
        uint32_t v = (uint32_t)s.data[i] << 16 |
                     (left > 1 ? (uint32_t)s.data[i + 1] << 8 : 0) |
                     (left > 2 ? s.data[i + 2] : 0);
        fputc(letters[v >> 18], f);
        fputc(letters[v >> 12 & 63], f);
        fputc(left > 1 ? letters[v >> 6 & 63] : '=', f);
        fputc(left > 2 ? letters[v & 63] : '=', f);
    }
    fclose(f);
    ASSERT(at == len);
    list = json_stringn(text, at);
    free(text);
    return list;
}

/* Bytes as text, or under another name in base64. */
static void set_bytes(json_t *o, const char *name, const char *name_b64,
                      struct slice s, bool null)
{
    json_t *text =
        null ? json_null()
             : json_stringn(s.len > 0 ? (const char *)s.data : "", s.len);
    if (text != NULL) {
        json_object_set_new(o, name, text);
    } else {
        json_object_set_new(o, name_b64, base64_of(s));
    }
}

void show_json(FILE *f, const struct shown *r)
{
    json_t *o = json_object();
    json_t *headers = json_array();
    for (size_t i = 0; i < r->n_headers; i++) {
        json_t *h = json_object();
        set_bytes(h, "key", "key_b64", r->headers[i].key, false);
        set_bytes(h, "value", "value_b64", r->headers[i].value,
                  r->headers[i].value_null);
        json_array_append_new(headers, h);
    }
    json_object_set_new(o, "topic", json_string(r->topic));
    json_object_set_new(o, "partition", json_integer(r->partition));
    json_object_set_new(o, "offset", json_integer(r->offset));
    json_object_set_new(o, "timestamp",
                        r->timestamp < 0 ? json_null()
                                         : json_integer(r->timestamp));
    json_object_set_new(o, "epoch",
                        r->epoch < 0 ? json_null() : json_integer(r->epoch));
    set_bytes(o, "key", "key_b64", r->key, r->key_null);
    set_bytes(o, "value", "value_b64", r->value, r->value_null);
    json_object_set_new(o, "headers", headers);
    json_dumpf(o, f, JSON_COMPACT);
    fputc('\n', f);
    json_decref(o);
}
