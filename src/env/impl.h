/* impl.h - what both doors share. Private to src/env.
 *
 * The public functions of env.h and file.h live once, in env.c. What is the
 * same in both doors (timers, turn hooks, small files) is done there; the rest
 * goes through `struct env_ops`, one function per operation, which a door
 * fills in. A door embeds the common structs as the first member of its own:
 *
 *   struct system { struct env env; ... }    struct sys_file { struct file
 * file; ... }
 *
 * A door's duties: env_base_init() with its operations; once per turn, after
 * the arrivals, env_timers_run() and then env_turns_run(); before it sleeps,
 * ask env_timers_next() for how long; env_base_close() at the end.
 */
#ifndef ENV_IMPL_H
#define ENV_IMPL_H

#include "env/env.h"
#include "env/file.h"

/* Arguments and meaning as the public function of the same name, which has
 * checked nothing. None may be NULL. */
struct env_ops {
    uint64_t (*now_us)(struct env *e);
    uint64_t (*now_us_exact)(struct env *e);
    int64_t (*wall_ms)(struct env *e);
    /* A timer was started, or a hook was asked for, outside the door's own
     * turn: a door that could be asleep until something later must see to it
     * that it is not. May do nothing where the loop looks by itself. */
    void (*wake)(struct env *e);
    /* j->env, run, done and data are set. */
    void (*job_submit)(struct env *e, enum env_thread thread,
                       struct env_job *j);
    void (*random)(struct env *e, void *data, size_t len);
    /* Must not return. */
    /* exit_code 0: abort. */
    void (*die)(struct env *e, int exit_code, const char *reason);

    int (*listen)(struct env *e, const char *host, unsigned port,
                  env_accept_cb cb, void *data, struct env_listener **ret_l,
                  struct err *err);
    unsigned (*listener_port)(const struct env_listener *l);
    void (*listener_close)(struct env_listener *l); /* never NULL */
    int (*connect)(struct env *e, const char *host, unsigned port,
                   unsigned timeout_ms, env_connect_cb cb, void *data,
                   struct env_stream **ret_s);
    void (*stream_read_start)(struct env_stream *s, env_read_alloc_cb alloc,
                              env_read_cb cb, void *data);
    void (*stream_read_pause)(struct env_stream *s);
    void (*stream_read_resume)(struct env_stream *s);
    int (*stream_write)(struct env_stream *s, struct env_write *w,
                        const struct slice slices[], unsigned n,
                        env_write_cb cb, void *data);
    size_t (*stream_unwritten)(const struct env_stream *s);
    size_t (*stream_unsent)(const struct env_stream *s);
    const char *(*stream_peer)(const struct env_stream *s);
    void (*stream_close)(struct env_stream *s, env_close_cb cb, void *data);

    int (*file_open)(struct env *e, const char *path, unsigned flags,
                     struct file **ret_f, struct err *err);
    /* io->file, cb and data are set. */
    int (*file_write)(struct file *f, struct file_io *io, const void *data,
                      size_t len, uint64_t offset, bool dsync);
    int (*file_read)(struct file *f, struct file_io *io, void *data, size_t len,
                     uint64_t offset);
    int (*file_sync)(struct file *f, struct file_io *io);
    void (*file_close)(struct file *f); /* never NULL */
    const char *(*file_engine)(struct env *e);
    void (*file_hold_durable)(struct env *e, bool hold);

    int (*bfile_open)(struct env *e, const char *path, unsigned flags,
                      struct bfile **ret_f, struct err *err);
    void (*bfile_close)(struct bfile *f); /* never NULL */
    int (*bfile_read)(struct bfile *f, void *data, size_t len, uint64_t offset,
                      size_t *ret_n);
    int (*bfile_write)(struct bfile *f, const void *data, size_t len,
                       uint64_t offset);
    int (*bfile_sync)(struct bfile *f);
    int (*bfile_size)(struct bfile *f, uint64_t *ret_size);
    int (*bfile_truncate)(struct bfile *f, uint64_t size);
    int (*bfile_allocate)(struct bfile *f, uint64_t offset, uint64_t len);
    int (*bfile_drop_cache)(struct bfile *f);
    int (*bfile_lock)(struct bfile *f);

    int (*mkdir)(struct env *e, const char *path);
    int (*unlink)(struct env *e, const char *path);
    int (*rmdir)(struct env *e, const char *path);
    int (*rename)(struct env *e, const char *from, const char *to);
    int (*sync_dir)(struct env *e, const char *path);
    int (*stat)(struct env *e, const char *path, bool *ret_dir,
                uint64_t *ret_size);
    int (*list_dir)(struct env *e, const char *path, env_dir_cb cb, void *arg);
    int (*disk_free)(struct env *e, const char *path, uint64_t *ret_free,
                     uint64_t *ret_total);
};

struct env {
    const struct env_ops *ops;
    struct mem *mem;
    struct trace *trace;
    struct metrics *metrics;
    struct heap timers;                  /* struct env_timer.node, by ms */
    struct queue turns[ENV_TURN_ORDERS]; /* struct env_turn.queue */
};

/* First members of a door's own objects. `env` and `path` are set by the door
 * and stay valid until the object is freed. */
struct file {
    struct env *env;
    const char *path;
    bool direct;
};

struct bfile {
    struct env *env;
    const char *path;
};

struct env_stream {
    struct env *env;
};

struct env_listener {
    struct env *env;
};

/* Set up the common part: no timers, no hooks. Borrows all. */
void env_base_init(struct env *e, const struct env_ops *ops, struct mem *mem,
                   struct trace *trace, struct metrics *metrics);
/* Free what the common part holds. Timers still started are forgotten. */
void env_base_close(struct env *e);

/* Run the timers that are due at env_now_ms(). A timer that a callback starts
 * anew waits for the next call, even if it is due already. */
void env_timers_run(struct env *e);
/* True if a timer is started; *ret_at_ms is when the first is due. */
bool env_timers_next(const struct env *e, uint64_t *ret_at_ms);

/* Run the hooks that were asked for, in their order; one that asks for a later
 * order is served in the same pass. True if some were asked for again (same or
 * earlier order): the next turn must not sleep. */
bool env_turns_run(struct env *e);
/* True if a hook was asked for and has not run. */
bool env_turns_wanted(const struct env *e);

#endif
