/* Staging: frames that gather, their buffers, and records that wait. */
#include "base/assert.h"
#include "storage/journal_impl.h"

/* ---- frames and buffers -------------------------------------------------- */

void stage_frame_free(struct journal *j, struct jframe *f)
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

void stage_recycle(struct journal *j, struct jframe *f)
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

/* Large ones stand in huge pages: the kernel pins and the device reads every
 * page of a write. */
static struct jbuf *buf_new(struct journal *j, uint64_t cap, bool pooled)
{
    size_t align = cap < MEM_HUGE_BYTES ? FORMAT_BLOCK : MEM_HUGE_BYTES;
    struct jbuf *b = mem_calloc(j->mem, 1, sizeof *b);
    void *raw = mem_alloc(j->mem, cap + align);
    if (b == NULL || raw == NULL) {
        mem_free(j->mem, b);
        mem_free(j->mem, raw);
        return NULL;
    }
    queue_init(&b->queue);
    b->raw = raw;
    b->data = (uint8_t *)(((uintptr_t)raw + align - 1) & ~(align - 1));
    mem_advise_huge(b->data, cap);
    b->cap = (uint32_t)cap;
    b->pooled = pooled;
    j->n_bufs += pooled;
    return b;
}

void stage_buf_free(struct journal *j, struct jbuf *b)
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
void stage_give(struct journal *j, struct jbuf *b)
{
    struct queue *q;
    struct queue *tmp;
    if (!b->pooled) {
        stage_buf_free(j, b);
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

/* ---- before anything is changed ------------------------------------------ */

void prep_init(struct prep *p)
{
    queue_init(&p->frames);
    queue_init(&p->items);
}

void prep_undo(struct journal *j, struct prep *p)
{
    struct queue *q;
    while ((q = queue_pop(&p->frames)) != NULL) {
        struct jframe *f = QUEUE_ENTRY(q, struct jframe, queue);
        if (f->buf != NULL) {
            stage_give(j, f->buf);
            f->buf = NULL;
        }
        stage_recycle(j, f);
    }
    while ((q = queue_pop(&p->items)) != NULL) {
        mem_free(j->mem, QUEUE_ENTRY(q, struct jitem, queue));
    }
}

/* Allocate what placing one record needs: a frame and its buffer, and an item
 * of `item_bytes` if there is no buffer to copy the record into. */
int prep_add(struct journal *j, struct prep *p, const struct plan *plan,
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
            stage_recycle(j, f);
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

struct jitem *prep_item(struct prep *p)
{
    struct queue *q = queue_pop(&p->items);
    ASSERT(q != NULL);
    return QUEUE_ENTRY(q, struct jitem, queue);
}

void stage_seal(struct journal *j)
{
    if (j->gather != NULL) {
        j->gather->state = JFRAME_SEALED;
        j->gather = NULL;
        j->plan.left -= j->plan.size;
        j->plan.size = 0;
    }
}

/* Begin a frame where the plan says. */
void stage_begin(struct journal *j, struct prep *prep, enum place place)
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
void stage_list(struct jframe *f, struct jgroup *g, uint64_t first,
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

bool stage_is_new(const struct journal *j, const struct jgroup *g)
{
    return j->gather == NULL || g->frame != j->gather->facts.seq;
}

/* The place of the next record in its frame. */
uint8_t *stage_end(struct jframe *f)
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
    ASSERT(p == stage_end(f));
}
