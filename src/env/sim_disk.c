/* sim_disk.c - a file's two images and what a power cut leaves of them.
 *
 *            write                    sync, dsync
 *   caller ---------> volatile image -------------> durable image
 *                     + an op in the  (ops applied
 *                       inode's list   in order)
 *
 * An op is a snapshot of whole sectors as they were after the write, or a
 * change of size. Ops are numbered over the whole disk, names' changes
 * included, so that a prefix in order of writing is one number. What a dsync
 * write has made durable while older ops of its file wait is kept among them
 * as a pinned op: a cut that keeps an older op must not put it over the newer
 * bytes.
 */
#include <string.h>

#include "base/assert.h"
#include "env/sim_impl.h"

enum op_kind {
    OP_WRITE,   /* sectors [offset, offset + len) became `data` */
    OP_TRUNCATE /* the size became `size` */
};

struct disk_op {
    struct queue queue;
    uint64_t seq;
    enum op_kind kind;
    bool pinned; /* is in the durable image already */
    bool dsync;
    uint64_t offset;
    size_t len;
    uint64_t size; /* of the file afterwards */
    uint8_t *data; /* NULL: zeros */
};

/* How a cut treats what was not durable. */
struct cut {
    enum sim_crash how;
    uint64_t upto;         /* PREFIX: numbers below survive whole, */
    uint64_t torn_sectors; /* and so many sectors of this number */
};

/* ---- ops ---------------------------------------------------------------- */

static struct disk_op *op_new(struct sim_inode *i, enum op_kind kind)
{
    struct disk_op *op = sim_alloc(i->disk->sim, 1, sizeof *op);

    op->kind = kind;
    op->seq = ++i->disk->seq;
    op->size = i->vol.size;
    queue_push(&i->ops, &op->queue);
    return op;
}

static void op_free(struct sim_inode *i, struct disk_op *op)
{
    queue_remove(&op->queue);
    sim_release(i->disk->sim, op->data);
    sim_release(i->disk->sim, op);
}

/* A snapshot of the sectors that [offset, offset + len) touches. */
static struct disk_op *op_write(struct sim_inode *i, size_t len,
                                uint64_t offset)
{
    struct disk_op *op = op_new(i, OP_WRITE);
    uint64_t end = offset + len;

    op->offset = offset - offset % SIM_SECTOR;
    end += (SIM_SECTOR - end % SIM_SECTOR) % SIM_SECTOR;
    op->len = (size_t)(end - op->offset);
    op->data = sim_alloc_raw(i->disk->sim, op->len);
    sim_image_read(&i->vol, op->data, op->len, op->offset);
    if (sim_all_zero(op->data, op->len)) {
        sim_release(i->disk->sim, op->data);
        op->data = NULL;
    }
    return op;
}

/* Put `n` sectors of a write, from sector `from` of it, into an image. */
static void op_put(struct sim_inode *i, const struct disk_op *op,
                   struct sim_image *im, size_t from, size_t n)
{
    uint64_t offset = op->offset + from * SIM_SECTOR;
    uint64_t end = offset + n * SIM_SECTOR;

    if (n == 0) {
        return;
    }
    sim_image_write(i->disk->sim, im,
                    op->data == NULL ? NULL : op->data + from * SIM_SECTOR,
                    n * SIM_SECTOR, offset);
    end = end < op->size ? end : op->size;
    im->size = im->size > end ? im->size : end;
}

static void op_apply(struct sim_inode *i, const struct disk_op *op,
                     struct sim_image *im)
{
    if (op->kind == OP_TRUNCATE) {
        if (op->size < im->size) {
            sim_image_resize(i->disk->sim, im, op->size);
        }
        im->size = op->size;
    } else {
        if (im == &i->dur) {
            sim_disk_note(i, op->data, op->len, op->offset, op->dsync);
        }
        op_put(i, op, im, 0, op->len / SIM_SECTOR);
    }
}

/* Pinned ops matter only while an older one waits. */
static void ops_trim(struct sim_inode *i)
{
    while (!queue_empty(&i->ops)) {
        struct disk_op *op = QUEUE_ENTRY(i->ops.next, struct disk_op, queue);
        if (!op->pinned) {
            return;
        }
        op_free(i, op);
    }
}

/* A write has become durable by itself, and with it every change of size
 * before it (the same inode is written). */
