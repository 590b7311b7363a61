/* The running journal: append, gather, fly, become durable.
 *
 * Failures: a write that fails or is short ends the node; nothing is retried.
 * Closing: what is planned is written, then a checkpoint marked clean.
 */
#include "storage/journal.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "storage/journal_impl.h"

/* Groups a frame leaves room for in front of its records: as many as the last
 * frame had and some, so that the directory at the front is complete. */
#define FRONT_MIN 8u
#define FRONT_MAX 4096u

/* ---- frames and buffers -------------------------------------------------- */

static void frame_free(struct journal *j, struct jframe *f)
{
    if (f != NULL) {
        mem_free(j->mem, f->groups);
        mem_free(j->mem, f);
    }
}

/* A frame with room for one group. */
static struct jframe *frame_new(struct journal *j)
{
    struct queue *q = queue_pop(&j->spare);
    if (q != NULL) {
        return QUEUE_ENTRY(q, struct jframe, queue);
    }
    struct jframe *f = mem_calloc(j->mem, 1, sizeof *f);
    if (f == NULL) {
        return NULL;
    }
    f->groups_cap = FRONT_MIN;
    f->groups = mem_calloc(j->mem, f->groups_cap, sizeof *f->groups);
    if (f->groups == NULL) {
        mem_free(j->mem, f);
        return NULL;
    }
    queue_init(&f->queue);
    queue_init(&f->items);
    f->journal = j;
    return f;
}

static void frame_recycle(struct journal *j, struct jframe *f)
{
    ASSERT(queue_empty(&f->items) && f->buf == NULL);
    queue_push(&j->spare, &f->queue);
}

/* Make room for one more group in a frame. */
static int frame_reserve_group(struct journal *j, struct jframe *f)
{
    if (f->facts.n_groups < f->groups_cap) {
        return 0;
    }
    uint32_t cap = f->groups_cap * 2;
    void *p = mem_realloc(j->mem, f->groups, cap * sizeof *f->groups);
    if (p == NULL) {
        return ERR_NOMEM;
    }
    f->groups = p;
    f->groups_cap = cap;
    return 0;
}

static struct jbuf *buf_new(struct journal *j, uint64_t cap, bool pooled)
{
    struct jbuf *b = mem_calloc(j->mem, 1, sizeof *b);
    void *raw = mem_alloc(j->mem, cap + FORMAT_BLOCK);
    if (b == NULL || raw == NULL) {
        mem_free(j->mem, b);
        mem_free(j->mem, raw);
        return NULL;
    }
    queue_init(&b->queue);
    b->raw = raw;
    b->data = (uint8_t *)(uintptr_t)format_blocks((uintptr_t)raw);
    b->cap = (uint32_t)cap;
    b->pooled = pooled;
    j->n_bufs += pooled;
    return b;
}

static void buf_free(struct journal *j, struct jbuf *b)
{
    if (b != NULL) {
        j->n_bufs -= b->pooled;
        mem_free(j->mem, b->raw);
        mem_free(j->mem, b);
    }
}

/* A staging buffer for `size` bytes. *ret_b NULL: all are in use, wait.
 * Memory is faulted in by its first use and stays warm: last in, first out. */
static int buf_get(struct journal *j, uint64_t size, struct jbuf **ret_b)
{
    *ret_b = NULL;
    if (size > j->frame_max) {
        *ret_b = buf_new(j, size, false);
        return *ret_b == NULL ? ERR_NOMEM : 0;
    }
    struct queue *q = queue_pop(&j->bufs);
    if (q != NULL) {
        *ret_b = QUEUE_ENTRY(q, struct jbuf, queue);
    } else if (j->n_bufs <= j->depth) {
        *ret_b = buf_new(j, j->frame_max, true);
        if (*ret_b == NULL && j->n_bufs == 0) {
            return ERR_NOMEM;
        }
    }
    return 0;
}

static void items_copy(struct jframe *f);

