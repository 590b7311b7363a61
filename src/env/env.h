/* env.h - the one door to the world: clock, timers, sockets, randomness,
 * threads, death. Files are in env/file.h.
 *
 * Outside this room nothing reads a clock, opens a file, touches a socket,
 * draws a random number or dies. There are two implementations behind the
 * same functions:
 *
 *   system   libuv loop, io_uring or two writer threads, real clocks
 *            (env/system.h creates one)
 *   sim      virtual clock, disks with a durable and a volatile image,
 *            in-memory links, everything drawn from a seed
 *            (env/sim.h creates a world of several)
 *
 * One `struct env` belongs to one node; everything of the node hangs off it.
 *
 * Asynchrony, for every request in this room (doc/STYLE.md section 4): a
 * non-zero return means the callback never runs; zero means it runs exactly
 * once and never before the call returns; the request's memory is the caller's
 * again when the callback starts; completions of one object come in the order
 * of submission unless its header says otherwise; one object, one thread.
 *
 * A turn: the loop runs timers, completions and arrivals, then the turn hooks
 * in their order, then sleeps. What must be batched over a turn (journal
 * frames, messages to peers, replies) is gathered during it and sent by a hook.
 */
#ifndef ENV_ENV_H
#define ENV_ENV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/heap.h"
#include "base/mem.h"
#include "base/queue.h"
#include "base/slice.h"
#include "trace/metric.h"
#include "trace/trace.h"

struct env;

/* ---- what a node owns ------------------------------------------------- */

/* The node's allocator, trace and metrics. Borrowed. */
struct mem *env_mem(struct env *e);
struct trace *env_trace(struct env *e);
struct metrics *env_metrics(struct env *e);

/* ---- time ------------------------------------------------------------- */

/* Milliseconds and microseconds of the monotonic clock; never goes back. The
 * value is read once per turn (cheap); env_now_us_exact() reads it anew. */
uint64_t env_now_ms(struct env *e);
uint64_t env_now_us(struct env *e);
uint64_t env_now_us_exact(struct env *e);
/* Milliseconds since 1970. May jump; for record timestamps and retention only,
 * never for safety (reliability.md 2.2 rule 15). */
int64_t env_wall_ms(struct env *e);

/* ---- timers ----------------------------------------------------------- */

struct env_timer;
typedef void (*env_timer_cb)(struct env_timer *t);

struct env_timer {
    struct heap_node node; /* private */
    env_timer_cb cb;
    void *data;
};

/* Prepare; not started. */
void env_timer_init(struct env_timer *t, env_timer_cb cb, void *data);
/* Run the callback once, when env_now_ms() >= at_ms. Starting a started timer
 * moves it. Errors: none (dies without memory). */
void env_timer_start(struct env *e, struct env_timer *t, uint64_t at_ms);
/* Not started is fine. */
void env_timer_stop(struct env *e, struct env_timer *t);
static inline bool env_timer_active(const struct env_timer *t)
{
    return t->node.slot != 0;
}

/* ---- turns ------------------------------------------------------------ */

/* The order of hooks within a turn. Each may give work to a later one. */
enum env_turn_order {
    ENV_TURN_CONSENSUS, /* proposals become one append per group */
    ENV_TURN_JOURNAL,   /* what was appended becomes a frame */
    ENV_TURN_PEERS,     /* messages become one write per peer */
    ENV_TURN_CLIENTS,   /* replies become one write per connection */
    ENV_TURN_ORDERS
};

struct env_turn;
typedef void (*env_turn_cb)(struct env_turn *t);

struct env_turn {
    struct queue queue; /* private */
    bool queued;        /* private */
    unsigned order;
    env_turn_cb cb;
    void *data;
};

/* Prepare; not asked for. */
void env_turn_init(struct env_turn *t, enum env_turn_order order,
                   env_turn_cb cb, void *data);
/* Run the hook once at the end of this turn (or, from a hook of the same or a
 * later order, of the next, which then does not sleep). Asking twice is once.
 */
void env_turn_request(struct env *e, struct env_turn *t);
void env_turn_cancel(struct env *e, struct env_turn *t);

/* ---- background threads ----------------------------------------------- */

/* One thread each, first in, first out (DESIGN section 4). */
enum env_thread {
    ENV_THREAD_STATE, /* apply and checkpoint of SQLite */
    ENV_THREAD_WORK,  /* compression, scrub, transfer checks, file metadata */
    ENV_THREAD_QUERY, /* read-only SQL */
    ENV_THREADS
};

struct env_job;
typedef void (*env_job_cb)(struct env_job *j);

struct env_job {
    struct queue queue; /* private */
    struct env *env;
    env_job_cb run;  /* on the background thread */
    env_job_cb done; /* on the loop thread, afterwards */
    void *data;
};

/* Run `run` on a background thread, then `done` on the loop. Only inside `run`
 * may blocking files be used. Borrows the job until `done`. The simulator runs
 * both on its one thread, with a drawn delay. */
