/* rawload.h - a producer that costs little CPU: batches are encoded and
 * checksummed once, then sent again and again with fresh sequence numbers, so
 * that what is measured is the cluster.
 *
 * One connection per leading node, Produce version 7, acks=all, at most
 * `inflight` requests on each, each at most `request_bytes_max` over all
 * partitions of the node. Two shapes of load:
 *
 *   closed loop (rate 0)   a request leaves as soon as one was answered
 *   open loop              record k is due at start + k/rate, whatever the
 *                          cluster does; latency counts from when it was due
 *
 * Leaders are followed: on an error or a broken connection the metadata is
 * asked for anew and what was not acknowledged is sent again with its old
 * sequence numbers (idempotent). Works against any Kafka-compatible cluster.
 */
#ifndef CLI_RAWLOAD_H
#define CLI_RAWLOAD_H

#include "cli/watch.h"
#include "env/env.h"
#include "trace/metric.h"

struct rawload_options {
    const char *bootstrap;      /* "host:port,..." */
    const char *topic;          /* must exist */
    uint32_t value_bytes;       /* of each record */
    uint32_t request_bytes_max; /* 0: 1 MiB */
    unsigned inflight;          /* 0: 5 */
    uint64_t rate;              /* records/s over all partitions; 0: closed */
    double warmup_s;            /* not counted */
    double seconds;             /* measured */
    uint64_t bytes_max;         /* stop measuring at that many; 0: no limit */
    bool until_acked;           /* stop when every partition acknowledged */
    bool random_payload;        /* else half of it is zeros */
    void (*progress)(void *arg, double second, double mb_s);
    void *progress_arg;
    struct watch
        *watch; /* sampled at both ends of the measured time; or NULL */
};

struct rawload_result {
    uint64_t records, bytes; /* acknowledged in the measured time; values */
    double seconds;
    uint64_t requests, errors, reconnects;
    int error_last;       /* Kafka code of the newest error, 0: none */
    uint64_t records_all; /* acknowledged at all */
    uint64_t first_ack_ms, all_acked_ms; /* wall clock: of any, of the last
                                            partition; 0: not yet */
    double gap_max_s; /* longest time without acks of any partition */
    struct metric_histogram latency; /* us; open loop: of records from due
                                        time, closed: of requests */
};

/* Run; blocks, running the env's loop. Errors: ERR_NOTFOUND (topic), those of
 * client_open_any(), ERR_TIMEOUT (nothing was acknowledged); `err` says. */
int rawload_run(struct env *e, const struct rawload_options *o,
                struct rawload_result *ret_r, struct err *err);

#endif
