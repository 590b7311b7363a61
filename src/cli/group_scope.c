#include "cli/group_scope.h"

/* A number of a list; its end is left in *p. */
static bool take_number(const char **p, int64_t *ret_n)
{
    int64_t n = 0;
    const char *from = *p;
    while (**p >= '0' && **p <= '9' && n <= INT32_MAX) {
        n = n * 10 + (*(*p)++ - '0');
    }
    *ret_n = n;
    return *p > from && n <= INT32_MAX;
}

/* The next N or N-M of the list. */
static bool take_range(const char **p, int64_t *ret_from, int64_t *ret_to)
{
    if (!take_number(p, ret_from)) {
        return false;
    }
    *ret_to = *ret_from;
    if (**p == '-') {
        (*p)++;
        if (!take_number(p, ret_to)) {
            return false;
        }
    }
    return *ret_to >= *ret_from && (**p == ',' || **p == '\0') &&
           !(**p == ',' && (*p)[1] == '\0');
}

/* How many numbers a list has; 0: it is malformed, or too long. */
static unsigned count(const char *p)
{
    int64_t from, to, n = 0;
    while (*p != '\0') {
        if (!take_range(&p, &from, &to)) {
            return 0;
        }
        n += to - from + 1;
        if (n > GROUP_SCOPE_PARTITIONS_MAX) {
            return 0;
        }
        p += *p == ',';
    }
    return (unsigned)n;
}

int group_scope_parse(const char *text, struct arena *a,
                      struct group_scope_topic *ret_t, struct err *err)
{
    const char *colon = strchr(text, ':');
    const char *p = colon != NULL ? colon + 1 : NULL;
    size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);
    unsigned n = p != NULL ? count(p) : 0;
    struct group_scope_topic t = {.topic = slice_of(text, len)};
    if (len == 0 || (p != NULL && n == 0)) {
        return err_set(err, ERR_INVALID,
                       "%.100s: expected TOPIC, or TOPIC:0,3-5 with the "
                       "numbers of partitions, at most %d",
                       text, GROUP_SCOPE_PARTITIONS_MAX);
    }
    t.partitions = arena_calloc(a, n + 1, sizeof *t.partitions);
    if (t.partitions == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    while (p != NULL && *p != '\0') {
        int64_t from = 0, to = 0;
        (void)take_range(&p, &from, &to); /* count() saw it */
        for (int64_t i = from; i <= to; i++) {
            t.partitions[t.n_partitions++] = (int32_t)i;
        }
        p += *p == ',';
    }
    *ret_t = t;
    return 0;
}

bool group_scope_has(const struct group_scope_topic *t, struct slice topic,
                     int32_t partition)
{
    if (!slice_equal(t->topic, topic)) {
        return false;
    }
    for (unsigned i = 0; i < t->n_partitions; i++) {
        if (t->partitions[i] == partition) {
            return true;
        }
    }
    return t->n_partitions == 0;
}
