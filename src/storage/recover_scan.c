/* Recovery, step 1: what every block of the ring says of itself. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "storage/recover_impl.h"

/* Read at once. */
#define WINDOW_BYTES (4u << 20)

/* ---- reading ------------------------------------------------------------- */

static int window_grow(struct recover *r, uint64_t len)
{
    if (len <= r->window_cap) {
        return 0;
    }
    /* Room to keep a part of a frame and read on. */
    uint64_t room = 2ull * r->j->file_bytes;
    room = room < 2 * WINDOW_BYTES ? room : 2 * WINDOW_BYTES;
    len = len < room ? room : len;
    mem_free(r->j->mem, r->raw);
    r->window_cap = r->window_len = 0;
    size_t align = len < MEM_HUGE_BYTES ? FORMAT_BLOCK : MEM_HUGE_BYTES;
    r->raw = mem_alloc(r->j->mem, len + align);
    if (r->raw == NULL) {
        return err_set(r->err, ERR_NOMEM, "no memory for %" PRIu64 " bytes",
                       len);
    }
    r->window = (uint8_t *)(((uintptr_t)r->raw + align - 1) & ~(align - 1));
    mem_advise_huge(r->window, len);
    r->window_cap = len;
    return 0;
}

/* Bytes of the window from `at` on. */
static uint64_t window_has(const struct recover *r, uint32_t slot, uint64_t at)
{
    if (slot != r->window_slot || at < r->window_at ||
        at - r->window_at > r->window_len) {
        return 0;
    }
    return r->window_len - (at - r->window_at);
}

/* What the window has of the range is kept, so that reading on in a file reads
 * every byte once. */
int recover_read_some(struct recover *r, uint32_t slot, uint64_t at,
                      uint64_t len, uint64_t want, const uint8_t **ret_p)
{
    uint64_t has = window_has(r, slot, at);
    if (len <= has) {
        *ret_p = r->window + (at - r->window_at);
        return 0;
    }
    want = want < len - has ? len - has : want;
    if (want > r->j->file_bytes - at - has) {
        want = r->j->file_bytes - at - has;
    }
    if (has + want > r->window_cap) {
        want += has;
        has = 0;
    }
    int rv = window_grow(r, want);
    if (rv != 0) {
        return rv;
    }
    if (has > 0) {
        memmove(r->window, r->window + (at - r->window_at), has);
    }
    size_t n = 0;
    r->window_len = 0;
    rv = bfile_read(r->files[slot - 1], r->window + has, want, at + has, &n);
    if (rv != 0) {
        char path[JOURNAL_PATH_MAX];
        ring_path(r->j, slot, ".j", path);
        return err_set(r->err, rv, "%s: read at %" PRIu64 ": %s", path,
                       at + has, err_text(rv));
    }
    memset(r->window + has + n, 0, want - n);
    r->window_slot = slot;
    r->window_at = at;
    r->window_len = has + want;
    r->out->bytes += want;
    *ret_p = r->window;
    return 0;
}

int recover_read(struct recover *r, uint32_t slot, uint64_t at, uint64_t len,
                 const uint8_t **ret_p)
{
    return recover_read_some(r, slot, at, len, WINDOW_BYTES, ret_p);
}

int recover_files_open(struct recover *r)
{
    struct journal *j = r->j;
    r->files = mem_calloc(j->mem, j->n_files, sizeof *r->files);
    if (r->files == NULL) {
        return err_set(r->err, ERR_NOMEM, "no memory");
    }
    for (unsigned i = 0; i < j->n_files; i++) {
        char path[JOURNAL_PATH_MAX];
        if (j->files[i].state == JFILE_PREPARING) {
            continue;
        }
        ring_path(j, i + 1, ".j", path);
        int rv = bfile_open(j->env, path, FILE_READ | FILE_DIRECT, &r->files[i],
                            r->err);
        if (rv == 0) {
            rv = bfile_drop_cache(r->files[i]);
            rv = rv == ERR_UNSUPPORTED ? 0 : rv;
            if (rv != 0) {
                err_set(r->err, rv, "%s: drop cache: %s", path, err_text(rv));
            }
        }
        if (rv != 0) {
            return rv;
        }
    }
    return 0;
}

void recover_close(struct recover *r)
{
    for (unsigned i = 0; r->files != NULL && i < r->j->n_files; i++) {
        bfile_close(r->files[i]);
    }
    mem_free(r->j->mem, r->files);
    mem_free(r->j->mem, r->raw);
    mem_free(r->j->mem, r->seen);
    mem_free(r->j->mem, r->roster);
    loader_close(&r->loader);
}

