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
 *   log-start    a log's beginning moved back, or on without being asked
 *   by-time      ListOffsets by time passed over a record of that time
 *   refused      an answer that the producer's past does not allow
 *   revived      a deleted topic's id is answered for
 *   unknown      a node that was started since does not know what was created
 *   stuck        after healing something does not happen in bounded time
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "base/uuid.h"
#include "client.h"
#include "cluster.h"

#define WORLD_CLIENT_NODE    100
#define WORLD_TOPICS_MAX     16
#define WORLD_PARTITIONS_MAX 8
#define WORLD_PRODUCERS_MAX  12
#define WORLD_ACTORS_MAX     8

struct groups;
struct world;
struct producer;
struct consumer;

/* What one offset was seen to hold. */
struct book_cell {
    uint64_t batch; /* hash of the batch that begins here, 0: not known */
    int64_t time;   /* of the record as read, 0: not known */
    uint32_t seq;
    uint8_t producer; /* 1 + its number, 0: nothing known */
};

/* Records that may yet be appended: nobody answered, or was to. */
struct book_loose {
    unsigned producer;
    uint32_t seq, n;
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
    int64_t low;       /* the log was said to begin here */
    bool retained;     /* ... and may begin later: retention was set */
    struct book_loose *loose;
    size_t n_loose;
    int32_t leader, epoch;
    unsigned replicas; /* bit per node, as told */
};

enum world_topic_state {
    TOPIC_FREE,
    TOPIC_ASKED,
    TOPIC_IS,
    TOPIC_DELETING,
    TOPIC_DELETED
};

struct world_topic {
    enum world_topic_state state;
    char name[32];
    struct uuid id; /* zero: not known */
    int before;     /* the topic that had this name before, or -1 */
    bool followed;  /* another has its name since */
    unsigned n_partitions, n_created, n_replicas;
    uint64_t known_us; /* since when all of them are there */
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
        topics_deleted, topics_again, metadata, latest, earliest, by_time,
        sessions, configs, unanswered, strays, sql_asked, sql_same;
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
    unsigned metadata_at, metadata_life; /* who was asked */
    uint64_t metadata_ms;
    bool idempotent[WORLD_PRODUCERS_MAX];
    bool once[WORLD_PRODUCERS_MAX]; /* sends each record once */
    unsigned n_producers;
    struct producer *producers[WORLD_PRODUCERS_MAX];
    unsigned n_admins; /* operations that are not over */
    unsigned n_consumers;
    struct consumer *consumers[WORLD_ACTORS_MAX];
    struct groups *groups; /* NULL: none */
    unsigned down;         /* bit per node that stays down, or is damaged */
    bool loading;          /* producers have more to say */
    bool astray;           /* consumers ask nodes that lead no more, too */
    /* A batch is on its way to a node twice; may be NULL. */
    void (*copied_cb)(void *arg, unsigned node);
    void *copied_arg;
    bool trace; /* say on stderr what was refused */
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
/* These records may yet be appended, here or to the next of this name. */
void book_loosen(struct book *b, unsigned producer, uint32_t seq, unsigned n);
/* Is anything of it? Is that record? */
bool book_loose_any(const struct book *b, unsigned producer);
bool book_loose_has(const struct book *b, unsigned producer, uint32_t seq);
/* A node said where the log begins. */
void book_start_told(struct book *b, int64_t start, const char *who);
void book_reader_init(struct book_reader *r, struct book *b, int64_t pos);

/* ---- producer.c
 * --------------------------------------------------------------- */

struct producer_options {
    bool idempotent;
    bool acks_one;        /* acks=1, not all */
    bool acks_none;       /* acks=0: each record is sent once */
    unsigned interval_ms; /* between batches of one partition */
    unsigned records_max; /* in a batch */
    unsigned in_flight;   /* batches per partition, at most 5 */
    bool twice;           /* idempotent: some batches are sent twice at once */
    bool once;            /* one batch to each partition, whatever `loading` */
};
void producer_start(struct world *w, const struct producer_options *o);
/* True if nothing waits for an answer. */
bool producer_idle(const struct producer *p);
/* True if both records were sent on one connection, so in order. */
bool producer_same_run(const struct producer *p, unsigned topic,
                       unsigned partition, uint32_t a, uint32_t b);
/* True if an answer for this topic is awaited. */
bool producer_flying(const struct producer *p, unsigned topic);
/* True if this partition has not answered it yet. */
bool producer_waits(const struct producer *p, unsigned topic,
                    unsigned partition);

/* ---- consumer.c
 * --------------------------------------------------------------- */

/* Reads all partitions as they grow, from leaders and sometimes from any
 * replica, and asks for latest offsets. */
void consumer_start(struct world *w);

/* ---- session.c
 * ---------------------------------------------------------------- */

/* Follows the leaders of all partitions by incremental fetch sessions. */
void session_start(struct world *w);

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
/* A new topic of the name of one that was deleted. */
unsigned admin_create_again(struct world *w, unsigned topic);
/* Room for one more topic? */
bool admin_room(const struct world *w);
void admin_delete(struct world *w, unsigned topic);
void admin_grow(struct world *w, unsigned topic, unsigned n_partitions);
/* Set one of a topic's settings. */
void admin_configure(struct world *w, unsigned topic, const char *name,
                     const char *value);
/* Wait until all operations are over: a violation if that takes longer. True
 * if nothing is wrong. */
bool admin_wait(struct world *w, uint64_t limit_us);
/* Ask every node for what was deleted, by id: a violation if it answers. To be
 * called at the end; takes virtual time, at most `limit_us`. */
void admin_judge_deleted(struct world *w, uint64_t limit_us);
/* Delete records before `offset`. */
void admin_delete_records(struct book *b, int64_t offset);

#endif
