/* init_producer_id.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/init_producer_id.h"

#include <stddef.h>

#define T struct init_producer_id_request
static const struct wire_field request[] = {
    {.name = "TransactionalId", .at = offsetof(T, transactional_id),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE, .to = WIRE_LAST},
    {.name = "TransactionTimeoutMs", .at = offsetof(T, transaction_timeout_ms),
     .type = WIRE_I32, .to = WIRE_LAST},
    {.name = "ProducerId", .at = offsetof(T, producer_id), .type = WIRE_I64,
     .from = 3, .to = WIRE_LAST, .number = -1},
    {.name = "ProducerEpoch", .at = offsetof(T, producer_epoch),
     .type = WIRE_I16, .from = 3, .to = WIRE_LAST, .number = -1},
    {.name = "Enable2Pc", .at = offsetof(T, enable2_pc), .type = WIRE_BOOL,
     .from = 6, .to = WIRE_LAST},
    {.name = "KeepPreparedTxn", .at = offsetof(T, keep_prepared_txn),
     .type = WIRE_BOOL, .from = 6, .to = WIRE_LAST},
};
const struct wire_message wire_init_producer_id_request = {
    .name = "InitProducerId",
    .body = {request, 6, sizeof(T)},
    .api_key = 22,
    .is_request = true,
    .version_min = 0,
    .version_max = 6,
    .flexible_from = 2,
};
#undef T

#define T struct init_producer_id_response
static const struct wire_field response[] = {
    {.name = "ThrottleTimeMs", .at = offsetof(T, throttle_time_ms),
     .type = WIRE_I32, .flags = WIRE_IGNORABLE, .to = WIRE_LAST},
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ProducerId", .at = offsetof(T, producer_id), .type = WIRE_I64,
     .to = WIRE_LAST, .number = -1},
    {.name = "ProducerEpoch", .at = offsetof(T, producer_epoch),
     .type = WIRE_I16, .to = WIRE_LAST},
    {.name = "OngoingTxnProducerId", .at = offsetof(T, ongoing_txn_producer_id),
     .type = WIRE_I64, .from = 6, .to = WIRE_LAST, .number = -1},
    {.name = "OngoingTxnProducerEpoch",
     .at = offsetof(T, ongoing_txn_producer_epoch), .type = WIRE_I16, .from = 6,
     .to = WIRE_LAST, .number = -1},
};
const struct wire_message wire_init_producer_id_response = {
    .name = "InitProducerId",
    .body = {response, 6, sizeof(T)},
    .api_key = 22,
    .is_request = false,
    .version_min = 0,
    .version_max = 6,
    .flexible_from = 2,
};
#undef T
