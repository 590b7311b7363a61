#include "cli/offsets_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIELDS_MAX 4
#define NAME_LEN   4096
#define READ_BYTES 65536

/* ---- a line -------------------------------------------------------------- */

/* The next field of a line; quotes are taken off. */
static bool take_field(const uint8_t **p, const uint8_t *end,
                       struct slice *ret_f)
{
    const uint8_t *from = *p, *comma;
    if (from < end && *from == '"') {
        const uint8_t *quote = memchr(from + 1, '"', (size_t)(end - from - 1));
        if (quote == NULL || (quote + 1 < end && quote[1] != ',')) {
            return false;
        }
        *ret_f = slice_of(from + 1, (size_t)(quote - from - 1));
        *p = quote + 1;
        return true;
    }
    comma = memchr(from, ',', (size_t)(end - from));
    *p = comma != NULL ? comma : end;
    while (from < *p && *from == ' ') {
        from++;
    }
    *ret_f = slice_of(from, (size_t)(*p - from));
    while (ret_f->len > 0 && from[ret_f->len - 1] == ' ') {
        ret_f->len--;
    }
    return true;
}

/* How many fields; 0: too many, or a quote is open. */
static unsigned split(struct slice line, struct slice f[FIELDS_MAX])
{
    const uint8_t *p = line.data, *end = p + line.len;
    unsigned n = 0;
    for (;;) {
        if (n == FIELDS_MAX || !take_field(&p, end, &f[n++])) {
            return 0;
        }
        if (p == end) {
            return n;
        }
        p++; /* the comma */
    }
}

static bool number(struct slice s, int64_t max, int64_t *ret_n)
{
    int64_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        int digit = s.data[i] - '0';
        if (digit < 0 || digit > 9 || n > (max - digit) / 10) {
            return false;
        }
        n = n * 10 + digit;
    }
    *ret_n = n;
    return s.len > 0;
}

/* 1 taken, 0 another group's, ERR_INVALID. */
static int parse_line(struct slice line, struct slice group,
                      struct offsets_line *out)
{
    struct slice f[FIELDS_MAX];
    unsigned n = split(line, f);
    int64_t partition, offset;
    if (n < 3) {
        return ERR_INVALID;
    }
    if (f[n - 3].len == 0 || !number(f[n - 2], INT32_MAX, &partition) ||
        !number(f[n - 1], INT64_MAX, &offset)) {
        return ERR_INVALID;
    }
    if (n == 4 && !slice_equal(f[0], group)) {
        return 0;
    }
    out->topic = f[n - 3];
    out->partition = (int32_t)partition;
    out->offset = offset;
    return 1;
}

/* ---- all of them --------------------------------------------------------- */

