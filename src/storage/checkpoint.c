/* Checkpoints: all groups, their newest HARD and MANIFEST, in two alternating
 * files, so that nothing but entries pins a file of the ring.
 *
 * A checkpoint is the state after record `record`; it is written only when
 * every frame up to that record is durable, and what it frees only when itself
 * is durable:
 *
 *   IDLE --poll: a reason--> WAITING --frames durable--> WRITING --> IDLE
 *
 * It also makes durable what is in no frame (journal_impl.h, "Room"): a second
 * one follows at once then, so that both files have it.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "storage/journal_impl.h"

#define CHECKPOINT_EVERY (128ull << 20)

void checkpoint_path(const struct journal *j, unsigned slot,
                     char out[JOURNAL_PATH_MAX])
{
    int n = snprintf(out, JOURNAL_PATH_MAX, "%s/checkpoint.%u", j->path, slot);
    ASSERT(n > 0 && n < JOURNAL_PATH_MAX);
}

/* ---- encoding ------------------------------------------------------------ */

static uint64_t group_bytes(const struct jgroup *g)
{
    return format_pad(CGROUP_BYTES + g->open.config.len + g->manifest.len);
}

static uint64_t body_bytes(const struct journal *j)
{
    uint64_t len = (uint64_t)j->n_lost * CHECKPOINT_LOST_BYTES;
    void *it = NULL;
    void *value;
    while (map_next(j->groups, &it, &value)) {
        len += group_bytes(value);
    }
    return len;
}

static void group_encode(uint8_t *p, const struct jgroup *g)
{
    uint32_t flags = (g->damaged ? CGROUP_DAMAGED : 0) |
                     (g->manifest.data != NULL ? CGROUP_HAS_MANIFEST : 0);
    le64_store(p + CGROUP_AT_ID, g->open.group);
    memcpy(p + CGROUP_AT_TOPIC, g->open.topic.b, 16);
    le32_store(p + CGROUP_AT_PARTITION, (uint32_t)g->open.partition);
    le32_store(p + CGROUP_AT_FLAGS, flags);
    le64_store(p + CGROUP_AT_MEMBERSHIP, g->open.membership_id);
    point_encode(p + CGROUP_AT_OPEN_BASE, &g->open.base);
    point_encode(p + CGROUP_AT_BASE, &g->base);
    le64_store(p + CGROUP_AT_TERM, g->term);
    le64_store(p + CGROUP_AT_VOTE, g->vote);
    le64_store(p + CGROUP_AT_RESET, g->reset);
    le32_store(p + CGROUP_AT_CONFIG_LEN, (uint32_t)g->open.config.len);
    le32_store(p + CGROUP_AT_MANIFEST_LEN, (uint32_t)g->manifest.len);
    p += CGROUP_BYTES;
    if (g->open.config.len > 0) {
        memcpy(p, g->open.config.data, g->open.config.len);
    }
    if (g->manifest.len > 0) {
        memcpy(p + g->open.config.len, g->manifest.data, g->manifest.len);
    }
}

static void facts_encode(uint8_t *p, const struct checkpoint_facts *f)
{
    le64_store(p + CHECKPOINT_AT_MAGIC, CHECKPOINT_MAGIC);
    le16_store(p + CHECKPOINT_AT_VERSION, FORMAT_VERSION);
    le16_store(p + CHECKPOINT_AT_FLAGS, f->clean ? CHECKPOINT_CLEAN : 0);
    le32_store(p + CHECKPOINT_AT_FILE_BYTES, f->file_bytes);
    memcpy(p + CHECKPOINT_AT_RING, f->ring.b, 16);
    le64_store(p + CHECKPOINT_AT_SEQ, f->seq);
    le64_store(p + CHECKPOINT_AT_EPOCH, f->epoch);
    le64_store(p + CHECKPOINT_AT_EPOCH_FRAME, f->epoch_frame);
    le64_store(p + CHECKPOINT_AT_RECORD, f->record);
    le64_store(p + CHECKPOINT_AT_FRAME, f->frame);
    le64_store(p + CHECKPOINT_AT_TAIL, f->tail);
    le64_store(p + CHECKPOINT_AT_GENERATION, f->generation);
    le64_store(p + CHECKPOINT_AT_LENGTH, f->body_len);
    le32_store(p + CHECKPOINT_AT_GROUPS, f->n_groups);
    le32_store(p + CHECKPOINT_AT_LOST, f->n_lost);
    le32_store(p + CHECKPOINT_AT_BODY_CRC, f->body_crc);
    le32_store(p + CHECKPOINT_AT_CRC, crc32c(p, CHECKPOINT_AT_CRC));
}

