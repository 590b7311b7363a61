/* assignment.h - what a member of a consumer group reads, as the group's
 * leader wrote it: Kafka's ConsumerProtocolAssignment,
 *
 *     version i16, n i32, n * {length i16, topic, m i32, m * i32}, more
 *
 * It is bytes from a stranger: the cluster keeps it without looking.
 */
#ifndef CLI_ASSIGNMENT_H
#define CLI_ASSIGNMENT_H

#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

struct assignment_part {
    struct slice topic; /* borrowed from the bytes */
    int32_t partition;
};

/* Take it apart into the arena; no bytes are no partitions. Errors:
 * ERR_PROTOCOL (it is no such thing), ERR_NOMEM. */
int assignment_decode(struct slice bytes, struct arena *a,
                      struct assignment_part **ret_p, unsigned *ret_n);
/* Write "orders/0-3 orders/7 payments/0" into `out`; what does not fit into
 * `size` (at least ASSIGNMENT_TEXT_MIN) becomes " ...". Of a topic's name the
 * bytes that Kafka allows are shown. */
#define ASSIGNMENT_TEXT_MIN 8
void assignment_text(const struct assignment_part parts[], unsigned n,
                     char *out, size_t size);

#endif
