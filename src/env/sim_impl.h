/* sim_impl.h - the inside of the simulated world. Private to src/env/sim*.c.
 *
 *   struct sim        the world: clock, event heap, generator, nodes, disks
 *   struct sim_node   a place where a node may live; `life` numbers its lives
 *   struct sim_event  something that happens at a virtual time
 *   struct sim_inode      a file or directory of a disk (sim_disk.c)
 *   struct sim_pipe   one direction of a connection (sim_net.c)
 *
 * What a node owns (streams, handles, its env's heap) lies in the node's
 * memory and goes with it; what must outlive it (events, bytes under way, disk
 * images) lies in the world's. An event names its node by (id, life), so that
 * it finds nobody when that life is over.
 */
#ifndef ENV_SIM_IMPL_H
#define ENV_SIM_IMPL_H

#include <setjmp.h>

#include "base/rand.h"
#include "env/impl.h"
#include "env/sim.h"

/* What sim_trace_hash() tells apart. */
enum sim_kind {
    SIM_KIND_START,
    SIM_KIND_TURN,
    SIM_KIND_DEATH,
    SIM_KIND_CUT,
    SIM_KIND_READ,
    SIM_KIND_WRITE,
    SIM_KIND_SYNC,
    SIM_KIND_JOB_RUN,
    SIM_KIND_JOB_DONE,
    SIM_KIND_DELIVER,
    SIM_KIND_ACCEPT,
    SIM_KIND_STREAM,
    SIM_KIND_TIMEOUT,
    SIM_KIND_CLOSE,
    SIM_KIND_BYTES
};

/* Happens in up to two steps: `arrive` is done by the world, whatever the node
 * does (a disk works on while a process is paused); `run` by the node, if it
 * still lives the same life, after a pause if it is paused. `release` frees
 * what the event holds in the world's memory; it runs in every case. Each may
 * be NULL. */
struct sim_event {
    struct heap_node node; /* key: virtual us */
    struct queue queue;    /* of a node's held events */
    struct sim *sim;
    unsigned id; /* of the node; 0: nobody's */
    uint64_t life;
    enum sim_kind kind;
    uint64_t len;
    void (*arrive)(struct sim_event *ev);
    void (*run)(struct sim_event *ev);
    void (*release)(struct sim_event *ev);
    bool keep; /* set by `run`: somebody queued it, do not free it */
};

/* An open file of a node, of either door. */
struct sim_handle {
    struct queue queue; /* of the node's handles */
    struct sim_node *node;
    struct sim_inode *inode;
    unsigned flags;
};

struct sim_node {
    struct env env; /* first: a node is found from its env */
    struct sim *sim;
    unsigned id;
    char host[256];
    struct sim_disk *disk;
    uint64_t life; /* 0: never lived */
    bool alive;
    bool paused;
    bool entered; /* its code is on the stack */
    bool dying;
    bool cut; /* dying by sim_node_crash() from inside */
    enum sim_crash cut_how;
    bool silent; /* power is off: answers nothing, not even a refusal */
    char death[512];
    int exit_code; /* of a death by env_fail() */
    sigjmp_buf jump;
    struct queue held;         /* events kept while paused */
    struct sim_event *turn_ev; /* the next turn that is planned, or NULL */

    struct queue handles;
    bool hold_durable;
    struct queue held_durable; /* io events kept by file_hold_durable() */
    struct queue jobs[ENV_THREADS];
    bool job_busy[ENV_THREADS];

    int64_t wall_off_ms;
    int rate, next_rate;                 /* millionths fast */
    uint64_t rate_from_us, rate_base_us; /* node time then */
    uint64_t slow_disk_us, slow_net_us;
    uint64_t stall_us; /* of the next durable write */
    uint64_t crash_at; /* I/O calls until the power goes; 0: it does not */
    enum sim_crash crash_how;
    bool powerless; /* it went: ends with this event */

    uint64_t fail_at; /* I/O calls until the planted failure; 0: none */
    bool fail_for_ever;
    bool fail_fired;
    int fail_code;
};

#define SIM_PAGE 4096

/* Images share the pages in which they are equal; who writes takes a copy. */
struct sim_page {
    struct sim_page *next; /* of those that are free */
    size_t refs;
    uint8_t data[SIM_PAGE];
};

/* Pages in stock. They come in slabs, and go with the world. */
struct sim_pages {
    struct sim_page *free;
    size_t slab; /* pages in the last slab */
};

