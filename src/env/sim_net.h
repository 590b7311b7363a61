/* sim_net.h - what connections (sim_net.c) and streams (sim_stream.c) share.
 * Private to these two. */
#ifndef ENV_SIM_NET_H
#define ENV_SIM_NET_H

#include "env/sim_impl.h"

enum seg_kind { SEG_SYN, SEG_SYNACK, SEG_DATA, SEG_FIN, SEG_RST };

struct seg {
    struct queue queue;
    enum seg_kind kind;
    uint64_t at_us;
    size_t len;
    uint8_t data[];
};

struct sim_pipe {
    struct queue segs;
    size_t bytes;         /* of data in them */
    uint64_t last_us;     /* when the last one arrives */
    struct sim_event *ev; /* delivers the first one */
    bool blocked;         /* the reader's buffer is full */
    bool stalled;
    struct sim_event *stall_ev;
};

struct sim_stream;

struct sim_end {
    struct sim_conn *conn;
    unsigned id; /* of its node */
    uint64_t life;
    bool open;   /* a socket is there */
    bool broken; /* but the connection is not, */
    int why;     /* because: ERR_REFUSED (a reset) or ERR_TIMEOUT */
    struct sim_stream *stream; /* NULL: not accepted yet, or closed */
    struct sim_event *ready;   /* lets the stream look */
    struct sim_pipe out;
    uint8_t *rx;
    size_t rx_at, rx_len, rx_cap;
    bool eof;
};

struct sim_conn {
    struct queue queue;
    struct sim *sim;
    uint64_t number;
    unsigned port; /* that was asked for */
    struct sim_end ends[2];
    unsigned refs; /* accept events */
};

struct sim_write {
    struct queue queue;
    struct env_write *w;
    size_t moved, len;
    uint8_t data[];
};

struct sim_stream {
    struct env_stream stream;
    struct sim_end *end; /* NULL: closed, or never got one */
    char peer[300];
    bool connected;
    bool connecting; /* the connect callback is owed */
    int connect_status;
    env_connect_cb connect_cb;
    void *connect_data;
    struct sim_event *connect_timeout;
    bool reading, paused, read_done;
    env_read_alloc_cb read_alloc;
    env_read_cb read_cb;
    void *read_data;
    struct queue writes;
    size_t unwritten;
    bool write_failed;
    bool closing;
    env_close_cb close_cb;
    void *close_data;
};

struct sim_listener {
    struct env_listener listener;
    struct queue queue;
    struct sim_node *node;
    unsigned port;
    env_accept_cb cb;
    void *data;
};

/* An event that belongs to one end of a connection, or to a stream. */
struct net_event {
    struct sim_event ev;
    struct sim_conn *conn;
    struct sim_end *end;
    struct sim_stream *stream;
};

/* ---- sim_net.c ---------------------------------------------------------- */

struct net_event *sim_net_event_new(struct sim *s, struct sim_node *n,
                                    enum sim_kind kind, struct sim_end *e);
/* A drawn delay of the network. */
uint64_t sim_net_delay(struct sim *s);
struct sim_end *sim_end_other(struct sim_end *e);
/* Something happened at this end: its stream looks, as an event of the node. */
void sim_end_ready(struct sim_end *e);
struct sim_conn *sim_conn_new(struct sim *s, unsigned port);
/* Send a segment to the other end, behind those under way. Copies. */
void sim_pipe_push(struct sim_end *from, enum seg_kind kind,
                   const uint8_t *data, size_t len);
/* Plan the arrival of the first segment, if nothing keeps it. */
void sim_pipe_schedule(struct sim_end *from);
/* The socket of this end goes away. `reset`: rudely; `silent`: without a
 * word. */
void sim_end_close(struct sim_end *e, bool reset, bool silent);

/* ---- sim_stream.c ------------------------------------------------------- */

/* A connected stream of the node for this end; NULL without memory. */
struct sim_stream *sim_stream_new(struct sim_node *n, struct sim_end *e);
struct sim_listener *sim_listener_find(struct sim *s, unsigned id,
                                       unsigned port);
/* Let a stream look at its end: connected, written, arrived, over. */
void sim_stream_ready(struct sim_event *ev);
/* Move bytes of writes into the pipe while the kernel's buffer has room. */
void sim_pipe_pump(struct sim_end *from);

#endif
