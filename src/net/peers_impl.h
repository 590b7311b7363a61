/* peers_impl.h - what the files of peers share. Private to src/net.
 *
 *   peers.c    the set of nodes, identity, watchers, receivers, the turn
 *   lane.c     what waits to be sent on a lane, and in which order
 *   link.c     a connection that we dialled: hello, then messages out
 *   inbound.c  a connection that was dialled to us: hello, then messages in
 *
 * A lane (node, MAIN or BULK):
 *
 *            connect, hello                 answer: accepted
 *   WAITING ----------------> DIALLING -------------------------> OPEN
 *      ^  timer: 20..500 ms,     |                                 |
 *      |  1 s after a refusal    |  refused, no answer, no hello   | broken:
 *      +-------------------------+                                 | queue is
 *      |                                                           | dropped
 *      +-----------------------------------------------------------+
 *         at once, if not done within the last REDIAL_MS
 */
#ifndef NET_PEERS_IMPL_H
#define NET_PEERS_IMPL_H

#include "net/hello.h"
#include "net/peers.h"
#include "trace/metric.h"

#define PEERS_WATCHERS_MAX 8
#define PEERS_REASON_MAX   384
#define PEERS_HOST_MAX     256
/* Most messages waiting on a lane, whatever their size. */
#define LANE_MESSAGES_MAX (64u << 10)
/* Up to this a message is small: it goes before big ones of other orders. */
#define LANE_SMALL_MAX (4u << 10)
/* Most bytes in the kernel that the peer has not taken. */
#define LANE_UNSENT_MAX (256u << 10)
/* Bytes that small messages are gathered in, for one write. */
#define LANE_GATHER_BYTES (16u << 10)
/* Heads up to this lie in the message itself. */
#define MESSAGE_HEAD_MAX 192
#define MESSAGE_PAYLOADS 4
/* Idle objects kept for reuse. */
#define PEERS_MESSAGES_KEPT 4096
#define PEERS_OUTS_KEPT     64
/* No byte taken by the peer for so long: the connection is dead. */
#define LINK_STALL_MS 5000
/* A broken connection is redialled at once, but not more often than this. */
#define REDIAL_MS      250
#define BACKOFF_MIN_MS 20
#define BACKOFF_MAX_MS 500
#define REFUSED_MS     1000
/* Receiving: bytes of the chunk that messages are read into. */
#define INBOUND_CHUNK_BYTES (64u << 10)
/* Most bytes of one read straight into a large message. */
#define INBOUND_STRAIGHT_MAX (256u << 10)
/* Without memory: try again this often, give up after. */
#define INBOUND_STARVED_MS     2
#define INBOUND_STARVED_MS_MAX 10000
/* Most connections that have not said hello. */
#define INBOUND_STRANGERS_MAX 128

/* A message that waits: its frame's head and the user's head lie together. */
struct message {
    struct queue queue;
    uint64_t order;
    bool big;
    unsigned n_payload;
    size_t head_len;       /* PEER_HEAD_BYTES included */
    size_t bytes;          /* of all of it */
    uint8_t *head;         /* `head_in`, or allocated */
    struct bytes *payload; /* `payload_in`, or allocated */
    struct bytes payload_in[MESSAGE_PAYLOADS];
    uint8_t head_in[PEER_HEAD_BYTES + MESSAGE_HEAD_MAX];
};

/* One write under way, and the messages whose last byte is in it. */
struct lane_out {
    struct queue queue; /* in peers->outs while idle */
    struct env_write write;
    struct link *link;
    struct queue messages;
    size_t done_bytes; /* of the messages that it ends or has gathered */
    size_t gather_len;
    uint8_t gather[LANE_GATHER_BYTES];
};

struct lane {
    struct peer *peer;
    enum peer_lane id;
    struct queue small, big;
    struct map *big_last;    /* order -> the last message of it in `big` */
    struct message *current; /* partly handed to the stream */
    size_t current_at;       /* so many bytes of it */
    unsigned n_messages;     /* in the queues */
    uint64_t bytes;          /* queued or being written */
    struct link *link;       /* NULL: waiting to dial */
    unsigned attempts;       /* since it was last open */
    uint64_t redial_ms;      /* of the last redial at once, + 1 */
    struct env_timer timer;  /* to dial */
    struct queue dirty;      /* in peers->dirty */
};

enum link_state { LINK_CONNECTING, LINK_HELLO, LINK_OPEN, LINK_CLOSING };

/* A connection that we dialled. Outlives its lane's interest until the stream
 * is closed. */
struct link {
    struct peers *peers;
    struct lane *lane; /* NULL once closing */
    struct env_stream *stream;
    enum link_state state;
    bool full;  /* equal clusters: every channel, not PEER_FORM only */
    bool stuck; /* nothing taken since `moved_ms` */
    unsigned n_writes;
    struct message *unfinished; /* freed with it */
    uint64_t moved_ms;
    uint64_t handed, taken; /* bytes given to the stream, taken by the peer */
    struct env_timer timer; /* hello, then stall */
    struct env_timer pump_timer;
    struct env_write hello_write;
    unsigned have; /* of the answer */
    struct hello answer;
    uint8_t hello[HELLO_BYTES];
    uint8_t in[HELLO_BYTES + HELLO_TEXT_MAX + 1];
};

