/* fake_records.h - record batches for the tests of Produce and Fetch: a log
 * of real batches for each partition that is here, and appends that end as the
 * test says.
 *
 * Nothing happens by itself: when the handler has returned, fake_run() carries
 * out what it asked for, one thing at a time; then it calls `parked`, once; and
 * then the time of the next timer comes.
 */
#ifndef TEST_API_FAKE_RECORDS_H
#define TEST_API_FAKE_RECORDS_H

#include "fake.h"

#include "base/arena.h"
#include "base/queue.h"
#include "record/build.h"
#include "replica/replica.h"

#define FAKE_LOG_BYTES (1u << 16)

struct fake_batch {
    int64_t base, next;
    size_t at, len;
};

struct fake_log {
    uint8_t bytes[FAKE_LOG_BYTES];
    struct chunk chunk; /* of these bytes; counted, so that a leak is seen */
    size_t len;
    struct fake_batch batches[FAKE_MAX];
    unsigned n;
    unsigned n_old; /* so many of them are in segments */
    struct queue watches;
    struct topic_config config;
};

/* One call of partition_produce(). */
struct fake_produced {
    struct partition *partition;
    struct partition_produce *pp; /* NULL: ended, or forgotten */
    struct batch batch;           /* the header only */
    struct bytes held;
};

struct fake_records {
    struct fake_log logs[FAKE_MAX]; /* as fake.partitions */
    struct arena arena;             /* batches of fake_batch() */
    struct chunk_pool *pool;
    int64_t wall_ms;
    /* Appends so far, and what each is answered: at once, or later. */
    struct fake_produced produced[FAKE_MAX];
    unsigned n_produced, n_forgotten;
    int produce_rv[FAKE_MAX], produce_status[FAKE_MAX];
    bool hold[FAKE_MAX]; /* never answered */
    bool late[FAKE_MAX]; /* waits to be appended until it is answered */
    /* Reads of segments so far, and what the next are answered. */
    unsigned n_reads;
    int read_rv, read_status;
    void (*reading)(void); /* before a read ends, once */
    void (*parked)(void);
    unsigned n_timers;
    struct {
        struct env_timer *timer;
        uint64_t at_ms;
    } timers[FAKE_MAX];
};
extern struct fake_records fake_records;

/* cmocka's: as fake_open(), fake_close(). */
int fake_records_open(void **state);
int fake_records_close(void **state);

/* A topic with partition 0 here, leading in epoch 5, its log empty from offset
 * 0 on. */
struct partition *fake_log(const char *topic);
/* A setting of the partition's topic. */
void fake_log_set(struct partition *p, const char *name, const char *value);
/* Append a batch of `n` records of so many bytes, uncommitted. */
void fake_log_append(struct partition *p, unsigned codec, int n, size_t len);
/* All that is there is committed; who waits is told. */
void fake_log_commit(struct partition *p);
/* All that is there moves to segments. */
void fake_log_flush(struct partition *p);
/* The partition was deleted; who waits is told. */
void fake_log_delete(struct partition *p);

/* A batch of `n` records of `len` bytes and the broker's time; in the arena. */
struct slice fake_batch(const struct build_options *o, int n, size_t len);
/* The same, `after_ms` later than the broker's time. */
struct slice fake_batch_at(const struct build_options *o, int n, size_t len,
                           int64_t after_ms);

#endif
