/* peers.h - the connections between the nodes of a cluster.
 *
 * One connection per node pair and direction, dialled by the sender, carries
 * all groups; bulk transfer has a second one. A connection begins with hellos
 * {protocol range, cluster id, node id, directory uuid}; a mismatch ends it
 * with its reason said at both ends. Frames are little-endian, checksummed
 * headers, bounded lengths (wire of the peers: doc/FORMATS.md).
 *
 * Order: messages with the same `order` key arrive in the order they were sent
 * on a lane, or not at all: what was queued when a connection broke is
 * dropped, and the users' protocols (Raft, requests with ids) recover. Between
 * keys small messages go first. At most 256 KiB lie unsent in the kernel, the
 * rest waits here, bounded; a full queue drops the new message and says so.
 *
 * What was handed in during a turn leaves in one write per peer at its end
 * (ENV_TURN_PEERS). Reading from peers never waits for client memory (budget
 * CHUNK_PEER). Thread: the loop's.
 */
#ifndef NET_PEERS_H
#define NET_PEERS_H

#include "base/chunk.h"
#include "base/uuid.h"
#include "env/env.h"

/* Most nodes of a cluster. */
#define PEERS_MAX 64
/* Longest message. */
#define PEERS_MESSAGE_MAX (36u << 20)

/* Who a message is for, within a node. Numbers are on the wire. */
enum peer_channel {
    PEER_FORM = 0,     /* forming a cluster; the only one without a cluster */
    PEER_RAFT = 1,     /* consensus messages of all groups */
    PEER_BARRIER = 2,  /* read barriers */
    PEER_LEADERS = 3,  /* leadership table */
    PEER_FORWARD = 4,  /* commands for a state group's leader, answers */
    PEER_TRANSFER = 5, /* offers, requests and data of Transfer (bulk lane) */
    PEER_QUERY = 6,    /* status questions between nodes */
    PEER_SQL = 7,      /* rows for SQL statements (answers: bulk lane) */
    PEER_CHANNELS = 8
};

enum peer_lane { PEER_LANE_MAIN = 0, PEER_LANE_BULK = 1, PEER_LANES = 2 };

struct peers;

/* Who we are; changes once, when the cluster is formed. */
struct peers_identity {
    struct uuid cluster; /* zero: not formed */
    int32_t node;
    struct uuid directory;
};

struct peers_options {
    struct chunk_pool *pool;
    const char *host;            /* listen here */
    unsigned port;               /* 0: chosen; peers_port() */
    uint64_t queue_bytes_max;    /* per peer and lane; 0: 64 MiB */
    uint32_t connect_timeout_ms; /* 0: 1000 */
};

/* Start listening. Errors: those of env_listen(). */
int peers_open(struct env *e, const struct peers_options *o,
               struct peers_identity self, struct peers **ret_p,
               struct err *err);
/* Close all connections; `cb` may be NULL. */
void peers_close(struct peers *p, void (*cb)(void *arg), void *arg);
unsigned peers_port(const struct peers *p);
/* After forming: connections are made anew with the new identity. */
void peers_identify(struct peers *p, struct peers_identity self);

/* Know a node: dial it and keep dialling (backoff 20..500 ms, jittered).
 * `directory` zero: any (before forming). Known already: address and uuid are
 * replaced; connections that do not fit them end. Copies `host`. Errors:
 * ERR_NOMEM, ERR_FULL (PEERS_MAX), ERR_INVALID (this node itself, or a host of
 * more than 255 bytes). */
int peers_add(struct peers *p, int32_t node, const char *host, unsigned port,
              struct uuid directory);
/* Forget a node: its connections end, nothing is heard from it any more. Not
 * known is fine. */
void peers_remove(struct peers *p, int32_t node);
/* Walk the known nodes by id: *node is where to look from, and the one found.
 * False: none at or above it. */
bool peers_next(const struct peers *p, int32_t *node);

/* A message arrived: `payload` is borrowed for the call; share it to keep it.
 * A message is never delivered for a node that is not known. */
typedef void (*peer_recv_cb)(void *arg, int32_t node, struct bytes message);
/* One receiver per channel. Messages on a channel without one are dropped and
 * counted. */
void peers_receive(struct peers *p, enum peer_channel channel, peer_recv_cb cb,
                   void *arg);

/* How a connection to a node stands. `refused`: a broken connection was
 * refused on redial, nobody listens there: the node is suspect at once (DESIGN
 * section 6). */
enum peer_state { PEER_DOWN, PEER_UP, PEER_REFUSED };
typedef void (*peer_state_cb)(void *arg, int32_t node, enum peer_state state);
/* Watchers, called (in a turn of its own, never inside another call) on every
 * change of our own dialled main connection: PEER_DOWN when it breaks, then
 * PEER_REFUSED if a redial is refused, each at most once per break. Not called
 * for a node that was removed. Up to 8. */
void peers_watch(struct peers *p, peer_state_cb cb, void *arg);
/* Watch no more; not from within a watcher. Not watching is fine. */
void peers_unwatch(struct peers *p, peer_state_cb cb, void *arg);
enum peer_state peers_state(const struct peers *p, int32_t node);
/* When something last arrived from the node (env_now_ms), 0: never. */
uint64_t peers_heard_ms(const struct peers *p, int32_t node);
/* Why the last connection attempt to the node failed, "" if it did not. Begins
 * with "refused by nX: " if that node said so. Borrowed until the next call. */
const char *peers_reason(const struct peers *p, int32_t node);

/* Send: `head` is copied, `payload` (n slices of counted bytes) is shared
 * until written. `order` groups messages whose order is kept (a group id).
 * Errors: ERR_NOTFOUND (unknown node), ERR_CLOSED (not connected: nothing is
 * queued for a dead node), ERR_FULL, ERR_TOOBIG, ERR_NOMEM. */
int peer_send(struct peers *p, int32_t node, enum peer_lane lane,
              enum peer_channel channel, uint64_t order, struct slice head,
              const struct bytes payload[], unsigned n);
/* Bytes queued for a node on a lane. */
uint64_t peer_queued(const struct peers *p, int32_t node, enum peer_lane lane);

/* Forming: a connection whose hello cannot match yet is allowed on PEER_FORM
 * only. The hello's verdict for a foreign cluster or an unexpected directory
 * is asked from here: return NULL to accept, or one line why not (copied).
 * Asked last: unknown nodes, other directories than peers_add() named, foreign
 * clusters and protocols are refused before. Calls nothing of peers. */
typedef const char *(*peer_judge_cb)(void *arg, int32_t node,
                                     struct uuid cluster,
                                     struct uuid directory);
void peers_judge(struct peers *p, peer_judge_cb cb, void *arg);

#endif