struct sim {
    struct sim_options o;
    struct mem *mem;
    struct sim_pages pages;
    uint64_t now_us;
    struct heap events;
    struct rand rand;
    uint64_t hash;
    uint64_t lives;
    struct sim_node *current; /* whose code runs */
    struct sim_node **nodes;  /* in order of first start */
    unsigned n_nodes;
    struct sim_node *batch; /* has run events and owes a turn */
    unsigned n_powerless;   /* nodes whose power went since last looked */
    struct queue disks;
    struct queue listeners;
    struct queue conns;
    uint64_t next_conn;
    unsigned next_port;
    uint64_t *links_down; /* from << 32 | to */
    size_t n_links_down;
};

/* ---- sim.c -------------------------------------------------------------- */

/* Zeroed memory of the world; never NULL. */
void *sim_alloc(struct sim *s, size_t n, size_t size);
/* The same, not zeroed. */
void *sim_alloc_raw(struct sim *s, size_t size);
/* Grow an array of the world; never NULL. */
void *sim_realloc(struct sim *s, void *p, size_t size);
void sim_release(struct sim *s, void *p);
/* A number in [min, max], drawn. */
uint64_t sim_draw(struct sim *s, uint64_t min, uint64_t max);
/* True in `rate` of 10,000 cases. */
bool sim_chance(struct sim *s, unsigned rate);
/* Note something in the trace hash. */
void sim_note(struct sim *s, unsigned id, enum sim_kind kind, uint64_t len);
/* Note content: of a write, of what is sent. `data` NULL: zeros. */
void sim_note_bytes(struct sim *s, unsigned id, const void *data, size_t len);
/* NULL if there has never been one; sim_node_get() asserts that there has. */
struct sim_node *sim_node_find(struct sim *s, unsigned id);
struct sim_node *sim_node_get(struct sim *s, unsigned id);
static inline struct sim_node *sim_node_of(struct env *e)
{
    return QUEUE_ENTRY(e, struct sim_node, env);
}
/* A new event of `size` bytes (a struct sim_event first) for this life of a
 * node, or for nobody. Fill in, then sim_event_push(). */
void *sim_event_new(struct sim *s, size_t size, struct sim_node *n,
                    enum sim_kind kind);
void sim_event_push(struct sim_event *ev, uint64_t at_us);
/* Never happens; frees it. NULL is fine. */
void sim_event_cancel(struct sim_event *ev);
/* Free a list of events that will not happen. */
void sim_events_free(struct queue *head);

/* ---- sim_node.c --------------------------------------------------------- */

/* End nodes whose power went while their code ran. */
void sim_nodes_reap(struct sim *s);

/* Run `fn` as the node; inside its code already, just run it. Errors:
 * ERR_CLOSED, the node died and is buried. */
int sim_node_enter(struct sim_node *n, void (*fn)(void *), void *arg);
/* Timers, hooks, and the plan for the next turn. Errors: ERR_CLOSED. */
int sim_node_turn(struct sim_node *n);
/* Plan the next turn by what the node waits for. One that cannot wait costs a
 * microsecond, so that a node that never rests does not stop the clock. */
void sim_turn_plan_next(struct sim_node *n);

/* ---- sim_image.c -------------------------------------------------------- */

struct sim_image {
    struct sim_page **pages; /* NULL: zeros */
    size_t n_pages;
    uint64_t size;
};

/* True if all bytes are zero. */
bool sim_all_zero(const uint8_t *p, size_t len);
/* Does not change the size. `data` NULL: zeros. */
void sim_image_write(struct sim *s, struct sim_image *im, const uint8_t *data,
                     size_t len, uint64_t offset);
/* Zeros where nothing is; does not look at the size. */
void sim_image_read(const struct sim_image *im, uint8_t *data, size_t len,
                    uint64_t offset);
/* What lies beyond the new size is zero if it grows again. */
void sim_image_resize(struct sim *s, struct sim_image *im, uint64_t size);
/* Empty it. */
void sim_image_free(struct sim *s, struct sim_image *im);
/* A range of `to` becomes equal to `from`, but for the size. */
void sim_image_share(struct sim *s, const struct sim_image *from,
                     struct sim_image *to, size_t len, uint64_t offset);
/* `to` becomes equal to `from`. */
void sim_image_copy(struct sim *s, const struct sim_image *from,
                    struct sim_image *to);

/* ---- sim_disk.c --------------------------------------------------------- */

#define SIM_SECTOR 512

struct sim_inode {
    struct queue queue; /* of the disk's inodes */
    struct sim_disk *disk;
    unsigned refs; /* names, operations on names, handles, I/O under way */
    bool dir;
    bool lost; /* a sync failed: the volatile image claims too much */
    struct sim_image vol, dur;
    struct queue ops;        /* changes not yet durable, in order */
    struct queue names[2];   /* of a directory: volatile and durable */
    struct sim_handle *lock; /* who holds the lock, or NULL */
};

