/* sim_name.c - directories of a simulated disk: names now, and names that
 * survive a power cut.
 *
 * Each directory has both lists. A change acts on the volatile names at once
 * and joins the disk's list of changes; syncing a directory pins those that
 * put a name into it or remove one from it. (A rename is pinned by the
 * directory that it moves into: then it happens whole, never half.) A cut
 * applies to the durable names, in order, what is pinned or old enough.
 *
 * A file's own sync does not make its name durable, although ext4 and XFS do
 * that: POSIX promises nothing, and we want to see who relies on it.
 */
#include <string.h>

#include "base/assert.h"
#include "env/sim_impl.h"

enum { NAMES_NOW, NAMES_DURABLE };

struct name {
    struct queue queue; /* in byte order of names */
    struct sim_inode *inode;
    char text[SIM_NAME_MAX];
};

/* `from` is removed if there is one, then `to` is set if there is one. */
struct name_op {
    struct queue queue;
    uint64_t seq;
    bool pinned;
    struct sim_inode *inode;
    struct sim_inode *from_dir, *to_dir; /* NULL: no such half */
    char from[SIM_NAME_MAX], to[SIM_NAME_MAX];
};

/* ---- lists of names ----------------------------------------------------- */

static struct name *list_find(const struct queue *list, const char *text)
{
    struct queue *q;

    for (q = list->next; q != list; q = q->next) {
        struct name *n = QUEUE_ENTRY(q, struct name, queue);
        if (strcmp(n->text, text) == 0) {
            return n;
        }
    }
    return NULL;
}

static void list_remove(struct sim *s, struct name *n)
{
    struct sim_inode *i = n->inode;

    queue_remove(&n->queue);
    sim_release(s, n);
    sim_inode_unref(i);
}

static void list_set(struct sim *s, struct queue *list, const char *text,
                     struct sim_inode *i)
{
    struct name *n = list_find(list, text);
    struct queue *q;

    sim_inode_ref(i);
    if (n != NULL) {
        struct sim_inode *old = n->inode;
        n->inode = i;
        sim_inode_unref(old);
        return;
    }
    n = sim_alloc(s, 1, sizeof *n);
    n->inode = i;
    strcpy(n->text, text);
    for (q = list->next; q != list; q = q->next) {
        if (strcmp(QUEUE_ENTRY(q, struct name, queue)->text, text) > 0) {
            break;
        }
    }
    queue_push(q, &n->queue); /* before it */
}

static void list_clear(struct sim *s, struct queue *list)
{
    while (!queue_empty(list)) {
        list_remove(s, QUEUE_ENTRY(list->next, struct name, queue));
    }
}

void sim_names_free(struct sim_inode *dir)
{
    list_clear(dir->disk->sim, &dir->names[NAMES_NOW]);
    list_clear(dir->disk->sim, &dir->names[NAMES_DURABLE]);
}

/* ---- looking up --------------------------------------------------------- */

struct sim_inode *sim_name_get(const struct sim_inode *dir, const char *name)
{
    struct name *n = list_find(&dir->names[NAMES_NOW], name);

    return n == NULL ? NULL : n->inode;
}

/* Cut the next part off a path: false at the end. A part that is too long is
 * one that does not exist. */
static bool path_part(const char **path, char *part)
{
    size_t n;

    for (;;) {
        *path += strspn(*path, "/");
        n = strcspn(*path, "/");
        if (n != 1 || **path != '.') {
            break;
        }
        (*path)++;
    }
    if (n == 0) {
        return false;
    }
    memset(part, 0, SIM_NAME_MAX);
    if (n < SIM_NAME_MAX) {
        memcpy(part, *path, n);
    }
    *path += n;
    return true;
}

struct sim_inode *sim_name_find(struct sim_disk *d, const char *path)
{
    struct sim_inode *i = d->root;
    char part[SIM_NAME_MAX];

    while (i != NULL && path_part(&path, part)) {
        i = i->dir ? sim_name_get(i, part) : NULL;
    }
    return i;
}

struct sim_inode *sim_name_parent(struct sim_disk *d, const char *path,
                                  char *ret_name)
{
    struct sim_inode *dir = d->root;
    char part[SIM_NAME_MAX];

    if (!path_part(&path, ret_name)) {
        return NULL;
    }
    while (path_part(&path, part)) {
        dir = sim_name_get(dir, ret_name);
        if (dir == NULL || !dir->dir) {
            return NULL;
        }
        memcpy(ret_name, part, sizeof part);
    }
    return ret_name[0] == '\0' || strcmp(ret_name, "..") == 0 ? NULL : dir;
}

bool sim_name_empty(const struct sim_inode *dir)
{
    return queue_empty(&dir->names[NAMES_NOW]);
}

/* The callback may change the directory: it is told of what was there before.
 * (If it dies, the copy stays until the world ends.) */
int sim_name_list(const struct sim_inode *dir, env_dir_cb cb, void *arg)
{
    struct sim *s = dir->disk->sim;
    const struct queue *list = &dir->names[NAMES_NOW];
    struct name *copy;
    size_t n = 0, k = 0;
    int rc = 0;

    for (const struct queue *q = list->next; q != list; q = q->next) {
        n++;
    }
    copy = sim_alloc(s, n + 1, sizeof *copy);
    for (struct queue *q = list->next; q != list; q = q->next) {
        copy[k++] = *QUEUE_ENTRY(q, struct name, queue);
    }
    for (k = 0; k < n && rc == 0; k++) {
        copy[k].inode = sim_name_get(dir, copy[k].text);
        if (copy[k].inode != NULL) {
            rc = cb(arg, copy[k].text, copy[k].inode->dir);
        }
    }
    sim_release(s, copy);
    return rc;
}

