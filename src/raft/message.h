/* message.h - consensus messages between nodes, in memory and on the wire.
 *
 * A frame is one peer message on PEER_RAFT, little-endian:
 *
 *    0  u8  version (1)
 *    1  u32 head length, this prefix not counted
 *    5  u32 CRC-32C of the head
 *    9  head: records, one after the other
 *       payloads of the entries of the last record, back to back
 *
 * A record, all numbers LEB128 (z: zig-zag):
 *
 *   u8 kind | flags << 3, z group - group of the record before (first: 0),
 *   incarnation of the sender, of the receiver, term, then by kind
 *     APPEND       prev index, [term - prev term], [z commit - last index],
 *                  [n, n entry headers of 64 bytes]
 *     RESULT       last index, [z term - echo], [rejected]
 *     VOTE         last index, last term
 *     VOTE_RESULT  -
 *     INSTALL      index, term - index term, config index, manifest length,
 *                  manifest
 *     TIMEOUT_NOW  last index, term - last term
 *     QUIET        last index, all of it committed: clocks may stop (quiet.c)
 *
 * What stands in brackets is left out when its flag says that it is the usual:
 * prev term equal to term, commit equal to the last index, no entries, echo
 * equal to term, not rejected. The heartbeats and results of all groups of a
 * turn go into one frame per peer. Such a record is at most 16 bytes while
 * incarnations are below 128, terms below 2^14, indexes below 2^42 and the
 * groups of neighbouring records closer than 2^20 (a test holds it to that).
 *
 * The membership ids of a message are (node, incarnation): the nodes are those
 * of the connection, so that a member cannot speak for another.
 */
#ifndef RAFT_MESSAGE_H
#define RAFT_MESSAGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/cursor.h"
#include "raft/group.h"

/* Numbers are on the wire. */
enum message_kind {
    MESSAGE_APPEND = 1,
    MESSAGE_RESULT = 2, /* of an append or an install */
    MESSAGE_VOTE = 3,
    MESSAGE_VOTE_RESULT = 4,
    MESSAGE_INSTALL = 5,
    MESSAGE_TIMEOUT_NOW = 6,
    MESSAGE_QUIET = 7
};

/* Most entries of one message. */
#define MESSAGE_ENTRIES_MAX 4096
/* Longest manifest that an install carries. */
#define MESSAGE_MANIFEST_MAX (16u << 20)
/* Longest record without entries and manifest. */
#define MESSAGE_RECORD_MAX 96

struct message {
    enum message_kind kind;
    uint64_t group;
    uint64_t from, to;     /* membership ids */
    uint64_t term;         /* of the sender */
    uint64_t index;        /* APPEND: prev; INSTALL: base; else: last of log */
    uint64_t index_term;   /* term at `index`; RESULT, VOTE_RESULT: 0 */
    uint64_t commit;       /* APPEND */
    uint64_t echo;         /* RESULT: term of the request answered (N6) */
    uint64_t rejected;     /* RESULT: prev index refused, 0: accepted */
    uint64_t config_index; /* INSTALL */
    bool pre_vote;         /* VOTE, VOTE_RESULT */
    bool disrupt;          /* VOTE: leadership is being transferred */
    bool granted;          /* VOTE_RESULT */
    bool repair; /* RESULT: the sender's log was damaged, it has no vote */
    bool fresh;  /* APPEND: the leader counts a member in repair from zero */
    unsigned n_entries;
    /* Decoded: the entries, borrowed from the frame and the arena. To send:
     * NULL; entries [index + 1, index + n_entries] of the group's tail. */
    struct entry *entries;
    struct slice manifest; /* INSTALL, borrowed */
};

/* ---- encoding ---------------------------------------------------------- */

/* Begin a frame in an empty buffer. */
void message_frame_begin(struct buf *b);
/* Append a record; *group is the group of the record before, 0 at first, and
 * is moved on. `entries` are the n_entries of an APPEND. A record with entries
 * must be the frame's last. Errors are sticky in `b`. */
void message_encode(const struct message *m, struct entry *const entries[],
                    uint64_t *group, struct buf *b);
/* Fill in the prefix. A frame without records says that its node lives. */
void message_frame_end(struct buf *b);

/* ---- decoding ---------------------------------------------------------- */

struct message_reader {
    struct cursor cursor;  /* of the head */
    struct bytes payloads; /* not yet taken; borrowed */
    struct arena *arena;
    int32_t from, to; /* nodes */
    uint64_t group;
};

/* Start reading a frame from node `from` to node `to`. Borrows the frame and
 * the arena until the last message was handled. Errors: ERR_PROTOCOL. */
int message_reader_init(struct message_reader *r, struct bytes frame,
                        struct arena *arena, int32_t from, int32_t to);
/* The next message, checked as raft.md 4.3 demands: whatever would trip the
 * library is refused here, entries are dense, their terms and offsets in
 * order, their payloads whole. Returns 1, 0 at the end, ERR_PROTOCOL or
 * ERR_NOMEM. */
int message_next(struct message_reader *r, struct message *ret_m);

#endif
