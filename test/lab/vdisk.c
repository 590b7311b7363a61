/* vdisk.c - a disk with a volatile cache, as a file that a loop device can use.
 *
 *   vdisk [--cache BYTES] [--power FILE] IMAGE MOUNT
 *
 * Mounts (FUSE, until unmounted) two files at MOUNT:
 *
 *   disk  the bytes of IMAGE; every written 512-byte sector stays in memory
 *         until the device is flushed (fsync), as in a real disk's cache
 *   ctl   read it for numbers, write one command at a time into it:
 *
 *     cut none           power fails: nothing that was not flushed survives
 *     cut prefix SEED    a beginning of it survives, in the order of writing
 *     cut random SEED    each unflushed write of a sector survives or not
 *                        (all cuts: every access then fails with EIO)
 *     arm MODE SEED      what the next power failure of FILE does to it
 *     trip N             the N-th flush from now on does not begin: power
 *                        fails in it for all disks that have the same FILE
 *     heal               power is back
 *     fail write N       the N-th write from now on, and all later ones, fail
 *     fail sync N        the same for flushes
 *
 * The order in which sectors were written is kept with all their versions, so
 * that an older version may survive a newer one. When the cache is full its
 * older half goes to the image, as a disk's would.
 */
#define FUSE_USE_VERSION 35
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define SECTOR        512
#define CACHE_DEFAULT (256u << 20)
#define NOT_CACHED    UINT32_MAX

/* One version of one sector, in the order of writing. */
struct version {
    uint64_t sector;
    uint8_t data[SECTOR];
};

struct vdisk {
    int fd;
    uint64_t sectors;
    uint32_t *latest; /* sector -> its newest version, or NOT_CACHED */
    struct version *log;
    uint32_t n;
    uint32_t max;
    bool dead;
    uint64_t fail_write; /* writes until they fail; 0: they do not */
    uint64_t fail_sync;
    uint64_t trip;        /* flushes until power fails; 0: it does not */
    atomic_uint *outages; /* shared by the disks of one FILE; or NULL */
    unsigned outages_seen;
    char armed[16];
    uint64_t armed_seed;
    uint64_t writes, flushes, evictions, kept, lost;
};

static struct vdisk *vdisk(void)
{
    return fuse_get_context()->private_data;
}

/* ---- the cache ------------------------------------------------------------*/

static int image_write(struct vdisk *d, const struct version *v)
{
    ssize_t n = pwrite(d->fd, v->data, SECTOR, (off_t)(v->sector * SECTOR));
    return n == SECTOR ? 0 : -EIO;
}

/* Move the oldest `n` versions to the image. */
static int cache_evict(struct vdisk *d, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (image_write(d, &d->log[i]) != 0) {
            return -EIO;
        }
    }
    memmove(d->log, d->log + n, (d->n - n) * sizeof d->log[0]);
    d->n -= n;
    for (uint64_t s = 0; s < d->sectors; s++) {
        if (d->latest[s] != NOT_CACHED) {
            d->latest[s] = d->latest[s] < n ? NOT_CACHED : d->latest[s] - n;
        }
    }
    return 0;
}

static int cache_write(struct vdisk *d, uint64_t sector, const uint8_t *data)
{
    if (d->n == d->max) {
        d->evictions++;
        int rv = cache_evict(d, d->max / 2);
        if (rv != 0) {
            return rv;
        }
    }
    struct version *v = &d->log[d->n];
    v->sector = sector;
    memcpy(v->data, data, SECTOR);
    d->latest[sector] = d->n++;
    return 0;
}

/* Empty the cache; what to keep was written before. */
static void cache_drop(struct vdisk *d)
{
    for (uint32_t i = 0; i < d->n; i++) {
        d->latest[d->log[i].sector] = NOT_CACHED;
    }
    d->n = 0;
}

static int cache_flush(struct vdisk *d)
{
    for (uint32_t i = 0; i < d->n; i++) {
        const struct version *v = &d->log[i];
        if (d->latest[v->sector] == i && image_write(d, v) != 0) {
            return -EIO;
        }
    }
    cache_drop(d);
    return 0;
}

/* ---- power ----------------------------------------------------------------*/

/* A generator of its own, so that a seed means the same everywhere. */
static uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static int power_cut(struct vdisk *d, const char *mode, uint64_t seed)
{
    uint32_t prefix = 0;
    bool random = strcmp(mode, "random") == 0;
    if (strcmp(mode, "prefix") == 0) {
        prefix = (uint32_t)(random_next(&seed) % ((uint64_t)d->n + 1));
    } else if (!random && strcmp(mode, "none") != 0) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i < d->n; i++) {
        if (random ? (random_next(&seed) & 1) != 0 : i < prefix) {
            if (image_write(d, &d->log[i]) != 0) {
                return -EIO;
            }
            d->kept++;
        } else {
            d->lost++;
        }
    }
    cache_drop(d);
    d->dead = true;
    return 0;
}

