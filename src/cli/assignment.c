#include "cli/assignment.h"

#include "base/cursor.h"
#include "base/err.h"

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
