/* file.h - the two file doors.
 *
 *   struct file   asynchronous: reads and writes with callbacks, under the
 *                 loop (io_uring; where that is forbidden, two threads)
 *   bfile_*       blocking: only inside a job on a background thread, or
 *                 before the loop runs (start, recovery), or in a tool
 *
 * Metadata operations (create, rename, unlink, sync of a directory) are
 * blocking; nothing is durable until the directory is synced.
 *
 * An I/O error is reported as it is, and is never retried here: what a failed
 * write or fsync means is the caller's to know (journal: env_die).
 */
#ifndef ENV_FILE_H
#define ENV_FILE_H

#include "env/env.h"

/* ---- asynchronous ------------------------------------------------------ */

enum file_flags {
    FILE_READ = 1,
    FILE_WRITE = 2,
    FILE_CREATE = 4,  /* create if missing */
    FILE_EXCL = 8,    /* fail with ERR_EXISTS if there */
    FILE_DIRECT = 16, /* O_DIRECT; falls back to buffered: see file_direct() */
    FILE_TRUNC = 32
};

/* Memory, offsets and lengths of direct I/O are multiples of this. */
#define FILE_ALIGN 4096

struct file;

struct file_io;
/* `result`: bytes transferred (>= 0), or ERR_IO, ERR_NOSPACE, ERR_CANCELED. A
 * short write is reported as ERR_IO; a short read means end of file. */
typedef void (*file_io_cb)(struct file_io *io, int64_t result);

struct file_io {
    struct queue queue; /* private */
    void *impl[8];      /* private */
    struct file *file;
    file_io_cb cb;
    void *data;
};

/* Open for asynchronous use; blocks for the open itself (a few us on a warm
 * directory; do it at start or on a job's `done`). Errors: ERR_NOTFOUND,
 * ERR_EXISTS, ERR_PERM, ERR_NOSPACE, ERR_FULL (too many are open), ERR_IO;
 * `err` names the path. */
int file_open(struct env *e, const char *path, unsigned flags,
              struct file **ret_f, struct err *err);
/* True if direct I/O is really in force (some file systems refuse it). */
bool file_direct(const struct file *f);
/* The path it was opened by. Borrowed. */
const char *file_path(const struct file *f);

/* Write `len` bytes at `offset`. With `dsync` the callback comes when they are
 * durable (RWF_DSYNC). Borrows `data` until the callback. Writes in flight on
 * one file may complete, and become durable, in any order. */
int file_write(struct file *f, struct file_io *io, const void *data, size_t len,
               uint64_t offset, bool dsync, file_io_cb cb, void *cb_data);
/* Read up to `len` bytes at `offset` into `data`, borrowed until then. */
int file_read(struct file *f, struct file_io *io, void *data, size_t len,
              uint64_t offset, file_io_cb cb, void *cb_data);
/* Make everything written before durable (fdatasync). */
int file_sync(struct file *f, struct file_io *io, file_io_cb cb, void *cb_data);
/* Close when the I/O in flight is done; no callback is lost. NULL is fine. */
void file_close(struct file *f);

/* Which engine carries asynchronous I/O: "io_uring" or "threads". */
const char *file_engine(struct env *e);

/* Test door: while held, completions of durable writes (dsync) and syncs are
 * kept back; released, they are delivered in order. This is how a test proves
 * that an ack waits for the flush. */
void file_hold_durable(struct env *e, bool hold);

/* ---- blocking ---------------------------------------------------------- */

struct bfile;

/* As file_open(). Flags as above. */
int bfile_open(struct env *e, const char *path, unsigned flags,
               struct bfile **ret_f, struct err *err);
void bfile_close(struct bfile *f);
/* Read or write the whole range. Reading past the end gives fewer bytes in
 * *ret_n (0 at the end). Errors: ERR_IO, ERR_NOSPACE. */
int bfile_read(struct bfile *f, void *data, size_t len, uint64_t offset,
               size_t *ret_n);
int bfile_write(struct bfile *f, const void *data, size_t len, uint64_t offset);
/* fdatasync. */
int bfile_sync(struct bfile *f);
int bfile_size(struct bfile *f, uint64_t *ret_size);
int bfile_truncate(struct bfile *f, uint64_t size);
/* Reserve blocks (fallocate); ERR_UNSUPPORTED where the file system cannot. */
int bfile_allocate(struct bfile *f, uint64_t offset, uint64_t len);
/* Drop the cached pages of the file, so that reads see the medium. */
int bfile_drop_cache(struct bfile *f);
/* Take an exclusive lock that lasts as long as the file is open, and, when the
 * process ends without closing it, until the disk is done with the I/O that it
 * had asked for on any file: nothing of it comes later than the lock of the
 * next one. Waits some seconds for another process to let go: ERR_BUSY if it
 * does not. One file of an env at a time; not from a background thread. */
int bfile_lock(struct bfile *f);

/* Metadata. Paths are borrowed. Errors as file_open(). */
int env_mkdir(struct env *e, const char *path); /* ERR_EXISTS if there */
int env_unlink(struct env *e, const char *path);
int env_rmdir(struct env *e, const char *path);
int env_rename(struct env *e, const char *from, const char *to);
/* Make the directory's entries durable. */
int env_sync_dir(struct env *e, const char *path);
/* What a path is. ERR_NOTFOUND if nothing. Outputs may be NULL. */
int env_stat(struct env *e, const char *path, bool *ret_dir,
             uint64_t *ret_size);
/* Call `cb` for each entry but "." and "..", in byte order of names. A
 * non-zero return of `cb` ends the walk and is returned. */
typedef int (*env_dir_cb)(void *arg, const char *name, bool dir);
int env_list_dir(struct env *e, const char *path, env_dir_cb cb, void *arg);
/* Bytes free for us, and in all, on the file system of `path`. */
int env_disk_free(struct env *e, const char *path, uint64_t *ret_free,
                  uint64_t *ret_total);

/* Write a small file so that it is whole or not there after a power cut: to
 * PATH.tmp, synced, renamed, directory synced. */
int env_write_file(struct env *e, const char *path, struct slice content,
                   struct err *err);
/* Read a small file whole into `mem` memory (terminated; *ret_len without).
 * Errors: as bfile_open, ERR_TOOBIG beyond len_max. */
int env_read_file(struct env *e, const char *path, size_t len_max,
                  char **ret_text, size_t *ret_len, struct err *err);

#endif
