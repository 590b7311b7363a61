/* file.c - the public functions of both file doors, and small files written
 * and read whole. */
#include "env/file.h"

#include <stdio.h>
#include <string.h>

#include "env/impl.h"

/* Longest path of a small file, with ".tmp" and terminator. */
#define FILE_PATH_MAX 4096

/* ---- asynchronous ------------------------------------------------------ */

int file_open(struct env *e, const char *path, unsigned flags,
              struct file **ret_f, struct err *err)
{
    return e->ops->file_open(e, path, flags, ret_f, err);
}

bool file_direct(const struct file *f)
{
    return f->direct;
}

const char *file_path(const struct file *f)
{
    return f->path;
}

static void file_io_init(struct file_io *io, struct file *f, file_io_cb cb,
                         void *data)
{
    *io = (struct file_io){.file = f, .cb = cb, .data = data};
    queue_init(&io->queue);
}

int file_write(struct file *f, struct file_io *io, const void *data, size_t len,
               uint64_t offset, bool dsync, file_io_cb cb, void *cb_data)
{
    file_io_init(io, f, cb, cb_data);
    return f->env->ops->file_write(f, io, data, len, offset, dsync);
}

int file_read(struct file *f, struct file_io *io, void *data, size_t len,
              uint64_t offset, file_io_cb cb, void *cb_data)
{
    file_io_init(io, f, cb, cb_data);
    return f->env->ops->file_read(f, io, data, len, offset);
}

int file_sync(struct file *f, struct file_io *io, file_io_cb cb, void *cb_data)
{
    file_io_init(io, f, cb, cb_data);
    return f->env->ops->file_sync(f, io);
}

void file_close(struct file *f)
{
    if (f != NULL) {
        f->env->ops->file_close(f);
    }
}

const char *file_engine(struct env *e)
{
    return e->ops->file_engine(e);
}

void file_hold_durable(struct env *e, bool hold)
{
    e->ops->file_hold_durable(e, hold);
}

/* ---- blocking ---------------------------------------------------------- */

int bfile_open(struct env *e, const char *path, unsigned flags,
               struct bfile **ret_f, struct err *err)
{
    return e->ops->bfile_open(e, path, flags, ret_f, err);
}

void bfile_close(struct bfile *f)
{
    if (f != NULL) {
        f->env->ops->bfile_close(f);
    }
}

int bfile_read(struct bfile *f, void *data, size_t len, uint64_t offset,
               size_t *ret_n)
{
    return f->env->ops->bfile_read(f, data, len, offset, ret_n);
}

int bfile_write(struct bfile *f, const void *data, size_t len, uint64_t offset)
{
    return f->env->ops->bfile_write(f, data, len, offset);
}

int bfile_sync(struct bfile *f)
{
    return f->env->ops->bfile_sync(f);
}

int bfile_size(struct bfile *f, uint64_t *ret_size)
{
    return f->env->ops->bfile_size(f, ret_size);
}

int bfile_truncate(struct bfile *f, uint64_t size)
{
    return f->env->ops->bfile_truncate(f, size);
}

int bfile_allocate(struct bfile *f, uint64_t offset, uint64_t len)
{
    return f->env->ops->bfile_allocate(f, offset, len);
}

int bfile_drop_cache(struct bfile *f)
{
    return f->env->ops->bfile_drop_cache(f);
}

int bfile_lock(struct bfile *f)
{
    return f->env->ops->bfile_lock(f);
}

int env_mkdir(struct env *e, const char *path)
{
    return e->ops->mkdir(e, path);
}

int env_unlink(struct env *e, const char *path)
{
    return e->ops->unlink(e, path);
}

int env_rmdir(struct env *e, const char *path)
{
    return e->ops->rmdir(e, path);
}

int env_rename(struct env *e, const char *from, const char *to)
{
    return e->ops->rename(e, from, to);
}

int env_sync_dir(struct env *e, const char *path)
{
    return e->ops->sync_dir(e, path);
}

