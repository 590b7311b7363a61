/* The roster: which files of the ring may hold frames that count, and up to
 * where, so that recovery reads these only. Two files, written alternately,
 * small.
 *
 * What holds, and where it is enforced:
 *   1  A frame is written only when a durable roster lists this use of its
 *      file with a limit at or behind its end (journal_pump() waits,
 *      frame_submit() asserts).
 *   2  Every roster lists all live files, and no limit of one goes down; a
 *      file leaves `live` only when a durable checkpoint says that its frames
 *      are dead (ring_release()).
 *   3  A file that a roster no longer lists must be listed again before it is
 *      written to (roster_encode() forgets it).
 * So a frame at or above the tail of the newest durable checkpoint lies where
 * the newest durable roster says. Recovery takes its word only if that
 * checkpoint is of the same run, and both checkpoints and both rosters are
 * whole; else it reads the whole ring.
 *
 * Limits are raised, and the next file is listed, one step ahead, so that
 * nobody waits for a roster unless steps fill faster than it is written.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "storage/journal_impl.h"

#define ROSTER_STEP (16ull << 20)

static void roster_path(const struct journal *j, unsigned slot,
                        char out[JOURNAL_PATH_MAX])
{
    int n = snprintf(out, JOURNAL_PATH_MAX, "%s/roster.%u", j->path, slot);
    ASSERT(n > 0 && n < JOURNAL_PATH_MAX);
}

static size_t roster_bytes(const struct journal *j)
{
    return format_blocks(ROSTER_BYTES +
                         (uint64_t)j->n_files * ROSTER_ITEM_BYTES);
}

/* ---- writing ------------------------------------------------------------- */

/* Beyond the end a restart reads two steps at most. */
static uint64_t step_bytes(const struct journal *j)
{
    uint64_t part = j->file_bytes / 4;
    return part < ROSTER_STEP ? part : ROSTER_STEP;
}

static uint64_t limit_at(const struct journal *j, uint64_t at)
{
    uint64_t limit = format_blocks(at);
    return limit < j->file_bytes ? limit : j->file_bytes;
}

/* What is planned of the current file. */
static uint64_t cur_end(const struct journal *j)
{
    return j->file_bytes - (j->plan.left - j->plan.size);
}

/* The file that is needed soon. NULL: not yet, or none is free. */
static struct jfile *next_soon(const struct journal *j)
{
    bool soon =
        j->cur == NULL || j->file_bytes - cur_end(j) < 2 * step_bytes(j);
    return soon ? ring_next(j) : NULL;
}

static void item_encode(struct journal *j, uint32_t n, struct jfile *f,
                        uint64_t limit)
{
    uint8_t *p = j->roster.data + ROSTER_BYTES + n * ROSTER_ITEM_BYTES;
    limit = limit < f->limit ? f->limit : limit;
    le32_store(p + ROSTER_ITEM_AT_SLOT, f->slot);
    le32_store(p + ROSTER_ITEM_AT_LIMIT, (uint32_t)(limit / FORMAT_BLOCK));
    le64_store(p + ROSTER_ITEM_AT_FIRST, f->first_frame);
    f->limit_next = limit;
}

/* The live files, oldest first, and the one that would come next. */
static void roster_encode(struct journal *j)
{
    struct roster *r = &j->roster;
    struct jfile *next = next_soon(j);
    uint64_t ahead = 2 * step_bytes(j);
    struct queue *q;
    struct queue *tmp;
    uint32_t n = 0;
    memset(r->data, 0, r->len);
    for (unsigned i = 0; i < j->n_files; i++) {
        struct jfile *f = &j->files[i];
        if (f->state != JFILE_LIVE && f != next) {
            f->limit = f->limit_next = 0;
        }
    }
    QUEUE_FOREACH(q, tmp, &j->live)
    {
        struct jfile *f = QUEUE_ENTRY(q, struct jfile, queue);
        item_encode(j, n++, f,
                    f == j->cur ? limit_at(j, cur_end(j) + ahead)
                                : j->file_bytes);
    }
    if (next != NULL) {
        item_encode(j, n++, next, limit_at(j, ahead));
    }
    uint8_t *p = r->data;
    le64_store(p + ROSTER_AT_MAGIC, ROSTER_MAGIC);
    le16_store(p + ROSTER_AT_VERSION, FORMAT_VERSION);
    le32_store(p + ROSTER_AT_FILES, n);
    memcpy(p + ROSTER_AT_RING, j->ring.b, 16);
    le64_store(p + ROSTER_AT_SEQ, r->seq + 1);
    le64_store(p + ROSTER_AT_EPOCH, j->epoch);
    le32_store(p + ROSTER_AT_BODY_CRC,
               crc32c(p + ROSTER_BYTES, n * ROSTER_ITEM_BYTES));
    le32_store(p + ROSTER_AT_CRC, crc32c(p, ROSTER_AT_CRC));
}

