#include "state/vfs.h"

#include <sqlite3.h>
#include <stdio.h>

#include "base/assert.h"
#include "env/file.h"
#include "state/sql_heap.h"

#define VFS_PATH_MAX 4096
#define VFS_SECTOR   4096
/* An emptied log keeps so many bytes of blocks. */
#define WAL_KEEP (UINT64_C(32) << 20)

struct vfs {
    sqlite3_vfs base; /* first: found again from what SQLite passes */
    struct env *env;
    char name[64];
    bool dead;
    int status;
    char failed[VFS_PATH_MAX];
    unsigned n_files;
    uint64_t log_bytes;
};

struct vfs_file {
    sqlite3_file base; /* first */
    struct vfs *vfs;
    struct bfile *file;
    const char *path; /* SQLite keeps it as long as the file is open */
    int lock;
    bool unsynced_name; /* created here: its directory is not synced yet */
    bool remove;        /* at close */
    bool wal;
    bool emptied; /* a log whose blocks were kept: its size is 0 */
};

static struct vfs *vfs_of(sqlite3_vfs *base)
{
    return (struct vfs *)(void *)base;
}

static struct vfs_file *file_of(sqlite3_file *base)
{
    return (struct vfs_file *)(void *)base;
}

/* Remember the first failure; what SQLite is told. */
static int fail(struct vfs *v, const char *path, int code, int sqlite)
{
    if (v->status == 0) {
        v->status = code;
        snprintf(v->failed, sizeof v->failed, "%s", path);
    }
    return code == ERR_NOSPACE ? SQLITE_FULL
           : code == ERR_NOMEM ? SQLITE_IOERR_NOMEM
                               : sqlite;
}

/* ---- files --------------------------------------------------------------
 */

int vfs_sync_parent(struct vfs *v, const char *path)
{
    char dir[VFS_PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    snprintf(dir, sizeof dir, "%.*s", (int)len, path);
    return env_sync_dir(v->env, slash == NULL ? "." : len == 0 ? "/" : dir);
}

static int file_xclose(sqlite3_file *base)
{
    struct vfs_file *f = file_of(base);
    struct vfs *v = f->vfs;
    v->n_files--;
    if (v->dead) {
        return SQLITE_OK;
    }
    bfile_close(f->file);
    f->file = NULL;
    if (f->remove) {
        int rv = env_unlink(v->env, f->path);
        if (rv != 0 && rv != ERR_NOTFOUND) {
            return fail(v, f->path, rv, SQLITE_IOERR_DELETE);
        }
    }
    return SQLITE_OK;
}

static int file_xread(sqlite3_file *base, void *data, int len,
                      sqlite3_int64 offset)
{
    struct vfs_file *f = file_of(base);
    size_t n = 0;
    if (f->vfs->dead || f->vfs->status != 0) {
        return SQLITE_IOERR_READ;
    }
    int rv = bfile_read(f->file, data, (size_t)len, (uint64_t)offset, &n);
    if (rv != 0) {
        return fail(f->vfs, f->path, rv, SQLITE_IOERR_READ);
    }
    if (n < (size_t)len) {
        memset((char *)data + n, 0, (size_t)len - n);
        return SQLITE_IOERR_SHORT_READ;
    }
    return SQLITE_OK;
}

static int file_xwrite(sqlite3_file *base, const void *data, int len,
                       sqlite3_int64 offset)
{
    struct vfs_file *f = file_of(base);
    if (f->vfs->dead || f->vfs->status != 0) {
        return SQLITE_IOERR_WRITE;
    }
    int rv = bfile_write(f->file, data, (size_t)len, (uint64_t)offset);
    f->emptied = false;
    f->vfs->log_bytes += f->wal ? (uint64_t)len : 0;
    return rv == 0 ? SQLITE_OK : fail(f->vfs, f->path, rv, SQLITE_IOERR_WRITE);
}

/* A log without a header is an empty one (SQLite's file format, 4.1), and one
 * with a new header ends where the old one's frames go on: other salts. So an
 * emptied log keeps its blocks. To give megabytes back with each checkpoint,
 * and to ask for them again, takes longer than the sync (where the file system
 * tells the device, tens of milliseconds). Neither this nor a truncation is
 * durable before the next sync. */
static int wal_empty(struct vfs_file *f)
{
    static const uint8_t nothing[32];
    uint64_t size = 0;
    int rv = bfile_size(f->file, &size);
    if (rv == 0 && size > WAL_KEEP) {
        rv = bfile_truncate(f->file, 0);
    } else if (rv == 0 && size > 0) {
        rv = bfile_write(f->file, nothing, sizeof nothing, 0);
        f->emptied = true;
    }
    return rv;
}

static int file_xtruncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct vfs_file *f = file_of(base);
    if (f->vfs->dead || f->vfs->status != 0) {
        return SQLITE_IOERR_TRUNCATE;
    }
    int rv = f->wal && size == 0 ? wal_empty(f)
                                 : bfile_truncate(f->file, (uint64_t)size);
    return rv == 0 ? SQLITE_OK
                   : fail(f->vfs, f->path, rv, SQLITE_IOERR_TRUNCATE);
}