int env_stat(struct env *e, const char *path, bool *ret_dir, uint64_t *ret_size)
{
    return e->ops->stat(e, path, ret_dir, ret_size);
}

int env_list_dir(struct env *e, const char *path, env_dir_cb cb, void *arg)
{
    return e->ops->list_dir(e, path, cb, arg);
}

int env_disk_free(struct env *e, const char *path, uint64_t *ret_free,
                  uint64_t *ret_total)
{
    return e->ops->disk_free(e, path, ret_free, ret_total);
}

/* ---- small files -------------------------------------------------------- */

/* The directory that `path` lies in, into `dir` of FILE_PATH_MAX bytes. */
static void path_parent(const char *path, char *dir)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL) {
        strcpy(dir, ".");
    } else if (slash == path) {
        strcpy(dir, "/");
    } else {
        memcpy(dir, path, (size_t)(slash - path));
        dir[slash - path] = '\0';
    }
}

/* Make `path` hold exactly `content`, durably but for its name. */
static int file_write_whole(struct env *e, const char *path,
                            struct slice content, struct err *err)
{
    struct bfile *f;
    int rc =
        bfile_open(e, path, FILE_WRITE | FILE_CREATE | FILE_TRUNC, &f, err);

    if (rc != 0) {
        return rc;
    }
    rc = bfile_write(f, content.data, content.len, 0);
    if (rc == 0) {
        rc = bfile_sync(f);
    }
    bfile_close(f);
    if (rc != 0) {
        err_set(err, rc, "%s: cannot write: %s", path, err_text(rc));
    }
    return rc;
}

int env_write_file(struct env *e, const char *path, struct slice content,
                   struct err *err)
{
    char tmp[FILE_PATH_MAX], dir[FILE_PATH_MAX];
    int rc;

    if (strlen(path) + sizeof ".tmp" > sizeof tmp) {
        return err_set(err, ERR_INVALID, "%.64s...: path too long", path);
    }
    snprintf(tmp, sizeof tmp, "%s.tmp", path);
    path_parent(path, dir);
    rc = file_write_whole(e, tmp, content, err);
    if (rc != 0) {
        goto err_after_create;
    }
    rc = env_rename(e, tmp, path);
    if (rc != 0) {
        err_set(err, rc, "%s: cannot rename into place: %s", path,
                err_text(rc));
        goto err_after_create;
    }
    rc = env_sync_dir(e, dir);
    if (rc != 0) {
        return err_set(err, rc, "%s: cannot sync the directory: %s", dir,
                       err_text(rc));
    }
    return 0;

err_after_create:
    (void)env_unlink(e, tmp);
    return rc;
}

/* Read all of `f`, refusing more than `len_max` bytes. */
static int file_read_whole(struct bfile *f, size_t len_max, char **ret_text,
                           size_t *ret_len)
{
    struct mem *mem = env_mem(f->env);
    uint64_t size;
    size_t n;
    char *text;
    int rc = bfile_size(f, &size);

    if (rc != 0) {
        return rc;
    }
    if (size > len_max) {
        return ERR_TOOBIG;
    }
    text = mem_alloc(mem, (size_t)size + 1);
    if (text == NULL) {
        return ERR_NOMEM;
    }
    rc = bfile_read(f, text, (size_t)size, 0, &n);
    if (rc != 0) {
        mem_free(mem, text);
        return rc;
    }
    text[n] = '\0';
    *ret_text = text;
    *ret_len = n;
    return 0;
}

int env_read_file(struct env *e, const char *path, size_t len_max,
                  char **ret_text, size_t *ret_len, struct err *err)
{
    struct bfile *f;
    int rc = bfile_open(e, path, FILE_READ, &f, err);

    if (rc != 0) {
        return rc;
    }
    rc = file_read_whole(f, len_max, ret_text, ret_len);
    bfile_close(f);
    if (rc != 0) {
        return err_set(err, rc, "%s: cannot read: %s", path, err_text(rc));
    }
    return 0;
}
