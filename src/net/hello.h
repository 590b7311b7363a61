/* hello.h - the first bytes on a connection between nodes, both ways
 * (doc/FORMATS.md, "Peer wire"). Pure: bytes in, struct out. */
#ifndef NET_HELLO_H
#define NET_HELLO_H

#include "base/err.h"
#include "base/slice.h"
#include "base/uuid.h"

/* Bytes of a hello without its text, and of the longest text. */
#define HELLO_BYTES    64u
#define HELLO_TEXT_MAX 255u
/* The protocol versions that this program speaks. */
#define HELLO_VERSION_MIN 1
#define HELLO_VERSION_MAX 1

struct hello {
    uint16_t version_min, version_max;
    uint8_t lane;
    bool refused;      /* an answer only */
    uint16_t text_len; /* of why it is refused; 0 in the first hello */
    uint32_t text_crc;
    int32_t node;
    struct uuid cluster; /* zero: none yet */
    struct uuid directory;
};

/* Write HELLO_BYTES. The text, if any, follows on the wire. */
void hello_encode(const struct hello *h, uint8_t out[HELLO_BYTES]);
/* Read HELLO_BYTES. Errors: ERR_PROTOCOL (not a hello, or damaged). */
int hello_decode(struct hello *ret_h, const uint8_t in[HELLO_BYTES]);

/* What one end knows of the node that says hello. */
struct hello_rules {
    int32_t self;
    struct uuid cluster;   /* ours; zero: none yet */
    bool known;            /* the node is one of ours */
    struct uuid directory; /* of that node; zero: any */
};
/* Judge a hello by the rules that need nobody's opinion: protocol range, known
 * node, its directory, the cluster. True: fine; false: `text` says why not. */
bool hello_judge(const struct hello *h, const struct hello_rules *rules,
                 char text[HELLO_TEXT_MAX + 1]);

/* The head of a frame, after the hellos. */
#define PEER_HEAD_BYTES 12u
struct peer_head {
    uint32_t len; /* of the message that follows */
    uint8_t channel;
};
void peer_head_encode(const struct peer_head *h, uint8_t out[PEER_HEAD_BYTES]);
/* Errors: ERR_PROTOCOL (damaged, too long, or with bits nobody knows). */
int peer_head_decode(struct peer_head *ret_h,
                     const uint8_t in[PEER_HEAD_BYTES]);

#endif