static void op_pin(struct sim_inode *i, struct disk_op *op)
{
    struct queue *q, *tmp;

    QUEUE_FOREACH(q, tmp, &i->ops)
    {
        struct disk_op *older = QUEUE_ENTRY(q, struct disk_op, queue);
        if (older->kind == OP_TRUNCATE && !older->pinned) {
            op_apply(i, older, &i->dur);
            older->pinned = true;
        }
    }
    op->dsync = true;
    op_apply(i, op, &i->dur);
    op->pinned = true;
    ops_trim(i);
}

/* ---- inodes ------------------------------------------------------------- */

struct sim_inode *sim_inode_new(struct sim_disk *d, bool dir)
{
    struct sim_inode *i = sim_alloc(d->sim, 1, sizeof *i);

    i->disk = d;
    i->dir = dir;
    queue_init(&i->ops);
    queue_init(&i->names[0]);
    queue_init(&i->names[1]);
    queue_push(&d->inodes, &i->queue);
    return i;
}

struct sim_inode *sim_inode_ref(struct sim_inode *i)
{
    i->refs++;
    return i;
}

void sim_inode_unref(struct sim_inode *i)
{
    struct sim *s = i->disk->sim;

    ASSERT(i->refs > 0);
    if (--i->refs > 0) {
        return;
    }
    sim_names_free(i);
    while (!queue_empty(&i->ops)) {
        op_free(i, QUEUE_ENTRY(i->ops.next, struct disk_op, queue));
    }
    i->disk->bytes -= i->vol.size;
    sim_image_free(s, &i->vol);
    sim_image_free(s, &i->dur);
    queue_remove(&i->queue);
    sim_release(s, i);
}

/* Set the size of the volatile image. Errors: ERR_NOSPACE. */
static int inode_resize(struct sim_inode *i, uint64_t size)
{
    struct sim_disk *d = i->disk;
    uint64_t max = d->bytes_max != 0 ? d->bytes_max : d->sim->o.disk_bytes_max;

    if (size > i->vol.size && max != 0 &&
        (d->bytes > max || size - i->vol.size > max - d->bytes)) {
        return ERR_NOSPACE;
    }
    d->bytes = d->bytes - i->vol.size + size;
    if (size < i->vol.size) {
        sim_image_resize(d->sim, &i->vol, size);
    }
    i->vol.size = size;
    return 0;
}

/* The medium with what is certain to be written back to it. */
static void inode_medium(struct sim_inode *i, struct sim_image *ret_im)
{
    struct queue *q, *tmp;

    *ret_im = (struct sim_image){0};
    sim_image_copy(i->disk->sim, &i->dur, ret_im);
    QUEUE_FOREACH(q, tmp, &i->ops)
    {
        op_apply(i, QUEUE_ENTRY(q, struct disk_op, queue), ret_im);
    }
}

size_t sim_inode_read(struct sim_inode *i, void *data, size_t len,
                      uint64_t offset, bool medium)
{
    struct sim_image view = i->vol;

    if (offset >= i->vol.size) {
        return 0;
    }
    if (len > i->vol.size - offset) {
        len = (size_t)(i->vol.size - offset);
    }
    i->disk->n_read += len;
    if (medium && i->lost) {
        inode_medium(i, &view);
        sim_image_read(&view, data, len, offset);
        sim_image_free(i->disk->sim, &view);
    } else {
        sim_image_read(&view, data, len, offset);
    }
    return len;
}

/* A synchronous write of whole sectors needs no op: nothing older waits. */
static void write_through(struct sim_inode *i, const uint8_t *data, size_t len,
                          uint64_t offset)
{
    uint64_t end = offset + len;

    i->disk->seq++;
    sim_disk_note(i, data, len, offset, true);
    sim_image_share(i->disk->sim, &i->vol, &i->dur, len, offset);
    i->dur.size = i->dur.size > end ? i->dur.size : end;
}

int sim_inode_write(struct sim_inode *i, const void *data, size_t len,
                    uint64_t offset, bool durable)
{
    struct disk_op *op;

    if (len == 0) {
        return 0;
    }
    data = data != NULL && sim_all_zero(data, len) ? NULL : data;
    sim_note_bytes(i->disk->sim, i->disk->id, data, len);
    if (offset > UINT64_MAX / 2 || len > UINT64_MAX / 2) {
        return ERR_NOSPACE;
    }
    if (offset + len > i->vol.size && inode_resize(i, offset + len) != 0) {
        return ERR_NOSPACE;
    }
    sim_image_write(i->disk->sim, &i->vol, data, len, offset);
    if (durable && queue_empty(&i->ops) && offset % SIM_SECTOR == 0 &&
        len % SIM_SECTOR == 0) {
        write_through(i, data, len, offset);
        return 0;
    }
    op = op_write(i, len, offset);
    if (durable) {
        op_pin(i, op);
    }
    return 0;
}