bool roster_allows(const struct jframe *f)
{
    uint64_t length = f->journal->plan.size;
    if (f != f->journal->gather) {
        length = frame_length(f->facts.records_at, f->facts.records_len,
                              f->facts.n_groups);
    }
    return f->facts.offset + length <= f->file->limit;
}

/* Something planned is beyond its limit, or soon will be. */
static bool roster_due(const struct journal *j)
{
    uint64_t step = step_bytes(j);
    struct queue *q;
    struct queue *tmp;
    QUEUE_FOREACH(q, tmp, &j->live)
    {
        const struct jfile *f = QUEUE_ENTRY(q, struct jfile, queue);
        uint64_t end = j->file_bytes;
        if (f == j->cur) {
            end = j->closing ? cur_end(j) : limit_at(j, cur_end(j) + step);
        }
        if (f->limit_next < end) {
            return true;
        }
    }
    const struct jfile *next = j->closing ? NULL : next_soon(j);
    return next != NULL && next->limit_next == 0;
}

static void roster_durable(struct journal *j)
{
    j->roster.seq++;
    for (unsigned i = 0; i < j->n_files; i++) {
        j->files[i].limit = j->files[i].limit_next;
    }
}

static void roster_written(struct file_io *io, int64_t result)
{
    struct journal *j = io->data;
    struct roster *r = &j->roster;
    if (result != (int64_t)r->len) {
        char path[JOURNAL_PATH_MAX];
        roster_path(j, (r->seq + 1) & 1, path);
        env_fail(j->env, result < 0 ? (int)result : ERR_IO,
                 "journal: %s: durable write of %zu bytes failed: %s", path,
                 r->len, result < 0 ? err_text((int)result) : "short write");
    }
    r->writing = false;
    roster_durable(j);
    journal_pump(j, true);
    env_turn_request(j->env, &j->turn);
}

void roster_poll(struct journal *j)
{
    struct roster *r = &j->roster;
    if (r->writing || !roster_due(j)) {
        return;
    }
    roster_encode(j);
    r->writing = true;
    int rv = file_write(r->files[(r->seq + 1) & 1], &r->io, r->data, r->len, 0,
                        true, roster_written, j);
    if (rv != 0) {
        env_fail(j->env, rv, "journal: cannot submit a roster: %s",
                 err_text(rv));
    }
}

static int roster_write_blocking(struct journal *j, struct err *err)
{
    struct roster *r = &j->roster;
    char path[JOURNAL_PATH_MAX];
    struct bfile *f = NULL;
    roster_encode(j);
    roster_path(j, (r->seq + 1) & 1, path);
    int rv = bfile_open(j->env, path, FILE_WRITE | FILE_CREATE | FILE_DIRECT,
                        &f, err);
    if (rv != 0) {
        return rv;
    }
    rv = bfile_write(f, r->data, r->len, 0);
    rv = rv == 0 ? bfile_sync(f) : rv;
    bfile_close(f);
    if (rv != 0) {
        return err_set(err, rv, "%s: write: %s", path, err_text(rv));
    }
    roster_durable(j);
    return 0;
}

int roster_open(struct journal *j, struct err *err)
{
    struct roster *r = &j->roster;
    r->len = roster_bytes(j);
    r->raw = mem_alloc(j->mem, r->len + FORMAT_BLOCK);
    if (r->raw == NULL) {
        return err_set(err, ERR_NOMEM, "no memory");
    }
    r->data = (uint8_t *)(uintptr_t)format_blocks((uintptr_t)r->raw);
    int rv = roster_write_blocking(j, err);
    if (rv == 0 && !r->whole) {
        rv = roster_write_blocking(j, err);
        if (rv == 0) {
            rv = env_sync_dir(j->env, j->path);
            if (rv != 0) {
                err_set(err, rv, "%s: sync: %s", j->path, err_text(rv));
            }
        }
    }
    for (unsigned i = 0; rv == 0 && i < 2; i++) {
        char path[JOURNAL_PATH_MAX];
        roster_path(j, i, path);
        rv = file_open(j->env, path, FILE_READ | FILE_WRITE | FILE_DIRECT,
                       &r->files[i], err);
    }
    return rv;
}

void roster_close(struct journal *j)
{
    ASSERT(!j->roster.writing);
    file_close(j->roster.files[0]);
    file_close(j->roster.files[1]);
    mem_free(j->mem, j->roster.raw);
}

/* ---- reading ------------------------------------------------------------- */

struct roster_read {
    bool good;
    uint64_t seq, epoch;
    uint32_t n;
    void *raw;
    const uint8_t *items;
};