/* A buffer is no longer needed: the first frame without one gets it. */
static void buf_give(struct journal *j, struct jbuf *b)
{
    struct queue *q;
    struct queue *tmp;
    if (!b->pooled) {
        buf_free(j, b);
        return;
    }
    QUEUE_FOREACH(q, tmp, &j->frames)
    {
        struct jframe *f = QUEUE_ENTRY(q, struct jframe, queue);
        if (f->buf == NULL && f->state < JFRAME_FLYING) {
            f->buf = b;
            items_copy(f);
            return;
        }
    }
    queue_push_front(&j->bufs, &b->queue);
}

/* ---- the plan ------------------------------------------------------------ */

/* Place a record of `bytes` bytes. Changes *p only on success. Errors:
 * ERR_FULL, ERR_TOOBIG. */
static int plan_add(const struct journal *j, struct plan *p, uint64_t bytes,
                    bool new_group, bool reserve, enum place *ret_place)
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
    if (!reserve && room < j->reserve) {
        return ERR_FULL;
    }
    *p = next;
    return 0;
}

/* What is allocated before anything is changed. */
struct prep {
    struct queue frames;
    struct queue items;
};

static void prep_init(struct prep *p)
{
    queue_init(&p->frames);
    queue_init(&p->items);
}

static void prep_undo(struct journal *j, struct prep *p)
{
    struct queue *q;
    while ((q = queue_pop(&p->frames)) != NULL) {
        struct jframe *f = QUEUE_ENTRY(q, struct jframe, queue);
        if (f->buf != NULL) {
            buf_give(j, f->buf);
            f->buf = NULL;
        }
        frame_recycle(j, f);
    }
    while ((q = queue_pop(&p->items)) != NULL) {
        mem_free(j->mem, QUEUE_ENTRY(q, struct jitem, queue));
    }
}

/* Allocate what placing one record needs: a frame and its buffer, and an item
 * of `item_bytes` if there is no buffer to copy the record into. */
static int prep_add(struct journal *j, struct prep *p, const struct plan *plan,
                    enum place place, size_t item_bytes)
{
    bool copied;
    if (place == PLACE_FITS) {
        int rv = frame_reserve_group(j, j->gather);
        if (rv != 0) {
            return rv;
        }
        copied = j->gather->buf != NULL;
    } else {
        struct jframe *f = frame_new(j);
        if (f == NULL) {
            return ERR_NOMEM;
        }
        int rv = buf_get(j, plan->size, &f->buf);
        if (rv != 0) {
            frame_recycle(j, f);
            return rv;
        }
        queue_push(&p->frames, &f->queue);
        copied = f->buf != NULL;
    }
    if (copied) {
        return 0;
    }
    struct jitem *item = mem_alloc(j->mem, sizeof *item + item_bytes);
    if (item == NULL) {
        return ERR_NOMEM;
    }
    queue_push(&p->items, &item->queue);
    return 0;
}

static struct jitem *prep_item(struct prep *p)
{
    struct queue *q = queue_pop(&p->items);
    ASSERT(q != NULL);
    return QUEUE_ENTRY(q, struct jitem, queue);
}

static void frame_seal(struct journal *j)
{
    if (j->gather != NULL) {
        j->gather->state = JFRAME_SEALED;
        j->gather = NULL;
        j->plan.left -= j->plan.size;
        j->plan.size = 0;
    }
}

/* Begin a frame where the plan says. */
static void frame_begin(struct journal *j, struct prep *prep, enum place place)
{
    struct queue *q = queue_pop(&prep->frames);
    ASSERT(q != NULL);
    struct jframe *f = QUEUE_ENTRY(q, struct jframe, queue);
    struct jbuf *buf = f->buf;
    if (place == PLACE_FILE) {
        ring_advance(j);
    }
    f->state = JFRAME_GATHERING;
    f->file = j->cur;
    f->buf = buf;
    f->facts = (struct frame_facts){
        .ring = j->ring,
        .generation = j->cur->generation,
        .epoch = j->epoch,
        .seq = j->next_frame++,
        .first = j->last_seq + 1,
        .last = j->last_seq,
        .slot = j->cur->slot,
        .offset = j->file_bytes - j->plan.left,
        .records_at = j->plan.at,
    };
    f->salt = frame_salt(&f->facts);
    if (j->cur->first_frame == 0) {
        j->cur->first_frame = f->facts.seq;
    }
    queue_push(&j->frames, &f->queue);
    j->gather = f;
}

