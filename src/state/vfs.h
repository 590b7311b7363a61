/* vfs.h - SQLite's files through our own door: blocking files of env/file.h.
 *
 * One VFS per connection, registered with SQLite under a name of its own and
 * taken out again when the connection is closed. The connection runs in
 * exclusive locking mode, so that the write-ahead log needs no shared memory.
 * Time comes from env; temporary files are refused (temp_store is memory).
 *
 * The first error of a file sticks: vfs_failed() names it, and every later call
 * fails, until the owner has closed the connection and ended the node.
 * SQLite keeps a heap of its own; a node that is freed whole calls
 * vfs_abandon() first (mem_at_end()), after which no file is touched any more.
 *
 * Thread: the one that uses the connection.
 */
#ifndef STATE_VFS_H
#define STATE_VFS_H

#include "env/env.h"

struct vfs;

/* Register. Errors: ERR_NOMEM. */
int vfs_open(struct env *e, struct vfs **ret_v);
/* Take out and free; its files are closed. NULL is fine. */
void vfs_close(struct vfs *v);
/* What to open connections by. Borrowed for its life. */
const char *vfs_name(const struct vfs *v);
/* 0, or the code of the first I/O error; *ret_path names the file. */
int vfs_failed(const struct vfs *v, const char **ret_path);
/* Make the names in the directory of `path` durable (blocking). Errors: those
 * of env_sync_dir(). */
int vfs_sync_parent(struct vfs *v, const char *path);
/* Bytes written to write-ahead logs through it, ever. */
uint64_t vfs_log_bytes(const struct vfs *v);
/* From now on touch no file and no memory of env. */
void vfs_abandon(struct vfs *v);

#endif
