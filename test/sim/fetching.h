/* fetching.h - one Fetch of one partition, as the debug consumer of any
 * replica (replica_id -2) or as a consumer of the leader. */
#ifndef SIM_FETCHING_H
#define SIM_FETCHING_H

#include "beginning.h"
#include "world.h"

struct fetching;
/* `error`: Kafka's code, or -2 when there was no answer. The records were read
 * into the reader already. Where retention was set, a node that says "out of
 * range" was asked for its `log_start`, too. */
typedef void (*fetching_cb)(struct fetching *f, int error,
                            int64_t high_watermark, int64_t log_start);

struct fetching {
    struct book_reader reader;
    struct client *client;
    struct beginning beginning;
    unsigned node, life;
    bool debug;
    bool under_way;
    char who[32];
    /* What lives of nodes called committed. */
    unsigned seen_life[SIM_NODES_MAX + 1];
    int64_t seen_end[SIM_NODES_MAX + 1];
    int64_t seen_start[SIM_NODES_MAX + 1];
    fetching_cb cb;
    void *data;
};

/* Prepare to read `b` from `pos` on. */
void fetching_init(struct fetching *f, struct book *b, int64_t pos,
                   fetching_cb cb, void *data);
/* Ask node `node`. One at a time. */
void fetching_start(struct fetching *f, struct client *c, unsigned node,
                    bool debug, unsigned wait_ms, unsigned bytes_max);

#endif
