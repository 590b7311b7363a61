#include "selftest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge.h"
#include "memory.h"

#define PRODUCERS  2
#define PARTITIONS 3
#define RECORDS    120 /* per producer and partition */
#define REPLICAS   3
#define VALUE_LEN  100
#define BASE       40 /* the first offset of each log */
#define LOG_MAX    (PRODUCERS * RECORDS + 10)
#define RUN        77

/* A log in memory: what one node would serve of one partition. */
struct history_log {
    int64_t offsets[LOG_MAX];
    uint8_t values[LOG_MAX][VALUE_LEN];
    int16_t epochs[LOG_MAX]; /* of their producers */
    unsigned n;
    int64_t start;
};

struct history {
    struct books books;
    struct history_log logs[1 + REPLICAS][PARTITIONS]; /* 0: the leader */
};

static void log_push(struct history_log *log, const struct value *v)
{
    log->offsets[log->n] =
        log->n == 0 ? log->start : log->offsets[log->n - 1] + 1;
    value_encode(v, log->values[log->n], VALUE_LEN);
    log->n++;
}

/* Record `seq` of a stream: most acknowledged, some uncertain (written or
 * not), some failed. */
static void history_send(struct history *h, uint32_t producer, uint32_t p)
{
    struct history_log *log = &h->logs[0][p];
    uint64_t seq = books_send(&h->books, producer, p);
    struct value v = {
        .seq = seq, .producer = producer, .partition = p, .run = RUN};
    if (seq % 10 == 7) {
        books_set(&h->books, producer, p, seq, BOOKS_FAILED);
    } else if (seq % 10 != 3) {
        log_push(log, &v);
        if (seq % 10 != 5) {
            books_set(&h->books, producer, p, seq, log->offsets[log->n - 1]);
        }
    }
}

/* Nothing is wrong with it. */
static struct history *history_new(void)
{
    struct history *h = memory_zeroed(1, sizeof *h);
    books_init(&h->books, PRODUCERS, PARTITIONS);
    h->books.run = RUN;
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        h->logs[0][p].start = BASE;
        for (unsigned i = 0; i < PRODUCERS * RECORDS; i++) {
            history_send(h, i / 3 % PRODUCERS, p);
        }
        for (unsigned r = 1; r <= REPLICAS; r++) {
            h->logs[r][p] = h->logs[0][p];
        }
    }
    return h;
}

static void history_free(struct history *h)
{
    books_close(&h->books);
    free(h);
}

/* Do `what` to one log, or to it and all its replicas. */
typedef void (*plant_fn)(struct history_log *log);

static void everywhere(struct history *h, plant_fn what)
{
    for (unsigned r = 0; r <= REPLICAS; r++) {
        what(&h->logs[r][1]);
    }
}

static void log_remove(struct history_log *log, unsigned i)
{
    memmove(&log->offsets[i], &log->offsets[i + 1],
            (log->n - i - 1) * sizeof log->offsets[0]);
    memmove(log->values[i], log->values[i + 1],
            (log->n - i - 1) * sizeof log->values[0]);
    log->n--;
}

static unsigned log_index(const struct history_log *log, uint32_t producer,
                          uint64_t seq)
{
    for (unsigned i = 0; i < log->n; i++) {
        struct value v;
        if (value_decode(slice_of(log->values[i], VALUE_LEN), &v) &&
            v.producer == producer && v.seq == seq) {
            return i;
        }
    }
    die("the history has no record %" PRIu64, seq);
}

static void drop(struct history_log *log)
{
    log_remove(log, log_index(log, 0, 50));
}

static void drop_last(struct history_log *log)
{
    log->n = log_index(log, 1, RECORDS - 1);
}

/* The last record is gone and a later one has its offset. */
static void drop_reuse(struct history_log *log)
{
    drop_last(log);
    log_push(log, &(struct value){
                      .producer = 1, .partition = 1, .seq = 5, .run = RUN});
}

static void swap(struct history_log *log)
{
    unsigned a = log_index(log, 0, 60);
    unsigned b = log_index(log, 0, 61);
    uint8_t tmp[VALUE_LEN];
    memcpy(tmp, log->values[a], VALUE_LEN);
    memcpy(log->values[a], log->values[b], VALUE_LEN);
    memcpy(log->values[b], tmp, VALUE_LEN);
}

static void duplicate(struct history_log *log)
{
    log_push(log, &(struct value){
                      .producer = 0, .partition = 1, .seq = 90, .run = RUN});
}

static void resend(struct history_log *log)
{
    duplicate(log);
    log->epochs[log->n - 1] = 1;
}

static void change_byte(struct history_log *log)
{
    log->values[log_index(log, 1, 44)][VALUE_LEN - 1] ^= 4;
}

static void change_header(struct history_log *log)
{
    log->values[log_index(log, 1, 44)][20] ^= 1;
}

static void shift(struct history_log *log)
{
    for (unsigned i = log_index(log, 1, RECORDS - 1); i < log->n; i++) {
        log->offsets[i]++;
    }
}

static void phantom_number(struct history_log *log)
{
    log_push(log, &(struct value){.partition = 1, .seq = RECORDS, .run = RUN});
}

static void phantom_run(struct history_log *log)
{
    log_push(log, &(struct value){.partition = 1, .seq = 4, .run = RUN + 1});
}

static void phantom_partition(struct history_log *log)
{
    log_push(log, &(struct value){.partition = 2, .seq = 4, .run = RUN});
}

static void phantom_failed(struct history_log *log)
{
    log_push(log,
             &(struct value){.partition = 1, .seq = RECORDS - 3, .run = RUN});
}

