#include "cli/escape.h"

#include <string.h>

#include "base/err.h"

static int hex_of(char c)
{
    static const char digits[] = "0123456789abcdef";
    char low = (char)(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    const char *at = c != '\0' ? strchr(digits, low) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

bool escape_next(const char **p, char *ret_c)
{
    static const char names[] = "tnr0\\";
    static const char values[] = "\t\n\r\0\\";
    const char *s = *p;
    if (s[0] != '\\') {
        *ret_c = s[0];
        *p = s + 1;
        return true;
    }
    const char *at = s[1] != '\0' ? strchr(names, s[1]) : NULL;
    if (at != NULL) {
        *ret_c = values[at - names];
        *p = s + 2;
        return true;
    }
    if (s[1] == 'x' && hex_of(s[2]) >= 0 && hex_of(s[3]) >= 0) {
        *ret_c = (char)(hex_of(s[2]) * 16 + hex_of(s[3]));
        *p = s + 4;
        return true;
    }
    return false;
}

int escape_decode(const char *text, char *out, size_t size, size_t *ret_len)
{
    size_t n = 0;
    while (*text != '\0') {
        if (n == size) {
            return ERR_TOOBIG;
        }
        if (!escape_next(&text, &out[n])) {
            return ERR_INVALID;
        }
        n++;
    }
    *ret_len = n;
    return 0;
}
