/* refused.h - batches refused a moment ago, of producers that a partition's log
 * does not know.
 *
 * Where nothing is known of a producer its first batch may have any sequence
 * (decisions/0005). If its first batches were refused only because this node
 * did not lead yet, the next ones may be on their way already; taken, they
 * would come before those, which are sent again. So, for as long as requests
 * may be on their way, a batch behind a refused one is refused too, as it is
 * where the producer is known.
 *
 * Bounded: the last REFUSED_MAX producers of a partition. Thread: the loop's.
 */
#ifndef BROKER_REFUSED_H
#define BROKER_REFUSED_H

#include "base/mem.h"
#include "record/batch.h"

#define REFUSED_MAX 64
/* Kafka clients give a request up after 30 s. */
#define REFUSED_MS 30000

/* Whose batch it is. */
struct refused_batch {
    int64_t producer_id; /* BATCH_NO_PRODUCER: nobody's */
    int32_t sequence;
    int16_t epoch;
};

struct refused {
    struct mem *mem;
    struct refused_item *items; /* made with the first */
    unsigned next;              /* to be overwritten when none is free */
};

/* Nothing was refused yet; `mem` is borrowed. Free what it holds. */
void refused_init(struct refused *r, struct mem *mem);
void refused_close(struct refused *r);
/* Whose a batch is; nobody's without a producer id, and for control batches. */
struct refused_batch refused_batch_of(const struct batch *b);
/* A batch was refused and may come again. Without memory, or of nobody:
 * nothing. */
void refused_note(struct refused *r, const struct refused_batch *b,
                  uint64_t now_ms);
/* Was one in front of it refused, of the same producer and epoch? */
bool refused_bars(const struct refused *r, const struct refused_batch *b,
                  uint64_t now_ms);
/* The log knows the producer now. */
void refused_forget(struct refused *r, int64_t producer_id);

#endif
