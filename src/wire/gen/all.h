/* all.h - every message that has a schema, by API key.
 * Made by src/wire/gen.py from src/wire/schema: change that. */
#ifndef WIRE_GEN_ALL_H
#define WIRE_GEN_ALL_H

#include "wire/message.h"

struct wire_api_tables {
    const struct wire_message *request;
    const struct wire_message *response;
};

extern const struct wire_api_tables wire_all[];
extern const unsigned wire_all_n;

#endif
