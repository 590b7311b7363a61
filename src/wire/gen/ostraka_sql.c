/* ostraka_sql.c - the tables of one API.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#include "wire/gen/ostraka_sql.h"

#include <stddef.h>

#define T struct ostraka_sql_request
static const struct wire_field request[] = {
    {.name = "Statement", .at = offsetof(T, statement), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "Stale", .at = offsetof(T, stale), .type = WIRE_BOOL,
     .to = WIRE_LAST},
    {.name = "TimeMs", .at = offsetof(T, time_ms), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "RowsMax", .at = offsetof(T, rows_max), .type = WIRE_I32,
     .to = WIRE_LAST},
};
const struct wire_message wire_ostraka_sql_request = {
    .name = "OstrakaSql",
    .body = {request, 4, sizeof(T)},
    .api_key = 32002,
    .is_request = true,
    .version_min = 0,
    .version_max = 0,
    .flexible_from = 0,
};
#undef T

#define T struct ostraka_sql_response_seen
static const struct wire_field response_seen[] = {
    {.name = "Shard", .at = offsetof(T, shard), .type = WIRE_STRING,
     .to = WIRE_LAST},
    {.name = "NodeId", .at = offsetof(T, node_id), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "Term", .at = offsetof(T, term), .type = WIRE_I64,
     .to = WIRE_LAST},
    {.name = "Index", .at = offsetof(T, index), .type = WIRE_I64,
     .to = WIRE_LAST},
};
const struct wire_struct wire_ostraka_sql_response_seen =
    {response_seen, 4, sizeof(T)};
#undef T

#define T struct ostraka_sql_response
static const struct wire_field response[] = {
    {.name = "ErrorCode", .at = offsetof(T, error_code), .type = WIRE_I16,
     .to = WIRE_LAST},
    {.name = "ErrorMessage", .at = offsetof(T, error_message),
     .type = WIRE_STRING, .flags = WIRE_NULLABLE | WIRE_DEFAULT_NULL,
     .to = WIRE_LAST},
    {.name = "NodeId", .at = offsetof(T, node_id), .type = WIRE_I32,
     .to = WIRE_LAST, .number = -1},
    {.name = "TookUs", .at = offsetof(T, took_us), .type = WIRE_I64,
     .to = WIRE_LAST},
    {.name = "Columns", .at = offsetof(T, columns), .type = WIRE_STRING,
     .flags = WIRE_ARRAY, .to = WIRE_LAST},
    {.name = "RowCount", .at = offsetof(T, row_count), .type = WIRE_I32,
     .to = WIRE_LAST},
    {.name = "Rows", .at = offsetof(T, rows), .type = WIRE_BYTES,
     .to = WIRE_LAST},
    {.name = "Seen", .at = offsetof(T, seen), .type = WIRE_STRUCT,
     .sub = &wire_ostraka_sql_response_seen, .flags = WIRE_ARRAY,
     .to = WIRE_LAST},
};
const struct wire_message wire_ostraka_sql_response = {
    .name = "OstrakaSql",
    .body = {response, 8, sizeof(T)},
    .api_key = 32002,
    .is_request = false,
    .version_min = 0,
    .version_max = 0,
    .flexible_from = 0,
};
#undef T