/* ---- scan ---------------------------------------------------------------- */

struct sighting recover_sighting(struct recover *r, const struct frame_facts *f,
                                 bool trailer)
{
    if (f->durable > r->durable) {
        r->durable = f->durable;
    }
    if (f->checkpoint > r->claimed) {
        r->claimed = f->checkpoint;
    }
    return (struct sighting){.seq = f->seq,
                             .epoch = f->epoch,
                             .generation = f->generation,
                             .durable = f->durable,
                             .checkpoint = f->checkpoint,
                             .offset = f->offset,
                             .length = f->length,
                             .slot = f->slot,
                             .trailer = trailer};
}

static int sighting_add(struct recover *r, const struct frame_facts *f,
                        bool trailer)
{
    if (r->n_seen == r->cap_seen) {
        size_t cap = r->cap_seen == 0 ? 256 : r->cap_seen * 2;
        void *p = mem_realloc(r->j->mem, r->seen, cap * sizeof *r->seen);
        if (p == NULL) {
            return err_set(r->err, ERR_NOMEM, "no memory for %zu frames", cap);
        }
        r->seen = p;
        r->cap_seen = cap;
    }
    r->seen[r->n_seen++] = recover_sighting(r, f, trailer);
    return 0;
}

/* Facts that stand where they say, of this ring, not dead and not cut. */
bool recover_facts_count(struct recover *r, const struct frame_facts *f,
                         uint32_t slot)
{
    if (!uuid_equal(f->ring, r->c->ring) || f->slot != slot ||
        f->offset > r->j->file_bytes ||
        f->length > r->j->file_bytes - f->offset) {
        return false;
    }
    if (f->generation > r->j->generation) {
        r->j->generation = f->generation;
    }
    if (f->epoch > r->epoch) {
        r->epoch = f->epoch;
    }
    return f->seq >= r->c->tail &&
           (f->seq < r->c->epoch_frame || f->epoch >= r->c->epoch);
}

static int scan_block(struct recover *r, const uint8_t *p, uint32_t slot,
                      uint64_t at)
{
    struct frame_facts f;
    if (le64_load(p) == FRAME_MAGIC && frame_decode_facts(p, false, &f) == 0 &&
        f.offset == at && recover_facts_count(r, &f, slot)) {
        int rv = sighting_add(r, &f, false);
        if (rv != 0) {
            return rv;
        }
    }
    const uint8_t *t = p + FORMAT_BLOCK - FRAME_FACTS_BYTES;
    if (le64_load(t) == TRAILER_MAGIC && frame_decode_facts(t, true, &f) == 0 &&
        f.offset + f.length == at + FORMAT_BLOCK &&
        recover_facts_count(r, &f, slot)) {
        const struct sighting *s =
            r->n_seen == 0 ? NULL : &r->seen[r->n_seen - 1];
        if (s == NULL || s->seq != f.seq || s->epoch != f.epoch ||
            s->slot != slot) {
            return sighting_add(r, &f, true);
        }
    }
    return 0;
}

int recover_scan_file(struct recover *r, uint32_t slot, uint64_t at,
                      uint64_t end)
{
    uint64_t len;
    for (; r->files[slot - 1] != NULL && at < end; at += len) {
        const uint8_t *p;
        len = window_has(r, slot, at);
        if (len == 0) {
            len = end - at;
            len = len < WINDOW_BYTES ? len : WINDOW_BYTES;
        }
        int rv = recover_read(r, slot, at, len, &p);
        for (uint64_t i = 0; rv == 0 && i < len; i += FORMAT_BLOCK) {
            rv = scan_block(r, p + i, slot, at + i);
        }
        if (rv != 0) {
            return rv;
        }
    }
    return 0;
}

/* By frame, the newest epoch first, headers before trailers. */
static int sighting_compare(const void *a, const void *b)
{
    const struct sighting *x = a;
    const struct sighting *y = b;
    if (x->seq != y->seq) {
        return x->seq < y->seq ? -1 : 1;
    }
    if (x->epoch != y->epoch) {
        return x->epoch > y->epoch ? -1 : 1;
    }
    return x->trailer - y->trailer;
}

int recover_scan(struct recover *r)
{
    for (unsigned i = 0; i < r->j->n_files; i++) {
        int rv = recover_scan_file(r, i + 1, 0, r->j->file_bytes);
        if (rv != 0) {
            return rv;
        }
    }
    return 0;
}

void recover_sort(struct recover *r)
{
    if (r->n_seen > 0) {
        qsort(r->seen, r->n_seen, sizeof *r->seen, sighting_compare);
    }
}
