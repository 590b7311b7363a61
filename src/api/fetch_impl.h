/* fetch_impl.h - one Fetch request under way: fetch_where.c says where it may
 * read, fetch.c reads and waits, fetch_reply.c makes the answer. */
#ifndef API_FETCH_IMPL_H
#define API_FETCH_IMPL_H

#include "api/fetch_session.h"
#include "api/request_impl.h"
#include "broker/partition.h"

struct fetch_state;

/* One partition of the plan. */
struct fetch_item {
    struct fetch_state *state;
    struct fetch_partition *fp;
    struct partition *partition; /* NULL: not here, or gone */
    const char *topic;           /* name, once resolved; may be NULL */
    uint64_t group;
    struct partition_watch watch;
    bool watched;
    struct replica_read read;
    bool reading;
    bool confirmed;       /* in this attempt: this replica leads */
    uint64_t reserved;    /* of the limit, for the read under way */
    bool skipped;         /* others had reserved what there was */
    struct bytes *pieces; /* PIECES_MAX of them, made when first needed */
    unsigned n_pieces;
    uint64_t bytes;
    int16_t error;
    int64_t high_watermark, log_start;
    bool diverging;
    int32_t diverging_epoch;
    int64_t diverging_end;
};

struct fetch_state {
    struct request *request;
    const struct fetch_request *in;
    struct fetch_plan plan;
    struct fetch_item *items;
    unsigned n_items;
    const struct fetch_item *first; /* that has data; NULL: none */
    unsigned reading;
    uint64_t bytes; /* read, or reserved */
    uint64_t reserved;
    uint64_t bytes_max;
    bool answer_now; /* an error or a divergence: do not wait */
    bool retry;      /* no memory for a read: try again soon */
    bool parked, ended;
    uint64_t deadline_ms;
    struct env_timer timer;
};

/* Release what an item has read. */
void fetch_drop(struct fetch_item *it);
/* ... and answer the request at once, with Kafka's error for this partition. */
void fetch_fail(struct fetch_item *it, int16_t code);

/* Who asks: -1 a client, -2 Kafka's debug consumer, or a broker. */
int32_t fetch_replica(const struct fetch_state *s);
/* A leader serves anybody, another replica only the debug consumer. */
bool fetch_serves(const struct fetch_state *s, const struct replica *r);

/* Find topic and partition; false: the item has failed. */
bool fetch_find(struct fetch_item *it);

enum fetch_where {
    FETCH_HERE,    /* there is something to read at the offset */
    FETCH_NOWHERE, /* not yet, or the item has failed, or the logs parted */
    FETCH_UNSURE   /* the client knows of more: is this still the leader? */
};
/* Judge leader, epochs and offset. FETCH_UNSURE does not come of a confirmed
 * item. */
enum fetch_where fetch_look(struct fetch_item *it, const struct replica *r);

/* Fill the response, remember in the session what was told, and move the bytes
 * to the request. False without memory. */
bool fetch_fill(struct fetch_state *s, struct fetch_response *out);

#endif