static void body_encode(const struct journal *j, uint8_t *p)
{
    void *it = NULL;
    void *value;
    for (uint32_t i = 0; i < j->n_lost; i++) {
        le64_store(p, j->lost[i].first);
        le64_store(p + 8, j->lost[i].last);
        p += CHECKPOINT_LOST_BYTES;
    }
    while (map_next(j->groups, &it, &value)) {
        group_encode(p, value);
        p += group_bytes(value);
    }
}

int checkpoint_encode(struct journal *j, bool clean)
{
    struct checkpoint *c = &j->checkpoint;
    uint64_t body = body_bytes(j);
    size_t len = format_blocks(CHECKPOINT_BYTES + body);
    ASSERT(c->raw == NULL);
    c->raw = mem_alloc(j->mem, len + FORMAT_BLOCK);
    if (c->raw == NULL) {
        return ERR_NOMEM;
    }
    c->data = (uint8_t *)(uintptr_t)format_blocks((uintptr_t)c->raw);
    c->len = len;
    memset(c->data, 0, len);
    body_encode(j, c->data + CHECKPOINT_BYTES);

    unsigned before;
    const struct jfile *tail = ring_tail(j, &before);
    c->tail = tail == NULL || tail->first_frame == 0 ? j->next_frame
                                                     : tail->first_frame;
    c->tail_generation = tail == NULL ? 0 : tail->generation;
    c->record = j->last_seq;
    c->frame = j->next_frame - 1;
    struct checkpoint_facts f = {
        .ring = j->ring,
        .clean = clean,
        .file_bytes = j->file_bytes,
        .seq = c->seq + 1,
        .epoch = j->epoch,
        .epoch_frame = j->epoch_frame,
        .record = c->record,
        .frame = c->frame,
        .tail = c->tail,
        .generation = j->generation,
        .body_len = body,
        .n_groups = (uint32_t)map_count(j->groups),
        .n_lost = j->n_lost,
        .body_crc = crc32c(c->data + CHECKPOINT_BYTES, body),
    };
    facts_encode(c->data, &f);
    c->clean = clean;
    return 0;
}

static void checkpoint_drop_data(struct journal *j)
{
    mem_free(j->mem, j->checkpoint.raw);
    j->checkpoint.raw = NULL;
}

/* ---- writing ------------------------------------------------------------- */

/* Which records that are in no frame are safe now? */
static void apart_durable(struct journal *j)
{
    struct checkpoint *c = &j->checkpoint;
    c->both = c->newest;
    c->newest = c->record;
    if (j->apart_last <= c->both) {
        j->apart_first = 0;
        return;
    }
    if (j->apart_first <= c->both) {
        j->apart_first = c->both + 1;
    }
    c->wanted = true;
}

static void checkpoint_durable(struct journal *j)
{
    struct checkpoint *c = &j->checkpoint;
    c->seq++;
    c->state = CHECKPOINT_IDLE;
    checkpoint_drop_data(j);
    apart_durable(j);
    ring_release(j, c->tail_generation);
    /* Lost frames that are dead need not be remembered. */
    uint32_t n = 0;
    for (uint32_t i = 0; i < j->n_lost; i++) {
        if (j->lost[i].last >= c->tail) {
            j->lost[n++] = j->lost[i];
        }
    }
    j->n_lost = n;
}

static void checkpoint_written(struct file_io *io, int64_t result)
{
    struct journal *j = io->data;
    struct checkpoint *c = &j->checkpoint;
    if (result != (int64_t)c->len) {
        char path[JOURNAL_PATH_MAX];
        checkpoint_path(j, (c->seq + 1) & 1, path);
        env_fail(j->env, result < 0 ? (int)result : ERR_IO,
                 "journal: %s: durable write of %zu bytes failed: %s", path,
                 c->len, result < 0 ? err_text((int)result) : "short write");
    }
    checkpoint_durable(j);
    trace_debug(env_trace(j->env), "journal.checkpoint",
                "seq=%" PRIu64 " record=%" PRIu64 " tail=%" PRIu64
                " groups=%zu",
                c->seq, c->record, c->tail, map_count(j->groups));
    journal_tell_durable(j);
    env_turn_request(j->env, &j->turn);
}

/* Bytes of frames after which another one is due, so that a restart reads
 * little that is dead. */
static uint64_t checkpoint_every(const struct journal *j)
{
    uint64_t part = ring_bytes(j) / 4;
    return part < CHECKPOINT_EVERY ? part : CHECKPOINT_EVERY;
}

/* Is there a reason: asked for, enough was written since the last one (less if
 * it would free files), or the ring runs short and one would free
 * files. */