void sim_inode_write_torn(struct sim_inode *i, const void *data, size_t len,
                          uint64_t offset)
{
    const uint8_t *p = data;

    while (len > 0) {
        size_t n = SIM_SECTOR - (size_t)(offset % SIM_SECTOR);
        n = n < len ? n : len;
        if (rand_below(&i->disk->sim->rand, 2) == 0) {
            (void)sim_inode_write(i, p, n, offset, false);
        }
        p = p == NULL ? NULL : p + n;
        offset += n;
        len -= n;
    }
}

void sim_inode_sync(struct sim_inode *i, uint64_t seq, bool lose)
{
    struct queue *q, *tmp;

    QUEUE_FOREACH(q, tmp, &i->ops)
    {
        struct disk_op *op = QUEUE_ENTRY(q, struct disk_op, queue);
        if (op->seq > seq) {
            break;
        }
        if (lose) {
            i->lost = i->lost || !op->pinned;
        } else {
            op_apply(i, op, &i->dur);
        }
        op_free(i, op);
    }
    /* What is newer and pinned must stay on top. */
    QUEUE_FOREACH(q, tmp, &i->ops)
    {
        struct disk_op *op = QUEUE_ENTRY(q, struct disk_op, queue);
        if (op->pinned) {
            op_apply(i, op, &i->dur);
        }
    }
    ops_trim(i);
}

int sim_inode_truncate(struct sim_inode *i, uint64_t size)
{
    if (size > UINT64_MAX / 2 || inode_resize(i, size) != 0) {
        return ERR_NOSPACE;
    }
    (void)op_new(i, OP_TRUNCATE);
    return 0;
}

void sim_inode_drop_cache(struct sim_inode *i)
{
    struct sim_image view;
    uint64_t size = i->vol.size;

    if (!i->lost) {
        return;
    }
    inode_medium(i, &view);
    sim_image_free(i->disk->sim, &i->vol);
    i->vol = view;
    /* The size is the inode's, which is not a cached page. */
    i->vol.size = size;
}

void sim_inode_copy_durable(const struct sim_inode *from, struct sim_inode *to)
{
    struct sim *s = to->disk->sim;

    sim_image_copy(s, &from->dur, &to->dur);
    sim_image_copy(s, &from->dur, &to->vol);
    to->disk->bytes += to->vol.size;
}

/* ---- cuts --------------------------------------------------------------- */

void sim_disk_submit(struct sim_inflight *w, struct sim_inode *i,
                     const void *data, size_t len, uint64_t offset)
{
    *w = (struct sim_inflight){
        .inode = i, .data = data, .len = len, .offset = offset};
    queue_push(&i->disk->inflight, &w->queue);
}

/* What is under way may have arrived: as if written last. */
static void cut_inflight(struct sim_disk *d)
{
    struct queue *q;

    while ((q = queue_pop(&d->inflight)) != NULL) {
        struct sim_inflight *w = QUEUE_ENTRY(q, struct sim_inflight, queue);
        (void)sim_inode_write(w->inode, w->data, w->len, w->offset, false);
    }
}

/* Keep a random subset of a write's sectors; quite often all or none, since
 * a subset of many sectors never is. */
static void cut_random(struct sim_inode *i, const struct disk_op *op)
{
    struct sim *s = i->disk->sim;
    uint64_t way = rand_below(&s->rand, 4);

    if (way == 0) {
        return;
    }
    if (way == 1) {
        op_apply(i, op, &i->dur);
        return;
    }
    for (size_t k = 0; k < op->len / SIM_SECTOR; k++) {
        if (rand_below(&s->rand, 2) == 0) {
            op_put(i, op, &i->dur, k, 1);
        }
    }
}