static bool roster_check(const struct journal *j, const uint8_t *p, size_t len,
                         struct roster_read *c)
{
    static const uint8_t zero[8];
    if (len < ROSTER_BYTES || le64_load(p + ROSTER_AT_MAGIC) != ROSTER_MAGIC ||
        le32_load(p + ROSTER_AT_CRC) != crc32c(p, ROSTER_AT_CRC) ||
        le16_load(p + ROSTER_AT_VERSION) != FORMAT_VERSION ||
        le16_load(p + ROSTER_AT_ZERO) != 0 ||
        memcmp(p + ROSTER_AT_ZERO2, zero, sizeof zero) != 0 ||
        memcmp(p + ROSTER_AT_RING, j->ring.b, 16) != 0) {
        return false;
    }
    c->seq = le64_load(p + ROSTER_AT_SEQ);
    c->epoch = le64_load(p + ROSTER_AT_EPOCH);
    c->n = le32_load(p + ROSTER_AT_FILES);
    c->items = p + ROSTER_BYTES;
    if (c->n > (len - ROSTER_BYTES) / ROSTER_ITEM_BYTES ||
        crc32c(c->items, c->n * ROSTER_ITEM_BYTES) !=
            le32_load(p + ROSTER_AT_BODY_CRC)) {
        return false;
    }
    for (uint32_t i = 0; i < c->n; i++) {
        uint32_t slot =
            le32_load(c->items + i * ROSTER_ITEM_BYTES + ROSTER_ITEM_AT_SLOT);
        uint32_t limit =
            le32_load(c->items + i * ROSTER_ITEM_BYTES + ROSTER_ITEM_AT_LIMIT);
        if (slot == 0 || slot > j->n_files ||
            limit > j->file_bytes / FORMAT_BLOCK) {
            return false;
        }
    }
    return true;
}

/* What cannot be read is no roster: it is only a help. */
static int roster_read(struct journal *j, unsigned i, struct roster_read *c)
{
    char path[JOURNAL_PATH_MAX];
    struct bfile *f;
    size_t n = 0;
    size_t len = format_blocks(ROSTER_BYTES +
                               (uint64_t)JOURNAL_FILES_MAX * ROSTER_ITEM_BYTES);
    roster_path(j, i, path);
    if (bfile_open(j->env, path, FILE_READ | FILE_DIRECT, &f, NULL) != 0) {
        return 0;
    }
    int rv = bfile_drop_cache(f);
    rv = rv == ERR_UNSUPPORTED ? 0 : rv;
    c->raw = mem_alloc(j->mem, len + FORMAT_BLOCK);
    if (c->raw == NULL) {
        bfile_close(f);
        return ERR_NOMEM;
    }
    uint8_t *p = (uint8_t *)(uintptr_t)format_blocks((uintptr_t)c->raw);
    rv = rv == 0 ? bfile_read(f, p, len, 0, &n) : rv;
    bfile_close(f);
    c->good = rv == 0 && roster_check(j, p, n, c);
    return 0;
}

int roster_load(struct journal *j, uint64_t epoch, struct roster_item **ret,
                uint32_t *ret_n, struct err *err)
{
    struct roster_read c[2] = {{0}, {0}};
    *ret = NULL;
    *ret_n = 0;
    int rv = roster_read(j, 0, &c[0]);
    rv = rv == 0 ? roster_read(j, 1, &c[1]) : rv;
    const struct roster_read *newest =
        c[1].good && (!c[0].good || c[1].seq > c[0].seq) ? &c[1] : &c[0];
    const struct roster_read *other = newest == &c[0] ? &c[1] : &c[0];
    if (rv == 0 && newest->good) {
        j->roster.seq = newest->seq;
        j->roster.whole = other->good && other->seq + 1 == newest->seq &&
                          newest->seq % 2 == (unsigned)(newest - c);
    }
    if (j->roster.whole && newest->epoch == epoch && newest->n > 0) {
        *ret = mem_calloc(j->mem, newest->n, sizeof **ret);
        rv = *ret == NULL ? ERR_NOMEM : rv;
    }
    for (uint32_t i = 0; *ret != NULL && i < newest->n; i++) {
        const uint8_t *p = newest->items + i * ROSTER_ITEM_BYTES;
        (*ret)[i] = (struct roster_item){
            le32_load(p + ROSTER_ITEM_AT_SLOT),
            (uint64_t)le32_load(p + ROSTER_ITEM_AT_LIMIT) * FORMAT_BLOCK,
            le64_load(p + ROSTER_ITEM_AT_FIRST)};
        *ret_n = i + 1;
    }
    mem_free(j->mem, c[0].raw);
    mem_free(j->mem, c[1].raw);
    return rv == 0 ? 0 : err_set(err, rv, "roster: %s", err_text(rv));
}
