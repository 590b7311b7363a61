#include "cli/clean.h"

#include <string.h>

/* Of a character that begins so; 0: none does. */
static size_t length_of(uint8_t first)
{
    return first >= 0x20 && first < 0x7f    ? 1
           : first >= 0xc2 && first <= 0xdf ? 2
           : first >= 0xe0 && first <= 0xef ? 3
           : first >= 0xf0 && first <= 0xf4 ? 4
                                            : 0;
}

/* Neither a control character (U+0080 to U+009F), nor a character in more bytes
 * than it needs, nor half of a pair, nor beyond what there is. */
static bool second_fits(uint8_t first, uint8_t second)
{
    return first == 0xc2 || first == 0xe0 ? second >= 0xa0
           : first == 0xed                ? second <= 0x9f
           : first == 0xf0                ? second >= 0x90
           : first == 0xf4                ? second <= 0x8f
                                          : true;
}

size_t clean_char(const uint8_t *p, size_t n)
{
    size_t len = length_of(p[0]);
    if (len == 0 || len > n || (len > 1 && !second_fits(p[0], p[1]))) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return len;
}

void clean_text(char *text)
{
    size_t n = strlen(text), len;
    for (size_t i = 0; i<n; i += len> 0 ? len : 1) {
        len = clean_char((const uint8_t *)text + i, n - i);
        if (len == 0) {
            text[i] = '?';
        }
    }
}

void clean_put(FILE *out, struct slice s)
{
    size_t len;
    for (size_t i = 0; i<s.len; i += len> 0 ? len : 1) {
        len = clean_char(s.data + i, s.len - i);
        if (len == 0) {
            fputc('?', out);
        } else {
            fwrite(s.data + i, 1, len, out);
        }
    }
}
