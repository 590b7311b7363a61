/* load.h - the producers: what they are told to do and what they saw. */
#ifndef CHECKER_LOAD_H
#define CHECKER_LOAD_H

#include "books.h"

#define LOAD_PRODUCERS_MAX 64
#define LOAD_SETTINGS_MAX  32

struct load {
    const char *brokers;
    const char *topic;
    uint32_t producers;
    uint32_t partitions;
    uint32_t value_bytes;
    uint64_t records; /* 0: no end */
    uint64_t seconds; /* 0: no end */
    uint64_t rate;    /* records a second of all producers; 0: no limit */
    bool idempotent;
    const char *acks;
    unsigned drain_seconds;  /* wait for answers at the end */
    uint64_t at_ack;         /* 0: never */
    const char *at_ack_run;  /* command run inside that acknowledgement */
    const char *status_path; /* "ACKED SENT" every 100 ms; NULL: none */
    const char *settings[LOAD_SETTINGS_MAX]; /* librdkafka's, key=value */
    unsigned n_settings;
    /* What came of it. */
    uint64_t gap_ms;           /* longest time without any ack */
    uint64_t gap_partition_ms; /* the same for one partition */
    uint64_t p99_ms;           /* from producing a record to its ack */
    uint64_t took_ms;
    bool gave_up; /* librdkafka met an error that ends a producer */
};

/* Make the topic; waits until all its partitions have leaders. Ends the
 * program if it cannot. */
void load_topic_create(const struct load *l, int replication,
                       const char *const configs[], unsigned n_configs);
/* Produce until the limits are reached or `*stop` is set (by a signal), then
 * wait for the answers. */
void load_run(struct load *l, struct books *b, const volatile int *stop);

/* Milliseconds of a clock that only goes forward. */
uint64_t clock_ms(void);

#endif