/* A write under way: what a cut may tear. */
struct sim_inflight {
    struct queue queue;
    struct sim_inode *inode;
    const void *data;
    size_t len;
    uint64_t offset;
};

/* A range of a file; `old`, `now`: what was there before a write and after,
 * or NULL. Holds the inode. */
struct sim_range {
    struct sim_inode *inode;
    uint64_t offset;
    size_t len;
    uint8_t *old, *now;
};

#define SIM_NEWEST 16 /* synchronous writes that are not damaged */
#define SIM_PAST   32 /* writes of which the past is known */

struct sim_disk {
    struct queue queue; /* of the world's disks */
    uint64_t bytes_max; /* 0: as the world's options say */
    bool remembers;
    uint64_t n_newest; /* counts */
    struct sim_range newest[SIM_NEWEST];
    struct sim_range past[SIM_PAST];
    struct sim *sim;
    unsigned id;
    uint64_t power;        /* counts cuts */
    uint64_t seq;          /* numbers changes */
    uint64_t bytes;        /* sizes of all volatile images */
    uint64_t n_read;       /* bytes, ever */
    struct queue inodes;   /* in order of creation */
    struct queue name_ops; /* changes of names not yet durable, in order */
    struct queue inflight; /* struct sim_inflight, in order of submission */
    struct sim_inode *root;
};

/* A write is under way: a cut before its `queue` is removed decides what of it
 * has arrived. Borrows `data` (NULL: zeros) and `w` until then. */
void sim_disk_submit(struct sim_inflight *w, struct sim_inode *i,
                     const void *data, size_t len, uint64_t offset);

/* sim_damage.c: a write is about to become durable. */
void sim_disk_note(struct sim_inode *i, const uint8_t *data, size_t len,
                   uint64_t offset, bool dsync);

/* One more user; the last one to go frees the inode. */
struct sim_inode *sim_inode_ref(struct sim_inode *i);
void sim_inode_unref(struct sim_inode *i);
/* Fewer bytes at the end. `medium`: as a direct read sees it. Returns how
 * many. */
size_t sim_inode_read(struct sim_inode *i, void *data, size_t len,
                      uint64_t offset, bool medium);
/* `data` NULL: zeros. Errors: ERR_NOSPACE; nothing was written. */
int sim_inode_write(struct sim_inode *i, const void *data, size_t len,
                    uint64_t offset, bool durable);
/* A write that failed half-way: some sectors have arrived. */
void sim_inode_write_torn(struct sim_inode *i, const void *data, size_t len,
                          uint64_t offset);
/* Make changes up to number `seq` durable; `lose` them instead: they count as
 * clean and are not (reliability.md 2.1). */
void sim_inode_sync(struct sim_inode *i, uint64_t seq, bool lose);
/* Errors: ERR_NOSPACE. */
int sim_inode_truncate(struct sim_inode *i, uint64_t size);
/* Forget what is cached and clean. */
void sim_inode_drop_cache(struct sim_inode *i);

/* ---- sim_name.c --------------------------------------------------------- */

struct sim_inode *sim_inode_new(struct sim_disk *d, bool dir);
/* What a path is, or NULL. */
struct sim_inode *sim_name_find(struct sim_disk *d, const char *path);
/* The directory a path lies in and, in `ret_name` of SIM_NAME_MAX bytes, the
 * last part. NULL if there is no such directory or no last part. */
#define SIM_NAME_MAX 256
struct sim_inode *sim_name_parent(struct sim_disk *d, const char *path,
                                  char *ret_name);
struct sim_inode *sim_name_get(const struct sim_inode *dir, const char *name);
/* Change names in the volatile image; durable when the directory is synced. */
void sim_name_link(struct sim_inode *dir, const char *name,
                   struct sim_inode *i);
void sim_name_unlink(struct sim_inode *dir, const char *name);
void sim_name_rename(struct sim_inode *from_dir, const char *from,
                     struct sim_inode *dir, const char *name);
void sim_name_sync(struct sim_inode *dir);
bool sim_name_empty(const struct sim_inode *dir);
int sim_name_list(const struct sim_inode *dir, env_dir_cb cb, void *arg);
/* At a cut: keep changes whose number is at most `upto`, and pinned ones. */
void sim_names_cut(struct sim_disk *d, uint64_t upto);
/* How many changes of names are not durable. */
size_t sim_names_pending(const struct sim_disk *d);
/* Number of the k-th of them (from 0). */
uint64_t sim_names_pending_seq(const struct sim_disk *d, size_t k);
void sim_names_free(struct sim_inode *dir);
/* Make `to` hold copies of the durable tree below `from`. */
void sim_names_copy(const struct sim_inode *from, struct sim_inode *to);
/* Copies of a file's durable content (sim_disk.c). */
void sim_inode_copy_durable(const struct sim_inode *from, struct sim_inode *to);

