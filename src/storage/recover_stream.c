/* Recovery, the short way: only files that the roster lists, and of these
 * only what is not dead, read once and in order.
 *
 * Frames are applied as they come while each stands, valid, where its
 * predecessor says. Where one does not, nothing is decided here: every block
 * from there on is scanned, and the walk goes on as it would over the whole
 * ring. What lies behind us can change none of its decisions: frames there are
 * below the one we look for (applied), or dead, or were cut.
 */
#include <inttypes.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "storage/recover_impl.h"

/* Items from *ret_from on are not dead. False: the roster and the checkpoint
 * do not fit together. */
static bool roster_fits(const struct recover *r, uint32_t *ret_from)
{
    uint64_t tail = r->c->tail;
    uint32_t i = 0;
    while (i + 1 < r->n_roster && r->roster[i + 1].first != 0 &&
           r->roster[i + 1].first <= tail) {
        i++;
    }
    *ret_from = i;
    return r->roster[i].first <= tail;
}

/* A file that is not to be read must not show, where a use of it begins, a
 * frame that counts, nor what is no frame at all. */
static int file_peek(struct recover *r, uint32_t slot, bool *ret_dead)
{
    struct frame_facts f;
    const uint8_t *p;
    int rv = recover_read_some(r, slot, 0, FORMAT_BLOCK, FORMAT_BLOCK, &p);
    if (rv != 0) {
        return rv;
    }
    if (le64_load(p) == 0) {
        *ret_dead = true; /* never used */
        return 0;
    }
    *ret_dead = le64_load(p) == FRAME_MAGIC &&
                frame_decode_facts(p, false, &f) == 0 && f.offset == 0 &&
                !recover_facts_count(r, &f, slot);
    return 0;
}

static int others_dead(struct recover *r, uint32_t from, bool *ret_dead)
{
    int rv = 0;
    *ret_dead = true;
    for (unsigned i = 0; rv == 0 && *ret_dead && i < r->j->n_files; i++) {
        bool listed = r->files[i] == NULL;
        for (uint32_t k = from; !listed && k < r->n_roster; k++) {
            listed = r->roster[k].slot == i + 1;
        }
        if (!listed) {
            rv = file_peek(r, i + 1, ret_dead);
        }
    }
    return rv;
}

/* Apply the frame that stands at a place. ERR_CORRUPT: it is not the next. */
static int stream_frame(struct recover *r, uint32_t slot, uint64_t at)
{
    struct frame_facts f;
    const uint8_t *p;
    if (r->files[slot - 1] == NULL || at >= r->j->file_bytes) {
        return ERR_CORRUPT;
    }
    int rv = recover_read(r, slot, at, FORMAT_BLOCK, &p);
    if (rv != 0) {
        return rv;
    }
    if (le64_load(p) != FRAME_MAGIC || frame_decode_facts(p, false, &f) != 0 ||
        f.offset != at || f.seq != r->seq ||
        !recover_facts_count(r, &f, slot)) {
        return ERR_CORRUPT;
    }
    struct sighting s = recover_sighting(r, &f, false);
    rv = recover_frame(r, &s);
    if (rv == 0) {
        r->seq++;
    }
    return rv;
}

/* Ends at the place of roster item *i where the next frame is not. *ret_stale:
 * a frame stands where the roster knows of none. */
static int stream_walk(struct recover *r, uint32_t *i, uint64_t *at,
                       bool *ret_stale)
{
    for (;;) {
        uint64_t seq = r->seq;
        int rv = stream_frame(r, r->roster[*i].slot, *at);
        if (rv == ERR_CORRUPT && *at > 0 && *i + 1 < r->n_roster) {
            rv = stream_frame(r, r->roster[*i + 1].slot, 0);
            *i += rv == 0;
        }
        if (rv != 0) {
            return rv == ERR_CORRUPT ? 0 : rv;
        }
        ASSERT(r->seq == seq + 1 && r->prev.slot == r->roster[*i].slot);
        *at = r->prev.offset + r->prev.length;
        *ret_stale |= *at > r->roster[*i].limit;
    }
}

int recover_stream(struct recover *r, bool *ret_done)
{
    uint32_t i;
    uint64_t at = 0;
    bool dead = false;
    bool stale = false;
    *ret_done = false;
    if (r->n_roster == 0 || !roster_fits(r, &i)) {
        return 0;
    }
    int rv = others_dead(r, i, &dead);
    if (rv != 0 || !dead) {
        return rv;
    }
    rv = stream_walk(r, &i, &at, &stale);
    *ret_done = true;
    if (rv == 0 && stale) {
        return recover_scan(r);
    }
    for (; rv == 0 && i < r->n_roster; i++, at = 0) {
        rv = recover_scan_file(r, r->roster[i].slot, at, r->roster[i].limit);
    }
    return rv;
}
