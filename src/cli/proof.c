#include "cli/proof.h"

#include <stdio.h>
#include <string.h>

unsigned proof_value(unsigned i, char value[32])
{
    return (unsigned)snprintf(value, 32, "record %u", i);
}

void proof_ack(struct proof_book *b, unsigned i, uint64_t now_us)
{
    if (i >= b->n || b->acked[i]) {
        return;
    }
    b->acked[i] = 1;
    b->n_acked++;
    if (b->ack_us != 0 && now_us - b->ack_us > b->gap_us) {
        b->gap_us = now_us - b->ack_us;
    }
    b->ack_us = now_us;
}

void proof_read(struct proof_book *b, const char *value, uint64_t len)
{
    char text[32], expected[32];
    unsigned i;
    b->n_read++;
    if (len >= sizeof text) {
        b->n_changed++;
        return;
    }
    memcpy(text, value, len);
    text[len] = '\0';
    if (sscanf(text, "record %u", &i) != 1 || i >= b->n ||
        proof_value(i, expected) != len || strcmp(text, expected) != 0) {
        b->n_changed++;
        return;
    }
    if (b->seen[i] < UINT8_MAX) {
        b->seen[i]++;
    }
    if (b->seen[i] == 1 && (int64_t)i < b->last) {
        b->n_reordered++;
    }
    b->last = (int64_t)i > b->last ? (int64_t)i : b->last;
}

void proof_count(const struct proof_book *b, unsigned *ret_lost,
                 unsigned *ret_duplicated)
{
    *ret_lost = *ret_duplicated = 0;
    for (unsigned i = 0; i < b->n; i++) {
        *ret_lost += b->acked[i] && b->seen[i] == 0;
        *ret_duplicated += b->seen[i] > 1;
    }
}
