/* proof.h - ostraka dev proof: records produced through a leader that is
 * killed, and what came of each.
 *
 * Whole numbers are the records: value "record N". What is acknowledged is
 * noted per record, with the time; everything is read back afterwards and
 * judged by the notes alone. */
#ifndef CLI_PROOF_H
#define CLI_PROOF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* What became of the records. */
struct proof_book {
    unsigned n;     /* records to send */
    uint8_t *acked; /* per record: 1 if it was acknowledged */
    uint8_t *seen;  /* per record: how often it was read back, at most 255 */
    unsigned n_acked, n_refused;
    unsigned n_read, n_changed, n_reordered;
    int64_t last;    /* the last record read back, -1 */
    uint64_t ack_us; /* time of the last ack, 0: none yet */
    uint64_t gap_us; /* the longest time between two acks */
};

/* An ack of record `i` came at `now_us`. */
void proof_ack(struct proof_book *b, unsigned i, uint64_t now_us);
/* A record was read back, in the order of the log. */
void proof_read(struct proof_book *b, const char *value, uint64_t len);
/* Acknowledged, and not read back; read back more than once. */
void proof_count(const struct proof_book *b, unsigned *ret_lost,
                 unsigned *ret_duplicated);
/* Write record `i` into `value`. Returns its length. */
unsigned proof_value(unsigned i, char value[32]);

#endif
