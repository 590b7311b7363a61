/* sim_bfile.c - blocking files and names: they act at once. A background job
 * has its drawn delay; what it does takes no virtual time. */
#include <string.h>

#include "base/assert.h"
#include "env/sim_impl.h"

struct sim_bfile {
    struct bfile bfile;
    struct sim_handle handle;
    char *path;
};

static struct sim_bfile *bfile_of(struct bfile *f)
{
    return QUEUE_ENTRY(f, struct sim_bfile, bfile);
}

/* ---- planted and drawn errors ------------------------------------------- */

static bool fault_planted(struct sim_node *n)
{
    if (n->fail_at == 0) {
        return false;
    }
    if (n->fail_at > 1) {
        n->fail_at--;
        return false;
    }
    if (!n->fail_for_ever) {
        n->fail_at = 0;
    }
    n->fail_fired = true;
    return true;
}

/* Is the power off, or does it go with this call? */
static bool power_goes(struct sim_node *n)
{
    if (n->crash_at > 0 && --n->crash_at == 0) {
        n->powerless = true;
        n->sim->n_powerless++;
    }
    return n->powerless;
}

int sim_io_fault(struct sim_node *n, enum sim_io io)
{
    const struct sim_options *o = &n->sim->o;
    unsigned rate = io == SIM_IO_READ    ? o->disk_read_error_rate
                    : io == SIM_IO_WRITE ? o->disk_write_error_rate
                    : io == SIM_IO_SYNC  ? o->disk_sync_error_rate
                                         : 0;

    if (power_goes(n)) {
        return ERR_IO;
    }
    if (fault_planted(n)) {
        return n->fail_code;
    }
    return sim_chance(n->sim, rate) ? ERR_IO : 0;
}