static int file_xsync(sqlite3_file *base, int flags)
{
    struct vfs_file *f = file_of(base);
    (void)flags;
    if (f->vfs->dead || f->vfs->status != 0) {
        return SQLITE_IOERR_FSYNC;
    }
    int rv = bfile_sync(f->file);
    if (rv == 0 && f->unsynced_name) {
        rv = vfs_sync_parent(f->vfs, f->path);
        f->unsynced_name = rv != 0;
    }
    return rv == 0 ? SQLITE_OK : fail(f->vfs, f->path, rv, SQLITE_IOERR_FSYNC);
}

static int file_xsize(sqlite3_file *base, sqlite3_int64 *ret_size)
{
    struct vfs_file *f = file_of(base);
    uint64_t size = 0;
    if (f->vfs->dead || f->vfs->status != 0) {
        return SQLITE_IOERR_FSTAT;
    }
    int rv = bfile_size(f->file, &size);
    *ret_size = f->emptied ? 0 : (sqlite3_int64)size;
    return rv == 0 ? SQLITE_OK : fail(f->vfs, f->path, rv, SQLITE_IOERR_FSTAT);
}

/* One connection of one process uses a file: locks are only remembered. */
static int file_xlock(sqlite3_file *base, int lock)
{
    struct vfs_file *f = file_of(base);
    f->lock = lock > f->lock ? lock : f->lock;
    return SQLITE_OK;
}

static int file_xunlock(sqlite3_file *base, int lock)
{
    struct vfs_file *f = file_of(base);
    f->lock = lock < f->lock ? lock : f->lock;
    return SQLITE_OK;
}

static int file_xreserved(sqlite3_file *base, int *ret)
{
    *ret = file_of(base)->lock >= SQLITE_LOCK_RESERVED;
    return SQLITE_OK;
}