/* List the group in the gathering frame, with the entries it adds. */
static void frame_list(struct jframe *f, struct jgroup *g, uint64_t first,
                       uint64_t last)
{
    if (g->frame != f->facts.seq) {
        ASSERT(f->facts.n_groups < f->groups_cap);
        g->frame = f->facts.seq;
        g->frame_item = f->facts.n_groups++;
        f->groups[g->frame_item] =
            (struct frame_group){g->open.group, first, last};
        return;
    }
    struct frame_group *item = &f->groups[g->frame_item];
    if (first == 0) {
        return;
    }
    if (item->first == 0 || first < item->first) {
        item->first = first;
    }
    if (last > item->last) {
        item->last = last;
    }
}

static bool group_is_new(const struct journal *j, const struct jgroup *g)
{
    return j->gather == NULL || g->frame != j->gather->facts.seq;
}

/* The place of the next record in its frame. */
static uint8_t *frame_end(struct jframe *f)
{
    return f->buf->data + f->facts.records_at + f->facts.records_len;
}

/* Records that waited for a buffer go into it. */
static void items_copy(struct jframe *f)
{
    struct journal *j = f->journal;
    uint8_t *p = f->buf->data + f->facts.records_at;
    struct queue *q;
    while ((q = queue_pop(&f->items)) != NULL) {
        struct jitem *item = QUEUE_ENTRY(q, struct jitem, queue);
        uint32_t n = item->record.n_entries;
        if (n == 0) {
            p = record_write(p, f->salt, &item->record, item->record.body,
                             slice_of(NULL, 0));
        } else {
            struct entry **list = (struct entry **)(void *)&item->entries[n];
            for (uint32_t i = 0; i < n; i++) {
                list[i] = &item->entries[i];
            }
            p = record_write_entries(p, f->salt, &item->record, list);
        }
        for (uint32_t i = 0; i < n; i++) {
            bytes_release(&item->entries[i].payload);
        }
        mem_free(j->mem, item);
    }
    ASSERT(p == frame_end(f));
}

/* ---- writing ------------------------------------------------------------- */

static void frame_durable(struct journal *j)
{
    uint64_t before = j->durable_seq;
    while (!queue_empty(&j->frames)) {
        struct jframe *f = QUEUE_ENTRY(j->frames.next, struct jframe, queue);
        if (f->state != JFRAME_DONE) {
            break;
        }
        queue_remove(&f->queue);
        ASSERT(f->facts.seq == j->durable_frame + 1);
        ASSERT(f->facts.last >= j->durable_seq);
        j->durable_frame = f->facts.seq;
        j->durable_seq = f->facts.last;
        j->backlog -= f->facts.records_len;
        frame_recycle(j, f);
    }
    journal_pump(j, true);
    if (j->durable_seq > before && j->durable_cb != NULL) {
        j->durable_cb(j->cb_arg, j->durable_seq);
    }
}

static void frame_written(struct file_io *io, int64_t result)
{
    struct jframe *f = io->data;
    struct journal *j = f->journal;
    if (result != (int64_t)f->facts.length) {
        char path[JOURNAL_PATH_MAX];
        ring_path(j, f->file->slot, ".j", path);
        env_die(j->env,
                "journal: %s: durable write of %u bytes at %" PRIu64
                " failed: %s: check the disk, then start again; what was "
                "acknowledged is recovered",
                path, f->facts.length, f->facts.offset,
                result < 0 ? err_text((int)result) : "short write");
    }
    ASSERT(f->state == JFRAME_FLYING);
    f->state = JFRAME_DONE;
    j->in_flight--;
    struct jbuf *b = f->buf;
    f->buf = NULL;
    buf_give(j, b);
    frame_durable(j);
    checkpoint_poll(j);
    env_turn_request(j->env, &j->turn);
}