void env_job_submit(struct env *e, enum env_thread thread, struct env_job *j,
                    env_job_cb run, env_job_cb done, void *data);

/* ---- randomness and death --------------------------------------------- */

/* Fill with random bytes good enough for secrets and identities. */
void env_random(struct env *e, void *data, size_t len);

/* End the node, saying why: one line that names the file or object and what
 * to do. Does not return. The system's door dumps the flight recorder and
 * aborts; the simulator's unwinds to its scheduler, which frees the node. May
 * be called on any thread of the node. */
_Noreturn void env_die(struct env *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Exit codes of a process that was right to end (ostrakad(8)): its settings do
 * not do, or what belongs to it is not its (ERR_INVALID, ERR_PERM); its data is
 * damaged, or written by a newer program (ERR_CORRUPT, ERR_VERSION); a write or
 * flush failed, or there is no room (ERR_IO, ERR_NOSPACE); it has too little
 * memory or too few files (ERR_NOMEM, ERR_FULL). */
#define ENV_EXIT_CONFIG    2
#define ENV_EXIT_DAMAGE    6
#define ENV_EXIT_STORAGE   8
#define ENV_EXIT_RESOURCES 9
/* That of an error; 0: no error of the world. */
int env_exit_code(int status);
/* The same for an error of the world, of which this line is about; what to do
 * about an error of that kind is added to it. The process exits with the code
 * above; with any other error, which is a mistake of its own, it aborts. */
_Noreturn void env_fail(struct env *e, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- byte streams ------------------------------------------------------ */

struct env_listener;
struct env_stream;

/* A connection was accepted; the callee owns `s`. */
typedef void (*env_accept_cb)(struct env_listener *l, struct env_stream *s,
                              void *data);

/* Listen on host:port (numeric address or name; "" or "*" is every address;
 * port 0 chooses one). Errors: ERR_INVALID (name does not resolve), ERR_EXISTS
 * (port in use), ERR_PERM, ERR_IO; `err` says which address. */
int env_listen(struct env *e, const char *host, unsigned port, env_accept_cb cb,
               void *data, struct env_listener **ret_l, struct err *err);
unsigned env_listener_port(const struct env_listener *l);
/* Stop accepting and free. NULL is fine. */
void env_listener_close(struct env_listener *l);

/* status 0: connected. Otherwise ERR_REFUSED (an answer said nobody listens),
 * ERR_NOTFOUND (no host of that name), ERR_TIMEOUT, ERR_CANCELED (closed
 * first) or ERR_IO; the stream is still the caller's to close. */
typedef void (*env_connect_cb)(struct env_stream *s, int status, void *data);
/* Start connecting (names are resolved off the loop). Errors: ERR_NOMEM. */
int env_connect(struct env *e, const char *host, unsigned port,
                unsigned timeout_ms, env_connect_cb cb, void *data,
                struct env_stream **ret_s);

/* Reading gives memory just before bytes arrive: set *ret_len to 0 to pause
 * (nothing is read until env_stream_read_resume()). */
typedef void (*env_read_alloc_cb)(struct env_stream *s, void *data,
                                  uint8_t **ret_p, size_t *ret_len);
/* `n` bytes were put where the alloc callback said; or status < 0: ERR_EOF,
 * ERR_IO. After an error nothing more is read. */
typedef void (*env_read_cb)(struct env_stream *s, void *data, int status,
                            size_t n);
void env_stream_read_start(struct env_stream *s, env_read_alloc_cb alloc,
                           env_read_cb cb, void *data);
void env_stream_read_pause(struct env_stream *s);
void env_stream_read_resume(struct env_stream *s);

struct env_write;
typedef void (*env_write_cb)(struct env_write *w, int status);
struct env_write {
    void *impl[24]; /* private */
    size_t len;     /* private */
    env_write_cb cb;
    void *data;
};
/* Most slices in one write. */
#define ENV_WRITE_SLICES_MAX 1024
/* Write slices in order. Borrows the bytes (not the array) and `w` until the
 * callback. Status: 0 all written to the kernel, ERR_IO, ERR_CANCELED.
 * Errors: ERR_CLOSED, ERR_NOMEM. */
int env_stream_write(struct env_stream *s, struct env_write *w,
                     const struct slice slices[], unsigned n, env_write_cb cb,
                     void *data);
/* Bytes handed to env_stream_write() whose callback has not run. */
size_t env_stream_unwritten(const struct env_stream *s);
/* Bytes in the kernel's send buffer that the peer has not taken (SIOCOUTQ); 0
 * where that cannot be known. */
size_t env_stream_unsent(const struct env_stream *s);
/* "host:port" of the other end, borrowed for the stream's life. */
const char *env_stream_peer(const struct env_stream *s);

typedef void (*env_close_cb)(void *data);
/* Cancel what is pending (callbacks run with ERR_CANCELED), then call `cb`
 * once (may be NULL) and free the stream. Nothing else is called after it. */
void env_stream_close(struct env_stream *s, env_close_cb cb, void *data);

#endif