static int by_partition(const void *a, const void *b)
{
    const struct offsets_line *x = a, *y = b;
    int order = slice_compare(x->topic, y->topic);
    order = order != 0
                ? order
                : (x->partition > y->partition) - (x->partition < y->partition);
    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static int check_twice(const char *name, const struct offsets_line *l,
                       unsigned n, struct err *err)
{
    for (unsigned i = 1; i < n; i++) {
        if (l[i].partition == l[i - 1].partition &&
            slice_equal(l[i].topic, l[i - 1].topic)) {
            return err_set(err, ERR_INVALID,
                           "%s:%u: partition %d of %.*s stands in line %u "
                           "already",
                           name, l[i].line, l[i].partition, (int)l[i].topic.len,
                           (const char *)l[i].topic.data, l[i - 1].line);
        }
    }
    return 0;
}

/* Without its end and blanks behind. */
static struct slice take_line(const uint8_t **p, const uint8_t *end)
{
    const uint8_t *from = *p;
    const uint8_t *stop = memchr(from, '\n', (size_t)(end - from));
    size_t len = (size_t)((stop != NULL ? stop : end) - from);
    *p = stop != NULL ? stop + 1 : end;
    while (len > 0 && (from[len - 1] == '\r' || from[len - 1] == ' ' ||
                       from[len - 1] == '\t')) {
        len--;
    }
    return slice_of(from, len);
}

static unsigned count_lines(struct slice text)
{
    unsigned n = 1;
    for (size_t i = 0; i < text.len; i++) {
        n += text.data[i] == '\n';
    }
    return n;
}

int offsets_file_parse(const char *name, struct slice text, struct slice group,
                       struct arena *a, struct offsets_line **ret_l,
                       unsigned *ret_n, struct err *err)
{
    const uint8_t *p = text.data, *end = p + text.len;
    unsigned n = 0, lines = text.len > 0 ? count_lines(text) : 0, line = 0;
    if (lines > OFFSETS_FILE_LINES_MAX + 1 ||
        text.len > OFFSETS_FILE_BYTES_MAX) {
        return err_set(err, ERR_TOOBIG,
                       "%s: more than %d lines or %u bytes; split it", name,
                       OFFSETS_FILE_LINES_MAX, OFFSETS_FILE_BYTES_MAX);
    }
    struct offsets_line *l = arena_calloc(a, lines + 1, sizeof *l);
    if (l == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    while (p < end) {
        struct slice one = take_line(&p, end);
        line++;
        int rv = one.len > 0 ? parse_line(one, group, &l[n]) : 0;
        if (rv < 0) {
            return err_set(err, ERR_INVALID,
                           "%s:%u: \"%.*s\": expected TOPIC,PARTITION,OFFSET",
                           name, line, (int)(one.len < 80 ? one.len : 80),
                           (const char *)one.data);
        }
        l[n].line = line;
        n += (unsigned)rv;
    }
    if (n > 0) {
        qsort(l, n, sizeof *l, by_partition);
    }
    *ret_l = l;
    *ret_n = n;
    return check_twice(name, l, n, err);
}

/* ---- files --------------------------------------------------------------- */

/* All of it, into the arena. */
static int read_all(FILE *f, const char *name, struct arena *a,
                    struct slice *ret_text, struct err *err)
{
    size_t len = 0, cap = READ_BYTES, got;
    uint8_t *text = arena_alloc(a, cap);
    while (text != NULL && (got = fread(text + len, 1, cap - len, f)) > 0) {
        len += got;
        if (len > OFFSETS_FILE_BYTES_MAX) {
            break; /* the parser says so */
        }
        if (len == cap) {
            uint8_t *more = arena_alloc(a, cap * 2);
            if (more != NULL) {
                memcpy(more, text, len);
            }
            text = more;
            cap *= 2;
        }
    }
    if (text == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (ferror(f)) {
        return err_set(err, ERR_IO, "%s: %s", name, strerror(errno));
    }
    *ret_text = slice_of(text, len);
    return 0;
}

int offsets_file_load(const char *name, struct slice group, struct arena *a,
                      struct offsets_line **ret_l, unsigned *ret_n,
                      struct err *err)
{
    bool standard = strcmp(name, "-") == 0;
    FILE *f = standard ? stdin : fopen(name, "re");
    struct slice text;
    if (f == NULL) {
        return err_set(err, ERR_IO, "%s: %s", name, strerror(errno));
    }
    int rv = read_all(f, name, a, &text, err);
    if (!standard) {
        fclose(f);
    }
    return rv == 0 ? offsets_file_parse(name, text, group, a, ret_l, ret_n, err)
                   : rv;
}

static bool print_all(FILE *f, const struct offsets_line l[], unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        fprintf(f, "%.*s,%d,%" PRId64 "\n", (int)l[i].topic.len,
                (const char *)l[i].topic.data, l[i].partition, l[i].offset);
    }
    return fflush(f) == 0 && !ferror(f);
}

/* A pipe, a device: written to, and never replaced by a file. */
static bool is_special(const char *name)
{
    struct stat st;
    return stat(name, &st) == 0 && !S_ISREG(st.st_mode);
}

/* 0, or errno. */
static int write_all(const char *name, const struct offsets_line l[],
                     unsigned n, bool durable)
{
    FILE *f = fopen(name, "we");
    if (f == NULL) {
        return errno;
    }
    bool ok = print_all(f, l, n) && (!durable || fsync(fileno(f)) == 0);
    int why = errno;
    if (fclose(f) != 0 && ok) {
        ok = false;
        why = errno;
    }
    if (!ok && durable) {
        (void)unlink(name);
    }
    return ok ? 0 : why;
}

int offsets_file_store(const char *name, const struct offsets_line l[],
                       unsigned n, struct err *err)
{
    char temporary[NAME_LEN];
    if (strcmp(name, "-") == 0) {
        return print_all(stdout, l, n)
                   ? 0
                   : err_set(err, ERR_IO, "standard output: %s",
                             strerror(errno));
    }
    if (snprintf(temporary, sizeof temporary, "%s.tmp", name) >=
        (int)sizeof temporary) {
        return err_set(err, ERR_TOOBIG, "%.80s...: too long a name", name);
    }
    bool special = is_special(name);
    int why = write_all(special ? name : temporary, l, n, !special);
    if (why == 0 && !special && rename(temporary, name) != 0) {
        why = errno;
        (void)unlink(temporary);
    }
    return why == 0 ? 0 : err_set(err, ERR_IO, "%s: %s", name, strerror(why));
}