void sim_io_flip(struct sim_node *n, void *data, size_t len)
{
    if (len > 0 && sim_chance(n->sim, n->sim->o.bit_flip_rate)) {
        uint64_t bit = rand_below(&n->sim->rand, (uint64_t)len * 8);
        ((uint8_t *)data)[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

/* ---- handles ------------------------------------------------------------ */

/* The inode that an open is about. */
static int handle_find(struct sim_node *n, const char *path, unsigned flags,
                       struct sim_inode **ret_i)
{
    char name[SIM_NAME_MAX];
    struct sim_inode *i = sim_name_find(n->disk, path);
    struct sim_inode *dir;

    if (i != NULL) {
        if ((flags & FILE_EXCL) != 0 && (flags & FILE_CREATE) != 0) {
            return ERR_EXISTS;
        }
        *ret_i = i;
        return i->dir ? ERR_IO : 0;
    }
    dir = sim_name_parent(n->disk, path, name);
    if (dir == NULL || (flags & FILE_CREATE) == 0) {
        return ERR_NOTFOUND;
    }
    *ret_i = sim_inode_new(n->disk, false);
    sim_name_link(dir, name, *ret_i);
    return 0;
}

int sim_handle_open(struct sim_node *n, struct sim_handle *h, const char *path,
                    unsigned flags, struct err *err)
{
    struct sim_inode *i;
    int rc = sim_io_fault(n, SIM_IO_META);

    ASSERT((flags & (FILE_READ | FILE_WRITE)) != 0);
    if (rc == 0) {
        rc = handle_find(n, path, flags, &i);
    }
    if (rc != 0) {
        return err_set(err, rc, "%s: cannot open: %s", path, err_text(rc));
    }
    if ((flags & FILE_TRUNC) != 0 && i->vol.size > 0) {
        (void)sim_inode_truncate(i, 0);
    }
    *h = (struct sim_handle){
        .node = n, .inode = sim_inode_ref(i), .flags = flags};
    queue_push(&n->handles, &h->queue);
    return 0;
}

void sim_handle_check(const struct sim_handle *h, unsigned flag,
                      const void *data, size_t len, uint64_t offset)
{
    ASSERT((h->flags & flag) != 0);
    if ((h->flags & FILE_DIRECT) != 0) {
        ASSERT((uintptr_t)data % FILE_ALIGN == 0);
        ASSERT(len % FILE_ALIGN == 0);
        ASSERT(offset % FILE_ALIGN == 0);
    }
}

void sim_handle_close(struct sim_handle *h)
{
    if (h->inode->lock == h) {
        h->inode->lock = NULL;
    }
    queue_remove(&h->queue);
    sim_inode_unref(h->inode);
}

void sim_files_down(struct sim_node *n)
{
    while (!queue_empty(&n->handles)) {
        sim_handle_close(
            QUEUE_ENTRY(n->handles.next, struct sim_handle, queue));
    }
}

/* ---- blocking files ----------------------------------------------------- */

int sim_bfile_open(struct env *e, const char *path, unsigned flags,
                   struct bfile **ret_f, struct err *err)
{
    struct sim_bfile *f = mem_calloc(e->mem, 1, sizeof *f);
    int rc = ERR_NOMEM;

    if (f == NULL) {
        return err_set(err, rc, "%s: cannot open: %s", path, err_text(rc));
    }
    f->path = mem_strndup(e->mem, path, strlen(path));
    if (f->path == NULL) {
        err_set(err, rc, "%s: cannot open: %s", path, err_text(rc));
        goto err_after_alloc;
    }
    rc = sim_handle_open(sim_node_of(e), &f->handle, path, flags, err);
    if (rc != 0) {
        goto err_after_path;
    }
    f->bfile.env = e;
    f->bfile.path = f->path;
    *ret_f = &f->bfile;
    return 0;

err_after_path:
    mem_free(e->mem, f->path);
err_after_alloc:
    mem_free(e->mem, f);
    return rc;
}

void sim_bfile_close(struct bfile *bf)
{
    struct sim_bfile *f = bfile_of(bf);
    struct mem *mem = bf->env->mem;

    sim_handle_close(&f->handle);
    mem_free(mem, f->path);
    mem_free(mem, f);
}

int sim_bfile_read(struct bfile *bf, void *data, size_t len, uint64_t offset,
                   size_t *ret_n)
{
    struct sim_handle *h = &bfile_of(bf)->handle;
    int rc = sim_io_fault(h->node, SIM_IO_READ);

    sim_handle_check(h, FILE_READ, data, len, offset);
    if (rc != 0) {
        return rc;
    }
    *ret_n = sim_inode_read(h->inode, data, len, offset,
                            (h->flags & FILE_DIRECT) != 0);
    sim_io_flip(h->node, data, *ret_n);
    return 0;
}

int sim_bfile_write(struct bfile *bf, const void *data, size_t len,
                    uint64_t offset)
{
    struct sim_handle *h = &bfile_of(bf)->handle;
    bool was_powerless = h->node->powerless;
    int rc = sim_io_fault(h->node, SIM_IO_WRITE);

    sim_handle_check(h, FILE_WRITE, data, len, offset);
    if (rc == 0) {
        return sim_inode_write(h->inode, data, len, offset, false);
    }
    if (rc != ERR_NOSPACE && !was_powerless) {
        sim_inode_write_torn(h->inode, data, len, offset);
    }
    return rc;
}

int sim_bfile_sync(struct bfile *bf)
{
    struct sim_handle *h = &bfile_of(bf)->handle;
    int rc = sim_io_fault(h->node, SIM_IO_SYNC);

    if (!h->node->powerless) {
        sim_inode_sync(h->inode, h->inode->disk->seq, rc != 0);
    }
    return rc;
}

int sim_bfile_size(struct bfile *bf, uint64_t *ret_size)
{
    struct sim_handle *h = &bfile_of(bf)->handle;
    int rc = sim_io_fault(h->node, SIM_IO_META);

    if (rc == 0) {
        *ret_size = h->inode->vol.size;
    }
    return rc;
}

int sim_bfile_truncate(struct bfile *bf, uint64_t size)
{
    struct sim_handle *h = &bfile_of(bf)->handle;
    int rc = sim_io_fault(h->node, SIM_IO_META);

    ASSERT((h->flags & FILE_WRITE) != 0);
    return rc != 0 ? rc : sim_inode_truncate(h->inode, size);
}

int sim_bfile_allocate(struct bfile *bf, uint64_t offset, uint64_t len)
{
    struct sim_handle *h = &bfile_of(bf)->handle;
    int rc = sim_io_fault(h->node, SIM_IO_META);

    if (rc != 0) {
        return rc;
    }
    if (len > UINT64_MAX - offset) {
        return ERR_NOSPACE;
    }
    if (offset + len <= h->inode->vol.size) {
        return 0;
    }
    return sim_inode_truncate(h->inode, offset + len);
}

int sim_bfile_drop_cache(struct bfile *bf)
{
    struct sim_handle *h = &bfile_of(bf)->handle;
    int rc = sim_io_fault(h->node, SIM_IO_META);

    if (rc == 0) {
        sim_inode_drop_cache(h->inode);
    }
    return rc;
}

int sim_bfile_lock(struct bfile *bf)
{
    struct sim_handle *h = &bfile_of(bf)->handle;
    int rc = sim_io_fault(h->node, SIM_IO_META);

    if (rc != 0) {
        return rc;
    }
    if (h->inode->lock != NULL && h->inode->lock != h) {
        return ERR_BUSY;
    }
    h->inode->lock = h;
    return 0;
}

/* ---- names -------------------------------------------------------------- */

int sim_mkdir(struct env *e, const char *path)
{
    struct sim_node *n = sim_node_of(e);
    char name[SIM_NAME_MAX];
    struct sim_inode *dir;
    int rc = sim_io_fault(n, SIM_IO_META);

    if (rc != 0) {
        return rc;
    }
    if (sim_name_find(n->disk, path) != NULL) {
        return ERR_EXISTS;
    }
    dir = sim_name_parent(n->disk, path, name);
    if (dir == NULL) {
        return ERR_NOTFOUND;
    }
    sim_name_link(dir, name, sim_inode_new(n->disk, true));
    return 0;
}

static int remove_name(struct env *e, const char *path, bool want_dir)
{
    struct sim_node *n = sim_node_of(e);
    char name[SIM_NAME_MAX];
    struct sim_inode *dir, *i;
    int rc = sim_io_fault(n, SIM_IO_META);

    if (rc != 0) {
        return rc;
    }
    dir = sim_name_parent(n->disk, path, name);
    i = dir == NULL ? NULL : sim_name_get(dir, name);
    if (i == NULL) {
        return ERR_NOTFOUND;
    }
    if (i->dir != want_dir) {
        return ERR_IO;
    }
    if (want_dir && !sim_name_empty(i)) {
        return ERR_EXISTS;
    }
    sim_name_unlink(dir, name);
    return 0;
}

int sim_unlink(struct env *e, const char *path)
{
    return remove_name(e, path, false);
}

int sim_rmdir(struct env *e, const char *path)
{
    return remove_name(e, path, true);
}

int sim_rename(struct env *e, const char *from, const char *to)
{
    struct sim_node *n = sim_node_of(e);
    char from_name[SIM_NAME_MAX], to_name[SIM_NAME_MAX];
    struct sim_inode *from_dir, *to_dir, *i, *old;
    int rc = sim_io_fault(n, SIM_IO_META);

    if (rc != 0) {
        return rc;
    }
    from_dir = sim_name_parent(n->disk, from, from_name);
    to_dir = sim_name_parent(n->disk, to, to_name);
    i = from_dir == NULL ? NULL : sim_name_get(from_dir, from_name);
    if (i == NULL || to_dir == NULL) {
        return ERR_NOTFOUND;
    }
    old = sim_name_get(to_dir, to_name);
    if (old == i) {
        return 0;
    }
    if (old != NULL && old->dir != i->dir) {
        return ERR_IO;
    }
    if (old != NULL && old->dir && !sim_name_empty(old)) {
        return ERR_EXISTS;
    }
    sim_name_rename(from_dir, from_name, to_dir, to_name);
    return 0;
}

int sim_sync_dir(struct env *e, const char *path)
{
    struct sim_node *n = sim_node_of(e);
    struct sim_inode *dir;
    int rc = sim_io_fault(n, SIM_IO_SYNC);

    if (rc != 0) {
        return rc;
    }
    dir = sim_name_find(n->disk, path);
    if (dir == NULL || !dir->dir) {
        return dir == NULL ? ERR_NOTFOUND : ERR_IO;
    }
    sim_name_sync(dir);
    return 0;
}

int sim_stat(struct env *e, const char *path, bool *ret_dir, uint64_t *ret_size)
{
    struct sim_node *n = sim_node_of(e);
    struct sim_inode *i;
    int rc = sim_io_fault(n, SIM_IO_META);

    if (rc != 0) {
        return rc;
    }
    i = sim_name_find(n->disk, path);
    if (i == NULL) {
        return ERR_NOTFOUND;
    }
    if (ret_dir != NULL) {
        *ret_dir = i->dir;
    }
    if (ret_size != NULL) {
        *ret_size = i->vol.size;
    }
    return 0;
}

int sim_list_dir(struct env *e, const char *path, env_dir_cb cb, void *arg)
{
    struct sim_node *n = sim_node_of(e);
    struct sim_inode *dir;
    int rc = sim_io_fault(n, SIM_IO_META);

    if (rc != 0) {
        return rc;
    }
    dir = sim_name_find(n->disk, path);
    if (dir == NULL || !dir->dir) {
        return dir == NULL ? ERR_NOTFOUND : ERR_IO;
    }
    sim_inode_ref(dir); /* the callback may remove it */
    rc = sim_name_list(dir, cb, arg);
    sim_inode_unref(dir);
    return rc;
}

/* A disk without limit says that it has this many bytes. */
#define SIM_DISK_BYTES (UINT64_C(1) << 40)

int sim_disk_space(struct env *e, const char *path, uint64_t *ret_free,
                   uint64_t *ret_total)
{
    struct sim_node *n = sim_node_of(e);
    uint64_t max =
        n->disk->bytes_max != 0 ? n->disk->bytes_max : n->sim->o.disk_bytes_max;

    if (sim_name_find(n->disk, path) == NULL) {
        return ERR_NOTFOUND;
    }
    *ret_total = max == 0 ? SIM_DISK_BYTES : max;
    *ret_free = *ret_total > n->disk->bytes ? *ret_total - n->disk->bytes : 0;
    return 0;
}
