#include "cli/assignment.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/cursor.h"
#include "base/err.h"

#define TOPIC_LEN_MAX 249 /* of a name in Kafka */

/* Walk it: with `out` NULL only count. A topic takes six bytes at least, a
 * partition four, so that counts that are too high end soon. */
static unsigned walk(struct cursor *c, struct assignment_part *out)
{
    unsigned n = 0;
    uint32_t n_topics;
    if ((int16_t)cursor_u16(c) < 0) {
        cursor_fail(c);
    }
    n_topics = cursor_u32(c);
    if (n_topics > cursor_left(c) / 6) {
        cursor_fail(c);
    }
    for (uint32_t i = 0; i < n_topics && c->status == 0; i++) {
        int16_t len = (int16_t)cursor_u16(c);
        struct slice topic = cursor_take(c, len > 0 ? (size_t)len : SIZE_MAX);
        uint32_t n_partitions = cursor_u32(c);
        if (n_partitions > cursor_left(c) / 4) {
            cursor_fail(c);
        }
        for (uint32_t k = 0; k < n_partitions && c->status == 0; k++) {
            int32_t partition = (int32_t)cursor_u32(c);
            if (partition < 0) {
                cursor_fail(c);
            }
            if (out != NULL) {
                out[n] = (struct assignment_part){topic, partition};
            }
            n++;
        }
    }
    return n;
}

int assignment_decode(struct slice bytes, struct arena *a,
                      struct assignment_part **ret_p, unsigned *ret_n)
{
    struct cursor c;
    unsigned n = 0;
    if (bytes.len > 0) {
        cursor_init(&c, bytes);
        n = walk(&c, NULL);
        if (c.status != 0) {
            return ERR_PROTOCOL;
        }
    }
    struct assignment_part *p = arena_calloc(a, (size_t)n + 1, sizeof *p);
    if (p == NULL) {
        return ERR_NOMEM;
    }
    if (n > 0) {
        cursor_init(&c, bytes);
        (void)walk(&c, p);
    }
    *ret_p = p;
    *ret_n = n;
    return 0;
}

/* How many partitions from `at` on follow one another. */
static unsigned run_of(const struct assignment_part parts[], unsigned n,
                       unsigned at)
{
    unsigned run = 1;
    while (at + run < n &&
           slice_equal(parts[at + run].topic, parts[at].topic) &&
           parts[at + run].partition ==
               (int64_t)parts[at].partition + (int64_t)run) {
        run++;
    }
    return run;
}

void assignment_text(const struct assignment_part parts[], unsigned n,
                     char *out, size_t size)
{
    char one[TOPIC_LEN_MAX + 40];
    size_t len = 0;
    ASSERT(size >= ASSIGNMENT_TEXT_MIN);
    out[0] = '\0';
    for (unsigned i = 0, run; i < n; i += run) {
        struct slice topic = parts[i].topic;
        run = run_of(parts, n, i);
        int used = snprintf(
            one, sizeof one, "%s%.*s/%d", i > 0 ? " " : "",
            (int)(topic.len < TOPIC_LEN_MAX ? topic.len : TOPIC_LEN_MAX),
            (const char *)topic.data, parts[i].partition);
        if (run > 1) {
            used += snprintf(one + used, sizeof one - (size_t)used, "-%d",
                             parts[i + run - 1].partition);
        }
        if (len + (size_t)used + sizeof " ..." > size) {
            memcpy(out + len, " ...", sizeof " ...");
            return;
        }
        memcpy(out + len, one, (size_t)used + 1);
        len += (size_t)used;
    }
}
