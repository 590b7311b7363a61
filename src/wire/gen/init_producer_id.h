/* init_producer_id.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_INIT_PRODUCER_ID_H
#define WIRE_GEN_INIT_PRODUCER_ID_H

#include "wire/message.h"

struct init_producer_id_request {
    struct slice transactional_id;
    int32_t transaction_timeout_ms;
    int64_t producer_id;
    int16_t producer_epoch;
    bool enable2_pc;
    bool keep_prepared_txn;
};

struct init_producer_id_response {
    int32_t throttle_time_ms;
    int16_t error_code;
    int64_t producer_id;
    int16_t producer_epoch;
    int64_t ongoing_txn_producer_id;
    int16_t ongoing_txn_producer_epoch;
};

extern const struct wire_message wire_init_producer_id_request;
extern const struct wire_message wire_init_producer_id_response;

#endif