/* Power may have failed for all of them since it was asked last. */
static bool is_dead(struct vdisk *d)
{
    unsigned outages = d->outages == NULL ? 0 : atomic_load(d->outages);
    if (outages != d->outages_seen) {
        d->outages_seen = outages;
        if (!d->dead) {
            power_cut(d, d->armed, d->armed_seed);
            d->dead = true;
        }
    }
    return d->dead;
}

static int arm(struct vdisk *d, const char *mode, uint64_t seed)
{
    if (strcmp(mode, "none") != 0 && strcmp(mode, "prefix") != 0 &&
        strcmp(mode, "random") != 0) {
        return -EINVAL;
    }
    snprintf(d->armed, sizeof d->armed, "%s", mode);
    d->armed_seed = seed;
    return 0;
}

static int command(struct vdisk *d, const char *text)
{
    char mode[16];
    uint64_t n = 0;
    if (sscanf(text, "arm %15s %" SCNu64, mode, &n) == 2) {
        return arm(d, mode, n);
    }
    if (sscanf(text, "trip %" SCNu64, &n) == 1 && n > 0 && d->outages != NULL) {
        d->trip = n;
        return 0;
    }
    if (sscanf(text, "cut %15s %" SCNu64, mode, &n) >= 1) {
        return power_cut(d, mode, n);
    }
    if (strncmp(text, "heal", 4) == 0) {
        is_dead(d);
        d->dead = false;
        d->fail_write = 0;
        d->fail_sync = 0;
        d->trip = 0;
        return 0;
    }
    if (sscanf(text, "fail write %" SCNu64, &n) == 1 && n > 0) {
        d->fail_write = n;
        return 0;
    }
    if (sscanf(text, "fail sync %" SCNu64, &n) == 1 && n > 0) {
        d->fail_sync = n;
        return 0;
    }
    return -EINVAL;
}

/* Count one operation down to its failure; true if it fails. */
static bool fails(uint64_t *countdown)
{
    if (*countdown == 0) {
        return false;
    }
    if (*countdown == 1) {
        return true;
    }
    (*countdown)--;
    return false;
}

/* ---- the file system ------------------------------------------------------*/

static bool is_ctl(const char *path)
{
    return strcmp(path, "/ctl") == 0;
}

static int vd_getattr(const char *path, struct stat *st,
                      struct fuse_file_info *fi)
{
    (void)fi;
    *st = (struct stat){.st_mode = S_IFREG | 0600, .st_nlink = 1};
    if (strcmp(path, "/") == 0) {
        st->st_mode = S_IFDIR | 0755;
        st->st_nlink = 2;
    } else if (strcmp(path, "/disk") == 0) {
        st->st_size = (off_t)(vdisk()->sectors * SECTOR);
    } else if (!is_ctl(path)) {
        return -ENOENT;
    }
    return 0;
}

static int vd_readdir(const char *path, void *buf, fuse_fill_dir_t fill,
                      off_t at, struct fuse_file_info *fi,
                      enum fuse_readdir_flags flags)
{
    (void)path, (void)at, (void)fi, (void)flags;
    fill(buf, "disk", NULL, 0, 0);
    fill(buf, "ctl", NULL, 0, 0);
    return 0;
}

static int vd_open(const char *path, struct fuse_file_info *fi)
{
    (void)path;
    fi->direct_io = 1; /* nothing is cached between the device and us */
    return 0;
}

static int ctl_read(const struct vdisk *d, char *buf, size_t len, off_t at)
{
    char text[512];
    int n = snprintf(text, sizeof text,
                     "writes=%" PRIu64 "\nflushes=%" PRIu64
                     "\nunflushed=%" PRIu32 "\nevictions=%" PRIu64
                     "\nkept=%" PRIu64 "\nlost=%" PRIu64 "\ndead=%d\n",
                     d->writes, d->flushes, d->n, d->evictions, d->kept,
                     d->lost, d->dead);
    if (at >= n) {
        return 0;
    }
    len = len < (size_t)(n - at) ? len : (size_t)(n - at);
    memcpy(buf, text + at, len);
    return (int)len;
}

static int vd_read(const char *path, char *buf, size_t len, off_t at,
                   struct fuse_file_info *fi)
{
    (void)fi;
    struct vdisk *d = vdisk();
    if (is_ctl(path)) {
        is_dead(d);
        return ctl_read(d, buf, len, at);
    }
    off_t size = (off_t)(d->sectors * SECTOR);
    if (is_dead(d)) {
        return -EIO;
    }
    if (at >= size) {
        return 0;
    }
    len = len < (size_t)(size - at) ? len : (size_t)(size - at);
    if (pread(d->fd, buf, len, at) != (ssize_t)len) {
        return -EIO;
    }
    for (size_t done = 0; done < len;) {
        uint64_t sector = ((uint64_t)at + done) / SECTOR;
        size_t skip = ((uint64_t)at + done) % SECTOR;
        size_t n = SECTOR - skip < len - done ? SECTOR - skip : len - done;
        if (d->latest[sector] != NOT_CACHED) {
            memcpy(buf + done, d->log[d->latest[sector]].data + skip, n);
        }
        done += n;
    }
    return (int)len;
}

