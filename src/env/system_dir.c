/* system_dir.c - names: directories, links, what is there. */
#include "env/system_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Of directories we create, before the umask. */
#define SYS_DIR_MODE 0750

int sys_mkdir(struct env *e, const char *path)
{
    return mkdir(path, SYS_DIR_MODE) == 0 ? 0
                                          : sys_error(e, errno, "mkdir", path);
}

int sys_unlink(struct env *e, const char *path)
{
    return unlink(path) == 0 ? 0 : sys_error(e, errno, "unlink", path);
}

int sys_rmdir(struct env *e, const char *path)
{
    return rmdir(path) == 0 ? 0 : sys_error(e, errno, "rmdir", path);
}

int sys_rename(struct env *e, const char *from, const char *to)
{
    return rename(from, to) == 0 ? 0 : sys_error(e, errno, "rename", from);
}

int sys_sync_dir(struct env *e, const char *path)
{
    int fd, rc = 0;

    if (sys_unflushed(sys_of(e), path, true)) {
        return sys_stat(e, path, NULL, NULL);
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return sys_error(e, errno, "open", path);
    }
    if (fsync(fd) != 0) {
        rc = sys_error(e, errno, "fsync", path);
    }
    close(fd);
    return rc;
}

int sys_stat(struct env *e, const char *path, bool *ret_dir, uint64_t *ret_size)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        return sys_error(e, errno, "stat", path);
    }
    if (ret_dir != NULL) {
        *ret_dir = S_ISDIR(st.st_mode);
    }
    if (ret_size != NULL) {
        *ret_size = (uint64_t)st.st_size;
    }
    return 0;
}

int sys_disk_free(struct env *e, const char *path, uint64_t *ret_free,
                  uint64_t *ret_total)
{
    struct statvfs st;

    if (statvfs(path, &st) != 0) {
        return sys_error(e, errno, "statvfs", path);
    }
    *ret_free = (uint64_t)st.f_bavail * st.f_frsize;
    *ret_total = (uint64_t)st.f_blocks * st.f_frsize;
    return 0;
}

/* ---- listing --------------------------------------------------------------
 */

struct dir_entry {
    bool dir;
    char name[];
};

struct dir_list {
    struct mem *mem;
    struct dir_entry **entries;
    size_t n;
    size_t cap;
};

static void dir_list_close(struct dir_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        mem_free(l->mem, l->entries[i]);
    }
    mem_free(l->mem, l->entries);
}

static int dir_list_add(struct dir_list *l, const char *name, bool dir)
{
    size_t len = strlen(name) + 1;
    struct dir_entry *entry;

    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 64 : 2 * l->cap;
        void *p = mem_realloc(l->mem, l->entries, cap * sizeof *l->entries);
        if (p == NULL) {
            return ERR_NOMEM;
        }
        l->entries = p;
        l->cap = cap;
    }
    entry = mem_alloc(l->mem, sizeof *entry + len);
    if (entry == NULL) {
        return ERR_NOMEM;
    }
    entry->dir = dir;
    memcpy(entry->name, name, len);
    l->entries[l->n++] = entry;
    return 0;
}

static bool dirent_is_dir(DIR *d, const struct dirent *entry)
{
    struct stat st;

    if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK) {
        return entry->d_type == DT_DIR;
    }
    return fstatat(dirfd(d), entry->d_name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

static int dir_list_load(struct dir_list *l, struct env *e, const char *path)
{
    DIR *d = opendir(path);
    struct dirent *entry;
    int rc = 0;

    if (d == NULL) {
        return sys_error(e, errno, "opendir", path);
    }
    while (rc == 0 && (errno = 0, entry = readdir(d)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0) {
            rc = dir_list_add(l, entry->d_name, dirent_is_dir(d, entry));
        }
    }
    if (rc == 0 && errno != 0) {
        rc = sys_error(e, errno, "readdir", path);
    }
    closedir(d);
    return rc;
}

static int dir_entry_compare(const void *a, const void *b)
{
    const struct dir_entry *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

int sys_list_dir(struct env *e, const char *path, env_dir_cb cb, void *arg)
{
    struct dir_list l = {.mem = e->mem};
    int rc = dir_list_load(&l, e, path);

    if (rc == 0 && l.n > 0) {
        qsort(l.entries, l.n, sizeof *l.entries, dir_entry_compare);
    }
    for (size_t i = 0; rc == 0 && i < l.n; i++) {
        rc = cb(arg, l.entries[i]->name, l.entries[i]->dir);
    }
    dir_list_close(&l);
    return rc;
}
