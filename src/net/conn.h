/* conn.h - what listener.c, conn.c and conn_out.c share. Private to src/net.
 *
 *   socket -> listener's scratch -> head, frame -> hooks.frame()
 *          \-> frame (what is left of a large one, straight)
 *
 *   conn_write() -> conn_out (gathering) -> env_stream_write() at turn's end
 *
 * A connection takes no frames while any of these holds:
 *
 *   paused    the user said so               until conn_resume()
 *   starved   no client memory for a frame   until a retry finds some
 *   choked    too much is not yet written    until half of it is
 *   flushing  it closes after its replies    for ever
 *
 * What had been read already then waits in `pending` (at most the scratch's
 * size); the socket is not read while something is there.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "net/listener.h"

#include "trace/metric.h"

/* Bytes of one read that is not straight into a frame. */
#define CONN_SCRATCH_BYTES (16u << 10)
/* What is left of a frame is read straight into it from here on. */
#define CONN_STRAIGHT_MIN (8u << 10)
/* Most bytes of one straight read. */
#define CONN_STRAIGHT_MAX (256u << 10)
/* Frames up to this share chunks of CONN_SMALL_CHUNK bytes. */
#define CONN_SMALL_MAX   (4u << 10)
#define CONN_SMALL_CHUNK (16u << 10)
/* A connection without memory tries again this often, and after each turn
 * that wrote replies. */
#define CONN_STARVED_MS 10
/* A connection that closes after its replies is given this long. */
#define CONN_FLUSH_MS 10000
/* Idle write objects kept for reuse. */
#define CONN_OUTS_KEPT 256

/* How connections ended, for the metrics. */
enum conn_end {
    CONN_END_EOF,
    CONN_END_ERROR,
    CONN_END_PROTOCOL,
    CONN_END_IDLE,
    CONN_END_CLOSED,
    CONN_ENDS
};

#define LISTENER_METRICS (6 + CONN_ENDS)

/* Pieces that leave in one write. Idle ones are kept by the listener. */
struct conn_out {
    struct queue queue; /* in conn->outs, or listener->outs */
    struct env_write write;
    struct conn *conn;
    struct bytes *pieces;
    unsigned n, cap;
    size_t bytes;
};

struct conn {
    struct queue all;     /* in listener->conns, or ->flushing, least active
                             first */
    struct queue waiting; /* in listener->waiting, while starved */
    struct queue ready;   /* in listener->ready: has pending frames to take */
    struct queue dirty;   /* in listener->dirty: has outs to write */
    struct listener *l;
    struct env_stream *stream;
    void *data;
    uint64_t id;
    uint64_t active_ms;
    bool opened; /* the user knows it */
    bool paused, starved, choked, flushing;
    bool reading; /* the stream is not paused */
    bool closing; /* the stream is being closed, */
    int why;      /* because */
    uint8_t head[4];
    unsigned head_have;
    struct bytes frame; /* in progress while `has_frame` */
    uint8_t *frame_at;  /* where its next byte goes */
    bool has_frame;
    uint8_t *pending;
    size_t pending_at, pending_len;
    struct queue outs; /* gathered, not yet handed to the stream */
    size_t out_bytes;  /* gathered or handed on, not yet written */
    unsigned n_writes; /* handed to the stream, not called back */
};

struct listener {
    struct env *env;
    struct env_listener *door;
    struct listener_options o;
    struct listener_hooks hooks;
    void *arg;
    uint32_t n_conns; /* that are not freed */
    uint64_t next_id;
    struct queue conns, flushing, waiting, ready, dirty, outs;
    unsigned n_outs; /* idle ones */
    struct env_turn turn;
    struct env_timer idle_timer, starved_timer;
    struct chunk *small; /* small frames are cut from it */
    uint32_t small_at;
    bool closing;
    void (*close_cb)(void *arg);
    void *close_arg;
    uint64_t m_conns, m_accepted, m_rejected, m_bytes_in, m_bytes_out,
        m_starved, m_ends[CONN_ENDS];
    struct metric metrics[LISTENER_METRICS];
    uint8_t scratch[CONN_SCRATCH_BYTES];
};

/* ---- conn.c ------------------------------------------------------------- */

/* Read from a connection that was accepted. */
void conn_start(struct conn *c);
/* End it: the close hook will say `why`. Doing it again changes nothing. */
void conn_end(struct conn *c, int why);
/* Take frames from what was read already, then go on reading. */
void conn_continue(struct conn *c);
/* Read or do not, as the connection's state wants. */
void conn_update(struct conn *c);
/* Something happened: it is the most active one now. */
void conn_touch(struct conn *c);

/* ---- listener.c --------------------------------------------------------- */

/* Look at what is idle at `at_ms`, if not before. */
void listener_idle_at(struct listener *l, uint64_t at_ms);

/* ---- conn_out.c --------------------------------------------------------- */

/* Hand what was gathered to the stream. */
void conn_flush(struct conn *c);
/* End a flushing connection that has nothing left to write. */
void conn_flush_check(struct conn *c);
/* Release what was gathered and not handed to the stream. */
void conn_out_drop(struct conn *c);
/* Free the listener's idle write objects. */
void conn_outs_free(struct listener *l);

#endif
