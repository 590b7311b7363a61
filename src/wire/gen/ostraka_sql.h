/* ostraka_sql.h - the structs of one API, and their tables.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_OSTRAKA_SQL_H
#define WIRE_GEN_OSTRAKA_SQL_H

#include "wire/message.h"

struct ostraka_sql_request {
    struct slice statement;
    bool stale;
    int32_t time_ms;
    int32_t rows_max;
};

struct ostraka_sql_response_seen {
    struct slice shard;
    int32_t node_id;
    int64_t term;
    int64_t index;
};

struct ostraka_sql_response {
    int16_t error_code;
    struct slice error_message;
    int32_t node_id;
    int64_t took_us;
    struct {
        struct slice *ptr;
        uint32_t n;
    } columns;
    int32_t row_count;
    struct slice rows;
    struct {
        struct ostraka_sql_response_seen *ptr;
        uint32_t n;
    } seen;
};

extern const struct wire_message wire_ostraka_sql_request;
extern const struct wire_message wire_ostraka_sql_response;
extern const struct wire_struct wire_ostraka_sql_response_seen;

#endif
