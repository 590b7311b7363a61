/* fetch_impl.h - one Fetch request under way: fetch.c reads and waits,
 * fetch_reply.c makes the answer. */
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
    struct replica_barrier barrier;
    bool confirmed;       /* in this attempt: what is here is not out of date */
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

/* Fill the response, remember in the session what was told, and move the bytes
 * to the request. False without memory. */
bool fetch_fill(struct fetch_state *s, struct fetch_response *out);

#endif
