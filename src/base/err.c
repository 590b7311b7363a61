#include "base/err.h"

#include <stdio.h>
#include <string.h>

const char *err_text(int code)
{
    switch (code) {
    case 0:
        return "success";
#define ERR_CASE(name, code, text)                                             \
    case ERR_##name:                                                           \
        return text;
        ERR_LIST(ERR_CASE)
#undef ERR_CASE
    default:
        return "unknown error";
    }
}

const char *err_name(int code)
{
    switch (code) {
    case 0:
        return "OK";
#define ERR_CASE(name, code, text)                                             \
    case ERR_##name:                                                           \
        return "ERR_" #name;
        ERR_LIST(ERR_CASE)
#undef ERR_CASE
    default:
        return "ERR_UNKNOWN";
    }
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
    if (e != NULL) {
        /* Into a copy: the old message may be one of the arguments. */
        char text[ERR_TEXT_MAX] = "";
        va_list args;
        va_start(args, fmt);
        vsnprintf(text, sizeof text, fmt, args);
        va_end(args);
        memcpy(e->text, text, sizeof text);
    }
    return code;
}

void err_wrap(struct err *e, const char *fmt, ...)
{
    if (e == NULL) {
        return;
    }
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n < 0) {
        return;
    }
    size_t len = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    if (snprintf(text + len, sizeof text - len, ": %s", e->text) >= 0) {
        memcpy(e->text, text, sizeof text);
    }
}
