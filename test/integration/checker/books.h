/* books.h - the checker's own books: what was sent, and what became of it.
 *
 * A stream is what one producer sent to one partition, numbered 0, 1, 2, ...
 * For each number the books hold one 64-bit word: the offset at which it was
 * acknowledged, or one of the states below. Only an acknowledgement is a
 * promise, and only BOOKS_FAILED is one that it is not there.
 */
#ifndef CHECKER_BOOKS_H
#define CHECKER_BOOKS_H

#include <stdbool.h>
#include <stdint.h>

#define BOOKS_UNKNOWN     (-1) /* sent, no answer or an uncertain one */
#define BOOKS_FAILED      (-2) /* certainly not written */
#define BOOKS_OK_NOWHERE  (-3) /* acknowledged without an offset */
#define BOOKS_TOPIC_LEN   250
#define BOOKS_STREAMS_MAX 1000000u

struct books_stream {
    int64_t *at;
    uint64_t n;
    uint64_t cap;
};

struct books {
    char topic[BOOKS_TOPIC_LEN];
    uint32_t run;
    uint32_t producers;
    uint32_t partitions;
    bool idempotent;
    struct books_stream *streams; /* [producer * partitions + partition] */
};

/* Empty books. */
void books_init(struct books *b, uint32_t producers, uint32_t partitions);
/* Free what they hold. */
void books_close(struct books *b);
/* The stream of a producer and a partition, NULL if there is none such. */
struct books_stream *books_find(const struct books *b, uint32_t producer,
                                uint32_t partition);
/* Note one more record, BOOKS_UNKNOWN yet; returns its number. */
uint64_t books_send(struct books *b, uint32_t producer, uint32_t partition);
/* Note what became of it: an offset or one of the states. */
void books_set(struct books *b, uint32_t producer, uint32_t partition,
               uint64_t seq, int64_t at);

struct books_totals {
    uint64_t sent;
    uint64_t acked;
    uint64_t failed;
    uint64_t unknown;
};
/* Count all streams. */
struct books_totals books_count(const struct books *b);

/* Write to, and read from, a file of this machine. These end the program when
 * that cannot be done. */
void books_store(const struct books *b, const char *path);
void books_load(struct books *b, const char *path);

#endif