static bool checkpoint_due(const struct journal *j)
{
    unsigned before;
    if (j->closing) {
        return j->checkpoint.wanted && queue_empty(&j->frames);
    }
    uint64_t bytes = j->checkpoint.bytes;
    uint64_t every = checkpoint_every(j);
    if (j->checkpoint.wanted || bytes >= every) {
        return true;
    }
    uint64_t few = j->reserve + ring_bytes(j) / 8 + ring_bytes(j) / 16;
    return (bytes >= every / 8 || ring_room(j) < few) &&
           ring_tail(j, &before) != NULL && before > 0;
}

void checkpoint_poll(struct journal *j)
{
    struct checkpoint *c = &j->checkpoint;
    if (c->state == CHECKPOINT_IDLE && checkpoint_due(j)) {
        if (checkpoint_encode(j, j->closing) != 0) {
            return; /* the next turn tries again */
        }
        c->state = CHECKPOINT_WAITING;
        c->wanted = false;
        c->bytes = 0;
    }
    if (c->state != CHECKPOINT_WAITING || j->durable_frame < c->frame) {
        return;
    }
    c->state = CHECKPOINT_WRITING;
    int rv = file_write(c->files[(c->seq + 1) & 1], &c->io, c->data, c->len, 0,
                        true, checkpoint_written, j);
    if (rv != 0) {
        env_fail(j->env, rv, "journal: cannot submit a checkpoint: %s",
                 err_text(rv));
    }
}

int checkpoint_write_first(struct journal *j, bool create, struct err *err)
{
    struct checkpoint *c = &j->checkpoint;
    char path[JOURNAL_PATH_MAX];
    struct bfile *f = NULL;
    int rv = checkpoint_encode(j, false);
    if (rv != 0) {
        return err_set(err, rv, "checkpoint: %s", err_text(rv));
    }
    checkpoint_path(j, (c->seq + 1) & 1, path);
    if (create) {
        rv = env_write_file(j->env, path, slice_of(c->data, c->len), err);
    } else {
        rv = bfile_open(j->env, path, FILE_WRITE | FILE_CREATE | FILE_DIRECT,
                        &f, err);
        if (rv == 0) {
            rv = bfile_write(f, c->data, c->len, 0);
            rv = rv == 0 ? bfile_sync(f) : rv;
            if (rv != 0) {
                err_set(err, rv, "%s: write: %s", path, err_text(rv));
            }
        }
        bfile_close(f);
        if (rv == 0) {
            rv = env_sync_dir(j->env, j->path);
            if (rv != 0) {
                err_set(err, rv, "%s: sync: %s", j->path, err_text(rv));
            }
        }
    }
    if (rv != 0) {
        checkpoint_drop_data(j);
        return rv;
    }
    checkpoint_durable(j);
    return 0;
}

/* Its write may not have ended when the process did (recover_settle.c). */
int checkpoint_settle(struct journal *j, uint8_t *data, size_t len,
                      struct err *err)
{
    char path[JOURNAL_PATH_MAX];
    struct bfile *f = NULL;
    checkpoint_path(j, j->checkpoint.seq & 1, path);
    int rv = bfile_open(j->env, path, FILE_WRITE | FILE_CREATE | FILE_DIRECT,
                        &f, err);
    if (rv != 0) {
        return rv;
    }
    rv = bfile_write(f, data, len, 0);
    rv = rv == 0 ? bfile_sync(f) : rv;
    bfile_close(f);
    return rv == 0 ? 0
                   : err_set(err, rv, "%s: rewrite: %s", path, err_text(rv));
}

void checkpoint_close(struct journal *j)
{
    ASSERT(j->checkpoint.state != CHECKPOINT_WRITING);
    checkpoint_drop_data(j);
    file_close(j->checkpoint.files[0]);
    file_close(j->checkpoint.files[1]);
}

/* ---- reading ------------------------------------------------------------- */

