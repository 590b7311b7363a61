#include <string.h>

#include "replica/impl.h"

void epochs_init(struct epochs *e, struct mem *mem)
{
    *e = (struct epochs){.mem = mem};
}

void epochs_close(struct epochs *e)
{
    mem_free(e->mem, e->v);
    *e = (struct epochs){.mem = e->mem};
}

static int reserve(struct epochs *e, size_t n)
{
    if (n <= e->cap) {
        return 0;
    }
    size_t cap = n < 8 ? 8 : n * 2;
    struct manifest_epoch *v = mem_realloc(e->mem, e->v, cap * sizeof *v);
    if (v == NULL) {
        return ERR_NOMEM;
    }
    e->v = v;
    e->cap = cap;
    return 0;
}

int epochs_add(struct epochs *e, uint64_t term, int64_t offset)
{
    if (e->n > 0 && e->v[e->n - 1].term >= term) {
        return 0;
    }
    int rv = reserve(e, e->n + 1);
    if (rv == 0) {
        e->v[e->n++] = (struct manifest_epoch){term, offset};
    }
    return rv;
}

void epochs_truncate(struct epochs *e, uint64_t term)
{
    while (e->n > 0 && e->v[e->n - 1].term > term) {
        e->n--;
    }
}

int epochs_set(struct epochs *e, const struct manifest_epoch *v, size_t n)
{
    int rv = reserve(e, n);
    if (rv != 0) {
        return rv;
    }
    if (n > 0) {
        memcpy(e->v, v, n * sizeof *v);
    }
    e->n = n;
    return 0;
}

void epochs_trim(struct epochs *e, int64_t log_start)
{
    size_t k = 0;
    while (k + 1 < e->n && e->v[k + 1].offset <= log_start) {
        k++;
    }
    if (k > 0) {
        memmove(e->v, e->v + k, (e->n - k) * sizeof *e->v);
        e->n -= k;
    }
}

size_t epochs_upto(const struct epochs *e, uint64_t term)
{
    size_t n = e->n;
    while (n > 0 && e->v[n - 1].term > term) {
        n--;
    }
    return n;
}

/* ---- both lists as one -------------------------------------------------- */

/* How many items of `ahead` are of terms that are applied by now: those stand
 * in the other list. */
static size_t overlap(const struct replica *r)
{
    const struct epochs *e = &r->epochs;
    return e->n > 0 ? epochs_upto(&r->ahead, e->v[e->n - 1].term) : 0;
}

static size_t n_items(const struct replica *r)
{
    return r->epochs.n + r->ahead.n - overlap(r);
}

static const struct manifest_epoch *item(const struct replica *r, size_t i)
{
    return i < r->epochs.n ? &r->epochs.v[i]
                           : &r->ahead.v[i - r->epochs.n + overlap(r)];
}

static size_t items_upto(const struct replica *r, uint64_t term)
{
    size_t n = n_items(r);
    while (n > 0 && item(r, n - 1)->term > term) {
        n--;
    }
    return n;
}

int replica_epoch_end(const struct replica *r, int32_t epoch,
                      int32_t *ret_epoch, int64_t *ret_end)
{
    size_t all = n_items(r);
    uint64_t latest = all > 0 ? item(r, all - 1)->term : 0;
    if (r->group != NULL && group_role(r->group) == GROUP_LEADER &&
        group_term(r->group) > latest) {
        latest = group_term(r->group);
    }
    if (epoch < 0 || (uint64_t)epoch > latest) {
        return ERR_NOTFOUND;
    }
    size_t n = items_upto(r, (uint64_t)epoch);
    if ((uint64_t)epoch == latest) {
        *ret_epoch = epoch;
        *ret_end = replica_log_end(r);
        return 0;
    }
    if (all == 0) {
        return ERR_NOTFOUND;
    }
    /* Of one that is below all that are known, nothing is left. */
    *ret_epoch = n > 0 ? (int32_t)item(r, n - 1)->term : epoch;
    *ret_end = n < all ? item(r, n)->offset : replica_log_end(r);
    return 0;
}

int32_t replica_epoch_of(const struct replica *r, int64_t offset)
{
    for (size_t i = n_items(r); i > 0; i--) {
        if (item(r, i - 1)->offset <= offset) {
            return (int32_t)item(r, i - 1)->term;
        }
    }
    return -1;
}
