/* The plan: where a record goes, decided when it is appended. Numbers only, so
 * that it can be rehearsed. */
#include "base/assert.h"
#include "storage/journal_impl.h"

/* Place a record of `bytes` bytes and keep `keep` bytes of the ring free.
 * Changes *p only on success. Errors:
 * ERR_FULL, ERR_TOOBIG. */
int plan_add(const struct journal *j, struct plan *p, uint64_t bytes,
             bool new_group, uint64_t keep, enum place *ret_place)
{
    struct plan next = *p;
    uint64_t size =
        frame_length(p->at, p->len + bytes, p->n_groups + new_group);
    if (p->size > 0 && size <= j->frame_max && size <= p->left) {
        next.n_groups += new_group;
        next.len += (uint32_t)bytes;
        *ret_place = PLACE_FITS;
    } else {
        uint32_t n = bytes > 0;
        next.left -= next.size;
        next.at = frame_records_at(j->front);
        size = frame_length(next.at, bytes, n);
        if (size > j->file_bytes) { /* without room for others in front */
            next.at = frame_records_at(n);
            size = frame_length(next.at, bytes, n);
        }
        if (size > j->file_bytes) {
            return ERR_TOOBIG;
        }
        *ret_place = PLACE_FRAME;
        if (size > next.left) {
            if (next.n_free == 0) {
                return ERR_FULL;
            }
            next.n_free--;
            next.left = j->file_bytes;
            *ret_place = PLACE_FILE;
        }
        next.n_groups = n;
        next.len = (uint32_t)bytes;
    }
    next.size = size;
    uint64_t room =
        next.left - next.size + (uint64_t)next.n_free * j->file_bytes;
    if (room < keep) {
        return ERR_FULL;
    }
    *p = next;
    return 0;
}

/* As many of the entries as go into one record: what the frame under way
 * still takes, else a new frame. Moves the plan. */
int plan_take(const struct journal *j, struct plan *p,
              struct entry *const entries[], unsigned n, bool new_group,
              uint64_t keep, enum place *ret_place, unsigned *ret_n,
              uint64_t *ret_bytes)
{
    struct plan start = *p;
    uint64_t body = record_entry_bytes(entries[0]);
    unsigned take = 1;
    int rv = plan_add(j, p, record_bytes(body), new_group, keep, ret_place);
    if (rv != 0) {
        return rv;
    }
    while (take < n) {
        struct plan longer = start;
        enum place place;
        uint64_t more = body + record_entry_bytes(entries[take]);
        if (more > UINT32_MAX / 2 ||
            plan_add(j, &longer, record_bytes(more), new_group, keep, &place) !=
                0 ||
            place != *ret_place || longer.size > j->frame_max) {
            break;
        }
        *p = longer;
        body = more;
        take++;
    }
    *ret_n = take;
    *ret_bytes = record_bytes(body);
    return 0;
}