int checkpoint_decode_facts(struct slice in, struct checkpoint_facts *ret_f)
{
    const uint8_t *p = in.data;
    if (in.len < CHECKPOINT_BYTES ||
        le64_load(p + CHECKPOINT_AT_MAGIC) != CHECKPOINT_MAGIC ||
        le32_load(p + CHECKPOINT_AT_CRC) != crc32c(p, CHECKPOINT_AT_CRC)) {
        return ERR_CORRUPT;
    }
    if (le16_load(p + CHECKPOINT_AT_VERSION) != FORMAT_VERSION) {
        return ERR_VERSION;
    }
    struct checkpoint_facts f = {
        .clean = (le16_load(p + CHECKPOINT_AT_FLAGS) & CHECKPOINT_CLEAN) != 0,
        .file_bytes = le32_load(p + CHECKPOINT_AT_FILE_BYTES),
        .seq = le64_load(p + CHECKPOINT_AT_SEQ),
        .epoch = le64_load(p + CHECKPOINT_AT_EPOCH),
        .epoch_frame = le64_load(p + CHECKPOINT_AT_EPOCH_FRAME),
        .record = le64_load(p + CHECKPOINT_AT_RECORD),
        .frame = le64_load(p + CHECKPOINT_AT_FRAME),
        .tail = le64_load(p + CHECKPOINT_AT_TAIL),
        .generation = le64_load(p + CHECKPOINT_AT_GENERATION),
        .body_len = le64_load(p + CHECKPOINT_AT_LENGTH),
        .n_groups = le32_load(p + CHECKPOINT_AT_GROUPS),
        .n_lost = le32_load(p + CHECKPOINT_AT_LOST),
        .body_crc = le32_load(p + CHECKPOINT_AT_BODY_CRC),
    };
    memcpy(f.ring.b, p + CHECKPOINT_AT_RING, 16);
    uint8_t zero[CHECKPOINT_AT_CRC - CHECKPOINT_AT_ZERO] = {0};
    if (memcmp(p + CHECKPOINT_AT_ZERO, zero, sizeof zero) != 0 ||
        f.body_len > in.len - CHECKPOINT_BYTES ||
        f.n_lost > CHECKPOINT_LOST_MAX || f.seq == 0 || f.tail == 0 ||
        f.file_bytes < JOURNAL_FILE_BYTES_MIN ||
        f.file_bytes > JOURNAL_FILE_BYTES_MAX ||
        f.file_bytes % FORMAT_BLOCK != 0) {
        return ERR_CORRUPT;
    }
    if (crc32c(p + CHECKPOINT_BYTES, f.body_len) != f.body_crc) {
        return ERR_CORRUPT;
    }
    *ret_f = f;
    return 0;
}

/* One group at `in`; its length in *ret_len. */
static int group_load(struct journal *j, struct slice in, size_t *ret_len)
{
    const uint8_t *p = in.data;
    if (in.len < CGROUP_BYTES) {
        return ERR_CORRUPT;
    }
    uint64_t config = le32_load(p + CGROUP_AT_CONFIG_LEN);
    uint64_t manifest = le32_load(p + CGROUP_AT_MANIFEST_LEN);
    uint64_t len = format_pad(CGROUP_BYTES + config + manifest);
    if (len > in.len) {
        return ERR_CORRUPT;
    }
    struct journal_open_info info = {
        .group = le64_load(p + CGROUP_AT_ID),
        .partition = (int32_t)le32_load(p + CGROUP_AT_PARTITION),
        .membership_id = le64_load(p + CGROUP_AT_MEMBERSHIP),
        .base = point_decode(p + CGROUP_AT_OPEN_BASE),
        .config = slice_of(p + CGROUP_BYTES, config),
    };
    memcpy(info.topic.b, p + CGROUP_AT_TOPIC, 16);
    if (group_find(j, info.group) != NULL) {
        return ERR_CORRUPT;
    }
    struct jgroup *g;
    int rv = group_add(j, &info, &g);
    if (rv != 0) {
        return rv;
    }
    uint32_t flags = le32_load(p + CGROUP_AT_FLAGS);
    g->damaged = (flags & CGROUP_DAMAGED) != 0;
    g->base = point_decode(p + CGROUP_AT_BASE);
    g->last = g->base.index;
    g->term = le64_load(p + CGROUP_AT_TERM);
    g->vote = le64_load(p + CGROUP_AT_VOTE);
    g->reset = le64_load(p + CGROUP_AT_RESET);
    if ((flags & CGROUP_HAS_MANIFEST) != 0) {
        uint8_t *copy = mem_alloc(j->mem, manifest);
        if (copy == NULL) {
            return ERR_NOMEM;
        }
        memcpy(copy, p + CGROUP_BYTES + config, manifest);
        group_set_manifest(j, g, copy, manifest);
    }
    *ret_len = len;
    return 0;
}

int checkpoint_load(struct journal *j, struct slice in,
                    const struct checkpoint_facts *f)
{
    in = slice_of(in.data + CHECKPOINT_BYTES, f->body_len);
    if (in.len < (uint64_t)f->n_lost * CHECKPOINT_LOST_BYTES) {
        return ERR_CORRUPT;
    }
    for (uint32_t i = 0; i < f->n_lost; i++) {
        j->lost[i].first = le64_load(in.data);
        j->lost[i].last = le64_load(in.data + 8);
        in = slice_of(in.data + CHECKPOINT_LOST_BYTES,
                      in.len - CHECKPOINT_LOST_BYTES);
    }
    j->n_lost = f->n_lost;
    for (uint32_t i = 0; i < f->n_groups; i++) {
        size_t len;
        int rv = group_load(j, in, &len);
        if (rv != 0) {
            return rv;
        }
        in = slice_of(in.data + len, in.len - len);
    }
    return in.len == 0 ? 0 : ERR_CORRUPT;
}