static int vd_write(const char *path, const char *buf, size_t len, off_t at,
                    struct fuse_file_info *fi)
{
    (void)fi;
    struct vdisk *d = vdisk();
    if (is_ctl(path)) {
        char text[64];
        snprintf(text, sizeof text, "%.*s", (int)(len < 60 ? len : 60), buf);
        int rv = command(d, text);
        return rv == 0 ? (int)len : rv;
    }
    if (is_dead(d) || fails(&d->fail_write)) {
        return -EIO;
    }
    if (at % SECTOR != 0 || len % SECTOR != 0 ||
        ((uint64_t)at + len) / SECTOR > d->sectors) {
        return -EINVAL;
    }
    d->writes++;
    for (size_t done = 0; done < len; done += SECTOR) {
        int rv = cache_write(d, ((uint64_t)at + done) / SECTOR,
                             (const uint8_t *)buf + done);
        if (rv != 0) {
            return rv;
        }
    }
    return (int)len;
}

static int vd_fsync(const char *path, int data_only, struct fuse_file_info *fi)
{
    (void)data_only, (void)fi;
    struct vdisk *d = vdisk();
    if (is_ctl(path)) {
        return 0;
    }
    if (fails(&d->trip)) {
        d->trip = 0; /* once: the others may be healed before this one */
        atomic_fetch_add(d->outages, 1);
    }
    if (is_dead(d) || fails(&d->fail_sync)) {
        return -EIO;
    }
    d->flushes++;
    return cache_flush(d);
}

/* Discards may be ignored by a disk; a shell's `>ctl` truncates. */
static int vd_fallocate(const char *path, int mode, off_t at, off_t len,
                        struct fuse_file_info *fi)
{
    (void)path, (void)mode, (void)at, (void)len, (void)fi;
    return -EOPNOTSUPP;
}

static int vd_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
    (void)size, (void)fi;
    return is_ctl(path) ? 0 : -EPERM;
}

/* One thread serves both files: an order of writes exists. */
static void *vd_init(struct fuse_conn_info *conn, struct fuse_config *cfg)
{
    (void)conn;
    cfg->direct_io = 1;
    return vdisk();
}

static const struct fuse_operations operations = {
    .getattr = vd_getattr,
    .readdir = vd_readdir,
    .open = vd_open,
    .read = vd_read,
    .write = vd_write,
    .fsync = vd_fsync,
    .fallocate = vd_fallocate,
    .truncate = vd_truncate,
    .init = vd_init,
};

/* The same number for every disk of FILE, which is there. */
static int power_open(struct vdisk *d, const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *shared = fd < 0 ? MAP_FAILED
                          : mmap(NULL, sizeof *d->outages,
                                 PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED ||
        lseek(fd, 0, SEEK_END) < (off_t)sizeof *d->outages) {
        fprintf(stderr, "vdisk: %s: not there, or empty\n", path);
        return 1;
    }
    close(fd);
    d->outages = shared;
    d->outages_seen = atomic_load(d->outages);
    return 0;
}

static int vdisk_init(struct vdisk *d, const char *image, uint64_t cache)
{
    *d = (struct vdisk){.fd = open(image, O_RDWR | O_CLOEXEC), .armed = "none"};
    off_t size = d->fd < 0 ? -1 : lseek(d->fd, 0, SEEK_END);
    if (size < SECTOR) {
        fprintf(stderr, "vdisk: %s: not there, or empty\n", image);
        return 1;
    }
    d->sectors = (uint64_t)size / SECTOR;
    d->max = (uint32_t)(cache / SECTOR);
    d->log = reallocarray(NULL, d->max, sizeof d->log[0]);
    d->latest = reallocarray(NULL, d->sectors, sizeof d->latest[0]);
    if (d->log == NULL || d->latest == NULL) {
        fprintf(stderr, "vdisk: out of memory\n");
        return 1;
    }
    memset(d->latest, 0xff, d->sectors * sizeof d->latest[0]);
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t cache = CACHE_DEFAULT;
    const char *power = NULL;
    while (argc > 4 && argv[1][0] == '-') {
        if (strcmp(argv[1], "--cache") == 0) {
            cache = strtoull(argv[2], NULL, 10);
        } else if (strcmp(argv[1], "--power") == 0) {
            power = argv[2];
        } else {
            break;
        }
        argv += 2;
        argc -= 2;
    }
    if (argc != 3 || argv[1][0] == '-' || cache < 2 * SECTOR ||
        cache > ((uint64_t)4 << 30)) {
        fprintf(stderr, "usage: vdisk [--cache BYTES] [--power FILE] "
                        "IMAGE MOUNT\n");
        return 2;
    }
    static struct vdisk d;
    if (vdisk_init(&d, argv[1], cache) != 0 ||
        (power != NULL && power_open(&d, power) != 0)) {
        return 1;
    }
    /* The kernel may wait for us while it writes memory back. */
    prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
    char name[] = "vdisk";
    char foreground[] = "-f";
    char single[] = "-s";
    char *args[] = {name, foreground, single, argv[2], NULL};
    return fuse_main(4, args, &operations, &d);
}