static void frame_submit(struct journal *j, struct jframe *f)
{
    if (f == j->gather) {
        frame_seal(j);
    }
    j->front = f->facts.n_groups + f->facts.n_groups / 4;
    j->front = j->front < FRONT_MIN   ? FRONT_MIN
               : j->front > FRONT_MAX ? FRONT_MAX
                                      : j->front;
    f->facts.durable = j->durable_frame;
    f->facts.checkpoint = j->checkpoint.seq;
    frame_finish(f->buf->data, &f->facts, f->groups);
    ASSERT(f->facts.length <= f->buf->cap);
    ASSERT(f->facts.offset + f->facts.length <= j->file_bytes);
    f->state = JFRAME_FLYING;
    j->in_flight++;
    j->checkpoint.bytes += f->facts.length;
    int rv = file_write(f->file->file, &f->io, f->buf->data, f->facts.length,
                        f->facts.offset, true, frame_written, f);
    if (rv != 0) {
        env_die(j->env,
                "journal: cannot submit a write: %s: free memory, "
                "then start again",
                err_text(rv));
    }
}

void journal_pump(struct journal *j, bool gather)
{
    struct queue *q;
    struct queue *tmp;
    QUEUE_FOREACH(q, tmp, &j->frames)
    {
        struct jframe *f = QUEUE_ENTRY(q, struct jframe, queue);
        if (f->state >= JFRAME_FLYING) {
            continue;
        }
        if (j->in_flight == j->depth || f->buf == NULL || !f->file->ready ||
            (f == j->gather && !gather)) {
            break;
        }
        frame_submit(j, f);
    }
}

/* ---- appending ----------------------------------------------------------- */

static void record_placed(struct journal *j, struct jframe *f,
                          const struct record *r, uint64_t bytes,
                          uint64_t *ret_seq)
{
    f->facts.last = r->seq;
    f->facts.records_len += (uint32_t)bytes;
    j->last_seq = r->seq;
    j->backlog += bytes;
    j->mark = true;
    ASSERT(f->facts.records_len == j->plan.len);
    ASSERT(f->facts.n_groups == j->plan.n_groups);
    if (ret_seq != NULL) {
        *ret_seq = r->seq;
    }
}

/* After records were placed: full frames need not wait for the hook. */
static void append_done(struct journal *j)
{
    journal_pump(j, false);
    env_turn_request(j->env, &j->turn);
}

/* Any record but entries. */
static int record_append(struct journal *j, struct jgroup *g,
                         enum journal_kind kind, struct slice head,
                         struct slice rest, uint64_t *ret_seq)
{
    struct plan plan = j->plan;
    struct prep prep;
    enum place place;
    uint64_t len = head.len + rest.len;
    uint64_t bytes = record_bytes(len);
    ASSERT(!j->closing);
    int rv = plan_add(j, &plan, bytes, group_is_new(j, g), true, &place);
    if (rv != 0) {
        return rv;
    }
    prep_init(&prep);
    rv = prep_add(j, &prep, &plan, place, len);
    if (rv != 0) {
        prep_undo(j, &prep);
        return rv;
    }
    if (place != PLACE_FITS) {
        frame_seal(j);
        j->plan = plan;
        frame_begin(j, &prep, place);
    }
    j->plan = plan;
    struct jframe *f = j->gather;
    struct record r = {
        .kind = kind, .seq = j->last_seq + 1, .group = g->open.group};
    frame_list(f, g, 0, 0);
    if (f->buf != NULL) {
        record_write(frame_end(f), f->salt, &r, head, rest);
    } else {
        struct jitem *item = prep_item(&prep);
        uint8_t *body = (uint8_t *)(item + 1);
        if (head.len > 0) {
            memcpy(body, head.data, head.len);
        }
        if (rest.len > 0) {
            memcpy(body + head.len, rest.data, rest.len);
        }
        item->record = r;
        item->record.body = slice_of(body, len);
        queue_push(&f->items, &item->queue);
    }
    record_placed(j, f, &r, bytes, ret_seq);
    append_done(j);
    return 0;
}

