/* world.h - clients of a simulated cluster, and what they wrote down.
 *
 * All clients live on one more node of the world, which is never harmed. They
 * share the book of each partition: which record of which producer was
 * acknowledged, or read, at which offset. A record's value follows from who
 * sent it as which, so the book knows every byte. Whoever sees something that
 * contradicts the book says so by world_violation(); the first one stays.
 *
 * What is judged (reliability.md 5.4):
 *   changed      an offset holds another record, or other bytes, than it did
 *   duplicated   an idempotent producer's record stands at two offsets
 *   reordered    an idempotent producer's records are not in its order
 *   gap          offsets are missing, or a producer's record is
 *   acked-lost   a log ends before a record that was acknowledged or read
 *   watermark    a life of a node lowered what it called committed
 *   latest       ListOffsets answered less than was acknowledged before
 *   refused      an answer that the producer's past does not allow
 *   stuck        after healing something does not happen in bounded time
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "client.h"
#include "cluster.h"

#define WORLD_CLIENT_NODE    100
#define WORLD_TOPICS_MAX     16
#define WORLD_PARTITIONS_MAX 8
#define WORLD_PRODUCERS_MAX  12
#define WORLD_ACTORS_MAX     8

struct world;
struct producer;
struct consumer;

/* What one offset was seen to hold. */
struct book_cell {
    uint64_t batch; /* hash of the batch that begins here, 0: not known */
    uint32_t seq;
    uint8_t producer; /* 1 + its number, 0: nothing known */
};

/* One partition. */
struct book {
    struct world *world;
    unsigned topic, partition;
    struct book_cell *cells;
    size_t n_cells;
    int64_t *at[WORLD_PRODUCERS_MAX]; /* offset + 1 by seq */
    size_t n_at[WORLD_PRODUCERS_MAX];
    int64_t acked_end; /* behind the last acknowledged offset */
    int64_t known_end; /* ... acknowledged or read */
    int64_t cut;       /* records before it were asked to be deleted */
    int32_t leader, epoch;
    unsigned replicas; /* bit per node, as told */
};

enum world_topic_state { TOPIC_FREE, TOPIC_ASKED, TOPIC_IS, TOPIC_DELETING };

struct world_topic {
    enum world_topic_state state;
    char name[32];
    unsigned n_partitions;
    struct book books[WORLD_PARTITIONS_MAX];
};

/* A place from which a partition is read. */
struct book_reader {
    struct book *book;
    int64_t pos;
    int64_t last[WORLD_PRODUCERS_MAX]; /* its seq + 1 */
};

struct world_counts {
    uint64_t acked, retried, read, elections, deleted_records, topics_created,
        topics_deleted, metadata, latest;
};

struct world {
    struct sim *sim;
    struct sim_cluster *cluster;
    struct env *env;
    struct mem *mem;
    struct rand rand;
    struct world_topic topics[WORLD_TOPICS_MAX];
    struct client *metadata[SIM_NODES_MAX + 1];
    bool metadata_under_way;
    uint64_t metadata_ms;
    bool idempotent[WORLD_PRODUCERS_MAX];
    unsigned n_producers;
    struct producer *producers[WORLD_PRODUCERS_MAX];
    unsigned n_consumers;
    struct consumer *consumers[WORLD_ACTORS_MAX];
    bool loading; /* producers have more to say */
    bool trace;   /* say on stderr what was refused */
    struct world_counts counts;
    char invariant[32]; /* "": none broken */
    char violation[600];
    uint64_t violation_us;
};

/* Clients without work, on a node of their own. Borrows sim and cluster. */
void world_init(struct world *w, struct sim *sim, struct sim_cluster *cluster,
                uint64_t seed);
/* After sim_free(). */
void world_close(struct world *w);
void world_violation(struct world *w, const char *invariant, const char *fmt,
                     ...) __attribute__((format(printf, 3, 4)));
static inline bool world_broken(const struct world *w)
{
    return w->invariant[0] != '\0';
}
uint64_t world_below(struct world *w, uint64_t n);
/* A client of node `id` in `clients`, made when first asked for. */
struct client *world_client(struct world *w, struct client *clients[],
                            unsigned id);
/* Ask some node who leads what, soon, if nobody asks already. */
void world_refresh(struct world *w);

/* ---- books.c ----------------------------------------------------------------
 */

void book_init(struct book *b, struct world *w, unsigned topic,
               unsigned partition);
/* The value of a record; at most BOOK_VALUE_MAX bytes. */
#define BOOK_VALUE_MAX 1000
size_t book_value(const struct book *b, unsigned producer, uint32_t seq,
                  uint8_t *out);
/* `n` records from `seq` on were acknowledged from `offset` on. */
void book_ack(struct book *b, int64_t offset, unsigned producer, uint32_t seq,
              unsigned n);
/* Batches that were read at the reader's place; moves it. `who` for people. */
void book_read(struct book_reader *r, struct slice batches, const char *who);
void book_reader_init(struct book_reader *r, struct book *b, int64_t pos);

/* ---- producer.c
 * --------------------------------------------------------------- */

struct producer_options {
    bool idempotent;
    unsigned interval_ms; /* between batches of one partition */
    unsigned records_max; /* in a batch */
    unsigned in_flight;   /* batches per partition, at most 5 */
    bool once;            /* one batch to each partition, whatever `loading` */
};
void producer_start(struct world *w, const struct producer_options *o);
/* True if nothing waits for an answer. */
bool producer_idle(const struct producer *p);
/* True if this partition has not answered it yet. */
bool producer_waits(const struct producer *p, unsigned topic,
                    unsigned partition);

/* ---- consumer.c
 * --------------------------------------------------------------- */

/* Reads all partitions as they grow, from leaders and sometimes from any
 * replica, and asks for latest offsets. */
void consumer_start(struct world *w);

/* ---- reader.c
 * ----------------------------------------------------------------- */

/* Read a partition of one node's replica from its book's cut up to `end`. */
struct reader;
struct reader *reader_start(struct world *w, struct book *b, unsigned node,
                            int64_t end);
bool reader_done(const struct reader *r);
/* Where it stands and what the node said last, for people. */
const char *reader_state(struct reader *r);

/* ---- admin.c
 * ------------------------------------------------------------------ */

/* Ask for a topic until it is there. Returns its number. */
unsigned admin_create(struct world *w, const char *name, unsigned n_partitions,
                      unsigned n_replicas);
void admin_delete(struct world *w, unsigned topic);
void admin_grow(struct world *w, unsigned topic, unsigned n_partitions);
/* Delete records before `offset`. */
void admin_delete_records(struct book *b, int64_t offset);

#endif