/* ---- sim_file.c, sim_bfile.c -------------------------------------------- */

enum sim_io { SIM_IO_READ, SIM_IO_WRITE, SIM_IO_SYNC, SIM_IO_META };

/* Count one I/O call of a node: 0, or the error it is to end with. */
int sim_io_fault(struct sim_node *n, enum sim_io io);
/* Flip a bit if the world wants it. */
void sim_io_flip(struct sim_node *n, void *data, size_t len);
/* Find or make what is opened. Errors: as file_open(). */
int sim_handle_open(struct sim_node *n, struct sim_handle *h, const char *path,
                    unsigned flags, struct err *err);
/* Assert that I/O is of the kind it was opened for, and aligned if direct: the
 * kernel would refuse it. */
void sim_handle_check(const struct sim_handle *h, unsigned flag,
                      const void *data, size_t len, uint64_t offset);
void sim_handle_close(struct sim_handle *h);
/* The node is gone: its files are closed. */
void sim_files_down(struct sim_node *n);

/* What the public functions without `sim_` do (env/file.h). */
int sim_file_open(struct env *e, const char *path, unsigned flags,
                  struct file **ret_f, struct err *err);
int sim_file_write(struct file *f, struct file_io *io, const void *data,
                   size_t len, uint64_t offset, bool dsync);
int sim_file_read(struct file *f, struct file_io *io, void *data, size_t len,
                  uint64_t offset);
int sim_file_sync(struct file *f, struct file_io *io);
void sim_file_close(struct file *f);
const char *sim_file_engine(struct env *e);
void sim_file_hold_durable(struct env *e, bool hold);

/* The same. */
int sim_bfile_open(struct env *e, const char *path, unsigned flags,
                   struct bfile **ret_f, struct err *err);
void sim_bfile_close(struct bfile *f);
int sim_bfile_read(struct bfile *f, void *data, size_t len, uint64_t offset,
                   size_t *ret_n);
int sim_bfile_write(struct bfile *f, const void *data, size_t len,
                    uint64_t offset);
int sim_bfile_sync(struct bfile *f);
int sim_bfile_size(struct bfile *f, uint64_t *ret_size);
int sim_bfile_truncate(struct bfile *f, uint64_t size);
int sim_bfile_allocate(struct bfile *f, uint64_t offset, uint64_t len);
int sim_bfile_drop_cache(struct bfile *f);
int sim_bfile_lock(struct bfile *f);
int sim_mkdir(struct env *e, const char *path);
int sim_unlink(struct env *e, const char *path);
int sim_rmdir(struct env *e, const char *path);
int sim_rename(struct env *e, const char *from, const char *to);
int sim_sync_dir(struct env *e, const char *path);
int sim_stat(struct env *e, const char *path, bool *ret_dir,
             uint64_t *ret_size);
int sim_list_dir(struct env *e, const char *path, env_dir_cb cb, void *arg);
int sim_disk_space(struct env *e, const char *path, uint64_t *ret_free,
                   uint64_t *ret_total);

/* ---- sim_net.c, sim_job.c ----------------------------------------------- */

/* What the public functions do (env/env.h). */
int sim_listen(struct env *e, const char *host, unsigned port, env_accept_cb cb,
               void *data, struct env_listener **ret_l, struct err *err);
unsigned sim_listener_port(const struct env_listener *l);
void sim_listener_close(struct env_listener *l);
int sim_connect(struct env *e, const char *host, unsigned port,
                unsigned timeout_ms, env_connect_cb cb, void *data,
                struct env_stream **ret_s);
void sim_stream_read_start(struct env_stream *s, env_read_alloc_cb alloc,
                           env_read_cb cb, void *data);
void sim_stream_read_pause(struct env_stream *s);
void sim_stream_read_resume(struct env_stream *s);
int sim_stream_write(struct env_stream *s, struct env_write *w,
                     const struct slice slices[], unsigned n, env_write_cb cb,
                     void *data);
size_t sim_stream_unwritten(const struct env_stream *s);
size_t sim_stream_unsent(const struct env_stream *s);
const char *sim_stream_peer(const struct env_stream *s);
void sim_stream_close(struct env_stream *s, env_close_cb cb, void *data);
/* The node is gone: its connections break; `silent`: nobody is told. */
void sim_net_down(struct sim_node *n, bool silent);
/* A node lives again or a link is up: what was held back moves on. */
void sim_net_wake(struct sim *s);
void sim_net_free(struct sim *s);

/* What env_job_submit() does. */
void sim_job_submit(struct env *e, enum env_thread thread, struct env_job *j);

#endif
