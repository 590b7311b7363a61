/* system_bfile.c - opening files, and blocking use of them. */
#include "env/system_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"

/* Of files we create, before the umask. */
#define SYS_FILE_MODE 0640
/* A lock that somebody holds is asked for so often and so long. */
#define SYS_LOCK_TRY_MS 5
#define SYS_LOCK_MS_MAX UINT64_C(3000)

struct sys_bfile {
    struct bfile bfile;
    int fd;
    bool guarded; /* locked, and held by the engine too */
    char path[];
};

static struct sys_bfile *sys_bfile(struct bfile *f)
{
    return (struct sys_bfile *)(void *)f;
}

static int bfile_error(struct bfile *f, int err_no, const char *what)
{
    return sys_error(f->env, err_no, what, f->path);
}

/* ---- open ---------------------------------------------------------------- */

static int open_flags(unsigned flags)
{
    int access = (flags & FILE_WRITE) == 0  ? O_RDONLY
                 : (flags & FILE_READ) == 0 ? O_WRONLY
                                            : O_RDWR;

    return access | O_CLOEXEC | (flags & FILE_CREATE ? O_CREAT : 0) |
           (flags & FILE_EXCL ? O_EXCL : 0) |
           (flags & FILE_TRUNC ? O_TRUNC : 0);
}

/* Turn on O_DIRECT if the file system lets us. */
static bool direct_start(struct env *e, const char *path, int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags >= 0 && fcntl(fd, F_SETFL, flags | O_DIRECT) == 0) {
        return true;
    }
    trace_warn(e->trace, "env.no_direct_io",
               "path=\"%s\" text=\"%s\" using=\"page cache\"", path,
               strerror(errno));
    return false;
}

int sys_open(struct env *e, const char *path, unsigned flags, int *ret_fd,
             bool *ret_direct, struct err *err)
{
    struct stat st;
    int fd, rc;

    ASSERT((flags & (FILE_READ | FILE_WRITE)) != 0);
    do {
        fd = open(path, open_flags(flags), SYS_FILE_MODE);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        int err_no = errno;
        rc = sys_error(e, err_no, "open", path);
        return err_set(err, rc, "%s: cannot open: %s", path, strerror(err_no));
    }
    if (fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) {
        close(fd);
        rc = sys_error(e, EISDIR, "open", path);
        return err_set(err, rc, "%s: is a directory", path);
    }
    *ret_direct = (flags & FILE_DIRECT) != 0 && direct_start(e, path, fd);
    *ret_fd = fd;
    return 0;
}

int sys_bfile_open(struct env *e, const char *path, unsigned flags,
                   struct bfile **ret_f, struct err *err)
{
    size_t len = strlen(path) + 1;
    struct sys_bfile *f = mem_calloc(e->mem, 1, sizeof *f + len);
    bool direct;
    int rc;

    if (f == NULL) {
        return err_set(err, ERR_NOMEM, "%s: out of memory", path);
    }
    f->bfile.env = e;
    f->bfile.path = f->path;
    memcpy(f->path, path, len);
    rc = sys_open(e, path, flags, &f->fd, &direct, err);
    if (rc != 0) {
        mem_free(e->mem, f);
        return rc;
    }
    *ret_f = &f->bfile;
    return 0;
}

void sys_bfile_close(struct bfile *f)
{
    if (sys_bfile(f)->guarded) {
        struct system *sys = sys_of(f->env);
        sys->engine->unguard(sys);
    }
    if (close(sys_bfile(f)->fd) != 0) {
        bfile_error(f, errno, "close");
    }
    mem_free(f->env->mem, sys_bfile(f));
}

/* ---- bytes --------------------------------------------------------------- */

int sys_bfile_read(struct bfile *f, void *data, size_t len, uint64_t offset,
                   size_t *ret_n)
{
    uint8_t *p = data;
    size_t done = 0;

    while (done < len) {
        ssize_t n = pread(sys_bfile(f)->fd, p + done, len - done,
                          (off_t)(offset + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return bfile_error(f, errno, "read");
        }
        if (n == 0) {
            break;
        }
        done += (size_t)n;
    }
    *ret_n = done;
    return 0;
}

int sys_bfile_write(struct bfile *f, const void *data, size_t len,
                    uint64_t offset)
{
    const uint8_t *p = data;
    size_t done = 0;

    while (done < len) {
        ssize_t n = pwrite(sys_bfile(f)->fd, p + done, len - done,
                           (off_t)(offset + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return bfile_error(f, n < 0 ? errno : EIO, "write");
        }
        done += (size_t)n;
    }
    return 0;
}

int sys_bfile_sync(struct bfile *f)
{
    if (sys_unflushed(sys_of(f->env), f->path, false)) {
        return 0;
    }
    return fdatasync(sys_bfile(f)->fd) == 0
               ? 0
               : bfile_error(f, errno, "fdatasync");
}

int sys_bfile_size(struct bfile *f, uint64_t *ret_size)
{
    struct stat st;

    if (fstat(sys_bfile(f)->fd, &st) != 0) {
        return bfile_error(f, errno, "fstat");
    }
    *ret_size = (uint64_t)st.st_size;
    return 0;
}

int sys_bfile_truncate(struct bfile *f, uint64_t size)
{
    int rc;

    do {
        rc = ftruncate(sys_bfile(f)->fd, (off_t)size);
    } while (rc != 0 && errno == EINTR);
    return rc == 0 ? 0 : bfile_error(f, errno, "ftruncate");
}

int sys_bfile_allocate(struct bfile *f, uint64_t offset, uint64_t len)
{
    int rc;

    do {
        rc = fallocate(sys_bfile(f)->fd, 0, (off_t)offset, (off_t)len);
    } while (rc != 0 && errno == EINTR);
    return rc == 0 ? 0 : bfile_error(f, errno, "fallocate");
}

int sys_bfile_drop_cache(struct bfile *f)
{
    int fd = sys_bfile(f)->fd;
    int rc;

    /* Only clean pages can be dropped. */
    if (fdatasync(fd) != 0) {
        return bfile_error(f, errno, "fdatasync");
    }
    rc = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    return rc == 0 ? 0 : bfile_error(f, rc, "posix_fadvise");
}

static int lock_try(int fd)
{
    int rc;

    do {
        rc = flock(fd, LOCK_EX | LOCK_NB);
    } while (rc != 0 && errno == EINTR);
    return rc;
}

/* What guards a lock may hold it for a moment after its process has ended, and
 * as long as the disk is busy with what that process gave it. */
int sys_bfile_lock(struct bfile *bf)
{
    static const struct timespec pause = {.tv_nsec = SYS_LOCK_TRY_MS * 1000000};
    struct sys_bfile *f = sys_bfile(bf);
    struct system *sys = sys_of(bf->env);
    uint64_t begun_us = env_now_us_exact(bf->env);

    while (lock_try(f->fd) != 0) {
        int err_no = errno;
        uint64_t us = env_now_us_exact(bf->env) - begun_us;
        if (err_no != EWOULDBLOCK || us >= SYS_LOCK_MS_MAX * 1000) {
            return bfile_error(bf, err_no, "flock");
        }
        nanosleep(&pause, NULL);
    }
    f->guarded = f->guarded || sys->engine->guard(sys, f->fd);
    return 0;
}
