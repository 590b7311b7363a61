/* errors.c - names and texts of Kafka's error codes. */
#include "wire/errors.h"

#include <stddef.h>

struct kerr_entry {
    const char *name;
    const char *text;
    bool retriable;
};

/* Codes are dense from -1 on: the index is code + 1. */
static const struct kerr_entry entries[] = {
#define KERR_ENTRY(name, code, retriable, text)                                \
    [(code) + 1] = {#name, text, retriable},
    KERR_LIST(KERR_ENTRY)
#undef KERR_ENTRY
};

static const struct kerr_entry *entry_find(int code)
{
    static const struct kerr_entry unknown = {"UNKNOWN", "unknown error",
                                              false};
    int n = (int)(sizeof entries / sizeof *entries);
    if (code < -1 || code >= n - 1 || entries[code + 1].name == NULL) {
        return &unknown;
    }
    return &entries[code + 1];
}

const char *kerr_name(int code)
{
    return entry_find(code)->name;
}

const char *kerr_text(int code)
{
    return entry_find(code)->text;
}

bool kerr_retriable(int code)
{
    return entry_find(code)->retriable;
}