struct peer {
    struct peers *peers;
    int32_t node;
    unsigned port;
    char host[PEERS_HOST_MAX];
    struct uuid directory;
    struct lane lanes[PEER_LANES];
    struct inbound *in[PEER_LANES];
    enum peer_state state;     /* what watchers heard last, */
    enum peer_state state_now; /* and are to hear */
    bool broken;               /* went down since they heard PEER_UP */
    bool was_up;               /* the next refused redial makes it REFUSED */
    uint64_t heard_ms;
    char reason[PEERS_REASON_MAX];
};

enum inbound_state {
    INBOUND_HELLO,
    INBOUND_OPEN,
    INBOUND_REFUSED,
    INBOUND_CLOSING
};

/* A connection that was dialled to us. */
struct inbound {
    struct queue queue; /* in peers->inbounds until closing */
    struct peers *peers;
    struct env_stream *stream;
    enum inbound_state state;
    int32_t node;
    enum peer_lane lane;
    struct uuid directory;
    bool full;
    bool reading;
    bool starved;
    uint64_t starved_ms;
    struct env_timer timer; /* hello, then memory */
    struct env_write hello_write;
    unsigned have; /* of the hello */
    uint8_t hello[HELLO_BYTES + HELLO_TEXT_MAX];
    struct chunk *chunk; /* messages are read into it */
    uint32_t begin, end; /* what is not delivered yet */
    struct chunk *large; /* a message with a chunk of its own */
    uint32_t large_have;
    struct peer_head large_head;
};

#define PEERS_METRICS 11

struct peers {
    struct env *env;
    struct peers_options o;
    struct peers_identity self;
    struct env_listener *door;
    struct peer *peers[PEERS_MAX]; /* by node id */
    unsigned n_peers;
    struct {
        peer_recv_cb cb;
        void *arg;
    } receivers[PEER_CHANNELS];
    struct {
        peer_state_cb cb;
        void *arg;
    } watchers[PEERS_WATCHERS_MAX];
    unsigned n_watchers;
    peer_judge_cb judge;
    void *judge_arg;
    struct env_turn turn;      /* messages leave */
    struct env_turn tell_turn; /* watchers hear */
    struct queue dirty;        /* lanes with something to send */
    struct queue inbounds;
    struct queue messages, outs; /* idle ones */
    unsigned n_messages, n_outs;
    unsigned n_strangers;
    unsigned n_open; /* links and inbounds that are not freed */
    bool closing;
    void (*close_cb)(void *arg);
    void *close_arg;
    uint64_t m_up, m_bytes_in, m_bytes_out, m_messages_in, m_messages_out,
        m_dropped_queue, m_dropped_break, m_dropped_in, m_refused, m_broken,
        m_starved;
    struct metric metrics[PEERS_METRICS];
};

/* ---- peers.c ------------------------------------------------------------ */

struct peer *peers_find(const struct peers *p, int32_t node);
/* Judge a hello by the rules and by the judge. */
bool peers_accepts(struct peers *p, const struct hello *h,
                   char text[HELLO_TEXT_MAX + 1]);
/* The hello that we say on a lane. */
struct hello peers_hello(const struct peers *p, enum peer_lane lane);
/* The main link of a peer changed: watchers hear of it in their turn. */
void peer_set_state(struct peer *peer, enum peer_state state);
/* Why it is not up; "" clears. Traced when it changes. */
void peer_set_reason(struct peer *peer, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A link or inbound was freed. */
void peers_closed_one(struct peers *p);
/* A message arrived on an open connection. */
void peers_deliver(struct peers *p, int32_t node, bool full, unsigned channel,
                   struct bytes message);

/* ---- lane.c ------------------------------------------------------------- */

/* Errors: ERR_NOMEM. */
int lane_init(struct lane *l, struct peer *peer, enum peer_lane id);
/* Free what it holds; its link is closing already. */
void lane_close(struct lane *l);
/* Queue. Errors: ERR_FULL, ERR_NOMEM. */
int lane_push(struct lane *l, unsigned channel, uint64_t order,
              struct slice head, const struct bytes payload[], unsigned n);
/* Drop what waits. */
void lane_drop(struct lane *l);
/* True if something waits. */
bool lane_waits(const struct lane *l);
/* Hand what may go to the stream of its open link. Returns 0, or what
 * env_stream_write() said. */
int lane_pump(struct lane *l);
/* Free a message and its shares. */
void message_free(struct peers *p, struct message *m);
/* Free idle objects. */
void lane_objects_free(struct peers *p);

/* ---- link.c ------------------------------------------------------------- */

/* Dial now. */
void lane_dial(struct lane *l);
/* End the lane's link, if any, and drop the queue: `why` is for the trace. The
 * caller dials again, or not. */
void lane_break(struct lane *l, const char *why);
/* The link failed; dial again, now or later. */
void link_lost(struct link *k, const char *why);
/* A write of messages is over (lane.c). */
void link_written(struct env_write *w, int status);
/* Send what waits, now; on errors the link breaks and is dialled again. */
void link_pump(struct link *k);

/* ---- inbound.c ---------------------------------------------------------- */

/* A connection was accepted. */
void inbound_open(struct peers *p, struct env_stream *s);
/* End it. Doing it again changes nothing. */
void inbound_end(struct inbound *in, const char *why);

#endif
