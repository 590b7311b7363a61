/* rdload.h - producing and consuming through librdkafka, as applications do:
 * `producers` instances with their own threads, linger and batches. */
#ifndef CLI_RDLOAD_H
#define CLI_RDLOAD_H

#include "cli/rawload.h"

struct rdload_options {
    const char *bootstrap;
    const char *topic;
    uint32_t value_bytes;
    unsigned producers; /* instances; 0: 1 */
    uint64_t rate;      /* records/s over all; 0: as fast as it takes */
    double warmup_s, seconds;
    double linger_ms;
    uint32_t batch_bytes; /* batch.size */
    struct watch
        *watch; /* sampled at both ends of the measured time; or NULL */
    const char *const *properties; /* "key=value"..., NULL-ended; may be NULL */
    int timeout_ms;                /* consume: without an answer, or a record */
};

/* Produce; the result's latency is from the due time (rate) or from produce()
 * to the report. The longest gap is that of any partition, over all producers
 * (of the first 10,000 partitions). Errors: ERR_INVALID (a property),
 * ERR_TIMEOUT. */
int rdload_produce(struct env *e, const struct rdload_options *o,
                   struct rawload_result *ret_r, struct err *err);
/* Read all partitions from the beginning until the ends known at the start
 * (or for `seconds`). records, bytes (of values) and seconds are filled.
 * Errors: ERR_NOTFOUND (topic), ERR_INVALID (a property), ERR_CLOSED (a
 * partition's leader does not answer, or nothing comes before the end). */
int rdload_consume(struct env *e, const struct rdload_options *o,
                   struct rawload_result *ret_r, struct err *err);

#endif