static int file_xcontrol(sqlite3_file *base, int op, void *arg)
{
    (void)base;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int file_xsector(sqlite3_file *base)
{
    (void)base;
    return VFS_SECTOR;
}

/* No promise: a torn sector may take its neighbours along. */
static int file_xdevice(sqlite3_file *base)
{
    (void)base;
    return 0;
}

/* Version 1: no shared memory, no mapping. */
static const sqlite3_io_methods file_methods = {
    .iVersion = 1,
    .xClose = file_xclose,
    .xRead = file_xread,
    .xWrite = file_xwrite,
    .xTruncate = file_xtruncate,
    .xSync = file_xsync,
    .xFileSize = file_xsize,
    .xLock = file_xlock,
    .xUnlock = file_xunlock,
    .xCheckReservedLock = file_xreserved,
    .xFileControl = file_xcontrol,
    .xSectorSize = file_xsector,
    .xDeviceCharacteristics = file_xdevice,
};

/* ---- names --------------------------------------------------------------
 */

static unsigned open_flags(int flags)
{
    unsigned to = FILE_READ;
    to |= (flags & SQLITE_OPEN_READWRITE) != 0 ? FILE_WRITE : 0;
    to |= (flags & SQLITE_OPEN_CREATE) != 0 ? FILE_CREATE : 0;
    to |= (flags & SQLITE_OPEN_EXCLUSIVE) != 0 ? FILE_EXCL : 0;
    return to;
}

static int vfs_xopen(sqlite3_vfs *base, const char *path, sqlite3_file *sf,
                     int flags, int *ret_flags)
{
    struct vfs *v = vfs_of(base);
    struct vfs_file *f = file_of(sf);
    *f = (struct vfs_file){.vfs = v, .path = path};
    if (v->dead || v->status != 0 || path == NULL) {
        return SQLITE_CANTOPEN;
    }
    int rv = env_stat(v->env, path, NULL, NULL);
    if (rv != 0 && rv != ERR_NOTFOUND) {
        return fail(v, path, rv, SQLITE_CANTOPEN);
    }
    f->unsynced_name = rv == ERR_NOTFOUND;
    f->remove = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    f->wal = (flags & SQLITE_OPEN_WAL) != 0;
    rv = bfile_open(v->env, path, open_flags(flags), &f->file, NULL);
    if (rv == ERR_NOTFOUND) {
        return SQLITE_CANTOPEN;
    }
    if (rv != 0) {
        return fail(v, path, rv, SQLITE_CANTOPEN);
    }
    f->base.pMethods = &file_methods;
    v->n_files++;
    if (ret_flags != NULL) {
        *ret_flags = flags;
    }
    return SQLITE_OK;
}

static int vfs_xdelete(sqlite3_vfs *base, const char *path, int sync_dir)
{
    struct vfs *v = vfs_of(base);
    if (v->dead || v->status != 0) {
        return SQLITE_IOERR_DELETE;
    }
    int rv = env_unlink(v->env, path);
    if (rv == ERR_NOTFOUND) {
        return SQLITE_IOERR_DELETE_NOENT;
    }
    if (rv == 0 && sync_dir) {
        rv = vfs_sync_parent(v, path);
    }
    return rv == 0 ? SQLITE_OK : fail(v, path, rv, SQLITE_IOERR_DELETE);
}

/* A file without content counts as missing, as an empty journal does. */
static int vfs_xaccess(sqlite3_vfs *base, const char *path, int flags, int *ret)
{
    struct vfs *v = vfs_of(base);
    uint64_t size = 0;
    (void)flags;
    *ret = 0;
    if (v->dead || v->status != 0) {
        return SQLITE_IOERR_ACCESS;
    }
    int rv = env_stat(v->env, path, NULL, &size);
    if (rv != 0 && rv != ERR_NOTFOUND) {
        return fail(v, path, rv, SQLITE_IOERR_ACCESS);
    }
    *ret = rv == 0 && size > 0;
    return SQLITE_OK;
}

static int vfs_xfull(sqlite3_vfs *base, const char *path, int size, char *out)
{
    (void)base;
    int n = snprintf(out, (size_t)size, "%s", path);
    return n >= 0 && n < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int vfs_xrandom(sqlite3_vfs *base, int len, char *out)
{
    struct vfs *v = vfs_of(base);
    if (v->dead) {
        return 0;
    }
    env_random(v->env, out, (size_t)len);
    return len;
}

/* Nobody else holds a lock: there is nothing to sleep for. */
static int vfs_xsleep(sqlite3_vfs *base, int us)
{
    (void)base;
    return us;
}

#define JULIAN_1970_MS INT64_C(210866760000000)

static int vfs_xtime64(sqlite3_vfs *base, sqlite3_int64 *ret_ms)
{
    struct vfs *v = vfs_of(base);
    *ret_ms = JULIAN_1970_MS + (v->dead ? 0 : env_wall_ms(v->env));
    return SQLITE_OK;
}

static int vfs_xtime(sqlite3_vfs *base, double *ret_days)
{
    sqlite3_int64 ms;
    vfs_xtime64(base, &ms);
    *ret_days = (double)ms / 86400000.0;
    return SQLITE_OK;
}

static int vfs_xerror(sqlite3_vfs *base, int len, char *out)
{
    (void)base;
    (void)len;
    (void)out;
    return 0;
}

/* ---- life ---------------------------------------------------------------
 */

int vfs_open(struct env *e, struct vfs **ret_v)
{
    struct vfs *v = mem_calloc(env_mem(e), 1, sizeof *v);
    if (v == NULL) {
        return ERR_NOMEM;
    }
    v->env = e;
    /* Unique as long as it is registered, which is as long as it lives. */
    snprintf(v->name, sizeof v->name, "ostraka-%p", (void *)v);
    v->base = (sqlite3_vfs){.iVersion = 2,
                            .szOsFile = sizeof(struct vfs_file),
                            .mxPathname = VFS_PATH_MAX,
                            .zName = v->name,
                            .xOpen = vfs_xopen,
                            .xDelete = vfs_xdelete,
                            .xAccess = vfs_xaccess,
                            .xFullPathname = vfs_xfull,
                            .xRandomness = vfs_xrandom,
                            .xSleep = vfs_xsleep,
                            .xCurrentTime = vfs_xtime,
                            .xGetLastError = vfs_xerror,
                            .xCurrentTimeInt64 = vfs_xtime64};
    sql_heap_install();
    if (sqlite3_vfs_register(&v->base, 0) != SQLITE_OK) {
        mem_free(env_mem(e), v);
        return ERR_NOMEM;
    }
    *ret_v = v;
    return 0;
}

void vfs_close(struct vfs *v)
{
    if (v == NULL) {
        return;
    }
    ASSERT(v->n_files == 0);
    sqlite3_vfs_unregister(&v->base);
    mem_free(env_mem(v->env), v);
}

const char *vfs_name(const struct vfs *v)
{
    return v->name;
}

int vfs_failed(const struct vfs *v, const char **ret_path)
{
    if (ret_path != NULL) {
        *ret_path = v->failed;
    }
    return v->status;
}

uint64_t vfs_log_bytes(const struct vfs *v)
{
    return v->log_bytes;
}

void vfs_abandon(struct vfs *v)
{
    v->dead = true;
}
