/* Recovery, step 4: what was in flight becomes durable, or the node does not
 * start.
 *
 * A frame that is there may still lie in the device's cache only: its write
 * failed, or the process died before the write ended. Whoever reads it counts
 * it as stored, and a power cut would take it away for the second time, now as
 * damage. So frames that nothing calls durable, a few at most, are written
 * again where they stand, and flushed.
 */
#include <inttypes.h>

#include "base/assert.h"
#include "storage/recover_impl.h"

static int settle_frame(struct recover *r, const struct frame_facts *f)
{
    struct journal *j = r->j;
    char path[JOURNAL_PATH_MAX];
    struct bfile *file;
    const uint8_t *p;
    int rv = recover_read(r, f->slot, f->offset, f->length, &p);
    if (rv != 0) {
        return rv;
    }
    ring_path(j, f->slot, ".j", path);
    rv = bfile_open(j->env, path, FILE_READ | FILE_WRITE | FILE_DIRECT, &file,
                    r->err);
    if (rv != 0) {
        return rv;
    }
    rv = bfile_write(file, p, f->length, f->offset);
    rv = rv == 0 ? bfile_sync(file) : rv;
    bfile_close(file);
    return rv == 0
               ? 0
               : err_set(r->err, rv,
                         "%s: rewrite of frame %" PRIu64 " at %" PRIu64 ": %s",
                         path, f->seq, f->offset, err_text(rv));
}

void recover_note(struct recover *r, const struct frame_facts *f)
{
    r->recent[r->n_recent % JOURNAL_AHEAD_MAX] = *f;
    r->n_recent++;
}

int recover_settle(struct recover *r)
{
    uint64_t n =
        r->n_recent < JOURNAL_AHEAD_MAX ? r->n_recent : JOURNAL_AHEAD_MAX;
    int rv = 0;
    for (uint64_t i = r->n_recent - n; rv == 0 && i < r->n_recent; i++) {
        const struct frame_facts *f = &r->recent[i % JOURNAL_AHEAD_MAX];
        if (f->seq > r->durable) {
            rv = settle_frame(r, f);
        }
    }
    return rv;
}