static void cut_op(struct sim_inode *i, const struct disk_op *op,
                   const struct cut *c)
{
    size_t n = op->len / SIM_SECTOR;

    if (op->pinned || c->how == SIM_CRASH_ALL ||
        (c->how == SIM_CRASH_PREFIX && op->seq < c->upto)) {
        op_apply(i, op, &i->dur);
    } else if (c->how == SIM_CRASH_PREFIX && op->seq == c->upto) {
        if (op->kind == OP_WRITE) {
            op_put(i, op, &i->dur, 0,
                   c->torn_sectors < n ? (size_t)c->torn_sectors : n);
        }
    } else if (c->how == SIM_CRASH_RANDOM) {
        if (op->kind == OP_WRITE) {
            cut_random(i, op);
        } else if (rand_below(&i->disk->sim->rand, 2) == 0) {
            op_apply(i, op, &i->dur);
        }
    }
}

static void cut_inode(struct sim_inode *i, const struct cut *c)
{
    struct sim_disk *d = i->disk;

    if (queue_empty(&i->ops) && !i->lost) {
        return; /* the images are equal */
    }
    while (!queue_empty(&i->ops)) {
        struct disk_op *op = QUEUE_ENTRY(i->ops.next, struct disk_op, queue);
        cut_op(i, op, c);
        op_free(i, op);
    }
    if (c->how == SIM_CRASH_ALL) {
        sim_image_copy(d->sim, &i->vol, &i->dur);
    }
    d->bytes -= i->vol.size;
    sim_image_copy(d->sim, &i->dur, &i->vol);
    d->bytes += i->vol.size;
    i->lost = false;
}

/* The number of the oldest change that is not durable. */
static uint64_t disk_first_pending(const struct sim_disk *d)
{
    uint64_t first =
        sim_names_pending(d) > 0 ? sim_names_pending_seq(d, 0) : UINT64_MAX;
    struct queue *q;

    for (q = d->inodes.next; q != &d->inodes; q = q->next) {
        const struct sim_inode *i = QUEUE_ENTRY(q, struct sim_inode, queue);
        if (!queue_empty(&i->ops)) {
            uint64_t seq = QUEUE_ENTRY(i->ops.next, struct disk_op, queue)->seq;
            first = seq < first ? seq : first;
        }
    }
    return first;
}

/* Up to which number names survive. */
static uint64_t cut_names_upto(struct sim_disk *d, const struct cut *c)
{
    size_t n = sim_names_pending(d);
    uint64_t k;

    switch (c->how) {
    case SIM_CRASH_NONE:
        return 0;
    case SIM_CRASH_PREFIX:
        return c->upto == 0 ? 0 : c->upto - 1;
    case SIM_CRASH_RANDOM:
        k = rand_below(&d->sim->rand, n + 1);
        return k == 0 ? 0 : sim_names_pending_seq(d, (size_t)k - 1);
    default:
        return UINT64_MAX;
    }
}

void sim_disk_cut(struct sim_disk *d, enum sim_crash how)
{
    struct cut c = {.how = how};
    struct queue *q;
    uint64_t first;

    sim_note(d->sim, d->id, SIM_KIND_CUT, how);
    d->power++;
    cut_inflight(d);
    if (how == SIM_CRASH_KILL) {
        return;
    }
    first = disk_first_pending(d);
    if (first > d->seq) {
        first = d->seq;
    }
    c.upto = first + rand_below(&d->sim->rand, d->seq - first + 2);
    c.torn_sectors = rand_below(&d->sim->rand, 64);
    /* What is remembered for damage may let go of any removed file here. */
    for (q = d->inodes.next; q != &d->inodes;) {
        struct sim_inode *i =
            sim_inode_ref(QUEUE_ENTRY(q, struct sim_inode, queue));
        cut_inode(i, &c);
        q = q->next;
        sim_inode_unref(i);
    }
    sim_names_cut(d, cut_names_upto(d, &c));
}

/* ---- disks -------------------------------------------------------------- */

struct sim_disk *sim_disk_new(struct sim *s, unsigned id)
{
    struct sim_disk *d = sim_alloc(s, 1, sizeof *d);

    d->sim = s;
    d->id = id;
    queue_init(&d->inodes);
    queue_init(&d->name_ops);
    queue_init(&d->inflight);
    d->root = sim_inode_ref(sim_inode_new(d, true));
    queue_push(&s->disks, &d->queue);
    return d;
}

struct sim_disk *sim_disk_copy(struct sim_disk *d)
{
    struct sim_disk *copy = sim_disk_new(d->sim, d->id);

    sim_names_copy(d->root, copy->root);
    return copy;
}