/* ---- changing ----------------------------------------------------------- */

static void op_apply(struct name_op *op, int which)
{
    struct sim *s = op->inode->disk->sim;

    if (op->from_dir != NULL) {
        struct name *n = list_find(&op->from_dir->names[which], op->from);
        if (n != NULL && n->inode == op->inode) {
            list_remove(s, n);
        }
    }
    if (op->to_dir != NULL) {
        list_set(s, &op->to_dir->names[which], op->to, op->inode);
    }
}

static void op_free(struct name_op *op)
{
    struct sim *s = op->inode->disk->sim;
    struct sim_inode *held[] = {op->inode, op->from_dir, op->to_dir};

    queue_remove(&op->queue);
    sim_release(s, op);
    for (unsigned i = 0; i < sizeof held / sizeof held[0]; i++) {
        if (held[i] != NULL) {
            sim_inode_unref(held[i]);
        }
    }
}

static void op_add(struct sim_inode *from_dir, const char *from,
                   struct sim_inode *to_dir, const char *to,
                   struct sim_inode *i)
{
    struct sim_disk *d = i->disk;
    struct name_op *op = sim_alloc(d->sim, 1, sizeof *op);

    op->seq = ++d->seq;
    op->inode = sim_inode_ref(i);
    if (from_dir != NULL) {
        op->from_dir = sim_inode_ref(from_dir);
        strcpy(op->from, from);
    }
    if (to_dir != NULL) {
        op->to_dir = sim_inode_ref(to_dir);
        strcpy(op->to, to);
    }
    queue_push(&d->name_ops, &op->queue);
    op_apply(op, NAMES_NOW);
}

void sim_name_link(struct sim_inode *dir, const char *name, struct sim_inode *i)
{
    op_add(NULL, NULL, dir, name, i);
}

void sim_name_unlink(struct sim_inode *dir, const char *name)
{
    op_add(dir, name, NULL, NULL, sim_name_get(dir, name));
}

void sim_name_rename(struct sim_inode *from_dir, const char *from,
                     struct sim_inode *dir, const char *name)
{
    op_add(from_dir, from, dir, name, sim_name_get(from_dir, from));
}

/* ---- durability --------------------------------------------------------- */

void sim_name_sync(struct sim_inode *dir)
{
    struct sim_disk *d = dir->disk;
    struct queue *q, *tmp;
    bool waits = false; /* an older change is not pinned */

    QUEUE_FOREACH(q, tmp, &d->name_ops)
    {
        struct name_op *op = QUEUE_ENTRY(q, struct name_op, queue);
        struct sim_inode *decides = op->to_dir ? op->to_dir : op->from_dir;
        op->pinned = op->pinned || decides == dir;
        if (op->pinned && !waits) {
            op_apply(op, NAMES_DURABLE);
            op_free(op);
        } else {
            waits = true;
        }
    }
}

size_t sim_names_pending(const struct sim_disk *d)
{
    size_t n = 0;

    for (struct queue *q = d->name_ops.next; q != &d->name_ops; q = q->next) {
        n++;
    }
    return n;
}

uint64_t sim_names_pending_seq(const struct sim_disk *d, size_t k)
{
    struct queue *q = d->name_ops.next;

    while (k-- > 0) {
        q = q->next;
    }
    ASSERT(q != &d->name_ops);
    return QUEUE_ENTRY(q, struct name_op, queue)->seq;
}

/* The volatile names become the durable ones. */
static void names_revert(struct sim_inode *dir)
{
    struct sim *s = dir->disk->sim;
    struct queue *q;

    list_clear(s, &dir->names[NAMES_NOW]);
    for (q = dir->names[NAMES_DURABLE].next; q != &dir->names[NAMES_DURABLE];
         q = q->next) {
        struct name *n = QUEUE_ENTRY(q, struct name, queue);
        list_set(s, &dir->names[NAMES_NOW], n->text, n->inode);
    }
}

void sim_names_cut(struct sim_disk *d, uint64_t upto)
{
    struct queue held, *q;

    queue_init(&held);
    for (q = d->inodes.next; q != &d->inodes; q = q->next) {
        sim_inode_ref(QUEUE_ENTRY(q, struct sim_inode, queue));
    }
    while (!queue_empty(&d->name_ops)) {
        struct name_op *op =
            QUEUE_ENTRY(d->name_ops.next, struct name_op, queue);
        if (op->pinned || op->seq <= upto) {
            op_apply(op, NAMES_DURABLE);
        }
        op_free(op);
    }
    for (q = d->inodes.next; q != &d->inodes; q = q->next) {
        names_revert(QUEUE_ENTRY(q, struct sim_inode, queue));
    }
    /* Now what has no name and no user goes; it may take others with it. */
    queue_move(&d->inodes, &held);
    while ((q = queue_pop(&held)) != NULL) {
        struct sim_inode *i = QUEUE_ENTRY(q, struct sim_inode, queue);
        queue_push(&d->inodes, &i->queue);
        sim_inode_unref(i);
    }
}

void sim_names_copy(const struct sim_inode *from, struct sim_inode *to)
{
    struct sim *s = to->disk->sim;
    struct queue *q;

    for (q = from->names[NAMES_DURABLE].next; q != &from->names[NAMES_DURABLE];
         q = q->next) {
        struct name *n = QUEUE_ENTRY(q, struct name, queue);
        struct sim_inode *i = sim_inode_new(to->disk, n->inode->dir);
        list_set(s, &to->names[NAMES_DURABLE], n->text, i);
        list_set(s, &to->names[NAMES_NOW], n->text, i);
        if (n->inode->dir) {
            sim_names_copy(n->inode, i);
        } else {
            sim_inode_copy_durable(n->inode, i);
        }
    }
}