/* Bytes of an item that keeps `n` entries and a list of them. */
static size_t item_entries_bytes(unsigned n)
{
    return n * (sizeof(struct entry) + sizeof(struct entry *));
}

/* As many of the entries as go into one record: what the frame under way
 * still takes, else a new frame. Moves the plan. */
static int plan_take(const struct journal *j, struct plan *p,
                     struct entry *const entries[], unsigned n, bool new_group,
                     bool reserve, enum place *ret_place, unsigned *ret_n,
                     uint64_t *ret_bytes)
{
    struct plan start = *p;
    uint64_t body = record_entry_bytes(entries[0]);
    unsigned take = 1;
    int rv = plan_add(j, p, record_bytes(body), new_group, reserve, ret_place);
    if (rv != 0) {
        return rv;
    }
    while (take < n) {
        struct plan longer = start;
        enum place place;
        uint64_t more = body + record_entry_bytes(entries[take]);
        if (more > UINT32_MAX / 2 ||
            plan_add(j, &longer, record_bytes(more), new_group, reserve,
                     &place) != 0 ||
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

static void entries_place(struct journal *j, struct prep *prep,
                          struct jgroup *g, enum journal_kind kind,
                          struct entry *entries[], unsigned n, uint64_t bytes,
                          uint64_t *ret_seq)
{
    struct jframe *f = j->gather;
    struct record r = {.kind = kind,
                       .seq = j->last_seq + 1,
                       .group = g->open.group,
                       .n_entries = n};
    uint64_t first = entries[0]->index;
    uint64_t last = entries[n - 1]->index;
    frame_list(f, g, first, last);
    if (kind == JOURNAL_APPEND) {
        group_note_append(j, g, first, last, f->file);
    } else {
        group_note_copy(j, g, first, last, f->file);
    }
    for (unsigned i = 0; i < n; i++) {
        ASSERT(entries[i]->index == first + i);
        entries[i]->seq = r.seq;
    }
    if (f->buf != NULL) {
        record_write_entries(frame_end(f), f->salt, &r, entries);
    } else {
        struct jitem *item = prep_item(prep);
        item->record = r;
        for (unsigned i = 0; i < n; i++) {
            item->entries[i] = *entries[i];
            item->entries[i].payload = bytes_dup(entries[i]->payload);
        }
        queue_push(&f->items, &item->queue);
    }
    record_placed(j, f, &r, bytes, ret_seq);
}

/* First rehearse and allocate for all records, then place them: either all
 * entries are appended or none. */
static int entries_append(struct journal *j, struct jgroup *g,
                          enum journal_kind kind, struct entry *entries[],
                          unsigned n, uint64_t *ret_seq)
{
    bool reserve = kind == JOURNAL_COPY;
    struct plan plan = j->plan;
    bool is_new = group_is_new(j, g);
    struct prep prep;
    enum place place;
    unsigned take;
    uint64_t bytes;
    ASSERT(!j->closing && n > 0);
    prep_init(&prep);
    for (unsigned i = 0; i < n; i += take) {
        int rv = plan_take(j, &plan, entries + i, n - i, i > 0 || is_new,
                           reserve, &place, &take, &bytes);
        if (rv == 0) {
            rv = prep_add(j, &prep, &plan, place, item_entries_bytes(take));
        }
        if (rv != 0) {
            prep_undo(j, &prep);
            j->need_again |= rv == ERR_FULL;
            env_turn_request(j->env, &j->turn);
            return rv;
        }
    }
    for (unsigned i = 0; i < n; i += take) {
        plan = j->plan;
        int rv = plan_take(j, &plan, entries + i, n - i, i > 0 || is_new,
                           reserve, &place, &take, &bytes);
        ASSERT(rv == 0);
        if (place != PLACE_FITS) {
            frame_seal(j);
            j->plan = plan;
            frame_begin(j, &prep, place);
        }
        j->plan = plan;
        entries_place(j, &prep, g, kind, entries + i, take, bytes, ret_seq);
    }
    ASSERT(queue_empty(&prep.frames) && queue_empty(&prep.items));
    append_done(j);
    return 0;
}

static struct jgroup *group_get(const struct journal *j, uint64_t id)
{
    struct jgroup *g = group_find(j, id);
    ASSERT(g != NULL);
    return g;
}

int journal_append(struct journal *j, uint64_t group, struct entry *entries[],
                   unsigned n, uint64_t *ret_seq)
{
    struct jgroup *g = group_get(j, group);
    ASSERT(entries[0]->index > g->base.index);
    ASSERT(entries[0]->index <= g->last + 1);
    return entries_append(j, g, JOURNAL_APPEND, entries, n, ret_seq);
}

int journal_copy(struct journal *j, uint64_t group, struct entry *entries[],
                 unsigned n, uint64_t *ret_seq)
{
    struct jgroup *g = group_get(j, group);
    ASSERT(entries[n - 1]->index <= g->last);
    return entries_append(j, g, JOURNAL_COPY, entries, n, ret_seq);
}

int journal_hard(struct journal *j, uint64_t group, uint64_t term,
                 uint64_t vote, uint64_t *ret_seq)
{
    struct jgroup *g = group_get(j, group);
    uint8_t body[HARD_BYTES];
    ASSERT(term >= g->term);
    le64_store(body + HARD_AT_TERM, term);
    le64_store(body + HARD_AT_VOTE, vote);
    int rv = record_append(j, g, JOURNAL_HARD, slice_of(body, sizeof body),
                           slice_of(NULL, 0), ret_seq);
    if (rv == 0) {
        g->term = term;
        g->vote = vote;
    }
    return rv;
}

int journal_manifest(struct journal *j, uint64_t group, struct log_point base,
                     struct slice manifest, bool install, uint64_t *ret_seq)
{
    struct jgroup *g = group_get(j, group);
    uint8_t body[POINT_BYTES];
    ASSERT(install || (base.index >= g->base.index && base.index <= g->last));
    uint8_t *copy = mem_alloc(j->mem, manifest.len);
    if (copy == NULL) {
        return ERR_NOMEM;
    }
    if (manifest.len > 0) {
        memcpy(copy, manifest.data, manifest.len);
    }
    point_encode(body, &base);
    int rv = record_append(j, g, install ? JOURNAL_INSTALL : JOURNAL_MANIFEST,
                           slice_of(body, sizeof body), manifest, ret_seq);
    if (rv != 0) {
        mem_free(j->mem, copy);
        return rv;
    }
    group_note_base(j, g, base, install, j->last_seq);
    group_set_manifest(j, g, copy, manifest.len);
    return 0;
}

/* A group whose OPEN was lost with damaged frames comes again. */
static int group_reopen(struct journal *j, struct jgroup *g,
                        const struct journal_open_info *info, uint64_t *ret_seq)
{
    uint8_t body[OPEN_BYTES];
    ASSERT(g->damaged && g->open.config.len == 0);
    uint8_t *config = mem_alloc(j->mem, info->config.len);
    if (config == NULL) {
        return ERR_NOMEM;
    }
    open_encode(body, info);
    int rv = record_append(j, g, JOURNAL_OPEN, slice_of(body, sizeof body),
                           info->config, ret_seq);
    if (rv != 0) {
        mem_free(j->mem, config);
        return rv;
    }
    memcpy(config, info->config.data, info->config.len);
    mem_free(j->mem, (void *)(uintptr_t)g->open.config.data);
    g->open = *info;
    g->open.config.data = config;
    group_note_base(j, g, info->base, true, j->last_seq);
    return 0;
}

int journal_group_open(struct journal *j, const struct journal_open_info *info,
                       uint64_t *ret_seq)
{
    struct jgroup *g = group_find(j, info->group);
    uint8_t body[OPEN_BYTES];
    if (g != NULL) {
        return group_reopen(j, g, info, ret_seq);
    }
    int rv = group_add(j, info, &g);
    if (rv != 0) {
        return rv;
    }
    open_encode(body, info);
    rv = record_append(j, g, JOURNAL_OPEN, slice_of(body, sizeof body),
                       info->config, ret_seq);
    if (rv != 0) {
        group_remove(j, g);
    }
    return rv;
}

int journal_group_drop(struct journal *j, uint64_t group, uint64_t *ret_seq)
{
    struct jgroup *g = group_get(j, group);
    int rv = record_append(j, g, JOURNAL_DROP, slice_of(NULL, 0),
                           slice_of(NULL, 0), ret_seq);
    if (rv == 0) {
        group_remove(j, g);
    }
    return rv;
}

int journal_repaired(struct journal *j, uint64_t group, uint64_t *ret_seq)
{
    struct jgroup *g = group_get(j, group);
    int rv = record_append(j, g, JOURNAL_REPAIRED, slice_of(NULL, 0),
                           slice_of(NULL, 0), ret_seq);
    if (rv == 0) {
        g->damaged = false;
    }
    return rv;
}

/* ---- the hook ------------------------------------------------------------ */

/* An empty frame that says how far frames are durable, so that damage to the
 * last one is not taken for a torn tail. */
static void watermark_append(struct journal *j)
{
    struct plan plan = j->plan;
    struct prep prep;
    enum place place;
    if (!j->mark || !queue_empty(&j->frames) || j->closing) {
        return;
    }
    if (plan_add(j, &plan, 0, false, false, &place) != 0) {
        return;
    }
    prep_init(&prep);
    if (prep_add(j, &prep, &plan, place, 0) != 0) {
        prep_undo(j, &prep);
        return;
    }
    ASSERT(place != PLACE_FITS);
    j->plan = plan;
    frame_begin(j, &prep, place);
    j->mark = false;
    journal_pump(j, true);
}

struct need {
    uint64_t group, index;
};

/* Tell the listener what pins file `f`. The listener may change everything,
 * so the list is made first. */
static void need_tell(struct journal *j, const struct jfile *f)
{
    struct need *list = mem_alloc(j->mem, f->n_pins * sizeof *list);
    size_t n = 0;
    void *it = NULL;
    void *value;
    if (list == NULL) {
        j->need_again = true;
        return;
    }
    while (map_next(j->groups, &it, &value)) {
        const struct jgroup *g = value;
        uint64_t index = g->pins[f->slot - 1];
        if (index != 0) {
            list[n++] = (struct need){g->open.group, index};
        }
    }
    for (size_t i = 0; i < n; i++) {
        j->need_cb(j->cb_arg, list[i].group, list[i].index);
    }
    mem_free(j->mem, list);
}

/* Below a quarter of the ring the oldest file must go; asked once a file, and
 * again when another sixteenth of the ring was used or an append was refused.
 */
static void need_poll(struct journal *j)
{
    unsigned before;
    const struct jfile *f = ring_tail(j, &before);
    uint64_t room = ring_room(j);
    uint64_t soon = room + (uint64_t)before * j->file_bytes;
    if (j->need_cb == NULL || j->closing || f == NULL || f == j->cur ||
        (soon >= ring_bytes(j) / 4 && !j->need_again)) {
        return;
    }
    if (f->generation == j->need_generation && !j->need_again &&
        room + j->reserve >= j->need_room) {
        return;
    }
    j->need_generation = f->generation;
    j->need_room = room;
    j->need_again = false;
    need_tell(j, f);
}

static void turn_cb(struct env_turn *t)
{
    struct journal *j = t->data;
    journal_pump(j, true);
    watermark_append(j);
    checkpoint_poll(j);
    need_poll(j);
    journal_close_poll(j);
}

/* ---- life ---------------------------------------------------------------- */

int journal_init(struct journal *j, struct env *e,
                 const struct journal_options *o)
{
    struct mem *mem = env_mem(e);
    *j = (struct journal){
        .env = e,
        .mem = mem,
        .depth = o->depth == 0 || o->depth > JOURNAL_DEPTH_MAX
                     ? JOURNAL_DEPTH_MAX
                     : o->depth,
        .front = FRONT_MIN,
        .next_frame = 1,
    };
    queue_init(&j->live);
    queue_init(&j->frames);
    queue_init(&j->spare);
    queue_init(&j->bufs);
    env_turn_init(&j->turn, ENV_TURN_JOURNAL, turn_cb, j);
    size_t len = strlen(o->dir);
    j->dir = mem_strndup(mem, o->dir, len);
    j->path = mem_alloc(mem, len + sizeof "/journal");
    j->groups = map_new(mem);
    if (j->dir == NULL || j->path == NULL || j->groups == NULL) {
        return ERR_NOMEM;
    }
    memcpy(j->path, o->dir, len);
    memcpy(j->path + len, "/journal", sizeof "/journal");
    return 0;
}

static void journal_free_frames(struct journal *j, struct queue *list)
{
    struct queue *q;
    while ((q = queue_pop(list)) != NULL) {
        frame_free(j, QUEUE_ENTRY(q, struct jframe, queue));
    }
}

void journal_destroy(struct journal *j)
{
    void *it = NULL;
    void *value;
    struct queue *q;
    ASSERT(queue_empty(&j->frames) && j->in_flight == 0);
    env_turn_cancel(j->env, &j->turn);
    checkpoint_close(j);
    zero_close(j);
    while (j->groups != NULL && map_next(j->groups, &it, &value)) {
        group_free(j, value);
    }
    map_free(j->groups);
    journal_free_frames(j, &j->spare);
    while ((q = queue_pop(&j->bufs)) != NULL) {
        buf_free(j, QUEUE_ENTRY(q, struct jbuf, queue));
    }
    for (unsigned i = 0; j->files != NULL && i < j->n_files; i++) {
        file_close(j->files[i].file);
    }
    mem_free(j->mem, j->files);
    mem_free(j->mem, j->dir);
    mem_free(j->mem, j->path);
    mem_free(j->mem, j);
}

void journal_listen(struct journal *j, journal_durable_cb durable,
                    journal_need_cb need, void *arg)
{
    j->durable_cb = durable;
    j->need_cb = need;
    j->cb_arg = arg;
}

uint64_t journal_durable(const struct journal *j)
{
    return j->durable_seq;
}

uint64_t journal_last(const struct journal *j)
{
    return j->last_seq;
}

uint64_t journal_backlog(const struct journal *j)
{
    return j->backlog;
}

uint64_t journal_room(const struct journal *j)
{
    uint64_t room = ring_room(j);
    return room > j->reserve ? room - j->reserve : 0;
}

uint64_t journal_size(const struct journal *j)
{
    return ring_bytes(j);
}

void journal_checkpoint(struct journal *j)
{
    j->checkpoint.wanted = true;
    env_turn_request(j->env, &j->turn);
}

void journal_close(struct journal *j, journal_close_cb cb, void *arg)
{
    ASSERT(!j->closing);
    j->closing = true;
    j->close_cb = cb;
    j->close_arg = arg;
    j->checkpoint.wanted = false;
    env_turn_request(j->env, &j->turn);
}

void journal_close_poll(struct journal *j)
{
    if (!j->closing || !queue_empty(&j->frames) || j->zeroing.busy ||
        j->checkpoint.state != CHECKPOINT_IDLE) {
        return;
    }
    if (!j->checkpoint.clean && !j->checkpoint.wanted) {
        j->checkpoint.wanted = true;
        checkpoint_poll(j);
        if (j->checkpoint.state != CHECKPOINT_IDLE) {
            return;
        }
        trace_warn(env_trace(j->env), "journal.unclean",
                   "reason=\"no memory for the last checkpoint\"");
    }
    journal_close_cb cb = j->close_cb;
    void *arg = j->close_arg;
    journal_destroy(j);
    if (cb != NULL) {
        cb(arg);
    }
}