static void truncate(struct history_log *log)
{
    log->n -= 17;
}

static void behind_start(struct history_log *log)
{
    log->n -= 9;
    memmove(&log->offsets[0], &log->offsets[9],
            log->n * sizeof log->offsets[0]);
    memmove(log->values[0], log->values[9], log->n * sizeof log->values[0]);
    log->start += 9;
}

/* ---- the plants -----------------------------------------------------------*/

#define AT(field) offsetof(struct judge_counts, field)

struct plant {
    const char *name;
    plant_fn what;
    int where; /* -1: everywhere, else one node */
    size_t kind;
    uint64_t count;
};

#define NO_KIND SIZE_MAX

static const struct plant plants[] = {
    {"nothing", NULL, -1, NO_KIND, 0},
    {"drop an acknowledged record", drop, -1, AT(lost), 1},
    {"drop the last record", drop_last, -1, AT(lost), 1},
    {"swap two records", swap, -1, AT(reordered), 1},
    {"append a copy", duplicate, -1, AT(duplicated), 1},
    {"send again in a new epoch", resend, -1, AT(resent), 1},
    {"change a byte of the padding", change_byte, -1, AT(changed), 1},
    {"change a byte of the header", change_header, -1, AT(changed), 1},
    {"move the last record", shift, -1, AT(changed), 1},
    {"a number never sent", phantom_number, -1, AT(phantom), 1},
    {"a value of another run", phantom_run, -1, AT(phantom), 1},
    {"a value of another partition", phantom_partition, -1, AT(phantom), 1},
    {"a record that failed", phantom_failed, -1, AT(phantom), 1},
    {"cut one replica's end", truncate, 2, AT(missing), 17},
    {"cut one replica's beginning", behind_start, 3, AT(missing), 9},
    {"a hole in one replica", drop, 1, AT(missing), 1},
    {"change a byte on one replica", change_byte, 3, AT(diverged), 1},
    {"swap two on one replica", swap, 2, AT(diverged), 2},
    {"more on one replica", phantom_run, 1, AT(diverged), 1},
    {"cut all beginnings", behind_start, -1, AT(trimmed), 8},
};

static void judge_history(struct judge *j, struct history *h)
{
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        const struct history_log *log = &h->logs[0][p];
        judge_partition(j, p, log->start);
        for (unsigned i = 0; i < log->n; i++) {
            judge_record(j, p, log->offsets[i],
                         slice_of(log->values[i], VALUE_LEN));
        }
    }
    judge_leader(j);
    for (unsigned r = 1; r <= REPLICAS; r++) {
        for (uint32_t p = 0; p < PARTITIONS; p++) {
            const struct history_log *log = &h->logs[r][p];
            judge_replica_begin(j, (int)r, p, log->start);
            for (unsigned i = 0; i < log->n; i++) {
                judge_replica_record(j, (int)r, p, log->offsets[i],
                                     log->epochs[i],
                                     slice_of(log->values[i], VALUE_LEN));
            }
            judge_replica_end(j, (int)r, p);
        }
    }
}

/* Of all counts that can be violations, exactly the plant's is not 0. */
static bool exactly(const struct judge_counts *c, const struct plant *plant)
{
    static const size_t kinds[] = {AT(lost),     AT(duplicated), AT(reordered),
                                   AT(changed),  AT(phantom),    AT(missing),
                                   AT(diverged), AT(trimmed),    AT(resent)};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        uint64_t n;
        memcpy(&n, (const char *)c + kinds[i], sizeof n);
        if (n != (kinds[i] == plant->kind ? plant->count : 0)) {
            return false;
        }
    }
    return true;
}

static bool plant_try(const struct plant *plant)
{
    struct history *h = history_new();
    if (plant->what != NULL && plant->where < 0) {
        everywhere(h, plant->what);
    } else if (plant->what != NULL) {
        plant->what(&h->logs[plant->where][1]);
    }
    struct judge j;
    judge_init(&j, &h->books, NULL);
    judge_history(&j, h);
    const struct judge_counts *c = &j.found;
    bool damaged = plant->what != NULL;
    bool good = exactly(c, plant) && judge_violated(&j) == damaged;
    j.may_resend = true;
    good = good && judge_violated(&j) == (damaged && plant->kind != AT(resent));
    printf("%-30s %s (lost %" PRIu64 ", duplicated %" PRIu64
           ", reordered %" PRIu64 ", changed %" PRIu64 ", phantom %" PRIu64
           ", missing %" PRIu64 ", diverged %" PRIu64 ", trimmed %" PRIu64
           ")\n",
           plant->name, good ? "ok" : "WRONG", c->lost, c->duplicated,
           c->reordered, c->changed, c->phantom, c->missing, c->diverged,
           c->trimmed);
    judge_close(&j);
    history_free(h);
    return good;
}

/* An offset that was given to one record and then to another: both kinds. */
static bool reuse_try(void)
{
    struct history *h = history_new();
    everywhere(h, drop_reuse);
    struct judge j;
    judge_init(&j, &h->books, NULL);
    judge_history(&j, h);
    bool good = j.found.lost == 1 && judge_violated(&j);
    printf("%-30s %s\n", "give an offset away", good ? "ok" : "WRONG");
    judge_close(&j);
    history_free(h);
    return good;
}

int selftest_run(void)
{
    bool good = reuse_try();
    for (size_t i = 0; i < sizeof plants / sizeof plants[0]; i++) {
        good = plant_try(&plants[i]) && good;
    }
    return good ? 0 : 1;
}
