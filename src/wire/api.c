/* api.c - names of Kafka's APIs. */
#include "wire/api.h"

const char *api_name(int key)
{
    switch (key) {
#define API_CASE(name, number, text)                                           \
    case number:                                                               \
        return text;
        API_LIST(API_CASE)
#undef API_CASE
    default:
        return "unknown";
    }
}
